//! What runs on a cluster, and how it is talked to. [`connect`] gives a client, [`discover`] the Dagster system of a namespace.
//!
//! Everything here reads, but for [`adopt`], which changes the labels and annotations of one ConfigMap. What is read comes back
//! as plain data: judging it is [`doctor`]'s, acting on it the caller's. Every request is sent once and ends with the
//! deadline in [`REQUEST`]; an [`ApiError`] says whether trying again may help.

mod access;
mod adopt;
mod call;
mod config_map;
mod connect;
mod discover;
mod doctor;
mod namespace;
mod object;
mod owner;
mod pods;
mod release;
mod workload;

use std::time::Duration;

use kube::Config;

pub use access::{Documents, Permission, Task, missing, needed, role_yaml};
pub use adopt::{AdoptError, Adopted, Adoption, Upgrade, adopt, adoption};
pub use call::{ApiError, Operation};
pub use config_map::{ConfigMap, Found, Given, Holder, config_map, values_holder, workspace_holder};
pub use connect::{Cluster, ConnectError, Connected, Connection, connect};
pub use discover::{CodeServer, DiscoverError, System, Wanted, code_servers, discover, survey};
pub use doctor::{Facts, Finding, doctor};
pub use namespace::{NamespaceState, create_namespace, namespace};
pub use owner::Owner;
pub use pods::{Pod, pods};
pub use release::{Release, ReleaseError, release};
pub use workload::{Mount, Projection, Reloader, Role, Workload};

/// How long the API server may be silent before a request counts as lost.
pub const SILENCE: Duration = Duration::from_secs(30);

/// How long a request of this module takes at most, with its answer: wall-clock time from sending it.
pub const REQUEST: Duration = Duration::from_secs(60);

/// The same cluster and credentials, without `kube`'s own repetitions and with an end to every silence.
///
/// By itself `kube` repeats every request, writes included, up to 15 times on status 429, 503 and 504 without a limit in
/// time: 20 writers at a server that was busy took up to 141 s. Here the apply loop repeats, under one deadline. A server that
/// accepts a connection and then says nothing would be waited for as long as it likes; after [`SILENCE`], or after
/// `config.read_timeout` where that is set, the answer counts as lost.
///
/// ```no_run
/// # async fn connect() -> Result<kube::Client, Box<dyn std::error::Error>> {
/// use dagster_workspace_kube::cluster;
/// let client = kube::Client::try_from(cluster::bounded(kube::Config::infer().await?))?;
/// # Ok(client)
/// # }
/// ```
#[must_use]
pub fn bounded(mut config: Config) -> Config {
    config.default_retry = false;
    config.read_timeout.get_or_insert(SILENCE);
    // Else the time that a connection lay idle would count as silence.
    config.reset_reader_on_write = true;
    config
}
