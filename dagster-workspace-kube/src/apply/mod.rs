//! Changes to a stored document that lose nobody's work. [`apply`] makes transforms, [`apply_with`] any other function, of
//! a document as it is read, and writes the result; when another writer was faster it starts again from reading. The only
//! code that puts the two documents.
//!
//! A change is a function from text to text that may run several times, each time on the newest text, so it must be
//! idempotent: what is already as asked is no change. That also settles a write whose answer was lost: read again, and
//! either the result stands there or the change runs once more. No change, no write. A batch of edits is one function and
//! so one read and one write.

mod transforms;
mod turns;

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::retry::{Backoff, RetryPolicy};
use crate::store::{Key, Precondition, Store, StoreError, Stored, Version};
use crate::words::counted;

pub use transforms::{Changed, apply};
pub use turns::{Turn, Turns};

/// What to do when there is no document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent<'a> {
    /// [`StoreError::NotFound`].
    Refuse,
    /// Start from this text, and write it even when the change leaves it alone. Never overwrites: when another writer
    /// creates the document first, the change runs on that one.
    Create(&'a str),
}

/// What stands in the store after a change, and how it came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The text that was changed; `None` when there was none.
    pub before: Option<String>,
    /// The text that stands there now.
    pub text: String,
    /// Its version.
    pub version: Version,
    /// Whether and how surely it was written.
    pub written: Written,
    /// Writes sent.
    pub attempts: u32,
    /// Reads and writes sent.
    pub requests: u32,
}

/// Whether a change was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Written {
    /// No: everything was already as asked.
    Nothing,
    /// Yes: the store said so, or the result was read back.
    Confirmed,
    /// The answer was lost and another writer's newer text stands there now. It holds the change.
    Presumed,
}

/// Why a change was not made, or not surely.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError<E> {
    /// The change itself refused the text; nothing was written, or another writer has replaced it since.
    #[error(transparent)]
    Transform(E),
    /// The store failed in a way that trying again does not mend; nothing was written.
    #[error(transparent)]
    Store(StoreError),
    /// Lost every race until the attempts or the time were spent; nothing was written. `source` is the last answer.
    #[error("gave up after {} in {:.1} s, nothing written", counted(*attempts as usize, "attempt"), elapsed.as_secs_f64())]
    GaveUp {
        /// Writes sent.
        attempts: u32,
        /// Time from the first request on.
        elapsed: Duration,
        /// The last answer: [`StoreError::Conflict`] or [`StoreError::Busy`].
        source: Box<StoreError>,
    },
    /// A write was sent, its answer is missing, and reading again could not settle it: run the change again.
    #[error("the change may or may not be written, after {} in {:.1} s", counted(*attempts as usize, "attempt"), elapsed.as_secs_f64())]
    Unsettled {
        /// Writes sent.
        attempts: u32,
        /// Time from the first request on.
        elapsed: Duration,
        /// What the last request came to.
        source: Box<StoreError>,
    },
}

/// Changes the document `key` with `change`, which gives the new text or `None` for no change.
///
/// Uncontended that is one read and one write, and one read where nothing changes. Lost races, busy stores and lost
/// answers are tried again as `policy` says; with [`RetryPolicy::none`] a lost answer is still settled by one more read,
/// but not written again. Needs a tokio runtime with time enabled.
///
/// Does not serialise callers in one process, which [`Turns`] does, and does not know what the text means: `change` checks it.
///
/// # Errors
/// [`ApplyError::Transform`] with what `change` said; [`ApplyError::Store`]; [`ApplyError::GaveUp`];
/// [`ApplyError::Unsettled`]. Only the last leaves open whether something was written.
///
/// # Example
/// ```
/// # use std::convert::Infallible;
/// # use dagster_workspace_kube::{apply::{Absent, apply_with}, retry::RetryPolicy, store::{Key, Memory}};
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let store = Memory::new();
/// let key = Key::new("values.yaml")?;
/// let add = |text: &str| {
///     Ok::<_, Infallible>((!text.contains("etl")).then(|| format!("{text}- etl\n")))
/// };
/// let outcome = apply_with(&store, &key, Absent::Create("# deployments\n"), &RetryPolicy::default(), add).await?;
/// assert_eq!(outcome.text, "# deployments\n- etl\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub async fn apply_with<E>(
    store: &dyn Store,
    key: &Key,
    absent: Absent<'_>,
    policy: &RetryPolicy,
    change: impl FnMut(&str) -> Result<Option<String>, E>,
) -> Result<Outcome, ApplyError<E>> {
    Run::new(store, key, policy).change(absent, change).await
}

