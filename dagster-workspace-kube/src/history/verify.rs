//! Whether everything that was recorded can still be read: [`verify`] reads all of it and compares it with its hashes.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use serde::Serialize;

use super::error::HistoryError;
use super::revision::{Blob, Which};
use super::{History, SIDE_BY_SIDE, number_of};

/// What [`verify`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Revisions that were read.
    pub revisions: u64,
    /// The newest of them.
    pub newest: Option<u64>,
    /// What cannot be read, in the order of numbers.
    pub faults: Vec<Fault>,
    /// Numbers before the newest that have no revision: collected, or lost.
    pub missing: Vec<u64>,
    /// Whether the copies under `latest` are those of the newest revision; the next record mends them.
    pub latest: bool,
    /// Whether the bucket keeps old versions of objects, where the store says so.
    pub versioned: Option<bool>,
}

impl Report {
    /// Whether every revision that is there can be restored.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }
}

/// A revision that cannot be restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Its number.
    pub number: u64,
    /// Which document; `None`: the revision itself.
    pub document: Option<Which>,
    /// What is wrong.
    pub problem: String,
}

/// Reads every revision and every blob that one names. Damage is the answer, not an error.
///
/// # Errors
/// [`HistoryError`] where the store itself fails.
pub async fn verify(history: &History) -> Result<Report, HistoryError> {
    let numbers = history.numbers(None).await?;
    let newest = numbers.last().copied();
    let mut report = Report { revisions: numbers.len() as u64, newest, ..Report::default() };
    report.missing = (1..newest.unwrap_or(1)).filter(|number| numbers.binary_search(number).is_err()).collect();
    let mut blobs: BTreeMap<String, Vec<(u64, Which, Blob)>> = BTreeMap::new();
    let mut reading =
        stream::iter(&numbers).map(|number| history.get(*number)).buffered(SIDE_BY_SIDE).zip(stream::iter(&numbers));
    while let Some((read, number)) = reading.next().await {
        match fault(read)? {
            Ok(revision) => {
                for which in Which::BOTH {
                    let blob = revision.blob(which).clone();
                    blobs.entry(blob.sha256.clone()).or_default().push((*number, which, blob));
                }
                if Some(*number) == newest {
                    // Copies of what cannot be read are a fault of the revision, said below.
                    report.latest = fault(history.is_latest(&revision).await)?.unwrap_or(false);
                }
            }
            Err(problem) => report.faults.push(Fault { number: *number, document: None, problem }),
        }
    }
    for users in blobs.into_values() {
        // One read for all that name it; their lengths may differ where a revision was altered.
        for (number, document, blob) in users {
            if let Err(problem) = fault(history.blob(&blob).await)? {
                report.faults.push(Fault { number, document: Some(document), problem });
            }
        }
    }
    report.faults.sort_by_key(|fault| fault.number);
    report.versioned = history.is_versioned(newest).await?;
    Ok(report)
}

/// The damage as text; other errors stay errors.
fn fault<T>(read: Result<T, HistoryError>) -> Result<Result<T, String>, HistoryError> {
    match read {
        Ok(read) => Ok(Ok(read)),
        Err(error @ (HistoryError::Damaged { .. } | HistoryError::Newer { .. })) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

impl History {
    /// Whether the store gives objects versions; `None` where there is no object to ask for.
    async fn is_versioned(&self, newest: Option<u64>) -> Result<Option<bool>, HistoryError> {
        let Some(newest) = newest else { return Ok(None) };
        let Some((_, meta)) = self.read(&self.revision_path(newest)).await? else { return Ok(None) };
        debug_assert_eq!(number_of(&meta.location), Some(newest));
        // S3 calls the version of a bucket that keeps none `null`.
        Ok(Some(meta.version.is_some_and(|version| version != "null")))
    }
}
