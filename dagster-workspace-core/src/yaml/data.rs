//! From nodes to what they mean: a [`Reader`] follows aliases and merge keys (`<<`) as Dagster's and helm's readers do.
//!
//! Cost is bounded whatever the document says: what aliases repeat is paid from a budget that grows with the text, so a
//! file of a few lines that means a billion entries is refused after a few milliseconds. Read [`Reader`] first;
//! [`Node::to_value`] is the short way.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::OnceCell;

use super::document::Document;
use super::node::{Entry, Node};
use super::record::Kind;
use super::schema::{Resolved, Schema};
use super::{MAX_DEPTH, MAX_LEN};
use crate::error::Diagnostic;
use crate::span::Span;
use crate::value::Value;

/// What every document may repeat through aliases, in bytes.
const BUDGET: usize = 4 << 20;

/// What a document may repeat through aliases beyond [`BUDGET`], as a multiple of its length: a list in which every
/// entry merges one block of defaults stays far below.
const BUDGET_PER_BYTE: usize = 32;

/// What one node costs beside its text.
const NODE_COST: usize = 16;

/// Entries that one look-up visits in merged mappings.
const MERGED_ENTRIES: usize = 1 << 12;

/// A node that cannot be read as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct DataError {
    /// What is wrong.
    pub problem: DataProblem,
    /// The node it is about.
    pub span: Span,
}

/// Why a node cannot be read as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum DataProblem {
    /// Aliases repeat more than a document of this length may.
    #[error("the aliases of this document repeat more data than a document of its length may hold")]
    TooLarge,
    /// Collections nested deeper than [`MAX_DEPTH`], counted through aliases.
    #[error("collections are nested more than 512 deep, counted through aliases")]
    TooDeep,
    /// An alias inside the node that it refers to.
    #[error("this alias refers to a node that contains it")]
    Recursive,
    /// An alias without an anchor before it.
    #[error("no anchor of this name stands before the alias")]
    UnknownAlias,
    /// A key that is null, a list or a mapping.
    #[error("a mapping key must be a text")]
    Key,
    /// A merge key whose value is no mapping and no list of mappings.
    #[error("the value of `<<` must be a mapping or a list of mappings")]
    Merge,
}

impl DataProblem {
    /// Stable code, `DW00` and two digits.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "DW0040",
            Self::TooDeep => "DW0041",
            Self::Recursive => "DW0042",
            Self::UnknownAlias => "DW0043",
            Self::Key => "DW0044",
            Self::Merge => "DW0045",
        }
    }
}

impl DataError {
    /// The error as a [`Diagnostic`].
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic::error(self.problem.code(), self.span, self.problem.to_string())
    }
}

impl Node<'_> {
    /// What it means to readers of `schema`; aliases and merge keys followed, the last of two equal keys taken.
    ///
    /// For many nodes of one document hold a [`Reader`]: it looks for anchors once.
    ///
    /// # Errors
    /// [`DataError`] names the node that has no such meaning, or through which the document grows too large.
    pub fn to_value(self, schema: Schema) -> Result<Value, DataError> {
        Reader::new(schema).value(self)
    }
}

/// Reads the nodes of one document as data. Keys are text: `1: a` has the key `1`, as in the JSON that helm makes of it.
#[derive(Clone, Debug)]
pub struct Reader<'d> {
    schema: Schema,
    /// Filled by the first alias: most documents have none.
    anchors: OnceCell<Anchors<'d>>,
}

impl<'d> Reader<'d> {
    /// A reader with the rules of `schema`. Use it for the nodes of one document only.
    #[must_use]
    pub fn new(schema: Schema) -> Self {
        Self { schema, anchors: OnceCell::new() }
    }

    /// The rules it reads by.
    #[must_use]
    pub fn schema(&self) -> Schema {
        self.schema
    }

