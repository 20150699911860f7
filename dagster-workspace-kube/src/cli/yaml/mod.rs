//! `yaml edit`, `yaml merge` and `yaml events`: the YAML engine for other tools, from files or the standard input to the
//! standard output.

mod merge;

use std::path::PathBuf;

use clap::Subcommand;
use dagster_workspace_core::edit::{self, Edit};
use dagster_workspace_core::yaml::{Document, Mode};
use serde_json::json;

use super::Context;
use super::exit::Exit;
use super::input::{self, Input};
use super::render::{Answer, Failure};

/// Commands of `yaml`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Writes the text after the edits, every other byte as it was
    Edit {
        /// An edit as JSON: {"op": "set", "list": "deployments", "name": "etl", "path": ["image", "tag"], "value": "1.5"};
        /// repeated, one after the other
        #[arg(long = "edit", value_name = "JSON", required = true)]
        edits: Vec<String>,
        /// The text; the standard input where it is missing or `-`
        file: Option<PathBuf>,
    },
    /// Merges what two sides made of one document, by keys and names; exits with 3 where conflicts are left
    Merge(merge::Arguments),
    /// Writes the event stream in the notation of the official YAML suite
    Events {
        /// Read as helm does, not as YAML 1.2 demands
        #[arg(long)]
        lenient: bool,
        /// The text; the standard input where it is missing or `-`
        file: Option<PathBuf>,
    },
}

/// Runs `yaml edit`, `yaml merge` or `yaml events`.
pub(super) fn run(command: &Command, context: &mut Context<'_>) -> Result<Answer, Failure> {
    let options = context.options;
    if options.directory.is_some() || options.dry_run {
        let hint = "name the file, and send the result where you want it";
        return Err(Failure::usage("`yaml` reads one text and writes one text: it takes no --directory or --dry-run")
            .with_hint(hint));
    }
    match command {
        Command::Edit { edits, file } => {
            let edits = edits.iter().map(|json| parse(json)).collect::<Result<Vec<_>, _>>()?;
            let input = input::read(file.as_deref(), context.stdin)?;
            let text = apply(&input, &edits)?;
            let changed = text != input.text;
            let data = json!({ "text": text, "changed": changed });
            let exit = if changed { Exit::Changes } else { Exit::Done };
            Ok(Answer { exit, ..Answer::new(text, data) })
        }
        Command::Merge(arguments) => merge::run(arguments, context),
        Command::Events { lenient, file } => {
            let input = input::read(file.as_deref(), context.stdin)?;
            let mode = if *lenient { Mode::Lenient } else { Mode::Strict };
            let document = Document::parse_with(&*input.text, mode);
            let events = document.map_err(|error| Failure::parse(&error, &input.name, &input.text))?.events();
            let data = json!({ "events": events.lines().collect::<Vec<_>>() });
            Ok(Answer::new(events, data))
        }
    }
}

fn parse(json: &str) -> Result<Edit, Failure> {
    serde_json::from_str(json).map_err(|error| {
        Failure::usage("`--edit` takes an edit as JSON").caused_by(&error).with_hint(
            r#"as in {"op": "add", "list": "deployments", "item": "name: etl\n"}; "op" is "add", "set" or "remove""#,
        )
    })
}

/// The text after all edits.
fn apply(input: &Input, edits: &[Edit]) -> Result<String, Failure> {
    let Input { name, text } = input;
    let mut document = Document::parse(text.as_str()).map_err(|error| Failure::parse(&error, name, text))?;
    for (at, edit) in edits.iter().enumerate() {
        match edit::apply(&document, edit) {
            Ok(Some(edited)) => document = edited,
            Ok(None) => {}
            Err(refusal) => {
                let mut failure = Failure::refusal(&refusal, name, document.text());
                if at > 0 {
                    // Lines are those of the text that this edit found.
                    failure.causes.push(format!("edit {} of {}, after the ones before it", at + 1, edits.len()));
                }
                return Err(failure);
            }
        }
    }
    Ok(document.into_text().into_owned())
}
