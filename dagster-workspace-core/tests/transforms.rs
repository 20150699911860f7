//! Transforms over written documents: what they make, what they refuse, and that they can run again.

use dagster_workspace_core::lint::{Target, Version};
use dagster_workspace_core::transform::pair::{self, Wanted};
use dagster_workspace_core::transform::{Applied, Transform, TransformError, apply};
use dagster_workspace_core::value::Value;
use dagster_workspace_core::values::UserDeployment;
use dagster_workspace_core::workspace::GrpcServer;
use dagster_workspace_core::yaml::{Document, Schema};

const VALUES: &str = "# ours\ndeployments:\n  - name: \"etl\" # one\n    image:\n      repository: \"etl\"\n      tag: \"1.0\"\n      \
    pullPolicy: Always\n    port: 3030\n    dagsterApiGrpcArgs: [\"-m\", \"etl\"]\n  # two\n  - name: \"ml\"\n    image: {repository: \
    ml, tag: b, pullPolicy: Always}\n    port: 3031\n    dagsterApiGrpcArgs: [\"-m\", \"ml\"]\nrbacEnabled: true\n";

const WORKSPACE: &str = "load_from:\n  - grpc_server: # keep\n      host: etl\n      port: 3030\n      location_name: \"Sales (EU)\"\n  \
    - python_file: jobs.py\n";

/// The result, which also is its own result, and which a second reader reads as we do.
fn check(text: &str, transforms: &[Transform]) -> Result<Applied, TransformError> {
    let applied = apply(text, transforms, &Target::default())?;
    let again = apply(&applied.text, transforms, &Target::default())?;
    assert_eq!(again.text, applied.text, "again");
    assert!(!again.is_changed(), "again: {:?}", again.changes);
    assert_eq!(applied.is_changed(), applied.text != text);
    let data = Document::parse(applied.text.as_str()).unwrap().to_value(Schema::Dagster).unwrap();
    let mut second: serde_yaml::Value = serde_yaml::from_str(&applied.text).unwrap();
    second.apply_merge().unwrap();
    assert_eq!(serde_json::to_value(&second).unwrap(), serde_json::to_value(&data).unwrap(), "{}", applied.text);
    Ok(applied)
}

fn deployment(name: &str) -> UserDeployment {
    UserDeployment::new(name, "ghcr.io/acme/shop:1.10".parse().unwrap()).dagster_api_grpc_args(["-m", "shop"])
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

fn codes(error: &TransformError) -> Vec<&'static str> {
    error.diagnostics().iter().map(|finding| finding.code).collect()
}

/// The lines that only the one or only the other text has, in order.
fn changed<'t>(before: &'t str, after: &'t str) -> (Vec<&'t str>, Vec<&'t str>) {
    let (old, new): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    (old[head..old.len() - tail].to_vec(), new[head..new.len() - tail].to_vec())
}

#[test]
fn add_deployment_looks_like_its_neighbours() {
    let applied = check(VALUES, &[Transform::AddDeployment { deployment: deployment("shop") }]).unwrap();
    let (gone, come) = changed(VALUES, &applied.text);
    assert!(gone.is_empty(), "{gone:?}");
    assert_eq!(come[0], "  - name: \"shop\"");
    assert!(come.contains(&"      tag: \"1.10\""), "{come:?}");
    assert_eq!(applied.changes.len(), 1);
    assert_eq!(applied.changes[0].path.to_string(), "deployments[name=shop]");
}

#[test]
fn add_of_an_equal_deployment_is_no_change_and_of_a_different_one_shows_the_difference() {
    let once = check(VALUES, &[Transform::AddDeployment { deployment: deployment("shop") }]).unwrap();
    let other = deployment("shop").with_port(4000);
    let error = check(&once.text, &[Transform::AddDeployment { deployment: other }]).unwrap_err();
    let TransformError::NameTaken { name, difference, .. } = &error else { panic!("{error:?}") };
    assert_eq!(name, "shop");
    let paths: Vec<_> = difference.iter().map(|change| change.path.to_string()).collect();
    assert_eq!(paths, ["port"]);
    assert_eq!(codes(&error), ["DW0501"]);
}

