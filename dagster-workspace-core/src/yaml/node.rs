//! The read-only view on a document. Read [`Node`] first.

use alloc::borrow::Cow;
use core::fmt;

use super::record::{EXPLICIT, Kind, Record, Style};
use super::{scalar, schema};
use crate::span::{Span, offset};

/// One node of a [`Document`](super::Document): a cheap handle, copied freely.
#[derive(Clone, Copy)]
pub struct Node<'d> {
    pub(super) text: &'d str,
    pub(super) records: &'d [Record],
    /// The first property, or `at`.
    pub(super) first: u32,
    pub(super) at: u32,
}

impl<'d> Node<'d> {
    fn record(self) -> Option<&'d Record> {
        self.records.get(self.at as usize)
    }

    /// What it is.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.record().map_or(Kind::Empty, |record| record.kind)
    }

    /// Its bytes, without anchor and tag.
    #[must_use]
    pub fn span(self) -> Span {
        self.record().map_or(Span::default(), |record| Span::new(record.start, record.end))
    }

    /// Its bytes, from its first property on.
    #[must_use]
    pub fn full_span(self) -> Span {
        let start = self.records.get(self.first as usize).map_or(0, |record| record.start);
        Span::new(start, self.span().end.max(start))
    }

    /// Its text as it is written, without anchor and tag.
    #[must_use]
    pub fn source(self) -> &'d str {
        self.span().of(self.text)
    }

    /// The whole text it stands in.
    #[must_use]
    pub fn document_text(self) -> &'d str {
        self.text
    }

    /// Column of its first byte, in bytes from 0 (65,535 at most).
    /// Of a block scalar: the indentation of its content. Of an empty node: 0.
    #[must_use]
    pub fn column(self) -> usize {
        self.record().map_or(0, |record| record.column.into())
    }

    /// Whether it is a key introduced by `?`.
    #[must_use]
    pub fn is_explicit_key(self) -> bool {
        self.record().is_some_and(|record| record.flags & EXPLICIT != 0)
    }

    /// Place of its own record in the index.
    pub(crate) fn index(self) -> usize {
        self.at as usize
    }

    /// Place of its first record, properties included.
    pub(crate) fn first_index(self) -> usize {
        self.first as usize
    }

    /// The whole index it stands in.
    pub(crate) fn records(self) -> &'d [Record] {
        self.records
    }

    /// The node of the same text whose first record, properties included, is at `first`.
    pub(crate) fn beginning_at(self, first: usize) -> Option<Self> {
        Children { text: self.text, records: self.records, at: first, end: self.records.len() }.next()
    }

    /// Index of the first record behind it and all it holds.
    pub(crate) fn next_index(self) -> usize {
        self.end_index()
    }

    fn property(self, kind: Kind) -> Option<Span> {
        let properties = self.records.get(self.first as usize..self.at as usize)?;
        let record = properties.iter().find(|record| record.kind == kind)?;
        Some(Span::new(record.start, record.end))
    }

    /// Name of its anchor, without `&`.
    #[must_use]
    pub fn anchor(self) -> Option<&'d str> {
        self.property(Kind::Anchor)?.of(self.text).strip_prefix('&')
    }

    /// Its tag as it is written (`!!str`, `!local`, `!<tag:...>`).
    #[must_use]
    pub fn tag(self) -> Option<&'d str> {
        self.property(Kind::Tag).map(|span| span.of(self.text))
    }

    /// Where its tag is written.
    pub(crate) fn tag_span(self) -> Option<Span> {
        self.property(Kind::Tag)
    }

    /// Name that an alias refers to, without `*`.
    #[must_use]
    pub fn alias(self) -> Option<&'d str> {
        if self.kind() == Kind::Alias { self.source().strip_prefix('*') } else { None }
    }

    /// The node an alias means: the latest one before it under that anchor. A node that is no alias is its own target.
    #[must_use]
    pub fn target(self) -> Option<Self> {
        let Some(name) = self.alias() else { return Some(self) };
        let before = self.records.get(..self.at as usize)?;
        // Anchors do not reach over document boundaries.
        let own = before.iter().enumerate().rev().take_while(|(_, record)| record.kind != Kind::Document);
        let anchors = own.filter(|(_, record)| record.kind == Kind::Anchor);
        let mut named = anchors.filter(|(_, record)| record.name(self.text) == name);
        let (at, _) = named.next()?;
        let rest = Children { text: self.text, records: self.records, at, end: self.records.len() };
        rest.into_iter().next().filter(|node| node.kind() != Kind::Alias)
    }

    /// The scalar, or `None` for collections and aliases.
    #[must_use]
    pub fn scalar(self) -> Option<Scalar<'d>> {
        self.kind().is_scalar().then_some(Scalar { node: self })
    }

    /// Decoded text of a scalar, whatever it resolves to; `None` for collections and aliases.
    #[must_use]
    pub fn text(self) -> Option<Cow<'d, str>> {
        self.scalar().map(Scalar::text)
    }

    /// The mapping, or `None` for anything else.
    #[must_use]
    pub fn mapping(self) -> Option<Mapping<'d>> {
        self.kind().is_mapping().then_some(Mapping { node: self })
    }

    /// The sequence, or `None` for anything else.
    #[must_use]
    pub fn sequence(self) -> Option<Sequence<'d>> {
        self.kind().is_sequence().then_some(Sequence { node: self })
    }

    /// Value of a mapping's own entry under `key`, compared decoded. Aliases and merge keys are not followed.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Self> {
        self.mapping()?.get(key)
    }

    /// Items of a sequence; nothing for any other node.
    pub fn items(self) -> impl Iterator<Item = Node<'d>> {
        let end = if self.kind().is_sequence() { self.end_index() } else { 0 };
        Children { text: self.text, records: self.records, at: self.at as usize + 1, end }
    }

    /// Entries of a mapping; nothing for any other node.
    pub fn entries(self) -> impl Iterator<Item = Entry<'d>> {
        let end = if self.kind().is_mapping() { self.end_index() } else { 0 };
        let mut children = Children { text: self.text, records: self.records, at: self.at as usize + 1, end };
        core::iter::from_fn(move || Some(Entry { key: children.next()?, value: children.next()? }))
    }

    /// What a collection holds: items, or keys and values in turn.
    pub(crate) fn children(self) -> impl Iterator<Item = Node<'d>> {
        let collection = self.kind().is_mapping() || self.kind().is_sequence();
        let end = if collection { self.end_index() } else { 0 };
        Children { text: self.text, records: self.records, at: self.at as usize + 1, end }
    }

    pub(super) fn end_index(self) -> usize {
        self.record().map_or(0, |record| record.next as usize)
    }
}

