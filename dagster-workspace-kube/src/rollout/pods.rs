//! What keeps the pods of a Deployment from being ready, as far as the API server knows it. [`Obstacle`] is one finding.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::RolloutError;
use super::call::Call;
use super::deployment::{Condition, Deployment, Metadata};

/// What is in the way of a rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Obstacle {
    /// The name of the pod; `None`: it could not even be made.
    pub pod: Option<String>,
    /// Why it is not ready.
    pub reason: Reason,
}

/// Why a pod is not ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The cluster does not let it be made: a quota, an admission rule, a missing service account.
    NotCreated {
        /// What the controller says.
        message: String,
    },
    /// No node takes it.
    Unschedulable {
        /// What the scheduler says.
        message: String,
    },
    /// Its image is not to be had.
    ImagePull {
        /// The container.
        container: String,
        /// The image.
        image: String,
        /// In one word, such as `ImagePullBackOff`.
        reason: String,
        /// What the kubelet says.
        message: String,
    },
    /// It starts and ends, again and again.
    Crash {
        /// The container.
        container: String,
        /// Of the last end; `None`: not known.
        exit_code: Option<i64>,
        /// Of the last end, in one word, such as `OOMKilled`.
        reason: String,
        /// The last words: what the container wrote as its termination message, or the end of its log where the pod asks for that.
        message: String,
        /// How often it was started again.
        restarts: i64,
    },
    /// It waits for something else, such as a Secret that is not there.
    Waiting {
        /// The container.
        container: String,
        /// In one word, such as `CreateContainerConfigError`.
        reason: String,
        /// What the kubelet says.
        message: String,
    },
    /// An init container has not ended yet. Dagster's pods wait for their database in one.
    Initializing {
        /// The init container.
        container: String,
    },
    /// It runs, and its startup or readiness probe does not succeed.
    ProbeFailing {
        /// The container.
        container: String,
    },
    /// It ended as a whole, such as by eviction.
    Failed {
        /// In one word.
        reason: String,
        /// What the kubelet says.
        message: String,
    },
    /// Nothing is known yet.
    Pending,
}

