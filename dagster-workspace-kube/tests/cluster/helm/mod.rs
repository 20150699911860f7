//! Releases with the real helm 3 and 4 on the real API server. [`Site`] is where each test works.

mod failing;
mod fake;
mod racing;
mod stuck;
mod upgrading;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use dagster_workspace_kube::helm::{
    Chart, Helm, Newest, Options, Patience, Release, RollOutError, RolledOut, Schema, Status, Step, Target, Upgrade,
};
use dagster_workspace_kube::store::{Precondition, Store as _, StoreError};
use kube::Client;
use kube::api::{GetParams, ListParams, Patch, PatchParams, PostParams};
use kube::client::{Body, ClientBuilder};
use kube::core::Request;
use serde_json::{Value, json};
use tempfile::TempDir;
use testing::ControlPlane;
use tower::util::MapRequestLayer;

use crate::namespace::{Namespace, values};

/// A namespace, a helm of one version, and a release that does not exist yet.
pub(crate) struct Site {
    pub(crate) namespace: Namespace,
    pub(crate) major: u8,
    pub(crate) upgrade: Upgrade,
    /// With `helm`, `real`, `log`, `pid` and perhaps `script`: see `program.sh`.
    folder: TempDir,
    kubeconfig: PathBuf,
}

type Answer = Result<RolledOut<()>, RollOutError<StoreError>>;

/// Runs a test with helm 3, then with helm 4.
pub(crate) async fn with_each_helm(test: impl AsyncFn(Site)) {
    for major in [3, 4] {
        let Some(site) = Site::new(major).await else { return };
        test(site).await;
    }
}

impl Site {
    async fn new(major: u8) -> Option<Self> {
        let real = testing::helm(major)?;
        let namespace = Namespace::new().await?;
        let kubeconfig = ControlPlane::shared()?.kubeconfig();
        let folder = tempfile::tempdir().unwrap();
        symlink(real, folder.path().join("real")).unwrap();
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/helm/program.sh");
        symlink(program, folder.path().join("helm")).unwrap();
        let mut target = Target::new("code", &namespace.name);
        target.kubeconfig = Some(kubeconfig.clone());
        // The schema of the real chart is fetched from a host that tests do not ask.
        let schema = if std::env::var_os("DAGSTER_CHART").is_some() { Schema::Skip } else { Schema::Validate };
        let upgrade = Upgrade {
            target,
            chart: Chart::path(testing::code_chart()),
            options: Options { schema, ..Options::default() },
        };
        Some(Self { namespace, major, upgrade, folder, kubeconfig })
    }

    /// A helm as a new process of ours has it.
    pub(crate) fn helm(&self) -> Helm {
        Helm::find(Some(&self.folder.path().join("helm")))
    }

    /// What helm is to do from now on before it does what it is asked for.
    pub(crate) fn script(&self, text: &str) {
        fs::write(self.folder.path().join("script"), text).unwrap();
    }

    /// A file beside the program.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The commands that helm was run for since the last call, without their arguments.
    pub(crate) fn runs(&self) -> Vec<String> {
        let log = self.folder.path().join("log");
        let text = fs::read_to_string(&log).unwrap_or_default();
        fs::write(log, "").unwrap();
        text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
    }

    /// The id of the helm that was run last.
    pub(crate) fn pid(&self) -> i32 {
        fs::read_to_string(self.folder.path().join("pid")).unwrap().trim().parse().unwrap()
    }

    /// Runs the real helm as somebody at a terminal does.
    pub(crate) fn by_hand(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(self.folder.path().join("real"));
        command.args(arguments).args(["--namespace", &self.namespace.name]).arg("--kubeconfig").arg(&self.kubeconfig);
        command.output().unwrap()
    }

    /// Writes the values document as a job does that adds these names.
    pub(crate) async fn commit(&self, names: &[&str]) {
        self.commit_text(&document(names)).await;
    }

