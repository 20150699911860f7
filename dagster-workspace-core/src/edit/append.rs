//! One more element behind the last of a collection that has some. Read [`append_item`] and [`append_entry`].

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::element::{Element, chomping, elements, last_element, last_written, rhythm, style, tail_end};
use super::emit::{self, Brackets};
use super::item::set_lines;
use super::place::{at_line_start, setting};
use super::{refuse, splice};
use crate::error::{Reason, Refusal};
use crate::span::Span;
use crate::splice::Splice;
use crate::yaml::block::Chomping;
use crate::yaml::lines::Lines;
use crate::yaml::{Document, Kind, Node, Style};

/// A new item behind the last of a block list.
pub(super) fn append_item(document: &Document<'_>, list: Node<'_>, new: &Document<'_>) -> Result<Splice, Refusal> {
    let prefix = format!("-{}", dash_gap(list));
    let text = set_lines(new, setting(document, last_end(list), list.column(), &prefix));
    append_lines(document, list, text)
}

/// What stands behind the dashes of a block list.
pub(super) fn dash_gap<'d>(list: Node<'d>) -> &'d str {
    let lines = Lines::new(list.document_text());
    let gap = elements(list).filter(|element| element.node.kind() != Kind::Empty).find_map(|element| {
        let between = lines.slice(element.start + 1, element.node.full_span().start as usize);
        (!between.is_empty() && between.bytes().all(|byte| byte == b' ')).then_some(between)
    });
    gap.unwrap_or(" ")
}

fn last_end(collection: Node<'_>) -> usize {
    last_element(collection).map_or(0, |last| last.end)
}

/// A new entry, the one of `fresh`'s root, behind the last of a mapping.
pub(super) fn append_entry(
    document: &Document<'_>,
    mapping: Node<'_>,
    fresh: &Document<'_>,
) -> Result<Vec<Splice>, Refusal> {
    match style(mapping) {
        Style::Block => {
            let text = set_lines(fresh, setting(document, last_end(mapping), mapping.column(), ""));
            Ok(alloc::vec![append_lines(document, mapping, text)?])
        }
        Style::Flow => {
            let text = flow_text(mapping, fresh);
            let bare = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(&text);
            Ok(append_flow(mapping, &[bare.trim().to_owned()]))
        }
    }
}

/// Lines behind the last element of a block collection, with the blank lines between that all neighbours have.
pub(super) fn append_lines(document: &Document<'_>, collection: Node<'_>, text: String) -> Result<Splice, Refusal> {
    let lines = Lines::new(document.text());
    let Some(last) = last_element(collection) else {
        return Err(refuse(Reason::Unprovable, collection.span()));
    };
    let at = tail_end(lines, last.end, comment_column(document, collection));
    check_open_end(document, last.next_record(), at)?;
    let before = document.records().get(..last.next_record()).and_then(last_written);
    let kept = before.and_then(|before| chomping(document.text(), before)) == Some(Chomping::Keep);
    // Blank lines behind such a scalar would be its content.
    let blanks = lines.line_break(last.end).repeat(if kept { 0 } else { rhythm(lines, collection) });
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
    let Some(last) = document.records().get(..next_record).and_then(last_written) else { return Ok(()) };
    let open = at >= text.len() && last.end as usize >= text.len();
    match chomping(text, last) {
        Some(Chomping::Clip | Chomping::Keep) if open => {
            Err(refuse(Reason::KeptLineBreaks, Span::new(last.start, last.end)))
        }
        _ => Ok(()),
    }
}

/// `new` as the last elements of a flow collection that has some.
pub(super) fn append_flow(collection: Node<'_>, new: &[String]) -> Vec<Splice> {
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
        let text = new.join(&format!(",{line_break}{indent}"));
        let insertion = splice(behind, behind, format!("{line_break}{indent}{text}{tail}"));
        return if has_comma {
            alloc::vec![insertion]
        } else {
            alloc::vec![splice(last.end, last.end, format!("{gap},")), insertion]
        };
    }
    if has_comma {
        return alloc::vec![splice(comma + 1, comma + 1, format!(" {},", new.join(", ")))];
    }
    let separator = match all.as_slice() {
        [.., before, last] => lines.slice(before.end, last.start),
        _ => ", ",
    };
    let simple = separator.starts_with(',') && separator.bytes().skip(1).all(|byte| byte == b' ');
    let separator = if simple { separator } else { ", " };
    alloc::vec![splice(last.end, last.end, format!("{gap}{separator}{}", new.join(separator)))]
}

/// `new` in brackets, as the elements of `collection` are written.
pub(super) fn flow_text(collection: Node<'_>, new: &Document<'_>) -> String {
    let mut out = String::new();
    if let Some(root) = new.root() {
        emit::flow(root, brackets_in(collection), &mut out);
    }
    out
}

/// How the elements of a collection in brackets are written.
pub(super) fn brackets_in(collection: Node<'_>) -> Brackets {
    let last = last_element(collection);
    Brackets::of(last.map_or(collection, |element| if element.key.is_some() { collection } else { element.node }))
}
