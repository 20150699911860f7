//! Charts to install in tests: two of our own that keep the contract of Dagster's, or the real one. Start with [`code_chart`].

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

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

/// The text of a chart's schema without what it refers to on the network, as no test asks the network.
///
/// # Panics
/// Where it cannot be read.
#[must_use]
pub fn local_schema(file: &Path) -> String {
    let text = fs::read(file).expect("the schema can be read");
    let mut schema: Value = serde_json::from_slice(&text).expect("the schema is JSON");
    take_out_remote(&mut schema);
    schema.to_string()
}

fn take_out_remote(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.retain(|key, value| key != "$ref" || !value.as_str().is_some_and(|to| to.starts_with("http")));
            map.values_mut().for_each(take_out_remote);
        }
        Value::Array(items) => items.iter_mut().for_each(take_out_remote),
        _ => {}
    }
}

fn charts() -> PathBuf {
    top().join("testing/charts")
}
