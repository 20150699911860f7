//! One webserver process: where it is, and the three things it is asked. Start with [`Webserver`].

use std::fmt;
use std::time::Duration;

use http::Uri;
use kube::{Client, Config};

use super::call::Target;
use super::graphql::{Answer, Operation};
use super::{Location, Projection, ReloadError};

/// How long a connection to a URL may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// One webserver process, reached through the API server's proxy of its pod, or at a URL.
#[derive(Clone)]
pub struct Webserver {
    pub(super) target: Target,
    pub(super) projection: Projection,
}

impl Webserver {
    /// The webserver in `pod`, which listens on `port` under `path_prefix` (empty, or as `--path-prefix` says). Needs the
    /// permission `create` on `pods/proxy`.
    ///
    /// `client` should be made from [`patient`]: a reload takes 20 s for every code server that accepts connections and never
    /// answers, and a connection that ends before counts as no answer.
    #[must_use]
    pub fn in_pod(client: &Client, namespace: &str, pod: &str, port: u16, path_prefix: &str) -> Self {
        Self { target: Target::pod(client, namespace, pod, port, path_prefix), projection: Projection::OfItself }
    }

    /// The webserver at `url`, `http` or `https`, path prefix included: one process, not a Service before several.
    /// To be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`ReloadError::Address`], where it is no such URL or holds a password.
    pub fn at(url: &str) -> Result<Self, ReloadError> {
        let refused = |reason: String| ReloadError::Address { url: url.to_owned(), reason };
        let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| refused(error.to_string()))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(refused("neither http nor https".to_owned()));
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            // It would stand in reports and logs.
            let reason = "a user and a password in it are not supported".to_owned();
            return Err(ReloadError::Address { url: without_user(&uri), reason });
        }
        let mut config = Config::new(uri.clone());
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT);
        let client = Client::try_from(config).map_err(|error| refused(error.to_string()))?;
        Ok(Self { target: Target::url(client, &uri), projection: Projection::OfItself })
    }

    /// The same, whose workspace file arrives as said. [`Projection::Never`] for a `subPath` mount.
    #[must_use]
    pub fn with_projection(self, projection: Projection) -> Self {
        Self { projection, ..self }
    }

    /// What reports call it: the pod's name, or the URL.
    #[must_use]
    pub fn name(&self) -> &str {
        self.target.name()
    }

    /// What it serves now. One request, answered within `patience`.
    ///
    /// # Errors
    /// Everything but [`ReloadError::ReadOnly`]: a read-only webserver can be asked.
    pub async fn locations(&self, patience: Duration) -> Result<Vec<Location>, ReloadError> {
        self.workspace(Operation::Locations, patience).await
    }

    /// Makes it read the workspace file again, and gives what it serves then. One request, answered within `patience`. Every
    /// `code-server` location loads its code again, so not to be done idly.
    ///
    /// # Errors
    /// [`ReloadError::Rejected`]: the file is bad, and the webserver goes on with what it had. After [`ReloadError::Silent`]
    /// the reload may still be going on.
    pub async fn reload(&self, patience: Duration) -> Result<Vec<Location>, ReloadError> {
        self.workspace(Operation::ReloadWorkspace, patience).await
    }

    /// Makes it load one location again, as after its code server was restarted. One request, answered within `patience`.
    /// Cannot add or remove a location.
    ///
    /// # Errors
    /// [`ReloadError::UnknownLocation`] and [`ReloadError::NotReloadable`], and all others. A location that loads with an error
    /// is no error here but in its state.
    pub async fn reload_location(&self, name: &str, patience: Duration) -> Result<Location, ReloadError> {
        match self.ask(Operation::ReloadLocation(name), patience).await? {
            Answer::WorkspaceLocationEntry(entry) => Ok(entry.into()),
            Answer::RepositoryLocationNotFound {} => Err(ReloadError::UnknownLocation {
                webserver: self.target.name().to_owned(),
                location: name.to_owned(),
            }),
            Answer::ReloadNotSupported { message } => Err(ReloadError::NotReloadable {
                webserver: self.target.name().to_owned(),
                location: name.to_owned(),
                reason: message,
            }),
            other => Err(self.refusal(other)),
        }
    }

    async fn workspace(&self, operation: Operation<'_>, patience: Duration) -> Result<Vec<Location>, ReloadError> {
        match self.ask(operation, patience).await? {
            Answer::Workspace { location_entries } => Ok(location_entries.into_iter().map(Location::from).collect()),
            other => Err(self.refusal(other)),
        }
    }

    async fn ask(&self, operation: Operation<'_>, patience: Duration) -> Result<Answer, ReloadError> {
        let body = self.target.post(&operation.body(), patience).await?;
        let webserver = || self.target.name().to_owned();
        operation.answer(body).map_err(|reason| ReloadError::NotDagster { webserver: webserver(), reason })
    }

    /// What an answer means that is not what was asked for.
    fn refusal(&self, answer: Answer) -> ReloadError {
        let webserver = self.target.name().to_owned();
        match answer {
            Answer::PythonError(failure) => ReloadError::Rejected { webserver, errors: failure.chain() },
            Answer::UnauthorizedError { message } => ReloadError::ReadOnly { webserver, reason: message },
            other => ReloadError::NotDagster { webserver, reason: format!("an answer to something else: {other:?}") },
        }
    }
}

impl fmt::Debug for Webserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Webserver").field(&self.name()).field(&self.projection).finish()
    }
}

/// The same cluster and credentials for a client of [`Webserver::in_pod`]: neither `kube`'s own repetitions, nor an end to
/// silences but the patience of each request.
#[must_use]
pub fn patient(mut config: Config) -> Config {
    config.default_retry = false;
    config.read_timeout = None;
    config
}

fn without_user(uri: &Uri) -> String {
    let host = uri.host().unwrap_or_default();
    let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}{}", uri.scheme_str().unwrap_or_default(), uri.path())
}
