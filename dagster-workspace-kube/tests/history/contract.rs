//! What every history promises, on memory, in a directory and on S3.

use std::sync::{Arc, Mutex};

use dagster_workspace_kube::history::{
    Blob, Documents, HistoryError, Meta, Origin, Recorded, Which, garbage, gc, record, record_with, verify,
};

use crate::place::Place;
use crate::{at, documents};

#[tokio::test]
async fn revision_keeps_both_documents_byte_for_byte() {
    for place in Place::all() {
        assert_eq!(place.history.newest().await.unwrap(), None);
        let documents = Documents { values: "deployments: []\r\n# é\n\n".to_owned(), ..documents(0) };
        let origin = Origin { system: "gitlab".to_owned(), actor: Some("ada".to_owned()), ..Origin::default() };
        let charts = [("dagster".to_owned(), "1.13.27".to_owned())].into();
        let meta = Meta { reason: Some("first".to_owned()), origin: Some(origin), charts, ..at(0) };
        let recorded = record(&place.history, &documents, &meta).await.unwrap();
        let Recorded::New(revision) = recorded else { panic!("{recorded:?}") };
        assert_eq!((revision.number, revision.actor.as_deref()), (1, Some("ada")));
        assert_eq!(revision.values, Blob::of(&documents.values));
        let read = place.history.newest().await.unwrap().unwrap();
        assert_eq!(read, revision);
        assert_eq!(place.history.documents(&read).await.unwrap(), documents);
        for (name, text) in [("latest/values.yaml", &documents.values), ("latest/workspace.yaml", &documents.workspace)]
        {
            assert_eq!(place.read(name).await.as_ref(), Some(text));
        }
        assert_eq!(place.read("latest/revision.json").await, place.read("revisions/00000001.json").await);
    }
}

#[tokio::test]
async fn nothing_new_is_no_revision() {
    for place in Place::all() {
        record(&place.history, &documents(1), &at(0)).await.unwrap();
        let before = place.names().await;
        let again = record(&place.history, &documents(1), &at(1)).await.unwrap();
        assert!(matches!(&again, Recorded::Known(revision) if revision.number == 1), "{again:?}");
        assert_eq!(place.names().await, before);
        // Another chart under the same documents is something new, and holds until another one is said.
        let chart = Meta { charts: [("dagster".to_owned(), "1.13.28".to_owned())].into(), ..at(2) };
        assert_eq!(record(&place.history, &documents(1), &chart).await.unwrap().revision().number, 2);
        let later = record(&place.history, &documents(2), &at(3)).await.unwrap();
        assert_eq!(later.revision().charts, chart.charts);
    }
}

