//! Every change becomes a revision, and a history that does not take it undoes nothing.

use serde_json::{Value, json};
use testing::S3;

use super::kept::Kept;
use crate::flow::faults::kill_after;

const ADD: &[&str] = &["add", "etl", "--image", "r/etl:1", "--arg=-m"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn change_becomes_a_revision_and_no_change_none() {
    let Some(kept) = Kept::new(4).await else { return };
    let added = kept.done(&[ADD, &["--reason", "first", "--actor", "ada"]].concat()).await;
    assert_eq!(added["recorded"], json!({"revision": 1, "is_new": true}), "{added:#}");
    let again = kept.done(ADD).await;
    assert_eq!((&again["recorded"], &again["changed"]), (&json!({"revision": 1, "is_new": false}), &json!(false)));
    let shown: Value = serde_json::from_slice(&std::fs::read(kept.object("revisions/00000001.json")).unwrap()).unwrap();
    assert_eq!((&shown["actor"], &shown["reason"]), (&json!("ada"), &json!("first")));
    assert_eq!(shown["charts"]["dagster"], json!("1.13.27"), "{shown:#}");
    assert_eq!(
        kept.done(&["set-image", "etl", "r/etl:2", "--only", "documents"]).await["recorded"]["revision"],
        json!(2)
    );
    let unrecorded = kept.system.done(&["remove", "etl", "--no-history"]).await;
    assert_eq!(unrecorded["recorded"], Value::Null);
    assert_eq!(
        kept.done(&["sync"]).await["recorded"],
        json!({"revision": 3, "is_new": true}),
        "what is missing is recorded"
    );
    assert_eq!(std::fs::read_to_string(kept.object("latest/values.yaml")).unwrap(), kept.system.values().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_job_is_recorded_by_the_same_command_once() {
    let Some(kept) = Kept::new(3).await else { return };
    let add = kept.with_history(ADD);
    let add: Vec<&str> = add.iter().map(String::as_str).collect();
    for step in ["values", "helm", "workspace", "activate"] {
        kill_after(&kept.system, &add, step).await;
    }
    assert_eq!(kept.done(ADD).await["recorded"]["revision"], json!(1));
    kill_after(&kept.system, &add, "record").await;
    assert_eq!(kept.done(ADD).await["recorded"], json!({"revision": 1, "is_new": false}));
    assert_eq!(kept.revisions().await, [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_history_that_takes_nothing_undoes_nothing() {
    let Some(kept) = Kept::new(4).await else { return };
    let Some(s3) = S3::shared() else { return };
    let run = async |history: &str, arguments: &[&str]| {
        let mut command = kept.system.command(&[arguments, &["--history", history, "--output", "json"]].concat());
        command.envs(s3.environment());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        crate::flow::system::Said::from(output)
    };
    let said = run("s3://no-such-bucket/x", ADD).await;
    assert_eq!((said.exit, said.stdout.as_str()), (7, ""), "{said:#?}");
    let error: Value = serde_json::from_str(&said.stderr).unwrap();
    assert_eq!(error["error"]["reason"], json!("not-recorded"), "{error:#}");
    assert!(kept.system.workspace().await.contains("location_name: etl"));
    let bucket = format!("s3://{}/x", s3.bucket("flow"));
    let said = run(&bucket, ADD).await;
    assert_eq!(said.json()["recorded"], json!({"revision": 1, "is_new": true}), "{said:#?}");
    let said = run("bucket", ADD).await;
    assert_eq!(said.exit, 4, "{said:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_of_a_directory_are_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let (documents, history) = (folder.path().join("documents"), folder.path().join("history"));
    std::fs::create_dir_all(&documents).unwrap();
    std::fs::create_dir_all(&history).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_dagster-workspace"));
        command.args(arguments).arg("--directory").arg(&documents).args(["--output", "json"]);
        let output =
            command.env("DAGSTER_WORKSPACE_HISTORY", format!("file://{}", history.display())).output().unwrap();
        assert!(output.status.success(), "{output:#?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    run(&["init"]);
    assert_eq!(run(ADD)["recorded"]["revision"], json!(1));
    let values = std::fs::read(documents.join("values.yaml")).unwrap();
    assert_eq!(run(&["remove", "etl"])["recorded"]["revision"], json!(2));
    let planned = run(&["rollback", "1", "--dry-run"]);
    assert_eq!((&planned["changed"], &planned["recorded"]), (&json!(true), &Value::Null), "{planned:#}");
    assert_eq!(run(&["rollback", "1"])["recorded"]["revision"], json!(3));
    assert_eq!(std::fs::read(documents.join("values.yaml")).unwrap(), values);
}
