//! How a cluster is talked to: a `kube` client whose repetitions and silences are ours to decide. Start with [`bounded`].

use std::time::Duration;

use kube::Config;

/// How long the API server may be silent before a request counts as lost.
pub const SILENCE: Duration = Duration::from_secs(30);

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
