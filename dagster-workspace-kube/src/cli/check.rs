//! `check`: everything that Dagster, its charts or Kubernetes would refuse or misread, in both documents of a place, or in the
//! files that are named.

use std::path::{Path, PathBuf};

use clap::Args;
use dagster_workspace_core::detect::{DocumentKind, detect};
use dagster_workspace_core::error::{Diagnostic, Severity};
use dagster_workspace_core::lint::{self, Target};
use dagster_workspace_core::transform::Subject;
use dagster_workspace_core::yaml::Document;
use serde_json::{Value, json};

use super::Context;
use super::documents::{BOTH, Documents, file_name};
use super::exit::Exit;
use super::input::{self, Input};
use super::render::{Answer, Failure, Finding};
use crate::words::counted;

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Files to check instead of values.yaml and workspace.yaml; `-` is the standard input
    files: Vec<PathBuf>,
    /// Exit with 4 where there are warnings, too
    #[arg(long)]
    strict: bool,
}

/// A document that is checked as one of ours.
struct Checked {
    name: String,
    subject: Subject,
    document: Document<'static>,
}

/// What was found so far.
#[derive(Default)]
struct Report {
    checked: Vec<Checked>,
    findings: Vec<Finding>,
    /// What each file is, where files were named.
    kinds: Vec<(String, &'static str, String)>,
}

/// Lints documents and their pairing. The findings are the answer, so they go to the standard output.
pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<Answer, Failure> {
    let mut report = Report::default();
    let target = if arguments.files.is_empty() {
        let documents = Documents::open(context.options)?;
        let target: Target = documents.documents.target().clone();
        for subject in BOTH {
            let input = Input { name: documents.names.of(subject), text: documents.text(subject)? };
            report.read(input, |_| Some(subject), &target);
        }
        target
    } else {
        refuse_places(context)?;
        let target = context.options.cluster.target()?;
        for file in &arguments.files {
            let input = input::read(Some(file), context.stdin)?;
            report.file(file, input, &target);
        }
        target
    };
    report.pair(&target);
    Ok(report.answer(arguments.strict))
}

/// Files and a place are two answers to one question.
fn refuse_places(context: &Context<'_>) -> Result<(), Failure> {
    let is_place = context.options.directory.is_some() || context.options.cluster.connection().is_some();
    if is_place {
        return Err(Failure::usage("`check` takes files, or a directory or namespace, not both"));
    }
    Ok(())
}

impl Report {
    /// Lints a text as what `subject_of` takes it for.
    fn read(&mut self, input: Input, subject_of: impl Fn(&Document<'_>) -> Option<Subject>, target: &Target) {
        let Input { name, text } = input;
        match Document::parse(text.as_str()) {
            Ok(document) => {
                let Some(subject) = subject_of(&document) else { return };
                let found = match subject {
                    Subject::Values => lint::lint_values(&document, target),
                    Subject::Workspace => lint::lint_workspace(&document, target),
                };
                self.findings.extend(Finding::all(found, &name, &text));
                self.checked.push(Checked { name, subject, document: document.into_owned() });
            }
            Err(error) => self.findings.extend(Finding::all([error.diagnostic()], &name, &text)),
        }
    }

    /// A file that was named: as what it is, or, where that does not show, as what its name says.
    fn file(&mut self, file: &Path, input: Input, target: &Target) {
        let kind = Document::parse(input.text.as_str()).map(|document| detect(&document));
        let by_name = BOTH.into_iter().find(|subject| file.file_name().is_some_and(|name| name == file_name(*subject)));
        let subject = match &kind {
            Ok(DocumentKind::Values | DocumentKind::SystemValues) if by_name == Some(Subject::Workspace) => by_name,
            Ok(DocumentKind::Values | DocumentKind::SystemValues) => Some(Subject::Values),
            Ok(DocumentKind::Workspace) if by_name == Some(Subject::Values) => by_name,
            Ok(DocumentKind::Workspace) => Some(Subject::Workspace),
            Ok(DocumentKind::Manifest(_)) => None,
            _ => by_name,
        };
        let (slug, words) = match (&kind, subject) {
            (Ok(DocumentKind::Manifest(kind)), _) => ("manifest", format!("Kubernetes manifest (`{kind}`)")),
            (Ok(DocumentKind::SystemValues), Some(Subject::Values)) => {
                ("system-values", "values of the system chart".to_owned())
            }
            (Ok(_), Some(Subject::Values)) => ("values", "values".to_owned()),
            (Ok(_), Some(Subject::Workspace)) => ("workspace", "workspace file".to_owned()),
            (Ok(_), None) => ("unknown", "neither values nor a workspace file".to_owned()),
            (Err(_), _) => ("unreadable", "not YAML".to_owned()),
        };
        if subject.is_none() && kind.is_ok() {
            let unchecked = Diagnostic {
                code: "DW0030",
                severity: Severity::Warning,
                message: format!("`{}` is not checked: {words}", input.name),
                span: None,
                related: Vec::new(),
                hint: matches!(kind, Ok(DocumentKind::Unknown))
                    .then(|| "values have `deployments`, a workspace file has `load_from`".to_owned()),
            };
            self.findings.extend(Finding::all([unchecked], &input.name, &input.text));
        }
        self.kinds.push((input.name.clone(), slug, words));
        self.read(input, |_| subject, target);
    }

    /// Values and a workspace file, one of each, are a pair.
    fn pair(&mut self, target: &Target) {
        let of = |subject| {
            let mut found = self.checked.iter().filter(move |checked| checked.subject == subject);
            found.next().filter(|_| found.next().is_none())
        };
        let (Some(values), Some(workspace)) = (of(Subject::Values), of(Subject::Workspace)) else { return };
        let found = lint::lint_pairing(&values.document, &workspace.document, target);
        // A deployment that has no server is the one finding whose place is in the values.
        let (in_values, in_workspace): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| found.code == "DW0301");
        let mut paired = Finding::all(in_values, &values.name, values.document.text());
        paired.extend(Finding::all(in_workspace, &workspace.name, workspace.document.text()));
        self.findings.extend(paired);
    }

    fn answer(self, strict: bool) -> Answer {
        let Self { checked: _, findings, kinds } = self;
        let errors = findings.iter().filter(|finding| finding.is_error()).count();
        let warnings = findings.len() - errors;
        let mut text: String = kinds.iter().map(|(name, _, words)| format!("{name}: {words}\n")).collect();
        text.extend(findings.iter().map(|finding| finding.rendered.as_str()));
        text.push_str(&format!("{}, {}\n", counted(errors, "error"), counted(warnings, "warning")));
        let mut data = json!({ "findings": findings, "errors": errors });
        if !kinds.is_empty() {
            let files = kinds.iter().map(|(name, kind, _)| json!({ "file": name, "kind": kind }));
            data["files"] = Value::Array(files.collect());
        }
        let annotations = findings.iter().map(Finding::annotation).collect();
        let is_bad = errors > 0 || (strict && warnings > 0);
        let exit = if is_bad { Exit::Invalid } else { Exit::Done };
        Answer { exit, annotations, ..Answer::new(text, data) }
    }
}
