//! Flow collections: brackets, braces, commas. Read [`Scanner::flow_collection`].

use alloc::vec::Vec;

use super::property::Properties;
use super::{Mode, Scanner, offset};
use crate::error::{ParseError, Problem};
use crate::yaml::record::{EXPLICIT, Kind};

/// What surrounds a token, YAML 1.2.2 section 7: brackets, or indentation alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    Block,
    Flow,
}

impl Context {
    /// YAML 1.2.2 \[127\] ns-plain-safe.
    pub(super) fn is_plain_safe(self, byte: u8) -> bool {
        let flow = self == Self::Flow && matches!(byte, b',' | b'[' | b']' | b'{' | b'}');
        !flow && !matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0)
    }
}

/// What an open flow collection waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// An entry or the closing bracket.
    Entry,
    /// The node of an explicit key.
    Key,
    /// A `:`, a comma or the closing bracket.
    Colon,
    /// The node of a value.
    Value,
    /// A comma or the closing bracket.
    Comma,
}

/// One open flow collection, or single pair.
pub(super) struct Frame {
    record: usize,
    kind: Kind,
    state: State,
    /// First record of the entry being read.
    entry: usize,
    /// Its line, for the rule that the key of a single pair stands on one.
    entry_line: usize,
    /// Its first byte.
    entry_start: usize,
    /// The key is quoted or a collection, so its `:` needs no space behind it.
    json_key: bool,
    properties: Properties,
}

impl Frame {
    fn new(record: usize, kind: Kind) -> Self {
        Self {
            record,
            kind,
            state: State::Entry,
            entry: 0,
            entry_line: 0,
            entry_start: 0,
            json_key: false,
            properties: Properties::default(),
        }
    }

    /// Whether a node may come next.
    fn is_waiting(&self) -> bool {
        matches!(self.state, State::Entry | State::Key | State::Value)
    }
}

