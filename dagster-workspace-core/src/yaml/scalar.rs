//! From the notation of a scalar to its text. [`decode`] is total: what the scanner refuses cannot reach it, and if it
//! did, it would come out as it is written. Nothing is copied where nothing changes.

use alloc::borrow::Cow;
use alloc::string::String;
use core::iter;

use super::record::Kind;
use crate::span::Span;

/// Text of the scalar at `span`. `indent` counts only for block scalars: the indentation of their content, in spaces.
///
/// A block scalar's span ends in front of the break of its last line, so this looks behind it.
pub(crate) fn decode(text: &str, span: Span, kind: Kind, indent: usize) -> Cow<'_, str> {
    let source = span.of(text);
    match kind {
        Kind::Plain => plain(source),
        Kind::SingleQuoted => single_quoted(source),
        Kind::DoubleQuoted => double_quoted(source),
        Kind::Literal => literal(text, span, indent),
        Kind::Folded => Cow::Owned(folded(&Block::read(text, span, indent))),
        _ => Cow::Borrowed(source),
    }
}

/// Plain scalar, YAML 1.2.2 \[126\]: only its line breaks are notation.
fn plain(source: &str) -> Cow<'_, str> {
    if memchr::memchr2(b'\n', b'\r', source.as_bytes()).is_none() {
        return Cow::Borrowed(source);
    }
    let mut out = String::with_capacity(source.len());
    let mut folding = Folding::default();
    for line in lines(source) {
        folding.line(&mut out, line);
        out.push_str(folding.rest);
    }
    Cow::Owned(out)
}

/// Single-quoted scalar, YAML 1.2.2 \[119\], quotes included in `source`.
fn single_quoted(source: &str) -> Cow<'_, str> {
    let inner = unquoted(source, '\'');
    if memchr::memchr3(b'\n', b'\r', b'\'', inner.as_bytes()).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut out = String::with_capacity(inner.len());
    let mut folding = Folding::default();
    for line in lines(inner) {
        folding.line(&mut out, line);
        let mut rest = folding.rest;
        while let Some((head, tail)) = rest.split_once("''") {
            out.push_str(head);
            out.push('\'');
            rest = tail;
        }
        out.push_str(rest);
    }
    Cow::Owned(out)
}

/// Double-quoted scalar, YAML 1.2.2 \[109\], quotes included in `source`.
fn double_quoted(source: &str) -> Cow<'_, str> {
    let inner = unquoted(source, '"');
    if memchr::memchr3(b'\n', b'\r', b'\\', inner.as_bytes()).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut out = String::with_capacity(inner.len());
    let mut folding = Folding::default();
    for line in lines(inner) {
        folding.line(&mut out, line);
        let mut rest = folding.rest;
        while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
            let (head, escape) = rest.split_at(at);
            out.push_str(head);
            rest = escape.get(1..).unwrap_or_default();
            if rest.is_empty() {
                // The backslash is the last of its line: it takes the break away and keeps the blanks before it.
                folding.escaped_break = true;
            } else {
                rest = unescape(rest, &mut out);
            }
            folding.kept = out.len();
        }
        out.push_str(rest);
    }
    Cow::Owned(out)
}

fn unquoted(source: &str, quote: char) -> &str {
    let inner = source.strip_prefix(quote).unwrap_or(source);
    inner.strip_suffix(quote).unwrap_or(inner)
}

/// Adds what the escape stands for that begins `rest`, its backslash already taken, and gives what follows it.
fn unescape<'s>(rest: &'s str, out: &mut String) -> &'s str {
    let mut chars = rest.chars();
    let Some(letter) = chars.next() else { return rest };
    let digits = match letter {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => 0,
    };
    let after = chars.as_str();
    if digits > 0 {
        let code = after.get(..digits).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        // Half a surrogate pair is no character; JSON writers leave pairs of them, which YAML does not know.
        out.push(code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER));
        return after.get(digits..).unwrap_or_default();
    }
    out.push(match letter {
        '0' => '\0',
        'a' => '\x07',
        'b' => '\x08',
        't' => '\t',
        'n' => '\n',
        'v' => '\x0b',
        'f' => '\x0c',
        'r' => '\r',
        'e' => '\x1b',
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        other => other,
    });
    after
}

/// Line folding in flow scalars, YAML 1.2.2 section 6.5: one break becomes a space, of more breaks the first goes.
#[derive(Default)]
struct Folding<'s> {
    begun: bool,
    /// Breaks since the last line with content.
    breaks: usize,
    /// Whether the first of those breaks was escaped.
    escaped_break: bool,
    /// Length of the text that no trimming may touch: an escape made it.
    kept: usize,
    /// The line as far as it is content.
    rest: &'s str,
}

