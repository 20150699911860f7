//! Why a job did not go to its end. [`DeployError`]'s variants are the caller's next move, [`Failed`] adds how far it came.

use dagster_workspace_core::transform::Subject;

use super::documents::{DocumentsError, noun};
use super::report::Report;
use super::step::Step;
use crate::cluster::{self, AdoptError, ApiError, DiscoverError, Owner};
use crate::helm::{HelmError, ReleaseError, RollOutError};
use crate::lease::LeaseError;
use crate::plan::PlanError;
use crate::reload::{Activation, ReloadError};
use crate::rollout::{RestartError, RolloutError, WaitError};

/// A job that failed: every step before is done and stays done, and the same job run again goes on from there.
#[derive(Debug, thiserror::Error)]
#[error("step `{step}` failed")]
pub struct Failed {
    /// The step that failed.
    pub step: Step,
    /// What was done until then.
    pub report: Box<Report>,
    /// Why.
    #[source]
    pub error: DeployError,
}

impl Failed {
    /// Whether something was changed, or may have been, so that the same job has to run again.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.report.changed
            || matches!(self.error, DeployError::Documents { source: DocumentsError::Unsettled { .. }, .. })
    }
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeployError {
    /// No system, several, or none that may be looked for: name another, or work on the documents alone.
    #[error("cannot find the Dagster system")]
    Discover(#[from] DiscoverError),
    /// The cluster cannot be asked.
    #[error("cannot look at the cluster")]
    Api(#[from] ApiError),
    /// Code servers are of several releases: name one.
    #[error("code servers in namespace `{namespace}` are of several releases: `{}`", releases.join("`, `"))]
    SeveralReleases {
        /// Where they are.
        namespace: String,
        /// The releases.
        releases: Vec<String>,
    },
    /// The system's own release deploys code servers: split it first.
    #[error("release `{release}` of the system deploys user code itself: {}", names.join(", "))]
    Subchart {
        /// The system's release.
        release: String,
        /// Code servers that it deploys.
        names: Vec<String>,
    },
    /// The system's release owns the ConfigMap, so its next upgrade takes the edit back, or fails: adopt it, or allow it.
    #[error("the ConfigMap `{config_map}` of the workspace belongs to {}", whose(.owner))]
    ChartOwned {
        /// The ConfigMap.
        config_map: String,
        /// Whose it is.
        owner: Owner,
    },
    /// Nothing says which version of the chart to take: name one.
    #[error("nothing says which version of the chart to take: the running system does not name its own")]
    NoChartVersion,
    /// The plan does not fit what is there now: make it anew, or replay it.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A document cannot be read or edited, or was not written.
    #[error("{}", .failed.map_or("no document was written".to_owned(), |subject| format!("the {} are not written", noun(subject))))]
    Documents {
        /// The document that was to be written; `None` where the job ended before any was.
        failed: Option<Subject>,
        /// Why not.
        source: DocumentsError,
    },
    /// There is no helm, or it does not work.
    #[error("cannot run helm")]
    Helm(#[from] HelmError),
    /// The release cannot be looked at.
    #[error("cannot look at the release")]
    Release(#[from] ReleaseError),
    /// The workspace's ConfigMap does not change hands: what is done stays done.
    #[error("the workspace is not adopted")]
    Adopt(#[source] Box<AdoptError<HelmError>>),
    /// The values of a release cannot be read.
    #[error("cannot take the values of the release")]
    Live(#[from] cluster::ReleaseError),
    /// The release does not carry the newest values.
    #[error("the release does not carry the values")]
    RollOut(#[source] Box<RollOutError<DocumentsError>>),
    /// Others were at work on the release all the time: run the job again later.
    #[error("it was not our turn to roll out")]
    Turn(#[from] LeaseError),
    /// The release has no Deployment of this name: look at what the chart made of the values.
    #[error("release `{release}` has no code server `{}`", names.join("`, `"))]
    NoCodeServer {
        /// The release.
        release: String,
        /// What is missing.
        names: Vec<String>,
    },
    /// A code server, a webserver or the daemon cannot be looked at.
    #[error("cannot look at a rollout")]
    Rollout(#[from] RolloutError),
    /// A code server, a webserver or the daemon is not ready, or not in time.
    #[error("`{name}` is not ready")]
    NotReady {
        /// The code server, or the Deployment.
        name: String,
        /// What is in the way.
        source: Box<WaitError>,
    },
    /// Something cannot be restarted.
    #[error("`{name}` is not restarted")]
    Restart {
        /// The Deployment.
        name: String,
        /// Why not.
        source: Box<RestartError>,
    },
    /// All is done, and the history does not have it: run the job again once it takes revisions.
    #[cfg(feature = "object-store")]
    #[error("it is done and stays done, and is not recorded")]
    NotRecorded(#[source] Box<super::record::RecordError>),
    /// The history does not give what is to be restored.
    #[cfg(feature = "object-store")]
    #[error("the history does not give the revision")]
    History(#[from] crate::history::HistoryError),
    /// Something else lives there: look at it, and replace it or take another namespace.
    #[error("another installation is there: {}", found.join("; "))]
    Occupied {
        /// What was found.
        found: Vec<String>,
    },
    /// The namespace is neither there nor gone.
    #[error("namespace `{namespace}` is still being deleted after {} s", waited.as_secs())]
    Terminating {
        /// The namespace.
        namespace: String,
        /// How long it was waited for.
        waited: std::time::Duration,
    },
    /// The values of the system cannot be used with these documents.
    #[error("the values of the system cannot be used")]
    SystemValues(#[from] dagster_workspace_core::compile::CompileError),
    /// Something is not as it was restored: run it again.
    #[error("it is not as restored: {}", found.join("; "))]
    NotRestored {
        /// What differs.
        found: Vec<String>,
    },
    /// A webserver's URL is none.
    #[error("a webserver cannot be asked")]
    Webserver(#[from] ReloadError),
    /// The workspace is active, and code of the job does not load: mend the code.
    #[error("code locations do not load: {}", failing(.activation))]
    NotLoaded {
        /// What came of every webserver.
        activation: Activation,
    },
    /// Not every webserver serves the workspace: run the job again.
    #[error("{behind} of {} webservers do not serve the workspace", .activation.webservers.len())]
    NotActive {
        /// How many do not.
        behind: usize,
        /// Whether the time was over.
        late: Late,
        /// What came of every webserver.
        activation: Activation,
    },
}

/// Whether it was time that was missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// With more time it may come right.
    Yes,
    /// Something else is in the way.
    No,
}

impl DeployError {
    /// What to do about it, where there is something to say beyond the message.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Discover(DiscoverError::SeveralSystems { .. }) => "`--system-release` names one".to_owned(),
            Self::SeveralReleases { .. } => "`--release` names the one whose values are kept here".to_owned(),
            Self::Subchart { .. } => {
                "set `dagster-user-deployments.enableSubchart: false` in the system's values once `init` has taken its \
                 deployments over; README.md says how"
                    .to_owned()
            }
            Self::ChartOwned { .. } => {
                "`adopt` takes it over for good; `--allow-chart-owned` writes to it nevertheless, and `sync` writes it back after an \
                 upgrade of the system"
                    .to_owned()
            }
            Self::Plan(PlanError::Stale { .. })
            | Self::Documents { source: DocumentsError::Stale { .. }, .. } => {
                "make it anew, or replay it on what is there now with `--rebase`".to_owned()
            }
            Self::Plan(_) => "make it anew".to_owned(),
            #[cfg(feature = "object-store")]
            Self::NotRecorded(_) => "mend what keeps the history from taking it and run it again: it records what is missing".to_owned(),
            #[cfg(feature = "object-store")]
            Self::History(error) => error.hint()?.to_owned(),
            Self::Occupied { .. } => "`--replace` overwrites it; `--namespace` names another place".to_owned(),
            Self::NotRestored { .. } | Self::Terminating { .. } => "run it again: what is already done is left alone".to_owned(),
            Self::NoChartVersion => "`--chart-version` names it".to_owned(),
            Self::Helm(HelmError::Missing { .. }) => "`--helm` names the program".to_owned(),
            Self::RollOut(error) => match &**error {
                RollOutError::Helm { source: HelmError::DeadSchema { .. }, .. } => {
                    "`--skip-schema-validation` leaves the chart's schema out; the values are checked without it, too".to_owned()
                }
                RollOutError::Helm { source: HelmError::Missing { .. }, .. } => "`--helm` names the program".to_owned(),
                RollOutError::Helm { source: HelmError::Chart { .. }, .. } => {
                    "`--chart`, `--repo` and `--chart-version` say which chart".to_owned()
                }
                RollOutError::Helm { source: HelmError::NoTls { .. }, .. } => {
                    "`--plain-http` talks to it without".to_owned()
                }
                RollOutError::Stuck { .. } => "`--recover` brings it back and goes on".to_owned(),
                _ => return None,
            },
            Self::NotReady { .. } => {
                "the values and the release stay as they are: deploy what works, or wait and run it again".to_owned()
            }
            Self::NotLoaded { .. } => "the code server answers, and its code fails: see the errors above".to_owned(),
            Self::NotActive { late: Late::Yes, .. } => "run it again, or wait longer with `--timeout`".to_owned(),
            Self::NotActive { .. } => "run it again: what is already done is left alone".to_owned(),
            _ => return None,
        })
    }
}

fn whose(owner: &Owner) -> String {
    match owner {
        Owner::Nobody => "nobody".to_owned(),
        Owner::Helm { release, namespace, .. } => format!("the helm release `{release}` in namespace `{namespace}`"),
        Owner::Applied { managers } => format!("`{}`", managers.join("`, `")),
    }
}

fn failing(activation: &Activation) -> String {
    let names: Vec<String> = activation.failed().iter().map(|location| format!("`{}`", location.name)).collect();
    names.join(", ")
}
