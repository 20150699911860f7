//! What a job on a cluster came to, for people and for programs: [`answer`] of a report, [`failure`] of a job that failed.

use std::error::Error;

use dagster_workspace_core::error::Severity;
use serde_json::{Value, json};

use super::documents::Names;
use super::exit::Exit;
use super::job;
use super::render::{Answer, Failure};
use crate::cluster::{ApiError, DiscoverError};
use crate::deploy::{DeployError, DocumentsError, Edited, Failed, Late, Report, StepOutcome, clock};
use crate::helm::{HelmError, RollOutError};
use crate::plan::PlanError;
use crate::reload::{Activation, ErrorLink, Location, LocationState, Outcome};
use crate::rollout::RestartError;

/// A job that is done.
pub(super) fn answer(names: &Names, report: &Report, requests: u32) -> Answer {
    let (mut text, _) = job::changes(names, &written(report));
    if let Some(release) = report.release.as_ref().filter(|release| release.runs > 0) {
        text.push_str(&format!("release {} revision {}\n", release.name, release.revision));
    }
    for name in &report.restarted {
        text.push_str(&format!("restarted {name}\n"));
    }
    if let Some(daemon) = &report.daemon {
        text.push_str(&format!("the daemon has read the workspace by {}\n", clock(daemon.by)));
    }
    if let Some(kept) = &report.recorded {
        text.push_str(&job::recorded(kept));
    }
    let (missing, _) = job::not_found(&report.documents);
    text.push_str(&missing);
    if !report.changed {
        text.push_str(if missing.is_empty() { "no change: everything is as asked\n" } else { "no change\n" });
    }
    let mut warnings = job::warnings(names, &report.documents, report.pairing.clone());
    warnings.extend(names.not_found(&report.not_found, Severity::Warning));
    let exit = if report.changed { Exit::Changes } else { Exit::Done };
    Answer { warnings, exit, ..Answer::new(text, data(names, report, requests)) }
}

/// The documents that were changed: a step that was left out, or that failed, has not.
fn written(report: &Report) -> Vec<Edited> {
    let done = |edited: &&Edited| {
        report.steps.iter().any(|step| {
            step.step == edited.subject.into() && matches!(step.outcome, StepOutcome::Changed | StepOutcome::Unchanged)
        })
    };
    report.documents.iter().filter(done).filter(|edited| edited.is_changed()).cloned().collect()
}

/// A report as data.
fn data(names: &Names, report: &Report, requests: u32) -> Value {
    let written = written(report);
    let (_, changes) = job::changes(names, &written);
    let documents: Vec<Value> = report
        .documents
        .iter()
        .map(|edited| {
            let changed = written.iter().any(|other| other.subject == edited.subject);
            let (name, version) = (names.of(edited.subject), edited.version.as_str());
            let Edited { attempts, requests, .. } = edited;
            json!({ "file": name, "changed": changed, "version": version, "attempts": attempts, "requests": requests })
        })
        .collect();
    json!({
        "changed": report.changed,
        "dry_run": false,
        "changes": changes,
        "not_found": job::not_found(&report.documents).1,
        "documents": documents,
        "steps": report.steps,
        "not_found": report.not_found.iter().map(|found| &found.name).collect::<Vec<_>>(),
        "release": report.release,
        "ready": report.ready,
        "webservers": report.activation.as_ref().map(|activation| &activation.webservers),
        "restarted": report.restarted,
        "daemon": report.daemon.as_ref().map(|daemon| json!({ "by": clock(daemon.by) })),
        "recorded": report.recorded,
        "requests": requests,
    })
}

/// A job that failed, and what it has done.
pub(super) fn failure(names: &Names, failed: Failed, requests: u32) -> Failure {
    let mut report = data(names, &failed.report, requests);
    report["step"] = json!(failed.step);
    Failure { report: Some(Box::new(report)), ..why(names, failed) }
}

