//! Who stands in the documents.

use std::collections::BTreeSet;

use dagster_workspace_core::transform::Subject;
use dagster_workspace_core::values::UserDeployments;
use dagster_workspace_core::workspace::Workspace;
use dagster_workspace_core::yaml::Document;

/// Names of the deployments in values, or of the locations in a workspace, in the document's order.
pub(super) fn names(subject: Subject, document: &Document<'_>) -> Vec<String> {
    match subject {
        Subject::Values => {
            let deployments = UserDeployments::of(document);
            deployments.iter().filter_map(|deployment| Some(deployment.name()?.into_owned())).collect()
        }
        Subject::Workspace => {
            let workspace = Workspace::of(document);
            workspace.locations().filter_map(|location| Some(location.name()?.into_owned())).collect()
        }
    }
}

/// The names in a text; none in one that cannot be read.
pub(super) fn names_in(subject: Subject, text: &str) -> BTreeSet<String> {
    Document::parse(text).map_or_else(|_| BTreeSet::new(), |document| names(subject, &document).into_iter().collect())
}
