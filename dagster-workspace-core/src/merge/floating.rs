//! Comments that stay where the element below them is gone. Read [`left_behind`].

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::align::Row;
use super::collection::{Fate, Sides};
use super::layout::Layout;
use super::trivia::Lead;
use super::{Input, lcs};

/// Lines of the sides, in the order in which they are written.
pub(super) type SideLines = Vec<(Input, usize, usize)>;

/// Lines that are left where elements are gone, by the row that they stand above then; by none at the end of the collection.
///
/// Who takes out an element may leave the lines above it, which then stand above the next one. Where the other side takes
/// that one out they are nobody's any more, but nobody took them out.
pub(super) fn left_behind(sides: &Sides<'_, '_>, rows: &[Row], fates: &[Fate]) -> BTreeMap<Option<usize>, SideLines> {
    let mut out = BTreeMap::new();
    let mut gone: Vec<(usize, &Row)> = rows.iter().zip(fates).filter_map(|(row, fate)| gone_row(row, *fate)).collect();
    let by = |side: Input| gone.iter().any(|(_, row)| taken_by(row, side));
    let is_block = sides.base.is_some_and(Layout::is_block) && sides.ours.is_block() && sides.theirs.is_block();
    if !is_block || !by(Input::Ours) || !by(Input::Theirs) {
        return out;
    }
    gone.sort_unstable_by_key(|(place, _)| *place);
    let row_at: BTreeMap<usize, usize> =
        rows.iter().enumerate().filter_map(|(at, row)| Some((row.base?, at))).collect();
    for run in gone.chunk_by(|(one, _), (other, _)| one + 1 == *other) {
        let sides_lines = [Input::Ours, Input::Theirs].into_iter().flat_map(|taker| left_by(taker, sides, run));
        let lines: SideLines = sides_lines.collect();
        let Some((last, _)) = run.last() else { continue };
        let next = row_at.get(&(last + 1)).copied();
        let lines = if next.is_none() { without_end(sides, lines) } else { lines };
        if !lines.is_empty() {
            out.insert(next, lines);
        }
    }
    out
}

/// Which of the lines above an element are those of the base: the nearer ones.
fn own_lines(base: &[String], lines: &[String]) -> BTreeSet<usize> {
    let back = |lines: &[String]| lines.iter().rev().cloned().collect::<Vec<_>>();
    let pairs = lcs::matches(&back(base), &back(lines)).into_iter();
    pairs.map(|(_, at)| lines.len() - 1 - at).collect()
}

/// Blank lines separate elements: at the end there is nothing to separate.
fn without_end(sides: &Sides<'_, '_>, mut lines: SideLines) -> SideLines {
    let is_blank = |(side, start, end): &(Input, usize, usize)| {
        let layout = if *side == Input::Ours { sides.ours } else { sides.theirs };
        layout.lines().slice(*start, *end).trim().is_empty()
    };
    while lines.pop_if(|line| is_blank(line)).is_some() {}
    lines
}

fn gone_row(row: &Row, fate: Fate) -> Option<(usize, &Row)> {
    (fate == Fate::Gone).then_some((row.base?, row))
}

/// Whether this side alone took an element out.
fn taken_by(row: &Row, side: Input) -> bool {
    match side {
        Input::Ours => row.ours.is_none() && row.theirs.is_some(),
        _ => row.theirs.is_none() && row.ours.is_some(),
    }
}

/// Lines that one side left where it took elements out, and that the other one has above these, in a run of elements that
/// are gone.
fn left_by(taker: Input, sides: &Sides<'_, '_>, run: &[(usize, &Row)]) -> SideLines {
    let lead = |side: Input, row: &Row| match side {
        Input::Base => sides.base_slot(row).map(|(layout, slot)| Lead::of(layout, slot)),
        Input::Ours => sides.our_slot(row).map(|slot| Lead::of(sides.ours, slot)),
        Input::Theirs => sides.their_slot(row).map(|slot| Lead::of(sides.theirs, slot)),
    };
    let other = if taker == Input::Ours { Input::Theirs } else { Input::Ours };
    let texts = |side: Input, row: &Row| lead(side, row).map(Lead::texts).unwrap_or_default();
    let mut old: Vec<String> = Vec::new();
    let mut left: Vec<(String, (usize, usize))> = Vec::new();
    for (_, row) in run {
        let base = texts(Input::Base, row);
        if taken_by(row, taker) {
            let kept: BTreeSet<usize> = lcs::matches(&base, &texts(other, row)).into_iter().map(|(at, _)| at).collect();
            old.extend(base.into_iter().enumerate().filter(|(at, _)| kept.contains(at)).map(|(_, text)| text));
        } else if let Some(own) = lead(taker, row) {
            let lines = own.texts();
            let known = own_lines(&base, &lines);
            left.extend(
                lines
                    .into_iter()
                    .zip(own.lines())
                    .enumerate()
                    .filter(|(at, _)| !known.contains(at))
                    .map(|(_, line)| line),
            );
        }
    }
    let (texts, places): (Vec<String>, Vec<(usize, usize)>) = left.into_iter().unzip();
    let both = lcs::matches(&old, &texts).into_iter();
    both.filter_map(|(_, at)| places.get(at)).map(|(start, end)| (taker, *start, *end)).collect()
}
