//! The plain copies under `latest`: those of the newest revision, and never of an older one than stood there.
//!
//! Each copy is looked at first, then the newest revision, and then the copy is replaced only if it is still what was looked
//! at. So whoever writes has seen all that earlier writers have seen. A copy that went back and forth meanwhile could look the
//! same to S3, which compares content: therefore the newest revision is looked for once more behind the writes.

use object_store::path::Path;
use object_store::{ObjectMeta, PutMode, UpdateVersion};

use super::error::HistoryError;
use super::record::bytes;
use super::revision::{Revision, Which};
use super::{History, REQUEST};

/// The copy of the revision itself. It is written last.
const POINTER: &str = "revision.json";

/// Rounds before others are left to finish: each lost round means that another recorder made progress.
const ROUNDS: u32 = 100;

/// A copy as it was looked at.
type Standing = Option<(Vec<u8>, ObjectMeta)>;

impl History {
    /// The number that the copy of the revision names, where there is one that can be read.
    pub(super) async fn latest_number(&self) -> Result<Option<u64>, HistoryError> {
        let Some((bytes, _)) = self.read(&self.latest_path(POINTER)).await? else { return Ok(None) };
        // Only a hint where to begin to look: what cannot be read is mended by the next record.
        let copy: Option<Revision> = serde_json::from_slice(&bytes).ok();
        Ok(copy.map(|copy| copy.number).filter(|number| *number > 0))
    }

    /// Whether the copies are those of `revision`.
    pub(super) async fn is_latest(&self, revision: &Revision) -> Result<bool, HistoryError> {
        for (path, content) in self.copies(revision).await? {
            if self.read(&path).await?.is_none_or(|(standing, _)| standing != content) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Brings the copies up to the newest revision, which is `number` or a later one.
    pub(super) async fn publish(&self, number: u64) -> Result<(), HistoryError> {
        let _locked = self.locked().await?;
        let mut replaced = 0;
        for _ in 0..ROUNDS {
            // The pointer is written last: where it is ahead, so are the others, or their recorder is at it. But what was
            // replaced here may have been theirs.
            let ahead = self.latest_number().await?.filter(|latest| replaced == 0 && *latest > number);
            if let Some(latest) = ahead
                && self.read(&self.revision_path(latest)).await?.is_some()
            {
                return Ok(());
            }
            let mut standing: Vec<Standing> = Vec::new();
            for name in self.latest_names() {
                standing.push(self.read(&self.latest_path(name)).await?);
            }
            let Some(newest) = self.newest().await? else { return Ok(()) };
            let all = self.replace(standing, &newest, &mut replaced).await?;
            if all && (replaced == 0 || self.numbers_after(Some(newest.number)).await?.is_empty()) {
                return Ok(());
            }
        }
        Err(HistoryError::GaveUp { attempts: ROUNDS })
    }

    /// Replaces what differs, and counts it; `false` where another recorder came in between.
    async fn replace(
        &self,
        standing: Vec<Standing>,
        revision: &Revision,
        replaced: &mut u32,
    ) -> Result<bool, HistoryError> {
        for ((path, content), standing) in self.copies(revision).await?.into_iter().zip(standing) {
            let mode = match standing {
                Some((standing, _)) if standing == content => continue,
                Some(_) if self.lock.is_some() => PutMode::Overwrite,
                Some((_, meta)) => PutMode::Update(UpdateVersion { e_tag: meta.e_tag, version: meta.version }),
                None => PutMode::Create,
            };
            if !self.put(&path, &content, mode).await? {
                return Ok(false);
            }
            *replaced += 1;
        }
        Ok(true)
    }

    async fn copies(&self, revision: &Revision) -> Result<Vec<(Path, Vec<u8>)>, HistoryError> {
        let documents = self.documents(revision).await?;
        let copies = Which::BOTH.map(|which| (which.file_name(), documents.get(which).as_bytes().to_vec()));
        let copies = copies.into_iter().chain([(POINTER, bytes(revision))]);
        Ok(copies.map(|(name, content)| (self.latest_path(name), content)).collect())
    }

    fn latest_names(&self) -> [&'static str; 3] {
        let [values, workspace] = Which::BOTH.map(Which::file_name);
        [values, workspace, POINTER]
    }

    pub(super) fn latest_path(&self, name: &str) -> Path {
        self.path(&["latest", name])
    }

    /// The lock of a directory, until what is given is dropped; nothing for other stores.
    async fn locked(&self) -> Result<Option<std::fs::File>, HistoryError> {
        let Some(directory) = self.lock.clone() else { return Ok(None) };
        let object = self.place.to_string();
        let failed = |source: std::io::Error| {
            let source = object_store::Error::Generic { store: "LocalFileSystem", source: source.into() };
            HistoryError::Store { action: "lock", object: object.clone(), source: source.into() }
        };
        let file = std::fs::File::open(&directory).map_err(&failed)?;
        let started = tokio::time::Instant::now();
        // Not the call that waits: whoever holds the lock may be a stopped process.
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(std::fs::TryLockError::Error(error)) => return Err(failed(error)),
                Err(std::fs::TryLockError::WouldBlock) if started.elapsed() > REQUEST => {
                    return Err(HistoryError::TimedOut { action: "lock", object, within: REQUEST });
                }
                Err(std::fs::TryLockError::WouldBlock) => {
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
            }
        }
    }
}
