//! `show`: what both documents say about one code location, as it is written there.

use clap::Args;
use dagster_workspace_core::pairing::Pairing;
use dagster_workspace_core::secret::{Shown, hidden};
use dagster_workspace_core::span::{LineCol, Span};
use dagster_workspace_core::staging::Records;
use dagster_workspace_core::transform::{Subject, find};
use dagster_workspace_core::values::UserDeployments;
use dagster_workspace_core::workspace::Workspace;
use dagster_workspace_core::yaml::Path;
use serde_json::json;

use super::Context;
use super::documents::{Documents, Pair};
use super::render::{Answer, Failure};
use crate::deploy::{Aim, DocumentsError};

/// Arguments of `show`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The code location, or the deployment
    name: String,
}

/// Shows the deployment and its locations, or the location of that name and its deployment; secrets hidden.
pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<Answer, Failure> {
    let documents = Documents::open(context.options)?;
    let name = arguments.name.as_str();
    let Pair { values, workspace } = &documents.pair()?;
    let (deployments, workspace_view) = (UserDeployments::of(values), Workspace::of(workspace));
    let pairing = Pairing::of(&workspace_view, documents.documents.target().namespace.as_deref());
    let places = match deployments.get(name) {
        Some(_) => pairing.locations_of(name).unwrap_or_default(),
        None => {
            let mut locations = pairing.locations().iter();
            let named = locations.position(|location| location.name().as_deref() == Some(name));
            named.map_or_else(|| pairing.locations_at(name), |at| vec![at])
        }
    };
    let of_location = |at: &usize| pairing.deployment_at(*at, &deployments);
    let deployment = deployments.get(name).or_else(|| places.first().and_then(of_location));
    if let (true, Some(missing)) = (places.is_empty(), find(name, &deployments, &pairing)) {
        return Err(documents.names.failure(DocumentsError::NotFound { missing: vec![missing], aim: Aim::Present }));
    }
    let locations: Vec<_> = places.iter().filter_map(|at| pairing.locations().get(*at)).collect();
    let spans = |subject| -> Vec<Span> {
        match subject {
            Subject::Values => deployment.iter().map(|deployment| deployment.node().full_span()).collect(),
            Subject::Workspace => locations.iter().map(|location| location.node().full_span()).collect(),
        }
    };
    let mut text = String::new();
    for (subject, document) in [(Subject::Values, values), (Subject::Workspace, workspace)] {
        let (file, spans) = (documents.names.of(subject), spans(subject));
        text.extend(spans.iter().map(|span| excerpt(&file, document.text(), *span)));
        if spans.is_empty() {
            text.push_str(&format!("{file}: nothing\n"));
        }
    }
    let record = deployment.and_then(|deployment| Records::of(values).get(&deployment.name()?));
    let record = record.or_else(|| Records::of(values).get(name));
    if let Some(record) = &record {
        text.push_str(&excerpt(&documents.names.of(Subject::Values), values.text(), record.span()));
    }
    let shown = |value| hidden(&value, &Path::default());
    let deployment = deployment.and_then(|deployment| deployment.to_value().ok()).map(shown);
    let locations: Vec<_> = locations.iter().filter_map(|location| location.to_value().ok()).map(shown).collect();
    let record = record.map(|record| record.record());
    let data = json!({
        "name": name,
        "deployment": deployment,
        "location": locations.first(),
        "locations": locations,
        "record": record,
    });
    Ok(Answer::new(text, data))
}

/// The lines of a node under the place where it begins.
fn excerpt(file: &str, text: &str, span: Span) -> String {
    let begin = text.get(..span.range().start).unwrap_or_default().rfind('\n').map_or(0, |at| at + 1);
    let lines = Shown::of(text).part(Span { start: u32::try_from(begin).unwrap_or(span.start), ..span });
    format!("{file}:{}\n{}\n", LineCol::of(text, span.start).line, lines.trim_end())
}
