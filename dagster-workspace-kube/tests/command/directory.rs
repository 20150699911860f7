//! The commands on a directory with both documents: the main job, done twice, half done, and refused.

use std::fs;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use crate::program::{Said, command, run_in};

pub(crate) const VALUES: &str = include_str!("../../../examples/directory/values.yaml");
pub(crate) const WORKSPACE: &str = include_str!("../../../examples/directory/workspace.yaml");

const ADD: &[&str] =
    &["add", "marketing", "--image", "ghcr.io/acme/marketing:1.10", "--port", "3031", "--arg=-m", "--arg=m"];

/// A copy of the example directory.
pub(crate) fn example() -> TempDir {
    with(VALUES, WORKSPACE)
}

pub(crate) fn with(values: &str, workspace: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("values.yaml"), values).unwrap();
    fs::write(folder.path().join("workspace.yaml"), workspace).unwrap();
    folder
}

/// Both documents as they are now.
pub(crate) fn read(folder: &Path) -> (String, String) {
    let read = |name| fs::read_to_string(folder.join(name)).unwrap();
    (read("values.yaml"), read("workspace.yaml"))
}

/// Runs the command, which must succeed, and once more, which must change nothing.
#[track_caller]
fn done(folder: &TempDir, arguments: &[&str]) -> Said {
    let said = run_in(folder.path(), arguments);
    assert_eq!(said.exit, 0, "{arguments:?}: {said:?}");
    let once = read(folder.path());
    let again = run_in(folder.path(), arguments);
    assert_eq!((again.exit, again.stdout.as_str()), (0, "no change: everything is as asked\n"), "{arguments:?}");
    assert_eq!(read(folder.path()), once, "{arguments:?} twice");
    said
}

/// Runs the command, which must fail with `exit`, say nothing on the standard output and write nothing.
#[track_caller]
fn refused(folder: &TempDir, arguments: &[&str], exit: i32) -> String {
    let before = read(folder.path());
    let said = run_in(folder.path(), arguments);
    assert_eq!((said.exit, said.stdout.as_str()), (exit, ""), "{arguments:?}: {}", said.stderr);
    assert_eq!(read(folder.path()), before, "{arguments:?}");
    said.stderr
}

/// Asserts that `after` is `before` with the lines `removed` gone and `added` put in, nothing else.
#[track_caller]
fn only_lines(before: &str, after: &str, removed: &[&str], added: &[&str]) {
    let prefix = before.lines().zip(after.lines()).take_while(|(a, b)| a == b).count();
    let (old, new): (Vec<&str>, Vec<&str>) =
        (before.lines().skip(prefix).collect(), after.lines().skip(prefix).collect());
    let suffix = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    assert_eq!(&old[..old.len() - suffix], removed);
    assert_eq!(&new[..new.len() - suffix], added);
}

#[test]
fn main_job_changes_nothing_but_what_was_asked_for() {
    let folder = example();
    insta::assert_snapshot!("main_job_add", done(&folder, ADD).all());
    let (values, workspace) = read(folder.path());
    assert!(values.starts_with(VALUES) && workspace.starts_with(WORKSPACE));
    let data: serde_yaml::Value = serde_yaml::from_str(&values).unwrap();
    let added = &data["deployments"][3];
    assert_eq!((added["name"].as_str(), added["image"]["tag"].as_str()), (Some("marketing"), Some("1.10")));
    assert_eq!((added["port"].as_i64(), added["dagsterApiGrpcArgs"][1].as_str()), (Some(3031), Some("m")));
    let data: serde_yaml::Value = serde_yaml::from_str(&workspace).unwrap();
    assert_eq!(data["load_from"][5]["grpc_server"]["host"].as_str(), Some("marketing"));
    assert_eq!(data["load_from"][5]["grpc_server"]["port"].as_i64(), Some(3031));

    insta::assert_snapshot!("main_job_update", done(&folder, &["update", "reports", "--port", "3032"]).all());
    let (updated, reached) = read(folder.path());
    only_lines(&values, &updated, &["    port: 3030"], &["    port: 3032"]);
    only_lines(&workspace, &reached, &["      port: 3030"], &["      port: 3032"]);

    done(&folder, &["set-image", "sales", "ghcr.io/acme/sales:12e0345"]);
    let (imaged, same) = read(folder.path());
    assert_eq!((imaged, same), (updated.replace("\"0123456\"", "\"12e0345\""), reached));

    done(&folder, &["set-image", "sales", "ghcr.io/acme/sales:0123456"]);
    done(&folder, &["update", "reports", "--port=3030"]);
    done(&folder, &["remove", "marketing"]);
    assert_eq!(read(folder.path()), (VALUES.to_owned(), WORKSPACE.to_owned()));
    insta::assert_snapshot!("main_job_remove", done(&folder, &["remove", "legacy", "sales"]).all());
}

