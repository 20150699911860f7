//! `yaml edit` over the written cases of lossless editing, `yaml events` over the official suite, and bad input.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Said, command, run_in, run_with};

const CASES: &str = include_str!("../../../dagster-workspace-core/tests/cases/hard-cases.jsonl");

#[test]
fn every_written_case_comes_out_of_yaml_edit() {
    let (mut edits, mut refusals) = (0, 0);
    for line in CASES.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        if case["op"]["op"] == "merge" {
            continue;
        }
        let text = case["in"].as_str().unwrap();
        let said = run_with(text.as_bytes(), &["yaml", "edit", "--edit", &case["op"].to_string()]);
        match case["error"].as_str() {
            Some(reason) => {
                refusals += 1;
                assert_eq!((said.exit, said.stdout.as_str()), (4, ""), "{case}");
                assert!(said.stderr.ends_with(&format!("reason: {reason}\n")), "{case}\n{}", said.stderr);
                assert!(said.stderr.contains("--> <stdin>:"), "{case}\n{}", said.stderr);
            }
            None => {
                edits += 1;
                let expected = case["out"].as_str().unwrap_or(text);
                assert_eq!((said.exit, said.stdout.as_str()), (0, expected), "{case}");
                // A removal of nothing is told, and an item under a name that another one has.
                let is_vain = expected == text && said.stderr.starts_with("warning[DW0415]: `");
                match case["op"]["op"].as_str() {
                    Some("remove") if expected == text => {
                        assert!(said.stderr.starts_with("warning[DW0409]: nothing at `"), "{case}\n{}", said.stderr);
                    }
                    Some("add") if is_vain => {}
                    _ => assert_eq!(said.stderr, "", "{case}"),
                }
            }
        }
    }
    assert_eq!(edits + refusals, 82);
    assert!(edits > 40 && refusals > 5, "{edits} edits, {refusals} refusals");
}

#[test]
fn official_suite_comes_out_of_yaml_events() {
    let folder: PathBuf = match std::env::var_os("YAML_TEST_SUITE") {
        Some(folder) => folder.into(),
        None => match testing::shared() {
            Some(shared) => shared.join("yaml-test-suite/data"),
            None => return,
        },
    };
    let (mut valid, mut rejected) = (0, 0);
    for case in cases(&folder) {
        let said = run_in(&case, &["yaml", "events", "in.yaml"]);
        if case.join("error").exists() {
            rejected += 1;
            assert_eq!((said.exit, said.stdout.as_str()), (4, ""), "{}", case.display());
            assert!(said.stderr.starts_with("error[DW00"), "{}", said.stderr);
        } else {
            valid += 1;
            assert_eq!(said, ok(&fs::read_to_string(case.join("test.event")).unwrap()), "{}", case.display());
        }
    }
    assert_eq!((valid, rejected), (308, 94));
}

/// The folders with an `in.yaml`.
fn cases(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        if folder.join("in.yaml").exists() {
            found.push(folder.clone());
        }
        let inner = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        open.extend(inner.filter(|path| path.is_dir()));
    }
    found
}

#[test]
fn edits_follow_one_another_and_a_refused_one_stops_all() {
    let add = r#"{"op": "add", "list": "d", "item": "name: b\n"}"#;
    let set = r#"{"op": "set", "list": "d", "name": "b", "path": ["port"], "value": 1}"#;
    let said = run_with(b"d: []\n", &["yaml", "edit", "--edit", add, "--edit", set]);
    assert_eq!(said, ok("d:\n  - name: b\n    port: 1\n"));
    let missing = r#"{"op": "set", "list": "d", "name": "c", "path": ["port"], "value": 1}"#;
    let said = run_with(b"d: []\n", &["yaml", "edit", "--edit", add, "--edit", missing]);
    insta::assert_snapshot!(said.all());
}

