//! Lint before and after: what stands in the way of a result, and what is only said. Read [`check`].

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Subject, TransformError};
use crate::error::{Diagnostic, Severity};
use crate::lint::{Target, lint_values, lint_workspace};
use crate::span::Span;
use crate::values::UserDeployments;
use crate::workspace::Workspace;
use crate::yaml::Document;

/// The findings that do not stand in the way.
///
/// # Errors
/// [`TransformError::Invalid`] with those that do.
pub(super) fn check(
    before: &Document<'_>,
    after: &Document<'_>,
    subject: Subject,
    touched: &[Cow<'_, str>],
    target: &Target,
) -> Result<Vec<Diagnostic>, TransformError> {
    let lint = match subject {
        Subject::Values => lint_values,
        Subject::Workspace => lint_workspace,
    };
    let mut older: Vec<Diagnostic> = lint(before, target);
    let count = |findings: &[Diagnostic]| findings.iter().filter(|found| found.severity == Severity::Error).count();
    let (errors_before, found) = (count(&older), lint(after, target));
    let fewer = count(&found) < errors_before;
    let places = entries(after, subject, touched);
    let mut blocking = Vec::new();
    let mut warnings = Vec::new();
    for finding in found {
        let place = finding.span.unwrap_or_default();
        let own = places.iter().any(|entry| entry.contains(place));
        let known = older.iter().position(|old| same(old, &finding)).map(|at| older.swap_remove(at)).is_some();
        let fatal = subject == Subject::Workspace && !fewer;
        match finding.severity {
            Severity::Error if own || !known || fatal => blocking.push(finding),
            Severity::Error => warnings.push(Diagnostic { severity: Severity::Warning, ..finding }),
            Severity::Warning if own || !known => warnings.push(finding),
            // A neighbour's warning was there before and is nobody's business here.
            Severity::Warning => {}
        }
    }
    if blocking.is_empty() {
        Ok(warnings)
    } else {
        Err(TransformError::Invalid { findings: blocking, text: String::from(after.text()) })
    }
}

/// Whether two findings are the same one, its place aside: an edit above moves it.
fn same(old: &Diagnostic, new: &Diagnostic) -> bool {
    old.code == new.code && old.message == new.message
}

/// Where the touched entries stand.
fn entries(document: &Document<'_>, subject: Subject, touched: &[Cow<'_, str>]) -> Vec<Span> {
    let is_touched = |name: Option<Cow<'_, str>>| name.is_some_and(|name| touched.contains(&name));
    match subject {
        Subject::Values => {
            let view = UserDeployments::of(document);
            view.iter().filter(|entry| is_touched(entry.name())).map(|entry| entry.node().full_span()).collect()
        }
        Subject::Workspace => {
            let view = Workspace::of(document);
            view.locations().filter(|entry| is_touched(entry.name())).map(|entry| entry.node().full_span()).collect()
        }
    }
}
