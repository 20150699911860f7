//! What the charts and Dagster know, once: every field of a deployment, of the chart's values and of the kinds of `load_from`,
//! with its type, the releases that have it, and how its list is keyed. Builder, setter, lint, changes, diff, Python and
//! `docs/fields.md` come from these rows.
//!
//! [`DEPLOYMENT`] is the table; a new field of the chart is one row of it. [`Type`] says what a field may hold, [`check`] finds
//! what does not fit, [`typed`] makes what was typed what fits.
//!
//! A release between two that were looked at is given the benefit of the doubt: a key counts as unknown only up to the last
//! release seen without it.

mod check;
mod deployment;
mod kubernetes;
mod load_from;
mod reference;
#[cfg(test)]
mod tests;
pub(crate) mod typed;
mod values;

pub(crate) use check::{Data, Form, Member, Place, Problem, check, fits};
pub(crate) use deployment::DEPLOYMENT;
pub(crate) use load_from::{GRPC_SERVER, KINDS, Kind};
pub use reference::reference;
pub(crate) use values::VALUES;

use alloc::vec::Vec;

use crate::version::Version;
use crate::yaml::Step;

/// Last release seen that takes no null in place of an optional value.
pub(crate) const NO_NULLS_UNTIL: Version = Version::new(1, 5, 7);

/// First release that reads `image.digest`.
pub(crate) const DIGEST_SINCE: Version = Version::new(1, 11, 15);

/// First release whose template refuses several replicas of `dagster code-server`.
pub(crate) const SINGLE_CODE_SERVER_SINCE: Version = Version::new(1, 13, 8);

/// What a field may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Type {
    /// Anything: a field that nobody here knows, or that is not worth a table.
    Any,
    Text,
    /// A text; a whole number is taken as the chart prints it.
    Tag,
    /// One of these words.
    Word(&'static [&'static str]),
    Bool,
    Whole,
    /// Whole number from 1.
    Count,
    /// Whole number from 1 to 65535.
    Port,
    /// A text or a number: Kubernetes' `Quantity` and `IntOrString`.
    Amount,
    /// A mapping whose keys are the user's.
    Map(&'static Type),
    /// A mapping with these keys.
    Object(&'static [Field]),
    List(&'static Type, Items),
    /// The one as a mapping, the other as a list.
    Either(&'static Type, &'static Type),
    /// The value itself, or `{env: NAME}`.
    Source(&'static Type),
}

/// What tells the items of a list apart, as Kubernetes merges them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Items {
    /// Nothing: the list counts as a whole.
    Whole,
    /// The text under this key. Of two equal ones Kubernetes takes the last.
    Named(&'static str),
    /// The text under this key. Two equal ones are refused.
    Unique(&'static str),
}

impl Items {
    pub(crate) fn key(self) -> Option<&'static str> {
        match self {
            Self::Whole => None,
            Self::Named(key) | Self::Unique(key) => Some(key),
        }
    }
}

/// Whether a field must be there, and whether null stands for its absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Required,
    /// Up to this release.
    RequiredUntil(Version),
    /// From this release on.
    RequiredSince(Version),
    /// May be missing, or null in releases after [`NO_NULLS_UNTIL`].
    Optional,
    /// May be missing, but not null.
    Given,
}

/// When a field came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    Always,
    /// This is the first release that has it.
    From(Version),
    /// This is the last release seen without it.
    After(Version),
}

impl Since {
    pub(crate) fn is_in(self, version: Version) -> bool {
        match self {
            Self::Always => true,
            Self::From(first) => version >= first,
            Self::After(last) => version > last,
        }
    }
}

/// One row: a key of a mapping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) key: &'static str,
    pub(crate) of: Type,
    /// One line for people.
    pub(crate) about: &'static str,
    pub(crate) need: Need,
    pub(crate) since: Since,
    /// What people write for it.
    pub(crate) mistaken: &'static [&'static str],
    /// The key that must not stand beside it.
    pub(crate) excludes: Option<&'static str>,
    /// Whether it is Kubernetes that reads it, not the chart. Null stands for its absence then.
    pub(crate) is_kubernetes: bool,
}

impl Field {
    /// An optional field that every release has.
    const fn new(key: &'static str, of: Type, about: &'static str) -> Self {
        let (need, since) = (Need::Optional, Since::Always);
        Self { key, of, about, need, since, mistaken: &[], excludes: None, is_kubernetes: false }
    }

    /// A field of an object of Kubernetes.
    const fn kubernetes(key: &'static str, of: Type) -> Self {
        Self { is_kubernetes: true, ..Self::new(key, of, "") }
    }

