//! A helm that was killed or cancelled while it was at work. Without a kubelet no pod is ever ready, so a helm that waits
//! for pods is at work for as long as a test needs.

use std::time::Duration;

use dagster_workspace_kube::helm::{HelmError, Options, Patience, Recovery, RollOutError, Status, Step, Wait};

use super::{Site, document, patience, with_each_helm};

/// Does not wait for a helm that it takes for dead.
fn no_patience(recovery: Recovery) -> Patience {
    Patience { stuck_after: Duration::ZERO, recovery, ..patience() }
}

impl Site {
    /// The same site, whose helm waits for pods.
    fn waiting(&mut self) {
        self.upgrade.options = Options { wait: Wait::Ready, timeout: Duration::from_secs(600), ..self.upgrade.options };
    }

    fn not_waiting(&mut self) {
        self.upgrade.options = Options { wait: Wait::No, ..self.upgrade.options };
    }

    /// Kills helm while the release is in this state.
    async fn kill_in(&self, status: Status) {
        let killed = async {
            self.release_in(status).await;
            kill(self.pid());
        };
        let patience = patience();
        let (answer, ()) = tokio::join!(self.roll_out(&patience), killed);
        let error = answer.unwrap_err();
        assert!(matches!(&error, RollOutError::Helm { source: HelmError::Failed { exit: None, .. }, .. }), "{error:?}");
    }
}

fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// Whether a program runs; one that has ended and is not yet reaped does not.
fn runs(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
}

#[tokio::test]
async fn helm_that_was_killed_in_an_upgrade_is_waited_for_reported_and_recovered() {
    with_each_helm(async |mut site: Site| {
        site.commit(&["a"]).await;
        site.rolled_out().await;
        site.commit(&["a", "b"]).await;
        site.waiting();
        site.kill_in(Status::PendingUpgrade).await;
        site.not_waiting();

        // It might still be at work on another machine.
        let mut waits = 0;
        let short = Patience { deadline: Duration::from_secs(2), ..patience() };
        site.runs();
        let error = site.roll_out_telling(&short, |_| waits += 1).await.unwrap_err();
        let RollOutError::TimedOut { reason, runs: 0, .. } = &error else { panic!("{error:?}") };
        assert!(reason.starts_with("revision 2 is pending-upgrade"), "{reason}");
        assert!(waits > 0 && site.runs().is_empty());

        let error = site.roll_out(&no_patience(Recovery::Refuse)).await.unwrap_err();
        let RollOutError::Stuck { revision: 2, status: Status::PendingUpgrade, recovery, .. } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(recovery, &format!("helm rollback code 1 --namespace {}", site.namespace.name));
        assert!(error.to_string().contains(recovery.as_str()), "{error}");
        assert!(site.runs().is_empty());

        let mut steps = Vec::new();
        let outcome = site.roll_out_telling(&no_patience(Recovery::Recover), |step| steps.push(step)).await.unwrap();
        assert_eq!((outcome.recovered, outcome.runs, outcome.release.revision), (true, 1, 4));
        assert_eq!(steps[0], Step::Recover { revision: 2, status: Status::PendingUpgrade, to: Some(1) });
        assert_eq!(site.runs(), ["rollback", "version", "upgrade"]);
        assert_eq!(site.server_names().await, ["a", "b"]);
    })
    .await;
}

#[tokio::test]
async fn helm_that_was_killed_in_the_first_installation_is_recovered_by_uninstalling() {
    with_each_helm(async |mut site: Site| {
        site.commit(&["a"]).await;
        site.waiting();
        site.kill_in(Status::PendingInstall).await;
        site.not_waiting();
        let error = site.roll_out(&no_patience(Recovery::Refuse)).await.unwrap_err();
        let RollOutError::Stuck { recovery, .. } = &error else { panic!("{error:?}") };
        assert_eq!(recovery, &format!("helm uninstall code --namespace {}", site.namespace.name));
        let outcome = site.roll_out(&no_patience(Recovery::Recover)).await.unwrap();
        assert_eq!((outcome.recovered, outcome.runs, outcome.release.revision), (true, 1, 1));
        assert_eq!(site.server_names().await, ["a"]);
    })
    .await;
}

#[tokio::test]
async fn helm_that_was_killed_in_a_rollback_is_recovered() {
    with_each_helm(async |site: Site| {
        for names in [&["a"][..], &["a", "b"]] {
            site.commit(names).await;
            site.rolled_out().await;
        }
        let mut command = std::process::Command::new(site.file("real"));
        let namespace = ["--namespace", &site.namespace.name];
        command.args(["rollback", "code", "1", "--wait"]).args(namespace).arg("--kubeconfig").arg(&site.kubeconfig);
        let mut helm = command.spawn().unwrap();
        site.release_in(Status::PendingRollback).await;
        helm.kill().unwrap();
        helm.wait().unwrap();
        let outcome = site.roll_out(&no_patience(Recovery::Recover)).await.unwrap();
        assert_eq!((outcome.recovered, outcome.runs), (true, 1));
        assert_eq!(site.server_names().await, ["a", "b"]);
    })
    .await;
}

/// helm refuses to roll back over objects that the killed one was about to remove; the failed rollback unlocks the release.
#[tokio::test]
async fn release_is_recovered_even_where_the_rollback_fails() {
    with_each_helm(async |mut site: Site| {
        site.commit(&["a", "b"]).await;
        site.rolled_out().await;
        // Another image, so that there is something to wait for.
        site.commit_text(&document(&["a"]).replace("tag: \"1\"", "tag: \"2\"")).await;
        site.waiting();
        site.kill_in(Status::PendingUpgrade).await;
        site.not_waiting();
        let outcome = site.roll_out(&no_patience(Recovery::Recover)).await.unwrap();
        assert_eq!((outcome.recovered, outcome.runs), (true, 1));
        assert_eq!(site.server_names().await, ["a"]);
    })
    .await;
}

#[tokio::test]
async fn helm_whose_future_is_dropped_ends_itself_and_leaves_a_release_that_can_be_used() {
    with_each_helm(async |mut site: Site| {
        for (pending, names) in [(Status::PendingInstall, &["a"][..]), (Status::PendingUpgrade, &["a", "b"])] {
            site.commit(names).await;
            site.waiting();
            let patience = patience();
            tokio::select! {
                answer = site.roll_out(&patience) => panic!("{answer:?}"),
                _ = site.release_in(pending) => {}
            }
            site.release_in(Status::Failed).await;
            while runs(site.pid()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            site.not_waiting();
            let outcome = site.rolled_out().await;
            assert_eq!((outcome.runs, outcome.recovered), (1, false));
        }
        assert_eq!(site.server_names().await, ["a", "b"]);
    })
    .await;
}

#[tokio::test]
async fn err_helm_that_is_still_at_work_at_the_deadline_is_ended_gently() {
    with_each_helm(async |mut site: Site| {
        site.commit(&["a"]).await;
        site.rolled_out().await;
        site.commit(&["a", "b"]).await;
        site.waiting();
        let short = Patience { deadline: Duration::from_secs(8), ..patience() };
        let error = site.roll_out(&short).await.unwrap_err();
        let RollOutError::Helm { source: HelmError::Ended { words, .. }, .. } = &error else { panic!("{error:?}") };
        assert!(words.contains("context canceled"), "{words}");
        assert!(!runs(site.pid()));
        assert_eq!(site.release().await.unwrap().status, Status::Failed);
    })
    .await;
}
