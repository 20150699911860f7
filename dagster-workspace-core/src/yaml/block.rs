//! From a text to a block scalar, YAML 1.2.2 section 8.1: its header and its lines. Read [`BlockText::of`].

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::quote::is_literal;
use super::record::Kind;

/// What a block scalar does with the line breaks behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chomping {
    /// None is content.
    Strip,
    /// One is content.
    Clip,
    /// All are content.
    Keep,
}

impl Chomping {
    /// As the header of the block scalar `source` says.
    pub(crate) fn of(source: &str) -> Self {
        let header = source.split(['\n', '\r', ' ', '\t']).next().unwrap_or_default();
        match header.bytes().find(|byte| matches!(byte, b'-' | b'+')) {
            Some(b'-') => Self::Strip,
            Some(_) => Self::Keep,
            None => Self::Clip,
        }
    }
}

/// How a block scalar that is there is written: what takes its place is written so, too, where that is exact.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockStyle {
    pub(crate) folded: bool,
    pub(crate) chomping: Chomping,
    /// Bytes of its longest line, without the indentation.
    pub(crate) width: usize,
}

impl BlockStyle {
    /// Of a literal without a final line break, as new texts are written; the text decides on chomping.
    pub(crate) const NEW: Self = Self { folded: false, chomping: Chomping::Strip, width: 0 };

    /// Of the block scalar `source` whose content is indented by `column`.
    pub(crate) fn of(kind: Kind, source: &str, column: usize) -> Option<Self> {
        if !matches!(kind, Kind::Literal | Kind::Folded) {
            return None;
        }
        let width = source.split(['\n', '\r']).skip(1).map(|line| line.len().saturating_sub(column)).max();
        Some(Self { folded: kind == Kind::Folded, chomping: Chomping::of(source), width: width.unwrap_or(0) })
    }
}

/// A text as a block scalar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlockText {
    /// `|` or `>` with its indicators.
    pub(crate) header: String,
    /// Its lines, not indented. The break of the last one is not among them, but belongs to the scalar.
    pub(crate) lines: Vec<String>,
    /// Whether blank lines behind it would be content.
    pub(crate) keeps: bool,
}

impl BlockText {
    /// `text` as a block scalar whose lines are indented by `step` more than what it stands in; `None` where no such scalar is
    /// exactly this text for every reader.
    pub(crate) fn of(text: &str, like: BlockStyle, step: usize) -> Option<Self> {
        let body = text.trim_end_matches('\n');
        let (first, last) = (body.split('\n').next()?, body.rsplit('\n').next()?);
        // A last line of blanks alone would be one behind the content, and a first one tells the indentation.
        let blank = |line: &str| line.bytes().all(|byte| matches!(byte, b' ' | b'\t'));
        if blank(last) || !text.chars().all(|char| is_literal(char) || matches!(char, '\n' | '\t')) {
            return None;
        }
        let breaks = text.len() - body.len();
        let chomping = match (breaks, like.chomping) {
            (0, _) => Chomping::Strip,
            (1, Chomping::Keep) => Chomping::Keep,
            (1, _) => Chomping::Clip,
            _ => Chomping::Keep,
        };
        let written = body.split('\n').find(|line| !line.is_empty()).unwrap_or(first);
        let indented = written.starts_with([' ', '\t']);
        let indicator =
            if indented { format!("{}", Some(step).filter(|step| (1..=9).contains(step))?) } else { String::new() };
        let folded = if like.folded && !indented { fold(body, like.width) } else { None };
        let sign = if folded.is_some() { '>' } else { '|' };
        let mut lines = folded.unwrap_or_else(|| body.split('\n').map(String::from).collect());
        lines.extend((1..breaks).map(|_| String::new()));
        let chomp = match chomping {
            Chomping::Strip => "-",
            Chomping::Clip => "",
            Chomping::Keep => "+",
        };
        let header = format!("{sign}{indicator}{chomp}");
        Some(Self { header, lines, keeps: chomping == Chomping::Keep })
    }

