//! Preview deployments: [`outdated`] tells which have had their time, as the command `prune` finds them. Removing is the caller's.

use std::collections::BTreeSet;

use dagster_workspace_core::staging::{self, Criterion, Found, Outdated, Pattern, Selection};
use dagster_workspace_core::time::Timestamp;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::values::Values;

/// The preview deployments that have had their time, and those of which nobody knows whether they are of the repository.
///
/// Meant are those that meet `closed_prs` or `expired` (where one is given), and all of the other arguments. `name` and `branch` take `*` and
/// `?`. Each is a dict with `name`, `owner`, `repository` and `reason`. `now` and `created_before` are times such as `2026-01-31T23:59:00Z`.
///
/// Raises `ValueError` for a time that is none, and for pull requests or branches of which neither `repository` nor `owner` nor `name` says
/// whose they are.
#[pyfunction]
#[pyo3(signature = (values, /, *, now, closed_prs = None, expired = false, repository = None, owner = None, name = None, branch = None, created_before = None))]
#[allow(clippy::too_many_arguments, reason = "Python has names for them")]
pub(crate) fn outdated<'py>(
    py: Python<'py>,
    values: &Bound<'py, Values>,
    now: &str,
    closed_prs: Option<BTreeSet<u64>>,
    expired: bool,
    repository: Option<String>,
    owner: Option<String>,
    name: Option<String>,
    branch: Option<String>,
    created_before: Option<&str>,
) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyTuple>)> {
    let time = |text: &str| -> PyResult<Timestamp> {
        text.parse().map_err(|_| PyValueError::new_err(format!("`{text}` is not a time such as 2026-01-31T23:59:00Z")))
    };
    let closed = closed_prs.map(|closed| Criterion::PullRequests { closed, repository: None });
    let selection = Selection {
        criteria: closed.into_iter().chain(expired.then_some(Criterion::Expired)).collect(),
        repository,
        owner,
        name: name.map(Pattern::new),
        branch: branch.map(Pattern::new),
        created_before: created_before.map(time).transpose()?,
    };
    let found = staging::outdated(&values.get().held().document, &selection, time(now)?);
    let Found { outdated, undecided } = found.map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok((all(py, &outdated)?, all(py, &undecided)?))
}

fn all<'py>(py: Python<'py>, found: &[Outdated]) -> PyResult<Bound<'py, PyTuple>> {
    let one = |Outdated { name, owner, repository, reason }: &Outdated| {
        let dict = PyDict::new(py);
        dict.set_item("name", name)?;
        dict.set_item("owner", owner)?;
        dict.set_item("repository", repository)?;
        dict.set_item("reason", reason.to_string())?;
        Ok(dict)
    };
    PyTuple::new(py, found.iter().map(one).collect::<PyResult<Vec<_>>>()?)
}
