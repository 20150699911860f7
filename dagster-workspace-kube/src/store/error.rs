//! What a store can answer instead of a text or a version. [`StoreError`]'s variants are the caller's next move.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::{Key, Version};

/// Why a store did not do what was asked.
///
/// Only [`StoreError::Ambiguous`] leaves open whether something has been written; after all others nothing has been.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such document: create it, or name another.
    #[error("there is no document `{key}`")]
    NotFound {
        /// What was asked for.
        key: Key,
    },
    /// Another writer was faster, or came in between: read again and decide anew.
    #[error("`{key}` is not what it was when it was read: expected {}, found {found}", Named(expected))]
    Conflict {
        /// What was to be written.
        key: Key,
        /// The version that the write named; `None`: the document was to be absent.
        expected: Option<Version>,
        /// What stands there.
        found: Found,
    },
    /// The write may or may not have happened: read again and compare.
    #[error("it is not known whether `{key}` was written")]
    Ambiguous {
        /// What was to be written.
        key: Key,
        /// How long to wait at least before reading, where the store says so.
        retry_after: Option<Duration>,
        /// Why the answer is missing.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Not now: try again later.
    #[error("`{key}` is busy: {reason}")]
    Busy {
        /// What was to be read or written.
        key: Key,
        /// Who or what is in the way, in a few words.
        reason: String,
        /// How long to wait at least, where the store says so.
        retry_after: Option<Duration>,
    },
    /// More than this store keeps: make the document smaller.
    #[error("`{key}` has {len} bytes, at most {limit} are kept here")]
    TooLarge {
        /// What was to be read or written.
        key: Key,
        /// Its size in bytes.
        len: u64,
        /// The most this store takes, in bytes.
        limit: u64,
    },
    /// No text: convert the document to UTF-8.
    #[error("`{key}` is not UTF-8: byte {offset} begins no character")]
    NotUtf8 {
        /// What was read.
        key: Key,
        /// How many bytes before the first wrong one.
        offset: usize,
    },
    /// Another thing than a file, which a rename would destroy: name the real file.
    #[error("`{}` is {found}, expected a regular file", path.display())]
    NotAFile {
        /// Where the document should be.
        path: PathBuf,
        /// What is there.
        found: FileKind,
    },
    /// A symbolic link that is not followed: mend it, or name the directory of the file behind it.
    #[error("`{}` is a symbolic link {problem}", path.display())]
    Link {
        /// The link.
        path: PathBuf,
        /// Why it is not followed.
        problem: LinkProblem,
    },
    /// The directory of the documents is missing, or is none.
    #[error("cannot open the directory `{}`", path.display())]
    NoDirectory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The system does not permit it: ask for permission, or run as somebody else.
    #[error("not permitted to {action} `{}`", path.display())]
    Denied {
        /// The file or directory.
        path: PathBuf,
        /// What was tried: a verb.
        action: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The system failed (disk full, device error, no locks on this file system).
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried: a verb.
        action: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The cluster does not permit it: ask for a role with this verb on these resources.
    #[error("not permitted to {verb} {object}")]
    Forbidden {
        /// The verb as roles name it: `get`, `create` or `update`.
        verb: &'static str,
        /// What it was tried on.
        object: ObjectName,
        /// What the API server says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Marked as never to be changed: write to another object, or have this one created again.
    #[error("{object} is immutable")]
    Immutable {
        /// The object that holds the document.
        object: ObjectName,
    },
    /// The namespace is missing, so nothing can be created there: create it, or name another.
    #[error("there is no namespace `{namespace}` to create {object} in")]
    NoNamespace {
        /// The namespace.
        namespace: String,
        /// What was to be created.
        object: ObjectName,
    },
    /// The API server takes neither this request nor its repetition: mend what it names.
    #[error("the API server refuses to {verb} {object} with status {status}")]
    Refused {
        /// The verb as roles name it.
        verb: &'static str,
        /// What it was tried on.
        object: ObjectName,
        /// The HTTP status.
        status: u16,
        /// What the API server says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// There is no API server to be talked to as configured: wrong certificate, broken credentials, no Kubernetes at all.
    #[error("cannot talk to the API server to {verb} {object}")]
    Unreachable {
        /// The verb as roles name it.
        verb: &'static str,
        /// What it was tried on.
        object: ObjectName,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl StoreError {
    /// Refuses a text of `len` bytes when that is over `limit`.
    pub(super) fn check_len(key: &Key, len: u64, limit: usize) -> Result<(), Self> {
        let limit = limit as u64;
        if len <= limit { Ok(()) } else { Err(Self::TooLarge { key: key.clone(), len, limit }) }
    }

    /// What to do about it, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Conflict { .. } | Self::Ambiguous { .. } => Some("run it again: what is already done is left alone"),
            Self::Busy { .. } => Some("run it again later"),
            Self::NotUtf8 { .. } => Some("save the file as UTF-8"),
            Self::Link { problem: LinkProblem::Outside { .. }, .. } => {
                Some("`--directory` names another place; a link to a file in the same Git work tree is followed")
            }
            Self::Link { .. } => Some("let the link name the file, or remove it"),
            Self::NotAFile { found: FileKind::Symlink, .. } => Some("run it again: the link was just made"),
            Self::NoDirectory { .. } => Some("create the directory, or name another"),
            Self::Forbidden { .. } => {
                Some("a role for this needs the verbs `get`, `update` and, to make new ones, `create` on `configmaps`")
            }
            Self::Immutable { .. } => Some("delete it and create it again without `immutable: true`"),
            Self::NoNamespace { .. } => Some("create the namespace, or name another"),
            Self::Unreachable { .. } => Some("check the kubeconfig: server, certificate authority and credentials"),
            _ => None,
        }
    }
}

/// What stood in the way of a write that named something else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Found {
    /// This version.
    Version(Version),
    /// No document.
    Nothing,
    /// Another version or no document: the store says only that it is not what was expected, and asking would be one more
    /// request.
    Unknown,
}

impl From<Option<Version>> for Found {
    fn from(found: Option<Version>) -> Self {
        found.map_or(Self::Nothing, Self::Version)
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "version `{version}`"),
            Self::Nothing => f.write_str("no document"),
            Self::Unknown => f.write_str("something else"),
        }
    }
}