/// Kind and place: what it says may be secret.
impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}", self.kind(), self.span())
    }
}

/// Two nodes are equal when they are the same node of the same text.
impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at && core::ptr::eq(self.records, other.records)
    }
}

impl Eq for Node<'_> {}

/// A scalar node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scalar<'d> {
    node: Node<'d>,
}

impl<'d> Scalar<'d> {
    /// The node itself.
    #[must_use]
    pub fn node(self) -> Node<'d> {
        self.node
    }

    /// Decoded text: quotes, escapes, folding and chomping resolved. Borrowed where it is written as it is meant.
    #[must_use]
    pub fn text(self) -> Cow<'d, str> {
        scalar::decode(self.node.text, self.node.span(), self.node.kind(), self.node.column())
    }

    /// What readers of `schema` take it for, its tag respected.
    #[must_use]
    pub fn resolve(self, schema: schema::Schema) -> schema::Resolved {
        self.resolve_text(&self.text(), schema)
    }

    fn resolve_text(self, text: &str, schema: schema::Schema) -> schema::Resolved {
        let plain = matches!(self.node.kind(), Kind::Plain | Kind::Empty);
        schema::resolve_tagged(self.node.tag(), plain, text, schema)
    }

    /// The text, where readers of `schema` take it for a string.
    #[must_use]
    pub fn as_str(self, schema: schema::Schema) -> Option<Cow<'d, str>> {
        let text = self.text();
        (self.resolve_text(&text, schema) == schema::Resolved::String).then_some(text)
    }
}

/// A mapping node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping<'d> {
    node: Node<'d>,
}

