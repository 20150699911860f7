//! Waiting until a rollout has ended. One LIST, then one watch; no polling. Start with [`wait`].

use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use kube::Client;
use kube::api::WatchEvent;
use tokio::time::{Instant, timeout};

use super::call::Call;
use super::deployment::Deployment;
use super::pods::{Obstacle, obstacles};
use super::{Phase, Rollout, RolloutError, RolloutStatus, WaitError};

/// How long may be looked at the pods after a rollout ended badly.
const LOOK: Duration = Duration::from_secs(5);

/// Waits until a rollout is complete by kubectl's rules, but for at least the generation that `rollout` names, and for that life of the
/// Deployment only. `deadline` is wall-clock time from the call; where it ends badly, up to five seconds more are spent on asking the
/// pods why.
///
/// A watch that ends, by the server's habit, on a lost connection or because its version is too old, is begun anew from a LIST. Pods
/// that cannot start do not end the wait, for they may still come right; the controller's `progressDeadlineSeconds` does.
///
/// # Errors
/// See [`WaitError`]. Needs the verbs `list` and `watch` on Deployments; without `list` on pods the reasons are missing.
pub async fn wait(
    client: &Client,
    namespace: &str,
    rollout: &Rollout,
    deadline: Duration,
) -> Result<RolloutStatus, WaitError> {
    wait_with(client, namespace, rollout, deadline, |_| {}).await
}

/// The same, showing every look that differs from the one before.
///
/// # Errors
/// As [`wait`].
pub async fn wait_with(
    client: &Client,
    namespace: &str,
    rollout: &Rollout,
    deadline: Duration,
    seen: impl FnMut(&RolloutStatus),
) -> Result<RolloutStatus, WaitError> {
    let call = Call { client, namespace, name: &rollout.name };
    let mut watched = Watched { call, rollout: rollout.clone(), seen, last: None };
    let end = timeout(deadline, watched.end()).await;
    let (name, namespace) = (rollout.name.clone(), namespace.to_owned());
    match (end, watched.last) {
        (Ok(Err(error)), _) => Err(error.into()),
        (Ok(Ok(End::Complete(status))), _) => Ok(status),
        (Ok(Ok(End::Paused(status))), _) => Err(WaitError::Paused { status }),
        (Ok(Ok(End::Deleted)), _) => Err(WaitError::Deleted { name, namespace }),
        (Ok(Ok(End::DeadlineExceeded(status))), last) => {
            let (obstacles, unlisted) = look(&call, last.as_ref()).await;
            Err(WaitError::DeadlineExceeded { status, obstacles, unlisted })
        }
        (Err(_), last) => {
            let (obstacles, unlisted) = look(&call, last.as_ref()).await;
            let status = last.map(|(_, status)| status);
            Err(WaitError::TimedOut { name, after: deadline, status, obstacles, unlisted })
        }
    }
}

/// How a rollout ended.
enum End {
    Complete(RolloutStatus),
    DeadlineExceeded(RolloutStatus),
    Paused(RolloutStatus),
    Deleted,
}

struct Watched<'a, F> {
    call: Call<'a>,
    rollout: Rollout,
    seen: F,
    last: Option<(Deployment, RolloutStatus)>,
}

impl<F: FnMut(&RolloutStatus)> Watched<'_, F> {
    async fn end(&mut self) -> Result<End, RolloutError> {
        let mut ceiling = Duration::from_millis(100);
        loop {
            let begun = Instant::now();
            match self.follow().await {
                Err(RolloutError::Unanswered { .. }) | Ok(None) => {}
                Err(error) => return Err(error),
                Ok(Some(end)) => return Ok(end),
            }
            // A watch that ends as soon as it begins must not become a storm of requests.
            if begun.elapsed() > Duration::from_secs(5) {
                ceiling = Duration::from_millis(100);
            }
            tokio::time::sleep(ceiling.mul_f64(fastrand::f64())).await;
            ceiling = (ceiling * 2).min(Duration::from_secs(2));
        }
    }

    /// One LIST and one watch. `None`: the watch ended before the rollout.
    async fn follow(&mut self) -> Result<Option<End>, RolloutError> {
        let list = self.call.list().await?;
        let Some(deployment) = list.items.into_iter().next() else {
            let (name, namespace) = (self.call.name.to_owned(), self.call.namespace.to_owned());
            // It was there: whoever restarted it has seen it, or an earlier look has.
            let known = self.rollout.uid.is_some();
            return if known { Ok(Some(End::Deleted)) } else { Err(RolloutError::Missing { name, namespace }) };
        };
        if let Some(end) = self.look_at(deployment) {
            return Ok(Some(end));
        }
        let mut events = pin!(self.call.watch(&list.metadata.resource_version).await?);
        while let Some(event) = events.try_next().await? {
            let end = match event {
                WatchEvent::Added(deployment) | WatchEvent::Modified(deployment) => self.look_at(deployment),
                WatchEvent::Deleted(_) => Some(End::Deleted),
                WatchEvent::Bookmark(_) => None,
                // The version is too old, mostly.
                WatchEvent::Error(_) => return Ok(None),
            };
            if end.is_some() {
                return Ok(end);
            }
        }
        Ok(None)
    }

    fn look_at(&mut self, deployment: Deployment) -> Option<End> {
        let uid = self.rollout.uid.get_or_insert_with(|| deployment.metadata.uid.clone());
        if *uid != deployment.metadata.uid {
            return Some(End::Deleted);
        }
        let status = RolloutStatus::of(&deployment, self.rollout.generation);
        if self.last.as_ref().is_none_or(|(_, last)| *last != status) {
            (self.seen)(&status);
        }
        self.last = Some((deployment, status.clone()));
        match status.phase {
            Phase::Complete => Some(End::Complete(status)),
            Phase::DeadlineExceeded => Some(End::DeadlineExceeded(status)),
            // Pods of the newest template are made only once it is resumed.
            Phase::Updating { .. } if status.paused => Some(End::Paused(status)),
            _ => None,
        }
    }
}

/// What the pods say. That they cannot be asked is no reason to hide how the rollout ended.
async fn look(
    call: &Call<'_>,
    last: Option<&(Deployment, RolloutStatus)>,
) -> (Vec<Obstacle>, Option<Box<RolloutError>>) {
    let Some((deployment, _)) = last else { return (Vec::new(), None) };
    match timeout(LOOK, obstacles(call, deployment)).await {
        Ok(Ok(obstacles)) => (obstacles, None),
        Ok(Err(error)) => (Vec::new(), Some(Box::new(error))),
        Err(elapsed) => (Vec::new(), Some(Box::new(RolloutError::Unanswered { source: elapsed.into() }))),
    }
}
