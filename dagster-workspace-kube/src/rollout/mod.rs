//! Restarts of Deployments, and whether a rollout has ended: `kubectl rollout restart` and `kubectl rollout status` with an end to
//! every wait, and with the reasons that lie in the pods.
//!
//! [`restart`] changes the pod template and says which generation that made; [`wait`] watches until that generation, or a later
//! one, is what runs. A status that the controller wrote for an earlier generation never counts as done. Read [`RolloutStatus`] first.
//! Deployments only: both charts have nothing else that serves.

mod call;
mod deployment;
mod error;
mod find;
mod pods;
mod restart;
mod status;
mod wait;

pub use error::{RestartError, RolloutError, WaitError};
pub use find::{CodeServers, Found, code_servers};
pub use pods::{Obstacle, Reason};
pub use restart::{CHECKSUM, Cause, FIELD_MANAGER, Restart, Restarted, restart};
pub use status::{Phase, RolloutStatus, status};
pub use wait::{wait, wait_with};

/// Which rollout of a Deployment is meant.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Rollout {
    /// The name of the Deployment.
    pub name: String,
    /// Which life of it: another one is not waited for. `None`: whichever is there.
    pub uid: Option<String>,
    /// The generation that has to be observed at least, as the answer to a write has it. Zero: whichever is there.
    pub generation: i64,
}

impl Rollout {
    /// Whatever is rolled out when one looks first.
    #[must_use]
    pub fn newest(name: impl Into<String>) -> Self {
        Self { name: name.into(), uid: None, generation: 0 }
    }
}
