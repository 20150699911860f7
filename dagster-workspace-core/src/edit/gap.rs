//! One place of a collection where elements go and others come: the splices of both. Read [`Gap`].

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::append::{append_flow, append_lines};
use super::comments::{lead_start, own_end, own_lines};
use super::element::{Element, chomping, last_written, style, takes_lines};
use super::{refuse, splice};
use crate::error::{Reason, Refusal};
use crate::span::Span;
use crate::splice::Splice;
use crate::yaml::block::Chomping;
use crate::yaml::lines::{Line, Lines};
use crate::yaml::record::Record;
use crate::yaml::{Document, Node, Style};

/// Neighbours that stay, and what changes between them.
pub(super) struct Gap<'d> {
    /// The last element before that stays.
    pub(super) before: Option<Element<'d>>,
    /// Elements that go, all those between the neighbours.
    pub(super) gone: Vec<Element<'d>>,
    /// The first element behind that stays.
    pub(super) after: Option<Element<'d>>,
    /// What comes: in a block collection lines in its column, the last one not ended; else text.
    pub(super) new: Vec<String>,
    /// Blank lines between neighbours of the collection, as `element::rhythm` counts them.
    pub(super) blanks: usize,
}

impl<'d> Gap<'d> {
    pub(super) fn splices(&self, document: &Document<'_>, collection: Node<'d>) -> Result<Vec<Splice>, Refusal> {
        let lines = Lines::new(document.text());
        match (self.gone.as_slice(), style(collection)) {
            ([], _) if self.new.is_empty() => Ok(Vec::new()),
            ([first, ..], Style::Block) if !lines.begins_line(first.start) => {
                self.beside_indicator(document, collection, first)
            }
            ([], Style::Block) => self.insert(document, collection),
            (_, Style::Block) => self.take_out(document, collection),
            ([], Style::Flow) => Ok(self.insert_flow(lines, collection)),
            ([first, .., last], Style::Flow) if !self.new.is_empty() => Ok(self.replace_flow(lines, *first, *last)),
            ([only], Style::Flow) if !self.new.is_empty() => Ok(self.replace_flow(lines, *only, *only)),
            ([first, ..], Style::Flow) => {
                let end = self.gone.last().map_or(first.end, |last| last.end);
                Ok(self.remove_flow(lines, collection, Element { end, ..*first }))
            }
        }
    }

    /// New lines alone.
    fn insert(&self, document: &Document<'_>, collection: Node<'_>) -> Result<Vec<Splice>, Refusal> {
        let lines = Lines::new(document.text());
        let line_break = lines.line_break(self.before.or(self.after).map_or(0, |near| near.start));
        let between = line_break.repeat(1 + self.blanks);
        let text = self.new.join(&between);
        Ok(alloc::vec![match (self.before, self.after) {
            (None, Some(first)) if !lines.begins_line(first.start) => {
                let indent = collection.column();
                splice(first.start, first.start, format!("{}{between}{:indent$}", text.trim_start_matches(' '), ""))
            }
            (None, Some(first)) => {
                let at = lead_start(collection, &first, 0);
                splice(at, at, text + &between)
            }
            (Some(before), Some(_)) => {
                let at = own_end(collection, &before);
                let gap = if self.is_kept(document) { "" } else { between.get(line_break.len()..).unwrap_or_default() };
                splice(at, at, format!("{gap}{text}{line_break}"))
            }
            (Some(_), None) => append_lines(document, collection, text)?,
            (None, None) => return Err(refuse(Reason::Unprovable, collection.span())),
        }])
    }

    /// Whether blank lines behind the neighbour before would be its content.
    fn is_kept(&self, document: &Document<'_>) -> bool {
        self.before.is_some_and(|before| {
            let last = document.records().get(..before.next_record()).and_then(last_written);
            last.and_then(|last| chomping(document.text(), last)) == Some(Chomping::Keep)
        })
    }