#[test]
fn dry_run_says_the_same_and_writes_nothing() {
    let folder = example();
    let dry = run_in(folder.path(), &[ADD, &["--dry-run"]].concat());
    assert_eq!(read(folder.path()), (VALUES.to_owned(), WORKSPACE.to_owned()));
    let said = run_in(folder.path(), ADD);
    assert_eq!(dry.stdout, format!("{}nothing is written (--dry-run)\n", said.stdout));
}

#[test]
fn detailed_exit_code_tells_changes_from_none() {
    let folder = example();
    let exit = |arguments: &[&str]| run_in(folder.path(), &[arguments, &["--detailed-exitcode"]].concat()).exit;
    assert_eq!(exit(&["remove", "legacy", "--dry-run"]), 2);
    assert_eq!(exit(&["remove", "legacy"]), 2);
    assert_eq!(exit(&["remove", "legacy"]), 0);
    assert_eq!(exit(&["remove"]), 4);
}

#[test]
fn answers_as_json_name_every_change() {
    let folder = example();
    let said = run_in(folder.path(), &["update", "sales", "--env", "KEY=s3cret", "--output", "json"]);
    assert_eq!(said.exit, 0, "{said:?}");
    let json = said.json();
    assert_eq!((&json["changed"], &json["dry_run"]), (&json!(true), &json!(false)));
    assert_eq!(json["changes"][0]["file"], "values.yaml");
    assert!(json["changes"][0]["path"].as_str().unwrap().starts_with("deployments[name=sales].env"));
    assert!(!said.stdout.contains("s3cret"), "{}", said.stdout);
}

#[test]
fn list_as_json_has_the_stated_form() {
    let folder = example();
    let said = run_in(folder.path(), &["list", "--output", "json"]);
    let location = |name: &str, host: &str, port: i32, image: Option<&str>, paired: bool| json!({ "name": name, "host": host, "port": port, "image": image, "paired": paired });
    let expected = json!({ "locations": [
        location("sales", "sales", 3030, Some("ghcr.io/acme/sales:0123456"), true),
        location("reports", "reports", 3030, Some("ghcr.io/acme/reports:2.9.0"), true),
        location("training: vision", "gpu-01.acme.internal", 4000, None, false),
        location("legacy", "legacy", 3030, Some("ghcr.io/acme/legacy:1.4"), true),
        { "name": "housekeeping.definitions", "host": null, "port": null, "image": null, "paired": false },
    ]});
    assert_eq!(said.json(), expected);
    let said = run_in(folder.path(), &["list"]);
    insta::assert_snapshot!("list", said.all());
}

#[test]
fn show_hides_values_of_variables() {
    let folder = example();
    for output in ["text", "json"] {
        let said = run_in(folder.path(), &["show", "reports", "--output", output]);
        assert!(said.exit == 0 && said.stdout.contains("CLOSING_DAY") && !said.stdout.contains("05"), "{said:?}");
    }
    insta::assert_snapshot!("show", run_in(folder.path(), &["show", "legacy"]).all());
    refused(&folder, &["show", "nobody"], 4);
}

