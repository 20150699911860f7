//! The index of a text and the read-only view on it. Read [`Document`], then [`Node`].
//!
//! The index is one `Vec` of 16-byte records in pre-order. A collection's children are the records behind it up to its
//! `next`; a mapping's are key, value, key, value. Anchors and tags are records of their own in front of the node they
//! belong to, document marks and directives records inside the document's.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::scan::{self, Mode};
use super::{scalar, schema};
use crate::error::ParseError;
use crate::span::Span;

/// What a record of the index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// One document of the stream.
    Document,
    /// `%YAML` or `%TAG` or a reserved directive, the whole line.
    Directive,
    /// `---`.
    DocumentStart,
    /// `...`.
    DocumentEnd,
    /// `&name`, in front of its node.
    Anchor,
    /// `!tag`, in front of its node.
    Tag,
    /// `*name`.
    Alias,
    /// Block mapping, YAML 1.2.2 \[187\].
    BlockMapping,
    /// Flow mapping, YAML 1.2.2 \[140\].
    FlowMapping,
    /// The single pair `a: b` inside a flow sequence, YAML 1.2.2 \[150\].
    FlowPair,
    /// Block sequence, YAML 1.2.2 \[183\].
    BlockSequence,
    /// Flow sequence, YAML 1.2.2 \[137\].
    FlowSequence,
    /// Plain scalar.
    Plain,
    /// Single-quoted scalar, quotes included.
    SingleQuoted,
    /// Double-quoted scalar, quotes included.
    DoubleQuoted,
    /// Literal block scalar, from `|` to the end of its last line, that line's break not included.
    Literal,
    /// Folded block scalar, from `>` to the end of its last line, that line's break not included.
    Folded,
    /// A node of which nothing is written; its span is empty and stands behind the indicator or property before it.
    Empty,
}

impl Kind {
    /// An anchor or a tag.
    #[must_use]
    pub fn is_property(self) -> bool {
        matches!(self, Self::Anchor | Self::Tag)
    }

    /// A directive, `---` or `...`.
    #[must_use]
    pub fn is_mark(self) -> bool {
        matches!(self, Self::Directive | Self::DocumentStart | Self::DocumentEnd)
    }

    /// Any mapping.
    #[must_use]
    pub fn is_mapping(self) -> bool {
        matches!(self, Self::BlockMapping | Self::FlowMapping | Self::FlowPair)
    }

    /// Any sequence.
    #[must_use]
    pub fn is_sequence(self) -> bool {
        matches!(self, Self::BlockSequence | Self::FlowSequence)
    }
}

/// Notation of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Style {
    /// Indentation.
    Block,
    /// Brackets; a pair inside a flow sequence too.
    Flow,
}

/// One entry of the index, 16 bytes. Invariants: `start <= end`, `next` is behind the record itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Record {
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// Index of the first record behind this one's subtree.
    pub(crate) next: u32,
    pub(crate) kind: Kind,
    /// [`EXPLICIT`] and the like.
    pub(crate) flags: u8,
    /// Column in bytes from 0, 65,535 at most. Of a block scalar: the indentation of its content. Of an empty node: 0.
    pub(crate) column: u16,
}

/// Flag of a key that is introduced by `?`.
pub(crate) const EXPLICIT: u8 = 1;

const _: () = assert!(size_of::<Record>() == 16);

/// A YAML stream: one text and the spans of everything in it. It is a value: edits make a new one.
///
/// # Example
/// ```
/// use dagster_workspace_core::yaml::Document;
/// let document = Document::parse("deployments:\n  - name: etl # ours\n")?;
/// let list = document.root().and_then(|root| root.get("deployments"));
/// let name = list.and_then(|list| list.items().next()).and_then(|item| item.get("name"));
/// assert_eq!(name.and_then(|name| name.text()).as_deref(), Some("etl"));
/// # Ok::<(), dagster_workspace_core::error::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Document<'t> {
    text: Cow<'t, str>,
    records: Vec<Record>,
}

impl<'t> Document<'t> {
    /// Reads a text as helm and Dagster do: all of YAML 1.2, and what they take beyond it ([`Mode::Lenient`]).
    ///
    /// # Errors
    /// [`ParseError`] names the first place that is not YAML, or the limit that the text exceeds.
    pub fn parse(text: impl Into<Cow<'t, str>>) -> Result<Self, ParseError> {
        Self::parse_with(text, Mode::Lenient)
    }

    /// Reads a text in the given [`Mode`].
    ///
    /// # Errors
    /// As [`Document::parse`].
    pub fn parse_with(text: impl Into<Cow<'t, str>>, mode: Mode) -> Result<Self, ParseError> {
        let text = text.into();
        let records = scan::scan(&text, mode)?;
        Ok(Self { text, records })
    }

