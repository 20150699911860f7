//! `compile`: the values of both charts, from the two documents and base values; or a workspace file from the servers of the
//! system chart's values.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use dagster_workspace_core::compile::{self, CompileError, Compiled, Form, Input, Part};
use dagster_workspace_core::lint::Target;
use dagster_workspace_core::transform::Subject;
use serde_json::json;

use super::Context;
use super::documents::{self, Documents};
use super::exit::Exit;
use super::input;
use super::render::{Answer, Failure, Finding};
use crate::store::Key;

/// What the compiled files are called: as their charts.
const FILES: [&str; 2] = ["dagster.yaml", "dagster-user-deployments.yaml"];

/// Arguments of `compile`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Values of chart `dagster` to start from; their comments stay
    #[arg(long, value_name = "FILE")]
    system_values: Option<PathBuf>,
    /// Values of chart `dagster-user-deployments` below those of values.yaml
    #[arg(long, value_name = "FILE")]
    user_values: Option<PathBuf>,
    /// How webserver and daemon get the workspace
    #[arg(long, value_enum, default_value = "config-map", value_name = "FORM")]
    workspace_as: Named,
    /// The ConfigMap of the workspace
    #[arg(long, value_name = "NAME", default_value = "dagster-workspace-yaml")]
    config_map: String,
    /// Write dagster.yaml and dagster-user-deployments.yaml into this directory, instead of printing them
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// The other way round: print the workspace file that the chart makes of the servers in these values
    #[arg(long, value_name = "FILE", conflicts_with_all = ["system_values", "user_values", "into"])]
    from_servers: Option<PathBuf>,
    #[cfg(feature = "object-store")]
    #[command(flatten)]
    recorded: super::history::RevisionArguments,
}

/// A form as an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Named {
    /// A ConfigMap of its own: `externalConfigmap`, with `servers: []`
    ConfigMap,
    /// `servers`, from which the chart makes the ConfigMap
    Servers,
}

/// Compiles, or goes back.
pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<Answer, Failure> {
    if let Some(file) = &arguments.from_servers {
        let system = input::read(Some(file), context.stdin)?;
        let compiled = compile::workspace_of(&system.text);
        let workspace = compiled.map_err(|error| failure(&error, |_| (system.name.clone(), system.text.clone())))?;
        return Ok(Answer::new(workspace.clone(), json!({ "workspace.yaml": workspace })));
    }
    let Source { values, workspace, target } = source(arguments, context)?;
    let system = base(arguments.system_values.as_deref(), context)?;
    let user_deployments = base(arguments.user_values.as_deref(), context)?;
    let form = match arguments.workspace_as {
        Named::ConfigMap => Form::ConfigMap(&arguments.config_map),
        Named::Servers => Form::Servers,
    };
    let compiled = compile::compile(&Input {
        values: &values.1,
        workspace: &workspace.1,
        system: &system.1,
        user_deployments: &user_deployments.1,
        chart: target.chart,
        form,
    });
    let text_of = |part| match part {
        Part::Values => values.clone(),
        Part::Workspace => workspace.clone(),
        Part::System => system.clone(),
        Part::UserDeployments => user_deployments.clone(),
    };
    let compiled = compiled.map_err(|error| failure(&error, text_of))?;
    match &arguments.into {
        Some(directory) => write(directory, &compiled, context),
        None => Ok(printed(&compiled)),
    }
}

/// What a text is called, and the text.
type Text = (String, String);

/// What is compiled, and for which versions.
struct Source {
    values: Text,
    workspace: Text,
    target: Target,
}

fn source(arguments: &Arguments, context: &Context<'_>) -> Result<Source, Failure> {
    #[cfg(feature = "object-store")]
    if let Some((place, documents)) = arguments.recorded.documents(context.options)? {
        let name = |file: &str| format!("{place}: {file}");
        return Ok(Source {
            values: (name("values.yaml"), documents.values),
            workspace: (name("workspace.yaml"), documents.workspace),
            target: context.options.cluster.target()?,
        });
    }
    #[cfg(not(feature = "object-store"))]
    let _ = arguments;
    let documents = Documents::open(context.options)?;
    let read = |subject| Ok((documents.names.of(subject), documents.text(subject)?));
    let (values, workspace) = (read(Subject::Values)?, read(Subject::Workspace)?);
    Ok(Source { values, workspace, target: documents.documents.target().clone() })
}

fn base(file: Option<&Path>, context: &mut Context<'_>) -> Result<Text, Failure> {
    let Some(file) = file else { return Ok(("no base values".to_owned(), String::new())) };
    let input = input::read(Some(file), context.stdin)?;
    Ok((input.name, input.text))
}

fn failure(error: &CompileError, text_of: impl Fn(Part) -> Text) -> Failure {
    let (name, text) = text_of(error.part());
    let reason = match error {
        CompileError::Parse { .. } => "parse",
        CompileError::Data { .. } => "no-data",
        CompileError::Refused { source, .. } => source.reason.slug(),
        CompileError::NoServers { .. } => "no-servers",
        _ => "unfit",
    };
    Failure::found(Exit::Invalid, reason, Finding::all([error.diagnostic()], &name, &text))
}

/// Both, as one stream of YAML for people and by file name for programs.
fn printed(compiled: &Compiled) -> Answer {
    let Compiled { system, user_deployments } = compiled;
    let [first, second] = FILES;
    let gap = if system.ends_with('\n') { "" } else { "\n" };
    let text = format!("# {first}\n{system}{gap}---\n# {second}\n{user_deployments}");
    Answer::new(text, json!({ first: system, second: user_deployments }))
}

/// Both into a directory, where they differ from what is there.
fn write(directory: &Path, compiled: &Compiled, context: &Context<'_>) -> Result<Answer, Failure> {
    let target = Documents::in_directory(directory)?;
    let mut written = Vec::new();
    for (file, text) in FILES.into_iter().zip([&compiled.system, &compiled.user_deployments]) {
        let key = Key::new(file).map_err(|error| Failure::new(Exit::Failed, "io", error.to_string()))?;
        if documents::replace(&target, &key, text, context.options)? {
            written.push(directory.join(file).display().to_string());
        }
    }
    let text = match written.as_slice() {
        [] => "no change: both files are as compiled\n".to_owned(),
        written => written.iter().map(|name| format!("~ {name}\n")).collect(),
    };
    let exit = if written.is_empty() { Exit::Done } else { Exit::Changes };
    let data = json!({ "changed": !written.is_empty(), "written": written, "dry_run": context.options.dry_run });
    Ok(Answer { exit, ..Answer::new(text, data) })
}
