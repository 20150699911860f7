//! `set-image`: another image for a deployment. The workspace file is not looked at: Dagster sees no difference there.

use clap::Args;
use dagster_workspace_core::transform::pair;
use dagster_workspace_core::values::Image;
use dagster_workspace_core::yaml::Document;

use super::Context;
use super::documents::{Documents, Which};
use super::job::{self, Step};
use super::render::{Answer, Failure};

/// Arguments of `set-image`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The deployment
    name: String,
    /// REPOSITORY, REPOSITORY:TAG or REPOSITORY@DIGEST
    image: Image,
}

/// Sets it.
pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<Answer, Failure> {
    let documents = Documents::of(context.options.directory.as_deref())?;
    let Arguments { name, image } = arguments;
    let transforms = |_: &Document<'_>| Ok(pair::set_image(name, image).values);
    job::carry_out(&documents, &[Step { which: Which::Values, transforms: &transforms }], context.options)
}
