//! Three-way merge of plain data, as short as it can be said: what the data of every merged text must be. Read [`merge`].

use std::collections::BTreeSet;

use dagster_workspace_core::merge::ConflictKind;
use dagster_workspace_core::yaml::{Kind, Node, Resolved, Schema};

/// What a node means, notation apart.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    Map { tag: Tag, pair: bool, entries: Vec<(String, Data)> },
    Seq { tag: Tag, items: Vec<Data> },
    Leaf(String),
    Alias(String),
}

type Tag = Option<String>;

impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Map { tag, entries, .. }, Self::Map { tag: their_tag, entries: theirs, .. }) => {
                let sorted = |entries: &Vec<(String, Self)>| {
                    let mut entries = entries.clone();
                    entries.sort_by(|one, other| one.0.cmp(&other.0));
                    entries
                };
                tag == their_tag && sorted(entries) == sorted(theirs)
            }
            (Self::Seq { tag, items }, Self::Seq { tag: their_tag, items: theirs }) => {
                tag == their_tag && items == theirs
            }
            (Self::Leaf(one), Self::Leaf(other)) | (Self::Alias(one), Self::Alias(other)) => one == other,
            _ => false,
        }
    }
}

impl Data {
    pub(crate) fn of(node: Node<'_>) -> Self {
        let tag = node.tag().map(str::to_owned);
        match node.kind() {
            Kind::Alias => Self::Alias(node.source().to_owned()),
            kind if kind.is_mapping() => {
                let entries = node.entries().map(|entry| (key(entry.key), Self::of(entry.value))).collect();
                Self::Map { tag, pair: kind == Kind::FlowPair, entries }
            }
            kind if kind.is_sequence() => Self::Seq { tag, items: node.items().map(Self::of).collect() },
            _ => {
                let scalar = node.scalar().unwrap();
                let read = [Schema::Core, Schema::Helm, Schema::Dagster].map(|schema| scalar.resolve(schema));
                let text = if read[0] == Resolved::Null { "".into() } else { scalar.text() };
                Self::Leaf(format!("{tag:?} {text:?} {read:?}"))
            }
        }
    }

    fn class(&self) -> u8 {
        match self {
            Self::Map { .. } => 0,
            Self::Seq { .. } => 1,
            Self::Leaf(_) => 2,
            Self::Alias(_) => 3,
        }
    }

    /// Every leaf, keys included.
    pub(crate) fn leaves(&self, out: &mut BTreeSet<String>) {
        match self {
            Self::Map { entries, .. } => entries.iter().for_each(|(key, value)| {
                out.insert(key.clone());
                value.leaves(out);
            }),
            Self::Seq { items, .. } => items.iter().for_each(|item| item.leaves(out)),
            Self::Leaf(text) | Self::Alias(text) => {
                out.insert(text.clone());
            }
        }
    }

    /// Whether a list has equal items, or items of one name: of those it cannot be told which one was taken out, or moved.
    pub(crate) fn repeats(&self) -> bool {
        match self {
            Self::Map { entries, .. } => entries.iter().any(|(_, value)| value.repeats()),
            Self::Seq { items, .. } => {
                let same = |one: &Self, other: &Self| {
                    one == other || one.name("").is_some_and(|name| other.name("") == Some(name))
                };
                let twice =
                    items.iter().enumerate().any(|(at, item)| items[..at].iter().any(|other| same(item, other)));
                twice || items.iter().any(Self::repeats)
            }
            Self::Leaf(_) | Self::Alias(_) => false,
        }
    }

