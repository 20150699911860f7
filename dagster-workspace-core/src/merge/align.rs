//! Which elements of three collections belong together. Read [`rows`].
//!
//! Entries belong together by key, items by the identity of their list. Items without one, and those whose identity stands
//! twice, belong together by content: along a longest common sequence of equal items, never by place.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::layout::{Layout, Slot};
use super::same::{KeyClass, Name, canonical, name_of_key};
use super::{Input, Three};
use crate::lcs;
use crate::yaml::ItemKey;

/// One identity, and the places of its elements in the three collections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) base: Option<usize>,
    pub(super) ours: Option<usize>,
    pub(super) theirs: Option<usize>,
    /// Whether content alone says so, no key and no name.
    pub(super) loose: bool,
}

/// How the elements of three collections belong together.
pub(super) enum Rows {
    /// Like this. The first `head` of them and the last `tail` stand in the same order everywhere, and all have them.
    Matched { rows: Vec<Row>, head: usize, tail: usize },
    /// A key stands twice: the mapping is one value.
    Atom,
    /// Items without identity were replaced by others on both sides.
    Clash,
}

/// Matches the elements of three collections of one kind; without a base everything is new.
pub(super) fn rows(base: Option<&Layout<'_>>, ours: &Layout<'_>, theirs: &Layout<'_>, key: Option<&ItemKey>) -> Rows {
    let slots = Three {
        base: base.map_or(&[][..], |base| base.slots.as_slice()),
        ours: ours.slots.as_slice(),
        theirs: theirs.slots.as_slice(),
    };
    if let (Some(base), Some(key)) = (base, key)
        && let Some((head, tail)) = in_step(&Three { base, ours, theirs }, key)
    {
        return in_step_rows(&slots, key, head, tail);
    }
    let still = base.map_or(0, |base| common_head(base, ours, theirs));
    let mut rows: Vec<Row> = (0..still).map(Row::everywhere).collect();
    let mut matching = Matching::default();
    match key {
        None => {
            if !matching.entries(&slots) {
                return Rows::Atom;
            }
        }
        Some(key) => matching.items(&slots, key, still),
    }
    if matching.match_loose(base.is_none()) {
        return Rows::Clash;
    }
    let rest = |row: &Row| row.base.or(row.ours).or(row.theirs).is_some_and(|at| at >= still) || row.base.is_none();
    rows.extend(matching.rows.into_iter().filter(rest));
    Rows::Matched { rows, head: still, tail: 0 }
}

/// How many items at both ends have the same names in the same order everywhere; `None` where a name may stand twice, or
/// where nothing is gained.
fn in_step(layouts: &Three<&Layout<'_>>, key: &ItemKey) -> Option<(usize, usize)> {
    let Three { base, ours, theirs } = layouts;
    let name = |slot: &Slot<'_>| Some(hash(&key.name(slot.element.node)?));
    let row = |at: (usize, usize, usize)| {
        let (b, o, t) = (base.slots.get(at.0)?, ours.slots.get(at.1)?, theirs.slots.get(at.2)?);
        let own = key.name(o.element.node)?;
        // What has the same bytes has the same name.
        let same = |layout: &Layout<'_>, slot: &Slot<'_>| {
            layout.chunk(slot).0 == ours.chunk(o).0 || key.is(slot.element.node, &own)
        };
        (same(base, b) && same(theirs, t)).then(|| hash(&own))
    };
    let lengths = (base.slots.len(), ours.slots.len(), theirs.slots.len());
    let least = lengths.0.min(lengths.1).min(lengths.2);
    let mut names: Vec<(u64, u8)> = Vec::with_capacity(lengths.1 + 1);
    let head = (0..least).map_while(|at| row((at, at, at))).map(|name| names.push((name, 7))).count();
    let back = |at: usize| (lengths.0 - at, lengths.1 - at, lengths.2 - at);
    let tail = (1..=least - head).map_while(|at| row(back(at))).map(|name| names.push((name, 7))).count();
    for (side, slots) in [(1, &base.slots), (2, &ours.slots), (4, &theirs.slots)] {
        let middle = slots.get(head..slots.len() - tail).unwrap_or_default();
        names.extend(middle.iter().filter_map(name).map(|name| (name, side)));
    }
    names.sort_unstable();
    let unique = names.chunk_by(|one, other| one.0 == other.0).all(|group| {
        let sides = group.iter().fold(0_u8, |all, (_, sides)| all | sides);
        sides.count_ones() == group.iter().map(|(_, sides)| sides.count_ones()).sum::<u32>()
    });
    (unique && head + tail > 0).then_some((head, tail))
}

