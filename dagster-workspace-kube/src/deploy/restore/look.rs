//! What is there before a restore, and whether it may be overwritten: [`Place`].

use dagster_workspace_core::compile::{self, Form, Input};
use dagster_workspace_core::lint;
use dagster_workspace_core::transform::Subject;

use super::{BOTH, Job, Occupied, SystemRelease};
use crate::deploy::around::Around;
use crate::deploy::documents::{Documents, empty, noun};
use crate::deploy::error::DeployError;
use crate::deploy::status::stored;
use crate::helm::{self, Chart, ChartSource, OnFailure, Upgrade, Wait};
use crate::store::Stored;

/// What is in the namespace.
pub(super) struct Place {
    pub(super) around: Around,
    pub(super) documents: Documents,
    /// What stands there, values first.
    pub(super) stored: [Option<Stored>; 2],
    /// The release of the code servers, and whether it carries the values.
    pub(super) code: (Upgrade, Carried),
    /// That of the system, its values, and whether it carries them.
    pub(super) system: Option<(Upgrade, String, Carried)>,
}

/// Whether a release carries what it is to carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Carried {
    Missing,
    Other(u32),
    Same(u32),
}

impl Job {
    /// Looks at everything that the restore would touch.
    pub(super) async fn look(&self) -> Result<Place, DeployError> {
        let around = self.deployer.find().await?;
        let documents = self.deployer.documents(&around);
        let stored = [stored(&documents, Subject::Values).await?, stored(&documents, Subject::Workspace).await?];
        let code = self.deployer.upgrade(&around)?;
        let carried = self.carried(&code, &self.texts.values).await?;
        let system = match &self.system {
            Some(system) => {
                let (upgrade, values) = self.system_upgrade(system, &around)?;
                let carried = self.carried(&upgrade, &values).await?;
                Some((upgrade, values, carried))
            }
            None => None,
        };
        Ok(Place { around, documents, stored, code: (code, carried), system })
    }

    pub(super) async fn carried(&self, upgrade: &Upgrade, values: &str) -> Result<Carried, DeployError> {
        if self.settings().steps.are_documents() {
            return Ok(Carried::Missing);
        }
        let release = self.deployer.shared.helm.release(&self.deployer.shared.client, &upgrade.target).await?;
        let hash = upgrade.hash(values)?;
        Ok(match release {
            None => Carried::Missing,
            Some(release) if release.is_deployed_from(&hash) => Carried::Same(release.revision),
            Some(release) => Carried::Other(release.revision),
        })
    }

    /// What helm is asked for of the system, and its values with what the documents need there.
    pub(super) fn system_upgrade(
        &self,
        system: &SystemRelease,
        around: &Around,
    ) -> Result<(Upgrade, String), DeployError> {
        let settings = self.settings();
        let running = around.system.as_ref();
        let version = system.chart_version.clone();
        let judged = version.as_deref().and_then(|version| version.parse().ok());
        let source = system.chart.clone().unwrap_or_else(|| ChartSource::published(helm::SYSTEM));
        let chart = Chart::versioned(source, version).ok_or(DeployError::NoChartVersion)?;
        let compiled = compile::compile(&Input {
            values: &self.texts.values,
            workspace: &self.texts.workspace,
            system: &system.values,
            user_deployments: "",
            chart: judged.unwrap_or(lint::Target::NEWEST.chart),
            form: Form::ConfigMap(&around.holders.workspace.config_map),
        })?;
        let named = settings.system_release.clone().or_else(|| running.and_then(|system| system.release.clone()));
        let target = self.deployer.release_in(self.deployer.namespace(), named.as_deref().unwrap_or(helm::SYSTEM));
        // The system waits for its code servers, which come after it.
        let options = helm::Options { wait: Wait::No, on_failure: OnFailure::Keep, ..settings.helm_options.clone() };
        Ok((Upgrade { target, chart, options }, compiled.system))
    }

    /// Whether this is the place of another installation.
    pub(super) fn check(&self, place: &Place) -> Result<(), DeployError> {
        if self.occupied == Occupied::Replace {
            return Ok(());
        }
        let mut found = Vec::new();
        for (subject, stored) in BOTH.into_iter().zip(&place.stored) {
            let Some(stored) = stored else { continue };
            if !self.is_free(subject, &stored.text) {
                let (name, number) = (place.around.name(subject), self.revision.number);
                found.push(format!("the {} in `{name}` are not those of revision {number}", noun(subject)));
            }
        }
        // Documents of this revision say whose the releases are.
        let is_ours = |(subject, stored): (Subject, &Option<Stored>)| {
            stored.as_ref().is_some_and(|stored| stored.text == self.text(subject))
        };
        if found.is_empty() && !BOTH.into_iter().zip(&place.stored).any(is_ours) {
            let system = place.system.iter().map(|(upgrade, _, carried)| (upgrade, carried));
            for (upgrade, carried) in system.chain([(&place.code.0, &place.code.1)]) {
                if let Carried::Other(revision) = carried {
                    let name = &upgrade.target.release;
                    found.push(format!("release `{name}`, revision {revision}, was made from something else"));
                }
            }
        }
        if found.is_empty() { Ok(()) } else { Err(DeployError::Occupied { found }) }
    }

    /// Whether a text may be overwritten: it is what is restored, or nothing.
    pub(super) fn is_free(&self, subject: Subject, text: &str) -> bool {
        self.occupied == Occupied::Replace || text == self.text(subject) || text == empty(subject)
    }
}
