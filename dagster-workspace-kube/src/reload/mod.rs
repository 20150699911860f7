//! A changed workspace file made active without a restart. Start with [`activate`]; one webserver is a [`Webserver`].
//!
//! A webserver reads `workspace.yaml` when it starts and on the GraphQL mutation `reloadWorkspace`. Each of its processes holds a
//! workspace of its own, so every pod is asked, never the Service. The file itself arrives when kubelet projects the ConfigMap,
//! which is soon where [`hasten`] touches the pod. The daemon reads the file again by itself, within a minute, and cannot be asked:
//! [`DaemonRead`] says by when.
//!
//! Nothing here writes a document or restarts a pod. What cannot be reloaded is told as [`Outcome::NeedsRestart`].

mod activate;
mod call;
mod daemon;
mod error;
mod graphql;
mod location;
mod projection;
mod run;
mod webserver;

pub use activate::{Activated, Activation, NeedsRestart, Outcome, Policy, activate, look, reload_locations};
pub use daemon::{DaemonRead, wait_daemon};
pub use error::ReloadError;
pub use location::{Difference, ErrorLink, Expected, ExpectedLocation, Location, LocationState};
pub use projection::{Hastened, Projection, hasten};
pub use webserver::{Webserver, patient};