    fn entry(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map { entries, .. } => entries.iter().rev().find(|(own, _)| own == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The name of an item: a string under `name`, or `location_name` under its one key.
    fn name(&self, list: &str) -> Option<String> {
        let place = if list == "load_from" {
            let Self::Map { entries, .. } = self else { return None };
            entries.first()?.1.entry("t location_name")?
        } else {
            self.entry("t name")?
        };
        let Self::Leaf(text) = place else { return None };
        let core = text.rfind("[").map(|at| &text[at..])?;
        core.starts_with("[String").then(|| untagged(text).to_owned())
    }
}

/// A leaf without its tag.
fn untagged(leaf: &str) -> &str {
    leaf.split_once(' ').map_or(leaf, |(_, rest)| rest)
}

fn key(node: Node<'_>) -> String {
    match node.scalar() {
        Some(scalar) if scalar.resolve(Schema::Core) == Resolved::Null => "~".into(),
        Some(scalar) => format!("t {}", scalar.text()),
        None => format!("c {:?}", sorted(Data::of(node))),
    }
}

/// Mappings in one order, pairs among them: that a mapping is written as a pair is notation.
fn sorted(data: Data) -> Data {
    match data {
        Data::Map { tag, entries, .. } => {
            let mut entries: Vec<_> = entries.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            Data::Map { tag, pair: false, entries }
        }
        Data::Seq { tag, items } => Data::Seq { tag, items: items.into_iter().map(sorted).collect() },
        leaf => leaf,
    }
}

/// A merge and its conflicts, each with the kind and the names on the way.
pub(crate) struct Naive {
    pub(crate) conflicts: Vec<(String, ConflictKind)>,
    path: Vec<String>,
    list: String,
}

/// The data of a merge, and its conflicts.
pub(crate) fn merge(base: &Data, ours: &Data, theirs: &Data) -> (Data, Naive) {
    let mut naive = Naive { conflicts: Vec::new(), path: Vec::new(), list: String::new() };
    let data = naive.values(Some(base), ours, theirs);
    (data, naive)
}

type Row<'d> = (Option<&'d Data>, Option<&'d Data>, Option<&'d Data>);

/// An element of a collection: its name, and whether only its content gives it one.
type Id = (bool, String);

impl Naive {
    fn conflict(&mut self, kind: ConflictKind) {
        self.conflicts.push((self.path.join("/"), kind));
    }

    fn values(&mut self, base: Option<&Data>, ours: &Data, theirs: &Data) -> Data {
        if ours == theirs {
            return ours.clone();
        }
        let pair = |data: &Data| matches!(data, Data::Map { pair: true, .. });
        let inner = ours.class() < 2 && ours.class() == theirs.class() && !pair(ours) && !pair(theirs);
        let mut kind = if base.is_some() { ConflictKind::EditEdit } else { ConflictKind::AddAdd };
        if inner {
            let old = base.filter(|base| base.class() == ours.class() && !pair(base));
            if let Some(merged) = self.collections(old, ours, theirs) {
                return merged;
            }
            kind = if old.is_some() { ConflictKind::EditEdit } else { ConflictKind::AddAdd };
        }
        match base {
            Some(base) if base == ours => return theirs.clone(),
            Some(base) if base == theirs => return ours.clone(),
            _ => {}
        }
        self.conflict(if ours.class() == theirs.class() { kind } else { ConflictKind::Type });
        ours.clone()
    }

    fn collections(&mut self, base: Option<&Data>, ours: &Data, theirs: &Data) -> Option<Data> {
        let list = self.list.clone();
        let ids = ids([base, Some(ours), Some(theirs)], &list)?;
        let element = |side: usize, id: &Id| {
            let at = ids[side].iter().position(|own| own == id)?;
            match [base, Some(ours), Some(theirs)][side]? {
                Data::Map { entries, .. } => Some(&entries[at].1),
                Data::Seq { items, .. } => Some(&items[at]),
                _ => None,
            }
        };
        let mut all: Vec<&Id> = Vec::new();
        ids.iter().flatten().for_each(|id| {
            if !all.contains(&id) {
                all.push(id);
            }
        });
        let mut alive: Vec<(Id, Data)> = Vec::new();
        for id in all {
            let row = (element(0, id), element(1, id), element(2, id));
            let renamed = |side: usize| {
                let other = 3 - side;
                let new = ids[side].iter().filter(|new| !new.0 && !ids[0].contains(new) && !ids[other].contains(new));
                new.filter_map(|new| element(side, new)).any(|new| is_renamed(row.0, new, &list, ours.class() == 0))
            };
            self.path.push(id.1.clone());
            let outer = std::mem::replace(&mut self.list, if ours.class() == 0 { id.1.clone() } else { String::new() });
            if let Some(data) = self.row(row, &renamed) {
                alive.push((id.clone(), data));
            }
            self.list = outer;
            self.path.pop();
        }
        let order = self.order(&ids, &alive.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), ours.class() == 1);
        let value = |id: &Id| alive.iter().find(|(own, _)| own == id).unwrap().1.clone();
        // Tags of collections follow the side that changed them.
        let (old_tag, own_tag, their_tag) = (base.and_then(tag), tag(ours), tag(theirs));
        let tag = if own_tag == old_tag && base.is_some() { their_tag } else { own_tag };
        Some(match ours {
            Data::Map { .. } => {
                let entries = order.iter().map(|id| (id.1.clone(), value(id))).collect();
                Data::Map { tag, pair: false, entries }
            }
            _ => Data::Seq { tag, items: order.iter().map(value).collect() },
        })
    }

