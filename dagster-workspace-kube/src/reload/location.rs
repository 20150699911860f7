//! What a webserver serves, and what it should. [`Location`] is served, [`Expected`] asked for, [`Difference`] found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

/// A code location as a webserver serves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Location {
    /// The name: `location_name`, or `grpc:HOST:PORT` where there is none.
    pub name: String,
    /// What Dagster shows beside it: `host` and `port` or `socket` of a server, and the entry's `additional_metadata`.
    pub metadata: BTreeMap<String, String>,
    /// Whether it is loaded.
    #[serde(flatten)]
    pub state: LocationState,
}

impl Location {
    /// The server's host; `None` where the location is no server.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.metadata.get("host").map(String::as_str)
    }

    /// The server's port; `None` where the location is no server, or one on a socket.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.metadata.get("port")?.parse().ok()
    }
}

/// How far a code location is loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum LocationState {
    /// Its definitions are there.
    Loaded,
    /// Not yet known.
    Loading,
    /// It did not load. Dagster reports such a location as `LOADED` in `loadStatus`.
    Failed {
        /// The error, and behind it what caused it.
        errors: Vec<ErrorLink>,
    },
}

/// One error of a Python chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorLink {
    /// The exception's class, such as `DagsterUserCodeUnreachableError`.
    pub class_name: Option<String>,
    /// What it says, without the line break at its end.
    pub message: String,
    /// The stack trace, innermost frame last; an entry may be several lines.
    #[serde(default)]
    pub stack: Vec<String>,
}

impl ErrorLink {
    /// Whether the code server could not be spoken to. Where it is coming up the webserver finds that out by itself.
    pub(super) fn is_unreachable(&self) -> bool {
        self.class_name.as_deref() == Some("DagsterUserCodeUnreachableError")
    }
}

impl fmt::Display for ErrorLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// A code location that should be served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExpectedLocation {
    /// The name.
    pub name: String,
    /// What of [`Location::metadata`] must be so. What is not named here may be anything.
    pub metadata: BTreeMap<String, String>,
}

impl ExpectedLocation {
    /// A location of that name, wherever it is.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), metadata: BTreeMap::new() }
    }

    /// A location of that name on the server at `host` and `port`.
    #[must_use]
    pub fn server(name: impl Into<String>, host: impl Into<String>, port: u16) -> Self {
        Self::new(name).with("host", host).with("port", port.to_string())
    }

    /// The same with `key` shown beside it as `value`.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }
}

/// What a changed workspace should lead to. Locations that are not named may be there or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// There, with these addresses, and loaded.
    pub present: Vec<ExpectedLocation>,
    /// Not there.
    pub absent: BTreeSet<String>,
    /// Hosts of servers that no location calls any more, whatever its name, but for those in `present`.
    pub absent_hosts: BTreeSet<String>,
}

impl Expected {
    /// What `served` lacks, in the order of the names as asked for. Whether a location is loaded is no difference.
    #[must_use]
    pub fn differences(&self, served: &[Location]) -> Vec<Difference> {
        let present = self.present.iter().filter_map(|expected| {
            let Some(found) = served.iter().find(|location| location.name == expected.name) else {
                return Some(Difference::Missing { name: expected.name.clone() });
            };
            let same = expected.metadata.iter().all(|(key, value)| found.metadata.get(key) == Some(value));
            (!same).then(|| Difference::Other {
                name: expected.name.clone(),
                expected: expected.metadata.clone(),
                found: found.metadata.clone(),
            })
        });
        let kept = |location: &Location| self.present.iter().any(|expected| expected.name == location.name);
        let of_absent_host = |location: &Location| {
            location.host().is_some_and(|host| self.absent_hosts.contains(host)) && !kept(location)
        };
        let gone = |location: &&Location| self.absent.contains(&location.name) || of_absent_host(location);
        let still_there =
            served.iter().filter(gone).map(|location| Difference::StillThere { name: location.name.clone() });
        present.chain(still_there).collect()
    }

    /// Whether anything is expected to be gone.
    pub(super) fn removes(&self) -> bool {
        !self.absent.is_empty() || !self.absent_hosts.is_empty()
    }

    /// Those of `served` that are expected to be there.
    pub(super) fn of<'a>(&'a self, served: &'a [Location]) -> impl Iterator<Item = &'a Location> {
        self.present.iter().filter_map(|expected| served.iter().find(|location| location.name == expected.name))
    }
}

/// How the served locations differ from the expected ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Difference {
    /// Expected and not there.
    Missing {
        /// The name.
        name: String,
    },
    /// There, with another address or other metadata.
    Other {
        /// The name.
        name: String,
        /// What was asked for.
        expected: BTreeMap<String, String>,
        /// What is served.
        found: BTreeMap<String, String>,
    },
    /// There, and should not be.
    StillThere {
        /// The name.
        name: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name } => write!(f, "`{name}` is not served yet"),
            Self::StillThere { name } => write!(f, "`{name}` is still served"),
            Self::Other { name, expected, found } => {
                write!(f, "`{name}` is served otherwise:")?;
                let other = expected.iter().filter(|(key, value)| found.get(*key) != Some(value));
                for (at, (key, value)) in other.enumerate() {
                    let found = found.get(key).map_or("nothing", String::as_str);
                    write!(f, "{} {key} expected `{value}`, found `{found}`", if at == 0 { "" } else { "," })?;
                }
                Ok(())
            }
        }
    }
}
