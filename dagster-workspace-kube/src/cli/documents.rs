//! The two documents of one place: [`Documents`] reads them as text, [`Pair`] as YAML. Today the place is a directory.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dagster_workspace_core::lint::{self, Target};
use dagster_workspace_core::yaml::Document;
use tokio::runtime::Runtime;

use super::Options;
use super::exit::Exit;
use super::render::{Failure, Finding};
use crate::apply::{Absent, Written, apply_with};
use crate::retry::RetryPolicy;
use crate::store::{Key, Store, StoreError};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Values,
    Workspace,
}

impl Which {
    pub(super) const BOTH: [Self; 2] = [Self::Values, Self::Workspace];

    /// Its file name.
    pub(super) fn file_name(self) -> &'static str {
        match self {
            Self::Values => "values.yaml",
            Self::Workspace => "workspace.yaml",
        }
    }
}

/// Where the documents are, and what is needed to reach them.
pub(super) struct Documents {
    pub(super) store: Arc<dyn Store>,
    pub(super) runtime: Runtime,
    directory: PathBuf,
}

impl Documents {
    /// The documents of `directory`.
    pub(super) fn of(directory: Option<&Path>) -> Result<Self, Failure> {
        let directory = directory.unwrap_or(Path::new("."));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime =
            runtime.map_err(|error| Failure::new(Exit::Failed, "io", "cannot start a runtime").caused_by(&error))?;
        Ok(Self { store: store(directory)?, runtime, directory: directory.to_owned() })
    }

    /// What messages call a document: its path as the caller would write it.
    pub(super) fn name(&self, which: Which) -> String {
        let in_directory = self.directory.join(which.file_name());
        in_directory.strip_prefix(".").unwrap_or(&in_directory).display().to_string()
    }

    /// The text of a document.
    pub(super) fn text(&self, which: Which) -> Result<String, Failure> {
        match self.runtime.block_on(self.store.get(&key(which)?)) {
            Ok(stored) => Ok(stored.text),
            Err(error) => Err(self.failure(which, &error)),
        }
    }

    /// Both documents, read.
    pub(super) fn pair(&self) -> Result<Pair, Failure> {
        let read = |which| {
            let text = self.text(which)?;
            Document::parse(text.as_str())
                .map(Document::into_owned)
                .map_err(|error| Failure::parse(&error, &self.name(which), &text))
        };
        Ok(Pair { values: read(Which::Values)?, workspace: read(Which::Workspace)? })
    }

    /// A failure of the store, with the document's path.
    pub(super) fn failure(&self, which: Which, error: &StoreError) -> Failure {
        let failure = Failure::store(error);
        match error {
            StoreError::NotFound { .. } => {
                Failure { message: format!("there is no `{}`", self.name(which)), ..failure }
                    .with_hint("`init` makes the documents that are missing; `--directory` names another place")
            }
            _ => failure,
        }
    }
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "other systems have no such store")]
fn store(directory: &Path) -> Result<Arc<dyn Store>, Failure> {
    Ok(Arc::new(crate::store::Directory::new(directory)))
}

#[cfg(not(unix))]
fn store(_: &Path) -> Result<Arc<dyn Store>, Failure> {
    Err(Failure::new(Exit::Failed, "unsupported", "documents in a directory need Linux or another Unix"))
}

/// The key of a document in its store.
pub(super) fn key(which: Which) -> Result<Key, Failure> {
    Key::new(which.file_name()).map_err(|error| Failure::new(Exit::Failed, "io", error.to_string()))
}

/// Brings a file to a text, whatever stands there; only looks where `options` say so. Whether it differs.
pub(super) fn replace(documents: &Documents, key: &Key, text: &str, options: &Options) -> Result<bool, Failure> {
    let Documents { store, runtime, directory: _ } = documents;
    if options.dry_run {
        return match runtime.block_on(store.get(key)) {
            Ok(stored) => Ok(stored.text != text),
            Err(StoreError::NotFound { .. }) => Ok(true),
            Err(error) => Err(Failure::store(&error)),
        };
    }
    let policy = RetryPolicy::default();
    let change = |standing: &str| Ok::<_, Infallible>((standing != text).then(|| text.to_owned()));
    let done = apply_with(store.as_ref(), key, Absent::Create(text), &policy, change);
    let outcome = runtime.block_on(done).map_err(|error| Failure::apply(&error))?;
    Ok(outcome.written != Written::Nothing)
}

/// Both documents.
pub(super) struct Pair {
    pub(super) values: Document<'static>,
    pub(super) workspace: Document<'static>,
}

impl Pair {
    /// What Dagster, the chart or the API server would refuse or misread in both together.
    pub(super) fn pairing(&self, documents: &Documents, target: &Target) -> Vec<Finding> {
        let Self { values, workspace } = self;
        // A deployment that has no server is the one finding whose place is in the values.
        let (in_values, in_workspace): (Vec<_>, Vec<_>) =
            lint::lint_pairing(values, workspace, target).into_iter().partition(|found| found.code == "DW0301");
        let mut findings = Finding::all(in_values, &documents.name(Which::Values), values.text());
        findings.extend(Finding::all(in_workspace, &documents.name(Which::Workspace), workspace.text()));
        findings
    }
}
