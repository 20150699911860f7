//! The text of a merge as pieces of its inputs. Read [`Rope`].

use alloc::string::String;
use alloc::vec::Vec;

use crate::span::{Span, offset};
use crate::splice::{Splice, Splices};
use crate::yaml::lines::Lines;

/// One piece of the result.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    /// Bytes of ours.
    Ours(Span),
    /// Bytes of theirs, every line but the first moved by so many columns.
    Theirs(Span, isize),
    /// What neither says this way: a separator, an indentation, a scalar in other quotes.
    Text(String),
    /// Where something is to be found again in the result.
    Mark(Mark),
}

/// A place in the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// From here on this change of theirs.
    Patch(usize),
    /// From here on what this conflict is about.
    Begin(usize),
    /// Up to here.
    End(usize),
}

/// Pieces in the order of the result.
#[derive(Clone, Debug, Default)]
pub(super) struct Rope {
    pieces: Vec<Piece>,
}

impl Rope {
    pub(super) fn ours(&mut self, start: usize, end: usize) {
        let span = Span::new(offset(start), offset(end));
        match self.pieces.last_mut() {
            _ if span.is_empty() => {}
            Some(Piece::Ours(last)) if last.end == span.start => last.end = span.end,
            _ => self.pieces.push(Piece::Ours(span)),
        }
    }

    pub(super) fn theirs(&mut self, start: usize, end: usize, shift: isize) {
        if start < end {
            self.pieces.push(Piece::Theirs(Span::new(offset(start), offset(end)), shift));
        }
    }

    pub(super) fn text(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !text.is_empty() {
            self.pieces.push(Piece::Text(text));
        }
    }

    pub(super) fn mark(&mut self, mark: Mark) {
        self.pieces.push(Piece::Mark(mark));
    }

    /// The result as splices of ours, and where its marks stand in it.
    pub(super) fn splices(self, ours: &str, theirs: &str) -> Option<(Splices, Vec<(Mark, u32)>)> {
        let mut splices = Vec::new();
        let mut marks = Vec::new();
        let mut pending = String::new();
        // Where the text of ours has got to, and the length of the result so far.
        let (mut at, mut length) = (0_u32, 0_usize);
        for piece in self.pieces {
            match piece {
                Piece::Ours(span) if span.start >= at => {
                    length += span.len();
                    let gone = Span::new(at, span.start);
                    if !gone.is_empty() || !pending.is_empty() {
                        splices.push(Splice { span: gone, text: core::mem::take(&mut pending) });
                    }
                    at = span.end;
                }
                // Moved to the front.
                Piece::Ours(span) => {
                    length += span.len();
                    pending.push_str(span.of(ours));
                }
                Piece::Theirs(span, shift) => {
                    let before = pending.len();
                    set(span.of(theirs), shift, &mut pending);
                    length += pending.len() - before;
                }
                Piece::Text(text) => {
                    length += text.len();
                    pending.push_str(&text);
                }
                Piece::Mark(mark) => marks.push((mark, offset(length))),
            }
        }
        let gone = Span::new(at, offset(ours.len()));
        if !gone.is_empty() || !pending.is_empty() {
            splices.push(Splice { span: gone, text: pending });
        }
        Some((Splices::new(splices)?, marks))
    }
}

/// Text with every line but its first moved by `shift` columns; lines without a byte stay so.
fn set(text: &str, shift: isize, out: &mut String) {
    let lines = Lines::new(text);
    let mut at = if shift == 0 { text.len() } else { lines.next(0) };
    out.push_str(lines.slice(0, at));
    while at < lines.len() {
        let next = lines.next(at);
        let line = lines.slice(at, next);
        if lines.end(at) == at {
            out.push_str(line);
        } else if shift > 0 {
            out.extend(core::iter::repeat_n(' ', shift.unsigned_abs()));
            out.push_str(line);
        } else {
            let blanks = line.bytes().take_while(|byte| *byte == b' ').count();
            out.push_str(lines.slice(at + blanks.min(shift.unsigned_abs()), next));
        }
        at = next;
    }
}
