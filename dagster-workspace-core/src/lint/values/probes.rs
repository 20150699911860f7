//! Rule for the probes of a code server: the server listens on the deployment's port and on no other.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::entry::whole;
use super::{Deployment, Rule, Values};
use crate::error::Diagnostic;
use crate::lint::finding::{head, shown};
use crate::yaml::Node;

/// Rules of this module.
pub(super) const RULES: [Rule; 1] = [other_ports];

const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];

/// Ways of asking a port.
const CALLS: [&str; 3] = ["grpc", "tcpSocket", "httpGet"];

/// The name that the chart gives to the container's one port.
const PORT_NAME: &str = "grpc";

/// `DW0238`, a warning: a probe that asks a port on which nobody listens restarts the server, or keeps it from traffic.
fn other_ports(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for entry in values.deployments() {
        let Some(port) = values.port(entry) else { continue };
        for probe in PROBES {
            for (node, asked) in asked(values, entry, probe) {
                if asked == port {
                    continue;
                }
                let message = format!("`{probe}` asks port {}, and the server listens on {port}", shown(&asked));
                let hint = format!("write {port} here");
                found.push(Diagnostic::warning("DW0238", head(node), message).with_hint(hint));
            }
        }
    }
}

/// The ports that a probe asks, in decimal or by a name that no port has.
fn asked<'d>(values: &Values<'d>, entry: &Deployment<'d>, probe: &str) -> Vec<(Node<'d>, String)> {
    let reader = &values.reader;
    let Some(probe) = entry.get(probe) else { return Vec::new() };
    let command = reader.get(probe, "exec").and_then(|exec| reader.get(exec, "command"));
    let mut asked = command.map(|command| of_command(values, command)).unwrap_or_default();
    // A container beside the server has ports of its own.
    if entry.get("sidecarContainers").is_some_and(|others| reader.items(others).next().is_some()) {
        return asked;
    }
    for call in CALLS {
        let Some(node) = reader.get(probe, call).and_then(|call| reader.get(call, "port")) else { continue };
        let Some(target) = reader.target(node) else { continue };
        let text = match whole(reader, target) {
            Some(number) => Some(number.to_string()),
            None => target.text().map(String::from).filter(|name| name != PORT_NAME && !is_filled_in(name)),
        };
        asked.extend(text.map(|text| (node, text)));
    }
    asked
}

/// The port of `dagster api grpc-health-check`, which may stand in a shell's command line.
fn of_command<'d>(values: &Values<'d>, command: Node<'d>) -> Vec<(Node<'d>, String)> {
    let text = |node: Node<'d>| values.reader.target(node).and_then(Node::text);
    let words: Vec<(Node<'d>, String)> = values
        .reader
        .items(command)
        .flat_map(|node| {
            let text = text(node).unwrap_or_default();
            text.split_whitespace().map(|word| (node, word.to_string())).collect::<Vec<_>>()
        })
        .collect();
    let Some(check) = words.iter().position(|(_, word)| word == "grpc-health-check") else { return Vec::new() };
    let mut asked = Vec::new();
    let mut rest = words.into_iter().skip(check + 1);
    while let Some((node, word)) = rest.next() {
        let port = match word.as_str() {
            "-p" | "--port" => rest.next(),
            word => {
                let attached = word.strip_prefix("--port=").or_else(|| word.strip_prefix("-p"));
                attached.map(|port| (node, port.to_string()))
            }
        };
        asked.extend(port.filter(|(_, port)| !is_filled_in(port)));
    }
    asked
}

/// Whether somebody fills in a value later.
fn is_filled_in(text: &str) -> bool {
    text.contains(['$', '{'])
}
