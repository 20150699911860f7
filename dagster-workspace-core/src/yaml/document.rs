//! A text with its index: [`Document`]. What it says is read through [`Node`]s.
//!
//! The index is one `Vec` of 16-byte records in pre-order. A collection's children are the records behind it up to its
//! `next`; a mapping's are key, value, key, value. Anchors and tags are records of their own in front of the node they
//! belong to, document marks and directives records inside the document's.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::node::{Children, Node};
use super::record::{Kind, Record};
use super::scan::{self, Mode};
use crate::error::ParseError;
use crate::span::Span;

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
#[derive(Clone)]
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
    pub(crate) fn from_parts(text: impl Into<Cow<'t, str>>, records: Vec<Record>) -> Self {
        let text = text.into();
        debug_assert_eq!(
            scan::scan(&text, Mode::Lenient).as_ref(),
            Ok(&records),
            "a patched index is that of its text"
        );
        Self { text, records }
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
