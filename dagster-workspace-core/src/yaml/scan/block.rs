//! Block collections: what indentation means. Read [`Scanner::block`], then [`Frame`].

use super::flow::Context;
use super::property::Properties;
use super::{Gap, Scanner, offset};
use crate::error::{ParseError, Problem};
use crate::yaml::record::{EXPLICIT, Kind};

/// Longest implicit key, in bytes, YAML 1.2.2 section 8.2.2.
pub(super) const MAX_KEY: usize = 1024;

/// What an open collection waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The node of an item, or of the document.
    Item,
    /// The node of an explicit key.
    Key,
    /// The `:` behind an explicit key.
    Colon,
    /// The node of a value.
    Value,
    /// The next entry.
    Entry,
}

/// One open block collection.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) record: u32,
    /// Column of its entries; -1 for the root.
    pub(super) column: isize,
    pub(super) kind: Kind,
    pub(super) state: State,
}

impl Frame {
    pub(super) fn root() -> Self {
        Self { record: 0, column: -1, kind: Kind::Document, state: State::Item }
    }

    /// Whether a node is still to come.
    fn is_waiting(self) -> bool {
        matches!(self.state, State::Item | State::Key | State::Value)
    }
}

/// The part of a line in which a node and its properties stand: from the line's first token, or from behind an indicator.
#[derive(Clone, Copy, Default)]
pub(super) struct Segment {
    /// Index of its first record.
    first: usize,
    /// Column of its first token; found when that token is.
    column: Option<usize>,
    /// Why no block collection can begin here.
    bar: Option<Problem>,
    /// The open collection's next entry begins here, rather than the node it waits for.
    at_entry: bool,
    properties: Properties,
}

impl Segment {
    /// Behind `---` and behind `key:`: no collection can begin.
    pub(super) fn inline(first: usize) -> Self {
        Self { first, bar: Some(Problem::MappingNotAllowed), ..Self::default() }
    }
}

