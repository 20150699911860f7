//! Many writers of one document: nothing is lost, and what that costs.

#![allow(clippy::print_stdout, reason = "seconds depend on the machine and are printed, not tested")]

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use dagster_workspace_kube::apply::{Absent, Turns, Written, apply_with};
use dagster_workspace_kube::retry::RetryPolicy;
use dagster_workspace_kube::store::Store;

use crate::namespace::{Namespace, VALUES, config_map, values};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn separate_clients_lose_no_line() {
    for (writers, most) in [(10, 6), (100, 12)] {
        let Some(namespace) = Namespace::new().await else { return };
        namespace.create(&config_map(VALUES, "values.yaml", "")).await;
        let requests = Arc::new(AtomicU32::new(0));
        let mut stores = Vec::new();
        for _ in 0..writers {
            let store = namespace.counted_store(&requests);
            // Connected before the race, as jobs are that have looked around first.
            store.get(&values()).await.unwrap();
            stores.push(store);
        }
        requests.store(0, Ordering::Relaxed);
        let started = Instant::now();
        let tasks: Vec<_> = stores
            .into_iter()
            .enumerate()
            .map(|(writer, store)| {
                tokio::spawn(async move {
                    let change = adding(writer);
                    apply_with(&store, &values(), Absent::Refuse, &RetryPolicy::default(), change).await.unwrap()
                })
            })
            .collect();
        let mut tries = 0;
        for task in tasks {
            let outcome = task.await.unwrap();
            assert_eq!(outcome.written, Written::Confirmed);
            tries = tries.max(outcome.attempts);
        }
        let (requests, wall) = (requests.load(Ordering::Relaxed), started.elapsed());
        println!("{writers} clients: {requests} requests, at most {tries} tries, {wall:.2?}");
        all_lines(&namespace, writers).await;
        assert!(requests <= most * writers, "{requests} requests for {writers} adds");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_in_one_process_take_turns() {
    const CALLS: u32 = 100;
    let Some(namespace) = Namespace::new().await else { return };
    namespace.create(&config_map(VALUES, "values.yaml", "")).await;
    let requests = Arc::new(AtomicU32::new(0));
    let turns = Arc::new(Turns::new(Arc::new(namespace.counted_store(&requests))));
    let started = Instant::now();
    let tasks: Vec<_> = (0..CALLS)
        .map(|writer| {
            let turns = Arc::clone(&turns);
            tokio::spawn(async move {
                let change = adding(writer as usize);
                turns.apply_with(&values(), Absent::Refuse, &RetryPolicy::default(), change).await.unwrap()
            })
        })
        .collect();
    for task in tasks {
        let outcome = task.await.unwrap();
        assert!(outcome.written == Written::Confirmed && outcome.requests <= 2, "{outcome:?}");
    }
    let requests = requests.load(Ordering::Relaxed);
    println!("{CALLS} calls in turn: {requests} requests, {:.2?}", started.elapsed());
    // A write each, and a read for those at the beginning that nobody had left anything to.
    assert!(requests <= CALLS + 20, "{requests}");
    all_lines(&namespace, CALLS).await;
}

fn adding(writer: usize) -> impl FnMut(&str) -> Result<Option<String>, Infallible> {
    move |text| Ok(Some(format!("{text}- {writer}\n")))
}

async fn all_lines(namespace: &Namespace, writers: u32) {
    let text = namespace.store().get(&values()).await.unwrap().text;
    let lines: BTreeSet<&str> = text.lines().collect();
    assert_eq!((text.lines().count(), lines.len()), (writers as usize, writers as usize), "{text}");
}
