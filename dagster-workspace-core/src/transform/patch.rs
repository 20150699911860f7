//! Fields set in an entry: mappings are gone into, null removes, everything else is put in place. [`patch`] edits the
//! document, [`patched`] says what must come out.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use super::TransformError;
use crate::edit::{self, Edit, Item};
use crate::error::{Reason, Refusal};
use crate::value::Value;
use crate::yaml::{Document, ItemKey, Path};

type Edited = Result<Option<Document<'static>>, TransformError>;

/// Sets `fields` of the node at `path`, which means `now`.
///
/// A field that stands behind an alias or a merge key gets a value of its own; what it shares with others stays as it is.
pub(super) fn patch(document: &Document<'_>, path: &Path, now: &Value, fields: &Value) -> Edited {
    let mut edited: Option<Document<'static>> = None;
    for (key, value) in fields.entries() {
        let document = edited.as_ref().unwrap_or(document);
        let at = path.clone().key(key);
        let next = match (value, now.get(key)) {
            (Value::Null, None) => None,
            (Value::Null, Some(_)) => edit::apply(document, &Edit::Remove { path: at })?,
            (Value::Mapping(_), Some(inner @ Value::Mapping(_))) => {
                let whole = || Edit::Set { path: at.clone(), value: patched(inner, value) };
                or_whole(patch(document, &at, inner, value), document, whole)?
            }
            (value, Some(now)) if now.is_same(value) => None,
            (Value::Sequence(items), Some(Value::Sequence(now))) if fits_item_by_item(now, items) => {
                let whole = || Edit::Set { path: at.clone(), value: value.clone() };
                or_whole(patch_items(document, &at, now, items), document, whole)?
            }
            (value, _) => edit::apply(document, &Edit::Set { path: at, value: patched(&Value::Null, value) })?,
        };
        edited = next.or(edited);
    }
    Ok(edited)
}

/// What `now` is with these fields.
pub(super) fn patched(now: &Value, fields: &Value) -> Value {
    let Value::Mapping(entries) = fields else { return fields.clone() };
    let kept = now.entries().iter().filter(|(key, _)| fields.get(key) != Some(&Value::Null));
    let mut out = Value::Mapping(kept.cloned().collect());
    for (key, value) in entries.iter().filter(|(_, value)| *value != Value::Null) {
        let inner = patched(now.get(key).unwrap_or(&Value::Null), value);
        out.set(key, inner);
    }
    out
}

/// The edit, or the whole value in place where an alias stands in the way of going into it.
fn or_whole(edited: Edited, document: &Document<'_>, whole: impl FnOnce() -> Edit) -> Edited {
    match edited {
        Err(TransformError::Refused(Refusal { reason: Reason::ThroughAlias, .. })) => {
            Ok(edit::apply(document, &whole())?)
        }
        other => other,
    }
}

/// Whether the new list comes out where items of it are taken out, changed in place and appended.
fn fits_item_by_item(now: &[Value], items: &[Value]) -> bool {
    let (Some(old), Some(new)) = (names(now), names(items)) else { return false };
    let kept = old.iter().filter(|name| new.contains(name));
    let added = new.iter().filter(|name| !old.contains(name));
    kept.chain(added).eq(&new)
}

/// Names of the items, where every item has one of its own.
fn names(items: &[Value]) -> Option<Vec<&str>> {
    let names: Vec<&str> = items.iter().map(|item| item.get("name")?.as_str()).collect::<Option<_>>()?;
    let unique: BTreeSet<&str> = names.iter().copied().collect();
    (unique.len() == names.len()).then_some(names)
}

/// Makes a list of named items another one, so that items that stay the same keep their bytes and their comments.
fn patch_items(document: &Document<'_>, list: &Path, now: &[Value], items: &[Value]) -> Edited {
    let key = ItemKey::default();
    let name = |item: &Value| item.get("name").and_then(Value::as_str).map(String::from);
    let find = |items: &'_ [Value], wanted: &str| items.iter().any(|item| name(item).as_deref() == Some(wanted));
    let gone = now.iter().filter_map(name).filter(|old| !find(items, old));
    let removals = gone.map(|old| Edit::Remove { path: list.clone().item(&key, &old) });
    let others = items.iter().filter(|item| !now.contains(item)).filter_map(|item| {
        let own = name(item)?;
        let (item, list) = (item.clone(), list.clone());
        Some(if find(now, &own) {
            Edit::Set { path: list.item(&key, &own), value: item }
        } else {
            Edit::Add { list, key: key.clone(), item: Item::Value(item) }
        })
    });
    let mut edited: Option<Document<'static>> = None;
    for edit in removals.chain(others) {
        let now = edited.as_ref().unwrap_or(document);
        edited = edit::apply(now, &edit)?.or(edited);
    }
    Ok(edited)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_go_into_mappings_and_null_removes() {
        let cases = [
            (r#"{"a":1}"#, r#"{"b":2}"#, r#"{"a":1,"b":2}"#),
            (r#"{"a":{"b":1,"c":2}}"#, r#"{"a":{"b":null,"d":3}}"#, r#"{"a":{"c":2,"d":3}}"#),
            (r#"{"a":[1]}"#, r#"{"a":[2]}"#, r#"{"a":[2]}"#),
            (r#"{"a":1}"#, r#"{"a":{"b":null,"c":{"d":null}}}"#, r#"{"a":{"c":{}}}"#),
            (r#"{"a":1}"#, r#"{"a":null,"b":null}"#, "{}"),
        ];
        let value = |json: &str| serde_json::from_str::<Value>(json).unwrap();
        for (now, fields, expected) in cases {
            assert_eq!(patched(&value(now), &value(fields)), value(expected), "{now} {fields}");
        }
    }
}
