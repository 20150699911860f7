//! The documents' part of every job: [`Documents::begin`] reads both, makes what was asked of them and judges how they pair
//! up, before anything is written; [`Job::write`] then writes one. A directory and a cluster differ in their store alone.

mod job;
mod judge;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use dagster_workspace_core::diff::Change;
use dagster_workspace_core::error::Diagnostic;
use dagster_workspace_core::lint::Target;
use dagster_workspace_core::transform::pair::Pair;
use dagster_workspace_core::transform::{self, MissingField, NotFound, Subject, Transform, TransformError};
use dagster_workspace_core::yaml::Document;
use tokio::time::Instant;

pub(crate) use self::job::OnlyOn;
pub use self::job::{Job, JobError};
pub(crate) use self::judge::missing;
use self::judge::{absent, judge};
use super::request::{Aim, BoxError, Request, Scope};
use crate::apply::{Absent, ApplyError, Outcome, Turn, Turns, Written, apply_with};
use crate::hash;
use crate::retry::RetryPolicy;
use crate::store::{Key, Store, StoreError, Stored, Version};

/// Both documents of one place, changed by one call at a time within this process.
///
/// Clones take turns with each other.
#[derive(Clone, Debug)]
pub struct Documents {
    turns: Arc<Turns>,
    policy: RetryPolicy,
    target: Target,
}

/// One document after its part of a job, or as it would be.
#[derive(Clone, Debug, PartialEq)]
pub struct Edited {
    /// Which of the two.
    pub subject: Subject,
    /// The text that was changed.
    pub before: String,
    /// The text that stands there now, or would.
    pub text: String,
    /// The version of what stands there now; of what stood there, where nothing is written yet.
    pub version: Version,
    /// What differs from before. Empty: nothing to write.
    pub changes: Vec<Change>,
    /// Findings that do not stand in the way; their spans point into `text`.
    pub warnings: Vec<Diagnostic>,
    /// Fields that were to be taken out and are not there.
    pub not_found: Vec<MissingField>,
    /// Whether it was written.
    pub written: Written,
    /// Writes sent: more than one where other writers were faster.
    pub attempts: u32,
    /// Reads and writes sent.
    pub requests: u32,
}

impl Edited {
    /// Whether it was written, or would be.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.written != Written::Nothing || self.before != self.text
    }
}

/// Why a job did not change the documents, or not both.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentsError {
    /// Whoever makes the transforms refused the values; nothing was written.
    #[error("the request does not fit the values")]
    Request(#[source] BoxError),
    /// The document cannot be read, or takes no edit at all; nothing was written to it.
    #[error("the {} cannot be used", noun(*subject))]
    Store {
        /// Which document.
        subject: Subject,
        /// What the store says.
        source: StoreError,
    },
    /// A transform is refused; nothing was written to the document.
    #[error("the {} are left as they are", noun(*subject))]
    Transform {
        /// Which document.
        subject: Subject,
        /// Its text, which spans point into.
        text: String,
        /// Why.
        source: TransformError,
    },
    /// These names are no deployment's; nothing was written.
    #[error("{}", join(missing))]
    NotFound {
        /// The names, and what stands there instead.
        missing: Vec<NotFound>,
        /// What was to become of them.
        aim: Aim,
    },
    /// The job would leave deployments and locations that do not fit each other; nothing was written.
    #[error("the documents would not fit each other")]
    Unpaired {
        /// The errors that the job would bring.
        pairing: Pairing,
    },
    /// The document is not what a plan was made from; nothing was written to it.
    #[error("the {} are not what they were", noun(*subject))]
    Stale {
        /// Which document.
        subject: Subject,
        /// Its text now.
        text: String,
    },
    /// Lost every race; nothing was written to the document.
    #[error("the {} were changed by others, {attempts} times in {:.1} s", noun(*subject), elapsed.as_secs_f64())]
    GaveUp {
        /// Which document.
        subject: Subject,
        /// Writes sent.
        attempts: u32,
        /// How long it was tried.
        elapsed: Duration,
        /// The last answer.
        source: Box<StoreError>,
    },
    /// It is not known whether the document was written: run the job again.
    #[error("the {} may or may not be written", noun(*subject))]
    Unsettled {
        /// Which document.
        subject: Subject,
        /// The last answer.
        source: Box<StoreError>,
    },
}

