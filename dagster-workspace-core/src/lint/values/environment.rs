//! Rules for environment variables. Their values are never shown: they may be secrets, and values in ConfigMaps are read
//! by many.

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;

use super::{Deployment, Rule, Values};
use crate::error::Diagnostic;
use crate::lint::finding::shown;
use crate::lint::is_text;
use crate::yaml::{Entry, Node};

/// Rules of this module.
pub(super) const RULES: [Rule; 1] = [credentials];

/// Parts of names that hold secrets, and ends of names that only say where one is.
const SECRET_NAMES: [&str; 9] =
    ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "APIKEY", "API_KEY", "ACCESS_KEY", "PRIVATE_KEY", "CREDENTIAL"];
const HARMLESS_ENDS: [&str; 8] = ["_NAME", "_FILE", "_PATH", "_URL", "_ID", "_TTL", "_ENABLED", "_DIR"];

/// Beginnings of values that are secrets whatever their name.
const SECRET_BEGINNINGS: [&str; 7] = ["-----BEGIN", "AKIA", "ghp_", "github_pat_", "glpat-", "xoxb-", "eyJhbGci"];

/// `DW0225`, a warning: credentials belong into a Secret.
fn credentials(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for entry in values.deployments() {
        for (name, key, value) in variables(values, entry) {
            let Some(target) = values.reader.target(value).filter(|value| is_text(&values.reader, *value)) else {
                continue;
            };
            if is_secret(&name, &target.text().unwrap_or_default()) {
                let message = format!("the variable `{}` looks like a credential", shown(&name));
                let hint = "put it into a Secret and name that in `envSecrets`";
                found.push(Diagnostic::warning("DW0225", key.span(), message).with_hint(hint));
            }
        }
    }
}

/// A name, its node, and the value.
type Variable<'d> = (Cow<'d, str>, Node<'d>, Node<'d>);

fn variables<'d>(values: &Values<'d>, entry: &Deployment<'d>) -> Vec<Variable<'d>> {
    let reader = &values.reader;
    let Some(env) = entry.get("env").and_then(|env| reader.target(env)) else { return Vec::new() };
    let listed = env.items().filter_map(|item| {
        let name = reader.get(item, "name")?;
        Some((reader.text(name)?, name, reader.get(item, "value")?))
    });
    let mapped = if env.kind().is_mapping() { reader.entries(env) } else { Vec::new() };
    let mapped = mapped.into_iter().filter_map(|Entry { key, value }| Some((reader.key(key).ok()?, key, value)));
    listed.chain(mapped).collect()
}

fn is_secret(name: &str, value: &str) -> bool {
    let value = value.trim();
    // `$(NAME)` and `${NAME}` are filled in elsewhere.
    if value.is_empty() || value.starts_with('$') || value.starts_with("{{") {
        return false;
    }
    let name = name.to_ascii_uppercase();
    let named =
        SECRET_NAMES.iter().any(|part| name.contains(part)) && !HARMLESS_ENDS.iter().any(|end| name.ends_with(end));
    let flag = matches!(value, "true" | "false" | "0" | "1");
    let login = value.split_once("://").and_then(|(_, rest)| rest.split_once('@')).is_some_and(|(login, _)| {
        let password = login.split_once(':').map(|(_, password)| password).unwrap_or_default();
        !login.contains('/') && !password.is_empty() && !password.starts_with('$')
    });
    (named && !flag) || login || SECRET_BEGINNINGS.iter().any(|beginning| value.starts_with(beginning))
}
