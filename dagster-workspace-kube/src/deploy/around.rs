//! What a job finds around it before it begins: [`Around`].

use dagster_workspace_core::transform::Subject;
use tokio::time::Instant;

use super::deployer::{Deployer, Holders, Shared};
use super::error::DeployError;
use super::event::StepOutcome;
use super::report::Report;
use super::settings::Settings;
use super::step::Step;
use crate::cluster::{self, ApiError, CodeServer, DiscoverError, System, Wanted};
use crate::helm::{self, Chart, ChartSource, Target, Upgrade};
use crate::retry::Backoff;
use crate::words::counted;

/// The release of the code servers where nobody names one and none run: as the chart is called.
const RELEASE: &str = helm::USER_DEPLOYMENTS;

/// What runs in the namespace.
#[derive(Clone, Debug)]
pub(super) struct Around {
    /// The system; `None` where there is none and none is needed.
    pub(super) system: Option<System>,
    pub(super) holders: Holders,
    /// Code servers that run; empty where nobody asked.
    pub(super) servers: Vec<CodeServer>,
    /// The release of the code servers.
    pub(super) release: String,
    /// What was taken for granted, because it may not be looked for.
    pub(super) presumed: Option<String>,
}

/// What came of looking around.
pub(super) struct Looked {
    /// It was so after this moment.
    after: Instant,
    /// `None` where that failed.
    around: Option<Around>,
}

impl Around {
    /// The ConfigMap of a document, for people.
    pub(super) fn name(&self, subject: Subject) -> &str {
        &self.holders.of(subject).config_map
    }

    /// Code servers that the system's own release deploys.
    fn of_subchart(&self) -> Option<DeployError> {
        let release = self.system.as_ref()?.release.as_ref()?;
        let own = self.servers.iter().filter(|server| server.release.as_ref() == Some(release));
        let mut names: Vec<String> = own.map(|server| server.name.clone()).collect();
        let waits = self.system.iter().flat_map(System::waits_for).map(str::to_owned);
        names.extend(waits.filter(|name| !self.servers.iter().any(|server| server.name == *name)));
        if names.is_empty() { None } else { Some(DeployError::Subchart { release: release.clone(), names }) }
    }
}

impl Deployer {
    /// Looks around: one LIST of Deployments, of the system's and, where a release is concerned, of the code servers'.
    pub(super) async fn look_around(&self, report: &mut Report) -> Result<Around, DeployError> {
        let running = self.events.start(Step::Discover);
        let found = self.find().await;
        let done = found.as_ref().map(|around| (StepOutcome::Unchanged, describe(around)));
        report.note(running.end_as(&done));
        found
    }

    pub(super) async fn find(&self) -> Result<Around, DeployError> {
        let around = self.find_any().await?;
        match around.of_subchart() {
            Some(error) if self.settings().steps.has(Step::Helm) => Err(error),
            _ => Ok(around),
        }
    }

    /// The same where the system's own release deploys user code, too.
    ///
    /// One look serves all calls that wait for it, so that a crowd of them does not ask for the same thing at the same time.
    pub(super) async fn find_any(&self) -> Result<Around, DeployError> {
        let asked = Instant::now();
        let mut looked = self.shared.looked.lock().await;
        let around = match &*looked {
            Some(Looked { after, around: Some(around) }) if *after >= asked => around.clone(),
            Some(Looked { after, around: None }) if *after >= asked => {
                // Whoever failed has taken long enough for everybody.
                drop(looked);
                self.look().await?
            }
            _ => {
                let begun = Instant::now();
                let found = self.look().await;
                // Of a failure the end counts: who has waited for it waits for no other.
                let after = if found.is_ok() { begun } else { Instant::now() };
                *looked = Some(Looked { after, around: found.as_ref().ok().cloned() });
                found?
            }
        };
        if let Some(presumed) = &around.presumed {
            self.events.warn(Step::Discover, presumed);
        }
        Ok(around)
    }

