//! Which history a command means, and recording what it did: [`HistoryOptions`], which all commands take.

use clap::Args;

use super::documents::Documents;
use super::exit::Exit;
use super::render::Failure;
use super::{Options, history as command};
use crate::deploy::{Kept, RecordError, Recording};
use crate::history::{self, History, Origin, Recorded};

/// Where revisions are kept, and what is said of new ones.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "History")]
pub(super) struct HistoryOptions {
    /// Where it is: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX or file://DIR; changes are recorded there
    /// [env: DAGSTER_WORKSPACE_HISTORY]
    #[arg(long, global = true, value_name = "PLACE")]
    history: Option<String>,
    /// Record nothing, whatever the environment says
    #[arg(long, global = true, conflicts_with = "history")]
    no_history: bool,
    /// Why, for the history
    #[arg(long, global = true, value_name = "TEXT")]
    reason: Option<String>,
    /// Who, for the history [default: who started the CI job, else $USER]
    #[arg(long, global = true, value_name = "NAME")]
    actor: Option<String>,
}

impl HistoryOptions {
    /// The place, from the argument or the environment.
    fn place(&self) -> Option<String> {
        let named = self.history.clone().or_else(|| std::env::var(history::VARIABLE).ok());
        named.filter(|place| !place.is_empty())
    }

    /// The history that a command is about.
    pub(super) fn open(&self) -> Result<History, Failure> {
        let place = self.place().ok_or_else(|| {
            Failure::usage("no history is named")
                .with_hint("name it with `--history s3://BUCKET/PREFIX` or in DAGSTER_WORKSPACE_HISTORY")
        })?;
        history::open(&place).map_err(|error| command::failure(&error))
    }

    /// What is said of a revision that is recorded in `history`.
    pub(super) fn recording_in(&self, history: History) -> Recording {
        let Self { reason, actor, .. } = self;
        let origin = Origin::of_environment();
        let started_by = origin.as_ref().and_then(|origin| origin.actor.clone());
        let user = || ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
        let actor = actor.clone().or(started_by).or_else(user);
        Recording { actor, reason: reason.clone(), origin, ..Recording::new(history) }
    }

    /// Where changes are recorded; `None`: nowhere.
    pub(super) fn recording(&self) -> Result<Option<Recording>, Failure> {
        if self.no_history || self.place().is_none() {
            return Ok(None);
        }
        self.open().map(|history| Some(self.recording_in(history)))
    }
}

/// Records the documents of a directory, where there is a history.
pub(super) fn record(recording: Option<&Recording>, place: &Documents) -> Result<Option<Kept>, Failure> {
    let Some(recording) = recording else { return Ok(None) };
    let recorded = place.runtime.block_on(recording.record(&place.documents, Default::default()));
    let recorded = recorded.map_err(|error| not_recorded(error, |error| place.names.failure(error)))?;
    Ok(Some(Kept { revision: recorded.revision().number, is_new: matches!(recorded, Recorded::New(_)) }))
}

/// A job that is done, and that the history does not have.
pub(super) fn not_recorded(
    error: RecordError,
    of_documents: impl FnOnce(crate::deploy::DocumentsError) -> Failure,
) -> Failure {
    let failure = match error {
        RecordError::Documents(error) => of_documents(error),
        RecordError::History(error) => command::failure(&error),
    };
    let causes = std::iter::once(failure.message.clone()).chain(failure.causes.clone()).collect();
    let hint = failure.hint.clone().map(|hint| format!("{hint}; "));
    let hint = format!("{}run it again: it records what is missing", hint.unwrap_or_default());
    let message = "everything is done and stays done, and is not recorded".to_owned();
    Failure { exit: Exit::Partial, reason: "not-recorded", message, causes, hint: Some(hint), ..failure }
}

/// The recording that the options ask for.
pub(super) fn of(options: &Options) -> Result<Option<Recording>, Failure> {
    options.history.recording()
}
