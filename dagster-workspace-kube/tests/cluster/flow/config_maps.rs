//! ConfigMaps that somebody else replaces, deletes, freezes or fills while the command is at work on them.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::stuck::noted_helm;
use super::system::{Said, System, WORKSPACE};
use crate::kubelet::{Fate, Pods};
use crate::namespace::{Namespace, VALUES, config_map};
use crate::relay::{Fault, Relay};

const ADD: &[&str] = &["add", "new", "--image", "r/new:1", "--arg=-m"];
const UPDATE: &[&str] = &["update", "etl", "--port", "30310"];
const REMOVE: &[&str] = &["remove", "etl"];

const ETL: &str = "  - name: etl\n    image: {repository: r/etl, tag: '1', pullPolicy: Always}\n    port: 3030\n    \
                   dagsterApiGrpcArgs: [-m, etl]\n";
const SERVED: &str = "  - grpc_server: {host: etl, port: 3030, location_name: etl}\n";

/// Both documents with one deployment and nothing else: no system, no helm. What the command asks goes through a relay.
struct Site {
    namespace: Namespace,
    relay: Relay,
    folder: TempDir,
}

impl Site {
    /// `held` writes wait at the relay; all others pass.
    async fn new(held: usize) -> Option<Self> {
        let namespace = Namespace::new().await?;
        for name in [VALUES, WORKSPACE] {
            namespace.create(&first(name)).await;
        }
        let faults = [("PUT", Fault::Hold); 2];
        let relay = Relay::start(&namespace.client, faults.into_iter().take(held)).await;
        let folder = tempfile::tempdir().unwrap();
        let config = json!({
            "clusters": [{"name": "relay", "cluster": {"server": relay.url()}}],
            "users": [{"name": "nobody", "user": {}}],
            "contexts": [{"name": "relay", "context": {"cluster": "relay", "user": "nobody"}}],
            "current-context": "relay",
        });
        fs::write(folder.path().join("config"), config.to_string()).unwrap();
        Some(Self { namespace, relay, folder })
    }

    /// The command, on both documents alone.
    fn start(&self, arguments: &[&str]) -> JoinHandle<Said> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dagster-workspace"));
        command.args(arguments);
        command.args(["--only", "documents", "--output", "json", "--namespace", &self.namespace.name]);
        command.arg("--kubeconfig").arg(self.folder.path().join("config")).stdin(Stdio::null());
        tokio::task::spawn_blocking(move || command.output().unwrap().into())
    }

    async fn run(&self, arguments: &[&str]) -> Said {
        self.start(arguments).await.unwrap()
    }

    /// The same, while somebody does something else directly before its `number`th write, which is to `name`.
    async fn run_around(&self, arguments: &[&str], number: usize, name: &str, rival: &Rival) -> Said {
        let running = self.start(arguments);
        for _ in 1..number {
            self.relay.held().await;
            self.relay.release();
        }
        self.relay.held().await;
        rival.act(&self.namespace, name).await;
        self.relay.release();
        running.await.unwrap()
    }

    async fn text(&self, name: &str) -> String {
        self.namespace.get(name).await["data"][key(name)].as_str().unwrap().to_owned()
    }

    async fn versions(&self) -> [Value; 2] {
        let version = async |name| self.namespace.get(name).await["metadata"]["resourceVersion"].clone();
        [version(VALUES).await, version(WORKSPACE).await]
    }
}

/// What somebody else does to a ConfigMap.
enum Rival {
    Delete,
    /// Another object of the same name.
    Recreate(Value),
    Merge(Value),
}

impl Rival {
    async fn act(&self, namespace: &Namespace, name: &str) {
        match self {
            Self::Merge(change) => drop(namespace.merge("/api/v1", "configmaps", name, change).await),
            Self::Delete => namespace.delete(name).await,
            Self::Recreate(object) => {
                namespace.delete(name).await;
                namespace.create(object).await;
            }
        }
    }
}

/// A document as it stands at first.
fn first(name: &str) -> Value {
    let text = if name == VALUES { format!("deployments:\n{ETL}") } else { format!("load_from:\n{SERVED}") };
    json!({"metadata": {"name": name}, "data": {key(name): text}})
}

/// What makes the object of a document so full that the document cannot grow by a byte.
fn filling(name: &str) -> Value {
    let len = first(name)["data"][key(name)].as_str().unwrap().len();
    json!({"data": {"theirs": "x".repeat((1 << 20) - len)}})
}

fn key(name: &str) -> &'static str {
    if name == VALUES { "values.yaml" } else { "workspace.yaml" }
}

/// The documents in the order in which a job writes them.
fn order(job: &[&str]) -> [&'static str; 2] {
    if job == REMOVE { [WORKSPACE, VALUES] } else { [VALUES, WORKSPACE] }
}

