//! Comments and blank lines: those above an element, and the account that none is lost. Read [`Lead`] and [`audit`].

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::layout::{Layout, Slot};
use super::walk::PatchId;
use super::{Input, Three};
use crate::lcs;
use crate::span::{Span, offset};
use crate::yaml::lines::Lines;
use crate::yaml::{Document, Kind};

/// The whole lines between an element of a block collection and the one before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lead<'d> {
    text: &'d str,
    pub(super) start: usize,
    pub(super) end: usize,
    column: usize,
}

impl<'d> Lead<'d> {
    pub(super) fn of(layout: &Layout<'d>, slot: &Slot<'d>) -> Self {
        let lines = layout.lines();
        let own = lines.start(slot.element.start);
        // Only the first line of a document has no break before it.
        let head = slot.gap == layout.start && lines.is_start(slot.gap);
        let start = if head { slot.gap } else { lines.next(slot.gap) };
        let start = start.min(slot.element.start);
        let text = layout.node.document_text();
        Self { text, start, end: own.max(start), column: layout.node.column() }
    }

    /// What comes behind its first lines, those whose starts are such.
    pub(super) fn behind(self, is_such: impl Fn(usize) -> bool) -> Self {
        let start = self.lines().find(|(start, _)| !is_such(*start)).map_or(self.end, |(start, _)| start);
        Self { start, ..self }
    }

    /// Its lines, each with its break.
    pub(super) fn lines(self) -> impl Iterator<Item = (usize, usize)> {
        let lines = Lines::new(self.text);
        let mut at = self.start;
        core::iter::from_fn(move || {
            let start = at;
            at = lines.next(at);
            (start < self.end).then_some((start, at))
        })
    }

    fn source(self) -> &'d str {
        self.text.get(self.start..self.end).unwrap_or_default()
    }

    fn line(self, (start, end): (usize, usize)) -> &'d str {
        self.text.get(start..end).unwrap_or_default().trim()
    }

    /// Its lines without what surrounds their text.
    pub(super) fn texts(self) -> Vec<String> {
        self.lines().map(|line| self.line(line).to_owned()).collect()
    }

    /// Whether two elements have the same lines above them, each in its own column.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.source() == other.source()
            || self.column != other.column
                && self.lines().map(|line| self.line(line)).eq(other.lines().map(|line| other.line(line)))
    }
}

/// Lines above an element that both sides changed: what one inserted and what the other did. Where both changed the same
/// lines, those of ours.
pub(super) fn leads_merged(base: Option<&Lead<'_>>, ours: &Lead<'_>, theirs: &Lead<'_>) -> Vec<(Input, usize, usize)> {
    let old = base.map(|lead| lead.texts()).unwrap_or_default();
    let (own, their) = (ours.texts(), theirs.texts());
    // What both sides have comes first: of lines that say the same it tells which one is which.
    let both = lcs::matches(&own, &their);
    let shared: Vec<String> = both.iter().filter_map(|(at, _)| own.get(*at).cloned()).collect();
    // Lines that all three have divide the rest.
    let stable = lcs::matches(&old, &shared).into_iter().filter_map(|(b, at)| both.get(at).map(|(o, t)| (b, *o, *t)));
    let said = |lines: &[String]| lines.iter().filter(|line| !line.is_empty()).cloned().collect::<Vec<_>>();
    let (mut b, mut o, mut t) = (0, 0, 0);
    let mut out: Vec<(Input, usize)> = Vec::new();
    for (next_b, next_o, next_t) in stable.chain([(old.len(), own.len(), their.len())]) {
        let part = |lines: &[String], from: usize, to: usize| lines.get(from..to).unwrap_or_default().to_vec();
        let (was, mine, yours) = (part(&old, b, next_b), part(&own, o, next_o), part(&their, t, next_t));
        if said(&was).is_empty() && mine != was && mine != yours && !said(&yours).is_empty() {
            let placed = |(side, at)| if side == Input::Ours { (side, o + at) } else { (side, t + at) };
            out.extend(union(&mine, &yours).into_iter().map(placed));
        } else if mine == was && mine != yours || said(&mine) == said(&was) && said(&yours) != said(&was) {
            out.extend((t..next_t).map(|at| (Input::Theirs, at)));
        } else {
            out.extend((o..next_o).map(|at| (Input::Ours, at)));
        }
        out.extend((next_o < own.len()).then_some((Input::Ours, next_o)));
        (b, o, t) = (next_b + 1, next_o + 1, next_t + 1);
    }
    let text = |(side, at): &(Input, usize)| if *side == Input::Ours { own.get(*at) } else { their.get(*at) };
    let said: Vec<&String> = out.iter().filter_map(text).filter(|line| !line.is_empty()).collect();
    // Where the comments are those of one side, so are the blank lines around them.
    for (side, lines) in [(Input::Ours, &own), (Input::Theirs, &their)] {
        if said.iter().copied().eq(lines.iter().filter(|line| !line.is_empty())) {
            out = (0..lines.len()).map(|at| (side, at)).collect();
            break;
        }
    }
    let (lines, their_lines): (Vec<_>, Vec<_>) = (ours.lines().collect(), theirs.lines().collect());
    let place = |(side, at): (Input, usize)| {
        let lines = if side == Input::Ours { &lines } else { &their_lines };
        lines.get(at).map(|(start, end)| (side, *start, *end))
    };
    out.into_iter().filter_map(place).collect()
}

