//! Which cluster, as whom, and in which namespace. [`connect`] finds out as kubectl does, and says where it looked.

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use super::bounded;

/// What the caller says about the cluster; what is not said is found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// A kubeconfig; else the files of `KUBECONFIG`, else `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// A context in it; else its current one. Where a context is asked for, no other and no pod's account stands in.
    pub context: Option<String>,
    /// The namespace; else that of the context, or of the pod, else `default`.
    pub namespace: Option<String>,
}

/// Which cluster it became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cluster {
    /// One that a kubeconfig names.
    Context {
        /// The files, in the order in which they count.
        files: Vec<PathBuf>,
        /// The context.
        name: String,
    },
    /// The one that this pod runs in, as its service account.
    Pod,
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Context { name, .. } => write!(f, "context `{name}`"),
            Self::Pod => f.write_str("the cluster of this pod"),
        }
    }
}

/// A client, and what it was made from. Nothing has been sent yet.
#[derive(Clone)]
pub struct Connected {
    /// The client: no repetitions of its own, no endless silence, see [`bounded`].
    pub client: Client,
    /// The configuration of the client, for another one with layers of its own.
    pub config: Config,
    /// Where to work.
    pub namespace: String,
    /// Which cluster it is; other programs that are to reach the same one are told this.
    pub cluster: Cluster,
}

impl fmt::Debug for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client: _, config: _, namespace, cluster } = self;
        f.debug_struct("Connected").field("namespace", namespace).field("cluster", cluster).finish_non_exhaustive()
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// A kubeconfig that was named, by the caller or by `KUBECONFIG`, or the usual one, is no kubeconfig: mend or unset it.
    #[error("cannot read the kubeconfig `{}`", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Choose one of the contexts that there are.
    #[error("there is no context `{context}`, {}", known(contexts))]
    NoContext {
        /// What was asked for.
        context: String,
        /// What there is.
        contexts: Vec<String>,
    },
    /// Choose one of the contexts that there are: none is the current one.
    #[error("no context is chosen, {}", known(contexts))]
    NoCurrentContext {
        /// What there is.
        contexts: Vec<String>,
    },
    /// Nothing names a cluster.
    #[error(
        "no cluster is named: there is no kubeconfig, and this is no pod (hint: set `KUBECONFIG`, or name a kubeconfig)"
    )]
    NoCluster,
    /// The cluster or the credentials that the context names cannot be used.
    #[error("cannot use {cluster}")]
    Unusable {
        /// Which one.
        cluster: Cluster,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
}

fn known(contexts: &[String]) -> String {
    match contexts {
        [] => "and no other either".to_owned(),
        contexts => format!("expected one of `{}`", contexts.join("`, `")),
    }
}

/// Makes a client for the cluster that the caller, else the environment, names. Sends nothing.
///
/// The order is kubectl's: the kubeconfig given, else the files of `KUBECONFIG`, else `~/.kube/config`, and only where there is
/// none of them the service account of the pod. What is named but broken is an error and never skipped, so a job does not end up
/// on another cluster than it says.
///
/// # Errors
/// [`ConnectError::Kubeconfig`], [`ConnectError::NoContext`] and [`ConnectError::NoCurrentContext`] for the kubeconfig,
/// [`ConnectError::NoCluster`] where there is nothing to go by, [`ConnectError::Unusable`] where the client cannot be made.
pub async fn connect(connection: &Connection) -> Result<Connected, ConnectError> {
    connect_from(connection, &Surroundings::of_process()).await
}

/// What a process finds around it. Held apart so that tests need not change their own.
struct Surroundings {
    kubeconfig: Option<OsString>,
    usual: Option<PathBuf>,
    pod: bool,
}

impl Surroundings {
    fn of_process() -> Self {
        let home = env::home_dir().filter(|home| !home.as_os_str().is_empty());
        Self {
            kubeconfig: env::var_os("KUBECONFIG"),
            usual: home.map(|home| home.join(".kube/config")),
            pod: env::var_os("KUBERNETES_SERVICE_HOST").is_some(),
        }
    }
}