#[test]
fn half_done_job_is_finished_by_the_same_command() {
    let folder = example();
    run_in(folder.path(), ADD);
    let whole = read(folder.path());
    fs::write(folder.path().join("workspace.yaml"), WORKSPACE).unwrap();
    done(&folder, ADD);
    assert_eq!(read(folder.path()), whole);
    fs::write(folder.path().join("workspace.yaml"), WORKSPACE).unwrap();
    done(&folder, &["remove", "marketing"]);
    assert_eq!(read(folder.path()), (VALUES.to_owned(), WORKSPACE.to_owned()));
}

#[test]
fn add_takes_an_entry_from_a_file_another_deployment_or_the_standard_input() {
    let folder = example();
    done(&folder, &["add", "copy", "--like", "reports", "--port", "3040"]);
    let (values, _) = read(folder.path());
    let data: serde_yaml::Value = serde_yaml::from_str(&values).unwrap();
    assert_eq!(data["deployments"][3]["resources"]["limits"]["memory"].as_str(), Some("8Gi"));
    fs::write(
        folder.path().join("entry.json"),
        r#"{"name": "x", "image": {"repository": "r", "tag": "1"}, "port": 4001}"#,
    )
    .unwrap();
    done(&folder, &["add", "from-file", "--from", "entry.json", "--arg", "-m", "--arg", "x"]);
    let input = fs::File::open(folder.path().join("entry.json")).unwrap();
    let output =
        command(folder.path(), &["add", "from-stdin", "--from", "-", "--arg=x"]).stdin(input).output().unwrap();
    assert_eq!(Said::from(output).exit, 0);
    let names = run_in(folder.path(), &["list", "--output=json"]).json();
    let names: Vec<&str> =
        names["locations"].as_array().unwrap().iter().filter_map(|location| location["name"].as_str()).collect();
    assert_eq!(names[5..], ["copy", "from-file", "from-stdin"]);
}

#[test]
fn add_warns_where_nothing_says_what_the_server_loads() {
    let folder = example();
    let said = run_in(folder.path(), &["add", "bare", "--image", "r:1"]);
    assert_eq!(said.exit, 0);
    assert!(said.stderr.contains("the image's own command runs"), "{}", said.stderr);
}

#[test]
fn update_sets_and_unsets_any_field() {
    let folder = example();
    done(&folder, &["update", "legacy", "--set", "replicaCount=1", "--set", "labels={team: \"on\"}"]);
    let (values, workspace) = read(folder.path());
    assert_eq!(workspace, WORKSPACE);
    let data: serde_yaml::Value = serde_yaml::from_str(&values).unwrap();
    assert_eq!(data["deployments"][2]["labels"]["team"].as_str(), Some("on"));
    let unset = ["update", "legacy", "--unset", "replicaCount", "--unset", "labels"];
    assert_eq!(run_in(folder.path(), &unset).exit, 0);
    assert_eq!(read(folder.path()).0, VALUES);
    let again = run_in(folder.path(), &unset);
    let expected = "not found: deployment `legacy` has no `replicaCount`\nnot found: deployment `legacy` has no `labels`\nno change\n";
    assert_eq!((again.exit, again.stdout.as_str()), (0, expected));
}

#[test]
fn init_makes_what_is_missing_and_leaves_the_rest() {
    let folder = TempDir::new().unwrap();
    assert_eq!(run_in(folder.path(), &["init", "--dry-run"]).stdout, "+ values.yaml\n+ workspace.yaml\n");
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
    fs::write(folder.path().join("workspace.yaml"), "load_from: [] # ours\n").unwrap();
    assert_eq!(run_in(folder.path(), &["init"]).stdout, "+ values.yaml\n");
    assert_eq!(run_in(folder.path(), &["init"]).stdout, "no change: both documents are there\n");
    assert_eq!(read(folder.path()), ("deployments: []\n".to_owned(), "load_from: [] # ours\n".to_owned()));
    assert_eq!(run_in(folder.path(), &["check"]).exit, 0);
    assert_eq!(run_in(folder.path(), ADD).exit, 0);
    assert_eq!(run_in(folder.path(), &["remove", "marketing"]).exit, 0);
    assert!(read(folder.path()).0.contains("deployments: []"));
}

