//! One request to the API server and what its answer means to a store. [`Call::send`] is all there is.
//!
//! Requests go out as plain HTTP, not through `kube::Api`: a typed object drops the fields it does not know, and the header
//! `Retry-After` of a server that is too busy is not in what `Api` returns.

use std::error::Error;
use std::time::Duration;

use http::header::HeaderMap;
use http::{Request, StatusCode};
use kube::Client;
use kube::core::request;

use super::object::{MAX_LEN, Object};
use crate::api;
use crate::store::{Key, ObjectName, StoreError, Version};

/// What a request does, as roles name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Create,
    Update,
}

impl Verb {
    fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Create => "create",
            Self::Update => "update",
        }
    }
}

/// What a request came to, where that is no failure.
#[derive(Debug)]
pub(super) enum Answer {
    /// The object as it is now, and its version.
    Object(Object, Version),
    /// There is no such object.
    Missing,
    /// Something else than expected: another version, another life of the object, none any more, or already one.
    Stale,
}

/// A request about a document.
pub(super) struct Call<'a> {
    pub(super) verb: Verb,
    pub(super) key: &'a Key,
    pub(super) object: ObjectName,
}

impl Call<'_> {
    /// Sends it once.
    pub(super) async fn send(
        &self,
        client: &Client,
        request: Result<Request<Vec<u8>>, request::Error>,
    ) -> Result<Answer, StoreError> {
        let request = request.map_err(|error| self.unreachable(error.into()))?;
        let sent = request.body().len() as u64;
        let (head, body) = api::exchange(client, request).await.map_err(|error| self.lost(error))?;
        if head.status.is_success() {
            return match Object::parse(&body) {
                Ok(Some((object, version))) => Ok(Answer::Object(object, version)),
                Ok(None) => Err(self.unintelligible("the answer is no ConfigMap".into())),
                Err(error) => Err(self.unintelligible(error.into())),
            };
        }
        self.refusal(head.status, &head.headers, &body, sent)
    }

    /// What an answer other than success means.
    fn refusal(&self, code: StatusCode, headers: &HeaderMap, body: &[u8], sent: u64) -> Result<Answer, StoreError> {
        let status = api::status(body);
        let details = status.details.as_ref();
        let terminating =
            details.is_some_and(|of| of.causes.iter().any(|cause| cause.reason == "NamespaceTerminating"));
        let elsewhere = details.is_some_and(|of| of.kind == "namespaces");
        let no_namespace = || {
            let object = self.object.clone();
            StoreError::NoNamespace { namespace: object.namespace.clone(), object }
        };
        let said = || -> Box<dyn Error + Send + Sync> { status.message.clone().into() };
        let (verb, object) = (self.verb.as_str(), self.object.clone());
        Err(match code {
            StatusCode::NOT_FOUND if elsewhere || self.verb == Verb::Create => no_namespace(),
            StatusCode::NOT_FOUND => return Ok(Answer::Missing),
            StatusCode::CONFLICT => return Ok(Answer::Stale),
            StatusCode::FORBIDDEN if terminating => no_namespace(),
            StatusCode::FORBIDDEN => StoreError::Forbidden { verb, object, source: said() },
            StatusCode::PAYLOAD_TOO_LARGE => {
                StoreError::TooLarge { key: self.key.clone(), len: sent, limit: MAX_LEN as u64 }
            }
            StatusCode::TOO_MANY_REQUESTS => {
                let reason = format!("the API server has too many requests: {}", status.message);
                StoreError::Busy { key: self.key.clone(), reason, retry_after: api::pause(headers, &status) }
            }
            code if code.is_server_error() => {
                let source = format!("status {}: {}", code.as_u16(), status.message);
                self.unsettled(source.into(), api::pause(headers, &status))
            }
            code => StoreError::Refused { verb, object, status: code.as_u16(), source: said() },
        })
    }

    /// There was no answer.
    fn lost(&self, error: kube::Error) -> StoreError {
        match error {
            kube::Error::Service(_) | kube::Error::HyperError(_) | kube::Error::ReadEvents(_) => {}
            // The request was never sent: no credentials, or nothing to build one from.
            error => return self.unreachable(error.into()),
        }
        match (connecting(&error), api::is_misconfigured(&error)) {
            (true, true) => self.unreachable(error.into()),
            (true, false) => {
                let reason = format!("the API server cannot be connected to: {}", api::root(&error));
                StoreError::Busy { key: self.key.clone(), reason, retry_after: None }
            }
            (false, _) => self.unsettled(api::root(&error).into(), None),
        }
    }

    /// A read that failed is to be tried again; a write that did, may have happened.
    fn unsettled(&self, source: Box<dyn Error + Send + Sync>, retry_after: Option<Duration>) -> StoreError {
        let key = self.key.clone();
        if self.verb == Verb::Get {
            StoreError::Busy { key, reason: format!("the API server did not answer: {source}"), retry_after }
        } else {
            StoreError::Ambiguous { key, retry_after, source }
        }
    }

    /// A success that is not Kubernetes speaking.
    fn unintelligible(&self, source: Box<dyn Error + Send + Sync>) -> StoreError {
        if self.verb == Verb::Get { self.unreachable(source) } else { self.unsettled(source, None) }
    }

    fn unreachable(&self, source: Box<dyn Error + Send + Sync>) -> StoreError {
        StoreError::Unreachable { verb: self.verb.as_str(), object: self.object.clone(), source }
    }
}

/// Whether no connection came about, so that nothing can have been written.
fn connecting(error: &kube::Error) -> bool {
    api::chain(error).any(|error| {
        error
            .downcast_ref::<hyper_util::client::legacy::Error>()
            .is_some_and(hyper_util::client::legacy::Error::is_connect)
    })
}
