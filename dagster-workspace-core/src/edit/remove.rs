//! Taking out list items and mapping entries with the lines and separators that are theirs. Read [`remove`].

use alloc::format;
use alloc::vec::Vec;

use super::element::{Chomping, Element, chomping, elements_from, lead_start, number_of, own_end, style, takes_lines};
use super::locate::{Place, Spot, check_anchors, locate, through_merge};
use super::replace::indicator_end;
use super::{Change, Expect, Plan, refuse, splice};
use crate::error::{Reason, Refusal};
use crate::span::Span;
use crate::splice::Splice;
use crate::value::Value;
use crate::yaml::lines::{Line, Lines};
use crate::yaml::record::Record;
use crate::yaml::{Document, Node, Path, Style};

/// Takes out what is at `path`.
pub(super) fn remove(document: &Document<'_>, path: &Path) -> Result<Option<Change>, Refusal> {
    let spot = match locate(document, path, Reason::AnchorInUse)? {
        Place::Found(spot) => spot,
        Place::Missing { merged: true, last, .. } => return Err(through_merge(last)),
        Place::Missing { .. } => return Ok(None),
    };
    // The root belongs to no collection.
    let Some(parent) = spot.parent else { return Err(refuse(Reason::NotAList, spot.node.span())) };
    let not_found = || refuse(Reason::NotFound, spot.node.span());
    let number = number_of(parent, spot.node).ok_or_else(not_found)?;
    let mut around = elements_from(parent, number.saturating_sub(1));
    let neighbours = Neighbours {
        lines: Lines::new(document.text()),
        before: if number > 0 { around.next() } else { None },
        own: around.next().ok_or_else(not_found)?,
        after: around.next(),
    };
    let (first, next) = (neighbours.own.first_record(), neighbours.own.next_record());
    check_anchors(document, first, next)?;
    if neighbours.before.is_none() && neighbours.after.is_none() {
        let list = parent.kind().is_sequence();
        let empty = if list { Value::Sequence(Vec::new()) } else { Value::Mapping(Vec::new()) };
        let above = Spot { node: parent, parent: spot.grandparent, grandparent: None };
        let splices = neighbours.remove_only(above, if list { "[]" } else { "{}" });
        let old = parent.index()..parent.next_index();
        return Plan { splices, inside: above.parent_index(), old, expect: Expect::Value(&empty) }
            .carry_out(document)
            .map(Some);
    }
    let splices = match style(parent) {
        Style::Block => alloc::vec![neighbours.remove_block(document, parent)?],
        Style::Flow => neighbours.remove_flow(parent),
    };
    let inside = parent.index();
    Plan { splices, inside, old: first..next, expect: Expect::Nothing }.carry_out(document).map(Some)
}

/// An element that goes, and those around it.
struct Neighbours<'d> {
    lines: Lines<'d>,
    before: Option<Element<'d>>,
    own: Element<'d>,
    after: Option<Element<'d>>,
}

