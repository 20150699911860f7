//! How far a rollout is, by kubectl's rules. [`RolloutStatus`] is one look; its text is kubectl's line.

use std::fmt;

use kube::Client;
use serde::Serialize;

use super::call::Call;
use super::deployment::Deployment;
use super::{Rollout, RolloutError};

/// One look at a rollout, said in kubectl's words:
/// `Waiting for deployment "x" rollout to finish: 1 of 2 updated replicas are available...`
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RolloutStatus {
    /// The name of the Deployment.
    pub name: String,
    /// Which life of it.
    pub uid: String,
    /// The generation that was asked for last, by whomever.
    pub generation: i64,
    /// Whether it is paused, so that changes of the pod template wait.
    pub paused: bool,
    /// How far it is.
    #[serde(flatten)]
    pub phase: Phase,
}

/// What is still to happen, in the order in which kubectl looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// The controller has not seen the newest generation yet: what it says is about an earlier one.
    Unobserved,
    /// No progress for the seconds of `progressDeadlineSeconds`.
    DeadlineExceeded,
    /// New pods are yet to be made.
    Updating {
        /// Pods of the newest template.
        updated: i64,
        /// Pods asked for.
        replicas: i64,
    },
    /// Old pods are yet to go.
    Terminating {
        /// How many.
        old: i64,
    },
    /// New pods are yet to become available.
    Starting {
        /// Available ones, as kubectl counts them.
        available: i64,
        /// Pods of the newest template.
        updated: i64,
    },
    /// What was asked for is what runs.
    Complete,
}

/// Looks once: one GET.
///
/// # Errors
/// [`RolloutError::Missing`] also where the Deployment is another one than `rollout` names.
pub async fn status(client: &Client, namespace: &str, rollout: &Rollout) -> Result<RolloutStatus, RolloutError> {
    let deployment: Deployment = Call { client, namespace, name: &rollout.name }.get().await?;
    if rollout.uid.as_ref().is_some_and(|uid| *uid != deployment.metadata.uid) {
        return Err(RolloutError::Missing { name: rollout.name.clone(), namespace: namespace.to_owned() });
    }
    Ok(RolloutStatus::of(&deployment, rollout.generation))
}

impl RolloutStatus {
    /// `generation`: the earliest one that counts, for a read that is older than the write that made it.
    pub(super) fn of(deployment: &Deployment, generation: i64) -> Self {
        let Deployment { metadata, spec, status } = deployment;
        let replicas = spec.replicas.unwrap_or(1);
        let (updated, available) = (status.updated_replicas, status.available_replicas);
        let late = deployment.condition("Progressing").is_some_and(|of| of.reason == "ProgressDeadlineExceeded");
        let phase = if status.observed_generation < generation.max(metadata.generation) {
            Phase::Unobserved
        } else if late {
            Phase::DeadlineExceeded
        } else if updated < replicas {
            Phase::Updating { updated, replicas }
        } else if status.replicas > updated {
            Phase::Terminating { old: status.replicas - updated }
        } else if available < updated {
            Phase::Starting { available, updated }
        } else {
            Phase::Complete
        };
        Self {
            name: metadata.name.clone(),
            uid: metadata.uid.clone(),
            generation: metadata.generation,
            paused: spec.paused,
            phase,
        }
    }
}

impl fmt::Display for RolloutStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, phase, .. } = self;
        match phase {
            Phase::Unobserved => write!(f, "Waiting for deployment spec update to be observed..."),
            Phase::DeadlineExceeded => write!(f, "deployment \"{name}\" exceeded its progress deadline"),
            Phase::Updating { updated, replicas } => write!(
                f,
                "Waiting for deployment \"{name}\" rollout to finish: {updated} out of {replicas} new replicas have been updated..."
            ),
            Phase::Terminating { old } => write!(
                f,
                "Waiting for deployment \"{name}\" rollout to finish: {old} old replicas are pending termination..."
            ),
            Phase::Starting { available, updated } => write!(
                f,
                "Waiting for deployment \"{name}\" rollout to finish: {available} of {updated} updated replicas are available..."
            ),
            Phase::Complete => write!(f, "deployment \"{name}\" successfully rolled out"),
        }
    }
}
