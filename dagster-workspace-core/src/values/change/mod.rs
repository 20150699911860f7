//! Changing the fields of a deployment, as data: [`FieldChange`], and what an entry becomes by them. Values alone: the text is
//! edited by who asks for it.
//!
//! Lists are those of the chart's table: items are told apart by their keys, `env` may be a mapping or a list and is changed
//! alike in both, and of `value` and `valueFrom` only what was set last stays. Read [`FieldChange`], then [`changed`].

mod walk;

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use walk::{At, items, merge, near, only, set, unset};

use super::{DEFAULT_PORT, Image, PullPolicy, UserDeployment, split_tag};
use crate::chart::{self, Place, Problem, Type, typed};
use crate::field::FieldError;
use crate::value::Value;
use crate::version::Version;
use crate::yaml::{DataError, Document, Path, Reader, Schema, Step};

/// One change of the fields of a deployment. Serialised as a mapping with its kind under `change`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum FieldChange {
    /// Gives a field a value; null takes it out. What is missing on the way is begun: mappings, and items of lists that have
    /// keys. `env.A` is the variable in either form of `env`.
    Set {
        /// The field, from the deployment down.
        #[serde(with = "as_text")]
        path: Path,
        /// Its value.
        value: Value,
    },
    /// Takes a field, an item or a variable out; where it is not there, that is said.
    Unset {
        /// The field, from the deployment down.
        #[serde(with = "as_text")]
        path: Path,
    },
    /// Puts an item into a list. Where one of its key is there, what `item` says is set in it and the rest stays.
    Add {
        /// The list, from the deployment down.
        #[serde(with = "as_text")]
        list: Path,
        /// The item, with its key in it.
        item: Value,
    },
    /// Sets fields as RFC 7386 merges: mappings are gone into, null takes out, everything else is set as a whole. A mapping
    /// under `env` also sets single variables of a list of them.
    Merge {
        /// The fields, a mapping.
        fields: Value,
    },
    /// Another image: repository, tag and digest; the pull policy only where it names one, and what else is there stays.
    Image {
        /// The image.
        image: Image,
    },
    /// Other arguments of the server, under the key that has them now.
    Arguments {
        /// All of them.
        arguments: Vec<String>,
    },
}

/// Why a change does not fit the deployment. Variables' values are not shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The value is of another type than the chart takes there.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The path goes into a text, a number or a switch.
    #[error("`{holder}` must be {expected}: nothing lies below it")]
    Inside {
        /// What has nothing below it.
        holder: Path,
        /// What it is.
        expected: &'static str,
        /// The path that was meant: a key with dots in it.
        meant: Option<Path>,
    },
    /// What stands on the way has nothing below it, or is no list.
    #[error("`{path}` is {found}: nothing can be put into it")]
    Occupied {
        /// What is there.
        path: Path,
        /// In words.
        found: String,
    },
    /// The list has no such item, and none can be made of the path.
    #[error("`{path}` is not there")]
    NoItem {
        /// The item.
        path: Path,
    },
    /// Two items have the name.
    #[error("duplicate `{name}` in `{list}`")]
    Ambiguous {
        /// The list.
        list: Path,
        /// The name.
        name: String,
        /// Places of the first two.
        places: (usize, usize),
    },
    /// The name is no field that changes.
    #[error("a deployment keeps its name")]
    Name,
}

impl ChangeError {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Field(FieldError { path, .. }) if path == "image" => Some("say which image to run".to_owned()),
            Self::Field(_) | Self::Inside { meant: None, .. } => None,
            Self::Inside { meant: Some(path), .. } => Some(format!("a key with dots stands in quotes: `{path}`")),
            Self::Occupied { .. } => Some("set it as a whole".to_owned()),
            Self::NoItem { .. } => Some("add it as a whole, or name an item that is there".to_owned()),
            Self::Ambiguous { .. } => Some("remove one of them".to_owned()),
            Self::Name => Some("add it under the new name, then remove the old one".to_owned()),
        }
    }
}

/// A field that was to be taken out and is not there.
pub(crate) struct Missing {
    pub(crate) path: Path,
    /// The nearest one that is there.
    pub(crate) did_you_mean: Option<Path>,
}

