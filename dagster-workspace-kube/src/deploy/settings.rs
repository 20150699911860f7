//! How a deployer goes about its jobs, as data: [`Settings`].

use std::path::PathBuf;
use std::time::Duration;

use dagster_workspace_core::lint::Target;

use super::step::Steps;
use crate::api;
use crate::cluster::Given;
use crate::helm::{self, ChartSource};
use crate::reload;
use crate::retry::RetryPolicy;
use crate::rollout;

/// How a deployer goes about its jobs. The default is what most systems need: everything is found by what runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The helm release of the Dagster system; needed where a namespace holds several.
    pub system_release: Option<String>,
    /// Where the values are; by default `dagster-user-deployments-values-yaml`.
    pub values: Given,
    /// Where the workspace is; by default what the webserver mounts.
    pub workspace: Given,
    /// The helm release of the code servers; by default that of those which run, else `dagster-user-deployments`.
    pub release: Option<String>,
    /// Its chart; by default the one that Dagster publishes.
    pub chart: Option<ChartSource>,
    /// The chart's version; by default that of the running system.
    pub chart_version: Option<String>,
    /// The program `helm`; by default where programs are searched.
    pub helm: Option<PathBuf>,
    /// The kubeconfig that helm is told of; by default what helm finds.
    pub kubeconfig: Option<PathBuf>,
    /// The context that helm is told of; by default the current one.
    pub context: Option<String>,
    /// How helm goes about it.
    pub helm_options: helm::Options,
    /// How long to wait for helm, others' helm included, and what to do about a release that is stuck.
    pub patience: helm::Patience,
    /// How writes that lost a race are tried again.
    pub retry: RetryPolicy,
    /// What `managedFields` names as the writer of ConfigMaps.
    pub field_manager: String,
    /// What it names as the writer of restarts.
    pub restart_manager: String,
    /// The versions that documents are judged for; by default those of the running system.
    pub target: Option<Target>,
    /// How long to wait for code servers, and for restarts.
    pub timeout: Duration,
    /// How long and how often webservers are asked.
    pub activation: reload::Policy,
    /// How the workspace becomes active.
    pub activate_by: ActivateBy,
    /// Webservers to ask, by URL, each one process; by default every pod through the API server.
    pub webservers: Vec<String>,
    /// Whether to wait for the daemon.
    pub daemon: Daemon,
    /// What to do where a helm release owns the workspace's ConfigMap.
    pub chart_owned: ChartOwned,
    /// Which steps are wanted.
    pub steps: Steps,
    /// Where both documents are recorded after success; `None`: nowhere. Whatever steps are wanted.
    #[cfg(feature = "object-store")]
    pub recording: Option<super::record::Recording>,
}

/// How a changed workspace becomes active.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ActivateBy {
    /// Webservers are asked to reload, and what cannot be asked is restarted.
    #[default]
    Reload,
    /// Webservers and daemon are restarted, one pod after the other.
    Restart,
}

/// What to do about the daemon, which reads the workspace again by itself, and cannot be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Daemon {
    /// Say by when it has read it.
    #[default]
    Tell,
    /// Wait that long.
    Wait,
}

/// What to do where a helm release owns the workspace's ConfigMap, so that its next upgrade takes the edit back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChartOwned {
    /// Write nothing.
    #[default]
    Refuse,
    /// Write, and warn.
    Allow,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            system_release: None,
            values: Given::default(),
            workspace: Given::default(),
            release: None,
            chart: None,
            chart_version: None,
            helm: None,
            kubeconfig: None,
            context: None,
            helm_options: helm::Options::default(),
            patience: helm::Patience::default(),
            retry: RetryPolicy::default(),
            field_manager: api::FIELD_MANAGER.to_owned(),
            restart_manager: rollout::FIELD_MANAGER.to_owned(),
            target: None,
            timeout: Duration::from_secs(600),
            activation: reload::Policy::default(),
            activate_by: ActivateBy::default(),
            webservers: Vec::new(),
            daemon: Daemon::default(),
            chart_owned: ChartOwned::default(),
            steps: Steps::default(),
            #[cfg(feature = "object-store")]
            recording: None,
        }
    }
}
