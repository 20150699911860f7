//! Three-way merges beside scans of the same text and `git merge-file` on the same three files. The report is a section of
//! `benches/README.md`.
//!
//! `cargo bench -p benches --bench merge` measures all sizes, `... -- 2500` only that one; `... -- check`, as a run without
//! cargo's `--bench`, merges once and checks the result. `... -- once TASK SIZE` merges once, for instruction counts, and
//! `... -- once scan SIZE` scans.

mod git;
mod task;

use std::hint::black_box;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use dagster_workspace_core::diff::MergeKeys;
use dagster_workspace_core::merge::{Merge, three_way};
use dagster_workspace_core::yaml::Document;
use task::{Task, Texts};

const SIZES: [usize; 3] = [10, 2_500, 25_000];
const ROUNDS: usize = 7;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).filter(|word| !word.starts_with('-')).collect();
    let measured = arguments.iter().any(|word| word == "--bench");
    let outcome = match words.as_slice() {
        ["once", task, size] => once(task, size),
        ["check"] => check_all(),
        _ if measured => measure(&words),
        _ => check_all(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            line(&format!("error: {message}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints one line. A closed pipe ends the report, not the program.
fn line(text: &str) {
    let _closed = writeln!(std::io::stdout().lock(), "{text}");
}

fn merged(texts: &Texts) -> Result<Merge, String> {
    let Texts { base, ours, theirs, .. } = texts;
    three_way(base, ours, theirs, &MergeKeys::default()).map_err(|error| error.to_string())
}

/// Merges, and compares with what must come out.
fn check(task: Task, deployments: usize) -> Result<Texts, String> {
    let texts = Texts::of(task, deployments);
    let merge = merged(&texts)?;
    let failed = |what: &str| Err(format!("{}, {deployments} deployments: {what}", task.name()));
    if !merge.conflicts.is_empty() {
        return failed("conflicts");
    }
    if merge.text != texts.merged {
        return failed("another text");
    }
    Ok(texts)
}

fn check_all() -> Result<(), String> {
    for task in Task::ALL {
        check(task, 100)?;
        line(&format!("{}: merged", task.name()));
    }
    Ok(())
}

fn once(task: &str, size: &str) -> Result<(), String> {
    let deployments = size.parse().map_err(|_| format!("`{size}` is not a number of deployments"))?;
    let known = Task::ALL.into_iter().find(|known| known.name() == task);
    let texts = Texts::of(known.unwrap_or(Task::Few), deployments);
    match (known, task) {
        (Some(_), _) => drop(black_box(merged(&texts)?)),
        (None, "scan") => drop(black_box(Document::parse(texts.merged.as_str()))),
        // What making the texts takes, to be taken off.
        (None, "none") => {}
        _ => return Err(format!("no task `{task}`")),
    }
    Ok(())
}

/// The best time of some rounds.
fn best(rounds: usize, mut run: impl FnMut()) -> Duration {
    let times = (0..rounds).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed()
    });
    times.min().unwrap_or_default()
}

/// What was measured of one task at one size.
struct Row {
    deployments: usize,
    task: Task,
    /// Of all three inputs.
    bytes: usize,
    scan: Duration,
    merge: Duration,
}

impl Row {
    fn scans(&self) -> f64 {
        self.merge.as_secs_f64() / self.scan.as_secs_f64()
    }
}

fn measure(words: &[&str]) -> Result<(), String> {
    let mut sizes: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
    if sizes.is_empty() {
        sizes.extend(SIZES);
    }
    line(
        "| deployments | change of each side | one scan of the result, ms | merge, ms | scans | git merge-file, ms | its conflicts |",
    );
    line("|--:|---|--:|--:|--:|--:|--:|");
    let mut rows = Vec::new();
    for deployments in sizes {
        for task in Task::ALL {
            let texts = check(task, deployments)?;
            let (mut scan, mut merge) = (Duration::MAX, Duration::MAX);
            let rounds = if deployments > 5_000 { ROUNDS } else { 4 * ROUNDS };
            for _ in 0..rounds {
                scan = scan.min(best(1, || drop(black_box(Document::parse(texts.merged.as_str())))));
                merge = merge.min(best(1, || drop(black_box(merged(&texts)))));
            }
            let git = git::merge_file(&texts, ROUNDS)
                .map_or_else(|| " | ".to_owned(), |git| format!("{} | {}", milliseconds(git.time), git.conflicts));
            let bytes = texts.base.len() + texts.ours.len() + texts.theirs.len();
            let row = Row { deployments, task, bytes, scan, merge };
            let (scan, merge) = (milliseconds(scan), milliseconds(merge));
            line(&format!("| {deployments} | {} | {scan} | {merge} | {:.2} | {git} |", task.sentence(), row.scans()));
            rows.push(row);
        }
    }
    goals(&rows);
    Ok(())
}

/// What was wanted beside what was measured; a goal whose sizes were not measured is left out.
fn goals(rows: &[Row]) {
    line("\n| goal of merging | wanted | measured | reached |\n|---|--:|--:|---|");
    let goal = |what: &str, wanted: &str, measured: Option<f64>, most: f64| {
        let Some(measured) = measured else { return };
        let reached = if measured <= most { "yes" } else { "no" };
        line(&format!("| {what} | {wanted} | {measured:.2} | {reached} |"));
    };
    for deployments in [2_500, 25_000] {
        for task in Task::ALL {
            let row = rows.iter().find(|row| row.deployments == deployments && row.task == task);
            let what = format!("{deployments} deployments, {}, in scans", task.sentence());
            goal(&what, "<= 4", row.map(Row::scans), 4.0);
        }
    }
    for task in Task::ALL {
        let at = |deployments| rows.iter().find(|row| row.deployments == deployments && row.task == task);
        let exponent = at(2_500).zip(at(25_000)).map(|(from, to)| {
            (to.merge.as_secs_f64() / from.merge.as_secs_f64()).ln() / (to.bytes as f64 / from.bytes as f64).ln()
        });
        // As the exponent of reading, which larger texts slow down as well.
        let what = format!("exponent of the time from 2,500 to 25,000, {}", task.sentence());
        goal(&what, "1, at most 1.1", exponent, 1.1);
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64() * 1e3)
}
