//! Adding: at the end of block and flow collections, or where there is none yet. Read [`add`].

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::element::{Chomping, Element, chomping, elements, last_element, rhythm, style, tail_end};
use super::emit::{self, Brackets, Look};
use super::item::{Item, Setting, check_capture, set_lines};
use super::locate::{Place, Spot, item, locate};
use super::prove::is_null;
use super::replace::{explicit_key, fill, unfit_tag};
use super::{Change, Expect, Plan, refuse, splice};
use crate::error::{Reason, Refusal};
use crate::span::Span;
use crate::splice::Splice;
use crate::value::Value;
use crate::yaml::lines::{Indent, Lines};
use crate::yaml::quote::{Context, Quoting, write};
use crate::yaml::{Document, ItemKey, Kind, Node, Path, Step, Style};

/// Appends an item to a list.
pub(super) fn add(document: &Document<'_>, list: &Path, key: &ItemKey, new: &Item) -> Result<Option<Change>, Refusal> {
    let place = locate(document, list, Reason::AliasedList)?;
    let new = new.document(|| match &place {
        Place::Found(spot) => look_beside(document, spot.node),
        Place::Missing { .. } => Look { indent: Indent::of(document), quoting: Quoting::Auto },
    })?;
    let Some(name) = new.root().and_then(|root| key.of(root)).and_then(Node::text) else {
        return Err(refuse(Reason::UnsuitableItem, Span::default()));
    };
    let plan = match place {
        Place::Found(spot) if spot.node.kind().is_sequence() && elements(spot.node).next().is_some() => {
            if item(spot.node, key, &name)?.is_some() {
                return Ok(None);
            }
            let at = spot.node.next_index();
            check_capture(document, at, &new)?;
            let splices = match style(spot.node) {
                Style::Block => alloc::vec![append_item(document, spot.node, &new)?],
                Style::Flow => append_flow(spot.node, &flow_text(spot.node, &new)),
            };
            Plan { splices, inside: spot.node.index(), old: at..at, expect: Expect::Item(&new) }
        }
        Place::Found(spot) => {
            if !is_null(spot.node) && !spot.node.kind().is_sequence() {
                let alias = spot.node.kind() == Kind::Alias;
                return Err(refuse(if alias { Reason::ThroughAlias } else { Reason::NotAList }, spot.node.span()));
            }
            check_capture(document, spot.node.next_index(), &new)?;
            let splices = begin(document, spot, &[], &new)?;
            let old = spot.records();
            Plan { splices, inside: spot.parent_index(), old, expect: Expect::List(&[], &new) }
        }
        Place::Missing { merged: true, last, .. } => {
            return Err(refuse(Reason::ThroughAlias, last.map_or(Span::default(), |spot| spot.node.span())));
        }
        Place::Missing { last, rest, .. } => {
            let keys = keys(rest, last)?;
            check_capture(document, last.map_or(0, |spot| spot.node.next_index()), &new)?;
            let (splices, inside, old) = missing(document, last, &keys, &new)?;
            return Plan { splices, inside, old, expect: Expect::List(&keys, &new) }.carry_out(document).map(Some);
        }
    };
    plan.carry_out(document).map(Some)
}

/// The keys of `rest`; an item on it is missing and cannot be made up.
pub(super) fn keys<'p>(rest: &'p [Step], last: Option<Spot<'_>>) -> Result<Vec<&'p str>, Refusal> {
    let span = last.map_or(Span::default(), |spot| spot.node.span());
    rest.iter()
        .map(|step| match step {
            Step::Key(key) => Ok(key.as_str()),
            Step::Item { .. } | Step::Index(_) => Err(refuse(Reason::NotFound, span)),
        })
        .collect()
}

/// Splices that begin a list with `new` below `keys`, where, and the records that go.
fn missing(
    document: &Document<'_>,
    last: Option<Spot<'_>>,
    keys: &[&str],
    new: &Document<'_>,
) -> Result<(Vec<Splice>, usize, core::ops::Range<usize>), Refusal> {
    match last {
        Some(spot) if spot.node.kind().is_mapping() && elements(spot.node).next().is_some() => {
            let at = spot.node.next_index();
            let fresh = begun(document, keys, new)?;
            Ok((append_entry(document, spot.node, &fresh)?, spot.node.index(), at..at))
        }
        Some(spot) => {
            let old = spot.records();
            Ok((begin(document, spot, keys, new)?, spot.parent_index(), old))
        }
        None => {
            let text = set_lines(&begun(document, keys, new)?, setting(document, document.text().len(), 0, ""));
            Ok((alloc::vec![at_line_start(document, document.text().len(), text)], 0, 0..0))
        }
    }
}

