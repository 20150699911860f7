//! What people ask for, as data: [`Transform`], and [`apply`], which makes new text of a document or says why not. Pure and
//! idempotent, so that it can run again on a newer text.
//!
//! `values` and `workspace` turn a transform into edits of the one document or the other, `patch` sets fields, `check` lints
//! before and after, [`find`] says what an
//! unknown name stands for, and [`pair`] gives the transforms that keep both documents together.

mod check;
mod error;
mod find;
pub mod pair;
mod patch;
mod record;
mod values;
mod workspace;

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use check::Touched;
pub use error::TransformError;
pub use find::{Instead, NotFound, find};

use crate::diff::{Change, Diff, MergeKeys};
use crate::edit::former::Former;
use crate::error::Diagnostic;
use crate::field::describe;
use crate::lint::Target;
use crate::staging::Record;
use crate::value::Value;
use crate::values::{FieldChange, Image, UserDeployment};
use crate::workspace::GrpcServer;
use crate::yaml::{Document, Path, Schema};

/// One change of one document. Serialised as a mapping with its kind under `transform`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "transform", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Transform {
    /// Values: adds a deployment at the end. No change where an equal one is there; another one of that name is
    /// [`TransformError::NameTaken`].
    AddDeployment {
        /// The deployment.
        deployment: UserDeployment,
    },
    /// Values: sets fields of a deployment, as RFC 7386 merges: mappings are gone into, null removes a key, everything else
    /// is set as a whole; what is not named stays. A mapping under `env` also sets single variables of a list of them.
    UpdateDeployment {
        /// The deployment.
        name: String,
        /// The fields and their values, a mapping.
        fields: Value,
    },
    /// Values: changes fields of a deployment by their paths.
    ChangeDeployment {
        /// The deployment.
        name: String,
        /// The changes, one after another.
        changes: Vec<FieldChange>,
    },
    /// Values: changes fields of a deployment, as [`Transform::ChangeDeployment`]; where there is none of that name, adds the one
    /// that the changes make. For pipelines that run for every new image.
    UpsertDeployment {
        /// The deployment.
        name: String,
        /// The deployment to start from where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        like: Option<String>,
        /// The changes, one after another.
        changes: Vec<FieldChange>,
    },
    /// Values: sets repository, tag and digest of a deployment; the pull policy only where `image` names one.
    SetImage {
        /// The deployment.
        name: String,
        /// The image. What it leaves out is removed, so that an old digest does not win over a new tag.
        image: Image,
    },
    /// Values: takes a deployment out, and its record. The last one leaves `[]` or `{}`: without the key the chart would deploy
    /// its example.
    RemoveDeployment {
        /// The deployment.
        name: String,
    },
    /// Values: keeps what is known of a deployment beside its entry, under the key [`KEY`](crate::staging::KEY), which the chart
    /// ignores. Fields that `record` leaves open stay as they are, and so does the time at which it was created first.
    RecordDeployment {
        /// The deployment. It must be there.
        name: String,
        /// What is known.
        record: Record,
    },
    /// Workspace: adds a gRPC server at the end. No change where an equal one is there; another location of that name is
    /// [`TransformError::NameTaken`].
    AddLocation {
        /// The server.
        server: GrpcServer,
    },
    /// Workspace: sets fields of a gRPC server, as [`Transform::UpdateDeployment`]. One without a `location_name` is called
    /// after its host and port: to change these is [`TransformError::Rename`], unless `fields` hold the name.
    UpdateLocation {
        /// Name of the location, as Dagster resolves it.
        name: String,
        /// The fields and their values, a mapping.
        fields: Value,
    },
    /// Workspace: takes a location out, whatever its kind; all of them, where Dagster refuses the file because several
    /// have the name.
    RemoveLocation {
        /// Name of the location, as Dagster resolves it.
        name: String,
    },
    /// Workspace: sees to it that a deployment is served. Where it has locations, as [`Pairing`](crate::pairing::Pairing) tells, their
    /// ports are set and nothing else: a port in a variable, or of a gateway, is left alone. Where it has none, the server is added.
    PairLocation {
        /// The deployment.
        deployment: String,
        /// The server to add.
        server: GrpcServer,
        /// What its location must be.
        #[serde(default)]
        wanted: pair::Wanted,
    },
    /// Workspace: takes out the locations of a deployment, as for [`Transform::PairLocation`].
    UnpairLocation {
        /// The deployment.
        deployment: String,
        /// The host of its Service, where it is not in Dagster's own namespace.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<String>,
    },
}

