//! The proof that an edit did what was asked and nothing else. Read [`holds`].

use core::ops::Range;

use super::Expect;
use crate::splice::Splices;
use crate::value::Value;
use crate::yaml::document::Record;
use crate::yaml::{Document, Kind, Node, Schema};

/// Whether `new` is `old` with the records `gone` of the collection `inside` replaced by what is expected: every other record has its kind, its bytes
/// and its place in the tree, and the new ones read as asked.
pub(super) fn holds(
    old: &Document<'_>,
    new: &Document<'_>,
    splices: &Splices,
    inside: usize,
    gone: Range<usize>,
    expect: &Expect<'_>,
) -> bool {
    let (before, after) = (old.records(), new.records());
    if before.is_empty() {
        // A text without a node: all of the new document is the edit's.
        return new.root().is_some_and(|root| meets_node(root, expect));
    }
    let Some(kept) = before.len().checked_sub(gone.len()) else { return false };
    let Some(come) = after.len().checked_sub(kept) else { return false };
    let same = |(index, record): (usize, &Record)| {
        let around = index <= inside && record.next as usize > inside;
        let moved = if index < gone.start { index } else { index - gone.len() + come };
        let grows = around || index >= gone.end;
        let next = if grows { record.next as usize - gone.len() + come } else { record.next as usize };
        after.get(moved).is_some_and(|found| {
            found.kind == record.kind
                && found.flags == record.flags
                && found.next as usize == next
                && (around || is_moved(record, found, splices))
        })
    };
    let head = before.get(..gone.start).unwrap_or_default();
    let tail = before.get(gone.end..).unwrap_or_default();
    head.iter().enumerate().all(&same)
        && tail.iter().enumerate().all(|(index, record)| same((gone.end + index, record)))
        && meets(new, gone.start, gone.start + come, expect)
}

/// Whether a kept record stands where the splices move it.
fn is_moved(old: &Record, new: &Record, splices: &Splices) -> bool {
    if old.start == old.end {
        // An empty node stands behind an indicator; an insertion at that very place comes after it.
        let behind = old.start.checked_sub(1).map(|at| splices.moved(at) + 1);
        return new.start == new.end && (Some(new.start) == behind || new.start == splices.moved(old.start));
    }
    new.start == splices.moved(old.start) && new.end == splices.moved(old.end - 1) + 1
}

/// Whether the records from `from` to `end` are what is expected.
fn meets(new: &Document<'_>, from: usize, end: usize, expect: &Expect<'_>) -> bool {
    let mut nodes = new.nodes(from, end);
    match expect {
        Expect::Nothing => nodes.next().is_none(),
        Expect::Entry(key, value) => {
            let found = nodes.next().is_some_and(|node| node.is_text(key))
                && nodes.next().is_some_and(|node| is_value(node, value));
            found && nodes.next().is_none()
        }
        Expect::List([key, ..], _) if nodes.clone().count() == 2 => {
            nodes.next().is_some_and(|node| node.is_text(key))
                && nodes.next().is_some_and(|node| meets_node(node, &expect.below()))
        }
        other => nodes.next().is_some_and(|node| meets_node(node, other)) && nodes.next().is_none(),
    }
}

impl<'p> Expect<'p> {
    /// What is expected under the first of a list's keys.
    fn below(&self) -> Self {
        match self {
            Self::List([_, rest @ ..], item) => Self::List(rest, item),
            Self::Entry(_, value) | Self::Value(value) => Self::Value(value),
            Self::List([], item) | Self::Item(item) => Self::Item(item),
            Self::Nothing => Self::Nothing,
        }
    }
}

fn meets_node(node: Node<'_>, expect: &Expect<'_>) -> bool {
    match expect {
        Expect::Nothing => false,
        Expect::Value(value) => is_value(node, value),
        Expect::Item(item) => item.root().is_some_and(|item| is_same(node, item)),
        Expect::Entry(key, value) => {
            node.entries().count() == 1 && node.get(key).is_some_and(|found| is_value(found, value))
        }
        Expect::List([], item) => {
            let mut items = node.items();
            let first = items.next().zip(item.root()).is_some_and(|(found, item)| is_same(found, item));
            first && items.next().is_none()
        }
        Expect::List([key, ..], _) => {
            node.entries().count() == 1 && node.get(key).is_some_and(|found| meets_node(found, &expect.below()))
        }
    }
}

/// Whether both helm and Dagster take `node` for `value`.
pub(super) fn is_value(node: Node<'_>, value: &Value) -> bool {
    [Schema::Helm, Schema::Dagster].iter().all(|schema| node.to_value(*schema).is_ok_and(|found| found == *value))
}

/// Whether two nodes of different documents are the same data, notation apart.
fn is_same(found: Node<'_>, meant: Node<'_>) -> bool {
    if found.anchor() != meant.anchor() || found.tag() != meant.tag() || found.alias() != meant.alias() {
        return false;
    }
    if meant.kind().is_mapping() || found.kind().is_mapping() {
        let mut pairs = found.entries().zip(meant.entries());
        return found.kind().is_mapping()
            && found.entries().count() == meant.entries().count()
            && pairs.all(|(found, meant)| is_same(found.key, meant.key) && is_same(found.value, meant.value));
    }
    if meant.kind().is_sequence() || found.kind().is_sequence() {
        return found.kind().is_sequence()
            && found.items().count() == meant.items().count()
            && found.items().zip(meant.items()).all(|(found, meant)| is_same(found, meant));
    }
    match (found.scalar(), meant.scalar()) {
        (Some(one), Some(other)) => {
            let alike = |schema| one.resolve(schema) == other.resolve(schema);
            let texts = one.text() == other.text() || is_null(found) && is_null(meant);
            texts && [Schema::Core, Schema::Helm, Schema::Dagster].into_iter().all(alike)
        }
        (None, None) => found.kind() == Kind::Alias,
        _ => false,
    }
}

/// Whether nothing, `~` or `null` is written.
pub(super) fn is_null(node: Node<'_>) -> bool {
    node.scalar().is_some_and(|scalar| scalar.resolve(Schema::Core) == crate::yaml::Resolved::Null)
}
