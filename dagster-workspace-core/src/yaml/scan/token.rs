//! Scalars: where they end. What they mean is decoded elsewhere, on demand.

use super::flow::Context;
use super::{Mode, Scanner, bytes};
use crate::error::{ParseError, Problem};
use crate::yaml::record::Kind;

impl Scanner<'_> {
    /// A scalar, alias or flow collection in block context; `parent` is the column that continued lines must exceed.
    #[inline(always)]
    pub(super) fn node(&mut self, parent: isize, flags: u8) -> Result<(), ParseError> {
        match self.byte(self.at) {
            b'[' | b'{' => self.flow_collection(parent, flags),
            b'*' => self.alias(flags),
            b'"' | b'\'' => self.quoted(parent, flags),
            _ => self.plain(parent, Context::Block, flags),
        }
    }

    /// Kind and end of the quoted scalar at `start`, where it ends with its line at the latest and holds no escape.
    #[inline(always)]
    pub(super) fn quoted_line(&self, start: usize) -> Option<(Kind, usize)> {
        let quote = self.byte(start);
        let end = start + 1 + bytes::before_any(self.bytes.get(start + 1..)?, quote, b'\\');
        let kind = if quote == b'"' { Kind::DoubleQuoted } else { Kind::SingleQuoted };
        // Doubled, a single quote goes on.
        let ends = self.byte(end) == quote && (quote == b'"' || self.byte(end + 1) != quote);
        ends.then_some((kind, end + 1))
    }

    /// A quoted scalar over all its lines, YAML 1.2.2 \[109\] and \[120\].
    #[inline(always)]
    pub(super) fn quoted(&mut self, parent: isize, flags: u8) -> Result<(), ParseError> {
        let (start, column) = (self.at, self.at - self.line);
        let kind = match self.quoted_line(start) {
            Some((kind, end)) => {
                self.at = end;
                kind
            }
            None => self.quoted_lines(parent)?,
        };
        self.last_end = self.at;
        self.push_with(kind, start, self.at, flags, column);
        Ok(())
    }

    /// Moves behind a quoted scalar that may hold escapes and line breaks.
    #[inline(never)]
    fn quoted_lines(&mut self, parent: isize) -> Result<Kind, ParseError> {
        let start = self.at;
        let kind = if self.byte(start) == b'"' { Kind::DoubleQuoted } else { Kind::SingleQuoted };
        self.at += 1;
        let quote = self.byte(start);
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            self.at += bytes::before_any(rest, quote, b'\\');
            match self.byte(self.at) {
                b'"' if kind == Kind::DoubleQuoted => break,
                b'\'' if kind == Kind::SingleQuoted => {
                    if self.byte(self.at + 1) != b'\'' {
                        break;
                    }
                    self.at += 2;
                }
                b'\\' if kind == Kind::DoubleQuoted => self.escape()?,
                b'\n' | b'\r' => self.quoted_break(parent)?,
                0 => return Err(self.error_at(Problem::Unclosed, start)),
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Ok(kind)
    }

    /// A line break inside a quoted scalar, and the indentation of the line that follows.
    fn quoted_break(&mut self, parent: isize) -> Result<(), ParseError> {
        self.line = self.behind_break(self.at);
        self.at = self.behind_spaces(self.line);
        let indent = (self.at - self.line).cast_signed();
        let token = self.behind_blanks(self.at);
        if matches!(self.byte(token), b'\n' | b'\r' | 0) {
            self.at = token;
            return Ok(());
        }
        if self.is_document_line(self.line) {
            return Err(self.error(Problem::DocumentMarker));
        }
        if indent <= parent && self.mode == Mode::Strict {
            return Err(self.error(Problem::Continuation));
        }
        Ok(())
    }

    /// YAML 1.2.2 \[62\] c-ns-esc-char. An escaped line break is left to the caller.
    fn escape(&mut self) -> Result<(), ParseError> {
        let digits = match self.byte(self.at + 1) {
            b'0' | b'a' | b'b' | b't' | b'\t' | b'n' | b'v' | b'f' | b'r' | b'e' | b' ' | b'"' | b'/' | b'\\'
            | b'N' | b'_' | b'L' | b'P' => 0,
            b'\n' | b'\r' => {
                self.at += 1;
                return Ok(());
            }
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            _ => return Err(self.error(Problem::Escape)),
        };
        let end = self.at + 2 + digits;
        let code = self.bytes.get(self.at + 2..end).and_then(|hex| core::str::from_utf8(hex).ok());
        let valid = code.is_some_and(|hex| {
            let known = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
            digits == 0 || known && u32::from_str_radix(hex, 16).ok().and_then(char::from_u32).is_some()
        });
        if !valid {
            return Err(self.error(Problem::Escape));
        }
        self.at = end;
        Ok(())
    }

    /// A plain scalar over all its lines, YAML 1.2.2 \[131\].
    #[inline(always)]
    pub(super) fn plain(&mut self, parent: isize, context: Context, flags: u8) -> Result<(), ParseError> {
        let (start, column) = (self.at, self.at - self.line);
        if !self.byte(start).is_ascii_alphanumeric() {
            self.plain_start(start, context)?;
        }
        let (mut end, mut stop) = self.plain_line(start, context);
        while matches!(self.byte(stop), b'\n' | b'\r') {
            let Some((line, token)) = self.continued(stop, parent, context) else { break };
            self.line = line;
            (end, stop) = self.plain_line(token, context);
        }
        self.at = stop;
        self.last_end = end;
        self.push_with(Kind::Plain, start, end, flags, column);
        Ok(())
    }

    /// YAML 1.2.2 \[126\] ns-plain-first.
    pub(super) fn plain_start(&self, at: usize, context: Context) -> Result<(), ParseError> {
        match self.byte(at) {
            b'-' | b'?' | b':' if context.is_plain_safe(self.byte(at + 1)) => Ok(()),
            b'-' | b'?' | b':' | b',' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%' | b'@' | b'`' => {
                Err(self.error_at(Problem::PlainStart, at))
            }
            b'[' | b']' | b'{' | b'}' => Err(self.error_at(Problem::UnexpectedBracket, at)),
            _ => Ok(()),
        }
    }

    /// Where the plain text of one line ends, and where what ends it stands.
    #[inline(always)]
    pub(super) fn plain_line(&self, start: usize, context: Context) -> (usize, usize) {
        let mut stop = start;
        loop {
            let rest = self.bytes.get(stop..).unwrap_or_default();
            stop += match context {
                Context::Block => bytes::before_any(rest, b':', b'#'),
                Context::Flow => bytes::before_flow_stop(rest),
            };
            match self.byte(stop) {
                b'\t' => stop += 1,
                b':' if context.is_plain_safe(self.byte(stop + 1)) => stop += 1,
                b'#' if stop > start && !matches!(self.byte(stop - 1), b' ' | b'\t') => stop += 1,
                _ => break,
            }
        }
        let mut end = stop;
        while end > start && matches!(self.byte(end - 1), b' ' | b'\t') {
            end -= 1;
        }
        (end, stop)
    }

    /// The next line that holds text, its start and its text's, where it continues a plain scalar.
    #[inline(always)]
    fn continued(&self, stop: usize, parent: isize, context: Context) -> Option<(usize, usize)> {
        let line = self.behind_break(stop);
        let text = self.behind_spaces(line);
        // Most often the next line is not deep enough.
        let shallow = context == Context::Block && (text - line).cast_signed() <= parent;
        if shallow && !self.is_blank(text) { None } else { self.continued_at(line, parent, context) }
    }

    #[inline(never)]
    fn continued_at(&self, mut line: usize, parent: isize, context: Context) -> Option<(usize, usize)> {
        loop {
            let indent = self.behind_spaces(line);
            let token = self.behind_blanks(indent);
            match self.byte(token) {
                b'\n' | b'\r' => {
                    line = self.behind_break(token);
                    continue;
                }
                0 | b'#' => return None,
                byte => {
                    let lenient = context == Context::Flow && self.mode == Mode::Lenient;
                    let indented = lenient || (indent - line).cast_signed() > parent;
                    let ends = byte == b':' && !context.is_plain_safe(self.byte(token + 1))
                        || context == Context::Flow && matches!(byte, b',' | b'[' | b']' | b'{' | b'}')
                        || self.is_document_line(line);
                    return (indented && !ends).then_some((line, token));
                }
            }
        }
    }

    /// A literal or folded scalar, YAML 1.2.2 \[170\] and \[174\]: from its indicator to before the break of its last line.
    pub(super) fn block_scalar(&mut self, parent: isize, flags: u8) -> Result<(), ParseError> {
        let start = self.at;
        let kind = if self.byte(start) == b'|' { Kind::Literal } else { Kind::Folded };
        let (keep, indent) = self.block_header()?;
        let base = parent.max(0).cast_unsigned();
        let mut body = Body { indent: indent.map(|digit| base + digit), blank: 0, end: self.at };
        while self.at < self.bytes.len() {
            let line = self.behind_break(self.at);
            let text = self.behind_spaces(line);
            let spaces = text - line;
            let blank = matches!(self.byte(text), b'\n' | b'\r' | 0);
            let content = body.indent.map_or(!blank, |indent| if blank { spaces > indent } else { spaces >= indent });
            if !content {
                // Where only the end of the text follows, no line begins.
                if !blank || line >= self.bytes.len() {
                    break;
                }
                body.blank = body.blank.max(spaces);
                self.at = text;
                if keep {
                    body.end = text;
                }
                continue;
            }
            if body.indent.is_none() {
                if spaces.cast_signed() <= parent {
                    if self.byte(text) == b'\t' {
                        return Err(self.error_at(Problem::TabIndentation, text));
                    }
                    break;
                }
                if body.blank > spaces {
                    return Err(self.error_at(Problem::BlockScalar, text));
                }
                body.indent = Some(spaces);
            }
            if self.is_document_line(line) && spaces == 0 {
                break;
            }
            self.at = self.line_end(text);
            body.end = self.at;
        }
        self.line_behind(body.end, start);
        self.last_end = body.end;
        self.push_with(kind, start, body.end, flags, body.indent.unwrap_or(body.blank));
        Ok(())
    }

    /// Behind a block scalar a new line begins, unless the text ends with it.
    fn line_behind(&mut self, end: usize, start: usize) {
        if end < self.bytes.len() {
            self.line = self.behind_break(end);
            self.at = self.line;
        } else {
            self.line =
                memchr::memrchr2(b'\n', b'\r', self.bytes.get(..end).unwrap_or_default()).map_or(start, |at| at + 1);
            self.at = end;
        }
    }

    /// The header behind `|` or `>`: whether trailing breaks are kept, and the indentation indicator.
    fn block_header(&mut self) -> Result<(bool, Option<usize>), ParseError> {
        let (mut chomping, mut indent) = (None, None);
        loop {
            self.at += 1;
            match self.byte(self.at) {
                sign @ (b'+' | b'-') if chomping.is_none() => chomping = Some(sign),
                digit @ b'1'..=b'9' if indent.is_none() => indent = Some(usize::from(digit - b'0')),
                _ => break,
            }
        }
        let header = self.at;
        self.end_of_line(Problem::BlockScalar)?;
        if self.at >= self.bytes.len() {
            // No body: the scalar ends with its header, not with the comment behind it.
            self.at = if self.behind_blanks(header) >= self.bytes.len() { self.at } else { header.max(self.at) };
        }
        Ok((chomping == Some(b'+'), indent))
    }
}

/// The lines of a block scalar, as far as they are read.
struct Body {
    /// Columns of indentation that are not content; found at the first line of text.
    indent: Option<usize>,
    /// Most spaces on a blank line before the first line of text.
    blank: usize,
    /// Before the break of the last line that is content.
    end: usize,
}
