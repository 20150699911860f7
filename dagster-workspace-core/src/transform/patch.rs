//! An entry made another one: [`write`] edits the document key by key, so that what stays the same keeps its bytes.

use super::TransformError;
use crate::edit::{self, Edit};
use crate::error::{Reason, Refusal};
use crate::value::Value;
use crate::yaml::{Document, Path};

type Edited = Result<Option<Document<'static>>, TransformError>;

/// Makes the mapping at `path`, which means `now`, what is `wanted`.
///
/// A field that stands behind an alias or a merge key gets a value of its own; what it shares with others stays as it is.
pub(super) fn write(document: &Document<'_>, path: &Path, now: &Value, wanted: &Value) -> Edited {
    let mut edited: Option<Document<'static>> = None;
    for (key, _) in now.entries().iter().filter(|(key, _)| wanted.get(key).is_none()) {
        let document = edited.as_ref().unwrap_or(document);
        edited = edit::apply(document, &Edit::Remove { path: path.clone().key(key) })?.or(edited);
    }
    for (key, value) in wanted.entries() {
        let document = edited.as_ref().unwrap_or(document);
        let at = path.clone().key(key);
        let next = match (now.get(key), value) {
            (Some(old), value) if old.is_same(value) => None,
            (Some(old @ Value::Mapping(_)), Value::Mapping(_)) => or_whole(write(document, &at, old, value), || {
                edit::apply(document, &Edit::Set { path: at.clone(), value: value.clone() })
            })?,
            _ => edit::apply(document, &Edit::Set { path: at, value: value.clone() })?,
        };
        edited = next.or(edited);
    }
    Ok(edited)
}

/// The edit, or the whole value in place where an alias stands in the way of going into it.
fn or_whole(edited: Edited, whole: impl FnOnce() -> Result<Option<Document<'static>>, Refusal>) -> Edited {
    match edited {
        Err(TransformError::Refused(Refusal { reason: Reason::ThroughAlias, .. })) => Ok(whole()?),
        other => other,
    }
}