/// Which document a transform is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The values of chart `dagster-user-deployments`.
    Values,
    /// The workspace file.
    Workspace,
}

impl Transform {
    /// The document it is for.
    #[must_use]
    pub fn subject(&self) -> Subject {
        match self {
            Self::AddDeployment { .. }
            | Self::UpdateDeployment { .. }
            | Self::ChangeDeployment { .. }
            | Self::UpsertDeployment { .. }
            | Self::SetImage { .. }
            | Self::RemoveDeployment { .. }
            | Self::RecordDeployment { .. } => Subject::Values,
            Self::AddLocation { .. }
            | Self::UpdateLocation { .. }
            | Self::RemoveLocation { .. }
            | Self::PairLocation { .. }
            | Self::UnpairLocation { .. } => Subject::Workspace,
        }
    }

    /// The entry it is about: the name of a deployment or location.
    fn entry(&self) -> Cow<'_, str> {
        match self {
            Self::AddDeployment { deployment } => Cow::Borrowed(deployment.name()),
            Self::UpdateDeployment { name, .. }
            | Self::ChangeDeployment { name, .. }
            | Self::UpsertDeployment { name, .. }
            | Self::SetImage { name, .. }
            | Self::RemoveDeployment { name }
            | Self::RecordDeployment { name, .. }
            | Self::UpdateLocation { name, .. }
            | Self::RemoveLocation { name } => Cow::Borrowed(name),
            Self::AddLocation { server } | Self::PairLocation { server, .. } => Cow::Owned(server.name()),
            Self::UnpairLocation { deployment, .. } => Cow::Borrowed(deployment),
        }
    }
}

/// A field that was to be taken out and is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingField {
    /// The deployment.
    pub deployment: String,
    /// The field, from the deployment down.
    pub path: Path,
    /// The nearest one that is there.
    pub did_you_mean: Option<Path>,
}

impl fmt::Display for MissingField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { deployment, path, did_you_mean } = self;
        write!(f, "deployment `{deployment}` has no `{path}`")?;
        did_you_mean.as_ref().map_or(Ok(()), |near| write!(f, " (did you mean `{near}`?)"))
    }
}

/// A text after transforms.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The new text; the old one, byte for byte, where there is no change.
    pub text: String,
    /// What differs for its reader. Empty: nothing to write.
    pub changes: Vec<Change>,
    /// Findings that do not stand in the way: warnings that are new or lie in what was touched, and older errors elsewhere,
    /// as warnings. Empty where nothing changes: lint tells what there is. The spans point into the new text.
    pub warnings: Vec<Diagnostic>,
    /// Fields that were to be taken out and are not there.
    pub not_found: Vec<MissingField>,
}

impl Applied {
    fn unchanged(text: &str, not_found: Vec<MissingField>) -> Self {
        Self { text: text.into(), changes: Vec::new(), warnings: Vec::new(), not_found }
    }

    /// Whether there is something to write.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        !self.changes.is_empty()
    }
}

/// Applies transforms of one subject to its document, one after another.
///
/// What Dagster or the chart would refuse is not made: errors that the transforms bring or that lie in the entries that they
/// touch are [`TransformError::Invalid`]. Older errors elsewhere in the values are warnings, so that nobody is locked out by
/// a neighbour. An older error in the workspace stops everything but what reduces such errors: Dagster refuses the whole
/// file.
///
/// # Errors
/// [`TransformError`]; its [`diagnostics`](TransformError::diagnostics) say where.
///
/// # Example
/// ```
/// use dagster_workspace_core::{lint::Target, transform::{Transform, apply}};
/// let text = "deployments:\n  - name: etl # ours\n    image: {repository: etl, tag: a, pullPolicy: Always}\n    port: 3030\n";
/// let transform = Transform::SetImage { name: "etl".into(), image: "etl:1.10".parse()? };
/// let applied = apply(text, &[transform], &Target::default())?;
/// assert!(applied.text.contains("{repository: etl, tag: \"1.10\", pullPolicy: Always}"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn apply(text: &str, transforms: &[Transform], target: &Target) -> Result<Applied, TransformError> {
    let Some(first) = transforms.first() else {
        return Ok(Applied::unchanged(text, Vec::new()));
    };
    let subject = first.subject();
    if let Some(other) = transforms.iter().find(|transform| transform.subject() != subject) {
        return Err(TransformError::MixedSubjects { entry: other.entry().into_owned() });
    }
    let before = Document::parse(text)?;
    let mut not_found = Vec::new();
    let mut edited: Option<Document<'static>> = None;
    for transform in transforms {
        let now = edited.as_ref().unwrap_or(&before);
        let done = step(now, transform, target, &mut not_found);
        edited = done.map_err(|error| error.seen_from(&Former::new(&before, now)))?.or(edited);
    }
    let Some(after) = edited else {
        return Ok(Applied::unchanged(text, not_found));
    };
    let changes = Diff::between(&before, &after, subject.schema(), &MergeKeys::default())?.changes;
    // Transforms that undo each other: their notation is nothing to write.
    if changes.is_empty() {
        return Ok(Applied::unchanged(text, not_found));
    }
    let mut warnings = check::check(&before, &after, subject, &Touched::of(transforms), target)?;
    warnings.extend(check::renamed(&after, &changes));
    Ok(Applied { text: after.into(), changes, warnings, not_found })
}

