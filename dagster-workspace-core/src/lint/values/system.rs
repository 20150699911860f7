//! Rules for the values of the system chart: what becomes of the workspace file. Read [`RULES`].

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::{Rule, Values};
use crate::error::Diagnostic;
use crate::lint::finding::{got, head, shown};
use crate::lint::{is_null, is_text};
use crate::span::Span;
use crate::system::SystemValues;
use crate::values::SUBCHART;
use crate::yaml::{Node, Resolved, Schema, resolve};

/// Rules of this module.
pub(super) const RULES: [Rule; 8] = [
    hidden_settings,
    external_config_map_and_servers,
    switched_off,
    waiting_system,
    malformed_servers,
    unquoted_names,
    repeated_servers,
    unused_servers,
];

/// Keys of a server, with whether they are needed and whether they are whole numbers.
const SERVER: [(&str, bool, bool); 3] = [("host", true, false), ("port", true, true), ("name", false, false)];

/// The value of a flag of the subchart, and its node.
pub(super) fn flag<'d>(values: &Values<'d>, key: &str) -> Option<(Node<'d>, bool)> {
    let system = system_home(values)?;
    let node = values.reader.get(values.reader.get(system, SUBCHART)?, key)?;
    match values.reader.target(node)?.scalar()?.resolve(values.reader.schema()) {
        Resolved::Bool(value) => Some((node, value)),
        _ => None,
    }
}

pub(super) fn system_home<'d>(values: &Values<'d>) -> Option<Node<'d>> {
    let view = SystemValues::of(values.document);
    view.path().iter().try_fold(values.document.root(), |node, key| Some(values.reader.get(node?, key))).flatten()
}

/// Whether webserver and daemon wait for each server in a container of its own, as they do by default.
pub(super) fn waits_for_servers(values: &Values<'_>) -> bool {
    ["enabled", "enableSubchart"].iter().all(|key| flag(values, key).is_none_or(|(_, value)| value))
}

/// `DW0240`, a warning: the chart merges `dagit` over `dagsterWebserver`.
fn hidden_settings(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    let view = SystemValues::of(values.document);
    for key in ["enabled", "servers", "externalConfigmap"] {
        let (Some((_, wins)), Some((hidden, node))) = (view.setting(key), view.hidden(key)) else { continue };
        let message = format!("`{hidden}.workspace.{key}` has no effect: `dagit.workspace.{key}` wins");
        let finding = Diagnostic::warning("DW0240", head(node), message).with_related(head(wins), "this one wins");
        found.push(finding.with_hint("move the settings of `dagit` to `dagsterWebserver`"));
    }
}

/// `DW0241`: the chart's template fails on both, and its default values list a server.
fn external_config_map_and_servers(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    let view = SystemValues::of(values.document);
    let (Some(name), Some((_, node))) = (view.external_config_map(), view.setting("externalConfigmap")) else { return };
    if !view.is_workspace_enabled() {
        return;
    }
    let servers = view.setting("servers");
    let is_empty = servers.is_some_and(|(_, servers)| {
        let target = values.reader.target(servers);
        target.is_some_and(|list| {
            is_null(&values.reader, list) || (list.kind().is_sequence() && list.items().next().is_none())
        })
    });
    if !is_empty {
        let message = format!("the chart refuses `externalConfigmap: {}` beside `servers`", shown(&name));
        let finding = Diagnostic::error("DW0241", head(node), message);
        found.push(match servers {
            Some((_, servers)) => finding.with_related(head(servers), "these").with_hint("write `servers: []`"),
            None => finding.with_hint("write `servers: []`: the chart's default lists a server"),
        });
    }
}

/// `DW0242`, a warning: without user deployments webserver and daemon start without a workspace file, and fail.
fn switched_off(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    if let Some((node, false)) = flag(values, "enabled") {
        let message = "without user deployments the chart gives webserver and daemon no workspace file";
        let hint = "write `enabled: true` and `enableSubchart: false` for servers in a release of their own";
        found.push(Diagnostic::warning("DW0242", node.span(), message).with_hint(hint));
    }
}

/// `DW0243`, a warning: as a subchart, one server whose Service is missing keeps webserver and daemon from starting.
fn waiting_system(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    if let (Some((node, true)), true) = (flag(values, "enableSubchart"), waits_for_servers(values)) {
        let message = "webserver and daemon wait at start for every server listed here";
        let hint = "`enableSubchart: false`, with the servers in a release of their own, lets them start at once";
        found.push(Diagnostic::warning("DW0243", node.span(), message).with_hint(hint));
    }
}

