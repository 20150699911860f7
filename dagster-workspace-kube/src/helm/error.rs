//! What helm can answer instead of a release. [`HelmError`]'s variants are the caller's next move; helm's own words are in
//! each of them.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use dagster_workspace_core::secret::Shown;

use super::program::HelmVersion;

/// Why helm did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HelmError {
    /// There is no such program: install helm, or say where it is.
    #[error("there is no program `{}`: install helm 3 or 4, or name the program", program.display())]
    Missing {
        /// What was to be run.
        program: PathBuf,
    },
    /// The program is there and cannot be run.
    #[error("cannot run `{}`", program.display())]
    Start {
        /// What was to be run.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is something else than helm 3 or 4.
    #[error("`{}` is neither helm 3 nor helm 4: asked for its version it says `{said}`", program.display())]
    Version {
        /// What was run.
        program: PathBuf,
        /// Its answer.
        said: String,
    },
    /// This helm is too old for an option that is needed: install a newer one.
    #[error("{version} does not know an option that is needed: {words}")]
    Outdated {
        /// What was run.
        version: HelmVersion,
        /// helm's words.
        words: String,
    },
    /// Another helm is at work on the release, or was faster: wait, read the values again, try again.
    #[error("another helm is at work on the release: {words}")]
    Busy {
        /// helm's words.
        words: String,
    },
    /// The chart refuses the values: correct them.
    #[error("the chart refuses the values: {words}")]
    Schema {
        /// helm's words, one line for each finding.
        words: String,
    },
    /// The chart's schema refers to another that helm fetches at every run, and that cannot be fetched. The values may be in
    /// order: [`Schema::Skip`](super::Schema::Skip).
    #[error(
        "the chart's schema needs {}, which cannot be fetched; skip the validation by the schema, or take a chart whose \
         schema is alive: {words}",
        url.as_deref().unwrap_or("another schema")
    )]
    DeadSchema {
        /// Where helm looked for it, where it says so.
        url: Option<String>,
        /// helm's words.
        words: String,
    },
    /// The chart cannot be read, or not be found under its name and version.
    #[error("the chart cannot be used: {words}")]
    Chart {
        /// helm's words, or the system's.
        words: String,
    },
    /// The chart's registry has no TLS: [`Transport::Plain`](super::Transport::Plain) talks to it.
    #[error("the chart's registry has no TLS: {words}")]
    NoTls {
        /// helm's words.
        words: String,
    },
    /// An object of the chart exists, and belongs to another release or to none: choose another name, or remove it.
    #[error("an object of the chart belongs to somebody else: {words}")]
    Taken {
        /// helm's words.
        words: String,
    },
    /// Somebody else has set a field that the chart sets, which helm 4 does not overwrite.
    #[error("somebody else has changed what the chart sets: {words}")]
    FieldConflict {
        /// helm's words.
        words: String,
    },
    /// The objects are written, and were not ready in time: look at the pods, or wait longer.
    #[error("not ready in time: {words}")]
    NotReady {
        /// helm's words.
        words: String,
    },
    /// A permission is missing.
    #[error("not permitted: {words}")]
    Forbidden {
        /// helm's words, which name verb and resource.
        words: String,
    },
    /// helm does not reach the cluster.
    #[error("helm does not reach the cluster: {words}")]
    Unreachable {
        /// helm's words.
        words: String,
    },
    /// It was ended because the time for it was over; the release is marked as failed, and the next run goes on from there.
    #[error("helm was ended after {} s: {words}", after.as_secs())]
    Ended {
        /// How long it had.
        after: Duration,
        /// helm's words.
        words: String,
    },
    /// Anything else.
    #[error("helm failed ({}): {words}", exit.map_or("by a signal".to_owned(), |code| format!("exit code {code}")))]
    Failed {
        /// Its exit code; `None` when a signal ended it.
        exit: Option<i32>,
        /// helm's words.
        words: String,
    },
}

