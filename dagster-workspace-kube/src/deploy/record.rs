//! Recording in the flow: after success both documents become one revision of the history. Start with [`Recording`].

use std::collections::BTreeMap;

use dagster_workspace_core::transform::Subject;

use super::clock::now;
use super::documents::{Documents, DocumentsError};
use crate::history::{self, History, HistoryError, Meta, Origin, Recorded, record_with};

/// Where jobs record, and what is said of them there.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The history.
    pub history: History,
    /// Who.
    pub actor: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The CI job and the change of code behind it.
    pub origin: Option<Origin>,
}

/// Why nothing was recorded. What was done before stays, and the next job records it.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The documents cannot be read.
    #[error(transparent)]
    Documents(#[from] DocumentsError),
    /// The history does not take them.
    #[error(transparent)]
    History(#[from] HistoryError),
}

impl Recording {
    /// Records in this history, and says nothing of who and why.
    #[must_use]
    pub fn new(history: History) -> Self {
        Self { history, actor: None, reason: None, origin: None }
    }

    /// Both documents as they would be recorded.
    ///
    /// # Errors
    /// [`DocumentsError`].
    pub async fn texts(documents: &Documents) -> Result<history::Documents, DocumentsError> {
        let values = documents.get(Subject::Values).await?.text;
        Ok(history::Documents { values, workspace: documents.get(Subject::Workspace).await?.text })
    }

    /// Records both documents as they are now, others' changes included; no new revision where the newest says the same.
    ///
    /// `charts` are versions of deployed charts by name. Two reads of documents, and again for every number that another recorder takes.
    ///
    /// # Errors
    /// [`RecordError`].
    pub async fn record(
        &self,
        documents: &Documents,
        charts: BTreeMap<String, String>,
    ) -> Result<Recorded, RecordError> {
        let Self { history, actor, reason, origin } = self;
        let meta =
            Meta { actor: actor.clone(), reason: reason.clone(), origin: origin.clone(), charts, ..Meta::at(now()) };
        record_with(history, &meta, async || Ok(Self::texts(documents).await?)).await
    }
}

#[cfg(feature = "cluster")]
mod on_cluster {
    use std::collections::BTreeMap;

    use super::RecordError;
    use crate::cluster::System;
    use crate::deploy::around::Around;
    use crate::deploy::documents::Documents;
    use crate::deploy::error::DeployError;
    use crate::deploy::event::StepOutcome::{Changed, Failed, Unchanged};
    use crate::deploy::report::{Kept, Report};
    use crate::deploy::{Deployer, Step};
    use crate::helm;
    use crate::history::Recorded;

    impl Deployer {
        /// The last step of a job, where there is a history.
        pub(in crate::deploy) async fn record(
            &self,
            around: &Around,
            documents: &Documents,
            report: &mut Report,
        ) -> Result<(), DeployError> {
            let Some(recording) = &self.settings().recording else { return Ok(()) };
            let running = self.events.start(Step::Record);
            match recording.record(documents, self.charts(around)).await {
                Ok(recorded) => {
                    let (revision, is_new) = (recorded.revision().number, matches!(recorded, Recorded::New(_)));
                    report.recorded = Some(Kept { revision, is_new });
                    let outcome = if is_new { Changed } else { Unchanged };
                    report.note(running.end(outcome, format!("revision {revision}")));
                    Ok(())
                }
                Err(error) => {
                    report.note(running.end(Failed, error.to_string()));
                    Err(not_recorded(error))
                }
            }
        }

        /// The versions of the deployed charts, as far as they are known.
        fn charts(&self, around: &Around) -> BTreeMap<String, String> {
            let system = around.system.as_ref().and_then(System::chart_version).map(str::to_owned);
            let code = self.upgrade(around).ok().and_then(|upgrade| upgrade.chart.version);
            let code = code.filter(|_| self.settings().steps.has(Step::Helm));
            let named = [(helm::SYSTEM, system), (helm::USER_DEPLOYMENTS, code)];
            named.into_iter().filter_map(|(name, version)| Some((name.to_owned(), version?))).collect()
        }
    }

    fn not_recorded(error: RecordError) -> DeployError {
        DeployError::NotRecorded(Box::new(error))
    }
}
