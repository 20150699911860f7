//! When two nodes of different documents are the same data. Read [`is_same`].

use alloc::borrow::{Cow, ToOwned as _};
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
    /// A list, a mapping or an alias, by what it holds.
    Complex,
}

/// Identity of a mapping's entry.
pub(super) type Name<'d> = (KeyClass, Cow<'d, str>);

pub(super) fn name_of_key<'d>(key: Node<'d>) -> Name<'d> {
    match key.scalar() {
        Some(scalar) if scalar.resolve(Schema::Core) == Resolved::Null => (KeyClass::Null, Cow::Borrowed("")),
        Some(scalar) => (KeyClass::Text, scalar.text()),
        None => (KeyClass::Complex, Cow::Owned(canonical(key))),
    }
}

/// A key as paths have it.
pub(super) fn text_of_key(key: Node<'_>) -> String {
    match key.scalar() {
        Some(_) => name_of_key(key).1.into_owned(),
        None => key.source().to_owned(),
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
    let (count, others) = (one.entries().count(), other.entries().count());
    let pairs = || one.entries().zip(other.entries());
    // Names first: values are compared once, however deep they are.
    if count == others && pairs().all(|(left, right)| name_of_key(left.key) == name_of_key(right.key)) {
        return pairs().all(|(left, right)| is_same(left.key, right.key) && is_same(left.value, right.value));
    }
    let by_name: BTreeMap<Name<'_>, _> = other.entries().map(|entry| (name_of_key(entry.key), entry)).collect();
    let names: BTreeMap<Name<'_>, ()> = one.entries().map(|entry| (name_of_key(entry.key), ())).collect();
    count == others
        && by_name.len() == count
        && names.len() == count
        && one.entries().all(|entry| {
            by_name
                .get(&name_of_key(entry.key))
                .is_some_and(|found| is_same(entry.key, found.key) && is_same(entry.value, found.value))
        })
}

/// One text for all nodes that [`is_same`] takes for the same.
pub(super) fn canonical(node: Node<'_>) -> String {
    canonical_but(node, None)
}

/// The same with one node inside left out.
pub(super) fn canonical_but(node: Node<'_>, but: Option<Node<'_>>) -> String {
    let mut out = String::new();
    write(node, but, &mut out);
    out
}

fn write(node: Node<'_>, but: Option<Node<'_>>, out: &mut String) {
    if but == Some(node) {
        return;
    }
    // Writing to a String cannot fail.
    let _ = write!(out, "{}", node.tag().unwrap_or_default());
    match class(node) {
        Class::Mapping => {
            let entries = node.entries().map(|entry| (name_of_key(entry.key), canonical(entry.key), entry.value));
            let mut entries: Vec<_> =
                entries.map(|(name, key, value)| (name, key, canonical_but(value, but))).collect();
            entries.sort();
            let _ = write!(out, "{{");
            entries.iter().for_each(|(_, key, value)| out.push_str(&format!("{key}:{value},")));
            out.push('}');
        }
        Class::Sequence => {
            out.push('[');
            for item in node.items() {
                write(item, but, out);
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
