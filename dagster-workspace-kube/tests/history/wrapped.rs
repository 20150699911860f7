//! A store around a store that does something else at chosen requests.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, StreamExt as _};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::Notify;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The store does it.
    Pass,
    /// It is never answered, and the store does not do it.
    Lost,
    /// The store does it, and it is never answered.
    Unanswered,
    /// It is put whatever its condition says.
    Unconditional,
    /// The store does it, and answers that the object was there, as to its own repetition.
    Repeated,
    /// The store does it, and the answer is an error.
    Failed,
    /// The store does not do it, and answers that the object is there, as S3 during another create.
    Refused,
    /// The store does it when the test goes on with it.
    Held,
}

type Decide = dyn Fn(u32, Option<(&Path, &PutMode)>) -> Fate + Send + Sync;

/// The store.
pub(crate) struct Wrapped {
    inner: Arc<dyn ObjectStore>,
    decide: Box<Decide>,
    requests: Arc<AtomicU32>,
    /// Told when a request is not answered.
    stopped: Arc<Notify>,
    /// Told when what is held is to go on.
    released: Arc<Notify>,
}

impl Wrapped {
    /// `decide` gets the number of the request, from 1, and of a put its object and mode.
    pub(crate) fn new(
        inner: Arc<dyn ObjectStore>,
        decide: impl Fn(u32, Option<(&Path, &PutMode)>) -> Fate + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner,
            decide: Box::new(decide),
            requests: Arc::default(),
            stopped: Arc::default(),
            released: Arc::default(),
        }
    }

    pub(crate) fn requests(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.requests)
    }

    pub(crate) fn stopped(&self) -> Arc<Notify> {
        Arc::clone(&self.stopped)
    }

    pub(crate) fn released(&self) -> Arc<Notify> {
        Arc::clone(&self.released)
    }

    fn fate(&self, put: Option<(&Path, &PutMode)>) -> Fate {
        (self.decide)(self.requests.fetch_add(1, Ordering::Relaxed) + 1, put)
    }

    async fn silence<T>(&self) -> T {
        self.stopped.notify_one();
        std::future::pending().await
    }

    async fn hold(&self) {
        self.stopped.notify_one();
        self.released.notified().await;
    }

    /// A list that may be held, or never come.
    fn listed(
        &self,
        list: impl FnOnce(&dyn ObjectStore) -> BoxStream<'static, Result<ObjectMeta>> + Send + 'static,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.fate(None) {
            Fate::Lost | Fate::Unanswered => {
                self.stopped.notify_one();
                stream::pending().boxed()
            }
            Fate::Held => {
                self.stopped.notify_one();
                let (inner, released) = (Arc::clone(&self.inner), Arc::clone(&self.released));
                let held = async move {
                    released.notified().await;
                    list(&*inner)
                };
                held.flatten_stream().boxed()
            }
            _ => list(&*self.inner),
        }
    }
}

impl fmt::Debug for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wrapped")
    }
}

impl fmt::Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wrapped")
    }
}

#[async_trait]
impl ObjectStore for Wrapped {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let fate = self.fate(Some((path, &options.mode)));
        let there = || object_store::Error::AlreadyExists { path: path.to_string(), source: "it is there".into() };
        match fate {
            Fate::Lost => return self.silence().await,
            Fate::Refused => return Err(there()),
            Fate::Unconditional => return self.inner.put_opts(path, payload, PutMode::Overwrite.into()).await,
            Fate::Held => self.hold().await,
            Fate::Pass | Fate::Unanswered | Fate::Repeated | Fate::Failed => {}
        }
        let done = self.inner.put_opts(path, payload, options).await;
        match fate {
            Fate::Unanswered => self.silence().await,
            Fate::Repeated => Err(there()),
            Fate::Failed => Err(object_store::Error::Generic { store: "Wrapped", source: "connection reset".into() }),
            _ => done,
        }
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        match self.fate(None) {
            Fate::Lost | Fate::Unanswered => return self.silence().await,
            Fate::Held => self.hold().await,
            _ => {}
        }
        self.inner.get_opts(path, options).await
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let prefix = prefix.cloned();
        self.listed(move |inner| inner.list(prefix.as_ref()))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        let (prefix, offset) = (prefix.cloned(), offset.clone());
        self.listed(move |inner| inner.list_with_offset(prefix.as_ref(), &offset))
    }

    async fn put_multipart_opts(&self, path: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
