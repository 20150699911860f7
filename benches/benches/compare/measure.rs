//! Times and heap of every tool at one size. Start at [`Size::measure`].
//!
//! All tools take turns in several rounds, so that a neighbour's load on the machine falls on all of them. The best of
//! all samples counts, the median is shown beside it. Freeing what a tool built is part of its time.

use std::hint::black_box;
use std::time::{Duration, Instant};

use benches::{bound, workload};

use crate::heap;
use crate::task::{self, Kept, Task};
use crate::tools::{Reads, Run, Tool};

/// How often each cell's turn comes.
const ROUNDS: usize = 5;
/// How long a turn lasts at least, and how many samples it has at least.
const TURN: Duration = Duration::from_millis(200);
const SAMPLES: usize = 3;
/// A sample that takes longer is alone in its turn.
const SLOW: Duration = Duration::from_millis(500);
/// Shorter runs are timed in batches: a clock reading costs some 30 ns.
const SHORT: Duration = Duration::from_micros(20);
const BATCH: u32 = 32;

/// The two documents of one size.
pub(crate) struct Texts {
    pub(crate) deployments: usize,
    pub(crate) values: String,
    without_anchor: String,
}

impl Texts {
    pub(crate) fn of(deployments: usize) -> Self {
        let without_anchor = workload::values_without_anchor(deployments);
        Self { deployments, values: workload::values(deployments), without_anchor }
    }

    pub(crate) fn of_tool(&self, tool: &Tool) -> &str {
        match tool.reads {
            Reads::Anchors => &self.values,
            Reads::NoAnchors => &self.without_anchor,
        }
    }
}

/// Samples of one thing, in seconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times(Vec<f64>);

impl Times {
    pub(crate) fn best(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// One turn.
    fn sample<R>(&mut self, mut call: impl FnMut() -> R) {
        let turn = Instant::now();
        for taken in 1.. {
            let (start, mut runs) = (Instant::now(), 1);
            black_box(call());
            if start.elapsed() < SHORT {
                (1..BATCH).for_each(|_| drop(black_box(call())));
                runs = BATCH;
            }
            let elapsed = start.elapsed();
            self.0.push(elapsed.as_secs_f64() / f64::from(runs));
            if elapsed > SLOW || (taken >= SAMPLES && turn.elapsed() >= TURN) {
                return;
            }
        }
    }
}

/// One tool at one task.
pub(crate) struct Cell {
    pub(crate) task: Task,
    /// Why there are no times, or what became of the other bytes.
    pub(crate) verdict: Result<Kept, String>,
    pub(crate) times: Times,
    /// Most heap alive at once over the input, in bytes.
    pub(crate) heap: usize,
}

/// One tool at all tasks.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) ours: bool,
    pub(crate) reads: Reads,
    pub(crate) cells: Vec<Cell>,
}

impl Row {
    pub(crate) fn cell(&self, task: Task) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.task == task)
    }

    /// Best time of a task that was done right.
    pub(crate) fn best(&self, task: Task) -> Option<f64> {
        self.cell(task).filter(|cell| cell.verdict.is_ok()).map(|cell| cell.times.best())
    }

    /// Whether it reads anchors, did every edit right and kept all other bytes.
    pub(crate) fn is_rival(&self) -> bool {
        let lossless = self.cells.iter().all(|cell| cell.verdict == Ok(Kept::All));
        lossless && !self.ours && self.reads == Reads::Anchors
    }
}

/// Everything measured at one size.
pub(crate) struct Size {
    pub(crate) deployments: usize,
    pub(crate) bytes: usize,
    pub(crate) lines: usize,
    /// The practical bound.
    pub(crate) bound: Times,
    pub(crate) newlines: Times,
    pub(crate) copy: Times,
    pub(crate) rows: Vec<Row>,
}

impl Size {
    /// The fastest other tool that reads anchors and keeps all bytes: its best time, its name.
    pub(crate) fn rival(&self, task: Task) -> Option<(f64, &'static str)> {
        let rivals = self.rows.iter().filter(|row| row.is_rival());
        rivals.filter_map(|row| Some((row.best(task)?, row.name))).min_by(|a, b| a.0.total_cmp(&b.0))
    }

    pub(crate) fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// Checks every tool at every task, counts its heap, then times those that did it.
    /// A tool's failure is in its cell.
    pub(crate) fn measure(deployments: usize, tools: &[Tool]) -> Self {
        let texts = Texts::of(deployments);
        let text = &texts.values;
        let rows = tools.iter().map(|tool| check_row(tool, &texts)).collect();
        let (bytes, lines) = (text.len(), bound::newlines(text));
        let [bound, newlines, copy] = [const { Times(Vec::new()) }; 3];
        let mut size = Self { deployments, bytes, lines, bound, newlines, copy, rows };
        let mut into = String::new();
        for _ in 0..ROUNDS {
            size.bound.sample(|| bound::lines_and_indentation(black_box(text)));
            size.newlines.sample(|| bound::newlines(black_box(text)));
            size.copy.sample(|| bound::copy(black_box(text), &mut into));
            for (tool, row) in tools.iter().zip(&mut size.rows) {
                for cell in row.cells.iter_mut().filter(|cell| cell.verdict.is_ok()) {
                    let run = (tool.prepare)(texts.of_tool(tool), cell.task.at(deployments));
                    cell.times.sample(run);
                }
            }
        }
        size
    }
}

fn check_row(tool: &Tool, texts: &Texts) -> Row {
    let cells = tool.tasks.iter().map(|task| {
        let verdict = verify(tool, *task, texts);
        let mut run = (tool.prepare)(texts.of_tool(tool), task.at(texts.deployments));
        let (_, heap) = heap::peak(&mut run);
        Cell { task: *task, verdict, times: Times::default(), heap }
    });
    Row { name: tool.name, ours: tool.ours, reads: tool.reads, cells: cells.collect() }
}

/// Performs a task once and checks what comes out.
///
/// # Errors
/// Why the tool could not do it, or that it did something else.
pub(crate) fn verify(tool: &Tool, task: Task, texts: &Texts) -> Result<Kept, String> {
    let (text, request) = (texts.of_tool(tool), task.at(texts.deployments));
    let mut run: Run<'_> = (tool.prepare)(text, request);
    match (run()?, task) {
        (None, Task::Parse) => Ok(Kept::All),
        (Some(after), _) => task::check(text, &after, request),
        (None, _) => Err("writes nothing".to_owned()),
    }
}
