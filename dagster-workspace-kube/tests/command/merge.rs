//! `yaml merge`: the written cases, what is said of conflicts, and git calling it as a merge driver.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Said, run_in, run_with};

const CASES: &str = include_str!("../../../dagster-workspace-core/tests/cases/hard-cases.jsonl");

const BASE: &str = "deployments:\n  - name: a\n    port: 1\n  - name: b\n    port: 2\nrbac: true\n";

/// A folder with `base`, `ours` and `theirs`.
fn folder(base: &str, ours: &str, theirs: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in [("base", base), ("ours", ours), ("theirs", theirs)] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn merge(base: &str, ours: &str, theirs: &str, more: &[&str]) -> Said {
    let folder = folder(base, ours, theirs);
    run_in(folder.path(), &[&["yaml", "merge", "base", "ours", "theirs"], more].concat())
}

#[test]
fn every_written_case_comes_out() {
    let mut checked = 0;
    for line in CASES.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        if case["op"]["op"] != "merge" {
            continue;
        }
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (base, ours, theirs) = (text(&case["in"]), text(&case["op"]["ours"]), text(&case["op"]["theirs"]));
        let wanted = case["conflicts"].as_array().cloned().unwrap_or_default();
        let said = merge(&base, &ours, &theirs, &["--output", "json"]);
        let found = said.json();
        let paths: Vec<Value> = found["conflicts"].as_array().unwrap().iter().map(|it| it["path"].clone()).collect();
        assert_eq!((&found["text"], &paths), (&case["out"], &wanted), "{case}");
        assert_eq!(said.exit, if wanted.is_empty() { 0 } else { 3 }, "{case}");
        let said = merge(&base, &ours, &theirs, &[]);
        assert_eq!(said.stdout, text(&case["out"]), "{case}");
        assert_eq!(said.stderr.matches("warning[DW08").count(), wanted.len(), "{case}");
        checked += 1;
    }
    assert_eq!(checked, 15);
}

#[test]
fn conflict_is_told_with_its_place_and_both_values() {
    let (ours, theirs) = (BASE.replace("port: 2", "port: 3"), BASE.replace("port: 2", "port: 4"));
    insta::assert_snapshot!(merge(BASE, &ours, &theirs, &[]).all());
    let said = merge(BASE, &ours, &theirs, &["--output=json"]);
    let conflict = &said.json()["conflicts"][0];
    assert_eq!((said.exit, said.stderr.as_str()), (3, ""));
    assert_eq!(conflict["kind"], "edit-edit");
    assert_eq!(conflict["values"], json!({ "base": 2, "ours": 3, "theirs": 4 }));
    assert_eq!(conflict["spans"]["theirs"], json!({ "start": 59, "end": 60, "line": 5, "column": 11 }));
    assert_eq!(conflict["renamed_to"], Value::Null);
}

#[test]
fn resolve_takes_one_side() {
    let (ours, theirs) = (BASE.replace("port: 2", "port: 3"), BASE.replace("port: 2", "port: 4"));
    for (side, text) in [("ours", &ours), ("theirs", &theirs)] {
        let said = merge(BASE, &ours, &theirs, &["--resolve", side]);
        assert_eq!((said.exit, &said.stdout, said.stderr.as_str()), (0, text, ""));
    }
}

#[test]
fn keys_say_where_the_items_of_a_list_have_their_names() {
    let base = "jobs:\n- {id: a, x: 1}\n- {id: b, x: 1}\n";
    let (ours, theirs) = (base.replace("a, x: 1", "a, x: 2"), base.replace("b, x: 1", "b, x: 2"));
    assert_eq!(merge(base, &ours, &theirs, &[]).exit, 3);
    let said = merge(base, &ours, &theirs, &["--keys", "jobs=id"]);
    assert_eq!((said.exit, said.stdout), (0, base.replace("x: 1", "x: 2")));
    for wrong in ["jobs", "=id", "jobs="] {
        let said = merge(base, &ours, &theirs, &["--keys", wrong]);
        assert_eq!((said.exit, said.stdout.as_str()), (4, ""), "{wrong}");
        assert!(said.stderr.starts_with("error[usage]: `--keys "), "{}", said.stderr);
    }
}

