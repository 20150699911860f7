//! Newest bytes win: [`Helm::roll_out`] ends when the release carries the hash of the values as they are after helm returned.
//!
//! Values that one job has committed must never be rolled out over newer ones of another. So the values are read directly
//! before helm runs, helm gets exactly those, and all is read again when it has run, and after every wait for another
//! helm: a job that was overtaken between its read and its helm puts the newest values back. A lease that the caller
//! holds meanwhile keeps jobs from overtaking each other at all; without one, or when it is lost, it costs a second run of helm.

use std::error::Error;
use std::time::{Duration, Instant, SystemTime};

use kube::Client;
use serde::Serialize;

use super::error::HelmError;
use super::program::Helm;
use super::release::{Release, ReleaseError};
use super::upgrade::Upgrade;
use crate::release_status::Status;

/// The values as they stand now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newest<V> {
    /// The document.
    pub text: String,
    /// Which version of it, handed through.
    pub version: V,
}

/// What is done about a release that is locked by a helm that was killed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recovery {
    /// Nothing: [`RollOutError::Stuck`] says what to do.
    #[default]
    Refuse,
    /// An upgrade or rollback is rolled back to the newest good revision, a first installation is uninstalled; then all
    /// goes on as usual.
    Recover,
}

/// How long to wait for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For everything, runs of helm and waiting for those of others. A helm that still runs then is ended.
    pub deadline: Duration,
    /// After how long without a sign of life a pending release counts as stuck, by the clocks of this machine and of that where its
    /// helm runs. Longer than the timeout of any helm, which writes nothing while it waits: else one of somebody else that is at work
    /// is taken for dead. A helm under a lease is not, as long as its job lives.
    pub stuck_after: Duration,
    /// What is done then.
    pub recovery: Recovery,
    /// The first pause between looks at a release that somebody else works on; it doubles up to `cap`.
    pub pause: Duration,
    /// No pause is longer.
    pub cap: Duration,
    /// The most runs of helm. Each but the first was made necessary by somebody else's.
    pub runs: u32,
}

impl Default for Patience {
    /// 15 minutes, stuck after 10, no recovery, pauses from 0.5 s to 5 s, 10 runs.
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(900),
            stuck_after: Duration::from_secs(600),
            recovery: Recovery::default(),
            pause: Duration::from_millis(500),
            cap: Duration::from_secs(5),
            runs: 10,
        }
    }
}

/// What a roll-out does at the moment, for whoever watches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "step")]
#[non_exhaustive]
pub enum Step {
    /// helm runs.
    Upgrade {
        /// To write this revision.
        revision: u32,
        /// From values and chart of this hash.
        hash: String,
    },
    /// Another helm is at work on the release.
    Wait {
        /// helm's words, or what the release says.
        reason: String,
    },
    /// A release that is stuck is brought back.
    Recover {
        /// The revision that is stuck.
        revision: u32,
        /// Where it is stuck.
        status: Status,
        /// The revision that comes back; `None`: there is none, the release is uninstalled.
        to: Option<u32>,
    },
}

/// A release that carries the newest values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolledOut<V> {
    /// As it stood before the values were read for the last time.
    pub release: Release,
    /// The version of the values that it carries.
    pub version: V,
    /// How often helm was run to write a revision. Nothing: the values were rolled out already.
    pub runs: u32,
    /// Whether it was stuck and brought back.
    pub recovered: bool,
}

/// Why a release does not carry the newest values.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RollOutError<E: Error + 'static> {
    /// The values could not be read.
    #[error("cannot read the newest values")]
    Values(#[source] E),
    /// The release could not be read.
    #[error("cannot read release `{release}`")]
    Release {
        /// Its name.
        release: String,
        /// Why not.
        source: ReleaseError,
    },
    /// helm failed.
    #[error("cannot roll out release `{release}`")]
    Helm {
        /// Its name.
        release: String,
        /// What helm said.
        source: HelmError,
    },
    /// A helm was killed while it was at work, and the release is locked ever since. [`Recovery::Recover`] does what the
    /// message says.
    #[error(
        "release `{release}` is stuck: revision {revision} is {} for {} s, so its helm was killed; `{recovery}` brings it back",
        status.as_str(),
        age.as_secs()
    )]
    Stuck {
        /// Its name.
        release: String,
        /// The revision that is stuck.
        revision: u32,
        /// Where.
        status: Status,
        /// For how long.
        age: Duration,
        /// The command of helm that brings the release back.
        recovery: String,
    },
    /// Others were at work on the release all the time.
    #[error("gave up on release `{release}` after {} s and {runs} runs of helm: {reason}", waited.as_secs())]
    TimedOut {
        /// Its name.
        release: String,
        /// How long it was tried.
        waited: Duration,
        /// How often helm was run to write a revision.
        runs: u32,
        /// What was in the way at last.
        reason: String,
    },
}

impl Helm {
    /// Brings the release to the newest values, and runs helm only where it does not carry them yet.
    ///
    /// `newest` reads the values, not from memory; it is asked after the release was read and directly before helm runs. `tell`
    /// hears what happens. When the future is dropped, helm is ended gently and the release can be rolled out again.
    ///
    /// Nothing to do is one request for the release and one call of `newest`; a roll-out is two of each and one helm.
    ///
    /// # Errors
    /// [`RollOutError`], whose variants are the next move.
    pub async fn roll_out<V, E, F>(
        &self,
        client: &Client,
        upgrade: &Upgrade,
        patience: &Patience,
        mut newest: impl FnMut() -> F,
        tell: impl FnMut(Step),
    ) -> Result<RolledOut<V>, RollOutError<E>>
    where
        E: Error + 'static,
        F: Future<Output = Result<Newest<V>, E>>,
    {
        let mut run = Run::new(self, upgrade, patience, tell);
        loop {
            let found = run.release(client).await?;
            let Newest { text, version } = newest().await.map_err(RollOutError::Values)?;
            let hash = upgrade.hash(&text).map_err(|source| run.helm_failed(source))?;
            match found {
                Some(release) if release.is_deployed_from(&hash) => {
                    return Ok(RolledOut { release, version, runs: run.runs, recovered: run.recovered });
                }
                Some(release) if release.status.is_pending() => run.pending(&release).await?,
                found => run.upgrade(&text, hash, found.map_or(1, |release| release.revision + 1)).await?,
            }
        }
    }
}