    /// Looks, again where the API server did not answer, as writes of documents are tried again.
    async fn look(&self) -> Result<Around, DeployError> {
        let (started, mut backoff) = (Instant::now(), Backoff::new(self.settings().retry.clone()));
        loop {
            let tried = Instant::now();
            let (error, at_least) = match self.look_once().await {
                Err(DeployError::Discover(DiscoverError::Api(ApiError::Busy { operation, retry_after, source }))) => {
                    let at_least = retry_after.unwrap_or_default();
                    (ApiError::Busy { operation, retry_after, source }, at_least)
                }
                found => return found,
            };
            match backoff.pause(started.elapsed(), tried.elapsed(), at_least) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(DiscoverError::Api(error).into()),
            }
        }
    }

    async fn look_once(&self) -> Result<Around, DeployError> {
        let Shared { client, namespace, settings, .. } = &*self.shared;
        let documents_alone = settings.steps.are_documents();
        let wanted = Wanted { release: settings.system_release.clone() };
        let (system, servers) = if settings.steps.has(Step::Helm) || settings.steps.has(Step::Ready) {
            cluster::survey(client, namespace, &wanted).await
        } else {
            (cluster::discover(client, namespace, &wanted).await, Vec::new())
        };
        let mut presumed = None;
        let system = match system {
            Ok(system) => Some(system),
            // The documents are where they usually are, or where the caller says.
            Err(DiscoverError::NoSystem { .. }) if !settings.steps.has(Step::Activate) => None,
            Err(DiscoverError::Api(ApiError::Forbidden { operation, .. })) if documents_alone => {
                presumed =
                    Some(format!("not permitted to {operation}: the workspace is taken to be in its usual place"));
                None
            }
            Err(error) => return Err(error.into()),
        };
        let release = self.release_of(system.as_ref(), &servers)?;
        let values = cluster::values_holder(&settings.values);
        let workspace = cluster::workspace_holder(system.as_ref(), &settings.workspace);
        Ok(Around { system, holders: Holders { values, workspace }, servers, release, presumed })
    }

    /// The release of the code servers: as said, else that of those which run.
    fn release_of(&self, system: Option<&System>, servers: &[CodeServer]) -> Result<String, DeployError> {
        if let Some(release) = &self.settings().release {
            return Ok(release.clone());
        }
        let of_system = system.and_then(|system| system.release.as_ref());
        let mut releases: Vec<String> = servers.iter().filter_map(|server| server.release.clone()).collect();
        releases.retain(|release| Some(release) != of_system);
        releases.sort();
        releases.dedup();
        match releases.as_slice() {
            [] => Ok(RELEASE.to_owned()),
            [release] => Ok(release.clone()),
            _ => Err(DeployError::SeveralReleases { namespace: self.namespace().to_owned(), releases }),
        }
    }

    /// What would be found where nothing is.
    #[cfg(feature = "object-store")]
    pub(super) fn nothing_around(&self) -> Around {
        let settings = self.settings();
        let holders = Holders {
            values: cluster::values_holder(&settings.values),
            workspace: cluster::workspace_holder(None, &settings.workspace),
        };
        let release = settings.release.clone().unwrap_or_else(|| RELEASE.to_owned());
        Around { system: None, holders, servers: Vec::new(), release, presumed: None }
    }

    /// What helm is asked for.
    pub(super) fn upgrade(&self, around: &Around) -> Result<Upgrade, DeployError> {
        let settings = self.settings();
        let running = around.system.as_ref().and_then(System::chart_version);
        let version = settings.chart_version.clone().or_else(|| running.map(str::to_owned));
        let source = settings.chart.clone().unwrap_or_else(|| ChartSource::published(helm::USER_DEPLOYMENTS));
        let chart = Chart::versioned(source, version).ok_or(DeployError::NoChartVersion)?;
        let target = self.release_in(self.namespace(), &around.release);
        Ok(Upgrade { target, chart, options: settings.helm_options.clone() })
    }

    /// A release, as helm finds it.
    pub(super) fn release_in(&self, namespace: &str, release: &str) -> Target {
        let Settings { kubeconfig, context, .. } = self.settings();
        Target { kubeconfig: kubeconfig.clone(), context: context.clone(), ..Target::new(release, namespace) }
    }
}

fn describe(around: &Around) -> String {
    let Around { system, holders, servers, release, presumed: _ } = around;
    let mut parts = Vec::new();
    match system {
        Some(system) => {
            let version = system.version.as_deref().unwrap_or("of unknown version");
            parts.push(format!("Dagster {version}, {}", counted(system.webservers().count(), "webserver")));
        }
        None => parts.push("no Dagster system".to_owned()),
    }
    parts.push(format!("workspace in `{}`", holders.workspace.config_map));
    if !servers.is_empty() {
        parts.push(format!("{} of release `{release}`", counted(servers.len(), "code server")));
    }
    parts.join(", ")
}
