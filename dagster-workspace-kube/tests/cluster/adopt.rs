//! The workspace ConfigMap of a real release becomes nobody's, with helm 3 and helm 4, and later upgrades leave it alone.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use dagster_workspace_kube::cluster::{self, AdoptError, Adopted, Adoption, Owner, ReleaseError, Upgrade};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::chart::Helm;
use crate::namespace::{Namespace, config_map};
use crate::relay::{Fault, Relay};

const OURS: &str = "load_from: [] # ours\n";

/// A system whose chart renders the ConfigMap, which somebody then edited.
struct Chartered<'a> {
    namespace: &'a Namespace,
    helm: &'a Helm,
    release: String,
    config_map: String,
    uid: Value,
}

impl<'a> Chartered<'a> {
    async fn install(namespace: &'a Namespace, helm: &'a Helm, release: &str) -> Self {
        helm.system(release, &values());
        let config_map = format!("{release}-dagster-workspace-yaml");
        let installed = namespace.get(&config_map).await;
        assert!(installed["data"]["workspace.yaml"].as_str().unwrap().contains("host: etl"), "{installed}");
        let edit = json!({"data": {"workspace.yaml": OURS}});
        namespace.merge("/api/v1", "configmaps", &config_map, &edit).await;
        let release = release.to_owned();
        Self { namespace, helm, release, config_map, uid: installed["metadata"]["uid"].clone() }
    }

    /// Upgrades with the adoption's values on top of the user's, as an operator would.
    fn upgrade(&self, adoption: &Adoption) {
        assert_eq!(
            (adoption.release.as_str(), adoption.config_map.as_str()),
            (self.release.as_str(), self.config_map.as_str())
        );
        assert_eq!(adoption.chart, Some(("dagster".into(), "1.13.27".into())));
        assert!(adoption.kept && adoption.rendered);
        let merged: Value = serde_yaml::from_str(&adoption.values).unwrap();
        self.helm.system(&self.release, &adopted(&merged));
    }

    async fn adopt(&self, client: &kube::Client, upgrades: &AtomicU32) -> Result<Adopted, AdoptError<Infallible>> {
        cluster::adopt(client, &self.namespace.name, &self.config_map, "ci", async |adoption: Adoption| {
            upgrades.fetch_add(1, Ordering::Relaxed);
            self.upgrade(&adoption);
            Ok(Upgrade::Done)
        })
        .await
    }

    async fn owner(&self) -> Owner {
        let found = cluster::config_map(&self.namespace.client, &self.namespace.name, &self.config_map).await;
        found.unwrap().unwrap().owner("workspace.yaml").clone()
    }

    /// The same object, with the edit.
    async fn check_ours(&self, when: &str) {
        let found = self.namespace.get(&self.config_map).await;
        assert_eq!(found["data"]["workspace.yaml"], OURS, "{when}");
        assert_eq!(found["metadata"]["uid"], self.uid, "{when}");
    }

    /// Nothing that helm does from now on touches it.
    async fn check_left_alone(&self) {
        self.check_ours("adopted").await;
        assert_eq!(self.owner().await, Owner::Nobody);
        let name = &self.config_map;
        let workspace = json!({"enabled": true, "servers": [], "externalConfigmap": name});
        let mut values = adopted(&json!({"dagsterWebserver": {"workspace": workspace}}));
        values["dagsterWebserver"]["replicaCount"] = 2.into();
        self.helm.system(&self.release, &values);
        self.check_ours("a later upgrade").await;
        self.helm.run(&["uninstall", &self.release]);
        self.check_ours("uninstalled").await;
    }
}

/// The user's values: a workspace of the chart, user code elsewhere.
fn values() -> Value {
    json!({
        "dagsterWebserver": {"workspace": {"enabled": true, "servers": [{"host": "etl", "port": 3030}]}},
        "dagster-user-deployments": {"enabled": true, "enableSubchart": false},
    })
}