/// [`apply_with`] of a document that was read already: the first read is left out, so an uncontended change is one write, and
/// where nothing changes there is no request at all.
///
/// # Errors
/// As [`apply_with`].
pub async fn apply_from<E>(
    store: &dyn Store,
    key: &Key,
    seen: Stored,
    policy: &RetryPolicy,
    change: impl FnMut(&str) -> Result<Option<String>, E>,
) -> Result<Outcome, ApplyError<E>> {
    let run = Run { seen: Some(seen), ..Run::new(store, key, policy) };
    run.change(Absent::Refuse, change).await
}

/// One change under way.
struct Run<'a> {
    store: &'a dyn Store,
    key: &'a Key,
    started: Instant,
    deadline: Instant,
    backoff: Backoff,
    /// When the try that is under way began.
    tried: Instant,
    writes: u32,
    requests: u32,
    /// What the caller has read already.
    seen: Option<Stored>,
    /// The last write whose answer was lost.
    lost: Option<Lost>,
    /// Set when no further write may be sent and only the lost one is to be settled: what it came to.
    spent: Option<StoreError>,
}

struct Lost {
    before: Option<String>,
    text: String,
}

impl<'a> Run<'a> {
    fn new(store: &'a dyn Store, key: &'a Key, policy: &RetryPolicy) -> Self {
        let started = Instant::now();
        // A deadline too far away to be a date is a day that never comes; a year is as good.
        let deadline = started.checked_add(policy.deadline).unwrap_or(started + Duration::from_secs(31_536_000));
        let backoff = Backoff::new(policy.clone());
        Self {
            store,
            key,
            started,
            deadline,
            backoff,
            tried: started,
            writes: 0,
            requests: 0,
            seen: None,
            lost: None,
            spent: None,
        }
    }

    /// Reads, changes and writes until that succeeds.
    async fn change<E>(
        mut self,
        absent: Absent<'_>,
        mut change: impl FnMut(&str) -> Result<Option<String>, E>,
    ) -> Result<Outcome, ApplyError<E>> {
        loop {
            let stored = self.get().await?;
            if let Some(outcome) = self.settle(stored.as_ref()) {
                return Ok(outcome);
            }
            let (before, version) = stored.map_or((None, None), |stored| (Some(stored.text), Some(stored.version)));
            let start = match (before.as_deref(), absent) {
                (Some(text), _) | (None, Absent::Create(text)) => text,
                (None, Absent::Refuse) => return Err(self.fail(StoreError::NotFound { key: self.key.clone() })),
            };
            let changed = change(start).map_err(ApplyError::Transform)?.filter(|text| text != start);
            let (text, precondition) = match (changed, version) {
                (None, Some(version)) => return Ok(self.unchanged(start.to_owned(), version)),
                (Some(text), Some(version)) => (text, Precondition::Matches(version)),
                (changed, None) => (changed.unwrap_or_else(|| start.to_owned()), Precondition::Absent),
            };
            if let Some(version) = self.put(before.as_deref(), &text, precondition).await? {
                return Ok(self.outcome(before, text, version, Written::Confirmed));
            }
        }
    }