    /// Whether a release demands it.
    pub(crate) fn is_required_in(&self, chart: Version) -> bool {
        match self.need {
            Need::Required => true,
            Need::RequiredUntil(last) => chart <= last,
            Need::RequiredSince(first) => chart >= first,
            Need::Optional | Need::Given => false,
        }
    }

    /// Whether a release takes null for its absence.
    pub(crate) fn is_nullable_in(&self, chart: Version) -> bool {
        let taken = self.is_kubernetes || chart > NO_NULLS_UNTIL;
        taken && self.need != Need::Given && !self.is_required_in(chart)
    }

    const fn need(self, need: Need) -> Self {
        Self { need, ..self }
    }

    const fn required(self) -> Self {
        self.need(Need::Required)
    }

    const fn since(self, since: Since) -> Self {
        Self { since, ..self }
    }

    const fn after(self, release: Version) -> Self {
        self.since(Since::After(release))
    }

    const fn mistaken(self, mistaken: &'static [&'static str]) -> Self {
        Self { mistaken, ..self }
    }

    const fn excludes(self, key: &'static str) -> Self {
        Self { excludes: Some(key), ..self }
    }
}

/// The row of a key.
pub(crate) fn field(fields: &'static [Field], key: &str) -> Option<&'static Field> {
    fields.iter().find(|field| field.key == key)
}

/// What `written` may be a mistake for: what people are known to write, else a key of nearly the same letters.
pub(crate) fn meant(fields: &'static [Field], written: &str) -> Option<&'static str> {
    let known = fields.iter().find(|field| field.mistaken.contains(&written)).map(|field| field.key);
    known.or_else(|| crate::spelling::nearest(written, fields.iter().map(|field| field.key)))
}

/// The lists in a deployment whose items are told apart by something else than `name`, each with that key.
pub(crate) fn lists_by_other_keys() -> impl Iterator<Item = (&'static str, &'static str)> {
    let inner = |field: &'static Field| field.of.list().into_iter().flat_map(|(of, _)| of.fields()).chain([field]);
    let keyed = |field: &Field| Some((field.key, field.of.list()?.1.key().filter(|key| *key != "name")?));
    let mut found: Vec<_> = DEPLOYMENT.iter().flat_map(inner).filter_map(keyed).collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter()
}

impl Type {
    /// A deployment.
    pub(crate) const DEPLOYMENT: Self = Self::Object(DEPLOYMENT);

    /// What stands under `grpc_server`.
    pub(crate) const GRPC_SERVER: Self = Self::Object(&GRPC_SERVER);

    /// What one step further may hold; `None` where there is no such place.
    pub(crate) fn step(&self, step: &Step) -> Option<&'static Type> {
        match (self, step) {
            (Self::Any, _) => Some(&Self::Any),
            (Self::Object(fields), Step::Key(key)) => Some(field(fields, key).map_or(&Self::Any, |field| &field.of)),
            (Self::Map(of), Step::Key(_)) | (Self::List(of, _), Step::Item { .. } | Step::Index(_)) => Some(of),
            (Self::Either(one, other), step) => one.step(step).or_else(|| other.step(step)),
            (Self::Source(_), Step::Key(key)) if key == "env" => Some(&Self::Text),
            _ => None,
        }
    }

    /// The list that it may be.
    pub(crate) fn list(&self) -> Option<(&'static Type, Items)> {
        match self {
            Self::List(of, items) => Some((of, *items)),
            Self::Either(one, other) => one.list().or_else(|| other.list()),
            _ => None,
        }
    }

    /// The rows of the mapping that it is.
    pub(crate) fn fields(&self) -> &'static [Field] {
        match self {
            Self::Object(fields) => fields,
            _ => &[],
        }
    }

    /// What a value must be, in words.
    pub(crate) fn expected(&self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Text | Self::Tag => "a text",
            Self::Word(words) => deployment::alternatives(words),
            Self::Bool => "`true` or `false`",
            Self::Whole => "a whole number",
            Self::Count => "a whole number from 1",
            Self::Port => "a whole number from 1 to 65535",
            Self::Amount => "a text or a number",
            Self::Map(_) | Self::Object(_) => "a mapping",
            Self::List(Self::Text, _) => "a list of texts",
            Self::List(Self::Object(_) | Self::Map(_), _) => "a list of mappings",
            Self::List(..) => "a list",
            Self::Either(Self::Text, Self::Object(_)) => "a text or a mapping",
            Self::Either(..) => "a mapping or a list",
            Self::Source(of) => of.expected(),
        }
    }
}
