//! The elements of a merged collection are written down, with what stands between them. Read [`Walk::emit`].
//!
//! In a block collection the lines above an element are the element's, and go where it goes; in brackets what stands between
//! two elements belongs to both, and is taken from the side on which they are neighbours.

use alloc::vec::Vec;

use super::align::Row;
use super::collection::{Fate, Sides};
use super::floating::{Left, SideLines, left_behind};
use super::layout::{Body, Form, Layout, Slot};
use super::rope::Mark;
use super::trivia::{Lead, leads_merged};
use super::walk::{Change, Fit, Meant, Walk};
use super::write::in_brackets;
use super::{Input, Prefer};
use crate::edit::element::chomping;
use crate::span::offset;
use crate::yaml::Node;
use crate::yaml::block::Chomping;

/// How many gaps in brackets are looked at for one to imitate.
const SAMPLES: usize = 8;

/// How the elements are laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    by: By,
    /// How the elements of theirs fit in.
    fit: Fit,
    /// Column of the elements; none in brackets.
    column: usize,
    /// What it becomes when no element is left.
    empty: &'static str,
}

/// Whose notation the collection has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    OursBlock,
    OursFlow,
    /// Ours is `[]` or `{}`, and theirs has lines.
    Theirs,
    /// Lines of ours of which none is left.
    Nothing,
}

impl Frame {
    pub(super) fn new(sides: &Sides<'_, '_>, ours: &Body<'_>, theirs: &Body<'_>, fit: Fit, none_left: bool) -> Self {
        let (own, their) = (sides.ours, sides.theirs);
        let by = match (ours.form(), theirs.form()) {
            (Form::Block, _) if none_left => By::Nothing,
            (Form::Block, _) => By::OursBlock,
            (_, Form::Block) if own.slots.is_empty() && !none_left && !fit.mixed && yields(sides) => By::Theirs,
            _ => By::OursFlow,
        };
        let mixed = by != By::Theirs && (fit.mixed || own.is_block() != their.is_block());
        let column = |layout: &Layout<'_>| isize::try_from(layout.node.column()).unwrap_or_default();
        let shift = match by {
            By::OursBlock if their.is_block() => column(own) - column(their),
            _ => fit.shift,
        };
        let columns = if by == By::Theirs { column(their) + shift } else { column(own) };
        let empty = if sides.key.is_some() { " []" } else { " {}" };
        Self { by, fit: Fit { shift, mixed }, column: columns.try_into().unwrap_or_default(), empty }
    }

    pub(super) fn by_theirs(&self) -> bool {
        self.by == By::Theirs
    }

    pub(super) fn is_emptied(&self) -> bool {
        self.by == By::Nothing
    }

    /// Brackets in the place of lines of which none is left.
    pub(super) fn brackets(&self) -> &'static str {
        self.empty
    }

    fn is_block(&self) -> bool {
        self.by != By::OursFlow
    }
}

