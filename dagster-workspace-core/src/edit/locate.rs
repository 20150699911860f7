//! From a [`Path`] to a node, refusing what must not be edited through. Read [`locate`].

use alloc::vec::Vec;
use core::ops::Range;

use super::prove::is_null;
use super::refuse;
use crate::error::{Reason, Refusal};
use crate::span::Span;
use crate::yaml::record::Record;
use crate::yaml::{Document, Entry, ItemKey, Kind, Node, Path, Reader, Schema, Step, is_called};

/// Where a path leads.
pub(super) enum Place<'d, 'p> {
    /// To a node.
    Found(Spot<'d>),
    /// To nothing: the way ends at `last`, and `rest` is still to go.
    Missing {
        /// The last node there is; `None` in a text without any.
        last: Option<Spot<'d>>,
        /// The steps below it.
        rest: &'p [Step],
        /// A merge key provides the first of them.
        merged: bool,
    },
}

/// A node with the collection it stands in.
#[derive(Clone, Copy)]
pub(super) struct Spot<'d> {
    pub(super) node: Node<'d>,
    /// `None` for the root.
    pub(super) parent: Option<Node<'d>>,
    /// What the parent stands in.
    pub(super) grandparent: Option<Node<'d>>,
}

impl<'d> Spot<'d> {
    /// A node that stands in this one.
    pub(super) fn below(&self, node: Node<'d>) -> Self {
        Self { node, parent: Some(self.node), grandparent: self.parent }
    }

    /// Record of what it stands in; the document's for the root.
    pub(super) fn parent_index(&self) -> usize {
        self.parent.map_or(0, Node::index)
    }

    /// Records of the node, with those of its properties where it has a tag: another node cannot keep that.
    pub(super) fn records(&self) -> Range<usize> {
        let first = if self.node.tag().is_some() { self.node.first_index() } else { self.node.index() };
        first..self.node.next_index()
    }
}

/// Follows `path`. Aliases on the way are refused, and so are anchors on it that aliases use: `shared` is the reason.
pub(super) fn locate<'d, 'p>(
    document: &'d Document<'_>,
    path: &'p Path,
    shared: Reason,
) -> Result<Place<'d, 'p>, Refusal> {
    let Some(root) = document.root() else {
        return Ok(Place::Missing { last: None, rest: path.steps(), merged: false });
    };
    let reader = Reader::new(Schema::Helm);
    let mut spot = Spot { node: root, parent: None, grandparent: None };
    let mut rest = path.steps();
    check_shared(document, spot.node, shared)?;
    while let [step, below @ ..] = rest {
        if spot.node.kind() == Kind::Alias {
            return Err(refuse(Reason::ThroughAlias, spot.node.span()));
        }
        let found = if is_null(spot.node) { None } else { child(&reader, spot.node, step)? };
        let Some(node) = found else {
            let merged = matches!(step, Step::Key(key) if reader.get(spot.node, key).is_some());
            return Ok(Place::Missing { last: Some(spot), rest, merged });
        };
        spot = spot.below(node);
        rest = below;
        check_shared(document, spot.node, shared)?;
    }
    Ok(Place::Found(spot))
}

/// Refuses what would go where a merge key provides what is there now.
pub(super) fn through_merge(last: Option<Spot<'_>>) -> Refusal {
    refuse(Reason::ThroughAlias, last.map_or(Span::default(), |spot| spot.node.span()))
}

/// The node one step further; `None` where there is none.
fn child<'d>(reader: &Reader<'d>, node: Node<'d>, step: &Step) -> Result<Option<Node<'d>>, Refusal> {
    match step {
        Step::Key(key) => value(reader, node, key),
        Step::Item { key, name } => item(reader, node, key, name),
        Step::Index(index) => {
            if !node.kind().is_sequence() {
                return Err(refuse(Reason::NotAList, node.span()));
            }
            Ok(node.items().nth(*index))
        }
    }
}

