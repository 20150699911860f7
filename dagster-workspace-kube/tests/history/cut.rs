//! Recorders that are killed at any step: the next one records what is missing, and nothing is ever half recorded.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use dagster_workspace_kube::history::{Recorded, record, verify};
use serde_json::json;
use testing::S3;

use crate::place::{Place, s3_store};
use crate::wrapped::{Fate, Wrapped};
use crate::{at, documents};

/// Two revisions are there; a third is recorded and cut off at each of its requests, before or after the store did it.
#[tokio::test]
async fn recorder_cut_off_at_any_request_is_completed_by_the_next() {
    let mut cuts = 0;
    for fate in [Fate::Lost, Fate::Unanswered] {
        for request in 1.. {
            let places = [Place::memory(), Place::directory()];
            let (mut completed, count) = (0, places.len());
            for place in places {
                record(&place.history, &documents(1), &at(0)).await.unwrap();
                record(&place.history, &documents(2), &at(1)).await.unwrap();
                completed += usize::from(cut_and_complete(&place, fate, request).await);
                cuts += 1;
            }
            // Two records without cut: there are no more requests.
            if completed == count {
                break;
            }
        }
    }
    assert!(cuts > 60, "{cuts} cuts");
}

/// Whether the record was over before that request.
async fn cut_and_complete(place: &Place, fate: Fate, request: u32) -> bool {
    let mut stopped = None;
    let cut = place.history.clone().wrapped(|store| {
        let wrapped = Wrapped::new(store, move |number, _| if number == request { fate } else { Fate::Pass });
        stopped = Some(wrapped.stopped());
        Arc::new(wrapped)
    });
    let (third, meta) = (documents(3), at(2));
    let completed = tokio::select! {
        recorded = record(&cut, &third, &meta) => recorded.map(|_| true).unwrap(),
        () = stopped.as_ref().unwrap().notified() => false,
    };
    // What a reader finds in between is whole.
    let between = verify(&place.history).await.unwrap();
    assert!(between.is_sound() && between.missing.is_empty(), "{fate:?} {request}: {between:?}");
    let again = record(&place.history, &documents(3), &at(3)).await.unwrap();
    let committed = between.newest == Some(3);
    assert_eq!(matches!(again, Recorded::Known(_)), committed, "{fate:?} {request}");
    let after = verify(&place.history).await.unwrap();
    assert_eq!((after.newest, after.is_sound(), after.latest), (Some(3), true, true), "{fate:?} {request}: {after:?}");
    assert_eq!(place.read("latest/values.yaml").await, Some(documents(3).values));
    completed
}

/// A recorder is stopped at each of its requests while another one records, and then goes on: whatever it still writes, the copies
/// under `latest` are those of the newest revision.
#[tokio::test]
async fn recorder_that_was_overtaken_at_any_request_never_puts_older_copies_over_newer() {
    let kinds: [fn() -> Option<Place>; 2] = [|| Some(Place::memory()), Place::s3];
    'kinds: for new in kinds {
        let mut held = 0;
        for request in 1.. {
            let Some(place) = new() else { continue 'kinds };
            record(&place.history, &documents(1), &at(0)).await.unwrap();
            let mut wrapped = None;
            let slow = place.history.clone().wrapped(|store| {
                let store =
                    Wrapped::new(store, move |number, _| if number == request { Fate::Held } else { Fate::Pass });
                wrapped = Some((store.stopped(), store.released()));
                Arc::new(store)
            });
            let (stopped, released) = wrapped.unwrap();
            let older = tokio::spawn(async move { record(&slow, &documents(2), &at(1)).await });
            let is_held = async {
                loop {
                    tokio::select! {
                        () = stopped.notified() => return true,
                        () = tokio::time::sleep(std::time::Duration::from_millis(5)) => if older.is_finished() { return false },
                    }
                }
            };
            if !is_held.await {
                break;
            }
            held += 1;
            record(&place.history, &documents(3), &at(2)).await.unwrap();
            let between = verify(&place.history).await.unwrap();
            assert!(between.is_sound() && between.latest, "{request}: {between:?}");
            released.notify_one();
            older.await.unwrap().unwrap();
            let newest = place.history.newest().await.unwrap().unwrap();
            let texts = place.history.documents(&newest).await.unwrap();
            let report = verify(&place.history).await.unwrap();
            assert!(report.is_sound() && report.latest && report.missing.is_empty(), "{request}: {report:?}");
            assert_eq!(place.read("latest/values.yaml").await, Some(texts.values), "{request}");
            assert_eq!(newest.number, 3, "{request}");
        }
        assert!(held > 15, "{held} requests");
    }
}

/// The same with processes that die by `kill -9`, on the S3 API.
#[tokio::test]
async fn killed_process_is_completed_by_the_next() {
    let Some(s3) = S3::start() else { return };
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("values.yaml"), documents(2).values).unwrap();
    std::fs::write(folder.path().join("workspace.yaml"), documents(2).workspace).unwrap();
    let program = env!("CARGO_BIN_EXE_dagster-workspace");
    let mut killed = 0;
    for when in ["before", "after"] {
        for request in 1.. {
            let bucket = s3.bucket("killed");
            let place = Place::over(s3_store(&s3, &bucket), "");
            record(&place.history, &documents(1), &at(0)).await.unwrap();
            let address = format!("s3://{bucket}");
            let directory = folder.path().display().to_string();
            let run = [program, "history", "record", "--history", &address, "--directory", &directory];
            let kill = json!({ "request": request, "when": when });
            let died = s3.ask(&json!({ "run": run, "env": s3.environment(), "kill": kill }));
            let done = died["exit"] == 0;
            assert!(done || died["exit"] == -9, "{died}");
            let between = verify(&place.history).await.unwrap();
            assert!(between.is_sound() && between.missing.is_empty(), "{when} {request}: {between:?}");
            let again = s3.ask(&json!({ "run": run, "env": s3.environment() }));
            assert_eq!(again["exit"], 0, "{again}");
            let after = verify(&place.history).await.unwrap();
            assert_eq!(
                (after.newest, after.is_sound(), after.latest),
                (Some(2), true, true),
                "{when} {request}: {after:?}"
            );
            if done {
                break;
            }
            killed += 1;
        }
    }
    assert!(killed > 20, "{killed} killed");
}

#[tokio::test]
async fn record_asks_the_store_seldom() {
    let place = Place::memory();
    record(&place.history, &documents(1), &at(0)).await.unwrap();
    let mut requests = None;
    let counted = place.history.clone().wrapped(|store| {
        let wrapped = Wrapped::new(store, |_, _| Fate::Pass);
        requests = Some(wrapped.requests());
        Arc::new(wrapped)
    });
    let requests = requests.unwrap();
    record(&counted, &documents(2), &at(1)).await.unwrap();
    let new = requests.swap(0, Ordering::Relaxed);
    record(&counted, &documents(2), &at(2)).await.unwrap();
    let known = requests.swap(0, Ordering::Relaxed);
    // What was measured when this was written; the number of revisions does not matter.
    assert!(new <= 30 && known <= 15, "{new} requests for a new revision, {known} for none");
}