#[test]
fn diff_says_what_another_directory_says_differently() {
    let (here, there) = (example(), example());
    let other = there.path().to_str().unwrap();
    assert_eq!(run_in(here.path(), &["diff", other, "--detailed-exitcode"]).stdout, "no difference\n");
    run_in(there.path(), &["remove", "legacy"]);
    run_in(there.path(), &["set-image", "sales", "ghcr.io/acme/sales:2"]);
    let said = run_in(here.path(), &["diff", other, "--detailed-exitcode"]);
    insta::assert_snapshot!("diff", said.all().replace(other, "OTHER"));
    assert_eq!(said.exit, 2);
    assert_eq!(run_in(here.path(), &["diff", other]).exit, 0);
    let values = format!("{other}/values.yaml");
    let said = run_in(here.path(), &["diff", "--values", &values, "--output=json"]).json();
    assert_eq!(said["changes"].as_array().unwrap().len(), 2);
    assert_eq!(run_in(here.path(), &["diff"]).exit, 4);
}

#[test]
fn err_name_taken_by_a_different_entry() {
    let folder = example();
    let said = refused(&folder, &["add", "sales", "--image", "other:1", "--arg=x", "--env", "KEY=s3cret"], 5);
    assert!(!said.contains("s3cret"), "{said}");
    insta::assert_snapshot!("err_taken", said);
}

#[test]
fn err_deployment_that_is_not_there() {
    let folder = example();
    for arguments in
        [&["set-image", "nobody", "r:1"][..], &["update", "nobody", "--port=1"], &["add", "x", "--like=nobody"]]
    {
        let said = refused(&folder, arguments, 4);
        assert!(said.contains("nobody"), "{said}");
    }
}

/// What stands in a document that the command refuses, its reason, and which of the two it is.
#[test]
fn err_bad_documents_are_refused_with_their_reason() {
    let cases: [(&str, &str, &str); 9] = [
        ("values.yaml", "a: [\n", "reason: parse"),
        ("values.yaml", "{{- if .Values.a }}\na: 1\n{{- end }}\n", "error[DW0017]"),
        ("values.yaml", "deployments:\n\t- name: a\n", "error[DW0005]"),
        ("values.yaml", "deployments: []\n---\ndeployments: []\n", "several documents"),
        ("values.yaml", "deployments: []\ndeployments: []\n", "twice"),
        ("values.yaml", "deployments: 7\n", "deployments"),
        ("workspace.yaml", "load_from: {a: 1}\n", "load_from"),
        ("workspace.yaml", "load_from: []\n---\nload_from: []\n", "several documents"),
        ("workspace.yaml", "load_from:\n- python_file: a\n- python_file: a\n", "DW0101"),
    ];
    let mut said = String::new();
    for (name, text, expected) in cases {
        let folder = example();
        fs::write(folder.path().join(name), text).unwrap();
        let found = refused(&folder, ADD, 4);
        assert!(found.contains(expected) && found.contains(name), "{text:?}: {found}");
        said.push_str(&format!("== {name} {text:?}\n{found}"));
    }
    insta::assert_snapshot!("err_bad_documents", said);
}

#[test]
fn err_files_that_cannot_be_read() {
    let folder = example();
    fs::write(folder.path().join("values.yaml"), b"a: \xff\n").unwrap();
    let said = run_in(folder.path(), ADD);
    assert_eq!((said.exit, said.stdout.as_str()), (4, ""), "{said:?}");
    assert!(said.stderr.starts_with("error[not-utf8]"), "{}", said.stderr);
    fs::File::create(folder.path().join("values.yaml")).unwrap().set_len((64 << 20) + 1).unwrap();
    assert!(run_in(folder.path(), ADD).stderr.starts_with("error[too-large]"));
    fs::remove_file(folder.path().join("values.yaml")).unwrap();
    let said = run_in(folder.path(), ADD);
    assert!(said.exit == 4 && said.stderr.starts_with("error[not-found]: there is no `values.yaml`"), "{said:?}");
    std::os::unix::fs::symlink("workspace.yaml", folder.path().join("values.yaml")).unwrap();
    let said = run_in(folder.path(), ADD);
    assert!(said.exit == 4 && said.stderr.starts_with("error[not-a-file]"), "{said:?}");
    let said = run_in(folder.path(), &["list", "--directory", "gone"]);
    assert!(said.exit == 4 && said.stderr.starts_with("error[not-found]"), "{said:?}");
    assert_eq!(read(folder.path()).1, WORKSPACE);
}

