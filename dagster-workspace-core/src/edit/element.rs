//! One way to see list items and mapping entries: as elements of a collection, with the bytes that are theirs.

use alloc::vec::Vec;

use crate::yaml::lines::{Line, Lines};
use crate::yaml::{Kind, Node, Style};

/// An item of a list or an entry of a mapping.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'d> {
    /// Offset of its dash, of its `?`, or of its first byte.
    pub(super) start: usize,
    /// Offset behind its last byte.
    pub(super) end: usize,
    /// Its key, in a mapping.
    pub(super) key: Option<Node<'d>>,
    /// Its value or item.
    pub(super) node: Node<'d>,
}

impl<'d> Element<'d> {
    /// Index of its first record.
    pub(super) fn first_record(&self) -> usize {
        self.key.unwrap_or(self.node).first_index()
    }

    /// Index of the first record behind it.
    pub(super) fn next_record(&self) -> usize {
        self.node.next_index()
    }
}

/// Elements of a list or mapping, in order.
pub(super) struct Elements<'d> {
    lines: Lines<'d>,
    style: Style,
    entries: Vec<(Option<Node<'d>>, Node<'d>)>,
    at: usize,
    previous: usize,
}

/// The elements of `collection`; none for a scalar.
pub(super) fn elements(collection: Node<'_>) -> Elements<'_> {
    let mut entries: Vec<_> = collection.entries().map(|entry| (Some(entry.key), entry.value)).collect();
    entries.extend(collection.items().map(|item| (None, item)));
    let style = style(collection);
    let start = collection.span().start as usize;
    // The opening bracket is notation of the collection, not of its first element.
    let previous = if style == Style::Flow && collection.kind() != Kind::FlowPair { start + 1 } else { start };
    Elements { lines: Lines::new(collection.document_text()), style, entries, at: 0, previous }
}

pub(super) fn style(collection: Node<'_>) -> Style {
    match collection.kind() {
        Kind::BlockMapping | Kind::BlockSequence => Style::Block,
        _ => Style::Flow,
    }
}

impl<'d> Iterator for Elements<'d> {
    type Item = Element<'d>;

    fn next(&mut self) -> Option<Element<'d>> {
        let (key, node) = *self.entries.get(self.at)?;
        self.at += 1;
        let first = key.unwrap_or(node).full_span().start as usize;
        let mut start = self.lines.behind_trivia(self.previous).min(first);
        if self.style == Style::Flow && start < first && self.lines.byte(start) == Some(b',') {
            start = self.lines.behind_trivia(start + 1).min(first);
        }
        let end = (node.full_span().end as usize).max(key.map_or(0, |key| key.span().end as usize));
        self.previous = end;
        Some(Element { start, end, key, node })
    }
}

/// Offset behind the lines that belong to a block collection's last element: what stands on its last line, and comment
/// lines below it from column `column` on. Blank lines behind them are not among them.
pub(super) fn tail_end(lines: Lines<'_>, end: usize, column: usize) -> usize {
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

/// Offset of the first line that belongs to the element that begins at `start`: its own, or that of the run of comment
/// lines directly above in the column of the element. Lines before `floor` belong to others.
pub(super) fn lead_start(lines: Lines<'_>, start: usize, floor: usize) -> usize {
    let mut lead = lines.start(start);
    let column = start - lead;
    while let Some(above) = lines.previous(lead) {
        if above < floor || lines.kind(above) != Line::Comment(column) {
            break;
        }
        lead = above;
    }
    lead
}

/// Offset behind the lines that go with an element: its last line, and the comment lines directly below it that are deeper
/// than `column`.
pub(super) fn own_end(lines: Lines<'_>, end: usize, column: usize) -> usize {
    let mut own = lines.next(end);
    while own < lines.len() && matches!(lines.kind(own), Line::Comment(found) if found > column) {
        own = lines.next(own);
    }
    own
}

/// The number of blank lines between any two neighbours, where it is the same everywhere and there are two; else 0.
pub(super) fn rhythm(lines: Lines<'_>, collection: Node<'_>) -> usize {
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
