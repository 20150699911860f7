//! How a changed ConfigMap gets into a pod's file. [`hasten`] makes it soon.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kube::Client;
use kube::api::{Patch, PatchParams};
use kube::core::Request;
use serde::Serialize;
use serde_json::json;

use super::ReloadError;
use super::call::{Call, Pod};
use crate::api;

/// What [`hasten`] writes. Its value says nothing but that it is another one.
const ANNOTATION: &str = "dagster-workspace/touched-at";

/// How long the API server may take for that.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the workspace file in a pod follows its ConfigMap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Projection {
    /// At once, as the pod was touched.
    Hastened,
    /// In kubelet's next round: within a minute and a half. Where a pod may be touched, it is.
    OfItself,
    /// Only when the pod starts: mounted with `subPath`, or not from the ConfigMap.
    Never,
}

/// Whether a pod was touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Hastened {
    /// There was no reason to, or no pod.
    No,
    /// It was.
    Yes,
    /// It could not be: the file arrives in kubelet's own time.
    Failed {
        /// Why; [`ReloadError::Forbidden`] where `patch` on `pods` is missing.
        error: ReloadError,
    },
}

/// Touches an annotation of `pod`, so that kubelet looks after it and projects its ConfigMaps at once. One request. Nothing
/// restarts. Needs the permission `patch` on `pods`; without it the file arrives in kubelet's own time.
///
/// Kubelet may have looked before the written ConfigMap came to it, so a second touch does no harm.
///
/// # Errors
/// [`ReloadError::Forbidden`], [`ReloadError::Gone`], or how the API server could not be asked.
pub async fn hasten(client: &Client, namespace: &str, pod: &str) -> Result<(), ReloadError> {
    touch(client, &Pod { namespace: namespace.to_owned(), name: pod.to_owned() }).await
}

pub(super) async fn touch(client: &Client, pod: &Pod) -> Result<(), ReloadError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    let patch = Patch::Merge(json!({"metadata": {"annotations": {ANNOTATION: now.to_string()}}}));
    let parameters = PatchParams { field_manager: Some(api::FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let request =
        Request::new(format!("/api/v1/namespaces/{}/pods", pod.namespace)).patch(&pod.name, &parameters, &patch);
    let call =
        Call { client, webserver: &pod.name, pod: Some(pod), verb: "patch", resource: "pods", patience: PATIENCE };
    call.send(request.map_err(|error| call.unreachable(error.to_string()))?).await.map(drop)
}
