//! The last step: every webserver serves the workspace, and the daemon reads it.

use std::collections::BTreeSet;
use std::time::SystemTime;

use dagster_workspace_core::pairing::Pairing;
use dagster_workspace_core::transform::Subject;
use dagster_workspace_core::workspace::{CodeLocation, Source, Workspace};
use dagster_workspace_core::yaml::Document;
use tokio::time::Instant;

use super::clock::{clock, now};
use super::deployer::{Deployer, Shared};
use super::documents::{Job, checksum};
use super::error::{DeployError, Late};
use super::event::StepOutcome::{Changed, Skipped, Unchanged};
use super::flow::{Done, Run};
use super::request::{Aim, Scope};
use super::settings::{ActivateBy, Daemon};
use super::status::everything;
use super::step::Step;
use crate::cluster::{self, Projection as MountedAs, Role, Workload};
use crate::reload::{
    self, Activated, Activation, DaemonRead, Expected, ExpectedLocation, Outcome, Projection, ReloadError, Webserver,
};
use crate::rollout::{self, Cause, Restart, Restarted};
use crate::words::counted;

/// A webserver to ask, and the Deployment that it is of.
pub(super) struct Asked<'a> {
    pub(super) webserver: Webserver,
    pub(super) workload: Option<&'a Workload>,
}

