//! Objects of Kubernetes inside a deployment, as far as people write them there. What lies deeper is open.
//!
//! Source: <https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/>

use super::deployment::INIT_IMAGE;
use super::{Field, Items, Type};

const OPEN: Type = Type::Map(&Type::Any);
const OBJECTS: Type = Type::List(&OPEN, Items::Whole);
const TEXTS: Type = Type::List(&Type::Text, Items::Whole);
const ANYTHING: Type = Type::List(&Type::Any, Items::Whole);
const AMOUNTS: Type = Type::Map(&Type::Amount);

pub(super) const VOLUMES: Type = Type::List(&Type::Object(&VOLUME), Items::Unique("name"));
pub(super) const MOUNTS: Type = Type::List(&Type::Object(&VOLUME_MOUNT), Items::Unique("mountPath"));
pub(super) const TOLERATIONS: Type = Type::List(&Type::Object(&TOLERATION), Items::Whole);
const VARIABLES: Type = Type::List(&Type::Object(&ENV_VAR), Items::Named("name"));

pub(super) static ENV_VAR: [Field; 3] = [
    Field::kubernetes("name", Type::Text).required(),
    Field::kubernetes("value", Type::Text).excludes("valueFrom"),
    Field::kubernetes("valueFrom", Type::Object(&VALUE_FROM)).excludes("value"),
];

static VALUE_FROM: [Field; 5] = [
    Field::kubernetes("configMapKeyRef", Type::Object(&KEY_REFERENCE)),
    Field::kubernetes("secretKeyRef", Type::Object(&KEY_REFERENCE)),
    Field::kubernetes("fieldRef", Type::Object(&FIELD_REFERENCE)),
    Field::kubernetes("resourceFieldRef", OPEN),
    Field::kubernetes("fileKeyRef", OPEN),
];

static KEY_REFERENCE: [Field; 3] = [
    Field::kubernetes("name", Type::Text),
    Field::kubernetes("key", Type::Text),
    Field::kubernetes("optional", Type::Bool),
];

static FIELD_REFERENCE: [Field; 2] =
    [Field::kubernetes("apiVersion", Type::Text), Field::kubernetes("fieldPath", Type::Text)];

/// `ConfigMapEnvSource` and `SecretEnvSource`.
pub(super) static ENV_SOURCE: [Field; 2] =
    [Field::kubernetes("name", Type::Text).required(), Field::kubernetes("optional", Type::Bool)];

static VOLUME_MOUNT: [Field; 7] = [
    Field::kubernetes("name", Type::Text).required(),
    Field::kubernetes("mountPath", Type::Text).required(),
    Field::kubernetes("readOnly", Type::Bool),
    Field::kubernetes("recursiveReadOnly", Type::Text),
    Field::kubernetes("subPath", Type::Text),
    Field::kubernetes("subPathExpr", Type::Text),
    Field::kubernetes("mountPropagation", Type::Text),
];

static VOLUME: [Field; 31] = [
    Field::kubernetes("name", Type::Text).required(),
    Field::kubernetes("configMap", Type::Object(&CONFIG_MAP_VOLUME)),
    Field::kubernetes("secret", Type::Object(&SECRET_VOLUME)),
    Field::kubernetes("emptyDir", Type::Object(&EMPTY_DIR)),
    Field::kubernetes("persistentVolumeClaim", Type::Object(&CLAIM)).mistaken(&["pvc"]),
    Field::kubernetes("hostPath", Type::Object(&HOST_PATH)),
    Field::kubernetes("projected", OPEN),
    Field::kubernetes("downwardAPI", OPEN),
    Field::kubernetes("csi", OPEN),
    Field::kubernetes("ephemeral", OPEN),
    Field::kubernetes("image", OPEN),
    Field::kubernetes("nfs", OPEN),
    Field::kubernetes("awsElasticBlockStore", OPEN),
    Field::kubernetes("azureDisk", OPEN),
    Field::kubernetes("azureFile", OPEN),
    Field::kubernetes("cephfs", OPEN),
    Field::kubernetes("cinder", OPEN),
    Field::kubernetes("fc", OPEN),
    Field::kubernetes("flexVolume", OPEN),
    Field::kubernetes("flocker", OPEN),
    Field::kubernetes("gcePersistentDisk", OPEN),
    Field::kubernetes("gitRepo", OPEN),
    Field::kubernetes("glusterfs", OPEN),
    Field::kubernetes("iscsi", OPEN),
    Field::kubernetes("photonPersistentDisk", OPEN),
    Field::kubernetes("portworxVolume", OPEN),
    Field::kubernetes("quobyte", OPEN),
    Field::kubernetes("rbd", OPEN),
    Field::kubernetes("scaleIO", OPEN),
    Field::kubernetes("storageos", OPEN),
    Field::kubernetes("vsphereVolume", OPEN),
];

