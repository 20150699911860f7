//! A [`Diagnostic`] as people read it, secrets hidden: headline, place, the line with carets under it, hint.

use alloc::string::{String, ToString as _};
use core::fmt::Write as _;

use crate::error::Diagnostic;
use crate::secret::Shown;
use crate::span::{LineCol, Span, offset, width};

impl Diagnostic {
    /// The finding as people read it: headline, place, the line with a caret under it, hint. Ends with a line break.
    ///
    /// `name` is what the text is called (`workspace.yaml`), `shown` the text that the spans point into.
    ///
    /// # Example
    /// ```
    /// use dagster_workspace_core::{secret::Shown, yaml::Document};
    /// let text = "env: {KEY: s3cret";
    /// let error = Document::parse(text).unwrap_err();
    /// assert!(error.diagnostic().render("values.yaml", &Shown::of(text)).contains("1 | env: ***** ******\n"));
    /// ```
    #[must_use]
    pub fn render(&self, name: &str, shown: &Shown<'_>) -> String {
        let Self { code, severity, message, span, related, hint } = shown.finding(self.clone());
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{severity}[{code}]: {message}");
        let places =
            span.iter().map(|span| (*span, "")).chain(related.iter().map(|(span, note)| (*span, note.as_str())));
        let lines = places.clone().map(|(span, _)| LineCol::of(shown.text(), span.start).line);
        let gutter = lines.max().unwrap_or(0).to_string().len();
        for (span, note) in places {
            let at = LineCol::of(shown.text(), span.start);
            let Excerpt { line, indent, carets } = Excerpt::of(shown, span);
            let gap = if note.is_empty() { "" } else { " " };
            let _ = writeln!(out, "{:gutter$}--> {name}:{at}", "");
            let _ = writeln!(out, "{:gutter$} |", "");
            let _ = writeln!(out, "{:gutter$} | {line}", at.line);
            let _ = writeln!(out, "{:gutter$} | {indent}{carets}{gap}{note}", "");
        }
        if let Some(hint) = &hint {
            let _ = writeln!(out, "hint: {hint}");
        }
        out
    }
}

/// Columns of a line that are shown; of a longer one those around the place.
const SHOWN: usize = 160;

/// A line as it is shown, and what stands under it.
struct Excerpt {
    line: String,
    /// From the line's begin to the place; tabs are tabs, so that it is as wide wherever they stop.
    indent: String,
    carets: String,
}

impl Excerpt {
    /// The line in which a span begins, with `…` where something is left out.
    fn of(shown: &Shown<'_>, span: Span) -> Self {
        let (start, end) = line_around(shown.text(), span.range().start);
        let at = span.range().start.clamp(start, end);
        let part = |from: usize, to: usize| shown.part(Span::new(offset(from), offset(to)));
        let (head, tail) = (part(start, at), part(at, end));
        let is_long = wide(&head) + wide(&tail) > SHOWN;
        let head_room = if is_long { SHOWN / 2 } else { SHOWN };
        let (left_out, head) = last_columns(&head, head_room);
        let (tail, right_out) = first_columns(&tail, SHOWN.saturating_sub(wide(head)));
        let mark = |is_cut: bool| if is_cut { "…" } else { "" };
        let indent: String = mark(left_out).chars().chain(head.chars()).flat_map(blanks).collect();
        let room = wide(tail).max(1);
        let carets = "^".repeat(wide(&part(at, span.range().end.clamp(at, end))).clamp(1, room));
        Self { line: [mark(left_out), head, tail, mark(right_out)].concat(), indent, carets }
    }
}

/// What takes as many columns as a character, and shows nothing.
fn blanks(c: char) -> impl Iterator<Item = char> {
    let blank = if c == '\t' { '\t' } else { ' ' };
    core::iter::repeat_n(blank, width(c))
}

fn wide(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// The end of a text that fits into so many columns, and whether something is left out before it.
fn last_columns(text: &str, columns: usize) -> (bool, &str) {
    let mut left = columns;
    for (at, c) in text.char_indices().rev() {
        match left.checked_sub(width(c)) {
            Some(rest) => left = rest,
            None => return (true, text.get(at + c.len_utf8()..).unwrap_or_default()),
        }
    }
    (false, text)
}

/// The begin of a text that fits into so many columns, and whether something is left out behind it.
fn first_columns(text: &str, columns: usize) -> (&str, bool) {
    let mut left = columns;
    for (at, c) in text.char_indices() {
        match left.checked_sub(width(c)) {
            Some(rest) => left = rest,
            None => return (text.get(..at).unwrap_or_default(), true),
        }
    }
    (text, false)
}

/// Where the line of a byte begins and ends, without its break and without a byte order mark.
fn line_around(text: &str, at: usize) -> (usize, usize) {
    let at = at.min(text.len());
    let start = text.get(..at).and_then(|head| head.rfind(['\n', '\r'])).map_or(0, |at| at + 1);
    let line = text.get(start..).unwrap_or_default();
    let line = line.split(['\n', '\r']).next().unwrap_or_default();
    let mark = if line.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    (start + mark, start + line.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, span: Span, line: &str, carets: &str) {
        let finding = Diagnostic::error("DW0000", span, "x");
        let at = LineCol::of(text, span.start);
        let expected = alloc::format!("error[DW0000]: x\n --> a.yaml:{at}\n  |\n{} | {line}\n  | {carets}\n", at.line);
        assert_eq!(finding.render("a.yaml", &Shown::of(text)), expected);
    }

    #[test]
    fn a_short_line_is_shown_whole() {
        check("a: b\nü: {{a}}\n", Span::new(9, 11), "ü: {{a}}", "   ^^");
        check("\u{feff}a: b\n", Span::new(3, 4), "a: b", "^");
        check("a: b\n", Span::new(4, 5), "a: b", "    ^");
        check("a: b", Span::new(4, 90), "a: b", "    ^");
    }

    #[test]
    fn carets_stand_under_the_place_behind_what_is_wide_combining_tabbed_or_hidden() {
        check("日本: [x\n", Span::new(8, 9), "日本: [x", "      ^");
        check("e\u{301}: [x\n", Span::new(5, 6), "e\u{301}: [x", "   ^");
        check("a: '日本' [", Span::new(3, 11), "a: '日本' [", "   ^^^^^^");
        check("a:\tb [\n", Span::new(5, 6), "a:\tb [", "  \t  ^");
        check(
            "{env: {A: 日本ü, B: x}, c: d]",
            Span::new(31, 32),
            "{env: *** ****** ** *** ** **",
            "                            ^",
        );
        check(
            "{env: {A: 日本ü, B: x}, c: d}\n",
            Span::new(27, 28),
            "{env: {A: *****, B: *}, c: d}",
            "                        ^",
        );
    }

    #[test]
    fn of_a_long_line_the_surroundings_are_shown() {
        let text = alloc::format!("{}ü!{}", "a".repeat(1_000_000), "b".repeat(1_000_000));
        let line = alloc::format!("…{}ü!{}…", "a".repeat(79), "b".repeat(79));
        check(&text, Span::new(1_000_002, 1_000_003), &line, &alloc::format!("{}^", " ".repeat(81)));
        let finding = Diagnostic::error("DW0000", Span::new(5, 2_000_000), "x");
        assert!(finding.render("a.yaml", &Shown::of(&text)).len() < 600);
    }
}
