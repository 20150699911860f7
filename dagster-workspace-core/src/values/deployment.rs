//! One entry of `deployments`, owned: [`UserDeployment`]. Every optional field of the chart's schema has a setter; keys
//! that the schema does not know are kept. Written in the order of the chart's own values.yaml.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

use super::change::put_item;
use super::image::{Image, PullPolicy};
use crate::chart::{self, DEPLOYMENT, Need, typed};
use crate::field::{self, FieldError};
use crate::value::Value;

/// Port of a user code server where nothing else is said; the chart's example uses it.
pub const DEFAULT_PORT: u16 = 3030;

/// Whether something is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Switch {
    /// `enabled: true`
    On,
    /// `enabled: false`
    Off,
}

/// A user code server as chart `dagster-user-deployments` takes it.
///
/// # Example
/// ```
/// use dagster_workspace_core::values::{Image, UserDeployment};
/// let image: Image = "ghcr.io/acme/etl:1.2".parse()?;
/// let etl = UserDeployment::new("etl", image).dagster_api_grpc_args(["-m", "etl"]).env("STAGE", "prod").env_secret("etl");
/// assert_eq!(etl.port(), 3030);
/// # Ok::<(), dagster_workspace_core::values::ImageError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct UserDeployment {
    name: String,
    image: Image,
    port: u16,
    /// Everything else. Invariants: keys are unique, in the order of the chart's table, unknown ones behind; no value is null.
    fields: Vec<(String, Value)>,
}

impl UserDeployment {
    /// A server of that name and image at port [`DEFAULT_PORT`]. An image without a pull policy gets `Always`.
    #[must_use]
    pub fn new(name: impl Into<String>, mut image: Image) -> Self {
        // The chart's schema demands one, and this is what its own values say.
        image.pull_policy.get_or_insert(PullPolicy::Always);
        Self { name: name.into(), image, port: DEFAULT_PORT, fields: Vec::new() }
    }

