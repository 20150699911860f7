//! Prunes that are killed: the same command finishes them, also when nothing is left to prune.

use serde_json::json;

use super::kept::Kept;
use crate::flow::faults::kill_after;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prune_killed_after_every_step_is_finished_by_the_same_command() {
    let Some(kept) = Kept::new(4).await else { return };
    kept.done(&["add", "etl", "--image", "r/etl:1", "--arg=-m"]).await;
    let settled = kept.documents().await;
    let closed = kept.file("closed", "12 13");
    let prune = kept.with_history(&["prune", "--closed-prs", &closed, "--repository", "acme/etl", "--yes"]);
    let prune: Vec<&str> = prune.iter().map(String::as_str).collect();
    for step in ["discover", "workspace", "activate", "values", "helm", "record"] {
        let of = ["--pr", "12", "--repository", "acme/etl", "--ttl", "7d"];
        kept.done(&[&["add", "etl", "sales", "--image", "r/pr:1", "--arg=-m"][..], &of].concat()).await;
        assert!(kept.documents().await.0.contains("x-dagster-workspace"));
        kill_after(&kept.system, &prune, step).await;
        let done = kept.system.done(&prune).await;
        assert_eq!(done["changed"], json!(step != "record"), "killed after {step}: {done:#}");
        assert_eq!(kept.documents().await, settled, "killed after {step}");
        let latest = std::fs::read_to_string(kept.object("latest/values.yaml")).unwrap();
        assert_eq!(latest, settled.0, "killed after {step}");
        let status = kept.system.run(&["status", "--detailed-exitcode"]).await;
        assert_eq!(status.exit, 0, "killed after {step}: {status:#?}");
        assert_eq!(kept.system.done(&prune).await["changed"], json!(false), "killed after {step}");
    }
}