    fn row(&mut self, row: Row<'_>, renamed: &dyn Fn(usize) -> bool) -> Option<Data> {
        match row {
            (base, Some(ours), Some(theirs)) => Some(self.values(base, ours, theirs)),
            (None, one, other) => one.or(other).cloned(),
            (Some(_), None, None) => None,
            (Some(base), Some(ours), None) => (ours != base).then(|| {
                self.conflict(ConflictKind::DeleteEdit);
                ours.clone()
            }),
            (Some(base), None, Some(theirs)) => {
                if theirs == base {
                    return None;
                }
                self.conflict(ConflictKind::DeleteEdit);
                (!renamed(1)).then(|| theirs.clone())
            }
        }
    }

    /// The surviving elements in order.
    fn order(&mut self, [base, ours, theirs]: &[Vec<Id>; 3], alive: &[Id], is_list: bool) -> Vec<Id> {
        let on = |side: &[Id]| side.iter().filter(|id| alive.contains(id)).cloned().collect::<Vec<_>>();
        let common = |side: &[Id]| {
            let all = |id: &&Id| base.contains(id) && ours.contains(id) && theirs.contains(id) && alive.contains(id);
            side.iter().filter(all).cloned().collect::<Vec<_>>()
        };
        let (b, o, t) = (common(base), common(ours), common(theirs));
        if is_list && b != o && b != t && o != t {
            self.conflict(ConflictKind::Order);
        }
        let mut out = if b == o { t } else { o };
        // New ones behind their left neighbour; those of theirs behind what of ours alone follows it.
        let mut left: Option<Id> = None;
        for id in on(ours) {
            if !out.contains(&id) {
                let at = left.as_ref().map_or(0, |left| out.iter().position(|own| own == left).unwrap() + 1);
                out.insert(at, id.clone());
            }
            left = Some(id);
        }
        let mut left: Option<Id> = None;
        for id in on(theirs) {
            if !out.contains(&id) {
                let mut at = left.as_ref().map_or(0, |left| out.iter().position(|own| own == left).unwrap() + 1);
                let behind_own = left.as_ref().is_some_and(|left| !ours.contains(left));
                while !behind_own && out.get(at).is_some_and(|next| !theirs.contains(next)) {
                    at += 1;
                }
                out.insert(at, id.clone());
            }
            left = Some(id);
        }
        out
    }
}

fn tag(data: &Data) -> Tag {
    match data {
        Data::Map { tag, .. } | Data::Seq { tag, .. } => tag.clone(),
        _ => None,
    }
}

fn is_renamed(old: Option<&Data>, new: &Data, list: &str, entry: bool) -> bool {
    let Some(old) = old else { return false };
    if entry {
        return old == new;
    }
    let (Some(own), Some(their)) = (old.name(list), new.name(list)) else { return false };
    let mut leaves = BTreeSet::new();
    old.leaves(&mut leaves);
    let key = if list == "load_from" { "location_name" } else { "name" };
    leaves.len() > 2 && renamed(old, key, &own, &their, list == "load_from") == *new
}

/// The item under another name.
fn renamed(data: &Data, key: &str, from: &str, to: &str, below: bool) -> Data {
    let Data::Map { tag, pair, entries } = data else { return data.clone() };
    let rename = |(at, (own, value)): (usize, &(String, Data))| {
        let value = match value {
            Data::Leaf(text) if !below && *own == format!("t {key}") && untagged(text) == from => {
                Data::Leaf(text.replace(from, to))
            }
            inner if below && at == 0 => renamed(inner, key, from, to, false),
            other => other.clone(),
        };
        (own.clone(), value)
    };
    Data::Map { tag: tag.clone(), pair: *pair, entries: entries.iter().enumerate().map(rename).collect() }
}

