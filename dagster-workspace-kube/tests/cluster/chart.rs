//! Releases in a namespace, made by the real helm 3 and 4 from the charts of `testing`.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use testing::ControlPlane;

use crate::namespace::Namespace;

/// Helm of one major version in one namespace, with a home of its own.
pub(crate) struct Helm {
    program: PathBuf,
    namespace: String,
    home: TempDir,
}

impl Helm {
    /// `None` where it is missing, which has then been said.
    pub(crate) fn new(major: u8, namespace: &Namespace) -> Option<Self> {
        let program = testing::helm(major)?;
        Some(Self { program, namespace: namespace.name.clone(), home: tempfile::tempdir().unwrap() })
    }

    /// Helm 3 and helm 4 in the same namespace.
    pub(crate) fn both(namespace: &Namespace) -> Option<[Self; 2]> {
        Some([Self::new(3, namespace)?, Self::new(4, namespace)?])
    }

    /// Installs or upgrades the system.
    pub(crate) fn system(&self, release: &str, values: &Value) {
        self.upgrade(release, &testing::system_chart(), &values.to_string());
    }

    /// Installs or upgrades the code servers.
    pub(crate) fn code(&self, release: &str, values: &Value) {
        self.upgrade(release, &testing::code_chart(), &values.to_string());
    }

    /// Installs or upgrades with these values, which may be any YAML.
    pub(crate) fn upgrade(&self, release: &str, chart: &std::path::Path, values: &str) {
        let output = self.try_upgrade(release, chart, values);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub(crate) fn try_upgrade(&self, release: &str, chart: &std::path::Path, values: &str) -> Output {
        let file = self.home.path().join("values.yaml");
        std::fs::write(&file, values).unwrap();
        let mut command = self.command(&["upgrade", "--install", release]);
        command.arg(chart).arg("--values").arg(file).output().unwrap()
    }

    /// Where it keeps its own files.
    pub(crate) fn home(&self) -> &std::path::Path {
        self.home.path()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A command that is not started yet, for another account or another driver.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let home = self.home.path();
        let mut command = Command::new(&self.program);
        command.args(arguments).args(["--namespace", &self.namespace]);
        command.env("KUBECONFIG", ControlPlane::shared().unwrap().kubeconfig());
        for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
            command.env(variable, home);
        }
        command
    }
}
