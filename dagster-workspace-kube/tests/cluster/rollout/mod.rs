//! Restarts and rollouts on a real server, with a [`Kubelet`] instead of nodes.

mod restart;
mod status;
mod stub;
mod wait;
mod watch;

use std::time::Duration;

use dagster_workspace_core::time::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::core::Request;
use serde_json::{Value, json};

use crate::kubelet::{Fate, Kubelet, Pods};
use crate::namespace::Namespace;

#[tokio::test]
async fn kubelet_brings_pods_to_their_fates() {
    let Some(namespace) = Namespace::new().await else { return };
    let kubelet = Kubelet::start(&namespace);
    kubelet.decide(Pods::Image("broken:1".to_owned()), Fate::Waiting("ImagePullBackOff", "no such image"));
    kubelet.decide(Pods::Label("app".to_owned(), "huge".to_owned()), Fate::Unschedulable("0/1 nodes are available"));
    for (name, image, replicas) in [("fine", "fine:1", 2), ("broken", "broken:1", 1), ("huge", "fine:1", 1)] {
        namespace.create_deployment(&deployment(name, image, replicas)).await;
    }
    until(async || namespace.deployment("fine").await["status"]["availableReplicas"] == 2).await;
    kubelet.decide(Pods::Image("broken:1".to_owned()), Fate::Ready(Duration::from_millis(100)));
    until(async || namespace.deployment("broken").await["status"]["availableReplicas"] == 1).await;
    assert_eq!(namespace.deployment("huge").await["status"]["unavailableReplicas"], 1);
    kubelet.decide_otherwise(Fate::Crashing(1, "no module named etl"));
    until(async || namespace.deployment("fine").await["status"]["unavailableReplicas"] == 2).await;
}

async fn until(mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..600 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("still not so after 600 looks");
}

fn deployment(name: &str, image: &str, replicas: u32) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": image}]},
            },
        },
    })
}

/// Changes a Deployment by a merge patch, as somebody else would.
async fn patch(namespace: &Namespace, name: &str, patch: &Value) -> Value {
    let deployments = Request::new(format!("/apis/apps/v1/namespaces/{}/deployments", namespace.name));
    let request = deployments.patch(name, &PatchParams::default(), &Patch::Merge(patch)).unwrap();
    namespace.client.request(request).await.unwrap()
}

/// Any time will do: only that it differs from the one before counts.
fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}