fn why(names: &Names, failed: Failed) -> Failure {
    let partial = failed.is_partial();
    let Failed { step, report, error } = failed;
    let (hint, done) = (error.hint(), report.changed);
    let mut failure = match error {
        DeployError::Documents { source, .. } => names.failure(source),
        DeployError::RollOut(error) => match *error {
            RollOutError::Values(source) => names.failure(source),
            error => failed_as(&DeployError::RollOut(Box::new(error))),
        },
        DeployError::NotLoaded { activation } => not_loaded(&activation),
        #[cfg(feature = "object-store")]
        DeployError::NotRecorded(error) => {
            return super::recording::not_recorded(*error, |error| names.failure(error));
        }
        #[cfg(feature = "object-store")]
        DeployError::History(error) => super::history::failure(&error),
        error => failed_as(&error),
    };
    if hint.is_some() {
        failure.hint = hint;
    }
    // Times and code that does not load have numbers of their own; running it again does not help by itself.
    let own = matches!(failure.exit, Exit::TimedOut | Exit::NotLoaded);
    if partial && !own {
        let message =
            if done { format!("step `{step}` failed, those before it are done") } else { failure.message.clone() };
        return job::partial(message, failure);
    }
    failure
}

/// An error that says all by itself.
fn failed_as(error: &DeployError) -> Failure {
    let (exit, reason) = classify(error);
    let mut failure = Failure::new(exit, reason, error.to_string());
    if let DeployError::NotActive { activation, .. } = error {
        failure.causes = activation.webservers.iter().filter_map(|of| said(&of.webserver, &of.outcome)).collect();
    }
    failure.caused_by_source(error)
}

/// What failed before there was a job.
pub(super) fn before(error: &DeployError) -> Failure {
    let (exit, reason) = classify(error);
    Failure { hint: error.hint(), ..Failure::new(exit, reason, error.to_string()).caused_by_source(error) }
}

/// A question that was not answered, in which documents may have been looked at.
pub(super) fn unanswered(namespace: &str, error: DeployError) -> Failure {
    match error {
        #[cfg(feature = "object-store")]
        DeployError::History(error) => super::history::failure(&error),
        DeployError::Documents { source, .. } => {
            Names::ConfigMaps(["values", "workspace"].map(|of| format!("{namespace}/{of}"))).failure(source)
        }
        error => before(&error),
    }
}

/// The exit code, and the word for programs.
fn classify(error: &DeployError) -> (Exit, &'static str) {
    match error {
        DeployError::Discover(DiscoverError::Api(error)) | DeployError::Api(error) => of_api(error),
        DeployError::Discover(_) => (Exit::Precondition, "no-system"),
        DeployError::SeveralReleases { .. } => (Exit::Precondition, "several-releases"),
        DeployError::Subchart { .. } => (Exit::Precondition, "subchart"),
        DeployError::ChartOwned { .. } => (Exit::Precondition, "chart-owned"),
        DeployError::Plan(PlanError::Stale { .. }) => (Exit::Conflict, "stale"),
        DeployError::Plan(_) => (Exit::Invalid, "plan"),
        DeployError::NoChartVersion => (Exit::Precondition, "no-chart-version"),
        DeployError::Documents { source: DocumentsError::GaveUp { .. }, .. } => (Exit::Conflict, "conflict"),
        DeployError::Helm(error) => of_helm(error),
        DeployError::RollOut(error) => match &**error {
            RollOutError::Helm { source, .. } => of_helm(source),
            RollOutError::Stuck { .. } => (Exit::Precondition, "stuck"),
            RollOutError::TimedOut { .. } => (Exit::TimedOut, "timed-out"),
            _ => (Exit::Failed, "release"),
        },
        DeployError::Turn(_) => (Exit::TimedOut, "timed-out"),
        DeployError::NotReady { .. } => (Exit::TimedOut, "not-ready"),
        DeployError::NoCodeServer { .. } => (Exit::Failed, "no-code-server"),
        DeployError::NotLoaded { .. } => (Exit::NotLoaded, "not-loaded"),
        DeployError::NotActive { late: Late::Yes, .. } => (Exit::TimedOut, "not-active"),
        DeployError::NotActive { late: Late::No, .. } => (Exit::Partial, "not-active"),
        DeployError::Restart { source, .. } => match **source {
            RestartError::Paused { .. } => (Exit::Precondition, "paused"),
            _ => (Exit::Failed, "not-restarted"),
        },
        DeployError::Webserver(_) => (Exit::Invalid, "usage"),
        DeployError::Occupied { .. } => (Exit::Precondition, "occupied"),
        DeployError::Terminating { .. } => (Exit::TimedOut, "terminating"),
        DeployError::SystemValues(_) => (Exit::Invalid, "system-values"),
        DeployError::NotRestored { .. } => (Exit::Partial, "not-restored"),
        _ => (Exit::Failed, "cluster"),
    }
}

