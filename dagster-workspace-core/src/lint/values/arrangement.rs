//! Rules for how the system chart's values fit together: which of its parts are read with these settings. Read
//! [`writes_workspace`].

use alloc::format;
use alloc::vec::Vec;

use super::system::{flag, system_home};
use super::{Rule, Values, by_name};
use crate::error::Diagnostic;
use crate::lint::finding::{got, head, shown};
use crate::pairing::service_of;
use crate::system::SystemValues;
use crate::values::{DEPLOYMENTS, Layout, SUBCHART};
use crate::yaml::{Node, Resolved};

/// Rules of this module.
pub(super) const RULES: [Rule; 6] = [
    unused_config_map,
    names_of_the_workspace_file,
    old_name,
    flags_that_are_no_boolean,
    unread_deployments,
    servers_beside_deployments,
];

/// The name of the subchart in charts before 0.11.
const OLD_SUBCHART: &str = "userDeployments";

/// Keys that tell the system chart's values from those of another chart with the same subchart.
const SYSTEM_KEYS: [&str; 4] = ["dagsterWebserver", "dagit", "dagsterDaemon", "runLauncher"];

/// Keys of the subchart that only the system chart reads.
const FLAGS: [&str; 2] = ["enabled", "enableSubchart"];

/// Whether these are the system chart's values, and it makes the workspace file itself: of `servers`, or of the deployments.
/// No other workspace file is read then.
pub(in crate::lint) fn writes_workspace(values: &Values<'_>) -> bool {
    let view = SystemValues::of(values.document);
    is_system(values) && !(view.is_workspace_enabled() && view.external_config_map().is_some())
}

fn is_system(values: &Values<'_>) -> bool {
    let Some(home) = system_home(values) else { return false };
    let has =
        |holder: Node<'_>, keys: &[&str]| keys.iter().any(|key| holder.entries().any(|entry| entry.key.is_text(key)));
    let target = values.reader.target(home);
    let subchart = values.reader.get(home, SUBCHART).and_then(|subchart| values.reader.target(subchart));
    target.is_some_and(|home| has(home, &SYSTEM_KEYS)) || subchart.is_some_and(|subchart| has(subchart, &FLAGS))
}

/// `DW0251`, a warning: without `enabled: true` the chart makes a workspace file of its own, and reads no other.
fn unused_config_map(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    let view = SystemValues::of(values.document);
    let (Some(name), Some((webserver, node))) = (view.external_config_map(), view.setting("externalConfigmap")) else {
        return;
    };
    if view.is_workspace_enabled() {
        return;
    }
    let name = shown(&name);
    let message = format!("`externalConfigmap: {name}` has no effect: `{webserver}.workspace.enabled` is not true");
    let finding = Diagnostic::warning("DW0251", head(node), message);
    found.push(finding.with_hint("write `enabled: true` beside it: without it the chart makes a workspace of its own"));
}

/// `DW0252`, a warning: a server of the chart has a `name`; `location_name` is the workspace file's word.
fn names_of_the_workspace_file(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    let view = SystemValues::of(values.document);
    for server in view.servers() {
        let Some(entry) = values.reader.entry(server.node(), "location_name") else { continue };
        let message = "the chart ignores `location_name` of a server";
        let finding = Diagnostic::warning("DW0252", entry.key.span(), message);
        found.push(match server.get("name") {
            Some(_) => finding.with_hint("remove it: `name` is there"),
            None => finding.with_hint("call it `name`: without that the location is named after its host"),
        });
    }
}

/// `DW0253`, a warning: the name that the subchart had before 0.11.
fn old_name(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    let homes = [values.document.root(), system_home(values)].into_iter().flatten();
    for entry in homes.filter_map(|home| values.reader.entry(home, OLD_SUBCHART)) {
        let is_subchart = [DEPLOYMENTS, "enabled", "enableSubchart"].iter();
        if is_subchart.clone().any(|key| values.reader.get(entry.value, key).is_some()) {
            let message = format!("the chart ignores `{OLD_SUBCHART}`: its name is `{SUBCHART}`");
            let finding = Diagnostic::warning("DW0253", entry.key.span(), message);
            found.push(finding.with_hint(format!("write `{SUBCHART}:`")));
        }
    }
}