    /// The node itself, or what an alias refers to; `None` where that is missing or contains the alias.
    #[must_use]
    pub fn target(&self, node: Node<'d>) -> Option<Node<'d>> {
        self.follow(node).ok()
    }

    /// The text of a scalar that readers take for a string.
    #[must_use]
    pub fn text(&self, node: Node<'d>) -> Option<Cow<'d, str>> {
        self.target(node)?.scalar()?.as_str(self.schema)
    }

    /// Value under `key` of a mapping, its own or that of a mapping it merges: whichever the reader takes.
    ///
    /// To Dagster's reader own entries win wherever they stand. Helm's puts in what is merged where `<<` stands, so an own
    /// entry wins only behind it. Of two `<<` the last wins, of a list of mappings the first.
    ///
    /// The value may be an alias. Through merge keys at most 4,096 entries are visited; [`Reader::value`] reports what
    /// lies beyond.
    #[must_use]
    pub fn get(&self, node: Node<'d>, key: &str) -> Option<Node<'d>> {
        self.entry(node, key).map(|entry| entry.value)
    }

    /// As [`Reader::get`], with the key.
    #[must_use]
    pub fn entry(&self, node: Node<'d>, key: &str) -> Option<Entry<'d>> {
        self.find(self.target(node)?, key, &mut { MERGED_ENTRIES })
    }

    /// Items of a list, or of the list that an alias means; nothing for any other node.
    pub fn items(&self, node: Node<'d>) -> impl Iterator<Item = Node<'d>> + use<'d> {
        self.target(node).into_iter().flat_map(Node::items)
    }

    /// Entries of a mapping as its reader sees them, each key once. Bounded as [`Reader::get`].
    #[must_use]
    pub fn entries(&self, node: Node<'d>) -> Vec<Entry<'d>> {
        let mut out = Keyed::default();
        if let Some(node) = self.target(node) {
            self.gather(node, &mut out, &mut { MERGED_ENTRIES });
        }
        out.entries.into_iter().map(|(_, entry)| entry).collect()
    }

    /// What a node means.
    ///
    /// # Errors
    /// As [`Node::to_value`].
    pub fn value(&self, node: Node<'d>) -> Result<Value, DataError> {
        let length = node.document_text().len().min(MAX_LEN);
        let left = BUDGET.saturating_add(length.saturating_mul(BUDGET_PER_BYTE));
        Walk { reader: self, left, repeated: false, depth: 0 }.value(node)
    }

    /// The text of a key.
    ///
    /// # Errors
    /// [`DataProblem::Key`] where it is none.
    pub fn key(&self, node: Node<'d>) -> Result<Cow<'d, str>, DataError> {
        let error = DataError { problem: DataProblem::Key, span: node.span() };
        let scalar = self.follow(node)?.scalar().ok_or(error)?;
        match scalar.resolve(self.schema) {
            Resolved::Null => Err(error),
            Resolved::Bool(value) => Ok(Cow::Borrowed(if value { "true" } else { "false" })),
            Resolved::Int(number) => Ok(Cow::Owned(number.to_string())),
            Resolved::Float(_) | Resolved::String => Ok(scalar.text()),
        }
    }

    /// Whether a key merges: a plain `<<`, for every reader but those of YAML 1.2.
    #[must_use]
    pub fn is_merge(&self, key: Node<'d>) -> bool {
        self.schema != Schema::Core && key.kind() == Kind::Plain && key.source() == "<<" && key.tag().is_none()
    }

    fn follow(&self, node: Node<'d>) -> Result<Node<'d>, DataError> {
        let Some(name) = node.alias() else { return Ok(node) };
        let error = |problem| DataError { problem, span: node.span() };
        let anchors = self.anchors.get_or_init(|| Anchors::of(node));
        let target = anchors.before(name, node).ok_or(error(DataProblem::UnknownAlias))?;
        if target.span().contains(node.span()) {
            return Err(error(DataProblem::Recursive));
        }
        Ok(target)
    }

    /// The entries of a mapping in the order in which the reader puts them in, so that of equal keys the last wins.
    fn in_order(&self, node: Node<'d>) -> Vec<Entry<'d>> {
        let mut entries: Vec<_> = node.entries().collect();
        if self.schema == Schema::Dagster {
            // PyYAML merges first. Sorting is stable: both kinds keep their order.
            entries.sort_by_key(|entry| !self.is_merge(entry.key));
        }
        entries
    }

    /// The mappings that the value of a merge key names, the one that wins first.
    fn merged(&self, value: Node<'d>) -> Vec<Node<'d>> {
        let Some(value) = self.target(value) else { return Vec::new() };
        let itself = value.kind().is_mapping().then_some(value);
        let items = value.items().filter_map(|item| self.target(item));
        itself.into_iter().chain(items).filter(|mapping| mapping.kind().is_mapping()).collect()
    }

    fn find(&self, node: Node<'d>, key: &str, left: &mut usize) -> Option<Entry<'d>> {
        let is_own = |entry: &Entry<'d>| self.key(entry.key).is_ok_and(|own| own == key) && !self.is_merge(entry.key);
        // Nearly every mapping merges nothing: no order to be made up.
        if !node.entries().any(|entry| self.is_merge(entry.key)) {
            return node.entries().filter(is_own).last();
        }
        self.in_order(node).into_iter().rev().find_map(|entry| {
            if !self.is_merge(entry.key) {
                return is_own(&entry).then_some(entry);
            }
            self.merged(entry.value).into_iter().find_map(|mapping| {
                *left = left.checked_sub(1 + mapping.entries().count())?;
                self.find(mapping, key, left)
            })
        })
    }

    fn gather(&self, node: Node<'d>, out: &mut Keyed<'d>, left: &mut usize) {
        for entry in self.in_order(node) {
            if !self.is_merge(entry.key) {
                if let Ok(key) = self.key(entry.key) {
                    out.put(key, entry);
                }
                continue;
            }
            for mapping in self.merged(entry.value).into_iter().rev() {
                let Some(rest) = left.checked_sub(1 + mapping.entries().count()) else { return };
                *left = rest;
                self.gather(mapping, out, left);
            }
        }
    }
}

/// Where the anchors of a stream stand.
#[derive(Clone, Debug, Default)]
struct Anchors<'d> {
    /// First records of the documents, in order.
    documents: Vec<usize>,
    /// Anchored nodes by name, in order.
    by_name: BTreeMap<&'d str, Vec<Node<'d>>>,
}

impl<'d> Anchors<'d> {
    fn of(node: Node<'d>) -> Self {
        let mut out = Self::default();
        for at in 0..node.records().len() {
            match node.records().get(at).map(|record| record.kind) {
                Some(Kind::Document) => out.documents.push(at),
                Some(Kind::Anchor) => {
                    let Some(anchored) = node.beginning_at(at) else { continue };
                    out.by_name.entry(anchored.anchor().unwrap_or_default()).or_default().push(anchored);
                }
                _ => {}
            }
        }
        out
    }

    /// The latest node before `alias` under that anchor, in the same document.
    fn before(&self, name: &str, alias: Node<'d>) -> Option<Node<'d>> {
        let last = |starts: &[usize]| starts.partition_point(|start| *start < alias.index()).checked_sub(1);
        let document = last(&self.documents).and_then(|at| self.documents.get(at))?;
        let nodes = self.by_name.get(name)?;
        let at = nodes.partition_point(|node| node.first_index() < alias.index()).checked_sub(1)?;
        nodes.get(at).copied().filter(|node| node.first_index() > *document)
    }
}

/// One reading of a node as data.
struct Walk<'r, 'd> {
    reader: &'r Reader<'d>,
    /// What may still be repeated, in bytes.
    left: usize,
    /// Whether an alias led here: what the text says itself is free.
    repeated: bool,
    depth: usize,
}

impl<'d> Walk<'_, 'd> {
    fn value(&mut self, node: Node<'d>) -> Result<Value, DataError> {
        let target = self.reader.follow(node)?;
        let outer = (self.repeated, self.depth);
        self.repeated |= target != node;
        self.depth += 1;
        self.pay(target)?;
        let value = match target.scalar() {
            Some(scalar) => Ok(match scalar.resolve(self.reader.schema) {
                Resolved::Null => Value::Null,
                Resolved::Bool(value) => Value::Bool(value),
                Resolved::Int(number) => Value::Int(number),
                Resolved::Float(number) => Value::Float(number),
                Resolved::String => Value::String(scalar.text().into_owned()),
            }),
            None if target.kind().is_sequence() => {
                target.items().map(|item| self.value(item)).collect::<Result<_, _>>().map(Value::Sequence)
            }
            None => self.mapping(target),
        };
        (self.repeated, self.depth) = outer;
        value
    }

    fn mapping(&mut self, node: Node<'d>) -> Result<Value, DataError> {
        let mut out = Fields::default();
        for entry in self.reader.in_order(node) {
            if self.reader.is_merge(entry.key) {
                self.merge(entry.value, &mut out)?;
            } else {
                let key = self.reader.key(entry.key)?.into_owned();
                let value = self.value(entry.value)?;
                out.put(key, value);
            }
        }
        Ok(Value::Mapping(out.entries))
    }

    /// Puts in the entries of a merge key's value; of a list of mappings the first wins.
    fn merge(&mut self, value: Node<'d>, out: &mut Fields) -> Result<(), DataError> {
        let error = DataError { problem: DataProblem::Merge, span: value.span() };
        let target = self.reader.follow(value)?;
        let mut sources: Vec<_> =
            if target.kind().is_mapping() { Vec::from([value]) } else { target.items().collect() };
        if !target.kind().is_mapping() && !target.kind().is_sequence() {
            return Err(error);
        }
        sources.reverse();
        for source in sources {
            let Value::Mapping(entries) = self.value(source)? else { return Err(error) };
            for (key, value) in entries {
                out.put(key, value);
            }
        }
        Ok(())
    }

    fn pay(&mut self, node: Node<'d>) -> Result<(), DataError> {
        let error = |problem| DataError { problem, span: node.span() };
        // A scalar may stand inside the deepest collection.
        if self.depth > MAX_DEPTH + 1 {
            return Err(error(DataProblem::TooDeep));
        }
        if self.repeated {
            let text = if node.scalar().is_some() { node.source().len() } else { 0 };
            self.left = self.left.checked_sub(NODE_COST + text).ok_or(error(DataProblem::TooLarge))?;
        }
        Ok(())
    }
}

/// Entries in order, each key once.
struct Unique<K, V> {
    entries: Vec<(K, V)>,
    /// Places of the keys; kept only where there are so many that looking through them costs more.
    places: BTreeMap<K, usize>,
}

type Keyed<'d> = Unique<Cow<'d, str>, Entry<'d>>;
type Fields = Unique<String, Value>;

impl<K, V> Default for Unique<K, V> {
    fn default() -> Self {
        Self { entries: Vec::new(), places: BTreeMap::new() }
    }
}

impl<K: Ord + Clone, V> Unique<K, V> {
    const SMALL: usize = 16;

    /// Adds an entry, or gives the key its new value at its old place.
    fn put(&mut self, key: K, value: V) {
        if let Some(entry) = self.place(&key).and_then(|at| self.entries.get_mut(at)) {
            entry.1 = value;
            return;
        }
        self.entries.push((key, value));
        let behind = self.entries.iter().enumerate().skip(self.places.len());
        if self.entries.len() > Self::SMALL {
            self.places.extend(behind.map(|(at, (key, _))| (key.clone(), at)));
        }
    }

    fn place(&self, key: &K) -> Option<usize> {
        if self.entries.len() > Self::SMALL {
            return self.places.get(key).copied();
        }
        self.entries.iter().position(|(own, _)| own == key)
    }
}

impl Document<'_> {
    /// What the first document means to readers of `schema`; null where there is none.
    ///
    /// # Errors
    /// As [`Node::to_value`].
    pub fn to_value(&self, schema: Schema) -> Result<Value, DataError> {
        self.root().map_or(Ok(Value::Null), |root| root.to_value(schema))
    }
}

#[cfg(test)]
mod tests;