/// FNV-1a. Two names with one hash are taken for the same where that is the careful answer.
pub(super) fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The rows of lists that are in step at both ends.
fn in_step_rows(slots: &Three<&[Slot<'_>]>, key: &ItemKey, head: usize, tail: usize) -> Rows {
    let middle = slots.map(|slots| slots.get(head..slots.len() - tail).unwrap_or_default());
    let mut matching = Matching::default();
    matching.items(&middle, key, 0);
    if matching.match_loose(false) {
        return Rows::Clash;
    }
    let shifted = |row: Row| {
        let place = |at: Option<usize>| at.map(|at| at + head);
        Row { base: place(row.base), ours: place(row.ours), theirs: place(row.theirs), ..row }
    };
    let ends = middle.map(|middle| head + middle.len());
    let last = |at: usize| Row {
        base: Some(ends.base + at),
        ours: Some(ends.ours + at),
        theirs: Some(ends.theirs + at),
        loose: false,
    };
    let rows = (0..head).map(Row::everywhere).chain(matching.rows.into_iter().map(shifted)).chain((0..tail).map(last));
    Rows::Matched { rows: rows.collect(), head, tail }
}

/// How many elements at the front have the same bytes in all three.
fn common_head(base: &Layout<'_>, ours: &Layout<'_>, theirs: &Layout<'_>) -> usize {
    let columns = base.node.column() == ours.node.column() && ours.node.column() == theirs.node.column();
    if !columns || base.node.kind() != ours.node.kind() || ours.node.kind() != theirs.node.kind() {
        return 0;
    }
    let all = base.slots.iter().zip(&ours.slots).zip(&theirs.slots);
    all.take_while(|((b, o), t)| base.tile(b) == ours.tile(o) && ours.tile(o) == theirs.tile(t)).count()
}

/// Rows as they are found.
#[derive(Default)]
struct Matching<'d> {
    rows: Vec<Row>,
    by_name: BTreeMap<Name<'d>, usize>,
    /// Items without an identity of their own: their places and their content.
    loose: Three<Vec<(usize, String)>>,
}

