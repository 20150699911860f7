//! Damage, refusals and stores that do not keep their word: each is told from the others, and mended where it can be.

use std::sync::Arc;

use dagster_workspace_kube::history::{
    self, Blob, History, HistoryError, Recorded, Which, garbage, gc, record, verify,
};
use object_store::PutMode;
use object_store::aws::AmazonS3Builder;
use object_store::memory::InMemory;
use object_store::path::Path;
use serde_json::{Value, json};
use testing::{S3, free_port};

use crate::place::{Place, file, s3_store};
use crate::wrapped::{Fate, Wrapped};
use crate::{at, documents};

#[tokio::test]
async fn err_blob_missing_cut_off_or_altered_is_named_and_mended_by_the_next_record() {
    for place in Place::all() {
        let recorded = record(&place.history, &documents(1), &at(0)).await.unwrap();
        let name = format!("blobs/{}", Blob::of(&documents(1).values).sha256);
        let text = documents(1).values;
        let altered = text.replace("3030", "3031");
        for (damage, problem) in
            [(None, "it is missing"), (Some(&text[..20]), "it has 20 bytes"), (Some(altered.as_str()), "has the hash")]
        {
            match damage {
                None => place.delete(&name).await,
                Some(damage) => place.write(&name, damage).await,
            }
            match place.history.documents(recorded.revision()).await {
                Err(HistoryError::Damaged { object, problem: found }) => {
                    assert!(object.ends_with(&name) && found.contains(problem), "{object}: {found}");
                }
                other => panic!("{other:?}"),
            }
            let report = verify(&place.history).await.unwrap();
            assert_eq!((report.faults.len(), report.faults[0].document), (1, Some(Which::Values)), "{report:?}");
            let again = record(&place.history, &documents(1), &at(1)).await.unwrap();
            assert!(matches!(again, Recorded::Known(_)));
            assert!(verify(&place.history).await.unwrap().is_sound());
        }
    }
}

#[tokio::test]
async fn damage_of_an_older_revision_does_not_keep_the_next_from_being_recorded() {
    for place in Place::all() {
        record(&place.history, &documents(1), &at(0)).await.unwrap();
        place.delete(&format!("blobs/{}", Blob::of(&documents(1).values).sha256)).await;
        let next = record(&place.history, &documents(2), &at(1)).await.unwrap();
        assert_eq!((next.revision().number, &next.revision().changes), (2, &None), "what changed is not known");
        let report = verify(&place.history).await.unwrap();
        assert_eq!(report.faults.iter().map(|fault| fault.number).collect::<Vec<_>>(), [1]);
    }
}

