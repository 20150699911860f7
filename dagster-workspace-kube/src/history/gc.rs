//! The only clean-up, on request: [`garbage`] says which revisions and blobs are old and needed by nothing, [`gc`] removes
//! them. The newest revision always stays, and so does every blob that a remaining revision names.

use std::collections::BTreeSet;

use dagster_workspace_core::time::Timestamp;
use object_store::{ObjectMeta, PutMode};
use serde::Serialize;

use super::error::HistoryError;
use super::revision::{Revision, Which};
use super::{History, number_of};

/// What can go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Garbage {
    /// Numbers of revisions, ascending.
    pub revisions: Vec<u64>,
    /// Hashes of blobs that no other revision names, ascending.
    pub blobs: Vec<String>,
}

impl Garbage {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.revisions.is_empty() && self.blobs.is_empty()
    }
}

/// Revisions from before `limit`, by the recorder's clock and by the store's: one of the two may have jumped. And blobs from
/// before `limit` that only those revisions name, or none.
///
/// # Errors
/// [`HistoryError::Damaged`] and [`HistoryError::Newer`] where a revision cannot be read: what it needs is not known.
pub async fn garbage(history: &History, limit: Timestamp) -> Result<Garbage, HistoryError> {
    let objects = history.list(&history.path(&["revisions"]), None).await?;
    let revisions = history.revisions().await?;
    let newest = revisions.last().map_or(0, |revision| revision.number);
    let mut garbage = Garbage::default();
    let mut needed = BTreeSet::new();
    for revision in &revisions {
        let object = objects.iter().find(|object| number_of(&object.location) == Some(revision.number));
        let stored_before = object.is_some_and(|object| is_before(object, limit));
        if revision.number < newest && revision.time < limit && stored_before {
            garbage.revisions.push(revision.number);
        } else {
            needed.extend(hashes(revision));
        }
    }
    for blob in history.list(&history.path(&["blobs"]), None).await? {
        let Some(hash) = blob.location.filename() else { continue };
        if is_before(&blob, limit) && !needed.contains(hash) {
            garbage.blobs.push(hash.to_owned());
        }
    }
    Ok(garbage)
}

/// Removes what [`garbage`] has found, oldest revisions first, then blobs. Cut off in between, it leaves blobs that the next
/// one removes.
///
/// A recorder may come to need a blob while it is removed: both look again afterwards, and whoever sees it puts it back.
///
/// # Errors
/// [`HistoryError::Denied`] where objects cannot be deleted; otherwise as [`garbage`].
pub async fn gc(history: &History, garbage: &Garbage) -> Result<(), HistoryError> {
    for number in &garbage.revisions {
        history.delete(&history.revision_path(*number)).await?;
    }
    // Needed since: by a revision that was recorded meanwhile.
    let needed: BTreeSet<String> = history.revisions().await?.iter().flat_map(hashes).collect();
    let newest = history.numbers().await?.into_iter().max();
    for hash in garbage.blobs.iter().filter(|hash| !needed.contains(*hash)) {
        let path = history.blob_path(hash);
        let Some((content, _)) = history.read(&path).await? else { continue };
        history.delete(&path).await?;
        for number in history.numbers_after(newest).await? {
            if hashes(&history.get(number).await?).contains(hash) {
                history.put(&path, &content, PutMode::Create).await?;
            }
        }
    }
    Ok(())
}

fn hashes(revision: &Revision) -> [String; 2] {
    Which::BOTH.map(|which| revision.blob(which).sha256.clone())
}

fn is_before(object: &ObjectMeta, limit: Timestamp) -> bool {
    object.last_modified.timestamp() < limit.seconds()
}
