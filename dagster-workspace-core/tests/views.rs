//! The typed views over written documents and over real users' files, judged by serde_yaml as second reader.

use std::fs;
use std::path::{Path, PathBuf};

use dagster_workspace_core::system::SystemValues;
use dagster_workspace_core::values::{Image, Layout, UserDeployment, UserDeployments};
use dagster_workspace_core::workspace::{GrpcServer, Source, Workspace};
use dagster_workspace_core::yaml::{Document, Schema};

/// Checks where the deployments are found, how they are written, and each as `NAME IMAGE PORT`.
fn check_values(text: &str, path: &str, layout: Layout, expected: &[&str]) {
    let document = Document::parse(text).expect(text);
    let view = UserDeployments::of(&document);
    let found: Vec<_> = view
        .iter()
        .map(|deployment| {
            let name = deployment.name().unwrap_or_else(|| "-".into());
            let image = deployment.image().map_or("-".into(), |image| image.to_string());
            let port = deployment.port().map_or("-".into(), |port| port.to_string());
            format!("{name} {image} {port}")
        })
        .collect();
    assert_eq!((view.path().join("."), view.layout()), (path.into(), layout), "{text}");
    assert_eq!(found, expected, "{text}");
    for (deployment, line) in view.iter().zip(expected) {
        let data = deployment.to_value().unwrap();
        let name = deployment.name();
        assert_eq!(data.get("name").and_then(|name| name.as_str()), name.as_deref(), "{line}");
        if let Some(name) = name {
            assert_eq!(view.get(&name).map(|found| found.node()), Some(deployment.node()), "{line}");
        }
    }
}

#[test]
fn deployments_are_found_wherever_a_chart_takes_them() {
    use Layout::{Absent, List, Map, Null, Other};
    check_values("", "deployments", Absent, &[]);
    check_values("# none\n", "deployments", Absent, &[]);
    check_values("rbacEnabled: true\n", "deployments", Absent, &[]);
    check_values("deployments:\n", "deployments", Null, &[]);
    check_values("deployments: []\n", "deployments", List, &[]);
    check_values("deployments: {}\n", "deployments", Map, &[]);
    check_values("deployments: some\n", "deployments", Other, &[]);
    check_values("- a\n", "deployments", Absent, &[]);
    let etl = "- {name: etl, image: {repository: r, tag: 1}, port: 3030}";
    check_values(&format!("deployments:\n{etl}\n"), "deployments", List, &["etl r:1 3030"]);
    let nested = "dagster-user-deployments";
    check_values(
        &format!("{nested}:\n  deployments:\n  {etl}\n"),
        &format!("{nested}.deployments"),
        List,
        &["etl r:1 3030"],
    );
    check_values(&format!("{nested}: {{enabled: true}}\n"), &format!("{nested}.deployments"), Absent, &[]);
    check_values("dagsterWebserver: {}\n", &format!("{nested}.deployments"), Absent, &[]);
    let umbrella = format!("global: {{}}\ndagster:\n  {nested}:\n    deployments:\n    {etl}\n");
    check_values(&umbrella, &format!("dagster.{nested}.deployments"), List, &["etl r:1 3030"]);
}

#[test]
fn deployments_are_read_as_helm_reads_them() {
    use Layout::{List, Map};
    let expected = ["a r:1 1", "b r:2 2"];
    let list = "deployments:\n- name: a\n  image: {repository: r, tag: '1'}\n  port: 1\n- &b\n  name: b\n  image: {repository: r, tag: 2}\n  port: 2\n";
    check_values(list, "deployments", List, &expected);
    // The key wins over the name.
    let map = "deployments:\n  a: {image: {repository: r, tag: '1'}, port: 1}\n  b: {name: x, image: {repository: r, tag: 2}, port: 2}\n";
    check_values(map, "deployments", Map, &expected);
    let merged = "x: &x {image: &i {repository: r, tag: 2}, port: 1}\nl: &l\n- {<<: *x, name: a, image: {<<: *i, tag: 1}}\n- {<<: *x, name: b, port: 2}\ndeployments: *l\n";
    check_values(merged, "deployments", List, &expected);
    let merged = "x: &x {a: {image: {repository: r, tag: 1}, port: 1}}\ndeployments: {<<: *x, b: {image: {repository: r, tag: 2}, port: 2}}\n";
    check_values(merged, "deployments", Map, &expected);
    let broken = "deployments:\n- just text\n-\n- {name: on, port: '3030', image: r}\n- {name: 1, port: 99999, image: {tag: 1}}\n- *missing\n";
    let document = Document::parse(broken).unwrap();
    let view = UserDeployments::of(&document);
    assert_eq!(view.iter().filter(|d| d.name().is_some() || d.port().is_some() || d.image().is_some()).count(), 0);
    assert_eq!(view.iter().count(), 5);
}

