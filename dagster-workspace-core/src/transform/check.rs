//! Lint before and after: what stands in the way of a result, and what is only said. Read [`check`].

use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::workspace::served;
use super::{Subject, Transform, TransformError, seen_from};
use crate::diff::{Change, Renamed};
use crate::error::{Diagnostic, Severity};
use crate::lint::{Target, lint_values, lint_workspace};
use crate::pairing::Pairing;
use crate::span::Span;
use crate::value::Value;
use crate::values::UserDeployments;
use crate::workspace::Workspace;
use crate::yaml::Document;
use crate::yaml::quote::{Context, Quoting, write_scalar};

/// Entries that transforms are about.
pub(super) struct Touched<'t> {
    /// By the names of deployments or locations.
    names: BTreeSet<Cow<'t, str>>,
    /// Deployments whose locations are touched, whatever these are called, with the host that is asked for.
    served: Vec<(&'t str, Option<&'t str>)>,
}

impl<'t> Touched<'t> {
    pub(super) fn of(transforms: &'t [Transform]) -> Self {
        let served = transforms.iter().filter_map(|transform| match transform {
            Transform::PairLocation { deployment, wanted, .. } => Some((deployment.as_str(), wanted.host.as_deref())),
            _ => None,
        });
        Self { names: transforms.iter().map(Transform::entry).collect(), served: served.collect() }
    }

    /// Where they stand.
    fn places(&self, document: &Document<'_>, subject: Subject, target: &Target) -> Vec<Span> {
        let is_touched = |name: Option<Cow<'_, str>>| name.is_some_and(|name| self.names.contains(&name));
        match subject {
            Subject::Values => {
                let view = UserDeployments::of(document);
                view.iter().filter(|entry| is_touched(entry.name())).map(|entry| entry.node().full_span()).collect()
            }
            Subject::Workspace => {
                let view = Workspace::of(document);
                let pairing = Pairing::of(&view, target.namespace.as_deref());
                let of_deployments = self.served.iter().flat_map(|(name, host)| served(&pairing, name, *host));
                let of_deployments: BTreeSet<usize> = of_deployments.flatten().collect();
                let all = pairing.locations().iter().enumerate();
                let touched = all.filter(|(at, entry)| of_deployments.contains(at) || is_touched(entry.name()));
                touched.map(|(_, entry)| entry.node().full_span()).collect()
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
    let places = touched.places(after, subject, target);
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
        Err(TransformError::Invalid { findings: seen_from(before, after, blocking) })
    }
}

/// `DW0511`, a warning: a location without a name of its own has another one, as host and port are its name.
pub(super) fn renamed(after: &Document<'_>, changes: &[Change]) -> Vec<Diagnostic> {
    let view = Workspace::of(after);
    let warning = |Renamed { from, to }: Renamed| {
        let place = view.locations().find(|location| location.name().as_deref() == Some(&to));
        let message = format!(
            "code location `{from}` is called `{to}` from now on: Dagster keeps schedules and sensors by that name"
        );
        let hint = format!("to keep the name, write `location_name: {}` into its entry", quoted(&from));
        let span = place.map(|location| location.node().span());
        let warning = Diagnostic::warning("DW0511", span.unwrap_or_default(), message).with_hint(hint);
        Diagnostic { span, ..warning }
    };
    changes.iter().filter_map(Change::renamed).map(warning).collect()
}

fn quoted(name: &str) -> String {
    let name = Value::from(name);
    write_scalar(&name, Quoting::Auto, Context::Block).map(Cow::into_owned).unwrap_or_default()
}