    /// Lines of elements that all begin theirs; new ones take the place of the first.
    fn take_out(&self, document: &Document<'_>, collection: Node<'d>) -> Result<Vec<Splice>, Refusal> {
        let lines = Lines::new(document.text());
        let mut regions: Vec<(usize, usize)> = Vec::new();
        let mut floor = self.before.map_or(0, |before| lines.next(before.end));
        for (number, element) in self.gone.iter().enumerate() {
            let last = number + 1 == self.gone.len();
            let (start, end) = self.lines_of(lines, collection, element, floor, last);
            match regions.last_mut().filter(|region| region.1 >= start) {
                Some(region) => region.1 = end,
                None => regions.push((start, end)),
            }
            floor = lines.next(element.end);
        }
        let (Some(first), Some(last)) = (regions.first().copied(), regions.last_mut()) else { return Ok(Vec::new()) };
        self.check_kept(document, last.1)?;
        let open = last.1 >= lines.len() && !lines.is_start(last.1);
        let line_break = lines.line_break(first.0);
        let mut text = self.new.join(&line_break.repeat(1 + self.blanks));
        let breaks = !text.is_empty() && (!open || last.0 > first.0);
        if breaks || open && needs_break(&text) {
            text.push_str(line_break);
        }
        let own = self.new.is_empty() && self.before_needs_break(document);
        if open
            && (self.new.is_empty() || last.0 > first.0)
            && !own
            && let Some(line) = lines.previous(last.0)
        {
            // The text had no final break: neither has the result.
            last.0 = lines.end(line);
        }
        let mut splices: Vec<Splice> = regions.iter().map(|(start, end)| splice(*start, *end, "")).collect();
        if let Some(place) = splices.first_mut() {
            place.text = text;
        }
        Ok(splices)
    }

    /// The lines that go with one of the elements, with the blank lines on one side of it.
    fn lines_of(
        &self,
        lines: Lines<'_>,
        collection: Node<'d>,
        element: &Element<'d>,
        floor: usize,
        last: bool,
    ) -> (usize, usize) {
        let (mut start, mut end) = own_lines(collection, element, floor);
        let is_blank = |line: &usize| *line >= floor && lines.kind(*line) == Line::Blank;
        let (count, behind) = lines.blanks(end);
        if !self.new.is_empty() {
            // Those around the whole stay.
            return (start, if last { end } else { behind });
        }
        if self.after.is_some() {
            let blank_before = lines.previous(start).is_some_and(|line| is_blank(&line));
            if count > 0 && (self.before.is_none() || blank_before) {
                end = behind;
            }
        } else {
            while let Some(line) = lines.previous(start).filter(is_blank) {
                start = line;
            }
        }
        (start, end)
    }

    /// The first elements, on the line of the collection's own `-` or `?`: what comes takes the place of the first one; else
    /// the next one moves up, or stays below the indicator where comments stand between.
    fn beside_indicator(
        &self,
        document: &Document<'_>,
        collection: Node<'d>,
        first: &Element<'d>,
    ) -> Result<Vec<Splice>, Refusal> {
        let lines = Lines::new(document.text());
        let last = self.gone.last().unwrap_or(first);
        if let [new, more @ ..] = self.new.as_slice() {
            let rest = self.gone.iter().skip(1).copied().collect();
            let rest =
                Self { before: Some(*first), gone: rest, after: self.after, new: more.to_vec(), blanks: self.blanks };
            let mut splices = rest.splices(document, collection)?;
            // With what stands behind it, and the comments below that are its own.
            let behind = own_end(collection, first);
            let end = lines.previous(behind).filter(|_| lines.is_start(behind)).map_or(behind, |line| lines.end(line));
            splices.push(splice(first.start, end, new.trim_start_matches(' ')));
            return Ok(splices);
        }
        let to = self.after.map_or(last.end, |after| after.start);
        let behind = own_end(collection, last).min(to);
        Ok(alloc::vec![if lines.blanks(behind).1 >= lines.start(to) {
            splice(first.start, to, "")
        } else {
            let end = lines.previous(behind).map_or(behind, |line| lines.end(line));
            let line = lines.start(first.start);
            splice(line + lines.slice(line, first.start).trim_end().len(), end, "")
        }])
    }

