//! What a merge comes to: [`Merge`], and its [`Conflict`]s as data.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use super::{Input, Three};
use crate::error::{Diagnostic, ParseError};
use crate::secret::Shown;
use crate::span::Span;
use crate::value::Value;
use crate::yaml::Path;

/// A merged text, and what is left to be decided.
#[derive(Clone, Default, PartialEq)]
pub struct Merge {
    /// Always valid YAML, without markers. Where there is a conflict it has what ours says; of an element that one side
    /// deleted and the other edited, what the editor says.
    pub text: String,
    /// In the order of the text.
    pub conflicts: Vec<Conflict>,
}

/// A place at which ours and theirs do not go together.
#[derive(Clone, PartialEq)]
pub struct Conflict {
    /// Where: `deployments[name=c].port`.
    pub path: Path,
    /// Why.
    pub kind: ConflictKind,
    /// The bytes of each input that it is about; `None` where that input has nothing there.
    pub spans: Three<Option<Span>>,
    /// What they mean; of a note the comments. `None` where nothing is there, or nothing that data can say.
    pub values: Three<Option<Value>>,
    /// The name under which the deleted element stands on the side that deleted it, where it seems to have been renamed.
    pub renamed_to: Option<String>,
    /// Where the text has one of the sides.
    pub result: Span,
}

/// Why two sides do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ConflictKind {
    /// Both changed one value, each to another.
    EditEdit,
    /// One deleted what the other edited.
    DeleteEdit,
    /// Both added a value under one key, each another.
    AddAdd,
    /// The sides have different kinds of node, or the notation of one has no place in the other.
    Type,
    /// Both put one list into another order.
    Order,
    /// An alias would mean something else than on the side that it came from, or both named a node.
    Anchor,
    /// Comments alone: the text lacks one of them.
    Note,
}

impl ConflictKind {
    /// The kind as programs read it: `edit-edit`.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::EditEdit => "edit-edit",
            Self::DeleteEdit => "delete-edit",
            Self::AddAdd => "add-add",
            Self::Type => "type",
            Self::Order => "order",
            Self::Anchor => "anchor",
            Self::Note => "note",
        }
    }
}

impl ConflictKind {
    /// Stable code, `DW08` and two digits.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::EditEdit => "DW0801",
            Self::DeleteEdit => "DW0802",
            Self::AddAdd => "DW0803",
            Self::Type => "DW0804",
            Self::Order => "DW0805",
            Self::Anchor => "DW0806",
            Self::Note => "DW0807",
        }
    }
}

impl fmt::Display for ConflictKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EditEdit => "both sides changed it",
            Self::DeleteEdit => "one side deleted what the other changed",
            Self::AddAdd => "both sides added it, and differ",
            Self::Type => "the sides have different kinds of value",
            Self::Order => "both sides changed the order",
            Self::Anchor => "an alias would mean something else",
            Self::Note => "a comment of one side is missing",
        })
    }
}

impl Conflict {
    /// What [`Conflict::values`] may be shown as, given the inputs: `(hidden)` in place of what may be secret.
    #[must_use]
    pub fn shown(&self, inputs: &Three<Shown<'_>>) -> Three<Option<Value>> {
        let shown = |input: Input| {
            let (value, shown) = (self.values.get(input).as_ref()?, inputs.get(input));
            Some(match self.spans.get(input) {
                Some(span) if self.kind == ConflictKind::Note => Value::from(shown.part(*span).trim()),
                _ => shown.value(value, &self.path),
            })
        };
        Three { base: shown(Input::Base), ours: shown(Input::Ours), theirs: shown(Input::Theirs) }
    }

    /// The conflict as a finding about one of the inputs; without a place where that input has nothing there.
    #[must_use]
    pub fn diagnostic(&self, input: Input) -> Diagnostic {
        let finding = Diagnostic::warning(self.kind.code(), Span::default(), self.to_string());
        Diagnostic { span: *self.spans.get(input), ..finding }
    }
}

/// Without the values, which may be secret.
impl fmt::Debug for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, kind, spans, values: _, renamed_to, result } = self;
        let mut out = f.debug_struct("Conflict");
        out.field("path", path).field("kind", kind).field("spans", spans);
        out.field("renamed_to", renamed_to).field("result", result).finish_non_exhaustive()
    }
}

/// The text without what may be secret.
impl fmt::Debug for Merge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, conflicts } = self;
        f.debug_struct("Merge").field("text", &Shown::of(text)).field("conflicts", conflicts).finish()
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.steps().is_empty() {
            write!(f, "`{}`: ", self.path.brief())?;
        }
        write!(f, "{}", self.kind)?;
        match &self.renamed_to {
            Some(name) => write!(f, "; it seems to be `{name}` now"),
            None => Ok(()),
        }
    }
}

/// An input that is no YAML.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{input} cannot be read")]
pub struct MergeError {
    /// Which of the three.
    pub input: Input,
    /// Why, and where in it.
    pub source: ParseError,
}

impl MergeError {
    /// The error as a [`Diagnostic`] about that input.
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        self.source.diagnostic()
    }
}
