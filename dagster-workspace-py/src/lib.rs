//! Python bindings; grown on top of `dagster-workspace-core`.