#[test]
fn set_image_changes_the_tag_alone() {
    let transform = Transform::SetImage { name: "etl".into(), image: "etl:0123456".parse().unwrap() };
    let applied = check(VALUES, &[transform]).unwrap();
    assert_eq!(changed(VALUES, &applied.text), (vec!["      tag: \"1.0\""], vec!["      tag: \"0123456\""]));
}

#[test]
fn set_image_to_a_digest_takes_the_tag_away() {
    let digest = format!("ml@sha256:{}", "a".repeat(64));
    let applied = check(VALUES, &[Transform::SetImage { name: "ml".into(), image: digest.parse().unwrap() }]).unwrap();
    let (gone, come) = changed(VALUES, &applied.text);
    assert_eq!(gone, ["    image: {repository: ml, tag: b, pullPolicy: Always}"]);
    assert_eq!(come.len(), 1);
    let written: serde_yaml::Value = serde_yaml::from_str(come[0]).unwrap();
    let expected = format!("image: {{repository: ml, pullPolicy: Always, digest: 'sha256:{}'}}", "a".repeat(64));
    assert_eq!(written, serde_yaml::from_str::<serde_yaml::Value>(&expected).unwrap());
}

#[test]
fn update_sets_adds_and_removes_fields_and_keeps_the_rest() {
    let fields = value(
        r#"{"port": 4040, "image": {"pullPolicy": "Never"}, "resources": {"limits": {"cpu": "1"}}, "dagsterApiGrpcArgs": null, "codeServerArgs": ["-m", "etl"]}"#,
    );
    let applied = check(VALUES, &[Transform::UpdateDeployment { name: "etl".into(), fields }]).unwrap();
    let (gone, come) = changed(VALUES, &applied.text);
    assert_eq!(gone, ["      pullPolicy: Always", "    port: 3030", "    dagsterApiGrpcArgs: [\"-m\", \"etl\"]"]);
    assert_eq!(come[..2], ["      pullPolicy: Never", "    port: 4040"]);
    assert!(come.contains(&"      limits:") && come.contains(&"    codeServerArgs:"), "{come:?}");
}

#[test]
fn err_update_of_an_unknown_name_says_which_is_near() {
    let error = check(VALUES, &[Transform::UpdateDeployment { name: "elt".into(), fields: value("{}") }]).unwrap_err();
    assert_eq!(error, TransformError::NotFound { name: "elt".into(), did_you_mean: Some("etl".into()) });
    let error = check(VALUES, &[Transform::SetImage { name: "etl1".into(), image: "x".parse().unwrap() }]).unwrap_err();
    assert_eq!(error, TransformError::NotFound { name: "etl1".into(), did_you_mean: Some("etl".into()) });
}

