//! Jobs on a cluster, watched as they go: [`run`] for everything that gives a report.

use std::path::PathBuf;

use super::cluster::{self, OnCluster};
use super::documents::{Names, runtime};
use super::outcome;
use super::render::{Answer, Failure};
use super::{Context, Options};
use crate::deploy::{DeployError, Deployer, Events, Failed, Report, Request, Settings};
use crate::plan::Plan;

/// Does `job` with the deployer that the options say, shows its progress, and says what came of it.
pub(super) fn run(
    context: &mut Context<'_>,
    job: impl AsyncFnOnce(&Deployer) -> Result<Report, Failed>,
) -> Result<Answer, Failure> {
    let options = context.options;
    let names = |deployer: &Deployer, report: &Report| match &report.holders {
        Some(holders) => cluster::names(deployer.namespace(), holders),
        // Nothing is known of documents, and nothing is said of them.
        None => Names::Directory(PathBuf::new()),
    };
    let settings = Settings {
        #[cfg(feature = "object-store")]
        recording: super::recording::of(options)?,
        ..options.cluster.settings()?
    };
    watch(context, settings, async |cluster: &OnCluster| match job(&cluster.deployer).await {
        Ok(report) => Ok(outcome::answer(&names(&cluster.deployer, &report), &report, cluster.requests())),
        Err(failed) => Err(outcome::failure(&names(&cluster.deployer, &failed.report), failed, cluster.requests())),
    })
}

/// Asks the deployer that the options say for anything else.
pub(super) fn ask<T>(
    context: &mut Context<'_>,
    question: impl AsyncFnOnce(&Deployer) -> Result<T, DeployError>,
) -> Result<T, Failure> {
    let settings = context.options.cluster.settings()?;
    watch(context, settings, async |cluster: &OnCluster| {
        let answer = question(&cluster.deployer).await;
        answer.map_err(|error| outcome::unanswered(cluster.deployer.namespace(), error))
    })
}

/// The plan of a request.
pub(super) fn plan(request: &Request, context: &mut Context<'_>) -> Result<Plan, Failure> {
    ask(context, async |deployer| deployer.plan(request).await)
}

fn watch<T>(
    context: &mut Context<'_>,
    settings: Settings,
    job: impl AsyncFnOnce(&OnCluster) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let options: &Options = context.options;
    let Some(connection) = options.cluster.connection() else {
        let hint = "name its namespace with `--namespace`";
        return Err(Failure::usage("this is done on a cluster").with_hint(hint));
    };
    let runtime = runtime()?;
    let (events, stream) = Events::channel();
    let cluster = runtime.block_on(OnCluster::connect(&connection, settings, events))?;
    runtime.block_on(context.progress.watch(stream, job(&cluster)))
}
