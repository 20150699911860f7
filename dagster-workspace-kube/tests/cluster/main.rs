//! Stores and flows on a real Kubernetes API server: run by `make test-cluster`, left out where there is no server.

mod config_map;
mod contention;
mod dagster;
mod faults;
mod kubelet;
mod namespace;
mod relay;
mod reload;
mod rollout;
