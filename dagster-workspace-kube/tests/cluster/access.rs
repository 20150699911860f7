//! A service account with exactly the printed role does the work, and one without a permission is told which.

use dagster_workspace_core::lint::Target;
use dagster_workspace_core::transform::Transform;
use dagster_workspace_core::workspace::GrpcServer;
use dagster_workspace_kube::apply::apply;
use dagster_workspace_kube::cluster::{self, Documents, Permission, Task, Wanted};
use dagster_workspace_kube::retry::RetryPolicy;
use dagster_workspace_kube::store::{ConfigMaps, Key};
use kube::Client;
use serde_json::{Value, json};

use crate::chart::Helm;
use crate::namespace::{Namespace, VALUES, config_map, values};

fn documents() -> Documents {
    Documents { values: VALUES.to_owned(), workspace: "dagster-workspace-yaml".to_owned() }
}

/// The rules of the role as it is printed.
fn rules(namespace: &Namespace, permissions: &[Permission]) -> Value {
    let text = cluster::role_yaml("job", &namespace.name, "job", permissions);
    let role = text.split("---\n").next().unwrap();
    serde_yaml::from_str::<Value>(role).unwrap()["rules"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn printed_role_is_enough_for_documents_and_discovery() {
    let Some(namespace) = Namespace::new().await else { return };
    let Some(helm) = Helm::new(3, &namespace) else { return };
    let workspace = json!({"enabled": true, "servers": [], "externalConfigmap": "dagster-workspace-yaml"});
    let code = json!({"enabled": true, "enableSubchart": false});
    helm.system("dagster", &json!({"dagsterWebserver": {"workspace": workspace}, "dagster-user-deployments": code}));
    namespace.create(&config_map("dagster-workspace-yaml", "workspace.yaml", "load_from: []\n")).await;

    let permissions = cluster::needed(&[Task::Read, Task::Documents], &documents());
    let client = namespace.account("job", &rules(&namespace, &permissions)).await;
    let name = namespace.name.as_str();
    assert_eq!(cluster::missing(&client, name, &permissions).await.unwrap(), []);
    let system = cluster::discover(&client, name, &Wanted::default()).await.unwrap();
    cluster::pods(&client, name, &system.workloads[0]).await.unwrap();
    cluster::code_servers(&client, name).await.unwrap();
    cluster::config_map(&client, name, "dagster-workspace-yaml").await.unwrap().unwrap();

    let store = ConfigMaps::new(client, name);
    let add = [Transform::AddLocation { server: GrpcServer::new("etl", "etl", 3030) }];
    let workspace = Key::new("workspace.yaml").unwrap();
    let (target, policy) = (Target::default(), RetryPolicy::default());
    apply(&store, &workspace, &add, &target, &policy).await.unwrap();
    create(&store, &values()).await;
}

/// Makes a document that is missing.
async fn create(store: &ConfigMaps, key: &Key) {
    use dagster_workspace_kube::apply::{Absent, apply_with};
    let keep = |_: &str| Ok::<_, std::convert::Infallible>(None);
    let create = Absent::Create("deployments: []\n");
    apply_with(store, key, create, &RetryPolicy::default(), keep).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_permission_that_is_missing_is_named() {
    let Some(namespace) = Namespace::new().await else { return };
    let all = cluster::needed(&Task::ALL, &documents());
    let client = namespace.account("job", &rules(&namespace, &all)).await;
    assert_eq!(cluster::missing(&client, &namespace.name, &all).await.unwrap(), []);
    // The smaller set names objects, so that each is asked for by itself.
    let some = cluster::needed(
        &[Task::Read, Task::Documents, Task::Reload, Task::Restart, Task::Lease, Task::Adopt],
        &documents(),
    );
    assert!(some.iter().any(|permission| permission.name.is_some()));
    for (number, permission) in some.iter().enumerate() {
        let others: Vec<Permission> = some.iter().filter(|other| *other != permission).cloned().collect();
        set_rules(&namespace, &others).await;
        let missing = || missing_once_seen(&client, &namespace, &some, 1);
        assert_eq!(missing().await, std::slice::from_ref(permission), "number {number}");
    }
}

async fn set_rules(namespace: &Namespace, permissions: &[Permission]) {
    let change = json!({"rules": rules(namespace, permissions)});
    namespace.merge("/apis/rbac.authorization.k8s.io/v1", "roles", "job", &change).await;
}

/// The server's authorizer learns of a changed role a moment later.
async fn missing_once_seen(
    client: &Client,
    namespace: &Namespace,
    permissions: &[Permission],
    count: usize,
) -> Vec<Permission> {
    namespace
        .until(async || {
            let missing = cluster::missing(client, &namespace.name, permissions).await.unwrap();
            (missing.len() == count).then_some(missing)
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn printed_role_is_enough_for_helm() {
    let Some(namespace) = Namespace::new().await else { return };
    let Some(both) = Helm::both(&namespace) else { return };
    let kubelet = crate::kubelet::Kubelet::start(&namespace);
    let permissions = cluster::needed(&[Task::Helm], &documents());
    namespace.account("job", &rules(&namespace, &permissions)).await;
    let token = namespace.token("job").await;
    let deployment = |tag: &str| json!([{"name": "etl", "image": {"repository": "r", "tag": tag, "pullPolicy": "Always"}, "port": 3030}]);
    let folder = tempfile::tempdir().unwrap();
    for (helm, wait) in both.iter().zip(["--wait", "--wait=watcher"]) {
        for deployments in [deployment("1"), deployment("2"), json!([])] {
            let file = folder.path().join("values.yaml");
            std::fs::write(&file, json!({"deployments": deployments}).to_string()).unwrap();
            let mut command =
                helm.command(&["upgrade", "--install", "code", wait, "--timeout", "60s", "--kube-token", &token]);
            // The token counts only beside a kubeconfig that has no certificate.
            command.env("KUBECONFIG", without_certificate(&folder, &namespace));
            let output = command.arg(testing::code_chart()).arg("--values").arg(&file).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let mut command = helm.command(&["uninstall", "code", "--kube-token", &token]);
        command.env("KUBECONFIG", without_certificate(&folder, &namespace));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    drop(kubelet);
}

/// A kubeconfig that says where the server is, but not who asks.
fn without_certificate(folder: &tempfile::TempDir, namespace: &Namespace) -> std::path::PathBuf {
    let plane = testing::ControlPlane::shared().unwrap();
    let mut kubeconfig: Value = serde_yaml::from_str(&std::fs::read_to_string(plane.kubeconfig()).unwrap()).unwrap();
    for user in kubeconfig["users"].as_array_mut().unwrap() {
        user["user"] = json!({});
    }
    let path = folder.path().join(format!("kubeconfig-{}", namespace.name));
    std::fs::write(&path, kubeconfig.to_string()).unwrap();
    path
}