#[test]
fn unknown_keys_are_readable() {
    let text = "x: &x {strategy: {}}\ndeployments:\n- {<<: *x, name: a, port: 1, imagePullSecrets: [s], image: {repository: r, imagePullPolicy: x}}\n";
    let document = Document::parse(text).unwrap();
    let view = UserDeployments::of(&document);
    let a = view.get("a").unwrap();
    let unknown: Vec<_> = a.unknown().map(|entry| entry.key.source()).collect();
    assert_eq!(unknown, ["strategy", "imagePullSecrets"]);
    assert_eq!(a.get("imagePullSecrets").unwrap().source(), "[s]");
    assert_eq!(a.image().unwrap().extra.len(), 1);
    let owned = a.read().unwrap();
    assert_eq!(owned.unknown().map(|(key, _)| key).collect::<Vec<_>>(), ["strategy", "imagePullSecrets"]);
    assert!(owned.to_value().is_same(&a.to_value().unwrap()));
}

/// Checks each location as `NAME HOST ENDPOINT`, `-` for what is not known.
fn check_workspace(text: &str, expected: &[&str]) {
    let document = Document::parse(text).expect(text);
    let view = Workspace::of(&document);
    let shown = |source: Option<Source<String>>| match source {
        None => "-".into(),
        Some(Source::Literal(text)) => text,
        Some(Source::Env(name)) => format!("${name}"),
    };
    let text_of = |source: Source<std::borrow::Cow<'_, str>>| match source {
        Source::Literal(text) => Source::Literal(text.into_owned()),
        Source::Env(name) => Source::Env(name),
    };
    let found: Vec<_> = view
        .locations()
        .map(|location| {
            let port = location.port().map(|port| match port {
                Source::Literal(port) => Source::Literal(port.to_string()),
                Source::Env(name) => Source::Env(name),
            });
            let endpoint = port.or_else(|| location.socket().map(text_of));
            let name = location.name().unwrap_or_else(|| "-".into());
            format!("{name} {} {}", shown(location.host().map(text_of)), shown(endpoint))
        })
        .collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn names_are_those_that_dagster_resolves() {
    let cases = [
        ("grpc_server: {host: h, port: 1, location_name: n}", "n h 1"),
        ("grpc_server: {host: h, port: 07653}", "grpc:h:4011 h 4011"),
        ("grpc_server: {port: 1}", "grpc:localhost:1 localhost 1"),
        ("grpc_server: {host: '', port: 1, location_name: ''}", "grpc:localhost:1 localhost 1"),
        ("grpc_server: {host: h, socket: /s}", "grpc:h:/s h /s"),
        ("grpc_server: {host: {env: H}, port: {env: P}, location_name: n}", "n $H $P"),
        ("grpc_server: {host: {env: H}, port: 1}", "- $H 1"),
        ("grpc_server: {host: h, port: 1, location_name: {env: N}}", "- h 1"),
        ("grpc_server: {host: h, port: 1, location_name: on}", "- h 1"),
        ("grpc_server: {host: h, port: '1'}", "- h -"),
        ("python_file: a/b/repo.py", "repo.py - -"),
        ("python_file: {relative_path: a/repo.py, attribute: defs}", "repo.py:defs - -"),
        ("python_module: a.b", "a.b - -"),
        ("python_module: {module_name: a.b, attribute: defs}", "a.b:defs - -"),
        ("python_module: {module_name: a.b, location_name: n}", "n - -"),
        ("python_package: {package_name: p, attribute: ''}", "p - -"),
        ("python_package: {package_name: {env: P}}", "- - -"),
        ("autoload_defs_module: {module_name: m}", "m - -"),
        ("autoload_defs_module: m", "m - -"),
        ("python_environment: {}", "- - -"),
        ("just text", "- - -"),
        ("{python_file: a, python_module: b}", "- - -"),
        ("", "- - -"),
    ];
    for (item, expected) in cases {
        check_workspace(&format!("load_from:\n- {item}\n"), &[expected]);
    }
    let anchored = "load_from:\n- &a\n  grpc_server: &s {host: h, port: 1, location_name: n}\n- grpc_server: {<<: *s, location_name: m}\n- *a\n";
    check_workspace(anchored, &["n h 1", "m h 1", "n h 1"]);
    for nothing in ["", "a: b\n", "load_from:\n", "load_from: []\n", "load_from: {}\n", "- a\n"] {
        check_workspace(nothing, &[]);
    }
}

