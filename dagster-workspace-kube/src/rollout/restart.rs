//! `kubectl rollout restart` of one Deployment, once for everybody who wants it for the same reason. Start with [`restart`].

use std::fmt;
use std::time::Duration;

use dagster_workspace_core::time::Timestamp;
use kube::Client;
use serde::Serialize;
use serde_json::json;

use super::call::Call;
use super::deployment::Deployment;
use super::{RestartError, Rollout, RolloutError};

/// The annotation of the pod template that names the content its pods started with.
pub const CHECKSUM: &str = "dagster-workspace/checksum";

/// Under whose name the pod template is changed: as kubectl does it, which is the name that GitOps tools are told to accept.
pub const FIELD_MANAGER: &str = "kubectl-rollout";

/// kubectl's own annotation, so that its history and ours are one.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// What kind of restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    /// Why.
    pub cause: Cause,
    /// The time, of which the annotation has whole seconds.
    pub now: Timestamp,
    /// Who is recorded as the writer of the annotations. Flux takes restarts back unless this is `flux-client-side-apply`.
    pub field_manager: String,
    /// Wall-clock time for everything. Others may change the Deployment in between, then it is read again.
    pub deadline: Duration,
}

/// Why pods are to be replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Somebody asks for new pods.
    Asked,
    /// A ConfigMap has other content, which running pods do not see. Pods that started with it stay.
    Content {
        /// The ConfigMap, by which Stakater Reloader may restart the pods already.
        config_map: String,
        /// Any text that stands for the content, kept in the annotation [`CHECKSUM`]. The same text means: no restart needed.
        checksum: String,
    },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "restart", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Restarted {
    /// The pod template was changed. This is the rollout to wait for.
    Rolling(Rollout),
    /// Left alone: the pods of this rollout start, or have started, with this content.
    Already(Rollout),
    /// Left alone: Stakater Reloader restarts it.
    Reloader {
        /// The annotation that says so.
        annotation: &'static str,
    },
}

impl Restart {
    /// A plain restart, as kubectl does it.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { cause: Cause::Asked, now, field_manager: FIELD_MANAGER.to_owned(), deadline: Duration::from_secs(60) }
    }
}

/// Has all pods of a Deployment replaced, by its own strategy. Two requests: one GET, one PATCH; for [`Cause::Content`] two more for each
/// time that somebody else changed the Deployment in between, its controller included.
///
/// Callers with the same content share one restart: the PATCH names the version that was read, so the first one succeeds, and all
/// others find its checksum. kubectl refuses a second restart within one second; this one takes the next second, because pods that
/// started earlier in this second may have missed what the caller did since.
///
/// # Errors
/// [`RestartError::Paused`], [`RestartError::TimedOut`]; [`RestartError::Call`] where the Deployment is missing or the verbs `get` and
/// `patch` are.
///
/// # Example
/// ```no_run
/// # use dagster_workspace_kube::rollout::{self, Restart, Restarted};
/// # async fn example(client: kube::Client, now: dagster_workspace_core::time::Timestamp) -> Result<(), Box<dyn std::error::Error>> {
/// let restarted = rollout::restart(&client, "dagster", "dagster-daemon", &Restart::new(now)).await?;
/// if let Restarted::Rolling(rollout) | Restarted::Already(rollout) = restarted {
///     let status = rollout::wait(&client, "dagster", &rollout, std::time::Duration::from_secs(600)).await?;
///     println!("{status}");
/// }
/// # Ok(())
/// # }
/// ```
pub async fn restart(
    client: &Client,
    namespace: &str,
    name: &str,
    restart: &Restart,
) -> Result<Restarted, RestartError> {
    let call = Call { client, namespace, name };
    let mut attempts = Attempts { call, restart, sent: 0, lost: Vec::new(), last: None };
    if let Ok(outcome) = tokio::time::timeout(restart.deadline, attempts.run()).await {
        return outcome;
    }
    Err(RestartError::TimedOut {
        name: name.to_owned(),
        namespace: namespace.to_owned(),
        after: restart.deadline,
        attempts: attempts.sent,
        source: attempts.last.map(Box::new),
    })
}