#[test]
fn answers_as_json() {
    let set = r#"{"op": "set", "path": ["a"], "value": 2}"#;
    let said = run_with(b"a: 1\n", &["yaml", "edit", "--output", "json", "--edit", set]);
    assert_eq!((said.exit, said.json()), (0, json!({ "text": "a: 2\n", "changed": true })));
    let said = run_with(b"a: 2\n", &["yaml", "events", "--output=json"]);
    assert_eq!(said.json()["events"][0], "+STR");
    let said = run_with(b"a: &x 1\nb: *x\n", &["yaml", "edit", "--output=json", "--edit", set]);
    assert_eq!((said.exit, said.stdout.as_str()), (4, ""));
    let error: Value = serde_json::from_str(&said.stderr).unwrap();
    assert_eq!(error["error"]["reason"], "anchor-in-use");
    assert_eq!(error["error"]["exit_code"], 4);
    assert_eq!(error["error"]["findings"][0]["line"], 1);
    assert_eq!(error["error"]["findings"][0]["code"], "DW0407");
}

#[test]
fn detailed_exit_code_tells_a_change_from_none() {
    let edit = |text: &[u8]| {
        let set = r#"{"op": "set", "path": ["a"], "value": 2}"#;
        run_with(text, &["yaml", "edit", "--detailed-exitcode", "--edit", set]).exit
    };
    assert_eq!((edit(b"a: 1\n"), edit(b"a: 2\n")), (2, 0));
}

#[test]
fn lenient_reading_takes_what_helm_takes() {
    // A line of a flow collection that is not indented.
    let text = b"a: [x\ny]\n";
    assert_eq!(run_with(text, &["yaml", "events"]).exit, 4);
    let said = run_with(text, &["yaml", "events", "--lenient"]);
    assert_eq!((said.exit, said.stdout.contains("=VAL :x y\n")), (0, true), "{said:?}");
}

#[test]
fn err_input_that_cannot_be_used() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    file("latin1.yaml", b"# caf\xe9\n");
    file("no.yaml", b"a: b\n  c: d\n");
    file("template.yaml", b"{{- if .Values.a }}\na: 1\n{{- end }}\n");
    let large = fs::File::create(folder.path().join("large.yaml")).unwrap();
    large.set_len((64 << 20) + 1).unwrap();
    let mut said = String::new();
    for name in ["latin1.yaml", "no.yaml", "template.yaml", "large.yaml", "gone.yaml", "."] {
        let found = run_in(folder.path(), &["yaml", "events", name]);
        assert_eq!((found.exit, found.stdout.as_str()), (4, ""), "{name}");
        said.push_str(&format!("-- {name}\n{}", found.stderr));
    }
    insta::assert_snapshot!(said);
}

#[test]
fn err_edit_that_is_none() {
    for json in ["", "[]", r#"{"op": "ad"}"#, r#"{"op": "remove", "list": "a[", "name": "b"}"#] {
        let said = run_with(b"a: 1\n", &["yaml", "edit", "--edit", json]);
        assert_eq!((said.exit, said.stdout.as_str()), (4, ""), "{json}");
        assert!(said.stderr.starts_with("error[usage]: `--edit` takes an edit as JSON\nbecause: "), "{}", said.stderr);
    }
}

#[test]
fn reader_that_goes_away_is_no_error() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("long.yaml"), "- a\n".repeat(100_000)).unwrap();
    let mut child = command(folder.path(), &["yaml", "events", "long.yaml"]);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let said: Said = child.wait_with_output().unwrap().into();
    assert_eq!(said, ok(""));
}

#[test]
fn err_standard_output_that_is_full() {
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else { return testing::left_out("/dev/full") };
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.yaml"), "a: 1\n").unwrap();
    let output = command(folder.path(), &["yaml", "events", "a.yaml"]).stdout(full).output().unwrap();
    let said: Said = output.into();
    assert_eq!(said.exit, 1);
    assert!(said.stderr.starts_with("error[io]: cannot write to the standard output\n"), "{}", said.stderr);
}

fn ok(stdout: &str) -> Said {
    Said { exit: 0, stdout: stdout.to_owned(), stderr: String::new() }
}
