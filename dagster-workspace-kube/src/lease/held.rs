//! A lease while it is held: [`Held`] renews it, and gives it back.

use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::LeaseError;
use super::call::{Answer, Calls};
use super::object::Object;

/// A lease that is ours, as far as one can know. Renewed until it is given back, by [`Held::release`] or by dropping it.
#[derive(Debug)]
pub struct Held {
    /// Dropped to end the renewals.
    stop: oneshot::Sender<()>,
    lost: watch::Receiver<bool>,
    renewing: JoinHandle<Result<(), LeaseError>>,
    takeover: Option<String>,
}

impl Held {
    /// Begins to renew what was just written.
    pub(super) fn start(calls: Calls, object: Object, takeover: Option<String>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (tell, lost) = watch::channel(false);
        let renewing = tokio::spawn(renew(calls, object, stopped, tell));
        Self { stop, lost, renewing, takeover }
    }

    /// Whether somebody else took it, or it could not be renewed in time.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        *self.lost.borrow()
    }

    /// Waits until it is lost, which may never be.
    pub async fn lost(&self) {
        let mut lost = self.lost.clone();
        if lost.wait_for(|lost| *lost).await.is_err() {
            // The runtime ends.
            std::future::pending::<()>().await;
        }
    }

    /// Whose it was before, where it was taken over after it had expired.
    #[must_use]
    pub fn taken_over_from(&self) -> Option<&str> {
        self.takeover.as_deref()
    }

    /// Gives it back, so that the next one need not wait until it expires. One that was lost is left to its new holder.
    ///
    /// Dropping does the same in the background; a program that ends at once may be faster, and then it expires.
    ///
    /// # Errors
    /// [`LeaseError::Unreachable`]: it will expire.
    pub async fn release(self) -> Result<(), LeaseError> {
        let Self { stop, lost: _, renewing, takeover: _ } = self;
        drop(stop);
        // A task ends without its answer only when the runtime shuts down.
        renewing.await.unwrap_or(Ok(()))
    }
}

/// Renews the lease three times in its duration until stopped, then gives it back.
async fn renew(
    calls: Calls,
    mut object: Object,
    mut stopped: oneshot::Receiver<()>,
    lost: watch::Sender<bool>,
) -> Result<(), LeaseError> {
    let duration = Duration::from_secs(calls.claim.duration.as_secs().max(1));
    let mut renewed = Instant::now();
    loop {
        // Sent or dropped, it means the same.
        if tokio::time::timeout(duration / 3, &mut stopped).await.is_ok() {
            return release(&calls, object).await;
        }
        let asked = Instant::now();
        let answer = match calls.update(&object.renewed(SystemTime::now())).await {
            // Somebody wrote it: perhaps only a label.
            Ok(Answer::Stale) => calls.get().await,
            answer => answer,
        };
        match answer {
            Ok(Answer::Object(now)) if now.holder() == calls.claim.holder => {
                object = now;
                renewed = asked;
            }
            // Perhaps the next renewal gets through.
            Ok(Answer::Stale | Answer::Forbidden(_)) | Err(_) if renewed.elapsed() < duration => {}
            // It is somebody else's, or gone, or was silent for too long.
            _ => break,
        }
    }
    // Nobody may be listening any more.
    let _ = lost.send(true);
    Ok(())
}

/// Makes it nobody's, if it is still ours.
async fn release(calls: &Calls, object: Object) -> Result<(), LeaseError> {
    let mut object = object;
    // Twice, because somebody may have written a label meanwhile.
    for _ in 0..2 {
        match calls.update(&object.released(SystemTime::now())).await? {
            Answer::Stale => {}
            Answer::Object(_) | Answer::Missing | Answer::Forbidden(_) => return Ok(()),
        }
        match calls.get().await? {
            Answer::Object(now) if now.holder() == calls.claim.holder => object = now,
            _ => return Ok(()),
        }
    }
    Ok(())
}
