//! A cluster as the place of the documents: [`ClusterOptions`], which all commands take, and the deployer that they say.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use clap::Args;
use dagster_workspace_core::lint::{Target, Version, VersionError};
use dagster_workspace_core::transform::Subject;
use kube::client::{Body, ClientBuilder};
use tower::util::MapRequestLayer;

use super::documents::Names;
use super::exit::Exit;
use super::render::Failure;
use crate::cluster::{self, Connection, Given, Holder};
use crate::deploy::{ActivateBy, ChartOwned, Daemon, Deployer, Events, Holders, Settings, StepError, Steps};
use crate::helm::{self, ChartSource, OnFailure, Patience, Recovery, Schema, Transport, Wait};
use crate::reload;
use crate::retry::RetryPolicy;

/// What helm takes beside its waiting, with room.
const MARGIN: Duration = Duration::from_secs(120);

/// How a cluster is reached, and how jobs go about it there.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "On a cluster")]
pub(super) struct ClusterOptions {
    /// The namespace of the Dagster system; selects the cluster of the current context
    #[arg(long, short, global = true, conflicts_with = "directory")]
    namespace: Option<String>,
    /// The namespace of the deployments in a directory: a host such as etl.OTHER is then none of theirs
    #[arg(long, global = true, value_name = "NAMESPACE", conflicts_with_all = ["namespace", "context", "kubeconfig"])]
    own_namespace: Option<String>,
    /// The context of the kubeconfig
    #[arg(long, global = true, conflicts_with = "directory")]
    context: Option<String>,
    /// The kubeconfig [default: KUBECONFIG, ~/.kube/config, or the account of the pod]
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "directory")]
    kubeconfig: Option<PathBuf>,
    /// The helm release of the system, where the namespace holds several
    #[arg(long, global = true, value_name = "NAME")]
    system_release: Option<String>,
    /// The helm release of the code servers [default: that of those which run, or dagster-user-deployments]
    #[arg(long, global = true, value_name = "NAME")]
    release: Option<String>,
    /// Its chart: a path, oci://..., REPOSITORY/NAME, or a name in --repo [default: Dagster's own]
    #[arg(long, global = true)]
    chart: Option<String>,
    /// The chart's version; in a directory that which the documents are for [default: that of the running system, or the newest known]
    #[arg(long, global = true, value_name = "VERSION")]
    chart_version: Option<String>,
    /// The repository of the chart
    #[arg(long, global = true, value_name = "URL")]
    repo: Option<String>,
    /// Talk to the chart's registry over HTTP without TLS
    #[arg(long, global = true)]
    plain_http: bool,
    /// The program helm, 3 or 4
    #[arg(long, global = true, value_name = "PATH")]
    helm: Option<PathBuf>,
    /// Leave the chart's schema out: those of charts up to 2025 refer to a host that is gone
    #[arg(long, global = true)]
    skip_schema_validation: bool,
    /// Have helm wait, and go back to the revision before when the release fails
    #[arg(long, global = true)]
    rollback_on_failure: bool,
    /// Bring a release back that is stuck because its helm was killed
    #[arg(long, global = true)]
    recover: bool,
    /// Seconds of silence after which a pending release counts as stuck [default: 600, or --timeout where that is more]
    ///
    /// helm writes nothing while it waits. Less than the timeout of any helm takes one for killed that is at work elsewhere, unless a job
    /// of this command runs it and holds a lease: say less only where no other can be at work.
    #[arg(long, global = true, value_name = "SECONDS")]
    stuck_after: Option<u64>,
    /// Only these steps: documents, or some of values, helm, ready, workspace, activate
    #[arg(long, global = true, value_name = "STEPS")]
    only: Option<Only>,
    /// Restart webserver and daemon instead of reloading
    #[arg(long, global = true)]
    restart: bool,
    /// Wait until the daemon has read the workspace: it does by itself, once a minute
    #[arg(long, global = true)]
    wait_daemon: bool,
    /// Webservers to ask instead of the pods, each one process
    #[arg(long = "webserver", global = true, value_name = "URL")]
    webservers: Vec<String>,
    /// Write to a workspace that the system's release owns
    #[arg(long, global = true)]
    allow_chart_owned: bool,
    /// Seconds to wait for code servers, and for restarts
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
    /// Report a conflict with another writer instead of trying again
    #[arg(long, global = true)]
    no_retry: bool,
    /// Who is recorded as the writer [default: dagster-workspace; of restarts kubectl-rollout]
    #[arg(long, global = true, value_name = "NAME")]
    field_manager: Option<String>,
    /// The ConfigMap of the values, and the key in it [default: dagster-user-deployments-values-yaml/values.yaml]
    #[arg(long, global = true, value_name = "NAME[/KEY]", value_parser = given)]
    values_in: Option<Given>,
    /// The ConfigMap of the workspace, and the key in it [default: what the webserver mounts]
    #[arg(long, global = true, value_name = "NAME[/KEY]", value_parser = given)]
    workspace_in: Option<Given>,
}

/// What alone is wanted: steps, or of a rollback one deployment.
#[derive(Clone, Debug)]
enum Only {
    Steps(Steps),
    /// What is no step, with its text.
    Entry(StepError),
}