/// `DW0254`: the system chart's schema takes booleans alone.
fn flags_that_are_no_boolean(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    let Some(subchart) = system_home(values).and_then(|home| values.reader.get(home, SUBCHART)) else { return };
    for key in FLAGS {
        let Some(node) = values.reader.get(subchart, key) else { continue };
        let Some(target) = values.reader.target(node) else { continue };
        let resolved = target.scalar().map(|scalar| scalar.resolve(values.reader.schema()));
        if !matches!(resolved, Some(Resolved::Bool(_))) {
            let message = format!("`{key}` must be true or false, {}", got(&values.reader, target));
            let finding = Diagnostic::error("DW0254", head(node), message);
            found.push(match resolved {
                Some(Resolved::String) => finding.with_hint("write it without quotes"),
                _ => finding,
            });
        }
    }
}

/// Whether the chart lists `servers` in the workspace file that it makes.
fn lists_servers(values: &Values<'_>) -> bool {
    let view = SystemValues::of(values.document);
    is_system(values) && view.is_workspace_enabled() && view.external_config_map().is_none()
}

fn is_on(values: &Values<'_>, key: &str) -> bool {
    flag(values, key).is_none_or(|(_, value)| value)
}

/// `DW0255`, a warning: with `enableSubchart: false` the deployments here only make the workspace file, and `servers` or a
/// ConfigMap take that from them, too.
fn unread_deployments(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    let is_written = values.layout != Layout::Absent && !values.entries().is_empty() && !values.is_alone;
    let is_elsewhere = SystemValues::of(values.document).is_workspace_enabled();
    if !is_written || !is_system(values) || is_on(values, "enableSubchart") || !is_elsewhere {
        return;
    }
    let Some(list) = values.list else { return };
    let message =
        "these deployments have no effect: `enableSubchart` is false, and the workspace comes from `workspace`";
    let hint = "move them to the values of their own release of chart `dagster-user-deployments`";
    let span = values
        .home
        .and_then(|home| values.reader.entry(home, DEPLOYMENTS))
        .map_or(head(list), |entry| entry.key.span());
    found.push(Diagnostic::warning("DW0255", span, message).with_hint(hint));
}

/// `DW0256`, a warning: beside `servers` no deployment gets into the workspace file by itself, and nothing keeps ports equal.
fn servers_beside_deployments(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    let view = SystemValues::of(values.document);
    if !lists_servers(values) || !is_on(values, "enabled") || !is_on(values, "enableSubchart") {
        return;
    }
    let servers: Vec<_> = view.servers().filter_map(|server| Some((server.host()?.into_owned(), server))).collect();
    for (name, entry) in by_name(values) {
        let mut own = servers
            .iter()
            .filter(|(host, _)| service_of(host).is_some_and(|service| service.eq_ignore_ascii_case(&name)))
            .peekable();
        if own.peek().is_none() {
            let message = format!("no server of `servers` has the host `{}`: Dagster does not load it", shown(&name));
            let hint = format!("add `- host: {}` with its port to `servers`", shown(&name));
            found.push(Diagnostic::warning("DW0256", entry.span(), message).with_hint(hint));
        }
        for (_, server) in own {
            let (Some(called), Some(listens)) = (server.port(), values.port(entry)) else { continue };
            let Some(node) = server.get("port").filter(|_| format!("{called}") != listens) else { continue };
            let message = format!("deployment `{}` listens on port {listens}, not on {called}", shown(&name));
            let finding = Diagnostic::warning("DW0256", head(node), message);
            found.push(finding.with_hint(format!("write `port: {listens}`")));
        }
    }
}
