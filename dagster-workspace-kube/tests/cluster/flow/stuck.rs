//! Jobs that end in the middle: helm killed, images that never come, requests that are lost. And what is said of it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use dagster_workspace_core::values::UserDeployment;
use dagster_workspace_kube::deploy::{Deployer, Settings, Steps};
use kube::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::system::{Said, System, WORKSPACE};
use crate::kubelet::{Fate, Pods};
use crate::namespace::{Namespace, VALUES, config_map};
use crate::relay::{Fault, Relay};

const ADD: &[&str] = &["add", "etl", "--image", "r/etl:1", "--arg=-m"];

/// A folder with `helm`, which notes its process id beside it in `pid`: see `../helm/program.sh`.
pub(super) fn noted_helm(major: u8) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    symlink(testing::helm(major).unwrap(), folder.path().join("real")).unwrap();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/helm/program.sh");
    symlink(program, folder.path().join("helm")).unwrap();
    folder
}

fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// The newest revision of the code servers' release, as helm keeps it.
async fn newest(system: &System) -> Option<Value> {
    let secrets = system.namespace.list("/api/v1", "secrets", "owner=helm,name=dagster-user-deployments").await;
    let revision = |secret: &Value| secret["metadata"]["labels"]["version"].as_str().map(str::parse::<u32>);
    secrets.into_iter().max_by_key(|secret| revision(secret).and_then(Result::ok))
}

const JOB: &[&str] = &["set-image", "etl", "r/etl:2"];

/// A system with a job whose helm is at work for as long as the image does not come: the job, its folder, and the revision.
async fn at_work(major: u8) -> Option<(System, Child, TempDir, Value)> {
    let system = System::new(major).await?;
    system.done(ADD).await;
    system.kubelet.decide(Pods::Image("r/etl:2".into()), Fate::Waiting("ImagePullBackOff", "no such image"));
    let folder = noted_helm(major);
    let mut command = system.command_without(&["--helm"], JOB);
    command.arg("--helm").arg(folder.path().join("helm")).arg("--rollback-on-failure");
    let child = command.spawn().unwrap();
    let pending = async || {
        let newest = newest(&system).await?;
        (newest["metadata"]["labels"]["status"] == "pending-upgrade").then_some(newest)
    };
    let secret = system.namespace.until(pending).await;
    Some((system, child, folder, secret))
}

