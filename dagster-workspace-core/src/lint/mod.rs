//! What Dagster, its charts and the API server would refuse or misread, found before they see it: [`lint_workspace`],
//! [`lint_values`], [`lint_pairing`]. One function per rule, one stable code per rule, judged for a [`Target`].
//!
//! # The workspace file, `DW01..`
//! There is an error exactly where Dagster's own loader refuses the file, which every process of Dagster then does as a
//! whole: the webserver does not start, a running daemon ends after five minutes. Apart from this list:
//! - Stricter on purpose, because what Dagster reads is not what is written: a key that stands twice in one mapping
//!   (`DW0124`), a line separator of YAML 1.1 outside double quotes (`DW0130`), a mapping that merges itself (`DW0129`).
//! - Stricter, because nobody writes it: tags with a handle that a `%TAG` directive defines, `!!omap` and `!!pairs` in place
//!   of lists, `!!str` on a mapping with the key `=`, a lone `-` inside a flow collection, and whatever stands behind a
//!   repeated key that hides it.
//! - Not visible in the text: whether the variable of an `{env: NAME}` is set, is a number where a port is meant, or gives
//!   two locations one name; several workspace files side by side.
//! - Not Dagster's: a text over 1 MiB, which the API server refuses in a ConfigMap (`DW0133`).
//!
//! # The values, `DW02..`, and both together, `DW03..`
//! An error is what the chart's schema, its templates or Kubernetes refuse, or what deploys something other than what is
//! written; a warning is what is ignored in silence or rarely meant.

mod change;
mod finding;
mod location;
mod notation;
mod pairing;
mod seen;
mod size;
mod values;
mod workspace;

use alloc::format;
use alloc::vec::Vec;

use crate::detect::{DocumentKind, detect};
use crate::error::{Diagnostic, Severity};
use crate::pairing::Pairing;
use crate::secret;
use crate::span::Span;
use crate::values::UserDeployments;
use crate::workspace::Workspace;
use crate::yaml::{Document, Node, Reader, Resolved, Schema};

pub(crate) use crate::spelling::nearest;
pub use crate::version::{Target, Version, VersionError};
use notation::standard_tag;
pub(crate) use values::is_plain_text;

/// Findings about a workspace file, in the order of the text.
///
/// # Example
/// ```
/// use dagster_workspace_core::{lint::{Target, lint_workspace}, yaml::Document};
/// let document = Document::parse("load_from:\n  - grpc_server: {host: etl, port: 3030, location_name: on}\n")?;
/// let found = lint_workspace(&document, &Target::default());
/// assert_eq!(found[0].code, "DW0116");
/// assert_eq!(found[0].message, "`location_name` must be a text, got the boolean `on`");
/// # Ok::<(), dagster_workspace_core::error::ParseError>(())
/// ```
#[must_use]
pub fn lint_workspace(document: &Document<'_>, target: &Target) -> Vec<Diagnostic> {
    let reader = Reader::new(Schema::Dagster);
    let mut found = Vec::new();
    size::lint(document.text(), "DW0133", &mut found);
    notation::lint(document, &reader, &mut found);
    if is_followable(document, &reader, &mut found) {
        workspace::lint(&workspace::File::read(document, &reader, target.dagster), &mut found);
    }
    secret::cleaned(document, finding::arranged(found))
}

/// Findings about the values of chart `dagster-user-deployments` or of the system chart, alone or as a part of an umbrella
/// chart's, in the order of the text.
///
/// # Example
/// ```
/// use dagster_workspace_core::{lint::{Target, lint_values}, yaml::Document};
/// let text = "deployments:\n  - name: etl\n    port: 3030\n    dagsterApiGrpcArgs: [\"-m\", \"etl\"]\n    \
///     image: {repository: etl, tag: 0123456, pullPolicy: Always}\n";
/// let found = lint_values(&Document::parse(text)?, &Target::default());
/// assert_eq!(found[0].message, "helm takes the tag `0123456` for the number 42798");
/// # Ok::<(), dagster_workspace_core::error::ParseError>(())
/// ```
#[must_use]
pub fn lint_values(document: &Document<'_>, target: &Target) -> Vec<Diagnostic> {
    let reader = Reader::new(Schema::Helm);
    let mut found = Vec::new();
    size::lint(document.text(), "DW0250", &mut found);
    if let DocumentKind::Manifest(kind) = detect(document) {
        found.push(manifest(document, &kind));
        return found;
    }
    let unread = values::Values::unread(document, &reader, target.chart);
    values::lint_notation(&unread, &mut found);
    if is_followable(document, &reader, &mut found) {
        values::lint(&values::Values::read(document, &reader, target.chart), &mut found);
    }
    secret::cleaned(document, finding::arranged(found))
}