impl<'d> Walk<'_, 'd> {
    /// Writes the elements in `order`.
    pub(super) fn emit(
        &mut self,
        sides: &Sides<'_, 'd>,
        frame: &Frame,
        rows: &[Row],
        fates: &[Fate],
        order: &[usize],
        elements: &mut Vec<(Option<Node<'d>>, Meant<'d>)>,
    ) {
        let mut before: Option<Row> = None;
        let mut floating = left_behind(sides, rows, fates);
        for (place, at) in order.iter().enumerate() {
            let (Some(row), Some(fate)) = (rows.get(*at), fates.get(*at)) else { continue };
            let left = floating.remove(&Some(*at)).unwrap_or_default();
            let stands = left.is_nothing().then(|| self.as_it_stands(sides, frame, row, (*fate, place == 0)));
            if let Some(element) = stands.flatten() {
                elements.push(element);
                before = Some(*row);
                continue;
            }
            if frame.is_block() {
                let kept = before.as_ref().is_some_and(|before| keeps_breaks(sides, before));
                self.block_gap(sides, frame, row, (place == 0, kept), left);
            } else {
                self.flow_gap(sides, frame, before.as_ref(), row);
            }
            elements.extend(self.survivor(sides, frame, row, *fate));
            before = Some(*row);
        }
        for (side, start, end) in floating.remove(&None).unwrap_or_default().above {
            let layout = if side == Input::Ours { sides.ours } else { sides.theirs };
            self.rope.text(layout.lines().line_break(layout.start));
            let end = layout.lines().end(start).min(end);
            match side {
                Input::Theirs => self.their_line(start, end, frame.fit.shift),
                _ => self.rope.ours(start, end),
            }
        }
        self.last_gap(sides, frame, before.as_ref());
    }

    /// An element that theirs left alone, in lines, with those above it.
    fn as_it_stands(
        &mut self,
        sides: &Sides<'_, 'd>,
        frame: &Frame,
        row: &Row,
        (fate, first): (Fate, bool),
    ) -> Option<(Option<Node<'d>>, Meant<'d>)> {
        if frame.by != By::OursBlock || frame.fit.mixed || frame.fit.shift != 0 || fate != Fate::Both {
            return None;
        }
        let (own, their) = (sides.our_slot(row)?, sides.their_slot(row)?);
        let place = row.ours == Some(0);
        let tile = sides.theirs.tile(their);
        let unchanged = || {
            let (layout, slot) = sides.base_slot(row)?;
            let same = layout.node.column() == sides.theirs.node.column() && layout.tile(slot) == tile;
            (same && row.base == row.theirs).then_some(())
        };
        let same = sides.ours.tile(own) == tile && place == (row.theirs == Some(0));
        if place != first || !same && unchanged().is_none() {
            return None;
        }
        self.rope.ours(own.gap, own.end);
        Some((own.element.key, Meant::Node(own.element.node)))
    }

    /// One element.
    fn survivor(
        &mut self,
        sides: &Sides<'_, 'd>,
        frame: &Frame,
        row: &Row,
        fate: Fate,
    ) -> Option<(Option<Node<'d>>, Meant<'d>)> {
        if let Fate::Ours(Some(number)) | Fate::Theirs(Some(number)) = fate {
            self.rope.mark(Mark::Begin(number));
        }
        let (own, their) = (sides.our_slot(row), sides.their_slot(row));
        let depth = self.steps.len();
        let slot = if matches!(fate, Fate::Theirs(_)) { their? } else { own? };
        let meant = match fate {
            Fate::Both => {
                self.row_step(sides, row);
                let base = sides.base_slot(row);
                self.element(base, (sides.ours, own?), (sides.theirs, their?), frame.fit)
            }
            Fate::Ours(_) | Fate::Gone => {
                self.rope.ours(slot.element.start, slot.end);
                Meant::Node(slot.element.node)
            }
            Fate::Theirs(_) => {
                self.insert(sides, frame, slot);
                Meant::Node(slot.element.node)
            }
        };
        self.steps.truncate(depth);
        if let Fate::Ours(Some(number)) | Fate::Theirs(Some(number)) = fate {
            self.rope.mark(Mark::End(number));
        }
        Some((slot.element.key, meant))
    }

    /// A new element of theirs.
    fn insert(&mut self, sides: &Sides<'_, 'd>, frame: &Frame, slot: &Slot<'d>) {
        if !frame.fit.mixed {
            let lines = sides.theirs.lines();
            let own = if frame.is_block() { lines.end(slot.element.end).min(slot.end) } else { slot.end };
            self.rope.theirs(slot.element.start, own, frame.fit.shift);
            // Comments below it may stand in the result already.
            let mut at = own;
            while at < slot.end {
                let (start, end) = (lines.next(at), lines.end(lines.next(at)));
                if !self.limits.strip.contains(&offset(start)) {
                    self.rope.text(sides.ours.lines().line_break(sides.ours.start));
                    self.their_line(start, end, frame.fit.shift);
                }
                at = end.max(start);
            }
            return;
        }
        self.delicate = true;
        if frame.is_block() && sides.key.is_some() {
            self.rope.text("- ");
        }
        if let Some(key) = slot.element.key {
            self.rope.text(in_brackets(key));
            self.rope.text(": ");
        }
        self.rope.text(in_brackets(slot.element.node));
    }

    /// The lines above an element, and its indentation. `first` of all, or behind a scalar that has `kept` its line breaks.
    fn block_gap(&mut self, sides: &Sides<'_, 'd>, frame: &Frame, row: &Row, (first, kept): (bool, bool), left: Left) {
        let (own, their) = (sides.our_slot(row), sides.their_slot(row));
        let lead = |layout: &Layout<'d>, slot: &Slot<'d>| Lead::of(layout, slot);
        let base = sides.base_slot(row).map(|(layout, slot)| lead(layout, slot));
        let ours = own.map(|slot| lead(sides.ours, slot).behind(|line| left.is_dead(Input::Ours, line)));
        let theirs = their.map(|slot| lead(sides.theirs, slot).behind(|line| left.is_dead(Input::Theirs, line)));
        let from = match (&ours, &theirs) {
            (Some(_), None) => Input::Ours,
            (None, _) => Input::Theirs,
            (Some(own), Some(their)) => {
                let (same, old) = (own.is_same(their), base.as_ref());
                if same || frame.fit.mixed || old.is_some_and(|old| old.is_same(their)) {
                    self.delicate |= !same && frame.fit.mixed;
                    Input::Ours
                } else {
                    let id = (Change::Trivia, offset(own.start), offset(their.start));
                    let whole = old.is_some_and(|old| old.is_same(own)) || self.prefer == Prefer::Theirs;
                    self.delicate = true;
                    match self.accept(id, (own.start, own.end)) {
                        true if whole => Input::Theirs,
                        true => Input::Base,
                        false => Input::Ours,
                    }
                }
            }
        };
        if from == Input::Ours
            && let Some(slot) =
                own.filter(|_| !frame.by_theirs() && first == (row.ours == Some(0)) && left.is_nothing())
        {
            // As it stands.
            self.rope.ours(slot.gap, slot.element.start);
            return;
        }
        let own: SideLines = match (from, &ours, &theirs) {
            (Input::Ours, Some(own), _) => own.lines().map(|(start, end)| (Input::Ours, start, end)).collect(),
            (Input::Theirs, _, Some(their)) => their.lines().map(|(start, end)| (Input::Theirs, start, end)).collect(),
            (_, Some(own), Some(their)) => leads_merged(base.as_ref(), own, their),
            _ => Vec::new(),
        };
        let lines = self.wanted(left.above.into_iter().chain(own).collect(), row, first || kept);
        self.lines_above(sides, frame, first, &lines);
    }

    /// Those of the lines above an element that are to be written: of one that has become the first, or that follows a scalar
    /// which would take them for its own, not the blank ones at their top.
    fn wanted(&self, mut lines: SideLines, row: &Row, trim: bool) -> SideLines {
        lines.retain(|(side, start, _)| *side == Input::Ours || !self.limits.strip.contains(&offset(*start)));
        let separates = |(side, start, end): &&(Input, usize, usize)| {
            let (text, place) =
                if *side == Input::Ours { (self.texts.ours, row.ours) } else { (self.texts.theirs, row.theirs) };
            place != Some(0) && text.get(*start..*end).unwrap_or_default().trim().is_empty()
        };
        let skipped = if trim { lines.iter().take_while(separates).count() } else { 0 };
        lines.drain(..skipped);
        lines
    }

    /// Ends the line before an element, writes the lines above it, and its indentation.
    fn lines_above(&mut self, sides: &Sides<'_, 'd>, frame: &Frame, first: bool, lines: &[(Input, usize, usize)]) {
        let layout = if frame.by_theirs() { sides.theirs } else { sides.ours };
        let at_start = layout.lines().is_start(layout.start);
        let compact = first && layout.is_compact() && !at_start;
        if compact && lines.is_empty() {
            return;
        }
        if !(first && at_start) {
            self.rope.text(layout.lines().line_break(layout.start));
        }
        for (side, start, end) in lines {
            match side {
                Input::Theirs => self.their_line(*start, *end, frame.fit.shift),
                _ => self.rope.ours(*start, *end),
            }
        }
        self.rope.text(" ".repeat(frame.column));
    }

    /// A line of theirs, moved as a whole.
    fn their_line(&mut self, start: usize, end: usize, shift: isize) {
        let line = self.texts.theirs.get(start..end).unwrap_or_default();
        if line.trim_start().starts_with('#') {
            self.leads.push(offset(start));
        }
        let blanks = line.bytes().take_while(|byte| *byte == b' ').count();
        if shift > 0 && !line.trim().is_empty() {
            self.rope.text(" ".repeat(shift.unsigned_abs()));
        }
        let cut = if shift < 0 { blanks.min(shift.unsigned_abs()) } else { 0 };
        self.rope.theirs(start + cut, end, 0);
    }

    /// What stands before an element in brackets.
    fn flow_gap(&mut self, sides: &Sides<'_, 'd>, frame: &Frame, before: Option<&Row>, row: &Row) {
        let gap = |layout: &Layout<'d>, left: Option<Option<usize>>, right: Option<usize>| {
            let slot = layout.slot(right)?;
            let beside = match left {
                None => right == Some(0),
                Some(left) => left.is_some_and(|left| Some(left + 1) == right),
            };
            beside.then_some((slot.gap, slot.element.start))
        };
        let base = sides.base.filter(|layout| !layout.is_block());
        let base = base.and_then(|layout| {
            let (start, end) = gap(layout, before.map(|row| row.base), row.base)?;
            Some(layout.lines().slice(start, end))
        });
        let ours = gap(sides.ours, before.map(|row| row.ours), row.ours);
        let theirs = gap(sides.theirs, before.map(|row| row.theirs), row.theirs).filter(|_| !frame.fit.mixed);
        match (ours, theirs) {
            (Some(ours), Some(theirs)) => {
                self.trivia(base, ours, theirs, frame.fit);
            }
            (Some((start, end)), None) => {
                self.delicate = true;
                self.rope.ours(start, end);
            }
            (None, Some((start, end))) => {
                self.delicate = true;
                self.rope.theirs(start, end, frame.fit.shift);
            }
            (None, None) => {
                self.delicate = true;
                let opening = |layout: &Layout<'d>| {
                    let slot = layout.slots.first()?;
                    Some(layout.lines().slice(slot.gap, slot.element.start))
                };
                match (before, opening(sides.ours)) {
                    (Some(_), _) => self.rope.text(separator(sides)),
                    // Another one has become the first: what both have behind the bracket stays, a comment of one does not.
                    (None, Some(text)) if text.trim().is_empty() || Some(text) == opening(sides.theirs) => {
                        self.rope.text(text);
                    }
                    (None, _) => {}
                }
            }
        }
    }

    /// What stands behind the last element.
    fn last_gap(&mut self, sides: &Sides<'_, 'd>, frame: &Frame, last: Option<&Row>) {
        let gap = |layout: &Layout<'d>| (layout.last_gap(), layout.end);
        let (ours, theirs) = (gap(sides.ours), gap(sides.theirs));
        if frame.by_theirs() {
            self.rope.theirs(theirs.0, theirs.1, frame.fit.shift);
        } else if last.is_none() {
            // Brackets of which nothing is left: a comma has no place in them.
            self.delicate = true;
            if sides.ours.slots.is_empty() {
                self.rope.ours(ours.0, ours.1);
            }
        } else if sides.ours.is_block() != sides.theirs.is_block() {
            self.delicate = true;
            let inner = if sides.ours.slots.is_empty() { ours.1 } else { ours.0 };
            self.rope.ours(inner, ours.1);
        } else if sides.ours.slots.is_empty() {
            self.delicate = true;
            self.rope.theirs(theirs.0, theirs.1, frame.fit.shift);
        } else {
            let base = sides.base.filter(|layout| layout.is_block() == sides.ours.is_block());
            let base = base.filter(|layout| !layout.slots.is_empty());
            let base = base.map(|layout| layout.lines().slice(layout.last_gap(), layout.end));
            self.trivia(base, ours, theirs, frame.fit);
        }
    }
}