async fn connect_from(connection: &Connection, around: &Surroundings) -> Result<Connected, ConnectError> {
    let files = files(connection, around);
    let kubeconfig = match files.as_slice() {
        [] => None,
        files => Some(read(files)?),
    };
    let (config, cluster) = match kubeconfig {
        None if connection.context.is_none() && around.pod => in_pod()?,
        None => match connection.context.clone() {
            Some(context) => return Err(ConnectError::NoContext { context, contexts: Vec::new() }),
            None => return Err(ConnectError::NoCluster),
        },
        // An empty file is none, as with kubectl, where nobody asked for it.
        Some(found) if is_empty(&found) && connection == &nothing_said(connection) && around.pod => in_pod()?,
        Some(found) => from_kubeconfig(found, files, connection.context.as_deref()).await?,
    };
    let namespace = connection.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
    let config = bounded(config);
    let client = Client::try_from(config.clone())
        .map_err(|error| ConnectError::Unusable { cluster: cluster.clone(), source: error.into() })?;
    Ok(Connected { client, config, namespace, cluster })
}

/// The same namespace, and nothing about which cluster.
fn nothing_said(connection: &Connection) -> Connection {
    Connection { namespace: connection.namespace.clone(), ..Connection::default() }
}

fn is_empty(kubeconfig: &Kubeconfig) -> bool {
    kubeconfig.contexts.is_empty() && kubeconfig.clusters.is_empty() && kubeconfig.current_context.is_none()
}

/// The kubeconfigs that count: those that were named, or the usual one where it is there.
fn files(connection: &Connection, around: &Surroundings) -> Vec<PathBuf> {
    if let Some(path) = &connection.kubeconfig {
        return vec![path.clone()];
    }
    let paths = env::split_paths(around.kubeconfig.as_deref().unwrap_or_default());
    let named: Vec<PathBuf> = paths.filter(|path| !path.as_os_str().is_empty()).collect();
    // Whoever names files wants those, and not the usual one.
    if named.is_empty() { around.usual.iter().filter(|path| path.exists()).cloned().collect() } else { named }
}

fn read(files: &[PathBuf]) -> Result<Kubeconfig, ConnectError> {
    files.iter().try_fold(Kubeconfig::default(), |merged, path| {
        let next = Kubeconfig::read_from(path).and_then(|next| merged.merge(next));
        next.map_err(|error| ConnectError::Kubeconfig { path: path.clone(), source: error.into() })
    })
}

async fn from_kubeconfig(
    kubeconfig: Kubeconfig,
    files: Vec<PathBuf>,
    context: Option<&str>,
) -> Result<(Config, Cluster), ConnectError> {
    let contexts: Vec<String> = kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
    let current = kubeconfig.current_context.clone().filter(|name| !name.is_empty());
    let name = match context.map(str::to_owned).or(current) {
        Some(name) if contexts.contains(&name) => name,
        Some(context) => return Err(ConnectError::NoContext { context, contexts }),
        None => return Err(ConnectError::NoCurrentContext { contexts }),
    };
    let cluster = Cluster::Context { files, name: name.clone() };
    let options = KubeConfigOptions { context: Some(name), ..KubeConfigOptions::default() };
    match Config::from_custom_kubeconfig(kubeconfig, &options).await {
        Ok(config) => Ok((config, cluster)),
        Err(error) => Err(ConnectError::Unusable { cluster, source: error.into() }),
    }
}

