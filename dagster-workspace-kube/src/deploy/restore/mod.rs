//! A whole installation out of the history: namespace, documents, the release of the system, that of the code servers, and
//! everything ready and served at the end. Start with [`Restore`] and [`Deployer::restore`].
//!
//! Each step is decided from what is there, so a restore that was cut off is finished by the same call, and one onto a system that
//! runs is how both releases get another version of their charts.

mod look;
mod plan;

use std::time::Duration;

use dagster_workspace_core::system::SystemValues;
use dagster_workspace_core::transform::Subject;
use dagster_workspace_core::transform::pair::Pair;
use dagster_workspace_core::yaml::Document;
use tokio::time::{Instant, sleep};

use self::look::{Carried, Place};
pub use self::plan::{PlannedStep, RestorePlan};
use super::deployer::Deployer;
use super::documents::{DocumentsError, noun};
use super::entries::names_in;
use super::error::{DeployError, Failed};
use super::event::StepOutcome::{Changed, Unchanged};
use super::flow::Done;
use super::report::{Released, Report};
use super::request::{Aim, Request};
use super::settings::Settings;
use super::status::{DriftKind, stored};
use super::step::{Step, Steps};
use crate::cluster::{self, ApiError, NamespaceState, System};
use crate::helm::{self, ChartSource, Newest, Recovery, RolledOut, Upgrade};
use crate::history::{self, History, HistoryError, Revision};
use crate::rollout::Rollout;
use crate::store::Version;
use crate::words::counted;

const BOTH: [Subject; 2] = [Subject::Values, Subject::Workspace];

/// What is restored.
#[derive(Clone, Debug, Default)]
pub struct Restore {
    /// The revision; by default the newest.
    pub revision: Option<u64>,
    /// The release of the system. Without it a restore ends with the code servers, and a system that runs is left as it is.
    pub system: Option<SystemRelease>,
    /// What to do about another installation in the same place.
    pub occupied: Occupied,
}

/// The release of the system.
#[derive(Clone, Default)]
pub struct SystemRelease {
    /// Its values. They hold credentials: the history has them not, and they are shown nowhere.
    pub values: String,
    /// Its chart; by default the one that Dagster publishes.
    pub chart: Option<ChartSource>,
    /// The chart's version; by default that of the settings, else that of the revision.
    pub chart_version: Option<String>,
}

impl std::fmt::Debug for SystemRelease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { values: _, chart, chart_version } = self;
        f.debug_struct("SystemRelease")
            .field("chart", chart)
            .field("chart_version", chart_version)
            .finish_non_exhaustive()
    }
}

/// What to do about another installation in the same place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Occupied {
    /// Change nothing.
    #[default]
    Refuse,
    /// Replace its documents, and with them what runs.
    Replace,
}

/// A restore with all that it needs to know of the history.
struct Job {
    /// With settings that the revision and the system's values complete.
    deployer: Deployer,
    revision: Revision,
    texts: history::Documents,
    system: Option<SystemRelease>,
    occupied: Occupied,
}

impl Deployer {
    /// What a restore would do. Writes nothing.
    ///
    /// # Errors
    /// As [`Deployer::restore`], for what is known before the first step.
    pub async fn plan_restore(&self, history: &History, restore: &Restore) -> Result<RestorePlan, DeployError> {
        let job = self.begin_restore(history, restore).await?;
        let state = job.namespace().await?;
        let place = if state == NamespaceState::Active { Some(job.look().await?) } else { None };
        if let Some(place) = &place {
            job.check(place)?;
        }
        job.plan(state, place.as_ref())
    }

    /// Restores an installation: the namespace, both documents byte for byte, the release of the system without waiting for it,
    /// that of the code servers, and then waits for both and for every webserver to serve the workspace.
    ///
    /// Where only documents are wanted, that is all. The system waits for its code servers, so its release comes first and is waited
    /// for last. Releases that were cut off are brought back.
    ///
    /// # Errors
    /// [`Failed`]: [`DeployError::History`] without such a revision, or with one that is damaged; [`DeployError::Occupied`] where
    /// another installation is there; and as [`Deployer::run`].
    pub async fn restore(&self, history: &History, restore: &Restore) -> Result<Report, Failed> {
        Report::of(async |report| self.restore_all(history, restore, report).await).await
    }

