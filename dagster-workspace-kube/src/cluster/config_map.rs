//! ConfigMaps as objects: which one holds a document ([`Holder`]), and what is to be known of it besides its text ([`ConfigMap`]).

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use kube::Client;
use kube::api::GetParams;
use kube::core::Request;
use serde::{Deserialize, Serialize};

use super::call::{ApiError, Call};
use super::discover::System;
use super::object::Metadata;
use super::owner::Owner;

/// Where a document is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// The ConfigMap.
    pub config_map: String,
    /// The key in it.
    pub key: String,
    /// Another key, taken where the ConfigMap has it and not the first.
    pub or_key: Option<String>,
    /// How this is known.
    pub found: Found,
}

/// How a [`Holder`] is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// The caller says so.
    Given,
    /// The webserver or the daemon mounts it.
    Mounted,
    /// Nobody says anything: the usual name.
    Usual,
}

/// What the caller says about where a document is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// The ConfigMap.
    pub config_map: Option<String>,
    /// The key in it.
    pub key: Option<String>,
}

/// Where the workspace file is: as given, else as the system mounts it, else `workspace.yaml` in `dagster-workspace-yaml`.
#[must_use]
pub fn workspace_holder(system: Option<&System>, given: &Given) -> Holder {
    let mounted = system.and_then(System::workspace).filter(|mount| {
        // The key of another ConfigMap says nothing about the one that is given.
        given.config_map.as_ref().is_none_or(|name| *name == mount.config_map)
    });
    let usual = Given { config_map: Some("dagster-workspace-yaml".into()), key: Some("workspace.yaml".into()) };
    let found = mounted
        .map_or(usual, |mount| Given { config_map: Some(mount.config_map.clone()), key: Some(mount.key.clone()) });
    holder(given, found, if mounted.is_some() { Found::Mounted } else { Found::Usual })
}

/// Where the values are: as given, else `values.yaml` in `dagster-user-deployments-values-yaml`, or `yaml`, which dagster-uc writes.
#[must_use]
pub fn values_holder(given: &Given) -> Holder {
    let usual =
        Given { config_map: Some("dagster-user-deployments-values-yaml".into()), key: Some("values.yaml".into()) };
    let or_key = if given.key.is_none() { Some("yaml".to_owned()) } else { None };
    Holder { or_key, ..holder(given, usual, Found::Usual) }
}

fn holder(given: &Given, found: Given, how: Found) -> Holder {
    let by_caller = given.config_map.is_some() || given.key.is_some();
    Holder {
        config_map: given.config_map.clone().or(found.config_map).unwrap_or_default(),
        key: given.key.clone().or(found.key).unwrap_or_default(),
        or_key: None,
        found: if by_caller { Found::Given } else { how },
    }
}

/// A ConfigMap without its texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigMap {
    /// Its name.
    pub name: String,
    /// Its uid: an object that was deleted and created again is another one.
    pub uid: String,
    /// Its keys, and how many bytes the value under each has.
    pub keys: BTreeMap<String, u64>,
    /// Whether it can never be changed.
    pub immutable: bool,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Who writes each of its keys again and again, where somebody does.
    owners: BTreeMap<String, Owner>,
    /// Who owns the object as a whole.
    owner: Owner,
}

impl ConfigMap {
    /// The most bytes that the values of a ConfigMap, or of a Secret, may have together; keys are not counted.
    pub const LIMIT: u64 = 1024 * 1024;

    #[cfg(test)]
    pub(super) fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<Sent>(json).map(Self::from)
    }

    /// Bytes that all its values have together.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.keys.values().sum()
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Who sets the value under `key` back to his own; for a key that is not there, who owns the object.
    #[must_use]
    pub fn owner(&self, key: &str) -> &Owner {
        self.owners.get(key).unwrap_or(&self.owner)
    }
}

/// The object as it is sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Sent {
    metadata: Metadata,
    immutable: Option<bool>,
    data: Option<BTreeMap<String, String>>,
    binary_data: Option<BTreeMap<String, ByteString>>,
}

impl From<Sent> for ConfigMap {
    fn from(sent: Sent) -> Self {
        let Sent { metadata, immutable, data, binary_data } = sent;
        let text = data.unwrap_or_default().into_iter().map(|(key, text)| (key, text.len() as u64));
        let binary = binary_data.unwrap_or_default().into_iter().map(|(key, bytes)| (key, bytes.0.len() as u64));
        let keys: BTreeMap<String, u64> = text.chain(binary).collect();
        Self {
            owners: keys.keys().map(|key| (key.clone(), Owner::of(&metadata, Some(key)))).collect(),
            owner: Owner::of(&metadata, None),
            keys,
            immutable: immutable.unwrap_or_default(),
            name: metadata.name,
            uid: metadata.uid,
            labels: metadata.labels,
            annotations: metadata.annotations,
        }
    }
}

/// A ConfigMap; `None` where there is none of that name. One request.
///
/// # Errors
/// [`ApiError`] where it cannot be read.
pub async fn config_map(client: &Client, namespace: &str, name: &str) -> Result<Option<ConfigMap>, ApiError> {
    let request = Request::new(path(namespace)).get(name, &GetParams::default());
    match Call::new("get", "configmaps", namespace, Some(name)).send::<Sent>(client, request).await {
        Ok(sent) => Ok(Some(sent.into())),
        Err(ApiError::Missing { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Where the ConfigMaps of a namespace are.
pub(super) fn path(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/configmaps")
}

#[cfg(test)]
mod tests {
    use super::super::workload::{Mount, Projection};
    use super::*;

    fn given(config_map: Option<&str>, key: Option<&str>) -> Given {
        Given { config_map: config_map.map(str::to_owned), key: key.map(str::to_owned) }
    }

    fn check(holder: &Holder, config_map: &str, key: &str, or_key: Option<&str>, found: Found) {
        let expected =
            Holder { config_map: config_map.to_owned(), key: key.to_owned(), or_key: or_key.map(str::to_owned), found };
        assert_eq!(*holder, expected);
    }

    #[test]
    fn documents_are_where_the_caller_then_the_mount_then_the_usual_says() {
        let mount = Mount {
            config_map: "x2-workspace-yaml".into(),
            key: "file".into(),
            projection: Projection::Directory,
            path: "/w/workspace.yaml".into(),
            optional: false,
        };
        let mut system = super::super::doctor::tests::system();
        system.workloads[0].mount = Some(mount);
        let workspace = |given: &Given| workspace_holder(Some(&system), given);
        check(&workspace(&given(None, None)), "x2-workspace-yaml", "file", None, Found::Mounted);
        check(&workspace(&given(None, Some("k"))), "x2-workspace-yaml", "k", None, Found::Given);
        check(&workspace(&given(Some("x2-workspace-yaml"), None)), "x2-workspace-yaml", "file", None, Found::Given);
        check(&workspace(&given(Some("mine"), None)), "mine", "workspace.yaml", None, Found::Given);
        let usual = workspace_holder(None, &given(None, None));
        check(&usual, "dagster-workspace-yaml", "workspace.yaml", None, Found::Usual);

        let name = "dagster-user-deployments-values-yaml";
        check(&values_holder(&given(None, None)), name, "values.yaml", Some("yaml"), Found::Usual);
        check(&values_holder(&given(Some("v"), None)), "v", "values.yaml", Some("yaml"), Found::Given);
        check(&values_holder(&given(None, Some("k"))), name, "k", None, Found::Given);
    }
}
