//! What the cluster knows of a release, read without helm. [`release`] is one request.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use kube::Client;
use kube::api::ListParams;
use kube::core::Request;
use serde::{Deserialize, Serialize};

use crate::release_status::Status;

/// The label with the hash that a revision was made from.
pub(super) const HASH: &str = "dagster-workspace/hash";
/// The label with the revision that the hash was written for: helm copies labels from revision to revision.
pub(super) const REVISION: &str = "dagster-workspace/revision";

/// How long the API server may take for the list.
const LIMIT: Duration = Duration::from_secs(60);

/// The description of a revision that was made from `hash`.
pub(super) fn description(hash: &str) -> String {
    format!("dagster-workspace {hash}")
}

/// A revision of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// Its number, from 1.
    pub revision: u32,
    /// Where it stands.
    pub status: Status,
}

/// A release: its newest revision, and those before it that are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Its name.
    pub name: String,
    /// The number of the newest revision.
    pub revision: u32,
    /// Where that stands.
    pub status: Status,
    /// What it was made from; `None` where somebody else made it.
    pub hash: Option<String>,
    /// When helm last wrote it, in seconds since 1970, by the clock of the machine that helm ran on.
    pub modified: Option<u64>,
    /// The revisions before it, the newest first.
    pub past: Vec<Past>,
}

impl Release {
    /// Whether it was made from `hash`, and all of it is written.
    #[must_use]
    pub fn is_deployed_from(&self, hash: &str) -> bool {
        self.status == Status::Deployed && self.hash.as_deref() == Some(hash)
    }

    /// For how long helm has not written it; nothing where that is not known or lies in the future.
    #[must_use]
    pub fn age(&self, now: SystemTime) -> Duration {
        let modified = self.modified.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        modified.and_then(|modified| now.duration_since(modified).ok()).unwrap_or_default()
    }

    /// The newest revision that was once deployed as a whole: where a release that is stuck goes back to.
    #[must_use]
    pub fn last_good(&self) -> Option<u32> {
        let good = |past: &&Past| matches!(past.status, Status::Deployed | Status::Superseded);
        self.past.iter().find(good).map(|past| past.revision)
    }

    /// From revisions in any order; `None` without any.
    fn new(name: &str, mut revisions: Vec<Revision>) -> Option<Self> {
        revisions.sort_by_key(|revision| std::cmp::Reverse(revision.number));
        let past = revisions.iter().skip(1).map(|of| Past { revision: of.number, status: of.status.clone() }).collect();
        let Revision { number, status, hash, modified } = revisions.into_iter().next()?;
        Some(Self { name: name.to_owned(), revision: number, status, hash, modified, past })
    }
}

/// What is known of one revision.
struct Revision {
    number: u32,
    status: Status,
    hash: Option<String>,
    modified: Option<u64>,
}

