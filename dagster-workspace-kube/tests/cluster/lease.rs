//! Leases on the real API server: who gets one, who must wait, and what becomes of one whose holder is gone.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use dagster_workspace_kube::lease::{Claim, Claimant, Held, LeaseError, Turn};
use kube::Client;
use kube::api::{DeleteParams, GetParams, PostParams};
use kube::core::Request;
use serde_json::{Value, json};

use crate::namespace::Namespace;

const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(300);

impl Namespace {
    fn claimant(&self, who: &str, duration: Duration) -> Claimant {
        Claimant::new(&self.client, &self.name, Claim { duration, ..Claim::new("turn", who) })
    }

    fn leases(&self) -> Request {
        Request::new(format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.name))
    }

    async fn lease(&self) -> Value {
        self.client.request(self.leases().get("turn", &GetParams::default()).unwrap()).await.unwrap()
    }

    /// Writes the lease as somebody else does.
    async fn write_lease(&self, change: impl Fn(&mut Value)) {
        loop {
            let mut lease = self.lease().await;
            change(&mut lease);
            let put = self.leases().replace("turn", &PostParams::default(), lease.to_string().into_bytes()).unwrap();
            match self.client.request::<Value>(put).await {
                Ok(_) => return,
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    async fn holder(&self) -> String {
        self.lease().await["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
    }
}

fn held(turn: Turn) -> Held {
    match turn {
        Turn::Held(held) => held,
        Turn::NotPermitted { reason } => panic!("{reason}"),
    }
}

fn taken(answer: Result<Turn, LeaseError>) -> String {
    match answer {
        Err(LeaseError::Taken { holder, .. }) => holder,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn lease_is_one_holders_until_it_is_given_back() {
    let Some(namespace) = Namespace::new().await else { return };
    let (mut first, mut second) = (namespace.claimant("first", 30 * SECOND), namespace.claimant("second", 30 * SECOND));
    let mine = held(first.attempt(SystemTime::now()).await.unwrap());
    assert!(namespace.holder().await.starts_with("first-"));
    assert!(taken(second.attempt(SystemTime::now()).await).starts_with("first-"));
    let error = second.acquire(Duration::ZERO).await.unwrap_err();
    assert!(matches!(&error, LeaseError::TimedOut { holder, .. } if holder.starts_with("first-")), "{error:?}");
    assert!(!mine.is_lost());
    mine.release().await.unwrap();
    assert_eq!(namespace.holder().await, "");
    let next = held(second.attempt(SystemTime::now()).await.unwrap());
    assert_eq!(next.taken_over_from(), None);
    // Dropped, it is given back, too.
    drop(next);
    let third = held(namespace.claimant("third", 30 * SECOND).acquire(LONG).await.unwrap());
    assert_eq!(third.taken_over_from(), None);
    third.release().await.unwrap();
}

#[tokio::test]
async fn lease_is_renewed_while_it_is_held() {
    let Some(namespace) = Namespace::new().await else { return };
    let mine = held(namespace.claimant("first", SECOND).attempt(SystemTime::now()).await.unwrap());
    let (mut times, mut other) = (Vec::new(), namespace.claimant("second", SECOND));
    while times.len() < 5 {
        let time = namespace.lease().await["spec"]["renewTime"].as_str().unwrap().to_owned();
        if !times.contains(&time) {
            times.push(time);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // More than the second that it lasts has gone by.
    taken(other.attempt(SystemTime::now()).await);
    // A label of somebody else does not matter.
    namespace.write_lease(|lease| lease["metadata"]["labels"] = json!({"team": "data"})).await;
    let before = namespace.lease().await["spec"]["renewTime"].clone();
    while namespace.lease().await["spec"]["renewTime"] == before {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!mine.is_lost());
    mine.release().await.unwrap();
    let lease = namespace.lease().await;
    assert_eq!((&lease["metadata"]["labels"]["team"], &lease["spec"]["holderIdentity"]), (&json!("data"), &json!("")));
}

#[tokio::test]
async fn lease_of_a_holder_that_is_gone_is_taken_over() {
    let Some(namespace) = Namespace::new().await else { return };
    let claim = Claim { duration: 30 * SECOND, ..Claim::new("turn", "gone") };
    let gone = claim.holder.clone();
    // Its runtime ends without a word, as that of a program that is killed.
    let (client, name) = (namespace.config.clone(), namespace.name.clone());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let held = runtime.block_on(async {
            let client = Client::try_from(client).unwrap();
            held(Claimant::new(&client, name, claim).attempt(SystemTime::now()).await.unwrap())
        });
        drop(runtime);
        drop(held);
    })
    .join()
    .unwrap();
    assert_eq!(namespace.holder().await, gone);
    let mut next = namespace.claimant("next", 30 * SECOND);
    assert_eq!(taken(next.attempt(SystemTime::now()).await), gone);
    assert_eq!(taken(next.attempt(SystemTime::now() + 20 * SECOND).await), gone);
    let mine = held(next.attempt(SystemTime::now() + 31 * SECOND).await.unwrap());
    assert_eq!(mine.taken_over_from(), Some(gone.as_str()));
    assert_eq!(namespace.lease().await["spec"]["leaseTransitions"], 1);
    mine.release().await.unwrap();
}

#[tokio::test]
async fn lease_that_does_not_change_for_its_duration_is_taken_over_whatever_the_clocks_say() {
    let Some(namespace) = Namespace::new().await else { return };
    // Written by a clock that is a day ahead.
    let ahead = SystemTime::now() + Duration::from_secs(86_400);
    let mut first = namespace.claimant("first", SECOND);
    let stopped = held(first.attempt(ahead).await.unwrap());
    let gone = namespace.holder().await;
    stopped.release().await.unwrap();
    namespace
        .write_lease(|lease| {
            lease["spec"]["holderIdentity"] = gone.clone().into();
            lease["spec"]["renewTime"] = "2999-01-01T00:00:00.000000Z".into();
        })
        .await;
    let mut next = namespace.claimant("next", SECOND);
    assert_eq!(taken(next.attempt(SystemTime::now()).await), gone);
    let mine = held(next.acquire(LONG).await.unwrap());
    assert_eq!(mine.taken_over_from(), Some(gone.as_str()));
    mine.release().await.unwrap();
}

#[tokio::test]
async fn holder_learns_that_its_lease_was_taken_and_leaves_it_to_the_next() {
    let Some(namespace) = Namespace::new().await else { return };
    let mine = held(namespace.claimant("first", SECOND).attempt(SystemTime::now()).await.unwrap());
    namespace.write_lease(|lease| lease["spec"]["holderIdentity"] = "second".into()).await;
    mine.lost().await;
    assert!(mine.is_lost());
    mine.release().await.unwrap();
    assert_eq!(namespace.holder().await, "second");

    // Deleted, it is lost, too, and can be had anew.
    let mine = held(namespace.claimant("third", SECOND).acquire(LONG).await.unwrap());
    let delete = namespace.leases().delete("turn", &DeleteParams::default()).unwrap();
    namespace.client.request::<Value>(delete).await.unwrap();
    mine.lost().await;
    held(namespace.claimant("fourth", SECOND).attempt(SystemTime::now()).await.unwrap()).release().await.unwrap();
}

#[tokio::test]
async fn taking_given_back_between_the_renewals_counts_even_when_somebody_wrote_meanwhile() {
    let Some(namespace) = Namespace::new().await else { return };
    let mine = held(namespace.claimant("first", 30 * SECOND).attempt(SystemTime::now()).await.unwrap());
    namespace.write_lease(|lease| lease["metadata"]["annotations"] = json!({"note": "x"})).await;
    mine.release().await.unwrap();
    let lease = namespace.lease().await;
    assert_eq!(
        (&lease["metadata"]["annotations"]["note"], &lease["spec"]["holderIdentity"]),
        (&json!("x"), &json!(""))
    );
}

#[tokio::test]
async fn many_claimants_have_one_turn_each_and_never_two_at_once() {
    let Some(namespace) = Namespace::new().await else { return };
    let (inside, turns) = (AtomicU32::new(0), AtomicU32::new(0));
    let job = async |number: u32| {
        let mine = held(namespace.claimant(&format!("job{number}"), 30 * SECOND).acquire(LONG).await.unwrap());
        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
        tokio::time::sleep(Duration::from_millis(30)).await;
        inside.fetch_sub(1, Ordering::SeqCst);
        turns.fetch_add(1, Ordering::SeqCst);
        mine.release().await.unwrap();
    };
    tokio::join!(job(1), job(2), job(3), job(4), job(5), job(6));
    assert_eq!(turns.load(Ordering::SeqCst), 6);
}

#[tokio::test]
async fn missing_permission_is_an_answer_and_names_the_verb() {
    for (verbs, missing) in [(&["list"][..], "get"), (&["get"], "create"), (&["get", "create"], "update")] {
        let Some(namespace) = Namespace::new().await else { return };
        if missing == "update" {
            held(namespace.claimant("first", SECOND).attempt(SystemTime::now()).await.unwrap())
                .release()
                .await
                .unwrap();
        }
        let rules = json!([{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": verbs}]);
        let client = crate::helm::account(&namespace, &rules).await;
        let turn = Claimant::new(&client, &namespace.name, Claim::new("turn", "job")).acquire(LONG).await.unwrap();
        let Turn::NotPermitted { reason } = &turn else { panic!("{turn:?}") };
        assert!(reason.contains(&format!("cannot {missing} resource \"leases\"")), "{reason}");
    }
}

#[tokio::test]
async fn err_places_and_servers_that_are_not_there() {
    let Some(namespace) = Namespace::new().await else { return };
    let mut nowhere = Claimant::new(&namespace.client, "nowhere", Claim::new("turn", "job"));
    let error = nowhere.attempt(SystemTime::now()).await.unwrap_err();
    assert!(matches!(&error, LeaseError::Refused { reason, .. } if reason.contains("nowhere")), "{error:?}");
    let mut misnamed = Claimant::new(&namespace.client, &namespace.name, Claim::new("UPPER_CASE", "job"));
    assert!(matches!(misnamed.attempt(SystemTime::now()).await, Err(LeaseError::Refused { .. })));
    let mut config = namespace.config.clone();
    config.cluster_url = "https://127.0.0.1:9".parse().unwrap();
    let client = Client::try_from(config).unwrap();
    let error = Claimant::new(&client, &namespace.name, Claim::new("turn", "job")).acquire(LONG).await.unwrap_err();
    assert!(matches!(error, LeaseError::Unreachable { .. }), "{error:?}");
}