/// `DW0244`: what the chart's schema demands of a server.
fn malformed_servers(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    let view = SystemValues::of(values.document);
    let Some((_, servers)) = view.setting("servers") else { return };
    let Some(list) = values.reader.target(servers) else { return };
    if !list.kind().is_sequence() {
        let message = format!("`servers` must be a list, {}", got(&values.reader, list));
        found.push(Diagnostic::error("DW0244", head(servers), message));
        return;
    }
    for item in list.items() {
        let Some(server) = values.reader.target(item) else { continue };
        if !server.kind().is_mapping() {
            let message = format!("a server must be a mapping, {}", got(&values.reader, server));
            found.push(Diagnostic::error("DW0244", head(item), message));
            continue;
        }
        for (key, needed, whole) in SERVER {
            let Some(node) = values.reader.get(server, key) else {
                if needed {
                    found.push(Diagnostic::error("DW0244", head(item), format!("the server has no `{key}`")));
                }
                continue;
            };
            let Some(target) = values.reader.target(node) else { continue };
            let fits = if whole {
                super::entry::whole(&values.reader, target).is_some()
            } else {
                is_text(&values.reader, target) || (!needed && is_null(&values.reader, target))
            };
            if !fits {
                let expected = if whole { "a whole number" } else { "a text" };
                let message = format!("`{key}` of a server must be {expected}, {}", got(&values.reader, target));
                found.push(Diagnostic::error("DW0244", head(node), message));
            }
        }
    }
}

/// `DW0245`: the chart writes name and host into the workspace file without quotes.
fn unquoted_names(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    let view = SystemValues::of(values.document);
    for server in view.servers() {
        for key in ["name", "host"] {
            let Some(node) = server.get(key) else { continue };
            let Some(text) = values.reader.text(node) else { continue };
            if !is_plain_text(&text) {
                let message =
                    format!("the chart prints `{}` unquoted, and Dagster then reads something else", shown(&text));
                let finding = Diagnostic::error("DW0245", head(node), message);
                found.push(finding.with_hint("use a name of letters, digits, `-` and `_` that is no word of YAML"));
            }
        }
    }
}

/// Whether a text means itself where it is printed bare behind `location_name: `.
pub(crate) fn is_plain_text(text: &str) -> bool {
    let special = |c: char| "-?:,[]{}#&*!|>'\"%@`".contains(c);
    // `-x` and the like are fine, but nobody needs them.
    !text.is_empty()
        && text.trim() == text
        && !text.starts_with(special)
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with(':')
        && !text.contains(char::is_control)
        && resolve(text, Schema::Dagster) == Resolved::String
}

/// `DW0246`: two locations of one name, and Dagster refuses the workspace file.
fn repeated_servers(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    let view = SystemValues::of(values.document);
    let mut first: BTreeMap<String, (usize, Span)> = BTreeMap::new();
    for (at, server) in view.servers().enumerate() {
        let Some(name) = server.name() else { continue };
        let named = server.get("name").filter(|node| !values.is_null(*node)).or_else(|| server.get("host"));
        let span = head(named.unwrap_or_else(|| server.node()));
        if let Some((before, related)) = first.get(name.as_ref()) {
            let message = format!("server `{}` is already defined", shown(&name));
            let finding = Diagnostic::error("DW0246", span, message);
            let finding = finding.with_related(*related, format!("also at `servers[{before}]`"));
            found.push(finding.with_hint("choose another name, or remove one of the two"));
        } else {
            first.insert(Cow::into_owned(name), (at, span));
        }
    }
}

/// `DW0247`, a warning: servers beside `enabled: false` are not read.
fn unused_servers(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    let view = SystemValues::of(values.document);
    let Some((webserver, node)) = view.setting("servers").filter(|_| !view.is_workspace_enabled()) else { return };
    // The chart's own values list their example so.
    let written = view.servers().any(|server| server.host().as_deref() != Some("k8s-example-user-code-1"));
    if written && view.setting("enabled").is_some() {
        let message = format!("these servers have no effect: `{webserver}.workspace.enabled` is not true");
        found.push(Diagnostic::warning("DW0247", head(node), message.to_string()));
    }
}
