//! One entry of the index: [`Record`], 16 bytes, and what it can be.

use alloc::borrow::Cow;

use crate::span::Span;

/// What a record of the index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// One document of the stream.
    Document,
    /// `%YAML` or `%TAG` or a reserved directive, the whole line.
    Directive,
    /// `---`.
    DocumentStart,
    /// `...`.
    DocumentEnd,
    /// `&name`, in front of its node.
    Anchor,
    /// `!tag`, in front of its node.
    Tag,
    /// `*name`.
    Alias,
    /// Block mapping, YAML 1.2.2 \[187\].
    BlockMapping,
    /// Flow mapping, YAML 1.2.2 \[140\].
    FlowMapping,
    /// The single pair `a: b` inside a flow sequence, YAML 1.2.2 \[150\].
    FlowPair,
    /// Block sequence, YAML 1.2.2 \[183\].
    BlockSequence,
    /// Flow sequence, YAML 1.2.2 \[137\].
    FlowSequence,
    /// Plain scalar.
    Plain,
    /// Single-quoted scalar, quotes included.
    SingleQuoted,
    /// Double-quoted scalar, quotes included.
    DoubleQuoted,
    /// Literal block scalar, from `|` to the end of its last line, that line's break not included.
    Literal,
    /// Folded block scalar, from `>` to the end of its last line, that line's break not included.
    Folded,
    /// A node of which nothing is written; its span is empty and stands behind the indicator or property before it.
    Empty,
}

impl Kind {
    /// An anchor or a tag.
    #[must_use]
    pub fn is_property(self) -> bool {
        matches!(self, Self::Anchor | Self::Tag)
    }

    /// A directive, `---` or `...`.
    #[must_use]
    pub fn is_mark(self) -> bool {
        matches!(self, Self::Directive | Self::DocumentStart | Self::DocumentEnd)
    }

    /// Any mapping.
    #[must_use]
    pub fn is_mapping(self) -> bool {
        matches!(self, Self::BlockMapping | Self::FlowMapping | Self::FlowPair)
    }

    /// Any scalar.
    pub(crate) fn is_scalar(self) -> bool {
        matches!(
            self,
            Self::Plain | Self::SingleQuoted | Self::DoubleQuoted | Self::Literal | Self::Folded | Self::Empty
        )
    }

    /// Any sequence.
    #[must_use]
    pub fn is_sequence(self) -> bool {
        matches!(self, Self::BlockSequence | Self::FlowSequence)
    }
}

/// Notation of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Style {
    /// Indentation.
    Block,
    /// Brackets; a pair inside a flow sequence too.
    Flow,
}

/// One entry of the index, 16 bytes. Invariants: `start <= end`, `next` is behind the record itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Record {
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// Index of the first record behind this one's subtree.
    pub(crate) next: u32,
    pub(crate) kind: Kind,
    /// [`EXPLICIT`] and the like.
    pub(crate) flags: u8,
    /// Column in bytes from 0, 65,535 at most. Of a block scalar: the indentation of its content. Of an empty node: 0.
    pub(crate) column: u16,
}

impl Record {
    /// Decoded text of a scalar.
    pub(crate) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        super::scalar::decode(text, Span::new(self.start, self.end), self.kind, self.column.into())
    }

    /// Name of an anchor or alias, without its mark.
    pub(crate) fn name<'t>(&self, text: &'t str) -> &'t str {
        Span::new(self.start + 1, self.end).of(text)
    }
}

/// Flag of a key that is introduced by `?`.
pub(crate) const EXPLICIT: u8 = 1;

const _: () = assert!(size_of::<Record>() == 16);
