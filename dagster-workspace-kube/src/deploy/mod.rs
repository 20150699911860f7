//! The whole job: a change of both documents, and everything that makes it true on the cluster.
//!
//! [`Documents`] changes the documents alone, wherever they are. A [`Deployer`] has a cluster: it writes the values, has helm
//! roll them out, waits for the code servers, writes the workspace, and sees to it that every webserver serves it. Each step is
//! decided from what is there, so a job that was cut off anywhere is finished by running it again. Start with [`Request`], then
//! `Deployer::run`.

#[cfg(feature = "cluster")]
mod activate;
#[cfg(feature = "cluster")]
mod around;
#[cfg(any(feature = "cluster", feature = "object-store"))]
mod clock;
#[cfg(feature = "cluster")]
mod deployer;
mod documents;
#[cfg(feature = "cluster")]
mod entries;
#[cfg(feature = "cluster")]
mod error;
#[cfg(feature = "cluster")]
mod event;
#[cfg(feature = "cluster")]
mod examine;
#[cfg(feature = "cluster")]
mod flow;
#[cfg(feature = "cluster")]
mod planned;
mod prune;
#[cfg(feature = "object-store")]
mod record;
#[cfg(feature = "cluster")]
mod release;
#[cfg(feature = "cluster")]
mod report;
mod request;
#[cfg(all(feature = "cluster", feature = "object-store"))]
mod restore;
mod rollback;
#[cfg(feature = "cluster")]
mod settings;
#[cfg(feature = "cluster")]
mod status;
#[cfg(feature = "cluster")]
mod step;
#[cfg(feature = "cluster")]
mod sync;

#[cfg(feature = "cli")]
pub(crate) use clock::{clock, now};
#[cfg(feature = "cluster")]
pub use deployer::{Builder, Deployer, Holders};
#[cfg(feature = "cluster")]
pub(crate) use documents::noun;
pub use documents::{Applied, Documents, DocumentsError, Edited, Job, JobError, Pairing, checksum, empty, key};
#[cfg(feature = "cluster")]
pub use error::{DeployError, Failed, Late};
#[cfg(feature = "cluster")]
pub use event::{Event, EventStream, Events, StepOutcome, StepReport};
#[cfg(feature = "cluster")]
pub use examine::{Examination, Initialised, SystemUpgrade};
#[cfg(feature = "object-store")]
pub use record::{RecordError, Recording};
#[cfg(feature = "cluster")]
pub use report::{Kept, Released, Report};
pub use request::{Aim, BoxError, Exact, Request};
#[cfg(all(feature = "cluster", feature = "object-store"))]
pub use restore::{Occupied, PlannedStep, Restore, RestorePlan, SystemRelease};
pub use rollback::{BringBackError, bring_back};
#[cfg(feature = "cluster")]
pub use settings::{ActivateBy, ChartOwned, Daemon, Settings};
#[cfg(feature = "cluster")]
pub use status::{DocumentStatus, Drift, DriftKind, Status, WebserverStatus};
#[cfg(feature = "cluster")]
pub use step::{Step, StepError, Steps};