/// The user's values with those of the adoption on top, as helm merges them.
fn adopted(values_of_adoption: &Value) -> Value {
    let mut values = values();
    values["dagsterWebserver"]["workspace"] = values_of_adoption["dagsterWebserver"]["workspace"].clone();
    values
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn adopted_config_map_survives_upgrades_and_uninstall() {
    let Some(namespace) = Namespace::new().await else { return };
    let Some(both) = Helm::both(&namespace) else { return };
    for (helm, release) in both.iter().zip(["three", "four"]) {
        let system = Chartered::install(&namespace, helm, release).await;
        let owner = Owner::Helm { release: release.into(), namespace: namespace.name.clone(), kept: false };
        assert_eq!(system.owner().await, owner);
        let upgrades = AtomicU32::new(0);
        let requests = Arc::new(AtomicU32::new(0));
        let adopted = system.adopt(&namespace.counted(&requests), &upgrades).await.unwrap();
        assert!(matches!(&adopted, Adopted::Taken(adoption) if adoption.release == release), "{adopted:?}");
        assert_eq!((upgrades.load(Ordering::Relaxed), requests.swap(0, Ordering::Relaxed)), (1, 8));
        // Again: nothing to be done, and one look to see that.
        let again = system.adopt(&namespace.counted(&requests), &upgrades).await.unwrap();
        assert_eq!((again, upgrades.load(Ordering::Relaxed)), (Adopted::NotOwned, 1));
        assert_eq!(requests.load(Ordering::Relaxed), 1);
        let found = namespace.get(&system.config_map).await;
        assert_eq!(found["metadata"]["annotations"], json!({"helm.sh/resource-policy": "keep"}));
        system.check_left_alone().await;
    }
}

/// Where a run ends without a word.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Killed {
    /// While this request, counted from 1, is on its way.
    AtRequest(u32),
    BeforeUpgrade,
    AfterUpgrade,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_anywhere_the_same_call_finishes() {
    let Some(namespace) = Namespace::new().await else { return };
    let Some(both) = Helm::both(&namespace) else { return };
    // Request 4 marks it as kept, request 8 takes the marks off.
    let points = [
        Killed::AtRequest(2),
        Killed::AtRequest(4),
        Killed::BeforeUpgrade,
        Killed::AfterUpgrade,
        Killed::AtRequest(6),
        Killed::AtRequest(8),
    ];
    for (number, killed) in points.into_iter().enumerate() {
        let system = Chartered::install(&namespace, &both[number % 2], &format!("r{number}")).await;
        run_until(&system, killed).await;
        system.check_ours(&format!("{killed:?}")).await;
        let upgraded = matches!(killed, Killed::AfterUpgrade | Killed::AtRequest(6 | 8));
        let upgrades = AtomicU32::new(0);
        let adopted = system.adopt(&namespace.client, &upgrades).await.unwrap();
        // The last request may have arrived.
        assert!(matches!(adopted, Adopted::Taken(_)) || killed == Killed::AtRequest(8), "{killed:?}: {adopted:?}");
        assert_eq!(upgrades.load(Ordering::Relaxed), u32::from(!upgraded), "{killed:?}");
        system.check_left_alone().await;
    }
}

/// Begins to adopt, and ends without a word.
async fn run_until(system: &Chartered<'_>, killed: Killed) {
    let reached = Arc::new(Notify::new());
    let requests = Arc::new(AtomicU32::new(0));
    let notify = Arc::clone(&reached);
    let client = system.namespace.watched_client(move || {
        if killed == Killed::AtRequest(requests.fetch_add(1, Ordering::Relaxed) + 1) {
            notify.notify_one();
        }
    });
    let (name, config_map) = (&system.namespace.name, &system.config_map);
    let adopting = cluster::adopt(&client, name, config_map, "ci", async |adoption: Adoption| {
        if killed == Killed::BeforeUpgrade {
            reached.notify_one();
            pending::<()>().await;
        }
        system.upgrade(&adoption);
        if killed == Killed::AfterUpgrade {
            reached.notify_one();
            pending::<()>().await;
        }
        Ok::<_, Infallible>(Upgrade::Done)
    });
    tokio::select! {
        adopted = adopting => panic!("{killed:?}: {adopted:?}"),
        () = reached.notified() => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_step_whose_answer_is_lost_is_told_and_the_same_call_continues() {
    let Some(namespace) = Namespace::new().await else { return };
    let Some(helm) = Helm::new(3, &namespace) else { return };
    let system = Chartered::install(&namespace, &helm, "lost").await;
    // The upgrade comes between the first and the second.
    let relay = Relay::start(&namespace.client, [("PATCH", Fault::LoseAnswer), ("PATCH", Fault::LoseAnswer)]).await;
    let client = kube::Client::try_from(relay.config()).unwrap();
    let upgrades = AtomicU32::new(0);
    for (upgraded, left) in [(0, true), (1, false)] {
        let error = system.adopt(&client, &upgrades).await.unwrap_err();
        assert!(matches!(&error, AdoptError::Api { source, .. } if source.is_transient()), "{error:?}");
        assert_eq!((upgrades.load(Ordering::Relaxed), system.owner().await != Owner::Nobody), (upgraded, left));
    }
    assert_eq!(system.adopt(&client, &upgrades).await.unwrap(), Adopted::NotOwned);
    system.check_left_alone().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn adoption_waits_for_somebody_else_s_upgrade() {
    let Some(namespace) = Namespace::new().await else { return };
    let Some(helm) = Helm::new(3, &namespace) else { return };
    let system = Chartered::install(&namespace, &helm, "later").await;
    let later = async || {
        let upgrade = async |_: Adoption| Ok::<_, Infallible>(Upgrade::Later);
        cluster::adopt(&namespace.client, &namespace.name, &system.config_map, "ci", upgrade).await.unwrap()
    };
    let Adopted::Waiting(adoption) = later().await else { panic!("it does not wait") };
    assert_eq!(
        adoption.values,
        "dagsterWebserver:\n  workspace:\n    enabled: true\n    servers: []\n    externalConfigmap: later-dagster-workspace-yaml\n"
    );
    assert_eq!(
        system.owner().await,
        Owner::Helm { release: "later".into(), namespace: namespace.name.clone(), kept: true }
    );
    assert!(matches!(later().await, Adopted::Waiting(_)));
    system.upgrade(&adoption);
    assert!(matches!(later().await, Adopted::Taken(_)));
    system.check_left_alone().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn release_that_is_gone_leaves_nothing_to_upgrade() {
    let Some(namespace) = Namespace::new().await else { return };
    let Some(helm) = Helm::new(4, &namespace) else { return };
    let system = Chartered::install(&namespace, &helm, "gone").await;
    run_until(&system, Killed::AfterUpgrade).await;
    helm.run(&["uninstall", "gone"]);
    let upgrades = AtomicU32::new(0);
    assert!(matches!(system.adopt(&namespace.client, &upgrades).await, Ok(Adopted::Taken(_))));
    assert_eq!(upgrades.load(Ordering::Relaxed), 0);
    system.check_ours("gone").await;
    assert_eq!(system.owner().await, Owner::Nobody);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_what_keeps_it_the_chart_s_is_named() {
    let Some(namespace) = Namespace::new().await else { return };
    let Some(helm) = Helm::new(3, &namespace) else { return };
    let (client, name) = (&namespace.client, namespace.name.as_str());
    let done = async |_: Adoption| Ok::<_, Infallible>(Upgrade::Done);
    let error = cluster::adopt(client, name, "missing", "ci", done).await.unwrap_err();
    assert!(matches!(error, AdoptError::NoConfigMap { .. }), "{error:?}");

    namespace.create(&config_map("mine", "workspace.yaml", OURS)).await;
    assert_eq!(cluster::adopt(client, name, "mine", "ci", done).await.unwrap(), Adopted::NotOwned);

    let system = Chartered::install(&namespace, &helm, "same").await;
    let error = cluster::adopt(client, name, &system.config_map, "ci", done).await.unwrap_err();
    assert!(matches!(&error, AdoptError::StillRendered { release, .. } if release == "same"), "{error:?}");
    let failing = async |_: Adoption| Err("no chart");
    let error = cluster::adopt(client, name, &system.config_map, "ci", failing).await.unwrap_err();
    assert!(matches!(error, AdoptError::Upgrade { source: "no chart" }), "{error:?}");
    system.check_ours("refused").await;

    // Without the release nobody knows whether the chart still renders it.
    let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "patch"]}]);
    let client = namespace.account("job", &rules).await;
    let error = cluster::adopt(&client, name, &system.config_map, "ci", done).await.unwrap_err();
    let AdoptError::Release { source: ReleaseError::Api { source, .. }, .. } = &error else { panic!("{error:?}") };
    assert_eq!(source.to_string(), format!("not permitted to list secrets in namespace `{name}`"));
}

/// What adoption is for: without it, helm takes the edit or the object away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_config_map_that_is_not_adopted_is_reverted_or_deleted() {
    let Some(namespace) = Namespace::new().await else { return };
    let Some([three, four]) = Helm::both(&namespace) else { return };
    let chart = testing::system_chart();
    let system = Chartered::install(&namespace, &three, "three").await;
    three.system("three", &values());
    let found = namespace.get(&system.config_map).await;
    assert_ne!(found["data"]["workspace.yaml"], OURS, "helm 3 left the edit alone");
    let workspace = json!({"enabled": true, "servers": [], "externalConfigmap": system.config_map});
    three.system("three", &adopted(&json!({"dagsterWebserver": {"workspace": workspace}})));
    let found = cluster::config_map(&namespace.client, &namespace.name, &system.config_map).await.unwrap();
    assert_eq!(found, None, "helm 3 kept what the chart dropped");

    let system = Chartered::install(&namespace, &four, "four").await;
    let output = four.try_upgrade("four", &chart, &values().to_string());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains(".data.workspace.yaml"), "{said}");
    system.check_ours("refused by helm 4").await;

    // The mark counts on the live object when the chart drops it, but for `uninstall` only in what the chart renders.
    run_until(&system, Killed::BeforeUpgrade).await;
    four.run(&["uninstall", "four"]);
    let found = cluster::config_map(&namespace.client, &namespace.name, &system.config_map).await.unwrap();
    assert_eq!(found, None, "helm 4 kept what it still rendered");
}
