//! A list or mapping becomes another one by the smallest edit. Read [`Reshape::node`].
//!
//! Items that stay keep their bytes and their comments, new ones are put in where they belong, what is gone is taken out, and
//! what changed is edited in place. All of it is one plan of many splices, which is proven once. Entries of a mapping keep the
//! order of the text, new ones come behind them. What a merge key (`<<`) brings needs no entry of its own; where something has
//! to go that comes through one, the edit is refused.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::append::{brackets_in, dash_gap};
use super::comments::own_lines;
use super::element::{Element, elements, rhythm, style};
use super::emit::{self, Brackets, Place};
use super::gap::Gap;
use super::item::{Setting, set_lines};
use super::locate::{Spot, check_anchors, check_shared};
use super::look::{Look, Texts};
use super::pairs::{Origin, origins};
use super::replace::replacement;
use super::{refuse, span};
use crate::diff::MergeKeys;
use crate::error::{Reason, Refusal};
use crate::splice::{Splice, Splices};
use crate::value::Value;
use crate::yaml::lines::Lines;
use crate::yaml::{Document, Kind, Node, Reader, Schema, Style};

/// The plan of one such edit.
pub(super) struct Reshape<'d, 't> {
    document: &'d Document<'t>,
    helm: Reader<'d>,
    dagster: Reader<'d>,
    keys: MergeKeys,
    texts: Texts,
    anchors: Anchors,
}

/// What becomes of anchors that aliases use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchors {
    /// What they stand for must not change.
    Kept,
    /// They stay with the original: a copy is changed.
    Left,
}

