//! Edits of files that people and charts really have: every list of user code is added to, changed and taken from, every
//! other line stays, and every reader, PyYAML among them, sees the edited data.

mod laws;
mod readers;
mod samples;
mod written;

use dagster_workspace_core::edit::{Edit, Item};
use dagster_workspace_core::error::Reason;
use dagster_workspace_core::value::Value;
use dagster_workspace_core::yaml::{Document, ItemKey, Node, Path, Reader, Schema};
use laws::{Outcome, check, naive};
use readers::{Python, Read};

/// Where user code stands: the list, and where its items carry their names.
const LISTS: [(&str, &str); 6] = [
    ("deployments", "name"),
    ("dagster-user-deployments.deployments", "name"),
    ("dagster.dagster-user-deployments.deployments", "name"),
    ("dagsterWebserver.workspace.servers", "name"),
    ("dagit.workspace.servers", "name"),
    ("load_from", "*.location_name"),
];

/// A new item of a list, as text.
fn item(key: &str) -> &'static str {
    if key == "name" {
        "# added by a pipeline\nname: brand-new\nimage:\n  repository: registry.example/etl\n  tag: '1.10'\n  pullPolicy: Always\ndagsterApiGrpcArgs: [\"-m\", \"etl\"]\nport: 3030\n"
    } else {
        "grpc_server:\n  host: brand-new\n  port: 3030\n  location_name: brand-new\n"
    }
}

fn value(text: &str) -> Value {
    Document::parse(text).unwrap().to_value(Schema::Helm).unwrap()
}

/// All edits of one list: an addition as text and as data, and for every item its removal and some changes.
fn edits(list: Node<'_>, path: &Path, key: &str) -> Vec<Edit> {
    let keyed: ItemKey = key.parse().unwrap();
    let add = |item| Edit::Add { list: path.clone(), key: keyed.clone(), item };
    let mut edits = vec![add(Item::Text(item(key).into())), add(Item::Value(value(item(key))))];
    let reader = Reader::new(Schema::Helm);
    for item in reader.items(list) {
        let Some(name) = keyed.of(item).and_then(Node::text) else { continue };
        let path = path.clone().item(&keyed, &name);
        edits.push(Edit::Remove { path: path.clone() });
        if edits.len() > 20 {
            // The first items tell of the others, which are many in some files.
            continue;
        }
        edits.push(Edit::Set { path: path.clone().key("image").key("tag"), value: "1234567e8".into() });
        edits.push(Edit::Set { path: path.clone().key("port"), value: Value::Int(4000) });
        edits.push(Edit::Set { path: path.clone().key("labels").key("team"), value: "on".into() });
        edits.push(Edit::Set {
            path: path.clone().key("env"),
            value: value("[{name: A, value: '1'}, {name: B, value: x}]"),
        });
        edits.push(Edit::Set { path: path.clone().key("dagsterApiGrpcArgs"), value: value("['-m', etl, '--x: y']") });
        edits.push(Edit::Remove { path: path.clone().key("image") });
        let Ok(Value::Mapping(mut entries)) = item.to_value(Schema::Helm) else { continue };
        entries.retain(|(key, _)| key != "env");
        let mut whole = Value::Mapping(entries);
        whole.set("labels", value("{team: on-call}"));
        edits.push(Edit::Set { path, value: whole });
    }
    edits
}

/// What PyYAML read, as the naive edit takes it.
fn data(read: &Read) -> serde_yaml::Value {
    use serde_yaml::Value as Yaml;
    match read {
        Read::Null => Yaml::Null,
        Read::Bool(value) => Yaml::Bool(*value),
        Read::Int(value) => serde_yaml::to_value(i64::try_from(*value).unwrap()).unwrap(),
        Read::Float(value) => serde_yaml::to_value(value).unwrap(),
        Read::String(text) => Yaml::String(text.clone()),
        Read::List(items) => Yaml::Sequence(items.iter().map(data).collect()),
        Read::Map(entries) => Yaml::Mapping(entries.iter().map(|(key, value)| (data(key), data(value))).collect()),
        Read::Other(text) | Read::Refused(text) => panic!("PyYAML: {text}"),
    }
}

#[test]
fn user_code_is_added_changed_and_removed_in_every_file() {
    let Some(documents) = samples::documents() else { return };
    let mut python = Python::start();
    let (mut lists, mut changed, mut refused) = (0, 0, Vec::new());
    for (name, text) in documents {
        let Ok(document) = Document::parse(text.as_str()) else { continue };
        let mut texts = vec![text.clone()];
        let mut done = Vec::new();
        for (at, key) in LISTS {
            let path: Path = at.parse().unwrap();
            let Some(list) = laws::sites::node_at(&document, path.steps()) else { continue };
            lists += 1;
            for edit in edits(list, &path, key) {
                match check(&text, &edit).unwrap_or_else(|broken| panic!("{name}: {broken}")) {
                    Outcome::Changed(after) => {
                        texts.push(after);
                        done.push(edit);
                    }
                    Outcome::Unchanged => {}
                    Outcome::Refused(reason) => refused.push((name.clone(), edit, reason)),
                }
            }
        }
        changed += done.len();
        let Some(python) = &mut python else { continue };
        let read = python.read("pyyaml", &texts);
        if let [Read::Refused(_), ..] = read.as_slice() {
            continue;
        }
        let before = data(&read[0]);
        for (edit, after) in done.iter().zip(&read[1..]) {
            let meant = naive::apply(&before, edit).unwrap();
            assert_eq!(data(after), meant, "{name}: {edit:?}");
        }
    }
    assert!(lists >= 40 && changed >= 400, "{changed} edits of {lists} lists");
    // An item that merges shared settings has them from elsewhere; nothing else is refused.
    let expected = [Reason::ThroughAlias, Reason::AnchorInUse, Reason::AliasedList];
    let odd: Vec<_> = refused.iter().filter(|(_, _, reason)| !expected.contains(reason)).collect();
    assert!(odd.is_empty(), "{odd:?}");
}