/// The lines of both sides in order, those that both have once; between these, those of ours first.
fn union(ours: &[String], theirs: &[String]) -> Vec<(Input, usize)> {
    let (mut o, mut t) = (0, 0);
    let mut out = Vec::new();
    for (next_o, next_t) in lcs::matches(ours, theirs).into_iter().chain([(ours.len(), theirs.len())]) {
        out.extend((o..next_o).map(|at| (Input::Ours, at)).chain((t..next_t).map(|at| (Input::Theirs, at))));
        out.extend((next_o < ours.len()).then_some((Input::Ours, next_o)));
        (o, t) = (next_o + 1, next_t + 1);
    }
    out
}

/// The comments of a text, in order.
pub(super) fn comments(document: &Document<'_>) -> Vec<Span> {
    let text = document.text();
    let lines = Lines::new(text);
    let mut out = Vec::new();
    let mut at = 0;
    let leaf = |kind: Kind| !matches!(kind, Kind::Document | Kind::Empty) && !kind.is_mapping() && !kind.is_sequence();
    let ends = core::iter::once((text.len(), text.len()));
    let leaves = document.records().iter().filter(|record| leaf(record.kind)).map(|record| {
        let (start, end) = (record.start as usize, record.end as usize);
        // The comment on the line of its header is no content of a block scalar, nor that behind it a part of a directive.
        let block = matches!(record.kind, Kind::Literal | Kind::Folded | Kind::Directive);
        let header = if block { lines.slice(start, lines.end(start)).find('#') } else { None };
        header.map_or((start, end), |found| (start + found + 1, end))
    });
    for (start, end) in leaves.chain(ends) {
        while let Some(found) = text.get(at..start).and_then(|between| between.find('#')) {
            let stop = lines.end(at + found);
            out.push(Span::new(offset(at + found), offset(stop)));
            at = stop;
        }
        at = end.max(at);
    }
    out
}

/// One comment, of which the result has too few.
#[derive(Clone, Debug)]
pub(super) struct Lost {
    /// The side that has more of them.
    pub(super) side: Input,
    /// How many more there should be.
    pub(super) count: usize,
    /// Where they stand in the inputs.
    pub(super) spans: Three<Vec<Span>>,
    /// Where they stand in the result.
    pub(super) result: Vec<Span>,
}

/// What is wrong with the comments of a result.
#[derive(Clone, Debug, Default)]
pub(super) struct Audit {
    /// Comments of which the result seems to have too few.
    pub(super) missing: Vec<Lost>,
    /// Comment lines of theirs that the result has twice.
    pub(super) doubled: Vec<u32>,
    /// Changes of theirs that bring comments which the result then has twice.
    pub(super) repeats: Vec<PatchId>,
}

/// Compares the comments of a result with those of the inputs: what one side added must be there, what one side took out
/// need not be, and what was moved stands once. `leads` are the comment lines of theirs in the result, `brought` other bytes
/// with comments.
pub(super) fn audit(
    inputs: Three<&Document<'_>>,
    result: &Document<'_>,
    leads: &[u32],
    brought: &[(Span, PatchId)],
) -> Audit {
    let spans = inputs.map(|document| comments(document));
    let found = comments(result);
    let texts = [inputs.base.text(), inputs.ours.text(), inputs.theirs.text(), result.text()];
    let mut said: BTreeMap<&str, [Vec<Span>; 4]> = BTreeMap::new();
    for (number, (text, spans)) in texts.iter().zip([&spans.base, &spans.ours, &spans.theirs, &found]).enumerate() {
        for span in spans {
            if let Some(places) = said.entry(span.of(text).trim()).or_default().get_mut(number) {
                places.push(*span);
            }
        }
    }
    let theirs = inputs.theirs.text();
    let lines = Lines::new(theirs);
    let lines_of = grouped(leads.iter().map(|at| (lines.slice(*at as usize, lines.end(*at as usize)).trim(), *at)));
    let changes = brought.iter().flat_map(|(span, id)| comments_in(span.of(theirs)).map(|comment| (comment, *id)));
    let changes_of = grouped(changes);
    let mut out = Audit::default();
    for (comment, places) in &said {
        let [b, o, t, r] = places.each_ref().map(Vec::len);
        let spread = (o + t).saturating_sub(b);
        let needed = if o >= b && t >= b { o.max(t) } else { spread };
        if r < needed {
            let [base, ours, theirs, result] = places.clone();
            let side = if t >= o && t > b || t == o { Input::Theirs } else { Input::Ours };
            out.missing.push(Lost { side, count: needed - r, spans: Three { base, ours, theirs }, result });
        }
        // Where both took out one of several that are the same, it may have been the same one.
        let most = if o < b && t < b { o.min(t) } else { needed.max(spread) };
        let excess = r.saturating_sub(most);
        match lines_of.get(comment) {
            Some(lines) => out.doubled.extend(lines.iter().take(excess)),
            None => out.repeats.extend(changes_of.get(comment).into_iter().flatten().take(excess)),
        }
    }
    out
}

fn grouped<'t, T>(all: impl Iterator<Item = (&'t str, T)>) -> BTreeMap<&'t str, Vec<T>> {
    let mut out: BTreeMap<&str, Vec<T>> = BTreeMap::new();
    for (text, found) in all {
        out.entry(text).or_default().push(found);
    }
    out
}

/// The comments in bytes that are no data.
fn comments_in(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', '\r']).filter_map(|line| Some(line.get(line.find('#')?..)?.trim()))
}
