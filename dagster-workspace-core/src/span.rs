//! Where something stands in a text: [`Span`] in bytes, [`LineCol`] for people.

use core::fmt;
use core::ops::Range;

use unicode_width::UnicodeWidthChar as _;

/// Half-open range of byte offsets into one text. Invariant: `start <= end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset just behind the last byte.
    pub end: u32,
}

impl Span {
    /// A span from `start` to `end`; an `end` before `start` gives the empty span at `start`.
    #[must_use]
    pub fn new(start: u32, end: u32) -> Self {
        Self { start, end: end.max(start) }
    }

    /// The empty span at `offset`.
    #[must_use]
    pub fn at(offset: u32) -> Self {
        Self { start: offset, end: offset }
    }

    /// Number of bytes.
    #[must_use]
    pub fn len(self) -> usize {
        self.range().len()
    }

    /// Whether it holds no byte.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The same as a range of `usize`, for slicing.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Whether `other` lies inside.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// The bytes of `text` that it names; empty where it does not fit the text.
    #[must_use]
    pub fn of(self, text: &str) -> &str {
        text.get(self.range()).unwrap_or_default()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// Line and column, both counted from 1; the column in characters, a byte order mark not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LineCol {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl LineCol {
    /// Position of byte `offset` in `text`; an offset behind the end counts as the end.
    #[must_use]
    pub fn of(text: &str, offset: u32) -> Self {
        let end = (offset as usize).min(text.len());
        let head = text.as_bytes().get(..end).unwrap_or_default();
        // Between the two bytes of a CR LF the line has not ended.
        let split = text.as_bytes().get(end) == Some(&b'\n');
        let start = line_start(if split { head.strip_suffix(b"\r").unwrap_or(head) } else { head });
        let line = 1 + head.get(..start).map_or(0, count_lines);
        let in_line = head.get(start..).unwrap_or_default();
        let in_line = if start == 0 { in_line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(in_line) } else { in_line };
        let column = 1 + in_line.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
        Self { line: u32::try_from(line).unwrap_or(u32::MAX), column: u32::try_from(column).unwrap_or(u32::MAX) }
    }
}

impl fmt::Display for LineCol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Offsets of texts that are read fit: they have at most 64 MiB, and an index fewer records than four times that.
pub(crate) fn offset(at: usize) -> u32 {
    debug_assert!(u32::try_from(at).is_ok(), "no text is as long as that");
    at as u32
}

/// Columns that a character takes on a screen; of a tab one, wherever it stops.
pub(crate) fn width(c: char) -> usize {
    if c == '\t' { 1 } else { c.width().unwrap_or_default() }
}

/// Offset just behind the last line break of `head`, 0 where there is none. Breaks are LF, CR LF and CR.
fn line_start(head: &[u8]) -> usize {
    memchr::memrchr2(b'\n', b'\r', head).map_or(0, |at| at + 1)
}

fn count_lines(bytes: &[u8]) -> usize {
    let carriage_returns = memchr::memchr_iter(b'\r', bytes);
    let lone = carriage_returns.filter(|at| bytes.get(at + 1) != Some(&b'\n')).count();
    memchr::memchr_iter(b'\n', bytes).count() + lone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_and_column_count_characters_and_every_kind_of_break() {
        let text = "\u{feff}a: ü\nb: x\r\nc: y\rd";
        let at = |needle: &str| LineCol::of(text, u32::try_from(text.find(needle).unwrap()).unwrap());
        assert_eq!(at("a"), LineCol { line: 1, column: 1 });
        assert_eq!(at("ü"), LineCol { line: 1, column: 4 });
        assert_eq!(at("x"), LineCol { line: 2, column: 4 });
        assert_eq!(at("y"), LineCol { line: 3, column: 4 });
        assert_eq!(at("d"), LineCol { line: 4, column: 1 });
        assert_eq!(LineCol::of(text, 9999), LineCol { line: 4, column: 2 });
    }
}
