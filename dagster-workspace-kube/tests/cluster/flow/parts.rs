//! Systems of which a part is missing, does not answer, or is in somebody else's hands.

use serde_json::{Value, json};

use super::system::{System, WORKSPACE};

const ADD: &[&str] = &["add", "etl", "--image", "r/etl:1", "--arg=-m"];

/// A system with so many webservers.
async fn system_of(webservers: u32) -> Option<System> {
    let external = json!({"enabled": true, "servers": [], "externalConfigmap": WORKSPACE});
    System::with(4, &json!({"dagsterWebserver": {"replicaCount": webservers, "workspace": external}})).await
}

async fn change(system: &System, deployment: &str, change: &Value) {
    system.namespace.merge("/apis/apps/v1", "deployments", deployment, change).await;
}

async fn restarted_at(system: &System, deployment: &str) -> Value {
    let found = system.namespace.deployment(deployment).await;
    found["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_one_webserver_of_three_is_unreachable_and_the_others_serve() {
    let Some(system) = system_of(3).await else { return };
    let pods = system.namespace.list("/api/v1", "pods", "component=dagster-webserver").await;
    let (name, uid) = (&pods[0]["metadata"]["name"], pods[0]["metadata"]["uid"].as_str().unwrap());
    system.kubelet.cut_off(uid);
    let said = system.run(&[ADD, &["--output", "json"]].concat()).await;
    assert_eq!(said.exit, 7, "{said:#?}");
    let error: Value = serde_json::from_str(&said.stderr).unwrap();
    let report = &error["error"]["report"];
    let outcomes: Vec<&Value> =
        report["webservers"].as_array().unwrap().iter().map(|of| &of["outcome"]["kind"]).collect();
    assert_eq!(outcomes.iter().filter(|kind| **kind == "serving").count(), 2, "{error:#}");
    assert_eq!(outcomes.iter().filter(|kind| **kind == "lost").count(), 1, "{error:#}");
    let said = system.run(ADD).await;
    assert_eq!(said.exit, 7, "it is not done yet: {said:#?}");
    assert!(said.stderr.contains("1 of 3 webservers do not serve the workspace"), "{}", said.stderr);
    assert!(said.stderr.contains(name.as_str().unwrap()), "{}", said.stderr);

    system.kubelet.reconnect(uid);
    system.webservers.asked();
    let done = system.done(ADD).await;
    assert!(done["webservers"].as_array().unwrap().iter().all(|of| of["outcome"]["kind"] == "serving"), "{done:#}");
    assert_eq!(system.webservers.asked().1, 1, "only the one that was behind is reloaded: {done:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn daemon_without_webservers_is_told_by_when_it_has_read() {
    let Some(system) = system_of(1).await else { return };
    system.namespace.delete_deployment("dagster-dagster-webserver").await;
    let done = system.done(ADD).await;
    assert!(done["daemon"]["by"].is_string(), "{done:#}");
    let activate = done["steps"].as_array().unwrap().iter().find(|step| step["step"] == "activate").unwrap();
    assert_eq!((&activate["outcome"], &activate["detail"]), (&json!("skipped"), &json!("no webserver to ask")));
    assert!(system.workspace().await.contains("location_name: etl"));
    let status = system.run(&["status", "--detailed-exitcode"]).await;
    assert_eq!(status.exit, 0, "{status:#?}");
    let done = system.done(&["remove", "etl", "--restart"]).await;
    assert_eq!(done["restarted"], json!(["dagster-daemon"]), "{done:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_paused_webserver_cannot_be_restarted_and_nothing_is_written() {
    let Some(system) = system_of(1).await else { return };
    let job = [ADD, &["--restart"]].concat();
    change(&system, "dagster-dagster-webserver", &json!({"spec": {"paused": true}})).await;
    let said = system.run(&job).await;
    assert_eq!(said.exit, 5, "{said:#?}");
    assert!(said.stderr.contains("error[paused]: `dagster-dagster-webserver` is not restarted"), "{}", said.stderr);
    assert!(said.stderr.contains("is paused and cannot be restarted (resume it first)"), "{}", said.stderr);
    assert_eq!(system.values().await, "# ours\ndeployments: []\n");
    assert!(restarted_at(&system, "dagster-daemon").await.is_null());

    // What is reloaded needs no restart.
    assert_eq!(system.done(ADD).await["restarted"], json!([]));
    change(&system, "dagster-dagster-webserver", &json!({"spec": {"paused": false}})).await;
    let done = system.done(&job).await;
    assert_eq!(done["restarted"], json!(["dagster-daemon", "dagster-dagster-webserver"]), "{done:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stakater_reloader_restarts_is_left_to_it() {
    let Some(system) = system_of(1).await else { return };
    let annotated = json!({"metadata": {"annotations": {"reloader.stakater.com/auto": "true"}}});
    change(&system, "dagster-dagster-webserver", &annotated).await;
    let job = [ADD, &["--restart"]].concat();
    let said = system.run(&job).await;
    assert_eq!(said.exit, 0, "{said:#?}");
    let left = "left to Stakater Reloader, by annotation `reloader.stakater.com/auto`";
    assert_eq!(said.stderr.matches(left).count(), 1, "{}", said.stderr);
    assert!(restarted_at(&system, "dagster-dagster-webserver").await.is_null());
    assert!(restarted_at(&system, "dagster-daemon").await.is_string());
    let done = system.done(&job).await;
    assert!(done["webservers"].as_array().unwrap().iter().all(|of| of["outcome"]["kind"] == "serving"), "{done:#}");
}
