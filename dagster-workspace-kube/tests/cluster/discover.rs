//! Systems as the charts of several years make them, and as nobody's chart does, found on a real server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dagster_workspace_kube::cluster::{
    self, ApiError, Connection, DiscoverError, Finding, Projection, Role, System, Wanted,
};
use serde_json::{Value, json};
use testing::ControlPlane;

use crate::chart::Helm;
use crate::kubelet::{Fate, Kubelet, Pods};
use crate::namespace::Namespace;
use crate::relay::{Fault, Relay};

async fn discover(namespace: &Namespace, release: Option<&str>) -> Result<System, DiscoverError> {
    counted(namespace, release).await.0
}

/// With the number of requests.
async fn counted(namespace: &Namespace, release: Option<&str>) -> (Result<System, DiscoverError>, u32) {
    let requests = Arc::new(AtomicU32::new(0));
    let client = namespace.counted(&requests);
    let wanted = Wanted { release: release.map(str::to_owned) };
    let found = cluster::discover(&client, &namespace.name, &wanted).await;
    (found, requests.load(Ordering::Relaxed))
}

/// Name and role of each workload.
fn parts(system: &System) -> Vec<(&str, Role)> {
    system.workloads.iter().map(|workload| (workload.name.as_str(), workload.role)).collect()
}

fn codes(system: &System) -> Vec<&'static str> {
    let facts = cluster::Facts {
        system: Some(system),
        workspace: None,
        values: None,
        system_release: None,
        code_release: None,
    };
    cluster::doctor(&facts).iter().map(|finding: &Finding| finding.code).collect()
}

/// The arrangement that lasts: user code in a release of its own, and a workspace that no release owns.
fn lasting() -> Value {
    json!({
        "dagsterWebserver": {"workspace": {"enabled": true, "servers": [], "externalConfigmap": "dagster-workspace-yaml"}},
        "dagster-user-deployments": {"enabled": true, "enableSubchart": false},
    })
}

#[tokio::test]
async fn system_of_today_is_found_in_one_request() {
    let Some(namespace) = Namespace::new().await else { return };
    for (major, release) in [(3, "dagster"), (4, "foo")] {
        let Some(helm) = Helm::new(major, &namespace) else { return };
        helm.system(release, &lasting());
        let (found, requests) = counted(&namespace, Some(release)).await;
        let system = found.unwrap();
        assert_eq!(requests, 1);
        assert_eq!((system.release.as_deref(), system.version.as_deref()), (Some(release), Some("1.13.27")));
        assert_eq!(system.chart_version(), Some("1.13.27"));
        let daemon = if release == "dagster" { "dagster-daemon" } else { "foo-dagster-daemon" };
        let webserver = format!("{release}-dagster-webserver");
        assert_eq!(parts(&system), [(webserver.as_str(), Role::Webserver), (daemon, Role::Daemon)]);
        for workload in &system.workloads {
            let mount = workload.mount.as_ref().unwrap();
            assert_eq!((mount.config_map.as_str(), mount.key.as_str()), ("dagster-workspace-yaml", "workspace.yaml"));
            assert_eq!(mount.projection, Projection::Directory);
            assert!(
                workload.by_helm
                    && !workload.paused
                    && workload.template_annotations.contains_key("checksum/dagster-workspace")
            );
        }
        assert_eq!(system.workloads[0].port, Some(80));
        assert!(system.waits_for().is_empty());
        assert_eq!(codes(&system), [""; 0]);
    }
    // Now there are two.
    let (error, requests) = counted(&namespace, None).await;
    let error = error.unwrap_err();
    assert!(
        matches!(&error, DiscoverError::SeveralSystems { releases, .. } if releases == &["dagster", "foo"]),
        "{error:?}"
    );
    assert_eq!(requests, 1);
    let error = discover(&namespace, Some("bar")).await.unwrap_err();
    assert!(matches!(&error, DiscoverError::NoSuchRelease { found, .. } if found == &["dagster", "foo"]), "{error:?}");
}

