//! [`record`]: both documents become one revision, with a single write as the commit.
//!
//! The steps are: look for the newest revision, read the documents, put the blobs, create the revision, check the blobs, copy to
//! `latest`. What happened between two of them is found when the number is taken or the steps are run again, so a recorder
//! may be killed anywhere: the next one records what is missing. The documents are read after the newest revision is known
//! and again for every number that was taken, so a revision never holds older documents than the one before it.

use std::future::{Future, ready};

use object_store::{PutMode, UpdateVersion};
use tokio::time::{Instant, sleep};

use super::History;
use super::error::HistoryError;
use super::revision::{Blob, Changed, Documents, FORMAT, Meta, Revision, Which, diff, unpaired};
use crate::retry::{Backoff, RetryPolicy};

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// A new revision.
    New(Revision),
    /// The newest revision says the same already.
    Known(Revision),
}

impl Recorded {
    /// The revision that holds the documents.
    #[must_use]
    pub fn revision(&self) -> &Revision {
        match self {
            Self::New(revision) | Self::Known(revision) => revision,
        }
    }
}

/// Records these texts, whatever else is recorded meanwhile. Where the documents live and change, use [`record_with`].
///
/// # Errors
/// [`HistoryError`]; nothing is undone by it, and the same call again records what is missing.
///
/// # Example
/// ```
/// # use std::sync::Arc;
/// use dagster_workspace_core::time::Timestamp;
/// use dagster_workspace_kube::history::{Documents, History, Meta, record};
/// use object_store::{memory::InMemory, path::Path};
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let history = History::new(Arc::new(InMemory::new()), Path::from("dagster"), "memory");
/// let documents = Documents { values: "deployments: []\n".into(), workspace: "load_from: []\n".into() };
/// let recorded = record(&history, &documents, &Meta::at(Timestamp::from_seconds(1_790_000_000))).await?;
/// assert_eq!(recorded.revision().number, 1);
/// assert_eq!(history.documents(recorded.revision()).await?, documents);
/// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub async fn record(history: &History, documents: &Documents, meta: &Meta) -> Result<Recorded, HistoryError> {
    record_with(history, meta, || ready(Ok(documents.clone()))).await
}

/// Records what `read` gives: the documents as they are at that moment. It is asked again when another recorder takes the
/// number, whose documents may be newer than those that were read before.
///
/// # Errors
/// What `read` fails with, and [`HistoryError`] as [`record`].
pub async fn record_with<F, R, E>(history: &History, meta: &Meta, mut read: F) -> Result<Recorded, E>
where
    F: FnMut() -> R,
    R: Future<Output = Result<Documents, E>>,
    E: From<HistoryError>,
{
    let started = Instant::now();
    let mut backoff = Backoff::new(RetryPolicy::default());
    let mut put = None;
    loop {
        let tried = Instant::now();
        let newest = history.newest().await?;
        let documents = read().await?;
        let known = newest.as_ref().is_some_and(|newest| newest.is_same(&documents, &meta.charts));
        // Once for the same documents, however many numbers are lost.
        if put.as_ref() != Some(&documents) {
            history.put_blobs(&documents).await?;
            if !known {
                history.probe(&documents.values).await?;
            }
        }
        let recorded = match newest {
            Some(newest) if known => Some(Recorded::Known(newest)),
            newest => history.record_after(newest, &documents, meta).await?,
        };
        if let Some(recorded) = recorded {
            history.publish(recorded.revision().number).await?;
            return Ok(recorded);
        }
        put = Some(documents);
        let pause = backoff.pause(started.elapsed(), tried.elapsed(), std::time::Duration::ZERO);
        let Some(pause) = pause else { return Err(HistoryError::GaveUp { attempts: backoff.attempts() }.into()) };
        sleep(pause).await;
    }
}

impl History {
    /// Records the documents as the revision after `newest`; `None` where another recorder has taken that number.
    async fn record_after(
        &self,
        newest: Option<Revision>,
        documents: &Documents,
        meta: &Meta,
    ) -> Result<Option<Recorded>, HistoryError> {
        let revision = self.draft(newest, documents, meta).await?;
        if !self.commit(&revision).await? {
            return Ok(None);
        }
        // Blobs of before may have been nobody's until now, and collected meanwhile.
        self.put_blobs(documents).await?;
        Ok(Some(Recorded::New(revision)))
    }

