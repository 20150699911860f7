//! The steps of `docs/split.md` with the real helm 3 and 4 and kubectl: user code leaves the system's release, and no Service is
//! missing for a moment.

use std::convert::Infallible;
use std::process::Command;

use dagster_workspace_kube::cluster::{self, Adopted, Adoption, Upgrade, Wanted};
use serde_json::{Value, json};
use testing::ControlPlane;

use crate::chart::Helm;
use crate::namespace::Namespace;

fn kubectl(namespace: &Namespace, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(testing::kubectl()?);
    command.env("KUBECONFIG", ControlPlane::shared().unwrap().kubeconfig());
    let output = command.args(["--namespace", &namespace.name]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Uid and the release that its selector names.
fn service(namespace: &Namespace, name: &str) -> Option<(Value, Value)> {
    let found: Value =
        serde_json::from_str(&kubectl(namespace, &["get", "service", name, "--output", "json"])?).unwrap();
    Some((found["metadata"]["uid"].clone(), found["spec"]["selector"]["app.kubernetes.io/instance"].clone()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_code_gets_a_release_of_its_own_without_a_gap() {
    for major in [3, 4] {
        let Some(namespace) = Namespace::new().await else { return };
        let Some(helm) = Helm::new(major, &namespace) else { return };
        if split(&namespace, &helm).await.is_none() {
            return;
        }
    }
}

/// `None` where kubectl is missing.
async fn split(namespace: &Namespace, helm: &Helm) -> Option<()> {
    let deployment = |name: &str| json!({"name": name, "image": {"repository": "r", "tag": "1", "pullPolicy": "Always"}, "port": 3030});
    let mut values = json!({"dagster-user-deployments": {"deployments": [deployment("etl"), deployment("ml")]}});
    helm.system("dagster", &values);
    let before = [service(namespace, "etl")?, service(namespace, "ml")?];
    let (client, name) = (&namespace.client, namespace.name.as_str());

    // 1. The workspace.
    let config_map = "dagster-workspace-yaml";
    let text = namespace.get(config_map).await["data"].clone();
    let upgrade = async |adoption: Adoption| {
        let on_top: Value = serde_yaml::from_str(&adoption.values).unwrap();
        values["dagsterWebserver"] = on_top["dagsterWebserver"].clone();
        helm.system("dagster", &values);
        Ok::<_, Infallible>(Upgrade::Done)
    };
    let adopted = cluster::adopt(client, name, config_map, "ci", upgrade).await.unwrap();
    assert!(matches!(adopted, Adopted::Taken(_)), "{adopted:?}");
    // 2. The values.
    let release = cluster::release(client, name, "dagster").await.unwrap().unwrap();
    let code = release.user_deployments_text().unwrap();
    // 3. Services stay when the system drops them.
    kubectl(namespace, &["annotate", "service", "etl", "ml", "helm.sh/resource-policy=keep"])?;
    // 4. The release of its own.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &code).unwrap();
    let mut install = helm.command(&["install", "code", "--take-ownership"]);
    let output = install.arg(testing::code_chart()).arg("--values").arg(file.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let moved = [service(namespace, "etl")?, service(namespace, "ml")?];
    // 5. The system without user code.
    values["dagster-user-deployments"]["enableSubchart"] = false.into();
    helm.system("dagster", &values);
    // 6. From now on a server that is removed takes its Service along.
    kubectl(namespace, &["annotate", "service", "etl", "ml", "helm.sh/resource-policy-"])?;

    let after = [service(namespace, "etl")?, service(namespace, "ml")?];
    assert_eq!(moved, after);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!((&before.0, &before.1, &after.1), (&after.0, &json!("dagster"), &json!("code")));
    }
    assert_eq!(namespace.get(config_map).await["data"], text);
    let system = cluster::discover(client, name, &Wanted::default()).await.unwrap();
    assert!(system.waits_for().is_empty());
    let servers = cluster::code_servers(client, name).await.unwrap();
    assert!(servers.iter().all(|server| server.release.as_deref() == Some("code")), "{servers:?}");
    assert_eq!(servers.len(), 2);

    helm.code("code", &json!({"deployments": [deployment("etl")]}));
    let left = kubectl(namespace, &["get", "services", "--output", "name"])?;
    assert!(left.contains("service/etl") && !left.contains("service/ml"), "{left}");
    Some(())
}