impl FromStr for Only {
    type Err = StepError;

    fn from_str(text: &str) -> Result<Self, StepError> {
        match text.parse() {
            Ok(steps) => Ok(Self::Steps(steps)),
            Err(error) if text.is_empty() || text.contains(',') => Err(error),
            Err(error) => Ok(Self::Entry(error)),
        }
    }
}

fn given(text: &str) -> Result<Given, &'static str> {
    let (name, key) = text.split_once('/').map_or((text, None), |(name, key)| (name, Some(key)));
    if name.is_empty() || key == Some("") {
        return Err("expected the name of a ConfigMap, and a key behind a slash");
    }
    Ok(Given { config_map: Some(name.to_owned()), key: key.map(str::to_owned) })
}

impl ClusterOptions {
    /// How to reach the cluster; `None` where the documents are in a directory.
    pub(super) fn connection(&self) -> Option<Connection> {
        let Self { namespace, context, kubeconfig, .. } = self;
        let any = namespace.is_some() || context.is_some() || kubeconfig.is_some();
        any.then(|| Connection {
            kubeconfig: kubeconfig.clone(),
            context: context.clone(),
            namespace: namespace.clone(),
        })
    }

    /// Refuses what only means something on a cluster where the documents are in a directory: it would be left undone in silence.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.connection().is_some() {
            return Ok(());
        }
        let said = [
            ("--system-release", self.system_release.is_some()),
            ("--release", self.release.is_some()),
            ("--chart", self.chart.is_some()),
            ("--repo", self.repo.is_some()),
            ("--plain-http", self.plain_http),
            ("--helm", self.helm.is_some()),
            ("--skip-schema-validation", self.skip_schema_validation),
            ("--rollback-on-failure", self.rollback_on_failure),
            ("--recover", self.recover),
            ("--stuck-after", self.stuck_after.is_some()),
            ("--only", matches!(self.only, Some(Only::Steps(_)))),
            ("--restart", self.restart),
            ("--wait-daemon", self.wait_daemon),
            ("--webserver", !self.webservers.is_empty()),
            ("--allow-chart-owned", self.allow_chart_owned),
            ("--field-manager", self.field_manager.is_some()),
            ("--values-in", self.values_in.is_some()),
            ("--workspace-in", self.workspace_in.is_some()),
        ];
        match said.into_iter().find(|(_, said)| *said) {
            Some((name, _)) => {
                let message = format!("`{name}` means something on a cluster alone");
                Err(Failure::usage(message).with_hint("name its namespace with `--namespace`"))
            }
            None => Ok(()),
        }
    }

    /// How writes that lost a race are tried again, in a directory, too.
    pub(super) fn retry(&self) -> RetryPolicy {
        if self.no_retry { RetryPolicy::none() } else { RetryPolicy::default() }
    }

    /// The deployment that alone is wanted.
    #[cfg(feature = "object-store")]
    pub(super) fn entry(&self) -> Option<&str> {
        match &self.only {
            Some(Only::Entry(error)) => Some(&error.text),
            Some(Only::Steps(_)) | None => None,
        }
    }

    /// For commands of which only steps can be left out.
    pub(super) fn refuse_entry(&self) -> Result<(), Failure> {
        match &self.only {
            Some(Only::Entry(error)) => Err(Failure::usage(error.to_string())),
            Some(Only::Steps(_)) | None => Ok(()),
        }
    }

    /// Where the chart comes from, where that is said.
    fn chart(&self) -> Result<Option<ChartSource>, Failure> {
        let Self { chart, repo, .. } = self;
        Ok(match (chart.as_deref(), repo) {
            (None, None) => None,
            (name, Some(url)) => {
                let name = name.unwrap_or(helm::USER_DEPLOYMENTS).to_owned();
                Some(ChartSource::Repository { url: url.clone(), name })
            }
            (Some(name), None) => Some(self::chart(name)?),
        })
    }

    /// What the documents are for, as long as no cluster says it: Dagster and its charts are released together.
    pub(super) fn target(&self) -> Result<Target, Failure> {
        let namespace = self.own_namespace().map(str::to_owned);
        let Some(text) = &self.chart_version else { return Ok(Target { namespace, ..Target::default() }) };
        let version: Version = text.parse().map_err(|error: VersionError| Failure::usage(error.to_string()))?;
        Ok(Target { dagster: version, chart: version, namespace })
    }

    /// The namespace of the deployments, where it is said.
    pub(super) fn own_namespace(&self) -> Option<&str> {
        self.own_namespace.as_deref().or(self.namespace.as_deref())
    }

    /// How long helm is waited for, and what is done about one that was killed.
    fn patience(&self) -> Patience {
        let timeout = Duration::from_secs(self.timeout);
        let mut patience = Patience::default();
        patience.stuck_after = patience.stuck_after.max(timeout);
        if self.rollback_on_failure {
            // helm waits that long for the upgrade, and again for the way back.
            patience.deadline = patience.deadline.max(timeout.saturating_mul(2).saturating_add(MARGIN));
        }
        if self.recover {
            patience.recovery = Recovery::Recover;
        }
        if let Some(seconds) = self.stuck_after {
            patience.stuck_after = Duration::from_secs(seconds);
        }
        patience
    }

    /// How to go about jobs.
    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        let mut settings = Settings {
            system_release: self.system_release.clone(),
            values: self.values_in.clone().unwrap_or_default(),
            workspace: self.workspace_in.clone().unwrap_or_default(),
            release: self.release.clone(),
            chart: self.chart()?,
            chart_version: self.chart_version.clone(),
            helm: self.helm.clone(),
            timeout: Duration::from_secs(self.timeout),
            webservers: self.webservers.clone(),
            steps: match &self.only {
                Some(Only::Steps(steps)) => steps.clone(),
                Some(Only::Entry(_)) | None => Steps::default(),
            },
            ..Settings::default()
        };
        settings.helm_options.timeout = settings.timeout;
        if self.skip_schema_validation {
            settings.helm_options.schema = Schema::Skip;
        }
        if self.plain_http {
            settings.helm_options.transport = Transport::Plain;
        }
        if self.rollback_on_failure {
            (settings.helm_options.wait, settings.helm_options.on_failure) = (Wait::Ready, OnFailure::RollBack);
        }
        settings.patience = self.patience();
        if self.restart {
            settings.activate_by = ActivateBy::Restart;
        }
        if self.wait_daemon {
            settings.daemon = Daemon::Wait;
        }
        if self.allow_chart_owned {
            settings.chart_owned = ChartOwned::Allow;
        }
        settings.retry = self.retry();
        if let Some(name) = &self.field_manager {
            (settings.field_manager, settings.restart_manager) = (name.clone(), name.clone());
        }
        Ok(settings)
    }
}

