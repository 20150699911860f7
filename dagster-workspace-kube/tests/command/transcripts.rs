//! Cases as people would type them: `transcripts/NAME/` holds `input/`, the files of a folder, `command`, lines for a shell in
//! which `dw` is the command, and `expected`, what they print and which files they change. `DAGSTER_WORKSPACE_UPDATE=1` writes
//! `expected` anew, and the difference is reviewed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The folder of all cases.
fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command/transcripts")
}

#[test]
fn every_transcript_comes_out_as_written() {
    let update = std::env::var_os("DAGSTER_WORKSPACE_UPDATE").is_some() && !testing::ci();
    let mut all: Vec<PathBuf> = fs::read_dir(cases()).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    assert!(!all.is_empty());
    let mut wrong = String::new();
    for case in all {
        let (found, file) = (transcript(&case), case.join("expected"));
        let expected = fs::read_to_string(&file).unwrap_or_default();
        if found == expected {
            continue;
        }
        if update {
            fs::write(&file, &found).unwrap();
        } else {
            let name = case.file_name().unwrap().display();
            write!(wrong, "\n==== {name}: expected\n{expected}\n==== {name}: found\n{found}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Runs the commands of a case in a copy of its input.
fn transcript(case: &Path) -> String {
    let folder = TempDir::new().unwrap();
    let (work, programs) = (folder.path().join("work"), folder.path().join("bin"));
    fs::create_dir_all(&work).unwrap();
    fs::create_dir_all(&programs).unwrap();
    for name in ["dw", "dagster-workspace"] {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_dagster-workspace"), programs.join(name)).unwrap();
    }
    for (name, text) in files(&case.join("input")) {
        let file = work.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let mut before = files(&work);
    let mut out = String::new();
    for line in fs::read_to_string(case.join("command")).unwrap().lines().filter(|line| !line.trim().is_empty()) {
        let (exit, said) = run(line, &work, &programs);
        write!(out, "$ {line}\n(exit {exit})\n{said}\n").unwrap();
    }
    for (name, text) in files(&work) {
        if before.remove(&name).is_none_or(|old| old != text) {
            write!(out, "--- {name} after:\n{text}").unwrap();
        }
    }
    for name in before.keys() {
        writeln!(out, "--- {name} is gone").unwrap();
    }
    out
}

/// Exit code and output of one line, both streams as they come.
fn run(line: &str, work: &Path, programs: &Path) -> (i32, String) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path: Vec<PathBuf> = [programs.to_owned()].into_iter().chain(std::env::split_paths(&path)).collect();
    // The same on every machine: nothing of a pipeline or of a user's own settings comes in.
    let output = Command::new("/bin/sh")
        .args([OsStr::new("-c"), OsStr::new(&format!("exec 2>&1\n{line}"))])
        .current_dir(work)
        .env_clear()
        .env("PATH", std::env::join_paths(path).unwrap())
        .env("HOME", work.parent().unwrap())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// All files below a folder by their paths in it, through links to files; what Git keeps for itself is left out.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).unwrap().map(|entry| entry.unwrap()) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                open.extend((entry.file_name() != ".git").then_some(path));
            } else if path.is_file() {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned());
            }
        }
    }
    found
}
