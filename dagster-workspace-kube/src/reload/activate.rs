//! Until every webserver serves a changed workspace. Start with [`activate`]; [`Policy`] says how long and how often.
//!
//! A webserver that already serves what is expected costs one question. Else its pod is touched, and it reloads with growing
//! pauses: a reload loads the code of every location again, so it is asked once more before each, as somebody else may have
//! reloaded it meanwhile.

use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;

use super::run::Run;
use super::{
    Difference, ErrorLink, Expected, ExpectedLocation, Hastened, Location, LocationState, ReloadError, Webserver,
};

/// How long, how often, and what is waited for between. Wall-clock times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// For everything, from the first question on.
    pub deadline: Duration,
    /// The most reloads of one webserver.
    pub reloads: u32,
    /// The pause before the first reload, in which kubelet projects the file. Each is twice the one before.
    pub first_pause: Duration,
    /// No pause is longer.
    pub longest_pause: Duration,
    /// How long one answer may take.
    pub patience: Duration,
    /// How much longer for every location that may be on a server that accepts connections and never answers.
    pub patience_per_location: Duration,
    /// How often in a row a webserver may be unreachable until it counts as lost.
    pub losses: u32,
    /// How long a code server may be unreachable until its location counts as failed.
    pub coming_up: Duration,
    /// A removed location must still be gone after that long: a webserver that was just loading it puts it back.
    pub still_gone: Duration,
}

impl Default for Policy {
    /// At most 8 reloads in 120 seconds, after pauses of 0.5, 1, 2, 4, 8, 16, 32 and 32 seconds; 30 seconds for an answer and
    /// 20 more for every server that may hang; 3 losses; 30 seconds for a code server to come up; 2 seconds gone.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            deadline: seconds(120),
            reloads: 8,
            first_pause: Duration::from_millis(500),
            longest_pause: seconds(32),
            patience: seconds(30),
            patience_per_location: seconds(20),
            losses: 3,
            coming_up: seconds(30),
            still_gone: seconds(2),
        }
    }
}

impl Policy {
    /// The pause after `done` others.
    pub(super) fn pause(&self, done: u32) -> Duration {
        let pause = 2_u32.checked_pow(done).and_then(|factor| self.first_pause.checked_mul(factor));
        pause.map_or(self.longest_pause, |pause| pause.min(self.longest_pause))
    }
}

/// What came of all webservers, in the order given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Activation {
    /// One for each.
    pub webservers: Vec<Activated>,
}

impl Activation {
    /// Whether every webserver serves what is expected, all of it loaded.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.webservers.iter().all(|activated| matches!(activated.outcome, Outcome::Serving { .. }))
    }

    /// The expected locations that failed to load, each once however many webservers say so.
    #[must_use]
    pub fn failed(&self) -> Vec<&Location> {
        let mut failed: Vec<&Location> = Vec::new();
        for activated in &self.webservers {
            let Outcome::Failing { failed: locations } = &activated.outcome else { continue };
            for location in locations {
                if failed.iter().all(|known| known.name != location.name) {
                    failed.push(location);
                }
            }
        }
        failed
    }
}

/// What came of one webserver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Activated {
    /// Its name: the pod's, or its URL.
    pub webserver: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How often it was asked what it serves.
    pub queries: u32,
    /// How often it was made to reload, the workspace or a location.
    pub reloads: u32,
    /// Whether its pod was touched.
    pub hastened: Hastened,
}

/// How the activation of one webserver ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Outcome {
    /// It serves what is expected, loaded.
    Serving {
        /// The expected locations, as served.
        locations: Vec<Location>,
    },
    /// It serves what is expected, and some of it fails to load: the workspace is active, the code is not.
    Failing {
        /// The expected locations that fail, with their errors.
        failed: Vec<Location>,
    },
    /// It reads the workspace file only when it starts.
    NeedsRestart {
        /// Why.
        why: NeedsRestart,
        /// What it does not serve yet.
        differences: Vec<Difference>,
    },
    /// It refused the workspace file to the end, and serves what it had. The next restart of anything would not come up.
    Rejected {
        /// Dagster's error, and behind it what caused it.
        errors: Vec<ErrorLink>,
    },
    /// Time or reloads ran out.
    Behind {
        /// What it does not serve yet; empty where a location was still loading.
        differences: Vec<Difference>,
    },
    /// It could not be asked, or no longer.
    Lost {
        /// Why.
        error: ReloadError,
    },
}

impl Outcome {
    /// How far a webserver is that serves this, and is left alone.
    fn of(expected: &Expected, served: &[Location]) -> Self {
        let differences = expected.differences(served);
        let locations: Vec<Location> = expected.of(served).cloned().collect();
        let is_failed = |location: &&Location| matches!(location.state, LocationState::Failed { .. });
        let failed: Vec<Location> = locations.iter().filter(is_failed).cloned().collect();
        if !differences.is_empty() || locations.iter().any(|location| location.state == LocationState::Loading) {
            Self::Behind { differences }
        } else if failed.is_empty() {
            Self::Serving { locations }
        } else {
            Self::Failing { failed }
        }
    }
}

/// Why a reload does not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum NeedsRestart {
    /// It was started with `--read-only`.
    ReadOnly,
    /// Its file never changes: [`Projection::Never`](super::Projection::Never).
    FileNeverChanges,
}

/// Makes every webserver serve what is expected, all at the same time, each on its own: what one of them cannot do is in its
/// outcome and stops no other. Ends within `policy.deadline`, plus `policy.patience_per_location` for every code server that
/// was unreachable at the first question; dropping the future ends it at any await, and running it again
/// goes on from what is served then.
pub async fn activate(webservers: &[Webserver], expected: &Expected, policy: &Policy) -> Activation {
    let running = webservers.iter().map(|webserver| Run::new(webserver, expected, policy).finish());
    Activation { webservers: join_all(running).await }
}

/// How far every webserver is: one question to each, all at the same time, each answered within `patience`. Reloads nothing and tries
/// nothing again.
pub async fn look(webservers: &[Webserver], expected: &Expected, patience: Duration) -> Activation {
    let looking = webservers.iter().map(|webserver| async move {
        let outcome = match webserver.locations(patience).await {
            Ok(served) => Outcome::of(expected, &served),
            Err(error) => Outcome::Lost { error },
        };
        let webserver = webserver.name().to_owned();
        Activated { webserver, outcome, queries: 1, reloads: 0, hastened: Hastened::No }
    });
    Activation { webservers: join_all(looking).await }
}

/// Makes every webserver load these locations again, as after their code servers were restarted, and waits until they are
/// loaded. A read-only webserver finds a new code server by itself and is only watched. Otherwise as [`activate`].
pub async fn reload_locations(webservers: &[Webserver], names: &[&str], policy: &Policy) -> Activation {
    let present = names.iter().copied().map(ExpectedLocation::new).collect();
    let expected = Expected { present, ..Expected::default() };
    let running = webservers.iter().map(|webserver| Run::new(webserver, &expected, policy).anew().finish());
    Activation { webservers: join_all(running).await }
}
