//! Several commands at once, and commands that are killed: nothing is lost, and the same command finishes the job.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::directory::{example, read};
use crate::program::{command, run_in};

fn add(folder: &std::path::Path, name: &str) -> Child {
    let arguments = ["add", name, "--image", "r:1", "--arg=x", "--output=json"];
    command(folder, &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn names(folder: &std::path::Path) -> Vec<String> {
    let listed = run_in(folder, &["list", "--output=json"]).json();
    let locations = listed["locations"].as_array().unwrap().iter();
    let mut names: Vec<String> = locations
        .filter(|location| location["paired"] == true)
        .map(|location| location["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn six_commands_at_once_lose_nothing() {
    let folder = example();
    let children: Vec<Child> = (0..6).map(|number| add(folder.path(), &format!("n{number}"))).collect();
    for mut child in children {
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    assert_eq!(names(folder.path()), ["legacy", "n0", "n1", "n2", "n3", "n4", "n5", "reports", "sales"]);
}

#[test]
fn killed_command_is_finished_by_the_same_command() {
    let folder = example();
    run_in(folder.path(), &["add", "etl", "--image", "r:1", "--arg=x"]);
    let whole = read(folder.path());
    run_in(folder.path(), &["remove", "etl"]);
    let start = read(folder.path());
    let mut between = 0;
    for round in 0..40 {
        let child = add(folder.path(), "etl");
        kill(child, round, || read(folder.path()).0 != start.0);
        let (values, workspace) = read(folder.path());
        assert!(values == start.0 || values == whole.0, "round {round}: values are torn");
        assert!(workspace == start.1 || workspace == whole.1, "round {round}: workspace is torn");
        assert!(workspace == start.1 || values == whole.0, "round {round}: a location without its deployment");
        between += u32::from(values == whole.0 && workspace == start.1);
        assert_eq!(add(folder.path(), "etl").wait().unwrap().code(), Some(0), "round {round}");
        assert_eq!(read(folder.path()), whole, "round {round}");

        let child = command(folder.path(), &["remove", "etl"]).stdout(Stdio::null()).spawn().unwrap();
        kill(child, round, || read(folder.path()).1 != whole.1);
        let (values, workspace) = read(folder.path());
        assert!(values == whole.0 || workspace == start.1, "round {round}: a location without its deployment");
        assert_eq!(run_in(folder.path(), &["remove", "etl"]).exit, 0);
        assert_eq!(read(folder.path()), start, "round {round}");
    }
    assert!(between > 0, "no kill came between the two writes: the test shows nothing");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

/// SIGKILL: in odd rounds as soon as the first document is written, in even ones at a random moment.
fn kill(mut child: Child, round: u32, first_is_written: impl Fn() -> bool) {
    let started = Instant::now();
    let moment = Duration::from_micros(fastrand::u64(500..12_000));
    while if round % 2 == 1 { !first_is_written() } else { started.elapsed() < moment } {
        assert!(started.elapsed() < Duration::from_secs(30), "nothing is written");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
