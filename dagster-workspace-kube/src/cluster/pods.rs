//! The pods of a workload, and what keeps them from being ready, in a few words. Read [`pods`].

use std::collections::BTreeMap;

use kube::Client;
use kube::api::ListParams;
use kube::core::Request;
use serde::Serialize;

use super::call::{ApiError, Call};
use super::object::{self, ContainerStatus, List, PodStatus};
use super::workload::Workload;

/// A pod as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its uid: a pod that comes after another is another one.
    pub uid: String,
    /// Its address, once it has one.
    pub address: Option<String>,
    /// Whether it takes requests.
    pub ready: bool,
    /// Whether it is going.
    pub deleting: bool,
    /// Why it is not ready: Kubernetes' own word, and what it says more.
    pub reason: Option<String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// The pods of a workload, by name. One request.
///
/// Pods that have ended are left out: they serve nothing any more.
///
/// # Errors
/// [`ApiError`] where pods cannot be listed.
pub async fn pods(client: &Client, namespace: &str, workload: &Workload) -> Result<Vec<Pod>, ApiError> {
    let selector: Vec<String> = workload.selector.iter().map(|(label, value)| format!("{label}={value}")).collect();
    let parameters = ListParams::default().labels(&selector.join(","));
    let request = Request::new(format!("/api/v1/namespaces/{namespace}/pods")).list(&parameters);
    let list: List<object::Pod> = Call::new("list", "pods", namespace, None).send(client, request).await?;
    let live = list.items.into_iter().filter(|pod| !matches!(pod.status.phase.as_str(), "Succeeded" | "Failed"));
    let mut pods: Vec<Pod> = live.map(pod).collect();
    pods.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(pods)
}

fn pod(pod: object::Pod) -> Pod {
    let object::Pod { metadata, spec, status } = pod;
    let ready = status.conditions.iter().any(|condition| condition.kind == "Ready" && condition.status == "True");
    let deleting = metadata.deletion_timestamp.is_some();
    let reason = if ready { None } else { reason(&status, spec.node_name.as_deref()) };
    Pod {
        name: metadata.name,
        uid: metadata.uid,
        address: status.pod_ip.filter(|address| !address.is_empty()),
        ready,
        deleting,
        reason,
        annotations: metadata.annotations,
    }
}

/// The most telling of what Kubernetes says: a container that cannot start, one that ended, no place to run, then the rest.
fn reason(status: &PodStatus, node: Option<&str>) -> Option<String> {
    let containers = || status.init_container_statuses.iter().chain(&status.container_statuses);
    if let Some(reason) = containers().find_map(stuck) {
        return Some(reason);
    }
    let condition = |kind: &str| status.conditions.iter().find(|of| of.kind == kind && of.status != "True");
    if let Some(unscheduled) = condition("PodScheduled") {
        return Some(worded(unscheduled.reason.as_deref().unwrap_or("Unschedulable"), unscheduled.message.as_deref()));
    }
    if let Some(reason) = &status.reason {
        return Some(worded(reason, status.message.as_deref()));
    }
    if let Some(waiting) = status.init_container_statuses.iter().find(|container| container.state.running.is_some()) {
        return Some(format!("waits for the init container `{}`", waiting.name));
    }
    if let Some(unready) = status.container_statuses.iter().find(|container| !container.ready) {
        return Some(format!("container `{}` is not ready", unready.name));
    }
    let unready = condition("Ready").and_then(|of| of.reason.as_deref());
    Some(unready.unwrap_or(if node.is_none() { "not scheduled yet" } else { "not started yet" }).to_owned())
}

/// Why a container does not run; `None` where that is only a matter of time.
fn stuck(container: &ContainerStatus) -> Option<String> {
    let name = &container.name;
    if let Some(waiting) = &container.state.waiting {
        let reason = waiting.reason.as_deref().filter(|of| !matches!(*of, "ContainerCreating" | "PodInitializing"))?;
        return Some(format!("container `{name}`: {}", worded(reason, waiting.message.as_deref())));
    }
    let ended = container.state.terminated.as_ref().filter(|ended| ended.exit_code != 0)?;
    let reason = ended.reason.as_deref().unwrap_or("Error");
    let message = ended.message.clone().unwrap_or_else(|| format!("exit code {}", ended.exit_code));
    Some(format!("container `{name}`: {}", worded(reason, Some(&message))))
}

fn worded(reason: &str, message: Option<&str>) -> String {
    match message.map(str::trim).filter(|message| !message.is_empty()) {
        Some(message) => format!("{reason}: {message}"),
        None => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Checks the reason that a pod of this status has.
    fn check(status: &Value, expected: Option<&str>) {
        let sent = json!({"metadata": {"name": "p", "uid": "u"}, "spec": {"nodeName": "n"}, "status": status});
        let pod = pod(serde_json::from_value(sent).unwrap());
        assert_eq!((pod.reason.as_deref(), pod.ready), (expected, expected.is_none()), "{status}");
    }

    #[test]
    fn reason_is_the_most_telling_one() {
        let unready = json!([{"type": "Ready", "status": "False", "reason": "ContainersNotReady"}]);
        let container = |name: &str, state: Value| json!({"name": name, "ready": false, "state": state});
        check(&json!({"conditions": [{"type": "Ready", "status": "True"}]}), None);
        let pull = json!({"waiting": {"reason": "ImagePullBackOff", "message": "no such tag"}});
        let creating = json!({"waiting": {"reason": "PodInitializing"}});
        check(
            &json!({"conditions": unready, "containerStatuses": [container("dagster", pull.clone())]}),
            Some("container `dagster`: ImagePullBackOff: no such tag"),
        );
        check(
            &json!({"conditions": unready, "initContainerStatuses": [container("init", json!({"running": {}}))],
                "containerStatuses": [container("dagster", creating.clone())]}),
            Some("waits for the init container `init`"),
        );
        check(
            &json!({"conditions": unready, "initContainerStatuses": [container("init", pull)],
                "containerStatuses": [container("dagster", creating.clone())]}),
            Some("container `init`: ImagePullBackOff: no such tag"),
        );
        let ended = json!({"terminated": {"reason": "Error", "exitCode": 1}});
        check(
            &json!({"conditions": unready, "containerStatuses": [container("dagster", ended)]}),
            Some("container `dagster`: Error: exit code 1"),
        );
        let completed = json!({"terminated": {"reason": "Completed", "exitCode": 0}});
        check(
            &json!({"conditions": unready, "initContainerStatuses": [container("init", completed)],
                "containerStatuses": [container("dagster", creating)]}),
            Some("container `dagster` is not ready"),
        );
        let full =
            json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}]);
        check(&json!({"conditions": full}), Some("Unschedulable: 0/3 nodes"));
        check(&json!({"reason": "Evicted", "message": "disk"}), Some("Evicted: disk"));
        check(&json!({"conditions": unready}), Some("ContainersNotReady"));
        check(&json!({}), Some("not started yet"));
    }
}
