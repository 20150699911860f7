//! What is wrong with a system, and what changes hands: [`Deployer::doctor`], [`Deployer::adopt`] and [`Deployer::init`].

use dagster_workspace_core::error::Severity;
use dagster_workspace_core::transform::Subject;
use dagster_workspace_core::value::Value;
use serde::Serialize;

use super::deployer::{Deployer, Holders, Shared};
use super::documents::empty;
use super::error::DeployError;
use crate::cluster::{self, AdoptError, Adopted, Adoption, Facts, Finding, Permission, Release, Task};
use crate::helm::{self, Chart, ChartSource, HelmError, Options, Upgrade};

/// What a doctor finds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Examination {
    /// Where the documents are.
    #[serde(skip)]
    pub holders: Holders,
    /// What is wrong, errors first.
    pub findings: Vec<Finding>,
    /// Permissions that jobs need and that are missing.
    pub missing: Vec<Permission>,
    /// The helm that would be run; `None` where there is none, which is a finding.
    pub helm: Option<String>,
}

impl Examination {
    /// Whether jobs can do their work.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.missing.is_empty() && self.findings.iter().all(|finding| finding.severity == Severity::Warning)
    }
}

/// What `init` did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Initialised {
    /// Where the documents are.
    #[serde(skip)]
    pub holders: Holders,
    /// Documents that were created.
    #[serde(skip)]
    pub created: Vec<Subject>,
    /// The release that the values were taken from.
    pub from: Option<String>,
}

/// What an adoption does about the system's release, which must drop the ConfigMap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SystemUpgrade {
    /// Somebody else upgrades it.
    Later,
    /// It is upgraded now, from this chart; by default the one that Dagster publishes, in the version that runs.
    Now(Option<ChartSource>),
}

impl Deployer {
    /// Looks for settings that cannot work, sizes near their limit, and missing permissions. Writes nothing; one
    /// SelfSubjectAccessReview for each permission.
    ///
    /// # Errors
    /// [`DeployError`] where there is no system, or the cluster cannot be asked.
    pub async fn doctor(&self) -> Result<Examination, DeployError> {
        let Shared { client, namespace, helm, .. } = &*self.shared;
        let around = self.find().await?;
        let workspace = cluster::config_map(client, namespace, &around.holders.workspace.config_map).await?;
        let values = cluster::config_map(client, namespace, &around.holders.values.config_map).await?;
        // Without the permission the checks that need it find nothing, and the permission is named.
        let of_system = match around.system.as_ref().and_then(|system| system.release.as_ref()) {
            Some(release) => cluster::release(client, namespace, release).await.ok().flatten(),
            None => None,
        };
        let of_code = cluster::release(client, namespace, &around.release).await.ok().flatten();
        let mut findings = cluster::doctor(&Facts {
            system: around.system.as_ref(),
            workspace: Some((&around.holders.workspace, workspace.as_ref())),
            values: Some((&around.holders.values, values.as_ref())),
            system_release: of_system.as_ref(),
            code_release: of_code.as_ref(),
        });
        let helm = match helm.version().await {
            Ok(version) => Some(version.text.clone()),
            Err(error) => {
                let (code, hint) = ("DW0690", Some("`--helm` names the program".to_owned()));
                findings.push(Finding { code, severity: Severity::Error, message: error.to_string(), hint });
                None
            }
        };
        let missing = cluster::missing(client, namespace, &permissions(&around.holders)).await?;
        Ok(Examination { holders: around.holders, findings, missing, helm })
    }

    /// The smallest Role that jobs need, with its binding to a service account, as YAML.
    ///
    /// # Errors
    /// [`DeployError`] where it cannot be found out which ConfigMaps hold the documents.
    pub async fn role(&self, account: &str) -> Result<String, DeployError> {
        let around = self.find().await?;
        Ok(cluster::role_yaml("dagster-workspace", self.namespace(), account, &permissions(&around.holders)))
    }

    /// What is left to do until the workspace's ConfigMap belongs to no release; `None`: nothing.
    ///
    /// # Errors
    /// [`DeployError::Adopt`], and [`DeployError`] where the ConfigMap cannot be found.
    pub async fn adoption(&self) -> Result<Option<Adoption>, DeployError> {
        let around = self.find_any().await?;
        let name = &around.holders.workspace.config_map;
        cluster::adoption(&self.shared.client, self.namespace(), name).await.map_err(adopting)
    }

    /// Takes the workspace's ConfigMap over from the system's release, for good: the release keeps it when it drops it, is
    /// upgraded so that it does, and forgets it. Each step is decided from what is there.
    ///
    /// # Errors
    /// [`DeployError::Adopt`] for the step that failed, and [`DeployError`] where the ConfigMap cannot be found.
    pub async fn adopt(&self, upgrade: &SystemUpgrade) -> Result<Adopted, DeployError> {
        let around = self.find_any().await?;
        let Shared { client, namespace, settings, .. } = &*self.shared;
        let name = &around.holders.workspace.config_map;
        let carry_out = async |adoption: Adoption| match upgrade {
            SystemUpgrade::Later => Ok(cluster::Upgrade::Later),
            SystemUpgrade::Now(chart) => self.upgrade_system(&adoption, chart.as_ref()).await,
        };
        cluster::adopt(client, namespace, name, &settings.field_manager, carry_out).await.map_err(adopting)
    }

