//! `remove`: deployments and their code locations, first from the workspace file, then from the values: a location whose
//! server has gone is an error that Dagster shows to everybody.

use clap::Args;
use dagster_workspace_core::transform::Transform;
use dagster_workspace_core::transform::pair::{self, Pair};
use dagster_workspace_core::yaml::Document;

use super::Context;
use super::documents::{Documents, Which};
use super::job::{self, Step};
use super::render::{Answer, Failure};

/// Arguments of `remove`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The deployments; a code location of that name or host goes, too
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

/// Removes them from both documents.
pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<Answer, Failure> {
    let documents = Documents::of(context.options.directory.as_deref())?;
    let names = &arguments.names;
    let both = names.iter().map(|name| pair::remove(name, None)).fold(Pair::default(), Pair::and);
    let from_workspace = |_: &Document<'_>| {
        let named = names.iter().map(|name| Transform::RemoveLocation { name: name.clone() });
        Ok(named.chain(both.workspace.iter().cloned()).collect())
    };
    let from_values = |_: &Document<'_>| Ok(both.values.clone());
    let steps = [
        Step { which: Which::Workspace, transforms: &from_workspace },
        Step { which: Which::Values, transforms: &from_values },
    ];
    job::carry_out(&documents, &steps, context.options)
}
