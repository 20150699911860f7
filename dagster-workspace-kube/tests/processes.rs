//! Several processes on one directory, and processes that are killed while they write.
//!
//! The writers are tests of this very program, started again by name with [`DIRECTORY`] set; alone, each works on a
//! directory of its own.

#![cfg(unix)]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dagster_workspace_kube::apply::{Absent, apply_with};
use dagster_workspace_kube::retry::RetryPolicy;
use dagster_workspace_kube::store::{Directory, Key, Precondition, Store, StoreError};
use tempfile::TempDir;

/// Where a writer works.
const DIRECTORY: &str = "DAGSTER_WORKSPACE_TEST_DIRECTORY";
/// What a writer calls its lines.
const NAME: &str = "DAGSTER_WORKSPACE_TEST_NAME";
/// Where the counter notes what it has been told is written.
const NOTES: &str = "DAGSTER_WORKSPACE_TEST_NOTES";

const LINES: u32 = 25;

#[test]
fn writer_adds_its_lines() {
    let (own, folder) = folder();
    let name = std::env::var(NAME).unwrap_or_else(|_| "alone".into());
    let lines = if name.starts_with("endless") { u32::MAX } else { LINES };
    for line in 0..lines {
        change(&folder, |text| Some(format!("{text}{name} {line}\n")));
    }
    if own.is_some() {
        assert_eq!(read(&folder).lines().count(), 25);
    }
}

#[test]
fn counter_counts_up() {
    let (own, folder) = folder();
    let notes = std::env::var(NOTES).map_or_else(|_| folder.join("notes"), PathBuf::from);
    let mut notes = fs::File::options().create(true).append(true).open(notes).unwrap();
    let until = if own.is_some() { 10 } else { u32::MAX };
    for _ in 0..until {
        let mut count = 0;
        change(&folder, |text| {
            count = counted(text) + 1;
            Some(counting(count))
        });
        // One write of few bytes: a kill leaves all of it or nothing.
        notes.write_all(format!("{count}\n").as_bytes()).unwrap();
    }
    if own.is_some() {
        assert_eq!(counted(&read(&folder)), 10);
    }
}

#[test]
fn eight_processes_lose_no_line() {
    let folder = TempDir::new().unwrap();
    let writers: Vec<Child> = (0..8).map(|writer| writer_process(folder.path(), &format!("w{writer}"))).collect();
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    assert_all_lines_once(&read(folder.path()));
    assert_eq!(names(folder.path()), ["values.yaml"]);
}

#[test]
fn killed_writers_hold_up_nobody_and_take_no_line_along() {
    let folder = TempDir::new().unwrap();
    let writers: Vec<Child> = (0..8).map(|writer| writer_process(folder.path(), &format!("w{writer}"))).collect();
    for victim in 0..10 {
        let child = writer_process(folder.path(), &format!("endless{victim}"));
        std::thread::sleep(Duration::from_millis(fastrand::u64(20..80)));
        kill(child);
    }
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    let text = read(folder.path());
    let (victims, others): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with("endless"));
    assert_all_lines_once(&others.join("\n"));
    let mut distinct = victims.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), victims.len(), "a victim's line stands there twice");
}

/// A hundred times: a process that does nothing but write is killed at a random moment. The document is complete at every
/// moment, and nothing that the writer was told is written is lost.
#[test]
fn killed_writer_leaves_a_complete_document() {
    const ROUNDS: u32 = 100;
    let (folder, notebook) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let notes = notebook.path().join("notes");
    fs::write(&notes, "0\n").unwrap();
    let (started, mut rounds, mut in_the_middle) = (Instant::now(), 0, 0);
    // Bounded in time for slow machines, but never fewer rounds than mean something.
    while rounds < ROUNDS && (rounds < 25 || started.elapsed() < Duration::from_secs(60)) {
        rounds += 1;
        let before = noted(&notes);
        let child = process("counter_counts_up", folder.path()).env(NOTES, &notes).spawn().unwrap();
        wait_until(|| noted(&notes) > before);
        let killed = Instant::now() + Duration::from_micros(fastrand::u64(0..20_000));
        while Instant::now() < killed {
            assert!(counted(&read(folder.path())) >= before);
        }
        kill(child);
        let (count, told) = (counted(&read(folder.path())), noted(&notes));
        // The last write may have been killed between the rename and the note.
        assert!(count == told || count == told + 1, "round {rounds}: {count} stands there, {told} was told");
        let left = names(folder.path());
        in_the_middle += u32::from(left.len() > 1);
        assert!(left.len() <= 2, "one killed writer leaves at most one temporary file: {left:?}");
    }
    assert!(in_the_middle > 0, "no kill of {rounds} hit a write: the test shows nothing");
    change(folder.path(), |text| Some(counting(counted(text) + 1)));
    assert_eq!(names(folder.path()), ["values.yaml"]);
}

