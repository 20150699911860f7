//! One document: what a change costs in this process, alone, in turn, and against other clients.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dagster_workspace_core::lint::Target;
use dagster_workspace_core::transform::Transform;
use dagster_workspace_core::values::UserDeployment;
use dagster_workspace_kube::apply::apply;
use dagster_workspace_kube::deploy::{Documents, Request};
use dagster_workspace_kube::retry::RetryPolicy;
use dagster_workspace_kube::store::{ConfigMaps, Store};
use serde_json::json;

use crate::audit::counted;
use crate::namespace::{Namespace, VALUES, config_map, values};
use crate::report::{Report, time};
use crate::site::{Account, THREE, WORKSPACE_OF_THREE, deployments};
use crate::system::WORKSPACE;

pub(crate) async fn measure(report: &mut Report) {
    alone(report).await;
    for clients in [10, 100] {
        racing(report, clients).await;
    }
    in_one_process(report).await;
}

/// A namespace with both documents, and an account.
async fn place() -> (Namespace, Account) {
    let namespace = Namespace::new().await.expect("a control plane");
    namespace.create(&config_map(VALUES, "values.yaml", THREE)).await;
    namespace.create(&config_map(WORKSPACE, "workspace.yaml", WORKSPACE_OF_THREE)).await;
    let account = Account::new(&namespace).await;
    (namespace, account)
}

fn deployment(name: &str) -> UserDeployment {
    UserDeployment::new(name, "ghcr.io/acme/etl:1.4.2".parse().unwrap())
}

fn adding(names: impl IntoIterator<Item = String>) -> Vec<Transform> {
    names.into_iter().map(|name| Transform::AddDeployment { deployment: deployment(&name) }).collect()
}

async fn add(store: &ConfigMaps, transforms: &[Transform]) {
    apply(store, &values(), transforms, &Target::default(), &RetryPolicy::default()).await.unwrap();
}

/// No-op, edit and batch, of one document.
async fn alone(report: &mut Report) {
    let (namespace, account) = place().await;
    let (store, mut audit) = (ConfigMaps::new(account.client(), &namespace.name), account.audit());
    let hundred = || (0..100).map(|number| format!("b{number}"));
    let cases = [
        ("one document: an edit, nobody else there", "2 requests", adding(["etl".to_owned()]), 2, 1),
        ("one document: nothing to do", "1 request, no write", adding(["etl".to_owned()]), 1, 0),
        ("one document: 100 adds in one batch", "2 requests", adding(hundred()), 2, 1),
    ];
    for (goal, wanted, transforms, most, writes) in cases {
        add(&store, &transforms).await;
        let requests = audit.requests().await;
        let written = requests.iter().filter(|request| request.is_write()).count();
        report.goal(goal, wanted, &counted(&requests), requests.len() <= most && written == writes);
    }
}

async fn not_there(namespace: &Namespace, names: &[String]) -> usize {
    let there = deployments(&namespace.store().get(&values()).await.unwrap().text);
    let once = |name: &&String| there.iter().filter(|other| other == name).count() == 1;
    names.len() - names.iter().filter(once).count()
}

/// Both documents as at the beginning, so that what is compared begins alike.
async fn reset(namespace: &Namespace) {
    namespace.merge("/api/v1", "configmaps", VALUES, &json!({"data": {"values.yaml": THREE}})).await;
    let workspace = json!({"data": {"workspace.yaml": WORKSPACE_OF_THREE}});
    namespace.merge("/api/v1", "configmaps", WORKSPACE, &workspace).await;
}

/// Clients that know nothing of each other, each with a connection that is there already.
async fn connected(namespace: &Namespace, account: &Account, count: usize) -> Vec<ConfigMaps> {
    let mut stores = Vec::new();
    for _ in 0..count {
        let store = ConfigMaps::new(account.client(), &namespace.name);
        store.get(&values()).await.unwrap();
        stores.push(store);
    }
    stores
}

