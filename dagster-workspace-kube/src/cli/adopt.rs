//! `adopt`: the workspace's ConfigMap changes hands, from the system's release to nobody.

use clap::Args;
use serde_json::json;

use super::exit::Exit;
use super::render::{Answer, Failure};
use super::{Context, cluster, on_cluster};
use crate::cluster::{Adopted, Adoption};
use crate::deploy::SystemUpgrade;
use crate::helm::{self, REPOSITORY};

/// Arguments of `adopt`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Upgrade the system, too; else the upgrade that is needed is printed
    #[arg(long)]
    upgrade_system: bool,
    /// The chart of the system: a path, oci://... or REPOSITORY/NAME [default: Dagster's own]
    #[arg(long, value_name = "CHART")]
    system_chart: Option<String>,
}

/// Adopts it, or says what is left to do.
pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<Answer, Failure> {
    if context.options.dry_run {
        let found = on_cluster::ask(context, async |deployer| deployer.adoption().await)?;
        let (text, changed) = match &found {
            None => ("no change: the workspace belongs to no release\n".to_owned(), false),
            Some(adoption) => (waiting(adoption), true),
        };
        let exit = if changed { Exit::Changes } else { Exit::Done };
        let data = json!({ "changed": changed, "dry_run": true, "adoption": found });
        return Ok(Answer { exit, ..Answer::new(text, data) });
    }
    let upgrade = match (arguments.upgrade_system, &arguments.system_chart) {
        (false, _) => SystemUpgrade::Later,
        (true, None) => SystemUpgrade::Now(None),
        (true, Some(name)) => SystemUpgrade::Now(Some(cluster::chart(name)?)),
    };
    let adopted = on_cluster::ask(context, async |deployer| deployer.adopt(&upgrade).await)?;
    let (text, changed) = match &adopted {
        Adopted::NotOwned => ("no change: the workspace belongs to no release\n".to_owned(), false),
        Adopted::Taken(adoption) => (
            format!("`{}` belongs to nobody now; it was release `{}`'s\n", adoption.config_map, adoption.release),
            true,
        ),
        Adopted::Waiting(adoption) => (waiting(adoption), true),
    };
    let exit = if changed { Exit::Changes } else { Exit::Done };
    let data = json!({ "changed": changed, "dry_run": false, "adopted": adopted });
    Ok(Answer { exit, ..Answer::new(text, data) })
}

/// What somebody else has to do.
fn waiting(adoption: &Adoption) -> String {
    let Adoption { config_map, release, release_namespace, values, chart, .. } = adoption;
    let (name, version) = chart.clone().unwrap_or_else(|| (helm::SYSTEM.to_owned(), "VERSION".to_owned()));
    format!(
        "`{config_map}` is kept when release `{release}` drops it. Upgrade the system with these values on top of its own, then run \
         `adopt` again, or have `adopt --upgrade-system` do it:\n\n{values}\n\
         helm upgrade {release} {name} --repo {REPOSITORY} --version {version} --namespace {release_namespace} \
         --reset-then-reuse-values --values -\n"
    )
}
