//! Concurrent changes in one process, one after the other. [`Turns`] is what a program that changes a document from many
//! tasks holds.
//!
//! Writers that do not know each other need a race and its repetitions to find their order; those of one process can have it
//! for nothing. A queue per document is enough: each change is then uncontended, two requests, and what other processes
//! write in between is still found by the version.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync;
use tokio::time::{Instant, timeout};

use super::{Absent, ApplyError, Outcome, apply_with};
use crate::retry::RetryPolicy;
use crate::store::{Key, Store, StoreError};

/// A store whose documents are changed by one call at a time, in the order of the calls.
pub struct Turns {
    store: Arc<dyn Store>,
    // A std mutex: never held across an await. One queue per document, as few as there are documents.
    queues: Mutex<BTreeMap<Key, Arc<sync::Mutex<()>>>>,
}

impl Turns {
    /// No call is under way yet. Calls through another `Turns` of the same store do not wait for those of this one.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, queues: Mutex::new(BTreeMap::new()) }
    }

    /// [`apply_with`], as soon as no other call changes this document. The deadline of `policy` covers the waiting, too.
    ///
    /// # Errors
    /// As [`apply_with`]; [`ApplyError::GaveUp`] without an attempt when the deadline ended while others were at it.
    pub async fn apply_with<E>(
        &self,
        key: &Key,
        absent: Absent<'_>,
        policy: &RetryPolicy,
        change: impl FnMut(&str) -> Result<Option<String>, E>,
    ) -> Result<Outcome, ApplyError<E>> {
        let started = Instant::now();
        let _turn = self.take(key, policy.deadline).await.map_err(|error| {
            let source = Box::new(error);
            ApplyError::GaveUp { attempts: 0, elapsed: started.elapsed(), source }
        })?;
        let deadline = policy.deadline.saturating_sub(started.elapsed());
        apply_with(&*self.store, key, absent, &RetryPolicy { deadline, ..policy.clone() }, change).await
    }

    /// Waits until no other call changes this document, for programs that change several in one go. They take turns in the
    /// same order, else two of them wait for each other until their deadlines.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when `deadline` ended while others were at it.
    pub async fn take(&self, key: &Key, deadline: Duration) -> Result<Turn, StoreError> {
        match timeout(deadline, self.queue(key).lock_owned()).await {
            Ok(guard) => Ok(Turn { _guard: guard }),
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

    fn queue(&self, key: &Key) -> Arc<sync::Mutex<()>> {
        // Nothing that holds the lock can panic half way, so the map behind a poisoned lock is whole.
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(queues.entry(key.clone()).or_default())
    }
}

/// The right to change a document while this lives.
#[derive(Debug)]
pub struct Turn {
    _guard: sync::OwnedMutexGuard<()>,
}

impl fmt::Debug for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turns").field("queues", &self.queues).finish_non_exhaustive()
    }
}
