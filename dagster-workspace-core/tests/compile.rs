//! Values of both charts, compiled. Judged by the charts themselves, run by helm 3 and 4, and by Dagster's own loader.

use std::path::{Path, PathBuf};
use std::process::Command;

use dagster_workspace_core::compile::{CompileError, Compiled, Form, Input, Part, Unfit, compile, workspace_of};
use dagster_workspace_core::lint::Version;
use dagster_workspace_core::yaml::{Document, Schema};
use serde_json::json;
use testing::Oracle;

const NEWEST: Version = Version::new(1, 13, 27);
const VALUES: &str = "# ours\ndeployments:\n  - name: etl\n    image: {repository: org/etl, tag: \"0123456\", \
                      pullPolicy: Always}\n    dagsterApiGrpcArgs: [\"-m\", etl]\n    port: 3030\n";
const WORKSPACE: &str = "load_from:\n  - grpc_server: {host: etl, port: 3030, location_name: etl}\n  - grpc_server:\n      \
                         host: ml.other\n      port: 4000\n      location_name: \"ml models\"\n      ssl: true\n";
const SYSTEM: &str = "# Of the platform team.\ndagsterWebserver:\n  replicaCount: 2 # behind a proxy\n  workspace:\n    \
                      enabled: false\n";

fn input(form: Form<'static>) -> Input<'static> {
    Input { values: VALUES, workspace: WORKSPACE, system: SYSTEM, user_deployments: "", chart: NEWEST, form }
}

/// What a text means, as JSON.
fn data(text: &str) -> serde_json::Value {
    serde_json::to_value(Document::parse(text).unwrap().to_value(Schema::Helm).unwrap()).unwrap()
}

#[track_caller]
fn err(input: &Input<'_>) -> CompileError {
    compile(input).expect_err("nothing is compiled")
}

#[test]
fn servers_stand_in_base_and_its_comments_stay() {
    let Compiled { system, user_deployments } = compile(&input(Form::Servers)).unwrap();
    assert_eq!(user_deployments, VALUES, "without a base the document itself");
    assert!(system.starts_with("# Of the platform team.\ndagsterWebserver:\n  replicaCount: 2 # behind a proxy\n"));
    let expected = json!({
        "dagsterWebserver": { "replicaCount": 2, "workspace": { "enabled": true, "servers": [
            { "host": "etl", "port": 3030, "name": "etl" },
            { "host": "ml.other", "port": 4000, "name": "ml models", "ssl": true },
        ]}},
        "dagster-user-deployments": { "enabled": true, "enableSubchart": false },
    });
    assert_eq!(data(&system), expected);
}

#[test]
fn config_map_needs_an_empty_list_of_servers() {
    let system = compile(&input(Form::ConfigMap("dagster-workspace-yaml"))).unwrap().system;
    let workspace = &data(&system)["dagsterWebserver"]["workspace"];
    let expected = json!({ "enabled": true, "servers": [], "externalConfigmap": "dagster-workspace-yaml" });
    assert_eq!(*workspace, expected);
}

#[test]
fn compiling_again_changes_nothing() {
    for form in [Form::Servers, Form::ConfigMap("w")] {
        let once = compile(&input(form)).unwrap();
        let again = Input { system: &once.system, user_deployments: &once.user_deployments, ..input(form) };
        assert_eq!(compile(&again).unwrap(), once);
    }
}

/// Servers are edited one by one: what stays keeps its bytes, what goes takes its own along.
#[test]
fn servers_that_differ_are_edited_and_no_others() {
    let base = "dagsterWebserver:\n  workspace:\n    enabled: true\n    servers:\n      # team A\n      - host: \"a\"   # gpu\n        \
                port: 3030\n        name: 'one'\n      - {host: b, port: 3031}   # nightly\n    externalConfigmap: ~ # none\n\
                dagster-user-deployments:\n  enabled: true\n  enableSubchart: false\n";
    let system = |workspace: &str| {
        let workspace = format!("load_from:\n{workspace}");
        compile(&Input { workspace: &workspace, system: base, ..input(Form::Servers) }).unwrap().system
    };
    let server = |host, port, name| format!("- grpc_server: {{host: {host}, port: {port}, location_name: {name}}}\n");
    let (one, b) = (server("a", 3030, "one"), server("b", 3031, "b"));
    assert_eq!(system(&(one.clone() + &b)), base);
    assert_eq!(system(&(b.clone() + &one)), base, "the order of servers says nothing");
    let port = system(&(one.clone() + &server("b", 4000, "b")));
    assert_eq!(port, base.replace("port: 3031", "port: 4000"));
    let gone = system(&one);
    assert_eq!(gone, base.replace("      - {host: b, port: 3031}   # nightly\n", ""));
    let named = system(&(one.clone() + &server("b", 3031, "other")));
    assert!(named.contains("name: 'one'") && named.contains("name: 'other'"), "{named}");
    let more = system(&(one + &b + &server("zz", 1, "zz")));
    assert!(
        more.contains("port: 3031}   # nightly\n      - host: zz\n        port: 1\n        name: 'zz'\n"),
        "{more}"
    );
    assert_eq!(more.lines().count(), base.lines().count() + 3);
}

#[test]
fn one_form_after_the_other_leaves_nothing_behind() {
    let external = compile(&input(Form::ConfigMap("w"))).unwrap().system;
    let servers = compile(&Input { system: &external, ..input(Form::Servers) }).unwrap().system;
    let direct = compile(&input(Form::Servers)).unwrap().system;
    assert_eq!(data(&servers), data(&direct));
}

#[test]
fn key_of_the_webserver_is_that_of_the_chart() {
    let at = |chart, system: &'static str| {
        let input = Input { system, workspace: "load_from: []\n", chart, ..input(Form::ConfigMap("w")) };
        data(&compile(&input).unwrap().system)
    };
    let wanted = json!({ "enabled": true, "servers": [], "externalConfigmap": "w" });
    assert_eq!(at(Version::new(1, 3, 7), "")["dagit"]["workspace"], wanted);
    assert_eq!(at(Version::new(1, 3, 7), "")["dagsterWebserver"], json!(null));
    assert_eq!(at(Version::new(1, 4, 0), "")["dagsterWebserver"]["workspace"], wanted);
    assert_eq!(at(Version::new(1, 4, 0), "")["dagit"], json!(null));
    // What wins is said in both places: an empty list alone would be filled up with the chart's example.
    let both = at(NEWEST, "dagit:\n  replicaCount: 2\n  workspace:\n    servers: [{host: old, port: 1}]\n");
    assert_eq!(both["dagit"], json!({ "replicaCount": 2, "workspace": { "servers": [] } }));
    assert_eq!(both["dagsterWebserver"]["workspace"], wanted);
}