#[tokio::test]
async fn err_revision_that_is_no_revision() {
    let place = Place::memory();
    record(&place.history, &documents(1), &at(0)).await.unwrap();
    let good = place.read("revisions/00000001.json").await.unwrap();
    let cases = [
        ("{", "not JSON"),
        ("{}", "no format"),
        (r#"{"format": 1}"#, "number"),
        (&good.replace("\"number\": 1", "\"number\": 7"), "revision 7"),
    ];
    for (text, problem) in cases {
        place.write("revisions/00000001.json", text).await;
        match place.history.get(1).await {
            Err(HistoryError::Damaged { problem: found, .. }) => assert!(found.contains(problem), "{found}"),
            other => panic!("{other:?}"),
        }
        assert!(!verify(&place.history).await.unwrap().is_sound());
        let later = crate::later();
        assert!(matches!(garbage(&place.history, later).await, Err(HistoryError::Damaged { .. })));
    }
    place.write("revisions/00000001.json", &good.replace("\"format\": 1", "\"format\": 2")).await;
    assert!(matches!(place.history.get(1).await, Err(HistoryError::Newer { number: 1, format: 2 })));
    assert!(matches!(record(&place.history, &documents(2), &at(1)).await, Err(HistoryError::Newer { .. })));
    assert!(matches!(place.history.get(9).await, Err(HistoryError::NotFound { number: 9 })));
}

fn is_revision(path: &Path) -> bool {
    path.as_ref().contains("revisions/")
}

/// A history over memory, and what becomes of its puts.
fn wrapped(fate: impl Fn(u32, &Path, &PutMode) -> Fate + Send + Sync + 'static) -> Place {
    let decide =
        move |number, put: Option<(&Path, &PutMode)>| put.map_or(Fate::Pass, |(path, mode)| fate(number, path, mode));
    Place::over(Arc::new(Wrapped::new(Arc::new(InMemory::new()), decide)), "p")
}

#[tokio::test]
async fn err_store_that_ignores_conditions_is_found_before_anything_is_committed() {
    let ignores_create = wrapped(|_, _, mode| if *mode == PutMode::Create { Fate::Unconditional } else { Fate::Pass });
    let ignores_update =
        wrapped(|_, _, mode| if matches!(mode, PutMode::Update(_)) { Fate::Unconditional } else { Fate::Pass });
    for place in [ignores_create, ignores_update] {
        let error = record(&place.history, &documents(1), &at(0)).await.expect_err("it is refused");
        assert!(matches!(error, HistoryError::Unconditional { .. }), "{error:?}");
        assert_eq!(place.history.newest().await.unwrap(), None);
        assert!(place.names().await.iter().all(|name| name.starts_with("blobs/")));
    }
    // A store that says that it cannot: a directory without the lock that `file://` brings.
    let folder = tempfile::TempDir::new().unwrap();
    let store = object_store::local::LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    let place = Place::over(Arc::new(store), "");
    let error = record(&place.history, &documents(1), &at(0)).await.expect_err("it is refused");
    assert!(matches!(error, HistoryError::Store { action: "write", .. }), "{error:?}");
    assert_eq!(place.history.newest().await.unwrap(), None);
}

#[tokio::test]
async fn lost_answer_of_the_commit_is_settled_by_reading() {
    for fate in [Fate::Repeated, Fate::Failed] {
        let place = wrapped(move |_, path, _| if is_revision(path) { fate } else { Fate::Pass });
        for count in 1..=3 {
            let recorded = record(&place.history, &documents(count), &at(0)).await.unwrap();
            assert!(matches!(&recorded, Recorded::New(revision) if revision.number == count as u64), "{fate:?}");
        }
        assert_eq!(place.history.numbers().await.unwrap(), [1, 2, 3]);
    }
}

#[tokio::test(start_paused = true)]
async fn number_that_was_refused_and_is_free_is_taken_again() {
    use std::sync::atomic::{AtomicU32, Ordering};
    let refusals = AtomicU32::new(3);
    let place = wrapped(move |_, path, _| {
        let refuse = is_revision(path)
            && refusals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok();
        if refuse { Fate::Refused } else { Fate::Pass }
    });
    assert_eq!(record(&place.history, &documents(1), &at(0)).await.unwrap().revision().number, 1);
}

#[tokio::test(start_paused = true)]
async fn err_number_that_is_refused_for_ever() {
    let place = wrapped(|_, path, _| if is_revision(path) { Fate::Refused } else { Fate::Pass });
    let error = record(&place.history, &documents(1), &at(0)).await.expect_err("it gives up");
    assert!(matches!(error, HistoryError::GaveUp { attempts: 2.. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn err_store_that_never_answers() {
    let place = wrapped(|_, path, _| if is_revision(path) { Fate::Lost } else { Fate::Pass });
    let error = record(&place.history, &documents(1), &at(0)).await.expect_err("it gives up");
    assert!(matches!(error, HistoryError::TimedOut { action: "write", .. }), "{error:?}");
}

#[tokio::test]
async fn err_missing_bucket_and_missing_directory() {
    if let Some(s3) = S3::shared() {
        let place = Place::over(s3_store(s3, "no-such-bucket"), "p");
        for error in [
            place.history.newest().await.map(drop).expect_err("list"),
            verify(&place.history).await.map(drop).expect_err("verify"),
            record(&place.history, &documents(1), &at(0)).await.map(drop).expect_err("record"),
        ] {
            assert!(matches!(error, HistoryError::NoBucket { .. }), "{error:?}");
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.starts_with("NoSuchBucket: "), "{cause}");
        }
    }
    let folder = tempfile::TempDir::new().unwrap();
    let missing = history::open(&file(&folder.path().join("missing")));
    assert!(matches!(missing, Err(HistoryError::NoBucket { .. })), "{missing:?}");
}

fn keyed(s3: &S3, bucket: &str, key: &str, secret: &str) -> History {
    let builder = AmazonS3Builder::new().with_endpoint(s3.endpoint()).with_allow_http(true).with_bucket_name(bucket);
    let builder = builder.with_region("us-east-1").with_access_key_id(key).with_secret_access_key(secret);
    History::new(Arc::new(builder.build().unwrap()), Path::default(), "test")
}

#[track_caller]
fn denied<T: std::fmt::Debug>(result: Result<T, HistoryError>, expected: &str) -> String {
    match result {
        Err(HistoryError::Denied { action, source, .. }) if action == expected => source.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn err_wrong_key_and_denied_access() {
    let Some(s3) = S3::start() else { return };
    let bucket = s3.bucket("denied");
    let place = Place::over(s3_store(&s3, &bucket), "");
    record(&place.history, &documents(1), &at(0)).await.unwrap();
    let readable = json!([format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")]);
    let actions = ["s3:GetObject", "s3:ListBucket"];
    let allow = json!({ "Effect": "Allow", "Action": actions, "Resource": readable });
    let keys = s3.ask(&json!({ "policy": { "Version": "2012-10-17", "Statement": [allow] } }));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (key, secret) = (text(&keys["key"]), text(&keys["secret"]));

    let reader = keyed(&s3, &bucket, &key, &secret);
    assert_eq!(reader.newest().await.unwrap().unwrap().number, 1, "reading is allowed");
    let cause = denied(record(&reader, &documents(2), &at(1)).await, "write");
    assert!(cause.starts_with("AccessDenied: "), "{cause}");
    let later = crate::later();
    let mut found = garbage(&reader, later).await.unwrap();
    found.revisions.push(1);
    denied(gc(&reader, &found).await, "delete");

    let cause = denied(keyed(&s3, &bucket, "AKIAWRONG", &secret).newest().await, "read");
    assert!(cause.starts_with("InvalidAccessKeyId: "), "{cause}");
    let cause = denied(keyed(&s3, &bucket, &key, "wrong").newest().await, "read");
    assert!(cause.starts_with("SignatureDoesNotMatch: ") && !cause.contains(&key), "{cause}");
}

#[tokio::test]
async fn err_store_that_is_not_reached() {
    let port = free_port();
    let builder = AmazonS3Builder::new().with_endpoint(format!("http://127.0.0.1:{port}")).with_allow_http(true);
    let builder =
        builder.with_bucket_name("b").with_region("us-east-1").with_access_key_id("a").with_secret_access_key("b");
    let retry = object_store::RetryConfig { max_retries: 1, ..Default::default() };
    let store = Arc::new(builder.with_retry(retry).build().unwrap());
    let history = History::new(store, Path::default(), "test");
    let error = history.newest().await.expect_err("nobody is there");
    assert!(matches!(error, HistoryError::Store { action: "read", .. }), "{error:?}");
}
