//! Namespaces: whether one is there, and making it. [`namespace`] and [`create_namespace`], one request each.

use kube::Client;
use kube::api::{GetParams, PostParams};
use kube::core::Request;
use serde::{Deserialize, Serialize};

use super::call::{ApiError, Call};

const PATH: &str = "/api/v1/namespaces";

/// How a namespace stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NamespaceState {
    /// There is none.
    Missing,
    /// Objects can be created in it.
    Active,
    /// It is being deleted with all that is in it: nothing can be created until it is gone.
    Terminating,
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    status: Phase,
}

#[derive(Default, Deserialize)]
struct Phase {
    #[serde(default)]
    phase: String,
}

/// How a namespace stands.
///
/// # Errors
/// [`ApiError`]; [`ApiError::Forbidden`] is usual for accounts of one namespace.
pub async fn namespace(client: &Client, name: &str) -> Result<NamespaceState, ApiError> {
    let call = Call::new("get", "namespaces", "", Some(name));
    match call.send::<Object>(client, Request::new(PATH).get(name, &GetParams::default())).await {
        Ok(found) if found.status.phase == "Terminating" => Ok(NamespaceState::Terminating),
        Ok(_) => Ok(NamespaceState::Active),
        Err(ApiError::Missing { .. }) => Ok(NamespaceState::Missing),
        Err(error) => Err(error),
    }
}

/// Creates a namespace; one that is there by now is as good.
///
/// # Errors
/// [`ApiError`].
pub async fn create_namespace(client: &Client, name: &str) -> Result<(), ApiError> {
    let body = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let call = Call::new("create", "namespaces", "", Some(name));
    let request = Request::new(PATH).create(&PostParams::default(), body.to_string().into_bytes());
    match call.send::<serde_json::Value>(client, request).await {
        Ok(_) | Err(ApiError::Stale { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
