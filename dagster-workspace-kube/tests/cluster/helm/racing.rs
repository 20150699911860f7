//! Many jobs, one release: bytes that one job has committed are never rolled out over newer ones of another.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dagster_workspace_kube::helm::HelmError;
use dagster_workspace_kube::lease::{Claim, Claimant, LeaseError, Turn};

use super::{Site, document, patience, with_each_helm};

/// Two jobs have committed, one after the other; now their helms run, in either order.
#[tokio::test]
async fn job_that_comes_first_rolls_out_for_both_in_either_order() {
    with_each_helm(async |site: Site| {
        for (earlier, later) in [("a1", "b1"), ("b2", "a2")] {
            // The names only tell the two orders apart: whichever job runs helm first reads what both have committed.
            site.commit(&[earlier]).await;
            site.commit(&[earlier, later]).await;
            assert_eq!(site.rolled_out().await.runs, 1);
            let servers = site.servers().await;
            assert_eq!(servers.len(), 2);
            site.runs();
            assert_eq!(site.rolled_out().await.runs, 0);
            assert!(site.runs().is_empty());
            assert_eq!(site.servers().await, servers);
        }
    })
    .await;
}

/// The worst case without a lease: the earlier job has read its values, and is overtaken before its helm starts.
#[tokio::test]
async fn job_that_is_overtaken_between_its_read_and_its_helm_puts_the_newest_back() {
    with_each_helm(async |site: Site| {
        site.commit(&["a"]).await;
        let reads = AtomicU32::new(0);
        let newest = async || {
            let read = site.newest().await;
            if reads.fetch_add(1, Ordering::Relaxed) == 0 {
                site.commit(&["a", "b"]).await;
                assert_eq!(site.rolled_out().await.runs, 1);
                assert_eq!(site.server_names().await, ["a", "b"]);
            }
            read
        };
        let client = &site.namespace.client;
        let outcome = site.helm().roll_out(client, &site.upgrade, &patience(), newest, |_| ()).await.unwrap();
        assert_eq!((outcome.runs, outcome.release.revision), (2, 3));
        assert!(outcome.release.is_deployed_from(&site.upgrade.hash(&document(&["a", "b"])).unwrap()));
        assert_eq!(site.server_names().await, ["a", "b"]);
        assert_eq!(site.rolled_out().await.runs, 0);
    })
    .await;
}

/// With a lease that cannot happen: nobody reads while another is between its read and the end of its helm.
#[tokio::test]
async fn job_that_holds_the_lease_is_not_overtaken() {
    with_each_helm(async |site: Site| {
        site.commit(&["a"]).await;
        let claimant =
            |who: &str| Claimant::new(&site.namespace.client, &site.namespace.name, Claim::new("roll-out", who));
        let Turn::Held(held) = claimant("first").acquire(Duration::from_secs(60)).await.unwrap() else { panic!() };
        let newest = async || {
            let read = site.newest().await;
            // The later job commits; its turn is after ours.
            site.commit(&["a", "b"]).await;
            let error = claimant("second").attempt(std::time::SystemTime::now()).await.unwrap_err();
            assert!(matches!(&error, LeaseError::Taken { holder, .. } if holder.starts_with("first-")), "{error:?}");
            read
        };
        let client = &site.namespace.client;
        let outcome = site.helm().roll_out(client, &site.upgrade, &patience(), newest, |_| ()).await.unwrap();
        assert!(outcome.release.is_deployed_from(&site.upgrade.hash(&document(&["a", "b"])).unwrap()));
        let servers = site.servers().await;
        held.release().await.unwrap();
        let turn = claimant("second").acquire(Duration::from_secs(60)).await.unwrap();
        assert!(matches!(turn, Turn::Held(_)), "{turn:?}");
        assert_eq!(site.rolled_out().await.runs, 0);
        assert_eq!(site.servers().await, servers);
    })
    .await;
}

#[tokio::test]
async fn helms_that_meet_are_told_so_and_one_of_them_wins() {
    with_each_helm(async |site: Site| {
        site.commit(&["a"]).await;
        let mut words = Vec::new();
        for round in 1.. {
            let text = format!("{}# {round}\n", document(&["a"]));
            let revision = site.release().await.map_or(1, |release| release.revision + 1);
            let run = async || site.helm().upgrade(&site.upgrade, &text, revision, Duration::from_secs(300)).await;
            let (a, b, c, d) = tokio::join!(run(), run(), run(), run());
            let answers = [a, b, c, d];
            assert!(answers.iter().any(Result::is_ok), "{answers:?}");
            for answer in answers {
                match answer {
                    Ok(()) => {}
                    Err(HelmError::Busy { words: said }) => words.push(said),
                    Err(other) => panic!("{other:?}"),
                }
            }
            if !words.is_empty() {
                break;
            }
            assert!(round < 20, "never did two helms meet");
        }
        assert_eq!(site.server_names().await, ["a"]);
    })
    .await;
}

#[tokio::test]
async fn jobs_without_a_lease_all_end_on_the_newest_values() {
    with_each_helm(async |site: Site| {
        let job = async |names: &[&str]| {
            site.commit(names).await;
            site.roll_out(&patience()).await.unwrap()
        };
        let later = async |names: &[&str]| {
            // When the helm of another is at work, or has just been.
            while site.release().await.is_none() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            job(names).await
        };
        let outcomes = tokio::join!(job(&["a"]), later(&["a", "b"]), later(&["a", "b", "c"]));
        let newest = site.newest().await.unwrap().text;
        let release = site.release().await.unwrap();
        assert!(release.is_deployed_from(&site.upgrade.hash(&newest).unwrap()), "{release:?}");
        assert!(release.revision > 1, "{outcomes:?}");
        assert_eq!(site.rolled_out().await.runs, 0);
    })
    .await;
}
