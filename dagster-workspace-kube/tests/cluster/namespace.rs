//! A namespace of the shared API server, and what tests do in it behind the store's back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dagster_workspace_kube::cluster;
use dagster_workspace_kube::store::{ConfigMaps, Key};
use kube::api::{DeleteParams, GetParams, ListParams, Patch, PatchParams, PostParams};
use kube::client::{Body, ClientBuilder};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::Request;
use kube::{Client, Config};
use serde_json::{Value, json};
use testing::ControlPlane;
use tower::util::MapRequestLayer;

/// A namespace of one's own, and the administrator's client.
pub(crate) struct Namespace {
    pub(crate) name: String,
    pub(crate) config: Config,
    pub(crate) client: Client,
}

impl Namespace {
    /// A new one; `None` where there is no API server, which has then been said.
    pub(crate) async fn new() -> Option<Self> {
        let kubeconfig = Kubeconfig::read_from(ControlPlane::shared()?.kubeconfig()).unwrap();
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        let config = cluster::bounded(config);
        let client = Client::try_from(config.clone()).unwrap();
        let namespace = Self { name: String::new(), config, client };
        let created = namespace.create_at("/api/v1/namespaces", &json!({"metadata": {"generateName": "test-"}})).await;
        Some(Self { name: created["metadata"]["name"].as_str().unwrap().to_owned(), ..namespace })
    }

    /// A store as the administrator.
    pub(crate) fn store(&self) -> ConfigMaps {
        ConfigMaps::new(self.client.clone(), &self.name)
    }

    /// A store with a client, and so with connections, of its own, whose requests are counted.
    pub(crate) fn counted_store(&self, requests: &Arc<AtomicU32>) -> ConfigMaps {
        ConfigMaps::new(self.counted(requests), &self.name)
    }

    /// A client of its own, whose requests are counted.
    pub(crate) fn counted(&self, requests: &Arc<AtomicU32>) -> Client {
        let requests = Arc::clone(requests);
        self.watched_client(move || {
            requests.fetch_add(1, Ordering::Relaxed);
        })
    }

    /// A client of its own, which tells of each request before it goes out.
    pub(crate) fn watched_client(&self, watch: impl Fn() + Clone + Send + Sync + 'static) -> Client {
        let watch = MapRequestLayer::new(move |request: http::Request<Body>| {
            watch();
            request
        });
        ClientBuilder::try_from(self.config.clone()).unwrap().with_layer(&watch).build()
    }

