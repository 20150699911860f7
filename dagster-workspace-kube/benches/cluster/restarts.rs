//! Whether a restart that was waited for is done: judged by the pods, at once after the wait.

use std::time::Duration;

use dagster_workspace_core::time::Timestamp;
use dagster_workspace_kube::rollout::{self, Restart, Restarted};
use kube::Client;
use kube::api::ListParams;
use kube::core::Request;
use serde_json::{Value, json};

use crate::kubelet::{Fate, Kubelet};
use crate::namespace::Namespace;
use crate::report::Report;

const DEPLOYMENTS: usize = 10;
const RESTARTS: usize = 10;
const REPLICAS: u64 = 2;

/// What was counted.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    /// The wait ended, and every pod was of the newest template and ready.
    done: usize,
    /// The wait ended, and that was not so.
    stale: usize,
    /// Right after the restart the status still said that all is updated and available: that of the rollout before.
    trap: usize,
}

pub(crate) async fn measure(report: &mut Report) {
    let namespace = Namespace::new().await.expect("a control plane");
    let kubelet = Kubelet::start(&namespace);
    kubelet.decide_otherwise(Fate::Ready(Duration::from_millis(50)));
    for number in 0..DEPLOYMENTS {
        let name = format!("d{number}");
        let template = json!({
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "main", "image": "r/x:1"}]},
        });
        let spec = json!({"replicas": REPLICAS, "selector": {"matchLabels": {"app": name}}, "template": template});
        namespace.create_deployment(&json!({"metadata": {"name": name}, "spec": spec})).await;
    }
    let running: Vec<_> = (0..DEPLOYMENTS)
        .map(|number| {
            let client = Client::try_from(namespace.config.clone()).unwrap();
            tokio::spawn(restart_often(client, namespace.name.clone(), format!("d{number}")))
        })
        .collect();
    let mut all = Counts::default();
    for counts in running {
        let Counts { done, stale, trap } = counts.await.unwrap();
        all = Counts { done: all.done + done, stale: all.stale + stale, trap: all.trap + trap };
    }
    let Counts { done, stale, trap } = all;
    let wanted = DEPLOYMENTS * RESTARTS;
    let measured = format!(
        "{done} of {wanted} done when that was said, {stale} not; the status right after the restart said \"complete\" {trap} times"
    );
    report.goal("restart and wait never report done on a stale status", "100 of 100", &measured, done == wanted);
    drop(kubelet);
}

async fn restart_often(client: Client, namespace: String, name: String) -> Counts {
    let deadline = Duration::from_secs(300);
    let newest = rollout::Rollout::newest(name.as_str());
    rollout::wait(&client, &namespace, &newest, deadline).await.unwrap();
    let mut counts = Counts::default();
    for second in 0..RESTARTS {
        let restart = Restart::new(Timestamp::from_seconds(1_800_000_000 + i64::try_from(second).unwrap()));
        let Restarted::Rolling(rollout) = rollout::restart(&client, &namespace, &name, &restart).await.unwrap() else {
            panic!("somebody else restarts `{name}`");
        };
        let at_once = get(&client, &namespace, &name).await;
        let complete = |field: &str| at_once["status"][field].as_u64() == Some(REPLICAS);
        counts.trap +=
            usize::from(complete("updatedReplicas") && complete("availableReplicas") && complete("replicas"));
        rollout::wait(&client, &namespace, &rollout, deadline).await.unwrap();
        if is_done(&client, &namespace, &name).await { counts.done += 1 } else { counts.stale += 1 }
    }
    counts
}

/// Whether the pods are those of the newest template, all of them, and ready. Those that are going do not count.
async fn is_done(client: &Client, namespace: &str, name: &str) -> bool {
    let annotation = "kubectl.kubernetes.io/restartedAt";
    let wanted = get(client, namespace, name).await["spec"]["template"]["metadata"]["annotations"][annotation].clone();
    let pods = Request::new(format!("/api/v1/namespaces/{namespace}/pods"));
    let of_name = ListParams::default().labels(&format!("app={name}"));
    let list: Value = client.request(pods.list(&of_name).unwrap()).await.unwrap();
    let there = list["items"].as_array().unwrap().iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    let ready = |pod: &Value| {
        let conditions = pod["status"]["conditions"].as_array();
        conditions.is_some_and(|all| all.iter().any(|of| of["type"] == "Ready" && of["status"] == "True"))
    };
    let good = |pod: &&Value| pod["metadata"]["annotations"][annotation] == wanted && ready(pod);
    let (all, good) = (there.clone().count() as u64, there.filter(good).count() as u64);
    wanted.is_string() && (all, good) == (REPLICAS, REPLICAS)
}

async fn get(client: &Client, namespace: &str, name: &str) -> Value {
    let deployments = Request::new(format!("/apis/apps/v1/namespaces/{namespace}/deployments"));
    client.request(deployments.get(name, &kube::api::GetParams::default()).unwrap()).await.unwrap()
}