#[tokio::test]
async fn changes_and_unpaired_entries_are_named() {
    for place in Place::all() {
        record(&place.history, &documents(1), &at(0)).await.unwrap();
        // Another job has written the values, and not yet the workspace.
        let between = Documents { values: documents(2).values, ..documents(1) };
        let recorded = record(&place.history, &between, &at(1)).await.unwrap();
        let revision = recorded.revision();
        let changes: Vec<_> = revision.changes.iter().flatten().map(|change| change.summary.as_str()).collect();
        assert_eq!(changes.len(), 1, "{changes:?}");
        assert!(changes[0].starts_with("+ deployment etl-1"), "{changes:?}");
        let unpaired: Vec<_> = revision.unpaired.iter().map(|found| found.code.as_str()).collect();
        assert_eq!(unpaired, ["DW0301"]);
        assert!(revision.unpaired[0].message.contains("`etl-1`"));
        let done = record(&place.history, &documents(2), &at(2)).await.unwrap();
        assert!(done.revision().unpaired.is_empty());
        let comment = Documents { values: format!("# note\n{}", documents(2).values), ..documents(2) };
        let commented = record(&place.history, &comment, &at(3)).await.unwrap();
        let changes = commented.revision().changes.clone().unwrap();
        assert_eq!(
            (changes[0].document, changes[0].summary.as_str()),
            (Which::Values, "~ values.yaml: comments or notation")
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_recorders_get_consecutive_numbers_and_latest_is_the_newest() {
    for place in Place::all() {
        let tasks = (1..=20).map(|count| {
            let history = place.history.clone();
            tokio::spawn(async move { record(&history, &documents(count), &at(0)).await })
        });
        let mut numbers = Vec::new();
        for task in tasks.collect::<Vec<_>>() {
            numbers.push(task.await.unwrap().unwrap().revision().number);
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
        let report = verify(&place.history).await.unwrap();
        assert!(report.is_sound() && report.latest && report.missing.is_empty(), "{report:?}");
    }
}

/// Each recorder adds one entry to what all share, and records what stands there then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_revision_holds_older_documents_than_the_one_before() {
    for place in Place::all() {
        let shared = Arc::new(Mutex::new(0));
        let tasks = (0..10).map(|_| {
            let (history, shared) = (place.history.clone(), Arc::clone(&shared));
            tokio::spawn(async move {
                *shared.lock().unwrap() += 1;
                let read = || {
                    let count = *shared.lock().unwrap();
                    async move {
                        // Others record between this read and the commit.
                        tokio::task::yield_now().await;
                        Ok::<_, HistoryError>(documents(count))
                    }
                };
                record_with(&history, &at(0), read).await
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap().unwrap();
        }
        let revisions = place.history.revisions().await.unwrap();
        let sizes: Vec<u64> = revisions.iter().map(|revision| revision.values.bytes).collect();
        assert!(sizes.is_sorted(), "{sizes:?}");
        assert_eq!(sizes.last(), Some(&(documents(10).values.len() as u64)), "the last state is recorded");
        assert_eq!(place.read("latest/values.yaml").await, Some(documents(10).values));
    }
}

#[tokio::test]
async fn order_is_by_number_when_the_clock_jumps() {
    for place in Place::all() {
        for (count, second) in [(1, 0), (2, -500_000_000), (3, 900_000_000), (4, 10)] {
            record(&place.history, &documents(count), &at(second)).await.unwrap();
        }
        let newest = place.history.newest().await.unwrap().unwrap();
        assert_eq!((newest.number, place.history.documents(&newest).await.unwrap()), (4, documents(4)));
        assert_eq!(place.read("latest/workspace.yaml").await, Some(documents(4).workspace));
        // By the recorder's clock revision 2 is old, by the store's it is new: it stays.
        let limit = at(-1000).time;
        assert!(garbage(&place.history, limit).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn gc_removes_old_revisions_and_what_they_alone_need() {
    for place in Place::all() {
        let shared = Documents { workspace: documents(0).workspace, ..documents(1) };
        record(&place.history, &documents(0), &at(0)).await.unwrap();
        record(&place.history, &shared, &at(1)).await.unwrap();
        record(&place.history, &documents(3), &at(2)).await.unwrap();
        record(&place.history, &documents(0), &at(3)).await.unwrap();
        let later = crate::later();
        let found = garbage(&place.history, later).await.unwrap();
        assert_eq!(found.revisions, [1, 2, 3]);
        let mut alone: Vec<String> =
            [&shared.values, &documents(3).values, &documents(3).workspace].map(|text| Blob::of(text).sha256).into();
        alone.sort();
        assert_eq!(found.blobs, alone);
        gc(&place.history, &found).await.unwrap();
        assert_eq!(place.history.numbers().await.unwrap(), [4]);
        let report = verify(&place.history).await.unwrap();
        assert_eq!((report.is_sound(), report.latest, report.missing), (true, true, vec![1, 2, 3]));
        assert!(garbage(&place.history, later).await.unwrap().is_empty());
        // Numbers go on, and what was collected is put again.
        assert_eq!(record(&place.history, &shared, &at(4)).await.unwrap().revision().number, 5);
        assert!(verify(&place.history).await.unwrap().is_sound());
    }
}

#[tokio::test]
async fn gc_spares_a_blob_that_was_recorded_meanwhile() {
    for place in Place::all() {
        record(&place.history, &documents(1), &at(0)).await.unwrap();
        record(&place.history, &documents(2), &at(1)).await.unwrap();
        let later = crate::later();
        let found = garbage(&place.history, later).await.unwrap();
        assert_eq!((found.revisions.as_slice(), found.blobs.len()), ([1].as_slice(), 2));
        record(&place.history, &documents(1), &at(2)).await.unwrap();
        gc(&place.history, &found).await.unwrap();
        assert_eq!(place.history.numbers().await.unwrap(), [2, 3]);
        assert!(verify(&place.history).await.unwrap().is_sound());
    }
}

#[tokio::test]
async fn copies_that_somebody_changed_or_removed_are_mended() {
    for place in Place::all() {
        record(&place.history, &documents(1), &at(0)).await.unwrap();
        place.write("latest/values.yaml", "deployments: []\n").await;
        place.delete("latest/workspace.yaml").await;
        place.write("latest/revision.json", "{").await;
        assert!(!verify(&place.history).await.unwrap().latest);
        record(&place.history, &documents(1), &at(1)).await.unwrap();
        assert!(verify(&place.history).await.unwrap().latest);
        // A copy that is ahead of its original: the revision was removed by hand.
        place.delete("revisions/00000001.json").await;
        assert_eq!(place.history.newest().await.unwrap(), None);
        assert_eq!(record(&place.history, &documents(2), &at(2)).await.unwrap().revision().number, 1);
        assert!(verify(&place.history).await.unwrap().latest);
        let ahead = place.read("latest/revision.json").await.unwrap().replace("\"number\": 1", "\"number\": 99");
        place.write("latest/revision.json", &ahead).await;
        assert_eq!(record(&place.history, &documents(3), &at(3)).await.unwrap().revision().number, 2);
        assert!(verify(&place.history).await.unwrap().latest);
    }
}