/// Which of the steps came to what.
fn steps(report: &Value) -> Vec<(&str, &str)> {
    let steps = report["steps"].as_array().unwrap().iter();
    steps.map(|of| (of["step"].as_str().unwrap(), of["outcome"].as_str().unwrap())).collect()
}

/// What a report says of a document.
fn document<'r>(report: &'r Value, name: &str) -> &'r Value {
    let mut documents = report["documents"].as_array().unwrap().iter();
    documents.find(|of| of["file"].as_str().unwrap().contains(name)).unwrap()
}

fn error(said: &Said) -> Value {
    assert_eq!(said.stdout, "", "{said:#?}");
    let error: Value = serde_json::from_str(&said.stderr).unwrap_or_else(|error| panic!("{error}: {said:#?}"));
    error["error"].clone()
}

/// The words and steps of a document, as reports name them.
fn subject(name: &str) -> &'static str {
    if name == VALUES { "values" } else { "workspace" }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recreated_config_map_is_edited_as_it_is_by_then() {
    for job in [ADD, UPDATE, REMOVE] {
        for (number, name) in (1..).zip(order(job)) {
            let Some(site) = Site::new(number).await else { return };
            let mut object = first(name);
            let text = object["data"][key(name)].as_str().unwrap();
            object["data"] = json!({key(name): format!("# by somebody else\n{text}"), "theirs": "x"});
            object["metadata"]["labels"] = json!({"team": "data"});
            let said = site.run_around(job, number, name, &Rival::Recreate(object)).await;
            assert_eq!(said.exit, 0, "{job:?} {name}: {said:#?}");
            let report = said.json();
            let document = document(&report, name);
            assert_eq!((&document["changed"], &document["attempts"]), (&json!(true), &json!(2)), "{report:#}");

            let found = site.namespace.get(name).await;
            assert_eq!(found["metadata"]["labels"], json!({"team": "data"}), "{job:?}: {found:#}");
            assert_eq!(found["data"]["theirs"], "x", "{job:?}: {found:#}");
            assert!(site.text(name).await.starts_with("# by somebody else\n"), "{job:?}: {found:#}");
            for name in [VALUES, WORKSPACE] {
                let text = site.text(name).await;
                let done = match job[0] {
                    "add" => ["name: new\n", "name: new}"].iter().any(|new| text.contains(new)) && text.contains("etl"),
                    "update" => {
                        text.contains("port: 30310") && !text.contains("port: 3030,") && !text.contains("port: 3030\n")
                    }
                    _ => !text.contains("etl"),
                };
                assert!(done, "{job:?}: {text}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_recreated_config_map_without_the_entry_is_left_alone() {
    let Some(site) = Site::new(1).await else { return };
    let empty = json!({"metadata": {"name": VALUES}, "data": {"values.yaml": "deployments: []\n"}});
    let said = site.run_around(UPDATE, 1, VALUES, &Rival::Recreate(empty)).await;
    let error = error(&said);
    assert_eq!((said.exit, &error["reason"]), (4, &json!("not-found")), "{error:#}");
    assert_eq!(site.text(VALUES).await, "deployments: []\n");
    assert!(site.text(WORKSPACE).await.contains("port: 3030"), "{error:#}");
}

/// What somebody does in the middle of a job, and what the job then says: its exit code and reason where it has written
/// nothing yet, and words of its message, causes and hint.
struct Case {
    rival: Rival,
    option: &'static str,
    exit: i32,
    reason: &'static str,
    words: &'static [&'static str],
}

fn cases(name: &str) -> [Case; 4] {
    [
        Case {
            rival: Rival::Recreate(first(name)),
            option: "--no-retry",
            exit: 3,
            reason: "conflict",
            words: &["is not what it was when it was read", "run it again"],
        },
        Case {
            rival: Rival::Delete,
            option: "--timeout=60",
            exit: 4,
            reason: "not-found",
            words: &["there is no `", "`init`"],
        },
        Case {
            rival: Rival::Merge(json!({"immutable": true})),
            option: "--timeout=60",
            exit: 5,
            reason: "immutable",
            words: &["is immutable", "without `immutable: true`"],
        },
        Case {
            rival: Rival::Merge(filling(name)),
            option: "--timeout=60",
            exit: 4,
            reason: "too-large",
            words: &["bytes, at most", "a ConfigMap holds 1 MiB under all of its keys together"],
        },
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_config_map_in_the_way_before_the_first_write_leaves_both_as_they_are() {
    for job in [ADD, UPDATE, REMOVE] {
        let [name, other] = order(job);
        for Case { rival, option, exit, reason, words } in cases(name) {
            if job == REMOVE && reason == "too-large" {
                // It makes the document shorter.
                continue;
            }
            let Some(site) = Site::new(1).await else { return };
            let before = site.namespace.get(other).await;
            let said = site.run_around(&[job, &[option]].concat(), 1, name, &rival).await;
            let error = error(&said);
            let shown = error.to_string();
            assert_eq!(
                (said.exit, &error["reason"], &error["exit_code"]),
                (exit, &json!(reason), &json!(exit)),
                "{error:#}"
            );
            assert!(words.iter().all(|words| shown.contains(words)), "{words:?}: {error:#}");
            let report = &error["report"];
            assert_eq!((&report["changed"], &report["step"]), (&json!(false), &json!(subject(name))), "{error:#}");
            assert_eq!(steps(report), [("discover", "unchanged"), (subject(name), "failed")], "{error:#}");
            assert_eq!((&report["changes"], &site.namespace.get(other).await), (&json!([]), &before), "{error:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_config_map_in_the_way_behind_the_first_write_is_told_and_finished_later() {
    for job in [ADD, UPDATE, REMOVE] {
        let [done, name] = order(job);
        for Case { rival, option, reason, words, .. } in cases(name) {
            if job == REMOVE && reason == "too-large" {
                continue;
            }
            let Some(site) = Site::new(2).await else { return };
            let said = site.run_around(&[job, &[option]].concat(), 2, name, &rival).await;
            let error = error(&said);
            let shown = error.to_string();
            assert_eq!((said.exit, &error["reason"]), (7, &json!("partial")), "{error:#}");
            let message = format!("step `{}` failed, those before it are done", subject(name));
            assert_eq!(error["message"], json!(message), "{error:#}");
            let told = words.iter().chain(&["run it again: what is already done is left alone"]);
            assert!(told.copied().all(|words| shown.contains(words)), "{words:?}: {error:#}");
            let report = &error["report"];
            let expected = [("discover", "unchanged"), (subject(done), "changed"), (subject(name), "failed")];
            assert_eq!((steps(report), &report["changed"]), (expected.to_vec(), &json!(true)), "{error:#}");
            let changed = [done, name].map(|name| &document(report, name)["changed"]);
            assert_eq!(changed, [&json!(true), &json!(false)], "{error:#}");

            // Mended as the hint of the plain error says, the same command finishes.
            match reason {
                "not-found" => assert_eq!(site.run(&["init"]).await.exit, 0),
                "immutable" | "too-large" => Rival::Recreate(first(name)).act(&site.namespace, name).await,
                _ => {}
            }
            let said = site.run(job).await;
            assert_eq!(said.exit, 0, "{job:?} {reason}: {said:#?}");
            let again = site.run(job).await;
            assert_eq!(again.json()["changed"], json!(false), "{job:?} {reason}: {again:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_config_map_that_takes_no_edit_is_found_before_the_first_write() {
    for name in [VALUES, WORKSPACE] {
        for (change, exit, reason) in [(json!({"immutable": true}), 5, "immutable"), (filling(name), 4, "too-large")] {
            let Some(site) = Site::new(0).await else { return };
            Rival::Merge(change).act(&site.namespace, name).await;
            let before = site.versions().await;
            for job in [ADD, UPDATE, REMOVE] {
                if job == REMOVE && reason == "too-large" {
                    // It makes the document shorter.
                    continue;
                }
                let said = site.run(job).await;
                let error = error(&said);
                assert_eq!((said.exit, &error["reason"]), (exit, &json!(reason)), "{job:?} {name}: {error:#}");
                assert!(error["hint"].is_string() && error["report"]["changed"] == json!(false), "{error:#}");
                assert_eq!(site.versions().await, before, "{job:?} {name}: {error:#}");
            }
            // Nothing to write is nothing in the way.
            let said = site.run(&["update", "etl", "--port", "3030"]).await;
            assert_eq!(said.exit, 0, "{name}: {said:#?}");
            let said = site.run(&["remove", "absent"]).await;
            assert_eq!(said.exit, 0, "{name}: {said:#?}");
        }
    }
}

/// A job with JSON as its answer, whose helm waits before it upgrades until `meanwhile` is over.
async fn run_around_helm(system: &System, job: &[&str], meanwhile: impl AsyncFnOnce()) -> Said {
    let folder = noted_helm(system.major);
    let wait = "case \"$1\" in upgrade) while [ ! -e \"$here/go\" ]; do sleep 0.05; done;; esac\n";
    fs::write(folder.path().join("script"), wait).unwrap();
    let mut command = system.command_without(&["--helm"], job);
    command.args(["--output", "json"]).arg("--helm").arg(folder.path().join("helm"));
    let running = tokio::task::spawn_blocking(move || command.output().unwrap().into());
    let log = folder.path().join("log");
    let upgrading = async || fs::read_to_string(&log).ok().filter(|log| log.contains("upgrade ")).map(drop);
    system.namespace.until(upgrading).await;
    meanwhile().await;
    fs::write(folder.path().join("go"), "").unwrap();
    running.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_values_that_go_while_helm_is_at_work_are_told_and_taken_from_the_release() {
    for major in [3, 4] {
        let Some(system) = System::new(major).await else { return };
        let said = run_around_helm(&system, ADD, async || system.namespace.delete(VALUES).await).await;
        let error = error(&said);
        assert_eq!((said.exit, &error["message"]), (7, &json!("step `helm` failed, those before it are done")));
        let missing = format!("there is no `{}/{VALUES}/values.yaml`", system.namespace.name);
        assert_eq!(error["causes"], json!([missing]), "{error:#}");
        let hint = error["hint"].as_str().unwrap();
        assert!(hint.starts_with("`init` makes") && hint.contains("then run it again"), "{error:#}");
        let expected = [("discover", "unchanged"), ("values", "changed"), ("helm", "failed")];
        assert_eq!(steps(&error["report"]), expected, "{error:#}");
        assert_eq!(system.workspace().await, "load_from: []\n");

        // Nothing is lost: the release has them.
        let made = system.done(&["init"]).await;
        assert_eq!(made["from"], "dagster-user-deployments", "{made:#}");
        let done = system.done(ADD).await;
        assert!(system.workspace().await.contains("location_name: new"), "{done:#}");
        assert_eq!(system.done(ADD).await["changed"], json!(false));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_values_that_are_replaced_while_helm_is_at_work_win_and_the_job_says_so() {
    let Some(system) = System::new(4).await else { return };
    let empty = Rival::Recreate(config_map(VALUES, "values.yaml", "deployments: []\n"));
    let said = run_around_helm(&system, ADD, async || empty.act(&system.namespace, VALUES).await).await;
    let error = error(&said);
    assert_eq!(said.exit, 7, "{error:#}");
    let report = &error["report"];
    let expected = [("discover", "unchanged"), ("values", "changed"), ("helm", "changed"), ("ready", "failed")];
    assert_eq!((steps(report), &report["release"]["runs"]), (expected.to_vec(), &json!(2)), "{error:#}");
    assert!(error["causes"].to_string().contains("has no code server `new`"), "{error:#}");
    assert_eq!(system.workspace().await, "load_from: []\n");
    system.done(ADD).await;
    assert!(system.values().await.contains("name: new") && system.workspace().await.contains("location_name: new"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_workspace_that_goes_while_code_servers_start_is_told_and_finished_later() {
    let frozen = || Rival::Merge(json!({"immutable": true}));
    for (rival, cause) in [(Rival::Delete, "there is no `"), (frozen(), "is immutable")] {
        let Some(system) = System::new(3).await else { return };
        system.kubelet.decide(Pods::Image("r/new:1".into()), Fate::Waiting("ContainerCreating", "pulling"));
        let mut command = system.command(&[ADD, &["--output", "json"]].concat());
        let running = tokio::task::spawn_blocking(move || Said::from(command.output().unwrap()));
        let starting = async || {
            let pods = system.namespace.list("/api/v1", "pods", "component=user-deployments").await;
            (!pods.first()?["status"]["containerStatuses"].is_null()).then_some(())
        };
        system.namespace.until(starting).await;
        rival.act(&system.namespace, WORKSPACE).await;
        system.kubelet.decide(Pods::Image("r/new:1".into()), Fate::Ready(Duration::ZERO));
        let said = running.await.unwrap();
        let error = error(&said);
        assert_eq!((said.exit, &error["message"]), (7, &json!("step `workspace` failed, those before it are done")));
        assert!(error["causes"].to_string().contains(cause), "{error:#}");
        let expected = [
            ("discover", "unchanged"),
            ("values", "changed"),
            ("helm", "changed"),
            ("ready", "unchanged"),
            ("workspace", "failed"),
        ];
        assert_eq!(steps(&error["report"]), expected, "{error:#}");
        let status = system.run(&["status", "--detailed-exitcode"]).await;
        assert!(status.exit != 0, "{status:#?}");

        // What is immutable is found before anything else is done the next time.
        if let Rival::Merge(_) = rival {
            let revision = system.revision();
            let said = system.run(&["update", "new", "--port", "3031"]).await;
            assert_eq!((said.exit, system.revision()), (5, revision), "{said:#?}");
            assert!(system.values().await.contains("port: 3030"), "{said:#?}");
            system.namespace.delete(WORKSPACE).await;
        }
        system.done(&["init"]).await;
        let done = system.done(ADD).await;
        assert_eq!((&done["changed"], &done["release"]["runs"]), (&json!(true), &json!(0)), "{done:#}");
        assert_eq!(system.done(ADD).await["changed"], json!(false));
    }
}
