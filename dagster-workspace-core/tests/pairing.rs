//! One rule for which location is whose: each case is the servers of a workspace, and what transforms, findings and the view
//! itself make of them for deployment `a`.

use dagster_workspace_core::lint::{Target, lint_pairing};
use dagster_workspace_core::pairing::Pairing;
use dagster_workspace_core::transform::pair::{self, Wanted};
use dagster_workspace_core::transform::{Transform, TransformError, apply};
use dagster_workspace_core::values::UserDeployments;
use dagster_workspace_core::workspace::Workspace;
use dagster_workspace_core::yaml::Document;

/// A workspace file with these bodies of `grpc_server`; what begins with a letter and a colon is an item of its own.
fn workspace(servers: &[&str]) -> String {
    let items = servers.iter().map(|server| match server.strip_prefix('-') {
        Some(item) => format!("-{item}\n"),
        None => format!("- grpc_server: {{{server}}}\n"),
    });
    format!("load_from:\n{}", items.collect::<String>())
}

fn target(own: Option<&str>) -> Target {
    Target { namespace: own.map(Into::into), ..Target::default() }
}

fn location(port: u16) -> Transform {
    pair::location("a", port, &Wanted::default())
}

fn unpair() -> Transform {
    Transform::UnpairLocation { deployment: "a".into(), host: None }
}

/// Checks that the servers at `places` are those of deployment `a`, for the view, for lint and for both transforms.
#[track_caller]
fn check_as(name: &str, own: Option<&str>, servers: &[&str], places: &[usize]) {
    let text = workspace(servers);
    let document = Document::parse(text.as_str()).unwrap();
    let view = Workspace::of(&document);
    let pairing = Pairing::of(&view, own);
    assert_eq!(pairing.locations_of(name).unwrap(), places, "{text}");
    let values = format!("deployments:\n- {{name: {name}, port: 1}}\n- {{name: b, port: 1}}\n");
    let values = Document::parse(values.as_str()).unwrap();
    let deployments = UserDeployments::of(&values);
    for at in 0..servers.len() {
        let found = pairing.deployment_at(at, &deployments).and_then(|found| found.name());
        assert_eq!(found.as_deref() == Some(name), places.contains(&at), "{at}: {text}");
    }
    let found = lint_pairing(&values, &document, &target(own));
    let is_missed = found.iter().any(|found| found.code == "DW0301" && found.message.contains(&format!("`{name}`")));
    assert!(!is_missed || places.is_empty(), "{text}");
    if name != "a" {
        return;
    }
    let gone = apply(&text, &[unpair()], &target(own)).unwrap().text;
    let left: Vec<&str> = (0..servers.len()).filter(|at| !places.contains(at)).map(|at| servers[at]).collect();
    let expected = if left.is_empty() { "load_from: []\n".to_owned() } else { workspace(&left) };
    assert_eq!(gone, expected);
    // Once more is nothing, and a location is added only where there is none.
    let Ok(paired) = apply(&text, &[location(1)], &target(own)) else { return };
    let again = apply(&paired.text, &[location(1)], &target(own)).unwrap();
    assert!(!again.is_changed(), "{}", again.text);
    let count = |text: &str| text.matches("grpc_server").count();
    assert_eq!(count(&paired.text), count(&text) + usize::from(places.is_empty()), "{}", paired.text);
}

#[track_caller]
fn check(servers: &[&str], places: &[usize]) {
    check_as("a", None, servers, places);
}

#[test]
fn host_of_the_service_counts_whatever_the_location_is_called() {
    for host in [
        "a",
        "a.",
        "A",
        "a.x",
        "a.x.svc",
        "a.x.svc.cluster.local",
        "a.x.svc.cluster.local.",
        "a.x.svc.corp",
        "\"\\x61.x\"",
    ] {
        check(&[&format!("host: {host}, port: 1")], &[0]);
        check(&["host: b, port: 1", &format!("host: {host}, port: 1, location_name: alpha")], &[1]);
        check(&[&format!("host: {host}, port: {{env: PORT}}, location_name: alpha")], &[0]);
    }
}

#[test]
fn other_hosts_are_others() {
    for host in ["b", "ab", "b.a", "a-b", "x.a.svc", "a.example.com", "10.0.0.7", "localhost", "''"] {
        check(&[&format!("host: {host}, port: 1, location_name: alpha")], &[]);
    }
    check(&["port: 1, location_name: alpha"], &[]);
}

#[test]
fn bare_host_is_taken_before_those_with_a_namespace() {
    let two = ["host: a, port: 1, location_name: one", "host: a.x, port: 1, location_name: two"];
    check(&two, &[0]);
    check_as("a", Some("x"), &two, &[0, 1]);
    check_as("a", Some("y"), &two, &[0]);
    check_as("a", Some("X"), &two, &[0, 1]);
    check_as("a", Some("y"), &two[1..], &[]);
}

#[test]
fn hosts_that_agree_on_one_namespace_count() {
    let two = ["host: a.x, port: 1, location_name: one", "host: a.x.svc, port: 1, location_name: two"];
    check(&two, &[0, 1]);
}

#[test]
fn several_locations_of_a_host_go_together() {
    check(&["host: a, port: 1, location_name: one", "host: a, port: 1, location_name: two"], &[0, 1]);
    let text = workspace(&["host: a, port: 1, location_name: one", "host: a, port: 2, location_name: two"]);
    let moved = apply(&text, &[location(3)], &target(None)).unwrap().text;
    assert_eq!(moved, text.replace("port: 1", "port: 3").replace("port: 2", "port: 3"));
}

