//! What a job needs to be permitted: [`needed`] says it for each task, [`missing`] asks the API server, [`role_yaml`] writes
//! the smallest role.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use kube::Client;
use kube::api::PostParams;
use kube::core::Request;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::call::{ApiError, Call};

/// A part of the work, as far as permissions go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Finding the system, reading both documents, the release's labels and the pods: what plans and reports need.
    Read,
    /// Writing both documents.
    Documents,
    /// The helm release of chart `dagster-user-deployments`, with all that the chart makes.
    Helm,
    /// Keeping other jobs' helm away; without it, helm may run twice.
    Lease,
    /// Asking every webserver to reload, and kubelet to bring the file sooner.
    Reload,
    /// Restarting webserver, daemon or code servers.
    Restart,
    /// Taking the workspace ConfigMap over from the system's release, without the upgrade itself.
    Adopt,
    /// Taking the values of a live release.
    Import,
}

impl Task {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Read, Self::Documents, Self::Helm, Self::Lease, Self::Reload, Self::Restart, Self::Adopt, Self::Import];
}

/// One thing that must be permitted in a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Permission {
    /// The API group; empty for the core.
    pub group: &'static str,
    /// The resource, with its subresource: `pods/proxy`.
    pub resource: &'static str,
    /// The one object that it is about; `None`: all.
    pub name: Option<String>,
    /// The verb; `*` for every one.
    pub verb: &'static str,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, resource, name, verb } = self;
        write!(f, "{verb} {resource}")?;
        if !group.is_empty() {
            write!(f, ".{group}")?;
        }
        name.as_ref().map_or(Ok(()), |name| write!(f, " `{name}`"))
    }
}

/// The ConfigMaps of the two documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Documents {
    /// That of the values.
    pub values: String,
    /// That of the workspace.
    pub workspace: String,
}

/// A group, a resource, and verbs.
type Rule = (&'static str, &'static str, &'static [&'static str]);

const RBAC: &str = "rbac.authorization.k8s.io";

/// What helm does with what a chart makes: it creates, compares, changes and deletes.
const MADE: &[&str] = &["get", "list", "watch", "create", "update", "patch", "delete"];

/// What each task does, but for the ConfigMaps of the documents, which have names.
fn rules(task: Task) -> &'static [Rule] {
    match task {
        Task::Read => &[("apps", "deployments", &["list"]), ("", "pods", &["list"]), ("", "secrets", &["list"])],
        Task::Documents => &[("", "configmaps", &["create"])],
        Task::Helm => &[
            ("", "secrets", &["get", "list", "create", "update", "delete"]),
            ("apps", "deployments", MADE),
            ("", "configmaps", MADE),
            ("", "services", MADE),
            ("", "serviceaccounts", MADE),
            (RBAC, "roles", MADE),
            (RBAC, "rolebindings", MADE),
            // To wait until the code servers are ready.
            ("apps", "replicasets", &["get", "list", "watch"]),
            ("", "pods", &["get", "list", "watch"]),
            // The chart makes a role with these for its code servers, and nobody may give what he does not have.
            ("batch", "jobs", &["*"]),
            ("batch", "jobs/status", &["*"]),
            ("batch", "cronjobs", &["*"]),
            ("", "pods", &["*"]),
            ("", "pods/log", &["*"]),
            ("", "pods/status", &["*"]),
        ],
        Task::Lease => &[("coordination.k8s.io", "leases", &["get", "create", "update"])],
        Task::Reload => &[("", "pods", &["list", "patch"]), ("", "pods/proxy", &["create"])],
        Task::Restart => &[("apps", "deployments", &["get", "list", "watch", "patch"]), ("", "pods", &["list"])],
        // Helm's releases stand in Secrets, or in ConfigMaps where it was told so.
        Task::Adopt | Task::Import => &[("", "secrets", &["get", "list"]), ("", "configmaps", &["list"])],
    }
}

/// What the tasks need, each permission once, none that another one includes.
#[must_use]
pub fn needed(tasks: &[Task], documents: &Documents) -> Vec<Permission> {
    let mut all = BTreeSet::new();
    for task in tasks {
        for (group, resource, verbs) in rules(*task) {
            all.extend(verbs.iter().map(|verb| Permission { group, resource, name: None, verb }));
        }
        let (verbs, names): (&[&str], &[&String]) = match task {
            Task::Read => (&["get"], &[&documents.values, &documents.workspace]),
            Task::Documents => (&["get", "update"], &[&documents.values, &documents.workspace]),
            Task::Adopt => (&["get", "patch"], &[&documents.workspace]),
            _ => (&[], &[]),
        };
        for name in names {
            let named = |verb| Permission { group: "", resource: "configmaps", name: Some((*name).clone()), verb };
            all.extend(verbs.iter().copied().map(named));
        }
    }
    let wider = |of: &Permission| {
        let every = Permission { verb: "*", name: None, ..of.clone() };
        let all_names = Permission { name: None, ..of.clone() };
        (of.verb != "*" && all.contains(&every)) || (of.name.is_some() && all.contains(&all_names))
    };
    all.iter().filter(|permission| !wider(permission)).cloned().collect()
}

/// Names, verbs or resources, in order.
type Words<'a> = BTreeSet<&'a str>;

#[derive(Debug, Deserialize)]
struct Review {
    status: ReviewStatus,
}

#[derive(Debug, Deserialize)]
struct ReviewStatus {
    allowed: bool,
}

