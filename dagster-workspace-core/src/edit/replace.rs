//! Giving a node another value, in the notation it has. Read [`set`].

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::collection::{Anchors, Reshape};
use super::element::{elements_from, number_of};
use super::emit::{self, Brackets, Place as NewPlace};
use super::insert::{begin, keys};
use super::item::set_lines;
use super::locate::{Place, Spot, check_anchors, locate, through_merge};
use super::look::{Look, Texts};
use super::place::{at_line_start, place_collection, setting};
use super::prove::is_value;
use super::scalar::Written;
use super::{Change, Expect, Plan, refuse, splice};
use crate::error::{Reason, Refusal};
use crate::span::Span;
use crate::splice::Splice;
use crate::value::Value;
use crate::yaml::lines::Lines;
use crate::yaml::{Document, Kind, Node, Path};

/// Gives the node at `path` a value.
pub(super) fn set(document: &Document<'_>, path: &Path, value: &Value) -> Result<Option<Change>, Refusal> {
    match locate(document, path, Reason::AnchorInUse)? {
        Place::Found(spot) if is_value(spot.node, value) => Ok(None),
        Place::Found(spot) if !is_empty(value) && (spot.node.kind().is_mapping() || spot.node.kind().is_sequence()) => {
            Texts::try_both(|texts| reshape(document, spot, value, texts))
        }
        Place::Found(spot) => Texts::try_both(|texts| replace(document, spot, value, texts)),
        Place::Missing { merged: true, rest: [_, _, ..], last } => Err(through_merge(last)),
        Place::Missing { last, rest, .. } => {
            let keys = keys(rest, last)?;
            Texts::try_both(|texts| insert(document, last, &keys, value, texts))
        }
    }
}

/// A collection becomes another one by the smallest edit; where that cannot be proven, it is written as a whole.
fn reshape(document: &Document<'_>, spot: Spot<'_>, value: &Value, texts: Texts) -> Result<Option<Change>, Refusal> {
    let key = spot.parent.and_then(|parent| parent.entries().find(|entry| entry.value == spot.node));
    let key = key.and_then(|entry| entry.key.text()).unwrap_or_default();
    let mut splices = Vec::new();
    Reshape::new(document, texts, Anchors::Kept).node(spot, &key, value, &mut splices)?;
    let old = spot.records();
    let plan = Plan { splices, inside: spot.parent_index(), old, expect: Expect::Value(value) };
    match plan.carry_out(document) {
        Err(Refusal { reason: Reason::Unprovable, .. }) if texts == Texts::OnOneLine => {
            replace(document, spot, value, texts)
        }
        carried => carried,
    }
}

/// A new entry under `keys` in the mapping at `last`.
fn insert(
    document: &Document<'_>,
    last: Option<Spot<'_>>,
    keys: &[&str],
    value: &Value,
    texts: Texts,
) -> Result<Option<Change>, Refusal> {
    let unprovable = || refuse(Reason::Unprovable, last.map_or(Span::default(), |spot| spot.node.span()));
    let [key, below @ ..] = keys else { return Err(unprovable()) };
    let nested = below.iter().rev().fold(Cow::Borrowed(value), |value, key| {
        Cow::Owned(Value::Mapping(alloc::vec![(String::from(*key), value.into_owned())]))
    });
    let look = last.map_or_else(|| Look::plain(document, texts), |spot| Look::inside(document, spot.node, texts));
    let fresh = emit::element(NewPlace::Entry(key, &nested), &look);
    let fresh = Document::parse(fresh).map_err(|_| unprovable())?;
    begin(document, last, &fresh, Expect::Entry(key, &nested))
}

/// The whole node anew, in one place.
fn replace(document: &Document<'_>, spot: Spot<'_>, value: &Value, texts: Texts) -> Result<Option<Change>, Refusal> {
    check_anchors(document, spot.node.index(), spot.node.next_index())?;
    let tag = unfit_tag(spot.node, value);
    let old = if tag.is_some() { spot.node.first_index() } else { spot.node.index() }..spot.node.next_index();
    let splices = replacement(document, spot, value, texts)?;
    Plan { splices, inside: spot.parent_index(), old, expect: Expect::Value(value) }.carry_out(document)
}

/// Splices that put `value` in the place of a node. Its anchors go with it.
pub(super) fn replacement(
    document: &Document<'_>,
    spot: Spot<'_>,
    value: &Value,
    texts: Texts,
) -> Result<Vec<Splice>, Refusal> {
    let node = spot.node;
    let mut splices = match Written::of(document, spot, value, texts) {
        Some(written) => written.in_place(document, spot),
        None => collection(document, spot, value, texts)?,
    };
    splices.extend(unfit_tag(node, value));
    Ok(splices)
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
fn collection(document: &Document<'_>, spot: Spot<'_>, value: &Value, texts: Texts) -> Result<Vec<Splice>, Refusal> {
    let node = spot.node;
    let unprovable = || refuse(Reason::Unprovable, node.span());
    if is_empty(value) {
        let brackets = if matches!(value, Value::Sequence(_)) { "[]" } else { "{}" };
        return Ok(Written::line(brackets).in_place(document, spot));
    }
    let look = Look::instead(document, node, texts);
    let fresh = Document::parse(emit::block(value, &look)).map_err(|_| unprovable())?;
    let (start, end) = (node.span().start as usize, node.span().end as usize);
    match node.kind() {
        Kind::FlowMapping | Kind::FlowSequence => {
            let mut text = String::new();
            let root = fresh.root().ok_or_else(unprovable)?;
            emit::flow(root, Brackets::of(node), &mut text);
            Ok(alloc::vec![splice(start, end, text)])
        }
        Kind::BlockMapping | Kind::BlockSequence => {
            let around = spot.parent.filter(|parent| parent.kind() == Kind::BlockMapping);
            let indentless = around.is_some_and(|parent| parent.column() == node.column());
            let step = if indentless && matches!(value, Value::Mapping(_)) { look.indent.mapping } else { 0 };
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
