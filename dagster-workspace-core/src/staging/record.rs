//! Records as they stand in the values: [`Records`] is the view, [`Record`] one of them, owned.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::field::FieldError;
use crate::span::Span;
use crate::time::Timestamp;
use crate::value::Value;
use crate::yaml::{Document, Entry, Node, Reader, Schema};

/// The key at the top of the values document, a mapping from the name of a deployment to its record.
pub const KEY: &str = "x-dagster-workspace";

/// What is known of a deployment beside what the chart gets. All of it may be missing.
///
/// ```yaml
/// x-dagster-workspace:
///   etl-pr-12:
///     owner: data
///     repository: acme/etl
///     pullRequest: 12
///     branch: faster
///     created: "2026-01-31T09:00:00Z"
///     expires: "2026-02-07T09:00:00Z"
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    /// Whom to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The repository that the pull request or branch is of, as the CI system names it: `acme/etl`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The number of the pull or merge request that it shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<u64>,
    /// The branch that it shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// When it was added first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// From when on it is no longer needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

impl Record {
    /// The fields that are known, as they are written.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let Self { owner, repository, pull_request, branch, created, expires } = self;
        let time = |time: &Option<Timestamp>| time.map(|time| Value::String(time.to_string()));
        let fields = [
            ("owner", owner.clone().map(Value::String)),
            ("repository", repository.clone().map(Value::String)),
            ("pullRequest", pull_request.map(|number| Value::Int(i64::try_from(number).unwrap_or(i64::MAX)))),
            ("branch", branch.clone().map(Value::String)),
            ("created", time(created)),
            ("expires", time(expires)),
        ];
        Value::Mapping(fields.into_iter().filter_map(|(key, value)| Some((key.into(), value?))).collect())
    }

    /// Whether it is of a repository; `None` where it does not say of which it is. Case does not count, as it does not for hosts of
    /// repositories.
    #[must_use]
    pub fn is_of(&self, repository: &str) -> Option<bool> {
        self.repository.as_ref().map(|own| own.eq_ignore_ascii_case(repository))
    }

    /// What a value says, and what of it cannot be understood and so is left out. Other keys are other tools' business.
    pub(crate) fn read(value: &Value) -> (Self, Vec<FieldError>) {
        let mut record = Self::default();
        let mut errors = Vec::new();
        if !matches!(value, Value::Mapping(_) | Value::Null) {
            errors.push(FieldError::new("", "a mapping", Some(value)));
        }
        for (key, value) in value.entries().iter().filter(|(_, value)| *value != Value::Null) {
            let text = value.as_str();
            let (is_read, expected) = match key.as_str() {
                "owner" => (set(&mut record.owner, text.map(Into::into)), "a text"),
                "repository" => (set(&mut record.repository, text.map(Into::into)), "a text"),
                "branch" => (set(&mut record.branch, text.map(Into::into)), "a text"),
                "pullRequest" => (set(&mut record.pull_request, number(value)), "a whole number"),
                "created" => (set(&mut record.created, text.and_then(|text| text.parse().ok())), TIME),
                "expires" => (set(&mut record.expires, text.and_then(|text| text.parse().ok())), TIME),
                _ => continue,
            };
            if is_read == Read::No {
                errors.push(FieldError::new(key, expected, Some(value)));
            }
        }
        (record, errors)
    }
}

const TIME: &str = "a time such as 2026-01-31T23:59:00Z";

/// Whether a field was understood.
#[derive(PartialEq)]
enum Read {
    Yes,
    No,
}

fn set<T>(field: &mut Option<T>, value: Option<T>) -> Read {
    *field = value;
    if field.is_some() { Read::Yes } else { Read::No }
}

fn number(value: &Value) -> Option<u64> {
    if let Value::Int(number) = value { u64::try_from(*number).ok() } else { None }
}

/// View of all records of a document, in order.
///
/// # Example
/// ```
/// use dagster_workspace_core::{staging::Records, yaml::Document};
/// let document = Document::parse("x-dagster-workspace:\n  etl-pr-12: {pullRequest: 12}\ndeployments: []\n")?;
/// let record = Records::of(&document).get("etl-pr-12").map(|found| found.record());
/// assert_eq!(record.and_then(|record| record.pull_request), Some(12));
/// # Ok::<(), dagster_workspace_core::error::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Records<'d> {
    reader: Reader<'d>,
    entry: Option<Entry<'d>>,
}

/// One record of a document.
#[derive(Clone, Debug)]
pub struct RecordRef<'d> {
    name: Cow<'d, str>,
    entry: Entry<'d>,
    value: Value,
}

impl<'d> Records<'d> {
    /// The view of a document.
    #[must_use]
    pub fn of(document: &'d Document<'_>) -> Self {
        let reader = Reader::new(Schema::Helm);
        let entry = document.root().and_then(|root| reader.entry(root, KEY));
        Self { reader, entry }
    }

    /// What stands under [`KEY`]; it may be an alias.
    #[must_use]
    pub fn node(&self) -> Option<Node<'d>> {
        self.entry.map(|entry| entry.value)
    }

    /// Whether it can hold records: a mapping, or nothing.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        let value = self.node().map(|node| self.reader.value(node));
        matches!(value, None | Some(Ok(Value::Null | Value::Mapping(_))))
    }

    /// The records whose names and values can be read.
    pub fn iter(&self) -> impl Iterator<Item = RecordRef<'d>> {
        let entries = self.node().map(|node| self.reader.entries(node)).unwrap_or_default();
        entries.into_iter().filter_map(|entry| {
            let (name, value) = (self.reader.key(entry.key).ok()?, self.reader.value(entry.value).ok()?);
            Some(RecordRef { name, entry, value })
        })
    }

    /// The record of a deployment.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<RecordRef<'d>> {
        self.iter().find(|record| record.name == name)
    }
}

impl<'d> RecordRef<'d> {
    /// Name of the deployment that it is about.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key that names it.
    #[must_use]
    pub fn name_node(&self) -> Node<'d> {
        self.entry.key
    }

    /// All of it, from the name on.
    #[must_use]
    pub fn span(&self) -> Span {
        Span::new(self.entry.key.full_span().start, self.entry.value.full_span().end)
    }

    /// What it says, other tools' fields included.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// What can be understood of it: lint says of what else is there.
    #[must_use]
    pub fn record(&self) -> Record {
        Record::read(&self.value).0
    }

    /// What cannot be understood of it.
    pub(crate) fn errors(&self) -> Vec<FieldError> {
        let inside = |error: FieldError| error.inside(&format!("{KEY}.{}", self.name));
        Record::read(&self.value).1.into_iter().map(inside).collect()
    }
}
