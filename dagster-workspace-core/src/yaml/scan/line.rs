//! Lines as almost all are: `key: value`, `key:`, `- value`, `- key: value`, blank ones and comments. Read
//! [`Scanner::lines`].
//!
//! Nothing here knows what `block` does not: these are its commonest steps in a row, without what only other lines need
//! (properties, tabs, explicit keys). Where a line is anything else it is left to `block`, from where this has got to.

use super::Scanner;
use super::block::{Frame, MAX_KEY, State};
use super::bytes;
use super::flow::Context;
use crate::error::{ParseError, Problem};
use crate::yaml::record::Kind;

impl Scanner<'_> {
    /// Reads lines as long as they are simple, from the start or the end of one. Stops at the start of a line, or behind an
    /// indicator.
    pub(super) fn lines(&mut self) -> Result<(), ParseError> {
        if self.has_properties() || self.at != self.line && !self.next_line() {
            return Ok(());
        }
        loop {
            let text = self.behind_spaces(self.line);
            let indicator = match self.byte(text) {
                b'\n' | b'\r' | b'#' => {
                    self.at = text;
                    if self.next_line() {
                        continue;
                    }
                    None
                }
                b'-' if self.byte(text + 1) == b' ' => self.simple_item(text)?,
                _ => self.simple_entry(text)?,
            };
            let Some(indicator) = indicator else { return Ok(()) };
            if !self.simple_value(indicator)? {
                return Ok(());
            }
        }
    }

    /// Moves to the next line, where nothing but blanks and a comment stands on the rest of this one.
    #[inline(always)]
    fn next_line(&mut self) -> bool {
        let mut end = self.at;
        if !matches!(self.byte(end), b'\n' | b'\r') {
            end = self.behind_blanks(end);
            if self.byte(end) == b'#' && (end == self.line || matches!(self.byte(end - 1), b' ' | b'\t')) {
                end = self.line_end(end);
            }
            if !matches!(self.byte(end), b'\n' | b'\r') {
                return false;
            }
        }
        self.line = self.behind_break(end);
        self.at = self.line;
        true
    }

    /// The `:` of the plain key that stands here, where it is as simple as almost all are: no `:` or `#` in it, and nothing
    /// between it and its `:`.
    #[inline(always)]
    fn simple_key(&self, at: usize) -> Option<usize> {
        let rest = self.bytes.get(at..)?;
        if !rest.first()?.is_ascii_alphanumeric() {
            return None;
        }
        let colon = at + bytes::before_any(rest, b':', b'#');
        let simple = self.byte(colon) == b':' && matches!(self.byte(colon + 1), b' ' | b'\n' | b'\r');
        (simple && self.byte(colon - 1) != b' ' && colon - at <= MAX_KEY).then_some(colon)
    }

    /// Makes the collection of this kind whose next entry begins at `text` the innermost one: deeper ones end, or it begins
    /// where it is waited for. False, and nothing has changed, where the indentation says anything else.
    #[inline(always)]
    fn enter(&mut self, kind: Kind, text: usize) -> Result<bool, ParseError> {
        let column = (text - self.line).cast_signed();
        let Some(top) = self.stack.last() else { return Ok(false) };
        if top.state == State::Entry {
            return Ok(top.column == column && top.kind == kind || self.leave(kind, column));
        }
        let beside = kind == Kind::BlockSequence && top.kind == Kind::BlockMapping;
        let waits = matches!(top.state, State::Item | State::Value);
        let begins = waits && (top.column < column || top.column == column && beside);
        if begins {
            self.begin(kind, text)?;
        }
        Ok(begins)
    }

    fn begin(&mut self, kind: Kind, text: usize) -> Result<(), ParseError> {
        self.at = text;
        let record = self.push(kind, text, text, 0);
        self.push_frame(record, kind, text - self.line)
    }

    /// Ends the collections that are deeper than `column`, where that leads to one of this kind.
    fn leave(&mut self, kind: Kind, column: isize) -> bool {
        // What an explicit key still waits for, `block` fills in.
        let simple = |frame: &Frame| !matches!(frame.state, State::Key | State::Colon);
        // A sequence in the column of its key ends where the next key begins.
        let deeper = |frame: &Frame| {
            frame.column > column || frame.column == column && frame.kind == Kind::BlockSequence && frame.kind != kind
        };
        let Some(depth) = self.stack.iter().rposition(|frame| !(simple(frame) && deeper(frame))) else { return false };
        let fits = |frame: &Frame| simple(frame) && frame.column == column && frame.kind == kind;
        if !self.stack.get(depth).is_some_and(fits) {
            return false;
        }
        while self.stack.len() > depth + 1
            && let Some(frame) = self.stack.pop()
        {
            self.close(frame.record as usize);
        }
        self.await_as(State::Entry);
        true
    }

    /// The `:` of the entry that begins at `text`; `None`, and nothing has changed, where its key is not simple.
    #[inline(always)]
    fn simple_entry(&mut self, text: usize) -> Result<Option<Indicator>, ParseError> {
        match self.simple_key(text) {
            Some(colon) if self.enter(Kind::BlockMapping, text)? => Ok(Some(self.push_key(text, colon))),
            _ => Ok(None),
        }
    }

    /// The last indicator of the item whose `-` stands at `text`: that, or the `:` of the mapping that begins behind it.
    #[inline(always)]
    fn simple_item(&mut self, text: usize) -> Result<Option<Indicator>, ParseError> {
        if !self.enter(Kind::BlockSequence, text)? {
            return Ok(None);
        }
        let inner = self.behind_spaces(text + 1);
        let Some(colon) = self.simple_key(inner) else {
            return Ok(Some(Indicator { at: text, column: text - self.line, state: State::Item }));
        };
        self.await_as(State::Item);
        self.begin(Kind::BlockMapping, inner)?;
        Ok(Some(self.push_key(inner, colon)))
    }

    #[inline(always)]
    fn push_key(&mut self, text: usize, colon: usize) -> Indicator {
        let column = text - self.line;
        self.push_with(Kind::Plain, text, colon, 0, column);
        Indicator { at: colon, column, state: State::Value }
    }

    /// The node behind an indicator, where it ends with its line or begins on a later one. False where it does not: then
    /// this is the place behind the indicator, where the innermost collection waits for it.
    #[inline(always)]
    fn simple_value(&mut self, indicator: Indicator) -> Result<bool, ParseError> {
        let Indicator { at: indicator, column, state } = indicator;
        let parent = column.cast_signed();
        let (line, records) = (self.line, self.records.len());
        self.at = indicator + 1;
        while self.byte(self.at) == b' ' {
            self.at += 1;
        }
        match self.byte(self.at) {
            // Said here for speed alone: what most values are.
            byte if byte.is_ascii_alphanumeric() => {
                self.plain(parent, Context::Block, 0)?;
                if self.next_line() {
                    return Ok(true);
                }
            }
            b'\n' | b'\r' | b'#' if self.next_line() => {
                self.last_end = indicator + 1;
                self.await_as(state);
                return Ok(true);
            }
            b'|' | b'>' => {
                self.block_scalar(parent, 0)?;
                return Ok(self.at == self.line);
            }
            b'&' | b'!' | b'#' | b'\t' | b'\n' | b'\r' | 0 => {}
            b'-' | b'?' | b':' if self.is_blank(self.at + 1) => {}
            _ => {
                self.node(parent, 0)?;
                if self.next_line() {
                    return Ok(true);
                }
                // More text behind it: it may be a key.
            }
        }
        self.records.truncate(records);
        (self.at, self.line) = (indicator, line);
        self.indicate(state, (state == State::Value).then_some(Problem::MappingNotAllowed));
        Ok(false)
    }

    /// What the innermost collection waits for now.
    #[inline]
    fn await_as(&mut self, state: State) {
        if let Some(top) = self.stack.last_mut() {
            top.state = state;
        }
    }
}

