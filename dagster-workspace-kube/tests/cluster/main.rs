//! Stores and flows on a real Kubernetes API server: run by `make test-cluster`, left out where there is no server.

mod access;
mod adopt;
mod chart;
mod config_map;
mod contention;
mod dagster;
mod discover;
mod faults;
#[cfg(feature = "cli")]
mod flow;
mod helm;
mod kubelet;
mod lease;
mod namespace;
mod relay;
mod release;
mod reload;
#[cfg(all(feature = "cli", feature = "object-store"))]
mod restore;
mod rollout;
mod split;
mod standin;
