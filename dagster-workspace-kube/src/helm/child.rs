//! One run of a program that is never left behind. [`run`] starts it, waits, and ends it when nobody waits any more.
//!
//! Its input and its output are files without a name: nothing to remove afterwards, whatever happens, nobody else can read
//! them, and a full pipe cannot block it. It is asked to end by SIGTERM, upon which helm marks the release as failed, so that
//! the next run can go on from there; SIGKILL, which leaves the release locked, comes only when [`GRACE`] is over.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// How long a program may take to end itself.
pub(super) const GRACE: Duration = Duration::from_secs(20);

/// How often the program is looked after. A run of helm takes a second.
const TICK: Duration = Duration::from_millis(10);

/// What a program did.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// It was asked to end because its time was over.
    pub(super) ended_by_us: bool,
}

/// Runs a program in a process group of its own, with `input` as its standard input, for at most `limit` and [`GRACE`].
///
/// When the future is dropped, the program is asked to end, and made to when it does not.
pub(super) async fn run(command: &mut Command, input: &[u8], limit: Duration) -> io::Result<Outcome> {
    let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command.stdin(holding(input)?).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
    let (running, mut ended) = Running::start(command)?;
    let first = tokio::time::timeout(limit, &mut ended).await;
    let ended_by_us = first.is_err();
    let status = match first {
        Ok(status) => status,
        Err(_) => {
            running.end();
            let last = tokio::time::timeout(GRACE * 2, ended).await;
            last.map_err(|_| {
                io::Error::new(io::ErrorKind::TimedOut, "the program does not end, even when it is killed")
            })?
        }
    };
    // The watching thread answers before it ends, unless it panicked.
    let status = status.unwrap_or_else(|_| Err(io::Error::other("nobody watches the program any more")))?;
    Ok(Outcome { status, stdout: content(&mut stdout)?, stderr: content(&mut stderr)?, ended_by_us })
}

/// A file that holds `bytes` and is read from the start.
fn holding(bytes: &[u8]) -> io::Result<Stdio> {
    let mut file = tempfile::tempfile()?;
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file.into())
}

fn content(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A program that runs, or has run. Ends it when dropped.
struct Running(Arc<Mutex<Watched>>);

struct Watched {
    /// Invariant: reaped only by the watching thread, which then sets `over`, so the id is the program's until then.
    child: Child,
    over: bool,
    /// When patience with it ends.
    kill_at: Option<Instant>,
}

impl Running {
    fn start(command: &mut Command) -> io::Result<(Self, oneshot::Receiver<io::Result<ExitStatus>>)> {
        // A signal to our own group, such as Ctrl-C in a terminal, reaches us, and it is ours what becomes of helm.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let watched = Watched { child: command.spawn()?, over: false, kill_at: None };
        let running = Self(Arc::new(Mutex::new(watched)));
        let (answer, ended) = oneshot::channel();
        let shared = Arc::clone(&running.0);
        // A thread, not a task: it goes on when the runtime shuts down.
        let watching = thread::Builder::new().name("helm".to_owned()).spawn(move || {
            // Nobody waits for the answer after a cancellation.
            let _ = answer.send(watch(&shared));
        });
        if let Err(error) = watching {
            lock(&running.0).kill_and_reap()?;
            return Err(error);
        }
        Ok((running, ended))
    }

    /// Asks it to end, and sees to it that it does.
    fn end(&self) {
        lock(&self.0).end(GRACE);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

impl Watched {
    fn end(&mut self, grace: Duration) {
        if self.over || self.kill_at.is_some() {
            return;
        }
        // It alone: what it has started, such as a program for credentials, is needed to end well.
        let asked = self.ask_to_end();
        self.kill_at = Some(Instant::now() + if asked.is_ok() { grace } else { Duration::ZERO });
    }

    #[cfg(unix)]
    fn ask_to_end(&self) -> io::Result<()> {
        Ok(rustix::process::kill_process(self.id()?, rustix::process::Signal::TERM)?)
    }

    #[cfg(not(unix))]
    fn ask_to_end(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    #[cfg(unix)]
    fn id(&self) -> io::Result<rustix::process::Pid> {
        let id = i32::try_from(self.child.id()).ok();
        id.and_then(rustix::process::Pid::from_raw).ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }

    /// Kills it with all that it has started.
    fn kill(&mut self) -> io::Result<()> {
        #[cfg(unix)]
        match rustix::process::kill_process_group(self.id()?, rustix::process::Signal::KILL) {
            // Nothing of it runs any more, and it is about to be reaped.
            Ok(()) | Err(rustix::io::Errno::SRCH | rustix::io::Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
        self.child.kill()
    }

    fn kill_and_reap(&mut self) -> io::Result<()> {
        self.kill()?;
        self.child.wait()?;
        self.over = true;
        Ok(())
    }
}

/// Waits until it is over, and kills it when it is time to.
fn watch(shared: &Mutex<Watched>) -> io::Result<ExitStatus> {
    loop {
        let mut watched = lock(shared);
        if let Some(status) = watched.child.try_wait()? {
            watched.over = true;
            return Ok(status);
        }
        if watched.kill_at.is_some_and(|at| at <= Instant::now()) {
            watched.kill()?;
        }
        drop(watched);
        thread::sleep(TICK);
    }
}

fn lock(shared: &Mutex<Watched>) -> MutexGuard<'_, Watched> {
    // No code that holds the lock can panic half way.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn bytes_go_in_and_out_as_they_are() {
        let input: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
        let outcome = run(&mut shell("cat; echo no >&2; exit 3"), &input, Duration::from_secs(60)).await.unwrap();
        assert!(outcome.stdout == input, "{} bytes", outcome.stdout.len());
        assert_eq!((outcome.stderr.as_slice(), outcome.status.code()), (&b"no\n"[..], Some(3)));
        assert!(!outcome.ended_by_us);
    }

    #[tokio::test]
    async fn program_that_takes_too_long_may_end_itself() {
        let script = "trap 'echo sorry; exit 1' TERM; while true; do sleep 0.01; done";
        let outcome = run(&mut shell(script), b"", Duration::from_millis(200)).await.unwrap();
        assert_eq!((outcome.stdout.as_slice(), outcome.status.code()), (&b"sorry\n"[..], Some(1)));
        assert!(outcome.ended_by_us);
    }

    #[tokio::test]
    async fn program_that_does_not_listen_is_killed_with_what_it_has_started() {
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().join("pids");
        let mut command = shell("trap '' TERM; sleep 600 & echo $! $$ > \"$PIDS\"; wait; sleep 600");
        let (running, ended) = Running::start(command.env("PIDS", &pids)).unwrap();
        let text = loop {
            match std::fs::read_to_string(&pids) {
                Ok(text) if text.ends_with('\n') => break text,
                _ => thread::sleep(TICK),
            }
        };
        lock(&running.0).end(Duration::ZERO);
        ended.await.unwrap().unwrap();
        for pid in text.split_whitespace() {
            let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
            // Whoever adopts an orphan reaps it a little later.
            while rustix::process::test_kill_process(pid).is_ok() && !is_zombie(pid) {
                thread::sleep(TICK);
            }
        }
    }

    fn is_zombie(pid: rustix::process::Pid) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
    }
}