    /// Header and lines, these indented to `column` and separated by `line_break`.
    pub(crate) fn body(&self, column: usize, line_break: &str) -> String {
        let mut out = String::new();
        for line in &self.lines {
            out.push_str(line_break);
            if !line.is_empty() {
                out.extend(core::iter::repeat_n(' ', column));
                out.push_str(line);
            }
        }
        out
    }
}

/// The lines of a folded scalar that read as `body`, no longer than `width` where words allow it; `None` where some line is
/// indented or blank, which folding does not keep as it is.
fn fold(body: &str, width: usize) -> Option<Vec<String>> {
    let mut out = Vec::new();
    for (number, line) in body.split('\n').enumerate() {
        if line.starts_with([' ', '\t']) || line.is_empty() {
            return None;
        }
        if number > 0 {
            out.push(String::new());
        }
        let mut row = String::new();
        for word in line.split(' ') {
            // A line is broken at a single space alone: others would be lost at its end.
            let fits = row.is_empty() || row.len() + 1 + word.len() <= width;
            let breakable = !word.is_empty() && !word.starts_with('\t') && !row.ends_with([' ', '\t']);
            if !fits && breakable {
                out.push(core::mem::replace(&mut row, word.to_owned()));
            } else {
                if !row.is_empty() {
                    row.push(' ');
                }
                row.push_str(word);
            }
        }
        out.push(row);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;
    use crate::yaml::{Document, Schema};

    const FOLDED: BlockStyle = BlockStyle { folded: true, chomping: Chomping::Clip, width: 12 };
    const KEPT: BlockStyle = BlockStyle { folded: false, chomping: Chomping::Keep, width: 12 };

    #[track_caller]
    fn check(text: &str, like: BlockStyle, want: Option<&str>) {
        let block = BlockText::of(text, like, 2);
        let written = block.map(|block| block.header.clone() + &block.body(2, "\n") + "\n");
        assert_eq!(written.as_deref(), want, "{text:?}");
        let Some(written) = written else { return };
        for document in ["k: ".to_string() + &written, "k: ".to_string() + &written + "l: m\n"] {
            let value = Document::parse(document.as_str()).unwrap().to_value(Schema::Helm).unwrap();
            assert_eq!(value.get("k").and_then(|value| value.as_str()), Some(text), "{document:?}");
        }
    }

    #[test]
    fn final_breaks_tell_the_chomping() {
        check("a\nb", BlockStyle::NEW, Some("|-\n  a\n  b\n"));
        check("a\nb\n", BlockStyle::NEW, Some("|\n  a\n  b\n"));
        check("a\nb\n\n", BlockStyle::NEW, Some("|+\n  a\n  b\n\n"));
        check("a\n", KEPT, Some("|+\n  a\n"));
        check("a", KEPT, Some("|-\n  a\n"));
    }

    #[test]
    fn leading_blanks_are_told_by_an_indicator() {
        check("  a\nb", BlockStyle::NEW, Some("|2-\n    a\n  b\n"));
        check("\n\n a\n", BlockStyle::NEW, Some("|2\n\n\n   a\n"));
        check("a\n  b  \n\n c\n", BlockStyle::NEW, Some("|\n  a\n    b  \n\n   c\n"));
        check("\ta\nb", BlockStyle::NEW, Some("|2-\n  \ta\n  b\n"));
    }

    #[test]
    fn folded_lines_are_broken_at_single_spaces() {
        check("one two three four\n", FOLDED, Some(">\n  one two\n  three four\n"));
        check("one two three\nfour", FOLDED, Some(">-\n  one two\n  three\n\n  four\n"));
        check("one  two  three  four", FOLDED, Some(">-\n  one  two  three  four\n"));
        check("one\n  two\n", FOLDED, Some("|\n  one\n    two\n"));
    }

    #[test]
    fn err_texts_that_no_block_scalar_is_for_every_reader() {
        for text in ["", "\n\n", "a\n  ", "a\r\nb", "a\u{7}\nb", "a\u{2028}b\n", "\t"] {
            check(text, BlockStyle::NEW, None);
        }
    }
}
