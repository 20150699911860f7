//! Preview deployments, which come and go with a pull request or a branch of a repository: the preview record that is kept of one
//! beside its entry, what it is called, and when it has had its time.
//!
//! [`Records`] reads the key [`KEY`] of the values, which the chart ignores: nothing rolls when a record changes. [`name`] makes the
//! name of a preview deployment out of the repository's own. [`outdated`] tells what may go; it decides nothing by a clock of its own.

mod name;
mod prune;
mod record;

pub use name::{LONGEST, Review, name};
pub use prune::{Criterion, Found, Outdated, Pattern, Reason, Selection, Unscoped, UnscopedError, outdated};
pub use record::{KEY, Record, RecordRef, Records};
