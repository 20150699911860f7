//! Releases read as helm 3 and helm 4 store them, and values that deploy the same again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use dagster_workspace_kube::cluster::{self, Release};
use serde_json::{Value, json};

use crate::chart::Helm;
use crate::namespace::Namespace;

async fn release(namespace: &Namespace, name: &str) -> (Option<Release>, u32) {
    let requests = Arc::new(AtomicU32::new(0));
    let client = namespace.counted(&requests);
    let found = cluster::release(&client, &namespace.name, name).await.unwrap();
    (found, requests.load(Ordering::Relaxed))
}

fn deployment(name: &str) -> Value {
    json!({
        "name": name, "image": {"repository": "r", "tag": "012", "pullPolicy": "Always"}, "port": 3030,
        "env": {"NOTE": "on", "TEXT": "a\nb\n", "QUOTES": "\"'#: {"}, "resources": {"limits": {"cpu": "1.5"}},
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_a_live_release_deploy_the_same_again() {
    let Some(namespace) = Namespace::new().await else { return };
    let Some(both) = Helm::both(&namespace) else { return };
    for (helm, name) in both.iter().zip(["three", "four"]) {
        helm.code(name, &json!({"deployments": []}));
        let values = json!({"deployments": [deployment("etl"), deployment("ml")], "x-note": {"by": "us"}});
        helm.code(name, &values);
        let (found, requests) = release(&namespace, name).await;
        let found = found.unwrap();
        assert_eq!(requests, 2);
        assert_eq!((found.revision, found.status.as_str()), (2, "deployed"));
        assert_eq!(
            (found.chart.as_str(), found.namespace.as_str()),
            ("dagster-user-deployments", namespace.name.as_str())
        );
        for (kind, object, expected) in
            [("Service", "etl", true), ("Service", "three", false), ("Deployment", "etl", false)]
        {
            assert_eq!(found.renders(kind, object).unwrap(), expected, "{kind} {object}");
        }
        // What helm itself says it was given.
        let said: Value = serde_json::from_str(&helm.run(&["get", "values", name, "--output", "json"])).unwrap();
        assert_eq!(serde_json::to_value(found.user_deployments()).unwrap(), said);

        let before = helm.run(&["get", "manifest", name]);
        helm.upgrade(name, &testing::code_chart(), &found.user_deployments_text().unwrap());
        assert_eq!(helm.run(&["get", "manifest", name]), before);
        helm.run(&["uninstall", name]);
        assert_eq!(release(&namespace, name).await, (None, 2));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_code_of_a_system_release_becomes_values_of_its_own() {
    let Some(namespace) = Namespace::new().await else { return };
    let Some(helm) = Helm::new(3, &namespace) else { return };
    helm.system("dagster", &json!({}));
    let found = release(&namespace, "dagster").await.0.unwrap();
    // Nothing was given, so the chart's example runs.
    let text = found.user_deployments_text().unwrap();
    assert!(text.starts_with("deployments:\n  - name: k8s-example-user-code-1\n"), "{text}");

    let code = json!({"deployments": [deployment("etl")], "enableSubchart": true});
    helm.system("dagster", &json!({"dagster-user-deployments": code, "global": {"dagsterHome": "/home"}}));
    let found = release(&namespace, "dagster").await.0.unwrap();
    assert!(found.renders("ConfigMap", "dagster-workspace-yaml").unwrap());
    let expected = json!({"deployments": [deployment("etl")], "global": {"dagsterHome": "/home"}});
    let text = found.user_deployments_text().unwrap();
    assert_eq!(serde_yaml::from_str::<Value>(&text).unwrap(), expected, "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_upgrade_leaves_the_deployed_revision() {
    let Some(namespace) = Namespace::new().await else { return };
    let Some(helm) = Helm::new(4, &namespace) else { return };
    helm.code("code", &json!({"deployments": [deployment("etl")]}));
    // A name that is no name for a Service.
    let output =
        helm.try_upgrade("code", &testing::code_chart(), &json!({"deployments": [deployment("A_B")]}).to_string());
    assert!(!output.status.success());
    let found = release(&namespace, "code").await.0.unwrap();
    assert_eq!((found.revision, found.status.as_str()), (1, "deployed"));
    assert!(found.renders("Service", "etl").unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn release_in_config_maps_is_found() {
    let Some(namespace) = Namespace::new().await else { return };
    let Some(helm) = Helm::new(3, &namespace) else { return };
    let mut install = helm.command(&["install", "code"]);
    let output = install.arg(testing::code_chart()).env("HELM_DRIVER", "configmap").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (found, requests) = release(&namespace, "code").await;
    assert_eq!((found.unwrap().chart.as_str(), requests), ("dagster-user-deployments", 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn size_of_a_release_is_known_and_estimated_on_the_safe_side() {
    let Some(namespace) = Namespace::new().await else { return };
    let Some(helm) = Helm::new(4, &namespace) else { return };
    let values =
        |count: usize| json!({"deployments": (0..count).map(|at| deployment(&format!("d{at}"))).collect::<Vec<_>>()});
    helm.code("code", &values(2));
    let before = release(&namespace, "code").await.0.unwrap();
    let estimate = before.len_with(&serde_json::from_value(values(40)).unwrap());
    helm.code("code", &values(40));
    let after = release(&namespace, "code").await.0.unwrap();
    let secret = namespace.secret("sh.helm.release.v1.code.v2").await;
    // In JSON it is encoded once more.
    let stored = secret["data"]["release"].as_str().unwrap().len() as u64;
    assert_eq!(after.len.div_ceil(3) * 4, stored);
    assert!(after.len <= estimate, "{} over {estimate}", after.len);
}
