//! What may be secret is in nothing that the command writes, but in documents: each command on a directory whose documents
//! have a secret at every place, succeeding and failing, in every format; and the file of a plan.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use tempfile::TempDir;

use crate::directory::{example, with};
use crate::program::{Said, run_in};

const VALUES: &str = "\
x-common: &env
  SHARED: s3cr3t-MARK-01
deployments:
  - name: etl
    image: {repository: acme/etl, tag: \"1.2\", pullPolicy: Always}
    dagsterApiGrpcArgs: [\"-m\", etl]
    port: 3030
    env:
      <<: *env
      A: s3cr3t-MARK-02
    # OLD_PASSWORD: s3cr3t-MARK-03
    initContainers:
      - name: init
        args: [--token, s3cr3t-MARK-04, --password=s3cr3t-MARK-05]
        env: [{name: A, value: s3cr3t-MARK-06}]
  - name: sales
    image: {repository: acme/sales, tag: \"1\", pullPolicy: Always}
    dagsterApiGrpcArgs: [\"-m\", sales]
    port: 3031
    env: [{name: A, value: s3cr3t-MARK-07}, {name: B, value: \"postgres://u:s3cr3t-MARK-08@db\"}]
postgresqlPassword: s3cr3t-MARK-09
";

const WORKSPACE: &str = "\
load_from:
  - grpc_server:
      host: etl
      port: 3030
      location_name: etl
      additional_metadata: {apiKey: s3cr3t-MARK-10}
  - grpc_server: {host: sales, port: 3031, location_name: sales}
";

#[track_caller]
fn check_said(arguments: &[&str], said: &Said) {
    let all = format!("{}{}", said.stdout, said.stderr);
    assert!(!all.contains("MARK"), "{arguments:?}\n{all}");
}

/// Runs a command on the documents and a directory of other ones, in every format.
#[track_caller]
fn check(values: &str, workspace: &str, arguments: &[&str], exits: &[i32]) {
    for format in ["text", "json", "github"] {
        let folder = with(values, workspace);
        let other = folder.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("values.yaml"), VALUES.replace("s3cr3t-MARK", "0th3r-MARK")).unwrap();
        fs::write(other.join("workspace.yaml"), WORKSPACE.replace("s3cr3t-MARK", "0th3r-MARK")).unwrap();
        let arguments = [arguments, &["--output", format]].concat();
        let mut said = run_in(folder.path(), &arguments);
        if (arguments[0], said.exit) == ("compile", 0) {
            // The documents themselves.
            said.stdout.clear();
        }
        assert!(exits.contains(&said.exit), "{arguments:?}: {said:?}");
        check_said(&arguments, &said);
    }
}

const COMMANDS: [&[&str]; 17] = [
    &["list"],
    &["check"],
    &["show", "etl"],
    &["show", "sales"],
    &["show", "nobody"],
    &["diff", "other"],
    &["add", "new", "--image", "a/b:1", "--arg=-m", "--env", "X=s3cr3t-MARK-20"],
    &["add", "etl", "--image", "a/b:1", "--arg=-m", "--env", "X=s3cr3t-MARK-20"],
    &["update", "sales", "--env", "A=s3cr3t-MARK-20"],
    &["update", "sales", "--port", "0"],
    &["update", "nobody", "--env", "A=s3cr3t-MARK-20"],
    &["set-image", "etl", "acme/etl:2"],
    &["remove", "etl"],
    &["remove", "nobody"],
    &["plan", "update", "sales", "--env", "A=s3cr3t-MARK-20", "--out", "plan.json"],
    &["plan", "remove", "etl"],
    &["compile"],
];

#[test]
fn no_command_shows_a_secret_of_the_documents() {
    for arguments in COMMANDS {
        check(VALUES, WORKSPACE, arguments, &[0, 4, 5]);
        check(VALUES, WORKSPACE, &[arguments, &["--dry-run"][..]].concat(), &[0, 4, 5]);
    }
}

#[test]
fn no_command_shows_a_secret_of_documents_that_it_refuses() {
    let broken = [
        VALUES.replace("A: s3cr3t-MARK-02", "A: \"s3cr3t-MARK-02"),
        VALUES.replace("A: s3cr3t-MARK-02", "A: s3cr3t-MARK-02: x"),
        VALUES.replace("      A: s3cr3t-MARK-02", "     A: s3cr3t-MARK-02"),
        VALUES.replace("env:\n      <<", "env\n      <<"),
        VALUES.replace("{name: A, value: s3cr3t-MARK-07}, ", "{name: A, value: s3cr3t-MARK-07} "),
        VALUES.replace("A: s3cr3t-MARK-02", "A: *s3cr3t-MARK-02"),
        VALUES.replace("A: s3cr3t-MARK-02", "A: !s3cr3t-MARK-02 x"),
        VALUES.replace("A: s3cr3t-MARK-02", "A: [s3cr3t-MARK-02]\n      A: 5 # s3cr3t-MARK-21"),
        VALUES.replace("SHARED: s3cr3t-MARK-01", "SHARED: {a: s3cr3t-MARK-01"),
        VALUES.replace("postgresqlPassword: s3cr3t-MARK-09", "postgresqlPassword: 's3cr3t-MARK-09"),
    ];
    for values in &broken {
        for arguments in COMMANDS {
            check(values, WORKSPACE, arguments, &[0, 4, 5]);
        }
    }
    let workspace = WORKSPACE.replace("{apiKey: s3cr3t-MARK-10}", "{apiKey: s3cr3t-MARK-10");
    for arguments in COMMANDS {
        check(VALUES, &workspace, arguments, &[0, 4, 5]);
        check(VALUES, &WORKSPACE.replace("{apiKey: s3cr3t", "{apiKey: !s3cr3t"), arguments, &[0, 4, 5]);
    }
}

#[test]
fn conflicts_of_a_merge_show_no_secret_beside_the_text() {
    let folder = TempDir::new().unwrap();
    for (name, side) in [("base", "a"), ("ours", "b"), ("theirs", "c")] {
        fs::write(folder.path().join(name), VALUES.replace("s3cr3t-MARK", &format!("s3cr3t-MARK-{side}"))).unwrap();
    }
    let said = run_in(folder.path(), &["yaml", "merge", "base", "ours", "theirs"]);
    assert_eq!(said.exit, 3);
    assert!(!said.stderr.contains("MARK") && said.stderr.contains("DW0801"), "{}", said.stderr);
    let said = run_in(folder.path(), &["yaml", "merge", "base", "ours", "theirs", "--output", "json"]);
    let data: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert!(data["conflicts"].as_array().is_some_and(|found| found.len() > 5), "{}", said.stdout);
    assert!(!data["conflicts"].to_string().contains("MARK"), "{}", data["conflicts"]);
    fs::write(folder.path().join("theirs"), VALUES.replace("SHARED: ", "SHARED: \"")).unwrap();
    check_said(&["yaml", "merge"], &run_in(folder.path(), &["yaml", "merge", "base", "ours", "theirs"]));
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

const PLAN: [&str; 7] = ["plan", "update", "sales", "--env", "KEY=s3cret", "--out", "plan.json"];

#[test]
fn a_plan_is_its_owners_alone_whatever_was_there() {
    let folder = example();
    let file = folder.path().join("plan.json");
    let plan = || assert_eq!(run_in(folder.path(), &PLAN).exit, 0);
    plan();
    assert_eq!(mode(&file), 0o600);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("s3cret"));

    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    fs::hard_link(&file, folder.path().join("other name")).unwrap();
    plan();
    assert_eq!((mode(&file), fs::read_to_string(&file).unwrap()), (0o600, text.clone()));
    assert_eq!(fs::read_to_string(folder.path().join("other name")).unwrap(), "old");

    fs::rename(&file, folder.path().join("behind.json")).unwrap();
    fs::set_permissions(folder.path().join("behind.json"), PermissionsExt::from_mode(0o666)).unwrap();
    symlink("behind.json", &file).unwrap();
    plan();
    assert!(fs::symlink_metadata(&file).unwrap().is_symlink());
    assert_eq!(mode(&folder.path().join("behind.json")), 0o600);
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 5, "documents, plan, link and the other name");
}

#[test]
fn err_plan_in_a_folder_that_is_not_there_or_in_place_of_one() {
    let folder = example();
    for file in ["nowhere/plan.json", "."] {
        let said = run_in(folder.path(), &[&PLAN[..6], &[file]].concat());
        assert_eq!((said.exit, said.stdout.as_str()), (1, ""), "{said:?}");
        assert!(said.stderr.starts_with(&format!("error[io]: cannot write `{file}`")), "{}", said.stderr);
    }
}
