//! Edits on plain data, as short as they can be said: what every edit of a text must come to. Read [`apply`].

use dagster_workspace_core::edit::{Edit, Item};
use dagster_workspace_core::yaml::{Path, Step};
use serde_yaml::{Mapping, Value};

/// The data after `edit`; `None` where the path leads through something that it does not fit.
pub(crate) fn apply(data: &Value, edit: &Edit) -> Option<Value> {
    let mut data = data.clone();
    match edit {
        Edit::Add { list, item, key } => {
            let Value::Sequence(items) = reach(&mut data, list.steps(), &Value::Sequence(Vec::new()))? else {
                return None;
            };
            let new: Value = match item {
                Item::Text(text) => serde_yaml::from_str(text).ok()?,
                Item::Value(value) => serde_yaml::to_value(value).ok()?,
            };
            let key = key.to_string();
            let is_new = |item: &Value| match name_of(&new, &key) {
                Some(name) => name_of(item, &key) == Some(name),
                None => *item == new,
            };
            if !items.iter().any(is_new) {
                items.push(new);
            }
        }
        Edit::Set { path, value } => {
            *reach(&mut data, path.steps(), &Value::Null)? = serde_yaml::to_value(value).ok()?;
        }
        Edit::Remove { path } => remove(&mut data, path)?,
    }
    Some(data)
}

/// The string under `key` of an item (`name`, `*.location_name`).
fn name_of<'v>(item: &'v Value, key: &str) -> Option<&'v str> {
    let found = key.split('.').try_fold(item, |value, key| match key {
        "*" => value.as_mapping()?.values().next(),
        key => value.get(key),
    })?;
    found.as_str()
}

/// Without the tags of applications, which are no data.
pub(crate) fn plain(value: Value) -> Value {
    match value {
        Value::Tagged(tagged) => plain(tagged.value),
        Value::Sequence(items) => Value::Sequence(items.into_iter().map(plain).collect()),
        Value::Mapping(entries) => {
            Value::Mapping(entries.into_iter().map(|(key, value)| (key, plain(value))).collect())
        }
        scalar => scalar,
    }
}

/// What the steps lead to; missing mappings are made on the way, a missing or null end is `empty`.
fn reach<'v>(value: &'v mut Value, steps: &[Step], empty: &Value) -> Option<&'v mut Value> {
    let [step, rest @ ..] = steps else {
        if value.is_null() {
            *value = empty.clone();
        }
        return Some(value);
    };
    if let (Step::Key(key), Value::Null | Value::Mapping(_)) = (step, &*value) {
        if value.is_null() {
            *value = Value::Mapping(Mapping::new());
        }
        let Value::Mapping(entries) = value else { return None };
        return reach(entries.entry(key.as_str().into()).or_insert(Value::Null), rest, empty);
    }
    reach(child(value, step)?, rest, empty)
}

fn child<'v>(value: &'v mut Value, step: &Step) -> Option<&'v mut Value> {
    match step {
        Step::Key(key) => value.get_mut(key.as_str()),
        Step::Index(index) => value.get_mut(*index),
        Step::Item { key, name } => {
            let key = key.to_string();
            value.as_sequence_mut()?.iter_mut().find(|item| name_of(item, &key) == Some(name))
        }
    }
}

fn remove(data: &mut Value, path: &Path) -> Option<()> {
    let [around @ .., step] = path.steps() else { return None };
    let mut parent = data;
    for step in around {
        let Some(next) = child(parent, step) else { return Some(()) };
        parent = next;
    }
    match (step, parent) {
        (Step::Key(key), Value::Mapping(entries)) => {
            entries.shift_remove(key.as_str());
        }
        (Step::Index(index), Value::Sequence(items)) => {
            items.remove(*index);
        }
        (Step::Item { key, name }, Value::Sequence(items)) => {
            let key = key.to_string();
            items.retain(|item| name_of(item, &key) != Some(name));
        }
        _ => return None,
    }
    Some(())
}
