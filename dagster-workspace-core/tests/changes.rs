//! Changes of the fields of a deployment, as people ask for them: in either form of `env`, by paths, typed by the chart.

use dagster_workspace_core::lint::Target;
use dagster_workspace_core::transform::{Applied, Transform, TransformError, apply};
use dagster_workspace_core::value::Value;
use dagster_workspace_core::values::{FieldChange, UserDeployments};
use dagster_workspace_core::yaml::Document;
use proptest::prelude::*;

const HEAD: &str = "deployments:\n- name: a\n  image: {repository: r, tag: v1, pullPolicy: Always}\n  port: 3030\n  dagsterApiGrpcArgs: [\"-m\", x]\n";

fn changed(fields: &str, changes: Vec<FieldChange>) -> Result<Applied, TransformError> {
    let transform = [Transform::ChangeDeployment { name: "a".into(), changes }];
    let text = format!("{HEAD}{fields}");
    let applied = apply(&text, &transform, &Target::default())?;
    let again = apply(&applied.text, &transform, &Target::default()).unwrap();
    assert_eq!(again.text, applied.text, "idempotent");
    // Plans hold transforms as JSON.
    let json = serde_json::to_string(&transform).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Transform>>(&json).unwrap(), transform, "{json}");
    Ok(applied)
}

fn set(path: &str, text: &str) -> FieldChange {
    FieldChange::typed(path.parse().unwrap(), text).unwrap_or_else(|error| panic!("{path}={text}: {error}"))
}

fn unset(path: &str) -> FieldChange {
    FieldChange::unset(path.parse().unwrap()).unwrap()
}

fn add(list: &str, item: &str) -> FieldChange {
    FieldChange::Add { list: list.parse().unwrap(), item: serde_json::from_str(item).unwrap() }
}

/// The entry behind the fields that every one here has.
fn own(text: &str) -> Value {
    let document = Document::parse(text).unwrap();
    let entry = UserDeployments::of(&document).get("a").unwrap().to_value().unwrap();
    let others = ["name", "image", "port", "dagsterApiGrpcArgs"];
    Value::Mapping(entry.entries().iter().filter(|(key, _)| !others.contains(&key.as_str())).cloned().collect())
}

#[track_caller]
fn check(fields: &str, changes: impl Into<Vec<FieldChange>>, expected: &str) {
    let changes = changes.into();
    let applied = changed(fields, changes.clone()).unwrap_or_else(|error| panic!("{changes:?}: {error:?}"));
    let expected: Value = serde_json::from_str(expected).unwrap();
    assert!(own(&applied.text).is_same(&expected), "{changes:?}\n{}", applied.text);
}

#[test]
fn texts_are_taken_as_they_are_typed_where_the_chart_takes_a_text() {
    for text in ["0123456", "007", "0x1F", "1.10", "12e5", "on", "null", "~", "1_000", "2024-01-01", "0o17", "1:30"] {
        for path in
            ["image.tag", "env.A", "labels.a", "annotations.b", "nodeSelector.c", "schedulerName", "env[name=B].value"]
        {
            assert_eq!(set(path, text), FieldChange::Set { path: path.parse().unwrap(), value: text.into() }, "{path}");
        }
        let applied = changed("", vec![set("image.tag", text)]);
        // `~` is no tag to a container runtime; all others are.
        assert_eq!(applied.is_ok(), !matches!(text, "~" | "1:30"), "{text}: {applied:?}");
    }
    for (typed, meant) in [
        ("\"1.10\"", "1.10"),
        ("'1.10'", "1.10"),
        ("\"a\\tb\"", "a\tb"),
        (" spaced ", " spaced "),
        ("", ""),
        ("\"", "\""),
        ("\"a\" and \"b\"", "\"a\" and \"b\""),
        ("{a: b}", "{a: b}"),
        ("a: b # c", "a: b # c"),
    ] {
        assert_eq!(set("env.A", typed), FieldChange::Set { path: "env.A".parse().unwrap(), value: meant.into() });
    }
}

