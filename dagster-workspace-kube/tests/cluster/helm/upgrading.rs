//! What a roll-out does when all goes well.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dagster_workspace_kube::helm::{Chart, ChartSource, Major, Newest, OnFailure, Options, Status, Step, Wait};
use dagster_workspace_kube::store::{Store as _, StoreError};
use serde_json::Value;

use super::{Site, document, patience, with_each_helm};
use crate::namespace::values;

#[tokio::test]
async fn install_upgrade_and_nothing_to_do() {
    with_each_helm(async |site: Site| {
        site.commit(&["a"]).await;
        let first = site.rolled_out().await;
        assert_eq!((first.runs, first.release.revision, first.recovered), (1, 1, false));
        // No Secret is found: helm itself is asked, it may keep its releases elsewhere.
        assert_eq!(site.runs(), ["history", "version", "upgrade"]);
        let servers = site.servers().await;
        assert_eq!(servers.len(), 1);

        // A new process, and nothing to do: no helm at all, and two requests.
        let requests = Arc::new(AtomicU32::new(0));
        let (client, store) = (site.counted_client(&requests), site.namespace.counted_store(&requests));
        let newest = async || {
            let stored = store.get(&values()).await?;
            Ok::<_, StoreError>(Newest { text: stored.text, version: stored.version })
        };
        let told = |step: Step| panic!("{step:?}");
        let (helm, patience) = (site.helm(), patience());
        let again = sent(helm.roll_out(&client, &site.upgrade, &patience, newest, told)).await.unwrap();
        assert_eq!((again.runs, again.release.revision, requests.load(Ordering::Relaxed)), (0, 1, 2));
        assert!(site.runs().is_empty());

        site.commit(&["a", "b"]).await;
        let second = site.rolled_out().await;
        assert_eq!((second.runs, second.release.revision), (1, 2));
        assert_eq!(second.release.past[0].status, Status::Superseded);
        assert_eq!(site.runs(), ["version", "upgrade"]);
        // The first one's server was never away.
        let after = site.servers().await;
        assert_eq!((after.len(), after.contains(&servers[0])), (2, true));

        site.commit(&[]).await;
        assert_eq!(site.rolled_out().await.runs, 1);
        assert!(site.servers().await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn hash_stands_in_the_labels_and_in_the_description() {
    with_each_helm(async |site: Site| {
        site.commit(&["a"]).await;
        site.rolled_out().await;
        let hash = site.upgrade.hash(&document(&["a"])).unwrap();
        let secret = site.get("/api/v1", "secrets/sh.helm.release.v1.code.v1").await;
        let labels = &secret["metadata"]["labels"];
        assert_eq!(
            (labels["dagster-workspace/hash"].as_str(), &labels["dagster-workspace/revision"]),
            (Some(hash.as_str()), &Value::from("1"))
        );
        let history = site.helm().history(&site.upgrade.target).await.unwrap().unwrap();
        assert!(history.is_deployed_from(&hash), "{history:?}");
        assert_eq!(Some(history.revision), site.release().await.map(|release| release.revision));
    })
    .await;
}

#[tokio::test]
async fn what_others_did_by_hand_does_not_count_as_rolled_out() {
    with_each_helm(async |site: Site| {
        site.commit(&["a"]).await;
        site.rolled_out().await;
        let other = site.file("other.yaml");
        std::fs::write(&other, document(&["x"])).unwrap();
        let chart = testing::code_chart();
        let (chart, other) = (chart.to_str().unwrap(), other.to_str().unwrap());
        let done = site.by_hand(&["upgrade", "code", chart, "--values", other, "--skip-schema-validation"]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        // helm has copied the labels.
        let secret = site.get("/api/v1", "secrets/sh.helm.release.v1.code.v2").await;
        assert!(secret["metadata"]["labels"]["dagster-workspace/hash"].is_string(), "{secret}");
        assert_eq!(site.release().await.unwrap().hash, None);
        assert_eq!(site.server_names().await, ["x"]);
        let back = site.rolled_out().await;
        assert_eq!((back.runs, back.release.revision), (1, 3));
        assert_eq!(site.server_names().await, ["a"]);

        let done = site.by_hand(&["rollback", "code", "2"]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(site.release().await.unwrap().hash, None);
        assert_eq!(site.rolled_out().await.runs, 1);
        assert_eq!(site.server_names().await, ["a"]);

        let done = site.by_hand(&["uninstall", "code"]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(site.rolled_out().await.release.revision, 1);
        assert_eq!(site.server_names().await, ["a"]);
    })
    .await;
}

#[tokio::test]
async fn document_without_content_means_the_defaults_and_not_the_values_before() {
    with_each_helm(async |site: Site| {
        site.commit(&["a"]).await;
        site.rolled_out().await;
        site.commit_text("# nothing\n").await;
        site.rolled_out().await;
        assert_eq!(site.server_names().await, ["k8s-example-user-code-1"]);
    })
    .await;
}

#[tokio::test]
async fn another_version_of_the_chart_is_rolled_out() {
    with_each_helm(async |mut site: Site| {
        site.commit(&["a"]).await;
        site.rolled_out().await;
        let copy = site.file("chart");
        copy_folder(&testing::code_chart(), &copy);
        site.upgrade.chart = Chart::path(&copy);
        // The same chart in another folder.
        assert_eq!(site.rolled_out().await.runs, 0);
        let meta = std::fs::read_to_string(copy.join("Chart.yaml")).unwrap();
        let version = meta.lines().find_map(|line| line.strip_prefix("version: ")).unwrap();
        std::fs::write(copy.join("Chart.yaml"), meta.replace(version, "99.0.0")).unwrap();
        assert_eq!(site.rolled_out().await.runs, 1);
        let history = site.by_hand(&["history", "code"]);
        assert!(String::from_utf8_lossy(&history.stdout).contains("dagster-user-deployments-99.0.0"), "{history:?}");
    })
    .await;
}

#[tokio::test]
async fn chart_of_a_repository_in_a_pinned_version() {
    with_each_helm(async |mut site: Site| {
        let packages = site.file("packages");
        for version in ["1.0.0", "2.0.0"] {
            let chart = testing::code_chart();
            let packed = site.by_hand(&[
                "package",
                chart.to_str().unwrap(),
                "--version",
                version,
                "--destination",
                packages.to_str().unwrap(),
            ]);
            assert!(packed.status.success(), "{}", String::from_utf8_lossy(&packed.stderr));
        }
        let url = super::failing::serve_files(packages.clone());
        let indexed = site.by_hand(&["repo", "index", packages.to_str().unwrap(), "--url", &url]);
        assert!(indexed.status.success(), "{}", String::from_utf8_lossy(&indexed.stderr));
        let source = ChartSource::Repository { url, name: "dagster-user-deployments".to_owned() };
        site.upgrade.chart = Chart { source, version: Some("1.0.0".to_owned()) };
        site.commit(&["a"]).await;
        assert_eq!(site.rolled_out().await.runs, 1);
        assert_eq!(site.rolled_out().await.runs, 0);
        let history = site.by_hand(&["history", "code"]);
        assert!(String::from_utf8_lossy(&history.stdout).contains("dagster-user-deployments-1.0.0"), "{history:?}");

        let package = packages.join("dagster-user-deployments-2.0.0.tgz");
        site.upgrade.chart = Chart::path(package);
        assert_eq!(site.rolled_out().await.runs, 1);
    })
    .await;
}

#[tokio::test]
async fn release_that_helm_keeps_elsewhere_is_found_by_helm() {
    with_each_helm(async |site: Site| {
        site.script("export HELM_DRIVER=configmap\n");
        site.commit(&["a"]).await;
        assert_eq!(site.rolled_out_by_helm().await, 1);
        assert!(site.release().await.is_none());
        site.runs();
        assert_eq!(site.rolled_out_by_helm().await, 0);
        assert_eq!(site.runs(), ["history"]);
        site.commit(&["a", "b"]).await;
        assert_eq!(site.rolled_out_by_helm().await, 1);
        assert_eq!(site.server_names().await, ["a", "b"]);
    })
    .await;
}

#[tokio::test]
async fn options_are_those_of_each_version() {
    with_each_helm(async |mut site: Site| {
        let version = site.helm().version().await.unwrap().clone();
        assert_eq!(version.major, if site.major == 3 { Major::Three } else { Major::Four });
        // Nothing that would have to become ready, so this ends without a kubelet.
        site.commit(&[]).await;
        site.upgrade.options = Options {
            timeout: Duration::from_secs(120),
            wait: Wait::Ready,
            on_failure: OnFailure::RollBack,
            history_max: 2,
            ..site.upgrade.options
        };
        site.rolled_out().await;
        for text in ["deployments: []\n# 2\n", "deployments: []\n# 3\n"] {
            site.commit_text(text).await;
            site.rolled_out().await;
        }
        let release = site.release().await.unwrap();
        assert_eq!((release.revision, release.past.len()), (3, 1));
    })
    .await;
}

/// Futures of ours go from thread to thread.
fn sent<T: Send>(future: T) -> T {
    future
}

impl Site {
    /// Rolls out where the API server knows of no release.
    async fn rolled_out_by_helm(&self) -> u32 {
        self.roll_out(&patience()).await.unwrap_or_else(|error| panic!("{error:?}")).runs
    }
}

pub(super) fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.is_dir() {
            copy_folder(&path, &to.join(name));
        } else {
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}