    /// Upgrades the system with the values that it has and those of the adoption.
    async fn upgrade_system(
        &self,
        adoption: &Adoption,
        source: Option<&ChartSource>,
    ) -> Result<cluster::Upgrade, HelmError> {
        let Shared { client, settings, helm: program, .. } = &*self.shared;
        let words = |error: &dyn std::error::Error| HelmError::Failed { exit: None, words: error.to_string() };
        let release = cluster::release(client, &adoption.release_namespace, &adoption.release).await;
        let release = release.map_err(|error| words(&error))?;
        let version = adoption.chart.as_ref().map(|(_, version)| version.clone());
        let source = source.cloned().unwrap_or_else(|| ChartSource::published(helm::SYSTEM));
        let newest = Chart { source: source.clone(), version: None };
        let chart = Chart::versioned(source, version).unwrap_or(newest);
        let target = self.release_in(&adoption.release_namespace, &adoption.release);
        let options = Options { timeout: settings.timeout, ..settings.helm_options.clone() };
        let upgrade = Upgrade { target, chart, options };
        let revision = release.as_ref().map_or(1, |release| u32::try_from(release.revision).unwrap_or(u32::MAX) + 1);
        let values = with_adoption(release.as_ref(), &adoption.values).map_err(|error| words(&*error))?;
        program.upgrade(&upgrade, &values, revision, settings.patience.deadline).await?;
        Ok(cluster::Upgrade::Done)
    }

    /// Creates the documents that are missing: the values those of the release that runs, where one does, and else empty.
    ///
    /// # Errors
    /// [`DeployError`] where they cannot be looked for or created, or the release cannot be read.
    pub async fn init(&self) -> Result<Initialised, DeployError> {
        let around = self.find_any().await?;
        let documents = self.documents(&around);
        let (mut created, mut from) = (Vec::new(), None);
        let failed = |subject| move |source| DeployError::Documents { failed: Some(subject), source };
        if documents.is_missing(Subject::Values).await.map_err(failed(Subject::Values))? {
            let (text, release) = self.live_values(&around).await?;
            if documents.create(Subject::Values, &text).await.map_err(failed(Subject::Values))? {
                created.push(Subject::Values);
                from = release;
            }
        }
        let workspace = documents.create(Subject::Workspace, empty(Subject::Workspace)).await;
        if workspace.map_err(failed(Subject::Workspace))? {
            created.push(Subject::Workspace);
        }
        Ok(Initialised { holders: around.holders, created, from })
    }

    /// The values of the code servers that run, and the release that has them: their own, else the system's.
    async fn live_values(&self, around: &super::around::Around) -> Result<(String, Option<String>), DeployError> {
        let of_system = around.system.as_ref().and_then(|system| system.release.clone());
        for release in [Some(around.release.clone()), of_system].into_iter().flatten() {
            let found = cluster::release(&self.shared.client, self.namespace(), &release).await?;
            let Some(found) = found else { continue };
            if found.user_deployments().entries().is_empty() {
                continue;
            }
            return Ok((found.user_deployments_text()?, Some(release)));
        }
        Ok((empty(Subject::Values).to_owned(), None))
    }
}

fn adopting(error: AdoptError<HelmError>) -> DeployError {
    DeployError::Adopt(Box::new(error))
}

fn permissions(holders: &Holders) -> Vec<Permission> {
    let documents = cluster::Documents {
        values: holders.values.config_map.clone(),
        workspace: holders.workspace.config_map.clone(),
    };
    let tasks = [Task::Read, Task::Documents, Task::Helm, Task::Lease, Task::Reload, Task::Restart];
    cluster::needed(&tasks, &documents)
}

/// The values of a release with those of an adoption on top, as YAML.
fn with_adoption(release: Option<&Release>, adoption: &str) -> Result<String, Box<dyn std::error::Error>> {
    let document = dagster_workspace_core::yaml::Document::parse(adoption)?;
    let new = document.to_value(dagster_workspace_core::yaml::Schema::Helm)?;
    let mut values = release.map(|release| release.config.clone()).unwrap_or_default();
    if !matches!(values, Value::Mapping(_)) {
        values = Value::Mapping(Vec::new());
    }
    merge(&mut values, &new);
    // JSON is YAML.
    Ok(serde_json::to_string(&values)?)
}

/// Mappings are gone into, everything else is replaced.
fn merge(values: &mut Value, new: &Value) {
    for (key, value) in new.entries() {
        match values.get(key).cloned() {
            Some(mut old) if matches!((&old, value), (Value::Mapping(_), Value::Mapping(_))) => {
                merge(&mut old, value);
                values.set(key, old);
            }
            _ => values.set(key, value.clone()),
        }
    }
}