impl Run<'_> {
    pub(super) async fn activate(&mut self, job: &mut Job<'_>) -> Done {
        let Some(workspace) = self.document(Subject::Workspace) else {
            return Ok((Skipped, "the workspace is not concerned".to_owned()));
        };
        let (before, text) = (workspace.before.clone(), workspace.text.clone());
        let checksum = checksum(&text);
        if self.written.is_some() {
            job.pause();
        }
        self.tell_daemon().await;
        let restarts = match self.deployer.settings().activate_by {
            ActivateBy::Restart => self.restart_all(&checksum).await?,
            ActivateBy::Reload => 0,
        };
        let asked = self.deployer.webservers(self.around).await?;
        if asked.is_empty() {
            if self.around.system.iter().any(|system| system.webservers().next().is_some()) {
                let message = "no webserver is ready: it reads the workspace when it starts";
                self.deployer.events.warn(Step::Activate, message);
            }
            self.wait_for_daemon().await;
            return Ok((if restarts > 0 { Changed } else { Skipped }, "no webserver to ask".to_owned()));
        }
        let expected = match self.request.scope() {
            Scope::Names => expected(self.request.aim(), &self.names, [&before, &text], self.deployer.namespace()),
            Scope::Everything => self.deployer.expect_everything(&asked, &text).await,
        };
        let activation = self.ask(&asked, &expected).await;
        let (activation, more) = self.restart_where_needed(activation, &asked, &expected, &checksum).await?;
        let reloads: u32 = activation.webservers.iter().map(|activated| activated.reloads).sum();
        let webservers = counted(activation.webservers.len(), "webserver");
        self.report.activation = Some(activation.clone());
        self.report.changed |= reloads > 0 || restarts + more > 0;
        judge(activation)?;
        self.wait_for_daemon().await;
        let detail = match (reloads, restarts + more) {
            (0, 0) => format!("{webservers} serve the workspace"),
            (reloads, 0) => format!("{webservers} serve the workspace, {}", counted(reloads as usize, "reload")),
            (_, restarts) => format!("{webservers} serve the workspace, {} restarted", counted(restarts, "Deployment")),
        };
        Ok((if reloads > 0 || restarts + more > 0 { Changed } else { Unchanged }, detail))
    }

    async fn ask(&self, asked: &[Asked<'_>], expected: &Expected) -> Activation {
        let webservers: Vec<Webserver> = asked.iter().map(|asked| asked.webserver.clone()).collect();
        reload::activate(&webservers, expected, &self.deployer.settings().activation).await
    }

    /// Restarts the Deployments of webservers that cannot be reloaded, and asks again.
    async fn restart_where_needed(
        &mut self,
        activation: Activation,
        asked: &[Asked<'_>],
        expected: &Expected,
        checksum: &str,
    ) -> Result<(Activation, usize), DeployError> {
        let needy = activation.webservers.iter().zip(asked).filter(|(activated, _)| needs_restart(activated));
        let mut workloads: Vec<&Workload> = needy.filter_map(|(_, asked)| asked.workload).collect();
        workloads.dedup_by(|a, b| a.name == b.name);
        if workloads.is_empty() {
            return Ok((activation, 0));
        }
        let restarts = self.restart(&workloads, checksum).await?;
        // Their pods are others now.
        let asked = self.deployer.webservers(self.around).await?;
        let forbidden =
            |activated: &Activated| matches!(activated.outcome, Outcome::Lost { error: ReloadError::Forbidden { .. } });
        if activation.webservers.iter().any(forbidden) {
            self.deployer.events.warn(
                Step::Activate,
                "webservers were restarted and not asked: `create` on `pods/proxy` is not permitted, so it is not known what they serve",
            );
            let webservers = activation.webservers.into_iter().filter(|activated| !forbidden(activated)).collect();
            return Ok((Activation { webservers }, restarts));
        }
        Ok((self.ask(&asked, expected).await, restarts))
    }

    /// The classic way: everything that reads the workspace starts anew.
    async fn restart_all(&mut self, checksum: &str) -> Result<usize, DeployError> {
        let Some(system) = &self.around.system else { return Ok(0) };
        // The daemon first: it is gone for longer.
        let mut workloads: Vec<&Workload> = system.daemons().collect();
        workloads.extend(system.webservers());
        self.restart(&workloads, checksum).await
    }

    /// Restarts Deployments, all at once, and waits for all of them. Says how many did not carry this workspace yet.
    async fn restart(&mut self, workloads: &[&Workload], checksum: &str) -> Result<usize, DeployError> {
        let config_map = self.around.holders.workspace.config_map.clone();
        let cause = Cause::Content { config_map, checksum: checksum.to_owned() };
        let names: Vec<&str> = workloads.iter().map(|workload| workload.name.as_str()).collect();
        let restarted = self.deployer.restart_deployments(&names, &cause, Step::Activate).await?;
        self.report.changed |= !restarted.is_empty();
        let restarts = restarted.len();
        self.report.restarted.extend(restarted);
        Ok(restarts)
    }

    /// Touches the daemon's pods, so that kubelet brings the file soon, and says by when it is read.
    async fn tell_daemon(&mut self) {
        let settings = self.deployer.settings();
        let waits = settings.daemon == Daemon::Wait;
        let Some(written) = self.written.or_else(|| waits.then(SystemTime::now)) else { return };
        let Some(system) = self.around.system.as_ref().filter(|_| settings.activate_by == ActivateBy::Reload) else {
            return;
        };
        for daemon in system.daemons() {
            let projection = self.deployer.hasten(daemon).await;
            let Some(read) = DaemonRead::after(written, projection) else {
                let message =
                    format!("`{}` reads the workspace only when it starts: `restart` restarts it", daemon.name);
                self.deployer.events.warn(Step::Activate, message);
                continue;
            };
            self.report.daemon = Some(read);
            self.deployer
                .events
                .progress(Step::Activate, format!("the daemon has read the workspace by {}", clock(read.by)));
        }
    }

    /// Waits for the daemon, where that is asked for.
    async fn wait_for_daemon(&mut self) {
        let Some(read) = self.report.daemon.filter(|_| self.deployer.settings().daemon == Daemon::Wait) else { return };
        let running = self.deployer.events.start(Step::Daemon);
        reload::wait_daemon(&read, SystemTime::now).await;
        self.report.note(running.end(Unchanged, "the daemon has read the workspace"));
    }
}

impl Deployer {
    /// Every webserver that can be asked: those at the URLs of the settings, else all ready pods. One LIST for each Deployment.
    pub(super) async fn webservers<'a>(
        &self,
        around: &'a super::around::Around,
    ) -> Result<Vec<Asked<'a>>, DeployError> {
        let Shared { client, patient, namespace, settings, .. } = &*self.shared;
        let mut asked = Vec::new();
        if !settings.webservers.is_empty() {
            for url in &settings.webservers {
                asked.push(Asked { webserver: Webserver::at(url)?, workload: None });
            }
            return Ok(asked);
        }
        for workload in around.system.iter().flat_map(cluster::System::webservers) {
            let Some(port) = workload.port else { continue };
            for pod in cluster::pods(client, namespace, workload).await? {
                if !pod.ready || pod.deleting {
                    let reason = pod.reason.unwrap_or_else(|| "it is going".to_owned());
                    self.events.warn(Step::Activate, format!("webserver `{}` is not asked: {reason}", pod.name));
                    continue;
                }
                let webserver = Webserver::in_pod(patient, namespace, &pod.name, port, &workload.path_prefix);
                asked.push(Asked {
                    webserver: webserver.with_projection(projection(workload)),
                    workload: Some(workload),
                });
            }
        }
        Ok(asked)
    }

    /// All of the workspace, and nothing of what any webserver serves beside it.
    async fn expect_everything(&self, asked: &[Asked<'_>], workspace: &str) -> Expected {
        let mut served = Vec::new();
        for Asked { webserver, .. } in asked {
            // Who does not answer now is asked again, and told of then.
            served.extend(webserver.locations(self.settings().activation.patience).await.unwrap_or_default());
        }
        everything(workspace, &served)
    }

    /// Has kubelet look after a daemon's pods, and says how the file gets into them.
    async fn hasten(&self, daemon: &Workload) -> Projection {
        let Shared { client, namespace, .. } = &*self.shared;
        if projection(daemon) == Projection::Never {
            return Projection::Never;
        }
        let Ok(pods) = cluster::pods(client, namespace, daemon).await else { return Projection::OfItself };
        let mut projection = Projection::Hastened;
        for pod in pods {
            if let Err(error) = reload::hasten(client, namespace, &pod.name).await {
                tracing::debug!(%error, pod = pod.name, "not hastened");
                projection = Projection::OfItself;
            }
        }
        projection
    }

    /// Restarts Deployments, all at once, and waits for all of them. Gives those that had to be.
    pub(super) async fn restart_deployments(
        &self,
        names: &[&str],
        cause: &Cause,
        step: Step,
    ) -> Result<Vec<String>, DeployError> {
        let Shared { client, namespace, settings, .. } = &*self.shared;
        let (mut rolling, mut restarted) = (Vec::new(), Vec::new());
        for name in names {
            let field_manager = settings.restart_manager.clone();
            let restart = Restart { cause: cause.clone(), field_manager, ..Restart::new(now()) };
            let answer = rollout::restart(client, namespace, name, &restart).await;
            let answer =
                answer.map_err(|source| DeployError::Restart { name: (*name).to_owned(), source: Box::new(source) })?;
            self.events.progress(step, answer.to_string());
            match answer {
                Restarted::Rolling(rollout) => {
                    restarted.push((*name).to_owned());
                    rolling.push(rollout);
                }
                Restarted::Already(rollout) => rolling.push(rollout),
                Restarted::Reloader { .. } => {}
            }
        }
        let deadline = Instant::now() + settings.timeout;
        for rollout in rolling {
            self.wait_for(step, &rollout, deadline).await?;
        }
        Ok(restarted)
    }
}

