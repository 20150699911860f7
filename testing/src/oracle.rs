//! A program to ask: [`Oracle`] is a long-lived child that answers one line of JSON with one line of JSON.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// A child process that reads one JSON value per line and answers each with one JSON value on one line.
///
/// It starts once and is asked thousands of times, so that the judgement of PyYAML or of Dagster's own loader costs no
/// interpreter start per case. What it writes to its standard error is shown as it is. It ends when dropped.
///
/// ```no_run
/// # use serde_json::json;
/// let Some(mut oracle) = testing::Oracle::python("tests/oracle.py") else { return };
/// let answer = oracle.ask(&json!({ "text": "a: on" }));
/// ```
#[derive(Debug)]
pub struct Oracle {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    /// Runs a Python script with [`crate::python`]; `None` where that is left out. A relative path starts at the crate
    /// under test, where cargo runs tests.
    ///
    /// The script reads `sys.stdin` line by line and must flush each answer.
    ///
    /// # Panics
    /// Where the script is missing or the program cannot start: that is a mistake in the test, not a missing tool.
    #[must_use]
    pub fn python(script: impl AsRef<Path>) -> Option<Self> {
        let script = script.as_ref();
        assert!(script.is_file(), "no script at `{}`", script.display());
        let python = crate::python()?;
        Some(Self::start(Command::new(python).arg("-u").arg(script).env("PYTHONUTF8", "1")))
    }

    /// Starts any program that keeps the protocol.
    ///
    /// # Panics
    /// Where the program cannot start.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let questions = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("the output is piped"));
        Self { child, questions, answers }
    }

    /// Asks one question and waits for its answer.
    ///
    /// # Panics
    /// Where the program ended or answered with something other than one line of JSON.
    pub fn ask(&mut self, question: &Value) -> Value {
        let questions = self.questions.as_mut().expect("open until dropped");
        let sent = writeln!(questions, "{question}").and_then(|()| questions.flush());
        let mut line = String::new();
        let read = self.answers.read_line(&mut line);
        assert!(
            sent.is_ok() && matches!(read, Ok(1..)),
            "the oracle gave no answer to {question} (sent: {sent:?}, read: {read:?}, ended: {:?})",
            self.child.try_wait()
        );
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("the oracle answered `{line}`: {error}"))
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // An ended input is how the script learns to stop; the kill is for one that does not listen.
        self.questions = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
