//! Paths that were meant otherwise: a key with dots that was written as several steps ([`DottedKey`]), and the nearest thing
//! that is there ([`Path::nearest`]).

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Path, Step};
use crate::spelling;
use crate::value::Value;

/// A key with dots that was written as several steps: `labels.app.kubernetes.io/name`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{taken}` would be a mapping where a text is wanted")]
pub struct DottedKey {
    /// What the first part of the key would be: `labels.app`.
    pub taken: Path,
    /// The path with that key in quotes: `labels."app.kubernetes.io/name"`.
    pub meant: Path,
}

impl DottedKey {
    /// What to write instead.
    #[must_use]
    pub fn hint(&self) -> String {
        format!("write `{}`: a key that holds dots stands in quotes", self.meant)
    }

    /// Judged by what is to stand at a path: `wants_text` says of the way to the entry of a mapping whether it holds no further
    /// keys, as the entries of `labels` do.
    ///
    /// # Example
    /// ```
    /// use dagster_workspace_core::yaml::{DottedKey, Path};
    /// let path: Path = "labels.app.kubernetes.io/name".parse()?;
    /// let found = DottedKey::by_kind(&path, |way| way.to_string().starts_with("labels.")).unwrap();
    /// assert_eq!(found.meant.to_string(), r#"labels."app.kubernetes.io/name""#);
    /// assert_eq!(found.to_string(), "`labels.app` would be a mapping where a text is wanted");
    /// # Ok::<(), dagster_workspace_core::yaml::PathError>(())
    /// ```
    #[must_use]
    pub fn by_kind(path: &Path, wants_text: impl Fn(&Path) -> bool) -> Option<Self> {
        let steps = path.steps();
        let text = (1..steps.len()).find(|end| wants_text(&Path::new(steps.iter().take(*end).cloned().collect())))?;
        Self::joining(steps, text - 1, steps.len())
    }

    /// Judged by the data that is there: a mapping on the way has no entry under the path's next key, but one under this key and
    /// more of them with dots between, or one that begins as that would.
    #[must_use]
    pub fn by_data(path: &Path, value: &Value) -> Option<Self> {
        let steps = path.steps();
        let (at, inside) = end_of(steps, value);
        let keys = keys(steps.get(at..)?);
        let [first, _, ..] = keys.as_slice() else { return None };
        let there = |name: &str| inside.get(name).is_some();
        let exact = (2..=keys.len()).rev().find(|count| keys.get(..*count).is_some_and(|keys| there(&keys.join("."))));
        let start = format!("{first}.");
        let alike = || inside.entries().iter().any(|(key, _)| key.starts_with(&start)).then_some(keys.len());
        Self::joining(steps, at, at + exact.or_else(alike)?)
    }

    /// The steps from `first` to `end` as one key, where they are keys and several.
    fn joining(steps: &[Step], first: usize, end: usize) -> Option<Self> {
        let keys = keys(steps.get(first..end)?);
        if keys.len() < 2 || keys.len() < end - first {
            return None;
        }
        let before = steps.get(..first)?;
        let taken = [before, steps.get(first..=first)?].concat();
        let meant = [before, &[Step::Key(keys.join("."))], steps.get(end..)?].concat();
        Some(Self { taken: Path::new(taken), meant: Path::new(meant) })
    }
}

impl Path {
    /// The path to something that is in `value`, where this one leads to nothing and is probably a misspelling of it.
    ///
    /// # Example
    /// ```
    /// use dagster_workspace_core::yaml::{Document, Path, Schema};
    /// let document = Document::parse("env: [{name: PORT, value: a}]\n").unwrap();
    /// let path: Path = "env[name=PORTS].value".parse().unwrap();
    /// let nearest = path.nearest(&document.to_value(Schema::Helm).unwrap());
    /// assert_eq!(nearest.unwrap().to_string(), "env[name=PORT].value");
    /// ```
    #[must_use]
    pub fn nearest(&self, value: &Value) -> Option<Self> {
        if let Some(DottedKey { meant, .. }) = DottedKey::by_data(self, value) {
            return (end_of(meant.steps(), value).0 == meant.steps().len()).then_some(meant);
        }
        let (at, inside) = end_of(self.steps(), value);
        let near = near(self.steps().get(at)?, inside)?;
        let path = Self::new([self.steps().get(..at)?, &[near], self.steps().get(at + 1..)?].concat());
        match end_of(path.steps(), value).0 {
            end if end == path.steps().len() => Some(path),
            // Each step that is mended brings it further.
            end if end > at => path.nearest(value),
            _ => None,
        }
    }
}

/// How many steps lead into `value`, and where they end.
fn end_of<'v>(steps: &[Step], value: &'v Value) -> (usize, &'v Value) {
    let mut inside = value;
    for (at, step) in steps.iter().enumerate() {
        match child(step, inside) {
            Some(child) => inside = child,
            None => return (at, inside),
        }
    }
    (steps.len(), inside)
}

fn child<'v>(step: &Step, value: &'v Value) -> Option<&'v Value> {
    match (step, value) {
        (Step::Key(key), value) => value.get(key),
        (Step::Index(at), Value::Sequence(items)) => items.get(*at),
        (Step::Item { key, name }, Value::Sequence(items)) => {
            items.iter().find(|item| key.of_value(item) == Some(name))
        }
        _ => None,
    }
}

/// The step to a child of `value` that is nearest to one that leads to none.
fn near(step: &Step, value: &Value) -> Option<Step> {
    match (step, value) {
        (Step::Key(key), Value::Mapping(entries)) => {
            let found = spelling::nearest(key, entries.iter().map(|(key, _)| key.as_str()))?;
            Some(Step::Key(found.to_owned()))
        }
        (Step::Key(key), Value::Sequence(items)) => {
            let number = key.parse().ok().filter(|at| *at < items.len()).map(Step::Index);
            let name = super::ItemKey::default();
            let named = || items.iter().any(|item| name.of_value(item) == Some(key));
            number.or_else(|| named().then(|| Step::Item { key: name.clone(), name: key.clone() }))
        }
        (Step::Item { key, name }, Value::Sequence(items)) => {
            let found = spelling::nearest(name, items.iter().filter_map(|item| key.of_value(item)))?;
            Some(Step::Item { key: key.clone(), name: found.to_owned() })
        }
        _ => None,
    }
}

/// The keys that these steps begin with.
fn keys(steps: &[Step]) -> Vec<&str> {
    let keys = steps.iter().map_while(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        _ => None,
    });
    keys.collect()
}
