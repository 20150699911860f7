//! `update`: any field of a deployment; a new port in the workspace file, too. What is not named stays as it is written.

use clap::Args;
use dagster_workspace_core::transform::pair::{self, Pair};
use dagster_workspace_core::value::Value;
use dagster_workspace_core::values::UserDeployments;
use dagster_workspace_core::yaml::{Document, Path, Schema, Step as PathStep};

use super::Context;
use super::exit::Exit;
use super::fields::{self, Fields};
use super::job;
use super::render::{Answer, Failure};
use crate::deploy::{Aim, Request};

/// Arguments of `update`.
#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// The deployments
    #[arg(required = true, value_name = "NAME", value_parser = fields::name)]
    names: Vec<String>,
    #[command(flatten)]
    fields: Fields,
    /// Any field, its value as YAML, as in --set resources.limits.memory=8Gi
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<String>,
    /// Take a field out
    #[arg(long = "unset", value_name = "PATH")]
    unsets: Vec<String>,
}

/// One field from `--set`, or from `--unset` without a value.
struct Field {
    keys: Vec<String>,
    value: Option<Value>,
}

/// Updates them.
pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<Answer, Failure> {
    job::carry_out(&request(arguments)?, context)
}

/// What is asked for.
pub(super) fn request(arguments: &Arguments) -> Result<Request, Failure> {
    let fields = said(arguments)?;
    let Arguments { names, fields: said, sets: _, unsets: _ } = arguments.clone();
    let port = port(said.port(), &fields);
    Ok(Request::made(Aim::Present, names.clone(), move |values| {
        let mut both = Pair::default();
        for name in &names {
            // That there is none is said better by the transform.
            let before = entry(name, values)?.unwrap_or_else(|| Value::Mapping(Vec::new()));
            let mut after = before.clone();
            said.write(&mut after)?;
            for Field { keys, value } in &fields {
                write(&mut after, keys, value.as_ref());
            }
            both = both.and(pair(name, &before, &after, port.clone()));
        }
        Ok(both)
    }))
}

/// What `--set` and `--unset` say.
fn said(arguments: &Arguments) -> Result<Vec<Field>, Failure> {
    let mut fields = Vec::new();
    for text in &arguments.sets {
        // Neither message shows the value: it may be a secret.
        let Some((path, value)) = text.split_once('=') else {
            return Err(Failure::usage("`--set` takes PATH=VALUE"));
        };
        let value = Document::parse(value).ok().and_then(|document| document.to_value(Schema::Helm).ok());
        let value = value.ok_or_else(|| {
            Failure::usage(format!("the value of `--set {path}=` is no YAML")).with_hint("quote a text: 'a: \"b: c\"'")
        })?;
        fields.push(Field { keys: keys(path)?, value: Some(value) });
    }
    for path in &arguments.unsets {
        fields.push(Field { keys: keys(path)?, value: None });
    }
    Ok(fields)
}

/// A path inside a deployment: keys alone.
fn keys(path: &str) -> Result<Vec<String>, Failure> {
    let malformed = || Failure::usage(format!("`{path}` is no path such as `image.tag`"));
    let parsed: Path = path.parse().map_err(|_| malformed())?;
    let keys = parsed.steps().iter().map(|step| match step {
        PathStep::Key(key) => Some(key.clone()),
        _ => None,
    });
    let keys = keys.collect::<Option<Vec<_>>>().filter(|keys| !keys.is_empty()).ok_or_else(malformed)?;
    if keys == ["name"] {
        let message = "a deployment keeps its name";
        return Err(Failure::usage(message).with_hint("add another with `--like`, then remove this one"));
    }
    Ok(keys)
}

/// What makes `after` of `before`, and sees to the port in the workspace file. It is looked at there even where the values have
/// it already: that is how a job that was cut off is finished.
pub(super) fn pair(name: &str, before: &Value, after: &Value, port: Option<Value>) -> Pair {
    let values = pair::update(name, &differences(before, after), None).values;
    let port = port.map(|port| Value::Mapping(vec![("port".to_owned(), port)]));
    Pair { values, workspace: port.iter().flat_map(|port| pair::update(name, port, None).workspace).collect() }
}

/// The new port, however it was said.
fn port(said: Option<u16>, fields: &[Field]) -> Option<Value> {
    let set = fields.iter().rev().find(|field| field.keys == ["port"]).and_then(|field| field.value.clone());
    // What is no port is refused with the values, which come first.
    set.filter(|port| matches!(port, Value::Int(1..=65535))).or(said.map(|port| Value::Int(port.into())))
}

/// The deployment as the values hold it now, where there is one.
pub(super) fn entry(name: &str, document: &Document<'_>) -> Result<Option<Value>, Failure> {
    let unread = |error| Failure::new(Exit::Invalid, "no-data", format!("`{name}` cannot be read")).caused_by(&error);
    UserDeployments::of(document).get(name).map(|deployment| deployment.to_value().map_err(unread)).transpose()
}

/// Gives the field under `keys` a value, or takes it out.
fn write(entry: &mut Value, keys: &[String], value: Option<&Value>) {
    let [key, rest @ ..] = keys else { return };
    match (rest, value) {
        ([], Some(value)) => entry.set(key, value.clone()),
        ([], None) => {
            if let Value::Mapping(entries) = entry {
                entries.retain(|(own, _)| own != key);
            }
        }
        (rest, _) => {
            let inner = entry.get(key).cloned();
            if inner.is_none() && value.is_none() {
                return;
            }
            let mut inner = inner.unwrap_or_default();
            write(&mut inner, rest, value);
            entry.set(key, inner);
        }
    }
}

/// The smallest mapping that makes `after` of `before`: mappings are gone into, null takes an entry out.
fn differences(before: &Value, after: &Value) -> Value {
    let mut fields = Vec::new();
    for (key, old) in before.entries() {
        match after.get(key) {
            None => fields.push((key.clone(), Value::Null)),
            Some(new) if old.is_same(new) => {}
            Some(new) if matches!((old, new), (Value::Mapping(_), Value::Mapping(_))) => {
                fields.push((key.clone(), differences(old, new)));
            }
            Some(new) => fields.push((key.clone(), new.clone())),
        }
    }
    fields.extend(after.entries().iter().filter(|(key, _)| before.get(key).is_none()).cloned());
    Value::Mapping(fields)
}
