//! From the drafts of a walk to the conflicts that callers see. Read [`merge`].

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::conflict::{Conflict, ConflictKind, Merge};
use super::rope::Mark;
use super::same::name_of_key;
use super::trivia::Audit;
use super::walk::Draft;
use super::{Input, Prefer, Three, side};
use crate::span::Span;
use crate::value::Value;
use crate::yaml::{Document, Node, Path, Reader, Schema, Step};

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
    let readers = inputs.map(|_| Reader::new(Schema::Helm));
    let mut conflicts = Vec::with_capacity(drafts.len());
    for (number, draft) in drafts.into_iter().enumerate() {
        let Draft { steps, kind, places, renamed_to } = draft;
        let span = match (begins.get(&number), ends.get(&number)) {
            (Some(start), Some(end)) => Span::new(*start, *end),
            _ => place(&result, &steps),
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
        conflicts.push(note(inputs, &result, *input, *span));
    }
    conflicts.sort_by_key(|conflict| conflict.result);
    Merge { text: result.into_text().into_owned(), conflicts }
}

/// A comment that the result lacks.
fn note(inputs: Three<&Document<'_>>, result: &Document<'_>, input: Input, span: Span) -> Conflict {
    let document = *inputs.get(input);
    let steps = steps_to(document, span.start);
    let text = Value::from(span.of(document.text()).trim());
    let (mut spans, mut values) = (Three::default(), Three::default());
    *spans.get_mut(input) = Some(span);
    *values.get_mut(input) = Some(text);
    let at = place(result, &steps);
    Conflict { path: Path::new(steps), kind: ConflictKind::Note, spans, values, renamed_to: None, result: at }
}

/// The steps to the innermost element around, or behind, a place.
fn steps_to(document: &Document<'_>, at: u32) -> Vec<Step> {
    let mut steps = Vec::new();
    let Some(mut node) = document.root() else { return steps };
    loop {
        let entry = node.entries().find(|entry| entry.value.full_span().end.max(entry.key.span().end) >= at);
        let item = node.items().enumerate().find(|(_, item)| item.full_span().end >= at);
        node = match (entry, item) {
            (Some(entry), _) => {
                steps.push(Step::Key(name_of_key(entry.key).1.into_owned()));
                entry.value
            }
            (_, Some((place, item))) => {
                let key = crate::yaml::ItemKey::default();
                let name = key.of(item).and_then(Node::text);
                steps.push(name.map_or(Step::Index(place), |name| Step::Item { key, name: name.into_owned() }));
                item
            }
            _ => return steps,
        };
        if node.full_span().start > at {
            return steps;
        }
    }
}

/// Where the steps lead in the result; as far as they do.
fn place(result: &Document<'_>, steps: &[Step]) -> Span {
    let Some(mut node) = result.root() else { return Span::default() };
    for step in steps {
        let found = match step {
            Step::Key(name) => node.entries().find(|entry| name_of_key(entry.key).1 == *name).map(|entry| entry.value),
            Step::Item { key, name } => node.items().find(|item| key.is(*item, name)),
            Step::Index(at) => node.items().nth(*at),
        };
        match found {
            Some(found) => node = found,
            // Behind the last element that is there.
            None => return Span::at(node.span().end),
        }
    }
    node.span()
}

/// The merge of streams that have no common parts: one side, and one conflict.
pub(super) fn whole(inputs: Three<&Document<'_>>, prefer: Prefer) -> Merge {
    let texts = inputs.map(|document| document.text());
    let text = side(texts, prefer);
    if prefer != Prefer::Neither {
        return Merge { text, conflicts: Vec::new() };
    }
    let span = |document: &&Document<'_>| Some(Span::new(0, crate::span::offset(document.text().len())));
    let value = |document: &&Document<'_>| document.to_value(Schema::Helm).ok();
    let conflict = Conflict {
        path: Path::default(),
        kind: ConflictKind::EditEdit,
        spans: inputs.map(span),
        values: inputs.map(value),
        renamed_to: None,
        result: Span::new(0, crate::span::offset(text.len())),
    };
    Merge { text: text.to_owned(), conflicts: alloc::vec![conflict] }
}
