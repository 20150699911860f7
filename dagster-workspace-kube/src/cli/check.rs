//! `check`: everything that Dagster, its charts or Kubernetes would refuse or misread in both documents.

use dagster_workspace_core::lint::{self, Target};
use dagster_workspace_core::transform::Subject;
use dagster_workspace_core::yaml::Document;
use serde_json::json;

use super::Context;
use super::documents::{BOTH, Documents, Pair};
use super::exit::Exit;
use super::render::{Answer, Failure, Finding};
use crate::words::counted;

/// Lints both documents and their pairing. The findings are the answer, so they go to the standard output.
pub(super) fn run(context: &mut Context<'_>) -> Result<Answer, Failure> {
    let documents = Documents::open(context.options)?;
    let target: Target = *documents.documents.target();
    let mut findings = Vec::new();
    let mut read = Vec::new();
    for subject in BOTH {
        let (text, name) = (documents.text(subject)?, documents.names.of(subject));
        match Document::parse(text.as_str()) {
            Ok(document) => {
                let found = match subject {
                    Subject::Values => lint::lint_values(&document, &target),
                    Subject::Workspace => lint::lint_workspace(&document, &target),
                };
                findings.extend(Finding::all(found, &name, &text));
                read.push(document.into_owned());
            }
            Err(error) => findings.extend(Finding::all([error.diagnostic()], &name, &text)),
        }
    }
    if let Ok([values, workspace]) = <[Document<'static>; 2]>::try_from(read) {
        findings.extend(Pair { values, workspace }.pairing(&documents.names, &target));
    }
    let errors = findings.iter().filter(|finding| finding.is_error()).count();
    let warnings = findings.len() - errors;
    let mut text: String = findings.iter().map(|finding| finding.rendered.as_str()).collect();
    text.push_str(&format!("{}, {}\n", counted(errors, "error"), counted(warnings, "warning")));
    let data = json!({ "findings": findings, "errors": errors });
    let exit = if errors > 0 { Exit::Invalid } else { Exit::Done };
    Ok(Answer { exit, ..Answer::new(text, data) })
}
