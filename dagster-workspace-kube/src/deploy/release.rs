//! The steps between the documents: the release brought to the newest values, and its code servers ready.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dagster_workspace_core::transform::Subject;
use tokio::time::Instant;

use super::deployer::{Deployer, Shared};
use super::documents::{DocumentsError, Job};
use super::error::DeployError;
use super::event::StepOutcome::{Changed, Skipped, Unchanged};
use super::flow::{Done, Run};
use super::report::Released;
use super::request::{Aim, Scope};
use super::step::Step;
use crate::cluster;
use crate::helm::{self, Newest, RolledOut, Upgrade};
use crate::lease::{Claim, Claimant, LeaseError, Turn};
use crate::rollout::{self, CodeServers, Rollout};
use crate::store::Version;
use crate::words::counted;

impl Run<'_> {
    /// Brings the release to the newest values, and runs helm only where it does not carry them yet.
    pub(super) async fn roll_out(&mut self, job: &mut Job<'_>) -> Done {
        let upgrade = self.deployer.upgrade(self.around)?;
        let shared = &self.deployer.shared;
        let values = self.document(Subject::Values).filter(|values| !values.is_changed());
        if let Some(text) = values.map(|values| values.text.clone())
            && let Some(release) = shared.helm.release(&shared.client, &upgrade.target).await?
            && release.is_deployed_from(&upgrade.hash(&text)?)
        {
            let detail = format!("release `{}` carries these values, revision {}", release.name, release.revision);
            self.report.release = Some(Released { name: release.name, revision: release.revision, runs: 0 });
            return Ok((Unchanged, detail));
        }
        // helm takes long; what others change meanwhile is read again.
        job.pause();
        let documents = self.deployer.documents(self.around);
        let newest = || async {
            let stored = documents.get(Subject::Values).await?;
            Ok::<_, DocumentsError>(Newest { text: stored.text, version: stored.version })
        };
        let RolledOut { release, runs, .. } = self.deployer.newest_values_win(&upgrade, newest).await?;
        let detail = match runs {
            0 => format!("release `{}` carries these values by now, revision {}", release.name, release.revision),
            _ => format!("release `{}`, revision {}", release.name, release.revision),
        };
        self.report.release = Some(Released { name: release.name, revision: release.revision, runs });
        Ok((if runs == 0 { Unchanged } else { Changed }, detail))
    }

    /// Waits until the code servers of the job are ready.
    pub(super) async fn wait_for_servers(&mut self, job: &mut Job<'_>) -> Done {
        if self.request.scope() == Scope::Everything && self.request.texts().is_none() {
            return self.look_at_servers().await;
        }
        let names = &self.names;
        if self.request.aim() == Aim::Absent || names.is_empty() {
            return Ok((Skipped, "nothing to wait for".to_owned()));
        }
        // Deployments that were there before helm ran are there still; new ones have to be looked for.
        let ran = self.report.release.as_ref().is_none_or(|release| release.runs > 0);
        let known = |name: &String| {
            self.around.servers.iter().find(|server| {
                server.name == *name && server.release.as_ref().is_none_or(|release| *release == self.around.release)
            })
        };
        let found: Option<Vec<_>> =
            names.iter().map(|name| known(name).map(|server| server.deployment.clone())).collect();
        let deployments = match found.filter(|_| !ran) {
            Some(deployments) => deployments,
            None => self.deployer.deployments_of(names, &self.around.release).await?,
        };
        let shared = &self.deployer.shared;
        let deadline = Instant::now() + shared.settings.timeout;
        for name in deployments {
            let rollout = Rollout::newest(name.as_str());
            let status = match rollout::status(&shared.client, &shared.namespace, &rollout).await? {
                status if status.phase == rollout::Phase::Complete => status,
                _ => {
                    job.pause();
                    self.deployer.wait_for(Step::Ready, &rollout, deadline).await?
                }
            };
            self.report.ready.push(status);
        }
        let ready = counted(self.report.ready.len(), "code server");
        Ok((Unchanged, format!("{ready} ready")))
    }
}

impl Run<'_> {
    /// Of all code servers those that are not ready are told, and nobody waits for them: they may be broken for other reasons.
    async fn look_at_servers(&mut self) -> Done {
        let shared = &self.deployer.shared;
        let servers = cluster::code_servers(&shared.client, &shared.namespace).await?;
        let servers: Vec<_> =
            servers.into_iter().filter(|of| of.release.as_ref() == Some(&self.around.release)).collect();
        for server in servers.iter().filter(|server| server.ready < server.replicas) {
            let message = format!("`{}` is not ready: {} of {} pods", server.name, server.ready, server.replicas);
            self.deployer.events.warn(Step::Ready, message);
        }
        let ready = servers.iter().filter(|server| server.ready >= server.replicas).count();
        Ok((Unchanged, format!("{ready} of {} ready", counted(servers.len(), "code server"))))
    }
}

