//! Concurrent changes in one process, one after the other. [`Turns`] is what a program that changes a document from many
//! tasks holds.
//!
//! Writers that do not know each other need a race and its repetitions to find their order; those of one process can have it
//! for nothing. A queue per document is enough: each change is then uncontended, and what other processes write in between is
//! still found by the version. Whoever waited begins with what the call before has left: no read, one write.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync;
use tokio::time::{Instant, timeout};

use super::{Absent, ApplyError, Outcome, Run};
use crate::retry::RetryPolicy;
use crate::store::{Key, Store, StoreError, Stored};

/// A store whose documents are changed by one call at a time, in the order of the calls.
pub struct Turns {
    store: Arc<dyn Store>,
    // A std mutex: never held across an await. One queue per document, as few as there are documents.
    queues: Mutex<BTreeMap<Key, Queue>>,
}

type Queue = Arc<sync::Mutex<Option<Left>>>;

/// A document as a call left it.
#[derive(Debug)]
struct Left {
    stored: Stored,
    /// It stood there after this moment.
    after: Instant,
}

impl Turns {
    /// No call is under way yet. Calls through another `Turns` of the same store do not wait for those of this one.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, queues: Mutex::new(BTreeMap::new()) }
    }

    /// [`apply_with`](super::apply_with), as soon as no other call changes this document. The deadline of `policy` covers the
    /// waiting, too.
    ///
    /// # Errors
    /// As [`apply_with`](super::apply_with); [`ApplyError::GaveUp`] without an attempt when the deadline ended while others
    /// were at it.
    pub async fn apply_with<E>(
        &self,
        key: &Key,
        absent: Absent<'_>,
        policy: &RetryPolicy,
        change: impl FnMut(&str) -> Result<Option<String>, E>,
    ) -> Result<Outcome, ApplyError<E>> {
        let started = Instant::now();
        let mut turn = self.take(key, policy.deadline).await.map_err(|error| {
            let source = Box::new(error);
            ApplyError::GaveUp { attempts: 0, elapsed: started.elapsed(), source }
        })?;
        let begun = Instant::now();
        let policy = RetryPolicy { deadline: policy.deadline.saturating_sub(started.elapsed()), ..policy.clone() };
        let run = Run { seen: turn.left_since(started), ..Run::new(&*self.store, key, &policy) };
        let outcome = run.change(absent, change).await?;
        turn.leave(&outcome, begun);
        Ok(outcome)
    }

    /// Waits until no other call changes this document, for programs that change several in one go. They take turns in the
    /// same order, else two of them wait for each other until their deadlines.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when `deadline` ended while others were at it.
    pub async fn take(&self, key: &Key, deadline: Duration) -> Result<Turn, StoreError> {
        match timeout(deadline, self.queue(key).lock_owned()).await {
            Ok(left) => Ok(Turn { left }),
            Err(_) => {
                let reason = "other calls in this process are changing it".to_owned();
                Err(StoreError::Busy { key: key.clone(), reason, retry_after: None })
            }
        }
    }

    /// The store itself.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    fn queue(&self, key: &Key) -> Queue {
        // Nothing that holds the lock can panic half way, so the map behind a poisoned lock is whole.
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(queues.entry(key.clone()).or_default())
    }
}

/// The right to change a document while this lives.
#[derive(Debug)]
pub struct Turn {
    left: sync::OwnedMutexGuard<Option<Left>>,
}

impl Turn {
    /// The document as the call before has left it, where it stood there after `asked`: to who asked for the turn then it is as
    /// good as read, and a write names its version.
    #[must_use]
    pub fn left_since(&self, asked: Instant) -> Option<Stored> {
        self.left.as_ref().filter(|left| left.after >= asked).map(|left| left.stored.clone())
    }

    /// Leaves what came of a change that began at `begun` to the next call.
    pub fn leave(&mut self, outcome: &Outcome, begun: Instant) {
        let Outcome { text, version, requests, .. } = outcome;
        // Without a request it is known from the call before, and was left then.
        if *requests > 0 {
            let stored = Stored { text: text.clone(), version: version.clone() };
            *self.left = Some(Left { stored, after: begun });
        }
    }
}

impl fmt::Debug for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turns").field("queues", &self.queues).finish_non_exhaustive()
    }
}
