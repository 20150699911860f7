//! The proof of an edit by the lines that it touches, and the index of its result without reading it. Read [`prove`].
//!
//! An element of a block collection that begins its line reads the same wherever it stands: nothing before it continues
//! over a line in its column, and the line behind it is no deeper. So where an edit puts in, takes out or stays within the
//! lines of one element, those lines alone, scanned as a text of their own, tell what the whole would. The exceptions are
//! block scalars that keep the blank lines behind them; there, and wherever else these conditions do not hold, the answer
//! is `None`, and the whole text is read.

use alloc::vec::Vec;
use core::ops::Range;

use super::Expect;
use super::element::{chomping, element_around, elements, last_written, takes_lines};
use super::prove::{Target, Window, come, meets};
use crate::span::{Span, offset};
use crate::splice::Splices;
use crate::yaml::block::Chomping;
use crate::yaml::lines::Lines;
use crate::yaml::record::Record;
use crate::yaml::{Document, Kind, MAX_DEPTH, Node};

/// What an edit does to the index.
pub(super) struct Patch {
    /// Record of the block collection that it changes.
    collection: usize,
    /// Records that go.
    gone: Range<usize>,
    /// Records that come, as they stand in the new index.
    fresh: Vec<Record>,
}

/// The patch of an edit that its lines prove; `None` where they cannot.
pub(super) fn prove(document: &Document<'_>, splices: &Splices, target: &Target, expect: &Expect<'_>) -> Option<Patch> {
    let collection = document.records().get(target.inside)?;
    let block = matches!(collection.kind, Kind::BlockMapping | Kind::BlockSequence);
    match splices.as_slice() {
        [one] if block && one.span.is_empty() && target.gone.is_empty() => inserted(document, splices, target, expect),
        [one] if block && one.text.is_empty() && matches!(expect, Expect::Nothing) => {
            removed(document, one.span, target)
        }
        _ => within(document, splices, target, expect),
    }
}

/// Whole lines put in behind the last element.
fn inserted(document: &Document<'_>, splices: &Splices, target: &Target, expect: &Expect<'_>) -> Option<Patch> {
    let Target { inside: collection, gone } = target.clone();
    let splice = splices.as_slice().first()?;
    let text = splice.text.trim_start_matches(['\n', '\r']);
    let blank = splice.text.len() - text.len();
    let whole = text.ends_with(['\n', '\r']) || splice.span.start as usize == document.text().len();
    let before = last_written(document.records().get(..gone.start)?)?;
    let text_of = document.text();
    let open = before.end as usize >= text_of.len() && chomping(text_of, before).is_some();
    let taken = blank > 0 && keeps_breaks(before, text_of) || is_bodiless(before, text_of) || open;
    if !whole || taken || gone.start != document.records().get(collection)?.next as usize {
        return None;
    }
    let fragment = Document::parse(text).ok()?;
    let records = element_of(document, collection, &fragment, splice.span.start)?;
    if !meets(&fragment, 2..fragment.records().len(), expect) {
        return None;
    }
    let base = splice.span.start + offset(blank);
    let fresh = shifted(records, gone.start, 2, base).collect();
    Some(Patch { collection, gone, fresh })
}

/// Whole lines taken out, those of one element that is not the first.
fn removed(document: &Document<'_>, span: Span, target: &Target) -> Option<Patch> {
    let Target { inside: collection, gone } = target.clone();
    let lines = Lines::new(document.text());
    let (start, end) = (span.start as usize, span.end as usize);
    let element = element_around(node_of(document, collection)?, &gone)?;
    let whole = element.first_record() == gone.start
        && element.next_record() == gone.end
        && lines.is_start(start)
        && lines.is_start(end)
        && !begins_with_colon(document.text(), end)
        && lines.begins_line(element.start)
        && lines.behind_trivia(start) == element.start
        && element.end <= end
        && lines.behind_trivia(element.end) >= end;
    let before = last_written(document.records().get(..gone.start)?)?;
    let whole = whole && !is_bodiless(before, document.text());
    // The first element gives its collection its place, so the new first one would have to.
    (whole && gone.start > collection + 1).then(|| Patch { collection, gone, fresh: Vec::new() })
}

/// All splices inside the lines of one element.
fn within(document: &Document<'_>, splices: &Splices, target: &Target, expect: &Expect<'_>) -> Option<Patch> {
    let (first, last) = (splices.as_slice().first()?, splices.as_slice().last()?);
    let touched = Span::new(first.span.start, last.span.end);
    // Whole lines may be put in behind the last one.
    let lines_behind = last.span.is_empty() && last.text.ends_with(['\n', '\r']);
    let Enclosing { collection, records: own, lines } =
        enclosing(document, touched, touched.end.saturating_sub(u32::from(lines_behind)), target)?;
    let text = splices.within(lines, document.text());
    let fragment = Document::parse(text).ok()?;
    let records = element_of(document, collection, &fragment, lines.end)?;
    let old = Window { records: document.records().get(own.clone())?, first: own.start, base: 0 };
    let new = Window { records, first: 2, base: lines.start };
    let came = come(old, new, splices, target)?;
    if !meets(&fragment, came, expect) {
        return None;
    }
    let fresh = shifted(records, own.start, 2, lines.start).collect();
    Some(Patch { collection, gone: own, fresh })
}

/// An element of a block collection, as lines.
struct Enclosing {
    collection: usize,
    records: Range<usize>,
    /// From the start of its first line to behind the break of its last.
    lines: Span,
}

