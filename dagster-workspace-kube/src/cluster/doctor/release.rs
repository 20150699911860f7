//! Findings in helm's releases: [`nearly_full`] of any, [`check_settings`] in the values of the system's.

use dagster_workspace_core::value::Value;

use super::{Finding, nearly};
use crate::cluster::config_map::ConfigMap;
use crate::cluster::release::Release;

/// A release that takes nearly all of its Secret.
pub(super) fn nearly_full(release: &Release) -> Option<Finding> {
    let percent = nearly(release.len)?;
    let (name, len, limit) = (&release.name, release.len, ConfigMap::LIMIT);
    let message = format!("helm's Secret of release `{name}` has {len} of {limit} bytes, {percent} %");
    let hint = "helm stores values, manifest and chart in it: use several releases of code servers";
    Some(Finding::warning("DW0615", message, hint))
}

/// Settings of the system's release that keep the workspace from working.
pub(super) fn check_settings(release: &Release) -> Vec<Finding> {
    [external_config_map(release), subchart(release)].into_iter().flatten().collect()
}

fn external_config_map(release: &Release) -> Option<Finding> {
    let name = workspace(release, "externalConfigmap").and_then(Value::as_str).filter(|name| !name.is_empty())?;
    let of = &release.name;
    if workspace(release, "enabled") != Some(&Value::Bool(true)) {
        let message =
            format!("`externalConfigmap: {name}` has no effect in release `{of}`: the workspace is not enabled");
        return Some(Finding::error("DW0616", message, "set `dagsterWebserver.workspace.enabled: true`"));
    }
    let servers = matches!(workspace(release, "servers"), Some(Value::Sequence(items)) if !items.is_empty());
    let message = format!("release `{of}` has both `servers` and `externalConfigmap: {name}`: the chart refuses that");
    let hint = "set `dagsterWebserver.workspace.servers: []`; the default is not empty";
    servers.then(|| Finding::error("DW0616", message, hint))
}

fn subchart(release: &Release) -> Option<Finding> {
    let setting = |key: &str| {
        let of = |values: &Value| values.get("dagster-user-deployments")?.get(key).cloned();
        of(&release.config).or_else(|| of(&release.defaults))
    };
    let name = &release.name;
    if setting("enabled") == Some(Value::Bool(false)) {
        let message = format!("`dagster-user-deployments.enabled` is off in release `{name}`: there is no workspace");
        return Some(Finding::error("DW0617", message, "set it to true; `enableSubchart: false` deploys no user code"));
    }
    let message = format!("release `{name}` deploys user code itself: `enableSubchart` is on");
    let hint = "move it to a release of chart `dagster-user-deployments`, see docs/split.md";
    (setting("enableSubchart") == Some(Value::Bool(true))).then(|| Finding::warning("DW0617", message, hint))
}

/// What stands under `dagit.workspace`, else under `dagsterWebserver.workspace`: the chart merges in this order.
fn workspace<'a>(release: &'a Release, key: &str) -> Option<&'a Value> {
    let under = |values: &'a Value, webserver: &str| values.get(webserver)?.get("workspace")?.get(key);
    let of = |values: &'a Value| under(values, "dagit").or_else(|| under(values, "dagsterWebserver"));
    of(&release.config).or_else(|| of(&release.defaults))
}
