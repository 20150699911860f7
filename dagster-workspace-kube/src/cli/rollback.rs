//! `rollback`: both documents as they were in a revision, byte for byte, through the flow of every change; or one entry of it.

use clap::Args;

use super::exit::Exit;
use super::history::Opened;
use super::render::{Answer, Failure};
use super::{Context, job};
use crate::deploy::{BringBackError, Exact, Request, bring_back};

/// Arguments of `rollback`.
#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// The revision; with `--only NAME` its deployment NAME alone comes back, and nothing is dropped
    number: u64,
}

/// Goes back.
pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<Answer, Failure> {
    let request = request(arguments, context)?;
    job::carry_out(&request, context)
}

/// What is asked for.
pub(super) fn request(arguments: &Arguments, context: &Context<'_>) -> Result<Request, Failure> {
    let opened = Opened::new(context.options)?;
    let revision = opened.revision(Some(arguments.number))?;
    let texts = opened.documents(&revision)?;
    let exact = Exact { values: texts.values, workspace: texts.workspace };
    match context.options.cluster.entry() {
        None => Ok(Request::exact(exact)),
        Some(name) => bring_back(&exact, name, context.options.cluster.own_namespace()).map_err(|error| {
            let reason = match &error {
                BringBackError::NotFound { .. } => "not-found",
                BringBackError::Unreadable { .. } => "parse",
            };
            let hint = format!("`history diff` says when it came and went; revision {} is asked", revision.number);
            Failure::new(Exit::Invalid, reason, error.to_string()).caused_by_source(&error).with_hint(hint)
        }),
    }
}
