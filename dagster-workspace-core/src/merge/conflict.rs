//! What a merge comes to: [`Merge`], and its [`Conflict`]s as data.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{Input, Three};
use crate::error::{Diagnostic, ParseError};
use crate::span::Span;
use crate::value::Value;
use crate::yaml::Path;

/// A merged text, and what is left to be decided.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Merge {
    /// Always valid YAML, without markers. Where there is a conflict it has what ours says; of an element that one side
    /// deleted and the other edited, what the editor says.
    pub text: String,
    /// In the order of the text.
    pub conflicts: Vec<Conflict>,
}

/// A place at which ours and theirs do not go together.
#[derive(Clone, Debug, PartialEq)]
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

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.brief(), self.kind)?;
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
