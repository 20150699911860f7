//! What the command says, for people and for programs: [`Answer`] on success, [`Failure`] otherwise, and the [`Finding`]s
//! of both. Secrets are in none of them.

use std::error::Error;
use std::fmt::{self, Write as _};

use clap::ValueEnum;
use dagster_workspace_core::error::{Diagnostic, ParseError, Refusal, Severity};
use dagster_workspace_core::secret::Shown;
use dagster_workspace_core::span::LineCol;
use dagster_workspace_core::transform::{NotFound, TransformError};
use serde::Serialize;
use serde_json::{Value, json};

use super::exit::Exit;
use crate::store::StoreError;

/// For whom the command speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// People.
    #[default]
    Text,
    /// Programs: one JSON value; an error as one on the standard error.
    Json,
    /// A workflow of GitHub: as for people, with annotations, and outputs in the file that `GITHUB_OUTPUT` names.
    Github,
}

/// What a command came to when it did not fail.
pub(super) struct Answer {
    /// For the standard output in text form.
    pub(super) text: String,
    /// The same as data; warnings are added as `warnings`.
    pub(super) data: Value,
    /// For the standard error.
    pub(super) warnings: Vec<Finding>,
    /// Findings that are the answer itself, as a workflow of GitHub shows them beside their files.
    pub(super) annotations: String,
    /// [`Exit::Changes`] wherever there are any: whether that is to be told is decided at the end.
    pub(super) exit: Exit,
}

impl Answer {
    /// Done, with nothing to warn of.
    pub(super) fn new(text: impl Into<String>, data: Value) -> Self {
        Self { text: text.into(), data, warnings: Vec::new(), annotations: String::new(), exit: Exit::Done }
    }

    /// With what was said on the way.
    pub(super) fn with_notices(mut self, notices: &[Value]) -> Self {
        if let (Value::Object(entries), false) = (&mut self.data, notices.is_empty()) {
            entries.insert("notices".to_owned(), json!(notices));
        }
        self
    }

    /// What goes to the standard output.
    pub(super) fn stdout(&self, format: Format) -> String {
        if format != Format::Json {
            return self.text.clone();
        }
        let mut data = self.data.clone();
        if let (Value::Object(entries), false) = (&mut data, self.warnings.is_empty()) {
            entries.insert("warnings".to_owned(), json!(self.warnings));
        }
        pretty(&data)
    }

    /// What goes to the standard error.
    pub(super) fn stderr(&self, format: Format) -> String {
        match format {
            Format::Text => self.warnings.iter().map(|finding| finding.rendered.as_str()).collect(),
            Format::Json => String::new(),
            Format::Github => {
                let warnings = self.warnings.iter().map(Finding::annotation);
                warnings.chain([self.annotations.clone()]).collect()
            }
        }
    }

    /// What a workflow of GitHub may ask for in later steps, one `NAME=VALUE` a line.
    pub(super) fn outputs(&self) -> String {
        match self.data.get("changed").and_then(Value::as_bool) {
            Some(changed) => format!("changed={changed}\n"),
            None => String::new(),
        }
    }
}

/// A [`Diagnostic`] with the text it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) code: &'static str,
    pub(super) severity: Severity,
    pub(super) message: String,
    pub(super) file: String,
    #[serde(flatten)]
    place: Option<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// The name that was asked for, where nothing has it.
    #[serde(skip)]
    not_found: Option<String>,
    #[serde(skip)]
    pub(super) rendered: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Place {
    line: u32,
    column: u32,
}

impl Finding {
    /// Findings about `text`, which is called `file`.
    pub(super) fn all(diagnostics: impl IntoIterator<Item = Diagnostic>, file: &str, text: &str) -> Vec<Self> {
        let mut diagnostics = diagnostics.into_iter().peekable();
        // The whole text is read for secrets: once, and only where something is quoted.
        let shown = Shown::of(if diagnostics.peek().is_some() { text } else { "" });
        diagnostics.map(|diagnostic| Self::new(diagnostic, file, &shown)).collect()
    }

    /// That nothing has a name; `file` is where it was looked for.
    pub(super) fn not_found(missing: &NotFound, severity: Severity, file: &str) -> Self {
        let not_found = Some(missing.name.clone());
        Self { not_found, ..Self::new(missing.diagnostic(severity), file, &Shown::of("")) }
    }

    fn new(diagnostic: Diagnostic, file: &str, shown: &Shown<'_>) -> Self {
        let place = diagnostic.span.map(|span| LineCol::of(shown.text(), span.start));
        let place = place.map(|LineCol { line, column }| Place { line, column });
        let rendered = diagnostic.render(file, shown);
        let Diagnostic { code, severity, message, span: _, related: _, hint } = shown.finding(diagnostic);
        Self { code, severity, message, file: file.to_owned(), place, hint, not_found: None, rendered }
    }

    /// As a workflow of GitHub shows it beside the file.
    pub(super) fn annotation(&self) -> String {
        let kind = if self.is_error() { "error" } else { "warning" };
        let place = self.place.map(|Place { line, column }| format!(",line={line},col={column}")).unwrap_or_default();
        let (file, title) = (property(&self.file), property(self.code));
        let hint = self.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        format!("::{kind} file={file}{place},title={title}::{}\n", escaped(&format!("{}{hint}", self.message)))
    }