/// The innermost element that begins its line and has `touched` and the target in its lines, and `last` before their end.
fn enclosing(document: &Document<'_>, touched: Span, last: u32, target: &Target) -> Option<Enclosing> {
    let lines = Lines::new(document.text());
    let mut found = None;
    let mut node = document.root()?;
    loop {
        let block = matches!(node.kind(), Kind::BlockMapping | Kind::BlockSequence);
        let Some(element) = element_around(node, &target.gone) else { return found };
        let (start, end) = (lines.start(element.start), lines.next(element.end));
        let own = Span::new(offset(start), offset(end));
        let ended = lines.is_start(end) && (last as usize) < end;
        if block && lines.begins_line(element.start) && own.contains(touched) && ended {
            let records = element.first_record()..element.next_record();
            found = Some(Enclosing { collection: node.index(), records, lines: own });
        }
        node = element.node;
        if target.gone.start <= node.index() {
            return found;
        }
    }
}

/// The records of the one element that `fragment` is, where it fits the collection and takes no line for its own of those
/// from `behind` on.
fn element_of<'f>(
    document: &Document<'_>,
    index: usize,
    fragment: &'f Document<'_>,
    behind: u32,
) -> Option<&'f [Record]> {
    let collection = document.records().get(index)?;
    let root = fragment.root()?;
    // As many collections as there can be one inside the other: the limits hold for the whole text.
    let nested =
        fragment.records().iter().filter(|record| record.kind.is_mapping() || record.kind.is_sequence()).count();
    if nested + depth(document.records(), index) > MAX_DEPTH {
        return None;
    }
    let one = elements(root).count() == 1 && fragment.documents().count() == 1;
    let fits = root.kind() == collection.kind && root.column() == usize::from(collection.column) && root.index() == 1;
    if !one || !fits || root.next_index() != fragment.records().len() || begins_with_colon(fragment.text(), 0) {
        return None;
    }
    let records = fragment.records().get(2..)?;
    let (last, text) = (last_written(records)?, fragment.text());
    let takes = keeps_breaks(last, text)
        || is_bodiless(last, text)
        || takes_lines(text, last, Lines::new(document.text()), behind as usize);
    (!takes).then_some(records)
}

/// Whether the entry from `at` on begins with its `:`: behind a `? key` without one it would be that key's value.
fn begins_with_colon(text: &str, at: usize) -> bool {
    let lines = Lines::new(text);
    lines.byte(lines.behind_trivia(at)) == Some(b':')
}

/// Whether blank lines behind a record of `text` would belong to it.
fn keeps_breaks(record: &Record, text: &str) -> bool {
    chomping(text, record) == Some(Chomping::Keep)
}

/// Whether a record of `text` is a block scalar without a line of content: blank lines behind it tell its indentation.
fn is_bodiless(record: &Record, text: &str) -> bool {
    matches!(record.kind, Kind::Literal | Kind::Folded)
        && !Span::new(record.start, record.end).of(text).contains(['\n', '\r'])
}

/// The node of a record, its properties left aside.
fn node_of<'d>(document: &'d Document<'_>, index: usize) -> Option<Node<'d>> {
    document.nodes(index, index + 1).next()
}

/// Records at a new place in the index and in the text.
fn shifted(records: &[Record], at: usize, from: usize, base: u32) -> impl Iterator<Item = Record> {
    let moved = move |next: u32| offset((next as usize + at).saturating_sub(from));
    records.iter().map(move |record| Record {
        start: record.start + base,
        end: record.end + base,
        next: moved(record.next),
        ..*record
    })
}

impl Patch {
    /// The new index.
    pub(super) fn apply(self, old: &[Record], splices: &Splices) -> Vec<Record> {
        let Self { collection, gone, fresh } = self;
        let (head, tail) = (old.get(..gone.start).unwrap_or_default(), old.get(gone.end..).unwrap_or_default());
        // Wrapping: a document that shrinks moves its records backwards.
        let (added, growth) = (offset(fresh.len()).wrapping_sub(offset(gone.len())), splices.growth());
        let mut records = Vec::with_capacity(head.len() + fresh.len() + tail.len());
        records.extend_from_slice(head);
        records.extend_from_slice(&fresh);
        records.extend(tail.iter().map(|record| Record {
            start: record.start.wrapping_add(growth),
            end: record.end.wrapping_add(growth),
            next: record.next.wrapping_add(added),
            ..*record
        }));
        let last = gone.start + fresh.len();
        let end = last_end(&records, collection, last);
        let mut at = Some(0);
        while let Some(index) = at {
            let Some(record) = records.get_mut(index) else { break };
            // What ended with the element ends where the collection now does; what goes on behind it is longer.
            record.end = if record.next as usize == gone.end { end } else { record.end.wrapping_add(growth) };
            record.next = record.next.wrapping_add(added);
            at = if index == collection { None } else { child_around(&records, index, collection) };
        }
        records
    }
}

/// End of the last child of `collection` before the record `last`.
fn last_end(records: &[Record], collection: usize, last: usize) -> u32 {
    let mut at = collection + 1;
    let mut end = 0;
    while let Some(record) = records.get(at).filter(|_| at < last) {
        end = record.end;
        at = record.next as usize;
    }
    end
}

/// How many records lie around the record `inside`.
fn depth(records: &[Record], inside: usize) -> usize {
    let outer =
        core::iter::successors(Some(0), |at| if *at == inside { None } else { child_around(records, *at, inside) });
    outer.count()
}

/// The child of `parent` that holds the record `inside`, or is it; records up to there are as they were.
fn child_around(records: &[Record], parent: usize, inside: usize) -> Option<usize> {
    let mut at = parent + 1;
    loop {
        let next = records.get(at)?.next as usize;
        if next > inside {
            return Some(at);
        }
        at = next;
    }
}
