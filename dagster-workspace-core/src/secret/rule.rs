//! The rule: under which keys secrets stand, and which texts are one wherever they stand. A [`Scope`] carries it down a tree,
//! of nodes or of data ([`Tree`]). Read [`Scope::below`] first.

use alloc::borrow::Cow;

use super::lines;
use super::words::{self, Holds};

/// A node or a value, as far as the rule looks at it.
pub(super) trait Tree<'t>: Copy {
    /// Text of a scalar that is no null and no boolean.
    fn text(self) -> Option<Cow<'t, str>>;
    /// Value under a key of a mapping.
    fn get(self, key: &str) -> Option<Self>;
    fn is_mapping(self) -> bool;
    fn is_sequence(self) -> bool;
    /// Entries of a mapping.
    fn count(self) -> usize;
}

/// What may be secret at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    /// Only a text that is a credential by itself.
    Open,
    /// The variables of a container: the values of a mapping; of a list what its items say, but for names.
    Variables,
    /// An item of a list of variables.
    Variable,
    /// Everything.
    Secret,
}

impl Scope {
    /// The scope of the value under `key` in `mapping`.
    pub(super) fn below<'t, T: Tree<'t>>(self, mapping: T, key: &str, value: T) -> Self {
        match (self, key) {
            (_, "<<") => self,
            // References: the secret stands in another object.
            (_, "valueFrom") if value.is_mapping() => Self::Open,
            (Self::Variable, "name") => Self::Open,
            (Self::Open | Self::Secret, "env") if mapping.count() == 1 && is_variable(value) => Self::Open,
            (Self::Open, "data") if mapping.get("kind").and_then(T::text).as_deref() == Some("Secret") => Self::Secret,
            (Self::Open, _) => match Holds::of(key) {
                Holds::Variables => Self::Variables,
                Holds::PerhapsVariables if value.is_mapping() || value.is_sequence() => Self::Variables,
                Holds::Credential => Self::Secret,
                Holds::CredentialText if is_credential(key, value) => Self::Secret,
                _ => Self::Open,
            },
            (Self::Secret, _) if words::is_reference(key) => Self::Open,
            (Self::Variables | Self::Variable | Self::Secret, _) => Self::Secret,
        }
    }

    /// The scope of a list's item, given the text of the item before it.
    pub(super) fn item(self, before: Option<&str>) -> Self {
        match self {
            Self::Open if before.is_some_and(words::is_flag) => Self::Secret,
            Self::Variables => Self::Variable,
            scope => scope,
        }
    }

    /// Whether a text at such a place is secret.
    pub(super) fn hides(self, text: &str) -> bool {
        match self {
            _ if text.is_empty() => false,
            Self::Open => words::is_credential(text) || is_embedded(text) && !lines::secrets(text).is_empty(),
            // `NAME` passes a variable on, `NAME=value` sets it.
            Self::Variable => !is_name(text),
            Self::Variables | Self::Secret => true,
        }
    }

    /// Whether a key of a mapping at such a place is more than a name.
    pub(super) fn hides_key(self, key: &str) -> bool {
        Self::Open.hides(key) || self != Self::Open && key.contains(['=', ' ', '\n'])
    }
}

/// `secret: x` is a credential, `secret: {secretName: x}` names an object.
fn is_credential<'t, T: Tree<'t>>(key: &str, value: T) -> bool {
    if value.is_mapping() {
        key.to_ascii_lowercase().starts_with("secret")
            && value.get("secretName").or_else(|| value.get("name")).is_none()
    } else {
        value.text().is_some()
    }
}

/// Whether it is the name of a variable, as in `port: {env: PORT}`.
fn is_variable<'t, T: Tree<'t>>(value: T) -> bool {
    value.text().is_some_and(|text| !text.starts_with(|c: char| c.is_ascii_digit()) && text.bytes().all(is_word))
}

fn is_name(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether a text is a document itself, as in a ConfigMap or an annotation.
fn is_embedded(text: &str) -> bool {
    text.trim_end().contains('\n') || text.trim_start().starts_with(['{', '['])
}
