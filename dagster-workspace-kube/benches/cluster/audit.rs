//! Requests as the API server counts them: [`Audit`] reads its audit log, which `scripts/bench-cluster.sh` asks for.

use std::collections::BTreeMap;
use std::env;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::time::Duration;

use serde::Deserialize;

/// A request that the API server has answered, or to which it still does.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    #[serde(rename = "auditID")]
    id: String,
    pub(crate) verb: String,
    #[serde(default)]
    user_agent: String,
    user: User,
    #[serde(default)]
    object_ref: Object,
    #[serde(default)]
    response_status: Status,
    /// When it came in: RFC 3339 with microseconds, UTC.
    #[serde(rename = "requestReceivedTimestamp")]
    pub(crate) received: String,
}

#[derive(Clone, Debug, Deserialize)]
struct User {
    username: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Object {
    #[serde(default)]
    resource: String,
    subresource: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Status {
    #[serde(default)]
    code: u16,
}

impl Request {
    /// `get configmaps`, `create pods/proxy`.
    pub(crate) fn what(&self) -> String {
        let Object { resource, subresource } = &self.object_ref;
        let subresource = subresource.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
        format!("{} {resource}{subresource}", self.verb)
    }

    /// Of the program helm; all others are ours.
    pub(crate) fn is_of_helm(&self) -> bool {
        self.user_agent.to_ascii_lowercase().contains("helm")
    }

    /// Whether somebody else was faster.
    pub(crate) fn is_conflict(&self) -> bool {
        self.response_status.code == 409
    }

    /// Whether it changes an object. What goes through to a pod is the pod's.
    pub(crate) fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
            && self.object_ref.subresource.as_deref() != Some("proxy")
    }
}

/// The log from a moment on.
#[derive(Debug)]
pub(crate) struct Audit {
    file: File,
    user: String,
}

impl Audit {
    /// What an account asks for from now on; everything before it is left out.
    pub(crate) fn of(user: &str) -> Self {
        let path = env::var_os("DAGSTER_WORKSPACE_AUDIT").expect("run by scripts/bench-cluster.sh");
        let mut file = File::open(path).unwrap();
        file.seek(SeekFrom::End(0)).unwrap();
        Self { file, user: user.to_owned() }
    }

    /// What came since the last call, in the order of the answers.
    pub(crate) async fn requests(&mut self) -> Vec<Request> {
        // The server notes an answer when it has been sent.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut text = String::new();
        self.file.read_to_string(&mut text).unwrap();
        // A watch, and what goes through to a pod, is noted when it begins and when it ends.
        let mut requests: BTreeMap<String, Request> = BTreeMap::new();
        for line in text.lines() {
            let request: Request = serde_json::from_str(line).unwrap();
            if request.user.username == self.user {
                requests.insert(request.id.clone(), request);
            }
        }
        let mut requests: Vec<Request> = requests.into_values().collect();
        requests.sort_by(|a, b| a.received.cmp(&b.received));
        requests
    }
}

/// How often each was asked for: `2 get configmaps, 1 list secrets`.
pub(crate) fn counted(requests: &[Request]) -> String {
    let mut kinds: BTreeMap<String, u32> = BTreeMap::new();
    for request in requests {
        *kinds.entry(request.what()).or_default() += 1;
    }
    let kinds: Vec<String> = kinds.into_iter().map(|(what, count)| format!("{count} {what}")).collect();
    kinds.join(", ")
}