impl FieldChange {
    /// Sets a field to what a text means there that somebody typed: the text itself where the chart takes a text
    /// (`image.tag`, names, variables, labels), a number for ports and counts, YAML for lists, mappings and what the chart
    /// does not know. Quotes around the whole of it are YAML's: `"1.10"` is the text 1.10.
    ///
    /// # Errors
    /// [`ChangeError::Field`] repeats what was typed, unless it is a variable's; [`ChangeError::Inside`] where nothing lies
    /// below, as in `labels.app.kubernetes.io/name`.
    ///
    /// # Example
    /// ```
    /// use dagster_workspace_core::values::FieldChange;
    /// let change = FieldChange::typed("image.tag".parse()?, "0123456")?;
    /// assert_eq!(change, FieldChange::Set { path: "image.tag".parse()?, value: "0123456".into() });
    /// assert!(FieldChange::typed("port".parse()?, "0x10").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn typed(path: Path, text: &str) -> Result<Self, ChangeError> {
        let of = type_at(&path)?;
        let value = with_place(path.steps(), &Place::ROOT, &mut |place| typed::typed(of, place, text))?;
        Ok(Self::Set { path, value })
    }

    /// Takes a field out.
    ///
    /// # Errors
    /// [`ChangeError::Inside`] as for [`FieldChange::typed`].
    pub fn unset(path: Path) -> Result<Self, ChangeError> {
        type_at(&path).map(|_| Self::Unset { path })
    }
}

/// The entry that a document holds, typed by the chart: where it takes a text, plain scalars are texts as they are written.
///
/// # Errors
/// [`DataError`] where it has no meaning as data.
pub fn entry_in(document: &Document<'_>) -> Result<Value, DataError> {
    let Some(root) = document.root() else { return Ok(Value::Null) };
    typed::written(&Type::DEPLOYMENT, &Reader::new(Schema::Helm), root)
}

impl UserDeployment {
    /// The deployment of that name that changes make of another's entry, or of nothing. Without a port it gets
    /// [`DEFAULT_PORT`], without a pull policy `Always`.
    ///
    /// # Errors
    /// [`ChangeError`], and [`ChangeError::Field`] where the chart demands more: an image.
    pub fn made(name: &str, like: Option<&Value>, changes: &[FieldChange]) -> Result<Self, ChangeError> {
        let mut entry = like.cloned().unwrap_or_else(|| Value::Mapping(Vec::new()));
        entry.set("name", name.into());
        let (mut entry, _) = changed(&entry, changes)?;
        if entry.get("port").is_none() {
            entry.set("port", DEFAULT_PORT.into());
        }
        let deployment = Self::from_value(&entry)?;
        let pull_policy = deployment.image().pull_policy.or(Some(PullPolicy::Always));
        let image = Image { pull_policy, ..deployment.image().clone() };
        Ok(deployment.with_image(image))
    }
}

/// What the chart takes at a path.
fn type_at(path: &Path) -> Result<&'static Type, ChangeError> {
    if path.steps() == [Step::Key("name".to_owned())] {
        return Err(ChangeError::Name);
    }
    let mut of = &Type::DEPLOYMENT;
    for (at, step) in path.steps().iter().enumerate() {
        let Some(next) = of.step(step) else {
            let (before, _) = path.steps().split_at(at);
            return Err(ChangeError::Inside {
                holder: Path::new(before.to_vec()),
                expected: of.expected(),
                meant: joined(path.steps(), at),
            });
        };
        of = next;
    }
    Ok(of)
}

/// The path with the keys from the last mapping on as one key: `labels.app.kubernetes.io/name`.
fn joined(steps: &[Step], at: usize) -> Option<Path> {
    let (before, after) = steps.split_at(at.checked_sub(1)?);
    let keys = after.iter().map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        _ => None,
    });
    Some(Path::new(before.to_vec()).key(&keys.collect::<Option<Vec<_>>>()?.join(".")))
}