impl<'s> Folding<'s> {
    /// Ends the line before in `out`, and leaves the content of `line` in `rest`, its trailing blanks still on it.
    fn line(&mut self, out: &mut String, line: &'s str) {
        if !self.begun {
            self.begun = true;
            self.rest = line;
            return;
        }
        if self.breaks == 0 && !self.escaped_break {
            let end = out.trim_end_matches(BLANK).len();
            out.truncate(end.max(self.kept));
        }
        self.rest = line.trim_start_matches(BLANK);
        self.breaks += 1;
        if self.escaped_break {
            // Every empty line behind an escaped break is a line break of the text.
            if self.breaks > 1 {
                out.push('\n');
            }
        } else if self.breaks == 1 {
            out.push(' ');
        } else {
            if self.breaks == 2 {
                out.pop();
            }
            out.push('\n');
        }
        if !self.rest.is_empty() {
            self.breaks = 0;
            self.escaped_break = false;
        }
        self.kept = out.len();
    }
}

const BLANK: [char; 2] = [' ', '\t'];

/// The lines of `text` without their breaks (LF, CR LF, CR); one more than it has breaks.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    iter::from_fn(move || {
        let (line, after) = split_line(rest?);
        rest = after;
        Some(line)
    })
}

/// The first line without its break, and what follows the break; `None` where there is no break.
fn split_line(text: &str) -> (&str, Option<&str>) {
    let Some(at) = memchr::memchr2(b'\n', b'\r', text.as_bytes()) else { return (text, None) };
    let (line, rest) = text.split_at(at);
    (line, rest.strip_prefix("\r\n").or_else(|| rest.get(1..)))
}

/// Block chomping indicator, YAML 1.2.2 \[164\].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

/// A block scalar taken apart.
struct Block<'s> {
    chomping: Chomping,
    /// Lines up to the last that holds content, their indentation still on them; `None` where all are empty.
    content: Option<&'s str>,
    indent: usize,
    /// Breaks behind the content: its own, and those of the empty lines that follow.
    trailing: usize,
}

impl<'s> Block<'s> {
    fn read(text: &'s str, span: Span, indent: usize) -> Self {
        let source = span.of(text);
        let (header, body) = split_line(source);
        // Only the indicators count: a comment behind them may hold anything.
        let indicators = header.split([' ', '\t']).next().unwrap_or_default();
        let chomping = if indicators.contains('-') {
            Chomping::Strip
        } else if indicators.contains('+') {
            Chomping::Keep
        } else {
            Chomping::Clip
        };
        let Some(body) = body else { return Self { chomping, content: None, indent, trailing: 0 } };
        let behind = text.get(span.range().end..).unwrap_or_default();
        // A last line of spaces counts as ended even where the text is (official suite JEF9/02, L24T/01); a last line of
        // text without a break has none, as PyYAML and go-yaml read.
        let last = body.rsplit(['\n', '\r']).next().unwrap_or_default();
        let blank = behind.is_empty() && !last.is_empty() && last.bytes().all(|byte| byte == b' ');
        let ended = usize::from(behind.starts_with(['\n', '\r']) || blank);
        let mut end = None;
        let (mut at, mut breaks) = (0, 0);
        for line in lines(body) {
            if is_empty_line(line, indent) {
                breaks += 1;
            } else {
                // `breaks` counts this line's own break and those of empty lines behind it.
                breaks = 1;
                end = Some(at + line.len());
            }
            at += line.len();
            at += body.get(at..).map_or(0, break_len);
        }
        Self { chomping, content: end.and_then(|end| body.get(..end)), indent, trailing: breaks - 1 + ended }
    }

    /// Ends the text as the chomping indicator asks.
    fn chomp(&self, out: &mut String) {
        let count = match self.chomping {
            Chomping::Strip => 0,
            Chomping::Clip => self.trailing.min(usize::from(self.content.is_some())),
            Chomping::Keep => self.trailing,
        };
        out.extend(iter::repeat_n('\n', count));
    }
}

fn break_len(rest: &str) -> usize {
    if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with(['\n', '\r'])) }
}

/// Whether a line of a block scalar is empty, YAML 1.2.2 \[70\]: no more than its indentation.
fn is_empty_line(line: &str, indent: usize) -> bool {
    line.len() <= indent && line.bytes().all(|byte| byte == b' ')
}

/// The line without the indentation of the scalar. A line that has less is empty, or no line of it at all.
fn unindented(line: &str, indent: usize) -> &str {
    let spaces = line.bytes().take(indent).take_while(|byte| *byte == b' ').count();
    line.get(spaces..).unwrap_or_default()
}

