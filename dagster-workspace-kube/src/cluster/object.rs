//! The parts of Kubernetes' objects that are read here, and no others: a field that a later version changes elsewhere in an
//! object changes nothing for us. What is missing or null reads as empty.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// A list of objects.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(super) struct List<T> {
    // Null where there are none and only metadata was asked for.
    #[serde(deserialize_with = "or_empty")]
    pub(super) items: Vec<T>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) name: String,
    pub(super) uid: String,
    #[serde(deserialize_with = "or_empty")]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) deletion_timestamp: Option<String>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) managed_fields: Vec<ManagedFields>,
}

/// Who wrote which fields.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ManagedFields {
    pub(super) manager: String,
    pub(super) operation: String,
    /// Nested keys `f:NAME`.
    pub(super) fields_v1: serde_json::Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Deployment {
    pub(super) metadata: Metadata,
    pub(super) spec: DeploymentSpec,
    pub(super) status: DeploymentStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DeploymentSpec {
    pub(super) replicas: Option<u32>,
    pub(super) paused: bool,
    pub(super) selector: Selector,
    pub(super) template: Template,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct DeploymentStatus {
    pub(super) ready_replicas: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Selector {
    #[serde(deserialize_with = "or_empty")]
    pub(super) match_labels: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Template {
    pub(super) metadata: Metadata,
    pub(super) spec: PodSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PodSpec {
    #[serde(deserialize_with = "or_empty")]
    pub(super) containers: Vec<Container>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) init_containers: Vec<Container>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) volumes: Vec<Volume>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) image: Option<String>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) command: Vec<String>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) args: Vec<String>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) env: Vec<Variable>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) ports: Vec<Port>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) volume_mounts: Vec<VolumeMount>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Port {
    pub(super) name: Option<String>,
    pub(super) container_port: u16,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct VolumeMount {
    pub(super) name: String,
    pub(super) mount_path: String,
    pub(super) sub_path: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Volume {
    pub(super) name: String,
    pub(super) config_map: Option<ConfigMapSource>,
    pub(super) projected: Option<Projected>,
}

impl Volume {
    /// The ConfigMaps in it, by itself or among others.
    pub(super) fn config_maps(&self) -> impl Iterator<Item = &ConfigMapSource> {
        let projected = self.projected.iter().flat_map(|projected| &projected.sources);
        self.config_map.iter().chain(projected.filter_map(|source| source.config_map.as_ref()))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Projected {
    #[serde(deserialize_with = "or_empty")]
    pub(super) sources: Vec<ProjectedSource>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ProjectedSource {
    pub(super) config_map: Option<ConfigMapSource>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ConfigMapSource {
    pub(super) name: String,
    pub(super) optional: Option<bool>,
    /// Where there are any, only these keys are there, under these paths.
    #[serde(deserialize_with = "or_empty")]
    pub(super) items: Vec<KeyToPath>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct KeyToPath {
    pub(super) key: String,
    pub(super) path: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pod {
    pub(super) metadata: Metadata,
    pub(super) spec: PodNode,
    pub(super) status: PodStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PodNode {
    pub(super) node_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PodStatus {
    pub(super) phase: String,
    #[serde(rename = "podIP")]
    pub(super) pod_ip: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) conditions: Vec<Condition>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) container_statuses: Vec<ContainerStatus>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) init_container_statuses: Vec<ContainerStatus>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Condition {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ContainerStatus {
    pub(super) name: String,
    pub(super) ready: bool,
    pub(super) state: ContainerState,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ContainerState {
    pub(super) waiting: Option<StateReason>,
    pub(super) running: Option<serde::de::IgnoredAny>,
    pub(super) terminated: Option<StateReason>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct StateReason {
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
    pub(super) exit_code: i32,
}

/// Null as empty: clients may store it where the server leaves a field out.
fn or_empty<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
