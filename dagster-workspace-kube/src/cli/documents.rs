//! The two documents of one place: [`Documents`] reads them as text, [`Pair`] as YAML. The place is a directory, or the
//! ConfigMaps of a namespace.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dagster_workspace_core::error::{Diagnostic, Severity};
use dagster_workspace_core::transform::{NotFound, Subject};
use dagster_workspace_core::yaml::Document;
use tokio::runtime::Runtime;

use super::Options;
use super::cluster::{self, OnCluster};
use super::exit::Exit;
use super::outcome;
use super::render::{Failure, Finding};
use crate::deploy::{self, Aim, DocumentsError, Events, Pairing, Settings, Steps};
use crate::store::{Key, Store, StoreError};

/// Both, in the order in which they are named.
pub(super) const BOTH: [Subject; 2] = [Subject::Values, Subject::Workspace];

/// What a document is called in a directory.
pub(super) fn file_name(subject: Subject) -> &'static str {
    match subject {
        Subject::Values => "values.yaml",
        Subject::Workspace => "workspace.yaml",
    }
}

/// What messages call the documents.
#[derive(Clone, Debug)]
pub(super) enum Names {
    /// Their paths as the caller would write them.
    Directory(PathBuf),
    /// The ConfigMap of each, values first.
    ConfigMaps([String; 2]),
}

impl Names {
    pub(super) fn of(&self, subject: Subject) -> String {
        match (self, subject) {
            (Self::Directory(directory), subject) => {
                let in_directory = directory.join(file_name(subject));
                in_directory.strip_prefix(".").unwrap_or(&in_directory).display().to_string()
            }
            (Self::ConfigMaps([values, _]), Subject::Values) => values.clone(),
            (Self::ConfigMaps([_, workspace]), Subject::Workspace) => workspace.clone(),
        }
    }

    /// A failure of the store, with the document's name.
    pub(super) fn store_failure(&self, subject: Subject, error: &StoreError) -> Failure {
        let failure = Failure::store(error);
        match error {
            StoreError::NotFound { .. } => {
                let elsewhere = match self {
                    Self::Directory(_) => "`--directory` names another place",
                    Self::ConfigMaps(_) => "`--namespace` names another place",
                };
                let hint = format!("`init` makes the documents that are missing; {elsewhere}");
                Failure { message: format!("there is no `{}`", self.of(subject)), ..failure }.with_hint(hint)
            }
            StoreError::TooLarge { .. } if matches!(self, Self::ConfigMaps(_)) => failure.with_hint(
                "a ConfigMap holds 1 MiB under all of its keys together: take other keys out of it, or move deployments to a \
                 release of their own",
            ),
            _ => failure,
        }
    }

    /// A failure of the documents' part of a job.
    pub(super) fn failure(&self, error: DocumentsError) -> Failure {
        match error {
            DocumentsError::Request(error) => match error.downcast::<Failure>() {
                Ok(failure) => *failure,
                Err(error) => Failure::new(Exit::Invalid, "invalid", error.to_string()),
            },
            DocumentsError::Store { subject, source } => self.store_failure(subject, &source),
            DocumentsError::Transform { subject, text, source } => {
                Failure::transform(&source, &self.of(subject), &text)
            }
            DocumentsError::NotFound { missing, aim } => {
                let exit = if aim == Aim::Absent { Exit::Precondition } else { Exit::Invalid };
                Failure::found(exit, "not-found", self.not_found(&missing, Severity::Error))
            }
            DocumentsError::Unpaired { pairing } => {
                Failure::found(Exit::Invalid, "unpaired", self.pairing_findings(pairing))
            }
            DocumentsError::Stale { .. } => Failure::new(Exit::Conflict, "stale", error.to_string()),
            DocumentsError::GaveUp { subject, ref source, .. } => {
                let Failure { message: last, causes, .. } = self.store_failure(subject, source);
                let mut failure = Failure::new(Exit::Conflict, "conflict", error.to_string());
                failure.causes.push(last);
                failure.causes.extend(causes);
                failure.with_hint("run it again: what is already done is left alone")
            }
            DocumentsError::Unsettled { subject, source } => {
                Failure { exit: Exit::Partial, reason: "unsettled", ..self.store_failure(subject, &source) }
            }
        }
    }

