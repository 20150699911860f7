//! `restore`: a whole installation out of the history, in an empty cluster or onto the one that runs.

use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::input;
use super::render::{Answer, Failure};
use super::{Context, cluster, on_cluster};
use crate::deploy::{Occupied, Restore, RestorePlan, StepReport, SystemRelease};

/// Arguments of `restore`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The revision [default: the newest]
    #[arg(long, value_name = "NUMBER")]
    revision: Option<u64>,
    /// The values of the system's release; without them the restore ends with the code servers. `-` is the standard input
    #[arg(long, value_name = "FILE")]
    system_values: Option<PathBuf>,
    /// The chart of the system: a path, oci://... or REPOSITORY/NAME [default: Dagster's own]
    #[arg(long, value_name = "CHART", requires = "system_values")]
    system_chart: Option<String>,
    /// Its version [default: --chart-version, else that of the revision]
    #[arg(long, value_name = "VERSION", requires = "system_values")]
    system_chart_version: Option<String>,
    /// Overwrite another installation
    #[arg(long)]
    replace: bool,
}

/// Restores, or says what that would do.
pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<Answer, Failure> {
    let Arguments { revision, system_values, system_chart, system_chart_version, replace } = arguments;
    let system = match system_values {
        None => None,
        Some(file) => Some(SystemRelease {
            values: input::read(Some(file), context.stdin)?.text,
            chart: system_chart.as_deref().map(cluster::chart).transpose()?,
            chart_version: system_chart_version.clone(),
        }),
    };
    let occupied = if *replace { Occupied::Replace } else { Occupied::Refuse };
    let restore = Restore { revision: *revision, system, occupied };
    let history = context.options.history.open()?;
    if context.options.dry_run {
        let plan = on_cluster::ask(context, async |deployer| deployer.plan_restore(&history, &restore).await)?;
        return Ok(planned(&plan));
    }
    let mut steps = Vec::new();
    let done = on_cluster::run(context, async |deployer| {
        let report = deployer.restore(&history, &restore).await?;
        steps.clone_from(&report.steps);
        Ok(report)
    });
    let answer = done?;
    let line = |StepReport { step, detail, .. }: &StepReport| format!("{step:<9}  {detail}\n");
    Ok(Answer { text: steps.iter().map(line).collect(), ..answer })
}

fn planned(plan: &RestorePlan) -> Answer {
    let mut text = format!("revision {} in namespace {}\n", plan.revision, plan.namespace);
    for step in &plan.steps {
        let mark = if step.changes { '~' } else { ' ' };
        text.push_str(&format!("{mark} {:<9}  {}\n", step.step, step.what));
    }
    for change in &plan.changes {
        text.push_str(&format!("  {}\n", change.summary));
    }
    text.push_str(if plan.has_changes() {
        "nothing is written (--dry-run)\n"
    } else {
        "no change: everything is as recorded\n"
    });
    let mut data = serde_json::to_value(plan).unwrap_or_default();
    data["changed"] = plan.has_changes().into();
    data["dry_run"] = true.into();
    let exit = if plan.has_changes() { Exit::Changes } else { Exit::Done };
    Answer { exit, ..Answer::new(text, data) }
}
