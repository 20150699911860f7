//! A namespace is deleted, and what was there is back.

use serde_json::{Value, json};
use testing::{Oracle, top};

use super::kept::{Kept, SECRET, steps};
use crate::flow::faults::kill_after;
use crate::namespace::{VALUES, config_map};

const ADD: &[&str] = &["add", "etl", "--image", "r/etl:1", "--arg=-m"];

fn deployed(revision: &str) -> [(String, String, String); 2] {
    ["dagster", "dagster-user-deployments"].map(|name| (name.into(), "deployed".into(), revision.into()))
}

async fn namespace_is_rebuilt(major: u8) {
    let Some(kept) = Kept::new(major).await else { return };
    kept.done(ADD).await;
    kept.done(&["add", "sales", "--image", "r/sales:1", "--arg=-m"]).await;
    let documents = kept.documents().await;
    kept.system.namespace.delete_all().await;

    let planned = kept.done_with(&kept.restore(&["--dry-run"])).await;
    assert_eq!((&planned["changed"], &planned["revision"]), (&json!(true), &json!(2)), "{planned:#}");
    assert_eq!(steps(&planned), ["namespace", "values", "workspace", "system", "helm", "ready", "activate"]);
    assert!(!kept.system.namespace.exists().await, "a dry run makes nothing");

    let done = kept.done_with(&kept.restore(&[])).await;
    assert_eq!(kept.documents().await, documents, "byte for byte");
    assert_eq!(kept.releases(), deployed("1"), "{done:#}");
    assert_eq!(done["recorded"], json!({"revision": 2, "is_new": false}));
    let webservers = done["webservers"].as_array().unwrap();
    assert_eq!(webservers.len(), 2, "{done:#}");
    loads(&documents.1);

    let again = kept.done_with(&kept.restore(&[])).await;
    assert_eq!(again["changed"], json!(false), "{again:#}");
    assert_eq!(kept.releases(), deployed("1"));
    assert_eq!(kept.done_with(&kept.restore(&["--dry-run"])).await["changed"], json!(false));

    another_version_is_a_restore_onto_what_runs(&kept, &documents).await;

    let found = std::process::Command::new("grep").args(["-r", SECRET]).arg(kept.object("")).output().unwrap();
    assert!(found.stdout.is_empty(), "{found:?}");
}

/// Both charts get another version, as the plan says, and nothing else changes.
async fn another_version_is_a_restore_onto_what_runs(kept: &Kept, documents: &(String, String)) {
    let system = kept.other_chart(&testing::system_chart(), "1.13.28");
    let code = kept.other_chart(&testing::code_chart(), "1.13.28");
    let restore = async |more: &[&str]| {
        let arguments = kept.restore(&[&["--system-chart", &system, "--output", "json"], more].concat());
        let said = kept.run_otherwise(&["--chart"], &arguments, |command| command.args(["--chart", &code])).await;
        assert_eq!(said.exit, 0, "{said:#?}");
        said.json()
    };
    let planned = restore(&["--dry-run"]).await;
    let changing: Vec<&Value> =
        planned["steps"].as_array().unwrap().iter().filter(|step| step["changes"] == true).collect();
    assert_eq!(changing.iter().map(|step| &step["step"]).collect::<Vec<_>>(), ["system", "helm"], "{planned:#}");
    for (step, release) in changing.iter().zip(["dagster", "dagster-user-deployments"]) {
        let what = step["what"].as_str().unwrap();
        assert!(
            what.starts_with(&format!("upgrade release `{release}` to ")) && what.ends_with(", revision 2"),
            "{what}"
        );
    }
    assert_eq!((planned["changes"].as_array().map(Vec::len), kept.releases()), (Some(0), deployed("1").into()));
    let done = restore(&[]).await;
    let recorded = json!({"revision": 3, "is_new": true});
    assert_eq!(done["recorded"], recorded, "the chart's version is another one: {done:#}");
    assert_eq!((&kept.documents().await, kept.releases()), (documents, deployed("2").into()));
    assert_eq!(restore(&[]).await["changed"], json!(false));
}