/// Findings about both documents together, and the texts that they point into.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pairing {
    /// The values.
    pub values: String,
    /// The workspace.
    pub workspace: String,
    /// What a job brings; a deployment without a location is found in the values, all else in the workspace.
    pub findings: Vec<Diagnostic>,
}

fn join(missing: &[NotFound]) -> String {
    missing.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What [`Documents::apply`] has done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    /// The documents that it was about, in the order in which they were written.
    pub edited: Vec<Edited>,
    /// Findings about both documents together.
    pub pairing: Pairing,
    /// Names that were to be removed and that nothing has.
    pub not_found: Vec<NotFound>,
}

/// What messages call a document.
pub(crate) fn noun(subject: Subject) -> &'static str {
    match subject {
        Subject::Values => "values",
        Subject::Workspace => "workspace",
    }
}

/// The name of a document in every store.
#[must_use]
pub fn key(subject: Subject) -> Key {
    match subject {
        Subject::Values => Key::values(),
        Subject::Workspace => Key::workspace(),
    }
}

/// A document without entries: the shortest that chart and Dagster take.
#[must_use]
pub fn empty(subject: Subject) -> &'static str {
    match subject {
        Subject::Values => "deployments: []\n",
        Subject::Workspace => "load_from: []\n",
    }
}

