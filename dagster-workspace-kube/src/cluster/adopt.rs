//! The workspace ConfigMap changes hands, from the system's helm release to nobody. [`adopt`] does it, [`adoption`] says what is
//! left to do.
//!
//! Three steps, in this order, because each makes the next one safe: the annotation `helm.sh/resource-policy: keep`, with which
//! helm leaves the object alone when the chart drops it; an upgrade of the system after which the chart renders it no
//! more; and taking helm's marks off, so that nobody takes it for helm's. Each step is decided from what is there now: cut
//! off anywhere, the same call finishes the rest and repeats nothing. Until the upgrade the object is still the release's: a
//! `helm uninstall` takes it along, because there helm asks what the chart renders, not the live object.

use dagster_workspace_core::value::Value;
use kube::Client;
use kube::api::{Patch, PatchParams};
use kube::core::Request;
use serde::Serialize;
use serde_json::json;

use super::call::{ApiError, Call};
use super::config_map::{self, config_map};
use super::owner::{MANAGED_BY, Owner, RELEASE_NAME, RELEASE_NAMESPACE, RESOURCE_POLICY};
use super::release::{Release, ReleaseError, release, text_of};

/// What stands between a ConfigMap of a helm release and one of nobody's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Adoption {
    /// The ConfigMap.
    pub config_map: String,
    /// Its uid, which stays the same all the way.
    pub uid: String,
    /// The release that owns it.
    pub release: String,
    /// The namespace of the release.
    pub release_namespace: String,
    /// Whether helm keeps it already when the chart drops it.
    pub kept: bool,
    /// Whether the deployed revision renders it; `false` where the release is gone.
    pub rendered: bool,
    /// Chart and version of the release: an upgrade takes the same, so that nothing else changes.
    pub chart: Option<(String, String)>,
    /// Values for the upgrade, on top of the user's own: a YAML text.
    pub values: String,
}

/// What became of the upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// The system was upgraded.
    Done,
    /// Somebody else will upgrade it: the adoption waits for that.
    Later,
}

/// How far an adoption came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Adopted {
    /// No helm release owns the ConfigMap: nothing was to be done.
    NotOwned,
    /// It was the release's, and is nobody's now.
    Taken(Adoption),
    /// It is kept; the rest follows with the next call, once the system has been upgraded.
    Waiting(Adoption),
}

/// Why a ConfigMap is not adopted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError<E> {
    /// There is no such ConfigMap: name another.
    #[error("there is no ConfigMap `{config_map}` in namespace `{namespace}`")]
    NoConfigMap {
        /// What was asked for.
        config_map: String,
        /// Where it is not.
        namespace: String,
    },
    /// The API server did not do a step; all before it are done, and the same call continues.
    #[error("cannot adopt the ConfigMap `{config_map}`")]
    Api {
        /// What was to be adopted.
        config_map: String,
        /// Why not.
        source: ApiError,
    },
    /// The release that owns it cannot be read, so it is not known whether its chart renders the ConfigMap.
    #[error("it is not known whether the ConfigMap `{config_map}` is still its release's")]
    Release {
        /// What was to be adopted.
        config_map: String,
        /// Why not.
        source: ReleaseError,
    },
    /// The upgrade failed. The ConfigMap is kept; the same call continues.
    #[error("the system was not upgraded")]
    Upgrade {
        /// What the caller's upgrade says.
        source: E,
    },
    /// The upgrade went through without the values that were asked for.
    #[error(
        "release `{release}` still renders the ConfigMap `{config_map}` after the upgrade (hint: it takes \
         `dagsterWebserver.workspace` with `enabled: true`, `servers: []` and `externalConfigmap: {config_map}`)"
    )]
    StillRendered {
        /// What was to be adopted.
        config_map: String,
        /// The release.
        release: String,
    },
}

/// What is left to do until a ConfigMap is nobody's; `None` where no helm release owns it.
///
/// At most three requests, and no write: the ConfigMap, and the release that owns it.
///
/// # Errors
/// [`AdoptError::NoConfigMap`], [`AdoptError::Api`] and [`AdoptError::Release`].
pub async fn adoption<E>(client: &Client, namespace: &str, name: &str) -> Result<Option<Adoption>, AdoptError<E>> {
    let found = config_map(client, namespace, name).await;
    let found = found.map_err(|source| AdoptError::Api { config_map: name.to_owned(), source })?;
    let found = found
        .ok_or_else(|| AdoptError::NoConfigMap { config_map: name.to_owned(), namespace: namespace.to_owned() })?;
    // The annotations say it for the whole object: no key of it is anybody else's.
    let Owner::Helm { release: owner, namespace: of_owner, kept } = found.owner("").clone() else { return Ok(None) };
    let release_namespace = if of_owner.is_empty() { namespace.to_owned() } else { of_owner };
    let unread = |source| AdoptError::Release { config_map: name.to_owned(), source };
    let release = release(client, &release_namespace, &owner).await.map_err(unread)?;
    let rendered = release.as_ref().map(|release| release.renders("ConfigMap", name)).transpose().map_err(unread)?;
    let values = text_of(values(release.as_ref(), name));
    let values = values.map_err(|source| unread(ReleaseError::Text { release: owner.clone(), source }))?;
    Ok(Some(Adoption {
        config_map: name.to_owned(),
        uid: found.uid,
        release: owner,
        release_namespace,
        kept,
        rendered: rendered.unwrap_or_default(),
        chart: release.map(|release| (release.chart, release.chart_version)),
        values,
    }))
}

