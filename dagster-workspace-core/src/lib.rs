//! Lossless, idempotent editing of the documents that Dagster on Kubernetes is made of, and of YAML in general.
//!
//! Text in, text out: nothing here reads a file, a clock or a random number. Every byte that an edit does not name
//! stays as it was. Start with [`yaml::Document`], which reads; [`value::Value`] is what documents mean.

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod chart;
pub mod compile;
pub mod detect;
pub mod diff;
pub mod edit;
pub mod error;
pub mod field;
mod lcs;
pub mod lint;
pub mod merge;
pub mod pairing;
mod render;
pub mod secret;
pub mod span;
mod spelling;
pub mod splice;
pub mod staging;
pub mod system;
pub mod time;
pub mod transform;
pub mod value;
pub mod values;
mod version;
pub mod workspace;
pub mod yaml;
