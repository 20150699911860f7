//! The report, as Markdown on standard output.

use std::io::Write;

use crate::measure::{Cell, Row, Size};
use crate::ours;
use crate::task::{Kept, Task};
use crate::tools::Reads;

/// Prints one line. A closed pipe ends the report, not the program.
pub(crate) fn line(text: &str) {
    let _closed = writeln!(std::io::stdout().lock(), "{text}");
}

/// Says on standard error what is going on: the report comes at the end.
pub(crate) fn progress(text: &str) {
    let _closed = writeln!(std::io::stderr().lock(), "{text}");
}

/// The machine, from the system itself.
pub(crate) fn machine() {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let rustc = std::process::Command::new("rustc").arg("--version").output();
    let rustc = rustc.map_or_else(|_| String::new(), |out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
    line(&format!("Machine: {model}, {cores} cores, {}, {rustc}, release profile.", std::env::consts::ARCH));
}

/// Times, heap and ratios at one size.
pub(crate) fn size(size: &Size) {
    let (bound, unit) = (size.bound.best(), Unit::of(size.bound.best()));
    line(&format!("\n### {} deployments, {} bytes, {} lines\n", size.deployments, size.bytes, size.lines));
    line(&format!(
        "Lines and indentation (the bound, B): {} {} ({:.0} MB/s). Count of line breaks: {}. Copy: {}.\n",
        unit.show(bound),
        unit.name(),
        megabytes_per_second(size, bound),
        unit.show(size.newlines.best()),
        unit.show(size.copy.best()),
    ));
    let unit = if size.bytes < 100_000 { Unit::Microseconds } else { Unit::Milliseconds };
    line(&format!(
        "| {}: best (median) | parse | append | set tag | remove | heap parse | heap append | other bytes kept |",
        unit.name()
    ));
    line("|---|--:|--:|--:|--:|--:|--:|---|");
    for row in &size.rows {
        let times: Vec<_> = Task::ALL.iter().map(|task| times(row.cell(*task), unit)).collect();
        let heap: Vec<_> = [Task::Parse, Task::Append].iter().map(|task| mebibytes(row.cell(*task))).collect();
        line(&format!("| {} | {} | {} | {} |", row.name, times.join(" | "), heap.join(" | "), bytes_kept(row)));
    }
    line(
        "\nRatios of the best times: in B, then how many times as fast as the fastest other tool that keeps all bytes and reads anchors.\n",
    );
    line("| tool | parse, B | append, B | set tag, B | remove, B | parse, x | append, x | set tag, x | remove, x |");
    line("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    for row in &size.rows {
        let in_bounds = Task::ALL.iter().map(|task| row.best(*task).map(|best| best / bound));
        let as_fast = Task::ALL.iter().map(|task| Some(size.rival(*task)?.0 / row.best(*task)?));
        let ratios: Vec<_> = in_bounds.chain(as_fast).map(ratio).collect();
        line(&format!("| {} | {} |", row.name, ratios.join(" | ")));
    }
}

/// Growth between neighbouring sizes: 1 is linear in the bytes.
pub(crate) fn growth(sizes: &[Size]) {
    let [first, .., last] = sizes else { return };
    line("\n### Growth\n");
    line("Exponent of the time over the bytes from one size to the next, parse / set tag; 1 is linear.\n");
    let mut steps: Vec<_> = sizes.windows(2).map(|pair| [&pair[0], &pair[1]]).collect();
    if steps.len() > 1 {
        steps.push([first, last]);
    }
    let titles: Vec<_> = steps.iter().map(|[from, to]| format!("{} to {}", from.deployments, to.deployments)).collect();
    line(&format!("| tool | {} |", titles.join(" | ")));
    line(&format!("|---|{}", "--:|".repeat(steps.len())));
    for row in &first.rows {
        let power = |[from, to]: &[&Size; 2], task| ratio(exponent(from, to, row.name, task));
        let cells = steps.iter().map(|step| format!("{} / {}", power(step, Task::Parse), power(step, Task::SetTag)));
        line(&format!("| {} | {} |", row.name, cells.collect::<Vec<_>>().join(" | ")));
    }
}

fn exponent(from: &Size, to: &Size, name: &str, task: Task) -> Option<f64> {
    let best = |size: &Size| size.row(name)?.best(task);
    Some((best(to)? / best(from)?).ln() / (to.bytes as f64 / from.bytes as f64).ln())
}

/// What was wanted of this library beside what was measured; a goal whose size was not measured is left out.
pub(crate) fn goals(sizes: &[Size]) {
    line("\n### Goals\n");
    line("| goal | wanted | measured |\n|---|--:|--:|");
    let at = |deployments| sizes.iter().find(|size| size.deployments == deployments);
    if let Some(size) = at(2_500) {
        let (bound, rate) = (size.bound.best(), megabytes_per_second(size, size.bound.best()));
        let slowest = |name| Task::EDITS.iter().filter_map(|task| size.row(name)?.best(*task)).reduce(f64::max);
        let least =
            Task::EDITS.iter().filter_map(|task| Some(size.rival(*task)?.0 / size.row(ours::TEXT)?.best(*task)?));
        let parse = size.row(ours::TEXT).and_then(|row| row.best(Task::Parse));
        let heap = |task| size.row(ours::TEXT).and_then(|row| row.cell(task)).map(|cell| cell.heap as f64 / MIB);
        goal("slowest edit at 2,500, in B", "<= 5", slowest(ours::TEXT).map(|time| time / bound));
        goal(
            "slowest edit at 2,500 with a full second scan, in B",
            "<= 10",
            slowest(ours::RESCAN).map(|time| time / bound),
        );
        goal("least factor over the fastest rival at 2,500", ">= 20", least.reduce(f64::min));
        let wanted = format!(">= {:.0}", 900.0 * rate / 4_200.0);
        goal("index at 2,500, MB/s, scaled to this bound", &wanted, parse.map(|time| megabytes_per_second(size, time)));
        goal("heap over the input, index, MiB", "<= 1.5", heap(Task::Parse));
        goal("heap over the input, append with its result, MiB", "<= 1.5", heap(Task::Append));
    }
    if let Some(size) = at(10) {
        let slowest = Task::EDITS.iter().filter_map(|task| size.row(ours::TEXT)?.best(*task)).reduce(f64::max);
        goal("slowest edit at 10, us", "<= 6", slowest.map(|time| time * 1e6));
    }
    if let (Some(from), Some(to)) = (at(2_500), at(25_000)) {
        goal("exponent from 2,500 to 25,000, set tag", "1", exponent(from, to, ours::TEXT, Task::SetTag));
    }
}

const MIB: f64 = 1_048_576.0;

fn goal(what: &str, wanted: &str, measured: Option<f64>) {
    line(&format!("| {what} | {wanted} | {} |", ratio(measured)));
}

fn times(cell: Option<&Cell>, unit: Unit) -> String {
    match cell {
        None => String::new(),
        Some(Cell { verdict: Err(_), .. }) => "fails".to_owned(),
        Some(Cell { times, .. }) => format!("{} ({})", unit.show(times.best()), unit.show(times.median())),
    }
}

/// Three figures or so.
fn ratio(value: Option<f64>) -> String {
    match value {
        None => String::new(),
        Some(value) if value >= 100.0 => format!("{value:.0}"),
        Some(value) if value >= 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.2}"),
    }
}