impl Neighbours<'_> {
    fn remove_block(&self, document: &Document<'_>, parent: Node<'_>) -> Result<Splice, Refusal> {
        let Self { lines, before, own, after } = *self;
        if !lines.begins_line(own.start) {
            return Ok(self.remove_beside_indicator(parent));
        }
        let floor = before.map_or(0, |before| lines.next(before.end));
        let mut start = lead_start(lines, own.start, floor);
        let mut end = own_end(lines, own.end, parent.column());
        let blank_before = lines.previous(start).is_some_and(|line| line >= floor && lines.kind(line) == Line::Blank);
        if after.is_some() {
            let (count, behind) = lines.blanks(end);
            if count > 0 && (before.is_none() || blank_before) {
                end = behind;
            }
        } else {
            while let Some(line) = lines.previous(start).filter(|line| *line >= floor) {
                if lines.kind(line) != Line::Blank {
                    break;
                }
                start = line;
            }
        }
        self.check_kept(document, end)?;
        let open = end >= lines.len() && !lines.is_start(end);
        if open && let Some(line) = lines.previous(start).filter(|_| !self.before_needs_break(document)) {
            // The text had no final break: neither has the result.
            start = lines.end(line);
        }
        Ok(splice(start, end, ""))
    }

    /// The first element, on the line of its collection's own `-` or `?`: the next one moves up, or stays below the
    /// indicator where comments stand between.
    fn remove_beside_indicator(&self, parent: Node<'_>) -> Splice {
        let Self { lines, own, after, .. } = *self;
        let to = after.map_or(own.end, |after| after.start);
        let behind = own_end(lines, own.end, parent.column()).min(to);
        if lines.blanks(behind).1 >= lines.start(to) {
            return splice(own.start, to, "");
        }
        let last = lines.previous(behind).map_or(behind, |line| lines.end(line));
        splice(lines.start(own.start) + lines.slice(lines.start(own.start), own.start).trim_end().len(), last, "")
    }

    /// A block scalar before the gap would take lines behind it for its own.
    fn check_kept(&self, document: &Document<'_>, end: usize) -> Result<(), Refusal> {
        match self.last_before(document) {
            Some(last) if takes_lines(document.text(), last, self.lines, end) => {
                Err(refuse(Reason::KeptLineBreaks, Span::new(last.start, last.end)))
            }
            _ => Ok(()),
        }
    }

    /// Whether a block scalar before the element ends with a line break of its own.
    fn before_needs_break(&self, document: &Document<'_>) -> bool {
        let chomping = self.last_before(document).and_then(|last| chomping(document.text(), last));
        chomping.is_some_and(|found| found != Chomping::Strip)
    }

    /// The last node before the element.
    fn last_before<'r>(&self, document: &'r Document<'_>) -> Option<&'r Record> {
        document.records().get(self.own.first_record().checked_sub(1)?)
    }

    fn remove_flow(&self, parent: Node<'_>) -> Vec<Splice> {
        let Self { lines, before, own, after } = *self;
        let closing = (parent.span().end as usize).saturating_sub(1);
        let comma = lines.behind_trivia(own.end);
        let has_comma = lines.byte(comma) == Some(b',');
        let behind = lines.next(if has_comma { comma } else { own.end });
        let alone = lines.begins_line(own.start) && behind <= after.map_or(closing, |after| after.start);
        let line = splice(lines.start(own.start), behind, "");
        match (before, after) {
            (_, Some(_)) | (None, None) if alone => alloc::vec![line],
            (_, Some(after)) if after.start <= lines.end(comma) => alloc::vec![splice(own.start, after.start, "")],
            (_, Some(_)) => {
                // Lines between are those of the next one.
                let head = lines.slice(0, own.start).trim_end_matches(' ').len();
                alloc::vec![splice(head, lines.end(comma), "")]
            }
            (Some(_), None) if alone && has_comma => alloc::vec![line],
            (Some(before), None) => {
                // The comma before it goes.
                let gone = lines.behind_trivia(before.end);
                if alone {
                    alloc::vec![splice(before.end, gone + 1, ""), line]
                } else {
                    // A `:` at the very end needs a blank behind it to stay an indicator.
                    let bare = lines.slice(0, before.end).ends_with(':') && lines.behind_blanks(own.end) == own.end;
                    let gap = if bare { " " } else { "" };
                    alloc::vec![splice(before.end, own.end, gap)]
                }
            }
            (None, None) => alloc::vec![splice(own.start, if has_comma { comma + 1 } else { own.end }, "")],
        }
    }

    /// The only element of `collection`: it becomes empty brackets.
    fn remove_only(&self, collection: Spot<'_>, brackets: &str) -> Vec<Splice> {
        let Self { lines, own, .. } = *self;
        let node = collection.node;
        let (start, end) = (node.span().start as usize, node.span().end as usize);
        if style(node) == Style::Flow {
            // A comment behind the opening bracket is not the element's.
            return if lines.behind_blanks(start + 1) < lines.end(start + 1).min(own.start) {
                self.remove_flow(node)
            } else {
                alloc::vec![splice(start, end, brackets)]
            };
        }
        let indicator = indicator_end(collection).filter(|at| lines.end(*at) < start);
        let Some(indicator) = indicator else { return alloc::vec![splice(start, end, brackets)] };
        let column = node.column();
        let lead = lead_start(lines, own.start, lines.next(indicator));
        let behind = own_end(lines, own.end, column);
        let open = behind >= lines.len() && !lines.is_start(behind);
        // Without a final break the one before goes instead.
        let lead = if open { lines.previous(lead).map_or(lead, |line| lines.end(line)) } else { lead };
        alloc::vec![splice(indicator, indicator, format!(" {brackets}")), splice(lead, behind, "")]
    }
}
