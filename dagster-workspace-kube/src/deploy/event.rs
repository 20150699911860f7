//! What a job does at the moment, as data: [`Event`]s, told to [`Events`] and heard from an [`EventStream`].
//!
//! A job never waits for who listens, and nobody has to.

use std::fmt::Display;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use serde::{Serialize, Serializer};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::Step;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// A step begins.
    Started {
        /// Which.
        step: Step,
    },
    /// A step goes on.
    Progress {
        /// Which.
        step: Step,
        /// What it does, or waits for.
        message: String,
    },
    /// Something that people should know of, and that stops nothing.
    Warned {
        /// In which step.
        step: Step,
        /// What it is.
        message: String,
    },
    /// A step ended.
    Ended(StepReport),
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepReport {
    /// Which.
    pub step: Step,
    /// How.
    pub outcome: StepOutcome,
    /// What was done or found, in a few words.
    pub detail: String,
    /// Wall-clock time that it took, in seconds.
    #[serde(rename = "seconds", serialize_with = "as_seconds")]
    pub took: Duration,
}

/// How a step ended, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepOutcome {
    /// It changed something.
    Changed,
    /// All was as it should be.
    Unchanged,
    /// It was not wanted, or there was no reason to.
    Skipped,
    /// It failed.
    Failed,
}

fn as_seconds<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    // Milliseconds are all that a network allows to tell apart.
    serializer.serialize_f64((took.as_secs_f64() * 1000.0).round() / 1000.0)
}

/// Where a job tells its events.
#[derive(Clone, Debug, Default)]
pub struct Events {
    sender: Option<UnboundedSender<Event>>,
}

impl Events {
    /// Events that nobody hears.
    #[must_use]
    pub fn unheard() -> Self {
        Self::default()
    }

    /// Events, and the stream to hear them from. The stream ends when the last clone of the events is dropped.
    #[must_use]
    pub fn channel() -> (Self, EventStream) {
        let (sender, receiver) = unbounded_channel();
        (Self { sender: Some(sender) }, EventStream { receiver })
    }

    pub(crate) fn tell(&self, event: Event) {
        match &event {
            Event::Started { step } => tracing::debug!(%step, "started"),
            Event::Progress { step, message } => tracing::debug!(%step, message, "progress"),
            Event::Warned { step, message } => tracing::warn!(%step, message, "warned"),
            Event::Ended(StepReport { step, outcome, detail, took }) => {
                tracing::info!(%step, ?outcome, detail, ?took, "ended");
            }
        }
        if let Some(sender) = &self.sender {
            // Who does not listen any more has heard what he wanted.
            let _ = sender.send(event);
        }
    }

    pub(crate) fn progress(&self, step: Step, message: impl Into<String>) {
        self.tell(Event::Progress { step, message: message.into() });
    }

    pub(crate) fn warn(&self, step: Step, message: impl Into<String>) {
        self.tell(Event::Warned { step, message: message.into() });
    }

    /// A step begins.
    pub(crate) fn start(&self, step: Step) -> Running<'_> {
        self.tell(Event::Started { step });
        Running { events: self, step, started: Instant::now() }
    }
}

/// A step under way.
#[derive(Debug)]
pub(crate) struct Running<'e> {
    events: &'e Events,
    step: Step,
    started: Instant,
}

impl Running<'_> {
    /// It ended.
    pub(crate) fn end(self, outcome: StepOutcome, detail: impl Into<String>) -> StepReport {
        let Self { events, step, started } = self;
        let report = StepReport { step, outcome, detail: detail.into(), took: started.elapsed() };
        events.tell(Event::Ended(report.clone()));
        report
    }

    /// It ended as said, or failed.
    pub(crate) fn end_as(self, done: &Result<(StepOutcome, String), impl Display>) -> StepReport {
        match done {
            Ok((outcome, detail)) => self.end(*outcome, detail.as_str()),
            Err(error) => self.end(StepOutcome::Failed, error.to_string()),
        }
    }
}

/// The events of a job, in their order.
#[derive(Debug)]
pub struct EventStream {
    receiver: UnboundedReceiver<Event>,
}

impl EventStream {
    /// The next event; `None` after the last one.
    pub async fn next(&mut self) -> Option<Event> {
        self.receiver.recv().await
    }
}

impl Stream for EventStream {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.receiver.poll_recv(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn events_come_in_their_order_and_end() {
        let (events, mut stream) = Events::channel();
        let running = events.start(Step::Helm);
        events.warn(Step::Helm, "slow");
        running.end(StepOutcome::Changed, "revision 2");
        drop(events);
        assert_eq!(stream.next().await, Some(Event::Started { step: Step::Helm }));
        assert!(matches!(stream.next().await, Some(Event::Warned { .. })));
        let Some(Event::Ended(report)) = stream.next().await else { panic!("it ends") };
        let data = serde_json::to_value(&report).unwrap();
        assert_eq!((&data["step"], &data["outcome"]), (&"helm".into(), &"changed".into()));
        assert!(data["seconds"].is_f64());
        assert_eq!(stream.next().await, None);
    }

    #[test]
    fn nobody_has_to_listen() {
        let (events, stream) = Events::channel();
        drop(stream);
        events.start(Step::Ready).end(StepOutcome::Skipped, "");
        Events::unheard().warn(Step::Ready, "unheard");
    }
}