#[test]
fn err_command_lines_that_cannot_be_read() {
    let folder = example();
    for arguments in [
        &[][..],
        &["bogus"],
        &["add"],
        &["add", "x"],
        &["add", "x", "--image", "a b"],
        &["add", "x", "--image", "r:1", "--port", "0"],
        &["add", "x", "--image", "r:1", "--from", "a", "--like", "b"],
        &["update", "sales", "--set", "port"],
        &["update", "sales", "--set", "name=other"],
        &["remove"],
        &["list", "--output", "xml"],
        &["yaml", "edit"],
        &["yaml", "--directory", ".", "events"],
    ] {
        refused(&folder, arguments, 4);
    }
    for arguments in [
        &["add", "x", "--image", "r:1", "--env", "=s3cret"][..],
        &["add", "x", "--image", "r:1", "--env", "A=1", "B=s3cret"],
        &["add", "x", "--image", "r:1", "--envs=A=s3cret"],
    ] {
        assert!(!refused(&folder, arguments, 4).contains("s3cret"), "{arguments:?}");
    }
    let said = run_in(folder.path(), &["lst", "--output", "json"]);
    let error: serde_json::Value = serde_json::from_str(&said.stderr).unwrap();
    assert_eq!((&error["error"]["reason"], &error["error"]["exit_code"]), (&json!("usage"), &json!(4)));
    assert_eq!((run_in(folder.path(), &["--help"]).exit, run_in(folder.path(), &["--version"]).exit), (0, 0));
}

#[test]
fn add_with_update_changes_what_is_said_of_a_taken_name() {
    let folder = example();
    let newer = [ADD, &["--update"]].concat();
    assert_eq!(
        run_in(folder.path(), &newer).stdout,
        "values.yaml\n  + deployment marketing\nworkspace.yaml\n  + location marketing\n"
    );
    assert_eq!(run_in(folder.path(), &newer).stdout, "no change: everything is as asked\n");
    // As a job that was cut off between the two documents leaves them.
    fs::write(folder.path().join("workspace.yaml"), WORKSPACE).unwrap();
    run_in(folder.path(), &["update", "marketing", "--set", "resources.limits.memory=1Gi"]);
    let before = fs::read_to_string(folder.path().join("values.yaml")).unwrap();
    let said = run_in(folder.path(), &["add", "marketing", "--image", "ghcr.io/acme/marketing:1.11", "--update"]);
    insta::assert_snapshot!("add_update", said.all());
    let after = fs::read_to_string(folder.path().join("values.yaml")).unwrap();
    assert_eq!(after, before.replace("\"1.10\"", "\"1.11\""), "what nothing is said of stays");
    fs::write(folder.path().join("entry.yaml"), "name: other\nport: 3032\nannotations: {team: sales}\n").unwrap();
    let from = folder.path().join("entry.yaml");
    run_in(folder.path(), &["add", "marketing", "--from", from.to_str().unwrap(), "--update"]);
    let shown = run_in(folder.path(), &["show", "marketing"]).stdout;
    for line in ["name: \"marketing\"", "tag: \"1.11\"", "memory: 1Gi", "team: sales", "host: marketing"] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert_eq!(shown.matches("port: 3032").count(), 2, "{shown}");
}

#[test]
fn chart_version_says_what_the_documents_are_for() {
    let folder = example();
    let text = WORKSPACE.replace("      port: 3030\n", "      port: 3030\n      additional_metadata: {team: sales}\n");
    assert_ne!(text, WORKSPACE);
    fs::write(folder.path().join("workspace.yaml"), &text).unwrap();
    assert_eq!(run_in(folder.path(), &["check"]).exit, 0);
    let old = run_in(folder.path(), &["check", "--chart-version", "1.7.0", "--output=json"]);
    assert_eq!((old.exit, old.json()["errors"].as_u64()), (4, Some(2)), "{}", old.stdout);
    let odd = run_in(folder.path(), &["check", "--chart-version", "newest"]);
    assert_eq!(odd.exit, 4);
    assert!(odd.stderr.contains("newest"), "{}", odd.stderr);
}