/// A limit on the size of files stands for a full disk.
#[test]
fn err_text_that_does_not_fit_on_the_disk_leaves_the_old_one() {
    let (own, folder) = folder();
    let (store, key) = (Directory::new(&folder), key());
    let Some(_own) = own else {
        let version = block_on(store.get(&key)).unwrap().version;
        let error = block_on(store.put(&key, &counting(1), Precondition::Matches(version))).unwrap_err();
        assert!(matches!(error, StoreError::Io { action: "write", .. }), "{error:?}");
        return;
    };
    fs::write(folder.join("values.yaml"), "a: 1\n").unwrap();
    let program = std::env::current_exe().unwrap();
    // With the signal ignored, writing beyond the limit is an error instead of the end.
    let limited =
        "trap '' XFSZ; ulimit -f 8; exec \"$0\" --exact err_text_that_does_not_fit_on_the_disk_leaves_the_old_one";
    let output = Command::new("sh").args(["-c", limited]).arg(program).env(DIRECTORY, &folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{output:?}");
    assert_eq!((read(&folder).as_str(), names(&folder)), ("a: 1\n", vec!["values.yaml".to_owned()]));
}

/// Root may read everything, so root runs this once more as nobody.
#[test]
fn err_file_or_directory_without_permission_is_denied() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("values.yaml");
    fs::write(&path, "a: 1\n").unwrap();
    if std::os::unix::fs::MetadataExt::uid(&fs::metadata(&path).unwrap()) == 0 {
        // The build directory may be closed to others.
        let program = folder.path().join("program");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        set_mode(folder.path(), 0o755);
        let mut command = Command::new(program);
        std::os::unix::process::CommandExt::uid(&mut command, 65534);
        command.args(["--exact", "err_file_or_directory_without_permission_is_denied"]).current_dir("/");
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{output:?}");
        return;
    }
    let (store, key) = (Directory::new(folder.path()), key());
    let version = block_on(store.get(&key)).unwrap().version;
    set_mode(&path, 0o000);
    let error = block_on(store.get(&key)).unwrap_err();
    assert!(matches!(error, StoreError::Denied { action: "read", .. }), "{error:?}");
    set_mode(&path, 0o644);
    set_mode(folder.path(), 0o555);
    let error = block_on(store.put(&key, "", Precondition::Matches(version))).unwrap_err();
    assert!(matches!(error, StoreError::Denied { action: "create a file in", .. }), "{error:?}");
    set_mode(folder.path(), 0o755);
    assert_eq!(read(folder.path()), "a: 1\n");
}

/// The directory to work in: the one named from outside, or one of its own.
fn folder() -> (Option<TempDir>, PathBuf) {
    if let Ok(named) = std::env::var(DIRECTORY) {
        return (None, named.into());
    }
    let own = TempDir::new().unwrap();
    let path = own.path().to_path_buf();
    (Some(own), path)
}

/// This program again, running only the test `name` on `folder`.
fn process(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name]).env(DIRECTORY, folder).stdout(Stdio::null());
    command
}

fn writer_process(folder: &Path, name: &str) -> Child {
    process("writer_adds_its_lines", folder).env(NAME, name).spawn().unwrap()
}

/// SIGKILL.
fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn change(folder: &Path, mut change: impl FnMut(&str) -> Option<String>) {
    let store = Directory::new(folder);
    let change = |text: &str| Ok::<_, std::convert::Infallible>(change(text));
    block_on(apply_with(&store, &key(), Absent::Create(""), &RetryPolicy::default(), change)).unwrap();
}

fn read(folder: &Path) -> String {
    match block_on(Directory::new(folder).get(&key())) {
        Ok(stored) => stored.text,
        Err(StoreError::NotFound { .. }) => String::new(),
        Err(error) => panic!("{error:?}"),
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

fn key() -> Key {
    Key::new("values.yaml").unwrap()
}

/// A document in which every line names the count, so that a mixture of two or a piece of one is seen.
fn counting(count: u32) -> String {
    (0..4000).map(|line| format!("- {count} {line}\n")).collect()
}

fn counted(text: &str) -> u32 {
    if text.is_empty() {
        return 0;
    }
    let count = text.split(' ').nth(1).and_then(|count| count.parse().ok()).expect("a count");
    assert!(text == counting(count), "torn: {} bytes, begins with count {count}", text.len());
    count
}

/// The highest number the counter was told is written.
fn noted(notes: &Path) -> u32 {
    fs::read_to_string(notes).unwrap().lines().map(|line| line.parse::<u32>().unwrap()).max().unwrap()
}

fn wait_until(condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(30), "the writer did not begin");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn assert_all_lines_once(text: &str) {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    let mut expected: Vec<String> = (0..8).flat_map(|w| (0..LINES).map(move |l| format!("w{w} {l}"))).collect();
    expected.sort();
    assert_eq!(lines, expected);
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}
