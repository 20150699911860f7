//! New text where a node stands, or where none is yet. Read [`place_collection`].

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::element::{chomping, style};
use super::emit::{self, Brackets};
use super::item::{Setting, set_lines};
use super::locate::Spot;
use super::replace::{explicit_key, fill, unfit_tag};
use super::{refuse, splice};
use crate::error::{Reason, Refusal};
use crate::splice::Splice;
use crate::value::Value;
use crate::yaml::block::Chomping;
use crate::yaml::lines::{Indent, Lines};
use crate::yaml::quote::Quoting;
use crate::yaml::{Document, Kind, Node, Style};

/// Puts the collection that is the root of `fresh` in the place of an empty node, and takes out a tag that said otherwise.
pub(super) fn place_fresh(
    document: &Document<'_>,
    spot: Spot<'_>,
    fresh: &Document<'_>,
) -> Result<Vec<Splice>, Refusal> {
    let mapping = fresh.root().is_some_and(|root| root.kind().is_mapping());
    let like = if mapping { Value::Mapping(Vec::new()) } else { Value::Sequence(Vec::new()) };
    let mut splices = place_collection(document, spot, fresh)?;
    splices.extend(unfit_tag(spot.node, &like));
    Ok(splices)
}

/// Puts the collection that is the root of `fresh` in the place of a scalar or of an empty or flow collection: in brackets
/// inside brackets, else over lines.
pub(super) fn place_collection(
    document: &Document<'_>,
    spot: Spot<'_>,
    fresh: &Document<'_>,
) -> Result<Vec<Splice>, Refusal> {
    let lines = Lines::new(document.text());
    let node = spot.node;
    let (start, end) = (node.span().start as usize, node.span().end as usize);
    let inside_brackets = spot.parent.is_some_and(|parent| style(parent) == Style::Flow);
    if inside_brackets || is_bracketed(node) && lines.end(start) < end {
        return flow_in_place(document, spot, fresh).ok_or_else(|| refuse(Reason::Unprovable, node.span()));
    }
    let column = start - lines.start(start);
    let at_column = |column| set_lines(fresh, setting(document, start, column, ""));
    Ok(match spot.parent {
        _ if lines.begins_line(start) && node.kind() != Kind::Empty => {
            alloc::vec![splice(start, end, at_column(column).trim_start())]
        }
        None if column == 0 => alloc::vec![splice(start, end, at_column(0))],
        None => alloc::vec![cut(lines, start, end), below(document, end, at_column(0))],
        // An anchor or a tag before it would be those of its first key.
        Some(parent)
            if parent.kind() == Kind::BlockSequence
                && is_one_line(fresh)
                && node.kind() != Kind::Empty
                && node.first_index() == node.index() =>
        {
            alloc::vec![splice(start, end, at_column(0))]
        }
        Some(parent) if parent.kind() == Kind::BlockSequence && stands_alone(lines, node) => {
            let (gap, column) = if node.kind() == Kind::Empty { (" ", parent.column() + 2) } else { ("", column) };
            // Blanks at the end of the line would become those of a block scalar at the end of the new lines.
            let end = if last_chomping(fresh).is_some() { lines.end(end) } else { end };
            alloc::vec![splice(start, end, format!("{gap}{}", at_column(column).trim_start()))]
        }
        Some(parent) => over_lines(document, spot, &at_column(parent.column() + step(document, parent, fresh))),
    })
}

/// Whether the root of a document is a mapping on one line.
fn is_one_line(fresh: &Document<'_>) -> bool {
    fresh.root().is_some_and(|root| root.kind().is_mapping() && !root.source().contains(['\n', '\r']))
}

/// Whether only blanks stand behind a node without properties on its line.
fn stands_alone(lines: Lines<'_>, node: Node<'_>) -> bool {
    let end = node.span().end as usize;
    node.first_index() == node.index() && lines.behind_blanks(end) == lines.end(end)
}

/// By how much the lines of `fresh` are indented more than what they stand in.
fn step(document: &Document<'_>, parent: Node<'_>, fresh: &Document<'_>) -> usize {
    let indent = Indent::of(document);
    match (parent.kind(), fresh.root().map_or(Kind::Empty, Node::kind)) {
        (Kind::BlockMapping, Kind::BlockSequence) => indent.sequence,
        (Kind::BlockMapping, _) => indent.mapping,
        _ => 2,
    }
}

