//! The commands of `history` that write: into the history, or from it into a directory.

use std::collections::BTreeMap;

use clap::Args;
use dagster_workspace_core::time;
use dagster_workspace_core::transform::Subject;
use serde_json::json;

use super::{Opened, changes_text, check_yaml, data, failure};
use crate::cli::Context;
use crate::cli::documents::{self, Documents};
use crate::cli::exit::Exit;
use crate::cli::render::{Answer, Failure};
use crate::deploy::{RecordError, Recording, key, now};
use crate::history::{self, Garbage, Recorded};
use crate::words::counted;

/// Arguments of `history pull`.
#[derive(Debug, Args)]
pub(in crate::cli) struct PullArguments {
    /// The revision [default: the newest]
    number: Option<u64>,
}

/// Arguments of `history record`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RecordArguments {
    /// Version of a deployed chart: `dagster=1.13.27`
    #[arg(long = "of-chart", value_name = "NAME=VERSION", value_parser = chart)]
    charts: Vec<(String, String)>,
}

/// Arguments of `history gc`.
#[derive(Debug, Args)]
pub(in crate::cli) struct GcArguments {
    /// Age from which revisions are removed: `90d`, `12w`, `36h`
    #[arg(long, value_name = "AGE", value_parser = time::parse_length)]
    older_than: i64,
}

fn chart(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, version)) if !name.is_empty() && !version.is_empty() => Ok((name.to_owned(), version.to_owned())),
        _ => Err("expected NAME=VERSION".to_owned()),
    }
}

/// `history pull`: the documents become those of the revision, byte for byte.
pub(super) fn pull(opened: &Opened, arguments: &PullArguments, context: &Context<'_>) -> Result<Answer, Failure> {
    let revision = opened.revision(arguments.number)?;
    let texts = opened.documents(&revision)?;
    let documents = Documents::open(context.options)?;
    let mut written = Vec::new();
    for (subject, text) in [(Subject::Values, &texts.values), (Subject::Workspace, &texts.workspace)] {
        if documents::replace(&documents, &key(subject), text, context.options)? {
            written.push(documents.names.of(subject));
        }
    }
    let mut text = format!("revision {} of {}\n", revision.number, revision.time);
    written.iter().for_each(|name| text.push_str(&format!("~ {name}\n")));
    if written.is_empty() {
        text.push_str("no change: both documents are as they were then\n");
    }
    let exit = if written.is_empty() { Exit::Done } else { Exit::Changes };
    let answer = json!({
        "changed": !written.is_empty(),
        "written": written,
        "dry_run": context.options.dry_run,
        "revision": data(&revision),
    });
    Ok(Answer { exit, ..Answer::new(text, answer) })
}

/// `history record`: the documents are read anew for every number that another recorder takes.
pub(super) fn record(opened: &Opened, arguments: &RecordArguments, context: &Context<'_>) -> Result<Answer, Failure> {
    let place = Documents::open(context.options)?;
    let Documents { documents, names, runtime } = &place;
    let charts: BTreeMap<String, String> = arguments.charts.iter().cloned().collect();
    let texts = runtime.block_on(Recording::texts(documents)).map_err(|error| names.failure(error))?;
    check_yaml(&place, &texts)?;
    if context.options.dry_run {
        let newest = opened.run(opened.history.newest())?;
        let known = newest.as_ref().is_some_and(|newest| newest.is_same(&texts, &charts));
        let text = if known { "nothing new\n" } else { "a new revision\nnothing is written (--dry-run)\n" };
        let data = json!({ "changed": !known, "dry_run": true, "revision": newest.as_ref().map(data) });
        let exit = if known { Exit::Done } else { Exit::Changes };
        return Ok(Answer { exit, ..Answer::new(text, data) });
    }
    let recording = context.options.history.recording_in(opened.history.clone());
    let recorded = runtime.block_on(recording.record(documents, charts)).map_err(|error| match error {
        RecordError::Documents(error) => names.failure(error),
        RecordError::History(error) => failure(&error),
    })?;
    let revision = recorded.revision();
    let new = matches!(recorded, Recorded::New(_));
    let mut text = match &recorded {
        Recorded::New(revision) => format!("revision {}\n", revision.number),
        Recorded::Known(revision) => format!("nothing new: revision {} says the same\n", revision.number),
    };
    if new {
        text.push_str(&changes_text(revision.changes.as_deref().unwrap_or_default()));
        for unpaired in &revision.unpaired {
            text.push_str(&format!("  unpaired: {}\n", unpaired.message));
        }
    }
    let data = json!({ "changed": new, "dry_run": false, "revision": data(revision) });
    let exit = if new { Exit::Changes } else { Exit::Done };
    Ok(Answer { exit, ..Answer::new(text, data) })
}

/// `history gc`.
pub(super) fn gc(opened: &Opened, arguments: &GcArguments, context: &Context<'_>) -> Result<Answer, Failure> {
    let limit = now().after(-arguments.older_than);
    let garbage = opened.run(history::garbage(&opened.history, limit))?;
    if !context.options.dry_run {
        opened.run(history::gc(&opened.history, &garbage))?;
    }
    let Garbage { revisions, blobs } = &garbage;
    let verb = if context.options.dry_run { "would remove" } else { "removed" };
    let (revisions_gone, blobs_gone) = (counted(revisions.len(), "revision"), counted(blobs.len(), "blob"));
    let text = format!("{verb} {revisions_gone} and {blobs_gone} from before {limit}\n");
    let exit = if garbage.is_empty() { Exit::Done } else { Exit::Changes };
    let data = json!({
        "changed": !garbage.is_empty(),
        "dry_run": context.options.dry_run,
        "before": limit,
        "revisions": revisions,
        "blobs": blobs,
    });
    Ok(Answer { exit, ..Answer::new(text, data) })
}