/// The names of the elements on each side; `None` where the collections are one value.
fn ids(sides: [Option<&Data>; 3], list: &str) -> Option<[Vec<Id>; 3]> {
    if let Some(Data::Map { .. }) = sides[1] {
        let keys = sides.map(|side| match side {
            Some(Data::Map { entries, .. }) => entries.iter().map(|(key, _)| (false, key.clone())).collect(),
            _ => Vec::new(),
        });
        let unique = keys.iter().all(|keys| keys.iter().collect::<BTreeSet<_>>().len() == keys.len());
        return unique.then_some(keys);
    }
    let items = sides.map(|side| match side {
        Some(Data::Seq { items, .. }) => items.clone(),
        _ => Vec::new(),
    });
    let list = list.strip_prefix("t ").unwrap_or(list);
    let names = items.each_ref().map(|items| items.iter().map(|item| item.name(list)).collect::<Vec<_>>());
    let twice = |name: &String| names.iter().any(|names| names.iter().flatten().filter(|own| *own == name).count() > 1);
    let named = |side: usize, at: usize| names[side][at].clone().filter(|name| !twice(name));
    let loose =
        [0, 1, 2].map(|side| (0..items[side].len()).filter(|at| named(side, *at).is_none()).collect::<Vec<_>>());
    let content = [0, 1, 2].map(|side| loose[side].iter().map(|at| items[side][*at].clone()).collect::<Vec<_>>());
    // What an item stands behind: the next one on its left that has a name on both sides, or an old one without a name.
    let left = [1, 2].map(|side| {
        let anchor = |at: usize| match named(side, at) {
            Some(name) => names[3 - side].contains(&Some(name.clone())).then_some(Anchor::Named(name)),
            None => loose[side].iter().position(|own| *own == at).map(Anchor::Loose),
        };
        let lefts = |at: &usize| (0..*at).rev().filter_map(anchor).collect::<Vec<_>>();
        loose[side].iter().map(lefts).collect::<Vec<_>>()
    });
    let labels = loose_ids(&content, &left, sides[0].is_none())?;
    Some([0, 1, 2].map(|side| {
        (0..items[side].len())
            .map(|at| match named(side, at) {
                Some(name) => (false, name),
                None => (true, labels[side][loose[side].iter().position(|own| *own == at).unwrap()].clone()),
            })
            .collect()
    }))
}

/// What an item may stand behind: one that both sides have by name, or one without a name, by its number.
#[derive(Clone, PartialEq)]
enum Anchor {
    Named(String),
    Loose(usize),
}