/// Of these permissions, those that the caller does not have in a namespace. One request each: a SelfSubjectAccessReview,
/// which every account may make.
///
/// # Errors
/// [`ApiError`] where a review cannot be made.
pub async fn missing(
    client: &Client,
    namespace: &str,
    permissions: &[Permission],
) -> Result<Vec<Permission>, ApiError> {
    let mut missing = Vec::new();
    for permission in permissions {
        let Permission { group, resource, name, verb } = permission;
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let attributes = json!({
            "namespace": namespace, "verb": verb, "group": group, "resource": resource,
            "subresource": subresource, "name": name.as_deref().unwrap_or_default(),
        });
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        });
        let request = Request::new("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
            .create(&PostParams::default(), review.to_string().into_bytes());
        let call = Call::new("create", "selfsubjectaccessreviews.authorization.k8s.io", "", None);
        let answer: Review = call.send(client, request).await?;
        if !answer.status.allowed {
            missing.push(permission.clone());
        }
    }
    Ok(missing)
}

/// A Role with these permissions and a RoleBinding of it to a service account, as YAML for `kubectl apply -f -`.
#[must_use]
pub fn role_yaml(name: &str, namespace: &str, account: &str, permissions: &[Permission]) -> String {
    // Verbs of one resource and the same names stand together, then resources with the same verbs.
    let mut verbs: BTreeMap<(&str, &str, Words<'_>), Words<'_>> = BTreeMap::new();
    let mut names: BTreeMap<(&str, &str, &str), BTreeSet<Option<&str>>> = BTreeMap::new();
    for Permission { group, resource, name, verb } in permissions {
        names.entry((group, resource, verb)).or_default().insert(name.as_deref());
    }
    for ((group, resource, verb), names) in names {
        // All includes each.
        let names = if names.contains(&None) { BTreeSet::new() } else { names.into_iter().flatten().collect() };
        verbs.entry((group, resource, names)).or_default().insert(verb);
    }
    let mut resources: BTreeMap<(&str, Words<'_>, Words<'_>), Words<'_>> = BTreeMap::new();
    for ((group, resource, names), verbs) in verbs {
        resources.entry((group, names, verbs)).or_default().insert(resource);
    }
    let list = |items: &Words<'_>| {
        let quoted: Vec<String> = items.iter().map(|item| format!("\"{item}\"")).collect();
        quoted.join(", ")
    };
    let mut text = format!(
        "apiVersion: {RBAC}/v1\nkind: Role\nmetadata:\n  name: \"{name}\"\n  namespace: \"{namespace}\"\nrules:\n"
    );
    for ((group, names, verbs), resources) in &resources {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  - apiGroups: [\"{group}\"]\n    resources: [{}]", list(resources));
        if !names.is_empty() {
            let _ = writeln!(text, "    resourceNames: [{}]", list(names));
        }
        let _ = writeln!(text, "    verbs: [{}]", list(verbs));
    }
    let _ = write!(
        text,
        "---\napiVersion: {RBAC}/v1\nkind: RoleBinding\nmetadata:\n  name: \"{name}\"\n  namespace: \"{namespace}\"\n\
         roleRef:\n  apiGroup: {RBAC}\n  kind: Role\n  name: \"{name}\"\n\
         subjects:\n  - kind: ServiceAccount\n    name: \"{account}\"\n    namespace: \"{namespace}\"\n"
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents() -> Documents {
        Documents { values: "v".into(), workspace: "w".into() }
    }

    fn shown(tasks: &[Task]) -> Vec<String> {
        needed(tasks, &documents()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn documents_are_named_where_they_can_be() {
        let expected = [
            "create configmaps",
            "get configmaps `v`",
            "update configmaps `v`",
            "get configmaps `w`",
            "update configmaps `w`",
        ];
        assert_eq!(shown(&[Task::Documents]), expected);
        // Reading needs nothing more then.
        let with_read = shown(&[Task::Documents, Task::Read, Task::Documents]);
        assert_eq!(with_read.len(), expected.len() + 3, "{with_read:?}");
    }

    #[test]
    fn wider_permission_includes_the_narrower() {
        let all = shown(&[Task::Documents, Task::Helm, Task::Reload]);
        assert!(all.iter().all(|permission| !permission.contains('`')), "{all:?}");
        let pods: Vec<&String> = all.iter().filter(|permission| permission.ends_with(" pods")).collect();
        assert_eq!(pods, ["* pods"]);
        assert!(all.iter().any(|permission| permission == "create pods/proxy"));
        assert!(all.iter().any(|permission| permission == "patch deployments.apps"));
    }

    #[test]
    fn role_is_short_and_read_back_as_meant() {
        let text = role_yaml("job", "data", "ci", &needed(&[Task::Documents, Task::Lease], &documents()));
        let expected = r#"apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: "job"
  namespace: "data"
rules:
  - apiGroups: [""]
    resources: ["configmaps"]
    verbs: ["create"]
  - apiGroups: [""]
    resources: ["configmaps"]
    resourceNames: ["v", "w"]
    verbs: ["get", "update"]
  - apiGroups: ["coordination.k8s.io"]
    resources: ["leases"]
    verbs: ["create", "get", "update"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: "job"
  namespace: "data"
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: "job"
subjects:
  - kind: ServiceAccount
    name: "ci"
    namespace: "data"
"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn permission_for_all_names_is_not_narrowed() {
        let of =
            |name: Option<&str>| Permission { group: "", resource: "r", name: name.map(str::to_owned), verb: "get" };
        let text = role_yaml("job", "data", "ci", &[of(Some("a")), of(None)]);
        assert!(!text.contains("resourceNames"), "{text}");
    }
}
