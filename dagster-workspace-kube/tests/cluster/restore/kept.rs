//! A system with a history, and what the tests ask of both: [`Kept`].

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::flow::system::{Said, System, WORKSPACE};
use crate::namespace::VALUES;

/// A secret that is in the values of the system, and must be nowhere else.
pub(crate) const SECRET: &str = "s3cret-password";

/// A system, and a history in a folder.
pub(crate) struct Kept {
    pub(crate) system: System,
    folder: TempDir,
}

impl Kept {
    pub(crate) async fn new(major: u8) -> Option<Self> {
        Some(Self { system: System::new(major).await?, folder: tempfile::tempdir().unwrap() })
    }

    /// The history's place.
    pub(crate) fn place(&self) -> String {
        let folder = self.folder.path().join("history");
        std::fs::create_dir_all(&folder).unwrap();
        format!("file://{}", folder.display())
    }

    pub(crate) fn object(&self, name: &str) -> PathBuf {
        self.folder.path().join("history").join(name)
    }

    /// The values of the system, with a secret and without anything about the workspace.
    pub(crate) fn system_values(&self) -> String {
        let file = self.folder.path().join("system.yaml");
        let values = json!({"dagsterWebserver": {"replicaCount": 2}, "postgresqlPassword": SECRET});
        std::fs::write(&file, values.to_string()).unwrap();
        file.display().to_string()
    }

    /// A chart in another version.
    pub(crate) fn other_chart(&self, chart: &Path, version: &str) -> String {
        let folder = self.folder.path().join(chart.file_name().unwrap());
        let copied = Command::new("cp").arg("-rL").arg(chart).arg(&folder).status();
        assert!(copied.unwrap().success());
        let file = folder.join("Chart.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        let other = text.replace("\nversion: 1.13.27", &format!("\nversion: {version}"));
        assert_ne!(other, text);
        std::fs::write(&file, other).unwrap();
        folder.display().to_string()
    }

    /// A file beside the history.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let file = self.folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    }

    /// Takes both releases and both documents out of the namespace, and leaves it and its accounts.
    pub(crate) async fn clear(&self) {
        for (release, _, _) in self.releases() {
            self.system.helm.run(&["uninstall", &release, "--wait"]);
        }
        for config_map in [VALUES, WORKSPACE] {
            self.system.namespace.delete(config_map).await;
        }
    }

    /// Runs it with other options of the system, or in another environment.
    pub(crate) async fn run_otherwise(
        &self,
        left_out: &[&str],
        arguments: &[String],
        change: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Said {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = self.system.command_without(left_out, &arguments);
        change(&mut command);
        tokio::task::spawn_blocking(move || command.output().unwrap().into()).await.unwrap()
    }

    /// The arguments with the history.
    pub(crate) fn with_history(&self, arguments: &[&str]) -> Vec<String> {
        let place = self.place();
        arguments.iter().copied().chain(["--history", &place]).map(str::to_owned).collect()
    }

    /// The arguments of a restore with everything.
    pub(crate) fn restore(&self, more: &[&str]) -> Vec<String> {
        let (values, chart) = (self.system_values(), testing::system_chart().display().to_string());
        let mut arguments = self.with_history(&["restore", "--system-values", &values]);
        if !more.contains(&"--system-chart") {
            arguments.extend(["--system-chart".to_owned(), chart]);
        }
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        arguments
    }

    pub(crate) async fn run(&self, arguments: &[String]) -> Said {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.system.run(&arguments).await
    }

    /// Runs it with this history, to its end.
    pub(crate) async fn done(&self, arguments: &[&str]) -> Value {
        self.done_with(&self.with_history(arguments)).await
    }

    pub(crate) async fn done_with(&self, arguments: &[String]) -> Value {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.system.done(&arguments).await
    }

    /// Both documents.
    pub(crate) async fn documents(&self) -> (String, String) {
        (self.system.values().await, self.system.workspace().await)
    }

    /// Numbers of the revisions, newest first.
    pub(crate) async fn revisions(&self) -> Vec<u64> {
        let place = self.place();
        let output = Command::new(env!("CARGO_BIN_EXE_dagster-workspace"))
            .args(["history", "list", "--output", "json", "--history", &place])
            .output()
            .unwrap();
        let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
        listed["revisions"].as_array().unwrap().iter().map(|revision| revision["number"].as_u64().unwrap()).collect()
    }

    /// Name, status and revision of every release.
    pub(crate) fn releases(&self) -> Vec<(String, String, String)> {
        // helm 4 lists all of them anyway.
        let all: &[&str] = if self.system.major == 3 { &["--all"] } else { &[] };
        let listed = self.system.helm.run(&[&["list", "--output", "json"], all].concat());
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let of = |release: &Value| (text(&release["name"]), text(&release["status"]), text(&release["revision"]));
        let mut releases: Vec<_> = listed.as_array().unwrap().iter().map(of).collect();
        releases.sort();
        releases
    }
}

/// The steps of a report.
pub(crate) fn steps(report: &Value) -> Vec<&str> {
    report["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect()
}
