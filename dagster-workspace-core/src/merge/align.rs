//! Which elements of three collections belong together. Read [`rows`].
//!
//! Entries belong together by key, items by the identity of their list. Items without one, and those whose identity stands
//! twice, belong together by content: along a longest common sequence of equal items, never by place.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::layout::{Layout, Slot};
use super::lcs;
use super::same::{KeyClass, Name, canonical, name_of_key};
use super::{Input, Three};
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
    /// Like this. The first `still` of them have the same bytes everywhere.
    Matched { rows: Vec<Row>, still: usize },
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
    let still = base.map_or(0, |base| common_head(base, ours, theirs));
    let mut rows: Vec<Row> =
        (0..still).map(|at| Row { base: Some(at), ours: Some(at), theirs: Some(at), loose: false }).collect();
    let mut matching = Matching { rows: Vec::new(), by_name: BTreeMap::new(), loose: Three::default() };
    match key {
        None => {
            if !matching.entries(&slots) {
                return Rows::Atom;
            }
        }
        Some(key) => matching.items(&slots, key, still),
    }
    let clash = matching.match_loose(base.is_none());
    if clash {
        return Rows::Clash;
    }
    let rest = |row: &Row| row.base.or(row.ours).or(row.theirs).is_some_and(|at| at >= still) || row.base.is_none();
    rows.extend(matching.rows.into_iter().filter(rest));
    Rows::Matched { rows, still }
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
        let name = |slot: &Slot<'d>| Some((KeyClass::Text, key.of(slot.element.node)?.text()?));
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
        let alike = both_new(&o, &in_ours, &t, &in_theirs);
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

/// New items of both sides that are the same, between the same items that all three have.
fn both_new(
    ours: &[String],
    in_ours: &[(usize, usize)],
    theirs: &[String],
    in_theirs: &[(usize, usize)],
) -> Vec<(usize, usize)> {
    let old_ours: BTreeSet<usize> = in_ours.iter().map(|(_, at)| *at).collect();
    let old_theirs: BTreeSet<usize> = in_theirs.iter().map(|(_, at)| *at).collect();
    let theirs_of: BTreeMap<usize, usize> = in_theirs.iter().copied().collect();
    let stable = in_ours.iter().filter_map(|(base, own)| Some((*own, *theirs_of.get(base)?)));
    let (mut o, mut t) = (0, 0);
    let mut out = Vec::new();
    for (next_o, next_t) in stable.chain([(ours.len(), theirs.len())]) {
        let new = |items: &[String], from: usize, to: usize, old: &BTreeSet<usize>| -> (Vec<usize>, Vec<String>) {
            let places = (from..to).filter(|at| !old.contains(at));
            places.filter_map(|at| Some((at, items.get(at)?.clone()))).unzip()
        };
        let (own, own_texts) = new(ours, o, next_o, &old_ours);
        let (their, their_texts) = new(theirs, t, next_t, &old_theirs);
        let pairs = lcs::matches(&own_texts, &their_texts);
        out.extend(pairs.iter().filter_map(|(one, other)| Some((*own.get(*one)?, *their.get(*other)?))));
        (o, t) = (next_o + 1, next_t + 1);
    }
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
    fn inserts(self) -> bool {
        self.new_start < self.new_end
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
/// the same, both only took out, or both only put in.
fn clashes(
    base: usize,
    (in_ours, ours): (&[(usize, usize)], usize),
    (in_theirs, theirs): (&[(usize, usize)], usize),
    alike: &[(usize, usize)],
) -> bool {
    let partner: BTreeMap<usize, usize> = alike.iter().copied().collect();
    let of_theirs = regions(base, theirs, in_theirs);
    let mut from = 0;
    regions(base, ours, in_ours).into_iter().any(|own| {
        // Regions ascend: what ends before this one ends before all that follow.
        from += of_theirs.iter().skip(from).take_while(|other| other.end < own.start).count();
        let near = of_theirs.iter().skip(from).take_while(|other| other.start <= own.end);
        near.copied().any(|other| {
            let lengths = own.new_end - own.new_start == other.new_end - other.new_start;
            let mut pairs = (own.new_start..own.new_end).zip(other.new_start..other.new_end);
            // The same new items: what is left is who took out how many of the old ones.
            let same = lengths && pairs.all(|(one, other)| partner.get(&one) == Some(&other));
            let put = own.inserts() || other.inserts();
            !same && put && (own.deletes() || other.deletes())
        })
    })
}

impl Row {
    fn place(&mut self, side: Input) -> &mut Option<usize> {
        match side {
            Input::Base => &mut self.base,
            Input::Ours => &mut self.ours,
            Input::Theirs => &mut self.theirs,
        }
    }
}
