//! A job from its beginning to its end: [`Deployer::run`]. Each step is decided from what is there now.

use std::collections::BTreeMap;
use std::time::SystemTime;

use dagster_workspace_core::transform::Subject;
use tracing::Instrument as _;

use super::around::Around;
use super::deployer::Deployer;
use super::documents::{DocumentsError, Edited, Job};
use super::error::{DeployError, Failed};
use super::event::StepOutcome;
use super::event::StepOutcome::{Changed, Skipped, Unchanged};
use super::report::Report;
use super::request::Request;
use super::settings::{ActivateBy, ChartOwned};
use super::step::Step;
use crate::apply::Written;
use crate::cluster::{Owner, Workload};
use crate::plan::Plan;
use crate::rollout::RestartError;
use crate::words::counted;

/// One job under way.
pub(super) struct Run<'r> {
    pub(super) deployer: &'r Deployer,
    pub(super) request: &'r Request,
    pub(super) around: &'r Around,
    pub(super) report: &'r mut Report,
    /// The deployments that it is about.
    pub(super) names: Vec<String>,
    /// When this job wrote the workspace.
    pub(super) written: Option<SystemTime>,
}

impl<'r> Run<'r> {
    pub(super) fn new(
        deployer: &'r Deployer,
        request: &'r Request,
        around: &'r Around,
        report: &'r mut Report,
    ) -> Self {
        Self { deployer, request, around, report, names: request.names().to_vec(), written: None }
    }
}

/// How a step ended that did not fail.
pub(super) type Done = Result<(StepOutcome, String), DeployError>;

impl Deployer {
    /// Carries a request out: all steps that the settings want, in the order of [`Step::order`].
    ///
    /// Both documents are changed in memory, linted and judged together before the first is written. Where nothing is to be
    /// done that is two reads of documents, a read of the release, and one question to every webserver, beside what it takes to
    /// look around: one LIST of Deployments, one GET for each code server of the job, and one LIST of pods for each Deployment of webservers.
    ///
    /// # Errors
    /// [`Failed`] with the step, the reason and what was done before. Running the same request again goes on from there.
    pub async fn run(&self, request: &Request) -> Result<Report, Failed> {
        self.run_as_planned(request, None).await
    }

    pub(super) async fn run_as_planned(&self, request: &Request, plan: Option<&Plan>) -> Result<Report, Failed> {
        let span = tracing::info_span!("deploy", namespace = self.namespace(), names = ?request.names());
        Report::of(async |report| self.carry_out(request, plan, report).await).instrument(span).await
    }

    async fn carry_out(
        &self,
        request: &Request,
        plan: Option<&Plan>,
        report: &mut Report,
    ) -> Result<(), (Step, DeployError)> {
        let around = self.look_around(report).await.map_err(|error| (Step::Discover, error))?;
        report.holders = Some(around.holders.clone());
        let documents = self.documents(&around);
        let first: Step = request.order()[0].into();
        let not_begun = |source| (first, DeployError::Documents { failed: None, source });
        let mut job = documents.begin(request).await.map_err(not_begun)?;
        if let Some(plan) = plan {
            self.check_plan(plan, &around, job.planned()).map_err(|error| (first, error.into()))?;
            if let Some(only_on) = Self::only_on(plan) {
                job.only_on(only_on);
            }
        }
        let planned = job.planned().to_vec();
        if request.texts().is_some() {
            job.pause();
            if let Some(workspace) = self.take_away(&around, &documents, &planned, report).await? {
                job = documents.begin(request).await.map_err(not_begun)?;
                job.expect(Subject::Workspace, &workspace).map_err(not_begun)?;
                for values in planned.iter().filter(|edited| edited.subject == Subject::Values) {
                    job.expect(Subject::Values, &values.before).map_err(not_begun)?;
                }
            }
        }
        report.pairing = job.pairing().clone();
        report.not_found = job.not_found().to_vec();
        report.documents = job.planned().to_vec();
        let mut run = Run::new(self, request, &around, report);
        if request.texts().is_some() {
            run.names = super::rollback::changed(&planned);
        }
        run.preflight(&job).await.map_err(|error| (first, error))?;
        for step in Step::order(request.aim()) {
            if self.settings().steps.has(*step) {
                run.step(*step, &mut job).await.map_err(|error| (*step, error))?;
            }
        }
        drop(job);
        report.tell_from(&planned);
        #[cfg(feature = "object-store")]
        self.record(&around, &documents, report).await.map_err(|error| (Step::Record, error))?;
        Ok(())
    }

    /// One step of a job that is no [`Run`], with its events.
    pub(super) async fn step(
        &self,
        step: Step,
        report: &mut Report,
        perform: impl AsyncFnOnce(&mut Report) -> Done,
    ) -> Result<(), (Step, DeployError)> {
        let running = self.events.start(step);
        let done = perform(report).await;
        report.note(running.end_as(&done));
        done.map(drop).map_err(|error| (step, error))
    }
}

