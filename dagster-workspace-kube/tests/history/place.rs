//! The histories that the contract runs on: an empty one of each kind.

use std::sync::Arc;

use dagster_workspace_kube::history::{self, History};
use object_store::aws::AmazonS3Builder;
use object_store::memory::InMemory;
use object_store::path::Path;
use tempfile::TempDir;
use testing::S3;

/// An empty history, and what it needs to stay alive.
pub(crate) struct Place {
    pub(crate) history: History,
    /// What its objects are reached with from outside.
    pub(crate) store: Arc<dyn object_store::ObjectStore>,
    pub(crate) prefix: Path,
    _folder: Option<TempDir>,
}

impl Place {
    pub(crate) fn memory() -> Self {
        let store: Arc<dyn object_store::ObjectStore> = Arc::new(InMemory::new());
        Self::over(store, "a/b")
    }

    pub(crate) fn over(store: Arc<dyn object_store::ObjectStore>, prefix: &str) -> Self {
        let prefix = Path::from(prefix);
        let history = History::new(Arc::clone(&store), prefix.clone(), "test");
        Self { history, store, prefix, _folder: None }
    }

    pub(crate) fn directory() -> Self {
        let folder = TempDir::new().unwrap();
        let history = history::open(&file(folder.path())).unwrap();
        let store = object_store::local::LocalFileSystem::new_with_prefix(folder.path()).unwrap();
        Self { history, store: Arc::new(store), prefix: Path::default(), _folder: Some(folder) }
    }

    pub(crate) fn s3() -> Option<Self> {
        let s3 = S3::shared()?;
        let store = s3_store(s3, &s3.bucket("contract"));
        Some(Self::over(store, "prefix"))
    }

    /// One of each kind; S3 where it is not left out.
    pub(crate) fn all() -> Vec<Self> {
        [Self::memory(), Self::directory()].into_iter().chain(Self::s3()).collect()
    }

    /// Name of an object below the prefix.
    pub(crate) fn path(&self, name: &str) -> Path {
        name.split('/').fold(self.prefix.clone(), Path::join)
    }

    pub(crate) async fn read(&self, name: &str) -> Option<String> {
        use object_store::ObjectStoreExt as _;
        let found = self.store.get(&self.path(name)).await.ok()?;
        Some(String::from_utf8(found.bytes().await.unwrap().to_vec()).unwrap())
    }

    pub(crate) async fn write(&self, name: &str, text: &str) {
        use object_store::ObjectStoreExt as _;
        self.store.put(&self.path(name), text.as_bytes().to_vec().into()).await.unwrap();
    }

    pub(crate) async fn delete(&self, name: &str) {
        use object_store::ObjectStoreExt as _;
        self.store.delete(&self.path(name)).await.unwrap();
    }

    /// Names of all objects below the prefix, sorted.
    pub(crate) async fn names(&self) -> Vec<String> {
        use futures_util::TryStreamExt as _;
        let objects: Vec<_> = self.store.list(Some(&self.prefix)).try_collect().await.unwrap();
        let own = |path: &Path| {
            let parts = path.prefix_match(&self.prefix).unwrap();
            parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/")
        };
        let mut names: Vec<String> = objects.iter().map(|object| own(&object.location)).collect();
        names.sort();
        names
    }
}

/// A store in a bucket, which takes any key.
pub(crate) fn s3_store(s3: &S3, bucket: &str) -> Arc<dyn object_store::ObjectStore> {
    let builder = AmazonS3Builder::new().with_endpoint(s3.endpoint()).with_allow_http(true).with_bucket_name(bucket);
    let builder = builder.with_region("us-east-1").with_access_key_id("test").with_secret_access_key("test");
    Arc::new(builder.build().unwrap())
}

/// `file://` and a path.
pub(crate) fn file(path: &std::path::Path) -> String {
    format!("file://{}", path.display())
}
