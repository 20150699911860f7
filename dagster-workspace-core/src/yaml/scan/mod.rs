//! From text to index, in one pass over the bytes.
//!
//! [`Scanner`] holds the place, the records so far and the open block collections. `stream` (here) reads documents and
//! their marks, `block` what indentation means, `line` the same of the lines that almost all are, `flow` what stands in
//! brackets, `token` scalars, `property` anchors, tags and directives. Nothing recurses, nothing is decoded, and a mapping
//! is known by the `:` behind its first key: its record is then slid in front of the few records of that key.

mod block;
mod bytes;
mod flow;
mod line;
mod marker;
mod property;
mod token;

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::ops::Range;

use self::block::{Frame, Segment};
use self::property::Properties;
use super::record::{Kind, Record};
use super::{MAX_DEPTH, MAX_LEN};
use crate::error::{ParseError, Problem};
use crate::span::{Span, offset};

/// How much is accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// YAML 1.2.2 and nothing else.
    Strict,
    /// Also what both PyYAML and helm's go-yaml accept beyond it: flow collections and quoted scalars whose lines are not
    /// indented, and comments directly behind a quote or bracket.
    #[default]
    Lenient,
}

/// The index of `text`.
///
/// # Errors
/// The first place that is not YAML, or the limit that the text exceeds.
pub(crate) fn scan(text: &str, mode: Mode) -> Result<Vec<Record>, ParseError> {
    if text.len() > MAX_LEN {
        return Err(ParseError { problem: Problem::TooLarge, span: Span::at(0) });
    }
    if let Some(offset) = unprintable(text.as_bytes()) {
        return Err(ParseError { problem: Problem::ControlCharacter, span: Span::at(offset) });
    }
    let mut scanner = Scanner::new(text.as_bytes(), mode);
    match scanner.stream() {
        Ok(()) => match marker::in_content(text, &scanner.records) {
            Some(span) => Err(ParseError { problem: Problem::ConflictMarker, span }),
            None => Ok(scanner.records),
        },
        Err(error) => Err(explain(text, error)),
    }
}

/// What lies behind an error: the markers of a merge conflict, or, on a line that holds `{{`, most likely a chart template.
fn explain(text: &str, error: ParseError) -> ParseError {
    let at = error.span.start as usize;
    if let Some(span) = marker::behind(text, at) {
        return ParseError { problem: Problem::ConflictMarker, span };
    }
    let start = text.get(..at).and_then(|head| head.rfind('\n')).map_or(0, |at| at + 1);
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    match line.find("{{") {
        Some(braces) => ParseError { problem: Problem::Template, span: Span::at(offset(start + braces)) },
        None => error,
    }
}

struct Scanner<'t> {
    bytes: &'t [u8],
    mode: Mode,
    /// Where it reads.
    at: usize,
    /// Offset of the first byte of the line it reads.
    line: usize,
    /// End of the last token: where collections end, and where an empty node stands.
    last_end: usize,
    records: Vec<Record>,
    /// Open block collections, the root at the bottom. Invariant: never empty inside a document.
    stack: Vec<Frame>,
    /// Open flow collections, while one is read elsewhere.
    flow: Vec<flow::Frame>,
    segment: Segment,
    /// Properties of the pending node that stand on earlier lines.
    slot: Properties,
    /// Handles that `%TAG` directives of this document name.
    handles: BTreeSet<&'t [u8]>,
}

impl<'t> Scanner<'t> {
    fn new(bytes: &'t [u8], mode: Mode) -> Self {
        Self {
            bytes,
            mode,
            at: 0,
            line: 0,
            last_end: 0,
            records: Vec::with_capacity((bytes.len() / 8 + 16).min(1024)),
            stack: Vec::with_capacity(16),
            flow: Vec::new(),
            segment: Segment::default(),
            slot: Properties::default(),
            handles: BTreeSet::new(),
        }
    }

    /// YAML 1.2.2 \[211\] l-yaml-stream.
    fn stream(&mut self) -> Result<(), ParseError> {
        // Directives may follow the start of the stream or a `...`, nothing else.
        let mut directives_allowed = true;
        loop {
            self.eat_byte_order_mark();
            self.gap();
            if self.at >= self.bytes.len() {
                return Ok(());
            }
            if self.is_marker(b"...") {
                self.at += 3;
                self.end_of_line(Problem::TrailingContent)?;
                directives_allowed = true;
                continue;
            }
            let document = self.push(Kind::Document, self.at, self.at, 0);
            if directives_allowed && self.at == self.line && self.byte(self.at) == b'%' {
                self.directives()?;
            }
            directives_allowed = self.document()?;
            self.close(document);
            self.handles.clear();
        }
    }

