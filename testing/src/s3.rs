//! The S3 API for tests: moto on 127.0.0.1. Start with [`S3::shared`].

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::{Value, json};

use crate::{Oracle, top};

/// A running S3, all of whose buckets keep versions. It ends when this is dropped, and with this process however that
/// ends: it reads from a pipe that only this process holds.
#[derive(Debug)]
pub struct S3 {
    oracle: Mutex<Oracle>,
    endpoint: String,
}

impl S3 {
    /// The one of this process, which takes any key. Tests keep out of each other's way by a bucket each.
    ///
    /// # Panics
    /// Where it does not start; under CI also without the Python environment.
    #[must_use]
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<S3>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// One of one's own.
    ///
    /// # Panics
    /// As [`S3::shared`].
    #[must_use]
    pub fn start() -> Option<Self> {
        let mut oracle = Oracle::python(top().join("testing/oracles/s3.py"))?;
        let endpoint = oracle.ask(&json!({}))["endpoint"].as_str().expect("it has an address").to_owned();
        Some(Self { oracle: Mutex::new(oracle), endpoint })
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A new bucket of that name and a number.
    ///
    /// # Panics
    /// Where S3 gives no answer.
    #[must_use]
    pub fn bucket(&self, name: &str) -> String {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let bucket = format!("{name}-{}", MADE.fetch_add(1, Ordering::Relaxed));
        self.ask(&json!({ "bucket": bucket }));
        bucket
    }

    /// The variables with which a program finds it.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        self.environment_of("test", "test")
    }

    /// The same with keys of one's own.
    #[must_use]
    pub fn environment_of(&self, key: &str, secret: &str) -> BTreeMap<String, String> {
        let variables = [
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", key),
            ("AWS_SECRET_ACCESS_KEY", secret),
        ];
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// Asks what `testing/oracles/s3.py` lists.
    ///
    /// # Panics
    /// Where it gives no answer.
    pub fn ask(&self, question: &Value) -> Value {
        self.locked().ask(question)
    }

    fn locked(&self) -> MutexGuard<'_, Oracle> {
        // A test that failed while it asked leaves an oracle that may still answer others.
        self.oracle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
