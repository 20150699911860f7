//! `set-image`: another image for deployments. The workspace file is not looked at: Dagster sees no difference there.

use clap::Args;
use dagster_workspace_core::values::Image;

use super::Context;
use super::job;
use super::render::{Answer, Failure};
use crate::deploy::Request;

/// Arguments of `set-image`.
#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// The deployments, and behind them the image: REPOSITORY[:TAG][@DIGEST]
    #[arg(required = true, num_args = 2.., value_names = ["NAME", "IMAGE"])]
    names_and_image: Vec<String>,
}

/// Sets it.
pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<Answer, Failure> {
    job::carry_out(&request(arguments)?, context)
}

/// What is asked for.
pub(super) fn request(arguments: &Arguments) -> Result<Request, Failure> {
    let [names @ .., image] = arguments.names_and_image.as_slice() else {
        return Err(Failure::usage("`set-image` takes NAME... and IMAGE"));
    };
    let image: Image = image.parse().map_err(|error| {
        Failure::usage(format!("`{image}` is no image"))
            .caused_by(&error)
            .with_hint("the image stands behind the names")
    })?;
    Ok(Request::set_image(names, &image))
}