/// Takes out a node behind a key or a dash, and begins `text` on the line below.
fn over_lines(document: &Document<'_>, spot: Spot<'_>, text: &str) -> Vec<Splice> {
    let lines = Lines::new(document.text());
    let (start, end) = (spot.node.span().start as usize, spot.node.span().end as usize);
    let line_break = lines.line_break(start);
    if let Some(column) = explicit_key(spot) {
        return alloc::vec![below(document, end, format!("{:column$}:{line_break}{text}", ""))];
    }
    if matches!(spot.node.kind(), Kind::Literal | Kind::Folded) {
        // The lines of the scalar go with its header.
        let header = lines.start(start) + lines.slice(lines.start(start), start).trim_end().len();
        return alloc::vec![splice(header, end, format!("{line_break}{text}"))];
    }
    alloc::vec![cut(lines, start, end), below(document, end, text.to_owned())]
}

/// The root of `fresh` in brackets, in the place of a node that stands in brackets itself.
fn flow_in_place(document: &Document<'_>, spot: Spot<'_>, fresh: &Document<'_>) -> Option<Vec<Splice>> {
    let node = spot.node;
    let (start, end) = (node.span().start as usize, node.span().end as usize);
    let json = spot.parent.is_some_and(|p| p.entries().next().is_some_and(|e| e.key.kind() == Kind::DoubleQuoted));
    let quoting = if json { Quoting::Double } else { Quoting::Auto };
    let mut text = String::new();
    emit::flow(fresh.root()?, Brackets { quoting, padding: "" }, &mut text);
    if node.kind() == Kind::Empty {
        return Some(alloc::vec![fill(document, spot, &text)]);
    }
    if is_bracketed(node) {
        let inner = text.get(1..text.len().checked_sub(1)?)?.to_owned();
        return Some(alloc::vec![splice(start + 1, start + 1, inner)]);
    }
    Some(alloc::vec![splice(start, end, text)])
}

fn is_bracketed(node: Node<'_>) -> bool {
    matches!(node.kind(), Kind::FlowSequence | Kind::FlowMapping)
}

/// Takes out a value with the blanks before it. A tab before a comment would then stand behind a `-`, or a `:` that begins
/// its line, where readers do not agree on it.
pub(super) fn cut(lines: Lines<'_>, start: usize, end: usize) -> Splice {
    let before = lines.slice(lines.start(start), start);
    let start = lines.start(start) + before.trim_end_matches([' ', '\t']).len();
    let strict = start.checked_sub(1).is_some_and(|at| lines.byte(at) == Some(b'-') || lines.begins_line(at));
    let behind = lines.behind_blanks(end);
    if strict && lines.byte(behind) == Some(b'#') && lines.slice(end, behind).contains('\t') {
        return splice(start, behind, "  ");
    }
    splice(start, end, "")
}

/// Lines below the line that holds `at`.
fn below(document: &Document<'_>, at: usize, text: String) -> Splice {
    at_line_start(document, Lines::new(document.text()).next(at), text)
}

/// Lines at `at`, where a line begins or the text ends; a text without a final break is left without one.
pub(super) fn at_line_start(document: &Document<'_>, at: usize, mut text: String) -> Splice {
    let lines = Lines::new(document.text());
    let above = if lines.is_start(at) { lines.previous(at) } else { None };
    let line_break = lines.line_break(above.unwrap_or(at));
    if lines.is_start(at) {
        text.push_str(line_break);
        splice(at, at, text)
    } else {
        // A block scalar at the end of the new lines needs its break all the same.
        let chomping = Document::parse(text.as_str()).ok().and_then(|new| last_chomping(&new));
        let needed = chomping.is_some_and(|found| found != Chomping::Strip);
        splice(at, at, format!("{line_break}{text}{}", if needed { line_break } else { "" }))
    }
}

/// How the block scalar chomps that is the last node of a document, where it is one.
fn last_chomping(document: &Document<'_>) -> Option<Chomping> {
    chomping(document.text(), document.records().last()?)
}

pub(super) fn setting<'s>(document: &Document<'_>, at: usize, column: usize, prefix: &'s str) -> Setting<'s> {
    Setting { column, prefix, line_break: Lines::new(document.text()).line_break(at) }
}
