//! The conflict loop against a store that fails on request, under a clock that only runs when everybody waits.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use dagster_workspace_core::lint::Target;
use dagster_workspace_core::transform::{Transform, TransformError};
use dagster_workspace_core::workspace::GrpcServer;
use dagster_workspace_kube::apply::{Absent, ApplyError, Outcome, Turns, Written, apply, apply_with};
use dagster_workspace_kube::retry::RetryPolicy;
use dagster_workspace_kube::store::faults::{Fault, Faulty, Rival};
use dagster_workspace_kube::store::{Key, Memory, Precondition, Store, StoreError};

const RIVAL: Rival = |text| format!("{text}- rival\n");

#[tokio::test(start_paused = true)]
async fn uncontended_change_is_one_read_and_one_write() {
    let store = faulty([]).await;
    let outcome = add(&store, "- etl\n").await.unwrap();
    assert_eq!(outcome.before.as_deref(), Some("- a\n"));
    assert_eq!((outcome.text.as_str(), outcome.written), ("- a\n- etl\n", Written::Confirmed));
    assert_eq!((outcome.attempts, outcome.requests, store.requests()), (1, 2, (1, 1)));
    let stored = store.get(&key()).await.unwrap();
    assert_eq!((stored.text, stored.version), (outcome.text, outcome.version));
}