#[tokio::test]
async fn overrides_prefix_and_read_only_webserver_are_seen() {
    let Some(namespace) = Namespace::new().await else { return };
    let Some(helm) = Helm::new(3, &namespace) else { return };
    let mut values = lasting();
    values["global"] = json!({"fullnameOverride": "x2"});
    let webserver = values["dagsterWebserver"].as_object_mut().unwrap();
    webserver.extend(
        json!({"nameOverride": "web", "enableReadOnly": true, "pathPrefix": "/dagster",
        "annotations": {"configmap.reloader.stakater.com/reload": "dagster-workspace-yaml"},
        "service": {"port": 3070}, "replicaCount": 3})
        .as_object()
        .unwrap()
        .clone(),
    );
    helm.system("rel", &values);
    let system = discover(&namespace, None).await.unwrap();
    let expected =
        [("rel-web", Role::Webserver), ("rel-web-read-only", Role::ReadOnlyWebserver), ("x2-daemon", Role::Daemon)];
    assert_eq!(parts(&system), expected);
    for webserver in system.webservers() {
        assert_eq!((webserver.port, webserver.path_prefix.as_str(), webserver.replicas), (Some(3070), "/dagster", 3));
        assert!(webserver.reloads_with("dagster-workspace-yaml", &Default::default()));
    }
    let daemon = system.daemons().next().unwrap();
    assert!(!daemon.reloads_with("dagster-workspace-yaml", &Default::default()));

    let pause = json!({"spec": {"paused": true}});
    namespace.merge("/apis/apps/v1", "deployments", "x2-daemon", &pause).await;
    let system = discover(&namespace, None).await.unwrap();
    assert!(system.daemons().next().unwrap().paused);
    assert_eq!(codes(&system), ["DW0606"]);
}

#[tokio::test]
async fn user_code_inside_the_system_is_seen() {
    let Some(namespace) = Namespace::new().await else { return };
    let Some(helm) = Helm::new(4, &namespace) else { return };
    let deployment = |name: &str| json!({"name": name, "image": {"repository": "r", "tag": "1", "pullPolicy": "Always"}, "port": 3030});
    let code = json!({"deployments": [deployment("etl"), deployment("ml")]});
    helm.system("dagster", &json!({"dagster-user-deployments": code}));
    helm.code("other", &json!({"deployments": [deployment("own")]}));
    let system = discover(&namespace, None).await.unwrap();
    assert_eq!(system.waits_for().into_iter().collect::<Vec<_>>(), ["etl", "ml"]);
    assert_eq!(system.workspace().unwrap().config_map, "dagster-workspace-yaml");
    assert_eq!(codes(&system), ["DW0605"]);

    let servers = cluster::code_servers(&namespace.client, &namespace.name).await.unwrap();
    let shown: Vec<(&str, Option<&str>, &str)> = servers
        .iter()
        .map(|server| (server.name.as_str(), server.release.as_deref(), server.deployment.as_str()))
        .collect();
    let of_system = Some("dagster");
    let expected = [
        ("etl", of_system, "dagster-dagster-user-deployments-etl"),
        ("ml", of_system, "dagster-dagster-user-deployments-ml"),
        ("own", Some("other"), "other-dagster-user-deployments-own"),
    ];
    assert_eq!(shown, expected);
    assert_eq!((servers[0].image.as_deref(), servers[0].replicas, servers[0].ready), (Some("r:1"), 1, 0));

    // Without user code there is no workspace file, and Dagster does not start.
    let off = json!({"dagster-user-deployments": {"enabled": false, "enableSubchart": false}});
    helm.system("dagster", &off);
    let system = discover(&namespace, None).await.unwrap();
    assert!(system.workspace().is_none());
    assert_eq!(codes(&system), ["DW0601", "DW0601"]);
}

/// A Deployment of chart 0.15 to 1.3, as it was made then; `mount` and `command` differ.
fn old(name: &str, component: &str, command: &str, mount: &Value) -> Value {
    let labels =
        json!({"app.kubernetes.io/name": "dagster", "app.kubernetes.io/instance": "old", "component": component});
    let mut all = labels.clone();
    all["helm.sh/chart"] = "dagster-0.15.5".into();
    all["app.kubernetes.io/version"] = "0.15.5".into();
    all["app.kubernetes.io/managed-by"] = "Helm".into();
    let mut mount = mount.clone();
    mount["name"] = "dagster-workspace-yaml".into();
    json!({
        "metadata": {"name": name, "labels": all},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels, "annotations": {"checksum/dagster-workspace": "c"}},
            "spec": {
                "initContainers": [{"name": "check-db-ready", "image": "postgres", "command": ["sh", "-c", "until pg_isready -h db; do sleep 2; done;"]}],
                "containers": [{
                    "name": "dagster", "image": "dagster/dagster-celery-k8s:0.15.5",
                    "command": ["/bin/bash", "-c", command],
                    "ports": [{"name": "http", "containerPort": 80}],
                    "volumeMounts": [mount],
                }],
                "volumes": [{"name": "dagster-workspace-yaml", "configMap": {"name": "old-dagster-workspace-yaml"}}],
            },
        }},
    })
}

