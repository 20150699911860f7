//! Back to a revision, as a whole or one entry of it.

use serde_json::json;

use super::kept::{Kept, steps};
use crate::flow::faults::kill_after;

async fn kept() -> Option<Kept> {
    let kept = Kept::new(4).await?;
    kept.done(&["add", "etl", "--image", "r/etl:1", "--arg=-m"]).await;
    kept.done(&["add", "sales", "--image", "r/sales:1", "--arg=-m"]).await;
    kept.done(&["set-image", "etl", "r/etl:2"]).await;
    Some(kept)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_revision_comes_back_byte_for_byte_and_everything_dropped_is_listed() {
    let Some(kept) = kept().await else { return };
    let now = kept.documents().await;
    let planned = kept.run(&kept.with_history(&["rollback", "1", "--dry-run"])).await;
    for line in ["- deployment sales", "- location sales", "etl: image.tag"] {
        assert!(planned.stdout.contains(line), "{line}: {planned:#?}");
    }
    assert_eq!(kept.documents().await, now);
    let done = kept.done(&["rollback", "1"]).await;
    let order = ["discover", "workspace", "activate", "values", "helm", "ready", "workspace", "activate", "record"];
    assert_eq!(steps(&done), order, "a location goes before its server: {done:#}");
    for line in ["- deployment sales", "- location sales", "etl: image.tag"] {
        assert!(done["changes"].to_string().contains(line), "{line}: {done:#}");
    }
    assert_eq!(done["recorded"]["revision"], json!(4));
    let values = std::fs::read_to_string(kept.object("latest/values.yaml")).unwrap();
    assert_eq!(kept.system.values().await, values);
    let diff: serde_json::Value = kept.done(&["history", "diff", "1", "4"]).await;
    assert_eq!(diff["changed"], json!(false), "{diff:#}");
    assert_eq!(kept.done(&["rollback", "1"]).await["changed"], json!(false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rollback_killed_after_every_step_is_finished_by_the_same_command() {
    let Some(kept) = kept().await else { return };
    let rollback = kept.with_history(&["rollback", "1"]);
    let rollback: Vec<&str> = rollback.iter().map(String::as_str).collect();
    for step in ["discover", "workspace", "activate", "values", "helm", "ready", "activate"] {
        kill_after(&kept.system, &rollback, step).await;
    }
    kept.system.done(&rollback).await;
    let diff = kept.done(&["history", "diff", "1", "4"]).await;
    assert_eq!((&diff["changed"], kept.revisions().await), (&json!(false), vec![4, 3, 2, 1]), "{diff:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_entry_comes_back_and_others_stay() {
    let Some(kept) = kept().await else { return };
    kept.done(&["remove", "sales"]).await;
    let done = kept.done(&["rollback", "2", "--only", "sales"]).await;
    assert_eq!(done["recorded"]["revision"], json!(5), "{done:#}");
    let (values, workspace) = kept.documents().await;
    assert!(values.contains("name: sales") && workspace.contains("location_name: sales"), "{values}{workspace}");
    assert!(values.contains("tag: \"2\"") || values.contains("tag: '2'"), "the others stay: {values}");
    kept.done(&["rollback", "1", "--only", "etl"]).await;
    let status = kept.run(&kept.with_history(&["rollback", "2", "--only", "etl", "--dry-run"])).await;
    assert!(status.stdout.contains("no change"), "{status:#?}");
    let said = kept.run(&kept.with_history(&["rollback", "1", "--only", "sales"])).await;
    assert_eq!(said.exit, 4, "{said:#?}");
    assert!(said.stderr.contains("there was no deployment `sales` then"), "{said:#?}");
    let said = kept.run(&kept.with_history(&["sync", "--only", "sales"])).await;
    assert_eq!(said.exit, 4, "{said:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planned_rollback_is_applied_or_stale() {
    let Some(kept) = kept().await else { return };
    let file = kept.object("../plan.json").display().to_string();
    kept.done(&["plan", "rollback", "1", "--out", &file]).await;
    kept.done(&["set-image", "sales", "r/sales:2"]).await;
    let said = kept.run(&kept.with_history(&["apply", &file])).await;
    assert_eq!(said.exit, 3, "{said:#?}");
    assert!(said.stderr.contains("deployment `sales` was changed"), "{said:#?}");
    kept.done(&["plan", "rollback", "1", "--out", &file]).await;
    kept.done(&["apply", &file]).await;
    assert!(!kept.system.values().await.contains("sales"));
}
