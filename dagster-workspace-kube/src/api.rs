//! What all requests to the API server share: how one is sent, and what can be read from whatever comes instead of an answer.
//! What that means is for each caller to say, in its own errors. Start with [`exchange`].

use std::error::Error;
use std::io;
use std::time::Duration;

use http::Request;
use http::header::{HeaderMap, RETRY_AFTER};
use http::response::Parts;
use kube::Client;
use kube::client::Body;
use kube::core::Status;

/// Under whose name objects are written.
pub(crate) const FIELD_MANAGER: &str = "dagster-workspace";

/// Sends a request once and reads all of its answer, whatever its status. An answer that is cut off in the middle is the same as
/// none.
pub(crate) async fn exchange(client: &Client, request: Request<Vec<u8>>) -> Result<(Parts, Vec<u8>), kube::Error> {
    let (head, body) = client.send(request.map(Body::from)).await?.into_parts();
    Ok((head, body.collect_bytes().await?.into()))
}

/// What a body says that came with another status than success.
pub(crate) fn status(body: &[u8]) -> Status {
    // Proxies, and the server itself when it is too busy, answer with plain text.
    serde_json::from_slice(body).unwrap_or_else(|_| Status::failure(String::from_utf8_lossy(body).trim(), ""))
}

/// How long to wait at least: the header, else what the answer says. A date instead of seconds is nobody's habit here.
pub(crate) fn pause(headers: &HeaderMap, status: &Status) -> Option<Duration> {
    let header = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let body = status.details.as_ref().map(|details| u64::from(details.retry_after_seconds));
    header.or(body).filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

/// The innermost reason, which says most in the fewest words.
pub(crate) fn root(error: &kube::Error) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

/// Whether it is in the data that was exchanged, such as a certificate of somebody else: trying again mends nothing.
pub(crate) fn is_misconfigured(error: &kube::Error) -> bool {
    is_io(error, io::ErrorKind::InvalidData)
}

/// Whether an `io::Error` of this kind is behind it.
pub(crate) fn is_io(error: &kube::Error, kind: io::ErrorKind) -> bool {
    chain(error).any(|error| error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == kind))
}

/// An error and what caused it, from the outside in.
pub(crate) fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        // An `io::Error` gives as its source that of the error it holds, not that error.
        match (*error).downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(held) => Some(held as &(dyn Error + 'static)),
            None => (*error).source(),
        }
    })
}
