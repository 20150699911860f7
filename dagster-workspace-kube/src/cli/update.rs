//! `update`: any field of a deployment; a new port in the workspace file, too. What is not named stays as it is written.

use clap::Args;
use dagster_workspace_core::transform::pair::{self, Pair};
use dagster_workspace_core::values::FieldChange;

use super::Context;
use super::fields::{self, Fields};
use super::job;
use super::render::{Answer, Failure};
use crate::deploy::{Aim, Request};

/// Arguments of `update`.
#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// The deployments
    #[arg(required = true, value_name = "NAME", value_parser = fields::name)]
    names: Vec<String>,
    #[command(flatten)]
    fields: Fields,
    /// Take a field, a variable or an item out, as in --unset env.A
    #[arg(long = "unset", value_name = "PATH")]
    unsets: Vec<String>,
}

/// Updates them.
pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<Answer, Failure> {
    job::carry_out(&request(arguments)?, context)
}

/// What is asked for.
pub(super) fn request(arguments: &Arguments) -> Result<Request, Failure> {
    let Arguments { names, fields: said, unsets } = arguments;
    let mut changes = said.changes()?;
    for text in unsets {
        let unset = FieldChange::unset(fields::path(text)?).map_err(|error| {
            let failure = Failure::usage(error.to_string());
            error.hint().into_iter().fold(failure, Failure::with_hint)
        });
        changes.push(unset?);
    }
    let pair = names.iter().map(|name| pair::change(name, &changes, None)).fold(Pair::default(), Pair::and);
    Ok(Request::of(Aim::Present, names.clone(), pair))
}
