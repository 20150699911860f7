//! Rules for both documents together: every deployment has a server in the workspace file, and the other way round.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::ToString as _;
use alloc::vec::Vec;

use super::finding::{arranged, head, shown};
use super::values::{self, Values};
use crate::error::Diagnostic;
use crate::pairing::{Ambiguous, Pairing};
use crate::span::Span;
use crate::workspace::Source;

/// Applies all rules of this module: first those of the values, then those of the workspace file.
pub(super) fn lint(values: &Values<'_>, pairing: &Pairing<'_, '_>) -> Vec<Diagnostic> {
    // Nobody reads the file then: the values alone say what is loaded.
    if values::writes_workspace(values) {
        return Vec::new();
    }
    let (mut missing, mut found) = (Vec::new(), Vec::new());
    let mut paired = BTreeSet::new();
    let mut unserved = Vec::new();
    for (name, entry) in values::by_name(values) {
        match pairing.locations_of(&name) {
            Err(ambiguous) => found.push(several(&ambiguous)),
            Ok(places) if places.is_empty() => unserved.push((name, entry)),
            Ok(places) => {
                if let Some(port) = values.port(entry) {
                    found.extend(places.iter().filter_map(|at| other_port(pairing, *at, &name, &port)));
                }
                paired.extend(places);
            }
        }
    }
    // A host in a variable may be any deployment's.
    let is_hidden = |at: usize| pairing.is_hidden(at) && !paired.contains(&at);
    if !(0..pairing.locations().len()).any(is_hidden) {
        for (name, entry) in unserved {
            let name = shown(&name);
            let message = format!("no server of the workspace has the host `{name}`: Dagster does not load it");
            let hint = format!("add a `grpc_server` with `host: {name}` to the workspace file");
            missing.push(Diagnostic::warning("DW0301", entry.span(), message).with_hint(hint));
        }
    }
    servers_without_deployment(values, pairing, &mut found);
    let mut all = arranged(missing);
    all.extend(arranged(found));
    all
}

/// `DW0302`, a warning: a server that looks like a Service of the same namespace, and no deployment of that name.
fn servers_without_deployment(values: &Values<'_>, pairing: &Pairing<'_, '_>, found: &mut Vec<Diagnostic>) {
    let names = values::by_name(values);
    let known: BTreeSet<_> = names.keys().map(|name| name.to_ascii_lowercase()).collect();
    for at in 0..pairing.locations().len() {
        let Some(name) = pairing.own_service(at) else { continue };
        if values::is_service(name) && !known.contains(name) {
            let message = format!("no deployment is named `{}`", shown(name));
            let hint = "remove the code location, unless another release has the server";
            found.push(Diagnostic::warning("DW0302", span(pairing, at, "host"), message).with_hint(hint));
        }
    }
}

/// `DW0303`: the server listens on another port than the one that Dagster calls.
fn other_port(pairing: &Pairing<'_, '_>, at: usize, name: &str, deployed: &str) -> Option<Diagnostic> {
    let Source::Literal(called) = pairing.locations().get(at)?.port()? else { return None };
    let called = called.to_string();
    if called == deployed || !pairing.has_port_of_deployment(at) {
        return None;
    }
    let message = format!("deployment `{}` listens on port {deployed}, not on {}", shown(name), shown(&called));
    let place = span(pairing, at, "port");
    // A Service of that name in another namespace, or behind a variable, is perhaps another one.
    let finding = match pairing.own_service(at) {
        Some(_) => Diagnostic::error("DW0303", place, message),
        None => Diagnostic::warning("DW0303", place, message),
    };
    Some(finding.with_hint(format!("write `port: {deployed}`")))
}

/// `DW0304`, a warning: which location is the deployment's cannot be told.
fn several(ambiguous: &Ambiguous) -> Diagnostic {
    let place = ambiguous.candidates.first().map_or(Span::new(0, 0), |first| first.span);
    let namespaces: Vec<_> = ambiguous.candidates.iter().map(|found| format!("`{}`", found.namespace)).collect();
    let hint = format!("`--own-namespace` says which of {} is that of the deployments", namespaces.join(", "));
    Diagnostic::warning("DW0304", place, ambiguous.to_string()).with_hint(hint)
}

/// Where a field of a location stands, or else the location.
fn span(pairing: &Pairing<'_, '_>, at: usize, key: &str) -> Span {
    let location = pairing.locations().get(at);
    let node = location.and_then(|location| location.get(key).or_else(|| Some(location.node())));
    node.map_or(Span::new(0, 0), head)
}
