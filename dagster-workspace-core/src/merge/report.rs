//! From the drafts of a walk to the conflicts that callers see. Read [`merge`].

use alloc::borrow::ToOwned as _;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::conflict::{Conflict, ConflictKind, Merge};
use super::places::Places;
use super::rope::Mark;
use super::trivia::{Audit, Lost};
use super::walk::Draft;
use super::{Input, Prefer, Three, side};
use crate::span::{Span, offset};
use crate::value::Value;
use crate::yaml::{Document, Path, Reader, Schema, Step};

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
    let lost = audit.missing.iter().flat_map(|lost| missing(lost, &mut of_inputs, &mut found));
    let mut lost: Vec<(Input, Span)> = lost.collect();
    lost.sort_by_key(|(_, span)| span.start);
    for (input, span) in lost {
        conflicts.push(note(inputs, &mut found, of_inputs.get_mut(input), (input, span)));
    }
    conflicts.sort_by_key(|conflict| conflict.result);
    Merge { text: result.into_text().into_owned(), conflicts }
}

/// Which of the comments that are too few in the result it really lacks: neither those that it has at the same place, nor
/// those that one side took out of where both began.
fn missing(lost: &Lost, inputs: &mut Three<Places<'_>>, result: &mut Places<'_>) -> Vec<(Input, Span)> {
    let mut about = |input: Input| -> Vec<Vec<Step>> {
        lost.spans.get(input).iter().map(|span| unnumbered(inputs.get_mut(input).about(*span))).collect()
    };
    let places = Three { base: about(Input::Base), ours: about(Input::Ours), theirs: about(Input::Theirs) };
    let sets = places.map(|all| all.iter().cloned().collect::<BTreeSet<_>>());
    let mut in_result: BTreeMap<Vec<Step>, usize> = BTreeMap::new();
    for span in &lost.result {
        *in_result.entry(unnumbered(result.about(*span))).or_default() += 1;
    }
    let other = if lost.side == Input::Ours { Input::Theirs } else { Input::Ours };
    let mut out = Vec::new();
    for (side, other) in [(lost.side, other), (other, lost.side)] {
        let mut left = in_result.clone();
        for (span, steps) in lost.spans.get(side).iter().zip(places.get(side)).rev() {
            match left.get_mut(steps).filter(|count| **count > 0) {
                Some(count) => *count -= 1,
                None if sets.get(other).contains(steps) || !sets.base.contains(steps) => out.push((side, *span)),
                None => {}
            }
        }
    }
    out.truncate(lost.count);
    out
}

/// Items without a name by no number: it may be another one on the other side.
fn unnumbered(mut steps: Vec<Step>) -> Vec<Step> {
    for step in &mut steps {
        if let Step::Index(number) = step {
            *number = 0;
        }
    }
    steps
}

/// A comment that the result lacks.
fn note(
    inputs: Three<&Document<'_>>,
    result: &mut Places<'_>,
    places: &mut Places<'_>,
    (input, span): (Input, Span),
) -> Conflict {
    let steps = places.about(span);
    let text = Value::from(span.of(inputs.get(input).text()).trim());
    let (mut spans, mut values) = (Three::default(), Three::default());
    *spans.get_mut(input) = Some(span);
    *values.get_mut(input) = Some(text);
    let at = result.span(&steps);
    Conflict { path: Path::new(steps), kind: ConflictKind::Note, spans, values, renamed_to: None, result: at }
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
