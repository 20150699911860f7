//! Waits: what counts as done, what ends them otherwise, and what they say then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dagster_workspace_kube::rollout::{self, Phase, Restart, Restarted, Rollout, RolloutError, WaitError};
use kube::Client;
use kube::api::{DeleteParams, ListParams};
use kube::core::Request;
use serde_json::{Value, json};

use super::{deployment, now, patch, until};
use crate::kubelet::{Fate, Kubelet, Pods};
use crate::namespace::Namespace;

const LONG: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn done_is_never_said_of_a_stale_status_in_100_of_100() {
    let Some(namespace) = Namespace::new().await else { return };
    let namespace = Arc::new(namespace);
    let kubelet = Kubelet::start(&namespace);
    let tasks: Vec<_> = (0..5)
        .map(|number| {
            let name = format!("web-{number}");
            // Some are ready at once, so that the next restart meets a status that was just written.
            let delay = Duration::from_millis(30 * number);
            kubelet.decide(Pods::Label("app".to_owned(), name.clone()), Fate::Ready(delay));
            let namespace = Arc::clone(&namespace);
            tokio::spawn(async move { twenty_restarts(&namespace, &name, 1 + number % 2).await })
        })
        .collect();
    let mut stale = 0;
    for task in tasks {
        stale += task.await.unwrap();
    }
    // Else this would have shown nothing.
    assert!(stale > 0, "no status was stale when it was first looked at");
}

/// Gives how often the status said "done" right after the restart, about the rollout before.
async fn twenty_restarts(namespace: &Namespace, name: &str, replicas: u64) -> u32 {
    namespace.create_deployment(&deployment(name, "web:1", replicas.try_into().unwrap())).await;
    let newest = Rollout::newest(name);
    rollout::wait(&namespace.client, &namespace.name, &newest, LONG).await.unwrap();
    let mut stale = 0;
    for round in 1..=20 {
        let restart = Restart::new(now().after(round));
        let restarted = rollout::restart(&namespace.client, &namespace.name, name, &restart).await.unwrap();
        let Restarted::Rolling(rollout) = restarted else { panic!("{restarted:?}") };
        let status = namespace.deployment(name).await["status"].take();
        let counts = ["replicas", "updatedReplicas", "availableReplicas"];
        stale += u32::from(counts.iter().all(|count| status[count] == replicas));
        let status = rollout::wait(&namespace.client, &namespace.name, &rollout, LONG).await.unwrap();
        assert_eq!((status.phase, status.generation), (Phase::Complete, rollout.generation));
        only_new_pods(namespace, name, replicas, &restart.now.to_string()).await;
    }
    stale
}

/// What the ReplicaSets and the pods themselves say.
async fn only_new_pods(namespace: &Namespace, name: &str, replicas: u64, restarted: &str) {
    const AT: &str = "kubectl.kubernetes.io/restartedAt";
    let list = async |path: String| {
        let request = Request::new(path).list(&ListParams::default().labels(&format!("app={name}"))).unwrap();
        namespace.client.request::<Value>(request).await.unwrap()["items"].take()
    };
    let sets = list(format!("/apis/apps/v1/namespaces/{}/replicasets", namespace.name)).await;
    for set in sets.as_array().unwrap() {
        let new = set["spec"]["template"]["metadata"]["annotations"][AT] == restarted;
        let (there, available) = (&set["status"]["replicas"], &set["status"]["availableReplicas"]);
        let as_expected = if new { *available == replicas } else { *there == 0 };
        assert!(as_expected, "{set}");
    }
    let pods = list(format!("/api/v1/namespaces/{}/pods", namespace.name)).await;
    let alive: Vec<&Value> =
        pods.as_array().unwrap().iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).collect();
    assert_eq!(alive.len() as u64, replicas);
    assert!(alive.iter().all(|pod| pod["metadata"]["annotations"][AT] == restarted), "{alive:#?}");
}

#[tokio::test]
async fn one_list_and_one_watch_show_every_step() {
    let Some(namespace) = Namespace::new().await else { return };
    let kubelet = Kubelet::start(&namespace);
    kubelet.decide_otherwise(Fate::Ready(Duration::from_millis(200)));
    namespace.create_deployment(&deployment("web", "web:1", 2)).await;
    let requests = Arc::new(AtomicU32::new(0));
    let (client, newest) = (namespace.counted(&requests), Rollout::newest("web"));
    let mut seen = Vec::new();
    let status =
        rollout::wait_with(&client, &namespace.name, &newest, LONG, |status| seen.push(status.clone())).await.unwrap();
    assert_eq!(requests.load(Ordering::Relaxed), 2);
    assert_eq!(seen.last(), Some(&status));
    let phases: Vec<Phase> = seen.iter().map(|status| status.phase).collect();
    assert!(phases.contains(&Phase::Starting { available: 0, updated: 2 }), "{phases:?}");
    assert!(phases.windows(2).all(|pair| pair[0] != pair[1]), "{phases:?}");
    let line = json!({
        "name": "web", "uid": status.uid, "generation": 1, "paused": false, "phase": "complete",
    });
    assert_eq!(serde_json::to_value(&status).unwrap(), line);
}