impl<'d> Mapping<'d> {
    /// The node itself.
    #[must_use]
    pub fn node(self) -> Node<'d> {
        self.node
    }

    /// Block or flow.
    #[must_use]
    pub fn style(self) -> Style {
        if self.node.kind() == Kind::BlockMapping { Style::Block } else { Style::Flow }
    }

    /// Its own entries, in order. Merge keys (`<<`) come as they are written.
    pub fn entries(self) -> impl Iterator<Item = Entry<'d>> {
        self.node.entries()
    }

    /// Value of its own entry under `key`, compared decoded; the last one where a key stands twice, as PyYAML and
    /// go-yaml read.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Node<'d>> {
        let kind = self.node.kind();
        let mut found = None;
        for entry in self.entries() {
            if entry.key.is_key(kind, key) {
                found = Some(entry.value);
            }
        }
        found
    }
}

impl Node<'_> {
    /// Whether it is a scalar whose decoded text is `text`.
    #[must_use]
    #[inline]
    pub fn is_text(self, text: &str) -> bool {
        let Some(record) = self.record() else { return text.is_empty() };
        let quoted = matches!(record.kind, Kind::SingleQuoted | Kind::DoubleQuoted);
        let first = self.text.as_bytes().get(record.start as usize + usize::from(quoted));
        // Most scalars that are compared differ in their first byte, and a letter or digit is no notation.
        let differs = first.is_some_and(u8::is_ascii_alphanumeric) && first != text.as_bytes().first();
        if differs && (quoted || record.kind == Kind::Plain) { false } else { self.decodes_to(text) }
    }

    #[inline(never)]
    fn decodes_to(self, text: &str) -> bool {
        match self.kind() {
            // Folding makes nothing longer, and without line breaks nothing is folded.
            Kind::Plain if self.span().len() < text.len() => false,
            Kind::Plain if self.source() == text && !text.contains(['\n', '\r']) => true,
            _ => self.text().is_some_and(|own| own == text),
        }
    }

    /// Whether it is a key of `mapping` that reads `text`.
    #[inline(always)]
    fn is_key(self, mapping: Kind, text: &str) -> bool {
        // Implicit keys of block mappings stand on one line, so there the length tells without a look at the text.
        let one_line = mapping == Kind::BlockMapping && self.kind() == Kind::Plain && !self.is_explicit_key();
        (!one_line || self.span().len() == text.len()) && self.is_text(text)
    }
}

/// The part of a node on its first line.
pub(crate) fn head(node: Node<'_>) -> Span {
    let Span { start, end } = node.span();
    let line = node.source().find(['\n', '\r']).and_then(|at| u32::try_from(at).ok());
    Span::new(start, line.map_or(end, |at| start + at))
}

/// One entry of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'d> {
    /// Its key.
    pub key: Node<'d>,
    /// Its value; [`Kind::Empty`] where nothing is written.
    pub value: Node<'d>,
}

/// A sequence node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence<'d> {
    node: Node<'d>,
}

impl<'d> Sequence<'d> {
    /// The node itself.
    #[must_use]
    pub fn node(self) -> Node<'d> {
        self.node
    }

    /// Block or flow.
    #[must_use]
    pub fn style(self) -> Style {
        if self.node.kind() == Kind::BlockSequence { Style::Block } else { Style::Flow }
    }

    /// Its items, in order.
    pub fn items(self) -> impl Iterator<Item = Node<'d>> {
        self.node.items()
    }
}

/// The nodes between two records of one level, properties gathered up.
#[derive(Clone)]
pub(super) struct Children<'d> {
    pub(super) text: &'d str,
    pub(super) records: &'d [Record],
    pub(super) at: usize,
    pub(super) end: usize,
}

impl<'d> Iterator for Children<'d> {
    type Item = Node<'d>;

    #[inline(always)]
    fn next(&mut self) -> Option<Node<'d>> {
        if self.at >= self.end {
            return None;
        }
        let first = self.at;
        let mut at = first;
        let mut record = self.records.get(at)?;
        // A scalar without properties, as most nodes are: the place of the next one is known without a look at `next`.
        if record.kind.is_scalar() {
            self.at = at + 1;
            return Some(Node { text: self.text, records: self.records, first: offset(first), at: offset(at) });
        }
        while record.kind.is_property() {
            at += 1;
            record = self.records.get(at)?;
        }
        self.at = record.next as usize;
        Some(Node { text: self.text, records: self.records, first: offset(first), at: offset(at) })
    }
}
