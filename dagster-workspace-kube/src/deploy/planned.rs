//! Plans of jobs on a cluster: [`Deployer::plan`] makes one and writes nothing, [`Deployer::apply`] carries it out.

use dagster_workspace_core::transform::Subject;

use super::activate::needs_restart_of;
use super::around::Around;
use super::deployer::Deployer;
use super::documents::OnlyOn;
use super::error::{DeployError, Failed};
use super::report::Report;
use super::settings::ActivateBy;
use super::step::Step;
use crate::cluster::System;
use crate::plan::{self, OnCluster, Plan, PlanError, Staleness};

use super::request::Request;

impl Deployer {
    /// What a request would do, as data. Writes nothing: two reads of documents and one of the release, beside what it takes
    /// to look around.
    ///
    /// # Errors
    /// [`DeployError`] where the request would be refused, or the cluster cannot be looked at.
    pub async fn plan(&self, request: &Request) -> Result<Plan, DeployError> {
        self.plan_on(request, None).await
    }

    /// What applying a plan would do now, as a plan. Writes nothing.
    ///
    /// # Errors
    /// [`DeployError::Plan`] where [`Deployer::apply`] would find it stale; else as [`Deployer::plan`].
    pub async fn plan_again(&self, plan: &Plan, staleness: Staleness) -> Result<Plan, DeployError> {
        self.plan_on(&plan.request(), base(plan, staleness)).await
    }

    /// The plan of a request, on what another plan was made from where that is given.
    async fn plan_on(&self, request: &Request, base: Option<&Plan>) -> Result<Plan, DeployError> {
        let around = self.find().await?;
        let documents = self.documents(&around);
        let job = documents.begin(request).await.map_err(|source| DeployError::Documents { failed: None, source })?;
        if let Some(base) = base {
            self.check_plan(base, &around, job.planned())?;
        }
        let mut plan = plan::of_documents(&job);
        let edited = |subject| job.planned().iter().find(|edited| edited.subject == subject);
        let steps = &self.settings().steps;
        let values = edited(Subject::Values);
        let (mut chart, mut release, mut upgrades) = (None, None, false);
        if steps.has(Step::Helm) {
            let upgrade = self.upgrade(&around)?;
            release = self.shared.helm.release(&self.shared.client, &upgrade.target).await?;
            let hash = values.map(|values| upgrade.hash(&values.text)).transpose()?;
            let both = release.as_ref().zip(hash.as_ref());
            upgrades = !both.is_some_and(|(release, hash)| release.is_deployed_from(hash));
            chart = Some(upgrade.chart);
        }
        let rolls =
            values.filter(|_| upgrades).map(|values| plan::rolls(&values.before, &values.text)).unwrap_or_default();
        let activates = steps.has(Step::Activate) && edited(Subject::Workspace).is_some_and(super::Edited::is_changed);
        let (reloads, restarts) = if activates { self.active_by(&around) } else { (Vec::new(), Vec::new()) };
        plan.has_changes |= upgrades;
        if upgrades {
            let revision = release.as_ref().map_or(0, |release| release.revision) + 1;
            plan.summary.push(format!("~ release {} revision {revision}", around.release));
        }
        plan.summary.extend(rolls.iter().map(|name| format!("~ pods of {name}")));
        plan.summary.extend(restarts.iter().map(|name| format!("~ restart {name}")));
        plan.cluster = Some(OnCluster {
            namespace: self.namespace().to_owned(),
            release: around.release.clone(),
            chart,
            revision: release.map(|release| release.revision),
            upgrade: upgrades,
            rolls,
            reloads,
            restarts,
        });
        Ok(plan)
    }

    /// The Deployments that would be reloaded, and those that would be restarted.
    fn active_by(&self, around: &Around) -> (Vec<String>, Vec<String>) {
        let restart = self.settings().activate_by == ActivateBy::Restart;
        let webservers = around.system.iter().flat_map(System::webservers);
        let (restarts, reloads): (Vec<_>, Vec<_>) =
            webservers.partition(|workload| restart || needs_restart_of(workload));
        let daemons = around.system.iter().flat_map(System::daemons).filter(|_| restart);
        let names = |of: Vec<&crate::cluster::Workload>| of.into_iter().map(|workload| workload.name.clone()).collect();
        (names(reloads), names(restarts.into_iter().chain(daemons).collect()))
    }

    /// Carries a plan out: everything that [`Deployer::run`] does, on the documents that the plan was made from and no others.
    ///
    /// A plan that was cut off is finished by applying it again. What others change in the document that is written second, while
    /// helm is at work, is kept and does not stop it.
    ///
    /// # Errors
    /// [`Failed`] with [`DeployError::Plan`] where it is stale, unless `staleness` says to replay it; else as
    /// [`Deployer::run`].
    pub async fn apply(&self, plan: &Plan, staleness: Staleness) -> Result<Report, Failed> {
        self.run_as_planned(&plan.request(), base(plan, staleness)).await
    }

    /// What the document that is written first must be.
    pub(super) fn only_on(plan: &Plan) -> Option<OnlyOn> {
        let subject = plan.request().order()[0];
        let base = plan.base_of(subject)?;
        Some(OnlyOn { subject, checksums: vec![base.before.clone(), base.after.clone()] })
    }

    /// Whether a plan fits what is there now.
    pub(super) fn check_plan(&self, plan: &Plan, around: &Around, planned: &[super::Edited]) -> Result<(), PlanError> {
        plan.check_form()?;
        let mut changed = Vec::new();
        if let Some(cluster) = &plan.cluster {
            let OnCluster { namespace, release, chart, .. } = cluster;
            if namespace != self.namespace() {
                changed.push(format!("it was made for namespace `{namespace}`, and this is `{}`", self.namespace()));
            }
            if *release != around.release {
                changed
                    .push(format!("it was made for release `{release}`, and code servers are of `{}`", around.release));
            }
            // What cannot be said of the chart now is told by the step that needs it.
            if let (Some(chart), Ok(upgrade)) = (chart, self.upgrade(around))
                && upgrade.chart.version != chart.version
            {
                let version = |version: Option<String>| version.unwrap_or_else(|| "none".to_owned());
                let (was, is) = (version(chart.version.clone()), version(upgrade.chart.version));
                changed.push(format!("the chart's version was {was}, and is {is}"));
            }
        }
        for edited in planned {
            let Some(base) = plan.base_of(edited.subject) else { continue };
            changed.extend(plan::since(base, edited.subject, &edited.before));
            let uid = |version: &str| version.split('/').next().unwrap_or_default().to_owned();
            if changed.is_empty() && uid(&base.version) != uid(edited.version.as_str()) {
                changed.push(format!("the {} were deleted and created again", super::documents::noun(edited.subject)));
            }
        }
        if changed.is_empty() { Ok(()) } else { Err(PlanError::Stale { changed }) }
    }
}

/// What must still be as it was; nothing where the plan is replayed.
fn base(plan: &Plan, staleness: Staleness) -> Option<&Plan> {
    match staleness {
        Staleness::Refuse => Some(plan),
        Staleness::Rebase => None,
    }
}
