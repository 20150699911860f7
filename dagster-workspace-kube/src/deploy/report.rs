//! What a job has done, as data: [`Report`].

use dagster_workspace_core::transform::NotFound;
use serde::Serialize;

use super::Step;
use super::deployer::Holders;
use super::documents::{Edited, Pairing};
use super::error::{DeployError, Failed};
use super::event::{StepOutcome, StepReport};
use crate::reload::{Activation, DaemonRead};
use crate::rollout::RolloutStatus;

/// What a job has done, step by step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Whether anything was changed: a document, the release, a webserver, a Deployment.
    pub changed: bool,
    /// Where the documents are; `None` where that was not found out.
    pub holders: Option<Holders>,
    /// The steps, in the order in which they ended.
    pub steps: Vec<StepReport>,
    /// The documents that the job was about, in the order in which they were looked at.
    pub documents: Vec<Edited>,
    /// Findings about both documents together.
    pub pairing: Pairing,
    /// Names that were to be removed and that nothing has.
    pub not_found: Vec<NotFound>,
    /// The release, where it was looked at.
    pub release: Option<Released>,
    /// The code servers that were waited for.
    pub ready: Vec<RolloutStatus>,
    /// What the webservers serve.
    pub activation: Option<Activation>,
    /// Deployments that were restarted.
    pub restarted: Vec<String>,
    /// When the daemon has read the workspace.
    pub daemon: Option<DaemonRead>,
    /// The revision that holds both documents, where there is a history.
    pub recorded: Option<Kept>,
}

/// A revision that holds both documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Its number.
    pub revision: u64,
    /// Whether this job has made it.
    pub is_new: bool,
}

/// A release that carries the values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Released {
    /// Its name.
    pub name: String,
    /// Its revision.
    pub revision: u32,
    /// How often helm was run. Nothing: the values were rolled out already.
    pub runs: u32,
}

impl Report {
    /// Tells of documents as they were before the job, where it wrote them in two steps.
    pub(super) fn tell_from(&mut self, planned: &[Edited]) {
        for edited in &mut self.documents {
            let first = planned.iter().find(|first| first.subject == edited.subject && first.text == edited.text);
            if let Some(first) = first {
                (edited.before, edited.changes) = (first.before.clone(), first.changes.clone());
            }
        }
    }

    /// A job from its beginning to its end, or to where it failed.
    pub(in crate::deploy) async fn of(
        job: impl AsyncFnOnce(&mut Self) -> Result<(), (Step, DeployError)>,
    ) -> Result<Self, Failed> {
        let mut report = Self::default();
        match job(&mut report).await {
            Ok(()) => Ok(report),
            Err((step, error)) => Err(Failed { step, report: Box::new(report), error }),
        }
    }

    /// Notes how a step ended.
    pub(in crate::deploy) fn note(&mut self, step: StepReport) {
        self.changed |= step.outcome == StepOutcome::Changed;
        self.steps.push(step);
    }
}
