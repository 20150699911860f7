//! Typed fields out of a [`Value`]: what was expected, what was found, and under which path. Read [`FieldError`] first.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::value::Value;

/// A field of an entry that is missing or has another type than the chart or Dagster demands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` must be {expected}, got {found}")]
pub struct FieldError {
    /// Path inside the entry, `image.tag`; empty for the entry itself.
    pub path: String,
    /// What it must be, as in `a text`.
    pub expected: &'static str,
    /// What it is, as in `the number 3`; `nothing` where it is missing.
    pub found: String,
}

impl FieldError {
    pub(crate) fn new(path: &str, expected: &'static str, found: Option<&Value>) -> Self {
        Self { path: path.to_owned(), expected, found: found.map_or_else(|| "nothing".to_owned(), describe) }
    }

    /// The same, seen from the entry that holds the one it was found in.
    pub(crate) fn inside(mut self, key: &str) -> Self {
        self.path = if self.path.is_empty() { key.to_owned() } else { format!("{key}.{}", self.path) };
        self
    }
}

/// A value in a few words. A text is not shown: it may be a secret.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => format!("the number {number}"),
        Value::Float(number) => format!("the number {number}"),
        Value::String(text) if text.is_empty() => "an empty text".to_owned(),
        Value::String(_) => "a text".to_owned(),
        Value::Sequence(_) => "a list".to_owned(),
        Value::Mapping(_) => "a mapping".to_owned(),
    }
}

/// The text of a required field.
pub(crate) fn text(path: &str, value: Option<&Value>) -> Result<String, FieldError> {
    let text = value.and_then(Value::as_str).filter(|text| !text.is_empty());
    text.map(ToOwned::to_owned).ok_or_else(|| FieldError::new(path, "a text that is not empty", value))
}

/// A port number.
pub(crate) fn port(path: &str, value: Option<&Value>) -> Result<u16, FieldError> {
    let number = if let Some(Value::Int(number)) = value { u16::try_from(*number).ok() } else { None };
    number.filter(|port| *port > 0).ok_or_else(|| FieldError::new(path, "a whole number from 1 to 65535", value))
}

/// The entries of a mapping, those without a value left out: null stands for an absent key.
pub(crate) fn entries(value: &Value) -> Result<impl Iterator<Item = (&str, &Value)>, FieldError> {
    if !matches!(value, Value::Mapping(_)) {
        return Err(FieldError::new("", "a mapping", Some(value)));
    }
    Ok(value.entries().iter().filter(|(_, value)| *value != Value::Null).map(|(key, value)| (key.as_str(), value)))
}

/// Texts as a list of texts.
pub(crate) fn texts(items: impl IntoIterator<Item = impl Into<String>>) -> Value {
    Value::Sequence(items.into_iter().map(|item| Value::String(item.into())).collect::<Vec<_>>())
}