    async fn draft(
        &self,
        newest: Option<Revision>,
        documents: &Documents,
        meta: &Meta,
    ) -> Result<Revision, HistoryError> {
        let Meta { time, actor, reason, origin, charts } = meta.clone();
        let changes = self.changes(newest.as_ref(), documents).await?;
        let (number, known) = newest.map_or((1, Default::default()), |newest| (newest.number + 1, newest.charts));
        Ok(Revision {
            format: FORMAT,
            number,
            id: format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..)),
            time,
            actor: actor.or_else(|| origin.as_ref().and_then(|origin| origin.actor.clone())),
            reason,
            origin,
            charts: known.into_iter().chain(charts).collect(),
            values: Blob::of(&documents.values),
            workspace: Blob::of(&documents.workspace),
            changes,
            unpaired: unpaired(documents)?,
        })
    }

    /// What differs from the revision before. Older damage is no reason not to record what is there now.
    async fn changes(
        &self,
        newest: Option<&Revision>,
        documents: &Documents,
    ) -> Result<Option<Vec<Changed>>, HistoryError> {
        let before = match newest {
            None => Documents { values: "deployments: []\n".to_owned(), workspace: "load_from: []\n".to_owned() },
            Some(newest) => match self.documents(newest).await {
                Ok(before) => before,
                Err(HistoryError::Damaged { .. }) => return Ok(None),
                Err(error) => return Err(error),
            },
        };
        match diff(&before, documents) {
            Ok(changes) => Ok(Some(changes)),
            // That is said of the new documents alone, when their entries are paired.
            Err(HistoryError::NotYaml { .. } | HistoryError::NoData { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts the blobs that are missing or damaged.
    async fn put_blobs(&self, documents: &Documents) -> Result<(), HistoryError> {
        for which in Which::BOTH {
            let content = documents.get(which).as_bytes();
            let path = self.blob_path(&Blob::of_bytes(content).sha256);
            let mode = match self.read(&path).await? {
                Some((standing, _)) if standing == content => continue,
                // The name says what belongs there, so writing it again is always right.
                Some(_) => PutMode::Overwrite,
                None => PutMode::Create,
            };
            self.put(&path, content, mode).await?;
        }
        Ok(())
    }

    /// Asks the store to break its conditions with what stands there anyway. A store that does would lose revisions.
    async fn probe(&self, text: &str) -> Result<(), HistoryError> {
        let path = self.blob_path(&Blob::of(text).sha256);
        let ignored = |condition| HistoryError::Unconditional { place: self.place.to_string(), condition };
        if self.put(&path, text.as_bytes(), PutMode::Create).await? {
            return Err(ignored("object of one name where it was to create it (`If-None-Match: *`)"));
        }
        // A directory is locked instead.
        if self.lock.is_some() {
            return Ok(());
        }
        // An entity tag and a generation that nothing has.
        let nothing = UpdateVersion { e_tag: Some(format!("\"{:032}\"", 0)), version: Some("1".to_owned()) };
        if self.put(&path, text.as_bytes(), PutMode::Update(nothing)).await? {
            return Err(ignored("version where it was to replace another (`If-Match`)"));
        }
        Ok(())
    }

    /// Creates the revision; `false` where another recorder has.
    async fn commit(&self, revision: &Revision) -> Result<bool, HistoryError> {
        let path = self.revision_path(revision.number);
        let created = self.put(&path, &bytes(revision), PutMode::Create).await;
        if matches!(created, Ok(true)) {
            return Ok(true);
        }
        // Taken, or an answer was lost: the store repeats requests, and so may refuse its own second.
        match self.get(revision.number).await {
            Ok(found) => Ok(found.id == revision.id),
            // S3 refuses with 409 while another create is under way, also when that one then fails.
            Err(HistoryError::NotFound { .. }) => created,
            Err(error) => Err(created.err().unwrap_or(error)),
        }
    }
}

/// A revision as it is stored.
pub(super) fn bytes(revision: &Revision) -> Vec<u8> {
    // Text, numbers and lists of them: that this is JSON is a fact of the types.
    let mut bytes = serde_json::to_vec_pretty(revision).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