#[test]
fn name_counts_where_the_host_says_nothing() {
    for host in ["{env: HOST}", "localhost", "10.0.0.7", "a.example.com"] {
        let own = format!("host: {host}, port: 1, location_name: a");
        check(&[&own], &[0]);
        check(&["host: a, port: 1, location_name: alpha", &own], &[0]);
        check(&[&format!("host: {host}, port: 1, location_name: alpha")], &[]);
    }
    check(&["host: b, port: 1, location_name: a"], &[]);
    let hidden = workspace(&["host: {env: HOST}, port: 1, location_name: a"]);
    assert_eq!(apply(&hidden, &[location(2)], &target(None)).unwrap().text, hidden.replace("port: 1", "port: 2"));
    let gateway = workspace(&["host: a.example.com, port: 443, location_name: a"]);
    assert_eq!(apply(&gateway, &[location(2)], &target(None)).unwrap().text, gateway, "a gateway has its own port");
}

#[test]
fn sockets_and_other_kinds_are_no_deployments() {
    check(&["socket: /a.sock, location_name: alpha"], &[]);
    check(&["host: a, socket: /a.sock, location_name: alpha"], &[]);
    check(&["- python_file: a"], &[]);
    check(&["- python_module: {module_name: a, location_name: alpha}", "host: a, port: 1"], &[1]);
}

#[test]
fn name_that_is_no_label_is_a_host_as_a_whole() {
    check_as("a.x", None, &["host: a.x, port: 1", "host: a.y, port: 1"], &[0]);
    check_as("A_b", None, &["host: a_B, port: 1"], &[0]);
}

#[test]
fn err_namespaces_that_differ_are_not_chosen_from() {
    let text = workspace(&["host: a.x, port: 1, location_name: one", "host: a.y.svc, port: 1, location_name: two"]);
    for transform in [unpair(), location(1), location(2)] {
        let error = apply(&text, &[transform], &target(None)).unwrap_err();
        assert!(matches!(&error, TransformError::Ambiguous(found) if found.candidates.len() == 2), "{error:?}");
        let [found] = &error.diagnostics()[..] else { panic!("{error:?}") };
        assert_eq!(found.code, "DW0508");
        assert_eq!(
            found.message,
            "several code locations may be that of deployment `a`: `one` in namespace `x`, `two` in namespace `y`"
        );
        assert_eq!(found.span.unwrap().of(&text), "a.x");
    }
    let document = Document::parse(text.as_str()).unwrap();
    let values = Document::parse("deployments: [{name: a, port: 1}]\n").unwrap();
    let codes = |own| lint_pairing(&values, &document, &target(own)).iter().map(|found| found.code).collect::<Vec<_>>();
    assert_eq!(codes(None), ["DW0304"]);
    assert_eq!(codes(Some("x")), [""; 0]);
    assert_eq!(codes(Some("z")), ["DW0301"]);
    check_as(
        "a",
        Some("y"),
        &["host: a.x, port: 1, location_name: one", "host: a.y.svc, port: 1, location_name: two"],
        &[1],
    );
}

#[test]
fn wanted_host_and_name_are_met_or_refused() {
    let alpha = workspace(&["host: a.x.svc, port: 1, location_name: alpha"]);
    let wanted = |host: Option<&str>, name: Option<&str>| Wanted {
        host: host.map(Into::into),
        location_name: name.map(Into::into),
    };
    let run = |text: &str, wanted: &Wanted| apply(text, &[pair::location("a", 1, wanted)], &target(None));
    for same in [wanted(None, Some("alpha")), wanted(Some("a.x"), None), wanted(Some("a.x.svc.corp"), Some("alpha"))] {
        assert_eq!(run(&alpha, &same).unwrap().text, alpha);
        let added = run("load_from: []\n", &same).unwrap().text;
        assert!(!run(&added, &same).unwrap().is_changed(), "{added}");
    }
    let error = run(&alpha, &wanted(None, Some("beta"))).unwrap_err();
    assert_eq!(error.to_string(), "deployment `a` is served by code location `alpha`, not `beta`");
    assert_eq!(error.diagnostics()[0].span.unwrap().of(&alpha), "alpha");
    let error = run(&alpha, &wanted(Some("a.y"), Some("alpha"))).unwrap_err();
    assert!(matches!(error, TransformError::NameTaken { .. }), "{error:?}");
    let second = run(&alpha, &wanted(Some("a"), None)).unwrap().text;
    assert!(second.starts_with(&alpha) && second.contains("{host: a, "), "{second}");
}

#[test]
fn location_that_a_port_renames_is_told() {
    let text = workspace(&["host: b, port: 1", "host: a, port: 1"]);
    let applied = apply(&text, &[location(2)], &target(None)).unwrap();
    let [warning] = &applied.warnings[..] else { panic!("{:?}", applied.warnings) };
    assert_eq!(warning.code, "DW0511");
    assert!(warning.message.starts_with("code location `grpc:a:1` is called `grpc:a:2` from now on"), "{warning:?}");
    assert_eq!(warning.span.unwrap().of(&applied.text), "grpc_server: {host: a, port: 2}");
    // The hint works as it is typed.
    let hint = warning.hint.as_deref().unwrap().split('`').nth(1).unwrap();
    let kept = text.replace("host: a, port: 1", &format!("host: a, port: 1, {hint}"));
    assert_eq!(apply(&kept, &[location(2)], &target(None)).unwrap().warnings, []);
    let document = Document::parse(kept.as_str()).unwrap();
    let view = Workspace::of(&document);
    assert!(view.get("grpc:a:1").is_some());
}
