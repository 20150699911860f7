//! The command `dagster-workspace` as its users run it: the real program, its exit codes, and what it writes where.
#![cfg(all(feature = "cli", unix))]

mod directory;
mod merge;
mod program;
mod race;
mod review;
mod secrets;
mod transcripts;
mod yaml;
