//! A turn that jobs on different machines take, as a Lease of the API group `coordination.k8s.io`. Start with [`Claimant`].
//!
//! A lease here saves work, it does not guard data: who believes to hold it may be wrong, because it was silent for too long,
//! or because clocks differ. What is done under it must be right without it, too. It expires, so that a job that was killed
//! keeps nobody waiting for long; it is renewed in the background while it is held; it is given back when its holder is
//! dropped. Where the permission for it is missing, that is an answer, not an error.

use std::time::{Duration, Instant, SystemTime};

use kube::Client;

mod call;
mod held;
mod object;

pub use held::Held;

use call::{Answer, Calls};
use object::{Object, Standing};

/// What is wanted: which lease, for whom, for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The name of the Lease.
    pub name: String,
    /// Who takes it: a name that no other job has at the same time. See [`Claim::new`].
    pub holder: String,
    /// After how long without renewal others may take it, in whole seconds. It is renewed three times as often.
    pub duration: Duration,
}

impl Claim {
    /// A lease of 30 seconds for a holder whose name begins with `who` and ends at random.
    #[must_use]
    pub fn new(name: impl Into<String>, who: &str) -> Self {
        let holder = format!("{who}-{:016x}", fastrand::u64(..));
        Self { name: name.into(), holder, duration: Duration::from_secs(30) }
    }
}

/// Whose turn it is: ours, with a lease or without.
#[derive(Debug)]
#[must_use = "the lease is given back when this is dropped"]
pub enum Turn {
    /// We hold the lease.
    Held(Held),
    /// The permission for leases is missing. Going on without one costs work twice now and then, nothing else.
    NotPermitted {
        /// The server's words, which name verb and resource.
        reason: String,
    },
}

/// Why it is not our turn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeaseError {
    /// It is somebody else's: do something useful, then try again.
    #[error("lease `{name}` is held by `{holder}`, and expires in {} s unless it is renewed", expires_in.as_secs())]
    Taken {
        /// Its name.
        name: String,
        /// Who holds it.
        holder: String,
        /// When it expires, unless it is renewed.
        expires_in: Duration,
    },
    /// It was somebody else's all the time.
    #[error("lease `{name}` was not free for {} s; `{holder}` holds it", waited.as_secs())]
    TimedOut {
        /// Its name.
        name: String,
        /// Who held it at last.
        holder: String,
        /// For how long it was tried.
        waited: Duration,
    },
    /// There is no such namespace, or the name is none.
    #[error("lease `{name}` was refused in namespace `{namespace}`: {reason}")]
    Refused {
        /// Its name.
        name: String,
        /// Where.
        namespace: String,
        /// The server's words.
        reason: String,
    },
    /// The API server did not answer, or with something else.
    #[error("cannot reach lease `{name}` in namespace `{namespace}`")]
    Unreachable {
        /// Its name.
        name: String,
        /// Where.
        namespace: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A job that wants a lease.
#[derive(Debug)]
pub struct Claimant {
    calls: Calls,
    /// The version of somebody else's lease, and since when it has been that one by our clock.
    seen: Option<(String, Instant)>,
}

impl Claimant {
    /// One that has not tried yet.
    #[must_use]
    pub fn new(client: &Client, namespace: impl Into<String>, claim: Claim) -> Self {
        Self { calls: Calls { client: client.clone(), namespace: namespace.into(), claim }, seen: None }
    }

    /// Takes the lease if it is free, expired, or nobody has had it yet: two requests.
    ///
    /// It has expired when its own times and `now` say so, and also when it has not changed for as long as it lasts between two
    /// attempts: then clocks do not matter.
    ///
    /// # Errors
    /// [`LeaseError::Taken`], [`LeaseError::Refused`] and [`LeaseError::Unreachable`].
    pub async fn attempt(&mut self, now: SystemTime) -> Result<Turn, LeaseError> {
        let claim = self.calls.claim.clone();
        let found = match self.calls.get().await? {
            Answer::Object(object) => Some(object),
            Answer::Missing | Answer::Stale => None,
            Answer::Forbidden(reason) => return Ok(Turn::NotPermitted { reason }),
        };
        let takeover = match found.as_ref().map_or(Standing::Free, |found| found.standing(&claim.holder, now)) {
            Standing::Free | Standing::Ours => None,
            Standing::Expired { holder } => Some(holder),
            Standing::Taken { holder, expires_in, duration } => {
                let version = found.as_ref().map(Object::version).unwrap_or_default();
                if !self.is_silent(version, duration) {
                    return Err(self.taken(holder, expires_in));
                }
                Some(holder)
            }
        };
        let written = match found {
            Some(object) => self.calls.update(&object.taken(&claim, now)).await?,
            None => self.calls.create(&Object::new(&claim, now)).await?,
        };
        match written {
            Answer::Object(object) => Ok(Turn::Held(Held::start(self.calls.clone(), object, takeover))),
            Answer::Forbidden(reason) => Ok(Turn::NotPermitted { reason }),
            Answer::Stale | Answer::Missing => Err(self.taken("somebody who was faster".to_owned(), claim.duration)),
        }
    }

    /// Tries until it is our turn, or `deadline` is over. In between it waits 0.1 to 1 seconds.
    ///
    /// # Errors
    /// [`LeaseError::TimedOut`], [`LeaseError::Refused`] and [`LeaseError::Unreachable`].
    pub async fn acquire(&mut self, deadline: Duration) -> Result<Turn, LeaseError> {
        let started = Instant::now();
        let mut ceiling = Duration::from_millis(200);
        loop {
            let (name, holder) = match self.attempt(SystemTime::now()).await {
                Err(LeaseError::Taken { name, holder, .. }) => (name, holder),
                answer => return answer,
            };
            let pause = ceiling.mul_f64(0.5 + fastrand::f64() / 2.0);
            if started.elapsed() + pause >= deadline {
                return Err(LeaseError::TimedOut { name, holder, waited: started.elapsed() });
            }
            tokio::time::sleep(pause).await;
            ceiling = ceiling.saturating_mul(2).min(Duration::from_secs(1));
        }
    }

    /// Whether this version has been seen for longer than it lasts.
    fn is_silent(&mut self, version: &str, duration: Duration) -> bool {
        match &self.seen {
            Some((seen, since)) if seen == version => since.elapsed() > duration,
            _ => {
                self.seen = Some((version.to_owned(), Instant::now()));
                false
            }
        }
    }

    fn taken(&self, holder: String, expires_in: Duration) -> LeaseError {
        LeaseError::Taken { name: self.calls.claim.name.clone(), holder, expires_in }
    }
}
