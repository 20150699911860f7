//! `doctor`: settings that cannot work, sizes near their limit, and permissions that are missing; with `--rbac` the smallest role.

use std::collections::BTreeMap;

use clap::Args;
use dagster_workspace_core::error::Severity;
use serde_json::json;

use super::exit::Exit;
use super::render::{Answer, Failure};
use super::{Context, on_cluster};

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Print the smallest Role that jobs need, and its binding to this service account, as YAML
    #[arg(long, value_name = "ACCOUNT")]
    rbac: Option<String>,
}

/// Examines the system.
pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<Answer, Failure> {
    if let Some(account) = &arguments.rbac {
        let role = on_cluster::ask(context, async |deployer| deployer.role(account).await)?;
        let data = json!({ "role": role });
        return Ok(Answer::new(role, data));
    }
    let found = on_cluster::ask(context, async |deployer| deployer.doctor().await)?;
    let mut text = String::new();
    for finding in &found.findings {
        let severity = if finding.severity == Severity::Error { "error" } else { "warning" };
        text.push_str(&format!("{severity}[{}]: {}\n", finding.code, finding.message));
        if let Some(hint) = &finding.hint {
            text.push_str(&format!("hint: {hint}\n"));
        }
    }
    let mut missing: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for permission in &found.missing {
        let verb = permission.verb;
        let resource =
            permission.to_string().split_once(' ').map_or_else(String::new, |(_, resource)| resource.to_owned());
        missing.entry(resource).or_default().push(verb);
    }
    for (resource, verbs) in missing {
        text.push_str(&format!("error[rbac]: not permitted to {} {resource}\n", verbs.join(", ")));
    }
    if !found.missing.is_empty() {
        text.push_str("hint: `doctor --rbac ACCOUNT` prints a role with all that jobs need\n");
    }
    if text.is_empty() {
        text.push_str("nothing is wrong\n");
    }
    let mut data = serde_json::to_value(&found).unwrap_or_default();
    data["healthy"] = json!(found.is_healthy());
    let exit = if found.is_healthy() { Exit::Done } else { Exit::Precondition };
    Ok(Answer { exit, ..Answer::new(text, data) })
}
