//! One request, to a webserver or to the API server about its pod, and what comes instead of an answer. [`Call::send`] is all
//! there is.

use std::io;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Request, StatusCode, Uri};
use kube::Client;
use serde_json::Value;

use super::ReloadError;
use crate::api;

/// Where a webserver's GraphQL is.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) client: Client,
    /// `None` for a URL.
    pub(super) pod: Option<Pod>,
    name: String,
    path: String,
}

/// A pod of the cluster.
#[derive(Clone, Debug)]
pub(super) struct Pod {
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Target {
    pub(super) fn pod(client: &Client, namespace: &str, pod: &str, port: u16, path_prefix: &str) -> Self {
        let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy{}", graphql(path_prefix));
        let (client, name) = (client.clone(), pod.to_owned());
        Self { client, pod: Some(Pod { namespace: namespace.to_owned(), name: name.clone() }), name, path }
    }

    /// `client` sends to `url`: its path is in front of every request.
    pub(super) fn url(client: Client, url: &Uri) -> Self {
        Self { client, pod: None, name: url.to_string(), path: graphql("") }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Sends `body` once, and gives the JSON that came, whatever its status.
    pub(super) async fn post(&self, body: &Value, patience: Duration) -> Result<Value, ReloadError> {
        let call = Call {
            client: &self.client,
            webserver: &self.name,
            pod: self.pod.as_ref(),
            verb: "create",
            resource: "pods/proxy",
            patience,
        };
        let request = Request::post(&self.path)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .body(body.to_string().into_bytes());
        call.send(request.map_err(|error| call.unreachable(error.to_string()))?).await
    }
}

/// The path of GraphQL under a prefix that may be written `dagster`, `/dagster` or `/dagster/`.
fn graphql(path_prefix: &str) -> String {
    match path_prefix.trim_matches('/') {
        "" => "/graphql".to_owned(),
        prefix => format!("/{prefix}/graphql"),
    }
}

/// A request that is about to be sent, and what it needs.
pub(super) struct Call<'a> {
    pub(super) client: &'a Client,
    pub(super) webserver: &'a str,
    pub(super) pod: Option<&'a Pod>,
    pub(super) verb: &'static str,
    pub(super) resource: &'static str,
    pub(super) patience: Duration,
}

impl Call<'_> {
    /// Sends it once. Gives JSON that is an answer, GraphQL's errors with status 400 and 500 included.
    pub(super) async fn send(&self, request: Request<Vec<u8>>) -> Result<Value, ReloadError> {
        let silent = || ReloadError::Silent { webserver: self.webserver.to_owned(), waited: self.patience };
        let (head, body) = match tokio::time::timeout(self.patience, api::exchange(self.client, request)).await {
            Err(_) => return Err(silent()),
            Ok(Ok(answer)) => answer,
            // The client's own end to silences.
            Ok(Err(error)) if api::is_io(&error, io::ErrorKind::TimedOut) => return Err(silent()),
            Ok(Err(error)) => return Err(self.unreachable(api::root(&error))),
        };
        let parsed: Option<Value> = serde_json::from_slice(&body).ok();
        let reason = || {
            let text = String::from_utf8_lossy(&body);
            let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no body");
            first.chars().take(200).collect::<String>()
        };
        match parsed {
            Some(value) if self.pod.is_some() && value["kind"] == "Status" => Err(self.refusal(head.status, &value)),
            Some(value) if head.status.is_success() || value.get("data").or(value.get("errors")).is_some() => Ok(value),
            _ if head.status.is_success() => Err(ReloadError::NotDagster {
                webserver: self.webserver.to_owned(),
                reason: format!("no JSON but `{}`", reason()),
            }),
            _ => Err(match head.status {
                // As proxies say when they did not reach it, or are too busy.
                StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT => {
                    self.unreachable(format!("status {}: {}", head.status.as_u16(), reason()))
                }
                status => self.refused(status, reason()),
            }),
        }
    }

    /// What a `Status` of the API server means.
    fn refusal(&self, code: StatusCode, status: &Value) -> ReloadError {
        let reason = status["message"].as_str().unwrap_or("no reason given").to_owned();
        let webserver = self.webserver.to_owned();
        let about_pods = status["details"]["kind"] == "pods";
        match (code, self.pod) {
            (StatusCode::NOT_FOUND, _) if about_pods => ReloadError::Gone { webserver },
            (StatusCode::FORBIDDEN, Some(pod)) => ReloadError::Forbidden {
                webserver,
                verb: self.verb,
                resource: self.resource,
                namespace: pod.namespace.clone(),
                reason,
            },
            (code, _) if code.is_server_error() || code == StatusCode::TOO_MANY_REQUESTS => self.unreachable(reason),
            (code, _) => self.refused(code, reason),
        }
    }

    pub(super) fn unreachable(&self, reason: String) -> ReloadError {
        ReloadError::Unreachable { webserver: self.webserver.to_owned(), reason }
    }

    fn refused(&self, status: StatusCode, reason: String) -> ReloadError {
        ReloadError::Refused { webserver: self.webserver.to_owned(), status: status.as_u16(), reason }
    }
}
