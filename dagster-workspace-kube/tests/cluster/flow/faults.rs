//! Jobs that are cut off, refused, or overtaken.

use std::time::Duration;

use serde_json::json;

use super::system::{Said, System, WORKSPACE};
use crate::kubelet::{Fate, Pods};

const ADD: &[&str] = &["add", "etl", "--image", "r/etl:1", "--arg=-m"];

/// Waits until the job has ended a step, then kills it at once: SIGKILL.
pub(crate) async fn kill_after(system: &System, arguments: &[&str], step: &'static str) {
    use std::io::{BufRead as _, BufReader};
    let mut command = system.command(arguments);
    let killed = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut seen = String::new();
        for line in stderr.lines() {
            let line = line.unwrap();
            let ended = line.starts_with(step) && !line.contains("...");
            seen.push_str(&line);
            seen.push('\n');
            if ended {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(seen.contains(step), "{seen}");
    });
    killed.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_job_is_finished_by_the_same_command() {
    let Some(system) = System::new(4).await else { return };
    for step in ["discover", "values", "helm", "ready", "workspace", "activate"] {
        kill_after(&system, ADD, step).await;
        let said = system.run(ADD).await;
        assert_eq!(said.exit, 0, "killed after {step}: {said:#?}");
        assert_eq!(system.values().await.matches("name: etl").count(), 1, "killed after {step}");
        assert_eq!(system.workspace().await.matches("location_name: etl").count(), 1, "killed after {step}");
        let again = system.done(ADD).await;
        assert_eq!(again["changed"], json!(false), "killed after {step}: {again:#}");
        if step != "activate" {
            assert_eq!(system.done(&["remove", "etl"]).await["changed"], json!(true));
        }
    }
    for step in ["workspace", "activate", "values", "helm"] {
        kill_after(&system, &["remove", "etl"], step).await;
        let said = system.run(&["remove", "etl"]).await;
        assert_eq!(said.exit, 0, "killed after {step}: {said:#?}");
        assert_eq!(system.done(&["remove", "etl"]).await["changed"], json!(false), "killed after {step}");
        assert!(!system.values().await.contains("etl") && !system.workspace().await.contains("etl"));
        system.done(ADD).await;
    }
    for (step, port) in
        ["values", "helm", "ready", "workspace", "activate"].into_iter().zip(["3041", "3042", "3043", "3044", "3045"])
    {
        let update = ["update", "etl", "--port", port];
        kill_after(&system, &update, step).await;
        let said = system.run(&update).await;
        assert_eq!(said.exit, 0, "killed after {step}: {said:#?}");
        for text in [system.values().await, system.workspace().await] {
            assert_eq!(text.matches(&format!("port: {port}")).count(), 1, "killed after {step}: {text}");
        }
        assert_eq!(system.done(&update).await["changed"], json!(false), "killed after {step}");
    }
    let history = system.helm.run(&["history", "dagster-user-deployments"]);
    assert!(!history.contains("pending") && !history.contains("failed"), "{history}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_image_that_never_becomes_ready_leaves_the_workspace_alone() {
    let Some(system) = System::new(3).await else { return };
    system.kubelet.decide(Pods::Image("r/etl:1".into()), Fate::Waiting("ImagePullBackOff", "no such image"));
    let said = system.run(&["add", "etl", "--image", "r/etl:1", "--arg=-m", "--timeout", "3"]).await;
    assert_eq!(said.exit, 6, "{said:#?}");
    assert!(said.stderr.contains("ImagePullBackOff") && said.stderr.contains("r/etl:1"), "{}", said.stderr);
    assert_eq!(system.workspace().await, "load_from: []\n");
    let status = system.run(&["status"]).await;
    assert!(status.stdout.contains("code server `etl` is not ready: 0 of 1 pods"), "{status:#?}");
    system.kubelet.decide(Pods::Image("r/etl:1".into()), Fate::Ready(Duration::ZERO));
    let done = system.done(ADD).await;
    assert_eq!(done["release"]["runs"], json!(0), "{done:#}");
    assert!(system.workspace().await.contains("etl"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_code_that_does_not_load_says_why() {
    let Some(system) = System::new(4).await else { return };
    system.webservers.break_code("etl");
    let said = system.run(ADD).await;
    assert_eq!(said.exit, 8, "{said:#?}");
    assert!(said.stderr.contains("error[not-loaded]: `etl` loads with an error"), "{}", said.stderr);
    assert!(said.stderr.contains("No module named 'pandas'"), "{}", said.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_values_that_the_chart_refuses_write_nothing_behind_them() {
    let Some(system) = System::new(3).await else { return };
    let said = system.run(&["add", "etl", "--image", "r/etl:1", "--arg=-m", "--helm", "/nowhere/helm"]).await;
    assert!(said.exit == 4, "repeated option: {said:#?}");
    let mut command = system.command_without(&["--helm"], ADD);
    command.args(["--helm", "/nowhere/helm"]);
    let said: Said = tokio::task::spawn_blocking(move || command.output().unwrap().into()).await.unwrap();
    assert_eq!(said.exit, 5, "{said:#?}");
    assert!(said.stderr.contains("there is no program `/nowhere/helm`"), "{}", said.stderr);
    assert_eq!(system.values().await, "# ours\ndeployments: []\n");

    // The chart itself cannot be rendered: helm fails behind the values, and the same command is told again.
    system
        .namespace
        .merge(
            "/api/v1",
            "configmaps",
            crate::namespace::VALUES,
            &json!({"data": {
        "values.yaml": "deployments: []\nserviceAccount: text\n"}}),
        )
        .await;
    let said = system.run(ADD).await;
    assert_eq!(said.exit, 7, "{said:#?}");
    assert_eq!(system.workspace().await, "load_from: []\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_stale_plan_is_refused_and_says_what_changed() {
    let Some(system) = System::new(4).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.json");
    let file = file.to_str().unwrap();
    let planned = system
        .run(&["plan", "add", "etl", "--image", "r/etl:1", "--env", "KEY=s3cret", "--arg=-m", "--out", file])
        .await;
    assert_eq!(planned.exit, 0, "{planned:#?}");
    assert!(
        planned.stdout.contains("+ deployment etl")
            && planned.stdout.contains("~ release dagster-user-deployments revision 1")
    );
    assert!(!planned.stdout.contains("s3cret"), "{planned:#?}");
    assert_eq!(system.values().await, "# ours\ndeployments: []\n");

    system.done(&["add", "other", "--image", "r/other:1", "--arg=-m", "--only", "documents"]).await;
    let said = system.run(&["apply", file]).await;
    assert_eq!(said.exit, 3, "{said:#?}");
    assert!(said.stderr.contains("deployment `other` was added; location `other` was added"), "{}", said.stderr);
    assert!(!system.values().await.contains("etl"));

    // Without writing, the same is said.
    let said = system.run(&["apply", file, "--dry-run"]).await;
    assert_eq!(said.exit, 3, "{said:#?}");
    let said = system.run(&["apply", file, "--rebase", "--dry-run", "--detailed-exitcode"]).await;
    assert!(said.exit == 2 && said.stdout.contains("+ deployment etl"), "{said:#?}");
    assert!(!system.values().await.contains("etl") && system.revision() == 0, "{said:#?}");

    let done = system.run(&["apply", file, "--rebase"]).await;
    assert_eq!(done.exit, 0, "{done:#?}");
    assert!(system.values().await.contains("etl") && system.workspace().await.contains("etl"));

    // A plan that has been carried out is no change, and fits what it led to.
    let planned = system.run(&["plan", "set-image", "etl", "r/etl:2", "--out", file]).await;
    assert!(planned.stdout.contains("~ pods of etl"), "{planned:#?}");
    assert_eq!(system.run(&["apply", file]).await.exit, 0);
    let again = system.done(&["apply", file]).await;
    assert_eq!(again["changed"], json!(false), "{again:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_missing_permission_is_named() {
    let Some(system) = System::new(4).await else { return };
    let rules = json!([
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]},
    ]);
    let kubeconfig = system.kubeconfig_of_account(&rules).await;
    let mut command =
        system.command_without(&["--kubeconfig"], &["add", "etl", "--image", "r:1", "--arg=-m", "--only", "documents"]);
    command.arg("--kubeconfig").arg(kubeconfig.path().join("config"));
    let said: Said = tokio::task::spawn_blocking(move || command.output().unwrap().into()).await.unwrap();
    assert_eq!(said.exit, 5, "{said:#?}");
    assert!(said.stderr.contains("not permitted to update configmaps"), "{}", said.stderr);
    assert_eq!(system.workspace().await, "load_from: []\n");
    let mut command = system.command_without(&["--kubeconfig"], &["doctor"]);
    command.arg("--kubeconfig").arg(kubeconfig.path().join("config"));
    let said: Said = tokio::task::spawn_blocking(move || command.output().unwrap().into()).await.unwrap();
    assert_eq!(said.exit, 5, "{said:#?}");
    for missing in [
        "create pods/proxy",
        "create, delete, get, list, update secrets",
        "create, get, update leases.coordination.k8s.io",
    ] {
        assert!(said.stdout.contains(&format!("not permitted to {missing}")), "{missing}: {}", said.stdout);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chart_owned_workspace_is_refused_allowed_reverted_and_written_back() {
    let workspace = json!({"enabled": true, "servers": []});
    let Some(system) = System::with(3, &json!({"dagsterWebserver": {"replicaCount": 1, "workspace": workspace}})).await
    else {
        return;
    };
    let said = system.run(ADD).await;
    assert_eq!(said.exit, 5, "{said:#?}");
    assert!(said.stderr.contains("belongs to the helm release `dagster`"), "{}", said.stderr);
    assert_eq!(system.values().await, "# ours\ndeployments: []\n");

    let mut allowed = ADD.to_vec();
    allowed.push("--allow-chart-owned");
    let said = system.run(&allowed).await;
    assert_eq!(said.exit, 0, "{said:#?}");
    assert!(said.stderr.contains("its next upgrade takes the change back"), "{}", said.stderr);

    // An upgrade of the system sets it back.
    let values = json!({"dagsterWebserver": {"replicaCount": 1, "workspace": workspace, "annotations": {"a": "b"}},
        "dagster-user-deployments": {"enabled": true, "enableSubchart": false}});
    system.helm.system("dagster", &values);
    assert!(!system.workspace().await.contains("etl"));
    system.until_ready("dagster-dagster-webserver").await;
    let status = system.run(&["status", "--detailed-exitcode"]).await;
    assert_eq!(status.exit, 2, "{status:#?}");
    assert!(status.stdout.contains("`etl`") && status.stdout.contains("sets it back"), "{}", status.stdout);
    let synced = system.done(&["sync", "--allow-chart-owned"]).await;
    let notice = synced["notices"][0]["message"].as_str().unwrap_or_default();
    assert!(notice.contains("its next upgrade takes the change back"), "{synced:#}");
    assert!(system.workspace().await.contains("location_name: etl"));
    let status = system.run(&["status", "--detailed-exitcode"]).await;
    assert_eq!(status.exit, 0, "{status:#?}");

    // For good.
    let preview = ["adopt", "--dry-run", "--detailed-exitcode"];
    let previewed = system.run(&preview).await;
    assert_eq!(previewed.exit, 2, "{previewed:#?}");
    assert_eq!(system.done(&preview[..2]).await["changed"], json!(true));
    let chart = testing::system_chart();
    let adopted = system.run(&["adopt", "--upgrade-system", "--system-chart", chart.to_str().unwrap()]).await;
    assert_eq!(adopted.exit, 0, "{adopted:#?}");
    assert!(system.workspace().await.contains("location_name: etl"));
    let owned = system.namespace.get(WORKSPACE).await;
    assert!(owned["metadata"]["annotations"]["meta.helm.sh/release-name"].is_null(), "{owned:#}");
    assert_eq!(system.done(&["adopt"]).await["changed"], json!(false));
    assert_eq!(system.run(&preview).await.exit, 0);
    assert_eq!(system.done(&["remove", "etl"]).await["changed"], json!(true));
}
