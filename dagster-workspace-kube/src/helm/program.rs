//! The program `helm`, and the commands of it that are used. [`Helm`] runs one at a time and ends it when it must.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kube::Client;
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use super::child::{self, Outcome};
use super::error::{self, HelmError};
use super::release::{self, Release, ReleaseError};
use super::upgrade::{Target, Upgrade, seconds};

/// How long helm may take for what needs no waiting: its version, a history.
const ASKED: Duration = Duration::from_secs(60);

/// Which helm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Major {
    /// 3.
    Three,
    /// 4, which writes by server-side apply.
    Four,
}

/// The version of a helm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelmVersion {
    /// 3 or 4.
    pub major: Major,
    /// All of it, as `v3.17.3`.
    pub text: String,
}

impl fmt::Display for HelmVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "helm {}", self.text)
    }
}

impl HelmVersion {
    fn parse(text: &str) -> Option<Self> {
        let (major, _) = text.strip_prefix('v')?.split_once('.')?;
        let major = match major {
            "3" => Major::Three,
            "4" => Major::Four,
            _ => return None,
        };
        Some(Self { major, text: text.to_owned() })
    }
}

/// The program `helm`, which is run only when there is something to do.
#[derive(Debug)]
pub struct Helm {
    program: PathBuf,
    version: OnceCell<HelmVersion>,
}

impl Helm {
    /// The program at a path, or `helm` where programs are searched. Nothing is run yet: [`Helm::version`] tells whether it is
    /// there, and a job that has something to do should ask before it writes the first document.
    #[must_use]
    pub fn find(program: Option<&Path>) -> Self {
        Self { program: program.unwrap_or(Path::new("helm")).to_owned(), version: OnceCell::new() }
    }

    /// Which helm it is. Asked once.
    ///
    /// # Errors
    /// [`HelmError::Missing`], [`HelmError::Start`], and [`HelmError::Version`] for another program.
    pub async fn version(&self) -> Result<&HelmVersion, HelmError> {
        let ask = async || {
            let arguments = ["version", "--template", "{{.Version}}"].map(OsString::from);
            let outcome = self.run(&arguments, b"", ASKED).await?;
            let said = String::from_utf8_lossy(&outcome.stdout);
            let version = HelmVersion::parse(said.trim()).filter(|_| outcome.status.success());
            version.ok_or_else(|| {
                let said = format!("{}\n{}", said.trim(), String::from_utf8_lossy(&outcome.stderr).trim());
                HelmError::Version { program: self.program.clone(), said: said.trim().to_owned() }
            })
        };
        self.version.get_or_try_init(ask).await
    }

    /// The release, by [`release()`](super::release()); where that is not permitted or finds none, by `helm history`, which also
    /// finds what helm keeps elsewhere.
    ///
    /// # Errors
    /// [`ReleaseError::Unreachable`], and [`ReleaseError::Forbidden`] when helm does not find out either.
    pub async fn release(&self, client: &Client, target: &Target) -> Result<Option<Release>, ReleaseError> {
        let Target { release: name, namespace, .. } = target;
        let listed = release::release(client, namespace, name).await;
        match listed {
            Ok(Some(_)) | Err(ReleaseError::Unreachable { .. }) => listed,
            Ok(None) | Err(ReleaseError::Forbidden { .. }) => match self.history(target).await {
                Ok(found) => Ok(found),
                // Nothing was found in Secrets, and who cannot ask helm will learn why when helm is needed.
                Err(_) => listed,
            },
        }
    }

    /// The release as `helm history` tells of it; `None` where there is none. Runs helm, and finds it wherever helm keeps it.
    ///
    /// # Errors
    /// Those of any run of helm.
    pub async fn history(&self, target: &Target) -> Result<Option<Release>, HelmError> {
        let mut arguments: Vec<OsString> = ["history", "--output", "json"].map(Into::into).into();
        arguments.extend(target.arguments());
        arguments.extend(["--".into(), target.release.clone().into()]);
        let outcome = self.run(&arguments, b"", ASKED).await?;
        let stderr = String::from_utf8_lossy(&outcome.stderr);
        if !outcome.status.success() && error::words(&stderr) == "release: not found" {
            return Ok(None);
        }
        self.judge(&outcome, ASKED)?;
        release::parse_history(&target.release, &outcome.stdout).map_err(|error| HelmError::Failed {
            exit: outcome.status.code(),
            words: format!("its history is no list of revisions: {error}"),
        })
    }