#[tokio::test]
async fn err_progress_deadline_is_exceeded_then_a_restart_starts_afresh() {
    let Some(namespace) = Namespace::new().await else { return };
    let kubelet = Kubelet::start(&namespace);
    kubelet.decide_otherwise(Fate::Waiting("ImagePullBackOff", "Back-off pulling image \"web:1\""));
    let mut object = deployment("web", "web:1", 1);
    object["spec"]["progressDeadlineSeconds"] = 1.into();
    namespace.create_deployment(&object).await;
    let newest = Rollout::newest("web");
    let error = rollout::wait(&namespace.client, &namespace.name, &newest, LONG).await.unwrap_err();
    let WaitError::DeadlineExceeded { status, obstacles, unlisted: None } = &error else { panic!("{error:?}") };
    let pod = obstacles[0].pod.clone().unwrap();
    assert_eq!((status.phase, obstacles.len()), (Phase::DeadlineExceeded, 1));
    let expected = format!(
        "deployment \"web\" exceeded its progress deadline; pod `{pod}`: image `web:1` cannot be pulled: \
         ImagePullBackOff: Back-off pulling image \"web:1\""
    );
    assert_eq!(error.to_string(), expected);

    // The condition of the rollout before still stands in the status when this one begins.
    kubelet.decide_otherwise(Fate::Ready(Duration::ZERO));
    patch(&namespace, "web", &json!({"spec": {"progressDeadlineSeconds": 60}})).await;
    let restarted = rollout::restart(&namespace.client, &namespace.name, "web", &Restart::new(now())).await.unwrap();
    let Restarted::Rolling(rollout) = restarted else { panic!("{restarted:?}") };
    rollout::wait(&namespace.client, &namespace.name, &rollout, LONG).await.unwrap();
}

#[tokio::test]
async fn err_timed_out_says_what_the_pods_say() {
    let Some(namespace) = Namespace::new().await else { return };
    let kubelet = Kubelet::start(&namespace);
    let traceback = "Traceback (most recent call last):\n  File \"repo.py\", line 1\nImportError: no etl\n";
    let cases = [
        (Fate::NeverReady, "container `main` runs, and its probe does not succeed"),
        (
            Fate::Waiting("ErrImagePull", "manifest unknown"),
            "image `web:1` cannot be pulled: ErrImagePull: manifest unknown",
        ),
        (
            Fate::Waiting("CreateContainerConfigError", "secret \"db\" not found"),
            "container `main` waits: CreateContainerConfigError: secret \"db\" not found",
        ),
        (Fate::Waiting("ContainerCreating", ""), "has not started"),
        (Fate::Crashing(1, traceback), "container `main` crashes, 3 restarts, exit code 1: Error: ImportError: no etl"),
        (
            Fate::Unschedulable("0/3 nodes are available: 3 Insufficient memory."),
            "no node takes it: 0/3 nodes are available: 3 Insufficient memory.",
        ),
    ];
    for (number, (fate, expected)) in cases.into_iter().enumerate() {
        let name = format!("web-{number}");
        kubelet.decide(Pods::Label("app".to_owned(), name.clone()), fate);
        namespace.create_deployment(&deployment(&name, "web:1", 1)).await;
        until(async || met_its_fate(&namespace, &name).await).await;
        let deadline = Duration::from_millis(100);
        let newest = Rollout::newest(&name);
        let error = rollout::wait(&namespace.client, &namespace.name, &newest, deadline).await.unwrap_err();
        let WaitError::TimedOut { obstacles, status: Some(status), .. } = &error else { panic!("{error:?}") };
        let pod = obstacles[0].pod.clone().unwrap();
        assert_eq!(
            error.to_string(),
            format!("timed out waiting for deployment `{name}` after 100ms ({status}); pod `{pod}`: {expected}")
        );
    }
}

/// Whether its pod has been through what was decided.
async fn met_its_fate(namespace: &Namespace, name: &str) -> bool {
    let pods = Request::new(format!("/api/v1/namespaces/{}/pods", namespace.name));
    let request = pods.list(&ListParams::default().labels(&format!("app={name}"))).unwrap();
    let pods = namespace.client.request::<Value>(request).await.unwrap()["items"].take();
    let observed = namespace.deployment(name).await["status"]["unavailableReplicas"] == 1;
    observed && pods[0]["status"]["conditions"].is_array()
}