/// Dagster itself reads the workspace.
fn loads(workspace: &str) {
    let Some(mut dagster) = Oracle::python(top().join("testing/oracles/dagster_workspace.py")) else { return };
    let answer = dagster.ask(&json!({ "text": workspace }));
    assert_eq!(answer["error"], Value::Null, "{answer:#}");
    assert!(answer.to_string().contains("etl") && answer.to_string().contains("sales"), "{answer:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_namespace_is_rebuilt_with_helm_3() {
    namespace_is_rebuilt(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_namespace_is_rebuilt_with_helm_4() {
    namespace_is_rebuilt(4).await;
}

/// Nothing is fetched: a dry run into a namespace that is not there asks helm for nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn charts_are_those_of_the_revision_or_as_asked_for() {
    let Some(kept) = Kept::new(4).await else { return };
    kept.done(&["add", "etl", "--image", "r/etl:1", "--arg=-m", "--only", "documents"]).await;
    kept.done(&["history", "record", "--of-chart", "dagster=1.13.20", "--of-chart", "dagster-user-deployments=1.12.3"])
        .await;
    kept.system.namespace.delete_all().await;
    let values = kept.system_values();
    let check = async |more: &[&str], system: &str, code: &str| {
        let arguments = kept.with_history(&[&["restore", "--dry-run", "--system-values", &values], more].concat());
        let said = kept.run_otherwise(&["--chart"], &arguments, |command| command).await;
        for release in [format!("`dagster` from dagster {system}\n"), format!("from dagster-user-deployments {code}\n")]
        {
            assert!(said.stdout.contains(&release), "{release}: {said:#?}");
        }
    };
    check(&[], "1.13.20", "1.12.3").await;
    check(&["--chart-version", "1.13.28"], "1.13.28", "1.13.28").await;
    check(&["--system-chart-version", "1.13.28"], "1.13.28", "1.12.3").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restore_killed_after_every_step_is_finished_and_does_nothing_twice() {
    let Some(kept) = Kept::new(4).await else { return };
    kept.done(ADD).await;
    let documents = kept.documents().await;
    kept.system.namespace.delete_all().await;
    let restore = kept.restore(&[]);
    let restore: Vec<&str> = restore.iter().map(String::as_str).collect();
    for step in
        ["namespace", "values", "workspace", "system", "helm", "ready", "discover", "activate", "record", "verify"]
    {
        kill_after(&kept.system, &restore, step).await;
    }
    let last = kept.system.done(&restore).await;
    assert_eq!(last["changed"], json!(false), "{last:#}");
    assert_eq!((kept.documents().await, kept.releases()), (documents, deployed("1").into()));
    assert_eq!(kept.revisions().await, [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_values_of_the_system_it_ends_with_the_code_servers_and_says_so() {
    let Some(kept) = Kept::new(3).await else { return };
    kept.done(ADD).await;
    let documents = kept.documents().await;
    kept.system.namespace.delete_all().await;
    let only = kept.done(&["restore", "--only", "documents"]).await;
    assert_eq!(steps(&only), ["namespace", "values", "workspace", "verify"], "{only:#}");
    assert_eq!((kept.documents().await, kept.releases().len()), (documents.clone(), 0));
    let said = kept.run(&kept.with_history(&["restore"])).await;
    assert_eq!(said.exit, 0, "{said:#?}");
    assert!(said.stderr.contains("the restore ends with the code servers"), "{said:#?}");
    assert_eq!(kept.releases(), deployed("1")[1..]);
    assert_eq!(kept.documents().await, documents);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_another_installation_is_left_alone_until_it_is_to_be_replaced() {
    let Some(kept) = Kept::new(4).await else { return };
    kept.done(ADD).await;
    let first = kept.documents().await;
    kept.done(&["add", "sales", "--image", "r/sales:1", "--arg=-m"]).await;
    let (second, releases) = (kept.documents().await, kept.releases());
    let restore = kept.with_history(&["restore", "--revision", "1"]);
    for more in [&[][..], &["--dry-run".to_owned()]] {
        let said = kept.run(&[&restore[..], more].concat()).await;
        assert_eq!(said.exit, 5, "{said:#?}");
        assert!(said.stderr.contains("error[occupied]") && said.stderr.contains("--replace"), "{said:#?}");
    }
    assert_eq!((kept.documents().await, kept.releases()), (second, releases));
    let replace = ["--replace".to_owned()];
    let planned = kept.run(&[&restore[..], &replace, &["--dry-run".to_owned()]].concat()).await;
    assert!(planned.stdout.contains("- deployment sales"), "{planned:#?}");
    let said = kept.run(&[&restore[..], &replace].concat()).await;
    assert_eq!(said.exit, 0, "{said:#?}");
    assert_eq!(kept.documents().await, first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_releases_of_somebody_else_are_left_alone() {
    let Some(kept) = Kept::new(3).await else { return };
    kept.done(ADD).await;
    kept.system.namespace.delete(VALUES).await;
    kept.system.namespace.delete(crate::flow::system::WORKSPACE).await;
    kept.system.helm.code("dagster-user-deployments", &json!({"deployments": []}));
    let said = kept.run(&kept.with_history(&["restore"])).await;
    assert_eq!(said.exit, 5, "{said:#?}");
    assert!(said.stderr.contains("release `dagster-user-deployments`, revision 2"), "{said:#?}");
    kept.system.namespace.create(&config_map(VALUES, "values.yaml", "deployments: []\n")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_history_without_the_revision_or_damaged_makes_nothing() {
    let Some(kept) = Kept::new(4).await else { return };
    let check = async |history: &str, more: &[&str], exit: i32, reason: &str| {
        let said = kept.system.run(&[&["restore", "--history", history], more].concat()).await;
        assert_eq!(said.exit, exit, "{said:#?}");
        assert!(said.stderr.contains(&format!("error[{reason}]")), "{reason}: {said:#?}");
    };
    let place = kept.place();
    check(&place, &[], 4, "not-found").await;
    kept.done(ADD).await;
    check(&place, &["--revision", "7"], 4, "not-found").await;
    check("file:///does/not/exist", &[], 4, "no-bucket").await;
    let revision: Value =
        serde_json::from_slice(&std::fs::read(kept.object("revisions/00000001.json")).unwrap()).unwrap();
    let blob = kept.object("blobs").join(revision["values"]["sha256"].as_str().unwrap());
    let text = std::fs::read_to_string(&blob).unwrap();
    std::fs::write(&blob, text.replace("r/etl", "r/xxx")).unwrap();
    kept.system.namespace.delete_all().await;
    check(&place, &[], 1, "damaged").await;
    assert!(!kept.system.namespace.exists().await);
}