static CONFIG_MAP_VOLUME: [Field; 4] = [
    Field::kubernetes("name", Type::Text),
    Field::kubernetes("items", OBJECTS),
    Field::kubernetes("defaultMode", Type::Whole),
    Field::kubernetes("optional", Type::Bool),
];

static SECRET_VOLUME: [Field; 4] = [
    Field::kubernetes("secretName", Type::Text).mistaken(&["name"]),
    Field::kubernetes("items", OBJECTS),
    Field::kubernetes("defaultMode", Type::Whole),
    Field::kubernetes("optional", Type::Bool),
];

static EMPTY_DIR: [Field; 2] = [Field::kubernetes("medium", Type::Text), Field::kubernetes("sizeLimit", Type::Amount)];

static CLAIM: [Field; 2] =
    [Field::kubernetes("claimName", Type::Text).mistaken(&["name"]), Field::kubernetes("readOnly", Type::Bool)];

static HOST_PATH: [Field; 2] = [Field::kubernetes("path", Type::Text), Field::kubernetes("type", Type::Text)];

static TOLERATION: [Field; 5] = [
    Field::kubernetes("key", Type::Text),
    Field::kubernetes("operator", Type::Text),
    Field::kubernetes("value", Type::Text),
    Field::kubernetes("effect", Type::Text),
    Field::kubernetes("tolerationSeconds", Type::Whole),
];

pub(super) static AFFINITY: [Field; 3] = [
    Field::kubernetes("nodeAffinity", OPEN),
    Field::kubernetes("podAffinity", OPEN),
    Field::kubernetes("podAntiAffinity", OPEN),
];

pub(super) static RESOURCES: [Field; 3] = [
    Field::kubernetes("limits", AMOUNTS),
    Field::kubernetes("requests", AMOUNTS),
    Field::kubernetes("claims", Type::List(&OPEN, Items::Unique("name"))),
];

pub(super) static POD_SECURITY: [Field; 13] = [
    Field::kubernetes("appArmorProfile", OPEN),
    Field::kubernetes("fsGroup", Type::Whole),
    Field::kubernetes("fsGroupChangePolicy", Type::Text),
    Field::kubernetes("runAsGroup", Type::Whole),
    Field::kubernetes("runAsNonRoot", Type::Bool),
    Field::kubernetes("runAsUser", Type::Whole),
    Field::kubernetes("seLinuxChangePolicy", Type::Text),
    Field::kubernetes("seLinuxOptions", OPEN),
    Field::kubernetes("seccompProfile", Type::Object(&SECCOMP)),
    Field::kubernetes("supplementalGroups", ANYTHING),
    Field::kubernetes("supplementalGroupsPolicy", Type::Text),
    Field::kubernetes("sysctls", OBJECTS),
    Field::kubernetes("windowsOptions", OPEN),
];

pub(super) static SECURITY: [Field; 12] = [
    Field::kubernetes("allowPrivilegeEscalation", Type::Bool),
    Field::kubernetes("appArmorProfile", OPEN),
    Field::kubernetes("capabilities", Type::Object(&CAPABILITIES)),
    Field::kubernetes("privileged", Type::Bool),
    Field::kubernetes("procMount", Type::Text),
    Field::kubernetes("readOnlyRootFilesystem", Type::Bool),
    Field::kubernetes("runAsGroup", Type::Whole),
    Field::kubernetes("runAsNonRoot", Type::Bool),
    Field::kubernetes("runAsUser", Type::Whole),
    Field::kubernetes("seLinuxOptions", OPEN),
    Field::kubernetes("seccompProfile", Type::Object(&SECCOMP)),
    Field::kubernetes("windowsOptions", OPEN),
];

static CAPABILITIES: [Field; 2] = [Field::kubernetes("add", TEXTS), Field::kubernetes("drop", TEXTS)];