    /// Name of the entry, of its Service and, as a rule, of its code location.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its image.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Port of its gRPC server.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Any other field under its key in the values.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.fields.iter().find(|(own, _)| own == key).map(|(_, value)| value)
    }

    /// Fields that the chart does not read.
    pub fn unknown(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.fields.iter().filter(|(key, _)| !Self::is_known(key)).map(|(key, value)| (key.as_str(), value))
    }

    /// The keys that the chart reads, in the order of its values.yaml.
    pub fn keys() -> impl Iterator<Item = &'static str> {
        DEPLOYMENT.iter().map(|field| field.key)
    }

    /// Whether the chart reads this key.
    #[must_use]
    pub fn is_known(key: &str) -> bool {
        chart::field(DEPLOYMENT, key).is_some()
    }

    /// Whether something says what the server loads; otherwise the image's own command runs.
    #[must_use]
    pub fn has_arguments(&self) -> bool {
        ["dagsterApiGrpcArgs", "codeServerArgs"].into_iter().any(|key| self.get(key).is_some())
    }

    /// Another name, as for a copy.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Another image.
    #[must_use]
    pub fn with_image(mut self, image: Image) -> Self {
        self.image = image;
        self
    }

    /// Another port.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Arguments of `dagster api grpc`.
    #[must_use]
    pub fn dagster_api_grpc_args(self, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.with("dagsterApiGrpcArgs", field::texts(args))
    }

    /// Arguments of `dagster code-server start`. The chart ignores them beside `dagsterApiGrpcArgs`.
    #[must_use]
    pub fn code_server_args(self, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.with("codeServerArgs", field::texts(args))
    }

    /// Number of pods. Charts from 1.13 on read it.
    #[must_use]
    pub fn replica_count(self, count: core::num::NonZeroU32) -> Self {
        self.with("replicaCount", Value::Int(count.get().into()))
    }

    /// Whether the pods of runs take over this configuration.
    #[must_use]
    pub fn include_config_in_launched_runs(self, switch: Switch) -> Self {
        self.put_in("includeConfigInLaunchedRuns", "enabled", Value::Bool(switch == Switch::On))
    }

    /// Namespace of launched runs. It does not move the server itself.
    #[must_use]
    pub fn deployment_namespace(self, namespace: impl Into<String>) -> Self {
        self.with("deploymentNamespace", Value::String(namespace.into()))
    }

    /// Volumes of the pod.
    #[must_use]
    pub fn volumes(self, volumes: Vec<Value>) -> Self {
        self.with("volumes", Value::Sequence(volumes))
    }

    /// Volume mounts of the container.
    #[must_use]
    pub fn volume_mounts(self, mounts: Vec<Value>) -> Self {
        self.with("volumeMounts", Value::Sequence(mounts))
    }

    /// One environment variable, added to those it has, in their notation (mapping or list).
    #[must_use]
    pub fn env(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), Value::String(value.into()));
        match self.get("env") {
            Some(list @ Value::Sequence(_)) => {
                let listed = put_item(Some(list), &name, Some(value));
                self.with("env", listed)
            }
            _ => self.put_in("env", &name, value),
        }
    }

    /// All environment variables as Kubernetes `EnvVar` objects. Charts from 1.0 on read this form.
    #[must_use]
    pub fn env_vars(self, variables: Vec<Value>) -> Self {
        self.with("env", Value::Sequence(variables))
    }

    /// One ConfigMap whose entries become environment variables, added to those it has.
    #[must_use]
    pub fn env_config_map(self, name: impl Into<String>) -> Self {
        self.push_name("envConfigMaps", &name.into())
    }

    /// One Secret whose entries become environment variables, added to those it has.
    #[must_use]
    pub fn env_secret(self, name: impl Into<String>) -> Self {
        self.push_name("envSecrets", &name.into())
    }

    /// Containers that run before the server.
    #[must_use]
    pub fn init_containers(self, containers: Vec<Value>) -> Self {
        self.with("initContainers", Value::Sequence(containers))
    }

    /// Containers beside the server.
    #[must_use]
    pub fn sidecar_containers(self, containers: Vec<Value>) -> Self {
        self.with("sidecarContainers", Value::Sequence(containers))
    }

    /// One annotation of the pod.
    #[must_use]
    pub fn annotation(self, key: &str, value: impl Into<String>) -> Self {
        self.put_in("annotations", key, Value::String(value.into()))
    }

    /// One label of the pod.
    #[must_use]
    pub fn label(self, key: &str, value: impl Into<String>) -> Self {
        self.put_in("labels", key, Value::String(value.into()))
    }

    /// One label that the node must have.
    #[must_use]
    pub fn node_selector(self, key: &str, value: impl Into<String>) -> Self {
        self.put_in("nodeSelector", key, Value::String(value.into()))
    }

    /// Kubernetes `Affinity`.
    #[must_use]
    pub fn affinity(self, affinity: Value) -> Self {
        self.with("affinity", affinity)
    }

    /// Kubernetes `Toleration` objects.
    #[must_use]
    pub fn tolerations(self, tolerations: Vec<Value>) -> Self {
        self.with("tolerations", Value::Sequence(tolerations))
    }

    /// Kubernetes `PodSecurityContext`.
    #[must_use]
    pub fn pod_security_context(self, context: Value) -> Self {
        self.with("podSecurityContext", context)
    }

    /// Kubernetes `SecurityContext` of the container.
    #[must_use]
    pub fn security_context(self, context: Value) -> Self {
        self.with("securityContext", context)
    }

    /// Kubernetes `ResourceRequirements`.
    #[must_use]
    pub fn resources(self, resources: Value) -> Self {
        self.with("resources", resources)
    }

    /// Name of the scheduler.
    #[must_use]
    pub fn scheduler_name(self, name: impl Into<String>) -> Self {
        self.with("schedulerName", Value::String(name.into()))
    }

    /// Kubernetes `Probe` with the chart's `enabled` in it.
    #[must_use]
    pub fn readiness_probe(self, switch: Switch, probe: Value) -> Self {
        self.with("readinessProbe", probe).put_in("readinessProbe", "enabled", Value::Bool(switch == Switch::On))
    }

    /// Kubernetes `Probe`.
    #[must_use]
    pub fn liveness_probe(self, probe: Value) -> Self {
        self.with("livenessProbe", probe)
    }

    /// Kubernetes `Probe` with the chart's `enabled` in it.
    #[must_use]
    pub fn startup_probe(self, switch: Switch, probe: Value) -> Self {
        self.with("startupProbe", probe).put_in("startupProbe", "enabled", Value::Bool(switch == Switch::On))
    }

    /// Kubernetes `DeploymentStrategy`.
    #[must_use]
    pub fn deployment_strategy(self, strategy: Value) -> Self {
        self.with("deploymentStrategy", strategy)
    }

    /// One annotation of the Service; templates read it, the schema does not know it.
    #[must_use]
    pub fn service_annotation(self, key: &str, value: impl Into<String>) -> Self {
        let mut annotations = self.get("service").and_then(|service| service.get("annotations")).cloned();
        annotations.get_or_insert_default().set(key, Value::String(value.into()));
        self.put_in("service", "annotations", annotations.unwrap_or_default())
    }

    /// Any field under its key in the values, known to the chart or not; null removes it.
    ///
    /// # Errors
    /// [`FieldError`] where the chart knows the key and demands another type.
    pub fn extra(mut self, key: &str, value: Value) -> Result<Self, FieldError> {
        self.put(key, value)?;
        Ok(self)
    }

    /// The entry as values hold it, keys in the order of the chart's own values.yaml.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let Self { name, image, port, fields } = self;
        let mut entries = fields.clone();
        for (key, value) in
            [("name", name.as_str().into()), ("image", image.to_value()), ("port", Value::Int((*port).into()))]
        {
            insert(&mut entries, key, value);
        }
        Value::Mapping(entries)
    }

    /// Reads an entry of `deployments`; null stands for an absent key.
    ///
    /// # Errors
    /// [`FieldError`] names the first key that the chart demands and is missing, or that has another type.
    pub fn from_value(value: &Value) -> Result<Self, FieldError> {
        let image = Image { repository: String::new(), tag: None, digest: None, pull_policy: None, extra: Vec::new() };
        let mut out = Self { name: String::new(), image, port: 0, fields: Vec::new() };
        for required in DEPLOYMENT.iter().filter(|field| field.need == Need::Required) {
            let missing = || FieldError::new(required.key, required.of.expected(), None);
            out.put(required.key, value.get(required.key).cloned().ok_or_else(missing)?)?;
        }
        for (key, value) in field::entries(value)?.filter(|(key, _)| !matches!(*key, "name" | "image" | "port")) {
            out.put(key, value.clone())?;
        }
        Ok(out)
    }

    fn put(&mut self, key: &str, value: Value) -> Result<(), FieldError> {
        let value = match chart::field(DEPLOYMENT, key) {
            Some(field) if value != Value::Null => typed::given(&field.of, &chart::Place::ROOT.key(key), value)?,
            _ => value,
        };
        match key {
            "name" => self.name = field::text(key, Some(&value))?,
            "image" => self.image = Image::from_value(&value).map_err(|error| error.inside(key))?,
            "port" => self.port = field::port(key, Some(&value))?,
            _ if value == Value::Null => self.fields.retain(|(own, _)| own != key),
            _ => insert(&mut self.fields, key, value),
        }
        Ok(())
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.fields.retain(|(own, _)| own != key || value != Value::Null);
        if value != Value::Null {
            insert(&mut self.fields, key, value);
        }
        self
    }

    /// Sets one entry of a field that is a mapping.
    fn put_in(mut self, key: &str, inner: &str, value: Value) -> Self {
        if self.field_mut(key).is_none() {
            insert(&mut self.fields, key, Value::Mapping(Vec::new()));
        }
        if let Some(field) = self.field_mut(key) {
            field.set(inner, value);
        }
        self
    }

    fn push_name(self, key: &str, name: &str) -> Self {
        let listed = put_item(self.get(key), name, None);
        self.with(key, listed)
    }

    fn field_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.fields.iter_mut().find(|(own, _)| own == key).map(|(_, value)| value)
    }
}

/// Place of a key in the chart's values.yaml; unknown ones come last.
fn rank(key: &str) -> usize {
    DEPLOYMENT.iter().position(|field| field.key == key).unwrap_or(DEPLOYMENT.len())
}

/// Puts a field at its place among the others.
fn insert(fields: &mut Vec<(String, Value)>, key: &str, value: Value) {
    if let Some(field) = fields.iter_mut().find(|(own, _)| own == key) {
        field.1 = value;
        return;
    }
    let at = fields.partition_point(|(own, _)| rank(own) <= rank(key));
    fields.insert(at, (key.to_owned(), value));
}

impl Serialize for UserDeployment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for UserDeployment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
