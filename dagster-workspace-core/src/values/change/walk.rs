//! The way of a change through an entry: [`set`], [`unset`] and [`merge`], with lists and both forms of `env` as the chart's table
//! has them.

use alloc::borrow::ToOwned as _;
use alloc::string::ToString as _;
use alloc::vec::Vec;

use super::ChangeError;
use crate::chart::{self, Type, typed};
use crate::field::describe;
use crate::spelling::nearest;
use crate::value::Value;
use crate::yaml::{Path, Step};

/// A place on the way through an entry: what the chart takes there, and how it was come to.
pub(super) struct At<'p> {
    pub(super) of: &'static Type,
    pub(super) done: &'p [Step],
}

impl At<'_> {
    /// The place at the end of `done`.
    fn step<'p>(&self, done: &'p [Step]) -> At<'p> {
        At { of: done.last().and_then(|step| self.of.step(step)).unwrap_or(&Type::Any), done }
    }

    fn path(&self) -> Path {
        Path::new(self.done.to_vec())
    }

    /// Whether it is `env`: a mapping, or a list of the same.
    fn is_either(&self) -> bool {
        matches!(self.of, Type::Either(Type::Map(_), Type::List(..)))
    }

    fn occupied(&self, value: &Value) -> ChangeError {
        ChangeError::Occupied { path: self.path(), found: describe(value) }
    }
}

/// The same variable as the form of `env` that is there has it.
fn fitted(value: &Value, at: &At<'_>, rest: &[Step]) -> Option<Vec<Step>> {
    match (value, rest) {
        (Value::Sequence(_), [Step::Key(name)]) if at.is_either() => {
            let key = at.of.list()?.1.key()?.parse().ok()?;
            Some(Vec::from([Step::Item { key, name: name.clone() }, Step::Key("value".to_owned())]))
        }
        (Value::Mapping(_), [Step::Item { name, .. }, Step::Key(value)]) if at.is_either() && value == "value" => {
            Some(Vec::from([Step::Key(name.clone())]))
        }
        _ => None,
    }
}

pub(super) fn set(value: &mut Value, at: &At<'_>, rest: &[Step], new: Value) -> Result<(), ChangeError> {
    if let Some(rest) = fitted(value, at, rest) {
        return set(value, at, &rest, new);
    }
    let [step, rest @ ..] = rest else {
        // A tag in digits is the same tag with quotes: no pod rolls for them.
        let same = matches!((at.of, &*value), (Type::Tag, Value::Int(tag)) if new.as_str() == Some(&tag.to_string()));
        if !same {
            *value = new;
        }
        return Ok(());
    };
    let done = [at.done, core::slice::from_ref(step)].concat();
    let below = at.step(&done);
    match step {
        Step::Key(key) => {
            if !matches!(value, Value::Mapping(_) | Value::Null) {
                return Err(at.occupied(value));
            }
            let mut inner = value.get(key).cloned().unwrap_or_default();
            set(&mut inner, &below, rest, new)?;
            value.set(key, inner);
            exclude(value, at.of, key);
            Ok(())
        }
        Step::Item { key, name } => {
            let items = items(value, at)?;
            let place = match only(items, at, name, |item| key.of_value(item))? {
                Some(place) => place,
                // An item that tells itself by one key can be begun.
                None if at.of.list().and_then(|(_, items)| items.key()) == Some(key.to_string().as_str()) => {
                    items.push(Value::Mapping(Vec::from([(key.to_string(), name.as_str().into())])));
                    items.len() - 1
                }
                None => return Err(ChangeError::NoItem { path: below.path() }),
            };
            items.get_mut(place).map_or(Ok(()), |item| set(item, &below, rest, new))
        }
        Step::Index(index) => {
            let items = items(value, at)?;
            if *index == items.len() {
                items.push(Value::Null);
            }
            let item = items.get_mut(*index).ok_or_else(|| ChangeError::NoItem { path: below.path() })?;
            set(item, &below, rest, new)
        }
    }
}

/// Takes out what must not stand beside `key`.
fn exclude(value: &mut Value, of: &Type, key: &str) {
    let other = chart::field(of.fields(), key).and_then(|field| field.excludes);
    if let (Value::Mapping(entries), Some(other)) = (value, other) {
        entries.retain(|(own, _)| own != other);
    }
}

/// The items of a list, begun where there is nothing.
pub(super) fn items<'v>(value: &'v mut Value, at: &At<'_>) -> Result<&'v mut Vec<Value>, ChangeError> {
    if *value == Value::Null {
        *value = Value::Sequence(Vec::new());
    }
    match value {
        Value::Sequence(items) => Ok(items),
        other => Err(at.occupied(other)),
    }
}

