//! Every successful change kept outside the cluster: both documents as one immutable [`Revision`] in an object store.
//!
//! # Layout
//! - `blobs/SHA256` is the content of a document, put idempotently.
//! - `revisions/00000042.json` is a revision. Creating this one object, only if it is absent, is the commit: before it
//!   nothing is recorded, after it everything is. Whoever finds the number taken takes the next one.
//! - `latest/values.yaml`, `latest/workspace.yaml` and `latest/revision.json` are plain copies of the newest revision, for
//!   tools that only know files. They follow the commit, never go backwards, and are mended by the next record.
//!
//! Nothing is removed but by [`gc`]. Order is by number: clocks jump. What is read is compared with its hash. Start with
//! [`open`] and [`record`].

mod error;
mod gc;
mod latest;
mod origin;
mod place;
mod record;
mod revision;
mod verify;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode};

use error::Kind;
pub use error::{Cause, HistoryError};
pub use gc::{Garbage, garbage, gc};
pub use origin::Origin;
pub use place::{VARIABLE, open};
pub use record::{Recorded, record, record_with};
pub use revision::{Blob, Changed, Documents, FORMAT, Meta, Revision, Unpaired, Which, diff};
pub use verify::{Fault, Report, verify};

/// Longest wait for one request, the store's own repetitions included.
const REQUEST: Duration = Duration::from_secs(60);

/// Requests sent at once where many objects are read.
const SIDE_BY_SIDE: usize = 16;

/// A history: an object store and the prefix under which it stands. Copies are the same history.
#[derive(Clone)]
pub struct History {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    place: Arc<str>,
    /// The directory to lock, where the store has no conditional replacement and is one.
    lock: Option<Arc<std::path::Path>>,
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("History").field(&self.place).finish()
    }
}

