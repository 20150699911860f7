//! The activation of one webserver. [`Run::next`] decides from what was seen last, [`Run::drive`] does it until that is an
//! outcome.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::projection::touch;
use super::{
    Activated, ErrorLink, Expected, Hastened, Location, LocationState, NeedsRestart, Outcome, Policy, Projection,
    ReloadError, Webserver,
};

pub(super) struct Run<'a> {
    webserver: &'a Webserver,
    expected: &'a Expected,
    policy: &'a Policy,
    queries: u32,
    /// Of the workspace; bounded by the policy.
    workspace_reloads: u32,
    location_reloads: u32,
    hastened: Hastened,
    /// In a row.
    losses: u32,
    read_only: bool,
    /// What the last reload was refused with.
    rejected: Option<Vec<ErrorLink>>,
    /// What was served when it was last asked.
    served: Option<Vec<Location>>,
    /// Locations that failed in this run's own reload, so that their error is not an old one.
    fresh: BTreeSet<String>,
    /// Since when expected locations fail, and how often that was waited for.
    failing: Option<(Instant, u32)>,
    /// After the last reload it was waited whether a removed location comes back.
    confirmed: bool,
    /// Locations to be loaded again whatever is served.
    anew: Vec<String>,
}

/// What to do next.
enum Step {
    End(Outcome),
    /// After a pause, see what is served.
    Look(Duration),
    /// Load these locations again.
    Refresh(Vec<String>),
    /// Read the workspace file again.
    Reload,
}

impl<'a> Run<'a> {
    pub(super) fn new(webserver: &'a Webserver, expected: &'a Expected, policy: &'a Policy) -> Self {
        Self {
            webserver,
            expected,
            policy,
            queries: 0,
            workspace_reloads: 0,
            location_reloads: 0,
            hastened: Hastened::No,
            losses: 0,
            read_only: false,
            rejected: None,
            served: None,
            fresh: BTreeSet::new(),
            failing: None,
            confirmed: true,
            anew: Vec::new(),
        }
    }

    /// The same, loading all that is expected once more.
    pub(super) fn anew(mut self) -> Self {
        self.anew = self.expected.present.iter().map(|expected| expected.name.clone()).collect();
        self
    }

