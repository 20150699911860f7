//! Restores by accounts that may do little: what suffices, and what is said where it does not.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::kept::Kept;
use crate::flow::system::Said;

const ADD: &[&str] = &["add", "etl", "--image", "r/etl:1", "--arg=-m"];

/// The rules of the role that `doctor` prints.
async fn rules(kept: &Kept) -> Value {
    let role = kept.system.run(&["doctor", "--rbac", "ci"]).await.stdout;
    let parsed: serde_yaml::Value = serde_yaml::from_str(role.split("---").next().unwrap()).unwrap();
    serde_json::to_value(&parsed["rules"]).unwrap()
}

/// The same without a verb on a resource, or without the resource.
fn without(rules: &Value, resource: &str, verb: Option<&str>) -> Value {
    let mut narrower = Vec::new();
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    for rule in rules.as_array().unwrap() {
        for of in texts(&rule["resources"]) {
            let mut verbs = texts(&rule["verbs"]);
            if of == resource {
                verbs.retain(|of| verb.is_some_and(|verb| of != verb));
            }
            if !verbs.is_empty() {
                let mut own = rule.clone();
                (own["resources"], own["verbs"]) = (json!([of]), json!(verbs));
                narrower.push(own);
            }
        }
    }
    json!(narrower)
}

async fn restore_as(kept: &Kept, account: &TempDir, namespace: Option<&str>, more: &[&str]) -> Said {
    let name = namespace.unwrap_or(&kept.system.namespace.name).to_owned();
    kept.run_otherwise(&["--kubeconfig", "--namespace"], &kept.restore(more), |command| {
        command.arg("--kubeconfig").arg(account.path().join("config")).args(["--namespace", &name])
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn account_of_the_namespace_alone_restores_into_it() {
    for major in [3, 4] {
        let Some(kept) = Kept::new(major).await else { return };
        kept.done(ADD).await;
        let documents = kept.documents().await;
        let rules = rules(&kept).await;
        let whole = kept.system.kubeconfig_of("whole", &rules).await;
        let unasked = kept.system.kubeconfig_of("unasked", &without(&rules, "pods/proxy", None)).await;
        for account in [&whole, &unasked] {
            kept.clear().await;
            let said = restore_as(&kept, account, None, &[]).await;
            assert_eq!(said.exit, 0, "{said:#?}");
            assert!(said.stderr.contains("not permitted to get namespaces"), "it may not look at it: {said:#?}");
            assert_eq!(kept.documents().await, documents);
            let again = restore_as(&kept, &whole, None, &["--output", "json"]).await;
            assert_eq!(again.json()["changed"], json!(false), "{again:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_missing_permission_is_named_with_verb_and_resource() {
    let Some(kept) = Kept::new(4).await else { return };
    kept.done(ADD).await;
    let rules = rules(&kept).await;
    kept.clear().await;
    let cases = [
        ("deployments", Some("list"), 5, "not permitted to list deployments.apps"),
        ("configmaps", Some("create"), 5, "not permitted to create configmaps"),
        ("secrets", Some("create"), 7, "cannot create resource \"secrets\""),
        // Both documents are there by now.
        (
            "services",
            Some("create"),
            5,
            "services \"dagster-dagster-webserver\" is forbidden: no permission to create it",
        ),
    ];
    for (number, (resource, verb, exit, words)) in cases.into_iter().enumerate() {
        let account = kept.system.kubeconfig_of(&format!("job-{number}"), &without(&rules, resource, verb)).await;
        let said = restore_as(&kept, &account, None, &[]).await;
        assert_eq!(said.exit, exit, "{resource}: {said:#?}");
        assert!(said.stderr.contains(words), "{resource}: {said:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_namespace_that_is_missing_and_may_not_be_made() {
    let Some(kept) = Kept::new(4).await else { return };
    kept.done(ADD).await;
    let account = kept.system.kubeconfig_of("job", &rules(&kept).await).await;
    let gone = format!("{}-gone", kept.system.namespace.name);
    // Whether it is there cannot be seen, and nothing in it is permitted.
    let said = restore_as(&kept, &account, Some(&gone), &[]).await;
    assert_eq!(said.exit, 5, "{said:#?}");
    assert!(said.stderr.contains(&format!("not permitted to get namespaces `{gone}`")), "{said:#?}");
    assert!(said.stderr.contains("not permitted to list deployments.apps"), "{said:#?}");

    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let name = &kept.system.namespace.name;
    let role = json!({"metadata": {"name": name}, "rules": [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]}]});
    let binding = json!({
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": "job", "namespace": name}],
    });
    kept.system.namespace.create_at(&format!("{rbac}/clusterroles"), &role).await;
    kept.system.namespace.create_at(&format!("{rbac}/clusterrolebindings"), &binding).await;
    // The server learns of roles a moment later.
    let seen = async || {
        let said = restore_as(&kept, &account, Some(&gone), &["--dry-run"]).await;
        said.stdout.contains(&format!("create `{gone}`")).then_some(())
    };
    kept.system.namespace.until(seen).await;
    let said = restore_as(&kept, &account, Some(&gone), &[]).await;
    assert_eq!(said.exit, 5, "{said:#?}");
    assert!(said.stderr.contains(&format!("not permitted to create namespaces `{gone}`")), "{said:#?}");
}