impl Run<'_> {
    /// What would stop the job half way is found before anything is written.
    pub(super) async fn preflight(&mut self, job: &Job<'_>) -> Result<(), DeployError> {
        let settings = self.deployer.settings();
        let changes = |subject| job.planned().iter().any(|edited| edited.subject == subject && edited.is_changed());
        if settings.steps.has(Step::Workspace) && changes(Subject::Workspace) {
            self.check_owner().await?;
            self.check_restarts()?;
        }
        let written = |edited: &&Edited| edited.is_changed() && settings.steps.has(edited.subject.into());
        for edited in job.planned().iter().filter(written) {
            let room = self.deployer.check_room(self.around, edited);
            room.map_err(|source| DeployError::Documents { failed: None, source })?;
        }
        if settings.steps.has(Step::Helm) && changes(Subject::Values) {
            let upgrade = self.deployer.upgrade(self.around)?;
            // Read here, as it is for the hash, so that a wrong path writes nothing.
            upgrade.hash("")?;
            self.deployer.shared.helm.version().await?;
        }
        Ok(())
    }

    /// Whether everything can be restarted that is to be.
    fn check_restarts(&self) -> Result<(), DeployError> {
        let settings = self.deployer.settings();
        if settings.activate_by != ActivateBy::Restart || !settings.steps.has(Step::Activate) {
            return Ok(());
        }
        let config_map = &self.around.holders.workspace.config_map;
        let system = self.around.system.iter();
        let mut workloads = system.flat_map(|system| system.daemons().chain(system.webservers()));
        let paused = |workload: &&Workload| workload.paused && !workload.reloads_with(config_map, &BTreeMap::new());
        match workloads.find(paused) {
            None => Ok(()),
            Some(Workload { name, .. }) => {
                let namespace = self.deployer.namespace().to_owned();
                let source = Box::new(RestartError::Paused { name: name.clone(), namespace });
                Err(DeployError::Restart { name: name.clone(), source })
            }
        }
    }

    /// Whether somebody would take an edit of the workspace back.
    async fn check_owner(&mut self) -> Result<(), DeployError> {
        let (shared, events) = (&self.deployer.shared, &self.deployer.events);
        let holder = &self.around.holders.workspace;
        let owner = self.deployer.owner_of_workspace(holder).await?;
        let config_map = holder.config_map.clone();
        match (&owner, shared.settings.chart_owned) {
            (Owner::Nobody, _) => {}
            (Owner::Helm { .. }, ChartOwned::Refuse) => return Err(DeployError::ChartOwned { config_map, owner }),
            (Owner::Helm { release, .. }, ChartOwned::Allow) => events.warn(
                Step::Workspace,
                format!("`{config_map}` belongs to release `{release}`: its next upgrade takes the change back"),
            ),
            (Owner::Applied { managers }, _) => events.warn(
                Step::Workspace,
                format!("`{config_map}` is applied by `{}`, which may take the change back", managers.join("`, `")),
            ),
        }
        Ok(())
    }

    /// One step, with its events.
    pub(super) async fn step(&mut self, step: Step, job: &mut Job<'_>) -> Result<(), DeployError> {
        let running = self.deployer.events.start(step);
        let span = tracing::info_span!("step", %step);
        let done = self.perform(step, job).instrument(span).await;
        self.report.note(running.end_as(&done));
        done.map(drop)
    }

    async fn perform(&mut self, step: Step, job: &mut Job<'_>) -> Done {
        match step {
            Step::Values => self.write(Subject::Values, job).await,
            Step::Workspace => self.write(Subject::Workspace, job).await,
            Step::Helm => self.roll_out(job).await,
            Step::Ready => self.wait_for_servers(job).await,
            _ => self.activate(job).await,
        }
    }

    async fn write(&mut self, subject: Subject, job: &mut Job<'_>) -> Done {
        if !job.order().contains(&subject) {
            return Ok((Skipped, "not concerned".to_owned()));
        }
        let failed = |source| DeployError::Documents { failed: Some(subject), source };
        let edited = match job.write(subject).await {
            Ok(edited) => edited,
            Err(error) => {
                // It may be written: whoever runs it again finds out.
                self.report.changed |= matches!(error, DocumentsError::Unsettled { .. });
                return Err(failed(error));
            }
        };
        let (written, changes, attempts) = (edited.written, edited.changes.len(), edited.attempts);
        let name = self.around.name(subject);
        let done = match written {
            Written::Nothing => (Unchanged, format!("`{name}` is as asked")),
            _ if attempts > 1 => (Changed, format!("`{name}`, {}, {attempts} attempts", counted(changes, "change"))),
            _ => (Changed, format!("`{name}`, {}", counted(changes, "change"))),
        };
        if subject == Subject::Workspace && written != Written::Nothing {
            self.written = Some(SystemTime::now());
        }
        self.note(edited);
        Ok(done)
    }

    fn note(&mut self, edited: Edited) {
        match self.report.documents.iter_mut().find(|other| other.subject == edited.subject) {
            Some(other) => {
                let requests = other.requests + edited.requests;
                *other = Edited { requests, ..edited };
            }
            None => self.report.documents.push(edited),
        }
    }

    /// A document as it was seen last.
    pub(super) fn document(&self, subject: Subject) -> Option<&Edited> {
        self.report.documents.iter().find(|edited| edited.subject == subject)
    }
}
