//! A merged text with conflict markers, for people and version control. Read [`with_markers`].

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::conflict::{ConflictKind, Merge};
use crate::span::{Span, offset};
use crate::splice::{Splice, Splices};
use crate::yaml::lines::Lines;

/// The text of a merge with markers around the lines of each conflict, as git writes them: what ours says, then what theirs
/// says. `size` is how many characters a marker has; 7 is usual. The result is no YAML, unless there is no conflict.
#[must_use]
pub fn with_markers(merge: &Merge, ours: &str, theirs: &str, size: usize) -> String {
    let lines = Lines::new(&merge.text);
    let mut hunks: Vec<Hunk> = Vec::new();
    for conflict in &merge.conflicts {
        let mut hunk = Hunk {
            result: whole_lines(lines, conflict.result),
            ours: conflict.spans.ours.map(|span| whole_lines(Lines::new(ours), span)),
            theirs: conflict.spans.theirs.map(|span| whole_lines(Lines::new(theirs), span)),
        };
        if conflict.kind == ConflictKind::Note && conflict.spans.theirs.is_none() {
            hunk.theirs = None;
        }
        match hunks.last_mut() {
            Some(last) if hunk.result.start < last.result.end => last.join(&hunk),
            _ => hunks.push(hunk),
        }
    }
    let marker = |mark: char| String::from_iter(core::iter::repeat_n(mark, size));
    let splices = hunks.into_iter().map(|hunk| {
        let line_break = lines.line_break(hunk.result.start as usize);
        let side = |span: Option<Span>, text: &str| ended(span.unwrap_or_default().of(text), line_break);
        let (own, their) = (side(hunk.ours, ours), side(hunk.theirs, theirs));
        let begun = if lines.is_start(hunk.result.start as usize) { "" } else { line_break };
        let (open, middle, close) = (marker('<'), marker('='), marker('>'));
        let text = format!("{begun}{open} ours{line_break}{own}{middle}{line_break}{their}{close} theirs{line_break}");
        Splice { span: hunk.result, text }
    });
    Splices::new(splices.collect()).map_or_else(|| merge.text.clone(), |splices| splices.apply(&merge.text))
}

/// Lines of the three texts that one pair of markers holds.
struct Hunk {
    result: Span,
    ours: Option<Span>,
    theirs: Option<Span>,
}

impl Hunk {
    /// Takes in another one that has lines in common.
    fn join(&mut self, other: &Self) {
        let both = |one: Option<Span>, other: Option<Span>| match (one, other) {
            (Some(one), Some(other)) => Some(Span::new(one.start.min(other.start), one.end.max(other.end))),
            (one, other) => one.or(other),
        };
        self.result.end = self.result.end.max(other.result.end);
        self.ours = both(self.ours, other.ours);
        self.theirs = both(self.theirs, other.theirs);
    }
}

/// The lines that hold a span; for an empty one at the end of a line the place behind that line.
fn whole_lines(lines: Lines<'_>, span: Span) -> Span {
    let (start, end) = (span.start as usize, span.end as usize);
    if span.is_empty() {
        let behind = if lines.is_start(start) { start } else { lines.next(start) };
        return Span::at(offset(behind));
    }
    let end = if lines.is_start(end) { end } else { lines.next(end) };
    Span::new(offset(lines.start(start)), offset(end))
}

/// Lines, the last of them ended.
fn ended(text: &str, line_break: &str) -> String {
    let open = !text.is_empty() && !text.ends_with(['\n', '\r']);
    format!("{text}{}", if open { line_break } else { "" })
}
