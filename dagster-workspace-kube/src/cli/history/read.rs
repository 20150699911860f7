//! The commands of `history` that only read.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{Opened, changed_answer, changes_text, data, failure, line};
use crate::cli::exit::Exit;
use crate::cli::render::{Answer, Failure};
use crate::history::{self, Revision, Which};
use crate::words::counted;

/// Arguments of `history list`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ListArguments {
    /// Only the newest so many
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
}

/// Arguments of `history show`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArguments {
    /// The revision [default: the newest]
    number: Option<u64>,
    /// Print this document as it is, instead of what is known about the revision
    #[arg(long, value_enum)]
    document: Option<Named>,
}

/// Arguments of `history diff`.
#[derive(Debug, Args)]
pub(in crate::cli) struct DiffArguments {
    /// From this revision [default: the one before the other]
    from: Option<u64>,
    /// To this revision [default: the newest]
    to: Option<u64>,
}

/// A document as an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Named {
    /// values.yaml
    Values,
    /// workspace.yaml
    Workspace,
}

/// `history list`.
pub(super) fn list(opened: &Opened, arguments: &ListArguments) -> Result<Answer, Failure> {
    let mut revisions = opened.run(opened.history.revisions())?;
    revisions.reverse();
    revisions.truncate(arguments.limit.unwrap_or(usize::MAX));
    let text = match revisions.as_slice() {
        [] => "no revisions\n".to_owned(),
        revisions => revisions.iter().map(line).collect(),
    };
    let revisions: Vec<Value> = revisions.iter().map(data).collect();
    Ok(Answer::new(text, json!({ "revisions": revisions })))
}

/// `history show`.
pub(super) fn show(opened: &Opened, arguments: &ShowArguments) -> Result<Answer, Failure> {
    let revision = opened.revision(arguments.number)?;
    let Some(named) = arguments.document else {
        return Ok(Answer::new(shown(&revision), data(&revision)));
    };
    let which = match named {
        Named::Values => Which::Values,
        Named::Workspace => Which::Workspace,
    };
    let documents = opened.documents(&revision)?;
    let text = documents.get(which);
    Ok(Answer::new(text, json!({ "number": revision.number, "document": which, "text": text })))
}

/// A revision for people.
fn shown(revision: &Revision) -> String {
    let Revision { number, time, actor, reason, origin, charts, values, workspace, changes, unpaired, .. } = revision;
    let mut rows = vec![("revision", number.to_string()), ("time", time.to_string())];
    rows.extend(actor.clone().map(|actor| ("actor", actor)));
    rows.extend(reason.clone().map(|reason| ("reason", reason)));
    if let Some(origin) = origin {
        let fields = [
            ("repository", &origin.repository),
            ("commit", &origin.commit),
            ("branch", &origin.branch),
            ("pull request", &origin.pull_request),
            ("job", &origin.url),
        ];
        rows.extend(fields.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    }
    rows.extend(charts.iter().map(|(name, version)| ("chart", format!("{name} {version}"))));
    rows.push(("values", format!("{} bytes, sha256 {}", values.bytes, values.sha256)));
    rows.push(("workspace", format!("{} bytes, sha256 {}", workspace.bytes, workspace.sha256)));
    let mut text: String = rows.iter().map(|(name, value)| format!("{name:13}{value}\n")).collect();
    match changes {
        Some(changes) => text.push_str(&changes_text(changes)),
        None => text.push_str("  what changed is not known: the revision before could not be read\n"),
    }
    for unpaired in unpaired {
        text.push_str(&format!("unpaired     {}: {}\n", unpaired.code, unpaired.message));
    }
    text
}

/// `history diff`.
pub(super) fn diff(opened: &Opened, arguments: &DiffArguments) -> Result<Answer, Failure> {
    let to = opened.revision(arguments.to)?;
    let from = match arguments.from {
        Some(from) => opened.revision(Some(from))?,
        None => before(opened, to.number)?,
    };
    let (before, after) = (opened.documents(&from)?, opened.documents(&to)?);
    let changes = history::diff(&before, &after).map_err(|error| failure(&error))?;
    let mut text = format!("revision {} -> {}\n{}", from.number, to.number, changes_text(&changes));
    if changes.is_empty() {
        text.push_str("  no difference\n");
    }
    let mut answer = changed_answer(text, &changes);
    answer.data["from"] = from.number.into();
    answer.data["to"] = to.number.into();
    Ok(answer)
}

/// The newest revision before `number`: numbers in between may have been collected.
fn before(opened: &Opened, number: u64) -> Result<Revision, Failure> {
    let numbers = opened.run(opened.history.numbers())?;
    match numbers.into_iter().rfind(|other| *other < number) {
        Some(before) => opened.revision(Some(before)),
        None => Err(Failure::new(Exit::Invalid, "not-found", format!("there is no revision before {number}"))),
    }
}

/// `history verify`.
pub(super) fn verify(opened: &Opened) -> Result<Answer, Failure> {
    let report = opened.run(history::verify(&opened.history))?;
    let mut text = String::new();
    for fault in &report.faults {
        text.push_str(&format!("revision {}: {}\n", fault.number, fault.problem));
    }
    if !report.missing.is_empty() {
        text.push_str(&format!("{} revisions before the newest are not there\n", report.missing.len()));
    }
    if report.newest.is_some() && !report.latest {
        text.push_str("`latest` is not the newest revision; the next `history record` mends that\n");
    }
    if report.versioned == Some(false) {
        text.push_str("the store keeps no older versions of objects\n");
    }
    text.push_str(&format!(
        "{}, {} that cannot be restored\n",
        counted(report.revisions as usize, "revision"),
        report.faults.len()
    ));
    let sound = report.is_sound();
    let data = serde_json::to_value(&report).unwrap_or_default();
    let exit = if sound { Exit::Done } else { Exit::Failed };
    Ok(Answer { exit, ..Answer::new(text, data) })
}
