//! A job as data, made without writing: [`Plan`]. Reviewed and kept by others, then applied to exactly what it was made from, or
//! refused with what has changed since.
//!
//! A plan holds the transforms, so it holds the values of environment variables that they set: it is as secret as they are. Of
//! everybody else's entries it holds checksums alone.

mod base;
mod make;

use dagster_workspace_core::lint::Target;
use dagster_workspace_core::transform::pair::Pair;
use dagster_workspace_core::transform::{Subject, Transform};
use serde::{Deserialize, Serialize};

use crate::deploy::{Aim, Exact, Request};
use crate::helm::Chart;

pub use base::{Base, since};
pub use make::of_documents;
pub(crate) use make::rolls;

/// The form of plans that this version writes and reads.
const FORM: u32 = 2;

/// What a job would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Which form this is.
    pub form: u32,
    /// Whether there is anything to do.
    pub has_changes: bool,
    /// What becomes of the deployments.
    pub aim: Aim,
    /// The deployments.
    pub names: Vec<String>,
    /// What it comes to, for people: one line for each change.
    pub summary: Vec<String>,
    /// What does not stand in the way and is said with it, for people.
    pub warnings: Vec<String>,
    /// Names that are to be removed and that nothing has.
    pub not_found: Vec<String>,
    /// Transforms of the values.
    pub values: Vec<Transform>,
    /// Transforms of the workspace.
    pub workspace: Vec<Transform>,
    /// Both documents as a whole, where it is about that and not about transforms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<Exact>,
    /// The versions that it was judged for.
    pub target: Target,
    /// The documents that it was made from.
    pub base: Vec<Base>,
    /// What follows on the cluster; `None` for documents in a directory.
    pub cluster: Option<OnCluster>,
}

/// What a job would do on a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OnCluster {
    /// Where.
    pub namespace: String,
    /// The release of the code servers.
    pub release: String,
    /// Its chart; `None` where helm is none of the wanted steps.
    pub chart: Option<Chart>,
    /// Its revision when the plan was made; `None` where there was none.
    pub revision: Option<u32>,
    /// Whether helm would run.
    pub upgrade: bool,
    /// Code servers whose pods would be replaced, made or deleted. With another chart that may be all of them.
    pub rolls: Vec<String>,
    /// Deployments of webservers that would be asked to reload.
    pub reloads: Vec<String>,
    /// Deployments of the system that would be restarted.
    pub restarts: Vec<String>,
}

/// Why a plan is not applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// It was made by another version of this program: make it anew.
    #[error("the plan has form {found}, expected {FORM}")]
    Form {
        /// Its form.
        found: u32,
    },
    /// What it was made from is not there any more: make it anew, or replay it on what is there now.
    #[error("the plan is stale: {}", changed.join("; "))]
    Stale {
        /// What has changed since.
        changed: Vec<String>,
    },
}

/// How a plan meets what has changed since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Staleness {
    /// It is refused.
    #[default]
    Refuse,
    /// Its transforms are replayed on what is there now.
    Rebase,
}

impl Plan {
    /// What it asks for.
    #[must_use]
    pub fn request(&self) -> Request {
        if let Some(exact) = &self.exact {
            return Request::exact(exact.clone());
        }
        let pair = Pair { values: self.values.clone(), workspace: self.workspace.clone() };
        Request::of(self.aim, self.names.clone(), pair)
    }

    /// Whether this version of the program can read it.
    ///
    /// # Errors
    /// [`PlanError::Form`].
    pub fn check_form(&self) -> Result<(), PlanError> {
        if self.form == FORM { Ok(()) } else { Err(PlanError::Form { found: self.form }) }
    }

    /// What it was made from, of one document.
    #[must_use]
    pub fn base_of(&self, subject: Subject) -> Option<&Base> {
        self.base.iter().find(|base| base.is_of(subject))
    }
}
