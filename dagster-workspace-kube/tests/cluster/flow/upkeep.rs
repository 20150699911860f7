//! What is done between jobs: looking, repairing, waiting, restarting, examining, beginning.

use std::time::Duration;

use serde_json::{Value, json};

use super::system::{System, WORKSPACE};
use crate::kubelet::{Fate, Pods};
use crate::namespace::VALUES;

fn add(name: &str) -> [&str; 5] {
    ["add", name, "--image", "r/x:1", "--arg=-m"]
}

async fn generation(system: &System, deployment: &str) -> Value {
    system.namespace.deployment(deployment).await["metadata"]["generation"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sync_finishes_what_was_cut_off_and_takes_zombies_away() {
    let Some(system) = System::new(4).await else { return };
    system.done(&[&add("a")[..], &["--only", "values"]].concat()).await;
    let status = system.run(&["status", "--detailed-exitcode"]).await;
    assert_eq!(status.exit, 2, "{status:#?}");
    for drift in ["there is no release", "deployment `a` has no code server", "`sync` finishes"] {
        assert!(status.stdout.contains(drift), "{drift}: {}", status.stdout);
    }
    let synced = system.done(&["sync"]).await;
    assert_eq!(synced["changed"], json!(true), "{synced:#}");
    assert!(system.workspace().await.contains("location_name: a"));
    assert_eq!(system.done(&["sync"]).await["changed"], json!(false));

    // Somebody takes the location out by hand: webservers go on serving it, and the deployment is there still.
    system
        .namespace
        .merge("/api/v1", "configmaps", WORKSPACE, &json!({"data": {"workspace.yaml": "load_from: []\n"}}))
        .await;
    system
        .namespace
        .merge("/api/v1", "configmaps", VALUES, &json!({"data": {"values.yaml": "deployments: []\n"}}))
        .await;
    let status = system.run(&["status"]).await;
    assert!(status.stdout.contains("`a` is still served"), "{}", status.stdout);
    system.done(&["sync"]).await;
    let status = system.run(&["status", "--detailed-exitcode"]).await;
    assert_eq!(status.exit, 0, "{status:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removal_that_was_cut_off_takes_locations_of_other_names_away() {
    let Some(system) = System::new(4).await else { return };
    let workspace = "load_from:\n- grpc_server: {host: a, port: 3030, location_name: Team A}\n";
    system.namespace.merge("/api/v1", "configmaps", WORKSPACE, &json!({"data": {"workspace.yaml": workspace}})).await;
    system.done(&add("a")).await;
    assert!(!system.workspace().await.contains("location_name: a"), "its host is served already");
    system.done(&["wait", "a"]).await;
    system.done(&["remove", "a", "--only", "workspace"]).await;
    let removed = system.done(&["remove", "a"]).await;
    assert_eq!(removed["webservers"][0]["reloads"], json!(1), "{removed:#}");
    let status = system.run(&["status", "--detailed-exitcode"]).await;
    assert_eq!(status.exit, 0, "{status:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wait_ends_when_all_is_served_or_time_is_over() {
    let Some(system) = System::new(3).await else { return };
    system.kubelet.decide(Pods::Image("r/x:1".into()), Fate::Ready(Duration::from_secs(2)));
    system.done(&[&add("a")[..], &["--only", "values,helm"]].concat()).await;
    let said = system.run(&["wait", "a", "--timeout", "1"]).await;
    assert_eq!(said.exit, 6, "{said:#?}");
    system.done(&add("a")).await;
    assert_eq!(system.done(&["wait"]).await["changed"], json!(false));
    assert_eq!(system.run(&["wait", "nobody"]).await.exit, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restart_replaces_pods_of_code_servers_or_of_the_system() {
    let Some(system) = System::new(4).await else { return };
    system.done(&[&add("a")[..], &["b"]].concat()).await;
    let (server, other) = ("dagster-user-deployments-a", "dagster-user-deployments-b");
    let before = [generation(&system, server).await, generation(&system, other).await];
    system.webservers.asked();
    let restarted = system.done(&["restart", "a"]).await;
    assert_eq!((&restarted["restarted"], system.webservers.asked()), (&json!([server]), (4, 2)), "{restarted:#}");
    assert_ne!(generation(&system, server).await, before[0]);
    assert_eq!(generation(&system, other).await, before[1]);
    let restarted = system.done(&["restart"]).await;
    assert_eq!(restarted["restarted"], json!(["dagster-daemon", "dagster-dagster-webserver"]), "{restarted:#}");
    let said = system.run(&["restart", "nobody"]).await;
    assert_eq!(said.exit, 4, "{said:#?}");
    assert!(said.stderr.contains("there is no deployment and no code location `nobody`"), "{}", said.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn classic_restart_is_done_once_for_a_workspace() {
    let Some(system) = System::new(3).await else { return };
    let job = [&add("a")[..], &["--restart"]].concat();
    let done = system.done(&job).await;
    assert_eq!(done["restarted"], json!(["dagster-daemon", "dagster-dagster-webserver"]), "{done:#}");
    let before = generation(&system, "dagster-dagster-webserver").await;
    let again = system.done(&job).await;
    assert_eq!((&again["restarted"], &again["changed"]), (&json!([]), &json!(false)), "{again:#}");
    assert_eq!(generation(&system, "dagster-dagster-webserver").await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_examines_and_prints_a_role_that_suffices() {
    let Some(system) = System::new(4).await else { return };
    let said = system.run(&["doctor"]).await;
    assert_eq!(said.exit, 0, "{said:#?}");
    let role = system.run(&["doctor", "--rbac", "ci"]).await.stdout;
    let parsed: serde_yaml::Value = serde_yaml::from_str(role.split("---").next().unwrap()).unwrap();
    let rules: Value = serde_json::to_value(&parsed["rules"]).unwrap();
    let kubeconfig = system.kubeconfig_of_account(&rules).await;
    let mut command = system.command_without(&["--kubeconfig"], &add("a"));
    command.arg("--kubeconfig").arg(kubeconfig.path().join("config"));
    let said: super::system::Said =
        tokio::task::spawn_blocking(move || command.output().unwrap().into()).await.unwrap();
    assert_eq!(said.exit, 0, "the role suffices for the whole job: {said:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn init_takes_the_values_of_what_runs() {
    let Some(system) = System::new(4).await else { return };
    system.namespace.delete(VALUES).await;
    let said = system.run(&["list"]).await;
    assert_eq!(said.exit, 4, "{said:#?}");
    assert!(said.stderr.contains("`init` makes the documents"), "{}", said.stderr);
    let deployment = json!({"name": "old", "image": {"repository": "r/old", "tag": "1", "pullPolicy": "Always"}, "port": 3030,
        "dagsterApiGrpcArgs": ["-m", "old"]});
    system.helm.code("code", &json!({"deployments": [deployment]}));
    let done = system.done(&["init"]).await;
    assert_eq!(done["from"], json!("code"), "{done:#}");
    assert!(system.values().await.contains("name: old"));
    assert_eq!(system.done(&["init"]).await["changed"], json!(false));
    // The release that runs is the one that is upgraded, and what it deploys gets its location.
    let done = system.done(&["sync"]).await;
    assert_eq!(done["release"]["name"], json!("code"), "{done:#}");
    assert!(system.workspace().await.contains("location_name: old"));
    let listed = system.done(&["list"]).await;
    assert_eq!(listed["locations"][0]["paired"], json!(true), "{listed:#}");
    assert_eq!(system.run(&["check"]).await.exit, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn github_output_has_annotations_and_outputs() {
    let Some(system) = System::new(4).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("output");
    let mut command = system.command(&[&add("a")[..], &["--only", "documents", "--output", "github"]].concat());
    command.env("GITHUB_OUTPUT", &file);
    let said: super::system::Said =
        tokio::task::spawn_blocking(move || command.output().unwrap().into()).await.unwrap();
    assert_eq!(said.exit, 0, "{said:#?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "changed=true\n");
    let said = system.run(&["add", "a", "--image", "r/x:2", "--arg=-m", "--output", "github"]).await;
    assert_eq!(said.exit, 5, "{said:#?}");
    assert!(
        said.stderr.contains("::error file=") && said.stderr.contains("title=DW0501::`a` is taken"),
        "{}",
        said.stderr
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_only_webserver_is_restarted_and_others_are_reloaded() {
    let external = json!({"enabled": true, "servers": [], "externalConfigmap": WORKSPACE});
    let values = json!({"dagsterWebserver": {"replicaCount": 1, "enableReadOnly": true, "workspace": external}});
    let Some(system) = System::with(3, &values).await else { return };
    system.until_ready("dagster-dagster-webserver-read-only").await;
    let (web, read_only) = ("dagster-dagster-webserver", "dagster-dagster-webserver-read-only");
    let before = [generation(&system, web).await, generation(&system, read_only).await];
    let done = system.done(&add("a")).await;
    assert_eq!(done["restarted"], json!([read_only]), "{done:#}");
    assert_eq!(generation(&system, web).await, before[0]);
    assert_ne!(generation(&system, read_only).await, before[1]);
    assert!(done["webservers"].as_array().unwrap().iter().all(|of| of["outcome"]["kind"] == "serving"), "{done:#}");
    assert_eq!(system.done(&add("a")).await["changed"], json!(false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webservers_that_may_not_be_asked_are_restarted() {
    let Some(system) = System::new(4).await else { return };
    let role = system.run(&["doctor", "--rbac", "ci"]).await.stdout;
    let parsed: serde_yaml::Value = serde_yaml::from_str(role.split("---").next().unwrap()).unwrap();
    let mut rules: Value = serde_json::to_value(&parsed["rules"]).unwrap();
    rules.as_array_mut().unwrap().retain(|rule| !rule["resources"].as_array().unwrap().contains(&json!("pods/proxy")));
    let kubeconfig = system.kubeconfig_of_account(&rules).await;
    let mut command = system.command_without(&["--kubeconfig"], &add("a"));
    command.arg("--kubeconfig").arg(kubeconfig.path().join("config"));
    let said: super::system::Said =
        tokio::task::spawn_blocking(move || command.output().unwrap().into()).await.unwrap();
    assert_eq!(said.exit, 0, "{said:#?}");
    assert!(said.stdout.contains("restarted dagster-dagster-webserver"), "{said:#?}");
    assert!(said.stderr.contains("`create` on `pods/proxy` is not permitted"), "{said:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_job_is_gone_on_with_and_tells_its_events() {
    use dagster_workspace_core::values::UserDeployment;
    use dagster_workspace_kube::deploy::{Deployer, Event, Events, Settings, Step};
    use dagster_workspace_kube::helm::ChartSource;
    let Some(system) = System::new(4).await else { return };
    let settings = Settings {
        chart: Some(ChartSource::Path(testing::code_chart())),
        helm: testing::helm(4),
        kubeconfig: Some(testing::ControlPlane::shared().unwrap().kubeconfig()),
        ..Settings::default()
    };
    let deployer =
        Deployer::with_client(system.namespace.client.clone(), &system.namespace.name).settings(settings).build();
    let deployment = [UserDeployment::new("a", "r/x:1".parse().unwrap()).dagster_api_grpc_args(["-m", "a"])];
    let mut started = Vec::new();
    // Dropped as soon as a step has begun, one step later each time.
    for last in [Step::Discover, Step::Values, Step::Helm, Step::Ready, Step::Workspace, Step::Activate] {
        let (events, mut stream) = Events::channel();
        let heard = deployer.heard_by(events);
        let until = async {
            while let Some(event) = stream.next().await {
                if event == (Event::Started { step: last }) {
                    break;
                }
            }
        };
        tokio::select! {
            biased;
            () = until => started.push(last),
            report = heard.add(&deployment) => panic!("it ended before {last}: {report:?}"),
        }
    }
    let report = deployer.add(&deployment).await.unwrap();
    assert!(report.activation.unwrap().is_complete());
    assert_eq!(started.len(), 6);
    assert!(system.workspace().await.contains("location_name: a"));
    assert!(!deployer.add(&deployment).await.unwrap().changed);
}
