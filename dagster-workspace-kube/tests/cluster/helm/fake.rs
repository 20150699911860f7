//! What is hard to provoke, with a program that only calls itself helm.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dagster_workspace_kube::helm::{HelmError, Newest, Patience, RollOutError, Step};
use dagster_workspace_kube::store::StoreError;

use super::{Site, patience, with_each_helm};

const UPGRADE: &str = "[ \"$1\" = upgrade ] || exec \"$here/real\" \"$@\"\n";

impl Site {
    /// What `helm upgrade` does instead.
    fn upgrade_does(&self, text: &str) {
        self.script(&format!("{UPGRADE}{text}\n"));
    }
}

#[tokio::test]
async fn bytes_that_helm_gets_are_those_of_the_document() {
    with_each_helm(async |site: Site| {
        let text = "\u{feff}deployments: []\r\n# \"ä\" $(id) `id` \\n 'x'\r\n\r\n  \n# no end";
        site.commit_text(text).await;
        site.upgrade_does("tee \"$here/input\" | \"$here/real\" \"$@\"; exit");
        site.rolled_out().await;
        assert_eq!(std::fs::read_to_string(site.file("input")).unwrap(), text);
    })
    .await;
}

#[tokio::test]
async fn newest_values_are_read_again_after_every_wait() {
    with_each_helm(async |site: Site| {
        let words = [
            "UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
            "UPGRADE FAILED: release: already exists",
            "INSTALLATION FAILED: cannot re-use a name that is still in use",
        ];
        // One after the other, then for good.
        let said: String = words
            .iter()
            .map(|words| {
                format!(
                    "if [ ! -f \"$here/{0}\" ]; then touch \"$here/{0}\"; echo 'Error: {words}' >&2; exit 1; fi\n",
                    words.len()
                )
            })
            .collect();
        site.upgrade_does(&said);
        site.commit(&["a"]).await;
        let reads = AtomicU32::new(0);
        let newest = async || {
            // Somebody commits while we wait.
            if reads.fetch_add(1, Ordering::Relaxed) == 2 {
                site.commit(&["a", "b"]).await;
            }
            site.newest().await
        };
        let mut waits = Vec::new();
        let told = |step| {
            if let Step::Wait { reason } = step {
                waits.push(reason);
            }
        };
        let client = &site.namespace.client;
        let outcome = site.helm().roll_out(client, &site.upgrade, &patience(), newest, told).await.unwrap();
        assert_eq!((outcome.runs, reads.load(Ordering::Relaxed)), (1, 5));
        assert_eq!(waits, words);
        assert_eq!(site.server_names().await, ["a", "b"]);
    })
    .await;
}

#[tokio::test]
async fn err_release_that_others_change_after_every_run() {
    with_each_helm(async |site: Site| {
        let rounds = AtomicU32::new(0);
        let newest = || async {
            let round = rounds.fetch_add(1, Ordering::Relaxed);
            Ok::<_, StoreError>(Newest { text: format!("deployments: []\n# {round}\n"), version: () })
        };
        let patience = Patience { runs: 2, ..patience() };
        let client = &site.namespace.client;
        let error = site.helm().roll_out(client, &site.upgrade, &patience, newest, |_| ()).await.unwrap_err();
        assert!(matches!(error, RollOutError::TimedOut { runs: 2, .. }), "{error:?}");
        assert_eq!(site.release().await.unwrap().revision, 2);
    })
    .await;
}

#[tokio::test]
async fn err_values_that_cannot_be_read_run_no_helm() {
    with_each_helm(async |site: Site| {
        let error = site.roll_out(&patience()).await.unwrap_err();
        assert!(matches!(error, RollOutError::Values(StoreError::NotFound { .. })), "{error:?}");
        assert_eq!(site.runs(), ["history"]);
    })
    .await;
}

#[tokio::test]
async fn err_other_programs_and_old_versions() {
    with_each_helm(async |site: Site| {
        site.commit(&["a"]).await;
        let error = async |script: &str| {
            site.script(script);
            match site.roll_out(&patience()).await {
                Err(RollOutError::Helm { source, .. }) => source,
                other => panic!("{other:?}"),
            }
        };
        let found = error("echo v2.17.0; exit").await;
        assert!(matches!(&found, HelmError::Version { said, .. } if said == "v2.17.0"), "{found:?}");
        let found = error("echo 'unknown command' >&2; exit 64").await;
        assert!(matches!(&found, HelmError::Version { said, .. } if said == "unknown command"), "{found:?}");
        let found = error(&format!("{UPGRADE}echo 'Error: unknown flag: --labels' >&2; exit 1")).await;
        let HelmError::Outdated { version, words } = &found else { panic!("{found:?}") };
        assert_eq!((words.as_str(), version.text.starts_with('v')), ("unknown flag: --labels", true));
        let found = error(&format!("{UPGRADE}kill -SEGV $$")).await;
        assert!(matches!(&found, HelmError::Failed { exit: None, .. }), "{found:?}");
        assert_eq!(found.to_string(), "helm failed (by a signal): ");
        let found = error(&format!("{UPGRADE}echo 'much ado'; exit 3")).await;
        assert_eq!(found.to_string(), "helm failed (exit code 3): ");
    })
    .await;
}

#[tokio::test]
async fn err_helm_that_is_ended_says_its_last_words() {
    let Some(site) = Site::new(4).await else { return };
    site.commit(&["a"]).await;
    site.upgrade_does("trap 'echo \"Error: sorry\" >&2; exit 1' TERM\nwhile true; do sleep 0.05; done");
    let short = Patience { deadline: Duration::from_secs(5), ..patience() };
    let error = site.roll_out(&short).await.unwrap_err();
    let RollOutError::Helm { source: HelmError::Ended { words, .. }, .. } = &error else { panic!("{error:?}") };
    assert_eq!(words, "sorry");
}
