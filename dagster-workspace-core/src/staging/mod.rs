//! Repositories that come and go: what is known of one beside its entry, what it is called, and when it has had its time.
//!
//! [`Records`] reads the key [`KEY`] of the values, which the chart ignores: nothing rolls when a record changes. [`name`] makes the
//! name of a repository under review out of the repository's own. [`outdated`] says what may go; it decides nothing by a clock of its
//! own.

mod name;
mod prune;
mod record;

pub use name::{LONGEST, Review, name};
pub use prune::{Criterion, Outdated, Reason, outdated};
pub use record::{KEY, Record, RecordRef, Records};