    /// Makes the release of exactly these values, as `revision`, within `limit`.
    ///
    /// Installs where there is no release. Should another revision be the next one by then, its labels say that the hash is not
    /// its own.
    ///
    /// # Errors
    /// Any [`HelmError`].
    pub async fn upgrade(
        &self,
        upgrade: &Upgrade,
        values: &str,
        revision: u32,
        limit: Duration,
    ) -> Result<(), HelmError> {
        let major = self.version().await?.major;
        let arguments = upgrade.arguments(major, &upgrade.hash(values)?, revision);
        let outcome = self.run(&arguments, values.as_bytes(), limit).await?;
        self.judge(&outcome, limit).map_err(|error| error.without_secrets(values))
    }

    /// Goes back to an earlier revision: how a release gets out of `pending-upgrade` and `pending-rollback`.
    ///
    /// # Errors
    /// Any [`HelmError`].
    pub async fn roll_back(&self, upgrade: &Upgrade, revision: u32, limit: Duration) -> Result<(), HelmError> {
        let mut arguments: Vec<OsString> = vec!["rollback".into()];
        arguments.extend(upgrade.target.arguments());
        arguments.extend(["--timeout".into(), seconds(upgrade.options.timeout)]);
        arguments.extend(["--history-max".into(), upgrade.options.history_max.to_string().into()]);
        arguments.extend(["--".into(), upgrade.target.release.clone().into(), revision.to_string().into()]);
        let outcome = self.run(&arguments, b"", limit).await?;
        self.judge(&outcome, limit)
    }

    /// Removes the release with all its objects: how one gets out of `pending-install`.
    ///
    /// # Errors
    /// Any [`HelmError`].
    pub async fn uninstall(&self, upgrade: &Upgrade, limit: Duration) -> Result<(), HelmError> {
        let mut arguments: Vec<OsString> = ["uninstall", "--ignore-not-found"].map(Into::into).into();
        arguments.extend(upgrade.target.arguments());
        arguments.extend(["--timeout".into(), seconds(upgrade.options.timeout)]);
        arguments.extend(["--".into(), upgrade.target.release.clone().into()]);
        let outcome = self.run(&arguments, b"", limit).await?;
        self.judge(&outcome, limit)
    }

    async fn run(&self, arguments: &[OsString], input: &[u8], limit: Duration) -> Result<Outcome, HelmError> {
        let mut command = Command::new(&self.program);
        let started = child::run(command.args(arguments), input, limit).await;
        started.map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => HelmError::Missing { program: self.program.clone() },
            _ => HelmError::Start { program: self.program.clone(), source },
        })
    }

    /// Whether helm did what it was run for.
    fn judge(&self, outcome: &Outcome, limit: Duration) -> Result<(), HelmError> {
        if outcome.status.success() {
            return Ok(());
        }
        let stderr = String::from_utf8_lossy(&outcome.stderr);
        if outcome.ended_by_us {
            return Err(HelmError::Ended { after: limit, words: error::words(&stderr) });
        }
        Err(HelmError::parse(outcome.status.code(), &stderr, self.version.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let major = |text: &str| HelmVersion::parse(text).map(|version| version.major);
        assert_eq!(major("v3.17.3"), Some(Major::Three));
        assert_eq!(major("v4.0.0-rc.1"), Some(Major::Four));
        for other in ["v2.17.0", "v10.0.0", "4.0.0", "v4", "", "helm"] {
            assert_eq!(major(other), None, "{other}");
        }
    }

    #[tokio::test]
    async fn err_program_that_is_not_there() {
        let helm = Helm::find(Some(Path::new("/nowhere/helm")));
        let error = helm.version().await.unwrap_err();
        assert!(matches!(error, HelmError::Missing { .. }), "{error:?}");
        assert_eq!(error.to_string(), "there is no program `/nowhere/helm`: install helm 3 or 4, or name the program");
    }

    #[tokio::test]
    async fn err_program_that_is_no_helm() {
        let error = Helm::find(Some(Path::new("sh"))).version().await.unwrap_err();
        assert!(matches!(error, HelmError::Version { .. }), "{error:?}");
        let error = Helm::find(Some(Path::new("/"))).version().await.unwrap_err();
        assert!(matches!(error, HelmError::Start { .. }), "{error:?}");
    }
}
