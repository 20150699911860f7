//! What jobs cost on a real API server, beside the goals: requests, time, and whether anything is lost. Run by
//! `make bench-cluster`, which records what is printed here.
//!
//! Requests are counted by the API server, in its audit log ([`audit`]), where every job has an account of its own. No goal
//! is a test: each is printed with what was measured, reached or not. Start with [`site::Site`], the place where all of it runs.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a report for people")]

mod audit;
mod calls;
mod jobs;
mod peers;
mod report;
mod restarts;
mod site;
mod steps;

// What the tests on a cluster have, too.
#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../../tests/cluster/chart.rs"]
mod chart;
#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../../tests/cluster/kubelet.rs"]
mod kubelet;
#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../../tests/cluster/namespace.rs"]
mod namespace;
#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../../tests/cluster/standin.rs"]
mod standin;
#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../../tests/cluster/flow/system.rs"]
mod system;

use report::Report;

#[tokio::main]
async fn main() {
    // Cargo gives `--bench`; words choose parts.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |part: &str| words.is_empty() || words.iter().any(|word| word == part);
    let mut report = Report::default();
    if wanted("calls") {
        calls::measure(&mut report).await;
    }
    if wanted("jobs") {
        jobs::measure(&mut report).await;
    }
    if wanted("peers") {
        peers::measure(&mut report).await;
    }
    if wanted("restarts") {
        restarts::measure(&mut report).await;
    }
    if wanted("steps") {
        steps::measure(&mut report).await;
    }
    println!("{report}");
}
