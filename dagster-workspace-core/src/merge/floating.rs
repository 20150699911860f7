//! Comments and blank lines that stay where the elements below them are gone. Read [`left_behind`].

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::Input;
use super::align::Row;
use super::collection::{Fate, Sides};
use super::trivia::Lead;
use crate::lcs;

/// Lines of the sides, in the order in which they are written.
pub(super) type SideLines = Vec<(Input, usize, usize)>;

/// What elements that are gone leave to the next one.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// Lines that come above its own.
    pub(super) above: SideLines,
    /// Where lines above it begin that the other side took out, from where they stood before.
    pub(super) dead: Vec<(Input, usize)>,
}

impl Left {
    pub(super) fn is_dead(&self, side: Input, line: usize) -> bool {
        self.dead.contains(&(side, line))
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.above.is_empty() && self.dead.is_empty()
    }
}

/// What is left where elements are gone, by the row that comes next; by none at the end of the collection.
///
/// Who takes out an element may leave the lines above it, which then stand above the next one. Where the other side takes
/// that one out they are nobody's any more, but nobody took them out; where the other side took the lines out, they go.
pub(super) fn left_behind(sides: &Sides<'_, '_>, rows: &[Row], fates: &[Fate]) -> BTreeMap<Option<usize>, Left> {
    let mut out = BTreeMap::new();
    let Some(base) = sides.base.filter(|base| base.is_block() && sides.ours.is_block() && sides.theirs.is_block())
    else {
        return out;
    };
    let is_gone = |(row, fate): (&'_ Row, &Fate)| row.base.filter(|_| *fate == Fate::Gone);
    let mut gone: Vec<usize> = rows.iter().zip(fates).filter_map(is_gone).collect();
    if gone.is_empty() {
        return out;
    }
    gone.sort_unstable();
    let mut row_at = alloc::vec![None; base.slots.len()];
    for (at, row) in rows.iter().enumerate() {
        if let Some(place) = row.base.and_then(|place| row_at.get_mut(place)) {
            *place = Some(at);
        }
    }
    let row_at = |place: usize| row_at.get(place).copied().flatten();
    for run in gone.chunk_by(|one, other| one + 1 == *other) {
        let of_run: Vec<&Row> = run.iter().filter_map(|place| rows.get(row_at(*place)?)).collect();
        let next = run.last().and_then(|last| row_at(last + 1));
        let mut left = left_by(sides, &of_run, next.and_then(|at| rows.get(at)));
        if next.is_none() {
            drop_end(sides, &mut left.above);
        }
        if !left.is_nothing() {
            out.insert(next, left);
        }
    }
    out
}

/// What a run of elements that are gone leaves to the `next` one.
fn left_by(sides: &Sides<'_, '_>, run: &[&Row], next: Option<&Row>) -> Left {
    let old: Vec<Vec<String>> = run.iter().map(|row| texts(sides, Input::Base, row)).collect();
    let mut left = Left::default();
    if old.iter().all(Vec::is_empty) {
        return left;
    }
    let next = next.filter(|row| row.ours.is_some() && row.theirs.is_some());
    let view = |side: Input| View::of(side, sides, run, next, &old);
    let (mut ours, mut theirs) = (view(Input::Ours), view(Input::Theirs));
    let in_place = (ours.has.clone(), theirs.has.clone());
    ours.find_moved(&in_place.1);
    theirs.find_moved(&in_place.0);
    let is_alive = |line: usize| ours.has.contains(&line) && theirs.has.contains(&line);
    let moved = |view: &View, line: usize| view.moved.get(&line).copied();
    for line in ours.moved.keys().chain(theirs.moved.keys()).copied().collect::<BTreeSet<usize>>() {
        let places = [(Input::Ours, moved(&ours, line)), (Input::Theirs, moved(&theirs, line))];
        let places = || places.iter().filter_map(|(side, place)| Some((*side, (*place)?)));
        if !is_alive(line) {
            left.dead.extend(places().filter(|(_, place)| place.stays).map(|(side, place)| (side, place.start)));
        } else if places().all(|(_, place)| !place.stays) {
            left.above.extend(places().next().map(|(side, place)| (side, place.start, place.end)));
        }
    }
    left
}

/// Where a line stands now that stood above an element which is gone.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    end: usize,
    /// Whether what it stands above is not gone as well.
    stays: bool,
}

