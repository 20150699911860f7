//! Who takes part. A [`Tool`] is data: a name, what it can read, and one function that makes a task ready to run.

use crate::task::{Request, Task};
use crate::{ours, peers};

/// What is timed: one task from text to text. `None` comes out of [`Task::Parse`].
pub(crate) type Run<'t> = Box<dyn FnMut() -> Result<Option<String>, String> + 't>;

/// One row of the tables.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) ours: bool,
    pub(crate) reads: Reads,
    pub(crate) tasks: &'static [Task],
    /// Makes a task ready to run; the request is made here, before the clock starts.
    pub(crate) prepare: for<'t> fn(&'t str, Request) -> Run<'t>,
}

/// Which of the two documents a tool is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    Anchors,
    NoAnchors,
}

/// All of them, ours first.
pub(crate) fn all() -> Vec<Tool> {
    let mut tools = ours::tools();
    tools.extend(peers::tools());
    tools
}
