//! Which preview deployments may go. [`outdated`] is the plan; removing is the caller's.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;

use super::record::{Record, Records};
use crate::time::Timestamp;
use crate::yaml::Document;

/// Which preview deployments are meant: those that meet any of the criteria and all of the filters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// By what one is known to have had its time. None: the filters alone say it.
    pub criteria: Vec<Criterion>,
    /// Those of this repository.
    pub repository: Option<String>,
    /// Those of this owner.
    pub owner: Option<String>,
    /// Those whose names match.
    pub name: Option<Pattern>,
    /// Those whose branches match.
    pub branch: Option<Pattern>,
    /// Those that were added before this time.
    pub created_before: Option<Timestamp>,
}

/// By what a preview deployment is known to have had its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// Its pull request is one of these.
    PullRequests {
        /// Their numbers.
        closed: BTreeSet<u64>,
        /// The repository that they are of, where [`Selection`] names neither repository, owner nor name.
        repository: Option<String>,
    },
    /// Its time has come, or passed.
    Expired,
}

/// A text with `*` for any characters and `?` for any one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// The pattern of a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text of the pattern.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it matches a text as a whole.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let pattern: Vec<char> = self.0.chars().collect();
        // Whether the pattern so far matches the text so far, for every length of the text.
        let text: Vec<char> = text.chars().collect();
        let mut row: Vec<bool> = core::iter::once(true).chain(text.iter().map(|_| false)).collect();
        for wanted in pattern {
            let mut before = false;
            let mut any = false;
            for (at, cell) in row.iter_mut().enumerate() {
                any |= *cell;
                let found = at.checked_sub(1).and_then(|at| text.get(at));
                let now = match wanted {
                    '*' => any,
                    '?' => before,
                    wanted => before && found == Some(&wanted),
                };
                before = core::mem::replace(cell, now);
            }
        }
        row.last() == Some(&true)
    }
}

/// What a selection finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Those that may go, in the order of their records.
    pub outdated: Vec<Outdated>,
    /// Those that would go if they were of the repository: their records do not say of which they are.
    pub undecided: Vec<Outdated>,
}

/// A preview deployment that has had its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outdated {
    /// Its name.
    pub name: String,
    /// Whom to ask, where that is known.
    pub owner: Option<String>,
    /// Its repository, where that is known.
    pub repository: Option<String>,
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
    /// It shows this branch.
    Branch(String),
}

/// Why a selection is not made: numbers of pull requests, and names of branches, mean something within one repository alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing says whose {} these are", match .0 { Unscoped::PullRequests => "pull requests", Unscoped::Branches => "branches" })]
pub struct UnscopedError(pub Unscoped);

/// What means something within one repository alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unscoped {
    /// Numbers of pull requests.
    PullRequests,
    /// Names of branches.
    Branches,
}

/// The preview deployments of a document that a selection means at the time `now`, in the order of their records.
///
/// A deployment without a record is none, nor is one whose record does not say what is asked for; of one that does not say its repository,
/// nobody knows. A record whose deployment is gone counts, too: removing the name takes the record.
///
/// # Errors
/// [`UnscopedError`] where pull requests or branches are asked for, and neither repository, owner nor name.
pub fn outdated(document: &Document<'_>, selection: &Selection, now: Timestamp) -> Result<Found, UnscopedError> {
    selection.check()?;
    let mut found = Found::default();
    for entry in Records::of(document).iter() {
        let record = entry.record();
        let Some((reason, is_decided)) = selection.judge(entry.name(), &record, now) else { continue };
        let Record { owner, repository, .. } = record;
        let outdated = Outdated { name: entry.name().to_string(), owner, repository, reason };
        if is_decided { &mut found.outdated } else { &mut found.undecided }.push(outdated);
    }
    Ok(found)
}

impl Selection {
    fn check(&self) -> Result<(), UnscopedError> {
        if self.repository.is_some() || self.owner.is_some() || self.name.is_some() {
            return Ok(());
        }
        let unscoped = |criterion: &Criterion| matches!(criterion, Criterion::PullRequests { repository: None, .. });
        if self.criteria.iter().any(unscoped) {
            return Err(UnscopedError(Unscoped::PullRequests));
        }
        if self.branch.is_some() { Err(UnscopedError(Unscoped::Branches)) } else { Ok(()) }
    }

    /// Why a record is meant, and whether it is known to be of the repository.
    fn judge(&self, name: &str, record: &Record, now: Timestamp) -> Option<(Reason, bool)> {
        let Self { criteria, repository, owner, name: names, branch, created_before } = self;
        let is_met = names.as_ref().is_none_or(|pattern| pattern.matches(name))
            && owner.as_ref().is_none_or(|owner| record.owner.as_ref() == Some(owner))
            && branch.as_ref().is_none_or(|pattern| record.branch.as_ref().is_some_and(|own| pattern.matches(own)))
            && created_before.is_none_or(|time| record.created.is_some_and(|created| created < time));
        let is_of = |repository: &Option<String>| repository.as_ref().map_or(Some(true), |of| record.is_of(of));
        if !is_met || is_of(repository) == Some(false) {
            return None;
        }
        let is_decided = is_of(repository).is_some();
        if criteria.is_empty() {
            let of_branch = branch.as_ref().and_then(|_| record.branch.clone()).map(Reason::Branch);
            let reason = of_branch.or_else(|| created_before.and(record.created).map(Reason::Created))?;
            return Some((reason, is_decided));
        }
        let judged = criteria.iter().filter_map(|criterion| match criterion {
            Criterion::PullRequests { closed, repository } => {
                let number = record.pull_request.filter(|number| closed.contains(number))?;
                let is_its = is_of(repository);
                (is_its != Some(false)).then_some((Reason::PullRequest(number), is_its.is_some()))
            }
            Criterion::Expired => {
                let expires = record.expires.filter(|expires| *expires <= now)?;
                Some((Reason::Expired(expires), true))
            }
        });
        // One that decides goes before one that does not.
        let (reason, is_sure) = judged.reduce(|first, other| if first.1 { first } else { other })?;
        Some((reason, is_decided && is_sure))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PullRequest(number) => write!(f, "pull request {number} is closed"),
            Self::Expired(time) => write!(f, "expired {time}"),
            Self::Created(time) => write!(f, "created {time}"),
            Self::Branch(branch) => write!(f, "branch {branch}"),
        }
    }
}
