//! The program under test, and what it said.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What one run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// Exit code, standard output and standard error as one text, for snapshots.
    pub(crate) fn all(&self) -> String {
        format!("exit {}\n-- stdout\n{}-- stderr\n{}", self.exit, self.stdout, self.stderr)
    }

    /// The standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl From<Output> for Said {
    fn from(Output { status, stdout, stderr }: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { exit: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
    }
}

/// The program, to be run in `directory`.
pub(crate) fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dagster-workspace"));
    command.current_dir(directory).args(arguments).stdin(Stdio::null());
    // Where the tests run in a pipeline themselves, its repository is not theirs.
    for name in ["GITHUB_REPOSITORY", "CI_PROJECT_PATH", "BITBUCKET_REPO_FULL_NAME", "BUILD_REPOSITORY_NAME", "CI_REPO"]
    {
        command.env_remove(name);
    }
    command
}

/// Runs it in `directory` without input.
pub(crate) fn run_in(directory: &Path, arguments: &[&str]) -> Said {
    command(directory, arguments).output().unwrap().into()
}

/// Runs it with `input` on its standard input.
pub(crate) fn run_with(input: &[u8], arguments: &[&str]) -> Said {
    let mut command = command(Path::new("."), arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // It may write before it has read all, or end without reading.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output.into()
}