/// Makes a ConfigMap nobody's, without a moment in which it is not there.
///
/// `upgrade` is called where the deployed revision renders the ConfigMap: it upgrades the system with [`Adoption::values`] on
/// top of the user's, or tells somebody to. Where an earlier call came that far, it is not called again.
///
/// # Errors
/// As [`adoption`], and [`AdoptError::Upgrade`] and [`AdoptError::StillRendered`]. After each, what is done stays done and
/// the same call continues.
pub async fn adopt<E, F: Future<Output = Result<Upgrade, E>>>(
    client: &Client,
    namespace: &str,
    name: &str,
    field_manager: &str,
    upgrade: impl FnOnce(Adoption) -> F,
) -> Result<Adopted, AdoptError<E>> {
    let Some(mut found) = adoption(client, namespace, name).await? else { return Ok(Adopted::NotOwned) };
    let failed = |source| AdoptError::Api { config_map: name.to_owned(), source };
    if !found.kept {
        let keep = json!({"metadata": {"uid": found.uid, "annotations": {RESOURCE_POLICY: "keep"}}});
        patch(client, namespace, name, field_manager, &keep).await.map_err(failed)?;
        found.kept = true;
    }
    if found.rendered {
        match upgrade(found.clone()).await {
            Ok(Upgrade::Later) => return Ok(Adopted::Waiting(found)),
            Ok(Upgrade::Done) => {}
            Err(source) => return Err(AdoptError::Upgrade { source }),
        }
        match adoption(client, namespace, name).await? {
            Some(again) if again.rendered => {
                return Err(AdoptError::StillRendered { config_map: again.config_map, release: again.release });
            }
            Some(again) => found = again,
            // Somebody else finished it meanwhile.
            None => return Ok(Adopted::Taken(found)),
        }
    }
    let marks = json!({"metadata": {
        "uid": found.uid,
        "labels": {MANAGED_BY: null},
        "annotations": {RELEASE_NAME: null, RELEASE_NAMESPACE: null},
    }});
    patch(client, namespace, name, field_manager, &marks).await.map_err(failed)?;
    Ok(Adopted::Taken(found))
}

/// A merge patch that changes labels or annotations alone: an edit of the document at the same time stays, and is not in its way.
async fn patch(
    client: &Client,
    namespace: &str,
    name: &str,
    field_manager: &str,
    change: &serde_json::Value,
) -> Result<(), ApiError> {
    let parameters = PatchParams { field_manager: Some(field_manager.to_owned()), ..PatchParams::default() };
    let request = Request::new(config_map::path(namespace)).patch(name, &parameters, &Patch::Merge(change));
    let call = Call::new("patch", "configmaps", namespace, Some(name));
    call.send::<serde::de::IgnoredAny>(client, request).await.map(drop)
}

/// The values with which the chart mounts the ConfigMap and renders it no more.
fn values(release: Option<&Release>, name: &str) -> Value {
    let mapping = |entries: Vec<(&str, Value)>| {
        Value::Mapping(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    };
    let workspace = mapping(vec![
        ("enabled", true.into()),
        // The default lists an example server, and the chart takes either servers or a ConfigMap.
        ("servers", Value::Sequence(Vec::new())),
        ("externalConfigmap", name.into()),
    ]);
    let webserver = mapping(vec![("workspace", workspace)]);
    let old = release.is_some_and(|release| {
        // Up to 1.3 it was called dagit; where the user still gives that, it wins over the newer name.
        let dagit = |values: &Value| values.get("dagit").is_some_and(|dagit| dagit.get("workspace").is_some());
        dagit(&release.config) || release.defaults.get("dagsterWebserver").is_none() && dagit(&release.defaults)
    });
    mapping(vec![(if old { "dagit" } else { "dagsterWebserver" }, webserver)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values for a release of these values, on a chart that gives these by itself.
    fn check(config: &serde_json::Value, defaults: &serde_json::Value, expected: &str) {
        let mut release = Release::of_values("dagster", config, defaults);
        release.name = "dagster".into();
        let text = text_of(values(Some(&release), "w")).unwrap();
        let workspace = "  workspace:\n    enabled: true\n    servers: []\n    externalConfigmap: w\n";
        assert_eq!(text, format!("{expected}:\n{workspace}"), "{config} on {defaults}");
    }

    #[test]
    fn values_stand_where_the_chart_reads_them() {
        let workspace = || json!({"workspace": {"enabled": false}});
        let today = json!({"dagsterWebserver": workspace()});
        let before = json!({"dagit": workspace()});
        check(&json!({}), &today, "dagsterWebserver");
        check(&json!({"dagsterWebserver": workspace()}), &today, "dagsterWebserver");
        // Of both, today's chart takes the older key first.
        check(&json!({"dagit": workspace()}), &today, "dagit");
        check(&json!({"dagit": {"replicaCount": 2}}), &today, "dagsterWebserver");
        check(&json!({}), &before, "dagit");
    }
}
