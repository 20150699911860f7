//! What a webserver can answer instead of locations. [`ReloadError`] is all there is.

use std::time::Duration;

use serde::Serialize;

use super::ErrorLink;

/// Why a webserver was not reloaded, or not asked. `webserver` is its name as [`Webserver::name`](super::Webserver::name) gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum ReloadError {
    /// The Kubernetes user lacks a permission.
    #[error(
        "may not {verb} {resource} in namespace `{namespace}`, to reach {webserver}: {reason} (hint: a Role with this verb and resource, or the webserver's URL)"
    )]
    Forbidden {
        /// Which webserver.
        webserver: String,
        /// The missing verb, as roles name it.
        verb: &'static str,
        /// The resource, as roles name it.
        resource: &'static str,
        /// In which namespace.
        namespace: String,
        /// What the API server said.
        reason: String,
    },
    /// The pod is not there any more. Its successor reads the file when it starts.
    #[error("{webserver} is not there any more (hint: list the pods again)")]
    Gone {
        /// Which webserver.
        webserver: String,
    },
    /// No connection, or one that ended before the answer.
    #[error("{webserver} cannot be reached: {reason}")]
    Unreachable {
        /// Which webserver.
        webserver: String,
        /// What happened.
        reason: String,
    },
    /// No answer in time. The request may have been carried out, or still be.
    #[error("{webserver} did not answer within {} s (hint: a code server that accepts connections and never answers delays a reload by 20 s)", .waited.as_secs())]
    Silent {
        /// Which webserver.
        webserver: String,
        /// How long was waited.
        waited: Duration,
    },
    /// A webserver that was started with `--read-only`, or whose user may not reload. Only a restart makes it read the file.
    #[error(
        "{webserver} may not be reloaded: {reason} (hint: a read-only webserver reads the workspace only when it starts)"
    )]
    ReadOnly {
        /// Which webserver.
        webserver: String,
        /// What Dagster said.
        reason: String,
    },
    /// Dagster refuses the workspace file, or failed otherwise. The webserver keeps what it had loaded; one that starts now
    /// would exit, and the daemon does five minutes later.
    #[error("{webserver} refuses the workspace: {}", first(.errors))]
    Rejected {
        /// Which webserver.
        webserver: String,
        /// The error, and behind it what caused it.
        errors: Vec<ErrorLink>,
    },
    /// No location of that name.
    #[error("{webserver} knows no code location `{location}`")]
    UnknownLocation {
        /// Which webserver.
        webserver: String,
        /// The name.
        location: String,
    },
    /// A location that cannot be reloaded alone, such as one that is loaded in the webserver's own process.
    #[error("code location `{location}` of {webserver} cannot be reloaded: {reason}")]
    NotReloadable {
        /// Which webserver.
        webserver: String,
        /// The name.
        location: String,
        /// What Dagster said.
        reason: String,
    },
    /// Somebody before the webserver refuses: the API server, or a proxy.
    #[error("{webserver} cannot be asked: status {status}: {reason}")]
    Refused {
        /// Which webserver.
        webserver: String,
        /// The HTTP status.
        status: u16,
        /// What was said.
        reason: String,
    },
    /// An answer that is not Dagster's GraphQL.
    #[error("{webserver} does not answer as Dagster: {reason} (hint: check the port and the path prefix)")]
    NotDagster {
        /// Which webserver.
        webserver: String,
        /// What came instead.
        reason: String,
    },
    /// An address that nothing can be sent to.
    #[error("`{url}` is no address of a webserver: {reason}")]
    Address {
        /// As given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

fn first(errors: &[ErrorLink]) -> &str {
    errors.first().map_or("it does not say why", |error| &error.message)
}