#[test]
fn check_prints_findings_and_fails_for_errors_alone() {
    let folder = example();
    assert_eq!(run_in(folder.path(), &["check"]).stdout, "0 errors, 0 warnings\n");
    let text = WORKSPACE.replace("host: sales\n      port: 3030", "host: sales\n      port: '3030'");
    fs::write(folder.path().join("workspace.yaml"), &text).unwrap();
    let said = run_in(folder.path(), &["check"]);
    insta::assert_snapshot!("check", said.all());
    assert_eq!(said.exit, 4);
    let json = run_in(folder.path(), &["check", "--output=json"]).json();
    assert_eq!(json["errors"], 1);
    assert_eq!(json["findings"][0]["file"], "workspace.yaml");
    fs::write(folder.path().join("values.yaml"), "a: [\n").unwrap();
    assert_eq!(run_in(folder.path(), &["check", "--output=json"]).json()["errors"], 2);
}

#[test]
fn findings_show_no_values_of_variables() {
    let values = "deployments:\n- name: a\n  port: 3030\n  image: {repository: r, tag: \"1\", pullPolicy: Always}\n  dagsterApiGrpcArgs: [x]\n  env: {K: 5512345}\n";
    let folder = with(values, "load_from:\n- grpc_server: {host: a, port: 3030, location_name: a}\n");
    for output in ["text", "json"] {
        let said = run_in(folder.path(), &["check", "--output", output]);
        assert!(said.exit == 4 && !said.all().contains("5512345"), "{said:?}");
    }
}

#[test]
fn commands_of_the_readme_do_what_it_says() {
    let folder = TempDir::new().unwrap();
    let (here, production) = (folder.path().join("here"), folder.path().join("production"));
    for directory in [&here, &production] {
        fs::create_dir(directory).unwrap();
        assert_eq!(run_in(directory, &["init"]).exit, 0);
    }
    let program = Path::new(env!("CARGO_BIN_EXE_dagster-workspace"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    // Those on a cluster are run by the tests on a cluster.
    let (before, on_cluster) = include_str!("../../../README.md").split_once("### On a cluster").unwrap();
    let (_, after) = on_cluster.split_once("With `--history s3://BUCKET/PREFIX`").unwrap();
    let lines: Vec<&str> = before
        .lines()
        .chain(after.lines())
        .filter(|line| line.starts_with("dagster-workspace ") && !line.contains("$"))
        // Its three files are made by tests of its own.
        .filter(|line| !line.starts_with("dagster-workspace yaml merge"))
        .collect();
    assert!(lines.len() >= 9, "{lines:?}");
    let add = lines.iter().find(|line| line.starts_with("dagster-workspace add ")).unwrap();
    for line in &lines {
        // The engine's examples stand behind a `remove` of what they edit.
        let before = if line.starts_with("dagster-workspace yaml edit") { format!("{add} && ") } else { String::new() };
        let command = format!("{before}{line}");
        let output =
            std::process::Command::new("sh").args(["-ec", &command]).env("PATH", &path).current_dir(&here).output();
        let said = Said::from(output.unwrap());
        assert_eq!((said.exit, said.stderr.as_str()), (0, ""), "{command}");
    }
}

#[test]
fn err_options_of_a_cluster_are_refused_in_a_directory() {
    let folder = example();
    for option in [&["--only", "values"][..], &["--restart"], &["--release", "x"], &["--wait-daemon"]] {
        let said = refused(&folder, &[ADD, option].concat(), 4);
        assert!(said.contains("means something on a cluster alone"), "{said}");
    }
    let said = refused(&folder, &["status"], 4);
    assert!(said.contains("`--namespace`"), "{said}");
}