/// Names for items that have none: those that belong together get the same.
fn loose_ids(
    [base, ours, theirs]: &[Vec<Data>; 3],
    left: &[Vec<Vec<Anchor>>; 2],
    no_base: bool,
) -> Option<[Vec<String>; 3]> {
    if no_base && ours != theirs {
        return None;
    }
    let (in_ours, in_theirs) = (common(base, ours), common(base, theirs));
    let of = |pairs: &[(usize, usize)], at: usize| pairs.iter().find(|(_, own)| *own == at).map(|(base, _)| *base);
    let new =
        |pairs: &[(usize, usize)], length: usize| (0..length).filter(|at| of(pairs, *at).is_none()).collect::<Vec<_>>();
    let (new_ours, new_theirs) = (new(&in_ours, ours.len()), new(&in_theirs, theirs.len()));
    let both = |at: usize| in_ours.iter().any(|(base, _)| *base == at) && in_theirs.iter().any(|(base, _)| *base == at);
    // How many items that all three have stand before it.
    let gap = |pairs: &[(usize, usize)], at: usize| pairs.iter().filter(|(base, own)| *own < at && both(*base)).count();
    // The anchor of a new item, an old one without a name by its number in the base.
    let anchor = |side: usize, pairs: &[(usize, usize)], at: usize| {
        left[side][at].iter().find_map(|anchor| match anchor {
            Anchor::Named(_) => Some(anchor.clone()),
            Anchor::Loose(own) => of(pairs, *own).filter(|base| both(*base)).map(Anchor::Loose),
        })
    };
    let mut alike: Vec<(usize, usize)> = Vec::new();
    let mut pair = |own: Vec<usize>, their: Vec<usize>| {
        let own: Vec<usize> = own.into_iter().filter(|at| alike.iter().all(|(one, _)| one != at)).collect();
        let their: Vec<usize> = their.into_iter().filter(|at| alike.iter().all(|(_, other)| other != at)).collect();
        let pick = |from: &[Data], places: &[usize]| places.iter().map(|at| from[*at].clone()).collect::<Vec<_>>();
        let pairs = common(&pick(ours, &own), &pick(theirs, &their));
        alike.extend(pairs.into_iter().map(|(one, other)| (own[one], their[other])));
    };
    for at in &new_ours {
        let place = anchor(0, &in_ours, *at);
        let own = new_ours.iter().copied().filter(|at| anchor(0, &in_ours, *at) == place).collect();
        let their = new_theirs.iter().copied().filter(|at| anchor(1, &in_theirs, *at) == place).collect();
        pair(own, their);
    }
    for number in 0..=base.len() {
        let own = new_ours.iter().copied().filter(|at| gap(&in_ours, *at) == number).collect();
        let their = new_theirs.iter().copied().filter(|at| gap(&in_theirs, *at) == number).collect();
        pair(own, their);
    }
    for (from, to, own) in parts(base.len(), &in_ours, ours.len()) {
        for (their_from, their_to, their) in parts(base.len(), &in_theirs, theirs.len()) {
            let touching = from <= their_to && their_from <= to;
            let own_new = own.iter().any(|at| alike.iter().all(|(one, _)| one != at));
            let puts = own_new || their.iter().any(|at| alike.iter().all(|(_, other)| other != at));
            let takes = from < to || their_from < their_to;
            if touching && puts && takes {
                return None;
            }
        }
    }
    let label = |pairs: &[(usize, usize)], at: usize, otherwise: String| {
        of(pairs, at).map_or(otherwise, |base| format!("#{base}"))
    };
    let partner =
        |at: usize| alike.iter().find(|(_, own)| *own == at).map_or(format!("t{at}"), |(own, _)| format!("o{own}"));
    Some([
        (0..base.len()).map(|at| format!("#{at}")).collect(),
        (0..ours.len()).map(|at| label(&in_ours, at, format!("o{at}"))).collect(),
        (0..theirs.len()).map(|at| label(&in_theirs, at, partner(at))).collect(),
    ])
}

/// Parts of a base of this length that a side changed, and the places of its new items there.
fn parts(base: usize, pairs: &[(usize, usize)], length: usize) -> Vec<(usize, usize, Vec<usize>)> {
    let mut out = Vec::new();
    let (mut from, mut own) = (0, 0);
    for (to, end) in pairs.iter().copied().chain([(base, length)]) {
        if from < to || own < end {
            out.push((from, to, (own..end).collect()));
        }
        (from, own) = (to + 1, end + 1);
    }
    out
}

/// A longest common sequence: the common head and tail first, then the earliest matches.
fn common(left: &[Data], right: &[Data]) -> Vec<(usize, usize)> {
    if let ([one, rest @ ..], [other, others @ ..]) = (left, right)
        && one == other
    {
        return [(0, 0)].into_iter().chain(common(rest, others).into_iter().map(|(a, b)| (a + 1, b + 1))).collect();
    }
    if let ([rest @ .., one], [others @ .., other]) = (left, right)
        && one == other
    {
        return common(rest, others).into_iter().chain([(left.len() - 1, right.len() - 1)]).collect();
    }
    longest(left, right)
}

fn longest(left: &[Data], right: &[Data]) -> Vec<(usize, usize)> {
    let ([one, rest @ ..], [other, others @ ..]) = (left, right) else { return Vec::new() };
    let step = |pairs: Vec<(usize, usize)>, by: (usize, usize)| {
        pairs.into_iter().map(|(a, b)| (a + by.0, b + by.1)).collect::<Vec<_>>()
    };
    if one == other {
        return [(0, 0)].into_iter().chain(step(longest(rest, others), (1, 1))).collect();
    }
    let (skip_left, skip_right) = (longest(rest, right), longest(left, others));
    if skip_left.len() >= skip_right.len() { step(skip_left, (1, 0)) } else { step(skip_right, (0, 1)) }
}
