//! Edits as JSON: `{"op": "set", "path": "deployments[name=etl].image.tag", "value": "1.5"}`, `{"op": "remove", "path"}` and
//! `{"op": "add", "list": "deployments", "item": "name: b\n"}`.
//!
//! A path is text in the notation of [`Path`], or a list of keys and of numbers of items. `list`, `name` and `key` (where names
//! stand, `name` if it is missing) may come before it: `{"op": "set", "list": "deployments", "name": "etl", "path":
//! ["image", "tag"], "value": "1.5"}` is the first edit again. So is `path` for an `add`.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Edit, Item};
use crate::value::Value;
use crate::yaml::{Path, PathError, Step};

/// The JSON form. A list is a path from the root; empty is the root itself.
#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
enum Op {
    Add {
        #[serde(default, skip_serializing_if = "String::is_empty")]
        list: String,
        #[serde(default = "name", skip_serializing_if = "is_name")]
        key: String,
        #[serde(default, skip_serializing_if = "Way::is_empty")]
        path: Way,
        item: NewItem,
    },
    Set {
        #[serde(default, skip_serializing_if = "String::is_empty")]
        list: String,
        #[serde(default = "name", skip_serializing_if = "is_name")]
        key: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(default, skip_serializing_if = "Way::is_empty")]
        path: Way,
        value: Value,
    },
    Remove {
        #[serde(default, skip_serializing_if = "String::is_empty")]
        list: String,
        #[serde(default = "name", skip_serializing_if = "is_name")]
        key: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(default, skip_serializing_if = "Way::is_empty")]
        path: Way,
    },
}

/// A path in its notation, or as its steps.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Way {
    Text(String),
    Steps(Vec<Part>),
}

/// One step of a list.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Part {
    Key(String),
    Index(usize),
}

impl Default for Way {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl Way {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }

    fn steps(self) -> Result<Vec<Step>, PathError> {
        match self {
            Self::Text(text) => Ok(text.parse::<Path>()?.steps().to_vec()),
            Self::Steps(parts) => Ok(parts.into_iter().map(Step::from).collect()),
        }
    }
}

impl From<Part> for Step {
    fn from(part: Part) -> Self {
        match part {
            Part::Key(key) => Self::Key(key),
            Part::Index(at) => Self::Index(at),
        }
    }
}

/// Text is YAML; anything else is data.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum NewItem {
    Text(String),
    Data(Value),
}

fn name() -> String {
    String::from("name")
}

fn is_name(key: &String) -> bool {
    key == "name"
}

/// The path of `list`, then the item called `name`, then `way`.
fn path(list: &str, key: &str, name: Option<&str>, way: Way) -> Result<Path, PathError> {
    let list: Path = list.parse()?;
    let item = match name {
        Some(name) => list.item(&key.parse()?, name),
        None => list,
    };
    Ok(Path::new([item.steps(), &way.steps()?].concat()))
}

impl TryFrom<Op> for Edit {
    type Error = PathError;

    fn try_from(op: Op) -> Result<Self, PathError> {
        Ok(match op {
            Op::Add { list, key, path: way, item } => Self::Add {
                list: path(&list, &key, None, way)?,
                key: key.parse()?,
                item: match item {
                    NewItem::Text(text) => Item::Text(text),
                    NewItem::Data(value) => Item::Value(value),
                },
            },
            Op::Set { list, key, name, path: way, value } => {
                Self::Set { path: path(&list, &key, name.as_deref(), way)?, value }
            }
            Op::Remove { list, key, name, path: way } => {
                Self::Remove { path: path(&list, &key, name.as_deref(), way)? }
            }
        })
    }
}

impl<'de> Deserialize<'de> for Edit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Op::deserialize(deserializer)?.try_into().map_err(|error: PathError| match &error.corrected {
            Some(path) => D::Error::custom(alloc::format!("{error}, as in `{path}`")),
            None => D::Error::custom(error),
        })
    }
}

impl From<&Edit> for Op {
    fn from(edit: &Edit) -> Self {
        let way = |path: &Path| Way::Text(path.to_string());
        match edit {
            Edit::Add { list, key, item } => Self::Add {
                list: list.to_string(),
                key: key.to_string(),
                path: Way::default(),
                item: match item {
                    Item::Text(text) => NewItem::Text(text.clone()),
                    Item::Value(value) => NewItem::Data(value.clone()),
                },
            },
            Edit::Set { path, value } => {
                Self::Set { list: String::new(), key: name(), name: None, path: way(path), value: value.clone() }
            }
            Edit::Remove { path } => Self::Remove { list: String::new(), key: name(), name: None, path: way(path) },
        }
    }
}

impl Serialize for Edit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Op::from(self).serialize(serializer)
    }
}