    pub(super) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    /// Stable word for programs: `anchor-in-use`, `usage`.
    pub(super) reason: &'static str,
    pub(super) message: String,
    /// What lies behind it, from the nearest on.
    pub(super) causes: Vec<String>,
    pub(super) hint: Option<String>,
    /// Places in documents; they say more than the message.
    pub(super) findings: Box<[Finding]>,
    /// What was done before, as data in the form of an answer; `None` where nothing can have been.
    pub(super) report: Option<Box<Value>>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What is behind it stands in [`Failure::causes`].
impl Error for Failure {}

impl Failure {
    pub(super) fn new(exit: Exit, reason: &'static str, message: impl Into<String>) -> Self {
        let (causes, findings) = (Vec::new(), Box::default());
        Self { exit, reason, message: message.into(), causes, hint: None, findings, report: None }
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Invalid, "usage", message)
    }

    /// With what was said on the way.
    pub(super) fn with_notices(mut self, notices: &[Value]) -> Self {
        if let (Some(report), false) = (&mut self.report, notices.is_empty()) {
            report["notices"] = json!(notices);
        }
        self
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// With what `error` and the errors behind it say.
    pub(super) fn caused_by(mut self, error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            self.causes.push(error.to_string());
            next = error.source();
        }
        self
    }

    /// Findings about a document that is not used as it is.
    pub(super) fn found(exit: Exit, reason: &'static str, findings: Vec<Finding>) -> Self {
        let message = findings.first().map_or_else(String::new, |finding| finding.message.clone());
        Self { findings: findings.into(), ..Self::new(exit, reason, message) }
    }

    pub(super) fn parse(error: &ParseError, file: &str, text: &str) -> Self {
        Self::found(Exit::Invalid, "parse", Finding::all([error.diagnostic()], file, text))
    }

    pub(super) fn refusal(refusal: &Refusal, file: &str, text: &str) -> Self {
        Self::found(Exit::Invalid, refusal.reason.slug(), Finding::all([refusal.diagnostic()], file, text))
    }

    pub(super) fn store(error: &StoreError) -> Self {
        let exit = Exit::of_store(error);
        let reason = match error {
            StoreError::NotFound { .. } | StoreError::NoDirectory { .. } => "not-found",
            StoreError::NotUtf8 { .. } => "not-utf8",
            StoreError::TooLarge { .. } => "too-large",
            StoreError::NotAFile { .. } | StoreError::Link { .. } => "not-a-file",
            StoreError::Conflict { .. } => "conflict",
            StoreError::Busy { .. } => "busy",
            StoreError::Ambiguous { .. } => "unsettled",
            StoreError::Denied { .. } | StoreError::Forbidden { .. } => "denied",
            StoreError::Immutable { .. } => "immutable",
            StoreError::NoNamespace { .. } => "no-namespace",
            StoreError::Refused { .. } => "refused",
            StoreError::Unreachable { .. } => "unreachable",
            _ => "io",
        };
        let failure = Self { hint: error.hint().map(str::to_owned), ..Self::new(exit, reason, error.to_string()) };
        match error.source() {
            Some(source) => failure.caused_by(source),
            None => failure,
        }
    }

    /// A document that a transform leaves alone.
    pub(super) fn transform(error: &TransformError, file: &str, text: &str) -> Self {
        let (exit, reason) = match error {
            TransformError::Parse(_) => (Exit::Invalid, "parse"),
            TransformError::Data(_) => (Exit::Invalid, "no-data"),
            TransformError::Refused(refusal) => (Exit::Invalid, refusal.reason.slug()),
            TransformError::NameTaken { .. } => (Exit::Precondition, "name-taken"),
            TransformError::OtherRepository { .. } => (Exit::Precondition, "other-repository"),
            TransformError::OtherLocation { .. } => (Exit::Precondition, "other-location"),
            TransformError::Ambiguous(_) => (Exit::Precondition, "ambiguous"),
            TransformError::NotFound { .. } => (Exit::Invalid, "not-found"),
            TransformError::NotAServer { .. } => (Exit::Invalid, "not-a-server"),
            _ => (Exit::Invalid, "invalid"),
        };
        let findings = Finding::all(error.diagnostics(), file, text);
        let causes = match error {
            // From the entry that is there to the one that was to be added.
            TransformError::NameTaken { difference, .. } => difference.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        };
        Self { causes, ..Self::found(exit, reason, findings) }
    }

    /// What goes to the standard error.
    pub(super) fn stderr(&self, format: Format) -> String {
        let Self { exit, reason, message, causes, hint, findings, report } = self;
        if format == Format::Json {
            let mut error = json!({ "reason": reason, "exit_code": exit.code(), "message": message });
            let not_found: Vec<&str> = findings.iter().filter_map(|finding| finding.not_found.as_deref()).collect();
            let details = [
                ("causes", json!(causes)),
                ("hint", json!(hint)),
                ("findings", json!(findings)),
                ("not_found", json!(not_found)),
                ("report", json!(report)),
            ];
            for (key, value) in details {
                if !matches!(&value, Value::Null) && value != json!([]) {
                    error[key] = value;
                }
            }
            return pretty(&json!({ "error": error }));
        }
        let mut out: String = findings.iter().map(|finding| finding.rendered.as_str()).collect();
        // Writing to a String cannot fail.
        if findings.is_empty() {
            let _ = writeln!(out, "error[{reason}]: {message}");
        } else {
            let _ = writeln!(out, "reason: {reason}");
        }
        for cause in causes {
            let _ = writeln!(out, "because: {cause}");
        }
        if let Some(hint) = hint {
            let _ = writeln!(out, "hint: {hint}");
        }
        if format == Format::Github {
            let annotations = findings.iter().map(Finding::annotation);
            out.extend(annotations);
            if findings.is_empty() {
                let _ = writeln!(out, "::error title={}::{}", property(reason), escaped(message));
            }
        }
        out
    }
}

/// A message in a workflow command of GitHub, which ends at the end of the line.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property in one, which ends at `:` and `,`.
fn property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}

fn pretty(value: &Value) -> String {
    // `{:#}` of a JSON value is its indented form.
    format!("{value:#}\n")
}
