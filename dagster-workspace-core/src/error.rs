//! What went wrong, as data: [`Diagnostic`] is one finding for people and programs; [`ParseError`] and [`Refusal`] are the
//! two ways in which reading and editing say no. Read [`Diagnostic`] first.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::span::Span;

/// How much a [`Diagnostic`] weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is refused.
    Warning,
    /// Dagster, the chart or the API server would refuse or misread it.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One finding about a text: a stable code, a message, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code, `DW` and four digits: 00 reading, 01 workspace, 02 values, 03 both together, 04 editing, 05 transforms,
    /// 06 a running system, 07 compiling, 08 merging.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// Lower case, no full stop, values in backticks.
    pub message: String,
    /// The place it is about, in the text it was found in.
    pub span: Option<Span>,
    /// Other places, each with a few words (`also here`).
    pub related: Vec<(Span, String)>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// How findings are made.
impl Diagnostic {
    /// Something that Dagster, the chart or the API server refuses or misreads.
    pub(crate) fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            span: Some(span),
            related: Vec::new(),
            hint: None,
        }
    }

    /// Something worth knowing.
    pub(crate) fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub(crate) fn with_related(mut self, span: Span, note: impl Into<String>) -> Self {
        self.related.push((span, note.into()));
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]: {}", self.severity, self.code, self.message)
    }
}

/// The text is not what YAML 1.2.2 allows, or larger than this crate reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct ParseError {
    /// What is wrong.
    pub problem: Problem,
    /// Where the reader stood.
    pub span: Span,
}

/// What is wrong with a text that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Text over [`crate::yaml::MAX_LEN`] bytes.
    #[error("the text is larger than 64 MiB")]
    TooLarge,
    /// Collections nested deeper than [`crate::yaml::MAX_DEPTH`].
    #[error("collections are nested more than 512 deep")]
    TooDeep,
    /// A character that YAML 1.2.2 \[1\] c-printable leaves out.
    #[error("control character in the text")]
    ControlCharacter,
    /// The text is not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// A tab where only spaces can indent.
    #[error("a tab cannot indent a block collection")]
    TabIndentation,
    /// A line less or more indented than any open collection.
    #[error("the indentation fits no open collection")]
    Indentation,
    /// Something stands where the collection needs a key.
    #[error("expected a mapping key with `:`")]
    ExpectedKey,
    /// Something stands where the sequence needs `- `.
    #[error("expected a sequence item with `- `")]
    ExpectedItem,
    /// A `: ` where no mapping can start.
    #[error("a mapping cannot start here")]
    MappingNotAllowed,
    /// A `- ` where no sequence can start.
    #[error("a sequence cannot start here")]
    SequenceNotAllowed,
    /// A key that runs over several lines, or over 1,024 characters.
    #[error("a key must stand on one line and be at most 1024 characters long")]
    LongKey,
    /// A quoted scalar or flow collection that does not end.
    #[error("not closed before the end of the document")]
    Unclosed,
    /// A closing bracket of the wrong kind, or none open.
    #[error("this bracket closes nothing")]
    UnexpectedBracket,
    /// Text behind a complete node.
    #[error("unexpected text after the end of a value")]
    TrailingContent,
    /// A missing comma between flow entries, or one too many.
    #[error("expected `,` or the closing bracket")]
    ExpectedComma,
    /// A comma without an entry before it.
    #[error("a comma without an entry before it")]
    UnexpectedComma,
    /// A flow mapping as plain scalar (`{{ .Values.x }}`).
    #[error("template braces are not YAML")]
    Template,
    /// A `#` directly behind a token.
    #[error("a comment needs a space before its `#`")]
    CommentWithoutSpace,
    /// An escape that double-quoted scalars do not know.
    #[error("unknown escape in a double-quoted scalar")]
    Escape,
    /// A plain scalar that begins with a reserved character.
    #[error("a plain scalar cannot begin with this character")]
    PlainStart,
    /// A wrong header or indentation of a block scalar.
    #[error("malformed block scalar")]
    BlockScalar,
    /// Two anchors or two tags on one node, or either on an alias.
    #[error("a node takes at most one anchor and one tag, an alias none")]
    Properties,
    /// An anchor or alias without a name.
    #[error("expected a name after `&` or `*`")]
    AnchorName,
    /// A tag with wrong characters, or a handle that no `%TAG` names.
    #[error("malformed tag, or a handle that no `%TAG` directive names")]
    Tag,
    /// A malformed, repeated or misplaced directive.
    #[error("malformed or misplaced directive")]
    Directive,
    /// A document marker inside a quoted scalar or flow collection.
    #[error("a document marker inside a quoted scalar or flow collection")]
    DocumentMarker,
    /// A line that a merge left where both sides changed the same: `<<<<<<<`, `|||||||`, `=======` or `>>>>>>>`.
    #[error("a merge conflict marker")]
    ConflictMarker,
    /// A line that continues a scalar or flow collection but is not indented deeper than its parent.
    #[error("a continued line must be indented deeper than its parent")]
    Continuation,
}

