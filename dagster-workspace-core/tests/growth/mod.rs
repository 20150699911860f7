//! How work grows with a text, without a time in it: runs are compared with each other only. Read [`check`].

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One measurement at a time, and none beside the texts of many megabytes.
static ALONE: Mutex<()> = Mutex::new(());

pub(crate) fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many times as long `work` takes as `measure`, by the fastest of some runs of each in turn.
pub(crate) fn ratio(work: &dyn Fn(), measure: &dyn Fn()) -> f64 {
    let once = |work: &dyn Fn()| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    let (mut best, mut unit) = (Duration::MAX, Duration::MAX);
    for _ in 0..3 {
        best = best.min(once(work));
        unit = unit.min(once(measure));
    }
    best.as_secs_f64() / unit.as_secs_f64()
}

/// Fails where eight times the text takes 24 times as long, or longer: quadratic work takes 64 times.
pub(crate) fn check(name: &str, large: &dyn Fn(), small: &dyn Fn()) {
    // Several tries: another process may have had the processor.
    let found = (0..10).map(|_| ratio(large, small)).find(|ratio| *ratio < 24.0);
    assert!(found.is_some(), "{name}: over 24 times the work for eight times the text");
}
