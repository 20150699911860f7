//! A Dagster system to deploy to: [`System`], and the command as its users run it.

use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use testing::ControlPlane;

use crate::chart::Helm;
use crate::kubelet::{Kubelet, Pods};
use crate::namespace::{Namespace, VALUES, config_map};
use crate::standin::Webservers;

pub(crate) const WORKSPACE: &str = "dagster-workspace-yaml";

/// A namespace with a system whose workspace is nobody's, empty documents, and two webservers.
pub(crate) struct System {
    pub(crate) namespace: Namespace,
    pub(crate) kubelet: Kubelet,
    pub(crate) webservers: Webservers,
    pub(crate) helm: Helm,
    pub(crate) major: u8,
}

/// What one run of the command came to.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

impl From<Output> for Said {
    fn from(Output { status, stdout, stderr }: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { exit: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
    }
}

impl System {
    /// With helm 3 or 4; `None` where something is missing, which has then been said.
    pub(crate) async fn new(major: u8) -> Option<Self> {
        let external = json!({"enabled": true, "servers": [], "externalConfigmap": WORKSPACE});
        Self::with(major, &json!({"dagsterWebserver": {"replicaCount": 2, "workspace": external}})).await
    }

    /// With further values of the system's chart.
    pub(crate) async fn with(major: u8, values: &Value) -> Option<Self> {
        let namespace = Namespace::new().await?;
        let helm = Helm::new(major, &namespace)?;
        namespace.create(&config_map(VALUES, "values.yaml", "# ours\ndeployments: []\n")).await;
        let mut values = values.clone();
        values["dagster-user-deployments"] = json!({"enabled": true, "enableSubchart": false});
        if values["dagsterWebserver"]["workspace"]["externalConfigmap"].is_string() {
            namespace.create(&config_map(WORKSPACE, "workspace.yaml", "load_from: []\n")).await;
        }
        let webservers = Webservers::new(&namespace, WORKSPACE);
        let kubelet = Kubelet::start(&namespace);
        kubelet.run_webservers(Pods::Label("component".into(), "dagster-webserver".into()), &webservers);
        kubelet.run_webservers(
            Pods::Label("component".into(), "dagster-webserver-read-only".into()),
            &webservers.read_only(),
        );
        helm.system("dagster", &values);
        let system = Self { namespace, kubelet, webservers, helm, major };
        system.until_ready("dagster-dagster-webserver").await;
        Some(system)
    }

    pub(crate) async fn until_ready(&self, deployment: &str) {
        let ready = async || {
            let found = self.namespace.deployment(deployment).await;
            let wanted = found["spec"]["replicas"].as_u64();
            (found["status"]["availableReplicas"].as_u64() == wanted).then_some(())
        };
        self.namespace.until(ready).await;
    }

    /// The program, on this system.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_without(&[], arguments)
    }

    /// The same without some of the options that say where and how.
    pub(crate) fn command_without(&self, left_out: &[&str], arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dagster-workspace"));
        command.args(arguments);
        let options = [
            ("--namespace", self.namespace.name.clone().into()),
            ("--helm", testing::helm(self.major).unwrap()),
            ("--chart", testing::code_chart()),
            ("--kubeconfig", ControlPlane::shared().unwrap().kubeconfig()),
        ];
        for (name, value) in options.into_iter().filter(|(name, _)| !left_out.contains(name)) {
            command.arg(name).arg(value);
        }
        let home = self.helm.home();
        for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
            command.env(variable, home);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end, while this runtime goes on.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Said {
        let mut command = self.command(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap().into()).await.unwrap()
    }

    /// Runs it with JSON as its answer, which it must give.
    pub(crate) async fn done(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.extend(["--output", "json"]);
        let said = self.run(&all).await;
        assert_eq!(said.exit, 0, "{arguments:?}: {said:#?}");
        said.json()
    }

    /// A folder with a kubeconfig `config` of an account that has only these rules.
    pub(crate) async fn kubeconfig_of_account(&self, rules: &Value) -> tempfile::TempDir {
        self.kubeconfig_of("job", rules).await
    }

    /// The same for one of several accounts.
    pub(crate) async fn kubeconfig_of(&self, account: &str, rules: &Value) -> tempfile::TempDir {
        let token = self.namespace.token_of_account(account, rules).await;
        let folder = tempfile::tempdir().unwrap();
        let text = std::fs::read_to_string(ControlPlane::shared().unwrap().kubeconfig()).unwrap();
        let mut config: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
        config["users"][0]["user"] = serde_yaml::from_str(&format!("token: {token}")).unwrap();
        std::fs::write(folder.path().join("config"), serde_yaml::to_string(&config).unwrap()).unwrap();
        folder
    }

    pub(crate) async fn values(&self) -> String {
        self.namespace.get(VALUES).await["data"]["values.yaml"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn workspace(&self) -> String {
        self.namespace.get(WORKSPACE).await["data"]["workspace.yaml"].as_str().unwrap().to_owned()
    }

    /// The newest revision of the code servers' release; `0` where there is none.
    pub(crate) fn revision(&self) -> u64 {
        let output = self.helm.command(&["history", "dagster-user-deployments", "--output", "json"]).output().unwrap();
        let history: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        history.as_array().and_then(|revisions| revisions.last()?["revision"].as_u64()).unwrap_or(0)
    }
}
