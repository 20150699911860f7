//! The fields of a deployment: [`DEPLOYMENT`], one row each, in the order of the chart's own values.yaml.
//!
//! Sources: `values.schema.json` of 0.15.5, 1.3.7, 1.5, 1.10.5, 1.12 and 1.13, and their templates.

use super::kubernetes::{self, ENV_VAR};
use super::{Field, Items, NO_NULLS_UNTIL, Need, Since, Type};
use crate::version::Version;

/// Last release seen that needs `dagsterApiGrpcArgs`, and last seen without a list of variables.
const OLD_ARGUMENTS: Version = Version::new(0, 15, 5);

/// First release seen whose readiness probe needs `enabled`.
const PROBE_NEEDS_ENABLED: Version = Version::new(1, 10, 5);

const TEXTS: Type = Type::List(&Type::Text, Items::Whole);
pub(super) const TEXT_MAP: Type = Type::Map(&Type::Text);

/// Either form of `env`.
const ENV: Type = Type::Either(&TEXT_MAP, &Type::List(&Type::Object(&ENV_VAR), Items::Named("name")));

/// References to objects whose entries become variables.
const SOURCES: Type = Type::List(&Type::Object(&kubernetes::ENV_SOURCE), Items::Named("name"));

const CONTAINERS: Type = Type::List(&Type::Object(&kubernetes::CONTAINER), Items::Unique("name"));
const INIT_CONTAINERS: Type = Type::List(&Type::Object(&kubernetes::INIT_CONTAINER), Items::Unique("name"));

/// Fields of a deployment.
pub(crate) const DEPLOYMENT: &[Field] = &[
    Field::new("name", Type::Text, "Name of the deployment, of its Service and, as a rule, of its code location")
        .required(),
    Field::new("image", Type::Object(&IMAGE), "Image of the code server").required(),
    Field::new("dagsterApiGrpcArgs", TEXTS, "Arguments of `dagster api grpc`")
        .need(Need::RequiredUntil(OLD_ARGUMENTS))
        .mistaken(&["args", "arguments", "grpcArgs", "dagsterApiArgs"]),
    Field::new(
        "codeServerArgs",
        TEXTS,
        "Arguments of `dagster code-server start`; ignored beside `dagsterApiGrpcArgs`",
    )
    .after(OLD_ARGUMENTS),
    Field::new("port", Type::Port, "Port of its gRPC server").required().mistaken(&["containerPort", "servicePort"]),
    Field::new("replicaCount", Type::Count, "Number of pods")
        .need(Need::Given)
        .after(Version::new(1, 12, 2))
        .mistaken(&["replicas"]),
    Field::new(
        "includeConfigInLaunchedRuns",
        Type::Object(&SWITCH),
        "Whether the pods of runs take over this configuration",
    ),
    Field::new("deploymentNamespace", Type::Text, "Namespace of launched runs; it does not move the server")
        .after(NO_NULLS_UNTIL)
        .mistaken(&["namespace"]),
    Field::new("volumes", kubernetes::VOLUMES, "Volumes of the pod"),
    Field::new("volumeMounts", kubernetes::MOUNTS, "Volume mounts of the container"),
    Field::new("env", ENV, "Environment variables, as a mapping or as a list of `EnvVar`").mistaken(&[
        "envVars",
        "environment",
        "extraEnv",
    ]),
    Field::new("envConfigMaps", SOURCES, "ConfigMaps whose entries become environment variables")
        .mistaken(&["configMaps"]),
    Field::new("envSecrets", SOURCES, "Secrets whose entries become environment variables")
        .mistaken(&["secrets", "envFrom"]),
    Field::new("initContainers", INIT_CONTAINERS, "Containers that run before the server").after(NO_NULLS_UNTIL),
    Field::new("sidecarContainers", CONTAINERS, "Containers beside the server")
        .after(NO_NULLS_UNTIL)
        .mistaken(&["sidecars", "extraContainers"]),
    Field::new("annotations", TEXT_MAP, "Annotations of the pod").mistaken(&["podAnnotations"]),
    Field::new("nodeSelector", TEXT_MAP, "Labels that the node must have"),
    Field::new("affinity", Type::Object(&kubernetes::AFFINITY), "Kubernetes `Affinity` of the pod"),
    Field::new("tolerations", kubernetes::TOLERATIONS, "Kubernetes `Toleration` objects of the pod"),
    Field::new("podSecurityContext", Type::Object(&kubernetes::POD_SECURITY), "Kubernetes `PodSecurityContext`"),
    Field::new("securityContext", Type::Object(&kubernetes::SECURITY), "Kubernetes `SecurityContext` of the container"),
    Field::new("resources", Type::Object(&kubernetes::RESOURCES), "Kubernetes `ResourceRequirements` of the container"),
    Field::new("labels", TEXT_MAP, "Labels of the pod").mistaken(&["podLabels"]),
    Field::new("schedulerName", Type::Text, "Name of the scheduler").after(OLD_ARGUMENTS),
    Field::new("readinessProbe", Type::Object(&READINESS), "Kubernetes `Probe`, with `enabled`"),
    Field::new("livenessProbe", Type::Object(&kubernetes::PROBE), "Kubernetes `Probe`"),
    Field::new("startupProbe", Type::Object(&STARTUP), "Kubernetes `Probe`, with `enabled`"),
    Field::new("deploymentStrategy", Type::Object(&kubernetes::STRATEGY), "Kubernetes `DeploymentStrategy`")
        .after(NO_NULLS_UNTIL)
        .mistaken(&["strategy", "updateStrategy"]),
    // Read by the template, unknown to the schema.
    Field::new("service", Type::Object(&SERVICE), "The Service: its annotations"),
];

const POLICIES: Type = Type::Word(&["Always", "IfNotPresent", "Never"]);

static IMAGE: [Field; 4] = [
    Field::new("repository", Type::Text, "Registry and name").required().mistaken(&["name", "registry"]),
    Field::new("tag", Type::Tag, "Tag; without one the chart's own version").mistaken(&["version"]),
    Field::new("digest", Type::Text, "Digest, which wins over the tag").mistaken(&["sha256"]),
    Field::new("pullPolicy", POLICIES, "When to pull").required().mistaken(&["imagePullPolicy"]),
];

/// An image of a container that runs before the server, where it is a mapping.
pub(super) static INIT_IMAGE: [Field; 4] = [
    Field::new("repository", Type::Text, "").required(),
    Field::new("tag", Type::Tag, ""),
    Field::new("digest", Type::Text, ""),
    Field::new("pullPolicy", POLICIES, "").mistaken(&["imagePullPolicy"]),
];

static SWITCH: [Field; 1] = [Field::new("enabled", Type::Bool, "").required()];

static SERVICE: [Field; 1] = [Field::new("annotations", TEXT_MAP, "Annotations of the Service")];

static READINESS: [Field; 11] = kubernetes::probe(
    Field::new("enabled", Type::Bool, "Whether there is a probe")
        .need(Need::RequiredSince(PROBE_NEEDS_ENABLED))
        .since(Since::Always),
);

static STARTUP: [Field; 11] =
    kubernetes::probe(Field::new("enabled", Type::Bool, "Whether there is a probe").need(Need::Given));

/// "`a`, `b` or `c`", of the words that the table has.
pub(super) fn alternatives(words: &[&str]) -> &'static str {
    match words {
        ["Always", ..] => "`Always`, `IfNotPresent` or `Never`",
        _ => "one of its words",
    }
}
