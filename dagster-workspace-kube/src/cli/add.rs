//! `add`: new deployments and their code locations, first in the values, then in the workspace file.

use std::path::PathBuf;

use clap::Args;
use dagster_workspace_core::transform::pair::{self, Pair};
use dagster_workspace_core::value::Value;
use dagster_workspace_core::values::{DEFAULT_PORT, Image, PullPolicy, UserDeployment, UserDeployments};
use dagster_workspace_core::yaml::{Document, Schema};

use super::Context;
use super::exit::Exit;
use super::fields::{self, Fields};
use super::input::{self, Input};
use super::job;
use super::render::{Answer, Failure, Finding};
use super::review::{self, Review};
use super::update;
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
    #[command(flatten)]
    review: Review,
}

/// Adds them to both documents.
pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<Answer, Failure> {
    job::carry_out(&request(arguments, context)?, context)
}

/// What is asked for.
pub(super) fn request(arguments: &Arguments, context: &mut Context<'_>) -> Result<Request, Failure> {
    let from = match &arguments.from {
        Some(file) => Some(entry_in(&input::read(Some(file), context.stdin)?)?),
        None => None,
    };
    let arguments = arguments.clone();
    let names: Vec<String> = arguments.names.iter().map(|name| arguments.review.name(name)).collect();
    let record = arguments.review.record();
    Ok(Request::made(Aim::Present, names.clone(), move |values| {
        let mut both = Pair::default();
        for name in &names {
            let taken = if arguments.update { update::entry(name, values)? } else { None };
            both = both.and(match taken {
                Some(before) => changed(name, &before, &arguments, from.as_ref())?,
                // The port may come from another entry, which only the values say.
                None => pair::add(&deployment(name, &arguments, from.as_ref(), values)?, None),
            });
            both.values.extend(record.iter().map(|record| review::record(name, record)));
        }
        Ok(both)
    }))
}

/// What makes the entry that is there the one that is asked for. Fields that nothing is said of stay.
fn changed(name: &str, before: &Value, arguments: &Arguments, from: Option<&Value>) -> Result<Pair, Failure> {
    let mut after = before.clone();
    for (key, value) in from.map(Value::entries).unwrap_or_default().iter().filter(|(key, _)| key != "name") {
        after.set(key, value.clone());
    }
    arguments.fields.write(&mut after)?;
    let port = after.get("port").cloned().unwrap_or(Value::Int(DEFAULT_PORT.into()));
    Ok(update::pair(name, before, &after, Some(port)))
}

/// The entry to add: the one to start from, the name, and what the arguments say.
fn deployment(
    name: &str,
    arguments: &Arguments,
    from: Option<&Value>,
    values: &Document<'_>,
) -> Result<UserDeployment, Failure> {
    let mut entry = match (&arguments.like, from) {
        (Some(other), _) => entry_like(other, values)?,
        (None, Some(entry)) => entry.clone(),
        (None, None) => Value::Mapping(Vec::new()),
    };
    entry.set("name", name.into());
    if entry.get("port").is_none() {
        entry.set("port", Value::Int(DEFAULT_PORT.into()));
    }
    arguments.fields.write(&mut entry)?;
    if entry.get("image").is_none() {
        let message = "nothing says which image to run";
        return Err(Failure::usage(message).with_hint("name it with `--image REPOSITORY:TAG`"));
    }
    let deployment = UserDeployment::from_value(&entry);
    let deployment = deployment.map_err(|error| {
        Failure::new(Exit::Invalid, "invalid-entry", format!("`{name}` is no deployment")).caused_by(&error)
    })?;
    // The chart demands a pull policy, and this is what its own values say.
    let image = deployment.image().clone();
    let pull_policy = image.pull_policy.or(Some(PullPolicy::Always));
    Ok(deployment.with_image(Image { pull_policy, ..image }))
}

fn entry_like(name: &str, values: &Document<'_>) -> Result<Value, Failure> {
    let deployments = UserDeployments::of(values);
    let Some(other) = deployments.get(name) else {
        let message = format!("there is no deployment `{name}` to start from");
        return Err(Failure::new(Exit::Invalid, "not-found", message).with_hint("`list` says which there are"));
    };
    other.to_value().map_err(|error| {
        Failure::new(Exit::Invalid, "invalid-entry", format!("`{name}` cannot be read")).caused_by(&error)
    })
}

/// The mapping that a file holds.
fn entry_in(input: &Input) -> Result<Value, Failure> {
    let Input { name, text } = input;
    let document = Document::parse(text.as_str()).map_err(|error| Failure::parse(&error, name, text))?;
    let value = document.to_value(Schema::Helm).map_err(|error| {
        Failure::found(Exit::Invalid, "invalid-entry", Finding::all([error.diagnostic()], name, text))
    })?;
    if matches!(value, Value::Mapping(_)) {
        return Ok(value);
    }
    let message = format!("`{name}` holds no deployment: expected a mapping with `image` and the like");
    Err(Failure::new(Exit::Invalid, "invalid-entry", message))
}