#[tokio::test(start_paused = true)]
async fn no_change_is_one_read_and_no_write() {
    let store = faulty([]).await;
    let outcome = add(&store, "- a\n").await.unwrap();
    assert_eq!((outcome.written, outcome.attempts, outcome.requests), (Written::Nothing, 0, 1));
    assert_eq!(store.requests(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn change_to_equal_text_is_no_change() {
    let store = faulty([]).await;
    let same = |text: &str| Ok::<_, Infallible>(Some(text.to_owned()));
    let outcome = apply_with(&store, &key(), Absent::Refuse, &RetryPolicy::default(), same).await.unwrap();
    assert_eq!((outcome.written, store.requests()), (Written::Nothing, (1, 0)));
}

#[tokio::test(start_paused = true)]
async fn lost_races_start_again_from_reading() {
    let store = faulty([Fault::Rival(RIVAL); 7]).await;
    let outcome = add(&store, "- etl\n").await.unwrap();
    assert_eq!(outcome.text, format!("- a\n{}- etl\n", "- rival\n".repeat(7)));
    assert_eq!(outcome.before.unwrap(), format!("- a\n{}", "- rival\n".repeat(7)));
    assert_eq!((outcome.written, outcome.attempts, outcome.requests), (Written::Confirmed, 8, 16));
    assert_eq!(store.requests(), (8, 8));
}

#[tokio::test(start_paused = true)]
async fn rival_that_makes_the_same_change_leaves_nothing_to_write() {
    let store = faulty([Fault::Rival(|text| format!("{text}- etl\n"))]).await;
    let outcome = add(&store, "- etl\n").await.unwrap();
    assert_eq!((outcome.text.as_str(), outcome.written), ("- a\n- etl\n", Written::Nothing));
    assert_eq!(store.requests(), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn lost_answer_is_settled_by_reading() {
    let store = faulty([Fault::LostAnswer]).await;
    let outcome = add(&store, "- etl\n").await.unwrap();
    assert_eq!((outcome.text.as_str(), outcome.written), ("- a\n- etl\n", Written::Confirmed));
    assert_eq!(outcome.before.as_deref(), Some("- a\n"));
    assert_eq!(store.requests(), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn lost_request_is_written_again() {
    let store = faulty([Fault::LostRequest, Fault::LostRequest]).await;
    let outcome = add(&store, "- etl\n").await.unwrap();
    assert_eq!((outcome.text.as_str(), outcome.written), ("- a\n- etl\n", Written::Confirmed));
    assert_eq!(store.requests(), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn lost_answer_under_a_newer_text_is_presumed() {
    let store = faulty([Fault::LostAnswerThenRival(RIVAL)]).await;
    let outcome = add(&store, "- etl\n").await.unwrap();
    assert_eq!((outcome.text.as_str(), outcome.written), ("- a\n- etl\n- rival\n", Written::Presumed));
    assert_eq!(store.requests(), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn lost_answer_undone_by_a_rival_is_written_again() {
    let store = faulty([Fault::LostAnswerThenRival(|text| text.replace("- etl\n", ""))]).await;
    let outcome = add(&store, "- etl\n").await.unwrap();
    assert_eq!((outcome.text.as_str(), outcome.written), ("- a\n- etl\n", Written::Confirmed));
    assert_eq!(store.requests(), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn busy_store_is_waited_for_as_long_as_it_asks() {
    let store = faulty([Fault::Busy(Duration::from_secs(7))]).await;
    let started = tokio::time::Instant::now();
    add(&store, "- etl\n").await.unwrap();
    assert!((7.0..7.1).contains(&started.elapsed().as_secs_f64()), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn err_deadline_ends_a_race_that_is_never_won() {
    let store = faulty([Fault::Rival(RIVAL); 1000]).await;
    let policy = RetryPolicy { deadline: Duration::from_secs(10), ..RetryPolicy::default() };
    let started = tokio::time::Instant::now();
    match add_under(&store, "- etl\n", &policy).await {
        Err(ApplyError::GaveUp { attempts, elapsed, source }) => {
            assert!(matches!(*source, StoreError::Conflict { .. }), "{source:?}");
            assert_eq!(attempts, store.requests().1);
            // Pauses of 0.4 s on average after the first few.
            assert!((12..60).contains(&attempts), "{attempts} attempts");
            assert_eq!(elapsed, started.elapsed());
            assert!((9.2..10.0).contains(&elapsed.as_secs_f64()), "{elapsed:?}");
        }
        other => panic!("{other:?}"),
    }
    assert!(!store.get(&key()).await.unwrap().text.contains("etl"));
}

#[tokio::test(start_paused = true)]
async fn err_without_retry_the_first_conflict_is_the_end() {
    let store = faulty([Fault::Rival(RIVAL)]).await;
    let error = add_under(&store, "- etl\n", &RetryPolicy::none()).await.unwrap_err();
    assert!(matches!(error, ApplyError::GaveUp { attempts: 1, .. }), "{error:?}");
    assert_eq!(error.to_string(), "gave up after 1 attempt in 0.0 s, nothing written");
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(source, "`values.yaml` is not what it was when it was read: expected version `1`, found version `2`");
    assert_eq!(store.requests(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn without_retry_a_lost_answer_is_still_settled_by_reading() {
    let store = faulty([Fault::LostAnswer]).await;
    let outcome = add_under(&store, "- etl\n", &RetryPolicy::none()).await.unwrap();
    assert_eq!((outcome.written, store.requests()), (Written::Confirmed, (2, 1)));
}

#[tokio::test(start_paused = true)]
async fn err_without_retry_a_lost_request_is_unsettled() {
    let store = faulty([Fault::LostRequest]).await;
    let error = add_under(&store, "- etl\n", &RetryPolicy::none()).await.unwrap_err();
    match &error {
        ApplyError::Unsettled { attempts: 1, source, .. } => {
            assert!(matches!(**source, StoreError::Ambiguous { .. }), "{source:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(store.requests(), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn err_write_without_an_answer_ends_at_the_deadline_unsettled() {
    let store = faulty([Fault::Stall]).await;
    let started = tokio::time::Instant::now();
    let error = add(&store, "- etl\n").await.unwrap_err();
    assert!(matches!(error, ApplyError::Unsettled { attempts: 1, .. }), "{error:?}");
    assert_eq!(started.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn err_read_without_an_answer_ends_at_the_deadline_with_nothing_written() {
    let store = faulty([]).await.with_latency(Duration::from_secs(3600));
    let error = add(&store, "- etl\n").await.unwrap_err();
    assert!(matches!(error, ApplyError::GaveUp { attempts: 0, .. }), "{error:?}");
    assert_eq!(store.requests(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn err_full_disk_is_not_tried_again() {
    let store = faulty([Fault::Full]).await;
    let error = add(&store, "- etl\n").await.unwrap_err();
    assert!(matches!(error, ApplyError::Store(StoreError::Io { .. })), "{error:?}");
    assert_eq!(store.requests(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn err_full_disk_after_a_lost_request_is_unsettled() {
    let store = faulty([Fault::LostRequest, Fault::Full]).await;
    let error = add(&store, "- etl\n").await.unwrap_err();
    assert!(matches!(error, ApplyError::Unsettled { attempts: 2, .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn err_refused_change_writes_nothing() {
    let store = faulty([]).await;
    let refuse = |_: &str| Err(std::fmt::Error);
    let error = apply_with(&store, &key(), Absent::Refuse, &RetryPolicy::default(), refuse).await.unwrap_err();
    assert!(matches!(error, ApplyError::Transform(std::fmt::Error)));
    assert_eq!(store.requests(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn absent_document_is_created_from_the_initial_text() {
    let store = Faulty::new(Arc::new(Memory::new()), []);
    let create = async || {
        let unchanged = |_: &str| Ok::<_, Infallible>(None);
        apply_with(&store, &key(), Absent::Create("[]\n"), &RetryPolicy::default(), unchanged).await
    };
    let outcome = create().await.unwrap();
    assert_eq!((outcome.before, outcome.text.as_str(), outcome.written), (None, "[]\n", Written::Confirmed));
    assert_eq!(store.requests(), (1, 1));
    let outcome = create().await.unwrap();
    assert_eq!((outcome.before.as_deref(), outcome.written), (Some("[]\n"), Written::Nothing));
}

#[tokio::test(start_paused = true)]
async fn creators_that_race_both_find_their_change() {
    let store = Arc::new(Faulty::new(Arc::new(Memory::new()), []).with_latency(Duration::from_millis(5)));
    let tasks = ["- a\n", "- b\n", "- c\n"].map(|line| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            apply_with(&*store, &key(), Absent::Create("x:\n"), &RetryPolicy::default(), adding(line)).await.unwrap()
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
    let mut lines: Vec<String> = store.get(&key()).await.unwrap().text.lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["- a", "- b", "- c", "x:"]);
}

#[tokio::test(start_paused = true)]
async fn err_absent_document_is_not_found_unless_it_is_to_be_created() {
    let store = Faulty::new(Arc::new(Memory::new()), []);
    let error = add(&store, "- etl\n").await.unwrap_err();
    assert!(matches!(error, ApplyError::Store(StoreError::NotFound { .. })), "{error:?}");
    assert_eq!(store.requests(), (1, 0));
}

/// 50 tasks, each a client of its own, and requests that take 2 ms: all lines arrive, none gives up, and the number of
/// requests is what full jitter was chosen for.
#[tokio::test(start_paused = true)]
async fn fifty_writers_lose_no_line() {
    let store = Arc::new(faulty([]).await.with_latency(Duration::from_millis(2)));
    let tasks: Vec<_> = (0..50)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { add(&store, &format!("- {writer}\n")).await.unwrap() })
        })
        .collect();
    let mut requests = 0;
    for task in tasks {
        let outcome = task.await.unwrap();
        assert_eq!(outcome.written, Written::Confirmed);
        requests += outcome.requests;
    }
    let (gets, puts) = store.requests();
    assert_eq!(requests, gets + puts);
    assert!(requests <= 12 * 50, "{requests} requests for 50 adds");
    let mut lines: Vec<String> = store.get(&key()).await.unwrap().text.lines().map(str::to_owned).collect();
    lines.sort();
    let mut expected: Vec<String> = (0..50).map(|writer| format!("- {writer}")).chain(["- a".into()]).collect();
    expected.sort();
    assert_eq!(lines, expected);
}

#[tokio::test(start_paused = true)]
async fn calls_in_one_process_take_turns() {
    let store = Arc::new(faulty([]).await.with_latency(Duration::from_millis(2)));
    let turns = Arc::new(Turns::new(Arc::clone(&store) as Arc<dyn Store>));
    let started = tokio::time::Instant::now();
    let tasks: Vec<_> = (0..100)
        .map(|call| {
            let turns = Arc::clone(&turns);
            tokio::spawn(async move {
                let line = format!("- {call}\n");
                turns.apply_with(&key(), Absent::Refuse, &RetryPolicy::default(), adding(&line)).await.unwrap()
            })
        })
        .collect();
    for task in tasks {
        let outcome = task.await.unwrap();
        assert!(outcome.written == Written::Confirmed && outcome.requests <= 2, "{outcome:?}");
    }
    // Who waited goes on from what the call before has left.
    assert_eq!(store.requests(), (1, 100));
    // 101 requests of 2 ms, and the clock's granularity.
    assert!(started.elapsed() <= Duration::from_millis(101 * 3), "{:?}", started.elapsed());
    assert_eq!(store.get(&key()).await.unwrap().text.lines().count(), 101);
}

#[tokio::test(start_paused = true)]
async fn what_a_call_has_left_is_read_again_by_who_comes_later() {
    let store = Arc::new(faulty([]).await.with_latency(Duration::from_millis(2)));
    let turns = Turns::new(Arc::clone(&store) as Arc<dyn Store>);
    let policy = RetryPolicy::default();
    for line in ["- b\n", "- c\n"] {
        let outcome = turns.apply_with(&key(), Absent::Refuse, &policy, adding(line)).await.unwrap();
        assert_eq!(outcome.requests, 2);
    }
    assert_eq!(store.requests(), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn rival_of_a_call_that_goes_on_from_another_loses_nothing() {
    let store = Arc::new(faulty([Fault::LostAnswer, Fault::Rival(RIVAL)]).await.with_latency(Duration::from_millis(2)));
    let turns = Turns::new(Arc::clone(&store) as Arc<dyn Store>);
    let (key, policy) = (key(), RetryPolicy::default());
    let (first, second) = tokio::join!(
        turns.apply_with(&key, Absent::Refuse, &policy, adding("- b\n")),
        turns.apply_with(&key, Absent::Refuse, &policy, adding("- c\n")),
    );
    // A read, a write whose answer is lost, a read; then a write that loses, a read, a write.
    assert_eq!((first.unwrap().requests, second.unwrap().requests), (3, 3));
    assert_eq!(store.get(&key).await.unwrap().text, "- a\n- b\n- rival\n- c\n");
}

#[tokio::test(start_paused = true)]
async fn documents_do_not_wait_for_each_other() {
    let store = Arc::new(faulty([Fault::Stall]).await);
    let turns = Turns::new(Arc::clone(&store) as Arc<dyn Store>);
    let (key, other) = (key(), Key::new("workspace.yaml").unwrap());
    let policy = RetryPolicy::default();
    let stalled = turns.apply_with(&key, Absent::Refuse, &policy, adding("- etl\n"));
    let free = async {
        // The stalled write comes first.
        tokio::time::sleep(Duration::from_millis(1)).await;
        turns.apply_with(&other, Absent::Create("x:\n"), &policy, adding("- etl\n")).await
    };
    tokio::select! {
        outcome = stalled => panic!("{outcome:?}"),
        outcome = free => assert_eq!(outcome.unwrap().written, Written::Confirmed),
    }
}

#[tokio::test(start_paused = true)]
async fn err_deadline_covers_the_wait_for_a_turn() {
    let store = Arc::new(faulty([Fault::Stall]).await);
    let turns = Turns::new(Arc::clone(&store) as Arc<dyn Store>);
    let (key, patient) = (key(), RetryPolicy::default());
    let policy = RetryPolicy { deadline: Duration::from_secs(5), ..patient.clone() };
    let (_, waited) = tokio::join!(
        turns.apply_with(&key, Absent::Refuse, &patient, adding("- a1\n")),
        turns.apply_with(&key, Absent::Refuse, &policy, adding("- a2\n")),
    );
    match waited {
        Err(ApplyError::GaveUp { attempts: 0, elapsed, source }) => {
            assert_eq!(elapsed.as_secs(), 5);
            let expected = "`values.yaml` is busy: other calls in this process are changing it";
            assert_eq!(source.to_string(), expected);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(store.requests(), (1, 1));
    // A call that was dropped or has given up blocks nobody.
    turns.apply_with(&key, Absent::Refuse, &policy, adding("- a3\n")).await.unwrap();
}

fn key() -> Key {
    Key::new("values.yaml").unwrap()
}

/// A store with the document `- a` and planned faults.
async fn faulty(faults: impl IntoIterator<Item = Fault>) -> Faulty<Memory> {
    faulty_with("- a\n", faults).await
}

async fn faulty_with(text: &str, faults: impl IntoIterator<Item = Fault>) -> Faulty<Memory> {
    let memory = Memory::new();
    memory.put(&key(), text, Precondition::Absent).await.unwrap();
    Faulty::new(Arc::new(memory), faults)
}

/// Adds a line unless it stands there.
fn adding(line: &str) -> impl FnMut(&str) -> Result<Option<String>, Infallible> {
    move |text| Ok((!text.lines().any(|other| other == line.trim_end())).then(|| format!("{text}{line}")))
}

async fn add(store: &Faulty<Memory>, line: &str) -> Result<Outcome, ApplyError<Infallible>> {
    add_under(store, line, &RetryPolicy::default()).await
}

async fn add_under(
    store: &Faulty<Memory>,
    line: &str,
    policy: &RetryPolicy,
) -> Result<Outcome, ApplyError<Infallible>> {
    apply_with(store, &key(), Absent::Refuse, policy, adding(line)).await
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_transforms_is_one_read_and_one_write_and_again_one_read() {
    let store = faulty_with(
        "load_from:\n- python_file: jobs.py # ours\n",
        [Fault::Rival(|text| text.replace("ours", "theirs"))],
    )
    .await;
    let batch: Vec<Transform> = (0..100)
        .map(|at| Transform::AddLocation { server: GrpcServer::new(format!("l{at}"), format!("h{at}"), 3030) })
        .collect();
    let (key, policy) = (key(), RetryPolicy::default());
    let run = || apply(&store, &key, &batch, &Target::NEWEST, &policy);
    let changed = run().await.unwrap();
    assert_eq!((changed.changes.len(), changed.outcome.requests), (100, 4), "one race lost");
    assert!(changed.outcome.text.contains("# theirs") && changed.outcome.text.contains("location_name: l99"));
    let again = run().await.unwrap();
    assert_eq!((again.changes.len(), again.outcome.requests, again.outcome.written), (0, 1, Written::Nothing));
}

#[tokio::test(start_paused = true)]
async fn err_transforms_that_are_refused_write_nothing() {
    let store = faulty_with("load_from:\n- grpc_server: {port: 1, location_name: a}\n", []).await;
    let taken = [Transform::AddLocation { server: GrpcServer::new("a", "b", 2) }];
    let error = apply(&store, &key(), &taken, &Target::NEWEST, &RetryPolicy::default()).await.unwrap_err();
    assert!(matches!(error, ApplyError::Transform(TransformError::NameTaken { .. })), "{error:?}");
    assert_eq!(store.requests(), (1, 0));
}