#[tokio::test]
async fn systems_of_earlier_years_are_found() {
    let Some(namespace) = Namespace::new().await else { return };
    let file = "/dagster-workspace/workspace.yaml";
    let directory = json!({"mountPath": "/dagster-workspace/"});
    let single = json!({"mountPath": file, "subPath": "workspace.yaml"});
    let daemon = format!("dagster-daemon run -w {file}");
    for object in [
        old("old-dagit", "dagit", &format!("dagit -h 0.0.0.0 -p 80 -w {file}"), &directory),
        old(
            "old-dagit-read-only",
            "dagit-read-only",
            &format!("dagit -h 0.0.0.0 -p 80 -w {file} --read-only"),
            &directory,
        ),
        old("old-dagster-daemon", "dagster-daemon", &daemon, &single),
    ] {
        namespace.create_deployment(&object).await;
    }
    let (found, requests) = counted(&namespace, None).await;
    let system = found.unwrap();
    assert_eq!(requests, 1);
    let expected = [
        ("old-dagit", Role::Webserver),
        ("old-dagit-read-only", Role::ReadOnlyWebserver),
        ("old-dagster-daemon", Role::Daemon),
    ];
    assert_eq!(parts(&system), expected);
    assert_eq!((system.release.as_deref(), system.chart_version()), (Some("old"), Some("0.15.5")));
    assert!(system.workloads.iter().all(|workload| !workload.by_helm));
    assert_eq!(system.workspace().unwrap().config_map, "old-dagster-workspace-yaml");
    // Only the daemon's copy stays as it was.
    assert_eq!(codes(&system), ["DW0602"]);
}

#[tokio::test]
async fn system_of_no_chart_is_found_by_its_commands() {
    let Some(namespace) = Namespace::new().await else { return };
    let (error, requests) = counted(&namespace, None).await;
    assert!(matches!(error, Err(DiscoverError::NoSystem { .. })), "{error:?}");
    assert_eq!(requests, 2);

    let container = |command: Value| {
        let labels = json!({"app": "dagster"});
        json!({"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
            "containers": [{"name": "c", "image": "i", "command": command,
                "volumeMounts": [{"name": "any", "mountPath": "/opt/workspace"}]}],
            "volumes": [{"name": "any", "configMap": {"name": "mine", "items": [{"key": "file", "path": "w.yaml"}]}}],
        }}})
    };
    let objects = [
        ("web", json!(["dagster-webserver", "-w", "/opt/workspace/w.yaml", "--port=8080"])),
        ("daemon", json!(["dagster-daemon", "run", "-w", "/opt/workspace/w.yaml"])),
        ("other", json!(["nginx"])),
    ];
    for (name, command) in objects {
        namespace.create_deployment(&json!({"metadata": {"name": name}, "spec": container(command)})).await;
    }
    let (found, requests) = counted(&namespace, None).await;
    let system = found.unwrap();
    assert_eq!(requests, 2);
    assert_eq!(parts(&system), [("web", Role::Webserver), ("daemon", Role::Daemon)]);
    assert_eq!((system.release.as_deref(), system.workloads[0].port), (None, Some(8080)));
    let mount = system.workspace().unwrap();
    assert_eq!((mount.config_map.as_str(), mount.key.as_str()), ("mine", "file"));
}

