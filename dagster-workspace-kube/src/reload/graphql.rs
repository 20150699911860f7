//! What is said to a webserver and how its answers are read. [`Operation`] goes out, [`Answer`] comes back.
//!
//! `loadStatus` is `LOADED` for a location that failed, too; what counts is `locationOrLoadError`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{ErrorLink, Location, LocationState};

/// Checked against Dagster 1.13; the types are the same since 0.15.
const OPERATIONS: &str = include_str!("operations.graphql");

/// What a webserver is asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operation<'a> {
    /// What it serves.
    Locations,
    /// To read the workspace file again.
    ReloadWorkspace,
    /// To load one location again, which it must already know.
    ReloadLocation(&'a str),
}

impl Operation<'_> {
    /// The body of the request.
    pub(super) fn body(self) -> Value {
        let (name, variables) = match self {
            Self::Locations => ("Locations", json!({})),
            Self::ReloadWorkspace => ("ReloadWorkspace", json!({})),
            Self::ReloadLocation(name) => ("ReloadLocation", json!({ "name": name })),
        };
        json!({"query": OPERATIONS, "operationName": name, "variables": variables})
    }

    /// The field of `data` that holds the answer.
    fn field(self) -> &'static str {
        match self {
            Self::Locations => "workspaceOrError",
            Self::ReloadWorkspace => "reloadWorkspace",
            Self::ReloadLocation(_) => "reloadRepositoryLocation",
        }
    }

    /// Reads what came. A failed reload is status 500 with the same kind of body, so the status is not looked at.
    ///
    /// # Errors
    /// What the answer says instead, in a few words: GraphQL's own errors, or that it is none of Dagster's.
    pub(super) fn answer(self, mut body: Value) -> Result<Answer, String> {
        let found = body.get_mut("data").and_then(|data| data.get_mut(self.field())).map(Value::take);
        if let Some(found) = found.filter(|found| !found.is_null()) {
            return serde_json::from_value(found).map_err(|error| format!("an unknown answer: {error}"));
        }
        let errors = body.get("errors").and_then(Value::as_array).into_iter().flatten();
        let messages: Vec<&str> = errors.filter_map(|error| error.get("message")?.as_str()).collect();
        Err(if messages.is_empty() {
            format!("JSON without `{}`", self.field())
        } else {
            format!("it does not know the question: {}", messages.join("; "))
        })
    }
}

/// Every type that an operation can answer with.
#[derive(Debug, Deserialize)]
#[serde(tag = "__typename")]
pub(super) enum Answer {
    #[serde(rename_all = "camelCase")]
    Workspace {
        location_entries: Vec<Entry>,
    },
    WorkspaceLocationEntry(Entry),
    PythonError(Failure),
    UnauthorizedError {
        message: String,
    },
    RepositoryLocationNotFound {},
    ReloadNotSupported {
        message: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    name: String,
    load_status: LoadStatus,
    display_metadata: Vec<Shown>,
    location_or_load_error: Option<LoadedOrFailed>,
}

impl From<Entry> for Location {
    fn from(entry: Entry) -> Self {
        let state = match (entry.load_status, entry.location_or_load_error) {
            (LoadStatus::Loading, _) | (_, None) => LocationState::Loading,
            (LoadStatus::Loaded, Some(LoadedOrFailed::RepositoryLocation {})) => LocationState::Loaded,
            (LoadStatus::Loaded, Some(LoadedOrFailed::PythonError(failure))) => {
                LocationState::Failed { errors: failure.chain() }
            }
        };
        let metadata = entry.display_metadata.into_iter().map(|shown| (shown.key, shown.value)).collect();
        Self { name: entry.name, metadata, state }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum LoadStatus {
    Loading,
    Loaded,
}

#[derive(Debug, Deserialize)]
struct Shown {
    key: String,
    value: String,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "__typename")]
enum LoadedOrFailed {
    RepositoryLocation {},
    PythonError(Failure),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failure {
    #[serde(flatten)]
    error: ErrorLink,
    #[serde(default)]
    error_chain: Vec<Cause>,
}

#[derive(Debug, Deserialize)]
struct Cause {
    error: ErrorLink,
}

impl Failure {
    /// The error itself, then what caused it.
    pub(super) fn chain(self) -> Vec<ErrorLink> {
        let mut chain = vec![self.error];
        chain.extend(self.error_chain.into_iter().map(|cause| cause.error));
        for link in &mut chain {
            link.message.truncate(link.message.trim_end().len());
        }
        chain
    }
}