impl<'d> Matching<'d> {
    /// Matches entries by key; whether no key stands twice.
    fn entries(&mut self, slots: &Three<&[Slot<'d>]>) -> bool {
        for (side, slots) in slots.in_order() {
            for (at, slot) in slots.iter().enumerate() {
                let Some(key) = slot.element.key else { continue };
                if !self.put(name_of_key(key), side, at) {
                    return false;
                }
            }
        }
        true
    }

    /// Matches items by identity, and sets those without one aside.
    fn items(&mut self, slots: &Three<&[Slot<'d>]>, key: &ItemKey, still: usize) {
        let name = |slot: &Slot<'d>| Some((KeyClass::Text, key.name(slot.element.node)?));
        let names = slots.map(|slots| slots.iter().map(name).collect::<Vec<_>>());
        let mut shared: BTreeSet<Name<'d>> = BTreeSet::new();
        for (_, names) in names.in_order() {
            let mut seen = BTreeSet::new();
            shared.extend(names.iter().flatten().filter(|name| !seen.insert((*name).clone())).cloned());
        }
        for (side, names) in names.in_order() {
            for (at, name) in names.iter().enumerate() {
                match name {
                    Some(name) if !shared.contains(name) => {
                        self.put(name.clone(), side, at);
                    }
                    // What has the same bytes at the front of all three needs no other match.
                    _ if at < still => {}
                    _ => {
                        let content = slots.get(side).get(at).map(|slot| canonical(slot.element.node));
                        self.loose.get_mut(side).push((at, content.unwrap_or_default()));
                    }
                }
            }
        }
    }

    fn put(&mut self, name: Name<'d>, side: Input, at: usize) -> bool {
        let row = *self.by_name.entry(name).or_insert_with(|| {
            self.rows.push(Row::default());
            self.rows.len() - 1
        });
        let Some(row) = self.rows.get_mut(row) else { return false };
        row.place(side).replace(at).is_none()
    }

    /// The items without identity that stand behind the same item that both sides have; each list ascends.
    fn beside(&self, in_ours: &[(usize, usize)], in_theirs: &[(usize, usize)]) -> Vec<(Vec<usize>, Vec<usize>)> {
        let theirs_of: BTreeMap<usize, usize> = in_theirs.iter().copied().collect();
        let stable = in_ours.iter().filter_map(|(base, own)| {
            let (own, _) = self.loose.ours.get(*own)?;
            let (their, _) = self.loose.theirs.get(*theirs_of.get(base)?)?;
            Some((*own, *their))
        });
        let named = self.rows.iter().filter_map(|row| Some((row.ours?, row.theirs?)));
        let pairs: Vec<(usize, usize)> = stable.chain(named).collect();
        let of_ours: BTreeMap<usize, usize> = pairs.iter().copied().collect();
        let of_theirs: BTreeMap<usize, usize> = pairs.iter().map(|(_, their)| (*their, *their)).collect();
        let mut groups: BTreeMap<Option<usize>, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        let left = |of: &BTreeMap<usize, usize>, place: usize| of.range(..place).next_back().map(|(_, anchor)| *anchor);
        for (at, (place, _)) in self.loose.ours.iter().enumerate() {
            groups.entry(left(&of_ours, *place)).or_default().0.push(at);
        }
        for (at, (place, _)) in self.loose.theirs.iter().enumerate() {
            groups.entry(left(&of_theirs, *place)).or_default().1.push(at);
        }
        groups.into_values().collect()
    }

    /// Matches the items that have no identity by content; whether both sides replaced the same ones.
    fn match_loose(&mut self, no_base: bool) -> bool {
        let Three { base, ours, theirs } = &self.loose;
        if base.is_empty() && ours.is_empty() && theirs.is_empty() {
            return false;
        }
        let content = |items: &Vec<(usize, String)>| items.iter().map(|(_, text)| text.clone()).collect::<Vec<_>>();
        let (b, o, t) = (content(base), content(ours), content(theirs));
        // Lists of which nothing was there before have no common ground, unless they are the same.
        if no_base && o != t {
            return true;
        }
        let (in_ours, in_theirs) = (lcs::matches(&b, &o), lcs::matches(&b, &t));
        let beside = self.beside(&in_ours, &in_theirs);
        let alike = both_new((&o, &in_ours), (&t, &in_theirs), &beside);
        if clashes(b.len(), (&in_ours, o.len()), (&in_theirs, t.len()), &alike) {
            return true;
        }
        let place = |items: &[(usize, String)], at: usize| items.get(at).map(|(place, _)| *place);
        let (ours_of, theirs_of): (BTreeMap<_, _>, BTreeMap<_, _>) =
            (in_ours.iter().copied().collect(), in_theirs.iter().copied().collect());
        let mut found: Vec<Row> = (0..b.len())
            .map(|at| Row {
                base: place(base, at),
                ours: ours_of.get(&at).and_then(|at| place(ours, *at)),
                theirs: theirs_of.get(&at).and_then(|at| place(theirs, *at)),
                loose: true,
            })
            .collect();
        let old: Three<BTreeSet<usize>> = Three {
            base: BTreeSet::new(),
            ours: in_ours.iter().map(|(_, at)| *at).collect(),
            theirs: in_theirs.iter().map(|(_, at)| *at).collect(),
        };
        let partner: BTreeMap<usize, usize> = alike.iter().copied().collect();
        let partners: BTreeSet<usize> = alike.iter().map(|(_, theirs)| *theirs).collect();
        for at in (0..o.len()).filter(|at| !old.ours.contains(at)) {
            let theirs = partner.get(&at).and_then(|at| place(theirs, *at));
            found.push(Row { base: None, ours: place(ours, at), theirs, loose: true });
        }
        for at in (0..t.len()).filter(|at| !old.theirs.contains(at) && !partners.contains(at)) {
            found.push(Row { base: None, ours: None, theirs: place(theirs, at), loose: true });
        }
        self.rows.extend(found);
        false
    }
}

/// New items of both sides that are the same: behind the same item that both have, which may have moved, else between the
/// same items that all three have.
fn both_new(
    (ours, in_ours): (&[String], &[(usize, usize)]),
    (theirs, in_theirs): (&[String], &[(usize, usize)]),
    beside: &[(Vec<usize>, Vec<usize>)],
) -> Vec<(usize, usize)> {
    let mut used_ours: BTreeSet<usize> = in_ours.iter().map(|(_, at)| *at).collect();
    let mut used_theirs: BTreeSet<usize> = in_theirs.iter().map(|(_, at)| *at).collect();
    let theirs_of: BTreeMap<usize, usize> = in_theirs.iter().copied().collect();
    let stable = in_ours.iter().filter_map(|(base, own)| Some((*own, *theirs_of.get(base)?)));
    let mut from = (0, 0);
    let between = stable.chain([(ours.len(), theirs.len())]).map(|next| {
        let (own, their) = (from.0..next.0, from.1..next.1);
        from = (next.0 + 1, next.1 + 1);
        (own.collect(), their.collect())
    });
    let mut out = Vec::new();
    for (own, their) in beside.iter().cloned().chain(between) {
        let new = |items: &[String], places: Vec<usize>, used: &BTreeSet<usize>| -> (Vec<usize>, Vec<String>) {
            let places = places.into_iter().filter(|at| !used.contains(at));
            places.filter_map(|at| Some((at, items.get(at)?.clone()))).unzip()
        };
        let (own, own_texts) = new(ours, own, &used_ours);
        let (their, their_texts) = new(theirs, their, &used_theirs);
        for (one, other) in lcs::matches(&own_texts, &their_texts) {
            if let (Some(one), Some(other)) = (own.get(one), their.get(other)) {
                used_ours.insert(*one);
                used_theirs.insert(*other);
                out.push((*one, *other));
            }
        }
    }
    out.sort_unstable();
    out
}

/// What a side made of a part of the base: the items from `start` to `end` became the new ones from `new_start` to `new_end`.
#[derive(Clone, Copy, Debug)]
struct Region {
    start: usize,
    end: usize,
    new_start: usize,
    new_end: usize,
}

impl Region {
    /// Whether it has new items that are not among those that both sides have.
    fn inserts(self, shared: &BTreeSet<usize>) -> bool {
        (self.new_start..self.new_end).any(|at| !shared.contains(&at))
    }

    fn deletes(self) -> bool {
        self.start < self.end
    }
}

/// The parts of the base that a side changed.
fn regions(base: usize, own: usize, pairs: &[(usize, usize)]) -> Vec<Region> {
    let (mut start, mut new_start) = (0, 0);
    let mut out = Vec::new();
    for (end, new_end) in pairs.iter().copied().chain([(base, own)]) {
        if start < end || new_start < new_end {
            out.push(Region { start, end, new_start, new_end });
        }
        (start, new_start) = (end + 1, new_end + 1);
    }
    out
}

/// Whether both sides changed the same items or neighbours of them, so that it is open what stands for what: unless both did
/// the same, both only took out, or both only put in. What both put in alike is open nowhere.
fn clashes(
    base: usize,
    (in_ours, ours): (&[(usize, usize)], usize),
    (in_theirs, theirs): (&[(usize, usize)], usize),
    alike: &[(usize, usize)],
) -> bool {
    let (own_shared, their_shared): (BTreeSet<usize>, BTreeSet<usize>) = alike.iter().copied().unzip();
    let of_theirs = regions(base, theirs, in_theirs);
    let mut from = 0;
    regions(base, ours, in_ours).into_iter().any(|own| {
        // Regions ascend: what ends before this one ends before all that follow.
        from += of_theirs.iter().skip(from).take_while(|other| other.end < own.start).count();
        let near = of_theirs.iter().skip(from).take_while(|other| other.start <= own.end);
        near.copied().any(|other| {
            let put = own.inserts(&own_shared) || other.inserts(&their_shared);
            put && (own.deletes() || other.deletes())
        })
    })
}

impl Row {
    /// The same place in all three.
    fn everywhere(at: usize) -> Self {
        Self { base: Some(at), ours: Some(at), theirs: Some(at), loose: false }
    }

    fn place(&mut self, side: Input) -> &mut Option<usize> {
        match side {
            Input::Base => &mut self.base,
            Input::Ours => &mut self.ours,
            Input::Theirs => &mut self.theirs,
        }
    }
}