/// Where a chart comes from that is named by itself.
pub(super) fn chart(name: &str) -> Result<ChartSource, Failure> {
    if name.starts_with("oci://") {
        return Ok(ChartSource::Oci(name.to_owned()));
    }
    if name.starts_with(['.', '/']) || std::path::Path::new(name).exists() {
        return Ok(ChartSource::Path(name.into()));
    }
    if name.split('/').count() == 2 {
        return Ok(ChartSource::Added(name.to_owned()));
    }
    let hint = "name its repository with `--repo`, or write `./` before a folder";
    Err(Failure::usage(format!("`{name}` is no chart that can be found")).with_hint(hint))
}

/// A cluster that was chosen.
pub(super) struct OnCluster {
    pub(super) deployer: Deployer,
    /// Requests that have been sent.
    requests: Arc<AtomicU32>,
}

impl OnCluster {
    /// Makes the clients. Nothing is sent yet.
    pub(super) async fn connect(connection: &Connection, settings: Settings, events: Events) -> Result<Self, Failure> {
        let connected = cluster::connect(connection)
            .await
            .map_err(|error| Failure::new(Exit::Invalid, "no-cluster", error.to_string()).caused_by_source(&error))?;
        let requests = Arc::new(AtomicU32::new(0));
        let client = |config| {
            let requests = Arc::clone(&requests);
            let count = MapRequestLayer::new(move |request: http::Request<Body>| {
                requests.fetch_add(1, Ordering::Relaxed);
                request
            });
            let builder = ClientBuilder::try_from(config)
                .map_err(|error| Failure::new(Exit::Invalid, "no-cluster", "cannot make a client").caused_by(&error))?;
            Ok::<_, Failure>(builder.with_layer(&count).build())
        };
        let patient = client(reload::patient(connected.config.clone()))?;
        let builder = Deployer::builder(&connected).settings(settings).events(events);
        let deployer = builder.client(client(connected.config.clone())?).patient_client(patient).build();
        Ok(Self { deployer, requests })
    }

    /// How many requests have been sent to the API server, helm's own not counted.
    pub(super) fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }
}

/// What messages call the documents of a cluster.
pub(super) fn names(namespace: &str, holders: &Holders) -> Names {
    Names::ConfigMaps([Subject::Values, Subject::Workspace].map(|subject| {
        let Holder { config_map, key, .. } = holders.of(subject);
        format!("{namespace}/{config_map}/{key}")
    }))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Arguments;

    #[test]
    fn helm_is_waited_for_as_long_as_it_may_wait() {
        let check = |arguments: &[&str], stuck_after, deadline| {
            let line = Arguments::parse_from([&["dagster-workspace", "sync"], arguments].concat());
            let settings = line.options.cluster.settings().unwrap();
            let Patience { stuck_after: found, deadline: ends, .. } = settings.patience;
            assert_eq!((found.as_secs(), ends.as_secs()), (stuck_after, deadline), "{arguments:?}");
        };
        check(&[], 600, 900);
        check(&["--timeout", "60"], 600, 900);
        check(&["--timeout", "3600"], 3600, 900);
        check(&["--timeout", "3600", "--stuck-after", "5"], 5, 900);
        check(&["--stuck-after", "3600"], 3600, 900);
        check(&["--timeout", "600", "--rollback-on-failure"], 600, 1320);
        check(&["--timeout", "60", "--rollback-on-failure"], 600, 900);
    }
}
