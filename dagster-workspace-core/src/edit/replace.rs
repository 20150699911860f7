//! Giving a node another value, in the notation it has. Read [`set`].

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::append::look_beside;
use super::element::{elements_from, number_of};
use super::emit::{self, Brackets};
use super::insert::{begin, keys};
use super::item::set_lines;
use super::locate::{Place, Spot, check_anchors, locate, through_merge};
use super::place::{at_line_start, place_collection, setting};
use super::prove::is_value;
use super::remove::remove;
use super::{Change, Expect, Plan, refuse, splice};
use crate::error::{Reason, Refusal};
use crate::span::Span;
use crate::splice::Splice;
use crate::value::Value;
use crate::yaml::lines::{Indent, Lines};
use crate::yaml::quote::{Context, Quoting, write_scalar};
use crate::yaml::{Document, Kind, Node, Path, Reader, Schema, Step};

/// Gives the node at `path` a value.
pub(super) fn set(document: &Document<'_>, path: &Path, value: &Value) -> Result<Option<Change>, Refusal> {
    match locate(document, path, Reason::AnchorInUse)? {
        Place::Found(spot) if is_value(spot.node, value) => Ok(None),
        Place::Found(spot) => match value {
            Value::Mapping(entries) if is_own_mapping(spot.node) && !entries.is_empty() => {
                set_entries(document, &by_index(path, spot), spot.node, value)
            }
            _ => replace(document, spot, value).map(Some),
        },
        Place::Missing { merged: true, rest: [_, _, ..], last } => Err(through_merge(last)),
        Place::Missing { last, rest, .. } => {
            let keys = keys(rest, last)?;
            insert(document, last, &keys, value).map(Some)
        }
    }
}

/// The same path with the place of an item instead of its name, which may change.
fn by_index(path: &Path, spot: Spot<'_>) -> Path {
    match (path.steps(), spot.parent) {
        ([around @ .., Step::Item { .. }], Some(list)) => {
            let at = list.items().position(|item| item == spot.node).unwrap_or_default();
            Path::new([around, &[Step::Index(at)]].concat())
        }
        _ => path.clone(),
    }
}

/// A mapping with entries of its own under keys that are text, and nothing merged into it.
fn is_own_mapping(node: Node<'_>) -> bool {
    let reader = Reader::new(Schema::Helm);
    node.kind().is_mapping()
        && node.entries().next().is_some()
        && node.entries().all(|entry| entry.key.text().is_some() && !reader.is_merge(entry.key))
}

/// Entry by entry, so that what stays the same keeps its bytes and its comments.
fn set_entries(document: &Document<'_>, path: &Path, node: Node<'_>, value: &Value) -> Result<Option<Change>, Refusal> {
    let entries = value.entries();
    let mut edited: Option<Document<'static>> = None;
    for (key, value) in entries {
        let now = edited.as_ref().unwrap_or(document);
        let next = set(now, &path.clone().key(key), value)?.map(|change| change.document(now));
        edited = next.or(edited);
    }
    let gone =
        node.entries().filter_map(|entry| entry.key.text()).filter(|own| entries.iter().all(|(key, _)| key != own));
    for key in gone {
        let now = edited.as_ref().unwrap_or(document);
        let next = remove(now, &path.clone().key(&key))?.map(|change| change.document(now));
        edited = next.or(edited);
    }
    let Some(edited) = edited else { return Ok(None) };
    match locate(&edited, path, Reason::AnchorInUse)? {
        // Each step is proven; that together they come to the value is seen here. The order of entries is that of the text.
        Place::Found(spot) if spot.node.to_value(Schema::Helm).is_ok_and(|found| found.is_same(value)) => {}
        _ => return Err(refuse(Reason::Unprovable, node.span())),
    }
    Ok(Some(Change::Whole(edited)))
}

/// Adds what is missing below `last`: mappings under all `keys` but the last, which gets the value.
fn insert(document: &Document<'_>, last: Option<Spot<'_>>, keys: &[&str], value: &Value) -> Result<Change, Refusal> {
    let unprovable = || refuse(Reason::Unprovable, last.map_or(Span::default(), |spot| spot.node.span()));
    let [key, below @ ..] = keys else { return Err(unprovable()) };
    let nested = below.iter().rev().fold(Cow::Borrowed(value), |value, key| {
        Cow::Owned(Value::Mapping(alloc::vec![(String::from(*key), value.into_owned())]))
    });
    let look = match last {
        Some(spot) => look_beside(document, spot.node),
        None => emit::Look { indent: Indent::of(document), quoting: Quoting::Auto },
    };
    let fresh = Document::parse(emit::block_entry(key, &nested, look)).map_err(|_| unprovable())?;
    begin(document, last, &fresh, Expect::Entry(key, &nested))
}

fn replace(document: &Document<'_>, spot: Spot<'_>, value: &Value) -> Result<Change, Refusal> {
    let node = spot.node;
    check_anchors(document, node.index(), node.next_index())?;
    let mut splices = match write_scalar(value, quoting_of(node), context_of(spot)) {
        Some(text) => scalar(document, spot, &text),
        None => collection(document, spot, value)?,
    };
    let tag = unfit_tag(node, value);
    let old = if tag.is_some() { node.first_index() } else { node.index() }..node.next_index();
    splices.extend(tag);
    Plan { splices, inside: spot.parent_index(), old, expect: Expect::Value(value) }.carry_out(document)
}

fn quoting_of(node: Node<'_>) -> Quoting {
    match node.kind() {
        Kind::DoubleQuoted => Quoting::Double,
        Kind::SingleQuoted => Quoting::Single,
        _ => Quoting::Auto,
    }
}

