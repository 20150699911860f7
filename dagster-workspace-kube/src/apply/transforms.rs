//! Transforms of a stored document: what most programs want. Read [`apply`].

use dagster_workspace_core::diff::Change;
use dagster_workspace_core::error::Diagnostic;
use dagster_workspace_core::lint::Target;
use dagster_workspace_core::transform::{self, MissingField, Transform, TransformError};

use super::{Absent, ApplyError, Outcome, apply_with};
use crate::retry::RetryPolicy;
use crate::store::{Key, Store};

/// What transforms have done to a stored document.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// What stands in the store now, and how it came to be.
    pub outcome: Outcome,
    /// What differs from before. Empty: nothing was written.
    pub changes: Vec<Change>,
    /// Findings that do not stand in the way; their spans point into the new text.
    pub warnings: Vec<Diagnostic>,
    /// Fields that were to be taken out and are not there.
    pub not_found: Vec<MissingField>,
}

/// Applies transforms to the document at `key`, all in one read and one write, again from reading when another writer was
/// faster. No change, no write.
///
/// # Errors
/// As [`apply_with`]; [`ApplyError::Transform`] where the transforms are refused, and nothing is written.
///
/// # Example
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// use dagster_workspace_core::{lint::Target, transform::Transform};
/// use dagster_workspace_kube::{apply::apply, retry::RetryPolicy, store::{Key, Memory, Precondition, Store}};
/// let (store, key) = (Memory::new(), Key::new("workspace.yaml")?);
/// store.put(&key, "load_from:\n- python_file: jobs.py # ours\n- grpc_server: {port: 1, location_name: a}\n", Precondition::Absent).await?;
/// let gone = [Transform::RemoveLocation { name: "a".into() }];
/// let changed = apply(&store, &key, &gone, &Target::default(), &RetryPolicy::default()).await?;
/// assert_eq!(changed.outcome.text, "load_from:\n- python_file: jobs.py # ours\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn apply(
    store: &dyn Store,
    key: &Key,
    transforms: &[Transform],
    target: &Target,
    policy: &RetryPolicy,
) -> Result<Changed, ApplyError<TransformError>> {
    let (mut changes, mut warnings, mut not_found) = (Vec::new(), Vec::new(), Vec::new());
    let change = |text: &str| {
        let applied = transform::apply(text, transforms, target)?;
        let new = applied.is_changed().then_some(applied.text);
        // Of the attempts the last one counts: it is the one whose result stands.
        (changes, warnings, not_found) = (applied.changes, applied.warnings, applied.not_found);
        Ok(new)
    };
    let outcome = apply_with(store, key, Absent::Refuse, policy, change).await?;
    Ok(Changed { outcome, changes, warnings, not_found })
}