#[test]
fn numbers_switches_and_collections_are_what_the_chart_takes() {
    let value = |path: &str, text: &str| match set(path, text) {
        FieldChange::Set { value, .. } => value,
        other => panic!("{other:?}"),
    };
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    for (path, text, expected) in [
        ("port", "4000", "4000"),
        ("replicaCount", "2", "2"),
        ("readinessProbe.enabled", "no", "false"),
        ("readinessProbe.periodSeconds", "5", "5"),
        ("resources.limits.cpu", "2", "2"),
        ("resources.limits.cpu", "0.5", "0.5"),
        ("resources.limits.memory", "1e3", r#""1e3""#),
        ("resources.limits.memory", "8Gi", r#""8Gi""#),
        ("labels", "{a: 1, b: 1.10, c: on}", r#"{"a": "1", "b": "1.10", "c": "on"}"#),
        ("dagsterApiGrpcArgs", "[-m, 007]", r#"["-m", "007"]"#),
        ("dagsterApiGrpcArgs[1]", "007", r#""007""#),
        ("env", "{A: 1}", r#"{"A": "1"}"#),
        ("env", "[{name: A, value: 1.10}]", r#"[{"name": "A", "value": "1.10"}]"#),
        ("initContainers", "[{name: i, image: 1.10}]", r#"[{"name": "i", "image": "1.10"}]"#),
        ("tolerations[0].tolerationSeconds", "30", "30"),
        ("ours.number", "0x10", "16"),
        ("ours.list", "[1, a]", r#"[1, "a"]"#),
    ] {
        assert_eq!(value(path, text), json(expected), "{path}={text}");
    }
}

#[test]
fn err_what_does_not_fit_repeats_what_was_typed_and_no_variable() {
    for (path, text, expected) in [
        ("port", "abc", "`port` must be a whole number from 1 to 65535, got `abc`"),
        ("port", "\"3030\"", "`port` must be a whole number from 1 to 65535, got `\"3030\"`"),
        ("port", "03030", "`port` must be a whole number from 1 to 65535, got `03030`"),
        ("port", "", "`port` must be a whole number from 1 to 65535, got ``"),
        ("replicaCount", "0", "`replicaCount` must be a whole number from 1, got `0`"),
        ("readinessProbe.enabled", "maybe", "`readinessProbe.enabled` must be `true` or `false`, got `maybe`"),
        ("image.pullPolicy", "always", "`image.pullPolicy` must be `Always`, `IfNotPresent` or `Never`, got `always`"),
        ("dagsterApiGrpcArgs", "-m x", "`dagsterApiGrpcArgs` must be a list of texts, got `-m x`"),
        ("labels", "a", "`labels` must be a mapping, got `a`"),
        ("env", "s3cret", "`env` must be a mapping or a list, got another text"),
        ("labels.app.kubernetes.io/name", "b", "`labels.app` must be a text: nothing lies below it"),
        ("name", "b", "a deployment keeps its name"),
    ] {
        let error = FieldChange::typed(path.parse().unwrap(), text).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let error = FieldChange::typed("labels.app.kubernetes.io/name".parse().unwrap(), "b").unwrap_err();
    assert!(error.hint().unwrap().contains(r#"labels."app.kubernetes.io/name""#), "{error:?}");
}

#[test]
fn variables_are_changed_alike_in_both_forms() {
    let (mapping, list) = ("  env: {A: x, B: w}\n", "  env:\n  - {name: A, value: x}\n  - {name: B, value: w}\n");
    for path in ["env.A", "env[name=A].value"] {
        check(mapping, vec![set(path, "1.10")], r#"{"env": {"A": "1.10", "B": "w"}}"#);
        check(
            list,
            vec![set(path, "1.10")],
            r#"{"env": [{"name": "A", "value": "1.10"}, {"name": "B", "value": "w"}]}"#,
        );
    }
    for path in ["env.C", "env[name=C].value"] {
        check(mapping, vec![set(path, "z")], r#"{"env": {"A": "x", "B": "w", "C": "z"}}"#);
        let expected =
            r#"{"env": [{"name": "A", "value": "x"}, {"name": "B", "value": "w"}, {"name": "C", "value": "z"}]}"#;
        check(list, vec![set(path, "z")], expected);
        check(list, vec![add("env", r#"{"name": "C", "value": "z"}"#)], expected);
    }
    for path in ["env.A", "env[name=A]"] {
        check(mapping, vec![unset(path)], r#"{"env": {"B": "w"}}"#);
        check(list, vec![unset(path)], r#"{"env": [{"name": "B", "value": "w"}]}"#);
    }
    check("", vec![set("env.A", "x")], r#"{"env": {"A": "x"}}"#);
    check("", vec![set("env[name=A].value", "x")], r#"{"env": [{"name": "A", "value": "x"}]}"#);
    let merge =
        || vec![FieldChange::Merge { fields: serde_json::from_str(r#"{"env": {"A": null, "C": 5}}"#).unwrap() }];
    check(mapping, merge(), r#"{"env": {"B": "w", "C": "5"}}"#);
    check(list, merge(), r#"{"env": [{"name": "B", "value": "w"}, {"name": "C", "value": "5"}]}"#);
}

#[test]
fn value_and_value_from_never_stand_together() {
    let from = "  env:\n  - name: A\n    valueFrom: {secretKeyRef: {name: s, key: k}}\n";
    for path in ["env.A", "env[name=A].value", "env[0].value"] {
        check(from, vec![set(path, "x")], r#"{"env": [{"name": "A", "value": "x"}]}"#);
    }
    let value = "  env:\n  - {name: A, value: x}\n";
    let expected = r#"{"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}"#;
    check(value, vec![set("env[name=A].valueFrom", "{secretKeyRef: {name: s, key: k}}")], expected);
    let item = r#"{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}"#;
    check(value, vec![add("env", item)], expected);
}

#[test]
fn entry_with_more_keys_is_the_entry() {
    let secrets = "  envSecrets:\n  - name: s1 # dev\n    optional: true\n";
    let applied = changed(secrets, vec![add("envSecrets", r#"{"name": "s1"}"#)]).unwrap();
    assert!(!applied.is_changed());
    check(
        secrets,
        vec![add("envSecrets", r#"{"name": "s2"}"#)],
        r#"{"envSecrets": [{"name": "s1", "optional": true}, {"name": "s2"}]}"#,
    );
    check(
        secrets,
        vec![add("envSecrets", r#"{"name": "s1", "optional": false}"#)],
        r#"{"envSecrets": [{"name": "s1", "optional": false}]}"#,
    );
    check("", vec![add("envSecrets", r#"{"name": "s1"}"#)], r#"{"envSecrets": [{"name": "s1"}]}"#);
    let mounts = "  volumeMounts: [{name: v, mountPath: /a}]\n";
    check(
        mounts,
        vec![add("volumeMounts", r#"{"name": "v", "mountPath": "/b"}"#)],
        r#"{"volumeMounts": [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/b"}]}"#,
    );
    check(
        mounts,
        vec![set("volumeMounts[mountPath=/a].readOnly", "true")],
        r#"{"volumeMounts": [{"name": "v", "mountPath": "/a", "readOnly": true}]}"#,
    );
}

#[test]
fn err_name_that_is_there_twice_is_not_edited() {
    let twice = "  env:\n  - {name: A, value: x}\n  - {name: A, value: y}\n";
    for change in [set("env.A", "z"), set("env[name=A].value", "z"), unset("env.A"), unset("env[name=A]")] {
        let error = changed(twice, vec![change]).unwrap_err();
        let [found] = &error.diagnostics()[..] else { panic!("{error:?}") };
        assert_eq!((found.code, found.related.len()), ("DW0403", 1));
    }
    let secrets = "  envSecrets: [{name: s}, {name: s}]\n";
    assert!(changed(secrets, vec![add("envSecrets", r#"{"name": "s"}"#)]).is_err());
}

#[test]
fn items_are_named_by_place_too() {
    let tolerations = "  tolerations:\n  - key: a\n    operator: Exists\n";
    check(
        tolerations,
        vec![set("tolerations[0].key", "1")],
        r#"{"tolerations": [{"key": "1", "operator": "Exists"}]}"#,
    );
    check(tolerations, vec![unset("tolerations[0].operator")], r#"{"tolerations": [{"key": "a"}]}"#);
    check(tolerations, vec![unset("tolerations[0]")], r#"{"tolerations": []}"#);
    check(
        tolerations,
        vec![add("tolerations", r#"{"key": "a", "operator": "Exists"}"#)],
        r#"{"tolerations": [{"key": "a", "operator": "Exists"}]}"#,
    );
    let error = changed(tolerations, vec![set("tolerations[2].key", "b")]).unwrap_err();
    assert_eq!(error.diagnostics()[0].message, "`tolerations[2]` is not there");
}

#[test]
fn what_was_to_go_and_is_not_there_is_told() {
    let applied = changed("  resources: {limits: {cpu: 1}}\n", vec![unset("resources.limit"), unset("env.A")]).unwrap();
    let told: Vec<String> = applied.not_found.iter().map(ToString::to_string).collect();
    let expected =
        ["deployment `a` has no `resources.limit` (did you mean `resources.limits`?)", "deployment `a` has no `env.A`"];
    assert_eq!(told, expected);
    assert!(!applied.is_changed());
}

#[test]
fn numbers_given_for_texts_become_texts_and_fractions_are_refused() {
    let fields = |json: &str| vec![FieldChange::Merge { fields: serde_json::from_str(json).unwrap() }];
    check("", fields(r#"{"labels": {"a": 7}, "env": {"A": 8}}"#), r#"{"labels": {"a": "7"}, "env": {"A": "8"}}"#);
    let error = changed("", fields(r#"{"image": {"tag": 1.1}}"#)).unwrap_err();
    assert_eq!(error.diagnostics()[0].message, "`image.tag` must be a text in quotes, got the number 1.1");
    let error = changed("", fields(r#"{"env": {"A": 1.5}}"#)).unwrap_err();
    assert_eq!(error.diagnostics()[0].message, "`env.A` must be a text in quotes, got a number");
    let tag = "  labels: {a: b}\n";
    let applied = changed(tag, fields(r#"{"labels": {"a": null}}"#)).unwrap();
    assert_eq!(own(&applied.text), serde_json::from_str::<Value>(r#"{"labels": {}}"#).unwrap());
}

#[test]
fn upsert_adds_what_is_not_there_and_changes_what_is() {
    let upsert = |name: &str, like: Option<&str>, changes| {
        let transform = Transform::UpsertDeployment { name: name.into(), like: like.map(Into::into), changes };
        apply(HEAD, &[transform], &Target::default()).map(|applied| applied.text)
    };
    let image = || FieldChange::Image { image: "etl:0123456".parse().unwrap() };
    let text = upsert("a", None, vec![image(), set("env.A", "x")]).unwrap();
    assert!(
        text.contains("{repository: etl, tag: \"0123456\", pullPolicy: Always}") && text.contains("A: x"),
        "{text}"
    );
    let text = upsert("b", None, vec![image(), set("dagsterApiGrpcArgs", "[-m, b]")]).unwrap();
    assert!(text.starts_with(HEAD) && text.contains("port: 3030"), "{text}");
    let text = upsert("c", Some("a"), vec![set("port", "4000")]).unwrap();
    assert!(text.contains("name: c") && text.contains("port: 4000"), "{text}");
    assert_eq!(
        upsert("b", None, vec![]).unwrap_err().diagnostics()[0].message,
        "`image` must be a mapping, got nothing"
    );
    assert!(matches!(upsert("b", Some("aa"), vec![]), Err(TransformError::NotFound { .. })));
}

fn change() -> impl Strategy<Value = (&'static str, FieldChange)> {
    let paths =
        ["env.A", "env.B", "labels.a", "image.tag", "resources.limits.cpu", "tolerations[0].key", "schedulerName"];
    (prop::sample::select(paths.to_vec()), "[a-z0-9.]{1,6}", any::<bool>())
        .prop_map(|(path, text, gone)| (path, if gone && path != "image.tag" { unset(path) } else { set(path, &text) }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn changes_of_different_fields_commute_and_unset_after_set_leaves_nothing(
        (one, first) in change(),
        (other, second) in change(),
        form in prop::sample::select(vec!["", "  env: {A: x}\n", "  env:\n  - {name: A, value: x}\n  - {name: B, valueFrom: {fieldRef: {fieldPath: p}}}\n"]),
    ) {
        let data = |changes: Vec<FieldChange>| changed(form, changes).ok().map(|applied| own(&applied.text));
        if one != other && !(one.starts_with("env") && other.starts_with("env")) {
            let (ab, ba) = (data(vec![first.clone(), second.clone()]), data(vec![second, first.clone()]));
            let same = match (&ab, &ba) {
                (Some(a), Some(b)) => a.is_same(b),
                (a, b) => a.is_none() == b.is_none(),
            };
            prop_assert!(same);
        }
        if one != "image.tag" && matches!(first, FieldChange::Set { .. }) {
            let applied = changed(form, vec![first, unset(one)]);
            if let Ok(applied) = applied {
                prop_assert!(applied.not_found.is_empty());
                let again = changed(form, vec![unset(one)]).unwrap();
                prop_assert!(again.not_found.len() <= 1);
            }
        }
    }
}
