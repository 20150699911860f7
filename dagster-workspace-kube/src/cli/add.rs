//! `add`: new deployments and their code locations, first in the values, then in the workspace file.

use std::path::PathBuf;

use clap::Args;
use dagster_workspace_core::transform::TransformError;
use dagster_workspace_core::transform::pair::{self, Pair, Wanted};
use dagster_workspace_core::value::Value;
use dagster_workspace_core::values::{self, ChangeError, FieldChange, UserDeployment, UserDeployments};
use dagster_workspace_core::yaml::{Document, Path};

use super::Context;
use super::exit::Exit;
use super::fields::{self, Fields};
use super::input::{self, Input};
use super::job;
use super::render::{Answer, Failure, Finding};
use super::review::{self, Review};
use crate::deploy::{Aim, Request};

/// Arguments of `add`.
#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// Names of the deployments, of their Services and of their code locations
    #[arg(required = true, value_name = "NAME", value_parser = fields::name)]
    names: Vec<String>,
    #[command(flatten)]
    fields: Fields,
    /// Start from the entry in this file, YAML or JSON; `-` is the standard input. NAME replaces the name in it
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Start from this deployment of the same values
    #[arg(long, value_name = "NAME", conflicts_with = "from")]
    like: Option<String>,
    /// Where NAME is taken, change what is said of its entry, as `update` does: for pipelines that run for every new image
    #[arg(long)]
    update: bool,
    /// Host at which Dagster reaches it [default: NAME]
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Name of its code location [default: NAME]
    #[arg(long, value_name = "NAME")]
    location_name: Option<String>,
    #[command(flatten)]
    review: Review,
}

impl Arguments {
    /// What its location must be. Several deployments have neither a host nor a name in common.
    fn wanted(&self) -> Result<Wanted, Failure> {
        let Self { names, host, location_name, .. } = self;
        for (option, said) in [("--host", host), ("--location-name", location_name)] {
            match said.as_deref().map(str::trim) {
                Some("") => return Err(Failure::usage(format!("`{option}` is empty"))),
                Some(_) if names.len() > 1 => {
                    let message = format!("`{option}` takes one NAME, got {}", names.len());
                    return Err(Failure::usage(message).with_hint("add them one after the other"));
                }
                _ => {}
            }
        }
        Ok(Wanted { host: host.clone(), location_name: location_name.clone() })
    }
}

/// Adds them to both documents.
pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<Answer, Failure> {
    job::carry_out(&request(arguments, context)?, context)
}

/// What is asked for.
pub(super) fn request(arguments: &Arguments, context: &mut Context<'_>) -> Result<Request, Failure> {
    let mut changes = match &arguments.from {
        Some(file) => entry_in(&input::read(Some(file), context.stdin)?)?,
        None => Vec::new(),
    };
    changes.extend(arguments.fields.changes()?);
    let wanted = arguments.wanted()?;
    let names: Vec<String> = arguments.names.iter().map(|name| arguments.review.name(name)).collect();
    let record = arguments.review.record(context);
    let (like, update) = (arguments.like.clone(), arguments.update);
    Ok(Request::made(Aim::Present, names.clone(), move |values| {
        let mut both = Pair::default();
        for name in &names {
            both = both.and(if update {
                pair::upsert(values, name, like.as_deref(), &changes, &wanted).map_err(|error| unmade(name, &error))?
            } else {
                // The port may come from another entry, which only the values say.
                pair::add(&deployment(name, like.as_deref(), &changes, values)?, &wanted)
            });
            both.values.extend(record.iter().map(|record| review::record(name, record)));
        }
        Ok(both)
    }))
}

/// The entry to add: the one to start from, the name, and what the arguments say.
fn deployment(
    name: &str,
    like: Option<&str>,
    changes: &[FieldChange],
    values: &Document<'_>,
) -> Result<UserDeployment, Failure> {
    let like = like.map(|other| entry_like(other, values)).transpose()?;
    UserDeployment::made(name, like.as_ref(), changes).map_err(|error| unfit(name, &error))
}

fn unmade(name: &str, error: &TransformError) -> Failure {
    match error {
        TransformError::Change { cause, .. } => unfit(name, cause),
        TransformError::NotFound { name, .. } => not_there(name),
        error => Failure::transform(error, "values", ""),
    }
}

/// Changes that make no deployment.
fn unfit(name: &str, error: &ChangeError) -> Failure {
    if let ChangeError::Field(field) = error
        && (field.path.as_str(), field.found.as_str()) == ("image", "nothing")
    {
        return Failure::usage("nothing says which image to run").with_hint("name it with `--image REPOSITORY:TAG`");
    }
    let failure = Failure::new(Exit::Invalid, "invalid-entry", format!("invalid deployment `{name}`"));
    error.hint().into_iter().fold(failure.caused_by(error), Failure::with_hint)
}

fn not_there(name: &str) -> Failure {
    let message = format!("there is no deployment `{name}` to start from");
    Failure::new(Exit::Invalid, "not-found", message).with_hint("`list` says which there are")
}

fn entry_like(name: &str, values: &Document<'_>) -> Result<Value, Failure> {
    let deployments = UserDeployments::of(values);
    let other = deployments.get(name).ok_or_else(|| not_there(name))?;
    other.to_value().map_err(|error| {
        Failure::new(Exit::Invalid, "invalid-entry", format!("`{name}` cannot be read")).caused_by(&error)
    })
}

/// The fields of the mapping that a file holds, each set as a whole.
fn entry_in(input: &Input) -> Result<Vec<FieldChange>, Failure> {
    let Input { name, text } = input;
    let document = Document::parse(text.as_str()).map_err(|error| Failure::parse(&error, name, text))?;
    let value = values::entry_in(&document).map_err(|error| {
        Failure::found(Exit::Invalid, "invalid-entry", Finding::all([error.diagnostic()], name, text))
    })?;
    if let Value::Mapping(entries) = value {
        let others = entries.into_iter().filter(|(key, _)| key != "name");
        return Ok(others.map(|(key, value)| FieldChange::Set { path: Path::default().key(&key), value }).collect());
    }
    let message = format!("`{name}` holds no deployment: expected a mapping with `image` and the like");
    Err(Failure::new(Exit::Invalid, "invalid-entry", message))
}