/// Whether the tag and the anchor of ours may be lost with its brackets: theirs has the same, or has changed them alone.
fn yields<'d>(sides: &Sides<'_, 'd>) -> bool {
    let properties = |layout: &Layout<'d>| (layout.node.tag(), layout.node.anchor());
    let own = properties(sides.ours);
    own == properties(sides.theirs) || sides.base.is_some_and(|base| own == properties(base))
}

/// What stands between two elements in brackets, where neither side has them side by side.
fn separator<'d>(sides: &Sides<'_, 'd>) -> &'d str {
    let first = sides.ours.slots.iter().skip(1).take(SAMPLES);
    let samples = first.map(|slot| sides.ours.lines().slice(slot.gap, slot.element.start));
    let mut simple = samples.filter(|text| text.strip_prefix(',').is_some_and(|rest| rest.trim().is_empty()));
    simple.next().unwrap_or(", ")
}

/// Whether the element of a row ends in a block scalar that takes blank lines behind it for its own.
fn keeps_breaks(sides: &Sides<'_, '_>, row: &Row) -> bool {
    let slots = [sides.our_slot(row), sides.their_slot(row)];
    slots.into_iter().flatten().any(|slot| {
        let node = slot.element.node;
        let last = node.records().get(node.next_index().wrapping_sub(1));
        last.and_then(|last| chomping(node.document_text(), last)) == Some(Chomping::Keep)
    })
}
