//! When the daemon has read a changed workspace file. It reads by itself and cannot be asked: [`DaemonRead`] is arithmetic.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::Projection;

/// Dagster's `RELOAD_WORKSPACE_INTERVAL`, and the five seconds of the loop that looks whether it is over.
const INTERVAL: Duration = Duration::from_secs(65);
/// Kubelet looks after a pod whose annotations were touched at once; this is what it is given.
const HASTENED: Duration = Duration::from_secs(10);
/// Kubelet's own round of 60 seconds with its jitter, and the age of what it had cached.
const OF_ITSELF: Duration = Duration::from_secs(90);

/// By when the daemon has read the workspace file.
///
/// An upper bound for a daemon that runs and whose code servers answer; each that accepts connections and never answers
/// delays it by 20 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DaemonRead {
    /// When the ConfigMap was written.
    pub written: SystemTime,
    /// When the daemon has read it at the latest.
    pub by: SystemTime,
}

impl DaemonRead {
    /// For a ConfigMap that was written at `written` and reaches the daemon's pod by `projection`; `None` where it never does
    /// without a restart.
    #[must_use]
    pub fn after(written: SystemTime, projection: Projection) -> Option<Self> {
        let arrives = match projection {
            Projection::Hastened => HASTENED,
            Projection::OfItself => OF_ITSELF,
            Projection::Never => return None,
        };
        Some(Self { written, by: written.checked_add(arrives + INTERVAL)? })
    }

    /// How long until then, as seen from `now`.
    #[must_use]
    pub fn remaining(&self, now: SystemTime) -> Duration {
        self.by.duration_since(now).unwrap_or_default()
    }
}

/// Waits until the daemon has read. `now` is the clock: asked again after each wait, as a machine may have slept.
pub async fn wait_daemon(read: &DaemonRead, now: impl Fn() -> SystemTime) {
    loop {
        let remaining = read.remaining(now());
        if remaining.is_zero() {
            return;
        }
        tokio::time::sleep(remaining).await;
    }
}
