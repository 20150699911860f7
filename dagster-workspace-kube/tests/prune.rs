//! The request that prunes, on documents in memory: it judges anew what others have changed since the plan.

use std::collections::BTreeSet;
use std::sync::Arc;

use dagster_workspace_core::staging::{Criterion, Outdated, Pattern, Selection, outdated};
use dagster_workspace_core::time::Timestamp;
use dagster_workspace_core::transform::Subject;
use dagster_workspace_core::yaml::Document;
use dagster_workspace_kube::deploy::{Documents, Request, key};
use dagster_workspace_kube::store::{Memory, Precondition, Store};

const VALUES: &str = "\
deployments:
- {name: a-pr-1, image: {repository: a, tag: v1, pullPolicy: Always}, port: 3030, dagsterApiGrpcArgs: [-m, a]}
- {name: b-pr-2, image: {repository: a, tag: v1, pullPolicy: Always}, port: 3030, dagsterApiGrpcArgs: [-m, a]}
- {name: c-pr-3, image: {repository: a, tag: v1, pullPolicy: Always}, port: 3030, dagsterApiGrpcArgs: [-m, a]}
x-dagster-workspace:
  a-pr-1: {pullRequest: 1, expires: 2026-01-01T00:00:00Z}
  b-pr-2: {pullRequest: 2, expires: 2026-01-02T00:00:00Z}
  c-pr-3: {pullRequest: 3, expires: 2026-01-03T00:00:00Z}
";

const WORKSPACE: &str = "\
load_from:
- grpc_server: {host: a-pr-1, port: 3030, location_name: a-pr-1}
- grpc_server: {host: b-pr-2, port: 3030, location_name: b-pr-2}
- grpc_server: {host: c-pr-3, port: 3030, location_name: c-pr-3}
";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

async fn stored(values: &str) -> Arc<dyn Store> {
    let store = Memory::new();
    store.put(&key(Subject::Values), values, Precondition::Absent).await.unwrap();
    store.put(&key(Subject::Workspace), WORKSPACE, Precondition::Absent).await.unwrap();
    Arc::new(store)
}

fn selection(criterion: Criterion) -> Selection {
    Selection { criteria: vec![criterion], name: Some(Pattern::new("*-pr-*")), ..Selection::default() }
}

fn plan(selection: &Selection, now: Timestamp) -> Vec<Outdated> {
    outdated(&Document::parse(VALUES).unwrap(), selection, now).unwrap().outdated
}

#[tokio::test]
async fn several_go_in_one_write_of_each_document() {
    let store = stored(VALUES).await;
    let criteria = selection(Criterion::PullRequests { closed: BTreeSet::from([1, 3]), repository: None });
    let now = time("2020-01-01T00:00:00Z");
    let request = Request::prune(&plan(&criteria, now), criteria, now);
    assert_eq!(request.names(), ["a-pr-1", "c-pr-3"]);
    let done = Documents::new(Arc::clone(&store)).apply(&request).await.unwrap().edited;
    let order: Vec<_> = done.iter().map(|edited| (edited.subject, edited.requests)).collect();
    assert_eq!(order, [(Subject::Workspace, 1), (Subject::Values, 1)], "one write of each");
    let values = store.get(&key(Subject::Values)).await.unwrap().text;
    let gone = |line: &&str| !line.contains("a-pr-1") && !line.contains("c-pr-3");
    assert_eq!(values.lines().collect::<Vec<_>>(), VALUES.lines().filter(gone).collect::<Vec<_>>());
    let workspace = store.get(&key(Subject::Workspace)).await.unwrap().text;
    assert_eq!(workspace.lines().collect::<Vec<_>>(), WORKSPACE.lines().filter(gone).collect::<Vec<_>>());
    let again = Documents::new(store).apply(&request).await.unwrap().edited;
    assert!(again.iter().all(|edited| !edited.is_changed()), "{again:?}");
}

#[tokio::test]
async fn what_got_more_time_since_the_plan_stays_and_what_ran_out_since_is_not_taken() {
    let now = time("2026-01-02T12:00:00Z");
    let criteria = selection(Criterion::Expired);
    let planned = plan(&criteria, now);
    // Others gave `a` more time, and let `c` run out.
    let changed = VALUES.replace("2026-01-01", "2026-02-01").replace("2026-01-03", "2025-01-03");
    let store = stored(&changed).await;
    let request = Request::prune(&planned, criteria, now);
    Documents::new(Arc::clone(&store)).apply(&request).await.unwrap();
    let values = store.get(&key(Subject::Values)).await.unwrap().text;
    let names = ["a-pr-1", "b-pr-2", "c-pr-3"].map(|name| values.contains(&format!("name: {name}")));
    assert_eq!(names, [true, false, true], "{values}");
    let workspace = store.get(&key(Subject::Workspace)).await.unwrap().text;
    assert_eq!(["a-pr-1", "b-pr-2", "c-pr-3"].map(|name| workspace.contains(name)), [true, false, true], "{workspace}");
}

#[tokio::test]
async fn job_that_is_cut_off_is_finished_by_the_same_command() {
    let now = time("2026-01-02T12:00:00Z");
    let criteria = selection(Criterion::Expired);
    // The workspace is written, the values are not.
    let store = stored(VALUES).await;
    let request = Request::prune(&plan(&criteria, now), criteria.clone(), now);
    let documents = Documents::new(Arc::clone(&store));
    documents.begin(&request).await.unwrap().write(Subject::Workspace).await.unwrap();
    assert_eq!(store.get(&key(Subject::Values)).await.unwrap().text, VALUES);
    let read = store.get(&key(Subject::Values)).await.unwrap().text;
    let found = outdated(&Document::parse(read.as_str()).unwrap(), &criteria, now).unwrap().outdated;
    documents.apply(&Request::prune(&found, criteria, now)).await.unwrap();
    let values = store.get(&key(Subject::Values)).await.unwrap().text;
    assert!(!values.contains("a-pr-1") && !values.contains("b-pr-2") && values.contains("c-pr-3"), "{values}");
}
