//! What a history can answer instead of a revision. [`HistoryError`]'s variants are the caller's next move.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use dagster_workspace_core::error::ParseError;
use dagster_workspace_core::yaml::DataError;

use super::revision::Which;

/// Why a history did not do what was asked.
///
/// None of them undoes anything: what is deployed stays, and the next record writes what is missing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// Name another place.
    #[error("`{place}` is no place for a history: {problem}")]
    Place {
        /// As it was given.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The bucket, container or directory is not there: create it, or correct its name.
    #[error("there is no bucket or directory at `{place}`")]
    NoBucket {
        /// Where it should be.
        place: String,
        /// What the store said.
        source: Cause,
    },
    /// The store knows these credentials not, or does not permit them to do that.
    #[error("no permission to {action} `{object}`")]
    Denied {
        /// `read`, `write`, `list` or `delete`.
        action: &'static str,
        /// Name of the object.
        object: String,
        /// What the store said.
        source: Cause,
    },
    /// The store overwrites where it was told not to: two recorders would lose revisions. Use another store.
    #[error("`{place}` ignores conditions of writes: it took a second {condition}")]
    Unconditional {
        /// The store.
        place: String,
        /// What it ignores.
        condition: &'static str,
    },
    /// There is no such revision: `list` shows those that there are.
    #[error("there is no revision {number}")]
    NotFound {
        /// What was asked for.
        number: u64,
    },
    /// Nothing has been recorded yet.
    #[error("the history is empty")]
    Empty,
    /// An object is missing, cut off or altered: take it from a copy or an older version of the bucket.
    #[error("`{object}` is damaged: {problem}")]
    Damaged {
        /// Name of the object.
        object: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Written by a later version of this program: use that one.
    #[error("revision {number} has format {format}, and this program reads format {} and older", super::FORMAT)]
    Newer {
        /// The revision.
        number: u64,
        /// Its format.
        format: u32,
    },
    /// A document is no YAML: mend it first.
    #[error("{which} is not YAML")]
    NotYaml {
        /// Which document.
        which: Which,
        /// Where and why.
        source: ParseError,
    },
    /// A document has no meaning as data: mend it first.
    #[error("{which} cannot be read as data")]
    NoData {
        /// Which document.
        which: Which,
        /// Where and why.
        source: DataError,
    },
    /// Other recorders were faster every time: try again.
    #[error("gave up after losing {attempts} races for the next number")]
    GaveUp {
        /// Numbers that others took.
        attempts: u32,
    },
    /// No answer in time: try again.
    #[error("the store gave no answer within {} s: {action} `{object}`", within.as_secs())]
    TimedOut {
        /// `read`, `write`, `list` or `delete`.
        action: &'static str,
        /// Name of the object.
        object: String,
        /// How long it was waited for.
        within: Duration,
    },
    /// The store failed, or was not reached.
    #[error("cannot {action} `{object}`")]
    Store {
        /// `read`, `write`, `list` or `delete`.
        action: &'static str,
        /// Name of the object.
        object: String,
        /// What happened.
        source: Cause,
    },
}

impl HistoryError {
    /// What the caller can do, in a sentence.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Place { .. } => {
                "name it as s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX or file://DIR"
            }
            Self::NoBucket { .. } => {
                "create it, or correct its name: a history never makes its own bucket or directory"
            }
            Self::Denied { .. } => {
                "check the key and its permissions: list the bucket, read, create and replace objects"
            }
            Self::Unconditional { .. } => "use a store with conditional writes, as S3, GCS, Azure and a directory have",
            Self::NotFound { .. } => "`history list` shows the revisions that there are",
            Self::Empty => "`history record` makes the first revision",
            Self::Damaged { .. } => {
                "bring it back from an older version or a copy of the bucket; `history verify` names all"
            }
            Self::Newer { .. } => "use the newest version of this program",
            Self::GaveUp { .. } | Self::TimedOut { .. } => "run it again: what is already done is left alone",
            _ => return None,
        })
    }
}

/// What an object store said. It shows the innermost reason alone: those around it repeat each other.
#[derive(Debug)]
pub struct Cause(object_store::Error);

/// What a refusal means to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// What was asked for, or the bucket around it, is not there.
    Missing,
    /// The credentials do not permit it.
    Denied,
    /// Anything else.
    Other,
}

impl Cause {
    /// The whole error.
    #[must_use]
    pub fn get(&self) -> &object_store::Error {
        &self.0
    }

    pub(super) fn kind(&self) -> Kind {
        use object_store::Error::{NotFound, PermissionDenied, Unauthenticated};
        match &self.0 {
            NotFound { .. } => return Kind::Missing,
            PermissionDenied { .. } | Unauthenticated { .. } => return Kind::Denied,
            _ => {}
        }
        // Lists and deletions keep the status to their texts.
        let text = self.innermost().to_string();
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if says(&["status code: 404"]) {
            Kind::Missing
        } else if says(&["status code: 401", "status code: 403", "code: AccessDenied"]) {
            Kind::Denied
        } else {
            Kind::Other
        }
    }

    fn innermost(&self) -> &dyn Error {
        let mut innermost: &dyn Error = &self.0;
        while let Some(next) = innermost.source() {
            innermost = next;
        }
        innermost
    }
}

impl From<object_store::Error> for Cause {
    fn from(error: object_store::Error) -> Self {
        Self(error)
    }
}

impl Error for Cause {}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.innermost().to_string();
        // S3 and Azure answer in XML, which also repeats the key and what was signed with it.
        match (element(&text, "Code"), element(&text, "Message")) {
            (Some(code), Some(message)) => write!(f, "{code}: {}", message.lines().next().unwrap_or_default()),
            _ => f.write_str(text.lines().next().unwrap_or_default()),
        }
    }
}

/// The text of the first element of that name.
fn element<'t>(xml: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let error = object_store::Error::Generic { store: "S3", source: text.into() };
        assert_eq!(Cause(error).to_string(), expected);
    }

    #[test]
    fn cause_is_one_line_without_what_was_signed() {
        let xml = "Error performing PUT: <Error><Code>SignatureDoesNotMatch</Code><Message>The request signature does not \
                   match</Message><AWSAccessKeyId>AKIA</AWSAccessKeyId></Error>";
        check(xml, "SignatureDoesNotMatch: The request signature does not match");
        check("connection refused\nmore", "connection refused");
        check("<Code>x", "<Code>x");
    }
}
