//! A collection of one of the inputs, as the bytes of its elements and of what stands between them. Read [`Layout`].

use alloc::vec::Vec;

use super::same::is_open;
use crate::edit::element::{Element, elements, style};
use crate::yaml::lines::{Line, Lines};
use crate::yaml::{Kind, Node, Style};

/// An element with the bytes that go with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot<'d> {
    pub(super) element: Element<'d>,
    /// Where the gap before it begins.
    pub(super) gap: usize,
    /// Behind its last line, with the comments on it and the deeper ones below; the break of that line is not included.
    pub(super) end: usize,
}

/// A collection as gaps and elements in turn: gap, element, gap, element, gap.
#[derive(Clone, Debug)]
pub(super) struct Layout<'d> {
    pub(super) node: Node<'d>,
    pub(super) slots: Vec<Slot<'d>>,
    /// Where the first gap begins.
    pub(super) start: usize,
    /// Where the last gap ends.
    pub(super) end: usize,
}

impl<'d> Layout<'d> {
    fn new(node: Node<'d>, start: usize, end: usize) -> Self {
        let lines = Lines::new(node.document_text());
        let block = style(node) == Style::Block;
        let mut gap = start;
        let slots = elements(node).map(|element| {
            let end = if block { own_end(lines, element.end, node.column()) } else { element.end };
            let slot = Slot { element, gap, end };
            gap = end;
            slot
        });
        Self { node, slots: slots.collect(), start, end }
    }

    pub(super) fn is_block(&self) -> bool {
        style(self.node) == Style::Block
    }

    pub(super) fn lines(&self) -> Lines<'d> {
        Lines::new(self.node.document_text())
    }

    pub(super) fn slot(&self, at: Option<usize>) -> Option<&Slot<'d>> {
        self.slots.get(at?)
    }

    /// Where the gap behind the last element begins.
    pub(super) fn last_gap(&self) -> usize {
        self.slots.last().map_or(self.start, |slot| slot.end)
    }

    /// Whether the first element stands on the line of what leads to the collection.
    pub(super) fn is_compact(&self) -> bool {
        self.start == self.node.span().start as usize
    }

    /// The text of a slot, the gap before it included, and whether a block scalar at its end lacks its break.
    pub(super) fn tile(&self, slot: &Slot<'d>) -> (&'d str, bool) {
        (self.lines().slice(slot.gap, slot.end), is_open(slot.element.node))
    }

    /// The text of a slot without the gap before it, and whether a block scalar at its end lacks its break.
    pub(super) fn chunk(&self, slot: &Slot<'d>) -> (&'d str, bool) {
        (self.lines().slice(slot.element.start, slot.end), is_open(slot.element.node))
    }
}

/// End of the last line of an element that ends at `end`, or of the comment lines directly below that are deeper than
/// `column`.
pub(super) fn own_end(lines: Lines<'_>, end: usize, column: usize) -> usize {
    let mut own = lines.end(end);
    loop {
        let next = lines.next(own);
        if next == own || !matches!(lines.kind(next), Line::Comment(found) if found > column) {
            return own;
        }
        own = lines.end(next);
    }
}

/// How the text of a value lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// From its first byte to its last, with the rest of the line behind it.
    Inline,
    /// A block scalar.
    Lines,
    /// A block collection.
    Block,
}

/// What leads to a value, and the value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body<'d> {
    pub(super) node: Node<'d>,
    /// Of the element, or of what leads to the root.
    pub(super) start: usize,
    /// Behind the key; `start` where there is none.
    pub(super) key_end: usize,
    /// Where the value begins: behind the line of the key for most block collections.
    pub(super) value: usize,
    /// Where the value ends: with its line for block collections.
    pub(super) value_end: usize,
    /// Where all of it ends.
    pub(super) end: usize,
}

impl<'d> Body<'d> {
    /// Of an element of `layout`.
    pub(super) fn of(layout: &Layout<'d>, slot: &Slot<'d>) -> Self {
        let lines = layout.lines();
        let Element { start, key, node, .. } = slot.element;
        let key_end = key.map_or(start, |key| key.full_span().end as usize);
        let indicator = match key {
            Some(_) => {
                let colon = lines.behind_trivia(key_end);
                if lines.byte(colon) == Some(b':') { colon + 1 } else { key_end }
            }
            None if layout.is_block() => start + 1,
            None => start,
        };
        Self::new(node, start, key_end, indicator, slot.end)
    }

    /// Of a root: what leads to it begins at `start`, its last mark ends at `mark`, where it has one.
    pub(super) fn of_root(node: Node<'d>, start: usize, mark: Option<usize>) -> Self {
        let lines = Lines::new(node.document_text());
        let end = own_end(lines, node.span().end as usize, node.column());
        let mut body = Self::new(node, start, start, mark.unwrap_or(start), end);
        if mark.is_none() && node.first_index() == node.index() && form(node) == Form::Block {
            // Comments above the first element are those of the element.
            body.value = start;
        }
        body
    }

    fn new(node: Node<'d>, start: usize, key_end: usize, indicator: usize, end: usize) -> Self {
        let lines = Lines::new(node.document_text());
        let own = node.span();
        let (value, value_end) = match form(node) {
            Form::Block => {
                let property = node.records().get(node.index().wrapping_sub(1));
                let property = property.filter(|_| node.first_index() < node.index());
                let header = lines.end(property.map_or(indicator, |property| property.end as usize));
                (header.min(own.start as usize), end)
            }
            _ => (own.start as usize, own.end as usize),
        };
        Self { node, start, key_end, value, value_end, end }
    }

    /// Whether a block collection begins on the line of what leads to it.
    pub(super) fn is_compact(&self) -> bool {
        self.value == self.node.span().start as usize
    }

    /// Whether nothing stands on the line before its value: it is the first of its text.
    pub(super) fn is_head(&self) -> bool {
        Lines::new(self.node.document_text()).is_start(self.value)
    }

    pub(super) fn form(&self) -> Form {
        form(self.node)
    }

    /// The collection that its value is.
    pub(super) fn layout(&self) -> Layout<'d> {
        match self.form() {
            Form::Block => Layout::new(self.node, self.value, self.value_end),
            _ => Layout::new(self.node, self.value + 1, self.value_end.saturating_sub(1)),
        }
    }
}

pub(super) fn form(node: Node<'_>) -> Form {
    match node.kind() {
        Kind::BlockMapping | Kind::BlockSequence => Form::Block,
        Kind::Literal | Kind::Folded => Form::Lines,
        _ => Form::Inline,
    }
}