#[test]
fn umbrella_chart_keeps_its_level() {
    let system = "dagster:\n  dagsterWebserver:\n    replicaCount: 2\nother: {a: 1}\n";
    let compiled = compile(&Input { system, ..input(Form::ConfigMap("w")) }).unwrap();
    let system = data(&compiled.system);
    assert_eq!(system["dagster"]["dagsterWebserver"]["workspace"]["externalConfigmap"], "w");
    assert_eq!(system["dagster"]["dagster-user-deployments"]["enableSubchart"], false);
    assert_eq!(system["other"], json!({ "a": 1 }));
}

#[test]
fn values_stand_above_their_base() {
    let values = "deployments:\n  - {name: etl, port: 3030}\nglobal:\n  dagsterHome: /home\nimagePullSecrets: []\n\
                  x-dagster-workspace: {etl: {owner: a}}\n";
    let base = "# Registry of the company.\nimagePullSecrets:\n  - name: registry\nglobal: # shared\n  serviceAccountName: s\n\
                deployments: [] # by the tool\n";
    let compiled = compile(&Input { values, user_deployments: base, ..input(Form::ConfigMap("w")) }).unwrap();
    let text = compiled.user_deployments;
    assert!(text.starts_with("# Registry of the company.\n") && text.contains("global: # shared\n"), "{text}");
    let expected = json!({
        "imagePullSecrets": [],
        "global": { "serviceAccountName": "s", "dagsterHome": "/home" },
        "deployments": [{ "name": "etl", "port": 3030 }],
        "x-dagster-workspace": { "etl": { "owner": "a" } },
    });
    assert_eq!(data(&text), expected);
}

