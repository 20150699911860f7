//! `remove`: deployments and their code locations, first from the workspace file, then from the values: a location whose
//! server has gone is an error that Dagster shows to everybody.

use clap::Args;

use super::Context;
use super::job;
use super::render::{Answer, Failure};
use crate::deploy::Request;

/// Arguments of `remove`.
#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// The deployments, with their code locations; or code locations that no deployment serves
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// Exit with 5, and remove nothing, where a name is not found
    #[arg(long)]
    strict: bool,
}

/// Removes them from both documents.
pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<Answer, Failure> {
    job::carry_out(&request(arguments), context)
}

/// What is asked for.
pub(super) fn request(arguments: &Arguments) -> Request {
    let request = Request::remove(&arguments.names);
    if arguments.strict { request.strict() } else { request }
}
