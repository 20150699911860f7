//! A real API server for tests: etcd, kube-apiserver and kube-controller-manager on 127.0.0.1. Start with
//! [`ControlPlane::shared`].

use std::env;
use std::fmt;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{PodAddress, free_port, left_out, top};

/// A running control plane.
pub struct ControlPlane {
    folder: PathBuf,
    /// `None`: somebody else runs it.
    runner: Option<Runner>,
}

/// What runs a control plane. It ends when this is dropped, and with this process however that ends: the script that
/// runs it reads from a pipe that only this process holds.
struct Runner {
    script: Child,
    /// Closed to end the script.
    stdin: Option<ChildStdin>,
}

impl ControlPlane {
    /// The one control plane for all tests, which keep out of each other's way by a namespace each: the one that runs in
    /// the folder `DAGSTER_WORKSPACE_CONTROL_PLANE` (`scripts/control-plane/with.sh` runs one), or one of this process,
    /// started by the first test that asks.
    ///
    /// # Panics
    /// Where it does not start; under CI also where `KUBEBUILDER_ASSETS` is not set.
    #[must_use]
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<ControlPlane> = OnceLock::new();
        if let Some(folder) = variable("DAGSTER_WORKSPACE_CONTROL_PLANE") {
            return Some(SHARED.get_or_init(|| Self { folder, runner: None }));
        }
        let programs = programs()?;
        Some(SHARED.get_or_init(|| Self::run(&programs)))
    }

    /// A control plane of one's own, with free ports and an empty etcd. Takes about five seconds and 400 MB of memory.
    ///
    /// # Panics
    /// Where it does not start; under CI also where `KUBEBUILDER_ASSETS` is not set.
    #[must_use]
    pub fn start() -> Option<Self> {
        programs().map(|programs| Self::run(&programs))
    }

    /// How to reach it as cluster administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// An address for a pod that nobody else has. What the pod listens on is said by [`PodAddress::route`].
    ///
    /// # Panics
    /// Where the folder of the control plane cannot be written to.
    #[must_use]
    pub fn pod_address(&self) -> PodAddress {
        PodAddress::take(&self.folder.join("routes"))
    }

    fn run(programs: &Path) -> Self {
        // Between finding a port free and using it, somebody else may take it.
        for attempt in 1.. {
            match Self::try_run(programs) {
                Ok(running) => return running,
                Err(error) => assert!(attempt < 3, "the control plane does not start: {error}"),
            }
        }
        unreachable!("the loop ends by returning or by panicking")
    }

    fn try_run(programs: &Path) -> io::Result<Self> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("dagster-workspace-plane-{}-{number}", std::process::id()));
        let mut script = Command::new("bash")
            .arg(top().join("scripts/control-plane/run.sh"))
            .arg(&folder)
            .args([(); 3].map(|()| free_port().to_string()))
            .env("KUBEBUILDER_ASSETS", programs)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = script.stdin.take();
        let stdout = script.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        // From here on dropping ends it.
        let running = Self { folder, runner: Some(Runner { script, stdin }) };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        if line.trim() == "ready" { Ok(running) } else { Err(io::Error::other("see the log above")) }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // It ends its programs by their ids and removes the folder. Nothing is to be done here should it be gone already.
        let _ = self.script.wait();
    }
}

impl fmt::Debug for ControlPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { folder, runner } = self;
        f.debug_struct("ControlPlane").field("folder", folder).field("own", &runner.is_some()).finish()
    }
}

fn programs() -> Option<PathBuf> {
    let programs = variable("KUBEBUILDER_ASSETS");
    if programs.is_none() {
        left_out("needs a Kubernetes API server, and `KUBEBUILDER_ASSETS` is not set (run `make test-cluster`)");
    }
    programs
}

fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|folder| !folder.is_empty()).map(PathBuf::from)
}
