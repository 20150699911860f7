//! What the chart's `values.schema.json` and templates know, release by release. Read [`FIELDS`].
//!
//! A release between two that were looked at is given the benefit of the doubt: a key counts as unknown only up to the
//! last release seen without it.

use crate::lint::version::Version;

/// What a field must be. Null is taken wherever [`Field::nullable`] says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    /// Whole number.
    Whole,
    /// Whole number from 1.
    Count,
    Texts,
    TextMap,
    /// A mapping to texts, or a list of variables.
    Env,
    /// Mapping with the key `enabled`, a boolean.
    Switch,
    /// As [`Shape::Switch`], a mapping alone for older charts.
    Probe,
    Mapping,
    Mappings,
    /// List of mappings with the key `name`.
    Named,
    /// Rules of its own.
    Image,
}

/// One key of a deployment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) key: &'static str,
    pub(super) shape: Shape,
    pub(super) nullable: bool,
    /// Last release seen without it.
    pub(super) missing_until: Option<Version>,
}

const fn required(key: &'static str, shape: Shape) -> Field {
    Field { key, shape, nullable: false, missing_until: None }
}

const fn optional(key: &'static str, shape: Shape) -> Field {
    Field { key, shape, nullable: true, missing_until: None }
}

const fn newer(key: &'static str, shape: Shape, missing_until: Version) -> Field {
    Field { key, shape, nullable: true, missing_until: Some(missing_until) }
}

/// Last release seen that takes no null in place of an optional value.
pub(super) const NO_NULLS_UNTIL: Version = Version::new(1, 5, 7);

/// First release seen whose readiness probe needs `enabled`.
pub(super) const PROBE_NEEDS_ENABLED: Version = Version::new(1, 10, 5);

/// First release that reads `image.digest`.
pub(super) const DIGEST_SINCE: Version = Version::new(1, 11, 15);

/// First release whose template refuses several replicas of `dagster code-server`.
pub(super) const SINGLE_CODE_SERVER_SINCE: Version = Version::new(1, 13, 8);

/// Last release seen that needs `dagsterApiGrpcArgs`, and last seen without a list of variables.
pub(super) const OLD_ARGUMENTS: Version = Version::new(0, 15, 5);

/// Keys of a deployment. Sources: `values.schema.json` of 0.15.5, 1.3.7, 1.5, 1.10.5, 1.12 and 1.13, and their templates.
pub(super) const FIELDS: [Field; 29] = [
    required("name", Shape::Text),
    required("image", Shape::Image),
    required("port", Shape::Whole),
    optional("dagsterApiGrpcArgs", Shape::Texts),
    newer("codeServerArgs", Shape::Texts, OLD_ARGUMENTS),
    optional("includeConfigInLaunchedRuns", Shape::Switch),
    newer("deploymentNamespace", Shape::Text, NO_NULLS_UNTIL),
    Field { nullable: false, ..newer("replicaCount", Shape::Count, Version::new(1, 12, 2)) },
    optional("env", Shape::Env),
    optional("envConfigMaps", Shape::Named),
    optional("envSecrets", Shape::Named),
    optional("annotations", Shape::TextMap),
    optional("labels", Shape::TextMap),
    optional("nodeSelector", Shape::TextMap),
    optional("affinity", Shape::Mapping),
    optional("tolerations", Shape::Mappings),
    optional("podSecurityContext", Shape::Mapping),
    optional("securityContext", Shape::Mapping),
    optional("resources", Shape::Mapping),
    optional("livenessProbe", Shape::Mapping),
    optional("readinessProbe", Shape::Probe),
    optional("startupProbe", Shape::Mapping),
    optional("volumeMounts", Shape::Mappings),
    optional("volumes", Shape::Mappings),
    newer("schedulerName", Shape::Text, OLD_ARGUMENTS),
    newer("initContainers", Shape::Mappings, NO_NULLS_UNTIL),
    newer("sidecarContainers", Shape::Mappings, NO_NULLS_UNTIL),
    newer("deploymentStrategy", Shape::Mapping, NO_NULLS_UNTIL),
    // Read by the template, unknown to the schema.
    optional("service", Shape::Mapping),
];

/// Keys of `image`.
pub(super) const IMAGE_KEYS: [&str; 4] = ["repository", "tag", "digest", "pullPolicy"];

/// Keys of the values of the chart, `deployments` aside; the last two are the system chart's.
pub(super) const TOP_LEVEL: [&str; 13] = [
    "global",
    "dagsterHome",
    "postgresqlSecretName",
    "celeryConfigSecretName",
    "includeInstance",
    "imagePullSecrets",
    "serviceAccount",
    "rbacEnabled",
    "extraManifests",
    "nameOverride",
    "fullnameOverride",
    "enabled",
    "enableSubchart",
];

/// Those with a default that the schema demands, in all releases that were looked at.
pub(super) const WITH_DEFAULT: [&str; 13] = [
    "global",
    "global.postgresqlSecretName",
    "global.dagsterHome",
    "global.serviceAccountName",
    "global.celeryConfigSecretName",
    "dagsterHome",
    "postgresqlSecretName",
    "celeryConfigSecretName",
    "imagePullSecrets",
    "serviceAccount",
    "serviceAccount.create",
    "serviceAccount.name",
    "serviceAccount.annotations",
];

/// Keys that people write for others, with what they mean.
pub(super) const MISTAKEN: [(&str, &str); 6] = [
    ("strategy", "deploymentStrategy"),
    ("imagePullSecrets", "imagePullSecrets` at the top level, beside `deployments"),
    ("replicas", "replicaCount"),
    ("args", "dagsterApiGrpcArgs` or `codeServerArgs"),
    ("configMaps", "envConfigMaps"),
    ("secrets", "envSecrets"),
];
