//! `git merge-file` on the same three files, the start of the program included.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::task::Texts;

/// What git made of it.
pub(crate) struct Git {
    pub(crate) time: Duration,
    pub(crate) conflicts: i32,
}

/// The best of some runs; `None` where there is no git.
pub(crate) fn merge_file(texts: &Texts, rounds: usize) -> Option<Git> {
    let folder = std::env::temp_dir().join(format!("dagster-workspace-merge-{}", std::process::id()));
    let found = fs::create_dir_all(&folder).ok().and_then(|()| in_folder(texts, rounds, &folder));
    fs::remove_dir_all(&folder).ok()?;
    found
}

fn in_folder(texts: &Texts, rounds: usize, folder: &Path) -> Option<Git> {
    for (name, text) in [("base", &texts.base), ("ours", &texts.ours), ("theirs", &texts.theirs)] {
        fs::write(folder.join(name), text).ok()?;
    }
    let mut best: Option<Git> = None;
    for _ in 0..rounds {
        let mut command = Command::new("git");
        command.current_dir(folder).args(["merge-file", "-p", "ours", "base", "theirs"]).stdout(Stdio::null());
        let start = Instant::now();
        let conflicts = command.status().ok()?.code()?;
        let time = start.elapsed();
        if best.as_ref().is_none_or(|best| time < best.time) {
            best = Some(Git { time, conflicts });
        }
    }
    best
}