impl Deployer {
    /// Runs helm until the release carries the newest values, while no other job does.
    pub(super) async fn newest_values_win<F>(
        &self,
        upgrade: &Upgrade,
        newest: impl FnMut() -> F,
    ) -> Result<RolledOut<Version>, DeployError>
    where
        F: Future<Output = Result<Newest<Version>, DocumentsError>>,
    {
        let Shared { client, settings, helm, helm_turn, .. } = &*self.shared;
        let _turn = helm_turn.lock().await;
        let lease = self.take_lease(&upgrade.target.release).await?;
        let tell = |step: helm::Step| self.events.progress(Step::Helm, told(&step));
        let rolled_out = helm.roll_out(client, upgrade, &settings.patience, newest, tell).await;
        if let Some(Turn::Held(held)) = lease
            && let Err(error) = held.release().await
        {
            self.events.warn(Step::Helm, format!("{error}: other jobs wait until it expires"));
        }
        rolled_out.map_err(|error| DeployError::RollOut(Box::new(error)))
    }

    /// The turn among jobs of all machines; `None` where leases cannot be had, which costs a second run of helm at worst.
    async fn take_lease(&self, release: &str) -> Result<Option<Turn>, DeployError> {
        let Shared { client, namespace, settings, .. } = &*self.shared;
        let claim = Claim::new(format!("dagster-workspace-{release}"), &who());
        let mut claimant = Claimant::new(client, namespace, claim);
        let first = claimant.attempt(std::time::SystemTime::now()).await;
        let turn = match first {
            Err(LeaseError::Taken { holder, .. }) => {
                self.events
                    .progress(Step::Helm, format!("waits for the job `{holder}`, which is at work on the release"));
                claimant.acquire(settings.patience.deadline).await
            }
            turn => turn,
        };
        match turn {
            Ok(Turn::NotPermitted { reason }) => {
                tracing::debug!(reason, "without a lease");
                Ok(None)
            }
            Ok(turn) => Ok(Some(turn)),
            Err(error @ LeaseError::TimedOut { .. }) => Err(error.into()),
            Err(error) => {
                self.events.warn(Step::Helm, format!("{error}: going on without it"));
                Ok(None)
            }
        }
    }

    /// The Deployments of these code servers.
    pub(super) async fn deployments_of(&self, names: &[String], release: &str) -> Result<Vec<String>, DeployError> {
        let Shared { client, namespace, .. } = &*self.shared;
        let wanted = CodeServers { names: names.to_vec(), release: Some(release.to_owned()) };
        let rollout::Found { deployments, missing } = rollout::code_servers(client, namespace, &wanted).await?;
        if missing.is_empty() {
            Ok(deployments.into_values().flatten().collect())
        } else {
            Err(DeployError::NoCodeServer { release: release.to_owned(), names: missing })
        }
    }

    /// Waits for one rollout until `deadline`, telling what it looks like.
    pub(super) async fn wait_for(
        &self,
        step: Step,
        rollout: &Rollout,
        deadline: Instant,
    ) -> Result<rollout::RolloutStatus, DeployError> {
        let Shared { client, namespace, .. } = &*self.shared;
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
        let seen = |status: &rollout::RolloutStatus| self.events.progress(step, status.to_string());
        let waited = rollout::wait_with(client, namespace, rollout, left, seen).await;
        waited.map_err(|source| DeployError::NotReady { name: rollout.name.clone(), source: Box::new(source) })
    }
}

/// Who takes the lease: the machine, and which program and job on it.
fn who() -> String {
    static JOBS: AtomicU32 = AtomicU32::new(0);
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "job".to_owned());
    format!("{host}-{}-{}", std::process::id(), JOBS.fetch_add(1, Ordering::Relaxed))
}

fn told(step: &helm::Step) -> String {
    match step {
        helm::Step::Upgrade { revision, .. } => format!("helm writes revision {revision}"),
        helm::Step::Wait { reason } => format!("waits for another helm: {reason}"),
        helm::Step::Recover { revision, status, to: Some(to) } => {
            format!("revision {revision} is stuck in {}: goes back to revision {to}", status.as_str())
        }
        helm::Step::Recover { revision, status, to: None } => {
            format!("revision {revision} is stuck in {}: uninstalls the release", status.as_str())
        }
    }
}