/// A `:` or `-`.
#[derive(Clone, Copy)]
struct Indicator {
    at: usize,
    /// Column of the collection's entries.
    column: usize,
    /// What the collection waits for behind it.
    state: State,
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use crate::yaml::Document;

    /// Nodes with brackets around collections; `_` where nothing is written.
    fn check(text: &str, expected: &str) {
        fn show(node: crate::yaml::Node<'_>, out: &mut String) {
            let collection = node.mapping().is_some() || node.sequence().is_some();
            out.push_str(if collection { "(" } else { node.source() });
            out.push_str(if node.source().is_empty() { "_" } else { "" });
            for (number, child) in node.children().enumerate() {
                out.push_str(if number > 0 { " " } else { "" });
                show(child, out);
            }
            out.push_str(if collection { ")" } else { "" });
        }
        let document = Document::parse(text).unwrap();
        let mut out = String::new();
        show(document.root().unwrap(), &mut out);
        assert_eq!(out, expected, "{text:?}");
    }

    #[test]
    fn simple_lines_in_turn_with_others() {
        check("a: b # c\nd:\n- e\n- f: g\n  h:\n\n    i\nj: k\n", "(a b d (e (f g h i)) j k)");
        check("a: b\r\nc:\r\n  - d\r\n\r\n# e\r\nf: g", "(a b c (d) f g)");
        check("- ? a: b\n- c: d\n", "(((a b) _) (c d))");
        check("- - a\n  - b: c\n- &d\n  e: f\n- g\n  h\n", "((a (b c)) (e f) g\n  h)");
        check(
            "a: {b: [c, {d: e}], f: ''}\ng: [h: i, \"j\":k]\nl: [m,\n  n]\n",
            "(a (b (c (d e)) f '') g ((h i) (\"j\" k)) l (m n))",
        );
        check("a:\nb: |\n  c: d\ne: \"f\\\n  g\"\n", "(a _ b |\n  c: d e \"f\\\n  g\")");
    }
}
