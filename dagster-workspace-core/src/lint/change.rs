//! Rules for a change of both documents: what it takes from deployments that stay, and what it leaves to those that come and go.

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::finding::shown;
use crate::error::{Diagnostic, Severity};
use crate::pairing::Pairing;
use crate::values::UserDeployments;
use crate::workspace::CodeLocation;

/// Both documents at one time.
pub(super) struct State<'s, 'v, 'd> {
    deployments: &'s UserDeployments<'d>,
    names: BTreeSet<Cow<'d, str>>,
    pairing: Pairing<'v, 'd>,
}

impl<'s, 'v, 'd> State<'s, 'v, 'd> {
    pub(super) fn of(deployments: &'s UserDeployments<'d>, pairing: Pairing<'v, 'd>) -> Self {
        let names = deployments.iter().filter_map(|deployment| deployment.name()).collect();
        Self { deployments, names, pairing }
    }

    fn places(&self, deployment: &str) -> Vec<usize> {
        self.pairing.locations_of(deployment).unwrap_or_default()
    }

    fn location(&self, at: usize) -> String {
        let location = self.pairing.locations().get(at);
        location.and_then(CodeLocation::name).map(|name| shown(&name)).unwrap_or_default()
    }
}

pub(super) fn lint(before: &State<'_, '_, '_>, after: &State<'_, '_, '_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for name in &after.names {
        if before.names.contains(name) {
            found.extend(taken(name, before, after));
        } else {
            found.extend(adopted(name, before, after));
        }
    }
    for name in before.names.difference(&after.names) {
        found.extend(left(name, after));
    }
    found
}

/// `DW0307`: a deployment stays that has lost its locations.
fn taken(name: &str, before: &State<'_, '_, '_>, after: &State<'_, '_, '_>) -> Option<Diagnostic> {
    let had = before.places(name);
    if had.is_empty() || !after.places(name).is_empty() {
        return None;
    }
    let locations: Vec<String> = had.iter().map(|at| format!("`{}`", before.location(*at))).collect();
    let are = if locations.len() == 1 { "is the code location" } else { "are the code locations" };
    let message = format!("{} {are} of deployment `{}`, which stays", locations.join(", "), shown(name));
    let hint = format!("`remove {name}` removes the deployment with its code location");
    Some(Diagnostic { severity: Severity::Error, ..placeless("DW0307", message, hint) })
}

/// `DW0305`, a warning: a new deployment takes a location for its own that was there, at a host with a namespace.
fn adopted(name: &str, before: &State<'_, '_, '_>, after: &State<'_, '_, '_>) -> Vec<Diagnostic> {
    let is_guessed = |at: &usize| after.pairing.service(*at).is_some() && after.pairing.own_service(*at).is_none();
    let was_there = |at: &usize| before.places(name).iter().any(|old| before.location(*old) == after.location(*at));
    let guessed = after.places(name).into_iter().filter(|at| is_guessed(at) && was_there(at));
    let warning = |at: usize| {
        let location = after.pairing.locations().get(at)?;
        let message =
            format!("code location `{}` is taken for that of the new deployment `{}`", after.location(at), shown(name));
        let hint = format!("if its host is another team's, `add {name} --host {name}` adds a location beside it");
        let span = location.get("host").unwrap_or_else(|| location.node()).span();
        Some(Diagnostic::warning("DW0305", span, message).with_hint(hint))
    };
    guessed.filter_map(warning).collect()
}

/// `DW0306`, a warning: a deployment is gone, and a location of its name or at a host of its name is not.
fn left(name: &str, after: &State<'_, '_, '_>) -> Vec<Diagnostic> {
    let all = after.pairing.locations().iter().enumerate();
    let warning = |(at, location): (usize, &CodeLocation<'_, '_>)| {
        let service = after.pairing.service(at).filter(|(service, _)| service.eq_ignore_ascii_case(name));
        let why = match service {
            Some((_, Some(namespace))) => format!("its host is in namespace `{namespace}`"),
            Some((_, None)) => return None,
            None if location.name().as_deref() != Some(name) => return None,
            None if after.pairing.deployment_at(at, after.deployments).is_some() => return None,
            None => "its host is not that of the deployment".into(),
        };
        let location_name = after.location(at);
        let message = format!("code location `{location_name}` stays: {why}");
        let hint = format!("`remove {location_name}` removes it");
        Some(Diagnostic::warning("DW0306", location.node().span(), message).with_hint(hint))
    };
    all.filter_map(warning).collect()
}

fn placeless(code: &'static str, message: String, hint: String) -> Diagnostic {
    Diagnostic { code, severity: Severity::Warning, message, span: None, related: Vec::new(), hint: Some(hint) }
}