#[test]
fn of_dagit_and_webserver_dagit_wins() {
    let text = "dagit:\n  workspace: {enabled: true, servers: [{host: a, port: 1}]}\ndagsterWebserver:\n  workspace: {enabled: false, servers: [{host: b, port: 2, name: n}], externalConfigmap: cm}\ndagster-user-deployments: {enabled: true, enableSubchart: false}\n";
    let document = Document::parse(text).unwrap();
    let view = SystemValues::of(&document);
    let servers: Vec<_> = view.servers().map(|server| (server.name(), server.host(), server.port())).collect();
    assert_eq!(servers, [(Some("a".into()), Some("a".into()), Some(1))]);
    assert!(view.is_workspace_enabled());
    assert_eq!(view.setting("servers").map(|(key, _)| key), Some("dagit"));
    assert_eq!(view.hidden("servers").map(|(key, _)| key), Some("dagsterWebserver"));
    assert_eq!(view.setting("externalConfigmap").map(|(key, _)| key), Some("dagsterWebserver"));
    assert_eq!(view.external_config_map().as_deref(), Some("cm"));
    assert_eq!((view.user_deployments_enabled(), view.subchart_enabled()), (Some(true), Some(false)));
    let umbrella = format!("dagster:\n  {}\n", text.trim_end().replace('\n', "\n  "));
    let document = Document::parse(umbrella).unwrap();
    let view = SystemValues::of(&document);
    assert_eq!((view.path().join("."), view.servers().count()), ("dagster".into(), 1));
    assert_eq!(view.subchart_enabled(), Some(false));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    files.sort();
    files
}

