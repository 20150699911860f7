//! Repositories under review: added with a name and a record of their own, and taken away when they have had their time.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::directory::{VALUES, WORKSPACE, example, read};
use crate::program::{Said, command, run_in};

const MONDAY: &str = "2026-02-02T09:00:00Z";

/// Adds the example's deployment once more, for a review.
fn add(folder: &TempDir, arguments: &[&str]) -> Said {
    let name = first(VALUES);
    let all = [&["add", &name, "--like", &name, "--image", "ghcr.io/acme/x:pr"], arguments].concat();
    let said = run_in(folder.path(), &all);
    assert_eq!(said.exit, 0, "{arguments:?}: {said:?}");
    said
}

/// The name of the first deployment.
fn first(values: &str) -> String {
    let line = values.lines().find_map(|line| line.trim_start().strip_prefix("- name: ")).unwrap();
    line.split(' ').next().unwrap().trim_matches('"').to_owned()
}

#[track_caller]
fn prune(folder: &Path, arguments: &[&str]) -> Value {
    let said = run_in(folder, &[&["prune", "--output", "json"], arguments].concat());
    assert_eq!(said.exit, 0, "{arguments:?}: {said:?}");
    said.json()
}

fn names(answer: &Value) -> Vec<&str> {
    answer["outdated"].as_array().unwrap().iter().map(|found| found["name"].as_str().unwrap()).collect()
}

#[test]
fn review_is_added_with_its_record_and_pruned_without_a_trace() {
    let folder = example();
    let name = format!("{}-pr-12", first(VALUES));
    let arguments = ["--pr", "12", "--branch", "faster", "--owner", "data", "--ttl", "7d", "--now", MONDAY];
    add(&folder, &arguments);
    let (values, workspace) = read(folder.path());
    let record = format!(
        "x-dagster-workspace:\n  {name}:\n    owner: data\n    pullRequest: 12\n    branch: faster\n    created: \"{MONDAY}\"\n    \
         expires: \"2026-02-09T09:00:00Z\"\n"
    );
    assert!(values.ends_with(&record), "{values}");
    assert!(workspace.contains(&name), "{workspace}");
    let shown = run_in(folder.path(), &["show", &name, "--output", "json"]).json();
    assert_eq!(shown["record"]["pullRequest"], 12);

    // Again at the same time: nothing. Later: only more time.
    assert_eq!(add(&folder, &arguments).stdout, "no change: everything is as asked\n");
    add(&folder, &["--pr", "12", "--ttl", "7d", "--now", "2026-02-03T09:00:00Z"]);
    let later = read(folder.path());
    assert_eq!(later, (values.replace("2026-02-09", "2026-02-10"), workspace));

    let at_the_time = ["--expired", "--now", "2026-02-10T09:00:00Z"];
    assert_eq!(names(&prune(folder.path(), &["--expired", "--now", "2026-02-10T08:59:59Z", "--yes"])), [""; 0]);
    let answer = prune(folder.path(), &at_the_time);
    let found =
        json!([{"name": name, "owner": "data", "repository": null, "reason": {"expired": "2026-02-10T09:00:00Z"}}]);
    assert_eq!((&answer["outdated"], &answer["changed"], &answer["dry_run"]), (&found, &json!(true), &json!(true)));
    assert_eq!(read(folder.path()), later, "written without `--yes`");
    let said = run_in(folder.path(), &[&["prune"][..], &at_the_time].concat());
    assert!(said.stdout.starts_with(&format!("{name}: expired 2026-02-10T09:00:00Z (owner data)\n")), "{said:?}");
    assert!(said.stdout.ends_with("nothing is written (--yes does it)\n"), "{said:?}");
    prune(folder.path(), &[&at_the_time[..], &["--yes", "--dry-run"]].concat());
    assert_eq!(read(folder.path()), later, "written with `--dry-run`");

    let answer = prune(folder.path(), &[&at_the_time[..], &["--yes"]].concat());
    assert_eq!((names(&answer), &answer["dry_run"]), (vec![name.as_str()], &json!(false)));
    assert_eq!(read(folder.path()), (VALUES.to_owned(), WORKSPACE.to_owned()));
    let again = run_in(folder.path(), &[&["prune", "--yes"][..], &at_the_time].concat());
    assert_eq!((again.exit, again.stdout.as_str()), (0, "nothing to prune\nno change: everything is as asked\n"));
}