/// Why a release could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// Reading needs the permission to list Secrets; helm may be set up to keep its releases elsewhere.
    #[error("not permitted to list secrets in namespace `{namespace}`, where helm keeps its releases")]
    Forbidden {
        /// Where.
        namespace: String,
    },
    /// The API server did not answer, or with something else than a list.
    #[error("cannot list the secrets of helm in namespace `{namespace}`")]
    Unreachable {
        /// Where.
        namespace: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The release `name`; `None` where there is none, or where helm keeps its releases elsewhere than in Secrets.
///
/// One request, for labels alone: no Secret's content leaves the server.
///
/// # Errors
/// [`ReleaseError::Forbidden`] and [`ReleaseError::Unreachable`].
pub async fn release(client: &Client, namespace: &str, name: &str) -> Result<Option<Release>, ReleaseError> {
    let unreachable = |source| ReleaseError::Unreachable { namespace: namespace.to_owned(), source };
    let request = Request::new(format!("/api/v1/namespaces/{namespace}/secrets"));
    let of_name = ListParams::default().labels(&format!("owner=helm,name={name}"));
    let request = request.list_metadata(&of_name).map_err(|error| unreachable(error.into()))?;
    let listed = tokio::time::timeout(LIMIT, client.request::<Listed>(request)).await;
    let listed = match listed {
        Ok(Ok(listed)) => listed,
        Ok(Err(kube::Error::Api(status))) if status.code == 403 => {
            return Err(ReleaseError::Forbidden { namespace: namespace.to_owned() });
        }
        Ok(Err(error)) => return Err(unreachable(error.into())),
        Err(late) => return Err(unreachable(late.into())),
    };
    let revisions = listed.items.into_iter().flatten().filter_map(|item| item.metadata.revision());
    Ok(Release::new(name, revisions.collect()))
}

#[derive(Deserialize)]
struct Listed {
    // Of nothing the server makes `null`, when it lists labels alone.
    items: Option<Vec<Item>>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

impl Metadata {
    /// The revision that a Secret of helm holds; `None` for a Secret that only looks like one.
    fn revision(&self) -> Option<Revision> {
        let label = |name: &str| self.labels.get(name);
        let number = label("version")?.parse().ok()?;
        let ours = label(REVISION).and_then(|revision| revision.parse().ok()) == Some(number);
        Some(Revision {
            number,
            status: label("status")?.as_str().into(),
            hash: label(HASH).filter(|_| ours).cloned(),
            modified: label("modifiedAt").or(label("createdAt")).and_then(|seconds| seconds.parse().ok()),
        })
    }
}

/// The release that `helm history --output json` tells of.
pub(super) fn parse_history(name: &str, json: &[u8]) -> Result<Option<Release>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Line {
        revision: u32,
        status: Status,
        updated: Option<String>,
        #[serde(default)]
        description: String,
    }
    let lines: Vec<Line> = serde_json::from_slice(json)?;
    let revisions = lines.into_iter().map(|line| Revision {
        number: line.revision,
        status: line.status,
        hash: line.description.strip_prefix(&description("")).map(str::to_owned),
        modified: line.updated.and_then(|time| seconds(&time)),
    });
    Ok(Release::new(name, revisions.collect()))
}

fn seconds(time: &str) -> Option<u64> {
    let time: k8s_openapi::jiff::Timestamp = time.parse().ok()?;
    u64::try_from(time.as_second()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn listed(labels: &[serde_json::Value]) -> Option<Release> {
        let items: Vec<_> = labels.iter().map(|labels| json!({"metadata": {"labels": labels}})).collect();
        let listed: Listed = serde_json::from_value(json!({ "items": items })).unwrap();
        Release::new("code", listed.items.into_iter().flatten().filter_map(|item| item.metadata.revision()).collect())
    }

    #[test]
    fn hash_counts_for_the_revision_that_it_was_written_for() {
        let labels =
            |version: &str, of: &str| json!({"version": version, "status": "deployed", HASH: "abc", REVISION: of});
        assert!(listed(&[labels("7", "7")]).unwrap().is_deployed_from("abc"));
        assert!(!listed(&[labels("7", "7")]).unwrap().is_deployed_from("abd"));
        assert_eq!(listed(&[labels("8", "7")]).unwrap().hash, None);
        assert_eq!(listed(&[json!({"version": "1", "status": "deployed", HASH: "abc"})]).unwrap().hash, None);
    }

    #[test]
    fn newest_revision_is_the_release_and_numbers_are_no_texts() {
        let of = |version: &str, status: &str| json!({"version": version, "status": status, "createdAt": "5"});
        let found = listed(&[of("9", "superseded"), of("10", "pending-upgrade"), of("8", "failed")]).unwrap();
        assert_eq!((found.revision, &found.status, found.modified), (10, &Status::PendingUpgrade, Some(5)));
        assert_eq!(found.last_good(), Some(9));
        assert_eq!(found.age(SystemTime::UNIX_EPOCH + Duration::from_secs(65)), Duration::from_secs(60));
        assert_eq!(found.age(SystemTime::UNIX_EPOCH), Duration::ZERO);
        assert!(listed(&[]).is_none() && listed(&[json!({"version": "x"})]).is_none());
        assert_eq!(serde_json::to_value(&found.past[0]).unwrap(), json!({"revision": 9, "status": "superseded"}));
    }

    #[test]
    fn history_says_the_same() {
        let json = br#"[{"revision":1,"updated":"2026-11-23T01:35:25.49Z","status":"superseded","description":"dagster-workspace abc"},
            {"revision":2,"updated":"2026-11-23T01:35:26Z","status":"deployed","description":"Rollback to 1"}]"#;
        let found = parse_history("code", json).unwrap().unwrap();
        assert_eq!((found.revision, &found.hash, found.last_good()), (2, &None, Some(1)));
        assert_eq!(found.modified, Some(1_795_397_726));
        let json = br#"[{"revision":1,"status":"deployed","description":"dagster-workspace abc"}]"#;
        assert!(parse_history("code", json).unwrap().unwrap().is_deployed_from("abc"));
    }
}
