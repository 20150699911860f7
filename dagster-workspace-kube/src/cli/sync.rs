//! `sync`, `wait` and `restart`: what is unfinished is finished, waited for, or begun anew.

use clap::Args;

use super::render::{Answer, Failure};
use super::{Context, on_cluster};

/// Arguments of `wait` and `restart`.
#[derive(Debug, Args)]
pub(super) struct Names {
    /// The deployments [default: everything]
    #[arg(value_name = "NAME", value_parser = super::fields::name)]
    names: Vec<String>,
}

/// Finishes what is unfinished and puts back what has drifted.
pub(super) fn sync(context: &mut Context<'_>) -> Result<Answer, Failure> {
    refuse_dry_run(context, "`status` says what it would find")?;
    on_cluster::run(context, async |deployer| deployer.sync().await)
}

/// Waits until all is served.
pub(super) fn wait(names: &Names, context: &mut Context<'_>) -> Result<Answer, Failure> {
    on_cluster::run(context, async |deployer| deployer.wait(&names.names).await)
}

/// Restarts code servers, or the system.
pub(super) fn restart(names: &Names, context: &mut Context<'_>) -> Result<Answer, Failure> {
    refuse_dry_run(context, "`status` says what runs")?;
    on_cluster::run(context, async |deployer| deployer.restart(&names.names).await)
}

fn refuse_dry_run(context: &Context<'_>, hint: &str) -> Result<(), Failure> {
    if context.options.dry_run {
        return Err(Failure::usage("this has no `--dry-run`").with_hint(hint));
    }
    Ok(())
}
