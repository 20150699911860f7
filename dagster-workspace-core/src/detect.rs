//! What a document is, told by its keys: [`detect`]. It knows whole documents alone, not what lies inside of a manifest.

use alloc::borrow::Cow;
use alloc::string::String;

use crate::values::{DEPLOYMENTS, Layout, SUBCHART, UserDeployments};
use crate::workspace::LOAD_FROM;
use crate::yaml::{Document, Node, Reader, Schema};

/// Keys that only the system chart's values have.
const SYSTEM_KEYS: [&str; 4] = ["dagsterWebserver", "dagit", "dagsterDaemon", "runLauncher"];

/// What a document is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DocumentKind {
    /// Values of chart `dagster-user-deployments`.
    Values,
    /// Values of the system chart, or of an umbrella chart with it.
    SystemValues,
    /// A workspace file.
    Workspace,
    /// A Kubernetes object, with its kind: what it holds stands deeper.
    Manifest(String),
    /// Nothing of Dagster's.
    Unknown,
}

/// Tells what a document is.
///
/// # Example
/// ```
/// use dagster_workspace_core::{detect::{DocumentKind, detect}, yaml::Document};
/// assert_eq!(detect(&Document::parse("load_from: []\n")?), DocumentKind::Workspace);
/// let manifest = Document::parse("apiVersion: v1\nkind: ConfigMap\ndata: {}\n")?;
/// assert_eq!(detect(&manifest), DocumentKind::Manifest("ConfigMap".into()));
/// # Ok::<(), dagster_workspace_core::error::ParseError>(())
/// ```
#[must_use]
pub fn detect(document: &Document<'_>) -> DocumentKind {
    let reader = Reader::new(Schema::Helm);
    let Some(root) = document.root() else { return DocumentKind::Unknown };
    let has = |node, keys: &[&str]| keys.iter().any(|key| reader.get(node, key).is_some());
    let text = |key| reader.get(root, key).and_then(|node: Node<'_>| reader.text(node)).map(Cow::into_owned);
    if let (Some(_), Some(kind)) = (text("apiVersion"), text("kind")) {
        return DocumentKind::Manifest(kind);
    }
    if has(root, &SYSTEM_KEYS) || has(root, &[SUBCHART]) {
        return DocumentKind::SystemValues;
    }
    if reader.get(root, DEPLOYMENTS).is_some() {
        return DocumentKind::Values;
    }
    if reader.get(root, LOAD_FROM).is_some() {
        return DocumentKind::Workspace;
    }
    if UserDeployments::of(document).layout() != Layout::Absent {
        return DocumentKind::SystemValues;
    }
    let is_umbrella = reader.entries(root).iter().any(|entry| has(entry.value, &SYSTEM_KEYS));
    if is_umbrella { DocumentKind::SystemValues } else { DocumentKind::Unknown }
}
