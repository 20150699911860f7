//! Which items of a list that is there are those of the list that it is to become. Read [`origins`].

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::format;
use alloc::vec::Vec;

use crate::diff::notation;
use crate::lcs;
use crate::value::Value;
use crate::yaml::ItemKey;

/// Largest number of comparisons of items without a name that stand between the same neighbours.
const COMPARISONS: usize = 1 << 12;

/// Where an item of the new list comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// It is this item of the old one, which keeps its place among those that stay.
    Stays(usize),
    /// It is this item of the old one, unchanged and elsewhere.
    Moves(usize),
    New,
}

/// The origin of each item of `new`. Items are the same ones by `key`, and where they have no name of their own by content;
/// what is left between the same neighbours belongs together in order, where it is of equal length or alike.
pub(super) fn origins(old: &[Option<Value>], new: &[Value], key: &ItemKey) -> Vec<Origin> {
    let shared = shared_names(old, new, key);
    let name = |item: Option<&Value>| {
        let name = key.of_value(item?)?;
        (!shared.contains(name)).then(|| format!("={name}"))
    };
    let token = |item: &Value| name(Some(item)).unwrap_or_else(|| notation(item));
    let old_names: Vec<_> = old.iter().map(|item| name(item.as_ref())).collect();
    // What cannot be read is equal to nothing.
    let unread = |at: usize| format!("?{at}");
    let old_tokens: Vec<_> =
        old.iter().enumerate().map(|(at, item)| item.as_ref().map_or_else(|| unread(at), token)).collect();
    let new_tokens: Vec<_> = new.iter().map(token).collect();
    let mut out = alloc::vec![Origin::New; new.len()];
    let mut taken = alloc::vec![false; old.len()];
    let mut anchors = lcs::matches(&old_tokens, &new_tokens);
    for (from, to) in &anchors {
        set(&mut out, *to, Origin::Stays(*from));
        set(&mut taken, *from, true);
    }
    let mut free: BTreeMap<&str, VecDeque<usize>> = BTreeMap::new();
    for (at, token) in old_tokens.iter().enumerate().filter(|(at, _)| taken.get(*at) == Some(&false)) {
        free.entry(token).or_default().push_back(at);
    }
    for (to, token) in new_tokens.iter().enumerate() {
        if out.get(to) == Some(&Origin::New)
            && let Some(from) = free.get_mut(token.as_str()).and_then(VecDeque::pop_front)
        {
            set(&mut out, to, Origin::Moves(from));
            set(&mut taken, from, true);
        }
    }
    anchors.push((old.len(), new.len()));
    let (mut from, mut to) = (0, 0);
    for (next_from, next_to) in anchors {
        let left: Vec<usize> = (from..next_from).filter(|at| taken.get(*at) == Some(&false)).collect();
        let right: Vec<usize> = (to..next_to).filter(|at| out.get(*at) == Some(&Origin::New)).collect();
        let named = |from: usize, to: usize| {
            old_names.get(from).is_some_and(Option::is_some)
                && new.get(to).is_some_and(|item| name(Some(item)).is_some())
        };
        let alike = |from: usize, to: usize| {
            let pair = old.get(from).and_then(Option::as_ref).zip(new.get(to));
            !named(from, to) && pair.is_some_and(|(old, new)| is_alike(old, new))
        };
        if left.len() == right.len() {
            for (from, to) in left.iter().zip(&right).filter(|(from, to)| !named(**from, **to)) {
                set(&mut out, *to, Origin::Stays(*from));
            }
        } else if left.len().saturating_mul(right.len()) <= COMPARISONS {
            let mut rest = right.as_slice();
            for from in left {
                let Some(at) = rest.iter().position(|to| alike(from, *to)) else { continue };
                let (until, behind) = rest.split_at(at + 1);
                until.last().into_iter().for_each(|to| set(&mut out, *to, Origin::Stays(from)));
                rest = behind;
            }
        }
        (from, to) = (next_from + 1, next_to + 1);
    }
    out
}

fn set<T>(all: &mut [T], at: usize, value: T) {
    if let Some(place) = all.get_mut(at) {
        *place = value;
    }
}

/// Names that several items of one list have: they tell nothing.
fn shared_names<'v>(old: &'v [Option<Value>], new: &'v [Value], key: &ItemKey) -> BTreeSet<&'v str> {
    let mut shared = BTreeSet::new();
    let mut note = |names: &mut dyn Iterator<Item = &'v str>| {
        let mut seen = BTreeSet::new();
        shared.extend(names.filter(|name| !seen.insert(*name)));
    };
    note(&mut old.iter().flatten().filter_map(|item| key.of_value(item)));
    note(&mut new.iter().filter_map(|item| key.of_value(item)));
    shared
}

/// Whether two mappings have at least half of their entries in common.
fn is_alike(old: &Value, new: &Value) -> bool {
    let (old, new) = (old.entries(), new.entries());
    let common = old.iter().filter(|(key, value)| new.iter().any(|(own, found)| own == key && found.is_same(value)));
    let common = common.count();
    common > 0 && 2 * common >= old.len().min(new.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Document, Schema};
    use Origin::{Moves, New, Stays};

    #[track_caller]
    fn check(old: &str, new: &str, want: &[Origin]) {
        let items = |text: &str| match Document::parse(text).unwrap().to_value(Schema::Helm).unwrap() {
            Value::Sequence(items) => items,
            other => panic!("{other:?}"),
        };
        let old: Vec<_> = items(old).into_iter().map(Some).collect();
        assert_eq!(origins(&old, &items(new), &ItemKey::default()), want);
    }

    #[test]
    fn equal_items_stay_and_what_is_between_is_changed_in_place() {
        check("[a, b, c]", "[a, x, c]", &[Stays(0), Stays(1), Stays(2)]);
        check("[a, b, c]", "[a, c]", &[Stays(0), Stays(2)]);
        check("[a, b]", "[x, a, b, y]", &[New, Stays(0), Stays(1), New]);
        check("[a, b]", "[a, x, y]", &[Stays(0), New, New]);
    }

    #[test]
    fn names_tell_items_apart_and_together() {
        check("[{name: a, v: 1}, {name: b}]", "[{name: b}, {name: a, v: 2}]", &[Stays(1), Moves(0)]);
        check("[{name: a}, {name: b}]", "[{name: c}, {name: b}]", &[New, Stays(1)]);
        check("[{name: a, v: 1}, {name: a, v: 2}]", "[{name: a, v: 2}]", &[Stays(1)]);
        check("[{host: a, port: 1}]", "[{host: a, port: 1, name: a}, {host: z, name: z}]", &[Stays(0), New]);
    }
}
