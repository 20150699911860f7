//! Releases: the `helm` program, 3 or 4, and what the API server knows of its releases. Start with [`Helm::roll_out`].
//!
//! A release carries what it was made from: [`Upgrade::hash`] over the values and the chart stands in labels of the
//! release, together with the revision that it was written for, because helm copies labels to every later revision, also of
//! upgrades and rollbacks by hand. Whoever finds the hash of the newest values there runs no helm. helm is told everything
//! by typed arguments and a file without a name, never through a shell, and is never left running: see `child.rs`.

mod chart;
mod child;
mod error;
mod program;
mod release;
mod roll_out;
mod upgrade;

pub use crate::release_status::Status;
pub use chart::{Chart, ChartSource, REPOSITORY, SYSTEM, USER_DEPLOYMENTS};
pub use error::HelmError;
pub use program::{Helm, HelmVersion, Major};
pub use release::{Past, Release, ReleaseError, release};
pub use roll_out::{Newest, Patience, Recovery, RollOutError, RolledOut, Step};
pub use upgrade::{OnFailure, Options, Schema, Target, Transport, Upgrade, Wait};
