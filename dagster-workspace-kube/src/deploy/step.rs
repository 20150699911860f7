//! The steps of a job, and which of them are wanted: [`Step`] and [`Steps`].

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use dagster_workspace_core::transform::Subject;
use serde::{Deserialize, Serialize};

use super::Aim;

/// One step of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Step {
    /// Looks for the Dagster system, its webservers, and the release of its code servers.
    Discover,
    /// Writes the values.
    Values,
    /// Brings the helm release to the newest values.
    Helm,
    /// Waits until the code servers are ready.
    Ready,
    /// Writes the workspace.
    Workspace,
    /// Sees to it that every webserver serves the workspace.
    Activate,
    /// Waits until the daemon has read the workspace.
    Daemon,
    /// Restarts what was asked for, or what cannot be reloaded.
    Restart,
    /// Keeps both documents as a revision outside the cluster.
    Record,
    /// Creates the namespace.
    Namespace,
    /// Brings the helm release of the system to its values.
    System,
    /// Compares what is there with what was asked for.
    Verify,
}

impl Step {
    /// Its name, as in [`Steps`].
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Discover => "discover",
            Self::Values => "values",
            Self::Helm => "helm",
            Self::Ready => "ready",
            Self::Workspace => "workspace",
            Self::Activate => "activate",
            Self::Daemon => "daemon",
            Self::Restart => "restart",
            Self::Record => "record",
            Self::Namespace => "namespace",
            Self::System => "system",
            Self::Verify => "verify",
        }
    }

    /// The steps of a job in their order.
    ///
    /// A location is added when its server is ready, and taken out before its server is: a location without a server is an
    /// error that Dagster shows to everybody, and may stay there as a zombie.
    #[must_use]
    pub fn order(aim: Aim) -> &'static [Self] {
        match aim {
            Aim::Present => &[Self::Values, Self::Helm, Self::Ready, Self::Workspace, Self::Activate],
            Aim::Absent => &[Self::Workspace, Self::Activate, Self::Values, Self::Helm],
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<Subject> for Step {
    fn from(subject: Subject) -> Self {
        match subject {
            Subject::Values => Self::Values,
            Subject::Workspace => Self::Workspace,
        }
    }
}

/// Which steps are wanted.
///
/// # Example
/// ```
/// use dagster_workspace_kube::deploy::{Step, Steps};
/// let steps: Steps = "documents".parse()?;
/// assert!(steps.has(Step::Workspace) && !steps.has(Step::Helm));
/// # Ok::<(), dagster_workspace_kube::deploy::StepError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steps(BTreeSet<Step>);

impl Steps {
    /// Those that can be chosen.
    const ALL: [Step; 5] = [Step::Values, Step::Helm, Step::Ready, Step::Workspace, Step::Activate];

    /// Both documents and nothing else.
    #[must_use]
    pub fn documents() -> Self {
        Self(BTreeSet::from([Step::Values, Step::Workspace]))
    }

    /// Of all steps those that `wanted` says.
    #[cfg(feature = "object-store")]
    pub(super) fn only(&self, wanted: impl Fn(Step) -> bool) -> Self {
        Self(self.0.iter().copied().filter(|step| wanted(*step)).collect())
    }

    /// Whether this one is wanted.
    #[must_use]
    pub fn has(&self, step: Step) -> bool {
        self.0.contains(&step)
    }

    /// Whether nothing but documents is wanted.
    #[must_use]
    pub fn are_documents(&self) -> bool {
        self.0.iter().all(|step| matches!(step, Step::Values | Step::Workspace))
    }
}

impl Default for Steps {
    /// All of them.
    fn default() -> Self {
        Self(BTreeSet::from(Self::ALL))
    }
}

/// The text names no step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no step `{text}`, expected `documents`, or some of `values`, `helm`, `ready`, `workspace`, `activate`"
)]
pub struct StepError {
    /// What was given.
    pub text: String,
}

impl FromStr for Steps {
    type Err = StepError;

    /// Names with commas between; `documents` is `values,workspace`.
    fn from_str(text: &str) -> Result<Self, StepError> {
        let mut steps = BTreeSet::new();
        for name in text.split(',').map(str::trim) {
            match Self::ALL.into_iter().find(|step| step.as_str() == name) {
                Some(step) => drop(steps.insert(step)),
                None if name == "documents" => steps.extend(Self::documents().0),
                None => return Err(StepError { text: name.to_owned() }),
            }
        }
        Ok(Self(steps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_and_refused() {
        let steps: Steps = "helm, ready".parse().unwrap();
        assert!(steps.has(Step::Helm) && steps.has(Step::Ready) && !steps.has(Step::Values));
        assert!(!steps.are_documents() && "documents".parse::<Steps>().unwrap().are_documents());
        let error = "values,restart".parse::<Steps>().unwrap_err();
        assert!(error.to_string().starts_with("there is no step `restart`, expected"), "{error}");
        assert!("".parse::<Steps>().is_err());
    }

    #[test]
    fn locations_have_a_server_as_long_as_they_stand() {
        let before = |aim, first, second| {
            let order = Step::order(aim);
            let at = |step| order.iter().position(|other| *other == step).unwrap();
            at(first) < at(second)
        };
        assert!(before(Aim::Present, Step::Ready, Step::Workspace));
        assert!(before(Aim::Absent, Step::Activate, Step::Helm));
    }
}