/// What one side has of the lines above elements that are gone, which are numbered through.
#[derive(Default)]
struct View {
    has: BTreeSet<usize>,
    /// Lines that it took from where they stood.
    lost: Vec<(usize, String)>,
    /// Lines that stand where they did not before.
    new: Vec<(Place, String)>,
    /// Those of the lost ones that are among the new ones.
    moved: BTreeMap<usize, Place>,
}

impl View {
    fn of(side: Input, sides: &Sides<'_, '_>, run: &[&Row], next: Option<&Row>, old: &[Vec<String>]) -> Self {
        let mut view = Self::default();
        let mut first = 0;
        let above_next = next.map(|row| (row, texts(sides, Input::Base, row), true));
        for (row, base, stays) in run.iter().zip(old).map(|(row, old)| (*row, old.clone(), false)).chain(above_next) {
            let own = lead(sides, side, row);
            let lines = own.map(Lead::texts).unwrap_or_default();
            let (old, known): (BTreeSet<usize>, BTreeSet<usize>) = own_lines(&base, &lines).into_iter().unzip();
            let length = base.len();
            let all = lines.into_iter().zip(own.into_iter().flat_map(Lead::lines)).enumerate();
            let new = all.filter(|(at, _)| !known.contains(at));
            view.new.extend(new.map(|(_, (text, (start, end)))| (Place { start, end, stays }, text)));
            if !stays {
                view.has.extend(old.iter().map(|at| first + at));
                let lost = base.into_iter().enumerate().filter(|(at, _)| !old.contains(at));
                view.lost.extend(lost.map(|(at, text)| (first + at, text)));
                first += length;
            }
        }
        view
    }

    /// Finds the lost lines among the new ones: those first that the other side has where they stood.
    fn find_moved(&mut self, other: &BTreeSet<usize>) {
        for in_place in [true, false] {
            let is_open = |number: usize| other.contains(&number) == in_place && !self.moved.contains_key(&number);
            let lost: Vec<_> = self.lost.iter().filter(|(number, _)| is_open(*number)).cloned().collect();
            let taken: BTreeSet<usize> = self.moved.values().map(|place| place.start).collect();
            let new: Vec<_> = self.new.iter().filter(|(place, _)| !taken.contains(&place.start)).cloned().collect();
            let (numbers, lost): (Vec<usize>, Vec<String>) = lost.into_iter().unzip();
            let (places, new): (Vec<Place>, Vec<String>) = new.into_iter().unzip();
            let pairs = from_end(&lost, &new);
            self.moved.extend(pairs.filter_map(|(at, place)| Some((*numbers.get(at)?, *places.get(place)?))));
        }
        self.has.extend(self.moved.keys());
    }
}

fn lead<'d>(sides: &Sides<'_, 'd>, side: Input, row: &Row) -> Option<Lead<'d>> {
    match side {
        Input::Base => sides.base_slot(row).map(|(layout, slot)| Lead::of(layout, slot)),
        Input::Ours => sides.our_slot(row).map(|slot| Lead::of(sides.ours, slot)),
        Input::Theirs => sides.their_slot(row).map(|slot| Lead::of(sides.theirs, slot)),
    }
}

fn texts(sides: &Sides<'_, '_>, side: Input, row: &Row) -> Vec<String> {
    lead(sides, side, row).map(Lead::texts).unwrap_or_default()
}

/// Pairs of lines above an element that were there and are: comments in order, blank lines only beside what is above it
/// still.
fn own_lines(base: &[String], lines: &[String]) -> Vec<(usize, usize)> {
    let mut own = Vec::new();
    let mut below = (base.len(), lines.len());
    for (at, place) in from_end(base, lines) {
        if base.get(at).is_some_and(|text| !text.is_empty()) || (at + 1, place + 1) == below {
            own.push((at, place));
            below = (at, place);
        }
    }
    own
}

/// Pairs of equal lines in the same order, the last ones first.
fn from_end(one: &[String], other: &[String]) -> impl Iterator<Item = (usize, usize)> {
    let back = |lines: &[String]| lines.iter().rev().cloned().collect::<Vec<_>>();
    let (one, other) = (back(one), back(other));
    lcs::matches(&one, &other).into_iter().map(move |(at, place)| (one.len() - 1 - at, other.len() - 1 - place))
}

/// Blank lines separate elements: at the end there is nothing to separate.
fn drop_end(sides: &Sides<'_, '_>, lines: &mut SideLines) {
    let is_blank = |(side, start, end): &(Input, usize, usize)| {
        let layout = if *side == Input::Ours { sides.ours } else { sides.theirs };
        layout.lines().slice(*start, *end).trim().is_empty()
    };
    while lines.pop_if(|line| is_blank(line)).is_some() {}
}
