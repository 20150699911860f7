//! `show`: what both documents say about one code location, as it is written there.

use clap::Args;
use dagster_workspace_core::span::{LineCol, Span};
use dagster_workspace_core::staging::Records;
use dagster_workspace_core::transform::Subject;
use dagster_workspace_core::values::UserDeployments;
use dagster_workspace_core::workspace::Workspace;
use serde_json::json;

use super::Context;
use super::documents::{Documents, Pair};
use super::exit::Exit;
use super::list::deployment_of;
use super::redact;
use super::render::{Answer, Failure};

/// Arguments of `show`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The code location, or the deployment
    name: String,
}

/// Shows the deployment and the location of that name, the values of environment variables hidden.
pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<Answer, Failure> {
    let documents = Documents::open(context.options)?;
    let name = arguments.name.as_str();
    let Pair { values, workspace } = &documents.pair()?;
    let (deployments, workspace_view) = (UserDeployments::of(values), Workspace::of(workspace));
    let location = workspace_view.get(name).or_else(|| {
        let mut locations = workspace_view.locations();
        locations.find(|location| location.service().as_deref() == Some(name))
    });
    let deployment = location.and_then(|location| deployment_of(&location, &deployments));
    let deployment = deployment.or_else(|| deployments.get(name));
    if location.is_none() && deployment.is_none() {
        let message = format!("there is no code location and no deployment `{name}`");
        return Err(Failure::new(Exit::Invalid, "not-found", message).with_hint("`list` says which there are"));
    }
    let mut text = String::new();
    for (subject, document, span) in [
        (Subject::Values, values, deployment.map(|deployment| deployment.node().full_span())),
        (Subject::Workspace, workspace, location.map(|location| location.node().full_span())),
    ] {
        match span {
            Some(span) => text.push_str(&excerpt(&documents.names.of(subject), document.text(), span)),
            None => text.push_str(&format!("{}: nothing\n", documents.names.of(subject))),
        }
    }
    let deployment = deployment.and_then(|deployment| deployment.to_value().ok()).map(redact::hidden_value);
    let location = location.and_then(|location| location.to_value().ok());
    let record = Records::of(values).get(name);
    if let Some(record) = &record {
        text.push_str(&excerpt(&documents.names.of(Subject::Values), values.text(), record.span()));
    }
    let record = record.map(|record| record.record());
    Ok(Answer::new(text, json!({ "name": name, "deployment": deployment, "location": location, "record": record })))
}

/// The lines of a node under the place where it begins.
fn excerpt(file: &str, text: &str, span: Span) -> String {
    let shown = redact::hidden(text);
    let begin = shown.get(..span.range().start).unwrap_or_default().rfind('\n').map_or(0, |at| at + 1);
    let lines = shown.get(begin..span.range().end).unwrap_or_default().trim_end();
    format!("{file}:{}\n{lines}\n", LineCol::of(text, span.start).line)
}