impl HelmError {
    /// What a run that failed means.
    pub(super) fn parse(exit: Option<i32>, stderr: &str, version: Option<&HelmVersion>) -> Self {
        let words = words(stderr);
        let any = |signs: &[&str]| signs.iter().any(|sign| words.contains(sign));
        if any(&["values don't meet the specifications of the schema"]) {
            // helm 3 and 4 fetch with different libraries.
            let fetching =
                ["failing loading \"", "Get \"http", "HTTP request failed", "Could not read schema from HTTP"];
            return if any(&fetching) { Self::DeadSchema { url: url(&words), words } } else { Self::Schema { words } };
        }
        match version {
            Some(version) if any(&["unknown flag"]) => Self::Outdated { version: version.clone(), words },
            _ if any(&BUSY) => Self::Busy { words },
            _ if any(&["cannot be imported into the current release", "invalid ownership metadata"]) => {
                Self::Taken { words }
            }
            _ if any(&["Apply failed with", "conflict with \""]) => Self::FieldConflict { words },
            _ if any(&["luster unreachable", "luster reachability check failed"]) => Self::Unreachable { words },
            _ if any(&["is forbidden: User", "forbidden: User"]) => Self::Forbidden { words },
            // Of an apply that would create the object the API server names neither who nor what.
            _ if words.ends_with("is forbidden:") => {
                Self::Forbidden { words: format!("{words} no permission to create it") }
            }
            _ if any(&["timed out waiting for the condition", "context deadline exceeded", "resource not ready"]) => {
                Self::NotReady { words }
            }
            _ if is_about_chart(&words) && any(&["server gave HTTP response to HTTPS client"]) => Self::NoTls { words },
            _ if any(&CHART) || is_about_chart(&words) => Self::Chart { words },
            _ => Self::Failed { exit, words },
        }
    }

    /// The same, without what may be secret in the values that helm was given: it quotes what it refuses.
    pub(super) fn without_secrets(mut self, values: &str) -> Self {
        if let Self::Outdated { words, .. }
        | Self::Busy { words }
        | Self::Schema { words }
        | Self::DeadSchema { words, .. }
        | Self::Chart { words }
        | Self::NoTls { words }
        | Self::Taken { words }
        | Self::FieldConflict { words }
        | Self::NotReady { words }
        | Self::Forbidden { words }
        | Self::Unreachable { words }
        | Self::Ended { words, .. }
        | Self::Failed { words, .. } = &mut self
        {
            *words = Shown::of(values).message(words);
        }
        self
    }

    /// helm's own words, where it said any.
    #[must_use]
    pub fn words(&self) -> Option<&str> {
        match self {
            Self::Missing { .. } | Self::Start { .. } | Self::Version { .. } => None,
            Self::Outdated { words, .. }
            | Self::Busy { words }
            | Self::Schema { words }
            | Self::DeadSchema { words, .. }
            | Self::Chart { words }
            | Self::NoTls { words }
            | Self::Taken { words }
            | Self::FieldConflict { words }
            | Self::NotReady { words }
            | Self::Forbidden { words }
            | Self::Unreachable { words }
            | Self::Ended { words, .. }
            | Self::Failed { words, .. } => Some(words),
        }
    }
}

/// The release is locked, or a revision or the first release of this name came into being between reading and writing.
const BUSY: [&str; 3] =
    ["another operation (install/upgrade/rollback) is in progress", "release: already exists", "cannot re-use a name"];

/// A chart that is not there, under this name, in this version, or cannot be read.
const CHART: [&str; 9] = [
    "Chart.yaml file is missing",
    "cannot load Chart.yaml",
    "chart.metadata.",
    "does not appear to be a gzipped archive",
    "failed to download",
    "is not a valid chart repository",
    "no chart name found",
    "non-absolute URLs should be in form of repo_name/path_to_chart",
    "unable to detect chart",
];

/// Whether the words begin with a chart that is not there, or with a registry that does not answer. In between such words
/// could be those of the cluster.
fn is_about_chart(words: &str) -> bool {
    let missing = ["path \"", "repo ", "chart \""].iter().any(|kind| words.starts_with(kind));
    let registry =
        ["Get \"http", "GET \"http", "Head \"http", "failed to do request", "failed to perform", "failed to authorize"];
    // `ghcr.io/acme/charts/code:1.0.0: not found`, all that helm 3 says of a version that a registry does not have.
    let reference =
        words.strip_suffix(": not found").is_some_and(|of| of.contains('/') && !of.contains(char::is_whitespace));
    missing && words.contains("not found") || reference || registry.iter().any(|sign| words.starts_with(sign))
}

/// What helm says of the failure: from `Error:` on, without the warnings before it.
pub(super) fn words(stderr: &str) -> String {
    let at = stderr.rfind("\nError: ").map(|at| at + 1).or_else(|| stderr.starts_with("Error: ").then_some(0));
    let words = at.map_or(stderr, |at| stderr.get(at + "Error: ".len()..).unwrap_or_default());
    words.trim().to_owned()
}

