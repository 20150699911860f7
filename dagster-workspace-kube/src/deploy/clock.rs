//! This machine's clock, as core writes points in time. Nothing is ordered by it.

use std::time::SystemTime;

use dagster_workspace_core::time::Timestamp;

/// The time by this machine's clock.
pub(crate) fn now() -> Timestamp {
    timestamp(SystemTime::now())
}

/// A point in time for people.
#[cfg(feature = "cluster")]
pub(crate) fn clock(time: SystemTime) -> String {
    timestamp(time).to_string()
}

fn timestamp(time: SystemTime) -> Timestamp {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    Timestamp::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
}