#[test]
fn closed_pull_requests_are_read_as_people_and_hosts_write_them() {
    let folder = example();
    for number in ["1", "2", "3"] {
        add(&folder, &["--pr", number]);
    }
    let name = first(VALUES);
    let one_and_three = [format!("{name}-pr-1"), format!("{name}-pr-3")];
    let lists = [
        "1\n3\n",
        "#1, #3 99",
        "!1\r\n!3\r\n",
        "[1, 3]",
        r#"[{"number": 1, "title": "a"}, {"number": 3}]"#,
        r#"[{"id": 7001, "iid": 1}, {"iid": 3}]"#,
    ];
    for list in lists {
        fs::write(folder.path().join("closed"), list).unwrap();
        assert_eq!(names(&prune(folder.path(), &["--closed-prs", "closed", "--match", "*"])), one_and_three, "{list}");
    }
    for list in ["", "[]", "\n"] {
        fs::write(folder.path().join("closed"), list).unwrap();
        assert_eq!(
            names(&prune(folder.path(), &["--closed-prs", "closed", "--match", "*", "--yes"])),
            [""; 0],
            "{list}"
        );
    }
    let before = read(folder.path());
    for list in ["main", "1 two", "[\"1\"]", "{\"number\": 1}", "-1", "[{\"title\": 1}]"] {
        fs::write(folder.path().join("closed"), list).unwrap();
        let said = run_in(folder.path(), &["prune", "--closed-prs", "closed", "--match", "*", "--yes"]);
        assert_eq!((said.exit, said.stdout.as_str()), (4, ""), "{list}: {said:?}");
        assert!(said.stderr.contains("is no number of a pull request"), "{list}: {said:?}");
    }
    assert_eq!(read(folder.path()), before);

    // All at once, from the standard input.
    let mut all = command(folder.path(), &["prune", "--closed-prs", "-", "--match", "*", "--yes"]);
    fs::write(folder.path().join("closed"), "1 2 3").unwrap();
    let status = all.stdin(fs::File::open(folder.path().join("closed")).unwrap()).output().unwrap();
    assert!(status.status.success());
    assert_eq!(read(folder.path()), (VALUES.to_owned(), WORKSPACE.to_owned()));
}

#[test]
fn what_was_added_long_ago_goes_and_what_has_no_record_stays() {
    let folder = example();
    add(&folder, &["--branch", "old", "--now", "2026-01-01T00:00:00Z"]);
    add(&folder, &["--branch", "new", "--now", "2026-01-08T00:00:00Z"]);
    let name = run_in(folder.path(), &["name", &first(VALUES), "--branch", "old"]).stdout;
    let old = name.trim_end();
    for (age, expected) in [("2w", 0), ("8d", 0), ("7d", 1), ("168h", 1), ("11520m", 0), ("1s", 2)] {
        let answer = prune(folder.path(), &["--older-than", age, "--now", "2026-01-08T00:00:02Z"]);
        assert_eq!(names(&answer).len(), expected, "{age}");
        assert!(expected != 1 || names(&answer) == [old], "{age}");
    }
    prune(folder.path(), &["--older-than", "1s", "--now", "2030-01-01T00:00:00Z", "--yes"]);
    assert_eq!(read(folder.path()), (VALUES.to_owned(), WORKSPACE.to_owned()));
}

#[test]
fn name_is_made_or_kept() {
    let folder = example();
    let base = first(VALUES);
    for (arguments, expected) in [
        (&["--pr", "5", "--branch", "x"][..], "other-pr-5"),
        (&["--branch", "x"], "other-x-sa9iilcu"),
        (&["--branch", "y", "--exact-name"], "other"),
        (&["--owner", "o"], "other"),
    ] {
        let all = [&["add", "other", "--like", &base, "--dry-run"], arguments].concat();
        let said = run_in(folder.path(), &all);
        let added = format!("+ deployment {expected}\n");
        assert!(said.stdout.contains(&added), "{said:?}");
        assert!(said.stdout.contains("+ x-dagster-workspace\n"), "{said:?}");
        if !arguments.contains(&"--exact-name") && !arguments.contains(&"--owner") {
            let named = run_in(folder.path(), &[&["name", "other"], arguments].concat());
            assert_eq!(named.stdout, format!("{expected}\n"));
        }
    }
}

#[test]
fn err_usage_is_refused_before_anything_is_read() {
    let folder = TempDir::new().unwrap();
    let cases: [&[&str]; 7] = [
        &["prune"],
        &["prune", "--yes"],
        &["prune", "--older-than", "7"],
        &["prune", "--older-than", "d"],
        &["prune", "--expired", "--now", "yesterday"],
        &["add", "etl", "--image", "x:1", "--ttl", "-7d"],
        &["name", "etl"],
    ];
    for arguments in cases {
        let said = run_in(folder.path(), arguments);
        assert_eq!((said.exit, said.stdout.as_str()), (4, ""), "{arguments:?}: {said:?}");
    }
}
