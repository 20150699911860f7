//! Line breaks: the three inputs are compared with those of ours. Read [`like`].

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::span::{Span, offset};

/// The one kind of line break of a text; `None` where it has several, or none.
fn of(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    if memchr::memchr(b'\r', bytes).is_none() {
        return memchr::memchr(b'\n', bytes).map(|_| "\n");
    }
    let feeds = memchr::memchr_iter(b'\n', bytes).count();
    let returns = memchr::memchr_iter(b'\r', bytes).count();
    let pairs = memchr::memchr_iter(b'\r', bytes).filter(|at| bytes.get(at + 1) == Some(&b'\n')).count();
    match (feeds, returns) {
        (0, _) => Some("\r"),
        (feeds, returns) if feeds == pairs && returns == pairs => Some("\r\n"),
        _ => None,
    }
}

/// The first line break of a text.
fn first(text: &str) -> Option<&str> {
    let at = memchr::memchr2(b'\n', b'\r', text.as_bytes())?;
    let length = if text.get(at..at + 2) == Some("\r\n") { 2 } else { 1 };
    text.get(at..at + length)
}

/// The text with the line breaks of `other`, where both kinds are known and differ.
pub(super) fn like<'t>(text: &'t str, other: &str) -> Cow<'t, str> {
    // Texts that begin alike are of one kind or of none: most need not be read to their ends.
    if first(text) == first(other) {
        return Cow::Borrowed(text);
    }
    match (of(text), of(other)) {
        (Some(own), Some(wanted)) if own != wanted => Cow::Owned(text.replace(own, wanted)),
        _ => Cow::Borrowed(text),
    }
}

/// Where places of a text that [`like`] gave stand in the original.
pub(super) struct Origin {
    /// Ends of the line breaks of the text, where those of the original are of another length.
    breaks: Vec<usize>,
    /// Bytes of a line break in the text, and in the original.
    lengths: (usize, usize),
}

impl Origin {
    pub(super) fn new(text: &str, original: &str) -> Self {
        let none = Self { breaks: Vec::new(), lengths: (0, 0) };
        let (Some(now), Some(then)) = (of(text), of(original)) else { return none };
        if now.len() == then.len() {
            return none;
        }
        let breaks = text.match_indices(now).map(|(at, _)| at + now.len()).collect();
        Self { breaks, lengths: (now.len(), then.len()) }
    }

    pub(super) fn span(&self, span: Span) -> Span {
        let place = |at: u32| {
            let breaks = self.breaks.partition_point(|end| *end <= at as usize);
            offset((at as usize + breaks * self.lengths.1).saturating_sub(breaks * self.lengths.0))
        };
        Span::new(place(span.start), place(span.end))
    }
}