#[test]
fn values_of_a_subchart_become_those_of_the_chart() {
    let values = "dagster-user-deployments:\n  enabled: true\n  deployments:\n    - {name: etl, port: 3030}\n";
    let compiled = compile(&Input { values, ..input(Form::ConfigMap("w")) }).unwrap();
    let expected = json!({ "enabled": true, "deployments": [{ "name": "etl", "port": 3030 }] });
    assert_eq!(data(&compiled.user_deployments), expected);
}

#[track_caller]
fn unfit(entry: &str, chart: Version, expected_entry: &str, expected: &Unfit) {
    let workspace = format!("load_from:\n- grpc_server: {{host: fine, port: 1, location_name: fine}}\n- {entry}\n");
    let input = Input { workspace: &workspace, chart, ..input(Form::Servers) };
    let error = err(&input);
    let CompileError::Unfit { entry, part: Part::Workspace, span, unfit } = &error else { panic!("{error:?}") };
    assert_eq!((entry.as_str(), unfit), (expected_entry, expected));
    assert!(workspace[span.range()].len() > 5, "the whole entry is named");
    assert_eq!(error.diagnostic().code, "DW0701");
    // The other form takes what Dagster takes.
    compile(&Input { form: Form::ConfigMap("w"), ..input }).unwrap();
}

#[test]
fn err_servers_form_names_the_entry_that_it_cannot_carry() {
    let server = |rest: &str| format!("grpc_server: {{host: etl, location_name: etl, {rest}}}");
    unfit(&server("socket: /s"), NEWEST, "location `etl`", &Unfit::Socket);
    unfit(&server("port: {env: PORT}"), NEWEST, "location `etl`", &Unfit::Env("port".into()));
    unfit("grpc_server: {host: {env: HOST}, port: 1}", NEWEST, "location 2", &Unfit::Env("host".into()));
    unfit(&server("port: 1, additional_metadata: {a: b}"), NEWEST, "location `etl`", &Unfit::Metadata);
    unfit("python_file: repo.py", NEWEST, "location `repo.py`", &Unfit::Kind("python_file".into()));
    unfit("python_module: {module_name: m}", NEWEST, "location `m`", &Unfit::Kind("python_module".into()));
    let old = Version::new(0, 15, 5);
    unfit(&server("port: 1, ssl: true"), old, "location `etl`", &Unfit::Ssl(old));
    unfit("grpc_server: {host: fine, port: 2, location_name: fine}", NEWEST, "location `fine`", &Unfit::Repeated);
    for name in ["on", "a: b", "1.10", "012", "~", "a #b", "[x]", "- a", "12:30", "x:"] {
        let entry = format!("grpc_server: {{host: etl, port: 1, location_name: \"{name}\"}}");
        unfit(&entry, NEWEST, &format!("location `{name}`"), &Unfit::Unquoted(name.into()));
    }
}

#[test]
fn ssl_false_is_what_every_chart_writes() {
    let workspace = "load_from:\n- grpc_server: {host: etl, port: 1, location_name: etl, ssl: false}\n";
    let old = Version::new(0, 15, 5);
    let system = compile(&Input { workspace, chart: old, system: "", ..input(Form::Servers) }).unwrap().system;
    assert_eq!(data(&system)["dagit"]["workspace"]["servers"], json!([{ "host": "etl", "port": 1, "name": "etl" }]));
}

#[test]
fn err_texts_that_cannot_be_used() {
    assert!(matches!(
        err(&Input { workspace: "a: [", ..input(Form::Servers) }),
        CompileError::Parse { part: Part::Workspace, .. }
    ));
    let system = "a: &a {servers: []}\nb: *a\ndagsterWebserver: {workspace: *a}\n";
    let error = err(&Input { system, ..input(Form::Servers) });
    assert!(matches!(error, CompileError::Refused { part: Part::System, .. }), "{error:?}");
}

