//! Values and workspace file together: each case is two documents and what is found.

use dagster_workspace_core::lint::{Target, lint_change, lint_pairing};
use dagster_workspace_core::yaml::Document;

/// Values with deployments of these names and ports.
fn values(deployments: &[(&str, u16)]) -> String {
    if deployments.is_empty() {
        return "deployments: []\n".into();
    }
    let items = deployments.iter().map(|(name, port)| format!("  - name: {name}\n    port: {port}\n"));
    format!("deployments:\n{}", items.collect::<String>())
}

/// A workspace file with these bodies of `grpc_server`.
fn workspace(servers: &[&str]) -> String {
    if servers.is_empty() {
        return "load_from: []\n".into();
    }
    let items = servers.iter().map(|server| format!("  - grpc_server: {{{server}}}\n"));
    format!("load_from:\n{}", items.collect::<String>())
}

/// Findings as `code severity text`; the text from the values for `DW0301`, else from the workspace file.
#[track_caller]
fn check(values: &str, workspace: &str, expected: &[&str]) {
    let documents = (Document::parse(values).unwrap(), Document::parse(workspace).unwrap());
    let found = lint_pairing(&documents.0, &documents.1, &Target::default());
    let found = found.iter().map(|finding| {
        let text = if finding.code == "DW0301" { values } else { workspace };
        format!("{} {} {}", finding.code, finding.severity, finding.span.unwrap().of(text))
    });
    assert_eq!(found.collect::<Vec<_>>(), expected, "{values}{workspace}");
}

#[test]
fn pairs_are_found_by_host_whatever_the_location_is_called() {
    check(&values(&[("etl", 3030)]), &workspace(&["host: etl, port: 3030"]), &[]);
    check(&values(&[("etl", 3030)]), &workspace(&["host: etl, port: 3030, location_name: 'team: etl'"]), &[]);
    check(&values(&[("etl", 3030)]), &workspace(&["host: etl.prod, port: 3030"]), &[]);
    check(&values(&[("etl", 3030)]), &workspace(&["host: etl.prod.svc.cluster.local., port: 05726"]), &[]);
    check(&values(&[]), &workspace(&[]), &[]);
}

#[test]
fn deployment_without_server_is_a_warning() {
    check(&values(&[("etl", 3030), ("ml", 4000)]), &workspace(&["host: ml, port: 4000"]), &["DW0301 warning etl"]);
    check(&values(&[("etl", 3030)]), "load_from:\n  - python_file: etl.py\n", &["DW0301 warning etl"]);
}

#[test]
fn hosts_in_variables_may_be_any_deployment() {
    check(&values(&[("etl", 3030)]), &workspace(&["host: {env: HOST}, port: 3030"]), &[]);
    check(&values(&[("etl", 3030)]), &workspace(&["host: etl, port: {env: PORT}"]), &[]);
}

#[test]
fn server_without_deployment_is_a_warning_unless_it_is_foreign() {
    check(&values(&[]), &workspace(&["host: etl, port: 3030"]), &["DW0302 warning etl"]);
    for foreign in ["localhost", "10.0.0.7", "etl.other", "code.example.com", "''"] {
        check(&values(&[]), &workspace(&[&format!("host: {foreign}, port: 3030")]), &[]);
    }
    check(&values(&[]), &workspace(&["socket: /run/etl.sock"]), &[]);
    check(&values(&[]), "load_from:\n  - python_module: etl\n", &[]);
}

#[test]
fn err_port_that_the_server_does_not_listen_on() {
    check(&values(&[("etl", 3030)]), &workspace(&["host: etl, port: 4000"]), &["DW0303 error 4000"]);
    check(&values(&[("etl", 3030)]), &workspace(&["host: etl.prod, port: 4000"]), &["DW0303 warning 4000"]);
    check("deployments:\n  - name: etl\n    port: 05726\n", &workspace(&["host: etl, port: 3030"]), &[]);
}

#[test]
fn map_form_and_nested_values_are_read() {
    let map = "deployments:\n  etl:\n    port: 3030\n";
    check(map, &workspace(&["host: etl, port: 3031"]), &["DW0303 error 3031"]);
    let nested = "dagster-user-deployments:\n  deployments:\n  - name: etl\n    port: 3030\n";
    check(nested, &workspace(&[]), &["DW0301 warning etl"]);
}

#[test]
fn documents_that_are_no_such_thing_have_no_pairs() {
    for text in
        ["", "a\n", "[]\n", "deployments: 1\n", "load_from: 1\n", "deployments: [1, ~, {}]\n", "load_from: [~, 1]\n"]
    {
        check(text, text, &[]);
    }
}

/// Findings of a change as `code severity text`, the text from the workspace file after it; `-` where there is no place.
#[track_caller]
fn check_change(before: [&str; 2], after: [&str; 2], expected: &[&str]) {
    let documents = [before, after].map(|texts| texts.map(|text| Document::parse(text).unwrap()));
    let [old, new] = &documents;
    let found = lint_change([&old[0], &old[1]], [&new[0], &new[1]], &Target::default());
    let found = found.iter().map(|finding| {
        let text = finding.span.map_or("-", |span| span.of(after[1]));
        format!("{} {} {text}", finding.code, finding.severity)
    });
    assert_eq!(found.collect::<Vec<_>>(), expected, "{after:?}");
}

#[test]
fn change_is_judged_by_what_it_takes_and_leaves() {
    let (with, without) = (values(&[("a", 1)]), values(&[]));
    let named = |host: &str| workspace(&[&format!("host: {host}, port: 1, location_name: alpha")]);
    let (own, other, empty) = (named("a"), named("a.x.svc"), workspace(&[]));
    check_change([&with, &own], [&with, &empty], &["DW0307 error -"]);
    check_change([&with, &other], [&with, &empty], &["DW0307 error -"]);
    check_change([&with, &own], [&without, &empty], &[]);
    check_change([&with, &empty], [&with, &empty], &[]);
    let two = workspace(&["host: a, port: 1, location_name: alpha", "host: a, port: 1, location_name: beta"]);
    check_change([&with, &two], [&with, &own], &[]);
    // A new deployment, and a location that was there.
    check_change([&without, &other], [&with, &other], &["DW0305 warning a.x.svc"]);
    check_change([&without, &own], [&with, &own], &[]);
    check_change([&without, &empty], [&with, &other], &[]);
    // A deployment that goes, and a location that stays.
    let left = "DW0306 warning grpc_server: {host: a.x.svc, port: 1, location_name: alpha}";
    check_change([&with, &other], [&without, &other], &[left]);
    let by_name = workspace(&["socket: /a.sock, location_name: a"]);
    check_change(
        [&with, &by_name],
        [&without, &by_name],
        &["DW0306 warning grpc_server: {socket: /a.sock, location_name: a}"],
    );
}

#[test]
fn hosts_of_several_namespaces_are_a_warning() {
    let two = workspace(&["host: a.x, port: 1, location_name: alpha", "host: a.y, port: 1, location_name: beta"]);
    check(&values(&[("a", 1)]), &two, &["DW0304 warning a.x"]);
}
