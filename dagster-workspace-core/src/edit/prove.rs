//! The proof that an edit did what was asked and nothing else. Read [`come`] for the second half, [`meets`] for the first.

use core::ops::Range;

use super::Expect;
use crate::error::Reason;
use crate::splice::Splices;
use crate::value::Value;
use crate::yaml::record::Record;
use crate::yaml::{Document, Kind, Node, Schema};

/// That `new`, read as a whole, is `old` with the target replaced by what is expected.
///
/// # Errors
/// [`Reason::KeptLineBreaks`] where a block scalar outside the target would be another text, [`Reason::Unprovable`] for anything
/// else.
pub(super) fn holds(
    old: &Document<'_>,
    new: &Document<'_>,
    splices: &Splices,
    target: &Target,
    expect: &Expect<'_>,
) -> Result<(), Reason> {
    let proven = |holds: bool| if holds { Ok(()) } else { Err(Reason::Unprovable) };
    if old.records().is_empty() {
        // A text without a node: all of the new document is the edit's.
        return proven(new.root().is_some_and(|root| meets_node(root, expect)));
    }
    let all = |records| Window { records, first: 0, base: 0 };
    let came = come(all(old.records()), all(new.records()), splices, target).ok_or(Reason::Unprovable)?;
    if !keeps_blocks(old, new, target, &came) {
        return Err(Reason::KeptLineBreaks);
    }
    proven(meets(new, came, expect))
}

/// Whether every block scalar that is kept, be it a key or a value, is the same text: what that is depends on the lines behind
/// it, too.
fn keeps_blocks(old: &Document<'_>, new: &Document<'_>, target: &Target, came: &Range<usize>) -> bool {
    let blocks = old
        .records()
        .iter()
        .enumerate()
        .filter(|(at, record)| matches!(record.kind, Kind::Literal | Kind::Folded) && !target.gone.contains(at));
    let mut kept = blocks.map(|(at, record)| {
        let place = if at < target.gone.start { at } else { at - target.gone.len() + came.len() };
        (record, new.records().get(place))
    });
    kept.all(|(one, other)| other.is_some_and(|other| one.text(old.text()) == other.text(new.text())))
}

/// Part of an index: records that stand together, and where they begin.
#[derive(Clone, Copy)]
pub(super) struct Window<'r> {
    pub(super) records: &'r [Record],
    /// Index of the first of them in the whole.
    pub(super) first: usize,
    /// Offset in the new text of the text that their offsets count from.
    pub(super) base: u32,
}

/// Where an edit happens in an index.
#[derive(Clone)]
pub(super) struct Target {
    /// Record of the collection, or of the document, that it changes.
    pub(super) inside: usize,
    /// Records that go.
    pub(super) gone: Range<usize>,
}

/// The records of `new` that came for the `gone` ones of `old`, where every other record has its kind, its bytes and its
/// place in the tree; `None` where one has not.
pub(super) fn come(old: Window<'_>, new: Window<'_>, splices: &Splices, target: &Target) -> Option<Range<usize>> {
    let gone = target.gone.start.checked_sub(old.first)?..target.gone.end.checked_sub(old.first)?;
    let kept = old.records.len().checked_sub(gone.len())?;
    let come = new.records.len().checked_sub(kept)?;
    let same = |index: usize, record: &Record| {
        let (own, next) = (index + old.first, record.next as usize);
        let around = own <= target.inside && next > target.inside;
        let moved = |index: usize| index - gone.len() + come;
        let next = if around || index >= gone.end { moved(next - old.first) } else { next - old.first };
        let place = if index < gone.start { index } else { moved(index) };
        new.records.get(place).is_some_and(|found| {
            found.kind == record.kind
                && found.flags == record.flags
                && (found.next as usize).checked_sub(new.first) == Some(next)
                && (around || is_moved(record, found, new.base, splices))
        })
    };
    let (head, rest) = old.records.split_at_checked(gone.start)?;
    let tail = rest.get(gone.len()..)?;
    let kept = head.iter().enumerate().all(|(index, record)| same(index, record))
        && tail.iter().enumerate().all(|(index, record)| same(gone.end + index, record));
    kept.then(|| new.first + gone.start..new.first + gone.start + come)
}

/// Whether a kept record stands where the splices move it.
fn is_moved(old: &Record, new: &Record, base: u32, splices: &Splices) -> bool {
    let (start, end) = (new.start + base, new.end + base);
    if old.start == old.end {
        // An empty node stands behind an indicator; an insertion at that very place comes after it.
        let behind = old.start.checked_sub(1).map(|at| splices.moved(at) + 1);
        return start == end && (Some(start) == behind || start == splices.moved(old.start));
    }
    start == splices.moved(old.start) && end == splices.moved(old.end - 1) + 1
}

/// Whether some records of `new` are what is expected.
pub(super) fn meets(new: &Document<'_>, records: Range<usize>, expect: &Expect<'_>) -> bool {
    let mut nodes = new.nodes(records.start, records.end);
    match expect {
        Expect::Nothing => nodes.next().is_none(),
        // One more entry of a mapping that was there.
        Expect::Entry(key, _) | Expect::List([key, ..], _) if nodes.clone().count() == 2 => {
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
    [Schema::Helm, Schema::Dagster].iter().all(|schema| node.to_value(*schema).is_ok_and(|found| found.is_same(value)))
}

/// Whether two nodes of different documents are the same data, notation apart.
fn is_same(found: Node<'_>, meant: Node<'_>) -> bool {
    let bare = |node: Node<'_>| node.first_index() == node.index();
    let properties = bare(found) && bare(meant) || found.anchor() == meant.anchor() && found.tag() == meant.tag();
    if !properties || found.alias() != meant.alias() {
        return false;
    }
    // What is written alike reads alike; of block scalars the indentation may differ.
    let flow_scalar = matches!(found.kind(), Kind::Plain | Kind::SingleQuoted | Kind::DoubleQuoted);
    if flow_scalar && found.kind() == meant.kind() && found.source() == meant.source() {
        return true;
    }
    let (one, other) = (found.kind(), meant.kind());
    if one.is_mapping() && other.is_mapping() || one.is_sequence() && other.is_sequence() {
        let (mut found, mut meant) = (found.children(), meant.children());
        return loop {
            match (found.next(), meant.next()) {
                (Some(found), Some(meant)) if is_same(found, meant) => {}
                (None, None) => break true,
                _ => break false,
            }
        };
    }
    match (found.scalar(), meant.scalar()) {
        (Some(one), Some(other)) => {
            let alike = |schema| one.resolve(schema) == other.resolve(schema);
            let texts = one.text() == other.text() || is_null(found) && is_null(meant);
            texts && [Schema::Core, Schema::Helm, Schema::Dagster].into_iter().all(alike)
        }
        // Aliases of one name; else collections of two kinds.
        (None, None) => one == Kind::Alias && other == Kind::Alias,
        _ => false,
    }
}

/// Whether nothing, `~` or `null` is written.
pub(crate) fn is_null(node: Node<'_>) -> bool {
    node.scalar().is_some_and(|scalar| scalar.resolve(Schema::Core) == crate::yaml::Resolved::Null)
}
