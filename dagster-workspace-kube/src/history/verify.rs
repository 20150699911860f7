//! Whether everything that was recorded can still be read: [`verify`] reads all of it and compares it with its hashes.

use std::collections::HashMap;

use futures_util::{StreamExt as _, stream};
use serde::Serialize;

use super::error::HistoryError;
use super::revision::{Blob, Which};
use super::{History, SIDE_BY_SIDE};

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
    /// Whether the store gives objects versions, as S3 and Azure do where older ones are kept. GCS always does.
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
    let numbers = history.numbers().await?;
    let newest = numbers.last().copied();
    let mut report = Report { revisions: numbers.len() as u64, newest, ..Report::default() };
    report.missing = (1..newest.unwrap_or(1)).filter(|number| numbers.binary_search(number).is_err()).collect();
    // By hash and length: what many revisions name is read once.
    let mut blobs: HashMap<Blob, Vec<(u64, Which)>> = HashMap::new();
    let mut reading =
        stream::iter(numbers).map(|number| async move { (number, history.get(number).await) }).buffered(SIDE_BY_SIDE);
    while let Some((number, read)) = reading.next().await {
        match fault(read)? {
            Ok(revision) => {
                for which in Which::BOTH {
                    blobs.entry(revision.blob(which).clone()).or_default().push((number, which));
                }
                if Some(number) == newest {
                    // Copies of what cannot be read are a fault of the revision, said below.
                    report.latest = fault(history.is_latest(&revision).await)?.unwrap_or(false);
                }
            }
            Err(problem) => report.faults.push(Fault { number, document: None, problem }),
        }
    }
    let mut reading = stream::iter(blobs)
        .map(|(blob, users)| async move { (history.blob(&blob).await, users) })
        .buffer_unordered(SIDE_BY_SIDE);
    while let Some((read, users)) = reading.next().await {
        let Err(problem) = fault(read)? else { continue };
        let named = |(number, which)| Fault { number, document: Some(which), problem: problem.clone() };
        report.faults.extend(users.into_iter().map(named));
    }
    report.faults.sort_by_key(|fault| (fault.number, fault.document.map(Which::file_name)));
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
        // S3 calls the version of a bucket that keeps none `null`.
        Ok(Some(meta.version.is_some_and(|version| version != "null")))
    }
}
