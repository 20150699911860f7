//! A registry of charts for tests: docker-registry on 127.0.0.1, over HTTP without TLS. Start with [`Registry::shared`].

use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;

use crate::{registry_program, top};

/// A running registry, which keeps everything in memory.
#[derive(Debug)]
pub struct Registry {
    address: String,
    /// Its standard input is a pipe that only this process holds: it ends with this process, however that ends.
    _runner: Child,
}

impl Registry {
    /// The one of this process. Tests keep out of each other's way by a repository each.
    ///
    /// # Panics
    /// Where it does not start; under CI also where it is missing.
    #[must_use]
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Registry>> = OnceLock::new();
        let start = || Some(Self::start(&registry_program()?).expect("the registry starts"));
        SHARED.get_or_init(start).as_ref()
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    fn start(program: &Path) -> io::Result<Self> {
        let mut runner = Command::new("sh")
            .args(["-c", "\"$0\" serve \"$1\" & cat; kill $!"])
            .arg(program)
            .arg(top().join("testing/registry.yml"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut log = BufReader::new(runner.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?).lines();
        let mut seen = String::new();
        for line in log.by_ref() {
            let line = line?;
            if let Some((_, rest)) = line.split_once("listening on ") {
                let address = rest.split('"').next().unwrap_or_default().to_owned();
                // What nobody reads fills the pipe and stops it.
                thread::spawn(|| log.for_each(drop));
                return Ok(Self { address, _runner: runner });
            }
            seen.push_str(&line);
            seen.push('\n');
        }
        Err(io::Error::other(seen))
    }
}
