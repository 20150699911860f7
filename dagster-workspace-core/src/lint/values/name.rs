//! Rules for names of deployments. The chart names a Service exactly so, and prints the name bare into its manifests.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Deployment, Rule, Values};
use crate::error::Diagnostic;
use crate::lint::finding::{head, shown};
use crate::span::Span;
use crate::yaml::{Resolved, Schema, resolve};

/// Characters of a DNS label, RFC 1035 section 2.3.4.
pub(super) const LABEL: usize = 63;

/// What the system chart puts in front of a name for the container that waits for the server.
const WAITING: &str = "init-user-deployment-";

/// Rules of this module.
pub(super) const RULES: [Rule; 4] = [labels, words, repeated_names, waiting_containers];

/// Whether `name` can name a Service: a DNS label that begins with a letter.
pub(super) fn is_label(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=LABEL).contains(&name.len())
        && name.bytes().all(allowed)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
}

/// The nearest label to a name.
fn suggestion(name: &str) -> Option<String> {
    let mut label = String::new();
    for c in name.chars().take(LABEL) {
        label.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    }
    let label = label.trim_start_matches(|c: char| !c.is_ascii_lowercase()).trim_end_matches('-');
    is_label(label).then(|| label.into())
}

/// Whether the name is a word or number that YAML does not take for a text, quoted or not.
pub(super) fn is_word<'d>(values: &Values<'d>, entry: &Deployment<'d>) -> bool {
    let target = entry.name_node.and_then(|name| values.reader.target(name));
    let text = target.and_then(|name| name.text()).unwrap_or_default();
    // Numbers cannot begin a label, and are found by type or as labels.
    !text.is_empty() && matches!(resolve(&text, Schema::Helm), Resolved::Bool(_) | Resolved::Null)
}

/// `DW0209`: the name becomes that of a Service.
fn labels(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for entry in values.entries() {
        let (Some(node), Some(name)) = (entry.name_node, &entry.name) else { continue };
        if is_label(name) || is_word(values, entry) {
            continue;
        }
        let message = if name.len() > LABEL {
            format!("the name of a deployment has at most {LABEL} characters, got {}", name.chars().count())
        } else {
            format!("`{}` cannot name a Service", shown(name))
        };
        let rule = "use lower-case letters, digits and `-`, a letter first";
        let hint = match suggestion(name) {
            Some(near) => format!("{rule}, as in `{near}`"),
            None => rule.into(),
        };
        found.push(Diagnostic::error("DW0209", head(node), message).with_hint(hint));
    }
}

/// `DW0210`: the chart prints names without quotes, so that `on` becomes a boolean even where it is quoted here.
fn words(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for entry in values.entries() {
        let Some(node) = entry.name_node.filter(|_| is_word(values, entry)) else { continue };
        let text = node.text().unwrap_or_default();
        let message = format!("the chart prints the name `{}` unquoted, where YAML takes it for no text", shown(&text));
        found.push(
            Diagnostic::error("DW0210", head(node), message).with_hint("choose another name; quotes do not help"),
        );
    }
}

/// `DW0211`: two deployments of one name overwrite each other's objects.
fn repeated_names(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    let mut first: BTreeMap<&str, (usize, Span)> = BTreeMap::new();
    for (at, entry) in values.entries().iter().enumerate() {
        let Some(name) = entry.name.as_deref() else { continue };
        if let Some((before, span)) = first.get(name) {
            let message = format!("deployment `{}` is already defined", shown(name));
            let finding = Diagnostic::error("DW0211", entry.span(), message);
            let finding = finding.with_related(*span, format!("also at `deployments[{before}]`"));
            found.push(finding.with_hint("choose another name, or remove one of the two"));
        } else {
            first.insert(name, (at, entry.span()));
        }
    }
}

/// `DW0228`: as a subchart, each name also becomes that of a container in the webserver and the daemon.
fn waiting_containers(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    if values.is_alone || !super::system::waits_for_servers(values) {
        return;
    }
    for entry in values.entries() {
        let (Some(node), Some(name)) = (entry.name_node, &entry.name) else { continue };
        let long = name.len() + WAITING.len() > LABEL;
        if long && is_label(name) {
            let message = format!("the container `{WAITING}{}` has a name of over {LABEL} characters", shown(name));
            let hint = format!("use at most {} characters, or `enableSubchart: false`", LABEL - WAITING.len());
            found.push(Diagnostic::error("DW0228", head(node), message).with_hint(hint));
        }
    }
}