/// Literal scalar, YAML 1.2.2 \[170\].
fn literal(text: &str, span: Span, indent: usize) -> Cow<'_, str> {
    let block = Block::read(text, span, indent);
    let Some(content) = block.content else {
        let mut out = String::new();
        block.chomp(&mut out);
        return Cow::Owned(out);
    };
    if block.chomping == Chomping::Strip && memchr::memchr2(b'\n', b'\r', content.as_bytes()).is_none() {
        return Cow::Borrowed(unindented(content, indent));
    }
    let mut out = String::with_capacity(content.len());
    for (number, line) in lines(content).enumerate() {
        if number > 0 {
            out.push('\n');
        }
        out.push_str(unindented(line, indent));
    }
    block.chomp(&mut out);
    Cow::Owned(out)
}

/// Folded scalar, YAML 1.2.2 \[174\]: as literal, but a break between two lines that begin with no blank is folded.
fn folded(block: &Block<'_>) -> String {
    let mut out = String::with_capacity(block.content.map_or(0, str::len));
    // Breaks before the line, and whether the last line with content began with a blank; leading breaks are all kept.
    let (mut breaks, mut spaced) = (0_usize, true);
    let content = block.content.into_iter().flat_map(lines);
    for line in content.map(|line| unindented(line, block.indent)) {
        if line.is_empty() {
            breaks += 1;
            continue;
        }
        let now_spaced = line.starts_with(BLANK);
        match breaks {
            1 if !spaced && !now_spaced => out.push(' '),
            _ if !spaced && !now_spaced => out.extend(iter::repeat_n('\n', breaks - 1)),
            _ => out.extend(iter::repeat_n('\n', breaks)),
        }
        out.push_str(line);
        (breaks, spaced) = (1, now_spaced);
    }
    block.chomp(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes `source` where `behind` follows it.
    fn decoded(kind: Kind, source: &str, indent: usize, behind: &str) -> String {
        let text = alloc::format!("ü: {source}{behind}");
        let span = Span::new(4, u32::try_from(4 + source.len()).unwrap());
        decode(&text, span, kind, indent).into_owned()
    }

    fn check(kind: Kind, table: &[(&str, &str)]) {
        for (source, expected) in table {
            for line_break in ["\n", "\r\n", "\r"] {
                let source = source.replace('\n', line_break);
                assert_eq!(decoded(kind, &source, 0, ""), *expected, "{source:?}");
            }
        }
    }

    #[test]
    fn plain_scalars_fold_their_lines() {
        check(
            Kind::Plain,
            &[
                ("etl", "etl"),
                ("a  b\tc", "a  b\tc"),
                ("a\n  b", "a b"),
                ("a \t \n \t b", "a b"),
                ("a\n\n b", "a\nb"),
                ("a\n \n\t\n b\n c", "a\n\nb c"),
                ("1st non-empty\n\n 2nd non-empty \n\t3rd non-empty", "1st non-empty\n2nd non-empty 3rd non-empty"),
                ("ä\nö", "ä ö"),
            ],
        );
    }

    #[test]
    fn single_quoted_scalars_fold_lines_and_halve_quotes() {
        check(
            Kind::SingleQuoted,
            &[
                ("''", ""),
                ("'a'", "a"),
                ("'it''s'", "it's"),
                ("''''", "'"),
                ("''''''", "''"),
                ("'a\\n\"b'", "a\\n\"b"),
                ("' 1st\n\n 2nd \n\t3rd '", " 1st\n2nd 3rd "),
                ("'\n'", " "),
                ("' \n '", " "),
                ("'\n\n'", "\n"),
                ("'  \n a'", " a"),
                ("'a\n '", "a "),
                ("'a''\n''b'", "a' 'b"),
            ],
        );
    }

    #[test]
    fn double_quoted_scalars_fold_lines_and_resolve_escapes() {
        check(
            Kind::DoubleQuoted,
            &[
                ("\"\"", ""),
                ("\"a'b\"", "a'b"),
                (r#""\0\a\b\t\n\v\f\r\e""#, "\0\x07\x08\t\n\x0b\x0c\r\x1b"),
                (r#""\ \"\/\\\N\_\L\P""#, " \"/\\\u{85}\u{a0}\u{2028}\u{2029}"),
                (r#""\x41\u263A\U0001F600z""#, "A☺😀z"),
                ("\"a\\\tb\"", "a\tb"),
                ("\" 1st\n\n 2nd \n\t3rd \"", " 1st\n2nd 3rd "),
                // YAML 1.2.2 example 7.5.
                (
                    "\"folded \nto a space,\t\n \nto a line feed, or \t\\\n \\ \tnon-content\"",
                    "folded to a space,\nto a line feed, or \t \tnon-content",
                ),
                ("\"a\\\n  b\"", "ab"),
                ("\"a \\\n  b\"", "a b"),
                ("\"a\\\n\n  b\"", "a\nb"),
                ("\"a\\\n\n\n  b\"", "a\n\nb"),
                ("\"a\\\n  \"", "a"),
                ("\"a\\t\n b\"", "a\t b"),
                ("\"a\\t \t\n b\"", "a\t b"),
                ("\"a\\n\n b\"", "a\n b"),
                ("\"\\\n\"", ""),
                ("\"\n\"", " "),
                ("\"a\\\n b \n c\"", "ab c"),
            ],
        );
    }

    #[test]
    fn malformed_scalars_do_not_panic() {
        let sources =
            ["", "\"", "'", "\"\\", "\"\\x", "\"\\xé\"", "\"\\ud83d\"", "\"\\U99999999\"", "|", ">", "|\n", ">-\n x"];
        for source in sources {
            for kind in [Kind::Plain, Kind::SingleQuoted, Kind::DoubleQuoted, Kind::Literal, Kind::Folded, Kind::Empty]
            {
                for indent in [0, 1, 70_000] {
                    decoded(kind, source, indent, "");
                    decoded(kind, source, indent, "\r");
                }
            }
        }
        assert_eq!(decode("é", Span::new(1, 9), Kind::Literal, 3), "");
        assert_eq!(decoded(Kind::DoubleQuoted, r#""\ud83d!""#, 0, ""), "\u{fffd}!");
    }

    /// Rows: source, what follows it, its literal text, its folded text.
    #[test]
    fn block_scalars_chomp_and_fold() {
        let table = [
            ("|\n  a", "\n", "a\n", "a\n"),
            ("|\n  a", "", "a", "a"),
            ("|-\n  a", "\n", "a", "a"),
            ("|+\n  a", "\n", "a\n", "a\n"),
            ("|+\n  a", "", "a", "a"),
            ("|+\n  a\n\n", "\nb: 1", "a\n\n\n", "a\n\n\n"),
            ("|\n  a\n\n", "\nb: 1", "a\n", "a\n"),
            ("|\n  a\n\n", "", "a\n", "a\n"),
            ("|-\n  a\n \n", "\n", "a", "a"),
            ("|", "\n", "", ""),
            ("|+", "", "", ""),
            ("|+", "\n", "", ""),
            ("|+\n", "\nb: 1", "\n", "\n"),
            ("|+\n\n", "\n", "\n\n", "\n\n"),
            ("|\n\n", "\n", "", ""),
            ("|2-  # + comment\n   a", "\n", " a", " a"),
            ("|\n  a\n  b", "\n", "a\nb\n", "a b\n"),
            ("|\n  a\n\n  b", "\n", "a\n\nb\n", "a\nb\n"),
            ("|\n\n\n  a", "\n", "\n\na\n", "\n\na\n"),
            ("|\n  a\n   b\n  c", "\n", "a\n b\nc\n", "a\n b\nc\n"),
            ("|\n  a\n\n   b\n\n  c", "\n", "a\n\n b\n\nc\n", "a\n\n b\n\nc\n"),
            ("|\n  a\n  \tb\n  c", "\n", "a\n\tb\nc\n", "a\n\tb\nc\n"),
            ("|\n  a \n  b", "\n", "a \nb\n", "a  b\n"),
            ("|\n  a\n    ", "\n", "a\n  \n", "a\n  \n"),
            ("|\n  a\n  ", "\n", "a\n", "a\n"),
            // YAML 1.2.2 example 8.10.
            (
                "|\n\n  folded\n  line\n\n  next\n  line\n    * bullet\n\n    * list\n    * lines\n\n  last\n  line",
                "\n\n# Comment\n",
                "\nfolded\nline\n\nnext\nline\n  * bullet\n\n  * list\n  * lines\n\nlast\nline\n",
                "\nfolded line\nnext line\n  * bullet\n\n  * list\n  * lines\n\nlast line\n",
            ),
        ];
        for (source, behind, literal, folded) in table {
            for line_break in ["\n", "\r\n", "\r"] {
                let (source, behind) = (source.replace('\n', line_break), behind.replace('\n', line_break));
                assert_eq!(decoded(Kind::Literal, &source, 2, &behind), literal, "{source:?}");
                let source = source.replacen('|', ">", 1);
                assert_eq!(decoded(Kind::Folded, &source, 2, &behind), folded, "{source:?}");
            }
        }
    }

    #[test]
    fn text_written_as_it_is_meant_is_borrowed() {
        for (kind, source) in [
            (Kind::Plain, "a b"),
            (Kind::SingleQuoted, "'a \"b'"),
            (Kind::DoubleQuoted, "\"a 'b\""),
            (Kind::Literal, "|-\n  a b"),
            (Kind::Empty, ""),
        ] {
            let span = Span::new(0, u32::try_from(source.len()).unwrap());
            assert!(matches!(decode(source, span, kind, 2), Cow::Borrowed(_)), "{source:?}");
        }
    }
}