impl History {
    /// The history under `prefix` of any store with conditional writes ([`object_store::PutMode::Create`] and `Update`);
    /// messages call it `place`. For `file://` use [`open`], which adds a lock.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>, prefix: Path, place: &str) -> Self {
        Self { store, prefix, place: place.into(), lock: None }
    }

    /// The same history with another store around its store, as one that limits or counts requests.
    #[must_use]
    pub fn wrapped(self, wrap: impl FnOnce(Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore>) -> Self {
        Self { store: wrap(self.store), ..self }
    }

    fn with_lock(self, directory: &std::path::Path) -> Self {
        Self { lock: Some(directory.into()), ..self }
    }

    /// What messages call it.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The newest revision; `None` where nothing has been recorded.
    ///
    /// # Errors
    /// [`HistoryError::NoBucket`] and [`HistoryError::Denied`] where the store cannot be read; [`HistoryError::Damaged`] and
    /// [`HistoryError::Newer`] where the revision cannot.
    pub async fn newest(&self) -> Result<Option<Revision>, HistoryError> {
        // What `latest` names may be old, never too new: only what follows is listed.
        let known = self.latest_number().await?;
        let listed = self.numbers_after(known).await?.into_iter().max();
        match (listed, known) {
            (Some(number), _) => self.get(number).await.map(Some),
            (None, Some(number)) => match self.get(number).await {
                Ok(revision) => Ok(Some(revision)),
                // A copy without its original: somebody has cleaned up by hand.
                Err(HistoryError::NotFound { .. }) => self.newest_of_all().await,
                Err(error) => Err(error),
            },
            (None, None) => Ok(None),
        }
    }

    async fn newest_of_all(&self) -> Result<Option<Revision>, HistoryError> {
        match self.numbers().await?.into_iter().max() {
            Some(number) => self.get(number).await.map(Some),
            None => Ok(None),
        }
    }

    /// All revisions, oldest first. One request each, some of them side by side.
    ///
    /// # Errors
    /// As [`History::newest`].
    pub async fn revisions(&self) -> Result<Vec<Revision>, HistoryError> {
        let numbers = self.numbers().await?;
        stream::iter(numbers).map(|number| self.get(number)).buffered(SIDE_BY_SIDE).try_collect().await
    }

    /// The revision of that number.
    ///
    /// # Errors
    /// [`HistoryError::NotFound`] where there is none; otherwise as [`History::newest`].
    pub async fn get(&self, number: u64) -> Result<Revision, HistoryError> {
        let path = self.revision_path(number);
        let Some((bytes, _)) = self.read(&path).await? else { return Err(HistoryError::NotFound { number }) };
        let damaged = |problem: String| HistoryError::Damaged { object: path.to_string(), problem };
        // The format first: a later one may have other fields.
        let value: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|error| damaged(format!("it is not JSON ({error})")))?;
        let format = value["format"].as_u64().and_then(|format| u32::try_from(format).ok());
        match format {
            Some(FORMAT) => {}
            Some(format) if format > FORMAT => return Err(HistoryError::Newer { number, format }),
            _ => return Err(damaged("it has no format".to_owned())),
        }
        let revision: Revision = serde_json::from_value(value).map_err(|error| damaged(error.to_string()))?;
        if revision.number != number {
            return Err(damaged(format!("it says that it is revision {}", revision.number)));
        }
        Ok(revision)
    }

    /// The documents of a revision, compared with their hashes.
    ///
    /// # Errors
    /// [`HistoryError::Damaged`] where one is missing, cut off or altered.
    pub async fn documents(&self, revision: &Revision) -> Result<Documents, HistoryError> {
        let values = self.blob(&revision.values).await?;
        let workspace = self.blob(&revision.workspace).await?;
        Ok(Documents { values, workspace })
    }

    async fn blob(&self, blob: &Blob) -> Result<String, HistoryError> {
        let path = self.blob_path(&blob.sha256);
        let damaged = |problem: String| HistoryError::Damaged { object: path.to_string(), problem };
        let Some((bytes, _)) = self.read(&path).await? else { return Err(damaged("it is missing".to_owned())) };
        if bytes.len() as u64 != blob.bytes {
            return Err(damaged(format!("it has {} bytes, and had {}", bytes.len(), blob.bytes)));
        }
        let found = Blob::of_bytes(&bytes);
        if found != *blob {
            return Err(damaged(format!("its content has the hash {}", found.sha256)));
        }
        String::from_utf8(bytes).map_err(|_| damaged("it is not UTF-8".to_owned()))
    }

    /// The numbers of all revisions, ascending. One request for every thousand of them.
    ///
    /// # Errors
    /// [`HistoryError::NoBucket`] and [`HistoryError::Denied`] where the store cannot be read.
    pub async fn numbers(&self) -> Result<Vec<u64>, HistoryError> {
        self.numbers_after(None).await
    }

    async fn numbers_after(&self, known: Option<u64>) -> Result<Vec<u64>, HistoryError> {
        let folder = self.path(&["revisions"]);
        let after = known.map(|number| self.revision_path(number));
        let objects = self.list(&folder, after.as_ref()).await?;
        let mut numbers: Vec<u64> = objects.iter().filter_map(|object| number_of(&object.location)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// An object's bytes and what it is; `None` where there is none.
    async fn read(&self, path: &Path) -> Result<Option<(Vec<u8>, ObjectMeta)>, HistoryError> {
        let reading = async {
            let found = self.store.get(path).await?;
            let meta = found.meta.clone();
            Ok((found.bytes().await?.to_vec(), meta))
        };
        self.found("read", path, self.answer("read", path, reading).await?)
    }

    async fn list(&self, folder: &Path, after: Option<&Path>) -> Result<Vec<ObjectMeta>, HistoryError> {
        let listed = match after {
            Some(after) => self.store.list_with_offset(Some(folder), after),
            None => self.store.list(Some(folder)),
        };
        let objects = self.answer("list", folder, listed.try_collect()).await?;
        objects.map_err(|error| self.failed(error, "list", folder))
    }

    /// Writes an object; `false` where `mode` forbids it.
    async fn put(&self, path: &Path, bytes: &[u8], mode: PutMode) -> Result<bool, HistoryError> {
        use object_store::Error::{AlreadyExists, Precondition};
        let request = self.store.put_opts(path, bytes.to_vec().into(), mode.into());
        match self.answer("write", path, request).await? {
            Ok(_) => Ok(true),
            Err(AlreadyExists { .. } | Precondition { .. }) => Ok(false),
            Err(error) => Err(self.failed(error, "write", path)),
        }
    }

    async fn delete(&self, path: &Path) -> Result<(), HistoryError> {
        let gone = self.answer("delete", path, self.store.delete(path)).await?;
        self.found("delete", path, gone).map(drop)
    }

    fn path(&self, parts: &[&str]) -> Path {
        parts.iter().fold(self.prefix.clone(), |path, part| path.join(*part))
    }

    fn revision_path(&self, number: u64) -> Path {
        self.path(&["revisions", &format!("{number:08}.json")])
    }

    fn blob_path(&self, sha256: &str) -> Path {
        self.path(&["blobs", sha256])
    }

    /// One request, under a deadline.
    async fn answer<T>(
        &self,
        action: &'static str,
        path: &Path,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<object_store::Result<T>, HistoryError> {
        let within = REQUEST;
        let answer = tokio::time::timeout(within, request).await;
        answer.map_err(|_| HistoryError::TimedOut { action, object: path.to_string(), within })
    }

    /// What was asked for, or that it is missing.
    fn found<T>(
        &self,
        action: &'static str,
        path: &Path,
        answer: object_store::Result<T>,
    ) -> Result<Option<T>, HistoryError> {
        match answer {
            Ok(found) => Ok(Some(found)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(error, action, path)),
        }
    }

    fn failed(&self, error: object_store::Error, action: &'static str, path: &Path) -> HistoryError {
        let (object, source) = (path.to_string(), Cause::from(error));
        match source.kind() {
            // Where objects are listed or written, what is missing is the bucket.
            Kind::Missing => HistoryError::NoBucket { place: self.place.to_string(), source },
            Kind::Denied => HistoryError::Denied { action, object, source },
            Kind::Other => HistoryError::Store { action, object, source },
        }
    }
}

/// The number in `revisions/00000042.json`.
fn number_of(path: &Path) -> Option<u64> {
    let digits = path.filename()?.strip_suffix(".json")?;
    let all_digits = digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| all_digits && *number > 0)
}