    async fn restore_all(
        &self,
        history: &History,
        restore: &Restore,
        report: &mut Report,
    ) -> Result<(), (Step, DeployError)> {
        let job = self.begin_restore(history, restore).await.map_err(|error| (Step::Discover, error))?;
        job.deployer.step(Step::Namespace, report, async |_| job.make_namespace().await).await?;
        let place = job.look().await.map_err(|error| (Step::Discover, error))?;
        report.holders = Some(place.around.holders.clone());
        job.check(&place).map_err(|error| (Step::Discover, error))?;
        for subject in BOTH {
            job.deployer.step(subject.into(), report, async |_| job.write(&place, subject).await).await?;
        }
        if self.settings().steps.are_documents() {
            return job.deployer.step(Step::Verify, report, async |_| job.verify_documents(&place).await).await;
        }
        if let Some((upgrade, values, _)) = &place.system {
            job.deployer.step(Step::System, report, async |_| job.roll_out_system(upgrade, values).await).await?;
        }
        job.deployer.step(Step::Helm, report, async |report| job.roll_out_code(&place, report).await).await?;
        job.deployer.step(Step::Ready, report, async |report| job.wait(&place, report).await).await?;
        let system = job.discover().await.map_err(|error| (Step::Discover, error))?;
        if system.is_some() {
            job.activate(report).await?;
        } else {
            self.events.warn(
                Step::System,
                "no system runs, and no values of one are given: the restore ends with the code servers",
            );
        }
        job.deployer.step(Step::Verify, report, async |_| job.verify(&place, system.as_ref()).await).await
    }

    async fn begin_restore(&self, history: &History, restore: &Restore) -> Result<Job, DeployError> {
        let Restore { revision, system, occupied } = restore;
        let revision = match revision {
            Some(number) => history.get(*number).await?,
            None => history.newest().await?.ok_or(HistoryError::Empty)?,
        };
        let texts = history.documents(&revision).await?;
        let mut settings = self.settings().clone();
        let recorded = |first, second| revision.charts.get(first).or_else(|| revision.charts.get(second)).cloned();
        // Each chart has a version of its own, and what the caller says counts for both.
        let of_system = settings.chart_version.clone().or_else(|| recorded(helm::SYSTEM, helm::USER_DEPLOYMENTS));
        let system = system.clone().map(|system| {
            let chart_version = system.chart_version.or(of_system);
            SystemRelease { chart_version, ..system }
        });
        settings.chart_version = settings.chart_version.or_else(|| recorded(helm::USER_DEPLOYMENTS, helm::SYSTEM));
        // A release that a killed helm has left behind is what restores are for.
        settings.patience.recovery = Recovery::Recover;
        settings.steps = settings.steps.only(|step| step != Step::Activate);
        if let Some(system) = system.as_ref().filter(|_| settings.workspace.config_map.is_none()) {
            settings.workspace.config_map = external_config_map(&system.values);
        }
        let deployer = self.with_settings(settings);
        Ok(Job { deployer, revision, texts, system, occupied: *occupied })
    }
}

impl Job {
    fn settings(&self) -> &Settings {
        self.deployer.settings()
    }

    fn text(&self, subject: Subject) -> &str {
        match subject {
            Subject::Values => &self.texts.values,
            Subject::Workspace => &self.texts.workspace,
        }
    }

    async fn namespace(&self) -> Result<NamespaceState, DeployError> {
        match cluster::namespace(&self.deployer.shared.client, self.deployer.namespace()).await {
            // Whoever may not look at it may have been given it.
            Err(ApiError::Forbidden { operation, .. }) => {
                let message = format!("not permitted to {operation}: it is taken to be there");
                self.deployer.events.warn(Step::Namespace, message);
                Ok(NamespaceState::Active)
            }
            state => Ok(state?),
        }
    }

    /// Makes the namespace; one that is being deleted is waited for first.
    async fn make_namespace(&self) -> Done {
        let (name, waited) = (self.deployer.namespace(), self.settings().timeout);
        let deadline = Instant::now() + waited;
        loop {
            match self.namespace().await? {
                NamespaceState::Active => return Ok((Unchanged, format!("`{name}` is there"))),
                NamespaceState::Missing => {
                    cluster::create_namespace(&self.deployer.shared.client, name).await?;
                    return Ok((Changed, format!("`{name}`")));
                }
                NamespaceState::Terminating if Instant::now() >= deadline => {
                    return Err(DeployError::Terminating { namespace: name.to_owned(), waited });
                }
                NamespaceState::Terminating => sleep(Duration::from_secs(1)).await,
            }
        }
    }

    async fn discover(&self) -> Result<Option<System>, DeployError> {
        Ok(self.deployer.find().await?.system)
    }

    async fn write(&self, place: &Place, subject: Subject) -> Done {
        let name = place.around.name(subject);
        match place.documents.bring(subject, self.text(subject), |standing| self.is_free(subject, standing)).await {
            Ok(true) => Ok((Changed, format!("`{name}`, as of revision {}", self.revision.number))),
            Ok(false) => Ok((Unchanged, format!("`{name}` is that of revision {}", self.revision.number))),
            Err(DocumentsError::Stale { .. }) => {
                let found = vec![format!("the {} in `{name}` were written meanwhile", noun(subject))];
                Err(DeployError::Occupied { found })
            }
            Err(source) => Err(DeployError::Documents { failed: Some(subject), source }),
        }
    }

