//! One way to see list items and mapping entries: as elements of a collection, with the bytes that are theirs.

use core::ops::Range;

use crate::span::Span;
use crate::yaml::block::Chomping;
use crate::yaml::lines::{Line, Lines};
use crate::yaml::record::Record;
use crate::yaml::{Kind, Node, Style};

/// An item of a list or an entry of a mapping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'d> {
    /// Offset of its dash, of its `?`, or of its first byte.
    pub(crate) start: usize,
    /// Offset behind its last byte.
    pub(crate) end: usize,
    /// Its key, in a mapping.
    pub(crate) key: Option<Node<'d>>,
    /// Its value or item.
    pub(crate) node: Node<'d>,
}

impl<'d> Element<'d> {
    /// Index of its first record.
    pub(crate) fn first_record(&self) -> usize {
        self.key.unwrap_or(self.node).first_index()
    }

    /// Index of the first record behind it.
    pub(crate) fn next_record(&self) -> usize {
        self.node.next_index()
    }
}

/// The elements of `collection`, in order; none for a scalar.
pub(crate) fn elements<'d>(collection: Node<'d>) -> impl Iterator<Item = Element<'d>> {
    elements_from(collection, 0)
}

/// The same from number `first` on. What stands between those before is not looked at.
pub(super) fn elements_from<'d>(collection: Node<'d>, first: usize) -> impl Iterator<Item = Element<'d>> {
    let mut pairs = pairs(collection);
    let before = first.checked_sub(1).and_then(|before| pairs.nth(before));
    let mut previous = before.map_or(inner_start(collection), |(key, node)| end_of(key, node));
    pairs.map(move |(key, node)| {
        let element = element(collection, previous, key, node);
        previous = element.end;
        element
    })
}

/// Number of the element that is the item or holds the value `node`.
pub(super) fn number_of(collection: Node<'_>, node: Node<'_>) -> Option<usize> {
    pairs(collection).position(|(_, found)| found == node)
}

/// The element that has these records, or has them inside.
pub(super) fn element_around<'d>(collection: Node<'d>, records: &Range<usize>) -> Option<Element<'d>> {
    let number = pairs(collection).position(|(_, node)| records.end <= node.next_index())?;
    elements_from(collection, number).next().filter(|element| element.first_record() <= records.start)
}

/// The last of the elements.
pub(crate) fn last_element<'d>(collection: Node<'d>) -> Option<Element<'d>> {
    elements_from(collection, pairs(collection).count().checked_sub(1)?).next()
}

/// Keys and values, or no keys and items.
fn pairs<'d>(collection: Node<'d>) -> impl Iterator<Item = (Option<Node<'d>>, Node<'d>)> {
    let mapping = collection.kind().is_mapping();
    let mut children = collection.children();
    core::iter::from_fn(move || {
        let first = children.next()?;
        if mapping { Some((Some(first), children.next()?)) } else { Some((None, first)) }
    })
}

/// The opening bracket is notation of the collection, not of its first element.
fn inner_start(collection: Node<'_>) -> usize {
    let bracket = matches!(collection.kind(), Kind::FlowMapping | Kind::FlowSequence);
    collection.span().start as usize + usize::from(bracket)
}

fn end_of(key: Option<Node<'_>>, node: Node<'_>) -> usize {
    (node.full_span().end as usize).max(key.map_or(0, |key| key.span().end as usize))
}

/// An element whose neighbour before it ends at `previous`.
fn element<'d>(collection: Node<'d>, previous: usize, key: Option<Node<'d>>, node: Node<'d>) -> Element<'d> {
    let lines = Lines::new(collection.document_text());
    let first = key.unwrap_or(node).full_span().start as usize;
    let mut start = lines.behind_trivia(previous).min(first);
    if style(collection) == Style::Flow && start < first && lines.byte(start) == Some(b',') {
        start = lines.behind_trivia(start + 1).min(first);
    }
    Element { start, end: end_of(key, node), key, node }
}

pub(crate) fn style(collection: Node<'_>) -> Style {
    match collection.kind() {
        Kind::BlockMapping | Kind::BlockSequence => Style::Block,
        _ => Style::Flow,
    }
}

/// Offset behind the lines that belong to a block collection's last element: what stands on its last line, and comment
/// lines below it from column `column` on. Blank lines behind them are not among them.
pub(crate) fn tail_end(lines: Lines<'_>, end: usize, column: usize) -> usize {
    let mut tail = lines.next(end);
    let mut at = tail;
    while at < lines.len() {
        match lines.kind(at) {
            Line::Blank => at = lines.next(at),
            Line::Comment(found) if found >= column => {
                at = lines.next(at);
                tail = at;
            }
            _ => break,
        }
    }
    tail
}

/// The number of blank lines between any two neighbours, where it is the same everywhere and there are two; else 0.
pub(crate) fn rhythm(lines: Lines<'_>, collection: Node<'_>) -> usize {
    let mut common = None;
    let mut previous: Option<Element<'_>> = None;
    for element in elements(collection) {
        if let Some(before) = previous {
            let behind = lines.next(before.end);
            let (count, _) = lines.blanks(behind);
            if count == 0 || common.is_some_and(|known| known != count) {
                return 0;
            }
            common = Some(count);
        }
        previous = Some(element);
    }
    common.unwrap_or(0)
}

/// How the node of a record chomps; `None` where it is no block scalar.
pub(crate) fn chomping(text: &str, record: &Record) -> Option<Chomping> {
    let block = matches!(record.kind, Kind::Literal | Kind::Folded);
    block.then(|| Chomping::of(Span::new(record.start, record.end).of(text)))
}

/// The last of some records of which something is written.
pub(super) fn last_written(records: &[Record]) -> Option<&Record> {
    records.iter().rev().find(|record| record.kind != Kind::Empty)
}

/// Whether a block scalar would take lines from `at` on for its own: blank ones where it keeps breaks or where they are
/// longer than it is indented, comments that are indented as it is.
pub(crate) fn takes_lines(text: &str, record: &Record, lines: Lines<'_>, at: usize) -> bool {
    let Some(chomping) = chomping(text, record) else { return false };
    let column = usize::from(record.column);
    let mut at = at;
    while at < lines.len() {
        match lines.kind(at) {
            Line::Blank if chomping == Chomping::Keep || lines.end(at) - at > column => return true,
            Line::Blank => at = lines.next(at),
            Line::Comment(found) => return found >= column,
            Line::Other => return false,
        }
    }
    false
}
