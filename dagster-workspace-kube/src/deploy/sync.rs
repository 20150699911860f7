//! What is unfinished is finished, and what has drifted is put back: [`Deployer::sync`]. Beside it [`Deployer::wait`], which
//! changes nothing, and [`Deployer::restart`], which changes nothing but pods.

use std::time::Duration;

use dagster_workspace_core::transform::pair::Pair;
use dagster_workspace_core::transform::{Subject, Transform};
use dagster_workspace_core::values::UserDeployments;
use dagster_workspace_core::workspace::{CodeLocation, GrpcServer, Workspace};
use dagster_workspace_core::yaml::Document;
use tokio::time::{Instant, sleep};

use super::deployer::{Deployer, Shared};
use super::entries::names_in;
use super::error::{DeployError, Failed, Late};
use super::event::StepOutcome::{Changed, Unchanged};
use super::report::Report;
use super::request::{Aim, Request};
use super::status::everything;
use super::step::Step;
use crate::reload::{Activated, Activation, Hastened, Location, LocationState, Outcome, Webserver};
use crate::rollout::{Cause, Rollout};
use crate::words::counted;

impl Deployer {
    /// Finishes jobs that were cut off and puts back what has drifted: every deployment of the values is rolled out, has a location,
    /// and is served by every webserver; locations that are served and stand in no workspace are taken away.
    ///
    /// A deployment without a location gets one: of a job that was adding it and one that was removing it, the first is finished. A
    /// removal that was cut off is finished by running it again. Locations without a deployment stay: they may be somebody's own.
    ///
    /// # Errors
    /// As [`Deployer::run`].
    pub async fn sync(&self) -> Result<Report, Failed> {
        let request = Request::made(Aim::Present, Vec::new(), |values| {
            let deployments = UserDeployments::of(values);
            let server = |name: &str, port| Transform::PairLocation { server: GrpcServer::new(name, name, port) };
            let pairs =
                deployments.iter().filter_map(|deployment| Some(server(&deployment.name()?, deployment.port()?)));
            Ok(Pair { values: Vec::new(), workspace: pairs.collect() })
        });
        self.run(&request.for_everything()).await
    }

    /// Waits until the code servers of these deployments are ready and every webserver serves them, loaded. Without names: all of
    /// both documents. Reloads nothing and writes nothing.
    ///
    /// # Errors
    /// [`Failed`]: [`DeployError::NotReady`], [`DeployError::NotActive`] when the time is over, [`DeployError::NotLoaded`].
    pub async fn wait(&self, names: &[String]) -> Result<Report, Failed> {
        let mut report = Report::default();
        match self.wait_for_all(names, &mut report).await {
            Ok(()) => Ok(report),
            Err((step, error)) => Err(Failed { step, report: Box::new(report), error }),
        }
    }

    async fn wait_for_all(&self, names: &[String], report: &mut Report) -> Result<(), (Step, DeployError)> {
        let around = self.look_around(report).await.map_err(|error| (Step::Discover, error))?;
        report.holders = Some(around.holders.clone());
        let documents = self.documents(&around);
        let text = async |subject| {
            let stored = documents.get(subject).await;
            stored
                .map(|stored| stored.text)
                .map_err(|source| (Step::Ready, DeployError::Documents { failed: None, source }))
        };
        let (values, workspace) = (text(Subject::Values).await?, text(Subject::Workspace).await?);
        let deadline = Instant::now() + self.settings().timeout;
        let running = self.events.start(Step::Ready);
        let names =
            if names.is_empty() { names_in(Subject::Values, &values).into_iter().collect() } else { names.to_vec() };
        let ready = async {
            for name in self.deployments_of(&names, &around.release).await? {
                report.ready.push(self.wait_for(Step::Ready, &Rollout::newest(name), deadline).await?);
            }
            Ok(())
        };
        ready.await.map_err(|error| (Step::Ready, error))?;
        report.note(running.end(Unchanged, format!("{} ready", counted(names.len(), "code server"))));
        let running = self.events.start(Step::Activate);
        let asked = self.webservers(&around).await.map_err(|error| (Step::Activate, error))?;
        let webservers: Vec<Webserver> = asked.into_iter().map(|asked| asked.webserver).collect();
        let served = self.until_served(&webservers, &workspace, &names, deadline).await;
        report.activation = served.as_ref().ok().cloned();
        served.map_err(|error| (Step::Activate, error))?;
        report.note(running.end(Unchanged, format!("{} serve the workspace", counted(webservers.len(), "webserver"))));
        Ok(())
    }

    /// Asks every webserver until it serves the locations of these deployments.
    async fn until_served(
        &self,
        webservers: &[Webserver],
        workspace: &str,
        names: &[String],
        deadline: Instant,
    ) -> Result<Activation, DeployError> {
        let mut pause = Duration::from_millis(500);
        loop {
            let mut activation = Activation { webservers: Vec::new() };
            for webserver in webservers {
                let outcome = match webserver.locations(self.settings().activation.patience).await {
                    Ok(served) => judge(workspace, names, &served),
                    Err(error) => Outcome::Lost { error },
                };
                let webserver = webserver.name().to_owned();
                activation.webservers.push(Activated {
                    webserver,
                    outcome,
                    queries: 1,
                    reloads: 0,
                    hastened: Hastened::No,
                });
            }
            if activation.is_complete() {
                return Ok(activation);
            }
            let failing = |of: &Activated| matches!(of.outcome, Outcome::Serving { .. } | Outcome::Failing { .. });
            if Instant::now() + pause >= deadline {
                let behind = activation.webservers.iter().filter(|of| !failing(of)).count();
                return Err(match behind {
                    0 => DeployError::NotLoaded { activation },
                    behind => DeployError::NotActive { behind, late: Late::Yes, activation },
                });
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(8));
        }
    }

