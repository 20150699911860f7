//! Values and workspace files that Dagster takes, written from choices in every notation that people use, and transforms of
//! them. Read [`values`] and [`workspace`].

use std::fmt::Write as _;

use dagster_workspace_core::staging::Record;
use dagster_workspace_core::transform::Transform;
use dagster_workspace_core::transform::pair::Wanted;
use dagster_workspace_core::value::Value;
use dagster_workspace_core::values::UserDeployment;
use dagster_workspace_core::workspace::GrpcServer;
use serde_json::json;

use crate::written::Tape;

/// Names that entries may have; documents have some of the first four.
pub(crate) const NAMES: [&str; 6] = ["etl", "ml", "n1", "a-b", "new", "fresh"];

/// One of them.
pub(crate) fn name(tape: &mut Tape<'_>) -> &'static str {
    NAMES[tape.below(NAMES.len())]
}

/// Values of some deployments.
pub(crate) fn values(tape: &mut Tape<'_>) -> String {
    let (head, column) = [
        ("", 0),
        ("# ours\nglobal: {a: 1}\n", 0),
        ("dagster-user-deployments:\n  enabled: true\n", 2),
        ("dagsterWebserver: {replicaCount: 1}\n\ndagster-user-deployments: # here\n", 2),
        ("dagster:\n  dagster-user-deployments:\n", 4),
    ][tape.below(5)];
    let mut out = String::from(head);
    let _ = write!(out, "{:column$}deployments:", "");
    list(tape, &mut out, column, deployment);
    if tape.rarely(2) {
        out += "\n# below\nextra: {b: [1]}\n";
    }
    out += [
        "",
        "",
        "",
        "x-dagster-workspace:\n  etl: # ours\n    owner: data\n    more: [1]\n\n  other: {pullRequest: 3}\n",
        "x-dagster-workspace: {etl: {owner: data}, ml: {}}\n",
    ][tape.below(5)];
    ended(tape, out)
}

/// A workspace file of some locations.
pub(crate) fn workspace(tape: &mut Tape<'_>) -> String {
    let mut out = String::from(["", "# ours\n", "---\n"][tape.below(3)]);
    out += "load_from:";
    list(tape, &mut out, 0, location);
    ended(tape, out)
}

/// Items of some names under the key that `out` ends with.
fn list(tape: &mut Tape<'_>, out: &mut String, column: usize, item: fn(&mut Tape<'_>, &str) -> Vec<String>) {
    let names: Vec<_> = NAMES[..4].iter().filter(|_| !tape.rarely(3)).collect();
    if names.is_empty() {
        *out += [" []\n", "\n", " ~\n", " # none\n"][tape.below(4)];
        return;
    }
    *out += ["\n", "\n", " # all of them\n"][tape.below(3)];
    let column = column + 2 * tape.below(2);
    let rhythm = tape.rarely(3);
    for (at, name) in names.iter().enumerate() {
        if rhythm && at > 0 {
            *out += "\n";
        }
        if tape.rarely(4) {
            let _ = writeln!(out, "{:column$}# about {name}", "");
        }
        for (at, line) in item(tape, name).iter().enumerate() {
            let comment = if tape.rarely(8) { format!(" # {name} {at}") } else { String::new() };
            let _ = writeln!(out, "{:column$}{}{line}{comment}", "", if at == 0 { "- " } else { "  " });
        }
    }
}

fn ended(tape: &mut Tape<'_>, mut out: String) -> String {
    if tape.rarely(6) {
        out.truncate(out.trim_end().len());
    }
    if tape.rarely(5) { out.replace('\n', "\r\n") } else { out }
}

/// Lines of one deployment.
fn deployment(tape: &mut Tape<'_>, name: &str) -> Vec<String> {
    let tag = tape.pick(&["\"1.10\"", "v1", "'0123'", "5176135"]);
    let mut fields = vec![
        vec![format!("name: {}", quoted(tape, name))],
        mapping(tape, "image", &[("repository", "r.io/x"), ("tag", tag), ("pullPolicy", "Always")]),
        vec![format!("port: {}", 3030 + tape.below(3))],
        texts(tape, "dagsterApiGrpcArgs", &["-m", name]),
    ];
    match tape.below(5) {
        1 => fields.push(mapping(tape, "env", &[("STAGE", "prod"), ("ON", "\"on\"")])),
        2 => fields.push(
            ["env:", "- name: STAGE", "  value: prod", "- name: FROM", "  valueFrom: {fieldRef: {fieldPath: x}}"]
                .map(String::from)
                .into(),
        ),
        3 => fields.push(mapping(tape, "labels", &[("team", "a"), ("tier", "\"1\"")])),
        4 => fields.push(vec!["resources:".into(), "  limits: {cpu: 500m} # enough".into()]),
        _ => {}
    }
    shuffled(tape, fields).concat()
}

