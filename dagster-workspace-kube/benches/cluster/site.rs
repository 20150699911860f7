//! Where jobs run: a namespace with a Dagster system, an account for the jobs, and the command as CI runs it.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use dagster_workspace_kube::cluster;
use kube::{Client, Config};
use serde_json::{Value, json};

use crate::audit::Audit;
use crate::namespace::{Namespace, VALUES};
use crate::system::{Said, System, WORKSPACE};

/// Three webservers, three code locations, and an account that may do everything in the namespace.
pub(crate) struct Site {
    pub(crate) system: System,
    folder: tempfile::TempDir,
}

/// An account of a namespace, for clients in this process.
pub(crate) struct Account {
    config: Config,
    pub(crate) user: String,
}

/// A run of the command.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) said: Said,
    pub(crate) wall: Duration,
}

/// May do everything in its namespace; helm needs most of it.
fn rules() -> Value {
    json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}])
}

/// The values that a bench begins with.
pub(crate) const THREE: &str = "# ours
deployments:
  - name: sales
    image: {repository: ghcr.io/acme/sales, tag: \"12e03\", pullPolicy: Always}
    dagsterApiGrpcArgs: [-m, sales]
    port: 4000
  - name: legacy
    image: {repository: ghcr.io/acme/legacy, tag: \"0123456\", pullPolicy: Always}
    dagsterApiGrpcArgs: [-m, legacy]
    port: 3030
  # the newest one
  - name: finance
    image: {repository: ghcr.io/acme/finance, tag: 1.4.0, pullPolicy: Always}
    dagsterApiGrpcArgs: [-m, finance]
    port: 3030
";

/// The workspace that goes with it.
pub(crate) const WORKSPACE_OF_THREE: &str = "load_from:
  - grpc_server: {host: sales, port: 4000, location_name: \"Sales (EU)\"}
  - grpc_server: {host: legacy, port: 3030, location_name: legacy}
  # the newest one
  - grpc_server: {host: finance, port: 3030, location_name: finance}
";

impl Account {
    pub(crate) async fn new(namespace: &Namespace) -> Self {
        let token = namespace.token_of_account("bench", &rules()).await;
        let mut config = namespace.config.clone();
        config.auth_info.token = Some(token.into());
        Self { config, user: format!("system:serviceaccount:{}:bench", namespace.name) }
    }

    /// A client of its own, and so with connections of its own.
    pub(crate) fn client(&self) -> Client {
        Client::try_from(cluster::bounded(self.config.clone())).unwrap()
    }

    pub(crate) fn audit(&self) -> Audit {
        Audit::of(&self.user)
    }
}

impl Site {
    pub(crate) async fn new() -> Self {
        let external = json!({"enabled": true, "servers": [], "externalConfigmap": WORKSPACE});
        let system = System::with(4, &json!({"dagsterWebserver": {"replicaCount": 3, "workspace": external}})).await;
        let system = system.expect("a control plane and helm");
        let folder = system.kubeconfig_of_account(&rules()).await;
        let site = Self { system, folder };
        site.reset().await;
        site
    }

    /// The documents as they were at the beginning.
    pub(crate) async fn reset(&self) {
        let namespace = &self.system.namespace;
        namespace.merge("/api/v1", "configmaps", VALUES, &json!({"data": {"values.yaml": THREE}})).await;
        namespace
            .merge("/api/v1", "configmaps", WORKSPACE, &json!({"data": {"workspace.yaml": WORKSPACE_OF_THREE}}))
            .await;
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    pub(crate) fn audit(&self) -> Audit {
        Audit::of(&format!("system:serviceaccount:{}:job", self.system.namespace.name))
    }

    /// The command as the account.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.system.command_without(&["--kubeconfig"], arguments);
        command.arg("--kubeconfig").arg(self.kubeconfig()).args(["--output", "json"]);
        command
    }

    /// The same where helm is a program that does not exist: a job that runs it fails.
    pub(crate) fn command_without_helm(&self, arguments: &[&str]) -> Command {
        let mut command = self.system.command_without(&["--kubeconfig", "--helm"], arguments);
        command.arg("--kubeconfig").arg(self.kubeconfig()).args(["--output", "json", "--helm", "/nowhere/helm"]);
        command
    }

    /// How many of the names do not stand once in the values and once in the workspace.
    pub(crate) async fn lost(&self, names: &[String]) -> usize {
        let (deployments, locations) = (deployments(&self.system.values().await), self.locations().await);
        let once = |name: &&String, all: &[String]| all.iter().filter(|other| other == name).count() == 1;
        let both = |name: &&String| once(name, &deployments) && once(name, &locations);
        names.len() - names.iter().filter(both).count()
    }

    /// The names in the workspace, as another reader of YAML finds them.
    pub(crate) async fn locations(&self) -> Vec<String> {
        let workspace: serde_yaml::Value = serde_yaml::from_str(&self.system.workspace().await).unwrap();
        let servers = workspace["load_from"].as_sequence().unwrap().iter();
        servers.filter_map(|server| Some(server["grpc_server"]["location_name"].as_str()?.to_owned())).collect()
    }
}

/// The names in a values document, as another reader of YAML finds them.
pub(crate) fn deployments(values: &str) -> Vec<String> {
    let values: serde_yaml::Value = serde_yaml::from_str(values).unwrap();
    let entries = values["deployments"].as_sequence().unwrap().iter();
    entries.filter_map(|entry| Some(entry["name"].as_str()?.to_owned())).collect()
}

/// Runs a command to its end, while this runtime goes on.
pub(crate) async fn run(mut command: Command) -> Run {
    let running = tokio::task::spawn_blocking(move || {
        let started = Instant::now();
        let output = command.output().unwrap();
        Run { wall: started.elapsed(), said: output.into() }
    });
    running.await.unwrap()
}

/// Runs all of them at the same time, and gives how long that took as a whole.
pub(crate) async fn run_at_once(commands: Vec<Command>) -> (Vec<Run>, Duration) {
    let started = Instant::now();
    let running: Vec<_> = commands.into_iter().map(|command| tokio::spawn(run(command))).collect();
    let mut runs = Vec::new();
    for run in running {
        runs.push(run.await.unwrap());
    }
    (runs, started.elapsed())
}
