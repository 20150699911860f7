//! One more element behind the last of a collection that has some. Read [`append_item`] and [`append_entry`].

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::element::{Chomping, Element, chomping, elements, last_element, rhythm, style, tail_end};
use super::emit::{self, Brackets, Look};
use super::item::set_lines;
use super::place::{at_line_start, setting};
use super::{refuse, splice};
use crate::error::{Reason, Refusal};
use crate::span::Span;
use crate::splice::Splice;
use crate::yaml::lines::{Indent, Lines};
use crate::yaml::quote::Quoting;
use crate::yaml::{Document, Kind, Node, Style};

/// A new item behind the last of a block list.
pub(super) fn append_item(document: &Document<'_>, list: Node<'_>, new: &Document<'_>) -> Result<Splice, Refusal> {
    let lines = Lines::new(document.text());
    let gap = elements(list)
        .filter(|element| element.node.kind() != Kind::Empty)
        .find_map(|element| {
            let between = lines.slice(element.start + 1, element.node.full_span().start as usize);
            (!between.is_empty() && between.bytes().all(|byte| byte == b' ')).then_some(between)
        })
        .unwrap_or(" ");
    let prefix = format!("-{gap}");
    append_lines(document, list, new, &prefix)
}

/// A new entry, the one of `fresh`'s root, behind the last of a mapping.
pub(super) fn append_entry(
    document: &Document<'_>,
    mapping: Node<'_>,
    fresh: &Document<'_>,
) -> Result<Vec<Splice>, Refusal> {
    match style(mapping) {
        Style::Block => Ok(alloc::vec![append_lines(document, mapping, fresh, "")?]),
        Style::Flow => {
            let text = flow_text(mapping, fresh);
            let bare = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(&text);
            Ok(append_flow(mapping, bare.trim()))
        }
    }
}

fn append_lines(
    document: &Document<'_>,
    collection: Node<'_>,
    new: &Document<'_>,
    prefix: &str,
) -> Result<Splice, Refusal> {
    let lines = Lines::new(document.text());
    let Some(last) = last_element(collection) else {
        return Err(refuse(Reason::Unprovable, collection.span()));
    };
    let column = collection.column();
    let at = tail_end(lines, last.end, comment_column(document, collection));
    check_open_end(document, last.next_record(), at)?;
    let setting = setting(document, last.end, column, prefix);
    let before = document.records().get(last.next_record().saturating_sub(1));
    let kept = before.and_then(|before| chomping(document.text(), before)) == Some(Chomping::Keep);
    // Blank lines behind such a scalar would be its content.
    let blanks = setting.line_break.repeat(if kept { 0 } else { rhythm(lines, collection) });
    let text = set_lines(new, setting);
    Ok(at_line_start(document, at, if blanks.is_empty() { text } else { blanks + &text }))
}

/// From which column on a comment behind the last element still belongs to the collection: its own column in a list that is
/// indented more than its key, else deeper.
fn comment_column(document: &Document<'_>, collection: Node<'_>) -> usize {
    let column = collection.column();
    let indented = collection.kind() == Kind::BlockSequence
        && document.records().get(..collection.first_index()).is_some_and(|before| {
            let around = |kind| kind == Kind::BlockMapping || kind == Kind::BlockSequence;
            let parent =
                before.iter().rev().find(|record| around(record.kind) && record.next as usize > collection.index());
            parent.is_none_or(|parent| usize::from(parent.column) < column)
        });
    if indented { column } else { column + 1 }
}

/// A block scalar at the end of a text without a final break would gain one.
pub(super) fn check_open_end(document: &Document<'_>, next_record: usize, at: usize) -> Result<(), Refusal> {
    let text = document.text();
    let Some(last) = document.records().get(next_record.saturating_sub(1)) else { return Ok(()) };
    let open = at >= text.len() && last.end as usize >= text.len();
    match chomping(text, last) {
        Some(Chomping::Clip | Chomping::Keep) if open => {
            Err(refuse(Reason::KeptLineBreaks, Span::new(last.start, last.end)))
        }
        _ => Ok(()),
    }
}

/// `text` as the last element of a flow collection that has some.
pub(super) fn append_flow(collection: Node<'_>, text: &str) -> Vec<Splice> {
    let lines = Lines::new(collection.document_text());
    let all: Vec<Element<'_>> = elements(collection).collect();
    let [.., last] = all.as_slice() else { return Vec::new() };
    let closing = collection.span().end as usize - 1;
    let comma = lines.behind_trivia(last.end);
    let has_comma = lines.byte(comma) == Some(b',');
    // A `:` at the very end needs a blank behind it to stay an indicator.
    let gap = if lines.slice(0, last.end).ends_with(':') { " " } else { "" };
    let line = lines.start(last.start);
    if lines.begins_line(last.start) && lines.end(last.end) < closing {
        // An item on a line of its own: so is the new one, behind the comment of the last.
        let indent = lines.slice(line, last.start);
        let behind = lines.end(if has_comma { comma } else { last.end });
        let line_break = lines.line_break(last.start);
        let tail = if has_comma { "," } else { "" };
        let insertion = splice(behind, behind, format!("{line_break}{indent}{text}{tail}"));
        return if has_comma {
            alloc::vec![insertion]
        } else {
            alloc::vec![splice(last.end, last.end, format!("{gap},")), insertion]
        };
    }
    if has_comma {
        return alloc::vec![splice(comma + 1, comma + 1, format!(" {text},"))];
    }
    let separator = match all.as_slice() {
        [.., before, last] => lines.slice(before.end, last.start),
        _ => ", ",
    };
    let simple = separator.starts_with(',') && separator.bytes().skip(1).all(|byte| byte == b' ');
    let separator = if simple { separator } else { ", " };
    alloc::vec![splice(last.end, last.end, format!("{gap}{separator}{text}"))]
}

/// `new` in brackets, as the elements of `collection` are written.
pub(super) fn flow_text(collection: Node<'_>, new: &Document<'_>) -> String {
    let last = last_element(collection);
    let json = |node: Node<'_>| node.entries().next().is_some_and(|entry| entry.key.kind() == Kind::DoubleQuoted);
    let sample = last.map_or(collection, |element| if element.key.is_some() { collection } else { element.node });
    let padding = if sample.source().starts_with("{ ") { " " } else { "" };
    let quoting = if json(sample) { Quoting::Double } else { Quoting::Auto };
    let mut out = String::new();
    if let Some(root) = new.root() {
        emit::flow(root, Brackets { quoting, padding }, &mut out);
    }
    out
}

/// How new text inside `collection` is written.
pub(super) fn look_beside(document: &Document<'_>, collection: Node<'_>) -> Look {
    Look { indent: Indent::of(document), quoting: quoting_beside(collection) }
}

/// Quotes of strings in the last element that need none, where all such strings have the same.
fn quoting_beside(collection: Node<'_>) -> Quoting {
    let Some(last) = last_element(collection) else { return Quoting::Auto };
    let mut common = None;
    let entries = last.node.entries().map(|entry| entry.value);
    for node in entries.chain(last.key.map(|_| last.node)) {
        let quoting = match node.kind() {
            Kind::DoubleQuoted => Quoting::Double,
            Kind::SingleQuoted => Quoting::Single,
            Kind::Plain if node.scalar().is_some_and(|s| s.as_str(crate::yaml::Schema::Core).is_some()) => {
                return Quoting::Auto;
            }
            _ => continue,
        };
        match common {
            None => common = Some(quoting),
            Some(known) if known != quoting => return Quoting::Auto,
            Some(_) => {}
        }
    }
    common.unwrap_or_default()
}
