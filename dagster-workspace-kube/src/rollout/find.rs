//! The Deployments of code servers by the names that people know them by. [`code_servers`] is all there is.

use std::collections::BTreeMap;

use kube::Client;
use kube::api::ListParams;
use serde::Serialize;

use super::RolloutError;
use super::call::{Call, List};
use super::deployment::Deployment;

/// Which code servers are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeServers {
    /// As in `deployments[].name` of the values; none: all.
    pub names: Vec<String>,
    /// Of this release only. `None`: of any.
    pub release: Option<String>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The Deployments of each name, more than one where several releases have it. To be given to [`super::restart`].
    pub deployments: BTreeMap<String, Vec<String>>,
    /// Names without a Deployment, as they were asked for.
    pub missing: Vec<String>,
}

/// Finds the Deployments that the chart made for code servers, by the labels `component` and `deployment`. One LIST.
///
/// # Errors
/// [`RolloutError::Forbidden`] without the verb `list`.
pub async fn code_servers(client: &Client, namespace: &str, wanted: &CodeServers) -> Result<Found, RolloutError> {
    let CodeServers { names, release } = wanted;
    let mut selector = "component=user-deployments".to_owned();
    if let Some(release) = release {
        selector += &format!(",app.kubernetes.io/instance={release}");
    }
    let call = Call { client, namespace, name: "" };
    let request = call.deployments().list(&ListParams::default().labels(&selector));
    let list: List<Deployment> = call.send("list", "deployments", request).await?;
    let mut found = Found::default();
    for Deployment { metadata, .. } in list.items {
        let name = metadata.labels.get("deployment").filter(|name| names.is_empty() || names.contains(name));
        if let Some(name) = name {
            found.deployments.entry(name.clone()).or_default().push(metadata.name);
        }
    }
    found.missing = names.iter().filter(|name| !found.deployments.contains_key(*name)).cloned().collect();
    Ok(found)
}