    /// The document, or `None` when there is none.
    async fn get<E>(&mut self) -> Result<Option<Stored>, ApplyError<E>> {
        if let Some(seen) = self.seen.take() {
            return Ok(Some(seen));
        }
        loop {
            self.tried = Instant::now();
            self.requests += 1;
            let error = match timeout_at(self.deadline, self.store.get(self.key)).await {
                Ok(Ok(stored)) => return Ok(Some(stored)),
                Ok(Err(StoreError::NotFound { .. })) => return Ok(None),
                Ok(Err(error)) => error,
                Err(_) => return Err(self.give_up(self.silence())),
            };
            self.pause_after(error).await?;
        }
    }

    /// The end of the run, when what was read is the result of the write whose answer was lost.
    fn settle(&mut self, stored: Option<&Stored>) -> Option<Outcome> {
        let Stored { text, version } = stored?;
        let Lost { before, text: _ } = self.lost.take_if(|lost| lost.text == *text)?;
        Some(self.outcome(before, text.clone(), version.clone(), Written::Confirmed))
    }

    /// The version written, or `None` to start again from reading.
    async fn put<E>(
        &mut self,
        before: Option<&str>,
        text: &str,
        precondition: Precondition,
    ) -> Result<Option<Version>, ApplyError<E>> {
        if let Some(error) = self.spent.take() {
            return Err(self.give_up(error));
        }
        self.requests += 1;
        self.writes += 1;
        let error = match timeout_at(self.deadline, self.store.put(self.key, text, precondition)).await {
            Ok(Ok(version)) => return Ok(Some(version)),
            Ok(Err(error)) => error,
            Err(_) => {
                let source = "no answer before the deadline".into();
                StoreError::Ambiguous { key: self.key.clone(), retry_after: None, source }
            }
        };
        if matches!(error, StoreError::Ambiguous { .. }) {
            self.lost = Some(Lost { before: before.map(str::to_owned), text: text.to_owned() });
        }
        self.pause_after(error).await?;
        Ok(None)
    }

    /// Waits for the next try, or gives up when `error` does not get better by waiting, or attempts or time are spent.
    async fn pause_after<E>(&mut self, error: StoreError) -> Result<(), ApplyError<E>> {
        let at_least = match &error {
            StoreError::Conflict { .. } => Duration::ZERO,
            StoreError::Busy { retry_after, .. } | StoreError::Ambiguous { retry_after, .. } => {
                retry_after.unwrap_or_default()
            }
            _ => return Err(self.fail(error)),
        };
        match self.backoff.pause(self.started.elapsed(), self.tried.elapsed(), at_least) {
            Some(pause) => sleep(pause).await,
            None if matches!(error, StoreError::Ambiguous { .. }) && Instant::now() < self.deadline => {
                self.spent = Some(error);
            }
            None => return Err(self.give_up(error)),
        }
        Ok(())
    }

    fn unchanged(&self, text: String, version: Version) -> Outcome {
        let written = if self.lost.is_some() { Written::Presumed } else { Written::Nothing };
        self.outcome(Some(text.clone()), text, version, written)
    }

    fn outcome(&self, before: Option<String>, text: String, version: Version, written: Written) -> Outcome {
        Outcome { before, text, version, written, attempts: self.writes, requests: self.requests }
    }

    fn fail<E>(&self, error: StoreError) -> ApplyError<E> {
        if self.lost.is_some() { self.give_up(error) } else { ApplyError::Store(error) }
    }

    fn give_up<E>(&self, error: StoreError) -> ApplyError<E> {
        let (attempts, elapsed, source) = (self.writes, self.started.elapsed(), Box::new(error));
        if self.lost.is_some() {
            ApplyError::Unsettled { attempts, elapsed, source }
        } else {
            ApplyError::GaveUp { attempts, elapsed, source }
        }
    }

    fn silence(&self) -> StoreError {
        let reason = "no answer before the deadline".to_owned();
        StoreError::Busy { key: self.key.clone(), reason, retry_after: None }
    }
}
