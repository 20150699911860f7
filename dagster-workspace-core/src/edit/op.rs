//! Edits as JSON: `{"op": "add", "list": "deployments", "item": "name: b\n"}`, `{"op": "set", "list", "name", "path": [..],
//! "value"}` and `{"op": "remove", "list", "name"}`, each with an optional `"key"` that says where names stand.

use alloc::string::String;
use alloc::vec::Vec;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Edit, Item};
use crate::value::Value;
use crate::yaml::{Path, PathError, Step};

/// The JSON form. A list that is named by dots is a path from the root; empty is the root itself.
#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
enum Op {
    Add {
        list: String,
        #[serde(default = "name", skip_serializing_if = "is_name")]
        key: String,
        item: NewItem,
    },
    Set {
        #[serde(default, skip_serializing_if = "String::is_empty")]
        list: String,
        #[serde(default = "name", skip_serializing_if = "is_name")]
        key: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        path: Vec<String>,
        value: Value,
    },
    Remove {
        #[serde(default, skip_serializing_if = "String::is_empty")]
        list: String,
        #[serde(default = "name", skip_serializing_if = "is_name")]
        key: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        path: Vec<String>,
    },
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

/// The path of `list`, then the item called `name`, then `keys`.
fn path(list: &str, key: &str, name: Option<&str>, keys: &[String]) -> Result<Path, PathError> {
    let list: Path = list.parse()?;
    let item = match name {
        Some(name) => list.item(&key.parse()?, name),
        None => list,
    };
    Ok(keys.iter().fold(item, |path, key| path.key(key)))
}

impl TryFrom<Op> for Edit {
    type Error = PathError;

    fn try_from(op: Op) -> Result<Self, PathError> {
        Ok(match op {
            Op::Add { list, key, item } => Self::Add {
                list: list.parse()?,
                key: key.parse()?,
                item: match item {
                    NewItem::Text(text) => Item::Text(text),
                    NewItem::Data(value) => Item::Value(value),
                },
            },
            Op::Set { list, key, name, path: keys, value } => {
                Self::Set { path: path(&list, &key, name.as_deref(), &keys)?, value }
            }
            Op::Remove { list, key, name, path: keys } => {
                Self::Remove { path: path(&list, &key, name.as_deref(), &keys)? }
            }
        })
    }
}

impl<'de> Deserialize<'de> for Edit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Op::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
    }
}

impl From<&Edit> for Op {
    fn from(edit: &Edit) -> Self {
        match edit {
            Edit::Add { list, key, item } => Self::Add {
                list: alloc::format!("{list}"),
                key: alloc::format!("{key}"),
                item: match item {
                    Item::Text(text) => NewItem::Text(text.clone()),
                    Item::Value(value) => NewItem::Data(value.clone()),
                },
            },
            Edit::Set { path, value } => {
                let (list, keys) = split(path);
                Self::Set { list, key: name(), name: None, path: keys, value: value.clone() }
            }
            Edit::Remove { path } => {
                let (list, keys) = split(path);
                Self::Remove { list, key: name(), name: None, path: keys }
            }
        }
    }
}

/// A path as its part up to the last item, and the keys behind it.
fn split(path: &Path) -> (String, Vec<String>) {
    let keys = path.steps().iter().rev().take_while(|step| matches!(step, Step::Key(_))).count();
    let (head, tail) = path.steps().split_at(path.steps().len() - keys);
    let keys = tail.iter().filter_map(|step| match step {
        Step::Key(key) => Some(key.clone()),
        _ => None,
    });
    (alloc::format!("{}", Path::new(head.to_vec())), keys.collect())
}

impl Serialize for Edit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Op::from(self).serialize(serializer)
    }
}
