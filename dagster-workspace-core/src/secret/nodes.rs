//! The rule over a document that reads: [`secrets`] are the spans of its nodes and comments.

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use super::lines;
use super::rule::{Scope, Tree};
use crate::span::{Span, offset};
use crate::yaml::{Document, Kind, Node, Reader, Schema};

impl<'d> Tree<'d> for Node<'d> {
    fn text(self) -> Option<Cow<'d, str>> {
        const CONSTANTS: [&str; 8] = ["~", "null", "true", "false", "yes", "no", "on", "off"];
        let is_constant = |text: &str| CONSTANTS.iter().any(|word| text.eq_ignore_ascii_case(word));
        Node::text(self).filter(|text| self.kind() != Kind::Plain || !is_constant(text))
    }

    fn get(self, key: &str) -> Option<Self> {
        Node::get(self, key)
    }

    fn is_mapping(self) -> bool {
        self.kind().is_mapping()
    }

    fn is_sequence(self) -> bool {
        self.kind().is_sequence()
    }

    fn count(self) -> usize {
        self.entries().count()
    }
}

/// What may be secret in a document, in no order.
pub(super) fn secrets(document: &Document<'_>) -> Vec<Span> {
    let mut found = comments(document);
    walk(document, None, |span, _| found.push(span));
    found
}

/// The same of the nodes that have bytes in common with `place` alone, which costs no more than the way there.
pub(super) fn secrets_at(document: &Document<'_>, place: Span) -> Vec<Span> {
    let mut found = Vec::new();
    // What an anchor names may be secret elsewhere.
    let within = if document.text().contains('&') { None } else { Some(place) };
    walk(document, within, |span, _| found.push(span));
    found
}

/// The bytes of the entry of which `place` is the key; `place` itself where it is none.
pub(super) fn entry_at(document: &Document<'_>, place: Span) -> Span {
    let mut left: Vec<Node<'_>> = document.roots().collect();
    while let Some(node) = left.pop() {
        for entry in node.entries() {
            if entry.key.full_span().contains(place) {
                return Span::new(place.start, entry.value.full_span().end);
            }
        }
        left.extend(node.children().filter(|child| child.full_span().contains(place)));
    }
    place
}

/// The texts that are secret because an alias uses them where secrets stand.
pub(crate) fn anchored(document: &Document<'_>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if document.text().contains('&') && document.text().contains('*') {
        walk(document, None, |_, text| found.extend(text.map(Cow::into_owned)));
    }
    found
}

/// Calls `found` with every span that may be secret, and with what it means where it is secret through an alias.
fn walk<'d>(document: &'d Document<'d>, within: Option<Span>, found: impl FnMut(Span, Option<Cow<'d, str>>)) {
    let reader = Reader::new(Schema::Helm);
    let mut walk = Walk { reader: &reader, within, seen: BTreeSet::new(), left: Vec::new(), found };
    walk.left.extend(document.roots().map(|root| Place { node: root, scope: Scope::Open, way: Way::Straight }));
    while let Some(place) = walk.left.pop() {
        walk.visit(place);
    }
}

/// How a walk came to a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Straight,
    ThroughAlias,
}

#[derive(Clone, Copy)]
struct Place<'d> {
    node: Node<'d>,
    scope: Scope,
    way: Way,
}

struct Walk<'r, 'd, F> {
    reader: &'r Reader<'d>,
    /// What the nodes must have bytes in common with.
    within: Option<Span>,
    /// Nodes that were visited where secrets stand: aliases lead to them again.
    seen: BTreeSet<(usize, Scope)>,
    left: Vec<Place<'d>>,
    found: F,
}

impl<'d, F: FnMut(Span, Option<Cow<'d, str>>)> Walk<'_, 'd, F> {
    fn visit(&mut self, place: Place<'d>) {
        let Place { node, scope, way } = place;
        let span = node.full_span();
        if self.within.is_some_and(|within| span.end < within.start || within.end < span.start) {
            return;
        }
        if scope != Scope::Open && !self.seen.insert((node.index(), scope)) {
            return;
        }
        if node.alias().is_some() {
            match self.reader.target(node) {
                // What it means is visited where it stands.
                _ if scope == Scope::Open => {}
                Some(target) => self.left.push(Place { node: target, way: Way::ThroughAlias, ..place }),
                None => (self.found)(node.full_span(), None),
            }
            return;
        }
        match Tree::text(node).filter(|text| scope.hides(text)) {
            Some(text) => (self.found)(node.full_span(), Some(text).filter(|_| way == Way::ThroughAlias)),
            // An unquoted secret may begin with `&` or `!`.
            None if scope == Scope::Secret => (self.found)(Span::new(node.full_span().start, node.span().start), None),
            None => {}
        }
        self.entries(place);
        let mut before = None;
        for item in node.items() {
            self.left.push(Place { node: item, scope: scope.item(before.as_deref()), way });
            before = self.reader.target(item).and_then(Node::text);
        }
    }

    fn entries(&mut self, place: Place<'d>) {
        let Place { node, scope, way } = place;
        for entry in node.entries() {
            let value = self.reader.target(entry.value).unwrap_or(entry.value);
            match self.reader.target(entry.key).and_then(Node::text) {
                Some(key) if key == "<<" && value.kind().is_sequence() => {
                    self.left.extend(value.items().map(|node| Place { node, ..place }));
                }
                Some(key) => {
                    if scope.hides_key(&key) {
                        (self.found)(entry.key.full_span(), None);
                    }
                    self.left.push(Place { node: entry.value, scope: scope.below(node, &key, value), way });
                }
                None => {
                    let scope = scope.item(None);
                    self.left.extend([entry.key, entry.value].map(|node| Place { node, scope, way }));
                }
            }
        }
    }
}

/// The parts of comments that may be secret: what stands in them is read as lines are.
fn comments(document: &Document<'_>) -> Vec<Span> {
    let text = document.text();
    let mut gaps = Vec::new();
    let mut end = 0;
    for record in document.records() {
        let is_leaf =
            record.kind.is_scalar() || record.kind.is_property() || record.kind.is_mark() || record.kind == Kind::Alias;
        if is_leaf && record.start >= end {
            gaps.push(Span::new(end, record.start));
            end = record.end;
        }
    }
    gaps.push(Span::new(end, offset(text.len())));
    gaps.retain(|gap| gap.of(text).contains('#'));
    if gaps.is_empty() {
        return Vec::new();
    }
    let suspect = lines::secrets(text);
    let mut found = Vec::new();
    for gap in gaps {
        let first = suspect.partition_point(|span| span.end <= gap.start);
        let inside = suspect.get(first..).unwrap_or_default().iter().take_while(|span| span.start < gap.end);
        for span in inside {
            let span = Span::new(span.start.max(gap.start), span.end.min(gap.end));
            // Of a gap only the comment: what stands before it are brackets and marks.
            let line = text.get(..span.range().start).unwrap_or_default();
            let begun = line.rsplit(['\n', '\r']).next().is_some_and(|head| {
                let from = head.len().min(span.range().start - gap.range().start);
                head.get(head.len() - from..).unwrap_or_default().contains('#')
            });
            let at = if begun { Some(0) } else { span.of(text).find('#') };
            found.extend(at.map(|at| Span::new(span.start + offset(at), span.end)));
        }
    }
    found
}
