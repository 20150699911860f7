//! `diff`: what another directory, or single files, say differently. Data and not lines: an entry that moved, a comment or
//! a quote is no difference, but it is said where nothing else differs.

use std::path::{Path, PathBuf};

use clap::Args;
use dagster_workspace_core::diff::{Diff, MergeKeys};
use dagster_workspace_core::transform::Subject;
use dagster_workspace_core::yaml::{DataError, Document, Schema};
use serde_json::{Value, json};

use super::Context;
use super::documents::{Documents, file_name};
use super::exit::Exit;
use super::input::{self, Input};
use super::render::{Answer, Failure, Finding};

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The other directory
    #[arg(required_unless_present_any = ["values", "workspace"])]
    other: Option<PathBuf>,
    /// The other values.yaml; `-` is the standard input
    #[arg(long, value_name = "FILE", conflicts_with = "other")]
    values: Option<PathBuf>,
    /// The other workspace.yaml; `-` is the standard input
    #[arg(long, value_name = "FILE", conflicts_with = "other")]
    workspace: Option<PathBuf>,
}

/// Says what changes from this directory to the other.
pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<Answer, Failure> {
    let Arguments { other, values, workspace } = arguments;
    if [values, workspace].into_iter().all(|file| file.as_deref() == Some(Path::new("-"))) {
        return Err(Failure::usage("only one document can come from the standard input"));
    }
    let here = Documents::open(context.options)?;
    let mut text = String::new();
    let mut changes = Vec::new();
    let mut differs = false;
    for (subject, file) in [(Subject::Values, values), (Subject::Workspace, workspace)] {
        let there = match (other, file) {
            (Some(other), _) => {
                let there = Documents::in_directory(other)?;
                Input { name: there.names.of(subject), text: there.text(subject)? }
            }
            (None, Some(file)) => input::read(Some(file), context.stdin)?,
            (None, None) => continue,
        };
        let here = Input { name: here.names.of(subject), text: here.text(subject)? };
        let diff = between(subject, &here, &there)?;
        differs |= diff.text_differs;
        if diff.text_differs {
            text.push_str(&format!("{} -> {}\n", here.name, there.name));
            diff.to_string().lines().for_each(|line| text.push_str(&format!("  {line}\n")));
        }
        for change in &diff.changes {
            let mut data = serde_json::to_value(change).unwrap_or_default();
            data["file"] = Value::from(file_name(subject));
            data["summary"] = Value::from(change.to_string());
            changes.push(data);
        }
    }
    if !differs {
        text.push_str("no difference\n");
    }
    let exit = if changes.is_empty() { Exit::Done } else { Exit::Changes };
    let data = json!({ "changed": !changes.is_empty(), "text_differs": differs, "changes": changes });
    Ok(Answer { exit, ..Answer::new(text, data) })
}

fn between(subject: Subject, here: &Input, there: &Input) -> Result<Diff, Failure> {
    let schema = match subject {
        Subject::Values => Schema::Helm,
        Subject::Workspace => Schema::Dagster,
    };
    let before = read(here)?;
    let after = read(there)?;
    // Each side alone first, so that a finding names the right file.
    before.to_value(schema).map_err(|error| unreadable(&error, here))?;
    after.to_value(schema).map_err(|error| unreadable(&error, there))?;
    Diff::between(&before, &after, schema, &MergeKeys::default()).map_err(|error| unreadable(&error, there))
}

fn read(input: &Input) -> Result<Document<'_>, Failure> {
    Document::parse(input.text.as_str()).map_err(|error| Failure::parse(&error, &input.name, &input.text))
}

fn unreadable(error: &DataError, input: &Input) -> Failure {
    Failure::found(Exit::Invalid, "no-data", Finding::all([error.diagnostic()], &input.name, &input.text))
}
