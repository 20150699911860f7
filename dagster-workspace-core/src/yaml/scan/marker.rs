//! The lines that git and `yaml merge --driver` leave where both sides changed the same. They begin their line, so what is
//! indented (a file inside of a block scalar) is content. Read [`in_content`].

use crate::span::{Span, offset};
use crate::yaml::record::{Kind, Record};

/// Least length of a marker, and git's own.
const LENGTH: usize = 7;

/// A marker of a side in a text that can be read all the same: a line of a scalar in brackets or in quotes, say. A lone
/// `=======` may underline a heading, and what stands in a block scalar is content.
pub(super) fn in_content(text: &str, records: &[Record]) -> Option<Span> {
    // Most texts hold none, and are seen through at once.
    let bytes = text.as_bytes();
    let begins = |at: usize| {
        let marks = bytes.get(at..at + LENGTH);
        marks.is_some_and(|marks| marks.iter().all(|mark| bytes.get(at) == Some(mark)))
    };
    if !memchr::memchr2_iter(b'<', b'>', bytes).any(begins) {
        return None;
    }
    let content = |span: &Span| {
        records.iter().any(|record| {
            matches!(record.kind, Kind::Literal | Kind::Folded) && record.start <= span.start && span.end <= record.end
        })
    };
    markers(text).filter(|(mark, _)| matches!(mark, '<' | '>')).map(|(_, span)| span).find(|span| !content(span))
}

/// The marker that explains an error at `at`: the first of the text where it has those of both sides, else that of the line
/// itself.
pub(super) fn behind(text: &str, at: usize) -> Option<Span> {
    let first = markers(text).find(|(mark, _)| *mark == '<');
    let both = first.filter(|_| markers(text).any(|(mark, _)| mark == '>'));
    let own = || markers(text).find(|(_, span)| span.start as usize <= at && at <= span.end as usize);
    both.or_else(own).map(|(_, span)| span)
}

/// The markers of a text in order, each with the character that it is made of.
fn markers(text: &str) -> impl Iterator<Item = (char, Span)> + '_ {
    let mut at = 0;
    text.split_inclusive(['\n', '\r']).filter_map(move |line| {
        let start = at;
        at += line.len();
        let mark = line.chars().next().filter(|mark| matches!(mark, '<' | '|' | '=' | '>'))?;
        let line = line.trim_end();
        let behind = line.trim_start_matches(mark);
        let length = line.len() - behind.len();
        let is_marker = length >= LENGTH && (behind.is_empty() || behind.starts_with(' '));
        is_marker.then(|| (mark, Span::new(offset(start), offset(start + length))))
    })
}
