//! The table against the schemas of the releases that were looked at.

extern crate std;

use std::fs;
use std::path::Path;
use std::string::String;
use std::vec::Vec;

use serde_json::Value as Json;

use alloc::format;

use super::*;

/// Folders of the releases, and their charts' versions.
const RELEASES: [(&str, Version); 6] = [
    ("0.15.5", Version::new(0, 15, 5)),
    ("1.3.7", Version::new(1, 3, 7)),
    ("1.5-2023-11", Version::new(1, 5, 7)),
    ("1.10.5", Version::new(1, 10, 5)),
    ("1.12-2025-11", Version::new(1, 12, 2)),
    ("1.13-2026-06", Version::new(1, 13, 27)),
];

/// Read by the template alone, or by the system chart.
const NOT_IN_SCHEMA: [&str; 7] =
    ["service", "rbacEnabled", "extraManifests", "nameOverride", "fullnameOverride", "enabled", "enableSubchart"];

fn schemas() -> Vec<(Version, Json)> {
    let Some(shared) = testing::shared() else { return Vec::new() };
    let read = |folder: &Path| fs::read_to_string(folder.join("dagster-user-deployments.values.schema.json")).unwrap();
    let of = |(folder, version): (&str, Version)| {
        (version, serde_json::from_str(&read(&shared.join("dagster").join(folder))).unwrap())
    };
    RELEASES.into_iter().map(of).collect()
}

/// What a `$ref` inside the schema leads to; one to the network leaves what stands beside it.
fn followed<'j>(schema: &'j Json, of: &'j Json) -> &'j Json {
    match of["$ref"].as_str().and_then(|to| to.strip_prefix('#')) {
        Some(to) => followed(schema, schema.pointer(to).unwrap()),
        None => of,
    }
}

/// The alternatives of a property, null aside, and whether null is one.
fn alternatives<'j>(schema: &'j Json, of: &'j Json) -> (Vec<&'j Json>, bool) {
    let of = followed(schema, of);
    let Some(any) = of["anyOf"].as_array() else { return (Vec::from([of]), false) };
    let (nulls, others): (Vec<_>, Vec<_>) = any.iter().partition(|one| one["type"] == "null");
    (others.into_iter().map(|one| followed(schema, one)).collect(), !nulls.is_empty())
}

/// Whether a type of the table takes what the schema takes, as far as JSON types go.
fn is_compatible(schema: &Json, of: &Type, property: &Json) -> bool {
    let (wanted, _) = alternatives(schema, property);
    wanted.into_iter().all(|wanted| match (wanted["type"].as_str().unwrap_or("object"), of) {
        ("string", Type::Word(words)) => wanted["enum"].as_array().unwrap().iter().eq(*words),
        ("string", Type::Text | Type::Tag)
        | ("integer", Type::Whole | Type::Port | Type::Count | Type::Tag)
        | ("boolean", Type::Bool)
        | ("object", Type::Map(Type::Any)) => true,
        ("object", Type::Map(of)) => wanted.get("additionalProperties").is_none_or(|it| is_compatible(schema, of, it)),
        ("object", Type::Object(fields)) => {
            let properties = wanted["properties"].as_object().into_iter().flatten();
            let mut known = properties.map(|(key, it)| (field(fields, key), it));
            known.all(|(field, it)| field.is_some_and(|field| is_compatible(schema, &field.of, it)))
        }
        ("array", Type::List(of, _)) => is_compatible(schema, of, &wanted["items"]),
        (_, Type::Either(one, other)) => [one, other].into_iter().any(|of| is_compatible(schema, of, wanted)),
        (_, of) => matches!(of, Type::Any),
    })
}

fn check_rows(version: Version, schema: &Json, fields: &'static [Field], of: &Json, wrong: &mut Vec<String>) {
    let properties = of["properties"].as_object().unwrap();
    let required = |key: &str| of["required"].as_array().is_some_and(|all| all.iter().any(|one| one == key));
    for (key, property) in properties {
        let Some(field) = field(fields, key) else {
            wrong.push(format!("{version}: `{key}` is not in the table"));
            continue;
        };
        let nullable = alternatives(schema, property).1;
        if !field.since.is_in(version) {
            wrong.push(format!("{version}: `{key}` is there already"));
        }
        if !is_compatible(schema, &field.of, property) {
            wrong.push(format!("{version}: `{key}` has another type"));
        }
        // What came later and has a default ever since: `includeInstance` and the like.
        let defaulted = required(key) && field.since != Since::Always;
        if field.is_required_in(version) != required(key) && !defaulted && key != "deployments" {
            wrong.push(format!("{version}: `{key}` is required: {}", required(key)));
        }
        if nullable != field.is_nullable_in(version) && !required(key) {
            wrong.push(format!("{version}: `{key}` takes null: {nullable}"));
        }
    }
    for field in fields.iter().filter(|field| field.since.is_in(version) && !NOT_IN_SCHEMA.contains(&field.key)) {
        let between = RELEASES.iter().any(|(_, release)| *release < version && field.since.is_in(*release));
        if !properties.contains_key(field.key) && (between || field.since == Since::Always) {
            wrong.push(format!("{version}: `{}` is not there", field.key));
        }
    }
}