    pub(crate) async fn commit_text(&self, text: &str) {
        let store = self.namespace.store();
        loop {
            let precondition = match store.get(&values()).await {
                Ok(stored) => Precondition::Matches(stored.version),
                Err(StoreError::NotFound { .. }) => Precondition::Absent,
                Err(error) => panic!("{error:?}"),
            };
            match store.put(&values(), text, precondition).await {
                Ok(_) => return,
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    /// The values as they stand.
    pub(crate) async fn newest(&self) -> Result<Newest<()>, StoreError> {
        let stored = self.namespace.store().get(&values()).await?;
        Ok(Newest { text: stored.text, version: () })
    }

    /// Rolls out what stands in the ConfigMap.
    pub(crate) async fn roll_out(&self, patience: &Patience) -> Answer {
        self.roll_out_telling(patience, |_| ()).await
    }

    pub(crate) async fn roll_out_telling(&self, patience: &Patience, tell: impl FnMut(Step)) -> Answer {
        let client = &self.namespace.client;
        self.helm().roll_out(client, &self.upgrade, patience, || self.newest(), tell).await
    }

    /// Rolls out, which must succeed, and gives how often helm wrote a revision.
    pub(crate) async fn rolled_out(&self) -> RolledOut<()> {
        let outcome = self.roll_out(&patience()).await.unwrap_or_else(|error| panic!("{error:?}"));
        let newest = self.newest().await.unwrap().text;
        assert!(outcome.release.is_deployed_from(&self.upgrade.hash(&newest).unwrap()), "{outcome:?}");
        outcome
    }

    /// The release as the API server knows it.
    pub(crate) async fn release(&self) -> Option<Release> {
        let Target { release, namespace, .. } = &self.upgrade.target;
        dagster_workspace_kube::helm::release(&self.namespace.client, namespace, release).await.unwrap()
    }

    /// Waits until the release stands where it is expected, and will stay for a while.
    pub(crate) async fn release_in(&self, status: Status) -> Release {
        let started = Instant::now();
        loop {
            let found = self.release().await;
            if let Some(release) = found.clone().filter(|release| release.status == status) {
                return release;
            }
            assert!(started.elapsed() < Duration::from_secs(300), "never {status:?}: {found:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The names of the code servers that the cluster has, with the identities of their Services.
    pub(crate) async fn servers(&self) -> Vec<(String, String)> {
        let request = Request::new(format!("/api/v1/namespaces/{}/services", self.namespace.name));
        let request = request.list(&ListParams::default()).unwrap();
        let listed: Value = self.namespace.client.request(request).await.unwrap();
        let text = |service: &Value, field: &str| service["metadata"][field].as_str().unwrap().to_owned();
        listed["items"].as_array().unwrap().iter().map(|of| (text(of, "name"), text(of, "uid"))).collect()
    }

    pub(crate) async fn server_names(&self) -> Vec<String> {
        self.servers().await.into_iter().map(|(name, _)| name).collect()
    }

    /// An object, as `deployments/name`.
    pub(crate) async fn get(&self, api: &str, what: &str) -> Value {
        let (kind, name) = what.split_once('/').unwrap();
        let request = Request::new(format!("{api}/namespaces/{}/{kind}", self.namespace.name));
        self.namespace.client.request(request.get(name, &GetParams::default()).unwrap()).await.unwrap()
    }

    pub(crate) async fn post(&self, api: &str, kind: &str, object: &Value) -> Value {
        post(&self.namespace, api, kind, object).await
    }

    /// Changes fields of an object, as somebody else.
    pub(crate) async fn patch(&self, api: &str, what: &str, fields: &Value) {
        let (kind, name) = what.split_once('/').unwrap();
        let request = Request::new(format!("{api}/namespaces/{}/{kind}", self.namespace.name));
        let request = request.patch(name, &PatchParams::default(), &Patch::Merge(fields)).unwrap();
        self.namespace.client.request::<Value>(request).await.unwrap();
    }

    /// A service account with these rules alone: its client, and a kubeconfig for helm.
    pub(crate) async fn account(&self, rules: &Value) -> (Client, PathBuf) {
        let token = token(&self.namespace, rules).await;
        let text = fs::read_to_string(&self.kubeconfig).unwrap();
        let admin = text.split_once("token: ").and_then(|(_, rest)| rest.split('}').next()).unwrap();
        let kubeconfig = self.file("job.kubeconfig");
        fs::write(&kubeconfig, text.replace(admin, &token)).unwrap();
        (client(&self.namespace, token), kubeconfig)
    }

    /// The administrator's client, with a count of its requests.
    pub(crate) fn counted_client(&self, requests: &Arc<AtomicU32>) -> Client {
        let requests = Arc::clone(requests);
        let count = MapRequestLayer::new(move |request: http::Request<Body>| {
            requests.fetch_add(1, Ordering::Relaxed);
            request
        });
        ClientBuilder::try_from(self.namespace.config.clone()).unwrap().with_layer(&count).build()
    }
}

/// Values with a deployment for each name.
pub(crate) fn document(names: &[&str]) -> String {
    let entry = |name: &&str| {
        format!(
            "  - name: {name}\n    image: {{repository: ghcr.io/acme/{name}, tag: \"1\", pullPolicy: Always}}\n    \
             dagsterApiGrpcArgs: [-m, {name}]\n    port: 3030\n"
        )
    };
    let entries: String = names.iter().map(entry).collect();
    if entries.is_empty() { "deployments: []\n".to_owned() } else { format!("deployments:\n{entries}") }
}

/// As long as a busy machine may need, with short pauses.
pub(crate) fn patience() -> Patience {
    Patience { pause: Duration::from_millis(50), cap: Duration::from_millis(500), ..Patience::default() }
}

/// The client of a service account with these rules alone.
pub(crate) async fn account(namespace: &Namespace, rules: &Value) -> Client {
    client(namespace, token(namespace, rules).await)
}

fn client(namespace: &Namespace, token: String) -> Client {
    let mut config = namespace.config.clone();
    config.auth_info.token = Some(token.into());
    Client::try_from(config).unwrap()
}

async fn token(namespace: &Namespace, rules: &Value) -> String {
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    post(namespace, "/api/v1", "serviceaccounts", &json!({"metadata": {"name": "job"}})).await;
    post(namespace, rbac, "roles", &json!({"metadata": {"name": "job"}, "rules": rules})).await;
    let binding = json!({
        "metadata": {"name": "job"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "job"},
        "subjects": [{"kind": "ServiceAccount", "name": "job", "namespace": namespace.name}],
    });
    post(namespace, rbac, "rolebindings", &binding).await;
    let token = post(namespace, "/api/v1", "serviceaccounts/job/token", &json!({"spec": {}})).await;
    token["status"]["token"].as_str().unwrap().to_owned()
}

async fn post(namespace: &Namespace, api: &str, kind: &str, object: &Value) -> Value {
    let request = Request::new(format!("{api}/namespaces/{}/{kind}", namespace.name));
    let request = request.create(&PostParams::default(), object.to_string().into_bytes()).unwrap();
    namespace.client.request(request).await.unwrap()
}