impl Problem {
    /// Stable code, `DW00` and two digits.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "DW0001",
            Self::TooDeep => "DW0002",
            Self::ControlCharacter => "DW0003",
            Self::NotUtf8 => "DW0004",
            Self::TabIndentation => "DW0005",
            Self::Indentation => "DW0006",
            Self::ExpectedKey => "DW0007",
            Self::ExpectedItem => "DW0008",
            Self::MappingNotAllowed => "DW0009",
            Self::SequenceNotAllowed => "DW0010",
            Self::LongKey => "DW0011",
            Self::Unclosed => "DW0012",
            Self::UnexpectedBracket => "DW0013",
            Self::TrailingContent => "DW0014",
            Self::ExpectedComma => "DW0015",
            Self::UnexpectedComma => "DW0016",
            Self::Template => "DW0017",
            Self::CommentWithoutSpace => "DW0018",
            Self::Escape => "DW0019",
            Self::PlainStart => "DW0020",
            Self::BlockScalar => "DW0021",
            Self::Properties => "DW0022",
            Self::AnchorName => "DW0023",
            Self::Tag => "DW0024",
            Self::Directive => "DW0025",
            Self::DocumentMarker => "DW0026",
            Self::Continuation => "DW0027",
            Self::ConflictMarker => "DW0028",
        }
    }

    /// What to do about it, where there is something to say.
    #[must_use]
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Self::ConflictMarker => Some(
                "resolve the conflict and take the markers out; `yaml merge` merges the three versions by keys and names",
            ),
            Self::TabIndentation => Some("indent with spaces"),
            Self::Template => Some("a chart template is no YAML: render it first, or quote the value"),
            Self::MappingNotAllowed => Some("quote the value if the `: ` belongs to it"),
            Self::PlainStart => Some("quote the value"),
            Self::TooDeep | Self::TooLarge => Some("split the document"),
            _ => None,
        }
    }
}

impl ParseError {
    /// The error as a [`Diagnostic`].
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        let finding = Diagnostic::error(self.problem.code(), self.span, self.problem.to_string());
        Diagnostic { hint: self.problem.hint().map(ToString::to_string), ..finding }
    }
}

/// An edit that cannot be made without changing data outside its target, or whose target is not what it takes it for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The place that stands in the way.
    pub span: Span,
    /// Another place that explains it: the alias that uses an anchor, the second of two equal keys.
    pub related: Option<Span>,
}