    /// Runs to the end, or to that of the time.
    pub(super) async fn finish(mut self) -> Activated {
        let started = Instant::now();
        let outcome = match timeout(self.policy.deadline, self.look()).await {
            Ok(Ok(())) => {
                let more = self.patience_for(self.unreachable());
                match timeout_at(started + self.policy.deadline + more, self.drive()).await {
                    Ok(outcome) => outcome,
                    Err(_) => Ok(self.out_of_time()),
                }
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Ok(self.out_of_time()),
        };
        Activated {
            webserver: self.webserver.name().to_owned(),
            outcome: outcome.unwrap_or_else(|error| Outcome::Lost { error }),
            queries: self.queries,
            reloads: self.workspace_reloads + self.location_reloads,
            hastened: self.hastened,
        }
    }

    async fn drive(&mut self) -> Result<Outcome, ReloadError> {
        loop {
            match self.next() {
                Step::End(outcome) => return Ok(outcome),
                Step::Look(pause) => {
                    sleep(pause).await;
                    self.look().await?;
                }
                Step::Refresh(names) => self.refresh(&names).await?,
                Step::Reload => self.reload().await?,
            }
        }
    }

    fn next(&mut self) -> Step {
        let served = self.served.as_deref().unwrap_or_default();
        let differences = self.expected.differences(served);
        if !differences.is_empty() {
            self.failing = None;
            let restart = |why| Step::End(Outcome::NeedsRestart { why, differences: differences.clone() });
            return match &self.rejected {
                _ if self.webserver.projection == Projection::Never => restart(NeedsRestart::FileNeverChanges),
                _ if self.read_only => restart(NeedsRestart::ReadOnly),
                _ if self.workspace_reloads < self.policy.reloads => Step::Reload,
                Some(errors) => Step::End(Outcome::Rejected { errors: errors.clone() }),
                None => Step::End(Outcome::Behind { differences }),
            };
        }
        let locations: Vec<Location> = self.expected.of(served).cloned().collect();
        if !self.anew.is_empty() {
            return Step::Refresh(std::mem::take(&mut self.anew));
        }
        let failed: Vec<Location> = locations.iter().filter(|location| errors(location).is_some()).cloned().collect();
        if !failed.is_empty() {
            return self.wait_for(failed);
        }
        self.failing = None;
        if locations.iter().any(|location| location.state == LocationState::Loading) {
            return Step::Look(self.policy.first_pause);
        }
        if !self.confirmed && self.expected.removes() {
            self.confirmed = true;
            return Step::Look(self.policy.still_gone);
        }
        Step::End(Outcome::Serving { locations })
    }

    /// An error that this run did not cause may be an old one, and a server that cannot be reached may be coming up.
    fn wait_for(&mut self, failed: Vec<Location>) -> Step {
        let names = failed.iter().map(|location| &location.name);
        let old: Vec<String> = names.filter(|name| !self.fresh.contains(*name)).cloned().collect();
        if !old.is_empty() && !self.read_only {
            return Step::Refresh(old);
        }
        let (since, waits) = *self.failing.get_or_insert((Instant::now(), 0));
        let coming_up = failed.iter().any(unreachable) && since.elapsed() < self.policy.coming_up;
        if !coming_up {
            return Step::End(Outcome::Failing { failed });
        }
        self.failing = Some((since, waits.saturating_add(1)));
        // Newer webservers find out by themselves, older ones have to be told.
        self.fresh.clear();
        Step::Look(self.policy.pause(waits).min(self.policy.coming_up))
    }

    /// Sees what is served. Tries again where that may help.
    async fn look(&mut self) -> Result<(), ReloadError> {
        loop {
            self.queries += 1;
            match self.webserver.locations(self.policy.patience).await {
                Ok(served) => {
                    self.losses = 0;
                    self.served = Some(served);
                    return Ok(());
                }
                Err(error) => self.lost(error).await?,
            }
        }
    }

    /// Pauses after an answer that did not come.
    ///
    /// # Errors
    /// `error`, where that was once too often or trying again does not help.
    async fn lost(&mut self, error: ReloadError) -> Result<(), ReloadError> {
        if !matches!(error, ReloadError::Unreachable { .. } | ReloadError::Silent { .. }) {
            return Err(error);
        }
        self.losses += 1;
        if self.losses >= self.policy.losses {
            return Err(error);
        }
        sleep(self.policy.pause(self.losses)).await;
        Ok(())
    }

    async fn reload(&mut self) -> Result<(), ReloadError> {
        self.hasten().await;
        sleep(self.policy.pause(self.workspace_reloads)).await;
        self.look().await?;
        let differences = self.expected.differences(self.served.as_deref().unwrap_or_default());
        if differences.is_empty() {
            return Ok(());
        }
        self.workspace_reloads += 1;
        self.confirmed = false;
        let patience = self.policy.patience + self.patience_for(self.unreachable().saturating_add(count(&differences)));
        match self.webserver.reload(patience).await {
            Ok(served) => {
                self.losses = 0;
                self.rejected = None;
                self.fresh =
                    served.iter().filter(|location| errors(location).is_some()).map(|of| of.name.clone()).collect();
                self.served = Some(served);
                Ok(())
            }
            Err(ReloadError::Rejected { errors, .. }) => {
                // What is read may still be the file before ours.
                self.rejected = Some(errors);
                Ok(())
            }
            Err(ReloadError::ReadOnly { .. }) => {
                self.read_only = true;
                Ok(())
            }
            // It may have been carried out, or still be.
            Err(error) => {
                self.lost(error).await?;
                self.look().await
            }
        }
    }

    /// Loads locations again, one after the other, then sees what came of it.
    async fn refresh(&mut self, names: &[String]) -> Result<(), ReloadError> {
        for name in names {
            self.location_reloads += 1;
            self.fresh.insert(name.clone());
            let patience = self.policy.patience + self.patience_for(1);
            match self.webserver.reload_location(name, patience).await {
                Ok(_) => self.losses = 0,
                Err(ReloadError::ReadOnly { .. }) => {
                    self.read_only = true;
                    break;
                }
                // It is gone again, or only the workspace as a whole can be reloaded: what is served tells.
                Err(
                    ReloadError::UnknownLocation { .. }
                    | ReloadError::NotReloadable { .. }
                    | ReloadError::Rejected { .. },
                ) => {}
                Err(error) => self.lost(error).await?,
            }
        }
        self.look().await
    }

    /// Touches the pod. Each time anew: kubelet may have looked before the ConfigMap came to it.
    async fn hasten(&mut self) {
        let Some(pod) = &self.webserver.target.pod else { return };
        if let Hastened::Failed { error: ReloadError::Forbidden { .. } } = self.hastened {
            return;
        }
        self.hastened = match touch(&self.webserver.target.client, pod).await {
            Ok(()) => Hastened::Yes,
            Err(error) => Hastened::Failed { error },
        };
    }

    /// What it comes to when there is no time left.
    fn out_of_time(&self) -> Outcome {
        let Some(served) = &self.served else {
            let webserver = self.webserver.name().to_owned();
            return Outcome::Lost { error: ReloadError::Silent { webserver, waited: self.policy.deadline } };
        };
        let differences = self.expected.differences(served);
        let failed: Vec<Location> = self.expected.of(served).filter(|of| errors(of).is_some()).cloned().collect();
        match &self.rejected {
            Some(errors) if !differences.is_empty() => Outcome::Rejected { errors: errors.clone() },
            _ if differences.is_empty() && !failed.is_empty() => Outcome::Failing { failed },
            _ => Outcome::Behind { differences },
        }
    }

    /// How many served locations are on servers that cannot be reached.
    fn unreachable(&self) -> u32 {
        self.served
            .iter()
            .flatten()
            .filter(|location| unreachable(location))
            .fold(0, |count: u32, _| count.saturating_add(1))
    }

    fn patience_for(&self, locations: u32) -> Duration {
        self.policy.patience_per_location.saturating_mul(locations)
    }
}

fn errors(location: &Location) -> Option<&[ErrorLink]> {
    match &location.state {
        LocationState::Failed { errors } => Some(errors),
        LocationState::Loaded | LocationState::Loading => None,
    }
}

fn unreachable(location: &Location) -> bool {
    errors(location).and_then(<[ErrorLink]>::first).is_some_and(ErrorLink::is_unreachable)
}

fn count<T>(of: &[T]) -> u32 {
    u32::try_from(of.len()).unwrap_or(u32::MAX)
}
