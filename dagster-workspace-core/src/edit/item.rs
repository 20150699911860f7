//! A new list item: YAML text kept as it is written, or data written as its neighbours are. Read [`Item`].

use alloc::string::String;

use super::collection::{Anchors, Reshape};
use super::emit;
use super::locate::first_use;
use super::look::{Look, Texts};
use super::refuse;
use crate::error::{Reason, Refusal};
use crate::span::Span;
use crate::value::Value;
use crate::yaml::lines::Lines;
use crate::yaml::record::Record;
use crate::yaml::{Document, Kind, Node};

/// What an edit adds to a list.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// YAML text of one node: in block lists its lines are taken over as they are, comments included, at the new
    /// indentation; in brackets its data. Its aliases mean its own anchors, or those that stand before it in the document.
    Text(String),
    /// Data, written in the style of the list's other items.
    Value(Value),
}

impl Item {
    /// A new item for the end of `list` that means `value` and is written as another node of that document: with its comments,
    /// styles, merge keys and aliases. Anchors stay with the original, and so do comments above it. Where an alias means
    /// something else at the end of the list, or where `like` is no collection of that kind, it is [`Item::Value`].
    ///
    /// # Example
    /// ```
    /// use dagster_workspace_core::{edit::{self, Edit, Item}, yaml::{Document, ItemKey, Schema}};
    /// let text = "x: &env [A]\nl:\n  - name: a\n    env: *env # shared\n";
    /// let document = Document::parse(text).unwrap();
    /// let list = document.root().and_then(|root| root.get("l")).unwrap();
    /// let first = list.items().next().unwrap();
    /// let mut value = first.to_value(Schema::Helm).unwrap();
    /// value.set("name", "b".into());
    /// let item = Item::like(&document, list, first, &value);
    /// let add = Edit::Add { list: "l".parse().unwrap(), key: ItemKey::default(), item };
    /// let edited = edit::apply(&document, &add).unwrap().unwrap();
    /// assert_eq!(edited.text(), format!("{text}  - name: b\n    env: *env # shared\n"));
    /// ```
    #[must_use]
    pub fn like<'d>(document: &'d Document<'_>, list: Node<'d>, like: Node<'d>, value: &Value) -> Self {
        let alike = match value {
            Value::Mapping(entries) => !entries.is_empty() && like.kind().is_mapping(),
            Value::Sequence(items) => !items.is_empty() && like.kind().is_sequence(),
            _ => false,
        };
        let records = document.records();
        let is_anchor =
            |record: &Record, name: &str| record.kind == Kind::Anchor && record.name(document.text()) == name;
        let latest = |name: &str, end: usize| records.get(..end)?.iter().rposition(|record| is_anchor(record, name));
        let mut aliases = (like.index()..like.next_index()).filter_map(|at| Some((at, records.get(at)?)));
        let same = aliases.all(|(at, record)| {
            let name = record.name(document.text());
            record.kind != Kind::Alias || latest(name, at) == latest(name, list.next_index())
        });
        let text = Texts::try_both(|texts| Reshape::new(document, texts, Anchors::Left).copied(like, value));
        match text {
            Ok(text) if alike && same => Self::Text(text),
            _ => Self::Value(value.clone()),
        }
    }

    /// The item as a document of its own; data in this look. `before` are the records of `text` before its place.
    pub(super) fn document<'d>(
        &self,
        before: &[Record],
        text: &str,
        look: impl FnOnce() -> Look<'d>,
    ) -> Result<Document<'_>, Refusal> {
        let unsuitable = |span| refuse(Reason::UnsuitableItem, span);
        let document = match self {
            Self::Text(text) => Document::parse(text.as_str()),
            Self::Value(value) => Document::parse(emit::block(value, &look())),
        };
        let document = document.map_err(|_| unsuitable(Span::default()))?;
        if document.documents().count() != 1 {
            return Err(unsuitable(Span::default()));
        }
        check_aliases(&document, before, text)?;
        Ok(document)
    }
}

/// The anchors that the aliases of an item use are its own, or among the records of `text` before it.
fn check_aliases(item: &Document<'_>, outer: &[Record], text: &str) -> Result<(), Refusal> {
    let alias = |record: &&Record| record.kind == Kind::Alias;
    let records = item.records();
    for (index, record) in records.iter().enumerate().filter(|(_, record)| alias(record)) {
        let name = |record: &Record| record.name(item.text());
        let before = records.get(..index).unwrap_or_default();
        let own = before.iter().any(|other| other.kind == Kind::Anchor && name(other) == name(record));
        if !own && !outer.iter().any(|other| other.kind == Kind::Anchor && other.name(text) == name(record)) {
            return Err(refuse(Reason::UnsuitableItem, Span::new(record.start, record.end)));
        }
    }
    Ok(())
}

/// Refuses an item whose anchors would be taken by aliases of the document behind the record `at`.
pub(super) fn check_capture(document: &Document<'_>, at: usize, item: &Document<'_>) -> Result<(), Refusal> {
    for anchor in item.records().iter().filter(|record| record.kind == Kind::Anchor) {
        let name = anchor.name(item.text());
        if let Some(related) = first_use(document, name, at) {
            return Err(Refusal { reason: Reason::AnchorInUse, span: related, related: None });
        }
    }
    Ok(())
}

/// How lines are set into a document.
#[derive(Clone, Copy)]
pub(super) struct Setting<'s> {
    /// Column of the first line.
    pub(super) column: usize,
    /// What the first line begins with: a dash and its gap, or nothing. The other lines are indented by as much.
    pub(super) prefix: &'s str,
    pub(super) line_break: &'s str,
}

/// The lines of a document's root at their new place, the last one not ended.
pub(super) fn set_lines(item: &Document<'_>, setting: Setting<'_>) -> String {
    let Setting { column, prefix, line_break } = setting;
    let lines = Lines::new(item.text());
    let mut out = String::with_capacity(item.text().len() * 2);
    let Some(root) = item.root() else { return out };
    let full = root.full_span();
    let (start, end) = (full.start as usize, lines.end((full.end as usize).max(full.start as usize)));
    let dedent = start - lines.start(start);
    let mut line_end = lines.end(start);
    push_spaces(&mut out, column);
    out.push_str(prefix);
    out.push_str(lines.slice(start, line_end).trim_end_matches([' ', '\t']));
    loop {
        let at = lines.next(line_end);
        if at > end || at >= lines.len() {
            return out;
        }
        line_end = lines.end(at);
        let spaces = lines.slice(at, end).bytes().take_while(|byte| *byte == b' ').count();
        let line = lines.slice(at + spaces.min(dedent), line_end);
        out.push_str(line_break);
        push_spaces(&mut out, if line.is_empty() { 0 } else { column + prefix.len() });
        out.push_str(line);
    }
}

fn push_spaces(out: &mut String, count: usize) {
    out.extend(core::iter::repeat_n(' ', count));
}