fn of_api(error: &ApiError) -> (Exit, &'static str) {
    match error {
        ApiError::Forbidden { .. } => (Exit::Precondition, "denied"),
        ApiError::Busy { .. } => (Exit::Conflict, "busy"),
        _ => (Exit::Failed, "cluster"),
    }
}

fn of_helm(error: &HelmError) -> (Exit, &'static str) {
    match error {
        HelmError::Missing { .. }
        | HelmError::Start { .. }
        | HelmError::Version { .. }
        | HelmError::Outdated { .. } => (Exit::Precondition, "no-helm"),
        HelmError::Schema { .. } => (Exit::Invalid, "schema"),
        HelmError::DeadSchema { .. } => (Exit::Precondition, "dead-schema"),
        HelmError::Chart { .. } | HelmError::NoTls { .. } => (Exit::Invalid, "chart"),
        HelmError::Taken { .. } | HelmError::FieldConflict { .. } => (Exit::Precondition, "taken"),
        HelmError::NotReady { .. } | HelmError::Ended { .. } => (Exit::TimedOut, "not-ready"),
        HelmError::Forbidden { .. } => (Exit::Precondition, "denied"),
        _ => (Exit::Failed, "helm"),
    }
}

/// Every location that fails, with its errors as Python would print them.
fn not_loaded(activation: &Activation) -> Failure {
    let failed = activation.failed();
    let names: Vec<String> = failed.iter().map(|location| format!("`{}`", location.name)).collect();
    let message = format!("{} {} with an error", names.join(", "), if names.len() == 1 { "loads" } else { "load" });
    let mut failure = Failure::new(Exit::NotLoaded, "not-loaded", message);
    failure.causes = failed.into_iter().flat_map(chain).collect();
    failure
}

fn chain(location: &Location) -> Vec<String> {
    let LocationState::Failed { errors } = &location.state else { return Vec::new() };
    let link = |ErrorLink { class_name, message, stack }: &ErrorLink| {
        let class = class_name.as_deref().unwrap_or("error");
        let last =
            stack.last().map(|frame| format!("\n  {}", frame.trim_end().replace('\n', "\n  "))).unwrap_or_default();
        format!("{}: {class}: {message}{last}", location.name)
    };
    errors.iter().map(link).collect()
}

/// What keeps a webserver from serving the workspace.
fn said(webserver: &str, outcome: &Outcome) -> Option<String> {
    Some(match outcome {
        Outcome::Serving { .. } | Outcome::Failing { .. } => return None,
        Outcome::NeedsRestart { differences, .. } | Outcome::Behind { differences } => {
            let differences: Vec<String> = differences.iter().map(ToString::to_string).collect();
            let differences =
                if differences.is_empty() { "a location still loads".to_owned() } else { differences.join(", ") };
            format!("`{webserver}`: {differences}")
        }
        Outcome::Rejected { errors } => {
            let first = errors.first().map_or("it does not say why", |error| &error.message);
            format!("`{webserver}` refuses the workspace: {first}")
        }
        Outcome::Lost { error } => error.to_string(),
    })
}

impl Failure {
    /// With what is behind `error`, which says the message itself.
    pub(super) fn caused_by_source(self, error: &(dyn Error + 'static)) -> Self {
        match error.source() {
            Some(source) => self.caused_by(source),
            None => self,
        }
    }
}
