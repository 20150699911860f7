//! Stores, the conflict loop and the command; grown on top of `dagster-workspace-core`.
