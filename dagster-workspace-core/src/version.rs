//! Which Dagster and which chart a document is judged for: [`Target`] of two [`Version`]s.

use alloc::string::{String, ToString as _};
use core::fmt;
use core::str::FromStr;

/// Version of Dagster or of its charts, which are released together under one number.
///
/// # Example
/// ```
/// use dagster_workspace_core::lint::Version;
/// let version: Version = "1.13.27".parse()?;
/// assert!(version > Version::new(1, 9, 10));
/// # Ok::<(), dagster_workspace_core::lint::VersionError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Version {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub patch: u32,
}

impl Version {
    /// The newest release that the rules were measured against.
    pub(crate) const NEWEST: Self = Self::new(1, 13, 27);

    /// Version `major.minor.patch`.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The text is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a version such as `1.13.27`")]
pub struct VersionError {
    /// What was given.
    pub text: String,
}

impl FromStr for Version {
    type Err = VersionError;

    /// Two or three numbers with dots between, a `v` in front allowed; what follows the third (`rc0`, `-1`) is ignored.
    fn from_str(text: &str) -> Result<Self, VersionError> {
        let error = || VersionError { text: text.into() };
        let mut parts = text.trim().trim_start_matches('v').splitn(3, '.');
        let number = |part: &str| part.parse::<u32>().map_err(|_| error());
        let major = number(parts.next().unwrap_or_default())?;
        let minor = number(parts.next().unwrap_or_default())?;
        let patch = parts.next().map_or(Ok(0), |rest| {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            number(rest.get(..end).unwrap_or_default())
        })?;
        Ok(Self { major, minor, patch })
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

/// What the documents are for. The default is the newest release that the rules were measured against.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Target {
    /// Version of Dagster in the webserver and the daemon: they read the workspace.
    pub dagster: Version,
    /// Version of the charts: they read the values.
    pub chart: Version,
    /// The namespace of the deployments, where it is known: a host such as `etl.other` is then none of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

impl Target {
    /// The newest release that the rules were measured against.
    pub const NEWEST: Self = Self { dagster: Version::NEWEST, chart: Version::NEWEST, namespace: None };
}

impl Default for Target {
    fn default() -> Self {
        Self::NEWEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_people_write_them() {
        for (text, expected) in [
            ("1.13.27", Version::new(1, 13, 27)),
            ("v1.4", Version::new(1, 4, 0)),
            ("1.12.0rc1", Version::new(1, 12, 0)),
            ("1.10.5-1", Version::new(1, 10, 5)),
            (" 0.15.5\n", Version::new(0, 15, 5)),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text:?}");
        }
        assert!(Version::new(1, 9, 10) < Version::new(1, 10, 0));
    }

    #[test]
    fn err_text_is_no_version() {
        for text in ["", "1", "1.x", "1!0+dev", "1.2.", "latest", "99999999999.1"] {
            assert_eq!(text.parse::<Version>(), Err(VersionError { text: text.into() }));
        }
    }

    #[test]
    fn target_goes_through_serde_as_text() {
        let target: Target = serde_json::from_str(r#"{"chart":"1.12.3"}"#).unwrap();
        assert_eq!(target, Target { chart: Version::new(1, 12, 3), ..Target::NEWEST });
        assert_eq!(serde_json::to_string(&target).unwrap(), r#"{"dagster":"1.13.27","chart":"1.12.3"}"#);
    }
}