    /// One document from its `---` or its content on; true where a `...` ended it.
    fn document(&mut self) -> Result<bool, ParseError> {
        self.slot = Properties::default();
        self.stack.clear();
        self.stack.push(Frame::root());
        if self.is_marker(b"---") {
            self.push(Kind::DocumentStart, self.at, self.at + 3, 0);
            self.at += 3;
            self.last_end = self.at;
            self.segment = Segment::inline(self.records.len());
        } else {
            // The root may be indented: its line is read from its start.
            self.at = self.line;
        }
        self.block()?;
        while self.stack.len() > 1 {
            self.close_frame()?;
        }
        self.fill()?;
        let ended = self.is_marker(b"...");
        if ended {
            self.push(Kind::DocumentEnd, self.at, self.at + 3, 0);
            self.at += 3;
            self.last_end = self.at;
            self.end_of_line(Problem::TrailingContent)?;
        }
        Ok(ended)
    }

    /// Byte at `at`; 0, which no text holds, behind the end.
    #[inline(always)]
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// Whether white space, a line break or the end stands at `at`.
    #[inline]
    fn is_blank(&self, at: usize) -> bool {
        matches!(self.byte(at), b' ' | b'\t' | b'\n' | b'\r' | 0)
    }

    /// Whether the document mark stands here, at the start of a line and on its own.
    fn is_marker(&self, mark: &[u8]) -> bool {
        self.at == self.line && self.has_marker(mark)
    }

    fn has_marker(&self, mark: &[u8]) -> bool {
        self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(mark)) && self.is_blank(self.at + mark.len())
    }

    /// Whether either mark begins the line at `line`.
    fn is_document_line(&self, line: usize) -> bool {
        let rest = self.bytes.get(line..).unwrap_or_default();
        (rest.starts_with(b"---") || rest.starts_with(b"...")) && self.is_blank(line + 3)
    }

    fn eat_byte_order_mark(&mut self) {
        if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(b"\xef\xbb\xbf")) {
            self.at += 3;
            self.line = self.at;
        }
    }

    /// Offset behind the line break at `at`.
    #[inline]
    fn behind_break(&self, at: usize) -> usize {
        if self.byte(at) == b'\r' && self.byte(at + 1) == b'\n' { at + 2 } else { at + 1 }
    }

    /// Offset of the first byte from `at` on that is no space.
    #[inline]
    fn behind_spaces(&self, at: usize) -> usize {
        self.bytes.get(at..).map_or(at, |rest| at + bytes::spaces(rest))
    }

    /// Offset of the first byte from `at` on that is neither space nor tab.
    fn behind_blanks(&self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        at + rest.iter().take_while(|byte| matches!(**byte, b' ' | b'\t')).count()
    }

    /// Offset of the line break (or the end) that ends the line of `at`.
    fn line_end(&self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        memchr::memchr2(b'\n', b'\r', rest).map_or(self.bytes.len(), |found| at + found)
    }

    /// Moves to the next token, over white space, line breaks and comments.
    #[inline]
    fn gap(&mut self) -> Gap {
        let mut gap = Gap { fresh: self.at == self.line, tab: false, indent: 0 };
        if gap.fresh {
            self.at = self.behind_spaces(self.line);
            gap.indent = offset(self.at - self.line);
        }
        loop {
            let byte = self.byte(self.at);
            // One well-predicted question first: what follows is most often a token.
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'#') {
                return gap;
            }
            if byte == b' ' {
                self.at += 1;
            } else if byte == b'\t' {
                gap.tab = true;
                self.at += 1;
            } else if byte == b'#' {
                let attached = self.at > self.line && !matches!(self.byte(self.at - 1), b' ' | b'\t');
                if attached && self.mode == Mode::Strict {
                    // It is no comment then; whoever meets it here says so.
                    return gap;
                }
                self.at = self.line_end(self.at);
            } else {
                self.line = self.behind_break(self.at);
                self.at = self.behind_spaces(self.line);
                gap = Gap { fresh: true, tab: false, indent: offset(self.at - self.line) };
            }
        }
    }

    /// Nothing but white space and a comment may stand on the rest of the line.
    fn end_of_line(&mut self, problem: Problem) -> Result<(), ParseError> {
        let end = self.behind_blanks(self.at);
        match self.byte(end) {
            b'\n' | b'\r' | 0 => {}
            b'#' if end > self.at => {}
            _ => return Err(self.error_at(problem, end)),
        }
        self.at = self.line_end(end);
        Ok(())
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize, flags: u8) -> usize {
        let index = self.records.len();
        self.push_with(kind, start, end, flags, start.saturating_sub(self.line));
        index
    }

    #[inline]
    fn push_with(&mut self, kind: Kind, start: usize, end: usize, flags: u8, column: usize) {
        let next = offset(self.records.len() + 1);
        let column = column.min(usize::from(u16::MAX)) as u16;
        if self.records.len() == self.records.capacity() {
            self.make_room();
        }
        self.records.push(Record { start: offset(start), end: offset(end), next, kind, flags, column });
    }

    /// Makes room for as many records as the text will have if it goes on as it began, so that most texts need one move and
    /// no index is much larger than it must be.
    #[cold]
    fn make_room(&mut self) {
        let (records, read, all) = (self.records.len() as u64, self.at.max(1) as u64, self.bytes.len() as u64);
        let expected = usize::try_from(records * all / read).unwrap_or(usize::MAX);
        let known = self.records.len();
        // A dense beginning may deceive: no more than sixteen times what is known.
        let missing = expected.saturating_sub(known).min(known * 15);
        self.records.reserve_exact(missing + missing / 16 + known / 8 + 64);
    }

    /// Slides a collection's record in front of the records from `first` on, which become its children.
    fn wrap(&mut self, first: usize, kind: Kind, column: usize) {
        let start = self.records.get(first).map_or(self.at, |record| record.start as usize);
        let key = self.records.iter_mut().skip(first).find(|record| !record.kind.is_property());
        // What was introduced by `?` is now the collection, not its first key.
        let flags = key.map_or(0, |record| core::mem::take(&mut record.flags));
        self.records.iter_mut().skip(first).for_each(|record| record.next += 1);
        let next = offset(first + 1);
        let column = u16::try_from(column).unwrap_or(u16::MAX);
        let record = Record { start: offset(start), end: offset(start), next, kind, flags, column };
        if self.records.len() == self.records.capacity() {
            self.make_room();
        }
        self.records.insert(first.min(self.records.len()), record);
    }

    /// Whether one more collection may open inside the open block collections and `flow` ones.
    fn check_depth(&self, flow: usize) -> Result<(), ParseError> {
        // The root is no collection, and makes up for the one to come.
        if self.stack.len() + flow > MAX_DEPTH { Err(self.error(Problem::TooDeep)) } else { Ok(()) }
    }

    /// Ends a collection or document at the last token.
    fn close(&mut self, index: usize) {
        let next = offset(self.records.len());
        let end = offset(self.last_end);
        if let Some(record) = self.records.get_mut(index) {
            record.next = next;
            record.end = end.max(record.start);
        }
    }

    fn error(&self, problem: Problem) -> ParseError {
        self.error_at(problem, self.at)
    }

    fn error_at(&self, problem: Problem, at: usize) -> ParseError {
        ParseError { problem, span: Span::at(offset(at.min(self.bytes.len()))) }
    }
}

