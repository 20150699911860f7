//! Lint before and after: what stands in the way of a result, and what is only said. Read [`check`].

use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::workspace::has_host;
use super::{Subject, Transform, TransformError};
use crate::edit::former::Former;
use crate::error::{Diagnostic, Severity};
use crate::lint::{Target, lint_values, lint_workspace};
use crate::span::Span;
use crate::values::UserDeployments;
use crate::workspace::{CodeLocation, Workspace};
use crate::yaml::Document;

/// Entries that transforms are about.
pub(super) struct Touched<'t> {
    /// By the names of deployments or locations.
    names: BTreeSet<Cow<'t, str>>,
    /// By the hosts of servers, whatever these are called.
    hosts: Vec<&'t str>,
}

impl<'t> Touched<'t> {
    pub(super) fn of(transforms: &'t [Transform]) -> Self {
        let hosts = transforms.iter().filter_map(|transform| match transform {
            Transform::PairLocation { server } => server.host.as_deref(),
            _ => None,
        });
        Self { names: transforms.iter().map(Transform::entry).collect(), hosts: hosts.collect() }
    }

    /// Where they stand.
    fn places(&self, document: &Document<'_>, subject: Subject) -> Vec<Span> {
        let is_touched = |name: Option<Cow<'_, str>>| name.is_some_and(|name| self.names.contains(&name));
        let is_served = |location: &CodeLocation<'_, '_>| self.hosts.iter().any(|host| has_host(location, host));
        match subject {
            Subject::Values => {
                let view = UserDeployments::of(document);
                view.iter().filter(|entry| is_touched(entry.name())).map(|entry| entry.node().full_span()).collect()
            }
            Subject::Workspace => {
                let view = Workspace::of(document);
                let touched = view.locations().filter(|entry| is_touched(entry.name()) || is_served(entry));
                touched.map(|entry| entry.node().full_span()).collect()
            }
        }
    }
}

/// The findings that do not stand in the way.
///
/// # Errors
/// [`TransformError::Invalid`] with those that do.
pub(super) fn check(
    before: &Document<'_>,
    after: &Document<'_>,
    subject: Subject,
    touched: &Touched<'_>,
    target: &Target,
) -> Result<Vec<Diagnostic>, TransformError> {
    let lint = match subject {
        Subject::Values => lint_values,
        Subject::Workspace => lint_workspace,
    };
    let count = |findings: &[Diagnostic]| findings.iter().filter(|found| found.severity == Severity::Error).count();
    let (old, found) = (lint(before, target), lint(after, target));
    let fatal = subject == Subject::Workspace && count(&found) >= count(&old);
    // Without the place: an edit above moves it.
    let mut known: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for finding in old {
        *known.entry((finding.code, finding.message)).or_default() += 1;
    }
    let places = touched.places(after, subject);
    let (mut blocking, mut warnings) = (Vec::new(), Vec::new());
    for finding in found {
        let own = finding.span.is_some_and(|span| places.iter().any(|place| place.contains(span)));
        let count = known.get_mut(&(finding.code, finding.message.clone())).filter(|count| **count > 0);
        let is_new = count.map(|count| *count -= 1).is_none();
        match finding.severity {
            Severity::Error if own || is_new || fatal => blocking.push(finding),
            Severity::Error => warnings.push(Diagnostic { severity: Severity::Warning, ..finding }),
            Severity::Warning if own || is_new => warnings.push(finding),
            // A neighbour's warning was there before and is nobody's business here.
            Severity::Warning => {}
        }
    }
    if blocking.is_empty() {
        Ok(warnings)
    } else {
        let former = Former::new(before, after);
        Err(TransformError::Invalid { findings: blocking.into_iter().map(|found| former.diagnostic(found)).collect() })
    }
}
