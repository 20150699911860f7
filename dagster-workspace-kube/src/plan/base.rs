//! The documents that a plan was made from, without their content: [`Base`]. [`since`] says what has changed since.

use std::collections::BTreeMap;

use dagster_workspace_core::transform::Subject;
use dagster_workspace_core::value::Value;
use dagster_workspace_core::values::{DEPLOYMENTS, UserDeployments};
use dagster_workspace_core::workspace::Workspace;
use dagster_workspace_core::yaml::{Document, Schema};
use serde::{Deserialize, Serialize};

use crate::deploy::{Edited, checksum, noun};

/// A document that a plan was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// `values` or `workspace`.
    pub document: String,
    /// Its version, in the words of its store: `uid/resourceVersion` of a ConfigMap.
    pub version: String,
    /// Checksum of its text.
    pub before: String,
    /// Checksum of the text that the plan makes of it.
    pub after: String,
    /// Checksums of its entries, by what people call them.
    pub entries: BTreeMap<String, String>,
}

impl Base {
    /// Of a document that was read for a job.
    pub(super) fn new(edited: &Edited) -> Self {
        Self {
            document: noun(edited.subject).to_owned(),
            version: edited.version.as_str().to_owned(),
            before: checksum(&edited.before),
            after: checksum(&edited.text),
            entries: entries(edited.subject, &edited.before),
        }
    }

    /// Whether it is this document.
    #[must_use]
    pub fn is_of(&self, subject: Subject) -> bool {
        self.document == noun(subject)
    }

    /// Whether the plan fits a text: it was made from it, or has been carried out in it already.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        let found = checksum(text);
        found == self.before || found == self.after
    }
}

/// What has changed in a document since a plan was made, for people. Empty where nothing has.
#[must_use]
pub fn since(base: &Base, subject: Subject, text: &str) -> Vec<String> {
    if base.fits(text) {
        return Vec::new();
    }
    let now = entries(subject, text);
    let mut changed = Vec::new();
    for (name, checksum) in &base.entries {
        match now.get(name) {
            None => changed.push(format!("{name} was removed")),
            Some(found) if found != checksum => changed.push(format!("{name} was changed")),
            Some(_) => {}
        }
    }
    changed.extend(now.keys().filter(|name| !base.entries.contains_key(*name)).map(|name| format!("{name} was added")));
    if changed.is_empty() {
        changed.push(format!("comments or notation of the {} were changed", noun(subject)));
    }
    changed
}

/// Checksums of what is in a document; nothing of one that cannot be read.
fn entries(subject: Subject, text: &str) -> BTreeMap<String, String> {
    let Ok(document) = Document::parse(text) else { return BTreeMap::new() };
    let sum = |value: &Value| checksum(&serde_json::to_string(value).unwrap_or_default());
    let mut entries = BTreeMap::new();
    match subject {
        Subject::Values => {
            let deployments = UserDeployments::of(&document);
            for deployment in deployments.iter() {
                let name = deployment.name().unwrap_or_default();
                entries.insert(format!("deployment `{name}`"), sum(&deployment.to_value().unwrap_or_default()));
            }
            let root = document.to_value(Schema::Helm).unwrap_or_default();
            for (key, value) in root.entries().iter().filter(|(key, _)| key != DEPLOYMENTS) {
                entries.insert(format!("`{key}`"), sum(value));
            }
        }
        Subject::Workspace => {
            let workspace = Workspace::of(&document);
            for location in workspace.locations() {
                let name = location.name().unwrap_or_default();
                entries.insert(format!("location `{name}`"), sum(&location.to_value().unwrap_or_default()));
            }
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::Written;
    use crate::store::Version;

    const BEFORE: &str =
        "deployments:\n- {name: a, image: {repository: r, tag: '1'}, port: 1}\n- {name: b, port: 2}\nx: 1\n";

    fn base(text: &str) -> Base {
        Base::new(&Edited {
            subject: Subject::Values,
            before: BEFORE.into(),
            text: text.into(),
            version: Version::new("u/1"),
            changes: Vec::new(),
            warnings: Vec::new(),
            not_found: Vec::new(),
            written: Written::Nothing,
            attempts: 0,
            requests: 1,
        })
    }

    #[track_caller]
    fn check(now: &str, changed: &[&str]) {
        assert_eq!(since(&base("after"), Subject::Values, now), changed);
    }

    #[test]
    fn plan_fits_what_it_was_made_from_and_what_it_leads_to() {
        check(BEFORE, &[]);
        check("after", &[]);
    }

    #[test]
    fn what_has_changed_is_named_and_not_shown() {
        let secret = BEFORE.replace("port: 1", "port: 1, env: {KEY: s3cret}");
        check(&secret, &["deployment `a` was changed"]);
        check(&BEFORE.replace("name: b", "name: c"), &["deployment `b` was removed", "deployment `c` was added"]);
        check(&BEFORE.replace("x: 1", "x: 2"), &["`x` was changed"]);
        check(&format!("# hello\n{BEFORE}"), &["comments or notation of the values were changed"]);
        assert!(!serde_json::to_string(&base(&secret)).unwrap().contains("s3cret"));
    }
}