impl Documents {
    /// The documents of `store`, judged for the newest versions.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { turns: Arc::new(Turns::new(store)), policy: RetryPolicy::default(), target: Target::default() }
    }

    /// The same with another way of trying again.
    #[must_use]
    pub fn with_policy(mut self, policy: RetryPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The same, judged for these versions of Dagster and its charts.
    #[must_use]
    pub fn with_target(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// The versions that documents are judged for.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// How writes that lost a race are tried again.
    #[must_use]
    pub fn policy(&self) -> &RetryPolicy {
        &self.policy
    }

    /// A document as it is.
    ///
    /// # Errors
    /// [`DocumentsError::Store`], or [`DocumentsError::GaveUp`] where the store stayed busy.
    pub async fn get(&self, subject: Subject) -> Result<Stored, DocumentsError> {
        // The apply loop without a change: a busy store is asked again, under the same deadline.
        let keep = |_: &str| Ok::<_, DocumentsError>(None);
        let read = apply_with(self.turns.store(), &key(subject), Absent::Refuse, &self.policy, keep).await;
        read.map(|Outcome { text, version, .. }| Stored { text, version }).map_err(|error| refused(subject, error))
    }

    /// Whether there is no such document.
    ///
    /// # Errors
    /// As [`Documents::get`].
    pub async fn is_missing(&self, subject: Subject) -> Result<bool, DocumentsError> {
        match self.get(subject).await {
            Ok(_) => Ok(false),
            Err(DocumentsError::Store { source: StoreError::NotFound { .. }, .. }) => Ok(true),
            // It is there, whatever is wrong with it.
            Err(DocumentsError::Store { source: StoreError::NotUtf8 { .. } | StoreError::TooLarge { .. }, .. }) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Creates a document with `text` where there is none, and says whether it did. What is there is left alone.
    ///
    /// # Errors
    /// As [`Documents::get`]; [`DocumentsError::Unsettled`].
    pub async fn create(&self, subject: Subject, text: &str) -> Result<bool, DocumentsError> {
        let keep = |_: &str| Ok::<_, DocumentsError>(None);
        let done = apply_with(self.turns.store(), &key(subject), Absent::Create(text), &self.policy, keep).await;
        done.map(|outcome| outcome.written != Written::Nothing).map_err(|error| refused(subject, error))
    }

    /// Whether something else than `text` stands under a key, or nothing.
    ///
    /// # Errors
    /// What the store says.
    pub async fn differs(&self, key: &Key, text: &str) -> Result<bool, StoreError> {
        match self.turns.store().get(key).await {
            Ok(stored) => Ok(stored.text != text),
            Err(StoreError::NotFound { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Brings what stands under a key to `text`, whatever it is, and says whether it differed. For texts that were judged before,
    /// such as those of a revision.
    ///
    /// # Errors
    /// What the store said last.
    pub async fn replace(&self, key: &Key, text: &str) -> Result<bool, StoreError> {
        let change = |standing: &str| Ok::<_, Infallible>((standing != text).then(|| text.to_owned()));
        match self.turns.apply_with(key, Absent::Create(text), &self.policy, change).await {
            Ok(outcome) => Ok(outcome.written != Written::Nothing),
            Err(ApplyError::Store(error)) => Err(error),
            Err(ApplyError::GaveUp { source, .. } | ApplyError::Unsettled { source, .. }) => Err(*source),
            Err(ApplyError::Transform(never)) => match never {},
        }
    }

    /// Brings a document to a whole text, byte for byte, and says whether it had another one. Nothing is linted.
    ///
    /// `over` says which other text may be replaced.
    ///
    /// # Errors
    /// [`DocumentsError::Stale`] where it may not; else as [`Documents::create`].
    #[cfg(all(feature = "cluster", feature = "object-store"))]
    pub(crate) async fn bring(
        &self,
        subject: Subject,
        text: &str,
        over: impl Fn(&str) -> bool,
    ) -> Result<bool, DocumentsError> {
        let change = |standing: &str| match standing {
            standing if standing == text => Ok(None),
            standing if over(standing) => Ok(Some(text.to_owned())),
            standing => Err(DocumentsError::Stale { subject, text: standing.to_owned() }),
        };
        let done = self.turns.apply_with(&key(subject), Absent::Create(text), &self.policy, change).await;
        done.map(|outcome| outcome.written != Written::Nothing).map_err(|error| refused(subject, error))
    }

    /// Reads what `request` is about and makes all of its changes, without writing any. Other calls of this process wait
    /// until the job is dropped or [paused](Job::pause).
    ///
    /// One read of the values, and one of the workspace where it is concerned; none of what another call has written while this
    /// one waited.
    ///
    /// # Errors
    /// [`DocumentsError`]; nothing is written.
    pub async fn begin<'d>(&'d self, request: &'d Request) -> Result<Job<'d>, DocumentsError> {
        let asked = Instant::now();
        let mut turns = vec![(Subject::Values, self.turn(Subject::Values).await?)];
        let (stored, requests) = self.read(&turns[0], asked).await?;
        let text = stored.text.clone();
        let (pair, values) = match self.make_values(request, stored) {
            Ok(made) => made,
            Err(error) => return Err(self.by_name(error, request, &text).await),
        };
        let mut edited = vec![Edited { requests, ..values }];
        let (mut pairing, mut not_found) = (Pairing::default(), Vec::new());
        if !pair.workspace.is_empty() || request.scope() == Scope::Everything {
            // Always in this order, so that no two jobs wait for each other.
            turns.push((Subject::Workspace, self.turn(Subject::Workspace).await?));
            let (stored, requests) = self.read(&turns[1], asked).await?;
            let workspace = self.edited(request, Subject::Workspace, stored, &pair.workspace)?;
            edited.push(Edited { requests, ..workspace });
            not_found = absent(request, &edited, &self.target)?;
            pairing = judge(request, &pair, &edited, &self.target)?;
        }
        // Whole texts are not made anew from what another writer has put there meanwhile: it would be lost.
        let only_on = if request.texts().is_some() { edited.iter().map(OnlyOn::of).collect() } else { Vec::new() };
        Ok(Job { documents: self, request, pair, pairing, not_found, planned: edited, turns, only_on })
    }

    /// Changes both documents, one after the other in the order of the request.
    ///
    /// Uncontended that is a read and a write for each; where nothing changes, the reads alone. With them come findings about
    /// both documents that the job brings and that do not stand in its way.
    ///
    /// # Errors
    /// [`JobError`], which also says what was written before the failure.
    pub async fn apply(&self, request: &Request) -> Result<Applied, JobError> {
        let mut done = Vec::new();
        let mut job =
            self.begin(request).await.map_err(|source| JobError { done: Vec::new(), failed: None, source })?;
        for subject in job.order() {
            match job.write(subject).await {
                Ok(edited) => done.push(edited),
                Err(source) => return Err(JobError { done, failed: Some(subject), source }),
            }
        }
        Ok(Applied { edited: done, pairing: job.pairing, not_found: job.not_found })
    }

    /// A refusal of one name as one of all names that are no deployment's, with what stands there instead.
    async fn by_name(&self, error: DocumentsError, request: &Request, values: &str) -> DocumentsError {
        let DocumentsError::Transform { source: TransformError::NotFound { .. }, .. } = &error else { return error };
        let workspace = self.get(Subject::Workspace).await.map(|stored| stored.text).unwrap_or_default();
        let missing = missing(request.names(), values, &workspace, &self.target);
        if missing.is_empty() { error } else { DocumentsError::NotFound { missing, aim: request.aim() } }
    }

    /// A document as it is, and the requests which that took: as it was left while this call waited since `asked`, else read.
    async fn read(&self, turn: &(Subject, Turn), asked: Instant) -> Result<(Stored, u32), DocumentsError> {
        let (subject, turn) = turn;
        match turn.left_since(asked) {
            Some(stored) => Ok((stored, 0)),
            None => Ok((self.get(*subject).await?, 1)),
        }
    }

    async fn turn(&self, subject: Subject) -> Result<Turn, DocumentsError> {
        let started = Instant::now();
        self.turns.take(&key(subject), self.policy.deadline).await.map_err(|source| DocumentsError::GaveUp {
            subject,
            attempts: 0,
            elapsed: started.elapsed(),
            source: Box::new(source),
        })
    }

    fn make_values(&self, request: &Request, stored: Stored) -> Result<(Pair, Edited), DocumentsError> {
        let pair = {
            let document = Document::parse(stored.text.as_str()).map_err(|error| {
                let (subject, text) = (Subject::Values, stored.text.clone());
                DocumentsError::Transform { subject, text, source: error.into() }
            })?;
            request.pair(&document).map_err(DocumentsError::Request)?
        };
        let edited = self.edited(request, Subject::Values, stored, &pair.values)?;
        Ok((pair, edited))
    }

    fn edited(
        &self,
        request: &Request,
        subject: Subject,
        stored: Stored,
        transforms: &[Transform],
    ) -> Result<Edited, DocumentsError> {
        let Stored { text: before, version } = stored;
        let applied = match request.texts() {
            Some(texts) => transform::replace(&before, texts.get(subject), subject, &self.target),
            None => transform::apply(&before, transforms, &self.target),
        };
        match applied {
            Ok(transform::Applied { text, changes, warnings, not_found }) => {
                let (written, attempts, requests) = (Written::Nothing, 0, 1);
                Ok(Edited { subject, before, text, version, changes, warnings, not_found, written, attempts, requests })
            }
            Err(source) => Err(DocumentsError::Transform { subject, text: before, source }),
        }
    }
}

/// What stands for a text: 64 hexadecimal digits.
#[must_use]
pub fn checksum(text: &str) -> String {
    hash::sha256(text.as_bytes())
}

fn refused(subject: Subject, error: ApplyError<DocumentsError>) -> DocumentsError {
    match error {
        ApplyError::Transform(error) => error,
        ApplyError::Store(source) => DocumentsError::Store { subject, source },
        ApplyError::GaveUp { attempts, elapsed, source } => {
            DocumentsError::GaveUp { subject, attempts, elapsed, source }
        }
        ApplyError::Unsettled { source, .. } => DocumentsError::Unsettled { subject, source },
    }
}
