//! The table of goals, and further ones, as Markdown.

use std::fmt;
use std::time::Duration;

/// Everything that was measured.
#[derive(Debug, Default)]
pub(crate) struct Report {
    goals: Vec<[String; 4]>,
    tables: Vec<Table>,
}

/// A table without goals.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) head: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// Whether a goal was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    Yes,
    No,
}

impl From<bool> for Reached {
    fn from(reached: bool) -> Self {
        if reached { Self::Yes } else { Self::No }
    }
}

impl Report {
    /// A goal, what is wanted, what was measured.
    pub(crate) fn goal(&mut self, goal: &str, wanted: &str, measured: &str, reached: impl Into<Reached>) {
        let reached = match reached.into() {
            Reached::Yes => "yes",
            Reached::No => "**no**",
        };
        eprintln!("{goal}: {measured} (wanted {wanted}): {reached}");
        self.goals.push([goal, wanted, measured, reached].map(str::to_owned));
    }

    pub(crate) fn table(&mut self, table: Table) {
        self.tables.push(table);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### Goals\n\n| goal | wanted | measured | reached |\n|---|---|---|---|")?;
        for row in &self.goals {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        for Table { title, head, rows } in &self.tables {
            writeln!(f, "\n### {title}\n\n| {} |\n|---{}|", head.join(" | "), "|--:".repeat(head.len() - 1))?;
            for row in rows {
                writeln!(f, "| {} |", row.join(" | "))?;
            }
        }
        Ok(())
    }
}

/// `7.3 ms`, `1.25 s`.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1.0 { format!("{:.1} ms", seconds * 1000.0) } else { format!("{seconds:.2} s") }
}

/// The middle one, the higher of two; the times are not empty.
pub(crate) fn median<T: Ord + Copy>(all: &[T]) -> T {
    let mut sorted = all.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2]
}
