//! One request to the API server, and what its refusal means. [`Call`] sends, [`ApiError`] is the refusal.
//!
//! Objects are read as JSON into small structs, never as typed objects of one Kubernetes version.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use http::header::HeaderMap;
use http::{Request, StatusCode};
use kube::Client;
use kube::core::request;
use serde::de::DeserializeOwned;

use super::REQUEST;
use crate::api;

/// What was asked of the API server, in the words of roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The verb: `get`, `list`, `create`, `update`, `patch` or `delete`.
    pub verb: &'static str,
    /// The resource with its group: `pods`, `deployments.apps`.
    pub resource: &'static str,
    /// The namespace; empty for what is in none.
    pub namespace: String,
    /// The object, where it is about one.
    pub name: Option<String>,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verb, resource, namespace, name } = self;
        write!(f, "{verb} {resource}")?;
        if let Some(name) = name {
            write!(f, " `{name}`")?;
        }
        if namespace.is_empty() { Ok(()) } else { write!(f, " in namespace `{namespace}`") }
    }
}

/// Why the API server did not give what was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// Ask for a role with this verb on this resource; `doctor --rbac` prints one.
    #[error("not permitted to {operation}")]
    Forbidden {
        /// What was tried.
        operation: Box<Operation>,
        /// What the API server says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// There is no such object: create it, or name another.
    #[error("nothing is there to {operation}")]
    Missing {
        /// What was tried.
        operation: Box<Operation>,
    },
    /// The object is not what it was when it was read: read again and decide anew.
    #[error("something else is there to {operation}")]
    Stale {
        /// What was tried.
        operation: Box<Operation>,
        /// What the API server says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Not now: try again later. A write may have happened where the answer was lost.
    #[error("no answer to {operation}")]
    Busy {
        /// What was tried.
        operation: Box<Operation>,
        /// How long to wait at least, where the server says so.
        retry_after: Option<Duration>,
        /// Who or what is in the way.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The API server takes neither this request nor its repetition: mend what it names.
    #[error("the API server refuses to {operation} with status {status}")]
    Refused {
        /// What was tried.
        operation: Box<Operation>,
        /// The HTTP status.
        status: u16,
        /// What the API server says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// There is no API server to be talked to as configured: wrong certificate, broken credentials, no Kubernetes at all.
    #[error("cannot talk to the API server to {operation}")]
    Unreachable {
        /// What was tried.
        operation: Box<Operation>,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl ApiError {
    /// What was tried.
    #[must_use]
    pub fn operation(&self) -> &Operation {
        match self {
            Self::Forbidden { operation, .. }
            | Self::Missing { operation }
            | Self::Stale { operation, .. }
            | Self::Busy { operation, .. }
            | Self::Refused { operation, .. }
            | Self::Unreachable { operation, .. } => operation,
        }
    }

    /// Whether the same request may succeed a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }
}

/// A request and what it is about.
pub(super) struct Call {
    operation: Box<Operation>,
}

impl Call {
    pub(super) fn new(verb: &'static str, resource: &'static str, namespace: &str, name: Option<&str>) -> Self {
        let (namespace, name) = (namespace.to_owned(), name.map(str::to_owned));
        Self { operation: Box::new(Operation { verb, resource, namespace, name }) }
    }

    /// Sends it once and reads its answer.
    pub(super) async fn send<T: DeserializeOwned>(
        self,
        client: &Client,
        request: Result<Request<Vec<u8>>, request::Error>,
    ) -> Result<T, ApiError> {
        let Ok(answer) = tokio::time::timeout(REQUEST, self.exchange(client, request)).await else {
            let source = format!("nothing complete within {} seconds", REQUEST.as_secs()).into();
            return Err(ApiError::Busy { operation: self.operation, retry_after: None, source });
        };
        let body = answer?;
        serde_json::from_slice(&body).map_err(|error| self.unreachable(error.into()))
    }

    async fn exchange(
        &self,
        client: &Client,
        request: Result<Request<Vec<u8>>, request::Error>,
    ) -> Result<Vec<u8>, ApiError> {
        let request = request.map_err(|error| self.unreachable(error.into()))?;
        let (head, body) = api::exchange(client, request).await.map_err(|error| self.lost(error))?;
        if head.status.is_success() { Ok(body) } else { Err(self.refusal(head.status, &head.headers, &body)) }
    }

    /// What an answer other than success means.
    fn refusal(&self, code: StatusCode, headers: &HeaderMap, body: &[u8]) -> ApiError {
        let status = api::status(body);
        let (operation, source) = (self.operation.clone(), status.message.clone().into());
        match code {
            StatusCode::NOT_FOUND => ApiError::Missing { operation },
            StatusCode::CONFLICT => ApiError::Stale { operation, source },
            StatusCode::FORBIDDEN => ApiError::Forbidden { operation, source },
            code if code == StatusCode::TOO_MANY_REQUESTS || code.is_server_error() => {
                let source = format!("status {}: {}", code.as_u16(), status.message).into();
                ApiError::Busy { operation, retry_after: api::pause(headers, &status), source }
            }
            code => ApiError::Refused { operation, status: code.as_u16(), source },
        }
    }

    /// There was no answer.
    fn lost(&self, error: kube::Error) -> ApiError {
        match error {
            kube::Error::Service(_) | kube::Error::HyperError(_) | kube::Error::ReadEvents(_)
                if !api::is_misconfigured(&error) =>
            {
                let source = api::root(&error).into();
                ApiError::Busy { operation: self.operation.clone(), retry_after: None, source }
            }
            // Never sent, for want of credentials; or the certificate is somebody else's.
            error => self.unreachable(error.into()),
        }
    }

    fn unreachable(&self, source: Box<dyn Error + Send + Sync>) -> ApiError {
        ApiError::Unreachable { operation: self.operation.clone(), source }
    }
}
