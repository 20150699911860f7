//! Text edits as data. A [`Splices`] is sorted and disjoint, and the only thing here that makes new text out of old.
//! Read [`Splice`] first.

use alloc::string::String;
use alloc::vec::Vec;

use crate::span::{Span, offset};

/// Replaces the bytes of `span` by `text`; an empty span inserts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// Bytes of the old text that go.
    pub span: Span,
    /// What comes in their place.
    pub text: String,
}

/// Edits of one text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Splices {
    /// Invariant: sorted by start, no two overlap.
    all: Vec<Splice>,
    /// By how much the text has grown behind each of them, modulo 2^32.
    grown: Vec<u32>,
}

impl Splices {
    /// Sorts the edits; `None` where two of them overlap.
    #[must_use]
    pub fn new(mut splices: Vec<Splice>) -> Option<Self> {
        // Stable: insertions at one place stay in the order in which they were given.
        splices.sort_by_key(|splice| (splice.span.start, splice.span.end));
        let disjoint = splices.windows(2).all(|pair| match pair {
            [first, second] => first.span.end <= second.span.start,
            _ => true,
        });
        let grown = splices.iter().scan(0_u32, |sum, splice| {
            *sum = sum.wrapping_add(growth(splice));
            Some(*sum)
        });
        let grown = grown.collect();
        disjoint.then_some(Self { all: splices, grown })
    }

    /// The edits, in order.
    #[must_use]
    pub fn as_slice(&self) -> &[Splice] {
        &self.all
    }

    /// The text after all edits, made in one copy. Bytes outside the splices are unchanged; a splice that does not fit the
    /// text ends it.
    #[must_use]
    pub fn apply(&self, text: &str) -> String {
        self.within(Span { start: 0, end: u32::MAX }, text)
    }

    /// The bytes of `window` after all edits, which must lie inside it.
    #[must_use]
    pub(crate) fn within(&self, window: Span, text: &str) -> String {
        let end = (window.end as usize).min(text.len());
        let start = (window.start as usize).min(end);
        let mut out = String::with_capacity(self.length(end - start));
        let mut at = start;
        for Splice { span, text: new } in &self.all {
            push(&mut out, text.get(at..span.start as usize).unwrap_or_default());
            out.push_str(new);
            at = span.end as usize;
        }
        push(&mut out, text.get(at..end).unwrap_or_default());
        out
    }

    /// Bytes of a text after all edits that has `length` now.
    #[must_use]
    pub fn length(&self, length: usize) -> usize {
        let added: usize = self.all.iter().map(|splice| splice.text.len()).sum();
        let removed: usize = self.all.iter().map(|splice| splice.span.len()).sum();
        (length + added).saturating_sub(removed)
    }

    /// By how many bytes the text grows, modulo 2^32: added with wrapping it moves an offset behind all edits.
    #[must_use]
    pub(crate) fn growth(&self) -> u32 {
        self.grown.last().copied().unwrap_or(0)
    }

    /// Where the byte at `offset` of the old text stands in the new one, for bytes that are kept. An insertion at `offset`
    /// itself counts as before it.
    #[must_use]
    pub fn moved(&self, offset: u32) -> u32 {
        let before = self.all.partition_point(|splice| splice.span.end <= offset);
        let grown = before.checked_sub(1).and_then(|last| self.grown.get(last));
        offset.wrapping_add(grown.copied().unwrap_or(0))
    }
}

/// Appends `text` piece by piece: many C libraries move more than some KiB by one `rep movsb`, which is fifteen times
/// slower on AMD processors where text moves by a few bytes within a page, and that is what edits do.
fn push(out: &mut String, mut text: &str) {
    const PIECE: usize = 2048;
    while !text.is_empty() {
        let end = (PIECE.min(text.len())..).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        let (piece, rest) = text.split_at(end);
        out.push_str(piece);
        text = rest;
    }
}

fn growth(splice: &Splice) -> u32 {
    let added = offset(splice.text.len());
    added.wrapping_sub(splice.span.end - splice.span.start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn splice(start: u32, end: u32, text: &str) -> Splice {
        Splice { span: Span::new(start, end), text: text.into() }
    }

    #[test]
    fn edits_apply_in_place_and_move_what_follows() {
        let splices = Splices::new(vec![splice(4, 5, ""), splice(2, 2, "xy")]).unwrap();
        assert_eq!(splices.apply("abcdef"), "abxycdf");
        assert_eq!(splices.growth(), 1);
        assert_eq!([0, 2, 3, 5].map(|offset| splices.moved(offset)), [0, 4, 5, 6]);
    }

    #[test]
    fn overlapping_edits_are_none() {
        assert_eq!(Splices::new(vec![splice(0, 3, ""), splice(2, 4, "")]), None);
    }
}