#[tokio::test]
async fn pods_say_why_they_are_not_ready() {
    let Some(namespace) = Namespace::new().await else { return };
    let kubelet = Kubelet::start(&namespace);
    let image = "docker.io/dagster/dagster-celery-k8s:1.13.27";
    kubelet.decide(Pods::Image(image.to_owned()), Fate::Waiting("ImagePullBackOff", "no such tag"));
    let Some(helm) = Helm::new(3, &namespace) else { return };
    let mut values = lasting();
    values["dagsterWebserver"]["replicaCount"] = 2.into();
    helm.system("dagster", &values);
    let system = discover(&namespace, None).await.unwrap();
    let webserver = &system.workloads[0];
    let pods = namespace.until(async || {
        let pods = cluster::pods(&namespace.client, &namespace.name, webserver).await.unwrap();
        let told = pods.len() == 2
            && pods.iter().all(|pod| pod.reason.as_deref().is_some_and(|reason| reason.contains("ImagePull")));
        told.then_some(pods)
    });
    for pod in pods.await {
        assert!(!pod.ready && pod.reason.unwrap().ends_with("ImagePullBackOff: no such tag"));
        assert!(pod.name.starts_with("dagster-dagster-webserver-"), "{}", pod.name);
    }
    kubelet.decide(Pods::Image(image.to_owned()), Fate::Ready(Duration::ZERO));
    let pods = namespace.until(async || {
        let pods = cluster::pods(&namespace.client, &namespace.name, webserver).await.unwrap();
        pods.iter().all(|pod| pod.ready).then_some(pods)
    });
    for pod in pods.await {
        assert_eq!((pod.reason, pod.deleting), (None, false));
        assert!(pod.annotations.contains_key("checksum/dagster-instance"), "{:?}", pod.annotations);
    }
}

#[tokio::test]
async fn err_what_is_in_the_way_is_named() {
    let Some(namespace) = Namespace::new().await else { return };
    let client = namespace.account("job", &json!([])).await;
    let error = cluster::discover(&client, &namespace.name, &Wanted::default()).await.unwrap_err();
    let DiscoverError::Api(error @ ApiError::Forbidden { .. }) = &error else { panic!("{error:?}") };
    let expected = format!("not permitted to list deployments.apps in namespace `{}`", namespace.name);
    assert_eq!(error.to_string(), expected);
    assert!(!error.is_transient());

    let mut config = namespace.config.clone();
    config.cluster_url = "https://127.0.0.1:1".parse().unwrap();
    let client = kube::Client::try_from(config).unwrap();
    let error = cluster::discover(&client, &namespace.name, &Wanted::default()).await.unwrap_err();
    assert!(matches!(&error, DiscoverError::Api(error) if error.is_transient()), "{error:?}");

    let mut config = namespace.config.clone();
    config.root_cert = None;
    let client = kube::Client::try_from(config).unwrap();
    let error = cluster::discover(&client, &namespace.name, &Wanted::default()).await.unwrap_err();
    assert!(matches!(&error, DiscoverError::Api(ApiError::Unreachable { .. })), "{error:?}");
}

#[tokio::test]
async fn err_bad_answers_say_whether_to_try_again() {
    let Some(namespace) = Namespace::new().await else { return };
    let busy = "HTTP/1.1 429 Too Many Requests\r\ncontent-type: text/plain\r\nretry-after: 1\r\n\r\nToo many requests.";
    let internal = "HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain\r\n\r\netcd";
    let portal = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>";
    let second = Some(Duration::from_secs(1));
    for (fault, expected) in [
        (Fault::Replace(busy), Some(second)),
        (Fault::Replace(internal), Some(None)),
        (Fault::LoseRequest, Some(None)),
        (Fault::LoseAnswer, Some(None)),
        (Fault::Replace(portal), None),
    ] {
        let relay = Relay::start(&namespace.client, [("GET", fault)]).await;
        let client = kube::Client::try_from(relay.config()).unwrap();
        let error = cluster::discover(&client, &namespace.name, &Wanted::default()).await.unwrap_err();
        let DiscoverError::Api(error) = error else { panic!("{error:?}") };
        let pause = match &error {
            ApiError::Busy { retry_after, .. } => Some(*retry_after),
            _ => None,
        };
        assert_eq!((pause, error.is_transient(), relay.requests()), (expected, expected.is_some(), 1), "{error:?}");
    }
}

#[tokio::test]
async fn connection_reaches_the_cluster_of_its_kubeconfig() {
    let Some(plane) = ControlPlane::shared() else { return };
    let connection = Connection { kubeconfig: Some(plane.kubeconfig()), ..Connection::default() };
    let connected = cluster::connect(&connection).await.unwrap();
    assert_eq!(connected.namespace, "default");
    let found = cluster::discover(&connected.client, &connected.namespace, &Wanted::default()).await;
    assert!(matches!(found, Err(DiscoverError::NoSystem { .. })), "{found:?}");
}
