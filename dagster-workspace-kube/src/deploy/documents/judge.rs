//! What a job would do to both documents together, before anything is written: [`judge`] on how they fit each other, [`absent`] on names
//! that nothing has.

use dagster_workspace_core::error::{Diagnostic, Severity};
use dagster_workspace_core::lint::{self, Target};
use dagster_workspace_core::pairing;
use dagster_workspace_core::staging::Records;
use dagster_workspace_core::transform::pair::Pair;
use dagster_workspace_core::transform::{Instead, NotFound, find, seen_from};
use dagster_workspace_core::values::UserDeployments;
use dagster_workspace_core::workspace::Workspace;
use dagster_workspace_core::yaml::Document;

use super::{DocumentsError, Edited, Pairing};
use crate::deploy::request::{Absentees, Aim, Request};

/// Findings about both documents together that a job brings, judged on the state that it leads to.
pub(super) fn judge(
    request: &Request,
    pair: &Pair,
    edited: &[Edited],
    target: &Target,
) -> Result<Pairing, DocumentsError> {
    let [values, workspace] = edited else { return Ok(Pairing::default()) };
    let before = [read(values, &values.before)?, read(workspace, &workspace.before)?];
    let after = [read(values, &values.text)?, read(workspace, &workspace.text)?];
    let old = lint::lint_pairing(&before[0], &before[1], target);
    let known = |new: &Diagnostic| old.iter().any(|old| (old.code, &old.message) == (new.code, &new.message));
    let new = lint::lint_pairing(&after[0], &after[1], target).into_iter().filter(|new| !known(new));
    let mut findings: Vec<Diagnostic> = new.collect();
    let change = lint::lint_change([&before[0], &before[1]], [&after[0], &after[1]], target).into_iter();
    // Where no deployment is asked to go, DW0301 says it; the first half of a rollback takes locations alone.
    let goes = request.aim() == Aim::Absent && !pair.values.is_empty();
    findings.extend(change.filter(|found| found.severity != Severity::Error || goes));
    findings.extend(pair.unknown_hosts(&after[1], target));
    if findings.iter().all(|finding| finding.severity != Severity::Error) {
        return Ok(Pairing { values: values.text.clone(), workspace: workspace.text.clone(), findings });
    }
    findings.retain(|finding| finding.severity == Severity::Error);
    // All errors are about the workspace.
    let findings = seen_from(&before[1], &after[1], findings);
    let pairing = Pairing { values: values.before.clone(), workspace: workspace.before.clone(), findings };
    Err(DocumentsError::Unpaired { pairing })
}

fn read(of: &Edited, text: &str) -> Result<Document<'static>, DocumentsError> {
    let document = Document::parse(text).map(Document::into_owned);
    let (subject, text) = (of.subject, text.to_owned());
    document.map_err(|error| DocumentsError::Transform { subject, text, source: error.into() })
}

/// The names of a removal that nothing has: no deployment, no record, and no code location.
pub(super) fn absent(request: &Request, edited: &[Edited], target: &Target) -> Result<Vec<NotFound>, DocumentsError> {
    let ([values, workspace], Aim::Absent) = (edited, request.aim()) else { return Ok(Vec::new()) };
    let mut missing = missing(request.names(), &values.before, &workspace.before, target);
    let document = read(values, &values.before)?;
    let records = Records::of(&document);
    missing.retain(|found| matches!(found.instead, Instead::Nothing(_)) && records.get(&found.name).is_none());
    // What stands at the host of that name went, too.
    let document = read(workspace, &workspace.before)?;
    let view = Workspace::of(&document);
    let pairing = pairing::Pairing::of(&view, target.namespace.as_deref());
    missing.retain(|found| pairing.locations_at(&found.name).is_empty());
    if request.absent() == Absentees::Refuse && !missing.is_empty() {
        return Err(DocumentsError::NotFound { missing, aim: request.aim() });
    }
    Ok(missing)
}

/// Those of `names` that are no deployment's, each once. Of texts that cannot be read, nothing is known.
pub(crate) fn missing(names: &[String], values: &str, workspace: &str, target: &Target) -> Vec<NotFound> {
    let (Ok(values), Ok(workspace)) = (Document::parse(values), Document::parse(workspace)) else { return Vec::new() };
    let (deployments, view) = (UserDeployments::of(&values), Workspace::of(&workspace));
    let pairing = pairing::Pairing::of(&view, target.namespace.as_deref());
    let mut found: Vec<NotFound> = Vec::new();
    for name in names {
        if found.iter().all(|other| other.name != *name) {
            found.extend(find(name, &deployments, &pairing));
        }
    }
    found
}
