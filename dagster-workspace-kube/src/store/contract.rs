//! What every [`Store`] promises, as functions that panic where it does not. [`every_promise`] runs all that need nothing
//! but the store; [`recreated_document_has`] also needs a way to remove a document, which stores do not have.
//!
//! Each function works on documents of its own, whose names begin with its own name, and expects them absent.

use std::fmt::Write as _;
use std::sync::Arc;

use super::{Found, Key, MAX_LEN, Precondition, Store, StoreError, Stored, Version};

/// Whether a document that was removed and created again with the same text can be told from the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recreated {
    /// A version names a text: the same text is the same version, and a write that names it goes through.
    SameVersion,
    /// A version names one life of a document: a write that names the first life's is a conflict.
    OtherVersion,
}

/// Runs every function below that needs nothing but the store.
///
/// # Panics
/// When the store breaks a promise.
pub async fn every_promise(store: &Arc<dyn Store>) {
    get_of_absent_document_is_not_found(&**store).await;
    put_and_get_give_the_same_version(&**store).await;
    put_absent_on_existing_document_is_conflict(&**store).await;
    put_matches_on_absent_document_is_conflict(&**store).await;
    put_matches_of_older_version_is_conflict(&**store).await;
    put_of_equal_text_leaves_a_version_to_go_on_with(&**store).await;
    documents_do_not_touch_each_other(&**store).await;
    text_is_kept_byte_for_byte(&**store).await;
    text_over_the_limit_is_too_large(&**store).await;
    racing_creators_leave_one_winner(store).await;
    racing_writers_lose_no_update(store).await;
}

/// # Panics
/// When the store breaks the promise.
pub async fn get_of_absent_document_is_not_found(store: &dyn Store) {
    let key = key("absent");
    match store.get(&key).await {
        Err(StoreError::NotFound { key: named }) => assert_eq!(named, key),
        other => panic!("get of an absent document gave {other:?}, expected NotFound"),
    }
}

/// # Panics
/// When the store breaks the promise.
pub async fn put_and_get_give_the_same_version(store: &dyn Store) {
    let key = key("version");
    let created = create(store, &key, "one\n").await;
    assert_eq!(get(store, &key).await, Stored { text: "one\n".into(), version: created.clone() });
    let replaced = put(store, &key, "two\n", Precondition::Matches(created.clone())).await;
    assert_ne!(created, replaced, "another text has another version");
    assert_eq!(get(store, &key).await, Stored { text: "two\n".into(), version: replaced });
}

/// # Panics
/// When the store breaks the promise.
pub async fn put_absent_on_existing_document_is_conflict(store: &dyn Store) {
    let key = key("existing");
    let version = create(store, &key, "one\n").await;
    for text in ["two\n", "one\n"] {
        let answer = store.put(&key, text, Precondition::Absent).await;
        assert_conflict(answer, &key, None, Some(&version));
    }
    assert_eq!(get(store, &key).await, Stored { text: "one\n".into(), version });
}

/// # Panics
/// When the store breaks the promise.
pub async fn put_matches_on_absent_document_is_conflict(store: &dyn Store) {
    let elsewhere = create(store, &key("vanished-elsewhere"), "one\n").await;
    let key = key("vanished");
    let answer = store.put(&key, "two\n", Precondition::Matches(elsewhere.clone())).await;
    assert_conflict(answer, &key, Some(&elsewhere), None);
    assert!(matches!(store.get(&key).await, Err(StoreError::NotFound { .. })), "a conflict creates nothing");
}

/// # Panics
/// When the store breaks the promise.
pub async fn put_matches_of_older_version_is_conflict(store: &dyn Store) {
    let key = key("stale");
    let first = create(store, &key, "one\n").await;
    let second = put(store, &key, "two\n", Precondition::Matches(first.clone())).await;
    // Also with the text that stands there: a writer that is behind is told so in every case.
    for text in ["three\n", "two\n"] {
        let answer = store.put(&key, text, Precondition::Matches(first.clone())).await;
        assert_conflict(answer, &key, Some(&first), Some(&second));
    }
    assert_eq!(get(store, &key).await, Stored { text: "two\n".into(), version: second });
}

