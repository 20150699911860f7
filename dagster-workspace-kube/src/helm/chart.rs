//! Where a chart comes from, and what tells it from another one. Start with [`Chart`].

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Where Dagster publishes its charts.
pub const REPOSITORY: &str = "https://dagster-io.github.io/helm";
/// The chart of the system, among those.
pub const SYSTEM: &str = "dagster";
/// The chart of the code servers.
pub const USER_DEPLOYMENTS: &str = "dagster-user-deployments";

/// A chart, as helm is told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chart {
    /// Where it comes from.
    pub source: ChartSource,
    /// Which version; by default the newest that is found there, which a deployment should not leave to chance. Without
    /// meaning for a path.
    pub version: Option<String>,
}

/// Where a chart comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChartSource {
    /// A folder with `Chart.yaml`, or a packaged chart.
    Path(PathBuf),
    /// A chart of a repository, named by its URL.
    Repository {
        /// As [`REPOSITORY`].
        url: String,
        /// As [`USER_DEPLOYMENTS`].
        name: String,
    },
    /// A chart of a registry, as `oci://ghcr.io/acme/charts/dagster-user-deployments`.
    Oci(String),
    /// `repository/name`, of a repository that somebody has added to helm on this machine.
    Added(String),
}

impl ChartSource {
    /// A chart that Dagster publishes: [`SYSTEM`] or [`USER_DEPLOYMENTS`].
    #[must_use]
    pub fn published(name: &str) -> Self {
        Self::Repository { url: REPOSITORY.to_owned(), name: name.to_owned() }
    }
}

impl Chart {
    /// A chart in a version; `None` where it needs one and has none. A path is its own version.
    #[must_use]
    pub fn versioned(source: ChartSource, version: Option<String>) -> Option<Self> {
        match source {
            ChartSource::Path(_) => Some(Self { source, version: None }),
            source => Some(Self { source, version: Some(version?) }),
        }
    }

    /// The chart that Dagster publishes for code servers, in the version of the running system.
    #[must_use]
    pub fn dagster_user_deployments(version: impl Into<String>) -> Self {
        Self { source: ChartSource::published(USER_DEPLOYMENTS), version: Some(version.into()) }
    }

    /// A folder with `Chart.yaml`, or a packaged chart.
    #[must_use]
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Self { source: ChartSource::Path(path.into()), version: None }
    }

    /// What `helm upgrade` calls it, and the options that belong to that.
    pub(super) fn arguments(&self) -> (OsString, Vec<OsString>) {
        let (name, mut options): (OsString, Vec<OsString>) = match &self.source {
            // helm takes what has no slash and is no folder for the name of a chart.
            ChartSource::Path(path) => (Path::new(".").join(path).into(), Vec::new()),
            ChartSource::Repository { url, name } => (name.into(), vec!["--repo".into(), url.into()]),
            ChartSource::Oci(name) | ChartSource::Added(name) => (name.into(), Vec::new()),
        };
        if let Some(version) = &self.version {
            options.extend(["--version".into(), version.into()]);
        }
        (name, options)
    }

    /// What the chart is, as bytes: two charts that differ differ here. Of a path that is the content, wherever it stands.
    pub(super) fn digest(&self) -> io::Result<[u8; 32]> {
        let mut digest = Sha256::new();
        match &self.source {
            ChartSource::Path(path) => add_path(&mut digest, path, "", MAX_DEPTH)?,
            ChartSource::Repository { url, name } => add(&mut digest, &["repository", url, name]),
            ChartSource::Oci(address) => add(&mut digest, &["oci", address]),
            ChartSource::Added(name) => add(&mut digest, &["added", name]),
        }
        add(&mut digest, &["version", self.version.as_deref().unwrap_or_default()]);
        Ok(digest.finalize().into())
    }
}

/// Charts hold charts; deeper than this is a link that leads back to itself.
const MAX_DEPTH: u32 = 32;

/// Adds texts so that no other list of texts gives the same bytes.
pub(super) fn add(digest: &mut Sha256, texts: &[&str]) {
    for text in texts {
        digest.update((text.len() as u64).to_le_bytes());
        digest.update(text.as_bytes());
    }
}

/// Adds a file, or all files of a folder by name.
fn add_path(digest: &mut Sha256, path: &Path, name: &str, depth: u32) -> io::Result<()> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("`{}`: {error}", path.display()));
    // Links are followed, as helm does.
    if !fs::metadata(path).map_err(named)?.is_dir() {
        let bytes = fs::read(path).map_err(named)?;
        add(digest, &["file", name]);
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(&bytes);
        return Ok(());
    }
    if depth == 0 {
        return Err(named(io::Error::other("folders are nested too deep")));
    }
    let mut entries = fs::read_dir(path).map_err(named)?.collect::<io::Result<Vec<_>>>().map_err(named)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let below = format!("{name}/{}", entry.file_name().to_string_lossy());
        add_path(digest, &entry.path(), &below, depth - 1)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_name_chart_and_version() {
        let check = |source, version: Option<&str>, name: &str, options: &[&str]| {
            let chart = Chart { source, version: version.map(str::to_owned) };
            let found = chart.arguments();
            assert_eq!((found.0.to_str(), found.1), (Some(name), options.iter().map(OsString::from).collect()));
        };
        check(ChartSource::Path("charts/code".into()), None, "./charts/code", &[]);
        check(ChartSource::Path("/charts/code".into()), Some("1"), "/charts/code", &["--version", "1"]);
        check(ChartSource::Oci("oci://a/b".into()), Some("1.2.3"), "oci://a/b", &["--version", "1.2.3"]);
        check(ChartSource::Added("dagster/dagster".into()), None, "dagster/dagster", &[]);
        let dagster = Chart::dagster_user_deployments("1.13.27");
        let options = ["--repo", "https://dagster-io.github.io/helm", "--version", "1.13.27"];
        check(dagster.source, Some("1.13.27"), "dagster-user-deployments", &options);
    }

    #[test]
    fn digest_of_a_folder_is_that_of_its_content() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let write = |folder: &tempfile::TempDir, name: &str, text: &str| {
            fs::create_dir_all(folder.path().join("templates")).unwrap();
            fs::write(folder.path().join(name), text).unwrap();
            Chart::path(folder.path()).digest().unwrap()
        };
        let first = write(&here, "Chart.yaml", "a");
        assert_eq!(write(&there, "Chart.yaml", "a"), first);
        let longer = write(&here, "templates/a.yaml", "a");
        assert_ne!(longer, first);
        assert_ne!(write(&there, "templates/b.yaml", "a"), longer);
    }

    #[test]
    fn err_chart_that_is_not_there_is_named() {
        let error = Chart::path("/nowhere/chart").digest().unwrap_err();
        assert!(error.to_string().contains("/nowhere/chart"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn err_link_that_leads_back_ends() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).unwrap();
        assert!(Chart::path(folder.path()).digest().is_err());
    }
}