    /// A block scalar before the gap would take lines behind it for its own.
    fn check_kept(&self, document: &Document<'_>, end: usize) -> Result<(), Refusal> {
        match self.last_before(document) {
            Some(last)
                if self.new.is_empty() && takes_lines(document.text(), last, Lines::new(document.text()), end) =>
            {
                Err(refuse(Reason::KeptLineBreaks, Span::new(last.start, last.end)))
            }
            _ => Ok(()),
        }
    }

    /// Whether a block scalar before the gap ends with a line break of its own.
    fn before_needs_break(&self, document: &Document<'_>) -> bool {
        let chomping = self.last_before(document).and_then(|last| chomping(document.text(), last));
        chomping.is_some_and(|found| found != Chomping::Strip)
    }

    /// The last node that is written before the gap.
    fn last_before<'r>(&self, document: &'r Document<'_>) -> Option<&'r Record> {
        last_written(document.records().get(..self.gone.first()?.first_record())?)
    }

    fn insert_flow(&self, lines: Lines<'_>, collection: Node<'_>) -> Vec<Splice> {
        let Some(after) = self.after else { return append_flow(collection, &self.new) };
        if !lines.begins_line(after.start) {
            return alloc::vec![splice(after.start, after.start, self.new.join(", ") + ", ")];
        }
        let indent = lines.slice(lines.start(after.start), after.start);
        let line_break = lines.line_break(after.start);
        let floor = self.before.map_or(collection.span().start as usize, |before| before.end);
        let mut at = lines.start(after.start);
        // Comment lines above are those of the element below.
        while let Some(above) = lines.previous(at).filter(|above| *above > floor) {
            let Line::Comment(_) = lines.kind(above) else { break };
            at = above;
        }
        let text: String = self.new.iter().map(|new| format!("{indent}{new},{line_break}")).collect();
        alloc::vec![splice(at, at, text)]
    }

    fn replace_flow(&self, lines: Lines<'_>, first: Element<'_>, last: Element<'_>) -> Vec<Splice> {
        let separator = if lines.begins_line(first.start) {
            format!(",{}{}", lines.line_break(first.start), lines.slice(lines.start(first.start), first.start))
        } else {
            ", ".to_owned()
        };
        alloc::vec![splice(first.start, last.end, self.new.join(&separator))]
    }

    fn remove_flow(&self, lines: Lines<'_>, collection: Node<'_>, own: Element<'_>) -> Vec<Splice> {
        let Self { before, after, .. } = *self;
        let closing = (collection.span().end as usize).saturating_sub(1);
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

    /// The only element of `collection`, which becomes empty brackets; `indicator` is the end of what stands before the
    /// collection, where that is on a line above.
    pub(super) fn remove_only(&self, collection: Node<'d>, own: Element<'d>, indicator: Option<usize>) -> Vec<Splice> {
        let lines = Lines::new(collection.document_text());
        let brackets = if collection.kind().is_sequence() { "[]" } else { "{}" };
        let (start, end) = (collection.span().start as usize, collection.span().end as usize);
        if style(collection) == Style::Flow {
            // A comment behind the opening bracket is not the element's.
            return if lines.behind_blanks(start + 1) < lines.end(start + 1).min(own.start) {
                self.remove_flow(lines, collection, own)
            } else {
                alloc::vec![splice(start, end, brackets)]
            };
        }
        let Some(indicator) = indicator else { return alloc::vec![splice(start, end, brackets)] };
        let (lead, behind) = own_lines(collection, &own, lines.next(indicator));
        let open = behind >= lines.len() && !lines.is_start(behind);
        // Without a final break the one before goes instead.
        let lead = if open { lines.previous(lead).map_or(lead, |line| lines.end(line)) } else { lead };
        alloc::vec![splice(indicator, indicator, format!(" {brackets}")), splice(lead, behind, "")]
    }
}

/// Whether new lines end in a block scalar that ends with a line break.
fn needs_break(text: &str) -> bool {
    let Ok(document) = Document::parse(text) else { return false };
    let last = document.records().last().and_then(|last| chomping(text, last));
    last.is_some_and(|found| found != Chomping::Strip)
}
