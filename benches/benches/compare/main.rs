//! The same four tasks with this library and with other tools, in one run of one process. Read [`task::Task`] for what is
//! done, [`tools`] for who does it, [`measure`] for how it is timed; the report is the Markdown of `benches/README.md`.
//!
//! `cargo bench -p benches --bench compare` measures all sizes, `... -- 10 2500 yaml-edit` only those sizes and tools. `... -- once TOOL TASK SIZE`
//! performs one task once, for instruction counts. `... -- check` performs and checks
//! every task without timing it, as does a run without cargo's `--bench`.

mod heap;
mod measure;
mod ours;
mod peers;
mod report;
mod task;
mod tools;

use std::process::ExitCode;

use measure::Size;
use task::{Kept, Task};
use tools::Tool;

const SIZES: [usize; 4] = [10, 1_000, 2_500, 25_000];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).filter(|word| !word.starts_with('-')).collect();
    let measured = arguments.iter().any(|word| word == "--bench");
    let outcome = match words.as_slice() {
        ["once", tool, task, size] => once(tool, task, size),
        ["check"] => check_all(),
        _ if measured => {
            compare(&words);
            Ok(())
        }
        _ => check_all(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            report::line(&format!("error: {message}"));
            ExitCode::FAILURE
        }
    }
}

/// Measures every tool at every size and prints the report.
fn compare(words: &[&str]) {
    let mut sizes: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
    if sizes.is_empty() {
        sizes.extend(SIZES);
    }
    let mut tools = tools::all();
    let names: Vec<_> = words.iter().filter(|word| word.parse::<usize>().is_err()).collect();
    tools.retain(|tool| names.is_empty() || names.iter().any(|name| tool.name.contains(**name)));
    let mut measured = Vec::new();
    for deployments in sizes {
        report::progress(&format!("measuring {deployments} deployments"));
        measured.push(Size::measure(deployments, &tools));
    }
    report::machine();
    report::goals(&measured);
    measured.iter().for_each(report::size);
    report::growth(&measured);
}

/// Performs every task with every tool at ten deployments; fails where this library does.
fn check_all() -> Result<(), String> {
    let texts = measure::Texts::of(10);
    let mut failures = Vec::new();
    for tool in tools::all() {
        for task in tool.tasks {
            let verdict = measure::verify(&tool, *task, &texts);
            let sentence = format!("{}, {}: {}", tool.name, task.name(), report::verdict(&verdict));
            report::line(&sentence);
            if tool.ours && verdict != Ok(Kept::All) {
                failures.push(sentence);
            }
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("; ")) }
}

/// Performs one task once and prints nothing: what is counted is the task and making the documents; tool `none` makes them alone.
fn once(tool: &str, task: &str, size: &str) -> Result<(), String> {
    let deployments = size.parse().map_err(|_| format!("`{size}` is not a number of deployments"))?;
    if tool == "none" {
        std::hint::black_box(measure::Texts::of(deployments));
        return Ok(());
    }
    let tools = tools::all();
    let tool: &Tool = tools.iter().find(|known| known.name == tool).ok_or(format!("no tool `{tool}`"))?;
    let task = Task::ALL.into_iter().find(|known| known.name() == task).ok_or(format!("no task `{task}`"))?;
    let texts = measure::Texts::of(deployments);
    let mut run = (tool.prepare)(texts.of_tool(tool), task.at(deployments));
    std::hint::black_box(run()?);
    Ok(())
}