fn context_of(spot: Spot<'_>) -> Context {
    let parent = spot.parent.map_or(Kind::BlockMapping, Node::kind);
    if matches!(parent, Kind::BlockMapping | Kind::BlockSequence) { Context::Block } else { Context::Flow }
}

/// Takes out the tag of a node, where it does not say what `value` is anyway.
pub(super) fn unfit_tag(node: Node<'_>, value: &Value) -> Option<Splice> {
    let fits = match node.tag()? {
        "!!str" | "!" => value.as_str().is_some(),
        "!!map" => matches!(value, Value::Mapping(_)),
        "!!seq" => matches!(value, Value::Sequence(_)),
        _ => false,
    };
    let span = node.tag_span().filter(|_| !fits)?;
    let lines = Lines::new(node.document_text());
    let (start, end) = (span.start as usize, span.end as usize);
    let gap = lines.slice(0, start).bytes().rev().take_while(|byte| *byte == b' ').count();
    Some(if gap > 0 { splice(start - gap, end, "") } else { splice(start, lines.behind_blanks(end), "") })
}

/// Splices that put a scalar in the place of a node.
fn scalar(document: &Document<'_>, spot: Spot<'_>, text: &str) -> Vec<Splice> {
    let node = spot.node;
    let (start, end) = (node.span().start as usize, node.span().end as usize);
    let lines = Lines::new(node.document_text());
    let block = matches!(node.kind(), Kind::BlockMapping | Kind::BlockSequence);
    if block && let Some(indicator) = indicator_end(spot).filter(|at| lines.end(*at) < start) {
        // The value moves up behind its key; the lines of the old one go.
        let line_end = lines.end(indicator);
        let gone = splice(line_end, lines.end(end), "");
        return alloc::vec![splice(indicator, indicator, format!(" {text}")), gone];
    }
    let splice = if node.kind() == Kind::Empty { fill(document, spot, text) } else { splice(start, end, text) };
    alloc::vec![splice]
}

/// Offset behind the `:` or `-` or the last property that stands before a node.
pub(super) fn indicator_end(spot: Spot<'_>) -> Option<usize> {
    let node = spot.node;
    let lines = Lines::new(node.document_text());
    if node.first_index() < node.index() {
        return node.records().get(node.index() - 1).map(|property| property.end as usize);
    }
    let parent = spot.parent?;
    let element = elements_from(parent, number_of(parent, node)?).next()?;
    match element.key {
        Some(key) => Some(lines.behind_trivia(key.span().end as usize) + 1),
        None => Some(element.start + 1),
    }
}

/// Puts text in the place of an empty node.
pub(super) fn fill(document: &Document<'_>, spot: Spot<'_>, text: &str) -> Splice {
    let lines = Lines::new(document.text());
    let (start, end) = (spot.node.span().start as usize, spot.node.span().end as usize);
    if let Some(column) = explicit_key(spot) {
        return at_line_start(document, lines.next(start), format!("{:column$}: {text}", ""));
    }
    let before = start.checked_sub(1).and_then(|at| lines.byte(at));
    let indicated = spot.node.first_index() != spot.node.index() || matches!(before, Some(b':' | b'-' | b'?'));
    let gap = match before {
        None | Some(b'\n' | b'\r') => "",
        _ if indicated => " ",
        // A key alone, inside brackets.
        _ => ": ",
    };
    splice(start, end, format!("{gap}{text}"))
}

/// Column of the `?` of a block mapping's entry that has no `:`, where `spot` is its value.
pub(super) fn explicit_key(spot: Spot<'_>) -> Option<usize> {
    let parent = spot.parent.filter(|parent| parent.kind() == Kind::BlockMapping)?;
    let key = parent.entries().find(|entry| entry.value == spot.node)?.key;
    let lines = Lines::new(parent.document_text());
    let colon = lines.byte(lines.behind_trivia(key.span().end as usize)) == Some(b':');
    (key.is_explicit_key() && !colon).then_some(parent.column())
}

/// Splices that put a list or mapping in the place of a node.
fn collection(document: &Document<'_>, spot: Spot<'_>, value: &Value) -> Result<Vec<Splice>, Refusal> {
    let node = spot.node;
    let unprovable = || refuse(Reason::Unprovable, node.span());
    let mut look = look_beside(document, spot.parent.unwrap_or(node));
    if !matches!(node.kind(), Kind::Empty) {
        look.quoting = Quoting::Auto;
    }
    let fresh = Document::parse(emit::block(value, look)).map_err(|_| unprovable())?;
    if is_empty(value) {
        return Ok(scalar(document, spot, fresh.text()));
    }
    let (start, end) = (node.span().start as usize, node.span().end as usize);
    match node.kind() {
        Kind::FlowMapping | Kind::FlowSequence => {
            let mut text = String::new();
            let root = fresh.root().ok_or_else(unprovable)?;
            emit::flow(root, Brackets { quoting: Quoting::Auto, padding: "" }, &mut text);
            Ok(alloc::vec![splice(start, end, text)])
        }
        Kind::BlockMapping | Kind::BlockSequence => {
            let around = spot.parent.filter(|parent| parent.kind() == Kind::BlockMapping);
            let indentless = around.is_some_and(|parent| parent.column() == node.column());
            let mapping = matches!(value, Value::Mapping(entries) if !entries.is_empty());
            let step = if indentless && mapping { look.indent.mapping } else { 0 };
            let text = set_lines(&fresh, setting(document, start, node.column() + step, ""));
            Ok(alloc::vec![splice(start, end, text.get(node.column()..).unwrap_or_default())])
        }
        _ => place_collection(document, spot, &fresh),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Mapping(entries) => entries.is_empty(),
        Value::Sequence(items) => items.is_empty(),
        _ => false,
    }
}
