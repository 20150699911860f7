//! A new list item: YAML text kept as it is written, or data written as its neighbours are. Read [`Item`].

use alloc::string::String;

use super::emit;
use super::locate::first_use;
use super::look::Look;
use super::refuse;
use crate::error::{Reason, Refusal};
use crate::span::Span;
use crate::value::Value;
use crate::yaml::lines::Lines;
use crate::yaml::record::Record;
use crate::yaml::{Document, Kind};

/// What an edit adds to a list.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// YAML text of one node: in block lists its lines are taken over as they are, comments included, at the new
    /// indentation; in brackets its data.
    Text(String),
    /// Data, written in the style of the list's other items.
    Value(Value),
}

impl Item {
    /// The item as a document of its own; data in this look.
    pub(super) fn document<'d>(&self, look: impl FnOnce() -> Look<'d>) -> Result<Document<'_>, Refusal> {
        let unsuitable = |span| refuse(Reason::UnsuitableItem, span);
        let document = match self {
            Self::Text(text) => Document::parse(text.as_str()),
            Self::Value(value) => Document::parse(emit::block(value, &look())),
        };
        let document = document.map_err(|_| unsuitable(Span::default()))?;
        if document.documents().count() != 1 {
            return Err(unsuitable(Span::default()));
        }
        check_aliases(&document)?;
        Ok(document)
    }
}

/// An item brings the anchors that its aliases use: elsewhere they may mean something else tomorrow.
fn check_aliases(item: &Document<'_>) -> Result<(), Refusal> {
    let alias = |record: &&Record| record.kind == Kind::Alias;
    let records = item.records();
    for (index, record) in records.iter().enumerate().filter(|(_, record)| alias(record)) {
        let name = |record: &Record| record.name(item.text());
        let before = records.get(..index).unwrap_or_default();
        if !before.iter().any(|other| other.kind == Kind::Anchor && name(other) == name(record)) {
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