/// `DW0234`: values inside of a Kubernetes object are not where helm looks for them.
fn manifest(document: &Document<'_>, kind: &str) -> Diagnostic {
    let key = document.root().and_then(|root| root.entries().find(|entry| entry.key.is_text("kind")));
    let span = key.map_or(Span::at(0), |entry| finding::head(entry.value));
    let message = format!("this is a Kubernetes manifest (`{}`), no values of a chart", finding::shown(kind));
    Diagnostic::error("DW0234", span, message).with_hint("keep the values in a file of their own")
}

/// Findings about values and workspace together, for the state that both are meant to be in when all steps are done. The
/// spans point into the workspace file, but for `DW0301`, a deployment without a server.
///
/// Which location is whose is told by [`Pairing`]. Hosts that no deployment here has are another release's, or no part of Kubernetes:
/// nothing is said of them, unless they look like a Service of the same namespace.
#[must_use]
pub fn lint_pairing(values: &Document<'_>, workspace: &Document<'_>, target: &Target) -> Vec<Diagnostic> {
    let (helm, dagster) = (Reader::new(Schema::Helm), Reader::new(Schema::Dagster));
    let mut unfollowed = Vec::new();
    // Documents that cannot be followed have findings of their own.
    if !is_followable(values, &helm, &mut unfollowed) || !is_followable(workspace, &dagster, &mut unfollowed) {
        return Vec::new();
    }
    let deployments = values::Values::read(values, &helm, target.chart);
    let workspace = Workspace::of(workspace);
    pairing::lint(&deployments, &Pairing::of(&workspace, target.namespace.as_deref()))
}

/// Findings about a change of both documents, values first: a deployment that stays and loses its locations (`DW0307`, an error), one
/// that comes and takes a location at a host with a namespace for its own, one that goes and leaves a location behind. The spans
/// point into the workspace file after the change.
#[must_use]
pub fn lint_change(before: [&Document<'_>; 2], after: [&Document<'_>; 2], target: &Target) -> Vec<Diagnostic> {
    let own = target.namespace.as_deref();
    let [old, new] = [before, after].map(|[_, workspace]| Workspace::of(workspace));
    let [had, has] = [before, after].map(|[values, _]| UserDeployments::of(values));
    change::lint(&change::State::of(&had, Pairing::of(&old, own)), &change::State::of(&has, Pairing::of(&new, own)))
}

/// Whether aliases and merge keys can be followed, many times over, at a cost in proportion to the text.
///
/// Where not, that is a finding of its own, unless it is known already, and the entries are not looked at.
fn is_followable<'d>(document: &'d Document<'d>, reader: &Reader<'d>, found: &mut Vec<Diagnostic>) -> bool {
    let Some(root) = document.root().filter(|_| document.text().contains('*')) else { return true };
    let Err(error) = reader.value(root) else { return true };
    if !found.iter().any(|finding| finding.severity == Severity::Error) {
        found.push(error.diagnostic());
    }
    false
}

/// Whether a node that is no alias is null to its reader.
fn is_null(reader: &Reader<'_>, node: Node<'_>) -> bool {
    node.scalar().is_some_and(|scalar| scalar.resolve(reader.schema()) == Resolved::Null)
}

/// Whether a node that is no alias is a text to its reader.
fn is_text(reader: &Reader<'_>, node: Node<'_>) -> bool {
    // A text that does not fit its tag resolves to a string; its reader refuses it.
    let tagged = !matches!(node.tag().and_then(standard_tag), None | Some("str"));
    !tagged && node.scalar().is_some_and(|scalar| scalar.resolve(reader.schema()) == Resolved::String)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    /// The names that Dagster itself gave, from the cases that its loader judges on every run.
    #[test]
    fn names_of_locations_are_those_of_dagster() {
        let mut compared = 0;
        for line in include_str!("../../tests/cases/workspace-rules.jsonl").lines() {
            let case: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = case["text"].as_str().unwrap();
            let (Some(names), true) = (case["names"].as_array(), case["stricter"].is_null() && case["env"].is_null())
            else {
                continue;
            };
            let document = Document::parse(text).unwrap();
            let reader = Reader::new(Schema::Dagster);
            let file = workspace::File::read(&document, &reader, Target::NEWEST.dagster);
            let own: Vec<Option<String>> = file.locations.iter().map(|location| location.name(&reader)).collect();
            let names: Vec<Option<String>> = names.iter().map(|name| name.as_str().map(Into::into)).collect();
            assert_eq!(own, names, "{}", case["id"]);
            compared += 1;
        }
        assert!(compared > 60, "{compared} compared");
    }
}
