//! Charts to install in tests: two of our own that keep the contract of Dagster's, or the real one. Start with [`code_chart`].

use std::env;
use std::path::PathBuf;

use crate::top;

/// The chart of code servers, `dagster-user-deployments`: the folder that `DAGSTER_CHART` names, or our own with the same
/// values, names, labels and checksum.
#[must_use]
pub fn code_chart() -> PathBuf {
    env::var_os("DAGSTER_CHART")
        .filter(|folder| !folder.is_empty())
        .map_or_else(|| charts().join("dagster-user-deployments"), PathBuf::from)
}

/// Our own chart `dagster`: webserver, daemon, and the workspace that the chart owns or finds.
#[must_use]
pub fn system_chart() -> PathBuf {
    charts().join("dagster")
}

/// A `values.schema.json` that refers to a host that does not answer, as in all charts of Dagster up to the end of 2025.
#[must_use]
pub fn dead_schema() -> PathBuf {
    charts().join("dead-schema.json")
}

fn charts() -> PathBuf {
    top().join("testing/charts")
}
