//! Requests about one Lease, and what their answers mean. Each is bounded in time.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use kube::Client;
use kube::api::{GetParams, PostParams};
use kube::core::{Request, request};

use super::object::Object;
use super::{Claim, LeaseError};
use crate::api;

/// How long a request may take. A lease lasts longer.
const LIMIT: Duration = Duration::from_secs(8);

/// What a request came to.
#[derive(Debug)]
pub(super) enum Answer {
    /// The lease as it is now.
    Object(Object),
    /// There is none.
    Missing,
    /// Somebody else wrote it meanwhile.
    Stale,
    /// A permission is missing, in the server's words.
    Forbidden(String),
}

/// One lease on one cluster.
#[derive(Clone)]
pub(super) struct Calls {
    pub(super) client: Client,
    pub(super) namespace: String,
    pub(super) claim: Claim,
}

impl Calls {
    pub(super) async fn get(&self) -> Result<Answer, LeaseError> {
        self.send(self.request().get(&self.claim.name, &GetParams::default())).await
    }

    pub(super) async fn create(&self, object: &Object) -> Result<Answer, LeaseError> {
        self.send(self.request().create(&options(), object.to_json())).await
    }

    /// Replaces the version that the object has.
    pub(super) async fn update(&self, object: &Object) -> Result<Answer, LeaseError> {
        self.send(self.request().replace(&self.claim.name, &options(), object.to_json())).await
    }

    fn request(&self) -> Request {
        Request::new(format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.namespace))
    }

    async fn send(&self, request: Result<http::Request<Vec<u8>>, request::Error>) -> Result<Answer, LeaseError> {
        let request = request.map_err(|error| self.unreachable(error))?;
        let exchange = api::exchange(&self.client, request);
        let answer = tokio::time::timeout(LIMIT, exchange).await.map_err(|error| self.unreachable(error))?;
        let (head, body) = answer.map_err(|error| self.unreachable(error))?;
        if head.status.is_success() {
            let object = Object::parse(&body);
            return object.map(Answer::Object).ok_or_else(|| self.unreachable("the answer is no lease"));
        }
        let status = api::status(&body);
        let elsewhere = status.details.as_ref().is_some_and(|details| details.kind == "namespaces");
        match head.status {
            StatusCode::NOT_FOUND if !elsewhere => Ok(Answer::Missing),
            StatusCode::CONFLICT => Ok(Answer::Stale),
            StatusCode::FORBIDDEN => Ok(Answer::Forbidden(status.message)),
            code if code.is_server_error() || code == StatusCode::TOO_MANY_REQUESTS => {
                Err(self.unreachable(format!("status {}: {}", code.as_u16(), status.message)))
            }
            _ => Err(LeaseError::Refused {
                name: self.claim.name.clone(),
                namespace: self.namespace.clone(),
                reason: status.message,
            }),
        }
    }

    fn unreachable(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> LeaseError {
        let (name, namespace) = (self.claim.name.clone(), self.namespace.clone());
        LeaseError::Unreachable { name, namespace, source: source.into() }
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client: _, namespace, claim } = self;
        f.debug_struct("Calls").field("namespace", namespace).field("claim", claim).finish_non_exhaustive()
    }
}

fn options() -> PostParams {
    PostParams { field_manager: Some(api::FIELD_MANAGER.to_owned()), ..PostParams::default() }
}
