//! What is asked of a real file, and the same made naively in its data. Read [`Asked`].

use dagster_workspace_core::transform::Transform;
use dagster_workspace_core::values::{Image, UserDeployment};
use dagster_workspace_core::workspace::GrpcServer;
use serde_json::{Value as Json, json};

use crate::readers::Read;

/// One change of a document.
pub(crate) struct Asked {
    pub(crate) what: &'static str,
    pub(crate) transform: Transform,
    /// The same in the data: what the change is, and where it happens.
    pub(crate) naive: Naive,
}

/// A change of data.
pub(crate) enum Naive {
    /// A new item at the end of the list.
    Push(Json),
    /// A value under these keys of the first item; null takes it away.
    Set(Vec<(&'static [&'static str], Json)>),
    /// The first item has the variable `N` of value `1e3`.
    SetVariable,
    /// The first item goes.
    RemoveFirst,
}

/// What is asked of values whose first deployment has that name.
pub(crate) fn of_values(first: &str) -> Vec<Asked> {
    let image: Image = "ghcr.io/acme/added:0123456".parse().unwrap();
    let deployment = UserDeployment::new("added", image).dagster_api_grpc_args(["-m", "added"]).env("ON", "on");
    let update = |what, fields: Json, naive| {
        let fields = serde_json::from_value(fields).unwrap();
        Asked { what, transform: Transform::UpdateDeployment { name: first.into(), fields }, naive: Naive::Set(naive) }
    };
    vec![
        Asked {
            what: "add",
            naive: Naive::Push(serde_json::to_value(&deployment).unwrap()),
            transform: Transform::AddDeployment { deployment },
        },
        update("port", json!({"port": 4321}), vec![(&["port"], json!(4321))]),
        Asked { naive: Naive::SetVariable, ..update("env", json!({"env": {"N": "1e3"}}), Vec::new()) },
        update("image", json!({"image": {"pullPolicy": "Never"}}), vec![(&["image", "pullPolicy"], json!("Never"))]),
        update(
            "nested",
            json!({"affinity": {"nodeAffinity": {"x": [{"weight": 1}]}}}),
            vec![(&["affinity", "nodeAffinity", "x"], json!([{"weight": 1}]))],
        ),
        Asked {
            what: "set-image",
            transform: Transform::SetImage { name: first.into(), image: "r.io/new:1.10".parse().unwrap() },
            naive: Naive::Set(vec![
                (&["image", "repository"], json!("r.io/new")),
                (&["image", "tag"], json!("1.10")),
                (&["image", "digest"], Json::Null),
            ]),
        },
        Asked {
            what: "remove",
            transform: Transform::RemoveDeployment { name: first.into() },
            naive: Naive::RemoveFirst,
        },
    ]
}

/// What is asked of a workspace file whose first location has that name.
pub(crate) fn of_workspace(first: &str) -> Vec<Asked> {
    let server = GrpcServer::new("on", "added.other", 3030);
    let update = |what, fields: Json, naive| {
        let fields = serde_json::from_value(fields).unwrap();
        Asked { what, transform: Transform::UpdateLocation { name: first.into(), fields }, naive: Naive::Set(naive) }
    };
    vec![
        Asked {
            what: "add",
            naive: Naive::Push(serde_json::to_value(server.to_item()).unwrap()),
            transform: Transform::AddLocation { server },
        },
        update("port", json!({"port": 4321}), vec![(&["grpc_server", "port"], json!(4321))]),
        update("host", json!({"host": "0123"}), vec![(&["grpc_server", "host"], json!("0123"))]),
        update(
            "nested",
            json!({"additional_metadata": {"team": "1_000"}}),
            vec![(&["grpc_server", "additional_metadata", "team"], json!("1_000"))],
        ),
        Asked {
            what: "remove",
            transform: Transform::RemoveLocation { name: first.into() },
            naive: Naive::RemoveFirst,
        },
    ]
}

impl Naive {
    /// The data after the change of the list under `place`.
    pub(crate) fn apply(&self, data: &Json, place: &[&str]) -> Json {
        let first = place.iter().fold(data, |data, key| &data[*key]).get(0);
        if matches!(self, Self::RemoveFirst) && first.is_none() {
            return data.clone();
        }
        let mut data = data.clone();
        let list = dig(&mut data, place);
        if list.is_null() {
            *list = json!([]);
        }
        let list = list.as_array_mut().unwrap();
        match self {
            Self::Push(item) => list.push(floats(item)),
            Self::Set(fields) => {
                for (path, value) in fields {
                    let (last, around) = path.split_last().unwrap();
                    let holder = dig(&mut list[0], around);
                    if value.is_null() {
                        holder.as_object_mut().unwrap().remove(*last);
                    } else {
                        *dig(holder, &[last]) = floats(value);
                    }
                }
            }
            Self::SetVariable => match dig(&mut list[0], &["env"]) {
                Json::Array(variables) => variables.push(json!({"name": "N", "value": "1e3"})),
                variables => variables["N"] = json!("1e3"),
            },
            Self::RemoveFirst => drop(list.remove(0)),
        }
        data
    }
}

/// What stands under these keys; what is missing is begun.
fn dig<'j>(data: &'j mut Json, keys: &[&str]) -> &'j mut Json {
    keys.iter().fold(data, |data, key| &mut data[*key])
}

/// All numbers as helm holds them.
pub(crate) fn floats(data: &Json) -> Json {
    match data {
        Json::Number(number) => json!(number.as_f64().unwrap()),
        Json::Array(items) => items.iter().map(floats).collect(),
        Json::Object(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (key.clone(), floats(value))).collect())
        }
        other => other.clone(),
    }
}

/// What a reader made of a text, numbers as helm holds them; why, where it is refused.
pub(crate) fn data(read: &Read) -> Result<Json, String> {
    Ok(match read {
        Read::Null => Json::Null,
        Read::Bool(value) => json!(value),
        Read::Int(number) => json!(*number as f64),
        Read::Float(number) => json!(number),
        Read::String(text) | Read::Other(text) => json!(text),
        Read::List(items) => Json::Array(items.iter().map(data).collect::<Result<_, _>>()?),
        Read::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                let key = match key {
                    Read::String(key) => key.clone(),
                    other => format!("{other:?}"),
                };
                Ok((key, data(value)?))
            });
            Json::Object(entries.collect::<Result<_, String>>()?)
        }
        Read::Refused(why) => return Err(why.clone()),
    })
}
