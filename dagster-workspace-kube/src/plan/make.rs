//! Plans made: of documents alone by [`of_documents`], and by a deployer with what follows on its cluster.

use std::collections::BTreeSet;

use dagster_workspace_core::error::{Diagnostic, Severity};
use dagster_workspace_core::transform::Subject;
use dagster_workspace_core::values::UserDeployments;
use dagster_workspace_core::yaml::Document;

use super::{Base, FORM, Plan};
use crate::deploy::{Edited, Job};

/// The plan of a job that was begun, as far as its documents go.
#[must_use]
pub fn of_documents(job: &Job<'_>) -> Plan {
    let (request, pair) = (job.request(), job.pair());
    let order = job.order();
    let in_order = |subject: &Subject| job.planned().iter().find(|edited| edited.subject == *subject);
    let edited: Vec<&Edited> = order.iter().filter_map(in_order).collect();
    let changes = edited.iter().flat_map(|edited| edited.changes.iter().map(ToString::to_string));
    let absent = edited.iter().flat_map(|edited| edited.not_found.iter().map(|field| format!("not found: {field}")));
    let summary = changes.chain(absent).collect();
    let findings = edited.iter().flat_map(|edited| edited.warnings.clone()).chain(job.pairing().findings.clone());
    let missing = job.not_found().iter().map(|found| found.diagnostic(Severity::Warning));
    Plan {
        form: FORM,
        has_changes: edited.iter().any(|edited| edited.is_changed()),
        aim: request.aim(),
        names: request.names().to_vec(),
        summary,
        warnings: findings.chain(missing).map(line).collect(),
        not_found: job.not_found().iter().map(|found| found.name.clone()).collect(),
        values: pair.values.clone(),
        workspace: pair.workspace.clone(),
        exact: request.texts().cloned(),
        target: job.documents().target().clone(),
        base: edited.iter().map(|edited| Base::new(edited)).collect(),
        cluster: None,
    }
}

fn line(warning: Diagnostic) -> String {
    let Diagnostic { message, hint, .. } = warning;
    hint.map_or_else(|| message.clone(), |hint| format!("{message}; {hint}"))
}

/// Code servers whose pods an edit of the values replaces, makes or deletes: the chart rolls a Deployment when its entry means
/// something else, and all of them when anything beside the entries does.
pub(crate) fn rolls(before: &str, after: &str) -> Vec<String> {
    let (Ok(before), Ok(after)) = (Document::parse(before), Document::parse(after)) else { return Vec::new() };
    let (before, after) = (UserDeployments::of(&before), UserDeployments::of(&after));
    let names = |of: &UserDeployments<'_>| -> BTreeSet<String> {
        of.iter().filter_map(|deployment| Some(deployment.name()?.into_owned())).collect()
    };
    let value = |of: &UserDeployments<'_>, name: &str| of.get(name).and_then(|deployment| deployment.to_value().ok());
    let all: BTreeSet<String> = names(&before).union(&names(&after)).cloned().collect();
    let differs = |name: &String| match (value(&before, name), value(&after, name)) {
        (Some(before), Some(after)) => !before.is_same(&after),
        (None, None) => false,
        _ => true,
    };
    all.into_iter().filter(differs).collect()
}