    /// The text, byte for byte.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text, taken out.
    #[must_use]
    pub fn into_text(self) -> Cow<'t, str> {
        self.text
    }

    /// The same with a text of its own.
    #[must_use]
    pub fn into_owned(self) -> Document<'static> {
        Document { text: Cow::Owned(self.text.into_owned()), records: self.records }
    }

    /// The documents of the stream; none where the text is blank or comments alone.
    pub fn documents(&self) -> impl Iterator<Item = Part<'_>> {
        self.children(0, self.records.len()).map(|node| Part { node })
    }

    /// The root nodes of all documents in the stream.
    pub fn roots(&self) -> impl Iterator<Item = Node<'_>> {
        self.documents().filter_map(Part::root)
    }

    /// The root of the first document.
    #[must_use]
    pub fn root(&self) -> Option<Node<'_>> {
        self.roots().next()
    }

    /// A text with the index that reading it would give.
    pub(crate) fn from_parts(text: String, records: Vec<Record>) -> Document<'static> {
        debug_assert_eq!(
            scan::scan(&text, Mode::Lenient).as_ref(),
            Ok(&records),
            "a patched index is that of its text"
        );
        Document { text: Cow::Owned(text), records }
    }

    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }

    /// The nodes of one level between two records.
    pub(crate) fn nodes(&self, from: usize, end: usize) -> impl Iterator<Item = Node<'_>> + Clone {
        self.children(from, end)
    }

    fn children(&self, from: usize, end: usize) -> Children<'_> {
        Children { text: &self.text, records: &self.records, at: from, end }
    }
}

/// One document of a stream: its directives, its marks and its root.
#[derive(Clone, Copy, Debug)]
pub struct Part<'d> {
    node: Node<'d>,
}

impl<'d> Part<'d> {
    fn children(self) -> Children<'d> {
        let Node { text, records, at, .. } = self.node;
        Children { text, records, at: at as usize + 1, end: self.node.end_index() }
    }

    /// Its bytes, from its first directive, mark or node to its last.
    #[must_use]
    pub fn span(self) -> Span {
        self.node.span()
    }

    /// Its root node.
    #[must_use]
    pub fn root(self) -> Option<Node<'d>> {
        self.children().find(|node| !node.kind().is_mark())
    }

    /// Its directives and marks (`---`, `...`), in order.
    pub fn marks(self) -> impl Iterator<Item = Node<'d>> {
        self.children().filter(|node| node.kind().is_mark())
    }

    /// Its directive lines, as they are written.
    pub fn directives(self) -> impl Iterator<Item = &'d str> + Clone {
        self.children().filter(|node| node.kind() == Kind::Directive).map(Node::source)
    }
}

/// One node of a [`Document`]: a cheap handle, copied freely.
#[derive(Clone, Copy, Debug)]
pub struct Node<'d> {
    text: &'d str,
    records: &'d [Record],
    /// The first property, or `at`.
    first: u32,
    at: u32,
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
        let mut named = anchors.filter(|(_, record)| Span::new(record.start + 1, record.end).of(self.text) == name);
        let (at, _) = named.next()?;
        let rest = Children { text: self.text, records: self.records, at, end: self.records.len() };
        rest.into_iter().next().filter(|node| node.kind() != Kind::Alias)
    }

    /// The scalar, or `None` for collections and aliases.
    #[must_use]
    pub fn scalar(self) -> Option<Scalar<'d>> {
        match self.kind() {
            Kind::Plain | Kind::SingleQuoted | Kind::DoubleQuoted | Kind::Literal | Kind::Folded | Kind::Empty => {
                Some(Scalar { node: self })
            }
            _ => None,
        }
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

    fn end_index(self) -> usize {
        self.record().map_or(0, |record| record.next as usize)
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
        let plain = matches!(self.node.kind(), Kind::Plain | Kind::Empty);
        schema::resolve_tagged(self.node.tag(), plain, &self.text(), schema)
    }

    /// The text, where readers of `schema` take it for a string.
    #[must_use]
    pub fn as_str(self, schema: schema::Schema) -> Option<Cow<'d, str>> {
        (self.resolve(schema) == schema::Resolved::String).then(|| self.text())
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
        self.entries().filter(|entry| entry.key.is_text(key)).last().map(|entry| entry.value)
    }
}

impl Node<'_> {
    /// Whether it is a scalar whose decoded text is `text`.
    #[must_use]
    pub fn is_text(self, text: &str) -> bool {
        let source = self.source();
        match self.kind() {
            // Most keys that are compared differ in their first byte, which is no notation in a plain scalar.
            Kind::Plain if source.as_bytes().first() != text.as_bytes().first() => false,
            Kind::Plain if source == text => true,
            Kind::Plain if source.len() <= text.len() && !source.contains(['\n', '\r']) => false,
            _ => self.text().is_some_and(|own| own == text),
        }
    }
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
struct Children<'d> {
    text: &'d str,
    records: &'d [Record],
    at: usize,
    end: usize,
}

impl<'d> Iterator for Children<'d> {
    type Item = Node<'d>;

    fn next(&mut self) -> Option<Node<'d>> {
        if self.at >= self.end {
            return None;
        }
        let first = self.at;
        let properties = self.records.get(first..self.end)?.iter().take_while(|record| record.kind.is_property());
        let at = first + properties.count();
        self.at = self.records.get(at)?.next as usize;
        let index = |at: usize| u32::try_from(at).ok();
        Some(Node { text: self.text, records: self.records, first: index(first)?, at: index(at)? })
    }
}

impl core::fmt::Display for Document<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Document<'_>> for String {
    fn from(document: Document<'_>) -> Self {
        document.text.into_owned()
    }
}
