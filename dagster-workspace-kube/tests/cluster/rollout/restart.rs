//! Restarts: what is written, when nothing is, and how several callers become one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dagster_workspace_kube::rollout::{
    self, CHECKSUM, Cause, CodeServers, Restart, RestartError, Restarted, Rollout, RolloutError, restart,
};
use serde_json::{Value, json};
use testing::free_port;

use super::{deployment, now, patch};
use crate::namespace::Namespace;
use crate::relay::{Fault, Relay};

const AT: &str = "kubectl.kubernetes.io/restartedAt";

#[tokio::test]
async fn restart_writes_what_kubectl_writes() {
    let Some(namespace) = Namespace::new().await else { return };
    let requests = Arc::new(AtomicU32::new(0));
    let client = namespace.counted(&requests);
    let mut object = deployment("web", "web:1", 0);
    object["spec"]["template"]["metadata"]["annotations"] = json!({"note": "ours"});
    let before = namespace.create_deployment(&object).await;
    let Restarted::Rolling(first) = restart(&client, &namespace.name, "web", &Restart::new(now())).await.unwrap()
    else {
        panic!("not restarted")
    };
    assert_eq!(requests.swap(0, Ordering::Relaxed), 2);
    let after = namespace.deployment("web").await;
    assert_eq!(
        first,
        Rollout { name: "web".to_owned(), uid: before["metadata"]["uid"].as_str().map(str::to_owned), generation: 2 }
    );
    let annotations = |object: &Value| object["spec"]["template"]["metadata"]["annotations"].clone();
    assert_eq!(annotations(&after), json!({"note": "ours", AT: "2026-01-02T03:04:05Z"}));
    let fields = after["metadata"]["managedFields"].as_array().unwrap();
    let ours = fields.iter().find(|entry| entry["manager"] == "kubectl-rollout").unwrap();
    let written = ours["fieldsV1"]["f:spec"]["f:template"]["f:metadata"]["f:annotations"].as_object().unwrap();
    assert_eq!(written.keys().filter(|key| key.starts_with("f:")).collect::<Vec<_>>(), [&format!("f:{AT}")]);

    // Within the same second: still another restart.
    let Restarted::Rolling(second) = restart(&client, &namespace.name, "web", &Restart::new(now())).await.unwrap()
    else {
        panic!("not restarted")
    };
    assert_eq!(second.generation, 3);

    // kubectl goes on from there.
    let Some(kubectl) = testing::kubectl() else { return };
    let status = std::process::Command::new(kubectl)
        .env("KUBECONFIG", testing::ControlPlane::shared().unwrap().kubeconfig())
        .args(["--namespace", &namespace.name, "rollout", "restart", "deployment/web"])
        .status();
    assert!(status.unwrap().success());
    let kubectls = namespace.deployment("web").await;
    assert_eq!(annotations(&kubectls).as_object().unwrap().keys().collect::<Vec<_>>(), [AT, "note"]);
    assert_eq!(kubectls["metadata"]["generation"], 4);

    let by_flux = Restart { field_manager: "flux-client-side-apply".to_owned(), ..Restart::new(now()) };
    restart(&client, &namespace.name, "web", &by_flux).await.unwrap();
    let fields = namespace.deployment("web").await["metadata"]["managedFields"].take();
    assert!(fields.as_array().unwrap().iter().any(|entry| entry["manager"] == "flux-client-side-apply"), "{fields}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_for_the_same_content_are_one() {
    let Some(namespace) = Namespace::new().await else { return };
    namespace.create_deployment(&deployment("web", "web:1", 3)).await;
    for (round, checksum) in (1..).zip(["sha-1", "sha-2", "sha-1"]) {
        let tasks: Vec<_> = (0..10)
            .map(|writer| {
                // Each with connections of its own and a clock of its own.
                let client = kube::Client::try_from(namespace.config.clone()).unwrap();
                let (name, wanted) = (namespace.name.clone(), content(checksum, 100 * round + writer));
                tokio::spawn(async move { restart(&client, &name, "web", &wanted).await.unwrap() })
            })
            .collect();
        let (mut rolling, mut already) = (Vec::new(), Vec::new());
        for task in tasks {
            match task.await.unwrap() {
                Restarted::Rolling(rollout) => rolling.push(rollout),
                Restarted::Already(rollout) => already.push(rollout),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((rolling.len(), already.len()), (1, 9), "{rolling:?}");
        assert!(already.iter().all(|other| *other == rolling[0]), "{rolling:?} {already:?}");
        let after = namespace.deployment("web").await;
        assert_eq!(after["metadata"]["generation"], 1 + round);
        assert_eq!(after["spec"]["template"]["metadata"]["annotations"][CHECKSUM], checksum);
    }
}

#[tokio::test]
async fn lost_answers_make_no_second_restart() {
    const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\n\r\nlater";
    let Some(namespace) = Namespace::new().await else { return };
    let faults = [
        ("GET", Fault::LoseRequest),
        ("GET", Fault::Answer(BUSY)),
        ("PATCH", Fault::LoseRequest),
        ("PATCH", Fault::Answer(BUSY)),
        ("PATCH", Fault::LoseAnswer),
        ("PATCH", Fault::Replace(BUSY)),
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        for wanted in [Restart::new(now()), content("sha", 0)] {
            let name = format!("web-{number}-{}", u32::from(wanted.cause == Cause::Asked));
            namespace.create_deployment(&deployment(&name, "web:1", 0)).await;
            let relay = Relay::start(&namespace.client, [fault]).await;
            let client = kube::Client::try_from(relay.config()).unwrap();
            let came = restart(&client, &namespace.name, &name, &wanted).await.unwrap();
            let Restarted::Rolling(rollout) = came else { panic!("{fault:?}: {came:?}") };
            let generation = &namespace.deployment(&name).await["metadata"]["generation"];
            assert_eq!((rollout.generation, generation), (2, &json!(2)), "{fault:?}");
        }
    }
}

#[tokio::test]
async fn reloader_that_watches_the_config_map_is_left_to_it() {
    let Some(namespace) = Namespace::new().await else { return };
    let cases = [
        (json!({"reloader.stakater.com/auto": "true"}), Some("reloader.stakater.com/auto")),
        (json!({"configmap.reloader.stakater.com/auto": "true"}), Some("configmap.reloader.stakater.com/auto")),
        (
            json!({"configmap.reloader.stakater.com/reload": "x, dagster-workspace-yaml"}),
            Some("configmap.reloader.stakater.com/reload"),
        ),
        (json!({"configmap.reloader.stakater.com/reload": "x,y"}), None),
        (json!({"reloader.stakater.com/auto": "false"}), None),
        (json!({"secret.reloader.stakater.com/auto": "true"}), None),
        (json!({"reloader.stakater.com/search": "true"}), None),
        (
            json!({"reloader.stakater.com/auto": "true", "configmaps.exclude.reloader.stakater.com/reload": "dagster-workspace-yaml"}),
            None,
        ),
    ];
    for (number, (annotations, expected)) in cases.into_iter().enumerate() {
        let name = format!("web-{number}");
        let mut object = deployment(&name, "web:1", 0);
        let place = if number % 2 == 0 { &mut object["metadata"] } else { &mut object["spec"]["template"]["metadata"] };
        place["annotations"] = annotations.clone();
        namespace.create_deployment(&object).await;
        let came = restart(&namespace.client, &namespace.name, &name, &content("sha", 0)).await.unwrap();
        let left_to = if let Restarted::Reloader { annotation } = came { Some(annotation) } else { None };
        assert_eq!(left_to, expected, "{annotations}");
        // Whoever asks for new pods gets them.
        let came = restart(&namespace.client, &namespace.name, &name, &Restart::new(now())).await.unwrap();
        assert!(matches!(came, Restarted::Rolling(_)), "{came:?}");
    }
}

#[tokio::test]
async fn err_paused_deployment_is_not_restarted() {
    let Some(namespace) = Namespace::new().await else { return };
    let mut object = deployment("web", "web:1", 0);
    object["spec"]["paused"] = true.into();
    let before = namespace.create_deployment(&object).await;
    for wanted in [Restart::new(now()), content("sha", 0)] {
        let error = restart(&namespace.client, &namespace.name, "web", &wanted).await.unwrap_err();
        assert!(matches!(error, RestartError::Paused { .. }), "{error:?}");
        let there = format!("deployment `web` in namespace `{}`", namespace.name);
        assert_eq!(error.to_string(), format!("{there} is paused and cannot be restarted (resume it first)"));
    }
    assert_eq!(namespace.deployment("web").await["spec"], before["spec"]);
    patch(&namespace, "web", &json!({"spec": {"paused": false}})).await;
    let came = restart(&namespace.client, &namespace.name, "web", &content("sha", 0)).await.unwrap();
    assert!(matches!(came, Restarted::Rolling(_)), "{came:?}");
    // What needs no restart is none to refuse.
    patch(&namespace, "web", &json!({"spec": {"paused": true}})).await;
    let came = restart(&namespace.client, &namespace.name, "web", &content("sha", 1)).await.unwrap();
    assert!(matches!(came, Restarted::Already(_)), "{came:?}");
}

#[tokio::test]
async fn err_missing_deployment_and_missing_permission_are_named() {
    let Some(namespace) = Namespace::new().await else { return };
    let error = restart(&namespace.client, &namespace.name, "none", &Restart::new(now())).await.unwrap_err();
    assert_eq!(error.to_string(), format!("there is no deployment `none` in namespace `{}`", namespace.name));
    namespace.create_deployment(&deployment("web", "web:1", 0)).await;
    for (verbs, missing) in [(&["patch"][..], "get"), (&["get"], "patch")] {
        let rules = json!([{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": verbs}]);
        let client = namespace.account(missing, &rules).await;
        let error = restart(&client, &namespace.name, "web", &Restart::new(now())).await.unwrap_err();
        let RestartError::Call(RolloutError::Forbidden { verb, resource, .. }) = &error else { panic!("{error:?}") };
        assert_eq!((*verb, *resource), (missing, "deployments"));
        let expected = format!("not permitted to {missing} deployments `web` in namespace `{}`", namespace.name);
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn err_server_that_cannot_be_reached_is_given_up_at_the_deadline() {
    // Needs no API server: nobody listens there.
    let port = free_port();
    let config = kube::Config::new(format!("http://127.0.0.1:{port}").parse().unwrap());
    let client = kube::Client::try_from(dagster_workspace_kube::cluster::bounded(config)).unwrap();
    let wanted = Restart { deadline: Duration::from_millis(300), ..Restart::new(now()) };
    let error = restart(&client, "there", "web", &wanted).await.unwrap_err();
    let RestartError::TimedOut { attempts: 0, source: Some(_), .. } = &error else { panic!("{error:?}") };
}

#[tokio::test]
async fn code_servers_are_found_by_name_and_release() {
    let Some(namespace) = Namespace::new().await else { return };
    for (object, release, code) in [("a-etl", "a", "etl"), ("a-ml", "a", "ml"), ("b-etl", "b", "etl")] {
        let mut deployment = deployment(object, "code:1", 0);
        let labels =
            json!({"component": "user-deployments", "deployment": code, "app.kubernetes.io/instance": release});
        deployment["metadata"]["labels"] = labels;
        namespace.create_deployment(&deployment).await;
    }
    namespace.create_deployment(&deployment("etl", "other:1", 0)).await;
    let find = async |names: &[&str], release: Option<&str>| {
        let wanted =
            CodeServers { names: names.iter().map(ToString::to_string).collect(), release: release.map(str::to_owned) };
        let found = rollout::code_servers(&namespace.client, &namespace.name, &wanted).await.unwrap();
        serde_json::to_value(found).unwrap()
    };
    let all = json!({"deployments": {"etl": ["a-etl", "b-etl"], "ml": ["a-ml"]}, "missing": []});
    assert_eq!(find(&[], None).await, all);
    let some = json!({"deployments": {"etl": ["a-etl"]}, "missing": ["none"]});
    assert_eq!(find(&["none", "etl"], Some("a")).await, some);
}

/// A restart for a content, at a time of one's own.
fn content(checksum: &str, second: i64) -> Restart {
    let cause = Cause::Content { config_map: "dagster-workspace-yaml".to_owned(), checksum: checksum.to_owned() };
    Restart { cause, ..Restart::new(now().after(second)) }
}
