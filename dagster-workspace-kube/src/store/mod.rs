//! Where documents live. A [`Store`] gives a text with its [`Version`] and replaces exactly that version.
//!
//! There is no way to overwrite: every write names what it replaces in a [`Precondition`], so a writer that lost a race is
//! told so instead of destroying what it has not read. What each store promises is code: `contract` (feature `contract`)
//! runs against all of them, and [`Memory`] is its shortest reading. Start with [`Store`].

#[cfg(feature = "cluster")]
mod config_map;
mod error;
mod memory;

#[cfg(any(test, feature = "contract"))]
pub mod contract;
#[cfg(unix)]
mod directory;
#[cfg(any(test, feature = "contract"))]
pub mod faults;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

#[cfg(feature = "cluster")]
pub use config_map::{ConfigMaps, Place};
#[cfg(unix)]
pub use directory::Directory;
#[cfg(feature = "cli")]
pub(crate) use directory::replace_file;
pub use error::{FileKind, Found, LinkProblem, ObjectName, StoreError};
pub use memory::Memory;

/// Texts over this many bytes are neither read nor written: the limit of `dagster-workspace-core`, 64 MiB.
pub const MAX_LEN: usize = dagster_workspace_core::yaml::MAX_LEN;

/// What the methods of a [`Store`] return, boxed so that a store can be held as `Arc<dyn Store>`.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A place that keeps texts under names and replaces them only in the version that the writer has read.
///
/// Both methods may be called from many tasks and many processes at once. Dropping the future of a `put` does not undo it:
/// the write may still happen, as after [`StoreError::Ambiguous`].
pub trait Store: Send + Sync {
    /// The text under `key` as it is now, complete and never half of two writes.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none; [`StoreError::NotUtf8`], [`StoreError::TooLarge`],
    /// [`StoreError::NotAFile`], [`StoreError::Link`] when it is nothing to edit; otherwise it could not be read and the variant says why.
    fn get<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Stored>;

    /// Writes `text` under `key` if what stands there is what `precondition` names, and gives the version it has from now on.
    ///
    /// The text is stored byte for byte. Writing the text that already stands there is allowed and may keep the version.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when something else stands there, [`StoreError::Ambiguous`] when the write may or may not
    /// have happened. After every other error nothing has been written.
    fn put<'a>(&'a self, key: &'a Key, text: &'a str, precondition: Precondition) -> StoreFuture<'a, Version>;
}

/// A text and the version it was read in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The whole text, as stored.
    pub text: String,
    /// What to name in [`Precondition::Matches`] to replace it.
    pub version: Version,
}

/// What must stand under a key for a write to happen. There is no "whatever stands there".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Precondition {
    /// Nothing: the write creates.
    Absent,
    /// This version: the write replaces.
    Matches(Version),
}

impl Precondition {
    /// The version that must stand there; `None`: no document.
    #[must_use]
    pub fn into_expected(self) -> Option<Version> {
        match self {
            Self::Absent => None,
            Self::Matches(version) => Some(version),
        }
    }
}

/// Which text this is, in the words of its store. Only equality means something, and only within one store and key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version(String);

impl Version {
    /// A version as a store names it.
    #[must_use]
    pub fn new(version: impl Into<String>) -> Self {
        Self(version.into())
    }

    /// The store's own words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of one document in a store, good as a file name and as a key or name in Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String); // Invariant: what `Key::new` checks.

impl Key {
    /// The most bytes a key may have, as for keys of a ConfigMap.
    pub const MAX_LEN: usize = 253;

    /// A key of letters, digits, `-`, `_` and `.` that does not begin with `.`: no path, no hidden file.
    ///
    /// # Errors
    /// [`KeyError`] names the first rule that `name` breaks.
    pub fn new(name: impl Into<String>) -> Result<Self, KeyError> {
        let name = name.into();
        if name.is_empty() {
            return Err(KeyError::Empty);
        }
        if name.len() > Self::MAX_LEN {
            return Err(KeyError::TooLong { len: name.len() });
        }
        if name.starts_with('.') {
            return Err(KeyError::LeadingDot { name });
        }
        match name.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))) {
            Some(found) => Err(KeyError::Character { name, found }),
            None => Ok(Self(name)),
        }
    }

    /// The values of chart `dagster-user-deployments`, `values.yaml`.
    #[must_use]
    pub fn values() -> Self {
        Self("values.yaml".to_owned())
    }

    /// The workspace file, `workspace.yaml`.
    #[must_use]
    pub fn workspace() -> Self {
        Self("workspace.yaml".to_owned())
    }

    /// The name as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Key {
    type Err = KeyError;

    fn from_str(name: &str) -> Result<Self, KeyError> {
        Self::new(name)
    }
}

/// Why a name is no [`Key`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No name at all.
    #[error("a document needs a name")]
    Empty,
    /// Longer than [`Key::MAX_LEN`].
    #[error("the document's name has {len} bytes, at most {} are allowed", Key::MAX_LEN)]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// A hidden file, `.` or `..`.
    #[error("the document's name `{name}` begins with `.`")]
    LeadingDot {
        /// The name.
        name: String,
    },
    /// A character that file names or Kubernetes leave out.
    #[error("the document's name `{name}` holds {found:?}; letters, digits, `-`, `_` and `.` are allowed")]
    Character {
        /// The name.
        name: String,
        /// Its first character that is not allowed.
        found: char,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_name_is_a_key() {
        for name in ["values.yaml", "workspace.yaml", "a", "0", "_x", "-x", "a..b", &"k".repeat(Key::MAX_LEN)] {
            assert_eq!(Key::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn err_name_that_is_a_path_or_hidden_is_no_key() {
        assert_eq!(Key::new(""), Err(KeyError::Empty));
        assert_eq!(Key::new("k".repeat(254)), Err(KeyError::TooLong { len: 254 }));
        for name in [".", "..", ".values.yaml"] {
            assert_eq!(Key::new(name), Err(KeyError::LeadingDot { name: name.into() }));
        }
        for (name, found) in [("a/b", '/'), ("a\\b", '\\'), ("a b", ' '), ("a\0", '\0'), ("wört", 'ö'), ("a\n", '\n')]
        {
            assert_eq!(Key::new(name), Err(KeyError::Character { name: name.into(), found }));
        }
    }
}
