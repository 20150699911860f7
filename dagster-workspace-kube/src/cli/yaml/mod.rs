//! `yaml edit`, `yaml merge` and `yaml events`: the YAML engine for other tools, from files or the standard input to the
//! standard output; `yaml edit -i` writes the file itself.

mod edit;
mod merge;

use std::path::PathBuf;

use clap::Subcommand;
use dagster_workspace_core::yaml::{Document, Mode};
use serde_json::json;

use super::Context;
use super::input;
use super::render::{Answer, Failure};

/// Commands of `yaml`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Edit a YAML text, every other byte as it was
    Edit(edit::Arguments),
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
        let hint = "name the file, and send the result where you want it, or edit it with --in-place; --diff shows what would change";
        return Err(Failure::usage("`yaml` reads one text and writes one text: it takes no --directory or --dry-run")
            .with_hint(hint));
    }
    match command {
        Command::Edit(arguments) => edit::run(arguments, context),
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
