//! Data as it may be shown: [`hidden`] for a value, [`Scope::at`] for one that stands at a path.

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use super::rule::{Scope, Tree};
use crate::value::Value;
use crate::yaml::{Path, Step};

/// What stands in place of a secret.
const HIDDEN: &str = "(hidden)";

impl<'v> Tree<'v> for &'v Value {
    fn text(self) -> Option<Cow<'v, str>> {
        match self {
            Value::String(text) => Some(Cow::Borrowed(text)),
            Value::Int(number) => Some(Cow::Owned(number.to_string())),
            Value::Float(number) => Some(Cow::Owned(number.to_string())),
            Value::Null | Value::Bool(_) | Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    fn get(self, key: &str) -> Option<Self> {
        Value::get(self, key)
    }

    fn is_mapping(self) -> bool {
        matches!(self, Value::Mapping(_))
    }

    fn is_sequence(self) -> bool {
        matches!(self, Value::Sequence(_))
    }

    fn count(self) -> usize {
        self.entries().len()
    }
}

/// The value that stands at `path`, with `(hidden)` in place of what may be secret. The empty path stands for a whole document,
/// or an entry of one.
#[must_use]
pub fn hidden(value: &Value, path: &Path) -> Value {
    hidden_with(value, path, &BTreeSet::new())
}

/// As [`hidden`], and of those texts each.
pub(crate) fn hidden_with(value: &Value, path: &Path, known: &BTreeSet<String>) -> Value {
    let (mut scope, between) = (Scope::Open, Value::Mapping(Vec::new()));
    for (at, step) in path.steps().iter().enumerate() {
        let inside = if at + 1 == path.steps().len() { value } else { &between };
        scope = match step {
            // Of which kind the object is, a path does not tell.
            Step::Key(key) if key == "data" => Scope::Secret,
            Step::Key(key) => scope.below(&between, key, inside),
            Step::Item { .. } | Step::Index(_) => scope.item(None),
        };
    }
    hide(value, scope, known)
}

fn hide(value: &Value, scope: Scope, known: &BTreeSet<String>) -> Value {
    match value {
        Value::Mapping(entries) => {
            let entries = entries.iter().map(|(key, own)| {
                let shown = if scope.hides_key(key) { HIDDEN.to_string() } else { key.clone() };
                (shown, hide(own, scope.below(value, key, own), known))
            });
            Value::Mapping(entries.collect())
        }
        Value::Sequence(items) => {
            let before = core::iter::once(None).chain(items.iter().map(Value::as_str));
            let hidden = |(item, before): (&Value, Option<&str>)| hide(item, scope.item(before), known);
            Value::Sequence(items.iter().zip(before).map(hidden).collect())
        }
        scalar => match scalar.text() {
            Some(text) if scope.hides(&text) || known.contains(text.as_ref()) => Value::from(HIDDEN),
            _ => scalar.clone(),
        },
    }
}

/// As JSON has it, without what may be secret.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        shown(&hide(self, Scope::Open, &BTreeSet::new()), f)
    }
}

fn shown(value: &Value, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    struct Shown<'v>(&'v Value);
    impl fmt::Debug for Shown<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            shown(self.0, f)
        }
    }
    match value {
        Value::Null => f.write_str("null"),
        Value::Bool(value) => write!(f, "{value}"),
        Value::Int(number) => write!(f, "{number}"),
        Value::Float(number) => write!(f, "{number:?}"),
        Value::String(text) => write!(f, "{text:?}"),
        Value::Sequence(items) => f.debug_list().entries(items.iter().map(Shown)).finish(),
        Value::Mapping(entries) => f.debug_map().entries(entries.iter().map(|(key, own)| (key, Shown(own)))).finish(),
    }
}