    /// Restarts code servers, as for an image whose tag has moved, and has every webserver load their locations again. Without
    /// names: webservers and daemon, as `kubectl rollout restart` does.
    ///
    /// # Errors
    /// [`Failed`]: [`DeployError::NoCodeServer`], [`DeployError::Restart`], [`DeployError::NotReady`], [`DeployError::NotLoaded`].
    pub async fn restart(&self, names: &[String]) -> Result<Report, Failed> {
        let mut report = Report::default();
        match self.restart_all_of(names, &mut report).await {
            Ok(()) => Ok(report),
            Err((step, error)) => Err(Failed { step, report: Box::new(report), error }),
        }
    }

    async fn restart_all_of(&self, names: &[String], report: &mut Report) -> Result<(), (Step, DeployError)> {
        let around = self.look_around(report).await.map_err(|error| (Step::Discover, error))?;
        report.holders = Some(around.holders.clone());
        let running = self.events.start(Step::Restart);
        let deployments = if names.is_empty() {
            let system = around.system.iter();
            system.flat_map(|system| system.daemons().chain(system.webservers())).map(|of| of.name.clone()).collect()
        } else {
            self.deployments_of(names, &around.release).await.map_err(|error| (Step::Restart, error))?
        };
        let of: Vec<&str> = deployments.iter().map(String::as_str).collect();
        // A restart that has begun changes pods, also where it does not end well.
        report.changed = true;
        let restarted = self.restart_deployments(&of, &Cause::Asked, Step::Restart).await;
        report.restarted = restarted.map_err(|error| (Step::Restart, error))?;
        report.note(running.end(Changed, format!("{} restarted", counted(deployments.len(), "Deployment"))));
        if names.is_empty() {
            return Ok(());
        }
        let running = self.events.start(Step::Activate);
        let activation = self.reload_locations(names, &around).await.map_err(|error| (Step::Activate, error))?;
        let reloads: u32 = activation.webservers.iter().map(|activated| activated.reloads).sum();
        report.activation = Some(activation.clone());
        super::activate::judge(activation).map_err(|error| (Step::Activate, error))?;
        report.note(running.end(Changed, counted(reloads as usize, "location reloaded")));
        Ok(())
    }

    /// Has every webserver load the locations of these deployments again.
    async fn reload_locations(
        &self,
        names: &[String],
        around: &super::around::Around,
    ) -> Result<Activation, DeployError> {
        let Shared { settings, .. } = &*self.shared;
        let patience = settings.activation.patience;
        let stored = self.documents(around).get(Subject::Workspace).await;
        let workspace = stored.map_err(|source| DeployError::Documents { failed: None, source })?.text;
        let mut activation = Activation { webservers: Vec::new() };
        for asked in self.webservers(around).await? {
            let webserver = asked.webserver;
            let (mut loaded, mut lost, mut reloads) = (Vec::new(), None, 0);
            for location in locations_of(&workspace, names) {
                match webserver.reload_location(&location, patience).await {
                    Ok(location) => {
                        reloads += 1;
                        loaded.push(location);
                    }
                    Err(error) => lost = Some(error),
                }
            }
            let failed: Vec<Location> = loaded.iter().filter(|location| is_failed(location)).cloned().collect();
            let outcome = match lost {
                Some(error) => Outcome::Lost { error },
                None if failed.is_empty() => Outcome::Serving { locations: loaded },
                None => Outcome::Failing { failed },
            };
            let webserver = webserver.name().to_owned();
            activation.webservers.push(Activated { webserver, outcome, queries: 0, reloads, hastened: Hastened::No });
        }
        Ok(activation)
    }
}

/// The locations of these deployments.
fn locations_of(workspace: &str, names: &[String]) -> Vec<String> {
    let Ok(document) = Document::parse(workspace) else { return Vec::new() };
    let workspace = Workspace::of(&document);
    let is_of = |location: &CodeLocation<'_, '_>| {
        location.service().is_some_and(|service| names.iter().any(|name| *name == service))
    };
    let of = workspace.locations().filter(is_of);
    of.filter_map(|location| Some(location.name()?.into_owned())).collect()
}

/// How far a webserver is with the locations of these deployments.
fn judge(workspace: &str, names: &[String], served: &[Location]) -> Outcome {
    let of_names = locations_of(workspace, names);
    let mut expected = everything(workspace, &[]);
    expected.present.retain(|location| of_names.contains(&location.name));
    let differences = expected.differences(served);
    let found: Vec<Location> = served.iter().filter(|location| of_names.contains(&location.name)).cloned().collect();
    let failed: Vec<Location> = found.iter().filter(|location| is_failed(location)).cloned().collect();
    let loading = found.iter().any(|location| location.state == LocationState::Loading);
    match (differences.is_empty() && !loading, failed.is_empty()) {
        (false, _) => Outcome::Behind { differences },
        (true, false) => Outcome::Failing { failed },
        (true, true) => Outcome::Serving { locations: found },
    }
}

fn is_failed(location: &Location) -> bool {
    matches!(location.state, LocationState::Failed { .. })
}