#[test]
fn err_update_cannot_rename() {
    let transform = Transform::UpdateDeployment { name: "etl".into(), fields: value(r#"{"name": "etl2"}"#) };
    assert_eq!(codes(&check(VALUES, &[transform]).unwrap_err()), ["DW0504"]);
}

#[test]
fn removing_the_last_deployment_leaves_an_empty_list() {
    let gone = ["etl", "ml"].map(|name| Transform::RemoveDeployment { name: name.into() });
    let applied = check(VALUES, &gone).unwrap();
    assert_eq!(applied.text, "# ours\ndeployments: []\nrbacEnabled: true\n");
}

#[test]
fn map_form_is_edited_in_place_and_ends_in_an_empty_mapping() {
    let text = "deployments:\n  etl: # one\n    image: {repository: etl, tag: a, pullPolicy: Always}\n    port: 3030\n    \
        dagsterApiGrpcArgs: [a]\n";
    let target = Target { chart: Version::new(1, 14, 0), ..Target::default() };
    let image = Transform::SetImage { name: "etl".into(), image: "etl:b".parse().unwrap() };
    assert_eq!(apply(text, &[image], &target).unwrap().text, text.replace("tag: a", "tag: b"));
    let added = apply(text, &[Transform::AddDeployment { deployment: deployment("shop") }], &target).unwrap();
    assert!(
        added.text.starts_with(text) && added.text[text.len()..].starts_with("  shop:\n    image:\n"),
        "{}",
        added.text
    );
    let removed = apply(text, &[Transform::RemoveDeployment { name: "etl".into() }], &target).unwrap();
    assert_eq!(removed.text, "deployments: {}\n");
}

#[test]
fn a_pair_is_added_updated_and_removed_in_both_documents() {
    let pair = pair::add(&deployment("shop"), &Wanted::default());
    let values = check(VALUES, &pair.values).unwrap();
    let workspace = check(WORKSPACE, &pair.workspace).unwrap();
    let (gone, come) = changed(WORKSPACE, &workspace.text);
    assert!(gone.is_empty(), "{gone:?}");
    assert_eq!(come, ["  - grpc_server:", "      host: shop", "      port: 3030", "      location_name: shop"]);

    let pair = pair::update("shop", &value(r#"{"port": 4040}"#), None);
    let values = check(&values.text, &pair.values).unwrap();
    let workspace = check(&workspace.text, &pair.workspace).unwrap();
    assert!(values.text.contains("port: 4040") && workspace.text.contains("port: 4040"));

    let pair = pair::remove("shop", None);
    assert_eq!(check(&values.text, &pair.values).unwrap().text, VALUES);
    assert_eq!(check(&workspace.text, &pair.workspace).unwrap().text, WORKSPACE);
}

#[test]
fn a_location_of_another_name_is_a_pair_by_its_host() {
    let etl = deployment("etl").with_port(3030);
    let applied = check(WORKSPACE, &pair::add(&etl, &Wanted::default()).workspace).unwrap();
    assert!(!applied.is_changed());
    let moved = check(WORKSPACE, &pair::add(&etl.with_port(4000), &Wanted::default()).workspace).unwrap();
    assert_eq!(moved.text, WORKSPACE.replace("3030", "4000"));
    let gone = check(WORKSPACE, &pair::remove("etl", None).workspace).unwrap();
    assert_eq!(gone.text, "load_from:\n  - python_file: jobs.py\n");
}

#[test]
fn locations_are_updated_and_removed_by_their_resolved_name() {
    let text = "load_from:\n  - grpc_server: {host: a, port: 1}\n  - python_module: m\n";
    let name = || String::from("grpc:a:1");
    let fields = value(r#"{"ssl": true}"#);
    let applied = check(text, &[Transform::UpdateLocation { name: name(), fields }]).unwrap();
    assert_eq!(applied.text, "load_from:\n  - grpc_server: {host: a, port: 1, ssl: true}\n  - python_module: m\n");
    let applied = check(text, &[Transform::RemoveLocation { name: name() }]).unwrap();
    assert_eq!(applied.text, "load_from:\n  - python_module: m\n");
}

#[test]
fn err_a_location_that_is_no_server_is_not_updated() {
    let text = "load_from:\n  - python_module: {module_name: m, location_name: m}\n";
    let error = check(text, &[Transform::UpdateLocation { name: "m".into(), fields: value("{}") }]).unwrap_err();
    assert_eq!(codes(&error), ["DW0503"]);
}

/// The text after an update of deployment `etl` by these fields.
fn updated(text: &str, fields: &str) -> Result<String, TransformError> {
    check(text, &[Transform::UpdateDeployment { name: "etl".into(), fields: value(fields) }])
        .map(|applied| applied.text)
}

const IMAGE: &str = "image: {repository: etl, tag: a, pullPolicy: Always}";

#[test]
fn variables_are_set_one_by_one_in_both_notations() {
    let text = |env: &str| {
        format!("deployments:\n- name: etl\n  {IMAGE}\n  port: 3030\n  env:\n{env}  dagsterApiGrpcArgs: [a]\n")
    };
    let fields = r#"{"env": {"A": "on", "B": null, "C": "c"}}"#;
    let map = text("    A: old # why\n    B: b\n    D: d\n");
    assert_eq!(updated(&map, fields), Ok(text("    A: \"on\" # why\n    D: d\n    C: c\n")));
    let list =
        text("  - name: A\n    valueFrom: {x: y}\n  - {name: B, value: b}\n  # why\n  - name: D\n    value: d\n");
    let expected = "  - name: A\n    value: \"on\"\n  # why\n  - name: D\n    value: d\n  - name: C\n    value: c\n";
    assert_eq!(updated(&list, fields), Ok(text(expected)));
    assert_eq!(updated(&list, r#"{"env": null}"#), Ok(text("").replace("  env:\n", "")));
    let whole = updated(&list, r#"{"env": [{"name": "E", "value": "e"}]}"#).unwrap();
    assert_eq!(whole, text("  - name: E\n    value: e\n"));
}

#[test]
fn entries_are_found_whose_names_stand_elsewhere() {
    let entry = format!("{IMAGE}\n  port: 3030\n  dagsterApiGrpcArgs: [a]");
    let merged = format!("x-all: &all\n  name: etl\n  {entry}\ndeployments:\n- <<: *all\n  replicaCount: 1\n");
    let by_alias = format!("x-name: &name etl\ndeployments:\n- {entry}\n  name: *name\n");
    let port = r#"{"port": 4040}"#;
    assert_eq!(updated(&merged, port), Ok(format!("{merged}  port: 4040\n")));
    assert_eq!(updated(&by_alias, port), Ok(by_alias.replace("3030", "4040")));
    let gone = [Transform::RemoveDeployment { name: "etl".into() }];
    for text in [&merged, &by_alias] {
        assert!(check(text, &gone).unwrap().text.ends_with("deployments: []\n"), "{text}");
    }
    // What is merged gets a value of its own, an entry that is an alias is shared.
    let alias = format!("x-all: &all\n  name: etl\n  {entry}\ndeployments:\n- *all\n");
    assert_eq!(codes(&updated(&alias, port).unwrap_err()), ["DW0408"]);
    let own = updated(&merged, r#"{"image": {"tag": "b"}}"#).unwrap();
    assert!(own.starts_with(&merged) && own.ends_with("tag: b\n    pullPolicy: Always\n"), "{own}");
    assert!(check(&alias, &gone).unwrap().text.ends_with("deployments: []\n"));
}

#[test]
fn err_a_name_that_stands_twice_or_is_no_text_to_helm() {
    let entry = |name: &str| format!("- name: {name}\n  {IMAGE}\n  port: 3030\n  dagsterApiGrpcArgs: [a]\n");
    let twice = format!("deployments:\n{}{}", entry("etl"), entry("\"etl\""));
    assert_eq!(codes(&updated(&twice, r#"{"port": 1}"#).unwrap_err()), ["DW0403"]);
    assert_eq!(codes(&check(&twice, &[Transform::RemoveDeployment { name: "etl".into() }]).unwrap_err()), ["DW0403"]);
    for (text, name) in [(entry("0123"), "0123"), (entry("on"), "on")] {
        let text = format!("deployments:\n{text}");
        let add = Transform::AddDeployment { deployment: deployment(name) };
        assert_eq!(codes(&check(&text, &[add]).unwrap_err()), ["DW0501"], "{text}");
    }
}

#[test]
fn deployments_are_begun_where_the_chart_looks_for_them() {
    let add = [Transform::AddDeployment { deployment: deployment("shop") }];
    for (text, place) in [
        ("", "deployments:\n  - name: shop\n"),
        ("a: 1\n", "a: 1\ndeployments:\n  - name: shop\n"),
        ("deployments: ~ # none\n", "deployments: # none\n  - name: shop\n"),
        ("dagit: {}\n", "dagit: {}\ndagster-user-deployments:\n  deployments:\n    - name: shop\n"),
        (
            "dagster:\n  dagsterWebserver: {}\n",
            "dagster:\n  dagsterWebserver: {}\n  dagster-user-deployments:\n    deployments:\n      - name: shop\n",
        ),
    ] {
        let applied = check(text, &add).unwrap();
        assert!(applied.text.starts_with(place), "{text:?}\n{}", applied.text);
    }
}

#[test]
fn what_is_undone_in_a_batch_is_no_change() {
    let there_and_back = [
        Transform::AddDeployment { deployment: deployment("shop") },
        Transform::RemoveDeployment { name: "shop".into() },
    ];
    for text in [VALUES, "deployments: [ ]\n", "deployments: # none\n  []\n"] {
        assert_eq!(check(text, &there_and_back).unwrap().text, text);
    }
}

#[test]
fn a_location_without_a_name_has_the_one_that_dagster_gives_it() {
    let server = GrpcServer { location_name: None, ..GrpcServer::new("", "a", 1) };
    let add = [Transform::AddLocation { server }];
    let unnamed = "load_from:\n- grpc_server: {port: 1, host: a}\n";
    assert_eq!(check(unnamed, &add).unwrap().text, unnamed);
    let added = check("load_from: []\n", &add).unwrap().text;
    assert!(added.contains("location_name: grpc:a:1"), "{added}");
    let update = |fields| Transform::UpdateLocation { name: "grpc:a:1".into(), fields: value(fields) };
    let error = check(unnamed, &[update(r#"{"port": 2}"#)]).unwrap_err();
    assert_eq!(error, TransformError::Rename { name: "grpc:a:1".into(), to: "grpc:a:2".into() });
    let kept = check(unnamed, &[update(r#"{"port": 2, "location_name": "grpc:a:1"}"#)]).unwrap().text;
    assert_eq!(kept, "load_from:\n- grpc_server: {port: 2, host: a, location_name: grpc:a:1}\n");
}

#[test]
fn all_servers_of_a_host_are_its_pair() {
    let text = "load_from:\n- grpc_server: {host: etl.prod, port: 1, location_name: a}\n- grpc_server: {host:         etl.prod.svc.cluster.local, port: 2, location_name: b}\n- grpc_server: {host: etl, port: 3, location_name: c}\n-         grpc_server: {host: etl.prod.svc, port: {env: PORT}, location_name: d}\n";
    let etl = deployment("etl").with_port(7);
    let in_prod = Wanted { host: Some("etl.prod".to_owned()), ..Wanted::default() };
    let paired = check(text, &pair::add(&etl, &in_prod).workspace).unwrap();
    assert_eq!(paired.text, text.replace("port: 1", "port: 7").replace("port: 2", "port: 7"));
    let bare = check(text, &pair::update("etl", &value(r#"{"port": 7}"#), None).workspace).unwrap();
    assert_eq!(bare.text, text.replace("port: 3", "port: 7"));
    let gone = check(text, &pair::remove("etl", Some("prod")).workspace).unwrap();
    assert_eq!(gone.text, "load_from:\n- grpc_server: {host: etl, port: 3, location_name: c}\n");
    for fields in [r#"{"env": {}}"#, r#"{"port": "7"}"#, r#"{"port": 70000}"#, r#"{"port": null}"#] {
        assert_eq!(pair::update("etl", &value(fields), None).workspace, [], "{fields}");
    }
}

#[test]
fn err_the_hint_names_what_differs_and_shows_no_secret() {
    let text =
        check(VALUES, &[Transform::AddDeployment { deployment: deployment("shop").env("K", "hunter1") }]).unwrap().text;
    let other = deployment("shop").with_port(4000).env("K", "hunter2");
    let found = check(&text, &[Transform::AddDeployment { deployment: other }]).unwrap_err().diagnostics();
    let hint = found[0].hint.as_deref().unwrap();
    assert_eq!(hint, "it differs in `port`, `env.K`; update it, or choose another name");
}

#[test]
fn err_what_dagster_refuses_is_not_written() {
    let server = GrpcServer::new("new", "h", 1);
    let old = "load_from:\n  - grpc_server: {host: a, port: \"1\", location_name: a}\n";
    let error = check(old, &[Transform::AddLocation { server }]).unwrap_err();
    assert!(matches!(error, TransformError::Invalid { .. }), "{error:?}");
    // Removing the entry that Dagster refuses reduces what it refuses.
    let mended = check(old, &[Transform::RemoveLocation { name: "a".into() }]);
    assert_eq!(mended.map(|applied| applied.text), Ok("load_from: []\n".into()));
}

#[test]
fn an_old_error_elsewhere_in_the_values_is_a_warning() {
    let text = VALUES.replace("port: 3031", "port: \"3031\"");
    let applied = check(&text, &[Transform::SetImage { name: "etl".into(), image: "etl:2".parse().unwrap() }]).unwrap();
    assert_eq!(applied.warnings.len(), 1, "{:?}", applied.warnings);
    let error = check(&text, &[Transform::SetImage { name: "ml".into(), image: "ml:2".parse().unwrap() }]).unwrap_err();
    assert!(matches!(error, TransformError::Invalid { .. }));
}

#[test]
fn err_transforms_of_both_documents_at_once() {
    let mixed = [Transform::RemoveDeployment { name: "a".into() }, Transform::RemoveLocation { name: "b".into() }];
    assert_eq!(codes(&check(VALUES, &mixed).unwrap_err()), ["DW0506"]);
}

#[test]
fn transforms_are_data() {
    let transforms = [
        Transform::AddDeployment { deployment: deployment("shop") },
        Transform::UpdateDeployment { name: "a".into(), fields: value(r#"{"port": 1, "env": null}"#) },
        Transform::SetImage { name: "a".into(), image: "r/a:1".parse().unwrap() },
        pair::location("a", 1, &Wanted { host: Some("a.b".to_owned()), ..Wanted::default() }),
        Transform::UnpairLocation { deployment: "a".into(), host: None },
    ];
    let json = serde_json::to_string(&transforms).unwrap();
    assert!(json.contains(r#""transform":"set-image""#), "{json}");
    assert_eq!(serde_json::from_str::<Vec<Transform>>(&json).unwrap(), transforms);
    let mistyped = r#"{"transform": "remove-deployment", "name": "a", "nmae": "b"}"#;
    assert!(serde_json::from_str::<Transform>(mistyped).is_err());
}

/// Checks that a transform turns the lines `gone` into `come` and nothing else.
fn check_lines(text: &str, transform: Transform, gone: &[&str], come: &[&str]) {
    let applied = check(text, &[transform]).unwrap();
    assert_eq!(changed(text, &applied.text), (gone.to_vec(), come.to_vec()), "{text}");
}

fn update(name: &str, fields: &str) -> Transform {
    Transform::UpdateDeployment { name: name.into(), fields: value(fields) }
}

fn set_image(name: &str, image: &str) -> Transform {
    Transform::SetImage { name: name.into(), image: image.parse().unwrap() }
}

const MERGED: &str = "x: &x\n  image: &i {repository: r, tag: a, pullPolicy: Always}\n  port: 3030\n  dagsterApiGrpcArgs: [a]\n  \
    labels: {a: b}\ndeployments:\n  - <<: *x\n    name: etl\n  - <<: *x\n    name: ml\n    image: *i\n";

#[test]
fn fields_behind_merge_keys_and_aliases_get_values_of_their_own() {
    let image = |tag: &str| {
        let lines = ["image:".into(), "  repository: r".into(), format!("  tag: {tag}"), "  pullPolicy: Always".into()];
        lines.map(|line: String| format!("    {line}"))
    };
    let own = image("b");
    let own = own.each_ref().map(String::as_str);
    check_lines(MERGED, set_image("etl", "r:b"), &[], &own);
    check_lines(MERGED, set_image("ml", "r:b"), &["    image: *i"], &own);
    check_lines(MERGED, update("etl", r#"{"port": 1}"#), &[], &["    port: 1"]);
    check_lines(MERGED, update("etl", r#"{"labels": {"a": null}}"#), &[], &["    labels: {}"]);
    let inside = MERGED.replace("image: *i", "image: {<<: *i, tag: b}");
    check_lines(&inside, set_image("ml", "r:c"), &["    image: {<<: *i, tag: b}"], &["    image: {<<: *i, tag: c}"]);
    let named = format!("y: &y etl\n{}", VALUES.replace("\"etl\" # one", "*y # one"));
    check_lines(&named, set_image("etl", "etl:2.0"), &["      tag: \"1.0\""], &["      tag: \"2.0\""]);
}

#[test]
fn err_what_several_entries_share_is_not_changed_for_one() {
    // A merged key cannot be taken away from one entry alone.
    let error = check(MERGED, &[update("etl", r#"{"labels": null}"#)]).unwrap_err();
    assert_eq!(codes(&error), ["DW0408"]);
    let shared = "x: &x {name: etl, image: {repository: r, tag: a, pullPolicy: Always}, port: 1, dagsterApiGrpcArgs: [a]}\n\
        deployments:\n  - *x\n";
    assert_eq!(codes(&check(shared, &[set_image("etl", "r:b")]).unwrap_err()), ["DW0408"]);
    let removed = check(shared, &[Transform::RemoveDeployment { name: "etl".into() }]).unwrap();
    assert!(removed.text.ends_with("deployments: []\n"), "{}", removed.text);
    let list = "x: &x []\ndeployments: *x\n";
    assert_eq!(
        codes(&check(list, &[Transform::AddDeployment { deployment: deployment("a") }]).unwrap_err()),
        ["DW0408"]
    );
}

#[test]
fn err_one_of_two_entries_of_a_name() {
    let twice = VALUES.replace("\"ml\"", "etl");
    let all = [
        set_image("etl", "etl:2"),
        update("etl", r#"{"port": 1}"#),
        Transform::RemoveDeployment { name: "etl".into() },
    ];
    for transform in all {
        assert_eq!(codes(&check(&twice, &[transform]).unwrap_err()), ["DW0403"]);
    }
}

#[test]
fn a_number_as_tag_is_the_image_of_that_text() {
    let text = "deployments:\n  - {name: etl, image: {repository: r, tag: 5176135, pullPolicy: Always}, port: 3030, \
        dagsterApiGrpcArgs: [a], labels: }\n";
    let same = UserDeployment::new("etl", "r:5176135".parse().unwrap()).dagster_api_grpc_args(["a"]);
    for transform in [set_image("etl", "r:5176135"), Transform::AddDeployment { deployment: same }] {
        let applied = check(text, &[transform]).unwrap();
        assert!(!applied.is_changed(), "{}", applied.text);
    }
}

#[test]
fn lists_of_named_items_are_changed_item_by_item() {
    let env = "    env:\n      # one\n      - name: A\n        value: \"1\" # a\n      # two\n      - name: B\n        value: \"2\"\n";
    let text = VALUES.replace("rbacEnabled", &format!("{env}rbacEnabled"));
    let of = |items: &str| update("ml", &format!(r#"{{"env": [{items}]}}"#));
    let (a, b) = (r#"{"name": "A", "value": "1"}"#, r#"{"name": "B", "value": "2"}"#);
    check_lines(&text, of(&format!("{a}, {b}")), &[], &[]);
    let set = of(&format!(r#"{a}, {{"name": "B", "value": "3"}}"#));
    check_lines(&text, set, &["        value: \"2\""], &["        value: \"3\""]);
    let added = of(&format!(r#"{a}, {b}, {{"name": "C", "value": "x"}}"#));
    check_lines(&text, added, &[], &["      - name: C", "        value: x"]);
    let gone = ["      # two", "      - name: B", "        value: \"2\""];
    check_lines(&text, of(a), &gone, &[]);
    // Another order is another list: it is written anew.
    let turned = check(&text, &[of(&format!("{b}, {a}"))]).unwrap();
    assert!(turned.text.find("B").unwrap() < turned.text.find("- name: A").unwrap(), "{}", turned.text);
    assert_eq!(turned.changes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["~ deployment ml: env reordered"]);
}

#[test]
fn an_unnamed_location_is_added_under_the_name_that_dagster_gives_it() {
    let unnamed = GrpcServer { location_name: None, ..GrpcServer::new("", "h", 1) };
    let add = || Transform::AddLocation { server: unnamed.clone() };
    let applied = check("load_from: []\n", &[add()]).unwrap();
    assert!(applied.text.ends_with("location_name: grpc:h:1\n"), "{}", applied.text);
    let there = check("load_from:\n  - grpc_server: {host: h, port: 1}\n", &[add()]).unwrap();
    assert!(!there.is_changed());
}

#[test]
fn err_an_update_moves_no_unnamed_location() {
    let text = "load_from:\n  - grpc_server: {host: h, port: 1}\n";
    let transform = Transform::UpdateLocation { name: "grpc:h:1".into(), fields: value(r#"{"port": 2}"#) };
    let error = check(text, &[transform]).unwrap_err();
    assert_eq!(error, TransformError::Rename { name: "grpc:h:1".into(), to: "grpc:h:2".into() });
}

#[test]
fn the_first_deployment_of_system_values_goes_where_the_chart_looks() {
    let text = "dagsterWebserver: {} # ours\n";
    let applied = check(text, &[Transform::AddDeployment { deployment: deployment("shop") }]).unwrap();
    assert!(applied.text.starts_with(&format!("{text}dagster-user-deployments:\n  deployments:\n    - name: shop\n")));
    assert_eq!(applied.changes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["+ deployment shop"]);
}
