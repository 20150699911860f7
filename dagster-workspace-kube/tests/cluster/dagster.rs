//! Real Dagster on 127.0.0.1: code servers, webservers and daemons, and pods through which the API server reaches them.
//! Start with [`Dagster::new`].

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dagster_workspace_kube::reload::Webserver;
use kube::api::{Patch, PatchParams};
use kube::core::Request;
use serde_json::{Value, json};
use testing::{ControlPlane, PodAddress, free_port};
use tokio::time::{sleep, timeout};

use crate::namespace::Namespace;

/// The webserver's port in its pod.
pub(crate) const WEB: u16 = 80;

/// Importing Dagster takes seconds, on a busy machine many.
const START: Duration = Duration::from_secs(180);

/// A folder with a workspace file, and what runs on it.
pub(crate) struct Dagster {
    folder: tempfile::TempDir,
    python: PathBuf,
}

/// A running program. Ends when it is dropped, and with this process.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    log: PathBuf,
}

impl Dagster {
    /// With an empty workspace; `None` where there is no Python, which has then been said.
    pub(crate) fn new() -> Option<Self> {
        let python = testing::python()?;
        let dagster = Self { folder: tempfile::tempdir().unwrap(), python };
        dagster.write_servers(&[]);
        Some(dagster)
    }

    /// Replaces the workspace file at once, as kubelet does.
    pub(crate) fn write_workspace(&self, text: &str) {
        let new = self.folder.path().join("new.yaml");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.workspace()).unwrap();
    }

    /// A workspace of these locations, on 127.0.0.1.
    pub(crate) fn write_servers(&self, servers: &[(&str, u16)]) {
        let entries = servers
            .iter()
            .map(|(name, port)| json!({"grpc_server": {"host": "127.0.0.1", "port": port, "location_name": name}}));
        // JSON is YAML.
        self.write_workspace(&json!({"load_from": entries.collect::<Vec<_>>()}).to_string());
    }

    /// A code server for a file with this Python in it, on a port that is free or a given one. Where loading fails, that
    /// is told to who asks.
    pub(crate) async fn code_server(&self, code: &str, port: Option<u16>) -> Server {
        let port = port.unwrap_or_else(free_port);
        let file = self.folder.path().join(format!("code_{port}.py"));
        fs::write(&file, code).unwrap();
        let (port, file) = (port.to_string(), file.to_string_lossy().into_owned());
        let arguments = ["api", "grpc", "--host", "127.0.0.1", "--port", &port, "-f", &file, "--lazy-load-user-code"];
        let mut server = self.start("api", port.parse().unwrap(), &arguments);
        server.until(async |server| TcpStream::connect(("127.0.0.1", server.port)).is_ok()).await;
        server
    }

    /// A webserver of the workspace, with further arguments. Waits until it answers.
    pub(crate) async fn webserver(&self, arguments: &[&str]) -> Server {
        let port = free_port();
        let (named, file) = (port.to_string(), self.workspace().to_string_lossy().into_owned());
        let mut all = vec!["--host", "127.0.0.1", "--port", &named, "-w", &file];
        all.extend_from_slice(arguments);
        let prefix = arguments.iter().find(|argument| argument.starts_with('/')).unwrap_or(&"");
        let url = Webserver::at(&format!("http://127.0.0.1:{port}{prefix}")).unwrap();
        let mut server = self.start("webserver", port, &all);
        server.until(async |_| url.locations(Duration::from_secs(30)).await.is_ok()).await;
        server
    }

    /// A daemon of the workspace. Waits until it runs.
    pub(crate) async fn daemon(&self) -> Server {
        let file = self.workspace().to_string_lossy().into_owned();
        let mut server = self.start("daemon", 0, &["run", "-w", &file]);
        server.until(async |server| server.said().contains("following daemons")).await;
        server
    }

    fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace.yaml")
    }

    fn start(&self, program: &str, port: u16, arguments: &[&str]) -> Server {
        // A home for each: they would race for who makes the database.
        let home = self.folder.path().join(format!("{program}-{port}"));
        fs::create_dir_all(&home).unwrap();
        fs::write(home.join("dagster.yaml"), "telemetry: {enabled: false}\n").unwrap();
        let log = home.join("log");
        let output = File::create(&log).unwrap();
        let child = Command::new(&self.python)
            .arg(testing::top().join("dagster-workspace-kube/tests/cluster/run_dagster.py"))
            .arg(program)
            .args(arguments)
            .env("DAGSTER_HOME", &home)
            .current_dir(&home)
            .stdin(Stdio::piped())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        Server { child, port, log }
    }
}

impl Server {
    /// What it has written.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Ends it. The port is free then.
    pub(crate) fn stop(&mut self) {
        // The end of its standard input ends it.
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }

    async fn until(&mut self, ready: impl AsyncFn(&Self) -> bool) {
        let waited = timeout(START, async {
            while !ready(self).await {
                if let Some(status) = self.child.try_wait().unwrap() {
                    panic!("it ended with {status}: {}", self.said());
                }
                sleep(Duration::from_millis(100)).await;
            }
        });
        if waited.await.is_err() {
            panic!("it does not come up: {}", self.said());
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A pod in which such a server seems to run.
pub(crate) struct Pod {
    pub(crate) name: String,
    pub(crate) address: PodAddress,
}

impl Pod {
    /// Running and ready, with port [`WEB`] leading to `server`.
    pub(crate) async fn new(namespace: &Namespace, name: &str, server: &Server) -> Self {
        let address = ControlPlane::shared().expect("there is a namespace").pod_address();
        address.route(WEB, server.port);
        let pod = Self { name: name.to_owned(), address };
        let spec = json!({"nodeName": "node", "containers": [{"name": "main", "image": "dagster"}]});
        namespace.create_at(&pods(namespace), &json!({"metadata": {"name": name}, "spec": spec})).await;
        let ip = pod.address.ip().to_string();
        let status = json!({"status": {
            "phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": [{"type": "Ready", "status": "True"}],
        }});
        let patch = Request::new(pods(namespace)).patch_subresource(
            "status",
            name,
            &PatchParams::default(),
            &Patch::Strategic(status),
        );
        namespace.client.request::<Value>(patch.unwrap()).await.unwrap();
        pod
    }

    /// As it is now.
    pub(crate) async fn get(&self, namespace: &Namespace) -> Value {
        let request = Request::new(pods(namespace)).get(&self.name, &kube::api::GetParams::default());
        namespace.client.request(request.unwrap()).await.unwrap()
    }

    /// Takes it away without waiting for a kubelet.
    pub(crate) async fn delete(&self, namespace: &Namespace) {
        let now = kube::api::DeleteParams::default().grace_period(0);
        let request = Request::new(pods(namespace)).delete(&self.name, &now);
        namespace.client.request::<Value>(request.unwrap()).await.unwrap();
    }
}

fn pods(namespace: &Namespace) -> String {
    format!("/api/v1/namespaces/{}/pods", namespace.name)
}