#[test]
fn servers_come_back_as_the_same_workspace() {
    let system = compile(&input(Form::Servers)).unwrap().system;
    let back = workspace_of(&system).unwrap();
    assert_eq!(data(&back), data(WORKSPACE));
    let subchart = "dagster-user-deployments:\n  deployments:\n    - {name: etl, port: 3030}\n";
    let expected = "load_from:\n  - grpc_server:\n      host: etl\n      port: 3030\n      location_name: etl\n";
    assert_eq!(workspace_of(subchart).unwrap(), expected);
    let none = "dagsterWebserver:\n  workspace:\n    enabled: true\n    servers: []\n";
    assert_eq!(workspace_of(none).unwrap(), "load_from: []\n");
}

#[test]
fn err_values_without_servers() {
    let check = |system: &str, word: &str| {
        let error = workspace_of(system).expect_err("no workspace");
        assert!(matches!(error, CompileError::NoServers { .. }) && error.to_string().contains(word), "{error}");
    };
    check("", "example");
    check("dagsterWebserver: {workspace: {enabled: true}}\n", "example");
    check("dagsterWebserver: {workspace: {enabled: true, servers: [], externalConfigmap: mine}}\n", "`mine`");
    let system = "dagsterWebserver: {workspace: {enabled: true, servers: [{host: on, port: x}]}}\n";
    let error = workspace_of(system).expect_err("no workspace");
    assert!(matches!(error, CompileError::Unfit { part: Part::System, .. }), "{error:?}");
}

/// `helm template` of a chart with these values: its documents.
fn template(helm: &Path, chart: &Path, values: &str) -> Result<Vec<serde_yaml::Value>, String> {
    let folder = tempfile_folder();
    let file = folder.join("values.yaml");
    std::fs::write(&file, values).unwrap();
    let output = Command::new(helm).arg("template").arg("dagster").arg(chart).arg("-f").arg(&file).output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8(output.stdout).unwrap();
    let documents = text.split("\n---\n").map(|part| serde_yaml::from_str(part).unwrap());
    Ok(documents.filter(|document: &serde_yaml::Value| !document.is_null()).collect())
}