/// The pods of the newest template that are not ready, and where there are none, those of older ones.
pub(super) async fn obstacles(call: &Call<'_>, deployment: &Deployment) -> Result<Vec<Obstacle>, RolloutError> {
    let pods: Vec<Pod> = call.pods(&deployment.spec.selector.query()).await?;
    let mut unready: Vec<&Pod> = pods.iter().filter(|pod| pod.is_unready()).collect();
    let wanted = &deployment.spec.template.metadata.annotations;
    let newest = |pod: &Pod| wanted.iter().all(|(key, value)| pod.metadata.annotations.get(key) == Some(value));
    if unready.iter().any(|pod| newest(pod)) {
        unready.retain(|pod| newest(pod));
    }
    let failure = deployment.condition("ReplicaFailure").filter(|of| of.status == "True");
    let not_created =
        failure.map(|of| Obstacle { pod: None, reason: Reason::NotCreated { message: of.message.clone() } });
    let pods = unready.into_iter().map(|pod| Obstacle { pod: Some(pod.metadata.name.clone()), reason: pod.reason() });
    let mut obstacles: Vec<Obstacle> = not_created.into_iter().chain(pods).collect();
    // What says most comes first.
    obstacles.sort_by_key(|obstacle| matches!(obstacle.reason, Reason::Pending | Reason::ProbeFailing { .. }));
    Ok(obstacles)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Pod {
    metadata: Metadata,
    status: PodStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PodStatus {
    phase: String,
    reason: String,
    message: String,
    conditions: Vec<Condition>,
    init_container_statuses: Vec<Container>,
    container_statuses: Vec<Container>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Container {
    name: String,
    image: String,
    ready: bool,
    restart_count: i64,
    state: BTreeMap<String, State>,
    last_state: BTreeMap<String, State>,
}

/// Of a container that waits, runs or has ended: what any of them has.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct State {
    exit_code: Option<i64>,
    reason: String,
    message: String,
}

impl Pod {
    fn is_unready(&self) -> bool {
        let ready = self.condition("Ready").is_some_and(|of| of.status == "True");
        self.metadata.deletion_timestamp.is_none() && !ready
    }

    fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status.conditions.iter().find(|condition| condition.kind == kind)
    }

    fn reason(&self) -> Reason {
        let PodStatus { phase, reason, message, init_container_statuses: first, container_statuses: then, .. } =
            &self.status;
        if phase == "Failed" {
            return Reason::Failed { reason: reason.clone(), message: message.clone() };
        }
        let scheduled = self.condition("PodScheduled");
        if let Some(of) = scheduled.filter(|of| of.status == "False") {
            return Reason::Unschedulable { message: of.message.clone() };
        }
        if let Some(said) = first.iter().chain(then).find_map(Container::trouble) {
            return said;
        }
        let initializing = first.iter().find(|container| container.state.contains_key("running"));
        if let Some(container) = initializing {
            return Reason::Initializing { container: container.name.clone() };
        }
        let running = then.iter().find(|container| !container.ready && container.state.contains_key("running"));
        running.map_or(Reason::Pending, |container| Reason::ProbeFailing { container: container.name.clone() })
    }
}

impl Container {
    /// What goes wrong with it, where something does.
    fn trouble(&self) -> Option<Reason> {
        let container = self.name.clone();
        let ended = self.state.get("terminated").or_else(|| self.last_state.get("terminated"));
        let crash = |ended: &State| Reason::Crash {
            container: container.clone(),
            exit_code: ended.exit_code,
            reason: ended.reason.clone(),
            message: ended.message.clone(),
            restarts: self.restart_count,
        };
        if let Some(waiting) = self.state.get("waiting") {
            let (reason, message) = (waiting.reason.clone(), waiting.message.clone());
            return match reason.as_str() {
                // What every container says on its way.
                "" | "ContainerCreating" | "PodInitializing" => None,
                "CrashLoopBackOff" => Some(ended.map_or_else(|| crash(waiting), crash)),
                "ImagePullBackOff"
                | "ErrImagePull"
                | "InvalidImageName"
                | "ErrImageNeverPull"
                | "ImageInspectError"
                | "RegistryUnavailable" => {
                    Some(Reason::ImagePull { container, image: self.image.clone(), reason, message })
                }
                _ => Some(Reason::Waiting { container, reason, message }),
            };
        }
        // An init container that ended well has done its part; one that runs again after an end may still crash again.
        ended.filter(|ended| !self.ready && ended.exit_code != Some(0)).map(crash)
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pod {
            Some(pod) => write!(f, "pod `{pod}`: {}", self.reason),
            None => write!(f, "{}", self.reason),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCreated { message } => write!(f, "a pod cannot be created: {message}"),
            Self::Unschedulable { message } => write!(f, "no node takes it: {message}"),
            Self::ImagePull { image, reason, message, .. } => {
                write!(f, "image `{image}` cannot be pulled: {}", said(reason, message))
            }
            Self::Crash { container, exit_code, reason, message, restarts } => {
                write!(f, "container `{container}` crashes, {restarts} restarts")?;
                match exit_code {
                    Some(code) => write!(f, ", exit code {code}: {}", said(reason, message)),
                    None => write!(f, ": {}", said(reason, message)),
                }
            }
            Self::Waiting { container, reason, message } => {
                write!(f, "container `{container}` waits: {}", said(reason, message))
            }
            Self::Initializing { container } => write!(f, "init container `{container}` has not ended"),
            Self::ProbeFailing { container } => {
                write!(f, "container `{container}` runs, and its probe does not succeed")
            }
            Self::Failed { reason, message } => write!(f, "failed: {}", said(reason, message)),
            Self::Pending => f.write_str("has not started"),
        }
    }
}

/// A word, and the last line of what is said beside it: of a traceback that is the line which tells.
fn said(reason: &str, message: &str) -> String {
    let line = message.lines().map(str::trim).rfind(|line| !line.is_empty());
    match line {
        Some(line) => format!("{reason}: {line}"),
        None => reason.to_owned(),
    }
}
