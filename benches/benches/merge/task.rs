//! What the two sides change: [`Task`], and the four texts of one, [`Texts`].

use benches::workload;

/// What each side does to the document, on deployments of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Another port or tag in ten deployments, spread over the whole document.
    Few,
    /// The same in every tenth deployment.
    Many,
    /// A thousand new deployments at the end.
    Append,
}

impl Task {
    pub(crate) const ALL: [Self; 3] = [Self::Few, Self::Many, Self::Append];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Few => "few",
            Self::Many => "many",
            Self::Append => "append",
        }
    }

    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Few => "another image in 10 deployments",
            Self::Many => "another image in every 10th deployment",
            Self::Append => "1,000 deployments appended",
        }
    }
}

/// The three inputs, and what must come out.
pub(crate) struct Texts {
    pub(crate) base: String,
    pub(crate) ours: String,
    pub(crate) theirs: String,
    pub(crate) merged: String,
}

/// How many deployments each side appends.
const APPENDED: usize = 1_000;

impl Texts {
    pub(crate) fn of(task: Task, deployments: usize) -> Self {
        let base = workload::values(deployments);
        match task {
            Task::Append => {
                let (own, their) = (appended("own"), appended("their"));
                let with = |more: &str| format!("{base}{more}");
                let merged = with(&format!("{own}{their}"));
                Self { ours: with(&own), theirs: with(&their), base, merged }
            }
            Task::Few | Task::Many => {
                let step = if task == Task::Few { (deployments / 10).max(2) } else { 10 };
                let (own, their) = (0, step / 2);
                let ours = retagged(&base, step, &[own]);
                let theirs = retagged(&base, step, &[their]);
                let merged = retagged(&base, step, &[own, their]);
                Self { base, ours, theirs, merged }
            }
        }
    }
}

/// Deployments as people append them.
fn appended(side: &str) -> String {
    let item = |at: usize| {
        format!(
            "  - name: {side}-{at:04}\n    image:\n      repository: registry.example.com/{side}\n      tag: v1.0.{at}\n    port: 3030\n"
        )
    };
    (0..APPENDED).map(item).collect()
}

/// The text with another name of a repository in some of every `step` deployments.
fn retagged(text: &str, step: usize, which: &[usize]) -> String {
    let mut out = String::with_capacity(text.len() + 1024);
    let mut number = None;
    let mut changed = None;
    for line in text.split_inclusive('\n') {
        if line.starts_with("  - ") {
            number = Some(number.map_or(0, |number: usize| number + 1));
        }
        let wanted = number.filter(|number| which.contains(&(number % step)) && changed != Some(*number));
        match wanted.and_then(|number| Some((number, line.find("registry.")?))) {
            Some((number, at)) => {
                changed = Some(number);
                out.push_str(&line[..at]);
                out.push_str("mirror.");
                out.push_str(&line[at + "registry.".len()..]);
            }
            None => out.push_str(line),
        }
    }
    out
}
