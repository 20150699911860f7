//! The real kubectl judges what we say about the same object.

use std::process::Command;
use std::time::Duration;

use dagster_workspace_kube::rollout::{self, Restart, Rollout};
use serde_json::{Value, json};

use super::stub::Stub;
use super::{deployment, now};
use crate::kubelet::{Fate, Kubelet};
use crate::namespace::Namespace;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn made_up_statuses_are_judged_as_kubectl_does() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut objects = Vec::new();
    for _ in 0..120 {
        let mut number = |most: i64| random.i64(0..=most);
        let generation = 1 + number(1);
        let reasons = ["ProgressDeadlineExceeded", "ReplicaSetUpdated", "NewReplicaSetAvailable"];
        let progressing =
            json!({"type": "Progressing", "status": "True", "reason": reasons[number(5).min(2) as usize]});
        let observed = generation - i64::from(number(6) == 0);
        let mut object = json!({
            "spec": {"replicas": number(2)},
            "status": {
                "observedGeneration": observed, "replicas": number(3), "updatedReplicas": number(2),
                "availableReplicas": number(2), "conditions": [progressing],
            },
        });
        object["metadata"]["generation"] = generation.into();
        objects.push(object);
    }
    // As the server sends it before the controller has said anything.
    objects.push(json!({"metadata": {"generation": 1}, "spec": {"replicas": 1}, "status": {}}));
    let Some(said) = agree(objects).await else { return };
    for phase in
        ["to be observed", "exceeded its", "have been updated", "pending termination", "are available", "success"]
    {
        assert!(said.iter().any(|said| said.contains(phase)), "no case of `{phase}`");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_moment_of_real_rollouts_is_judged_as_kubectl_does() {
    let Some(namespace) = Namespace::new().await else { return };
    let kubelet = Kubelet::start(&namespace);
    kubelet.decide_otherwise(Fate::Ready(Duration::from_millis(30)));
    namespace.create_deployment(&deployment("web", "web:1", 3)).await;
    let mut moments = Vec::new();
    for round in 0..2 {
        let before = namespace.deployment("web").await;
        if round > 0 {
            let restart = Restart::new(now().after(round));
            rollout::restart(&namespace.client, &namespace.name, "web", &restart).await.unwrap();
        }
        moments.push(before);
        loop {
            let deployment = namespace.deployment("web").await;
            let new = moments
                .last()
                .is_none_or(|last| last["metadata"]["resourceVersion"] != deployment["metadata"]["resourceVersion"]);
            if new {
                moments.push(deployment.clone());
            }
            let (generation, status) = (&deployment["metadata"]["generation"], &deployment["status"]);
            let done = status["observedGeneration"] == *generation
                && ["replicas", "updatedReplicas", "availableReplicas"].iter().all(|count| status[count] == 3);
            if done {
                break;
            }
        }
    }
    assert!(moments.len() > 10, "{} moments", moments.len());
    let Some(said) = agree(moments).await else { return };
    assert!(said.iter().filter(|said| said.contains("to be observed")).count() > 0, "{said:#?}");
    let direct = Command::new(testing::kubectl().unwrap())
        .env("KUBECONFIG", testing::ControlPlane::shared().unwrap().kubeconfig())
        .args(["--namespace", &namespace.name, "rollout", "status", "deployment/web"])
        .output()
        .unwrap();
    let ours = rollout::status(&namespace.client, &namespace.name, &Rollout::newest("web")).await.unwrap();
    assert_eq!(String::from_utf8(direct.stdout).unwrap(), format!("{ours}\n"));
}

/// Asks kubectl and us about each of these, and gives what both said.
async fn agree(objects: Vec<Value>) -> Option<Vec<String>> {
    let kubectl = testing::kubectl()?;
    let folder = tempfile::tempdir().unwrap();
    let stub = Stub::start(Value::Null, Vec::new()).await;
    let client = stub.client();
    let mut said = Vec::new();
    for mut object in objects {
        let before = object.clone();
        object["apiVersion"] = "apps/v1".into();
        object["kind"] = "Deployment".into();
        object["metadata"]["name"] = "web".into();
        object["metadata"]["namespace"] = "there".into();
        object["metadata"]["uid"] = "1-2-3".into();
        object["metadata"]["resourceVersion"] = "1".into();
        stub.set(object);
        let mut command = Command::new(&kubectl);
        command.arg("--server").arg(stub.url()).arg("--cache-dir").arg(folder.path());
        command.args(["--namespace", "there", "rollout", "status", "deployment/web", "--watch=false"]);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let theirs = if output.status.success() {
            String::from_utf8(output.stdout).unwrap()
        } else {
            let said = String::from_utf8(output.stderr).unwrap();
            said.lines().find_map(|line| line.strip_prefix("error: ")).map(|line| format!("{line}\n")).unwrap_or(said)
        };
        let ours = rollout::status(&client, "there", &Rollout::newest("web")).await.unwrap();
        assert_eq!(format!("{ours}\n"), theirs, "{before}");
        said.push(theirs);
    }
    Some(said)
}
