//! Who sets a value in an object back to his own. [`Owner::of`] reads that from the marks that helm and other programs leave.

use serde::{Deserialize as _, Serialize};
use serde_json::Value;

use super::object::{ManagedFields, Metadata};

/// Whose value it is, in the eyes of the programs that write it again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// Nobody's: an edit stays.
    Nobody,
    /// A helm release's: helm 3 sets an edit back with the next upgrade, helm 4 refuses the upgrade because of it.
    Helm {
        /// The release.
        release: String,
        /// The namespace of the release.
        namespace: String,
        /// Whether helm leaves the object alone when the chart drops it: the annotation `helm.sh/resource-policy: keep`.
        kept: bool,
    },
    /// That of programs that apply it: they set an edit back, or are refused because of it.
    Applied {
        /// Their names as field managers.
        managers: Vec<String>,
    },
}

pub(super) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
pub(super) const RELEASE_NAME: &str = "meta.helm.sh/release-name";
pub(super) const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";
pub(super) const RESOURCE_POLICY: &str = "helm.sh/resource-policy";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

impl Owner {
    /// The owner of `key` in a ConfigMap with this `metadata`, as the API server sends it; `None` where it is no metadata.
    #[must_use]
    pub fn in_metadata(metadata: &Value, key: &str) -> Option<Self> {
        let metadata = Metadata::deserialize(metadata).ok()?;
        Some(Self::of(&metadata, Some(key)))
    }

    /// The owner of `key` in a ConfigMap, or of the whole object.
    pub(super) fn of(metadata: &Metadata, key: Option<&str>) -> Self {
        let annotation = |name: &str| metadata.annotations.get(name).cloned();
        if let Some(release) = annotation(RELEASE_NAME) {
            return Self::Helm {
                release,
                namespace: annotation(RELEASE_NAMESPACE).unwrap_or_default(),
                kept: annotation(RESOURCE_POLICY).is_some_and(|policy| policy.trim().eq_ignore_ascii_case("keep")),
            };
        }
        let Some(key) = key else { return Self::Nobody };
        // Helm 4 applies; where its marks are gone, it does not any more, and the entry is only what it did last.
        let applying = |fields: &&ManagedFields| fields.operation == "Apply" && fields.manager != "helm";
        let applying = metadata.managed_fields.iter().filter(applying).filter(|fields| owns(fields, key));
        let mut managers: Vec<String> = applying.map(|fields| fields.manager.clone()).collect();
        // Client-side `kubectl apply`, and what works like it, compares with what it applied last.
        let last: Option<Value> = annotation(LAST_APPLIED).and_then(|text| serde_json::from_str(&text).ok());
        if last.is_some_and(|last| last["data"].get(key).is_some()) {
            managers.push("kubectl-client-side-apply".to_owned());
        }
        if managers.is_empty() { Self::Nobody } else { Self::Applied { managers } }
    }
}

/// Whether it is the owner of `key` under `data` or `binaryData`.
fn owns(fields: &ManagedFields, key: &str) -> bool {
    let key = format!("f:{key}");
    ["f:data", "f:binaryData"].iter().any(|field| fields.fields_v1[*field].get(&key).is_some())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(metadata: Value, key: Option<&str>, expected: &Owner) {
        let shown = metadata.to_string();
        let metadata: Metadata = serde_json::from_value(metadata).unwrap();
        assert_eq!(Owner::of(&metadata, key), *expected, "{shown}");
        if let Some(key) = key {
            let sent = serde_json::from_str(&shown).unwrap();
            assert_eq!(Owner::in_metadata(&sent, key).as_ref(), Some(expected), "{shown}");
        }
    }

    #[test]
    fn helm_is_known_by_its_annotations() {
        let helm = |policy: Value| {
            json!({
                "labels": {"app.kubernetes.io/managed-by": "Helm"},
                "annotations": {"meta.helm.sh/release-name": "dagster", "meta.helm.sh/release-namespace": "data",
                    "helm.sh/resource-policy": policy},
            })
        };
        let owner = |kept| Owner::Helm { release: "dagster".into(), namespace: "data".into(), kept };
        for (policy, kept) in [("keep", true), (" Keep", true), ("other", false)] {
            check(helm(json!(policy)), Some("workspace.yaml"), &owner(kept));
            check(helm(json!(policy)), None, &owner(kept));
        }
        // The label alone is what charts write into what they do not own.
        check(json!({"labels": {"app.kubernetes.io/managed-by": "Helm"}}), None, &Owner::Nobody);
    }

    #[test]
    fn applying_programs_are_known_by_the_key_that_they_own() {
        let applied = |manager: &str, operation: &str, key: &str| {
            let fields = json!({"f:data": {"f:".to_owned() + key: {}}});
            json!({"managedFields": [
                {"manager": "dagster-workspace", "operation": "Update", "fieldsV1": fields},
                {"manager": manager, "operation": operation, "fieldsV1": fields},
            ]})
        };
        let flux = Owner::Applied { managers: vec!["kustomize-controller".into()] };
        check(applied("kustomize-controller", "Apply", "a"), Some("a"), &flux);
        check(applied("kustomize-controller", "Apply", "b"), Some("a"), &Owner::Nobody);
        check(applied("kustomize-controller", "Update", "a"), Some("a"), &Owner::Nobody);
        check(applied("helm", "Apply", "a"), Some("a"), &Owner::Nobody);
    }

    #[test]
    fn last_applied_configuration_owns_its_keys() {
        let last = json!({"data": {"a": "text"}}).to_string();
        let metadata = json!({"annotations": {"kubectl.kubernetes.io/last-applied-configuration": last}});
        check(metadata.clone(), Some("a"), &Owner::Applied { managers: vec!["kubectl-client-side-apply".into()] });
        check(metadata, Some("b"), &Owner::Nobody);
    }
}
