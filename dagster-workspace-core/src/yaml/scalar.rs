//! From the notation of a scalar to its text.

use alloc::borrow::Cow;

use super::document::Kind;

pub(crate) fn decode(_kind: Kind, source: &str, _indent: usize) -> Cow<'_, str> {
    Cow::Borrowed(source)
}
