//! From the drafts of a walk to the conflicts that callers see. Read [`merge`].

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::conflict::{Conflict, ConflictKind, Merge};
use super::rope::Mark;
use super::same::text_of_key;
use super::trivia::Audit;
use super::walk::Draft;
use super::{Input, Prefer, Three, side};
use crate::span::{Span, offset};
use crate::value::Value;
use crate::yaml::lines::Lines;
use crate::yaml::{Document, ItemKey, Node, Path, Reader, Schema, Step};

/// The merge of a proven result.
pub(super) fn merge(
    inputs: Three<&Document<'_>>,
    result: Document<'static>,
    drafts: Vec<Draft<'_>>,
    marks: &[(Mark, u32)],
    audit: &Audit,
) -> Merge {
    let mut begins: BTreeMap<usize, u32> = BTreeMap::new();
    let mut ends: BTreeMap<usize, u32> = BTreeMap::new();
    for (mark, at) in marks {
        match mark {
            Mark::Begin(number) => begins.insert(*number, *at),
            Mark::End(number) => ends.insert(*number, *at),
            Mark::Patch(_) => None,
        };
    }
    let mut found = Places::of(&result);
    let mut of_inputs = inputs.map(|document| Places::of(document));
    let readers = inputs.map(|_| Reader::new(Schema::Helm));
    let mut conflicts = Vec::with_capacity(drafts.len());
    for (number, draft) in drafts.into_iter().enumerate() {
        let Draft { steps, kind, places, renamed_to } = draft;
        let span = match (begins.get(&number), ends.get(&number)) {
            (Some(start), Some(end)) => Span::new(*start, *end),
            _ => found.span(&steps),
        };
        let value = |input: Input| {
            let (_, node) = (*places.get(input))?;
            readers.get(input).value(node).ok()
        };
        let values = Three { base: value(Input::Base), ours: value(Input::Ours), theirs: value(Input::Theirs) };
        let spans = places.map(|place| place.map(|(span, _)| span));
        conflicts.push(Conflict { path: Path::new(steps), kind, spans, values, renamed_to, result: span });
    }
    for (input, span) in &audit.missing {
        conflicts.push(note(inputs, &mut found, of_inputs.get_mut(*input), (*input, *span)));
    }
    conflicts.sort_by_key(|conflict| conflict.result);
    Merge { text: result.into_text().into_owned(), conflicts }
}

/// A comment that the result lacks.
fn note(
    inputs: Three<&Document<'_>>,
    result: &mut Places<'_>,
    places: &mut Places<'_>,
    (input, span): (Input, Span),
) -> Conflict {
    let text = inputs.get(input).text();
    // On the line of something it is about that, else about what follows.
    let line = text.get(Lines::new(text).start(span.start as usize)..span.start as usize).unwrap_or_default();
    let blanks = line.len() - line.trim_end().len();
    let at = if line.trim().is_empty() { span.start } else { span.start - offset(blanks) };
    let steps = places.steps_to(at);
    let text = Value::from(span.of(text).trim());
    let (mut spans, mut values) = (Three::default(), Three::default());
    *spans.get_mut(input) = Some(span);
    *values.get_mut(input) = Some(text);
    let at = result.span(&steps);
    Conflict { path: Path::new(steps), kind: ConflictKind::Note, spans, values, renamed_to: None, result: at }
}

/// Ways into a document. What stands in a collection is listed once, however many ways lead through it.
struct Places<'d> {
    root: Option<Node<'d>>,
    /// The elements of a collection: where each ends, the step to it, and its node.
    elements: BTreeMap<usize, Vec<(u32, Step, Node<'d>)>>,
    /// The same by step, for the identity that the steps name.
    by_step: BTreeMap<(usize, Option<ItemKey>), BTreeMap<Step, Node<'d>>>,
}

impl<'d> Places<'d> {
    fn of(document: &'d Document<'_>) -> Self {
        Self { root: document.root(), elements: BTreeMap::new(), by_step: BTreeMap::new() }
    }

    /// The steps to the innermost element around, or behind, a place.
    fn steps_to(&mut self, at: u32) -> Vec<Step> {
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

    /// Where the steps lead; as far as they do.
    fn span(&mut self, steps: &[Step]) -> Span {
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

/// The merge of streams that have no common parts: one side, and one conflict.
pub(super) fn whole(inputs: Three<&Document<'_>>, prefer: Prefer) -> Merge {
    let texts = inputs.map(|document| document.text());
    let text = side(texts, prefer);
    if prefer != Prefer::Neither {
        return Merge { text, conflicts: Vec::new() };
    }
    let span = |document: &&Document<'_>| Some(Span::new(0, offset(document.text().len())));
    let value = |document: &&Document<'_>| document.to_value(Schema::Helm).ok();
    let conflict = Conflict {
        path: Path::default(),
        kind: ConflictKind::EditEdit,
        spans: inputs.map(span),
        values: inputs.map(value),
        renamed_to: None,
        result: Span::new(0, offset(text.len())),
    };
    Merge { text: text.to_owned(), conflicts: alloc::vec![conflict] }
}
