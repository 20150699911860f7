//! What may go. [`outdated`] is the plan; removing is the caller's.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;

use super::record::Records;
use crate::time::Timestamp;
use crate::yaml::Document;

/// By what a deployment is known to have had its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// Its pull request is one of these.
    PullRequests(BTreeSet<u64>),
    /// Its time has come, or passed.
    Expired,
    /// It was added before this time.
    CreatedBefore(Timestamp),
}

/// A deployment that has had its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outdated {
    /// Its name.
    pub name: String,
    /// Whom to ask, where that is known.
    pub owner: Option<String>,
    /// The first criterion that it meets.
    pub reason: Reason,
}

/// Why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// Its pull request is closed.
    PullRequest(u64),
    /// It was needed until then.
    Expired(Timestamp),
    /// It was added then.
    Created(Timestamp),
}

/// The deployments of a document that meet any of the criteria at the time `now`, in the order of their records.
///
/// A deployment without a record never does, nor one whose record does not say what a criterion asks for. A record whose deployment
/// is gone counts, too: removing the name takes the record.
#[must_use]
pub fn outdated(document: &Document<'_>, criteria: &[Criterion], now: Timestamp) -> Vec<Outdated> {
    let records = Records::of(document);
    let mut found: Vec<Outdated> = Vec::new();
    for entry in records.iter() {
        let record = entry.record();
        let reason = criteria.iter().find_map(|criterion| match criterion {
            Criterion::PullRequests(closed) => {
                record.pull_request.filter(|number| closed.contains(number)).map(Reason::PullRequest)
            }
            Criterion::Expired => record.expires.filter(|expires| *expires <= now).map(Reason::Expired),
            Criterion::CreatedBefore(time) => record.created.filter(|created| created < time).map(Reason::Created),
        });
        if let Some(reason) = reason {
            found.push(Outdated { name: entry.name().to_string(), owner: record.owner, reason });
        }
    }
    found
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PullRequest(number) => write!(f, "pull request {number} is closed"),
            Self::Expired(time) => write!(f, "expired {time}"),
            Self::Created(time) => write!(f, "created {time}"),
        }
    }
}