struct Attempts<'a> {
    call: Call<'a>,
    restart: &'a Restart,
    sent: u32,
    /// The times that may have been written by a patch without an answer.
    lost: Vec<String>,
    last: Option<RolloutError>,
}

impl Attempts<'_> {
    async fn run(&mut self) -> Result<Restarted, RestartError> {
        let mut ceiling = Duration::from_millis(50);
        loop {
            match self.attempt().await {
                // Status 409: somebody else changed it since it was read.
                Err(RestartError::Call(
                    error @ (RolloutError::Unanswered { .. } | RolloutError::Refused { status: 409, .. }),
                )) => self.last = Some(error),
                outcome => return outcome,
            }
            // Full jitter: callers that collided once do not do so again.
            tokio::time::sleep(ceiling.mul_f64(fastrand::f64())).await;
            ceiling = (ceiling * 2).min(Duration::from_secs(1));
        }
    }

    async fn attempt(&mut self) -> Result<Restarted, RestartError> {
        let deployment = self.call.get().await?;
        let found = deployment.spec.template.metadata.annotations.get(RESTARTED_AT);
        if found.is_some_and(|found| self.lost.contains(found)) {
            // It was written after all.
            return Ok(Restarted::Rolling(rollout(&deployment)));
        }
        if let Some(left_alone) = left_alone(&deployment, &self.restart.cause) {
            return Ok(left_alone);
        }
        if deployment.spec.paused {
            let (name, namespace) = (self.call.name.to_owned(), self.call.namespace.to_owned());
            return Err(RestartError::Paused { name, namespace });
        }
        let now = self.restart.now;
        let taken = found.and_then(|found| found.parse().ok()) == Some(now);
        let now = if taken { now.after(1) } else { now }.to_string();
        let mut patch = json!({"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: now}}}}});
        if let Cause::Content { checksum, .. } = &self.restart.cause {
            patch["spec"]["template"]["metadata"]["annotations"][CHECKSUM] = checksum.as_str().into();
            patch["metadata"] = json!({"resourceVersion": deployment.metadata.resource_version});
        }
        self.sent += 1;
        match self.call.patch(&patch, &self.restart.field_manager).await {
            Ok(patched) => Ok(Restarted::Rolling(rollout(&patched))),
            Err(error) => {
                if matches!(error, RolloutError::Unanswered { .. }) {
                    self.lost.push(now);
                }
                Err(error.into())
            }
        }
    }
}

fn rollout(deployment: &Deployment) -> Rollout {
    let metadata = &deployment.metadata;
    Rollout { name: metadata.name.clone(), uid: Some(metadata.uid.clone()), generation: metadata.generation }
}

/// Whether somebody else has seen to the restart, or will.
fn left_alone(deployment: &Deployment, cause: &Cause) -> Option<Restarted> {
    let Cause::Content { config_map, checksum } = cause else { return None };
    let template = &deployment.spec.template.metadata.annotations;
    if template.get(CHECKSUM) == Some(checksum) {
        return Some(Restarted::Already(rollout(deployment)));
    }
    let annotation = |key: &str| deployment.metadata.annotations.get(key).or_else(|| template.get(key));
    let on = |key: &str| annotation(key).is_some_and(|value| value == "true");
    let names = |key: &str| annotation(key).is_some_and(|value| value.split(',').any(|name| name.trim() == config_map));
    // Reloader's `search` depends on annotations of the ConfigMap. It is not asked for here: two restarts are better than none.
    let excluded = names("configmaps.exclude.reloader.stakater.com/reload");
    let automatic = ["reloader.stakater.com/auto", "configmap.reloader.stakater.com/auto"];
    let automatic = automatic.into_iter().find(|key| on(key) && !excluded);
    let named = Some("configmap.reloader.stakater.com/reload").filter(|key| names(key));
    named.or(automatic).map(|annotation| Restarted::Reloader { annotation })
}

impl fmt::Display for Restarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rolling(rollout) => write!(f, "deployment `{}` restarted", rollout.name),
            Self::Already(rollout) => write!(f, "deployment `{}` has been restarted for this content", rollout.name),
            Self::Reloader { annotation } => write!(f, "left to Stakater Reloader, by annotation `{annotation}`"),
        }
    }
}
