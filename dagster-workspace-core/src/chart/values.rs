//! The keys of the chart's values beside `deployments`: [`VALUES`]. A required one has a default in the chart, which null deletes.

use super::deployment::{DEPLOYMENT, TEXT_MAP};
use super::{Field, Items, Need, Since, Type};
use crate::version::Version;

/// Last release seen without an instance of the chart's own.
const NO_INSTANCE_UNTIL: Version = Version::new(1, 10, 5);

/// Keys of the values of the chart; the last two are the system chart's.
pub(crate) static VALUES: [Field; 14] = [
    Field::new("global", Type::Object(&GLOBAL), "What the charts share").required(),
    Field::new("dagsterHome", Type::Text, "Path of `DAGSTER_HOME` in the containers").required(),
    Field::new("postgresqlSecretName", Type::Text, "Secret with the password of the database").required(),
    Field::new("celeryConfigSecretName", Type::Text, "Secret with the configuration of Celery").required(),
    Field::new("includeInstance", Type::Bool, "Whether to mount the instance's ConfigMap")
        .since(Since::After(NO_INSTANCE_UNTIL)),
    Field::new("deployments", Type::List(&Type::Object(DEPLOYMENT), Items::Unique("name")), "The deployments")
        .need(Need::Given)
        .mistaken(&["userDeployments"]),
    Field::new(
        "imagePullSecrets",
        Type::List(&Type::Map(&Type::Any), Items::Named("name")),
        "Secrets of private registries",
    )
    .required(),
    Field::new("serviceAccount", Type::Object(&SERVICE_ACCOUNT), "The service account of the servers").required(),
    Field::new("rbacEnabled", Type::Bool, "Whether the service account may launch runs"),
    Field::new("extraManifests", Type::List(&Type::Any, Items::Whole), "More objects to create"),
    Field::new("nameOverride", Type::Text, "Another name of the chart"),
    Field::new("fullnameOverride", Type::Text, "Another name of the release's objects"),
    Field::new("enabled", Type::Bool, "Whether the system has servers of this chart"),
    Field::new("enableSubchart", Type::Bool, "Whether the system chart deploys them"),
];

static GLOBAL: [Field; 5] = [
    Field::new("postgresqlSecretName", Type::Text, "").required(),
    Field::new("dagsterHome", Type::Text, "").required(),
    Field::new("serviceAccountName", Type::Text, "").required(),
    Field::new("celeryConfigSecretName", Type::Text, "").required(),
    Field::new("dagsterInstanceConfigMap", Type::Text, "").since(Since::After(NO_INSTANCE_UNTIL)),
];

static SERVICE_ACCOUNT: [Field; 3] = [
    Field::new("create", Type::Bool, "").required(),
    Field::new("name", Type::Text, "").required(),
    Field::new("annotations", TEXT_MAP, "").required(),
];
