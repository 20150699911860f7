//! What is unfinished is finished, and what has drifted is put back: [`Deployer::sync`]. Beside it [`Deployer::wait`], which
//! changes nothing, and [`Deployer::restart`], which changes nothing but pods.

use std::collections::BTreeSet;
use std::time::Duration;

use dagster_workspace_core::pairing::Pairing;
use dagster_workspace_core::transform::Subject;
use dagster_workspace_core::transform::pair::{self, Pair, Wanted};
use dagster_workspace_core::values::UserDeployments;
use dagster_workspace_core::workspace::Workspace;
use dagster_workspace_core::yaml::Document;
use tokio::time::{Instant, sleep};

use super::activate::{as_served, judge, judge_as};
use super::around::Around;
use super::deployer::Deployer;
use super::documents::{Documents, DocumentsError, missing};
use super::entries::names_in;
use super::error::{DeployError, Failed, Late};
use super::event::StepOutcome::{Changed, Unchanged};
use super::report::Report;
use super::request::{Aim, Request};
use super::status::stored;
use super::step::Step;
use crate::reload::{self, Activation, Expected, Webserver};
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
            let location = |name: &str, port| pair::location(name, port, &Wanted::default());
            let pairs =
                deployments.iter().filter_map(|deployment| Some(location(&deployment.name()?, deployment.port()?)));
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
        Report::of(async |report| self.wait_for_all(names, report).await).await
    }

    async fn wait_for_all(&self, names: &[String], report: &mut Report) -> Result<(), (Step, DeployError)> {
        let around = self.look_around(report).await.map_err(|error| (Step::Discover, error))?;
        report.holders = Some(around.holders.clone());
        let documents = self.documents(&around);
        let failed = |error| (Step::Ready, error);
        let values = text(&documents, Subject::Values).await.map_err(failed)?;
        let workspace = text(&documents, Subject::Workspace).await.map_err(failed)?;
        let deadline = Instant::now() + self.settings().timeout;
        let names =
            if names.is_empty() { names_in(Subject::Values, &values).into_iter().collect() } else { names.to_vec() };
        let ready = async |report: &mut Report| {
            for name in self.named(&names, &around, [&values, &workspace]).await? {
                report.ready.push(self.wait_for(Step::Ready, &Rollout::newest(name), deadline).await?);
            }
            Ok((Unchanged, format!("{} ready", counted(names.len(), "code server"))))
        };
        self.step(Step::Ready, report, ready).await?;
        let served = async |report: &mut Report| {
            let webservers = self.all_webservers(&around).await?;
            let activation =
                self.until_served(&webservers, &expected_of(&workspace, &names, self.namespace()), deadline).await;
            judge_as(activation.clone(), Late::Yes)?;
            report.activation = Some(activation);
            Ok((Unchanged, format!("{} serve the workspace", counted(webservers.len(), "webserver"))))
        };
        self.step(Step::Activate, report, served).await
    }

    /// Asks every webserver until it serves what is expected, or time is over.
    async fn until_served(&self, webservers: &[Webserver], expected: &Expected, deadline: Instant) -> Activation {
        let mut pause = Duration::from_millis(500);
        loop {
            let activation = reload::look(webservers, expected, self.settings().activation.patience).await;
            if activation.is_complete() || Instant::now() + pause >= deadline {
                return activation;
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
        Report::of(async |report| self.restart_all_of(names, report).await).await
    }

    async fn restart_all_of(&self, names: &[String], report: &mut Report) -> Result<(), (Step, DeployError)> {
        let around = self.look_around(report).await.map_err(|error| (Step::Discover, error))?;
        report.holders = Some(around.holders.clone());
        let restart = async |report: &mut Report| {
            let deployments: Vec<String> = if names.is_empty() {
                let parts = around.system.iter().flat_map(|system| system.daemons().chain(system.webservers()));
                parts.map(|part| part.name.clone()).collect()
            } else {
                let documents = self.documents(&around);
                let both = [stored(&documents, Subject::Values).await?, stored(&documents, Subject::Workspace).await?];
                let both = both.map(|stored| stored.map_or_else(String::new, |stored| stored.text));
                self.named(names, &around, both.each_ref()).await?
            };
            let deployments: Vec<&str> = deployments.iter().map(String::as_str).collect();
            // A restart that has begun changes pods, also where it does not end well.
            report.changed = true;
            report.restarted = self.restart_deployments(&deployments, &Cause::Asked, Step::Restart).await?;
            Ok((Changed, format!("{} restarted", counted(deployments.len(), "Deployment"))))
        };
        self.step(Step::Restart, report, restart).await?;
        if names.is_empty() {
            return Ok(());
        }
        let reload = async |report: &mut Report| {
            let workspace = text(&self.documents(&around), Subject::Workspace).await?;
            let expected = expected_of(&workspace, names, self.namespace());
            let locations: Vec<&str> = expected.present.iter().map(|location| location.name.as_str()).collect();
            let webservers = self.all_webservers(&around).await?;
            let activation = reload::reload_locations(&webservers, &locations, &self.settings().activation).await;
            let reloads: u32 = activation.webservers.iter().map(|activated| activated.reloads).sum();
            report.activation = Some(activation.clone());
            judge(activation)?;
            Ok((Changed, format!("{} reloaded", counted(reloads as usize, "location"))))
        };
        self.step(Step::Activate, report, reload).await
    }

    /// The Deployments of code servers that somebody has named. One that is missing may be misspelled: the documents know.
    async fn named(
        &self,
        names: &[String],
        around: &Around,
        [values, workspace]: [&String; 2],
    ) -> Result<Vec<String>, DeployError> {
        match self.deployments_of(names, &around.release).await {
            Err(DeployError::NoCodeServer { release, names }) => {
                let missing = missing(&names, values, workspace, self.documents(around).target());
                if missing.is_empty() {
                    return Err(DeployError::NoCodeServer { release, names });
                }
                Err(DeployError::Documents {
                    failed: None,
                    source: DocumentsError::NotFound { missing, aim: Aim::Present },
                })
            }
            found => found,
        }
    }

    async fn all_webservers(&self, around: &Around) -> Result<Vec<Webserver>, DeployError> {
        Ok(self.webservers(around).await?.into_iter().map(|asked| asked.webserver).collect())
    }
}

async fn text(documents: &Documents, subject: Subject) -> Result<String, DeployError> {
    match documents.get(subject).await {
        Ok(stored) => Ok(stored.text),
        Err(source) => Err(DeployError::Documents { failed: None, source }),
    }
}

/// What webservers should serve of these deployments, which are in namespace `own`.
fn expected_of(workspace: &str, names: &[String], own: &str) -> Expected {
    let Ok(document) = Document::parse(workspace) else { return Expected::default() };
    let workspace = Workspace::of(&document);
    let pairing = Pairing::of(&workspace, Some(own));
    let places: BTreeSet<usize> = names.iter().flat_map(|name| pairing.locations_of(name)).flatten().collect();
    let locations = places.into_iter().filter_map(|at| pairing.locations().get(at));
    Expected { present: locations.filter_map(as_served).collect(), ..Expected::default() }
}
