//! Ways into a document and back. Read [`Places`].

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::same::text_of_key;
use crate::span::{Span, offset};
use crate::yaml::lines::Lines;
use crate::yaml::{Document, ItemKey, Node, Step};

/// Ways into a document. What stands in a collection is listed once, however many ways lead through it.
pub(super) struct Places<'d> {
    root: Option<Node<'d>>,
    /// Of all documents of the stream.
    roots: Vec<Node<'d>>,
    /// The elements of a collection: where each ends, the step to it, and its node.
    elements: BTreeMap<usize, Vec<(u32, Step, Node<'d>)>>,
    /// The same by step, for the identity that the steps name.
    by_step: BTreeMap<(usize, Option<ItemKey>), BTreeMap<Step, Node<'d>>>,
}

impl<'d> Places<'d> {
    pub(super) fn of(document: &'d Document<'_>) -> Self {
        Self {
            root: document.root(),
            roots: document.roots().collect(),
            elements: BTreeMap::new(),
            by_step: BTreeMap::new(),
        }
    }

    /// The steps to what a comment is about: the element on its line, else the innermost one around or behind it.
    pub(super) fn about(&mut self, comment: Span) -> Vec<Step> {
        let text = self.root.map_or("", Node::document_text);
        let start = comment.start as usize;
        let line = text.get(Lines::new(text).start(start)..start).unwrap_or_default().trim_end_matches([' ', '\t']);
        let blank = line.trim().is_empty();
        let at = if blank { start } else { Lines::new(text).start(start) + line.len() };
        let at = offset(at);
        let mut steps = Vec::new();
        let Some(mut node) = self.root else { return steps };
        loop {
            let elements = self.elements.entry(node.index()).or_insert_with(|| elements(node));
            let behind = elements.partition_point(|(end, ..)| *end < at);
            let Some((_, step, found)) = elements.get(behind) else { return steps };
            steps.push(step.clone());
            node = *found;
            if node.full_span().start > at {
                return steps;
            }
        }
    }

    /// The number of its document and the steps to a node, items without a name by no number; `None` where it is a key or
    /// inside of one.
    pub(super) fn of_node(&mut self, target: Node<'_>) -> Option<Vec<Step>> {
        let number = self.roots.partition_point(|root| root.next_index() <= target.index());
        let mut node = *self.roots.get(number).filter(|root| root.first_index() <= target.index())?;
        let mut steps = alloc::vec![Step::Index(number)];
        while node.index() != target.index() {
            let elements = self.elements.entry(node.index()).or_insert_with(|| elements(node));
            let at = elements.partition_point(|(.., node)| node.next_index() <= target.index());
            let (_, step, found) = elements.get(at).filter(|(.., node)| node.first_index() <= target.index())?;
            steps.push(if matches!(step, Step::Index(_)) { Step::Index(0) } else { step.clone() });
            node = *found;
        }
        Some(steps)
    }

    /// Where the steps lead; as far as they do.
    pub(super) fn span(&mut self, steps: &[Step]) -> Span {
        let Some(mut node) = self.root else { return Span::default() };
        for step in steps {
            let key = if let Step::Item { key, .. } = step { Some(key) } else { None };
            let known = self.by_step.entry((node.index(), key.cloned())).or_insert_with(|| by_step(node, key));
            match known.get(step) {
                Some(found) => node = *found,
                // Behind the last element that is there.
                None => return Span::at(node.span().end),
            }
        }
        node.span()
    }
}

fn elements(node: Node<'_>) -> Vec<(u32, Step, Node<'_>)> {
    let entries = node.entries().map(|entry| {
        let end = entry.value.full_span().end.max(entry.key.span().end);
        (end, Step::Key(text_of_key(entry.key)), entry.value)
    });
    let items = node.items().enumerate().map(|(place, item)| {
        let key = ItemKey::default();
        let name = key.of(item).and_then(Node::text);
        let step = name.map_or(Step::Index(place), |name| Step::Item { key, name: name.into_owned() });
        (item.full_span().end, step, item)
    });
    entries.chain(items).collect()
}

fn by_step<'d>(node: Node<'d>, key: Option<&ItemKey>) -> BTreeMap<Step, Node<'d>> {
    let entries = node.entries().map(|entry| (Step::Key(text_of_key(entry.key)), entry.value));
    let items = node.items().enumerate().filter_map(|(at, item)| match key {
        Some(key) => {
            let name = key.of(item).and_then(Node::text)?.into_owned();
            Some((Step::Item { key: key.clone(), name }, item))
        }
        None => Some((Step::Index(at), item)),
    });
    let mut out = BTreeMap::new();
    for (step, found) in entries.chain(items) {
        out.entry(step).or_insert(found);
    }
    out
}