/// What serde_yaml reads at a path of keys.
fn dig<'y>(yaml: &'y serde_yaml::Value, path: &[std::borrow::Cow<'_, str>]) -> &'y serde_yaml::Value {
    path.iter().fold(yaml, |value, key| &value[key.as_ref()])
}

#[test]
fn values_of_real_users_are_read_as_by_a_second_reader() {
    let Some(shared) = testing::shared() else { return };
    let mut all = files(&shared.join("dagster/corpus/values"));
    for version in ["0.15.5", "1.3.7", "1.5-2023-11", "1.10.5", "1.12-2025-11", "1.13-2026-06"] {
        let charts = files(&shared.join("dagster").join(version));
        assert!(!charts.is_empty(), "{version}");
        all.extend(charts);
    }
    let mut deployments = 0;
    for path in &all {
        let text = fs::read_to_string(path).unwrap();
        let document = Document::parse(text.as_str()).unwrap();
        let mut second: serde_yaml::Value = serde_yaml::from_str(text.trim_start_matches('\u{feff}')).unwrap();
        second.apply_merge().unwrap();
        let whole = serde_json::to_value(document.to_value(Schema::Core).unwrap()).unwrap();
        assert_eq!(serde_json::to_value(&second).unwrap(), whole, "{}", path.display());
        let view = UserDeployments::of(&document);
        let expected = dig(&second, view.path());
        let names: Vec<_> = view.iter().map(|deployment| deployment.name().unwrap().into_owned()).collect();
        let items = expected.as_sequence().cloned().unwrap_or_default();
        let second_names: Vec<_> = items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect();
        assert_eq!(names, second_names, "{}", path.display());
        for (deployment, item) in view.iter().zip(&items) {
            assert_eq!(deployment.port().map(u64::from), item["port"].as_u64());
            // One real file leaves the repository out: the view says that it is no image.
            assert_eq!(
                deployment.image().map(|image| image.repository).as_deref(),
                item["image"]["repository"].as_str()
            );
        }
        deployments += names.len();
        let system = SystemValues::of(&document);
        assert_eq!(system.external_config_map(), None);
        let servers = system.servers().filter(|server| server.name().is_some() && server.port() == Some(3030)).count();
        let webserver = ["dagit", "dagsterWebserver"].map(|key| &second[key]["workspace"]["servers"]);
        let second_servers = webserver.iter().filter_map(|servers| servers.as_sequence()).map(Vec::len).sum::<usize>();
        assert_eq!(servers, second_servers, "{}", path.display());
    }
    assert_eq!((all.len() > 22, deployments >= 31), (true, true), "{} files, {deployments}", all.len());
}

#[test]
fn workspace_files_of_real_users_are_read_as_by_a_second_reader() {
    let Some(shared) = testing::shared() else { return };
    let mut names = Vec::new();
    for path in files(&shared.join("dagster/corpus/workspace")) {
        let text = fs::read_to_string(&path).unwrap();
        let document = Document::parse(text.as_str()).unwrap();
        let second: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
        let whole = serde_json::to_value(document.to_value(Schema::Core).unwrap()).unwrap();
        assert_eq!(serde_json::to_value(&second).unwrap(), whole, "{}", path.display());
        let view = Workspace::of(&document);
        assert_eq!(view.locations().count(), second["load_from"].as_sequence().unwrap().len());
        names.extend(view.locations().map(|location| location.name().map_or("-".into(), String::from)));
    }
    let expected = [
        "example_use_case",
        "harbor_outfitters",
        "summit_financial",
        "beacon_hq",
        "personal_finance",
        "coles_llm_shopper",
        "Lana DW",
        "hydrosat-pipeline",
        "${DGS_CODE_LOCATION_NAME}",
        "sp_etl",
        "weather_data",
        "reference_data",
        "session_data",
        "f1_predictor",
        "database_build",
        "core",
        "dagster_op.repository",
        "hackernews",
        "patents",
        "airbyte",
        "mlflow",
        "dbt",
        "repo.py",
        // `python_environment` is no longer known to Dagster.
        "-",
        "-",
    ];
    assert_eq!(names, expected);
}

#[test]
fn builder_writes_every_field_of_the_schema_in_the_charts_order() {
    let Some(shared) = testing::shared() else { return };
    let folder = shared.join("dagster/1.13-2026-06");
    let schema = fs::read_to_string(folder.join("dagster-user-deployments.values.schema.json")).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let properties = schema["$defs"]["UserDeployment"]["properties"].as_object().unwrap();
    let missing: Vec<_> = properties.keys().filter(|key| !UserDeployment::is_known(key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let values = fs::read_to_string(folder.join("dagster-user-deployments.values.yaml")).unwrap();
    let document = Document::parse(values).unwrap();
    let view = UserDeployments::of(&document);
    let example = view.get("k8s-example-user-code-1").unwrap();
    let written: Vec<_> = example.entries().iter().map(|entry| entry.key.source()).collect();
    let ours: Vec<_> = UserDeployment::keys().filter(|key| written.contains(key)).collect();
    assert_eq!(ours, written);
    let owned = example.read().unwrap();
    assert_eq!(owned.unknown().count(), 0);
    let again: UserDeployment = serde_json::from_str(&serde_json::to_string(&owned).unwrap()).unwrap();
    assert_eq!(again, owned);
}

#[test]
fn builder_gives_the_data_that_is_meant() {
    use dagster_workspace_core::value::Value;
    use dagster_workspace_core::values::Switch::{Off, On};
    let object = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let image: Image = "r:1".parse().unwrap();
    let built = UserDeployment::new("etl", image)
        .service_annotation("s", "1")
        .deployment_strategy(object(r#"{"type":"Recreate"}"#))
        .startup_probe(Off, object("{}"))
        .liveness_probe(object(r#"{"periodSeconds":1}"#))
        .readiness_probe(On, object(r#"{"periodSeconds":2}"#))
        .scheduler_name("sch")
        .label("l", "1")
        .resources(object(r#"{"limits":{"cpu":"1"}}"#))
        .security_context(object(r#"{"runAsUser":1}"#))
        .pod_security_context(object(r#"{"fsGroup":1}"#))
        .tolerations(vec![object(r#"{"key":"k"}"#)])
        .affinity(object(r#"{"nodeAffinity":{}}"#))
        .node_selector("n", "1")
        .annotation("a", "1")
        .annotation("b", "2")
        .sidecar_containers(vec![object(r#"{"name":"s"}"#)])
        .init_containers(vec![object(r#"{"name":"i"}"#)])
        .env_secret("s1")
        .env_secret("s2")
        .env_secret("s1")
        .env_config_map("c")
        .env("A", "1")
        .env("B", "2")
        .env("A", "3")
        .volume_mounts(vec![object(r#"{"name":"v","mountPath":"/v"}"#)])
        .volumes(vec![object(r#"{"name":"v"}"#)])
        .deployment_namespace("ns")
        .include_config_in_launched_runs(On)
        .replica_count(2.try_into().unwrap())
        .with_port(4000)
        .code_server_args(["-m", "x"])
        .dagster_api_grpc_args(["-m", "y"])
        .extra("zz", object("[1]"))
        .unwrap();
    let expected = r#"{"name":"etl","image":{"repository":"r","tag":"1","pullPolicy":"Always"},"dagsterApiGrpcArgs":["-m","y"],"codeServerArgs":["-m","x"],"port":4000,"replicaCount":2,"includeConfigInLaunchedRuns":{"enabled":true},"deploymentNamespace":"ns","volumes":[{"name":"v"}],"volumeMounts":[{"name":"v","mountPath":"/v"}],"env":{"A":"3","B":"2"},"envConfigMaps":[{"name":"c"}],"envSecrets":[{"name":"s1"},{"name":"s2"}],"initContainers":[{"name":"i"}],"sidecarContainers":[{"name":"s"}],"annotations":{"a":"1","b":"2"},"nodeSelector":{"n":"1"},"affinity":{"nodeAffinity":{}},"tolerations":[{"key":"k"}],"podSecurityContext":{"fsGroup":1},"securityContext":{"runAsUser":1},"resources":{"limits":{"cpu":"1"}},"labels":{"l":"1"},"schedulerName":"sch","readinessProbe":{"periodSeconds":2,"enabled":true},"livenessProbe":{"periodSeconds":1},"startupProbe":{"enabled":false},"deploymentStrategy":{"type":"Recreate"},"service":{"annotations":{"s":"1"}},"zz":[1]}"#;
    assert_eq!(serde_json::to_string(&built).unwrap(), expected);
    assert_eq!(serde_json::from_str::<UserDeployment>(expected).unwrap(), built);
    let listed = built.env_vars(vec![object(r#"{"name":"A","value":"1"}"#)]).env("A", "2").env("B", "3");
    let expected = object(r#"[{"name":"A","value":"2"},{"name":"B","value":"3"}]"#);
    assert_eq!(listed.get("env"), Some(&expected));
}

#[test]
fn err_entries_name_the_field() {
    let cases = [
        ("{}", "`name` must be a text, got nothing"),
        (r#"{"image":{}}"#, "`name` must be a text, got nothing"),
        (r#"{"name":"a","image":{},"port":1}"#, "`image.repository` must be a text, got nothing"),
        (
            r#"{"name":"a","image":{"repository":"r"},"port":"1"}"#,
            "`port` must be a whole number from 1 to 65535, got a text",
        ),
        (
            r#"{"name":"a","image":{"repository":"r"},"port":1,"env":{"A":1.5}}"#,
            "`env.A` must be a text in quotes, got a number",
        ),
        (
            r#"{"name":"a","image":{"repository":"r"},"port":1,"envSecrets":["s"]}"#,
            "`envSecrets[0]` must be a mapping, got a text",
        ),
        (
            r#"{"name":"a","image":{"repository":"r"},"port":1,"replicaCount":0}"#,
            "`replicaCount` must be a whole number from 1, got the number 0",
        ),
        (
            r#"{"name":"a","image":{"repository":"r"},"port":1,"dagsterApiGrpcArgs":["-f",1.5]}"#,
            "`dagsterApiGrpcArgs[1]` must be a text in quotes, got the number 1.5",
        ),
    ];
    for (json, expected) in cases {
        let error = serde_json::from_str::<UserDeployment>(json).unwrap_err().to_string();
        assert_eq!(error, expected, "{json}");
    }
    let cases = [
        ("{}", "`port` must be a whole number from 1 to 65535, got nothing"),
        (r#"{"port":1,"socket":"s"}"#, "`socket` must be absent beside a `port`, got a text"),
        (r#"{"port":1,"ssl":"true"}"#, "`ssl` must be `true` or `false`, got a text"),
        (
            r#"{"port":1,"additional_metadata":{"a":1.5}}"#,
            "`additional_metadata.a` must be a text in quotes, got the number 1.5",
        ),
    ];
    for (json, expected) in cases {
        let error = serde_json::from_str::<GrpcServer>(json).unwrap_err().to_string();
        assert_eq!(error, expected, "{json}");
    }
}

#[test]
fn servers_come_back_from_json_and_know_their_name() {
    let cases = [
        (r#"{"host":"h","port":1,"location_name":"n"}"#, "n"),
        (r#"{"port":1}"#, "grpc:localhost:1"),
        (r#"{"host":"h","socket":"/s","ssl":true,"additional_metadata":{"a":"b"},"new_key":[1]}"#, "grpc:h:/s"),
    ];
    for (json, name) in cases {
        let server: GrpcServer = serde_json::from_str(json).unwrap();
        assert_eq!(server.name(), name);
        assert_eq!(serde_json::to_string(&server).unwrap(), json);
        let document = Document::parse(format!("load_from: [{{\"grpc_server\": {json}}}]")).unwrap();
        assert_eq!(Workspace::of(&document).locations().next().unwrap().name().as_deref(), Some(name));
    }
}