/// An element of the collection as it is to be.
enum Slot<'v> {
    /// One that is there, by its number.
    Stays(usize),
    /// One that is there, elsewhere, and becomes this value.
    Moves(usize, &'v Value),
    /// A new item.
    Item(&'v Value),
    /// A new entry.
    Entry(&'v str, &'v Value),
}

impl<'d, 't> Reshape<'d, 't> {
    pub(super) fn new(document: &'d Document<'t>, texts: Texts, anchors: Anchors) -> Self {
        let (helm, dagster) = (Reader::new(Schema::Helm), Reader::new(Schema::Dagster));
        Self { document, helm, dagster, keys: MergeKeys::kubernetes(), texts, anchors }
    }

    /// Splices after which a node reads as `value`; `list` is the key under which it stands.
    pub(super) fn node(&self, spot: Spot<'d>, list: &str, value: &Value, out: &mut Vec<Splice>) -> Result<(), Refusal> {
        if self.read(spot.node).is_some_and(|found| found.is_same(value)) {
            return Ok(());
        }
        if self.anchors == Anchors::Kept {
            check_shared(self.document, spot.node, Reason::AnchorInUse)?;
        }
        match value {
            Value::Mapping(entries) if !entries.is_empty() && self.has_room(spot.node, entries) => {
                self.mapping(spot, entries, out)
            }
            Value::Sequence(items) if !items.is_empty() && spot.node.items().next().is_some() => {
                self.sequence(spot, self.keys.of(list), items, out)
            }
            _ => {
                self.check_anchors(spot.node.index(), spot.node.next_index())?;
                out.extend(replacement(self.document, spot, value, self.texts)?);
                Ok(())
            }
        }
    }

    fn check_anchors(&self, first: usize, next: usize) -> Result<(), Refusal> {
        if self.anchors == Anchors::Left { Ok(()) } else { check_anchors(self.document, first, next) }
    }

    /// What helm and Dagster both read.
    fn read(&self, node: Node<'d>) -> Option<Value> {
        let found = self.helm.value(node).ok()?;
        self.dagster.value(node).is_ok_and(|other| other.is_same(&found)).then_some(found)
    }

    /// The key of an entry, where both read the same.
    fn key(&self, key: Node<'d>) -> Option<Cow<'d, str>> {
        let found = self.helm.key(key).ok()?;
        self.dagster.key(key).is_ok_and(|other| other == found).then_some(found)
    }

    /// Whether a mapping has entries, and room for those wanted: a single pair has it for its own key alone.
    fn has_room(&self, node: Node<'d>, wanted: &[(String, Value)]) -> bool {
        let Some(first) = node.entries().next() else { return false };
        let own = |key: &str| self.key(first.key).is_some_and(|found| found == key);
        node.kind() != Kind::FlowPair || matches!(wanted, [(only, _)] if own(only))
    }

    fn mapping(&self, spot: Spot<'d>, wanted: &[(String, Value)], out: &mut Vec<Splice>) -> Result<(), Refusal> {
        let node = spot.node;
        let all: Vec<Element<'d>> = elements(node).collect();
        let mut own: BTreeMap<Cow<'d, str>, Element<'d>> = BTreeMap::new();
        for element in &all {
            let Some(key) = element.key.filter(|key| !self.helm.is_merge(*key)) else { continue };
            if let Some(first) = self.key(key).and_then(|text| own.insert(text, *element)) {
                let related = first.key.map(Node::span);
                return Err(Refusal { reason: Reason::DuplicateKey, span: key.span(), related });
            }
        }
        let values: BTreeMap<&str, &Value> = wanted.iter().map(|(key, value)| (key.as_str(), value)).collect();
        let merged = self.merged(node)?;
        let gone = |key: &str| !values.contains_key(key);
        if merged.keys().any(|key| gone(key)) {
            return Err(refuse(Reason::ThroughAlias, node.span()));
        }
        let mut slots = Vec::new();
        for (at, element) in all.iter().enumerate() {
            if element.key.is_some_and(|key| self.helm.is_merge(key)) {
                slots.push(Slot::Stays(at));
                continue;
            }
            // A key that readers do not agree on is none that is wanted.
            let key = element.key.and_then(|key| self.key(key)).unwrap_or_default();
            if let Some(value) = values.get(key.as_ref()) {
                self.node(spot.below(element.node), &key, value, out)?;
                slots.push(Slot::Stays(at));
            }
        }
        let is_merged = |key: &str, value: &Value| merged.get(key).is_some_and(|found| found.is_same(value));
        let new = wanted.iter().filter(|(key, value)| !own.contains_key(key.as_str()) && !is_merged(key, value));
        slots.extend(new.map(|(key, value)| Slot::Entry(key, value)));
        self.arrange(spot, &all, slots, out)
    }

    /// What merge keys bring to a mapping.
    fn merged(&self, node: Node<'d>) -> Result<BTreeMap<String, Value>, Refusal> {
        let mut out = BTreeMap::new();
        // Of several mappings the first one wins.
        let mut sources = Vec::new();
        for entry in node.entries().filter(|entry| self.helm.is_merge(entry.key)) {
            match self.read(entry.value) {
                Some(Value::Sequence(items)) => sources.extend(items),
                Some(value) => sources.push(value),
                None => return Err(refuse(Reason::ThroughAlias, entry.value.span())),
            }
        }
        for source in sources {
            let Value::Mapping(entries) = source else { return Err(refuse(Reason::ThroughAlias, node.span())) };
            for (key, value) in entries {
                out.entry(key).or_insert(value);
            }
        }
        Ok(out)
    }

    fn sequence(
        &self,
        spot: Spot<'d>,
        key: &crate::yaml::ItemKey,
        wanted: &[Value],
        out: &mut Vec<Splice>,
    ) -> Result<(), Refusal> {
        let all: Vec<Element<'d>> = elements(spot.node).collect();
        let found: Vec<Option<Value>> = all.iter().map(|element| self.read(element.node)).collect();
        let mut slots = Vec::with_capacity(wanted.len());
        for (origin, value) in origins(&found, wanted, key).into_iter().zip(wanted) {
            slots.push(match origin {
                Origin::Stays(at) => {
                    let same = found.get(at).and_then(Option::as_ref).is_some_and(|found| found.is_same(value));
                    if let Some(element) = all.get(at).filter(|_| !same) {
                        self.node(spot.below(element.node), "", value, out)?;
                    }
                    Slot::Stays(at)
                }
                Origin::Moves(at) => Slot::Moves(at, value),
                Origin::New => Slot::Item(value),
            });
        }
        self.arrange(spot, &all, slots, out)
    }

    /// Splices that bring the elements of a collection into the order of `slots`.
    fn arrange(
        &self,
        spot: Spot<'d>,
        all: &[Element<'d>],
        slots: Vec<Slot<'_>>,
        out: &mut Vec<Splice>,
    ) -> Result<(), Refusal> {
        let stays = slots.iter().filter(|slot| matches!(slot, Slot::Stays(_))).count();
        if stays == all.len() && slots.len() == stays {
            return Ok(());
        }
        let look = Look::inside(self.document, spot.node, self.texts);
        let blanks = rhythm(Lines::new(self.document.text()), spot.node);
        let brackets = brackets_in(spot.node);
        let mut gap = Gap { before: None, gone: Vec::new(), after: None, new: Vec::new(), blanks };
        let mut next = 0;
        for slot in slots {
            let Slot::Stays(at) = slot else {
                gap.new.push(self.text(spot, all, &slot, (&look, brackets))?);
                continue;
            };
            let after = all.get(at).copied();
            self.close(spot.node, &Gap { gone: all.get(next..at).unwrap_or_default().to_vec(), after, ..gap }, out)?;
            gap = Gap { before: after, gone: Vec::new(), after: None, new: Vec::new(), blanks };
            next = at + 1;
        }
        self.close(spot.node, &Gap { gone: all.get(next..).unwrap_or_default().to_vec(), ..gap }, out)
    }

    fn close(&self, collection: Node<'d>, gap: &Gap<'d>, out: &mut Vec<Splice>) -> Result<(), Refusal> {
        for element in &gap.gone {
            self.check_anchors(element.first_record(), element.next_record())?;
        }
        out.extend(gap.splices(self.document, collection)?);
        Ok(())
    }

    /// A new element as it is written in its collection.
    fn text(
        &self,
        spot: Spot<'d>,
        all: &[Element<'d>],
        slot: &Slot<'_>,
        (look, brackets): (&Look<'d>, Brackets),
    ) -> Result<String, Refusal> {
        let node = spot.node;
        if let Slot::Moves(at, value) = *slot {
            let moved = all.get(at).and_then(|element| self.moved(spot, element, value));
            return moved.map_or_else(|| self.text(spot, all, &Slot::Item(value), (look, brackets)), Ok);
        }
        let place = match *slot {
            Slot::Entry(key, value) => Place::Entry(key, value),
            Slot::Item(value) | Slot::Moves(_, value) => Place::Item(value, dash_gap(node)),
            Slot::Stays(_) => return Err(refuse(Reason::Unprovable, node.span())),
        };
        if style(node) == Style::Flow {
            return Ok(emit::element_in_brackets(place, look, brackets));
        }
        let fresh = Document::parse(emit::element(place, look)).map_err(|_| refuse(Reason::Unprovable, node.span()))?;
        let line_break = Lines::new(self.document.text()).line_break(node.span().start as usize);
        Ok(set_lines(&fresh, Setting { column: node.column(), prefix: "", line_break }))
    }

    /// The bytes of an element with its comments, changed to `value`; `None` where it has to be written anew.
    fn moved(&self, spot: Spot<'d>, element: &Element<'d>, value: &Value) -> Option<String> {
        let lines = Lines::new(self.document.text());
        let mut splices = Vec::new();
        self.node(spot.below(element.node), "", value, &mut splices).ok()?;
        let splices = Splices::new(splices)?;
        if style(spot.node) == Style::Flow {
            let mut text = splices.within(span(element.start, element.end), self.document.text());
            // A `:` at the very end needs a blank behind it to stay an indicator.
            if text.ends_with(':') {
                text.push(' ');
            }
            return Some(text);
        }
        let (start, end) = own_lines(spot.node, element, 0);
        // The first one may stand beside the indicator of its collection.
        let (start, indent) =
            if lines.begins_line(element.start) { (start, 0) } else { (element.start, spot.node.column()) };
        let text = splices.within(span(start, end), self.document.text());
        let bare = text.strip_suffix('\n').unwrap_or(&text);
        Some(" ".repeat(indent) + bare.strip_suffix('\r').unwrap_or(bare))
    }

    /// The text of a node that is to mean `value`, without its anchors, at the column where it stands.
    pub(super) fn copied(&self, node: Node<'d>, value: &Value) -> Result<String, Refusal> {
        let lines = Lines::new(self.document.text());
        let unprovable = || refuse(Reason::Unprovable, node.span());
        let mut splices = Vec::new();
        self.node(Spot { node, parent: None, grandparent: None }, "", value, &mut splices)?;
        let records = self.document.records().get(node.index()..node.next_index()).unwrap_or_default();
        for anchor in records.iter().filter(|record| record.kind == Kind::Anchor) {
            let place = span(anchor.start as usize, lines.behind_blanks(anchor.end as usize));
            if !splices.iter().any(|splice| splice.span.start < place.end && place.start < splice.span.end) {
                splices.push(Splice { span: place, text: String::new() });
            }
        }
        let (start, end) = (node.span().start as usize, node.span().end as usize);
        let end = if style(node) == Style::Block { lines.end(end) } else { end };
        // New entries at the end begin with a line of their own.
        let window = span(start, splices.iter().map(|splice| splice.span.end as usize).fold(end, usize::max));
        let splices = Splices::new(splices).ok_or_else(unprovable)?;
        Ok(" ".repeat(node.column()) + &splices.within(window, self.document.text()) + "\n")
    }
}
