//! The request that takes away what has had its time: [`Request::prune`].

use std::collections::BTreeSet;

use dagster_workspace_core::staging::{Outdated, Selection, outdated};
use dagster_workspace_core::time::Timestamp;

use super::request::{Aim, Request};

impl Request {
    /// Removes the deployments of a plan, as [`outdated`] makes it, in one write for each document.
    ///
    /// Values that have changed since are judged again, with the same selection and the same `now`: what has got more time is left
    /// alone, and nothing is removed that the plan does not name.
    #[must_use]
    pub fn prune(plan: &[Outdated], selection: Selection, now: Timestamp) -> Self {
        let names: Vec<String> = plan.iter().map(|found| found.name.clone()).collect();
        let planned: BTreeSet<String> = names.iter().cloned().collect();
        Self::made(Aim::Absent, names, move |values| {
            let still = outdated(values, &selection, now)?.outdated.into_iter().map(|found| found.name);
            Self::remove(still.filter(|name| planned.contains(name))).pair(values)
        })
    }
}