/// Calls with the place that steps lead to.
fn with_place<R>(steps: &[Step], place: &Place<'_>, call: &mut dyn FnMut(&Place<'_>) -> R) -> R {
    match steps {
        [] => call(place),
        [Step::Key(key), rest @ ..] => with_place(rest, &place.key(key), call),
        [Step::Index(at), rest @ ..] => with_place(rest, &place.index(*at), call),
        [Step::Item { name, .. }, rest @ ..] => with_place(rest, &place.item(name), call),
    }
}

/// What an entry becomes, and what was to be taken out and is not there.
pub(crate) fn changed(entry: &Value, changes: &[FieldChange]) -> Result<(Value, Vec<Missing>), ChangeError> {
    let (mut value, mut not_found) = (entry.clone(), Vec::new());
    for change in changes {
        apply(&mut value, change, &mut not_found)?;
    }
    Ok((value, not_found))
}

fn apply(entry: &mut Value, change: &FieldChange, not_found: &mut Vec<Missing>) -> Result<(), ChangeError> {
    let root = At { of: &Type::DEPLOYMENT, done: &[] };
    match change {
        FieldChange::Set { path, value: Value::Null } => {
            type_at(path)?;
            unset(entry, &root, path.steps()).map(drop)
        }
        FieldChange::Set { path, value } => {
            let of = type_at(path)?;
            let value = with_place(path.steps(), &Place::ROOT, &mut |place| typed::given(of, place, value.clone()))?;
            set(entry, &root, path.steps(), value)
        }
        FieldChange::Unset { path } => {
            type_at(path)?;
            if !unset(entry, &root, path.steps())? {
                not_found.push(Missing { path: path.clone(), did_you_mean: near(entry, path) });
            }
            Ok(())
        }
        FieldChange::Add { list, item } => add(entry, list, item),
        FieldChange::Merge { fields } => {
            lost(root.of, fields)?;
            merge(entry, &root, fields)
        }
        FieldChange::Image { image } => {
            set_image(entry, image);
            Ok(())
        }
        FieldChange::Arguments { arguments } => {
            let listed = arguments.iter().map(|text| text.as_str().into()).collect();
            entry.set(arguments_key(entry), Value::Sequence(listed));
            Ok(())
        }
    }
}

/// Where the arguments of this server stand: `codeServerArgs` where it has those alone.
fn arguments_key(entry: &Value) -> &'static str {
    match (entry.get("dagsterApiGrpcArgs"), entry.get("codeServerArgs")) {
        (None | Some(Value::Null), Some(Value::Sequence(_))) => "codeServerArgs",
        _ => "dagsterApiGrpcArgs",
    }
}

fn set_image(entry: &mut Value, image: &Image) {
    let old = entry.get("image").cloned().unwrap_or_default();
    let same = |own: &Image| {
        let policy = image.pull_policy.is_none() || image.pull_policy == own.pull_policy;
        policy && (&own.repository, &own.tag, &own.digest) == (&image.repository, &image.tag, &image.digest)
    };
    let part = |key| old.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let is_pinned = part("tag").is_some_and(|tag| split_tag(tag).is_some());
    // A number as tag is the image of that text: no pod rolls for quotes. A digest in a tag beside another one is stale.
    if Image::from_value(&old).is_ok_and(|own| same(&own)) && !(is_pinned && part("digest").is_some()) {
        return;
    }
    let mut new = image.to_value();
    // Who keeps the digest in the tag finds it there again, as do charts that know no other place.
    if let (true, Some(tag), Some(digest), Value::Mapping(parts)) = (is_pinned, &image.tag, &image.digest, &mut new) {
        parts.retain(|(key, _)| key != "digest");
        new.set("tag", format!("{tag}@{digest}").into());
    }
    // A tag beside a new digest, or the other way round, would say two things.
    for (key, value) in old.entries().iter().filter(|(key, _)| !matches!(key.as_str(), "tag" | "digest")) {
        if new.get(key).is_none() {
            new.set(key, value.clone());
        }
    }
    entry.set("image", new);
}