/// The first address that the words name.
fn url(words: &str) -> Option<String> {
    let start = ["https://", "http://"].iter().filter_map(|scheme| words.find(scheme)).min()?;
    let rest = words.get(start..)?;
    let end = rest.find(|c: char| c.is_whitespace() || c == '"' || c == '\'').unwrap_or(rest.len());
    rest.get(..end).map(|url| url.trim_end_matches([':', ',']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::program::Major;
    use super::*;

    #[test]
    fn words_hold_no_secret_of_the_values() {
        let said = "Error: UPGRADE FAILED: Deployment \"etl\" is invalid: env[0].value: Invalid value: \"s3cret\"\n";
        let error = HelmError::parse(Some(1), said, None).without_secrets("env: {A: s3cret, B: UPGRADE}\n");
        let expected = "*** FAILED: Deployment \"etl\" is invalid: env[0].value: Invalid value: \"***\"";
        assert_eq!(error.words(), Some(expected));
        let busy = HelmError::parse(Some(1), "Error: release: already exists\n", None);
        assert!(matches!(busy.without_secrets("env: {A: release}\n"), HelmError::Busy { .. }));
    }

    #[test]
    fn words_begin_behind_the_warnings() {
        assert_eq!(
            words("coalesce.go:237: warning: skipped\nError: UPGRADE FAILED: no\n  more\n"),
            "UPGRADE FAILED: no\n  more"
        );
        assert_eq!(words("Error: release: not found\n"), "release: not found");
        assert_eq!(words("  Killed\n"), "Killed");
        assert_eq!(words(""), "");
    }

    #[test]
    fn words_of_both_versions_and_what_they_mean() {
        let version = HelmVersion { major: Major::Three, text: "v3.17.3".to_owned() };
        let check = |words: &str, expected: &str| {
            let error = HelmError::parse(Some(1), &format!("Error: {words}\n"), Some(&version));
            let found = format!("{error:?}");
            assert!(found.starts_with(&format!("{expected} {{")), "{words}: {found}");
            assert_eq!(error.words(), Some(words));
        };
        check("UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress", "Busy");
        check("UPGRADE FAILED: release: already exists", "Busy");
        check("cannot re-use a name that is still in use", "Busy");
        check("unknown flag: --skip-schema-validation", "Outdated");
        check("UPGRADE FAILED: context deadline exceeded", "NotReady");
        check("path \"./nowhere\" not found", "Chart");
        check("repo nowhere not found", "Chart");
        check("chart \"code\" version \"2\" not found in http://127.0.0.1:9 repository", "Chart");
        check("failed to do request: Head \"http://127.0.0.1:9/v2/code/manifests/1.0.0\": dial tcp", "Chart");
        check("failed to perform \"FetchReference\" on source: Get \"https://127.0.0.1:9/v2\": dial tcp", "Chart");
        check(
            "failed to perform \"F\" on source: Get \"https://a\": http: server gave HTTP response to HTTPS client",
            "NoTls",
        );
        check("127.0.0.1:9/charts/code:1.0.0: not found", "Chart");
        check("GET \"http://127.0.0.1:9/v2/charts/code/tags/list\": unexpected status code 404: name unknown", "Chart");
        check("UPGRADE FAILED: services \"a\" not found", "Failed");
        check("UPGRADE FAILED: Get \"https://10.0.0.1/api/v1\": dial tcp 10.0.0.1:443: connect: refused", "Failed");
        check("Kubernetes cluster unreachable: Get \"https://10.0.0.1/version\": dial tcp", "Unreachable");
        check("UPGRADE FAILED: conflict occurred while applying object: Apply failed with 1 conflict", "FieldConflict");
        check("query: failed to query: secrets is forbidden: User \"a\" cannot list resource", "Forbidden");
    }

    #[test]
    fn apply_that_may_not_create_is_told_so() {
        let error = HelmError::parse(Some(1), "Error: server-side apply failed: services \"a\" is forbidden:\n", None);
        assert!(
            matches!(&error, HelmError::Forbidden { words } if words.ends_with("no permission to create it")),
            "{error:?}"
        );
        let quota = HelmError::parse(Some(1), "Error: pods \"a\" is forbidden: exceeded quota: q\n", None);
        assert!(matches!(quota, HelmError::Failed { .. }), "{quota:?}");
    }

    #[test]
    fn address_ends_where_it_ends() {
        assert_eq!(url("Get \"https://a.b/c.json\": dial").as_deref(), Some("https://a.b/c.json"));
        assert_eq!(url("for http://a.b/c: no").as_deref(), Some("http://a.b/c"));
        assert_eq!(url("no address"), None);
    }
}