    /// A store as a service account that has only `verbs` on ConfigMaps.
    pub(crate) async fn store_of_account(&self, verbs: &[&str]) -> ConfigMaps {
        let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs}]);
        ConfigMaps::new(self.account("job", &rules).await, &self.name)
    }

    /// A client as a new service account with these rules, as a Role has them, and no others.
    pub(crate) async fn account(&self, account: &str, rules: &Value) -> Client {
        let mut config = self.config.clone();
        config.auth_info.token = Some(self.token_of_account(account, rules).await.into());
        Client::try_from(config).unwrap()
    }

    /// A token of such an account.
    pub(crate) async fn token_of_account(&self, account: &str, rules: &Value) -> String {
        let accounts = format!("/api/v1/namespaces/{}/serviceaccounts", self.name);
        let roles = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}", self.name);
        self.create_at(&accounts, &json!({"metadata": {"name": account}})).await;
        self.create_at(&format!("{roles}/roles"), &json!({"metadata": {"name": account}, "rules": rules})).await;
        let binding = json!({
            "metadata": {"name": account},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": self.name}],
        });
        self.create_at(&format!("{roles}/rolebindings"), &binding).await;
        self.until_permitted(account, rules).await;
        self.token(account).await
    }

    /// Waits until the API server knows of the rules: it learns of roles and bindings by a watch, a moment after they are made.
    async fn until_permitted(&self, account: &str, rules: &Value) {
        let first = |rule: &Value, key: &str| rule[key][0].clone();
        for rule in rules.as_array().unwrap() {
            let resource = first(rule, "resources");
            let (resource, subresource) = match resource.as_str().unwrap().split_once('/') {
                Some((resource, subresource)) => (json!(resource), json!(subresource)),
                None => (resource.clone(), Value::Null),
            };
            let review = json!({"spec": {
                "user": format!("system:serviceaccount:{}:{account}", self.name),
                "resourceAttributes": {
                    "namespace": self.name,
                    "group": first(rule, "apiGroups"),
                    "resource": resource,
                    "subresource": subresource,
                    "verb": first(rule, "verbs"),
                    "name": first(rule, "resourceNames"),
                },
            }});
            self.until(async || {
                let review = self.create_at("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review).await;
                review["status"]["allowed"].as_bool().filter(|allowed| *allowed)
            })
            .await;
        }
    }

    /// A token of a service account.
    pub(crate) async fn token(&self, account: &str) -> String {
        let token = format!("/api/v1/namespaces/{}/serviceaccounts/{account}/token", self.name);
        let token = self.create_at(&token, &json!({"spec": {}})).await;
        token["status"]["token"].as_str().unwrap().to_owned()
    }

    /// A merge patch of any object.
    pub(crate) async fn merge(&self, group: &str, resource: &str, name: &str, change: &Value) -> Value {
        let request = Request::new(format!("{group}/namespaces/{}/{resource}", self.name))
            .patch(name, &PatchParams::default(), &Patch::Merge(change))
            .unwrap();
        self.client.request(request).await.unwrap()
    }

    /// Asks again and again until there is an answer, at most a minute.
    pub(crate) async fn until<T>(&self, ask: impl AsyncFn() -> Option<T>) -> T {
        let asking = async {
            loop {
                if let Some(answer) = ask().await {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), asking).await.expect("it does not come about")
    }

    pub(crate) async fn create(&self, object: &Value) -> Value {
        self.create_at(&self.path(), object).await
    }

    pub(crate) async fn get(&self, name: &str) -> Value {
        let request = Request::new(self.path()).get(name, &GetParams::default()).unwrap();
        self.client.request(request).await.unwrap()
    }

    pub(crate) async fn delete(&self, name: &str) {
        self.delete_at(&self.path(), name).await;
    }

    /// Deletes the namespace with everything in it, and waits until it is gone.
    pub(crate) async fn delete_all(&self) {
        let request = Request::new("/api/v1/namespaces").delete(&self.name, &DeleteParams::default()).unwrap();
        self.client.request::<Value>(request).await.unwrap();
        self.until(async || (!self.exists().await).then_some(())).await;
    }

    /// Whether there is such a namespace.
    pub(crate) async fn exists(&self) -> bool {
        let request = Request::new("/api/v1/namespaces").get(&self.name, &GetParams::default()).unwrap();
        match self.client.request::<Value>(request).await {
            Ok(_) => true,
            Err(kube::Error::Api(status)) if status.code == 404 => false,
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn create_deployment(&self, object: &Value) -> Value {
        self.create_at(&self.deployments(), object).await
    }

    pub(crate) async fn deployment(&self, name: &str) -> Value {
        let request = Request::new(self.deployments()).get(name, &GetParams::default()).unwrap();
        self.client.request(request).await.unwrap()
    }

    pub(crate) async fn delete_deployment(&self, name: &str) {
        self.delete_at(&self.deployments(), name).await;
    }

    pub(crate) async fn delete_lease(&self, name: &str) {
        self.delete_at(&format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.name), name).await;
    }

    async fn delete_at(&self, path: &str, name: &str) {
        let request = Request::new(path).delete(name, &DeleteParams::default()).unwrap();
        self.client.request::<Value>(request).await.unwrap();
    }

    /// The objects with these labels, but for those that are going.
    pub(crate) async fn list(&self, group: &str, resource: &str, labels: &str) -> Vec<Value> {
        let request = Request::new(format!("{group}/namespaces/{}/{resource}", self.name));
        let request = request.list(&ListParams::default().labels(labels)).unwrap();
        let list: Value = self.client.request(request).await.unwrap();
        let there = list["items"].as_array().unwrap().iter();
        there.filter(|object| object["metadata"]["deletionTimestamp"].is_null()).cloned().collect()
    }

    fn deployments(&self) -> String {
        format!("/apis/apps/v1/namespaces/{}/deployments", self.name)
    }

    pub(crate) async fn secret(&self, name: &str) -> Value {
        let secrets = format!("/api/v1/namespaces/{}/secrets", self.name);
        self.client.request(Request::new(secrets).get(name, &GetParams::default()).unwrap()).await.unwrap()
    }

    fn path(&self) -> String {
        format!("/api/v1/namespaces/{}/configmaps", self.name)
    }

    pub(crate) async fn create_at(&self, path: &str, object: &Value) -> Value {
        let request = Request::new(path).create(&PostParams::default(), object.to_string().into_bytes()).unwrap();
        self.client.request(request).await.unwrap()
    }
}

/// The values' document.
pub(crate) fn values() -> Key {
    Key::new("values.yaml").unwrap()
}

/// Where it is by default.
pub(crate) const VALUES: &str = "dagster-user-deployments-values-yaml";

/// A ConfigMap with one value.
pub(crate) fn config_map(name: &str, key: &str, text: &str) -> Value {
    json!({"metadata": {"name": name}, "data": {key: text}})
}