/// # Panics
/// When the store breaks the promise.
pub async fn put_of_equal_text_leaves_a_version_to_go_on_with(store: &dyn Store) {
    let key = key("equal");
    let first = create(store, &key, "one\n").await;
    let again = put(store, &key, "one\n", Precondition::Matches(first)).await;
    assert_eq!(get(store, &key).await, Stored { text: "one\n".into(), version: again.clone() });
    put(store, &key, "two\n", Precondition::Matches(again)).await;
    assert_eq!(get(store, &key).await.text, "two\n");
}

/// # Panics
/// When the store breaks the promise.
pub async fn documents_do_not_touch_each_other(store: &dyn Store) {
    let (left, right) = (key("left"), key("right"));
    let left_version = create(store, &left, "left\n").await;
    let right_version = create(store, &right, "right\n").await;
    put(store, &right, "right, changed\n", Precondition::Matches(right_version)).await;
    assert_eq!(get(store, &left).await, Stored { text: "left\n".into(), version: left_version });
}

/// # Panics
/// When the store breaks the promise.
pub async fn text_is_kept_byte_for_byte(store: &dyn Store) {
    let key = key("bytes");
    let mut version = create(store, &key, "").await;
    assert_eq!(get(store, &key).await.text, "", "an empty document is a document");
    // Just below the least that a store takes: 1 MiB, in a ConfigMap.
    let large = "- name: größe # ✓\r\n".repeat((1 << 20) / 24);
    let texts = [
        "a: 1\r\nb: 2\r\n",
        "a: 1",
        "\u{feff}a: 1\n",
        "a: 1\rb: 2\n\n\n",
        " \t\n",
        "a: \"\u{0}\u{7f}\u{85}\u{2028}\u{10ffff}\"\n",
        &large,
    ];
    for text in texts {
        version = put(store, &key, text, Precondition::Matches(version)).await;
        let stored = get(store, &key).await;
        assert!(stored.text == text, "{:?} came back as {:?}", head(text), head(&stored.text));
        assert_eq!(stored.version, version);
    }
}

/// # Panics
/// When the store breaks the promise.
pub async fn text_over_the_limit_is_too_large(store: &dyn Store) {
    let key = key("large");
    let version = create(store, &key, "one\n").await;
    let text = "x".repeat(MAX_LEN + 1);
    match store.put(&key, &text, Precondition::Matches(version.clone())).await {
        Err(StoreError::TooLarge { key: named, len, limit }) => {
            assert_eq!((named, len), (key.clone(), text.len() as u64));
            assert!(limit < len, "the limit {limit} would have allowed {len}");
        }
        other => panic!("a text over the limit gave {other:?}, expected TooLarge"),
    }
    assert_eq!(get(store, &key).await, Stored { text: "one\n".into(), version });
}

/// # Panics
/// When the store breaks the promise.
pub async fn racing_creators_leave_one_winner(store: &Arc<dyn Store>) {
    let key = key("creators");
    let tasks: Vec<_> = (0..8)
        .map(|creator| {
            let (store, key) = (Arc::clone(store), key.clone());
            tokio::spawn(async move {
                let text = format!("{creator}\n");
                store.put(&key, &text, Precondition::Absent).await.map(|version| Stored { text, version })
            })
        })
        .collect();
    let mut winners = Vec::new();
    for task in tasks {
        match task.await {
            Ok(Ok(stored)) => winners.push(stored),
            Ok(Err(StoreError::Conflict { expected: None, found: Found::Version(_) | Found::Unknown, .. })) => {}
            other => panic!("a creator got {other:?}, expected a version or a conflict"),
        }
    }
    assert_eq!(winners, [get(store.as_ref(), &key).await]);
}

