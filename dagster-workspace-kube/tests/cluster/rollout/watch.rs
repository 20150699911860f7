//! Watches that end when they should not: the wait goes on, and never takes an older state for a newer one.

use std::time::Duration;

use dagster_workspace_kube::cluster;
use dagster_workspace_kube::rollout::{self, Phase, Rollout, WaitError};
use kube::{Client, Config};
use serde_json::{Value, json};
use testing::free_port;

use super::stub::{End, Stub, Watch};

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn watch_that_ends_is_begun_anew() {
    let gone = json!({"kind": "Status", "status": "Failure", "code": 410, "reason": "Expired", "message": "too old"});
    let cases = [
        (Vec::new(), End::Close),
        (Vec::new(), End::Cut),
        (Vec::new(), End::Silence),
        (vec![json!({"type": "MODIFIED", "object": web(2, 1)})], End::Cut),
        (vec![json!({"type": "ERROR", "object": gone})], End::Close),
    ];
    for (events, end) in cases {
        // What is missed in between is found by the LIST.
        let case = format!("{events:?}");
        let watch = Watch { events, end, then: Some(web(2, 2)) };
        let stub = Stub::start(web(1, 1), vec![watch]).await;
        let mut config = cluster::bounded(Config::new(stub.url().parse().unwrap()));
        config.read_timeout = Some(Duration::from_millis(300));
        let client = Client::try_from(config).unwrap();
        let status = rollout::wait(&client, "there", &generation(2), LONG).await.unwrap();
        assert_eq!((status.generation, status.phase), (2, Phase::Complete), "{case}");
        assert_eq!(stub.lists_and_watches(), (2, 1), "{case}");
    }
}

#[tokio::test]
async fn err_watch_that_always_ends_makes_no_storm() {
    let stub = Stub::start(web(2, 1), Vec::new()).await;
    let second = Duration::from_secs(1);
    let error = rollout::wait(&stub.client(), "there", &generation(2), second).await.unwrap_err();
    assert!(matches!(error, WaitError::TimedOut { .. }), "{error:?}");
    // Pauses of 0.1, 0.2, 0.4 s at most follow each other: random, so a few more may fit.
    let (lists, watches) = stub.lists_and_watches();
    assert!((2..=25).contains(&watches) && lists - watches <= 1, "{lists} and {watches}");
}

#[tokio::test]
async fn err_read_older_than_the_write_is_not_taken_for_done() {
    // Complete, but for generation 1; the write made generation 2.
    let stub = Stub::start(web(1, 1), Vec::new()).await;
    let short = Duration::from_millis(300);
    let error = rollout::wait(&stub.client(), "there", &generation(2), short).await.unwrap_err();
    let WaitError::TimedOut { status: Some(status), .. } = &error else { panic!("{error:?}") };
    assert_eq!(status.phase, Phase::Unobserved);
    let expected =
        "timed out waiting for deployment `web` after 300ms (Waiting for deployment spec update to be observed...)";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn err_pods_that_cannot_be_made_are_told() {
    let mut web = web(1, 1);
    web["status"]["updatedReplicas"] = 0.into();
    let message = "pods \"web-1\" is forbidden: exceeded quota";
    web["status"]["conditions"] =
        json!([{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}]);
    let stub = Stub::start(web, Vec::new()).await;
    let short = Duration::from_millis(300);
    let error = rollout::wait(&stub.client(), "there", &generation(1), short).await.unwrap_err();
    assert!(error.to_string().ends_with(&format!("; a pod cannot be created: {message}")), "{error}");
}

#[tokio::test]
async fn err_nobody_answers() {
    // Needs no API server: nobody listens there.
    let port = free_port();
    let config = cluster::bounded(Config::new(format!("http://127.0.0.1:{port}").parse().unwrap()));
    let client = Client::try_from(config).unwrap();
    let short = Duration::from_millis(300);
    let error = rollout::wait(&client, "there", &generation(1), short).await.unwrap_err();
    assert_eq!(error.to_string(), "timed out waiting for deployment `web` after 300ms (the API server did not answer)");
}

fn generation(generation: i64) -> Rollout {
    Rollout { generation, ..Rollout::newest("web") }
}

/// A Deployment whose status is complete for the generation observed.
fn web(generation: i64, observed: i64) -> Value {
    json!({
        "kind": "Deployment", "apiVersion": "apps/v1",
        "metadata": {"name": "web", "uid": "1-2-3", "generation": generation, "resourceVersion": "1"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}},
        "status": {"observedGeneration": observed, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
    })
}