/// The same after the machine went down: the job and its helm at the same moment. Nobody gives the lease back either.
async fn killed(major: u8) -> Option<(System, Value)> {
    let (system, mut child, folder, secret) = at_work(major).await?;
    child.kill().unwrap();
    kill(fs::read_to_string(folder.path().join("pid")).unwrap().trim().parse().unwrap());
    child.wait().unwrap();
    system.namespace.delete_lease("dagster-workspace-dagster-user-deployments").await;
    system.kubelet.decide(Pods::Image("r/etl:2".into()), Fate::Ready(Duration::ZERO));
    Some((system, secret))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_after_which_a_release_is_stuck_is_said_by_an_option() {
    for major in [3, 4] {
        let Some((system, _)) = killed(major).await else { return };
        let said = system.run(&[JOB, &["--stuck-after", "0"]].concat()).await;
        assert_eq!(said.exit, 5, "{said:#?}");
        assert!(said.stderr.contains("error[stuck]") && said.stderr.contains("`--recover`"), "{}", said.stderr);
        let done = system.done(&[JOB, &["--stuck-after", "0", "--recover"]].concat()).await;
        assert_eq!((&done["release"]["runs"], &done["release"]["revision"]), (&json!(1), &json!(4)), "{done:#}");
        assert_eq!(system.done(JOB).await["changed"], json!(false));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn helm_of_another_job_that_is_at_work_is_not_overtaken() {
    for major in [3, 4] {
        let Some((system, first, _folder, _)) = at_work(major).await else { return };
        let mut command = system.command(&["set-image", "etl", "r/etl:3", "--recover", "--stuck-after", "0"]);
        let mut second = command.spawn().unwrap();
        let mut lines = BufReader::new(second.stderr.take().unwrap()).lines().map_while(Result::ok);
        let waiting = move || {
            let seen: Vec<String> = lines.by_ref().take_while(|line| !line.contains("waits for the job")).collect();
            (lines, seen)
        };
        let (lines, seen) = tokio::task::spawn_blocking(waiting).await.unwrap();
        system.kubelet.decide(Pods::Image("r/etl:2".into()), Fate::Ready(Duration::ZERO));
        let ended = tokio::task::spawn_blocking(move || {
            let rest: Vec<String> = lines.collect();
            (Said::from(first.wait_with_output().unwrap()), second.wait().unwrap().code(), rest)
        });
        let (first, second, rest) = ended.await.unwrap();
        assert_eq!((first.exit, second), (0, Some(0)), "{first:#?}\n{seen:#?}\n{rest:#?}");
        assert!(!rest.is_empty(), "it ended without waiting: {seen:#?}");
        let history = system.helm.run(&["history", "dagster-user-deployments"]);
        assert!(!history.contains("Rollback") && !history.contains("failed"), "{history}");
        assert_eq!(system.done(&["set-image", "etl", "r/etl:3"]).await["changed"], json!(false));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn helm_killed_in_an_upgrade_is_reported_then_recovered() {
    for major in [3, 4] {
        let Some((system, secret)) = killed(major).await else { return };
        // It might be at work elsewhere, until that is too long ago.
        let long_ago = json!({"metadata": {"labels": {"modifiedAt": "1700000000"}}});
        let name = secret["metadata"]["name"].as_str().unwrap();
        system.namespace.merge("/api/v1", "secrets", name, &long_ago).await;
        let said = system.run(JOB).await;
        assert_eq!(said.exit, 5, "{said:#?}");
        assert!(said.stderr.contains("error[stuck]") && said.stderr.contains("`--recover`"), "{}", said.stderr);
        let done = system.done(&[JOB, &["--recover"]].concat()).await;
        assert_eq!((&done["release"]["runs"], &done["release"]["revision"]), (&json!(1), &json!(4)), "{done:#}");
        assert_eq!(system.done(JOB).await["changed"], json!(false));
        let status = system.run(&["status", "--detailed-exitcode"]).await;
        assert_eq!(status.exit, 0, "{status:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_progress_deadline_ends_the_wait_for_an_image() {
    let Some(system) = System::new(4).await else { return };
    system.kubelet.decide(Pods::Image("r/etl:1".into()), Fate::Waiting("ErrImagePull", "no such image"));
    let mut command = system.command(&[ADD, &["--output", "json"]].concat());
    let running = tokio::task::spawn_blocking(move || Said::from(command.output().unwrap()));
    let waiting = async || {
        let pods = system.namespace.list("/api/v1", "pods", "component=user-deployments").await;
        let state = &pods.first()?["status"]["containerStatuses"][0]["state"]["waiting"]["reason"];
        (state == "ErrImagePull").then_some(())
    };
    system.namespace.until(waiting).await;
    let short = json!({"spec": {"progressDeadlineSeconds": 1}});
    system.namespace.merge("/apis/apps/v1", "deployments", "dagster-user-deployments-etl", &short).await;
    let said = running.await.unwrap();
    assert_eq!((said.exit, said.stdout.as_str()), (6, ""), "{said:#?}");
    let error: Value = serde_json::from_str(&said.stderr).unwrap();
    let error = &error["error"];
    let causes = error["causes"].to_string();
    assert!(causes.contains("exceeded its progress deadline") && causes.contains("ErrImagePull"), "{error:#}");

    // What is done is told, too.
    let report = &error["report"];
    let steps = report["steps"].as_array().unwrap().iter();
    let steps: Vec<_> = steps.map(|of| (of["step"].as_str().unwrap(), of["outcome"].as_str().unwrap())).collect();
    let expected = [("discover", "unchanged"), ("values", "changed"), ("helm", "changed"), ("ready", "failed")];
    assert_eq!((steps, &report["step"]), (expected.to_vec(), &json!("ready")), "{error:#}");
    assert_eq!((&report["changed"], &report["release"]["revision"]), (&json!(true), &json!(1)), "{error:#}");
    let changed: Vec<&Value> = report["documents"].as_array().unwrap().iter().map(|of| &of["changed"]).collect();
    assert_eq!(changed, [&json!(true), &json!(false)], "the workspace is not written: {error:#}");
    assert_eq!(report["changes"].as_array().unwrap().len(), 1, "{error:#}");
    assert_eq!(system.workspace().await, "load_from: []\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_survive_lost_and_refused_requests() {
    const TOO_MANY: &str =
        "HTTP/1.1 429 Too Many Requests\r\ncontent-type: text/plain\r\nretry-after: 1\r\n\r\nToo many";
    const INTERNAL: &str = "HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain\r\n\r\netcd";
    const TIMEOUT: &str = "HTTP/1.1 504 Gateway Timeout\r\ncontent-type: application/json\r\n\r\n\
        {\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"Timeout\",\"code\":504}";
    let Some(namespace) = Namespace::new().await else { return };
    namespace.create(&config_map(VALUES, "values.yaml", "deployments: []\n")).await;
    namespace.create(&config_map(WORKSPACE, "workspace.yaml", "load_from: []\n")).await;
    let faults = [
        Fault::LoseRequest,
        Fault::LoseAnswer,
        Fault::Stall,
        Fault::Answer(TOO_MANY),
        Fault::Answer(INTERNAL),
        Fault::Answer(TIMEOUT),
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        // The first of each method: a LIST, which looks around, and the write of the values.
        let relay = Relay::start(&namespace.client, [("GET", fault), ("PUT", fault)]).await;
        let mut config = relay.config();
        config.read_timeout = Some(Duration::from_secs(2));
        let settings = Settings { steps: Steps::documents(), ..Settings::default() };
        let deployer = Deployer::with_client(Client::try_from(config).unwrap(), &namespace.name).settings(settings);
        let deployment = UserDeployment::new(format!("n{number}"), "r/x:1".parse().unwrap());
        let report =
            deployer.build().add(&[deployment]).await.unwrap_or_else(|failed| panic!("{fault:?}: {failed:#?}"));
        assert!(report.changed, "{fault:?}: {report:#?}");
        let values = namespace.get(VALUES).await["data"]["values.yaml"].as_str().unwrap().to_owned();
        let workspace = namespace.get(WORKSPACE).await["data"]["workspace.yaml"].as_str().unwrap().to_owned();
        assert_eq!(values.matches(&format!("name: n{number}\n")).count(), 1, "{fault:?}: {values}");
        assert_eq!(workspace.matches(&format!("location_name: n{number}\n")).count(), 1, "{fault:?}: {workspace}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closed_pull_requests_are_pruned_with_their_servers() {
    let Some(system) = System::new(4).await else { return };
    for number in ["7", "8"] {
        let of = ["--pr", number, "--repository", "acme/shop"];
        system.done(&[&["add", "shop", "--image", "r/shop:1", "--arg=-m"][..], &of].concat()).await;
    }
    system.done(ADD).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("closed.json");
    fs::write(&file, r#"[{"number": 7}, {"number": 8}, {"number": 9}]"#).unwrap();
    let prune = ["prune", "--closed-prs", file.to_str().unwrap(), "--repository", "acme/shop"];
    let planned = system.done(&prune).await;
    assert_eq!(planned["outdated"].as_array().unwrap().len(), 2, "{planned:#}");
    assert!(system.values().await.contains("shop-pr-7"), "only --yes takes them away");
    let (revision, _) = (system.revision(), system.webservers.asked());
    let done = system.done(&[&prune[..], &["--yes"]].concat()).await;
    assert_eq!(
        (system.revision(), system.webservers.asked().1),
        (revision + 1, 2),
        "one helm, one reload each: {done:#}"
    );
    let (values, workspace) = (system.values().await, system.workspace().await);
    assert!(!values.contains("shop") && values.contains("name: etl"), "{values}");
    assert!(!workspace.contains("shop") && workspace.contains("location_name: etl"), "{workspace}");
    let servers = system.namespace.list("/apis/apps/v1", "deployments", "component=user-deployments").await;
    let names: Vec<&Value> = servers.iter().map(|server| &server["metadata"]["name"]).collect();
    assert_eq!(names, ["dagster-user-deployments-etl"]);
    let again = system.done(&[&prune[..], &["--yes"]].concat()).await;
    assert_eq!((&again["changed"], &again["outdated"]), (&json!(false), &json!([])), "{again:#}");
}