/// Lines of one item of `load_from`.
fn location(tape: &mut Tape<'_>, name: &str) -> Vec<String> {
    if tape.rarely(5) {
        return vec!["python_module:".into(), format!("  module_name: {name}")];
    }
    let host = format!("{name}{}", tape.pick(&["", "", ".prod"]));
    let port = (3030 + tape.below(3)).to_string();
    let mut fields = vec![("host", host.as_str()), ("port", &port)];
    let name = quoted(tape, name);
    if !tape.rarely(6) {
        fields.push(("location_name", &name));
    }
    if tape.rarely(4) {
        fields.push(("ssl", "true"));
    }
    let fields = shuffled(tape, fields);
    mapping(tape, "grpc_server", &fields)
}

fn quoted(tape: &mut Tape<'_>, text: &str) -> String {
    tape.pick(&["-", "\"-\"", "'-'"]).replace('-', "\u{0}").replace('\u{0}', text)
}

/// A mapping in block or flow style.
fn mapping(tape: &mut Tape<'_>, key: &str, fields: &[(&str, &str)]) -> Vec<String> {
    let pairs: Vec<_> = fields.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    if tape.rarely(3) {
        return vec![format!("{key}: {{{}}}", pairs.join(", "))];
    }
    let step = 2 + 2 * tape.below(2);
    std::iter::once(format!("{key}:")).chain(pairs.iter().map(|pair| format!("{:step$}{pair}", ""))).collect()
}

fn texts(tape: &mut Tape<'_>, key: &str, items: &[&str]) -> Vec<String> {
    match tape.below(3) {
        0 => vec![format!("{key}: [\"{}\"]", items.join("\", \""))],
        indent => {
            let indent = 2 * (indent - 1);
            let lines = items.iter().map(|item| format!("{:indent$}- \"{item}\"", ""));
            std::iter::once(format!("{key}:")).chain(lines).collect()
        }
    }
}

fn shuffled<T>(tape: &mut Tape<'_>, mut items: Vec<T>) -> Vec<T> {
    let by = tape.below(items.len());
    items.rotate_left(by);
    items
}

/// The deployment that `add` asks for.
pub(crate) fn wanted(tape: &mut Tape<'_>, name: &str) -> UserDeployment {
    let image = format!("ghcr.io/acme/x:{}", tape.pick(&["1.10", "0123", "v2"]));
    let deployment = UserDeployment::new(name, image.parse().unwrap()).dagster_api_grpc_args(["-m", name]);
    match tape.below(3) {
        0 => deployment,
        1 => deployment.env("ON", "on").with_port(4000),
        _ => deployment.label("a", "1e3").env_secret("s"),
    }
}

/// A change of the deployment of that name.
pub(crate) fn of_deployment(tape: &mut Tape<'_>, name: &str) -> Transform {
    let name: String = name.into();
    match tape.below(7) {
        0 => Transform::AddDeployment { deployment: wanted(tape, &name) },
        1 => Transform::RemoveDeployment { name },
        2 => Transform::SetImage { name, image: "ghcr.io/acme/x:1.10".parse().unwrap() },
        3 => {
            let owner = Some(tape.pick(&["data", "on", "a: b"]).to_owned());
            let pull_request = tape.rarely(2).then_some(12);
            Transform::RecordDeployment { name, record: Record { owner, pull_request, ..Record::default() } }
        }
        _ => Transform::UpdateDeployment { name, fields: fields(tape) },
    }
}

/// Fields of an update.
pub(crate) fn fields(tape: &mut Tape<'_>) -> Value {
    let all = [
        json!({"port": 4321}),
        json!({"env": {"STAGE": "1e3", "FROM": "here", "NEW": "~"}}),
        json!({"env": {"STAGE": null}}),
        json!({"env": [{"name": "A", "value": "b"}]}),
        json!({"image": {"pullPolicy": "Never"}, "labels": {"team": null, "x": "on"}}),
        json!({"resources": {"limits": {"memory": "1Gi"}, "requests": {"cpu": "1"}}}),
        json!({"dagsterApiGrpcArgs": null, "codeServerArgs": ["-m", "x: y"]}),
        json!({"service": {"annotations": {"a": "- b"}}, "schedulerName": null}),
    ];
    serde_json::from_value(all[tape.below(all.len())].clone()).unwrap()
}

/// A change of the location of that name.
pub(crate) fn of_location(tape: &mut Tape<'_>, name: &str) -> Transform {
    let port = 3030 + u16::try_from(tape.below(3)).unwrap();
    let host = format!("{name}{}", tape.pick(&["", ".prod", ".prod.svc.cluster.local"]));
    let update =
        |fields| Transform::UpdateLocation { name: name.into(), fields: serde_json::from_value(fields).unwrap() };
    match tape.below(6) {
        0 => Transform::AddLocation { server: GrpcServer::new(name, host, port) },
        1 => Transform::RemoveLocation { name: name.into() },
        2 => {
            let (deployment, server) = (name.into(), GrpcServer::new(name, host.clone(), port));
            let wanted = Wanted { host: tape.rarely(2).then_some(host), location_name: None };
            Transform::PairLocation { deployment, server, wanted }
        }
        3 => Transform::UnpairLocation { deployment: name.into(), host: tape.rarely(2).then_some(host) },
        4 => update(json!({"port": port, "ssl": null})),
        _ => update(json!({"host": "0123", "additional_metadata": {"team": "on"}})),
    }
}
