//! Line breaks: the three inputs are compared with those of ours. Read [`like`].

use alloc::borrow::Cow;

use crate::span::{Span, offset};

/// The one kind of line break of a text; `None` where it has several, or none.
pub(super) fn of(text: &str) -> Option<&'static str> {
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

/// The text with other line breaks, where both kinds are known and differ.
pub(super) fn like<'t>(text: &'t str, wanted: Option<&str>) -> Cow<'t, str> {
    match (of(text), wanted) {
        (Some(own), Some(wanted)) if own != wanted => Cow::Owned(text.replace(own, wanted)),
        _ => Cow::Borrowed(text),
    }
}

/// Where a span of a text that [`like`] gave stands in the original.
pub(super) fn original(span: Span, text: &str, original: &str) -> Span {
    let (Some(now), Some(then)) = (of(text), of(original)) else { return span };
    if now == then {
        return span;
    }
    let place = |at: u32| {
        let breaks = text.get(..at as usize).unwrap_or_default().matches(now).count();
        offset((at as usize + breaks * then.len()).saturating_sub(breaks * now.len()))
    };
    Span::new(place(span.start), place(span.end))
}
