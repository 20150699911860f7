//! What a job does, as it does it, on the standard error: one line for each step, and on a terminal a line that lives.

use std::future::poll_fn;
use std::io::Write;
use std::pin::pin;
use std::task::Poll;

use futures_core::Stream as _;
use serde_json::{Value, json};

use super::render::Format;
use crate::deploy::{Event, EventStream, StepOutcome, StepReport};

/// Whether the standard error is looked at as it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Live {
    /// A log: whole lines.
    #[default]
    No,
    /// A terminal.
    Yes,
}

/// Where progress is shown.
pub(super) struct Progress<'p> {
    pub(super) stream: &'p mut dyn Write,
    pub(super) format: Format,
    pub(super) live: Live,
    /// What people should know of and programs are told at the end.
    pub(super) notices: Vec<Value>,
}

impl Progress<'_> {
    /// Waits for `job`, and shows what it tells meanwhile.
    pub(super) async fn watch<T>(&mut self, mut events: EventStream, job: impl Future<Output = T>) -> T {
        let mut job = pin!(job);
        let output = poll_fn(|context| {
            while let Poll::Ready(Some(event)) = pin!(&mut events).poll_next(context) {
                self.show(&event);
            }
            job.as_mut().poll(context)
        })
        .await;
        poll_fn(|context| {
            while let Poll::Ready(Some(event)) = pin!(&mut events).poll_next(context) {
                self.show(&event);
            }
            Poll::Ready(())
        })
        .await;
        output
    }

    fn show(&mut self, event: &Event) {
        if let Event::Warned { step, message } = event {
            self.notices.push(json!({ "step": step, "message": message }));
        }
        let text = match self.format {
            Format::Json => String::new(),
            Format::Text | Format::Github => rendered(event, self.live),
        };
        if !text.is_empty() {
            // Nobody is left to be told that the standard error cannot be written.
            let _ = self.stream.write_all(text.as_bytes()).and_then(|()| self.stream.flush());
        }
    }
}

/// The line of an event; nothing for what only a terminal shows.
fn rendered(event: &Event, live: Live) -> String {
    let line = match (event, live) {
        (Event::Ended(StepReport { step, outcome, detail, took }), _) => {
            let outcome = match outcome {
                StepOutcome::Changed => "done",
                StepOutcome::Unchanged => "ok",
                StepOutcome::Skipped => "skipped",
                StepOutcome::Failed => "failed",
            };
            format!("{step:<9}  {outcome:<7}  {:>6.2}s  {detail}\n", took.as_secs_f64())
        }
        (Event::Warned { step, message }, _) => format!("{step:<9}  warning           {message}\n"),
        (Event::Started { step }, Live::Yes) => format!("{step:<9}  ..."),
        (Event::Progress { step, message }, Live::Yes) => format!("{step:<9}  ...               {message}"),
        (Event::Progress { step, message }, Live::No) => format!("{step:<9}  ...               {message}\n"),
        (Event::Started { .. }, Live::No) => return String::new(),
    };
    // Back to the beginning of the line, and all of it away.
    if live == Live::Yes { format!("\r\x1b[2K{line}") } else { line }
}