impl Scanner<'_> {
    /// `[...]` or `{...}` with all it holds; lines must be indented deeper than `parent`.
    #[inline(never)]
    pub(super) fn flow_collection(&mut self, parent: isize, flags: u8) -> Result<(), ParseError> {
        let records = self.records.len();
        if let Some(end) = self.flow_line(flags) {
            (self.at, self.last_end) = (end, end);
            return Ok(());
        }
        self.records.truncate(records);
        // The stack is empty between two collections, and kept for its memory.
        let mut open = core::mem::take(&mut self.flow);
        self.flow_open(&mut open, flags)?;
        while let Some(top) = open.last_mut() {
            let line = self.line;
            self.gap();
            if self.line != line {
                self.check_flow_line(parent)?;
            }
            if top.state == State::Entry && top.properties.is_none() {
                (top.entry, top.entry_line, top.entry_start) = (self.records.len(), self.line, self.at);
            }
            match self.byte(self.at) {
                b',' => self.flow_comma(&mut open)?,
                b']' | b'}' => self.flow_close(&mut open)?,
                b':' if self.is_flow_colon(top) => self.flow_colon(&mut open)?,
                b'?' if !Context::Flow.is_plain_safe(self.byte(self.at + 1)) => self.flow_explicit(&mut open)?,
                b'&' | b'!' if top.is_waiting() => {
                    let property = self.property(Context::Flow)?;
                    top.properties = top
                        .properties
                        .and(property)
                        .ok_or_else(|| self.error_at(Problem::Properties, self.last_end))?;
                }
                0 => {
                    return Err(
                        self.error_at(Problem::Unclosed, self.records.get(top.record).map_or(0, |r| r.start as usize))
                    );
                }
                b'#' => return Err(self.error(Problem::CommentWithoutSpace)),
                _ if !top.is_waiting() => return Err(self.error(Problem::ExpectedComma)),
                b'[' | b'{' => {
                    let flags = top.flags();
                    self.flow_open(&mut open, flags)?;
                }
                _ => self.flow_scalar(top, parent)?,
            }
        }
        self.flow = open;
        Ok(())
    }

    /// The records of a collection on one line, where nothing is in it but scalars and such collections, and its end; `None`
    /// where there is anything else. One loop without a stack: the `next` of an open collection's record is the one around.
    fn flow_line(&mut self, flags: u8) -> Option<usize> {
        let outermost = self.records.len();
        let (mut top, mut depth) = (outermost, 0);
        let mut kind = self.flow_line_open(self.at, outermost, flags);
        let mut at = self.at + 1;
        let mut state = State::Entry;
        loop {
            while self.byte(at) == b' ' {
                at += 1;
            }
            match self.byte(at) {
                b',' if state == State::Comma => {
                    at += 1;
                    state = State::Entry;
                }
                b']' | b'}' if state != State::Value => {
                    if (kind == Kind::FlowSequence) != (self.byte(at) == b']') {
                        return None;
                    }
                    at += 1;
                    self.last_end = at;
                    let around = self.records.get(top)?.next as usize;
                    self.close(top);
                    if depth == 0 {
                        return Some(at);
                    }
                    depth -= 1;
                    top = around;
                    kind = self.records.get(top)?.kind;
                    state = State::Comma;
                }
                _ if state == State::Comma => return None,
                b'[' | b'{' if state == State::Value || kind == Kind::FlowSequence => {
                    depth += 1;
                    self.check_depth(depth).ok()?;
                    let around = core::mem::replace(&mut top, self.records.len());
                    kind = self.flow_line_open(at, around, 0);
                    at += 1;
                    state = State::Entry;
                }
                _ => {
                    at = self.flow_line_scalar(at)?;
                    if state == State::Entry && kind == Kind::FlowMapping {
                        if self.byte(at) != b':' {
                            return None;
                        }
                        at += 1;
                        state = State::Value;
                    } else {
                        state = State::Comma;
                    }
                }
            }
        }
    }

    fn flow_line_open(&mut self, at: usize, around: usize, flags: u8) -> Kind {
        let kind = if self.byte(at) == b'[' { Kind::FlowSequence } else { Kind::FlowMapping };
        let record = self.push(kind, at, at + 1, flags);
        if let Some(record) = self.records.get_mut(record) {
            record.next = offset(around);
        }
        kind
    }

    /// A scalar that ends with its line at the latest; gives the place behind it and behind blanks.
    #[inline]
    fn flow_line_scalar(&mut self, at: usize) -> Option<usize> {
        let (kind, end, stop) = match self.byte(at) {
            b'"' | b'\'' => {
                let (kind, end) = self.quoted_line(at)?;
                (kind, end, end)
            }
            byte if byte.is_ascii_alphanumeric()
                || !self.is_blank(at) && self.plain_start(at, Context::Flow).is_ok() =>
            {
                let (end, stop) = self.plain_line(at, Context::Flow);
                (Kind::Plain, end, stop)
            }
            _ => return None,
        };
        self.push(kind, at, end, 0);
        Some(stop)
    }

    fn check_flow_line(&self, parent: isize) -> Result<(), ParseError> {
        if self.is_document_line(self.line) {
            return Err(self.error_at(Problem::DocumentMarker, self.line));
        }
        let indent = (self.behind_spaces(self.line) - self.line).cast_signed();
        if indent <= parent && self.mode == Mode::Strict && self.at < self.bytes.len() {
            return Err(self.error(Problem::Continuation));
        }
        Ok(())
    }

    fn flow_open(&mut self, open: &mut Vec<Frame>, flags: u8) -> Result<(), ParseError> {
        self.check_depth(open.len())?;
        let kind = if self.byte(self.at) == b'[' { Kind::FlowSequence } else { Kind::FlowMapping };
        let record = self.push(kind, self.at, self.at + 1, flags);
        self.at += 1;
        self.last_end = self.at;
        open.push(Frame::new(record, kind));
        Ok(())
    }

    /// A scalar or alias as the node that is waited for.
    fn flow_scalar(&mut self, top: &mut Frame, parent: isize) -> Result<(), ParseError> {
        let flags = top.flags();
        let quoted = matches!(self.byte(self.at), b'"' | b'\'');
        match self.byte(self.at) {
            b'*' if !top.properties.is_none() => return Err(self.error(Problem::Properties)),
            b'*' => self.alias(flags)?,
            b'"' | b'\'' => self.quoted(parent, flags)?,
            _ => self.plain(parent, Context::Flow, flags)?,
        }
        top.json_key = quoted;
        top.complete();
        Ok(())
    }

    /// A `:` that separates: white space or a flow indicator behind it, or a quoted key before it.
    fn is_flow_colon(&self, top: &Frame) -> bool {
        !Context::Flow.is_plain_safe(self.byte(self.at + 1)) || top.json_key && top.state == State::Colon
    }

    fn flow_colon(&mut self, open: &mut Vec<Frame>) -> Result<(), ParseError> {
        let Some(top) = open.last_mut() else { return Ok(()) };
        if top.state == State::Entry && top.properties.is_none() {
            // An entry without a key begins with its `:`, and the empty key stands there.
            self.last_end = self.at;
        }
        match (top.kind, top.state) {
            (Kind::FlowSequence, State::Entry | State::Colon) => {
                if top.state == State::Entry {
                    self.flow_empty(top);
                } else if self.line != top.entry_line || self.is_long_key(top.entry_start, self.at) {
                    return Err(self.error_at(Problem::LongKey, top.entry_start));
                }
                let (first, column) = (top.entry, top.entry_start - top.entry_line);
                self.wrap(first, Kind::FlowPair, column);
                let mut pair = Frame::new(first, Kind::FlowPair);
                pair.state = State::Value;
                self.check_depth(open.len())?;
                open.push(pair);
            }
            (_, State::Entry | State::Key) => {
                self.flow_empty(top);
                top.state = State::Value;
            }
            (_, State::Colon) => top.state = State::Value,
            _ => return Err(self.error(Problem::ExpectedComma)),
        }
        self.at += 1;
        self.last_end = self.at;
        Ok(())
    }

    fn flow_explicit(&mut self, open: &mut Vec<Frame>) -> Result<(), ParseError> {
        let Some(top) = open.last_mut() else { return Ok(()) };
        if top.state != State::Entry || !top.properties.is_none() {
            return Err(self.error(Problem::ExpectedComma));
        }
        if top.kind == Kind::FlowSequence {
            self.check_depth(open.len())?;
            let record = self.push(Kind::FlowPair, self.at, self.at + 1, 0);
            open.push(Frame::new(record, Kind::FlowPair));
        }
        if let Some(top) = open.last_mut() {
            top.state = State::Key;
        }
        self.at += 1;
        self.last_end = self.at;
        Ok(())
    }

    fn flow_comma(&mut self, open: &mut Vec<Frame>) -> Result<(), ParseError> {
        self.flow_end_pair(open);
        let Some(top) = open.last_mut() else { return Ok(()) };
        if top.state == State::Entry && top.properties.is_none() {
            return Err(self.error(Problem::UnexpectedComma));
        }
        self.flow_end_entry(top);
        top.state = State::Entry;
        self.at += 1;
        self.last_end = self.at;
        Ok(())
    }

    fn flow_close(&mut self, open: &mut Vec<Frame>) -> Result<(), ParseError> {
        self.flow_end_pair(open);
        let closing = self.byte(self.at);
        let Some(mut top) = open.pop() else { return Ok(()) };
        if (top.kind == Kind::FlowSequence) != (closing == b']') {
            return Err(self.error(Problem::UnexpectedBracket));
        }
        if top.state != State::Entry || !top.properties.is_none() {
            self.flow_end_entry(&mut top);
        }
        self.at += 1;
        self.last_end = self.at;
        self.close(top.record);
        if let Some(outer) = open.last_mut() {
            outer.json_key = true;
            outer.complete();
        }
        Ok(())
    }

    /// A comma or bracket ends the single pair inside a sequence.
    fn flow_end_pair(&mut self, open: &mut Vec<Frame>) {
        if open.last().is_some_and(|top| top.kind == Kind::FlowPair)
            && let Some(mut pair) = open.pop()
        {
            self.flow_end_entry(&mut pair);
            self.close(pair.record);
            if let Some(outer) = open.last_mut() {
                outer.state = State::Comma;
                outer.properties = Properties::default();
            }
        }
    }

    /// What the entry still waits for is empty.
    fn flow_end_entry(&mut self, top: &mut Frame) {
        if top.kind == Kind::FlowSequence {
            if top.state == State::Entry {
                self.flow_empty(top);
            }
            return;
        }
        if matches!(top.state, State::Entry | State::Key) {
            self.flow_empty(top);
        }
        if matches!(top.state, State::Entry | State::Key | State::Colon | State::Value) {
            self.flow_empty(top);
        }
        top.state = State::Comma;
    }

    fn flow_empty(&mut self, top: &mut Frame) {
        self.push_with(Kind::Empty, self.last_end, self.last_end, top.flags(), 0);
        top.json_key = false;
        top.complete();
    }
}

impl Frame {
    fn flags(&self) -> u8 {
        if self.state == State::Key { EXPLICIT } else { 0 }
    }

    /// The node that was waited for has been read.
    fn complete(&mut self) {
        self.properties = Properties::default();
        self.state = match self.state {
            State::Entry | State::Key => State::Colon,
            _ => State::Comma,
        };
    }
}
