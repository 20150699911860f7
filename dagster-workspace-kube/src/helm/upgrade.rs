//! What helm is asked for, as data: [`Upgrade`] is one release, its chart, and how to go about it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::chart::{self, Chart};
use super::error::HelmError;
use super::program::Major;
use super::release::{HASH, REVISION};
use crate::hash;

/// A release, and how helm reaches its cluster: the same one that the client talks to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its name.
    pub release: String,
    /// Its namespace.
    pub namespace: String,
    /// A file with clusters and credentials; by default what helm finds.
    pub kubeconfig: Option<PathBuf>,
    /// Which context of it; by default the current one.
    pub context: Option<String>,
}

impl Target {
    /// A release in the cluster that helm finds by itself.
    #[must_use]
    pub fn new(release: impl Into<String>, namespace: impl Into<String>) -> Self {
        Self { release: release.into(), namespace: namespace.into(), kubeconfig: None, context: None }
    }

    /// The arguments of every command that name the cluster.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let Self { release: _, namespace, kubeconfig, context } = self;
        let mut arguments: Vec<OsString> = vec!["--namespace".into(), namespace.into()];
        if let Some(path) = kubeconfig {
            arguments.extend(["--kubeconfig".into(), path.into()]);
        }
        if let Some(name) = context {
            arguments.extend(["--kube-context".into(), name.into()]);
        }
        arguments
    }
}

/// Whether helm waits until what it has written is ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// No: whoever needs it waits for the Deployments, and says more of their pods than helm does.
    #[default]
    No,
    /// Until all Deployments are ready; else the release is marked as failed.
    Ready,
}

/// What becomes of a release that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// It stays as it is; the next upgrade goes on from there.
    #[default]
    Keep,
    /// The revision before it comes back, and a first one is uninstalled. helm then waits as with [`Wait::Ready`].
    RollBack,
}

/// Whether helm judges the values by the chart's schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schema {
    /// Yes. Charts of Dagster up to the end of 2025 then fail, for their schema refers to one that is gone.
    #[default]
    Validate,
    /// No.
    Skip,
}

/// How a registry of charts is talked to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// By TLS; helm 3 also talks without it to a registry on the same machine.
    #[default]
    Tls,
    /// By HTTP without TLS, as to a registry within the cluster.
    Plain,
}

/// How helm goes about it. None of this changes what is deployed, so none of it is in the hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// How long helm may wait for any single thing.
    pub timeout: Duration,
    /// Whether it waits until all is ready.
    pub wait: Wait,
    /// What becomes of a release that failed.
    pub on_failure: OnFailure,
    /// Whether the values are judged by the chart's schema.
    pub schema: Schema,
    /// How the chart's registry is talked to.
    #[serde(default)]
    pub transport: Transport,
    /// How many revisions are kept.
    pub history_max: u32,
}

impl Default for Options {
    /// As helm: 5 minutes, 10 revisions, no waiting, no rolling back.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(300),
            wait: Wait::default(),
            on_failure: OnFailure::default(),
            schema: Schema::default(),
            transport: Transport::default(),
            history_max: 10,
        }
    }
}

/// A release that is to be made of a chart and values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upgrade {
    /// Which release, where.
    pub target: Target,
    /// From which chart.
    pub chart: Chart,
    /// How.
    pub options: Options,
}

impl Upgrade {
    /// What tells the outcome from any other: the values' bytes, and the chart with its version. 40 hexadecimal digits, which
    /// a label can hold. Of a chart in a folder it is the content that counts, not where it stands.
    ///
    /// # Errors
    /// [`HelmError::Chart`]: the folder or file cannot be read.
    pub fn hash(&self, values: &str) -> Result<String, HelmError> {
        let chart = self.chart.digest().map_err(|error| HelmError::Chart { words: error.to_string() })?;
        let mut digest = Sha256::new();
        chart::add(&mut digest, &["dagster-workspace release 1", values]);
        digest.update(chart);
        let mut hash = hash::hex(&digest.finalize());
        hash.truncate(40);
        Ok(hash)
    }