fn add(entry: &mut Value, list: &Path, item: &Value) -> Result<(), ChangeError> {
    let of = type_at(list)?;
    let Some((item_type, keyed)) = of.list() else {
        let (holder, expected) = (list.clone(), of.expected());
        return Err(ChangeError::Inside { holder, expected, meant: None });
    };
    let place = Place::ROOT;
    let item = with_place(list.steps(), &place, &mut |place| typed::given(item_type, place, item.clone()))?;
    let root = At { of: &Type::DEPLOYMENT, done: &[] };
    let name = keyed.key().and_then(|key| Some((key, item.get(key)?.as_str()?)));
    let Some((key, name)) = name else {
        let mut items = found(entry, list).cloned().unwrap_or_default();
        match &mut items {
            Value::Sequence(items) if items.iter().any(|own| own.is_same(&item)) => return Ok(()),
            Value::Sequence(items) => items.push(item),
            items => *items = Value::Sequence(Vec::from([item])),
        }
        return set(entry, &root, list.steps(), items);
    };
    // What the item says is set in the one that is there; the key alone where it says nothing else.
    let others: Vec<_> = item.entries().iter().filter(|(own, _)| own != key).collect();
    let step = Step::Item { key: key.parse().unwrap_or_default(), name: name.to_owned() };
    let path = [list.steps(), core::slice::from_ref(&step)].concat();
    for (field, value) in &others {
        let path = [&*path, &[Step::Key(field.clone())]].concat();
        set(entry, &root, &path, value.clone())?;
    }
    if others.is_empty() {
        let done = list.steps();
        let mut value = found(entry, list).cloned().unwrap_or_default();
        let at = At { of, done };
        let items = items(&mut value, &at)?;
        if only(items, &at, name, |item| item.get(key)?.as_str())?.is_none() {
            items.push(item.clone());
            return set(entry, &root, list.steps(), value);
        }
    }
    Ok(())
}

/// The value at a path of keys.
fn found<'v>(entry: &'v Value, path: &Path) -> Option<&'v Value> {
    path.steps().iter().try_fold(entry, |value, step| match step {
        Step::Key(key) => value.get(key),
        _ => None,
    })
}

/// What a mapping becomes by other fields, as [`FieldChange::Merge`] sets them.
pub(crate) fn merged(of: &'static Type, now: &Value, fields: &Value) -> Result<Value, ChangeError> {
    lost(of, fields)?;
    let mut value = now.clone();
    merge(&mut value, &At { of, done: &[] }, fields)?;
    Ok(value)
}

/// Refuses fractions and switches where the chart takes a text: their notation is lost.
fn lost(of: &'static Type, fields: &Value) -> Result<(), FieldError> {
    let mut first = None;
    chart::check(of, Version::NEWEST, fields, &Place::ROOT, &mut |place, problem| {
        if let Problem::Wrong { at, of } = problem
            && matches!((of, at), (Type::Text | Type::Tag, Value::Float(_) | Value::Bool(_)))
        {
            first = first.take().or_else(|| chart::fits(of, place, at).err());
        }
    });
    first.map_or(Ok(()), Err)
}

/// Puts an item into a list by its `name`; of several of that name the last counts, as for Kubernetes. For builders, which
/// refuse nothing.
pub(super) fn put_item(list: Option<&Value>, name: &str, value: Option<Value>) -> Value {
    let mut items = match list {
        Some(Value::Sequence(items)) => items.clone(),
        _ => Vec::new(),
    };
    let is_it = |item: &&mut Value| item.get("name").and_then(Value::as_str) == Some(name);
    if !items.iter().any(|item| item.get("name").and_then(Value::as_str) == Some(name)) {
        items.push(Value::Mapping(Vec::from([("name".to_owned(), name.into())])));
    }
    if let (Some(value), Some(item)) = (value, items.iter_mut().rev().find(is_it)) {
        item.set("value", value);
        if let Value::Mapping(entries) = item {
            entries.retain(|(key, _)| key != "valueFrom");
        }
    }
    Value::Sequence(items)
}

/// Paths as people write them.
mod as_text {
    use alloc::string::String;

    use serde::de::{Deserialize as _, Deserializer, Error as _};
    use serde::ser::Serializer;

    use crate::yaml::Path;

    pub(super) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(path)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Path, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