async fn racing(report: &mut Report, clients: usize) {
    let (namespace, account) = place().await;
    let started = Instant::now();
    let stores = connected(&namespace, &account, clients).await;
    let connecting = started.elapsed();
    let started = Instant::now();
    for (number, store) in stores.iter().enumerate() {
        add(store, &adding([format!("s{number}")])).await;
    }
    let serial = started.elapsed();

    reset(&namespace).await;
    let names: Vec<String> = (0..clients).map(|number| format!("n{number}")).collect();
    let mut audit = account.audit();
    let started = Instant::now();
    let tasks: Vec<_> = stores
        .into_iter()
        .zip(names.clone())
        .map(|(store, name)| {
            tokio::spawn(async move {
                let (transforms, target) = (adding([name]), Target::default());
                apply(&store, &values(), &transforms, &target, &RetryPolicy::default()).await.is_ok()
            })
        })
        .collect();
    let mut gave_up = 0;
    for task in tasks {
        gave_up += usize::from(!task.await.unwrap());
    }
    let wall = started.elapsed();
    let requests = audit.requests().await;
    let conflicts = requests.iter().filter(|request| request.is_conflict()).count();
    let lost = not_there(&namespace, &names).await;
    let each = requests.len() as f64 / clients as f64;
    let ratio = wall.as_secs_f64() / serial.as_secs_f64();
    let measured = format!(
        "{lost} lost, {gave_up} gave up, {each:.1} requests per add ({conflicts} conflicts), {} = {ratio:.1} times the serial {} \
         (the {clients} TLS connections, made before: {})",
        time(wall),
        time(serial),
        time(connecting)
    );
    let (most, wanted) = match clients {
        100 => (12.0, "0 lost, 0 give-ups, at most 12 requests per add, at most 8 times the serial wall"),
        _ => (6.0, "0 lost, 0 give-ups, at most 6 requests per add"),
    };
    let reached = lost == 0 && gave_up == 0 && each <= most && (clients < 100 || ratio <= 8.0);
    report.goal(&format!("{clients} clients add to one document at once"), wanted, &measured, reached);
}

/// Calls that share one client, on both documents: each takes its turn.
async fn in_one_process(report: &mut Report) {
    const CALLS: usize = 100;
    // In turns, and the best of each counts: other programs can only add to it.
    const ROUNDS: usize = 3;
    let (namespace, account) = place().await;
    let documents = Documents::new(Arc::new(ConfigMaps::new(account.client(), &namespace.name)));
    let call = |name: String| {
        let documents = documents.clone();
        async move { documents.apply(&Request::add(&[deployment(&name)])).await.map(drop).is_ok() }
    };
    let names: Vec<String> = (0..CALLS).map(|number| format!("n{number}")).collect();
    let mut audit = account.audit();
    let (mut serial, mut wall) = (Duration::MAX, Duration::MAX);
    let (mut requests, mut gave_up, mut lost) = (Vec::new(), 0, 0);
    for _ in 0..ROUNDS {
        reset(&namespace).await;
        let started = Instant::now();
        for name in &names {
            assert!(call(name.clone()).await);
        }
        serial = serial.min(started.elapsed());

        reset(&namespace).await;
        audit.requests().await;
        let started = Instant::now();
        let tasks: Vec<_> = names.iter().map(|name| tokio::spawn(call(name.clone()))).collect();
        for task in tasks {
            gave_up += usize::from(!task.await.unwrap());
        }
        wall = wall.min(started.elapsed());
        requests.extend(audit.requests().await);
        lost += not_there(&namespace, &names).await;
    }
    let each = requests.len() as f64 / (ROUNDS * CALLS * 2) as f64;
    let measured = format!(
        "{lost} lost, {gave_up} gave up, {each:.2} requests per call and document, {} against the serial {} (best of {ROUNDS} each)",
        time(wall),
        time(serial)
    );
    let wanted = "at most 2 requests each, at most the serial wall";
    let reached = lost + gave_up == 0 && each <= 2.0 && wall <= serial;
    report.goal("100 concurrent calls in one process, both documents", wanted, &measured, reached);
}
