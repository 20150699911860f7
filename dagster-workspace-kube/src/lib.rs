//! Stores, the conflict loop and the command; grown on top of `dagster-workspace-core`.
//!
//! Many pipelines change the same two documents at once. A [`store::Store`] replaces a text only in the version that was
//! read, and [`apply`] reads, edits and writes until that succeeds, so nobody's change is lost. Start with [`store::Store`].

#[cfg(feature = "cluster")]
mod api;
pub mod apply;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cluster")]
pub mod cluster;
pub mod deploy;
mod hash;
#[cfg(feature = "cluster")]
pub mod helm;
#[cfg(feature = "object-store")]
pub mod history;
#[cfg(feature = "cluster")]
pub mod lease;
#[cfg(feature = "cluster")]
pub mod plan;
#[cfg(feature = "cluster")]
mod release_status;
#[cfg(feature = "cluster")]
pub mod reload;
pub mod retry;
#[cfg(feature = "cluster")]
pub mod rollout;
pub mod store;
mod words;

/// The examples of the README are run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