/// Place of the one item of that name.
pub(super) fn only<'v>(
    items: &'v [Value],
    at: &At<'_>,
    name: &str,
    of: impl Fn(&'v Value) -> Option<&'v str>,
) -> Result<Option<usize>, ChangeError> {
    let mut found = items.iter().enumerate().filter(|(_, item)| of(item) == Some(name)).map(|(place, _)| place);
    match (found.next(), found.next()) {
        (Some(first), Some(second)) => {
            Err(ChangeError::Ambiguous { list: at.path(), name: name.to_owned(), places: (first, second) })
        }
        (place, _) => Ok(place),
    }
}

/// Takes out what the steps lead to; whether it was there.
pub(super) fn unset(value: &mut Value, at: &At<'_>, rest: &[Step]) -> Result<bool, ChangeError> {
    // A variable goes as a whole.
    if let ([step @ Step::Key(_)], Value::Sequence(_)) = (rest, &*value)
        && let Some(rest) = fitted(value, at, core::slice::from_ref(step))
    {
        return unset(value, at, rest.split_last().map(|(_, item)| item).unwrap_or_default());
    }
    if let (Value::Mapping(_), [Step::Item { name, .. }]) = (&*value, rest)
        && at.is_either()
    {
        return unset(value, at, &[Step::Key(name.clone())]);
    }
    if let Some(rest) = fitted(value, at, rest) {
        return unset(value, at, &rest);
    }
    let [step, rest @ ..] = rest else { return Ok(false) };
    let done = [at.done, core::slice::from_ref(step)].concat();
    let below = at.step(&done);
    match (step, value) {
        (Step::Key(key), Value::Mapping(entries)) => {
            let Some(place) = entries.iter().position(|(own, _)| own == key) else { return Ok(false) };
            match entries.get_mut(place) {
                Some((_, inner)) if !rest.is_empty() => unset(inner, &below, rest),
                _ => {
                    entries.remove(place);
                    Ok(true)
                }
            }
        }
        (Step::Item { .. } | Step::Index(_), Value::Sequence(items)) => {
            let place = match step {
                Step::Item { key, name } => only(items, at, name, |item| key.of_value(item))?,
                Step::Index(index) => Some(*index).filter(|index| *index < items.len()),
                Step::Key(_) => None,
            };
            let Some(place) = place else { return Ok(false) };
            match items.get_mut(place) {
                Some(item) if !rest.is_empty() => unset(item, &below, rest),
                _ => {
                    items.remove(place);
                    Ok(true)
                }
            }
        }
        _ => Ok(false),
    }
}

/// The path that may have been meant: a key, an item or a variable of nearly the same name in the same place.
pub(super) fn near(entry: &Value, path: &Path) -> Option<Path> {
    let (last, before) = path.steps().split_last()?;
    let holder = before.iter().try_fold(entry, |value, step| match (step, value) {
        (Step::Key(key), Value::Mapping(_)) => value.get(key),
        (Step::Index(index), Value::Sequence(items)) => items.get(*index),
        (Step::Item { key, name }, Value::Sequence(items)) => {
            items.iter().find(|item| key.of_value(item) == Some(name.as_str()))
        }
        _ => None,
    })?;
    let own: Vec<&str> = match holder {
        Value::Mapping(entries) => entries.iter().map(|(key, _)| key.as_str()).collect(),
        Value::Sequence(items) => items.iter().filter_map(|item| item.get("name")?.as_str()).collect(),
        _ => Vec::new(),
    };
    let (Step::Key(name) | Step::Item { name, .. }) = last else { return None };
    let near = nearest(name, own.into_iter())?.to_owned();
    let step = match last {
        Step::Item { key, .. } => Step::Item { key: key.clone(), name: near },
        _ => Step::Key(near),
    };
    Some(Path::new([before, &[step]].concat()))
}

/// RFC 7386, with single variables of a list.
pub(super) fn merge(value: &mut Value, at: &At<'_>, fields: &Value) -> Result<(), ChangeError> {
    for (key, new) in fields.entries() {
        let done = [at.done, &[Step::Key(key.clone())]].concat();
        let below = at.step(&done);
        let mut inner = value.get(key).cloned().unwrap_or_default();
        match (new, &inner) {
            (Value::Null, _) => {
                unset(value, at, &[Step::Key(key.clone())])?;
                continue;
            }
            (Value::Mapping(variables), Value::Sequence(_)) if below.is_either() => {
                for (name, new) in variables {
                    let step = [Step::Key(name.clone())];
                    match new {
                        Value::Null => unset(&mut inner, &below, &step).map(drop)?,
                        new => set(&mut inner, &below, &step, typed::converted(&Type::Text, new.clone()))?,
                    }
                }
            }
            (Value::Mapping(_), _) => {
                if !matches!(inner, Value::Mapping(_)) {
                    inner = Value::Mapping(Vec::new());
                }
                merge(&mut inner, &below, new)?;
            }
            (new, _) => inner = typed::converted(below.of, new.clone()),
        }
        value.set(key, inner);
        exclude(value, at.of, key);
    }
    Ok(())
}