fn in_pod() -> Result<(Config, Cluster), ConnectError> {
    match Config::incluster() {
        Ok(config) => Ok((config, Cluster::Pod)),
        Err(error) => Err(ConnectError::Unusable { cluster: Cluster::Pod, source: error.into() }),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Two contexts: `a` with a namespace, `b` without; `a` is the current one.
    const TWO: &str = r#"
apiVersion: v1
kind: Config
current-context: a
contexts:
- {name: a, context: {cluster: one, user: me, namespace: data}}
- {name: b, context: {cluster: two, user: me}}
clusters:
- {name: one, cluster: {server: "http://127.0.0.1:1"}}
- {name: two, cluster: {server: "http://127.0.0.1:2"}}
users:
- {name: me, user: {token: secret}}
"#;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn file(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        }
    }

    fn around(kubeconfig: Option<&Path>, usual: Option<&Path>) -> Surroundings {
        let kubeconfig = kubeconfig.map(|path| path.as_os_str().to_owned());
        Surroundings { kubeconfig, usual: usual.map(Path::to_owned), pod: false }
    }

    fn context(name: &str) -> Connection {
        Connection { context: Some(name.to_owned()), ..Connection::default() }
    }

    /// Cluster's port, context and namespace.
    async fn reached(connection: &Connection, around: &Surroundings) -> (u16, String, String) {
        let connected = connect_from(connection, around).await.unwrap();
        assert!(!connected.config.default_retry && connected.config.read_timeout.is_some());
        let Cluster::Context { name, .. } = connected.cluster else { panic!("{connected:?}") };
        (connected.config.cluster_url.port_u16().unwrap(), name, connected.namespace)
    }

    async fn refused(connection: &Connection, around: &Surroundings) -> ConnectError {
        connect_from(connection, around).await.unwrap_err()
    }

    #[tokio::test]
    async fn context_and_namespace_are_the_current_ones_unless_named() {
        let folder = Folder::new();
        let path = folder.file("config", TWO);
        let around = around(None, Some(&path));
        let reached_of = |port: u16, context: &str, namespace: &str| (port, context.to_owned(), namespace.to_owned());
        assert_eq!(reached(&Connection::default(), &around).await, reached_of(1, "a", "data"));
        assert_eq!(reached(&context("b"), &around).await, reached_of(2, "b", "default"));
        let mine = Connection { namespace: Some("mine".into()), ..context("a") };
        assert_eq!(reached(&mine, &around).await, reached_of(1, "a", "mine"));
    }

    #[tokio::test]
    async fn named_files_come_before_the_usual_one() {
        let folder = Folder::new();
        let usual = folder.file("usual", TWO);
        let other = folder.file("other", &TWO.replace(":1", ":7"));
        assert_eq!(reached(&Connection::default(), &around(Some(&other), Some(&usual))).await.0, 7);
        let given = Connection { kubeconfig: Some(usual.clone()), ..Connection::default() };
        assert_eq!(reached(&given, &around(Some(&other), None)).await.0, 1);
        // Two files are one: the first to name a thing wins. An empty variable names none.
        let both = env::join_paths([&other, &usual]).unwrap();
        let both = Surroundings { kubeconfig: Some(both), usual: None, pod: false };
        assert_eq!(reached(&Connection::default(), &both).await.0, 7);
        let empty = Surroundings { kubeconfig: Some(OsString::new()), usual: Some(usual), pod: false };
        assert_eq!(reached(&Connection::default(), &empty).await.0, 1);
    }

    #[tokio::test]
    async fn err_what_is_named_is_never_replaced_by_the_pod() {
        let folder = Folder::new();
        let path = folder.file("config", TWO);
        let broken = folder.file("broken", "contexts: [");
        let missing = folder.0.path().join("missing");
        let in_pod = |around: Surroundings| Surroundings { pod: true, ..around };

        let error = refused(&context("c"), &in_pod(around(None, Some(&path)))).await;
        assert_eq!(error.to_string(), "there is no context `c`, expected one of `a`, `b`");
        let error = refused(&context("a"), &in_pod(around(None, None))).await;
        assert_eq!(error.to_string(), "there is no context `a`, and no other either");
        for path in [&broken, &missing] {
            let error = refused(&Connection::default(), &in_pod(around(Some(path), None))).await;
            assert!(matches!(&error, ConnectError::Kubeconfig { path: named, .. } if named == path), "{error:?}");
            let given = Connection { kubeconfig: Some(path.clone()), ..Connection::default() };
            let error = refused(&given, &in_pod(around(None, None))).await;
            assert!(matches!(&error, ConnectError::Kubeconfig { .. }), "{error:?}");
        }
        let error = refused(&Connection::default(), &in_pod(around(None, Some(&broken)))).await;
        assert!(matches!(&error, ConnectError::Kubeconfig { .. }), "{error:?}");
        let none = folder.file("none", &TWO.replace("current-context: a", ""));
        let error = refused(&Connection::default(), &in_pod(around(None, Some(&none)))).await;
        assert_eq!(error.to_string(), "no context is chosen, expected one of `a`, `b`");
    }

    #[tokio::test]
    async fn pod_is_taken_where_nothing_else_is_named() {
        let folder = Folder::new();
        let empty = folder.file("empty", "");
        for usual in [None, Some(empty.as_path()), Some(Path::new("/nowhere/config"))] {
            let around = Surroundings { pod: true, ..around(None, usual) };
            // Tests run in no pod, so its account is missing; but it was looked for.
            let error = refused(&Connection::default(), &around).await;
            assert!(matches!(error, ConnectError::Unusable { cluster: Cluster::Pod, .. }), "{usual:?}: {error:?}");
        }
    }

    #[tokio::test]
    async fn err_no_cluster_at_all() {
        let error = refused(&Connection::default(), &around(None, None)).await;
        assert!(matches!(error, ConnectError::NoCluster), "{error:?}");
        let folder = Folder::new();
        let path = folder.file("config", &TWO.replace("\"http://127.0.0.1:1\"", "\"\""));
        let error = refused(&Connection::default(), &around(None, Some(&path))).await;
        assert_eq!(error.to_string(), "cannot use context `a`");
    }
}
