//! A job under way on both documents: [`Job::write`] writes one of them, and no other text than it was begun with where that counts.

use dagster_workspace_core::transform::pair::Pair;
use dagster_workspace_core::transform::{NotFound, Subject};
use tokio::time::Instant;

use super::{Documents, DocumentsError, Edited, Pairing, checksum, key, refused};
use crate::apply::{Absent, Outcome, Turn, apply_from, apply_with};
use crate::deploy::request::{Request, Scope};
use crate::store::{Stored, Version};

/// A failure, and what had been done before it.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct JobError {
    /// Documents that were written, or needed no change.
    pub done: Vec<Edited>,
    /// The document that was not; `None` where the job ended before any was to be written.
    pub failed: Option<Subject>,
    /// Why.
    pub source: DocumentsError,
}

impl JobError {
    /// Whether something was written, so that the same job has to run again.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.done.iter().any(Edited::is_changed) || matches!(self.source, DocumentsError::Unsettled { .. })
    }
}

/// A request and both documents as they were read for it. Nothing is written until [`Job::write`].
#[derive(Debug)]
pub struct Job<'d> {
    pub(super) documents: &'d Documents,
    pub(super) request: &'d Request,
    pub(super) pair: Pair,
    pub(super) pairing: Pairing,
    pub(super) not_found: Vec<NotFound>,
    /// What was read and not yet written, with what is to be made of it.
    pub(super) planned: Vec<Edited>,
    pub(super) turns: Vec<(Subject, Turn)>,
    /// What a document must be when it is written.
    pub(super) only_on: Vec<OnlyOn>,
}

/// The texts that a document may have when it is written.
#[derive(Clone, Debug)]
pub(crate) struct OnlyOn {
    pub(crate) subject: Subject,
    /// Their checksums.
    pub(crate) checksums: Vec<String>,
}

impl OnlyOn {
    /// What a document is, and what is to be made of it.
    pub(super) fn of(edited: &Edited) -> Self {
        Self { subject: edited.subject, checksums: vec![checksum(&edited.before), checksum(&edited.text)] }
    }

    fn check(&self, subject: Subject, text: &str) -> Result<(), DocumentsError> {
        if subject != self.subject || self.checksums.contains(&checksum(text)) {
            return Ok(());
        }
        Err(DocumentsError::Stale { subject, text: text.to_owned() })
    }
}

impl Job<'_> {
    /// What is asked for.
    #[must_use]
    pub fn request(&self) -> &Request {
        self.request
    }

    /// Where the documents are.
    #[must_use]
    pub fn documents(&self) -> &Documents {
        self.documents
    }

    /// The documents that the request is about, in the order in which they are written.
    #[must_use]
    pub fn order(&self) -> Vec<Subject> {
        let everything = self.request.scope() == Scope::Everything;
        let concerned =
            |subject: &Subject| *subject == Subject::Values || everything || !self.pair.workspace.is_empty();
        self.request.order().into_iter().filter(concerned).collect()
    }

    /// What would be written: everything that is not written yet, as it was read.
    #[must_use]
    pub fn planned(&self) -> &[Edited] {
        &self.planned
    }

    /// The transforms of both documents, as they follow from the values.
    #[must_use]
    pub fn pair(&self) -> &Pair {
        &self.pair
    }

    /// Findings about both documents together that the job brings and that do not stand in its way.
    #[must_use]
    pub fn pairing(&self) -> &Pairing {
        &self.pairing
    }

    /// Names that are to be removed and that nothing has.
    #[must_use]
    pub fn not_found(&self) -> &[NotFound] {
        &self.not_found
    }

    /// Writes a document only where it has one of these texts.
    #[cfg(feature = "cluster")]
    pub(crate) fn only_on(&mut self, only_on: OnlyOn) {
        self.only_on.push(only_on);
    }

    /// What the job goes on from, both documents otherwise as they were when it was listed what it drops.
    #[cfg(feature = "cluster")]
    pub(crate) fn expect(&self, subject: Subject, text: &str) -> Result<(), DocumentsError> {
        match self.planned.iter().find(|edited| edited.subject == subject) {
            Some(edited) if edited.before != text => {
                Err(DocumentsError::Stale { subject, text: edited.before.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Lets other calls of this process go on: something that takes long comes next. What was read is read again then.
    pub fn pause(&mut self) {
        self.turns.clear();
    }

    /// Writes one document, again from reading where another writer was faster. What was read at the beginning is not read
    /// again, unless the job was paused.
    ///
    /// # Errors
    /// [`DocumentsError`]; nothing is written to this document, but for [`DocumentsError::Unsettled`].
    pub async fn write(&mut self, subject: Subject) -> Result<Edited, DocumentsError> {
        let Self { documents, request, pair, pairing: _, not_found: _, planned, turns, only_on } = self;
        let asked = Instant::now();
        let seen = planned.iter().position(|edited| edited.subject == subject).map(|at| planned.remove(at));
        let mut own_turn = None;
        let (turn, seen) = match turns.iter_mut().find(|(of, _)| *of == subject) {
            Some((_, turn)) => (turn, seen.map(|Edited { before, version, .. }| Stored { text: before, version })),
            None => {
                let turn = own_turn.insert(documents.turn(subject).await?);
                let left = turn.left_since(asked);
                (turn, left)
            }
        };
        let mut last = None;
        let change = |text: &str| {
            only_on.iter().try_for_each(|only_on| only_on.check(subject, text))?;
            // The version is that of the outcome.
            let stored = Stored { text: text.to_owned(), version: Version::new("") };
            let edited = match subject {
                Subject::Values => {
                    let (made, edited) = documents.make_values(request, stored)?;
                    *pair = made;
                    edited
                }
                Subject::Workspace => documents.edited(request, subject, stored, &pair.workspace)?,
            };
            let new = (edited.text != text).then(|| edited.text.clone());
            last = Some(edited);
            Ok::<_, DocumentsError>(new)
        };
        let (store, key, policy) = (documents.turns.store(), key(subject), &documents.policy);
        let begun = Instant::now();
        let outcome = match seen {
            Some(seen) => apply_from(store, &key, seen, policy, change).await,
            None => apply_with(store, &key, Absent::Refuse, policy, change).await,
        };
        let outcome = outcome.map_err(|error| refused(subject, error))?;
        turn.leave(&outcome, begun);
        let Outcome { before, text, version, written, attempts, requests } = outcome;
        if attempts > 1 {
            // Others are at it, and what was read of the other document is old by now: a write would only lose.
            planned.clear();
        }
        let found = last.map(|Edited { changes, warnings, not_found, .. }| (changes, warnings, not_found));
        let (changes, warnings, not_found) = found.unwrap_or_default();
        let before = before.unwrap_or_default();
        Ok(Edited { subject, before, text, version, changes, warnings, not_found, written, attempts, requests })
    }
}