#[tokio::test]
async fn err_deployment_is_paused_in_the_middle() {
    let Some(namespace) = Namespace::new().await else { return };
    let mut object = deployment("web", "web:1", 2);
    object["spec"]["strategy"] = json!({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
    namespace.create_deployment(&object).await;
    let kubelet = Kubelet::start(&namespace);
    rollout::wait(&namespace.client, &namespace.name, &Rollout::newest("web"), LONG).await.unwrap();
    kubelet.decide_otherwise(Fate::NeverReady);
    let restarted = rollout::restart(&namespace.client, &namespace.name, "web", &Restart::new(now())).await.unwrap();
    let Restarted::Rolling(rollout) = restarted else { panic!("{restarted:?}") };
    until(async || namespace.deployment("web").await["status"]["updatedReplicas"] == 1).await;
    let waiting = waiting(&namespace.client, &namespace, &rollout);
    patch(&namespace, "web", &json!({"spec": {"paused": true}})).await;
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error, WaitError::Paused { .. }), "{error:?}");
    let expected = "deployment `web` is paused: Waiting for deployment \"web\" rollout to finish: 1 out of 2 new replicas \
                    have been updated...";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn err_deployment_is_deleted_while_it_is_watched() {
    let Some(namespace) = Namespace::new().await else { return };
    for again in [false, true] {
        let object = deployment("web", "web:1", 1);
        namespace.create_deployment(&object).await;
        let restarted = rollout::restart(&namespace.client, &namespace.name, "web", &Restart::new(now())).await;
        let Ok(Restarted::Rolling(rollout)) = restarted else { panic!("{restarted:?}") };
        let before = waiting(&namespace.client, &namespace, &rollout);
        tokio::time::sleep(Duration::from_millis(200)).await;
        let deployments = Request::new(format!("/apis/apps/v1/namespaces/{}/deployments", namespace.name));
        let request = deployments.delete("web", &DeleteParams::default()).unwrap();
        namespace.client.request::<Value>(request).await.unwrap();
        if again {
            namespace.create_deployment(&object).await;
        }
        let after = waiting(&namespace.client, &namespace, &rollout);
        for waiting in [before, after] {
            let error = waiting.await.unwrap().unwrap_err();
            let expected = format!("deployment `web` in namespace `{}` has been deleted", namespace.name);
            assert_eq!(error.to_string(), expected);
        }
    }
    let never = rollout::wait(&namespace.client, &namespace.name, &Rollout::newest("none"), LONG).await.unwrap_err();
    assert!(matches!(never, WaitError::Call(RolloutError::Missing { .. })), "{never:?}");
    let other = Rollout { uid: Some("other".to_owned()), ..Rollout::newest("web") };
    let other = rollout::status(&namespace.client, &namespace.name, &other).await.unwrap_err();
    assert!(matches!(other, RolloutError::Missing { .. }), "{other:?}");
}

#[tokio::test]
async fn err_missing_permissions_are_named() {
    let Some(namespace) = Namespace::new().await else { return };
    namespace.create_deployment(&deployment("web", "web:1", 1)).await;
    let newest = Rollout::newest("web");
    for (verbs, missing) in [(&["get", "watch"][..], "list"), (&["list"], "watch")] {
        let rules = json!([{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": verbs}]);
        let client = namespace.account(missing, &rules).await;
        let error = rollout::wait(&client, &namespace.name, &newest, LONG).await.unwrap_err();
        let WaitError::Call(RolloutError::Forbidden { verb, resource, .. }) = &error else { panic!("{error:?}") };
        assert_eq!((*verb, *resource), (missing, "deployments"));
    }
    // Enough for the wait, by name only, but not for asking the pods.
    let rules = json!([{
        "apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["web"], "verbs": ["list", "watch"],
    }]);
    let client = namespace.account("job", &rules).await;
    let error = rollout::wait(&client, &namespace.name, &newest, Duration::from_millis(500)).await.unwrap_err();
    let WaitError::TimedOut { unlisted: Some(unlisted), .. } = &error else { panic!("{error:?}") };
    assert!(matches!(**unlisted, RolloutError::Forbidden { verb: "list", resource: "pods", .. }), "{unlisted:?}");
    assert!(error.to_string().contains("its pods could not be looked at: not permitted to list pods"), "{error}");
}

/// A wait in the background.
fn waiting(
    client: &Client,
    namespace: &Namespace,
    rollout: &Rollout,
) -> tokio::task::JoinHandle<Result<rollout::RolloutStatus, WaitError>> {
    let (client, namespace, rollout) = (client.clone(), namespace.name.clone(), rollout.clone());
    tokio::spawn(async move { rollout::wait(&client, &namespace, &rollout, LONG).await })
}
