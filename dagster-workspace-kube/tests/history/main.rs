//! The history: one contract for memory, a directory and S3; what goes wrong; recorders that are killed; the command.

mod broken;
mod command;
mod contract;
mod cut;
#[cfg(feature = "cluster")]
mod one_provider;
mod place;
mod wrapped;

use dagster_workspace_core::time::Timestamp;
use dagster_workspace_kube::history::{Documents, Meta};

/// Both documents with `count` servers.
pub(crate) fn documents(count: usize) -> Documents {
    if count == 0 {
        return Documents { values: "deployments: []\n".to_owned(), workspace: "load_from: []\n".to_owned() };
    }
    let mut documents = Documents { values: "deployments:\n".to_owned(), workspace: "load_from:\n".to_owned() };
    for number in 0..count {
        documents.values.push_str(&format!(
            "  - name: etl-{number}\n    image: {{repository: org/etl, tag: \"1\", pullPolicy: Always}}\n    port: 3030\n"
        ));
        documents
            .workspace
            .push_str(&format!("  - grpc_server: {{host: etl-{number}, port: 3030, location_name: etl-{number}}}\n"));
    }
    documents
}

/// Recorded `second` seconds after a moment in 2026.
pub(crate) fn at(second: i64) -> Meta {
    Meta::at(Timestamp::from_seconds(1_790_000_000 + second))
}

/// An hour from now: everything that was recorded here is older.
pub(crate) fn later() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_seconds(i64::try_from(since.as_secs()).unwrap() + 3600)
}