#[test]
fn one_of_the_three_may_come_from_the_standard_input() {
    let folder = folder(BASE, BASE, "rbac: false\n");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let said = run_with(BASE.as_bytes(), &["yaml", "merge", "-", &path("ours"), &path("theirs")]);
    assert_eq!((said.exit, said.stdout.as_str()), (0, "rbac: false\n"));
    let said = run_with(BASE.as_bytes(), &["yaml", "merge", "-", "-", &path("theirs")]);
    assert_eq!((said.exit, said.stdout.as_str()), (4, ""));
}

#[test]
fn err_input_that_is_no_yaml_is_named_and_nothing_is_written() {
    for name in ["base", "ours", "theirs"] {
        let folder = folder(BASE, &BASE.replace("1", "7"), &BASE.replace("2", "8"));
        fs::write(folder.path().join(name), "a: b\n  c: d\n").unwrap();
        let before = fs::read(folder.path().join("ours")).unwrap();
        for driver in [&[][..], &["--driver"]] {
            let said = run_in(folder.path(), &[&["yaml", "merge", "base", "ours", "theirs"], driver].concat());
            assert_eq!((said.exit, said.stdout.as_str()), (4, ""), "{said:?}");
            assert!(said.stderr.contains(&format!("--> {name}:2:")), "{said:?}");
            assert!(said.stderr.contains(&format!("because: {name} cannot be read")), "{said:?}");
        }
        assert_eq!(fs::read(folder.path().join("ours")).unwrap(), before);
    }
}

/// Runs git in a repository that knows nothing of its user's settings.
fn git(folder: &Path, arguments: &[&str]) -> Said {
    let mut command = Command::new("git");
    command.current_dir(folder).args(["-c", "user.name=a", "-c", "user.email=a@example.com"]).args(arguments);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null").env("LC_ALL", "C");
    command.output().unwrap().into()
}

/// A repository with two branches, merged by the driver.
fn merged_by_git(ours: &str, theirs: &str) -> (TempDir, Said) {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    let commit = |text: &str, message: &str| {
        fs::write(path.join("values.yaml"), text).unwrap();
        let said = git(path, &["commit", "--all", "--message", message]);
        assert_eq!(said.exit, 0, "{said:?}");
    };
    assert_eq!(git(path, &["init", "--initial-branch=main"]).exit, 0);
    let program = env!("CARGO_BIN_EXE_dagster-workspace");
    let driver = format!("'{program}' yaml merge --driver %O %A %B %L %P");
    git(path, &["config", "merge.dagster-workspace.driver", &driver]);
    fs::write(path.join(".gitattributes"), "*.yaml merge=dagster-workspace\n").unwrap();
    fs::write(path.join("values.yaml"), BASE).unwrap();
    git(path, &["add", "."]);
    commit(BASE, "base");
    git(path, &["checkout", "-b", "theirs"]);
    commit(theirs, "theirs");
    git(path, &["checkout", "main"]);
    commit(ours, "ours");
    let said = git(path, &["merge", "theirs", "--message", "merged"]);
    (folder, said)
}

fn has_git() -> bool {
    let found = Command::new("git").arg("--version").output().is_ok();
    if !found {
        testing::left_out("git");
    }
    found
}

#[test]
fn git_merges_what_text_alone_cannot() {
    if !has_git() {
        return;
    }
    let (c, d) = ("  - name: c\n    port: 3\n", "  - name: d\n    port: 4\n");
    let with = |item: &str| BASE.replace("rbac", &format!("{item}rbac"));
    let (folder, said) = merged_by_git(&with(c), &with(d));
    assert_eq!(said.exit, 0, "{said:?}");
    let text = fs::read_to_string(folder.path().join("values.yaml")).unwrap();
    assert_eq!(text, with(&format!("{c}{d}")));
}

#[test]
fn git_marks_conflicts_and_only_them() {
    if !has_git() {
        return;
    }
    let ours = BASE.replace("port: 2", "port: 3").replace("true", "true # ours");
    let theirs = BASE.replace("port: 2", "port: 4").replace("port: 1", "port: 7");
    let (folder, said) = merged_by_git(&ours, &theirs);
    assert_eq!(said.exit, 1, "{said:?}");
    assert!(said.stderr.contains("--> values.yaml (ours):5:11"), "{said:?}");
    let text = fs::read_to_string(folder.path().join("values.yaml")).unwrap();
    insta::assert_snapshot!(text);
    let status = git(folder.path(), &["status", "--porcelain"]);
    assert_eq!(status.stdout, "UU values.yaml\n");
}
