//! Requests about one Deployment and its pods, and what their failures mean. Nothing is repeated in here.

use futures_util::{Stream, StreamExt as _};
use kube::Client;
use kube::api::{GetParams, ListParams, Patch, PatchParams, WatchEvent, WatchParams};
use kube::core::Request;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::RolloutError;
use super::deployment::{Deployment, Metadata};
use crate::api;

/// Whom a request is about.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) client: &'a Client,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
}

/// Objects, and the version from which on a watch tells what becomes of them.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct List<T> {
    pub(super) metadata: Metadata,
    pub(super) items: Vec<T>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { metadata: Metadata::default(), items: Vec::new() }
    }
}

impl Call<'_> {
    pub(super) async fn get(&self) -> Result<Deployment, RolloutError> {
        self.send("get", "deployments", self.deployments().get(self.name, &GetParams::default())).await
    }

    pub(super) async fn patch(
        &self,
        patch: &serde_json::Value,
        field_manager: &str,
    ) -> Result<Deployment, RolloutError> {
        let params = PatchParams { field_manager: Some(field_manager.to_owned()), ..PatchParams::default() };
        let request = self.deployments().patch(self.name, &params, &Patch::Strategic(patch));
        self.send("patch", "deployments", request).await
    }

    /// The Deployment as a list of one or none. Other than a GET's, the version of a list is one that can still be watched
    /// from, however long ago the object changed last.
    pub(super) async fn list(&self) -> Result<List<Deployment>, RolloutError> {
        self.send("list", "deployments", self.deployments().list(&ListParams::default().fields(&self.only()))).await
    }

    /// What becomes of the Deployment from a version on.
    pub(super) async fn watch(
        &self,
        version: &str,
    ) -> Result<impl Stream<Item = Result<WatchEvent<Deployment>, RolloutError>> + use<>, RolloutError> {
        let request = self.deployments().watch(&WatchParams::default().fields(&self.only()), version);
        let request = request.map_err(|error| RolloutError::Unanswered { source: error.into() })?;
        let events = self.client.request_events(request).await;
        let events = events.map_err(|error| self.failure("watch", "deployments", error))?;
        Ok(events.map(|event| event.map_err(|error| unanswered(&error))))
    }

    pub(super) async fn pods<T: DeserializeOwned>(&self, selector: &str) -> Result<Vec<T>, RolloutError> {
        let pods = Request::new(format!("/api/v1/namespaces/{}/pods", self.namespace));
        let list: List<T> = self.send("list", "pods", pods.list(&ListParams::default().labels(selector))).await?;
        Ok(list.items)
    }

    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        verb: &'static str,
        resource: &'static str,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<T, RolloutError> {
        let request = request.map_err(|error| RolloutError::Unanswered { source: error.into() })?;
        self.client.request(request).await.map_err(|error| self.failure(verb, resource, error))
    }

    pub(super) fn deployments(&self) -> Request {
        Request::new(format!("/apis/apps/v1/namespaces/{}/deployments", self.namespace))
    }

    fn only(&self) -> String {
        format!("metadata.name={}", self.name)
    }

    fn failure(&self, verb: &'static str, resource: &'static str, error: kube::Error) -> RolloutError {
        let (name, namespace) = (self.name.to_owned(), self.namespace.to_owned());
        let status = match error {
            kube::Error::Api(status) => status,
            error => return unanswered(&error),
        };
        let source = status.message.clone().into();
        match status.code {
            404 if resource == "deployments" => RolloutError::Missing { name, namespace },
            403 => RolloutError::Forbidden { verb, resource, name, namespace, source },
            // Too old a version, too many requests, a failure: not for good.
            410 | 429 | 500.. => {
                RolloutError::Unanswered { source: format!("status {}: {}", status.code, status.message).into() }
            }
            code => RolloutError::Refused { verb, resource, name, namespace, status: code, source },
        }
    }
}

fn unanswered(error: &kube::Error) -> RolloutError {
    RolloutError::Unanswered { source: api::root(error).into() }
}
