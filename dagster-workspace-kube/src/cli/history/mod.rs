//! `history`: the revisions outside the cluster, and recording one from the documents of a directory.

mod read;
mod write;

use std::future::Future;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::exit::Exit;
use super::render::{Answer, Failure, Finding};
use super::{Context, Options, documents};
use crate::history::{Changed, Documents, History, HistoryError, Revision};

/// Commands of `history`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists the revisions, newest first
    List(read::ListArguments),
    /// Shows a revision, or one of its documents as it is
    Show(read::ShowArguments),
    /// Says what differs between two revisions
    Diff(read::DiffArguments),
    /// Writes the documents of a revision into the directory
    Pull(write::PullArguments),
    /// Records the documents of the directory; no new revision where the newest says the same
    Record(write::RecordArguments),
    /// Reads everything that was recorded, and compares it with its hashes
    Verify,
    /// Removes old revisions; the newest always stays
    Gc(write::GcArguments),
}

/// Runs one of them.
pub(super) fn run(command: &Command, context: &mut Context<'_>) -> Result<Answer, Failure> {
    let opened = Opened::new(context.options)?;
    match command {
        Command::List(arguments) => read::list(&opened, arguments),
        Command::Show(arguments) => read::show(&opened, arguments),
        Command::Diff(arguments) => read::diff(&opened, arguments),
        Command::Verify => read::verify(&opened),
        Command::Pull(arguments) => write::pull(&opened, arguments, context),
        Command::Record(arguments) => write::record(&opened, arguments, context),
        Command::Gc(arguments) => write::gc(&opened, arguments, context),
    }
}

/// A revision in place of the documents of the directory, for other commands.
#[derive(Debug, Args)]
pub(super) struct RevisionArguments {
    /// Take the documents of this revision of the history, or `latest`
    #[arg(long, value_name = "NUMBER")]
    revision: Option<String>,
}

impl RevisionArguments {
    /// What is asked for, and the documents; `None` where no revision is.
    pub(super) fn documents(&self, options: &Options) -> Result<Option<(String, Documents)>, Failure> {
        let Some(revision) = &self.revision else { return Ok(None) };
        let number = match revision.as_str() {
            "latest" => None,
            number => Some(number.parse().map_err(|_| Failure::usage("a revision is a number or `latest`"))?),
        };
        let opened = Opened::new(options)?;
        let revision = opened.revision(number)?;
        Ok(Some((format!("revision {}", revision.number), opened.documents(&revision)?)))
    }
}

/// An open history, and what runs its requests.
pub(super) struct Opened {
    history: History,
    runtime: Runtime,
}

impl Opened {
    pub(super) fn new(options: &Options) -> Result<Self, Failure> {
        let runtime = documents::runtime()?;
        Ok(Self { history: options.history.open()?, runtime })
    }

    fn run<T>(&self, request: impl Future<Output = Result<T, HistoryError>>) -> Result<T, Failure> {
        self.runtime.block_on(request).map_err(|error| failure(&error))
    }

    /// The revision of that number, or the newest.
    pub(super) fn revision(&self, number: Option<u64>) -> Result<Revision, Failure> {
        match number {
            Some(number) => self.run(self.history.get(number)),
            None => self.run(self.history.newest())?.ok_or_else(|| failure(&HistoryError::Empty)),
        }
    }

    pub(super) fn documents(&self, revision: &Revision) -> Result<Documents, Failure> {
        self.run(self.history.documents(revision))
    }
}

/// A history that did not do what was asked.
pub(super) fn failure(error: &HistoryError) -> Failure {
    let (exit, reason) = match error {
        HistoryError::Place { .. } => (Exit::Invalid, "usage"),
        HistoryError::NoBucket { .. } => (Exit::Invalid, "no-bucket"),
        HistoryError::NotFound { .. } | HistoryError::Empty => (Exit::Invalid, "not-found"),
        HistoryError::NotYaml { .. } | HistoryError::NoData { .. } => (Exit::Invalid, "parse"),
        HistoryError::Denied { .. } => (Exit::Failed, "denied"),
        HistoryError::Unconditional { .. } => (Exit::Failed, "unconditional"),
        HistoryError::Damaged { .. } => (Exit::Failed, "damaged"),
        HistoryError::Newer { .. } => (Exit::Failed, "newer"),
        HistoryError::GaveUp { .. } => (Exit::Conflict, "conflict"),
        HistoryError::TimedOut { .. } => (Exit::Failed, "timeout"),
        HistoryError::Store { .. } => (Exit::Failed, "unreachable"),
    };
    let failure = Failure { hint: error.hint().map(str::to_owned), ..Failure::new(exit, reason, error.to_string()) };
    match std::error::Error::source(error) {
        Some(source) => failure.caused_by(source),
        None => failure,
    }
}

/// A revision as data.
fn data(revision: &Revision) -> Value {
    serde_json::to_value(revision).unwrap_or_default()
}

/// A revision on one line: number, time, who, what.
fn line(revision: &Revision) -> String {
    let Revision { number, time, actor, reason, changes, unpaired, .. } = revision;
    let mut parts = vec![format!("{number:>6}  {time}")];
    parts.push(actor.clone().unwrap_or_else(|| "-".to_owned()));
    let what = changes.as_deref().map(summary).unwrap_or_default();
    parts.push(reason.clone().into_iter().chain((!what.is_empty()).then_some(what)).collect::<Vec<_>>().join(": "));
    if !unpaired.is_empty() {
        parts.push(format!("({} unpaired)", unpaired.len()));
    }
    format!("{}\n", parts.join("  ").trim_end())
}

/// The first changes, and how many more there are.
fn summary(changes: &[Changed]) -> String {
    const SHOWN: usize = 2;
    let shown: Vec<&str> = changes.iter().take(SHOWN).map(|change| change.summary.as_str()).collect();
    match changes.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{}, and {more} more", shown.join(", ")),
    }
}

/// Changes one under the other.
fn changes_text(changes: &[Changed]) -> String {
    changes.iter().map(|change| format!("  {}\n", change.summary)).collect()
}

/// The answer about changes that were asked for.
fn changed_answer(text: String, changes: &[Changed]) -> Answer {
    let exit = if changes.is_empty() { Exit::Done } else { Exit::Changes };
    let data = json!({ "changed": !changes.is_empty(), "changes": changes });
    Answer { exit, ..Answer::new(text, data) }
}

/// The findings of documents that cannot be read, before anything is asked of the store.
fn check_yaml(documents: &super::documents::Documents, texts: &Documents) -> Result<(), Failure> {
    use dagster_workspace_core::yaml::Document;

    use dagster_workspace_core::transform::Subject;
    for (subject, text) in [(Subject::Values, &texts.values), (Subject::Workspace, &texts.workspace)] {
        if let Err(error) = Document::parse(text.as_str()) {
            let findings = Finding::all([error.diagnostic()], &documents.names.of(subject), text);
            return Err(Failure::found(Exit::Invalid, "parse", findings));
        }
    }
    Ok(())
}