/// What lay between two tokens.
#[derive(Clone, Copy)]
struct Gap {
    /// The token is the first of its line.
    fresh: bool,
    /// A tab stands between the token and what is before it on its line.
    tab: bool,
    /// Spaces that begin the token's line; counted where it is fresh.
    indent: u32,
}

/// Offset of the first character that is not YAML 1.2.2 \[1\] c-printable.
fn unprintable(bytes: &[u8]) -> Option<u32> {
    // Chunks are judged whole, which compiles to vector instructions: first whether all is ASCII text, then whether a byte
    // may be bad. Only then they are looked at byte by byte.
    let is_plain = |byte: u8| (byte.wrapping_sub(0x20) < 0x5F) | (byte == b'\n');
    let is_control = |byte: u8| (byte < 0x20) & (byte != b'\n') & (byte != b'\r') & (byte != b'\t') | (byte == 0x7F);
    let is_suspicious = |byte: u8| is_control(byte) | (byte == 0xC2) | (byte == 0xEF);
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<64>) {
        if !chunk.iter().fold(true, |all, byte| all & is_plain(*byte))
            && chunk.iter().fold(false, |any, byte| any | is_suspicious(*byte))
            && let Some(found) = unprintable_in(bytes, at..at + 64)
        {
            return Some(found);
        }
        at += 64;
    }
    unprintable_in(bytes, at..bytes.len())
}

/// The same of those that begin in `range`.
fn unprintable_in(bytes: &[u8], mut range: Range<usize>) -> Option<u32> {
    let bad = |at: &usize| match bytes.get(*at..).unwrap_or_default() {
        [0xC2, second, ..] => *second < 0xA0 && *second != 0x85,
        [0xEF, 0xBF, third, ..] => *third >= 0xBE,
        [byte, ..] => *byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r') || *byte == 0x7F,
        [] => false,
    };
    range.find(bad).map(offset)
}