/// Findings about an edited document that was not written, with their places in the one that is there: messages quote what somebody
/// can open. What is new has no place, and its message names the path.
#[must_use]
pub fn seen_from(before: &Document<'_>, after: &Document<'_>, findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let former = Former::new(before, after);
    findings.into_iter().map(|finding| former.diagnostic(finding)).collect()
}

/// Puts a whole text in the place of another, such as an older one that comes back, byte for byte.
///
/// Linted as by [`apply`]: errors that it brings are refused. A text that differs in comments or notation alone has no changes
/// and is another text nevertheless.
///
/// # Errors
/// [`TransformError::Parse`], [`TransformError::Data`] and [`TransformError::Invalid`].
///
/// # Example
/// ```
/// use dagster_workspace_core::{lint::Target, transform::{Subject, replace}};
/// let replaced = replace("load_from: []\n", "load_from: [] # ours\n", Subject::Workspace, &Target::default())?;
/// assert!(replaced.changes.is_empty() && replaced.text.ends_with("# ours\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn replace(text: &str, with: &str, subject: Subject, target: &Target) -> Result<Applied, TransformError> {
    if text == with {
        return Ok(Applied::unchanged(text, Vec::new()));
    }
    let (before, after) = (Document::parse(text)?, Document::parse(with)?);
    let changes = Diff::between(&before, &after, subject.schema(), &MergeKeys::default())?.changes;
    let mut warnings = check::check(&before, &after, subject, &Touched::of(&[]), target)?;
    warnings.extend(check::renamed(&after, &changes));
    Ok(Applied { text: with.into(), changes, warnings, not_found: Vec::new() })
}

impl Subject {
    /// How its reader reads.
    fn schema(self) -> Schema {
        match self {
            Self::Values => Schema::Helm,
            Self::Workspace => Schema::Dagster,
        }
    }
}

fn step(
    document: &Document<'_>,
    transform: &Transform,
    target: &Target,
    not_found: &mut Vec<MissingField>,
) -> Result<Option<Document<'static>>, TransformError> {
    let own = target.namespace.as_deref();
    match transform {
        Transform::AddDeployment { deployment } => values::add(document, deployment),
        Transform::UpdateDeployment { name, fields } => {
            values::change(document, name, &[FieldChange::Merge { fields: fields.clone() }], not_found)
        }
        Transform::ChangeDeployment { name, changes } => values::change(document, name, changes, not_found),
        Transform::UpsertDeployment { name, like, changes } => {
            values::upsert(document, name, like.as_deref(), changes, not_found)
        }
        Transform::SetImage { name, image } => {
            values::change(document, name, &[FieldChange::Image { image: image.clone() }], not_found)
        }
        Transform::RemoveDeployment { name } => {
            let removed = values::remove(document, name)?;
            Ok(record::remove(removed.as_ref().unwrap_or(document), name)?.or(removed))
        }
        Transform::RecordDeployment { name, record } => record::set(document, name, record),
        Transform::AddLocation { server } => workspace::add(document, server),
        Transform::UpdateLocation { name, fields } => workspace::update(document, name, fields),
        Transform::RemoveLocation { name } => workspace::remove(document, name),
        Transform::PairLocation { deployment, server, wanted } => {
            workspace::pair(document, deployment, server, wanted, own)
        }
        Transform::UnpairLocation { deployment, host } => workspace::unpair(document, deployment, host.as_deref(), own),
    }
}

/// Refuses a new name among the fields of an update.
fn check_name(name: &str, to: Option<&Value>) -> Result<(), TransformError> {
    let Some(to) = to.filter(|to| to.as_str() != Some(name)) else { return Ok(()) };
    let to = to.as_str().map_or_else(|| describe(to), ToOwned::to_owned);
    Err(TransformError::Rename { name: name.to_owned(), to })
}
