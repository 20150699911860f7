//! What a document means, without its notation: [`Value`]. Documents are read into it and written from it; identity,
//! equality and serde go through it.

use alloc::string::String;
use alloc::vec::Vec;

/// Data as JSON knows it, mappings in document order. Keys are strings: the two documents know no others.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `null`, `~`, or nothing at all.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Whole number.
    Int(i64),
    /// Any other number, infinities and NaN included.
    Float(f64),
    /// Text.
    String(String),
    /// List.
    Sequence(Vec<Value>),
    /// Entries in order. Invariant kept by whoever builds it: keys are unique.
    Mapping(Vec<(String, Value)>),
}

impl Value {
    /// The entry of a mapping under `key`; `None` for any other value.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Mapping(entries) => entries.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The text of a string; `None` for any other value.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