/// The value of the one entry of `mapping` under `key`.
fn value<'d>(reader: &Reader<'d>, mapping: Node<'d>, key: &str) -> Result<Option<Node<'d>>, Refusal> {
    if !mapping.kind().is_mapping() {
        return Err(refuse(Reason::NotAMapping, mapping.span()));
    }
    let mut found: Option<Entry<'_>> = None;
    for entry in mapping.entries() {
        if entry.key.is_text(key) {
            if let Some(first) = found {
                let (span, related) = (entry.key.span(), Some(first.key.span()));
                return Err(Refusal { reason: Reason::DuplicateKey, span, related });
            }
            found = Some(entry);
        } else if reader.is_merge(entry.key) && !merges(reader, entry.value) {
            // No reader knows what the mapping holds.
            return Err(refuse(Reason::MergeValue, entry.value.full_span()));
        }
    }
    Ok(found.map(|entry| entry.value))
}

/// Whether the value of a merge key can be merged.
fn merges<'d>(reader: &Reader<'d>, value: Node<'d>) -> bool {
    let is_mapping = |node| reader.target(node).is_some_and(|target| target.kind().is_mapping());
    is_mapping(value)
        || reader.target(value).is_some_and(|list| list.kind().is_sequence() && list.items().all(is_mapping))
}

/// The one item of `list` that readers see under `name`: its own, or one that it has from an alias or a merge key.
pub(super) fn item<'d>(
    reader: &Reader<'d>,
    list: Node<'d>,
    key: &ItemKey,
    name: &str,
) -> Result<Option<Node<'d>>, Refusal> {
    if !list.kind().is_sequence() {
        return Err(refuse(Reason::NotAList, list.span()));
    }
    let mut found = list.items().filter(|item| match key.place(*item) {
        Some(own) if own.kind() != Kind::Alias => is_called(own, name),
        _ => key.read(reader, *item).is_some_and(|read| read.is_text(name)),
    });
    let first = found.next();
    match (first, found.next()) {
        (Some(first), Some(second)) => {
            let place = |item: Node<'_>| key.of(item).unwrap_or(item).span();
            let (span, related) = (place(second), Some(place(first)));
            Err(Refusal { reason: Reason::AmbiguousName, span, related })
        }
        (first, _) => Ok(first),
    }
}

pub(super) fn check_shared(document: &Document<'_>, node: Node<'_>, reason: Reason) -> Result<(), Refusal> {
    let Some(anchor) = node.anchor() else { return Ok(()) };
    match first_use(document, anchor, node.index()) {
        Some(related) => Err(Refusal { reason, span: node.full_span(), related: Some(related) }),
        None => Ok(()),
    }
}

/// The first alias from record `from` on that means the anchor `name` as it stands before.
pub(super) fn first_use(document: &Document<'_>, name: &str, from: usize) -> Option<Span> {
    let text = document.text();
    let records = document.records().get(from..)?.iter();
    let named = |record: &&Record| matches!(record.kind, Kind::Alias | Kind::Anchor) && record.name(text) == name;
    let record = records.take_while(|record| record.kind != Kind::Document).find(named)?;
    (record.kind == Kind::Alias).then(|| Span::new(record.start, record.end))
}

/// Refuses where an anchor among the records from `first` to `next` is used behind them.
pub(super) fn check_anchors(document: &Document<'_>, first: usize, next: usize) -> Result<(), Refusal> {
    let anchors: Vec<_> =
        document.records().get(first..next).unwrap_or_default().iter().filter(|r| r.kind == Kind::Anchor).collect();
    for anchor in anchors {
        let name = anchor.name(document.text());
        if let Some(related) = first_use(document, name, next) {
            let span = Span::new(anchor.start, anchor.end);
            return Err(Refusal { reason: Reason::AnchorInUse, span, related: Some(related) });
        }
    }
    Ok(())
}