    /// Names that nothing has, or no deployment.
    pub(super) fn not_found(&self, missing: &[NotFound], severity: Severity) -> Vec<Finding> {
        let file = self.of(Subject::Values);
        missing.iter().map(|found| Finding::not_found(found, severity, &file)).collect()
    }

    /// Findings about both documents, each with the name of the one that it is in.
    pub(super) fn pairing_findings(&self, pairing: Pairing) -> Vec<Finding> {
        let Pairing { values, workspace, findings } = pairing;
        // A deployment that has no server is the one finding whose place is in the values.
        let (in_values, in_workspace): (Vec<_>, Vec<Diagnostic>) =
            findings.into_iter().partition(|found| found.code == "DW0301");
        let mut findings = Finding::all(in_values, &self.of(Subject::Values), &values);
        findings.extend(Finding::all(in_workspace, &self.of(Subject::Workspace), &workspace));
        findings
    }
}

/// Where the documents are, and what is needed to reach them.
pub(super) struct Documents {
    pub(super) documents: deploy::Documents,
    pub(super) names: Names,
    pub(super) runtime: Runtime,
}

impl Documents {
    /// The documents of a directory.
    pub(super) fn in_directory(directory: &Path) -> Result<Self, Failure> {
        refuse_one_file(directory)?;
        let documents = deploy::Documents::new(store(directory)?);
        Ok(Self { documents, names: Names::Directory(directory.to_owned()), runtime: runtime()? })
    }

    /// The documents of the place that the options name.
    pub(super) fn open(options: &Options) -> Result<Self, Failure> {
        match options.cluster.connection() {
            None => {
                let place = Self::in_directory(options.directory.as_deref().unwrap_or(Path::new(".")))?;
                let documents = place.documents.with_policy(options.cluster.retry());
                Ok(Self { documents: documents.with_target(options.cluster.target()?), ..place })
            }
            Some(connection) => {
                let runtime = runtime()?;
                let settings = Settings { steps: Steps::documents(), ..options.cluster.settings()? };
                let cluster = runtime.block_on(OnCluster::connect(&connection, settings, Events::unheard()))?;
                let found = runtime.block_on(cluster.deployer.find_documents());
                let (documents, holders) = found.map_err(|error| outcome::before(&error))?;
                let names = cluster::names(cluster.deployer.namespace(), &holders);
                Ok(Self { documents, names, runtime })
            }
        }
    }

    /// The text of a document.
    pub(super) fn text(&self, subject: Subject) -> Result<String, Failure> {
        let stored = self.runtime.block_on(self.documents.get(subject));
        stored.map(|stored| stored.text).map_err(|error| self.names.failure(error))
    }

    /// Both documents, read.
    pub(super) fn pair(&self) -> Result<Pair, Failure> {
        let read = |subject| {
            let text = self.text(subject)?;
            Document::parse(text.as_str())
                .map(Document::into_owned)
                .map_err(|error| Failure::parse(&error, &self.names.of(subject), &text))
        };
        Ok(Pair { values: read(Subject::Values)?, workspace: read(Subject::Workspace)? })
    }
}

/// Links that make one file of both documents: each would be written into the other.
fn refuse_one_file(directory: &Path) -> Result<(), Failure> {
    let [values, workspace] = BOTH.map(|subject| directory.join(file_name(subject)).canonicalize().ok());
    let Some(file) = values.filter(|values| Some(values) == workspace.as_ref()) else { return Ok(()) };
    let message = format!("`values.yaml` and `workspace.yaml` are links to one file, `{}`", file.display());
    Err(Failure::new(Exit::Invalid, "not-a-file", message).with_hint("give each of them a file of its own"))
}

/// What every command waits on: one thread is enough, as everything waits for others.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(Exit::Failed, "io", "cannot start a runtime").caused_by(&error))
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

/// Brings a file to a text, whatever stands there; only looks where `options` say so. Whether it differs.
pub(super) fn replace(place: &Documents, key: &Key, text: &str, options: &Options) -> Result<bool, Failure> {
    let Documents { documents, runtime, names: _ } = place;
    let done = if options.dry_run {
        runtime.block_on(documents.differs(key, text))
    } else {
        runtime.block_on(documents.replace(key, text))
    };
    done.map_err(|error| Failure::store(&error))
}

/// Both documents.
pub(super) struct Pair {
    pub(super) values: Document<'static>,
    pub(super) workspace: Document<'static>,
}