/// Eight tasks add twenty-five lines each to one document; at the end every line stands there once.
///
/// # Panics
/// When the store breaks the promise.
pub async fn racing_writers_lose_no_update(store: &Arc<dyn Store>) {
    const WRITERS: usize = 8;
    const LINES: usize = 25;
    let key = key("writers");
    create(store.as_ref(), &key, "").await;
    let tasks: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, key) = (Arc::clone(store), key.clone());
            tokio::spawn(async move {
                for line in 0..LINES {
                    add_line(store.as_ref(), &key, &format!("{writer} {line}\n")).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a writer came to its end");
    }
    let text = get(store.as_ref(), &key).await.text;
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    let mut expected: Vec<String> = (0..WRITERS).flat_map(|w| (0..LINES).map(move |l| format!("{w} {l}"))).collect();
    expected.sort_unstable();
    assert_eq!(lines, expected);
}

/// A document is created, removed with `remove` and created again with the same text: its version is as `rule` says.
///
/// # Panics
/// When it is not.
pub async fn recreated_document_has(rule: Recreated, store: &dyn Store, remove: impl AsyncFnOnce(&Key)) {
    let key = key("recreated");
    let first = create(store, &key, "one\n").await;
    remove(&key).await;
    let answer = store.put(&key, "two\n", Precondition::Matches(first.clone())).await;
    assert_conflict(answer, &key, Some(&first), None);
    let second = create(store, &key, "one\n").await;
    assert_eq!(first == second, rule == Recreated::SameVersion, "first {first}, second {second}");
    let answer = store.put(&key, "two\n", Precondition::Matches(first.clone())).await;
    match rule {
        Recreated::SameVersion => assert!(answer.is_ok(), "{answer:?}"),
        Recreated::OtherVersion => assert_conflict(answer, &key, Some(&first), Some(&second)),
    }
}

/// The plainest writer there is: read, add, write, and again on a conflict. In the open, to show what the store alone does.
async fn add_line(store: &dyn Store, key: &Key, line: &str) {
    loop {
        let Stored { mut text, version } = get(store, key).await;
        // Gives every other task a chance to come in between.
        tokio::task::yield_now().await;
        text.push_str(line);
        match store.put(key, &text, Precondition::Matches(version)).await {
            Ok(_) => return,
            Err(StoreError::Conflict { .. } | StoreError::Busy { .. }) => tokio::task::yield_now().await,
            Err(other) => panic!("a racing write gave {other:?}, expected a version or a conflict"),
        }
    }
}

fn key(name: &str) -> Key {
    Key::new(format!("contract-{name}")).expect("letters and dashes")
}

async fn get(store: &dyn Store, key: &Key) -> Stored {
    store.get(key).await.unwrap_or_else(|error| panic!("get of `{key}`: {error:?}"))
}

async fn put(store: &dyn Store, key: &Key, text: &str, precondition: Precondition) -> Version {
    store.put(key, text, precondition).await.unwrap_or_else(|error| panic!("put of `{key}`: {error:?}"))
}

async fn create(store: &dyn Store, key: &Key, text: &str) -> Version {
    put(store, key, text, Precondition::Absent).await
}

fn assert_conflict(answer: Result<Version, StoreError>, key: &Key, wanted: Option<&Version>, stands: Option<&Version>) {
    match answer {
        Err(StoreError::Conflict { key: named, expected, found }) => {
            assert_eq!((&named, expected.as_ref()), (key, wanted));
            // A store that cannot say what stands there may leave it open, but not say something wrong.
            assert!(
                found == Found::from(stands.cloned()) || found == Found::Unknown,
                "found {found:?}, not {stands:?}"
            );
        }
        other => panic!("a write against {wanted:?} where {stands:?} stands gave {other:?}, expected Conflict"),
    }
}

/// The beginning of a text, for messages.
fn head(text: &str) -> String {
    let mut head: String = text.chars().take(40).collect();
    if head.len() < text.len() {
        let _ = write!(head, "... {} bytes", text.len());
    }
    head
}