/// One roll-out, between its beginning and its end.
struct Run<'a, T> {
    helm: &'a Helm,
    upgrade: &'a Upgrade,
    patience: &'a Patience,
    tell: T,
    started: Instant,
    pauses: u32,
    runs: u32,
    recovered: bool,
    /// What helm said when the release was to be brought back.
    not_recovered: Option<HelmError>,
}

impl<'a, T: FnMut(Step)> Run<'a, T> {
    fn new(helm: &'a Helm, upgrade: &'a Upgrade, patience: &'a Patience, tell: T) -> Self {
        Self {
            helm,
            upgrade,
            patience,
            tell,
            started: Instant::now(),
            pauses: 0,
            runs: 0,
            recovered: false,
            not_recovered: None,
        }
    }

    fn name(&self) -> String {
        self.upgrade.target.release.clone()
    }

    async fn release<E: Error + 'static>(&self, client: &Client) -> Result<Option<Release>, RollOutError<E>> {
        let found = self.helm.release(client, &self.upgrade.target).await;
        found.map_err(|source| RollOutError::Release { release: self.name(), source })
    }

    fn helm_failed<E: Error + 'static>(&self, source: HelmError) -> RollOutError<E> {
        RollOutError::Helm { release: self.name(), source }
    }

    /// Runs helm once. What it has written, and over whom, shows when all is read again.
    async fn upgrade<E: Error + 'static>(
        &mut self,
        text: &str,
        hash: String,
        revision: u32,
    ) -> Result<(), RollOutError<E>> {
        if self.runs >= self.patience.runs {
            return Err(self.timed_out("somebody else changed the release after every run".to_owned()));
        }
        let left = self.left("the values are not rolled out yet")?;
        (self.tell)(Step::Upgrade { revision, hash });
        self.runs += 1;
        match self.helm.upgrade(self.upgrade, text, revision, left).await {
            Ok(()) => Ok(()),
            Err(HelmError::Busy { words }) => {
                // It has written nothing.
                self.runs -= 1;
                self.pause(words).await
            }
            Err(source) => Err(self.helm_failed(source)),
        }
    }

    /// A helm is at work on the release, or was killed when it was.
    async fn pending<E: Error + 'static>(&mut self, release: &Release) -> Result<(), RollOutError<E>> {
        let age = release.age(SystemTime::now());
        let (revision, status) = (release.revision, release.status.clone());
        if age < self.patience.stuck_after {
            return self.pause(format!("revision {revision} is {} for {} s", status.as_str(), age.as_secs())).await;
        }
        let to = release.last_good();
        if self.patience.recovery == Recovery::Refuse {
            return Err(RollOutError::Stuck {
                release: self.name(),
                revision,
                status,
                age,
                recovery: self.command(to),
            });
        }
        if let Some(source) = self.not_recovered.take() {
            return Err(self.helm_failed(source));
        }
        let left = self.left("the release is stuck")?;
        (self.tell)(Step::Recover { revision, status, to });
        let recovered = match to {
            Some(to) => self.helm.roll_back(self.upgrade, to, left).await,
            None => self.helm.uninstall(self.upgrade, left).await,
        };
        match recovered {
            // Somebody else recovers it.
            Err(HelmError::Busy { words }) => return self.pause(words).await,
            // A rollback that fails, such as over objects that the killed helm has left, is a failed revision, and that is as
            // good to go on from. Whether it came to that shows when the release is read again.
            Err(source) => self.not_recovered = Some(source),
            Ok(()) => {}
        }
        self.recovered = true;
        Ok(())
    }

    /// What a person would type to recover the release.
    fn command(&self, to: Option<u32>) -> String {
        let (name, namespace) = (&self.upgrade.target.release, &self.upgrade.target.namespace);
        match to {
            Some(revision) => format!("helm rollback {name} {revision} --namespace {namespace}"),
            None => format!("helm uninstall {name} --namespace {namespace}"),
        }
    }

    /// What is left of the time, if anything.
    fn left<E: Error + 'static>(&self, reason: &str) -> Result<Duration, RollOutError<E>> {
        let left = self.patience.deadline.saturating_sub(self.started.elapsed());
        if left.is_zero() { Err(self.timed_out(reason.to_owned())) } else { Ok(left) }
    }

    /// Waits a little for another helm, longer each time.
    async fn pause<E: Error + 'static>(&mut self, reason: String) -> Result<(), RollOutError<E>> {
        let left = self.left(&reason)?;
        let doubled = self.patience.pause.saturating_mul(2_u32.saturating_pow(self.pauses)).min(self.patience.cap);
        self.pauses += 1;
        // Between half and all of it, so that jobs which wait for the same helm do not come back together.
        let pause = doubled.mul_f64(0.5 + fastrand::f64() / 2.0);
        if pause >= left {
            return Err(self.timed_out(reason));
        }
        (self.tell)(Step::Wait { reason });
        tokio::time::sleep(pause).await;
        Ok(())
    }

    fn timed_out<E: Error + 'static>(&self, reason: String) -> RollOutError<E> {
        RollOutError::TimedOut { release: self.name(), waited: self.started.elapsed(), runs: self.runs, reason }
    }
}
