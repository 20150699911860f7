//! Adding to a list, and beginning what is missing. Read [`add`].

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::append::{append_entry, append_flow, append_item, flow_text};
use super::element::{elements, style};
use super::item::{Item, Setting, check_capture, set_lines};
use super::locate::{Place, Spot, item, locate, through_merge};
use super::look::{Look, Texts};
use super::place::{at_line_start, place_fresh, setting};
use super::prove::is_null;
use super::{Change, Expect, Plan, refuse};
use crate::error::{Reason, Refusal};
use crate::span::Span;
use crate::yaml::lines::Indent;
use crate::yaml::quote::{Context, Quoting, write};
use crate::yaml::{Document, ItemKey, Kind, Node, Path, Reader, Schema, Step, Style};

/// Appends an item to a list.
pub(super) fn add(document: &Document<'_>, list: &Path, key: &ItemKey, new: &Item) -> Result<Option<Change>, Refusal> {
    Texts::try_both(|texts| add_with(document, list, key, new, texts))
}

fn add_with(
    document: &Document<'_>,
    list: &Path,
    key: &ItemKey,
    new: &Item,
    texts: Texts,
) -> Result<Option<Change>, Refusal> {
    let place = locate(document, list, Reason::AliasedList)?;
    let end = match &place {
        Place::Found(spot) | Place::Missing { last: Some(spot), .. } => spot.node.next_index(),
        Place::Missing { last: None, .. } => 0,
    };
    let before = document.records().get(..end).unwrap_or_default();
    let new = new.document(before, document.text(), || match &place {
        Place::Found(spot) => Look::inside(document, spot.node, texts).at_items(),
        Place::Missing { .. } => Look::plain(document, texts),
    })?;
    let unsuitable = || refuse(Reason::UnsuitableItem, Span::default());
    let root = new.root().ok_or_else(unsuitable)?;
    // What stands in the place of the name and is no text is no name; where nothing stands there, the item has none.
    let name = key.place(root).map(|_| key.of(root).and_then(Node::text).ok_or_else(unsuitable)).transpose()?;
    match place {
        Place::Found(spot) if spot.node.kind().is_sequence() && elements(spot.node).next().is_some() => {
            let there = match &name {
                Some(name) => item(&Reader::new(Schema::Helm), spot.node, key, name)?.is_some(),
                None => holds(spot.node, root),
            };
            if there {
                return Ok(None);
            }
            append(document, spot.node, &new)
        }
        Place::Found(spot) if is_null(spot.node) || spot.node.kind().is_sequence() => {
            begin_list(document, Some(spot), &[], &new)
        }
        Place::Found(Spot { node, .. }) => {
            let reason = if node.kind() == Kind::Alias { Reason::ThroughAlias } else { Reason::NotAList };
            Err(refuse(reason, node.span()))
        }
        Place::Missing { merged: true, last, .. } => Err(through_merge(last)),
        Place::Missing { last, rest, .. } => begin_list(document, last, &keys(rest, last)?, &new),
    }
}

/// Whether an item of `list` is the same data as `new`, to helm and to Dagster.
fn holds<'d>(list: Node<'d>, new: Node<'_>) -> bool {
    let meant = [Schema::Helm, Schema::Dagster].map(|schema| (Reader::<'d>::new(schema), new.to_value(schema).ok()));
    let is_new = |item: Node<'d>| {
        meant.iter().all(|(reader, value)| {
            value.as_ref().is_some_and(|value| reader.value(item).is_ok_and(|own| own.is_same(value)))
        })
    };
    let mut items = list.items();
    items.any(is_new)
}

/// One more item behind the last of a list.
fn append(document: &Document<'_>, list: Node<'_>, new: &Document<'_>) -> Result<Option<Change>, Refusal> {
    let at = list.next_index();
    check_capture(document, at, new)?;
    let splices = match style(list) {
        Style::Block => alloc::vec![append_item(document, list, new)?],
        Style::Flow => append_flow(list, &[flow_text(list, new)]),
    };
    Plan { splices, inside: list.index(), old: at..at, expect: Expect::Item(new) }.carry_out(document)
}

/// A list of `new` alone under `keys` below `last`.
fn begin_list(
    document: &Document<'_>,
    last: Option<Spot<'_>>,
    keys: &[&str],
    new: &Document<'_>,
) -> Result<Option<Change>, Refusal> {
    check_capture(document, last.map_or(0, |spot| spot.node.next_index()), new)?;
    let fresh = begun(document, keys, new)?;
    begin(document, last, &fresh, Expect::List(keys, new))
}

/// Puts the root of `fresh` where a path has found nothing more: as an entry into the mapping `last`, in the place of an empty
/// `last`, or at the end of a text without any node.
pub(super) fn begin(
    document: &Document<'_>,
    last: Option<Spot<'_>>,
    fresh: &Document<'_>,
    expect: Expect<'_>,
) -> Result<Option<Change>, Refusal> {
    let plan = match last {
        Some(Spot { node, .. }) if node.kind().is_mapping() && elements(node).next().is_some() => {
            let at = node.next_index();
            Plan { splices: append_entry(document, node, fresh)?, inside: node.index(), old: at..at, expect }
        }
        Some(spot) => {
            let splices = place_fresh(document, spot, fresh)?;
            Plan { splices, inside: spot.parent_index(), old: spot.records(), expect }
        }
        None => {
            let end = document.text().len();
            let text = set_lines(fresh, setting(document, end, 0, ""));
            Plan { splices: alloc::vec![at_line_start(document, end, text)], inside: 0, old: 0..0, expect }
        }
    };
    plan.carry_out(document)
}

/// The keys of `rest`; an item on it is missing and cannot be made up, and mappings are not begun beside a key with dots that
/// begins as their path does.
pub(super) fn keys<'p>(rest: &'p [Step], last: Option<Spot<'_>>) -> Result<Vec<&'p str>, Refusal> {
    let span = last.map_or(Span::default(), |spot| spot.node.span());
    if let ([Step::Key(first), _, ..], Some(spot)) = (rest, last) {
        let dotted = |key: &str| key.strip_prefix(first.as_str()).is_some_and(|behind| behind.starts_with('.'));
        let alike = spot.node.entries().find(|entry| entry.key.text().is_some_and(|key| dotted(&key)));
        if let Some(entry) = alike {
            return Err(refuse(Reason::DottedKey, entry.key.span()));
        }
    }
    rest.iter()
        .map(|step| match step {
            Step::Key(key) => Ok(key.as_str()),
            Step::Item { .. } | Step::Index(_) => Err(refuse(Reason::NotFound, span)),
        })
        .collect()
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
