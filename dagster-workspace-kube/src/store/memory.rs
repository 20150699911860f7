//! Texts in memory. [`Memory`] is the specification of [`Store`] that can be run: when another store differs, it is wrong.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Key, MAX_LEN, Precondition, Store, StoreError, StoreFuture, Stored, Version};

/// A store that forgets everything when it is dropped.
///
/// A version counts the writes of this store, so a document that was removed and created again has another version even
/// when its text is the same, as in Kubernetes.
#[derive(Debug, Default)]
pub struct Memory {
    // A std mutex: never held across an await.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    writes: u64,
    documents: BTreeMap<Key, Stored>,
}

impl Memory {
    /// A store without documents.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the document away, as somebody else would, and gives what stood there.
    pub fn remove(&self, key: &Key) -> Option<Stored> {
        self.state().documents.remove(key)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can panic half way, so the state behind a poisoned lock is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Memory {
    fn get<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Stored> {
        Box::pin(async move {
            self.state().documents.get(key).cloned().ok_or_else(|| StoreError::NotFound { key: key.clone() })
        })
    }

    fn put<'a>(&'a self, key: &'a Key, text: &'a str, precondition: Precondition) -> StoreFuture<'a, Version> {
        Box::pin(async move {
            StoreError::check_len(key, text.len() as u64, MAX_LEN)?;
            let mut state = self.state();
            let found = state.documents.get(key).map(|stored| stored.version.clone());
            let expected = precondition.into_expected();
            if expected != found {
                return Err(StoreError::Conflict { key: key.clone(), expected, found: found.into() });
            }
            state.writes += 1;
            let version = Version::new(state.writes.to_string());
            state.documents.insert(key.clone(), Stored { text: text.to_owned(), version: version.clone() });
            Ok(version)
        })
    }
}
