//! A store that fails on request, for tests of what is built on stores. [`Faulty`] wraps another store; start there.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Key, Precondition, Store, StoreError, StoreFuture, Stored, Version};

/// Another writer's change: from the text that stands there to the text it writes.
pub type Rival = fn(&str) -> String;

/// What goes wrong with one write.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Another writer changes the document just before, so this write is a conflict.
    Rival(Rival),
    /// The request is lost on the way: nothing is written, and nobody says so.
    LostRequest,
    /// The text is written and the answer lost.
    LostAnswer,
    /// The text is written, the answer lost, and another writer changes the document at once.
    LostAnswerThenRival(Rival),
    /// The store is busy and asks to wait this long.
    Busy(Duration),
    /// No answer, ever; nothing is written.
    Stall,
    /// The disk is full.
    Full,
}

/// The store `inner` with planned faults, an answering time, and a count of requests.
#[derive(Debug)]
pub struct Faulty<S> {
    inner: Arc<S>,
    latency: Duration,
    // A std mutex: never held across an await.
    faults: Mutex<VecDeque<Fault>>,
    gets: AtomicU32,
    puts: AtomicU32,
}

impl<S: Store> Faulty<S> {
    /// The `n`-th write meets the `n`-th of `faults`; later writes meet none.
    #[must_use]
    pub fn new(inner: Arc<S>, faults: impl IntoIterator<Item = Fault>) -> Self {
        let faults = Mutex::new(faults.into_iter().collect());
        Self { inner, latency: Duration::ZERO, faults, gets: AtomicU32::new(0), puts: AtomicU32::new(0) }
    }

    /// Every request takes this long before it reaches the store, so that callers overlap.
    #[must_use]
    pub fn with_latency(self, latency: Duration) -> Self {
        Self { latency, ..self }
    }

    /// Reads and writes that came in so far.
    #[must_use]
    pub fn requests(&self) -> (u32, u32) {
        (self.gets.load(Ordering::Relaxed), self.puts.load(Ordering::Relaxed))
    }

    async fn rival(&self, key: &Key, change: Rival) -> Result<(), StoreError> {
        let stored = self.inner.get(key).await?;
        self.inner.put(key, &change(&stored.text), Precondition::Matches(stored.version)).await.map(drop)
    }
}

impl<S: Store> Store for Faulty<S> {
    fn get<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Stored> {
        Box::pin(async move {
            self.gets.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(self.latency).await;
            self.inner.get(key).await
        })
    }

    fn put<'a>(&'a self, key: &'a Key, text: &'a str, precondition: Precondition) -> StoreFuture<'a, Version> {
        Box::pin(async move {
            self.puts.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(self.latency).await;
            let fault = self.faults.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let write = self.inner.put(key, text, precondition);
            let lost =
                || StoreError::Ambiguous { key: key.clone(), retry_after: None, source: "connection closed".into() };
            match fault {
                None => write.await,
                Some(Fault::Rival(change)) => {
                    self.rival(key, change).await?;
                    write.await
                }
                Some(Fault::LostRequest) => Err(lost()),
                Some(Fault::LostAnswer) => {
                    write.await?;
                    Err(lost())
                }
                Some(Fault::LostAnswerThenRival(change)) => {
                    write.await?;
                    self.rival(key, change).await?;
                    Err(lost())
                }
                Some(Fault::Busy(wait)) => {
                    let reason = "too many requests".to_owned();
                    Err(StoreError::Busy { key: key.clone(), reason, retry_after: Some(wait) })
                }
                Some(Fault::Stall) => std::future::pending().await,
                Some(Fault::Full) => {
                    let source = std::io::ErrorKind::StorageFull.into();
                    Err(StoreError::Io { path: key.as_str().into(), action: "write", source })
                }
            }
        })
    }
}