/// What the webservers should serve of the deployments of a job.
fn expected(aim: Aim, names: &[String], [before, after]: [&str; 2], own: &str) -> Expected {
    let mut expected = Expected::default();
    let all = |text: &str| -> Vec<(bool, ExpectedLocation)> {
        // What was read once as YAML is YAML.
        let Ok(document) = Document::parse(text.to_owned()) else { return Vec::new() };
        let workspace = Workspace::of(&document);
        let pairing = Pairing::of(&workspace, Some(own));
        let of_job: BTreeSet<usize> = names.iter().flat_map(|name| pairing.locations_of(name)).flatten().collect();
        let all = pairing.locations().iter().enumerate();
        all.filter_map(|(at, location)| Some((of_job.contains(&at), as_served(location)?))).collect()
    };
    let after = all(after);
    if aim == Aim::Present {
        expected.present = after.into_iter().filter(|(of_job, _)| *of_job).map(|(_, location)| location).collect();
        return expected;
    }
    let stays = |name: &str| after.iter().any(|(_, location)| location.name == name);
    expected.absent.extend(all(before).into_iter().map(|(_, location)| location.name).filter(|name| !stays(name)));
    expected.absent.extend(names.iter().filter(|name| !stays(name)).cloned());
    // A location may have another name than its deployment, and a job that was cut off knows no more which.
    let called = |name: &String| after.iter().any(|(_, location)| location.metadata.get("host") == Some(name));
    expected.absent_hosts.extend(names.iter().filter(|name| !called(name)).cloned());
    expected
}

/// A location as a webserver shows it; values in variables may be anything.
pub(super) fn as_served(location: &CodeLocation<'_, '_>) -> Option<ExpectedLocation> {
    let mut expected = ExpectedLocation::new(location.name()?);
    if !location.is_server() {
        return Some(expected);
    }
    if let Some(host) = location.host().and_then(Source::literal) {
        expected = expected.with("host", host);
    }
    if let Some(port) = location.port().and_then(Source::literal) {
        expected = expected.with("port", port.to_string());
    }
    Some(expected)
}

/// How the workspace file gets into the pods of a Deployment.
fn projection(workload: &Workload) -> Projection {
    match workload.mount.as_ref().map(|mount| mount.projection) {
        Some(MountedAs::Directory) => Projection::OfItself,
        Some(MountedAs::SubPath) | None => Projection::Never,
    }
}

/// Whether the webservers of a Deployment read the file only when they start.
pub(super) fn needs_restart_of(workload: &Workload) -> bool {
    workload.role == Role::ReadOnlyWebserver || projection(workload) == Projection::Never
}

/// Whether only a restart makes it read the file, as far as one can tell from here.
fn needs_restart(activated: &Activated) -> bool {
    matches!(activated.outcome, Outcome::NeedsRestart { .. } | Outcome::Lost { error: ReloadError::Forbidden { .. } })
}

/// Whether every webserver serves the workspace.
pub(super) fn judge(activation: Activation) -> Result<(), DeployError> {
    let late = activation.webservers.iter().any(|activated| matches!(activated.outcome, Outcome::Behind { .. }));
    judge_as(activation, if late { Late::Yes } else { Late::No })
}

/// The same, where it is known whether more time may help.
pub(super) fn judge_as(activation: Activation, late: Late) -> Result<(), DeployError> {
    let behind = activation
        .webservers
        .iter()
        .filter(|activated| !matches!(activated.outcome, Outcome::Serving { .. } | Outcome::Failing { .. }));
    match behind.count() {
        0 if activation.is_complete() => Ok(()),
        0 => Err(DeployError::NotLoaded { activation }),
        behind => Err(DeployError::NotActive { behind, late, activation }),
    }
}