#[test]
fn table_has_every_property_of_every_release_with_its_type() {
    let mut wrong = Vec::new();
    for (version, schema) in schemas() {
        let definitions = schema.get("$defs").or_else(|| schema.get("definitions")).unwrap();
        check_rows(version, &schema, DEPLOYMENT, &definitions["UserDeployment"], &mut wrong);
        check_rows(version, &schema, &VALUES, &schema, &mut wrong);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn keys_of_a_mapping_are_unique_and_no_mistake_is_a_key() {
    fn walk(fields: &'static [Field], depth: usize) {
        for (at, row) in fields.iter().enumerate() {
            assert!(!fields[..at].iter().any(|other| other.key == row.key), "{}", row.key);
            for mistaken in row.mistaken {
                assert!(field(fields, mistaken).is_none(), "{mistaken}");
                assert_eq!(meant(fields, mistaken), Some(row.key));
            }
            let of = row.of.list().map_or(row.of.fields(), |(of, _)| of.fields());
            if depth < 6 {
                walk(of, depth + 1);
            }
        }
    }
    walk(&VALUES, 0);
    KINDS.iter().for_each(|kind| walk(kind.fields, 0));
}

/// A key as Python writes it: `env_secrets`.
fn snake(key: &str) -> String {
    key.chars()
        .flat_map(|c| if c.is_uppercase() { ['_', c.to_ascii_lowercase()] } else { ['\0', c] })
        .filter(|c| *c != '\0')
        .collect()
}

fn annotation(of: &Type) -> String {
    String::from(match of {
        Type::Text | Type::Tag | Type::Word(_) | Type::Amount => "str",
        Type::Bool => "bool",
        Type::Whole | Type::Count | Type::Port => "int",
        Type::Map(Type::Text) => "Mapping[str, str]",
        Type::Map(_) | Type::Object(_) => "_Object",
        Type::List(Type::Text, _) => "Sequence[str]",
        // Names stand for their references.
        Type::List(Type::Object([name, optional]), _) if (name.key, optional.key) == ("name", "optional") => "_Names",
        Type::List(..) => "_Objects",
        Type::Either(one, other) => return format!("{} | {}", annotation(one), annotation(other)),
        Type::Any | Type::Source(_) => "Any",
    })
}

#[test]
fn keywords_of_python_are_the_rows() {
    let file = testing::top().join("dagster-workspace-py/python/dagster_workspace/_native.pyi");
    let stub = fs::read_to_string(&file).unwrap();
    let (begin, end) = ("        extra: dict[str, Any] | None = None,\n", "    ) -> Deployment: ...\n");
    let (head, rest) = stub.split_once(begin).unwrap();
    let (_, tail) = rest.split_once(end).unwrap();
    let others = DEPLOYMENT.iter().filter(|field| !["name", "image", "port"].contains(&field.key));
    let rows: String = others
        .map(|field| format!("        {}: {} | None = ...,\n", snake(field.key), annotation(&field.of)))
        .collect();
    let expected = format!("{head}{begin}{rows}{end}{tail}");
    if std::env::var_os("DAGSTER_WORKSPACE_UPDATE").is_some() {
        fs::write(&file, &expected).unwrap();
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), expected, "run with DAGSTER_WORKSPACE_UPDATE=1");
}

#[test]
fn reference_is_what_the_documentation_has() {
    let file = testing::top().join("docs/fields.md");
    if std::env::var_os("DAGSTER_WORKSPACE_UPDATE").is_some() {
        fs::write(&file, reference()).unwrap();
    }
    assert_eq!(fs::read_to_string(&file).unwrap_or_default(), reference(), "run with DAGSTER_WORKSPACE_UPDATE=1");
}
