//! Why a Deployment was not restarted or did not roll out. The variants are the caller's next move.

use std::error::Error;
use std::time::Duration;

use super::pods::Obstacle;
use super::status::RolloutStatus;

/// Why a request about a Deployment, or its pods, was not answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RolloutError {
    /// There is none, or no longer the one that was meant: look at what is installed.
    #[error("there is no deployment `{name}` in namespace `{namespace}`")]
    Missing {
        /// The name of the Deployment.
        name: String,
        /// Its namespace.
        namespace: String,
    },
    /// Ask for a role with this verb on this resource.
    #[error("not permitted to {verb} {resource} `{name}` in namespace `{namespace}`")]
    Forbidden {
        /// The verb as roles name it: `get`, `list`, `watch` or `patch`.
        verb: &'static str,
        /// The resource as roles name it.
        resource: &'static str,
        /// The name of the Deployment.
        name: String,
        /// Its namespace.
        namespace: String,
        /// What the API server says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The API server takes neither this request nor its repetition: mend what it names.
    #[error("the API server refuses to {verb} {resource} `{name}` in namespace `{namespace}` with status {status}")]
    Refused {
        /// The verb as roles name it.
        verb: &'static str,
        /// The resource as roles name it.
        resource: &'static str,
        /// The name of the Deployment.
        name: String,
        /// Its namespace.
        namespace: String,
        /// The HTTP status.
        status: u16,
        /// What the API server says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// No connection, too many requests, a failure of the server: try again later.
    #[error("the API server did not answer")]
    Unanswered {
        /// What went wrong.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Why a Deployment was not restarted. Nothing was changed, but for [`RestartError::TimedOut`], which leaves it open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestartError {
    /// A restart would wait for as long as it is paused: resume it first (`kubectl rollout resume`).
    #[error("deployment `{name}` in namespace `{namespace}` is paused and cannot be restarted (resume it first)")]
    Paused {
        /// The name of the Deployment.
        name: String,
        /// Its namespace.
        namespace: String,
    },
    /// Others changed the Deployment again and again, or the API server was not to be had: try again.
    #[error(
        "deployment `{name}` in namespace `{namespace}` was not restarted within {after:?} and {attempts} attempts"
    )]
    TimedOut {
        /// The name of the Deployment.
        name: String,
        /// Its namespace.
        namespace: String,
        /// How long was tried.
        after: Duration,
        /// How many patches were sent.
        attempts: u32,
        /// The last answer, where there was any.
        source: Option<Box<RolloutError>>,
    },
    /// The API server said no.
    #[error(transparent)]
    Call(#[from] RolloutError),
}

/// Why a rollout did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The controller has given up: look at the pods, and deploy what works.
    #[error("{status}{}", Because(obstacles, unlisted.as_deref()))]
    DeadlineExceeded {
        /// The last look.
        status: RolloutStatus,
        /// What is in the way.
        obstacles: Vec<Obstacle>,
        /// Why the pods could not be looked at, where that is so.
        unlisted: Option<Box<RolloutError>>,
    },
    /// Not done in the time given. The rollout goes on by itself: wait again, or look at the pods.
    #[error("timed out waiting for deployment `{name}` after {after:?}{}{}", Last(status.as_ref()), Because(obstacles, unlisted.as_deref()))]
    TimedOut {
        /// The name of the Deployment.
        name: String,
        /// How long was waited.
        after: Duration,
        /// The last look; `None`: there was no answer at all.
        status: Option<RolloutStatus>,
        /// What is in the way.
        obstacles: Vec<Obstacle>,
        /// Why the pods could not be looked at, where that is so.
        unlisted: Option<Box<RolloutError>>,
    },
    /// It is paused, so nothing more happens: resume it (`kubectl rollout resume`).
    #[error("deployment `{}` is paused: {status}", status.name)]
    Paused {
        /// The last look.
        status: RolloutStatus,
    },
    /// Somebody deleted it while it was watched.
    #[error("deployment `{name}` in namespace `{namespace}` has been deleted")]
    Deleted {
        /// The name of the Deployment.
        name: String,
        /// Its namespace.
        namespace: String,
    },
    /// The API server said no.
    #[error(transparent)]
    Call(#[from] RolloutError),
}

/// The end of a sentence about a rollout: what its pods say.
struct Because<'a>(&'a [Obstacle], Option<&'a RolloutError>);

impl std::fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.0, self.1) {
            ([], None) => Ok(()),
            ([], Some(unlisted)) => write!(f, "; its pods could not be looked at: {unlisted}"),
            ([obstacle], _) => write!(f, "; {obstacle}"),
            ([obstacle, others @ ..], _) => write!(f, "; {obstacle} (and {} more)", others.len()),
        }
    }
}

/// The last look, in parentheses.
struct Last<'a>(Option<&'a RolloutStatus>);

impl std::fmt::Display for Last<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(status) => write!(f, " ({status})"),
            None => f.write_str(" (the API server did not answer)"),
        }
    }
}