fn bytes_kept(row: &Row) -> String {
    let mut most = 0;
    for cell in &row.cells {
        match &cell.verdict {
            Err(message) => return format!("{}: {message}", cell.task.name()),
            Ok(Kept::Rewritten(lines)) => most = most.max(*lines),
            Ok(Kept::All) => {}
        }
    }
    let note = if row.reads == Reads::NoAnchors { "; document without its anchor" } else { "" };
    if most == 0 { format!("yes{note}") } else { format!("no, {most} lines rewritten{note}") }
}

/// One cell's outcome in words.
pub(crate) fn verdict(verdict: &Result<Kept, String>) -> String {
    match verdict {
        Ok(Kept::All) => "done, other bytes kept".to_owned(),
        Ok(Kept::Rewritten(lines)) => format!("done, {lines} other lines rewritten"),
        Err(message) => format!("fails: {message}"),
    }
}

fn megabytes_per_second(size: &Size, seconds: f64) -> f64 {
    size.bytes as f64 / seconds / 1e6
}

fn mebibytes(cell: Option<&Cell>) -> String {
    cell.map_or(String::new(), |cell| format!("{:.2}", cell.heap as f64 / MIB))
}

/// Unit of a table.
#[derive(Clone, Copy)]
enum Unit {
    Microseconds,
    Milliseconds,
}

impl Unit {
    fn of(seconds: f64) -> Self {
        if seconds < 1e-4 { Self::Microseconds } else { Self::Milliseconds }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Microseconds => "us",
            Self::Milliseconds => "ms",
        }
    }

    fn show(self, seconds: f64) -> String {
        match self {
            Self::Microseconds => format!("{:.2}", seconds * 1e6),
            Self::Milliseconds => format!("{:.3}", seconds * 1e3),
        }
    }
}
