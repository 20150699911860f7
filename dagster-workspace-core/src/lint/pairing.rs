//! Rules for both documents together: every deployment has a server in the workspace file, and the other way round.

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;

use super::finding::{arranged, head, shown};
use super::location::Source;
use super::values::{self, Values};
use super::workspace::File;
use crate::error::Diagnostic;
use crate::span::Span;

/// A server of the workspace file that may be a deployment's.
struct Server<'d> {
    host: Cow<'d, str>,
    host_span: Span,
    /// The port where it is visible.
    port: Option<Cow<'d, str>>,
    port_span: Span,
}

/// Applies all rules of this module: first those of the values, then those of the workspace file.
pub(super) fn lint(values: &Values<'_>, file: &File<'_>) -> Vec<Diagnostic> {
    // Nobody reads the file then: the values alone say what is loaded.
    if values::writes_workspace(values) {
        return Vec::new();
    }
    let servers = servers(file);
    let mut missing = Vec::new();
    // A host in a variable may be any deployment's.
    if !has_hidden_hosts(file) {
        deployments_without_server(values, &servers, &mut missing);
    }
    let mut found = Vec::new();
    servers_without_deployment(values, &servers, &mut found);
    ports(values, &servers, &mut found);
    let mut all = arranged(missing);
    all.extend(arranged(found));
    all
}

fn servers<'d>(file: &File<'d>) -> Vec<Server<'d>> {
    let grpc = file.locations.iter().filter(|location| location.kind.is_grpc());
    grpc.filter_map(|location| {
        let Source::Literal(host) = location.text(&file.reader, "host") else { return None };
        let port = match location.port(&file.reader) {
            Source::Literal(port) => Some(port),
            Source::Missing | Source::Env | Source::Wrong => None,
        };
        let span = |key| location.field(&file.reader, key).map_or(location.key.span(), head);
        Some(Server { host, host_span: span("host"), port, port_span: span("port") })
    })
    .collect()
}

fn has_hidden_hosts(file: &File<'_>) -> bool {
    let mut grpc = file.locations.iter().filter(|location| location.kind.is_grpc());
    grpc.any(|location| location.text(&file.reader, "host") == Source::Env)
}

/// The Service that a host names inside the cluster: `etl`, `etl.prod`, `etl.prod.svc.cluster.local`.
pub(super) fn service(host: &str) -> (&str, bool) {
    let (name, rest) = host.trim_end_matches('.').split_once('.').unwrap_or((host, ""));
    (name, rest.is_empty())
}

/// `DW0301`, a warning: Dagster does not know of the deployment.
fn deployments_without_server(values: &Values<'_>, servers: &[Server<'_>], found: &mut Vec<Diagnostic>) {
    let served: BTreeSet<&str> = servers.iter().map(|server| service(&server.host).0).collect();
    for (name, entry) in values::by_name(values) {
        if !served.contains(name.as_str()) {
            let name = shown(&name);
            let message = format!("no server of the workspace has the host `{name}`: Dagster does not load it");
            let hint = format!("add a `grpc_server` with `host: {name}` to the workspace file");
            found.push(Diagnostic::warning("DW0301", entry.span(), message).with_hint(hint));
        }
    }
}

/// `DW0302`, a warning: a server that looks like a Service of the same namespace, and no deployment of that name.
fn servers_without_deployment(values: &Values<'_>, servers: &[Server<'_>], found: &mut Vec<Diagnostic>) {
    let names = values::by_name(values);
    for server in servers {
        let (name, bare) = service(&server.host);
        if bare && values::is_service(name) && name != "localhost" && !names.contains_key(name) {
            let message = format!("no deployment is named `{}`", shown(name));
            let hint = "remove the code location, unless another release has the server";
            found.push(Diagnostic::warning("DW0302", server.host_span, message).with_hint(hint));
        }
    }
}

/// `DW0303`: the server listens on another port than the one that Dagster calls.
fn ports(values: &Values<'_>, servers: &[Server<'_>], found: &mut Vec<Diagnostic>) {
    let names = values::by_name(values);
    for server in servers {
        let (name, bare) = service(&server.host);
        let Some(deployed) = names.get(name).and_then(|entry| values.port(entry)) else { continue };
        let Some(called) = server.port.as_deref().filter(|port| **port != deployed) else { continue };
        let message = format!("deployment `{}` listens on port {deployed}, not on {}", shown(name), shown(called));
        // A Service of that name in another namespace is perhaps another one.
        let finding = if bare {
            Diagnostic::error("DW0303", server.port_span, message)
        } else {
            Diagnostic::warning("DW0303", server.port_span, message)
        };
        found.push(finding.with_hint(format!("write `port: {deployed}`")));
    }
}