static SECCOMP: [Field; 2] = [Field::kubernetes("type", Type::Text), Field::kubernetes("localhostProfile", Type::Text)];

/// The fields of a `Probe`, and the chart's own `enabled` in front.
pub(super) const fn probe(enabled: Field) -> [Field; 11] {
    let [exec, get, socket, grpc, delay, period, timeout, success, failure, grace] = PROBE_FIELDS;
    [enabled, exec, get, socket, grpc, delay, period, timeout, success, failure, grace]
}

pub(super) static PROBE: [Field; 10] = PROBE_FIELDS;

const PROBE_FIELDS: [Field; 10] = [
    Field::kubernetes("exec", Type::Object(&EXEC)),
    Field::kubernetes("httpGet", Type::Object(&HTTP_GET)),
    Field::kubernetes("tcpSocket", Type::Object(&TCP_SOCKET)),
    Field::kubernetes("grpc", Type::Object(&GRPC)),
    Field::kubernetes("initialDelaySeconds", Type::Whole).mistaken(&["delaySeconds"]),
    Field::kubernetes("periodSeconds", Type::Whole),
    Field::kubernetes("timeoutSeconds", Type::Whole),
    Field::kubernetes("successThreshold", Type::Whole),
    Field::kubernetes("failureThreshold", Type::Whole),
    Field::kubernetes("terminationGracePeriodSeconds", Type::Whole),
];

static EXEC: [Field; 1] = [Field::kubernetes("command", TEXTS)];

static HTTP_GET: [Field; 5] = [
    Field::kubernetes("host", Type::Text),
    Field::kubernetes("httpHeaders", OBJECTS),
    Field::kubernetes("path", Type::Text),
    Field::kubernetes("port", Type::Amount),
    Field::kubernetes("scheme", Type::Text),
];

static TCP_SOCKET: [Field; 2] = [Field::kubernetes("host", Type::Text), Field::kubernetes("port", Type::Amount)];

static GRPC: [Field; 2] = [Field::kubernetes("port", Type::Whole), Field::kubernetes("service", Type::Text)];

pub(super) static STRATEGY: [Field; 2] =
    [Field::kubernetes("type", Type::Text), Field::kubernetes("rollingUpdate", Type::Object(&ROLLING))];

static ROLLING: [Field; 2] =
    [Field::kubernetes("maxSurge", Type::Amount), Field::kubernetes("maxUnavailable", Type::Amount)];

pub(super) static CONTAINER: [Field; 25] = container(Type::Text);

pub(super) static INIT_CONTAINER: [Field; 25] = container(Type::Either(&Type::Text, &Type::Object(&INIT_IMAGE)));

const fn container(image: Type) -> [Field; 25] {
    [
        Field::kubernetes("name", Type::Text).required(),
        Field::kubernetes("image", image),
        Field::kubernetes("imagePullPolicy", Type::Text),
        Field::kubernetes("command", TEXTS),
        Field::kubernetes("args", TEXTS),
        Field::kubernetes("workingDir", Type::Text),
        Field::kubernetes("ports", OBJECTS),
        Field::kubernetes("envFrom", OBJECTS),
        Field::kubernetes("env", VARIABLES),
        Field::kubernetes("resources", Type::Object(&RESOURCES)),
        Field::kubernetes("resizePolicy", OBJECTS),
        Field::kubernetes("restartPolicy", Type::Text),
        Field::kubernetes("restartPolicyRules", OBJECTS),
        Field::kubernetes("volumeMounts", MOUNTS),
        Field::kubernetes("volumeDevices", Type::List(&OPEN, Items::Unique("devicePath"))),
        Field::kubernetes("livenessProbe", Type::Object(&PROBE)),
        Field::kubernetes("readinessProbe", Type::Object(&PROBE)),
        Field::kubernetes("startupProbe", Type::Object(&PROBE)),
        Field::kubernetes("lifecycle", OPEN),
        Field::kubernetes("terminationMessagePath", Type::Text),
        Field::kubernetes("terminationMessagePolicy", Type::Text),
        Field::kubernetes("securityContext", Type::Object(&SECURITY)),
        Field::kubernetes("stdin", Type::Bool),
        Field::kubernetes("stdinOnce", Type::Bool),
        Field::kubernetes("tty", Type::Bool),
    ]
}