impl Scanner<'_> {
    /// The content of a document, up to its end mark, the next document or the end of the text.
    pub(super) fn block(&mut self) -> Result<(), ParseError> {
        loop {
            self.lines()?;
            let gap = self.gap();
            if self.at >= self.bytes.len() {
                return Ok(());
            }
            if gap.fresh {
                if self.at == self.line && self.is_document_line(self.line) {
                    return Ok(());
                }
                self.begin_line(gap)?;
            } else if self.segment.column.is_none() && gap.tab {
                self.segment.bar = self.segment.bar.or(Some(Problem::TabIndentation));
            }
            self.segment.column.get_or_insert(self.at - self.line);
            self.token(gap)?;
        }
    }

    /// The open collection that the line's indentation selects; deeper ones end.
    fn begin_line(&mut self, gap: Gap) -> Result<(), ParseError> {
        let column = gap.indent as isize;
        let dash = self.is_indicator(b'-');
        let mut closed = false;
        while let Some(top) = self.stack.last().copied() {
            let ends = top.column > column || (top.column == column && top.kind == Kind::BlockSequence && !dash);
            if !ends {
                break;
            }
            // `- ` must follow `- `, unless the sequence stands in the column of the key that it belongs to.
            if top.column == column && self.below().is_none_or(|below| below.column != column) {
                return Err(self.error(Problem::ExpectedItem));
            }
            self.close_frame()?;
            closed = true;
        }
        let Some(top) = self.stack.last().copied() else { return Err(self.error(Problem::Indentation)) };
        let bar = gap.tab.then_some(Problem::TabIndentation);
        let pending = core::mem::take(&mut self.segment.properties);
        let mut segment = Segment { bar, ..Segment::default() };
        if top.column == column {
            let owned_dash = dash && top.kind == Kind::BlockMapping && top.is_waiting();
            if !owned_dash {
                self.slot = self.merge_pending(pending)?;
                self.begin_entry()?;
                segment.at_entry = true;
            } else {
                self.slot = self.merge_pending(pending)?;
            }
        } else if closed {
            return Err(self.error(Problem::Indentation));
        } else if !top.is_waiting() {
            let problem = if top.column < 0 { Problem::TrailingContent } else { Problem::Indentation };
            return Err(self.error(if gap.tab { Problem::TabIndentation } else { problem }));
        } else {
            self.slot = self.merge_pending(pending)?;
        }
        segment.first = self.records.len();
        self.segment = segment;
        Ok(())
    }

    fn below(&self) -> Option<Frame> {
        self.stack.iter().rev().nth(1).copied()
    }

    /// Properties that ended their line without a node belong to the pending node; where none is pending they have none.
    fn merge_pending(&self, pending: Properties) -> Result<Properties, ParseError> {
        if !pending.is_none() && self.segment.at_entry {
            return Err(self.error_at(Problem::ExpectedKey, self.last_end));
        }
        self.slot.and(pending).ok_or_else(|| self.error(Problem::Properties))
    }

    /// The open collection's next entry begins here: what it still waits for is empty.
    fn begin_entry(&mut self) -> Result<(), ParseError> {
        self.fill()?;
        let colon = self.is_indicator(b':');
        if let Some(top) = self.stack.last_mut()
            && top.state == State::Colon
            && !colon
        {
            top.state = State::Value;
            self.fill()?;
        }
        Ok(())
    }

    /// Whether `indicator` stands here with white space behind it.
    fn is_indicator(&self, indicator: u8) -> bool {
        self.byte(self.at) == indicator && self.is_blank(self.at + 1)
    }

    fn token(&mut self, gap: Gap) -> Result<(), ParseError> {
        let Some(top) = self.stack.last().copied() else { return Err(self.error(Problem::Indentation)) };
        if !top.is_waiting() && !self.segment.at_entry {
            return Err(self.error(Problem::TrailingContent));
        }
        match self.byte(self.at) {
            b'-' if self.is_blank(self.at + 1) => self.item(top),
            b'?' if self.is_blank(self.at + 1) => self.explicit_key(top),
            b':' if self.is_blank(self.at + 1) => self.colon(top, gap),
            b'&' | b'!' => {
                let property = self.property(Context::Block)?;
                self.segment.properties = self
                    .segment
                    .properties
                    .and(property)
                    .ok_or_else(|| self.error_at(Problem::Properties, self.last_end))?;
                Ok(())
            }
            b'|' | b'>' => {
                if self.segment.at_entry {
                    return Err(self.error(Problem::ExpectedKey));
                }
                self.block_scalar(top.column, slot_flags(top))?;
                self.complete()
            }
            b'#' => Err(self.error(Problem::CommentWithoutSpace)),
            _ => self.flow_node(top),
        }
    }

    /// `- `, YAML 1.2.2 \[184\].
    fn item(&mut self, top: Frame) -> Result<(), ParseError> {
        self.allow_collection(Problem::SequenceNotAllowed)?;
        if !self.segment.properties.is_none() {
            return Err(self.error(Problem::SequenceNotAllowed));
        }
        if !self.segment.at_entry {
            self.open(Kind::BlockSequence, top)?;
        } else if top.kind != Kind::BlockSequence {
            return Err(self.error(Problem::ExpectedKey));
        }
        self.indicate(State::Item, None);
        Ok(())
    }

    /// `? `, YAML 1.2.2 \[189\].
    fn explicit_key(&mut self, top: Frame) -> Result<(), ParseError> {
        self.allow_collection(Problem::MappingNotAllowed)?;
        if !self.segment.properties.is_none() {
            return Err(self.error(Problem::MappingNotAllowed));
        }
        if !self.segment.at_entry {
            self.open(Kind::BlockMapping, top)?;
        }
        self.indicate(State::Key, None);
        Ok(())
    }

    /// `: ` behind an explicit key, or behind no key at all.
    fn colon(&mut self, top: Frame, gap: Gap) -> Result<(), ParseError> {
        if self.segment.at_entry && top.state == State::Colon {
            if !gap.fresh || gap.tab {
                return Err(self.error(Problem::TabIndentation));
            }
            self.indicate(State::Value, None);
            return Ok(());
        }
        self.allow_collection(Problem::MappingNotAllowed)?;
        self.push_with(Kind::Empty, self.at, self.at, slot_flags(top), 0);
        self.implicit_key()
    }

    /// A scalar, alias or flow collection: the key of an entry where a `: ` follows, else the pending node.
    fn flow_node(&mut self, top: Frame) -> Result<(), ParseError> {
        let start = self.at;
        let line = self.line;
        self.node(top.column, slot_flags(top))?;
        let colon = self.behind_blanks(self.at);
        if self.byte(colon) == b':' && self.is_blank(colon + 1) {
            if self.line != line {
                return Err(self.error_at(Problem::MappingNotAllowed, colon));
            }
            if self.is_long_key(start, colon) {
                return Err(self.error_at(Problem::LongKey, start));
            }
            self.allow_collection(Problem::MappingNotAllowed)
                .map_err(|error| ParseError { span: crate::span::Span::at(offset(colon)), ..error })?;
            self.at = colon;
            return self.implicit_key();
        }
        if self.segment.at_entry {
            let problem = if self.segment.bar.is_some() { Problem::TabIndentation } else { Problem::ExpectedKey };
            return Err(self.error_at(problem, start));
        }
        self.complete()
    }

    /// Whether an implicit key is longer than 1,024 characters.
    pub(super) fn is_long_key(&self, start: usize, end: usize) -> bool {
        let key = self.bytes.get(start..end).unwrap_or_default();
        key.len() > MAX_KEY && key.iter().filter(|byte| **byte & 0xC0 != 0x80).count() > MAX_KEY
    }

    /// The records of this segment are a key, and the place is at its `:`.
    fn implicit_key(&mut self) -> Result<(), ParseError> {
        self.check_alias(Properties::default())?;
        if !self.segment.at_entry {
            let column = self.segment.column.unwrap_or_default();
            let first = self.segment.first;
            self.wrap(first, Kind::BlockMapping, column);
            self.push_frame(first, Kind::BlockMapping, column)?;
        }
        self.indicate(State::Value, Some(Problem::MappingNotAllowed));
        Ok(())
    }

    /// Steps over an indicator; behind it the collection waits for a node.
    pub(super) fn indicate(&mut self, state: State, bar: Option<Problem>) {
        self.at += 1;
        self.last_end = self.at;
        self.slot = Properties::default();
        self.segment = Segment { first: self.records.len(), bar, ..Segment::default() };
        if let Some(top) = self.stack.last_mut() {
            top.state = state;
        }
    }

    fn allow_collection(&self, problem: Problem) -> Result<(), ParseError> {
        match self.segment.bar {
            None => Ok(()),
            Some(Problem::TabIndentation) => Err(self.error(Problem::TabIndentation)),
            Some(_) => Err(self.error(problem)),
        }
    }

    fn open(&mut self, kind: Kind, top: Frame) -> Result<(), ParseError> {
        let column = self.at - self.line;
        let record = self.push(kind, self.at, self.at, slot_flags(top));
        self.push_frame(record, kind, column)
    }

    pub(super) fn push_frame(&mut self, record: usize, kind: Kind, column: usize) -> Result<(), ParseError> {
        self.check_depth(0)?;
        let frame = Frame { record: offset(record), column: column.cast_signed(), kind, state: State::Entry };
        self.stack.push(frame);
        Ok(())
    }

    /// Ends the innermost open collection, which completes a node of the one around it.
    pub(super) fn close_frame(&mut self) -> Result<(), ParseError> {
        let pending = core::mem::take(&mut self.segment.properties);
        self.slot = self.merge_pending(pending)?;
        self.segment.at_entry = false;
        self.fill()?;
        if let Some(top) = self.stack.last_mut()
            && top.state == State::Colon
        {
            top.state = State::Value;
            self.fill()?;
        }
        if let Some(frame) = self.stack.pop() {
            self.close(frame.record as usize);
        }
        self.advance();
        Ok(())
    }

    /// Where a node is still awaited, nothing is written: it is empty.
    pub(super) fn fill(&mut self) -> Result<(), ParseError> {
        let Some(top) = self.stack.last().copied() else { return Ok(()) };
        if !top.is_waiting() {
            if !self.segment.properties.is_none() {
                return Err(self.error_at(Problem::ExpectedKey, self.last_end));
            }
            return Ok(());
        }
        self.push_with(Kind::Empty, self.last_end, self.last_end, slot_flags(top), 0);
        self.complete()
    }

    /// The pending node has been read.
    fn complete(&mut self) -> Result<(), ParseError> {
        let slot = core::mem::take(&mut self.slot);
        self.check_alias(slot)?;
        if slot.and(self.segment.properties).is_none() {
            return Err(self.error_at(Problem::Properties, self.last_end));
        }
        self.segment.properties = Properties::default();
        self.advance();
        Ok(())
    }

    /// An alias takes no properties.
    fn check_alias(&self, outer: Properties) -> Result<(), ParseError> {
        let alias = self.records.last().is_some_and(|record| record.kind == Kind::Alias);
        // The last record may be an alias inside a flow collection: only this segment's own counts.
        let own = self.records.len() == self.segment.first + self.segment.properties.count() + 1;
        if alias && own && !(self.segment.properties.is_none() && outer.is_none()) {
            return Err(self.error_at(Problem::Properties, self.last_end));
        }
        Ok(())
    }

    /// Whether the pending node has properties.
    pub(super) fn has_properties(&self) -> bool {
        !(self.slot.is_none() && self.segment.properties.is_none())
    }

    fn advance(&mut self) {
        if let Some(top) = self.stack.last_mut() {
            top.state = match top.state {
                State::Key | State::Colon => State::Colon,
                State::Item | State::Value | State::Entry => State::Entry,
            };
        }
    }
}

fn slot_flags(top: Frame) -> u8 {
    if top.state == State::Key { EXPLICIT } else { 0 }
}