    /// The arguments of `helm upgrade`, for a release that is to carry `hash` as `revision`.
    pub(super) fn arguments(&self, major: Major, hash: &str, revision: u32) -> Vec<OsString> {
        let Self { target, chart, options } = self;
        let Options { timeout, wait, on_failure, schema, transport, history_max } = options;
        // Without `--reset-values` a document without content would mean the values of the last release.
        let mut arguments: Vec<OsString> =
            ["upgrade", "--install", "--reset-values", "--values", "-"].map(Into::into).into();
        arguments.extend(target.arguments());
        arguments.extend(["--timeout".into(), seconds(*timeout)]);
        arguments.extend(["--history-max".into(), history_max.to_string().into()]);
        arguments.extend(["--labels".into(), format!("{HASH}={hash},{REVISION}={revision}").into()]);
        // For those who may not read labels. helm writes its own words here when it fails, and when it rolls back.
        arguments.extend(["--description".into(), super::release::description(hash).into()]);
        match (wait, major) {
            (Wait::No, _) => {}
            (Wait::Ready, Major::Three) => arguments.push("--wait".into()),
            (Wait::Ready, Major::Four) => arguments.push("--wait=watcher".into()),
        }
        match (on_failure, major) {
            (OnFailure::Keep, _) => {}
            (OnFailure::RollBack, Major::Three) => arguments.push("--atomic".into()),
            (OnFailure::RollBack, Major::Four) => arguments.push("--rollback-on-failure".into()),
        }
        if *schema == Schema::Skip {
            arguments.push("--skip-schema-validation".into());
        }
        if *transport == Transport::Plain {
            arguments.push("--plain-http".into());
        }
        let (name, options) = chart.arguments();
        arguments.extend(options);
        arguments.extend(["--".into(), target.release.clone().into(), name]);
        arguments
    }
}

/// A time as helm reads it.
pub(super) fn seconds(time: Duration) -> OsString {
    format!("{}s", time.as_secs().max(1)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upgrade() -> Upgrade {
        let mut target = Target::new("code", "dagster");
        target.context = Some("prod".into());
        Upgrade { target, chart: Chart::dagster_user_deployments("1.13.27"), options: Options::default() }
    }

    #[test]
    fn arguments_of_both_versions() {
        let mut upgrade = upgrade();
        let common = "upgrade --install --reset-values --values - --namespace dagster --kube-context prod --timeout 300s \
                      --history-max 10 --labels dagster-workspace/hash=abc,dagster-workspace/revision=7 --description";
        let chart = "--repo https://dagster-io.github.io/helm --version 1.13.27 -- code dagster-user-deployments";
        let check = |upgrade: &Upgrade, major, options: &str| {
            let arguments = upgrade.arguments(major, "abc", 7);
            let arguments: Vec<&str> = arguments.iter().map(|argument| argument.to_str().unwrap()).collect();
            let at = arguments.iter().position(|argument| *argument == "--description").unwrap() + 1;
            assert_eq!(arguments[at], "dagster-workspace abc");
            assert_eq!(
                (arguments[..at].join(" "), arguments[at + 1..].join(" ")),
                (common.into(), format!("{options}{chart}"))
            );
        };
        check(&upgrade, Major::Three, "");
        check(&upgrade, Major::Four, "");
        upgrade.options.wait = Wait::Ready;
        upgrade.options.on_failure = OnFailure::RollBack;
        upgrade.options.schema = Schema::Skip;
        upgrade.options.transport = Transport::Plain;
        check(&upgrade, Major::Three, "--wait --atomic --skip-schema-validation --plain-http ");
        check(&upgrade, Major::Four, "--wait=watcher --rollback-on-failure --skip-schema-validation --plain-http ");
    }

    #[test]
    fn hash_covers_values_and_chart_and_nothing_else() {
        let first = upgrade();
        let hash = |upgrade: &Upgrade, values: &str| upgrade.hash(values).unwrap();
        let reference = hash(&first, "a: 1\n");
        assert!(reference.len() == 40 && reference.bytes().all(|byte| byte.is_ascii_hexdigit()), "{reference}");
        assert_ne!(hash(&first, "a: 1"), reference);
        let mut other = first.clone();
        other.options =
            Options { timeout: Duration::from_secs(1), wait: Wait::Ready, schema: Schema::Skip, ..Options::default() };
        other.target.context = None;
        assert_eq!(hash(&other, "a: 1\n"), reference);
        other.chart.version = Some("1.13.28".into());
        assert_ne!(hash(&other, "a: 1\n"), reference);
    }
}