    async fn roll_out_system(&self, upgrade: &Upgrade, values: &str) -> Done {
        let newest = || std::future::ready(Ok(Newest { text: values.to_owned(), version: Version::new("") }));
        let RolledOut { release, runs, .. } = self.deployer.newest_values_win(upgrade, newest).await?;
        let outcome = if runs > 0 { Changed } else { Unchanged };
        Ok((outcome, format!("release `{}`, revision {}", release.name, release.revision)))
    }

    async fn roll_out_code(&self, place: &Place, report: &mut Report) -> Done {
        let newest = || async {
            let stored = place.documents.get(Subject::Values).await?;
            Ok::<_, DocumentsError>(Newest { text: stored.text, version: stored.version })
        };
        let RolledOut { release, runs, .. } = self.deployer.newest_values_win(&place.code.0, newest).await?;
        let outcome = if runs > 0 { Changed } else { Unchanged };
        let detail = format!("release `{}`, revision {}", release.name, release.revision);
        report.release = Some(Released { name: release.name, revision: release.revision, runs });
        Ok((outcome, detail))
    }

    /// Waits for code servers, then for the system.
    async fn wait(&self, place: &Place, report: &mut Report) -> Done {
        let deadline = Instant::now() + self.settings().timeout;
        let names: Vec<String> = names_in(Subject::Values, &self.texts.values).into_iter().collect();
        let mut waited = self.deployer.deployments_of(&names, &place.around.release).await?;
        let servers = waited.len();
        let system = self.discover().await?;
        let workloads = system.iter().flat_map(|system| system.webservers().chain(system.daemons()));
        waited.extend(workloads.map(|workload| workload.name.clone()));
        let others = waited.len() - servers;
        for name in waited {
            report.ready.push(self.deployer.wait_for(Step::Ready, &Rollout::newest(name), deadline).await?);
        }
        let detail =
            format!("{} and {} of the system ready", counted(servers, "code server"), counted(others, "Deployment"));
        Ok((Unchanged, detail))
    }

    /// Has every webserver serve the workspace, and records.
    async fn activate(&self, report: &mut Report) -> Result<(), (Step, DeployError)> {
        let steps = Steps::default().only(|step| step == Step::Activate);
        let deployer = self.deployer.with_settings(Settings { steps, ..self.settings().clone() });
        let request = Request::of(Aim::Present, Vec::new(), Pair::default()).for_everything();
        let done = deployer.run(&request).await;
        let (of_activation, failed) = match done {
            Ok(report) => (report, None),
            Err(Failed { step, report, error }) => (*report, Some((step, error))),
        };
        let Report { changed, steps, activation, restarted, daemon, recorded, .. } = of_activation;
        report.changed |= changed;
        report.steps.extend(steps);
        (report.activation, report.restarted, report.daemon, report.recorded) =
            (activation, restarted, daemon, recorded);
        failed.map_or(Ok(()), Err)
    }

    async fn verify_documents(&self, place: &Place) -> Done {
        let mut found = Vec::new();
        for subject in BOTH {
            let stored = stored(&place.documents, subject).await?;
            if stored.is_none_or(|stored| stored.text != self.text(subject)) {
                found.push(format!("the {} were changed meanwhile", noun(subject)));
            }
        }
        if found.is_empty() {
            Ok((Unchanged, format!("both documents are those of revision {}, byte for byte", self.revision.number)))
        } else {
            Err(DeployError::NotRestored { found })
        }
    }

    /// Compares everything with what was to be restored.
    async fn verify(&self, place: &Place, system: Option<&System>) -> Done {
        let (_, documents) = self.verify_documents(place).await?;
        let status = self.deployer.status().await?;
        // Entries without a partner, and what lint finds, are as they were recorded. What webservers serve was asked in the
        // step before, which is content with a restart where they may not be asked.
        let counts = |kind| {
            use DriftKind::{ChartOwned, Errors, NoDeployment, NoLocation, Unreachable};
            !matches!(kind, Errors | NoLocation | NoDeployment | ChartOwned | Unreachable)
        };
        let mut found: Vec<String> =
            status.findings.into_iter().filter(|drift| counts(drift.kind)).map(|drift| drift.message).collect();
        if let Some((upgrade, values, _)) = &place.system
            && !matches!(self.carried(upgrade, values).await?, Carried::Same(_))
        {
            found.push(format!("release `{}` does not carry its values", upgrade.target.release));
        }
        if !found.is_empty() {
            return Err(DeployError::NotRestored { found });
        }
        let asked = status.webservers.iter().filter(|webserver| webserver.error.is_none()).count();
        let served = match system {
            Some(_) => format!("{asked} of {} serve them", counted(status.webservers.len(), "webserver")),
            None => "no system".to_owned(),
        };
        Ok((Unchanged, format!("{documents}; {}; {served}", counted(status.servers.len(), "code server"))))
    }
}

/// The ConfigMap of the workspace that the values of a system name.
fn external_config_map(values: &str) -> Option<String> {
    let document = Document::parse(values).ok()?;
    SystemValues::of(&document).external_config_map().map(std::borrow::Cow::into_owned)
}
