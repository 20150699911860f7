//! `plan` and `apply`: a job as a file, made without writing, reviewed, and carried out on exactly what it was made from.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::documents::Documents;
use super::exit::Exit;
use super::input::{self, Input};
use super::render::{Answer, Failure};
use super::{Context, add, job, on_cluster, outcome, remove, set_image, update};
use crate::deploy::Request;
use crate::plan::{self, Plan, PlanError, Staleness};

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub(super) struct PlanArguments {
    #[command(subcommand)]
    change: Change,
    /// Write the plan to this file; it holds the values of environment variables that it sets
    #[arg(long, global = true, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What can be planned.
#[derive(Debug, Subcommand)]
enum Change {
    /// As `add`
    Add(Box<add::Arguments>),
    /// As `update`
    Update(Box<update::Arguments>),
    /// As `set-image`
    SetImage(set_image::Arguments),
    /// As `remove`
    Remove(remove::Arguments),
    /// As `rollback`
    #[cfg(feature = "object-store")]
    Rollback(super::rollback::Arguments),
}

impl PlanArguments {
    /// Whether `--only` may name a deployment.
    #[cfg(feature = "object-store")]
    pub(super) fn takes_an_entry(&self) -> bool {
        matches!(self.change, Change::Rollback(_))
    }
}

/// Arguments of `apply`.
#[derive(Debug, Args)]
pub(super) struct ApplyArguments {
    /// The plan; `-` is the standard input
    file: PathBuf,
    /// Replay its transforms on what is there now, where that is not what it was made from
    #[arg(long)]
    rebase: bool,
}

/// Makes a plan.
pub(super) fn make(arguments: &PlanArguments, context: &mut Context<'_>) -> Result<Answer, Failure> {
    let request = match &arguments.change {
        Change::Add(arguments) => add::request(arguments, context)?,
        Change::Update(arguments) => update::request(arguments)?,
        Change::SetImage(arguments) => set_image::request(arguments)?,
        Change::Remove(arguments) => remove::request(arguments),
        #[cfg(feature = "object-store")]
        Change::Rollback(arguments) => super::rollback::request(arguments, context)?,
    };
    let plan = of(&request, context)?;
    if let Some(file) = &arguments.out {
        write(file, &plan)?;
    }
    Ok(answer(&plan, arguments.out.as_deref()))
}

/// The plan of a request, wherever the documents are.
pub(super) fn of(request: &Request, context: &mut Context<'_>) -> Result<Plan, Failure> {
    if context.options.cluster.connection().is_some() {
        return on_cluster::plan(request, context);
    }
    let Documents { documents, names, runtime } = Documents::open(context.options)?;
    let job = runtime.block_on(documents.begin(request)).map_err(|error| names.failure(error))?;
    Ok(plan::of_documents(&job))
}

/// A plan as what a command says.
pub(super) fn answer(plan: &Plan, out: Option<&Path>) -> Answer {
    let mut text: String = plan.summary.iter().map(|line| format!("{line}\n")).collect();
    text.extend(plan.warnings.iter().map(|warning| format!("warning: {warning}\n")));
    match (plan.has_changes, out) {
        (false, _) if !text.is_empty() => text.push_str("no change\n"),
        (false, _) => text.push_str("no change: everything is as asked\n"),
        (true, Some(file)) => {
            text.push_str(&format!("nothing is written; `apply {}` carries it out\n", file.display()));
        }
        (true, None) => text.push_str("nothing is written\n"),
    }
    let mut data = serde_json::to_value(plan).unwrap_or_default();
    if let Some(plan) = data.as_object_mut() {
        // They hold the values of environment variables, which are shown nowhere. The file has them.
        plan.remove("values");
        plan.remove("workspace");
        plan.remove("exact");
    }
    let exit = if plan.has_changes { Exit::Changes } else { Exit::Done };
    Answer { exit, ..Answer::new(text, data) }
}

/// Carries a plan out.
pub(super) fn apply(arguments: &ApplyArguments, context: &mut Context<'_>) -> Result<Answer, Failure> {
    let Input { name, text } = input::read(Some(&arguments.file), context.stdin)?;
    let plan: Plan = serde_json::from_str(&text)
        .map_err(|error| Failure::new(Exit::Invalid, "plan", format!("`{name}` is no plan")).caused_by(&error))?;
    let staleness = if arguments.rebase { Staleness::Rebase } else { Staleness::Refuse };
    plan.check_form().map_err(|error| Failure::new(Exit::Invalid, "plan", error.to_string()))?;
    let here = context.options.cluster.connection().is_some();
    if plan.cluster.is_some() != here {
        let made_for = if here { "documents in a directory" } else { "a cluster: name its namespace" };
        return Err(Failure::usage(format!("`{name}` was made for {made_for}")));
    }
    if here && context.options.dry_run {
        let again = on_cluster::ask(context, async |deployer| deployer.plan_again(&plan, staleness).await)?;
        return Ok(answer(&again, None));
    }
    if here {
        return on_cluster::run(context, async |deployer| deployer.apply(&plan, staleness).await);
    }
    let place = Documents::open(context.options)?;
    if staleness == Staleness::Refuse {
        let mut changed = Vec::new();
        for subject in super::documents::BOTH {
            if let Some(base) = plan.base_of(subject) {
                changed.extend(plan::since(base, subject, &place.text(subject)?));
            }
        }
        if !changed.is_empty() {
            let error = crate::deploy::DeployError::Plan(PlanError::Stale { changed });
            return Err(outcome::before(&error));
        }
    }
    job::in_documents(&place, &plan.request(), context.options)
}

/// Only for its owner, as it may hold secrets; what stood there is replaced by a new file, so that nobody reads through what is
/// open or linked elsewhere. Of a link the file behind it.
fn write(file: &Path, plan: &Plan) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| {
        Failure::new(Exit::Failed, "io", format!("cannot write `{}`", file.display())).caused_by(error)
    };
    let text = serde_json::to_string_pretty(plan)
        .map_err(|error| Failure::new(Exit::Failed, "io", "the plan cannot be written").caused_by(&error))?;
    replace(file, &format!("{text}\n")).map_err(|error| failed(&error))
}

/// A pipe or device takes the text as it is.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let target = match std::fs::canonicalize(file) {
        Ok(target) if !target.metadata()?.is_file() => return std::fs::write(target, text),
        Ok(target) => target,
        Err(_) => file.to_path_buf(),
    };
    let directory = target.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Made with mode 0600.
    let mut made = tempfile::NamedTempFile::new_in(directory)?;
    made.write_all(text.as_bytes())?;
    made.as_file().sync_all()?;
    made.persist(&target).map_err(|error| error.error)?;
    Ok(())
}