/// An object of a cluster, as people and roles name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectName {
    /// As roles write it: `configmaps`.
    pub resource: &'static str,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resource, namespace, name } = self;
        write!(f, "{resource} `{name}` in namespace `{namespace}`")
    }
}

/// What stands where a regular file was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileKind {
    /// A symbolic link, dangling or not.
    Symlink,
    /// A directory.
    Directory,
    /// A pipe, socket or device.
    Special,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Symlink => "a symbolic link",
            Self::Directory => "a directory",
            Self::Special => "a pipe, socket or device",
        })
    }
}

/// Why a symbolic link is not followed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LinkProblem {
    /// There is nothing behind it.
    Dangling,
    /// It leads back to itself.
    Loop,
    /// What is behind it is nobody's who edits this directory.
    Outside {
        /// The file behind the link.
        target: PathBuf,
        /// The Git work tree of the directory, or the directory.
        tree: PathBuf,
    },
}

impl fmt::Display for LinkProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dangling => f.write_str("to a file that does not exist"),
            Self::Loop => f.write_str("that leads back to itself"),
            Self::Outside { target, tree } => {
                write!(f, "to `{}`, outside of `{}`", target.display(), tree.display())
            }
        }
    }
}

/// A version, or that there is none, for people.
struct Named<'a>(&'a Option<Version>);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(version) => write!(f, "version `{version}`"),
            None => f.write_str("no document"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflict_names_both_versions_or_their_absence() {
        let key = Key::new("values.yaml").unwrap();
        let error = StoreError::Conflict {
            key: key.clone(),
            expected: Some(Version::new("1")),
            found: Found::Version(Version::new("2")),
        };
        assert_eq!(
            error.to_string(),
            "`values.yaml` is not what it was when it was read: expected version `1`, found version `2`"
        );
        let error = StoreError::Conflict { key, expected: None, found: Found::Unknown };
        assert!(error.to_string().ends_with("expected no document, found something else"));
    }

    #[test]
    fn display_says_this_level_and_source_the_next() {
        let source = io::Error::other("disk on fire");
        let error = StoreError::Io { path: "d/values.yaml".into(), action: "read", source };
        assert_eq!(error.to_string(), "cannot read `d/values.yaml`");
        assert_eq!(error.source().unwrap().to_string(), "disk on fire");
    }
}