fn tempfile_folder() -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("dagster-workspace-compile-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The workspace file that the chart renders, and the name of the ConfigMap that its pods mount.
fn rendered(documents: &[serde_yaml::Value]) -> (Option<String>, Option<String>) {
    let text = documents.iter().find_map(|document| document["data"]["workspace.yaml"].as_str());
    let volumes = documents.iter().flat_map(|document| document["spec"]["template"]["spec"]["volumes"].as_sequence());
    let mounted = volumes.flatten().find(|volume| volume["name"].as_str() == Some("dagster-workspace-yaml"));
    let name = mounted.and_then(|volume| volume["configMap"]["name"].as_str());
    (text.map(str::to_owned), name.map(str::to_owned))
}

#[test]
fn chart_renders_the_same_workspace_from_what_is_compiled() {
    let (Some(three), Some(four)) = (testing::helm(3), testing::helm(4)) else { return };
    let Some(mut dagster) = Oracle::python("../testing/oracles/dagster_workspace.py") else { return };
    let chart = testing::system_chart();
    let names = ["etl", "ml models", "grpc:a:1", "été", "a/b", "x-y_z", "1.2.3"];
    let entries =
        names.iter().map(|name| format!("- grpc_server: {{host: etl, port: 3030, location_name: \"{name}\"}}\n"));
    let many = format!("load_from:\n{}", entries.collect::<String>());
    for helm in [three, four] {
        for workspace in [WORKSPACE, &many, "load_from: []\n", "load_from:\n- grpc_server: {port: 5}\n"] {
            let expected = dagster.ask(&json!({ "text": workspace }));
            assert_eq!(expected["accepted"], true, "{expected}");
            let system = compile(&Input { workspace, ..input(Form::Servers) }).unwrap().system;
            let (text, mounted) = rendered(&template(&helm, &chart, &system).unwrap());
            assert_eq!(mounted.as_deref(), Some("dagster-workspace-yaml"));
            assert_eq!(dagster.ask(&json!({ "text": text.unwrap() })), expected, "{system}");
            let back = workspace_of(&system).unwrap();
            assert_eq!(dagster.ask(&json!({ "text": back })), expected);

            let system = compile(&Input { workspace, ..input(Form::ConfigMap("theirs")) }).unwrap().system;
            let (text, mounted) = rendered(&template(&helm, &chart, &system).unwrap());
            assert_eq!((text, mounted.as_deref()), (None, Some("theirs")), "the chart makes none and mounts that one");
        }
        // Without the explicit empty list the chart refuses; the compiled values are what makes it work.
        let naive = "dagsterWebserver: {workspace: {enabled: true, externalConfigmap: theirs}}\n";
        let error = template(&helm, &chart, naive).expect_err("the chart's own servers are in the way");
        assert!(error.contains("externalConfigmap"), "{error}");
    }
}

#[test]
fn user_code_chart_takes_what_is_compiled() {
    let (Some(three), Some(four)) = (testing::helm(3), testing::helm(4)) else { return };
    let base = "dagsterHome: /home # ours\nimagePullSecrets:\n  - name: registry\n";
    let compiled = compile(&Input { user_deployments: base, ..input(Form::ConfigMap("w")) }).unwrap();
    for helm in [three, four] {
        let documents = template(&helm, &testing::code_chart(), &compiled.user_deployments).unwrap();
        let deployments: Vec<_> = documents.iter().filter(|document| document["kind"] == "Deployment").collect();
        let [deployment] = deployments.as_slice() else { panic!("{deployments:?}") };
        let pod = &deployment["spec"]["template"]["spec"];
        assert_eq!(pod["containers"][0]["image"].as_str(), Some("org/etl:0123456"));
        assert_eq!(pod["imagePullSecrets"][0]["name"].as_str(), Some("registry"));
    }
}

/// A chart that merges its values as `_backcompat.tpl` of the real ones does, and prints the outcome.
#[test]
fn older_key_of_the_webserver_wins_and_is_compiled_so() {
    let (Some(three), Some(four)) = (testing::helm(3), testing::helm(4)) else { return };
    let folder = tempfile_folder();
    std::fs::create_dir_all(folder.join("templates")).unwrap();
    std::fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: merge\nversion: 1.13.27\n").unwrap();
    let values = "dagsterWebserver:\n  workspace:\n    enabled: false\n    servers: [{host: example, port: 3030}]\n    \
                  externalConfigmap: ~\n";
    std::fs::write(folder.join("values.yaml"), values).unwrap();
    let print = "kind: Printed\nworkspace: {{ (merge (.Values.dagit | default dict) .Values.dagsterWebserver).workspace | \
                 toJson }}\n";
    std::fs::write(folder.join("templates/print.yaml"), print).unwrap();
    let bases = [
        "",
        "dagit: {}\n",
        "dagit:\n  workspace:\n    enabled: true\n    servers:\n    - {host: old, port: 1}\n",
        "dagit:\n  workspace:\n    enabled: false\n    servers: []\n    externalConfigmap: old\n",
        "dagit:\n  workspace:\n    externalConfigmap: old\ndagsterWebserver:\n  workspace:\n    externalConfigmap: new\n",
    ];
    for helm in [three, four] {
        for system in bases {
            let printed = |form| {
                let compiled = compile(&Input { system, ..input(form) }).unwrap().system;
                let documents = template(&helm, &folder, &compiled).unwrap();
                let workspace = &documents[0]["workspace"];
                let hosts = workspace["servers"].as_sequence().unwrap().iter().map(|server| server["host"].clone());
                let external = workspace["externalConfigmap"].as_str().unwrap_or_default().to_owned();
                (workspace["enabled"].as_bool(), hosts.collect::<Vec<_>>(), external)
            };
            let servers = ["etl", "ml.other"].map(serde_yaml::Value::from).to_vec();
            assert_eq!(printed(Form::Servers), (Some(true), servers, String::new()), "{system}");
            let external = printed(Form::ConfigMap("theirs"));
            assert_eq!((external.0, external.2.as_str()), (Some(true), "theirs"), "{system}");
            assert_eq!(external.1, Vec::<serde_yaml::Value>::new(), "{system}");
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