/// Why an edit is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The stream holds more than one document.
    #[error("the text holds several documents")]
    SeveralDocuments,
    /// A key stands twice in its mapping; readers silently take the last.
    #[error("this key stands twice")]
    DuplicateKey,
    /// Two items of a list have the name.
    #[error("several items have this name")]
    AmbiguousName,
    /// The target is not a list.
    #[error("this is not a list")]
    NotAList,
    /// The target is not a mapping.
    #[error("this is not a mapping")]
    NotAMapping,
    /// The list, or something around it, is used again by an alias.
    #[error("this list is used again by an alias")]
    AliasedList,
    /// An anchor inside the target is used outside it.
    #[error("an anchor in what would change is used elsewhere")]
    AnchorInUse,
    /// The target belongs to an alias or a merge key.
    #[error("this is an alias: what it means stands elsewhere and may be shared")]
    ThroughAlias,
    /// An item on the way is missing.
    #[error("there is no such item")]
    NotFound,
    /// The new item cannot be read, is not called what the list needs, or refers to anchors that it does not define.
    #[error("the new item does not fit the list")]
    UnsuitableItem,
    /// A block scalar beside the target takes the line breaks behind it for its own.
    #[error("a block scalar beside the target would change")]
    KeptLineBreaks,
    /// A merge key on the way has a value that cannot be merged: no reader knows what the mapping holds.
    #[error("the value of `<<` must be a mapping or a list of mappings")]
    MergeValue,
    /// The path would begin mappings where the mapping has a key with dots that begins as the path does.
    #[error("the path begins mappings beside this key, whose dots belong to it")]
    DottedKey,
    /// The notation leaves no room for the edit; the result was checked and would not be what was asked for.
    #[error("the edit cannot be written here without changing something else")]
    Unprovable,
}

impl Reason {
    /// The reason as programs read it: `anchor-in-use`.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::SeveralDocuments => "several-documents",
            Self::DuplicateKey => "duplicate-key",
            Self::AmbiguousName => "ambiguous-name",
            Self::NotAList => "not-a-list",
            Self::NotAMapping => "not-a-mapping",
            Self::AliasedList => "aliased-list",
            Self::AnchorInUse => "anchor-in-use",
            Self::ThroughAlias => "through-alias",
            Self::NotFound => "not-found",
            Self::UnsuitableItem => "unsuitable-item",
            Self::KeptLineBreaks => "kept-line-breaks",
            Self::MergeValue => "merge-value",
            Self::DottedKey => "dotted-key",
            Self::Unprovable => "unprovable",
        }
    }

    /// Stable code, `DW04` and two digits.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::SeveralDocuments => "DW0401",
            Self::DuplicateKey => "DW0402",
            Self::AmbiguousName => "DW0403",
            Self::NotAList => "DW0404",
            Self::NotAMapping => "DW0405",
            Self::AliasedList => "DW0406",
            Self::AnchorInUse => "DW0407",
            Self::ThroughAlias => "DW0408",
            Self::NotFound => "DW0409",
            Self::UnsuitableItem => "DW0410",
            Self::KeptLineBreaks => "DW0411",
            Self::Unprovable => "DW0412",
            Self::MergeValue => "DW0413",
            Self::DottedKey => "DW0414",
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::SeveralDocuments => "keep one document a file: helm and Dagster read the first or none",
            Self::DuplicateKey => "remove one of the two: readers silently take the last",
            Self::AmbiguousName => "rename or remove one of them",
            Self::NotAList => "the list must be written as `- item` lines or `[...]`",
            Self::NotAMapping => "only a mapping has keys; an item of a list is `[0]` or `[name=etl]`",
            Self::AliasedList | Self::AnchorInUse => "replace the alias by a copy, or move the anchor",
            Self::ThroughAlias => "edit the place the alias refers to, or replace the alias by a copy",
            Self::NotFound => "add the item first",
            Self::UnsuitableItem => "the name of an item is a string, and an item brings the anchors it uses",
            Self::KeptLineBreaks => "end the scalar with `-` chomping, or the text with a line break",
            Self::MergeValue => "give `<<` an alias of a mapping, or take it out",
            Self::DottedKey => {
                "put a key that holds dots in quotes, as in `labels.\"app.kubernetes.io/name\"`; else set the first of the mappings whole"
            }
            Self::Unprovable => "bring the place into plain block or flow style first",
        }
    }
}

impl Refusal {
    /// The refusal as a [`Diagnostic`].
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        let finding = Diagnostic::error(self.reason.code(), self.span, self.reason.to_string());
        let finding = finding.with_hint(self.reason.hint());
        self.related.iter().fold(finding, |finding, span| finding.with_related(*span, "because of this"))
    }
}
