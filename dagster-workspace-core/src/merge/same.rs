//! When two nodes of different documents are the same data. Read [`is_same`].

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use crate::yaml::{Kind, Node, Resolved, Schema};

/// What a key is, beside its text: a null is another key than the empty text, and `[a]` another than `"[a]"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum KeyClass {
    Text,
    Null,
    /// A list, a mapping or an alias, by its notation.
    Complex,
}

/// Identity of a mapping's entry.
pub(super) type Name<'d> = (KeyClass, Cow<'d, str>);

pub(super) fn name_of_key<'d>(key: Node<'d>) -> Name<'d> {
    match key.scalar() {
        Some(scalar) if scalar.resolve(Schema::Core) == Resolved::Null => (KeyClass::Null, Cow::Borrowed("")),
        Some(scalar) => (KeyClass::Text, scalar.text()),
        None => (KeyClass::Complex, Cow::Borrowed(key.source())),
    }
}

/// What kind of data stands there: the kinds that have no common parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Mapping,
    Sequence,
    Scalar,
    Alias,
}

pub(super) fn class(node: Node<'_>) -> Class {
    match node.kind() {
        kind if kind.is_mapping() => Class::Mapping,
        kind if kind.is_sequence() => Class::Sequence,
        Kind::Alias => Class::Alias,
        _ => Class::Scalar,
    }
}

/// Whether two nodes have the same bytes, and mean the same by them.
pub(super) fn same_bytes(one: Node<'_>, other: Node<'_>) -> bool {
    let source = one.source();
    one.kind() == other.kind()
        && one.tag() == other.tag()
        && source == other.source()
        && (one.column() == other.column() || !source.contains(['\n', '\r']))
        && is_open(one) == is_open(other)
}

/// Whether a node ends in a block scalar at the end of a text: without a break behind it, it has one line break less.
pub(super) fn is_open(node: Node<'_>) -> bool {
    let last = node.records().get(node.next_index().wrapping_sub(1));
    node.span().end as usize == node.document_text().len()
        && last.is_some_and(|record| matches!(record.kind, Kind::Literal | Kind::Folded))
}

/// Whether two nodes are the same data for every reader, the order of mappings, notation and anchors apart. Aliases are the
/// same where they have the same name.
pub(super) fn is_same(one: Node<'_>, other: Node<'_>) -> bool {
    if same_bytes(one, other) {
        return true;
    }
    if one.tag() != other.tag() || class(one) != class(other) {
        return false;
    }
    match class(one) {
        Class::Mapping => same_mappings(one, other),
        Class::Sequence => {
            let (mut left, mut right) = (one.items(), other.items());
            loop {
                match (left.next(), right.next()) {
                    (None, None) => return true,
                    (Some(one), Some(other)) if is_same(one, other) => {}
                    _ => return false,
                }
            }
        }
        Class::Alias => one.alias() == other.alias(),
        Class::Scalar => match (one.scalar(), other.scalar()) {
            (Some(left), Some(right)) => {
                let alike = |schema| left.resolve(schema) == right.resolve(schema);
                let null = |node| crate::edit::prove::is_null(node);
                let texts = left.text() == right.text() || null(one) && null(other);
                texts && [Schema::Core, Schema::Helm, Schema::Dagster].into_iter().all(alike)
            }
            _ => false,
        },
    }
}

fn same_mappings(one: Node<'_>, other: Node<'_>) -> bool {
    let in_order = one.entries().zip(other.entries()).all(|(left, right)| {
        name_of_key(left.key) == name_of_key(right.key)
            && is_same(left.key, right.key)
            && is_same(left.value, right.value)
    });
    let (count, others) = (one.entries().count(), other.entries().count());
    if count != others || in_order {
        return in_order && count == others;
    }
    let by_name: BTreeMap<Name<'_>, _> = other.entries().map(|entry| (name_of_key(entry.key), entry)).collect();
    let names: BTreeMap<Name<'_>, ()> = one.entries().map(|entry| (name_of_key(entry.key), ())).collect();
    by_name.len() == count
        && names.len() == count
        && one.entries().all(|entry| {
            by_name
                .get(&name_of_key(entry.key))
                .is_some_and(|found| is_same(entry.key, found.key) && is_same(entry.value, found.value))
        })
}

/// Whether two items are the same data but for one node in each.
pub(super) fn is_same_but(one: Node<'_>, other: Node<'_>, but: (Node<'_>, Node<'_>)) -> bool {
    if (one, other) == but {
        return true;
    }
    if class(one) != Class::Mapping
        || class(other) != Class::Mapping
        || one.entries().count() != other.entries().count()
    {
        return is_same(one, other);
    }
    one.entries().enumerate().all(|(at, entry)| {
        let name = name_of_key(entry.key);
        // The one at its place first: a key may stand twice.
        let mut found = other.entries().skip(at).chain(other.entries()).filter(|found| name_of_key(found.key) == name);
        found.next().is_some_and(|found| is_same_but(entry.value, found.value, but))
    })
}

/// One text for all nodes that [`is_same`] takes for the same.
pub(super) fn canonical(node: Node<'_>) -> String {
    let mut out = String::new();
    write(node, &mut out);
    out
}

fn write(node: Node<'_>, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{}", node.tag().unwrap_or_default());
    match class(node) {
        Class::Mapping => {
            let entries = node.entries().map(|entry| (name_of_key(entry.key), canonical(entry.key), entry.value));
            let mut entries: Vec<_> = entries.map(|(name, key, value)| (name, key, canonical(value))).collect();
            entries.sort();
            let _ = write!(out, "{{");
            entries.iter().for_each(|(_, key, value)| out.push_str(&format!("{key}:{value},")));
            out.push('}');
        }
        Class::Sequence => {
            out.push('[');
            for item in node.items() {
                write(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Class::Alias => out.push_str(node.source()),
        Class::Scalar => {
            let Some(scalar) = node.scalar() else { return };
            let resolved = [Schema::Core, Schema::Helm, Schema::Dagster].map(|schema| scalar.resolve(schema));
            if resolved.first() == Some(&Resolved::Null) {
                out.push('~');
            } else {
                let _ = write!(out, "{:?}{resolved:?}", scalar.text());
            }
        }
    }
}
