//! One entry of the history as data: [`Revision`], the texts that it keeps ([`Documents`]) and what its recorder says of it
//! ([`Meta`]).

use std::collections::BTreeMap;
use std::fmt;

use dagster_workspace_core::diff::{Change, Diff, MergeKeys};
use dagster_workspace_core::lint::{Target, lint_pairing};
use dagster_workspace_core::time::Timestamp;
use dagster_workspace_core::yaml::{Document, Schema};
use serde::{Deserialize, Serialize};

use super::error::HistoryError;
use super::origin::Origin;
use crate::hash;

/// The form in which revisions are written. A reader refuses a later one instead of guessing.
pub const FORMAT: u32 = 1;

/// Which of the two documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Which {
    /// The values of chart `dagster-user-deployments`.
    Values,
    /// The workspace file.
    Workspace,
}

impl Which {
    /// Both, in the order in which they are written.
    pub const BOTH: [Self; 2] = [Self::Values, Self::Workspace];

    /// The name of its file.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Values => "values.yaml",
            Self::Workspace => "workspace.yaml",
        }
    }

    fn schema(self) -> Schema {
        match self {
            Self::Values => Schema::Helm,
            Self::Workspace => Schema::Dagster,
        }
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.file_name())
    }
}

/// Both documents, byte for byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Documents {
    /// The values of chart `dagster-user-deployments`.
    pub values: String,
    /// The workspace file.
    pub workspace: String,
}

impl Documents {
    /// One of them.
    #[must_use]
    pub fn get(&self, which: Which) -> &str {
        match which {
            Which::Values => &self.values,
            Which::Workspace => &self.workspace,
        }
    }
}

/// What a recorder says of a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// When, by the recorder's clock. Nothing is ordered by it: clocks jump.
    pub time: Timestamp,
    /// Who.
    pub actor: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The CI job and the change of code behind it.
    pub origin: Option<Origin>,
    /// Versions of the deployed charts by name. Where none are said, those of the newest revision still hold.
    pub charts: BTreeMap<String, String>,
}

impl Meta {
    /// Nothing but the time.
    #[must_use]
    pub fn at(time: Timestamp) -> Self {
        Self { time, actor: None, reason: None, origin: None, charts: BTreeMap::new() }
    }
}

/// Both documents at one moment, named by their hashes: an object that is written once and never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// [`FORMAT`].
    pub format: u32,
    /// Its place in the history, from 1. The order of revisions is the order of numbers.
    pub number: u64,
    /// Random, so that a recorder whose answer was lost knows its own.
    pub id: String,
    /// When, by the recorder's clock.
    pub time: Timestamp,
    /// Who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The CI job and the change of code behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Versions of the deployed charts by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub charts: BTreeMap<String, String>,
    /// The values document.
    pub values: Blob,
    /// The workspace file.
    pub workspace: Blob,
    /// What differs from the revision before, without secrets; `None` where that one could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<Changed>>,
    /// Entries of one document that have no partner in the other, as while another job is between its two writes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unpaired: Vec<Unpaired>,
}

impl Revision {
    /// The content of one of its documents.
    #[must_use]
    pub fn blob(&self, which: Which) -> &Blob {
        match which {
            Which::Values => &self.values,
            Which::Workspace => &self.workspace,
        }
    }

    /// Whether recording `documents` with `charts` again would say nothing new.
    #[must_use]
    pub fn is_same(&self, documents: &Documents, charts: &BTreeMap<String, String>) -> bool {
        Which::BOTH.iter().all(|which| *self.blob(*which) == Blob::of(documents.get(*which)))
            && charts.iter().all(|(name, version)| self.charts.get(name) == Some(version))
    }
}

/// The content of a document by its hash.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Blob {
    /// SHA-256 in 64 lower-case hexadecimal digits: the name of the blob.
    pub sha256: String,
    /// Length in bytes.
    pub bytes: u64,
}

impl Blob {
    /// The name of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self::of_bytes(text.as_bytes())
    }

    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        Self { sha256: hash::sha256(bytes), bytes: bytes.len() as u64 }
    }
}

/// One difference from the revision before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Where.
    pub document: Which,
    /// Path in the document; empty where only comments or notation differ.
    pub path: String,
    /// `~ deployment etl: image.tag 1 -> 2`, as `diff` says it.
    pub summary: String,
}

/// An entry without its partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpaired {
    /// The rule, `DW0301`.
    pub code: String,
    /// What it says, the entry's name in it.
    pub message: String,
}

/// What differs between two pairs of documents, without secrets.
///
/// # Errors
/// [`HistoryError::NotYaml`] where one of them cannot be read.
pub fn diff(before: &Documents, after: &Documents) -> Result<Vec<Changed>, HistoryError> {
    let mut changed = Vec::new();
    for which in Which::BOTH {
        let (before, after) = (before.get(which), after.get(which));
        if before == after {
            continue;
        }
        let read = |text| Document::parse(text).map_err(|source| HistoryError::NotYaml { which, source });
        let (before, after) = (read(before)?, read(after)?);
        let diff = Diff::between(&before, &after, which.schema(), &MergeKeys::default());
        let found = diff.map_err(|source| HistoryError::NoData { which, source })?.changes;
        if found.is_empty() {
            let summary = format!("~ {which}: comments or notation");
            changed.push(Changed { document: which, path: String::new(), summary });
        }
        let of_change =
            |change: &Change| Changed { document: which, path: change.path.to_string(), summary: change.to_string() };
        changed.extend(found.iter().map(of_change));
    }
    Ok(changed)
}

/// The entries of one document that have no partner in the other.
pub(super) fn unpaired(documents: &Documents) -> Result<Vec<Unpaired>, HistoryError> {
    let read = |which| Document::parse(documents.get(which)).map_err(|source| HistoryError::NotYaml { which, source });
    let (values, workspace) = (read(Which::Values)?, read(Which::Workspace)?);
    let found = lint_pairing(&values, &workspace, &Target::default());
    Ok(found.into_iter().map(|found| Unpaired { code: found.code.to_owned(), message: found.message }).collect())
}