/// A document of its own: `keys` nested, the last one holding a list of `new` alone.
fn begun(document: &Document<'_>, keys: &[&str], new: &Document<'_>) -> Result<Document<'static>, Refusal> {
    let indent = Indent::of(document);
    let mut text = String::new();
    let mut column = 0;
    for (number, key) in keys.iter().enumerate() {
        let last = number + 1 == keys.len();
        text.push_str(&format!("{:column$}{}:\n", "", write(key, Quoting::Auto, Context::Block)));
        column += if last { indent.sequence } else { indent.mapping };
    }
    let list = set_lines(new, Setting { column, prefix: "- ", line_break: "\n" });
    text.push_str(&list);
    // A block scalar at the end needs it.
    text.push('\n');
    Document::parse(text).map_err(|_| refuse(Reason::UnsuitableItem, Span::default()))
}

/// Replaces a null or empty collection by what is new: in brackets inside brackets, else over lines.
fn begin(document: &Document<'_>, spot: Spot<'_>, keys: &[&str], new: &Document<'_>) -> Result<Vec<Splice>, Refusal> {
    let fresh = begun(document, keys, new)?;
    place_fresh(document, spot, &fresh)
}

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

/// Puts the collection that is the root of `fresh` in the place of a scalar or of an empty or flow collection.
pub(super) fn place_collection(
    document: &Document<'_>,
    spot: Spot<'_>,
    fresh: &Document<'_>,
) -> Result<Vec<Splice>, Refusal> {
    let lines = Lines::new(document.text());
    let node = spot.node;
    let (start, end) = (node.span().start as usize, node.span().end as usize);
    let unprovable = || refuse(Reason::Unprovable, node.span());
    let inside_brackets = spot.parent.is_some_and(|parent| style(parent) == Style::Flow);
    if inside_brackets || is_bracketed(node) && lines.end(start) < end {
        return flow_in_place(document, spot, fresh).ok_or_else(unprovable);
    }
    let Some(parent) = spot.parent else {
        let text = set_lines(fresh, setting(document, start, 0, ""));
        // The root: in its own place, where it begins a line.
        return if lines.begins_line(start) || node.kind() == Kind::Empty && start == lines.start(start) {
            Ok(alloc::vec![splice(start, end, text)])
        } else {
            Ok(alloc::vec![cut(lines, start, end), below(document, end, text)])
        };
    };
    let root_step = fresh.root().map_or(Kind::Empty, Node::kind);
    let indent = Indent::of(document);
    let step = match (parent.kind(), root_step) {
        (Kind::BlockMapping, Kind::BlockSequence) => indent.sequence,
        (Kind::BlockMapping, _) => indent.mapping,
        _ => 2,
    };
    let bare = node.first_index() == node.index();
    if lines.begins_line(start) && node.kind() != Kind::Empty {
        let column = start - lines.start(start);
        let text = set_lines(fresh, setting(document, start, column, ""));
        return Ok(alloc::vec![splice(start, end, text.trim_start())]);
    }
    let ends_line = lines.behind_blanks(end) == lines.end(end);
    if parent.kind() == Kind::BlockSequence && bare && ends_line {
        let gap = if node.kind() == Kind::Empty { " " } else { "" };
        let column = if gap.is_empty() { start - lines.start(start) } else { parent.column() + 2 };
        let text = set_lines(fresh, setting(document, start, column, ""));
        // Blanks at the end of the line would become those of a block scalar at the end of the new lines.
        let end = if last_chomping(fresh).is_some() { lines.end(end) } else { end };
        return Ok(alloc::vec![splice(start, end, format!("{gap}{}", text.trim_start()))]);
    }
    let text = set_lines(fresh, setting(document, start, parent.column() + step, ""));
    if let Some(column) = explicit_key(spot) {
        let line_break = lines.line_break(start);
        return Ok(alloc::vec![below(document, end, format!("{:column$}:{line_break}{text}", ""))]);
    }
    if matches!(node.kind(), Kind::Literal | Kind::Folded) {
        // The lines of the scalar go with its header.
        let gap = start - lines.slice(lines.start(start), start).trim_end().len() - lines.start(start);
        return Ok(alloc::vec![splice(start - gap, end, format!("{}{text}", lines.line_break(start)))]);
    }
    Ok(alloc::vec![cut(lines, start, end), below(document, end, text)])
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

/// A new item behind the last of a block list.
fn append_item(document: &Document<'_>, list: Node<'_>, new: &Document<'_>) -> Result<Splice, Refusal> {
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

/// `new` in brackets, as the elements of `collection` are written.
fn flow_text(collection: Node<'_>, new: &Document<'_>) -> String {
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

/// `text` as the last element of a flow collection that has some.
fn append_flow(collection: Node<'_>, text: &str) -> Vec<Splice> {
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
