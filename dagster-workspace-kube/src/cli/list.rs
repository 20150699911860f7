//! `list`: the code locations of the workspace file with what stands behind each, then deployments that no location names.

use std::borrow::Cow;

use dagster_workspace_core::pairing::Pairing;
use dagster_workspace_core::values::{DeploymentRef, UserDeployments};
use dagster_workspace_core::workspace::{CodeLocation, Source, Workspace};
use serde_json::{Value, json};

use super::Context;
use super::documents::{Documents, Pair};
use super::render::{Answer, Failure};

/// One line of the list.
struct Row {
    name: Option<String>,
    /// `null` where no location says one.
    host: Value,
    port: Value,
    image: Option<String>,
    /// Whether a deployment and a location name each other: host and port.
    paired: bool,
}

/// Lists all of them.
pub(super) fn run(context: &mut Context<'_>) -> Result<Answer, Failure> {
    let documents = Documents::open(context.options)?;
    let rows = rows(&documents.pair()?, documents.documents.target().namespace.as_deref());
    let locations: Vec<Value> = rows
        .iter()
        .map(|Row { name, host, port, image, paired }| {
            json!({ "name": name, "host": host, "port": port, "image": image, "paired": paired })
        })
        .collect();
    Ok(Answer::new(table(&rows), json!({ "locations": locations })))
}

fn rows(pair: &Pair, own: Option<&str>) -> Vec<Row> {
    let deployments = UserDeployments::of(&pair.values);
    let workspace = Workspace::of(&pair.workspace);
    let pairing = Pairing::of(&workspace, own);
    let mut served = Vec::new();
    let mut rows = Vec::new();
    for (at, location) in pairing.locations().iter().enumerate() {
        let deployment = pairing.deployment_at(at, &deployments);
        served.extend(deployment.and_then(|deployment| deployment.name()));
        rows.push(Row {
            name: location.name().map(Cow::into_owned),
            host: location.host().map_or(Value::Null, |host| source(owned(host))),
            port: location.port().map_or(Value::Null, source),
            image: deployment.and_then(|deployment| deployment.image()).map(|image| image.to_string()),
            paired: deployment.is_some_and(|deployment| same_port(&deployment, location)),
        });
    }
    for deployment in deployments.iter() {
        let name = deployment.name();
        if name.as_ref().is_none_or(|name| !served.contains(name)) {
            rows.push(Row {
                name: name.map(Cow::into_owned),
                host: Value::Null,
                port: deployment.port().map_or(Value::Null, Value::from),
                image: deployment.image().map(|image| image.to_string()),
                paired: false,
            });
        }
    }
    rows
}

fn same_port(deployment: &DeploymentRef<'_, '_>, location: &CodeLocation<'_, '_>) -> bool {
    let called = location.port().and_then(Source::literal);
    called.is_some() && called == deployment.port().map(i64::from)
}

/// A value of the workspace: itself, or `{"env": NAME}`.
fn source<T: Into<Value>>(source: Source<T>) -> Value {
    match source {
        Source::Literal(value) => value.into(),
        Source::Env(name) => json!({ "env": name }),
    }
}

fn owned(source: Source<Cow<'_, str>>) -> Source<String> {
    match source {
        Source::Literal(text) => Source::Literal(text.into_owned()),
        Source::Env(name) => Source::Env(name),
    }
}

/// Columns, each as wide as its widest cell.
fn table(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "no code locations\n".to_owned();
    }
    let head = ["NAME", "HOST", "PORT", "IMAGE", "PAIRED"].map(str::to_owned);
    let cells = rows.iter().map(|Row { name, host, port, image, paired }| {
        [
            name.clone().unwrap_or_else(|| "-".to_owned()),
            cell(host),
            cell(port),
            image.clone().unwrap_or_else(|| "-".to_owned()),
            if *paired { "yes" } else { "no" }.to_owned(),
        ]
    });
    let lines: Vec<[String; 5]> = std::iter::once(head).chain(cells).collect();
    let widths: Vec<usize> =
        (0..5).map(|at| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0)).collect();
    let mut out = String::new();
    for line in &lines {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        out.push_str(cells.join("  ").trim_end());
        out.push('\n');
    }
    out
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Object(source) => format!("${}", source.get("env").and_then(Value::as_str).unwrap_or_default()),
        other => other.to_string(),
    }
}
