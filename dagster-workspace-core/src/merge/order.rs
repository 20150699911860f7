//! In which order the elements of a merged collection stand. Read [`arrange`].

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::align::Row;

/// Who moved elements that all three have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moved {
    /// Nobody, or ours alone, or both alike.
    Ours,
    /// Theirs alone.
    Theirs,
    /// Both, each in another way.
    Both,
}

/// Whose order that is in which the surviving rows stand that all three have.
pub(super) fn moved(rows: &[Row], alive: &[usize]) -> Moved {
    let common: Vec<&Row> = alive
        .iter()
        .filter_map(|at| rows.get(*at))
        .filter(|row| row.base.is_some() && row.ours.is_some() && row.theirs.is_some())
        .collect();
    let sorted = |key: fn(&Row) -> Option<usize>| {
        let mut places: Vec<usize> = (0..common.len()).collect();
        places.sort_by_key(|at| common.get(*at).and_then(|row| key(row)));
        places
    };
    let (base, ours, theirs) = (sorted(|row| row.base), sorted(|row| row.ours), sorted(|row| row.theirs));
    if theirs == base || theirs == ours {
        Moved::Ours
    } else if ours == base {
        Moved::Theirs
    } else {
        Moved::Both
    }
}

/// The surviving rows in order: those that all three have in the order of one side, new ones behind their left neighbour on
/// their own side, a run of ours before a run of theirs.
pub(super) fn arrange(rows: &[Row], alive: &[usize], by_theirs: bool) -> Vec<usize> {
    let row = |at: usize| rows.get(at).copied().unwrap_or_default();
    let sorted = |place: fn(&Row) -> Option<usize>| {
        let mut own: Vec<usize> = alive.iter().copied().filter(|at| place(&row(*at)).is_some()).collect();
        own.sort_by_key(|at| place(&row(*at)));
        own
    };
    let (ours, theirs) = (sorted(|row| row.ours), sorted(|row| row.theirs));
    let of_ours = if by_theirs {
        let common = |at: &usize| row(*at).base.is_some() && row(*at).ours.is_some() && row(*at).theirs.is_some();
        let skeleton: Vec<usize> = theirs.iter().copied().filter(common).collect();
        let known: BTreeSet<usize> = skeleton.iter().copied().collect();
        let runs = runs_behind(&ours, |at| known.contains(&at));
        let run = |anchor: Option<usize>| runs.get(&anchor).into_iter().flatten().copied();
        run(None).chain(skeleton.iter().flat_map(|at| core::iter::once(*at).chain(run(Some(*at))))).collect()
    } else {
        ours
    };
    let runs = runs_behind(&theirs, |at| row(at).ours.is_some());
    let mut out = Vec::with_capacity(alive.len());
    let mut waiting = runs.get(&None);
    for at in of_ours {
        if row(at).theirs.is_some() {
            out.extend(waiting.into_iter().flatten());
            waiting = runs.get(&Some(at));
        }
        out.push(at);
    }
    out.extend(waiting.into_iter().flatten());
    out
}

/// Rows that are not `known`, by the known one on their left.
fn runs_behind(rows: &[usize], known: impl Fn(usize) -> bool) -> BTreeMap<Option<usize>, Vec<usize>> {
    let mut runs: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
    let mut anchor = None;
    for at in rows {
        if known(*at) {
            anchor = Some(*at);
        } else {
            runs.entry(anchor).or_default().push(*at);
        }
    }
    runs
}
