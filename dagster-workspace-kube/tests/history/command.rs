//! The command `history` as a process, on the S3 API and in a directory.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use testing::S3;

use crate::documents;
use crate::place::file;

/// Variables of CI systems that may be set where the tests run.
const FOREIGN: [&str; 12] = [
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "BITBUCKET_BUILD_NUMBER",
    "BUILDKITE",
    "CIRCLECI",
    "JENKINS_URL",
    "USER",
    "LOGNAME",
    "AZURE_STORAGE_ACCOUNT_NAME",
    "AZURE_STORAGE_CONNECTION_STRING",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
];

struct Said {
    exit: i32,
    stdout: String,
    stderr: String,
}

impl Said {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }
}

fn command(directory: &Path, environment: &BTreeMap<String, String>, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dagster-workspace"));
    command.current_dir(directory).args(arguments).stdin(Stdio::null());
    for name in FOREIGN {
        command.env_remove(name);
    }
    command.envs(environment);
    command
}

fn run(directory: &Path, environment: &BTreeMap<String, String>, arguments: &[&str]) -> Said {
    let output = command(directory, environment, arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { exit: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A directory with both documents of `count` servers.
fn directory(count: usize) -> TempDir {
    let folder = TempDir::new().unwrap();
    write(folder.path(), count);
    folder
}

fn write(folder: &Path, count: usize) {
    std::fs::write(folder.join("values.yaml"), documents(count).values).unwrap();
    std::fs::write(folder.join("workspace.yaml"), documents(count).workspace).unwrap();
}

/// Where histories are, and the variables with which they are reached.
fn places(folder: &Path) -> Vec<(String, BTreeMap<String, String>)> {
    let mut places = vec![(file(folder), BTreeMap::new())];
    if let Some(s3) = S3::shared() {
        places.push((format!("s3://{}/dagster/prod", s3.bucket("command")), s3.environment()));
    }
    places
}

#[test]
fn revisions_are_recorded_shown_compared_and_pulled() {
    let kept = TempDir::new().unwrap();
    for (place, mut environment) in places(kept.path()) {
        let folder = directory(1);
        environment.extend([("GITLAB_CI", "true"), ("CI_MERGE_REQUEST_IID", "7")].map(|(a, b)| (a.into(), b.into())));
        environment.insert("DAGSTER_WORKSPACE_HISTORY".into(), place.clone());
        let run = |arguments: &[&str]| run(folder.path(), &environment, arguments);
        let record = ["history", "record", "--output", "json", "--detailed-exitcode", "--reason", "a test"];

        let planned = run(&["history", "record", "--dry-run", "--output", "json"]).json();
        assert_eq!((&planned["changed"], &planned["revision"]), (&true.into(), &Value::Null));
        let first = run(&[&record[..], &["--of-chart", "dagster=1.13.27", "--actor", "ada"]].concat());
        assert_eq!(first.exit, 2, "{}", first.stderr);
        let revision = &first.json()["revision"];
        assert_eq!((&revision["number"], &revision["actor"]), (&1.into(), &"ada".into()));
        assert_eq!(revision["origin"]["pull_request"], "7");
        let known = run(&record);
        assert_eq!((known.exit, &known.json()["changed"]), (0, &false.into()));

        write(folder.path(), 2);
        assert_eq!(run(&record).json()["revision"]["charts"]["dagster"], "1.13.27");
        let listed = run(&["history", "list", "--output", "json"]).json();
        let numbers: Vec<_> = listed["revisions"].as_array().unwrap().iter().map(|one| one["number"].clone()).collect();
        assert_eq!(numbers, [2, 1]);
        assert!(run(&["history", "list"]).stdout.contains("a test: + deployment etl-1"), "people read the reason");
        let diff = run(&["history", "diff", "--output", "json"]).json();
        assert_eq!((&diff["from"], &diff["to"], diff["changes"].as_array().unwrap().len()), (&1.into(), &2.into(), 2));
        assert_eq!(run(&["history", "show", "1", "--document", "values"]).stdout, documents(1).values);
        assert!(run(&["history", "show"]).stdout.contains("pull request 7"));

        let pull = ["history", "pull", "1", "--output", "json"];
        assert_eq!(run(&[&pull[..], &["--dry-run"]].concat()).json()["changed"], true);
        assert_eq!(std::fs::read_to_string(folder.path().join("values.yaml")).unwrap(), documents(2).values);
        assert_eq!(run(&pull).json()["written"].as_array().unwrap().len(), 2);
        assert_eq!(std::fs::read_to_string(folder.path().join("values.yaml")).unwrap(), documents(1).values);
        assert_eq!(run(&pull).json()["changed"], false, "a second run has nothing to do");
        let verified = run(&["history", "verify", "--output", "json"]);
        assert_eq!((verified.exit, &verified.json()["latest"]), (0, &true.into()));
        assert_eq!(verified.json()["versioned"], place.starts_with("s3"));
        let collected = run(&["history", "gc", "--older-than", "1d", "--output", "json"]).json();
        assert_eq!((&collected["changed"], collected["revisions"].as_array().unwrap().len()), (&false.into(), 0));
    }
}

#[test]
fn twenty_jobs_at_once_get_twenty_consecutive_revisions() {
    let kept = TempDir::new().unwrap();
    for (place, environment) in places(kept.path()) {
        let folders: Vec<TempDir> = (1..=20).map(directory).collect();
        let arguments = ["history", "record", "--history", &place, "--output", "json"];
        let mut jobs = Vec::new();
        for folder in &folders {
            let mut job = command(folder.path(), &environment, &arguments);
            jobs.push(job.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
        }
        let mut numbers = Vec::new();
        for job in jobs {
            let output = job.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let said: Value = serde_json::from_slice(&output.stdout).unwrap();
            numbers.push(said["revision"]["number"].as_u64().unwrap());
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=20).collect::<Vec<_>>(), "{place}");
        let verified =
            run(folders[0].path(), &environment, &["history", "verify", "--history", &place, "--output", "json"]);
        assert_eq!((verified.exit, &verified.json()["latest"]), (0, &true.into()), "{}", verified.stdout);
    }
}

#[test]
fn objects_keep_their_versions_and_latest_gets_one_each_time() {
    let Some(s3) = S3::shared() else { return };
    let bucket = s3.bucket("versions");
    let folder = directory(0);
    for count in 1..=3 {
        write(folder.path(), count);
        let place = format!("s3://{bucket}/p/");
        let said = run(folder.path(), &s3.environment(), &["history", "record", "--history", &place]);
        assert_eq!(said.exit, 0, "{}", said.stderr);
    }
    let versions = |key: &str| s3.ask(&serde_json::json!({ "versions": bucket, "key": key }))["count"].clone();
    assert_eq!(versions("p/latest/values.yaml"), 3);
    assert_eq!(versions("p/revisions/00000001.json"), 1);
}

#[test]
fn charts_are_compiled_from_a_revision() {
    let kept = TempDir::new().unwrap();
    for (place, environment) in places(kept.path()) {
        let folder = directory(2);
        std::fs::write(folder.path().join("base.yaml"), "# Ours.\ndagsterWebserver:\n  replicaCount: 2 # two\n")
            .unwrap();
        let run = |arguments: &[&str]| run(folder.path(), &environment, arguments);
        assert_eq!(run(&["history", "record", "--history", &place]).exit, 0);
        write(folder.path(), 0);
        let compile = ["compile", "--history", &place, "--revision", "latest", "--system-values", "base.yaml"];
        let into = ["--into", ".", "--output", "json"];
        let written = run(&[&compile[..], &into].concat());
        assert_eq!((written.exit, &written.json()["changed"]), (0, &true.into()), "{}", written.stderr);
        assert_eq!(run(&[&compile[..], &into].concat()).json()["changed"], false);
        let system = std::fs::read_to_string(folder.path().join("dagster.yaml")).unwrap();
        assert!(system.starts_with("# Ours.\ndagsterWebserver:\n  replicaCount: 2 # two\n"), "{system}");
        assert!(system.contains("externalConfigmap: dagster-workspace-yaml"));
        let user = std::fs::read_to_string(folder.path().join("dagster-user-deployments.yaml")).unwrap();
        assert_eq!(user, documents(2).values);

        let servers = run(&[&compile[..], &["--workspace-as", "servers", "--output", "json"]].concat()).json();
        std::fs::write(folder.path().join("servers.yaml"), servers["dagster.yaml"].as_str().unwrap()).unwrap();
        let back = run(&["compile", "--from-servers", "servers.yaml"]);
        let read = |text: &str| serde_yaml::from_str::<serde_yaml::Value>(text).unwrap();
        assert_eq!(read(&back.stdout), read(&documents(2).workspace), "{}", back.stderr);
    }
}

#[test]
fn err_entry_that_servers_cannot_carry_is_shown_in_its_file() {
    let folder = directory(1);
    let socket = "load_from:\n- grpc_server: {socket: /s, location_name: etl-0}\n";
    std::fs::write(folder.path().join("workspace.yaml"), socket).unwrap();
    let said = run(folder.path(), &BTreeMap::new(), &["compile", "--workspace-as", "servers"]);
    assert_eq!((said.exit, said.stdout.as_str()), (4, ""));
    for part in
        ["error[DW0701]: location `etl-0` cannot be", "it has a `socket`", "workspace.yaml:2:3", "reason: unfit"]
    {
        assert!(said.stderr.contains(part), "{}", said.stderr);
    }
}

#[track_caller]
fn fails(
    directory: &Path,
    environment: &BTreeMap<String, String>,
    arguments: &[&str],
    exit: i32,
    reason: &str,
) -> String {
    let said = run(directory, environment, &[arguments, &["--output", "json"]].concat());
    assert_eq!((said.exit, said.stdout.as_str()), (exit, ""), "{}", said.stderr);
    let error: Value = serde_json::from_str(&said.stderr).unwrap();
    assert_eq!(error["error"]["reason"], reason, "{error}");
    error.to_string()
}

#[test]
fn err_what_is_wrong_is_told_apart() {
    let (folder, none) = (directory(1), BTreeMap::new());
    let here = folder.path();
    let of = |place: &'static str| ["history", "list", "--history", place];
    fails(here, &none, &["history", "list"], 4, "usage");
    fails(here, &none, &of("bucket"), 4, "usage");
    fails(here, &none, &of("s3://key:secret@bucket"), 4, "usage");
    fails(here, &none, &of("az://container/prefix"), 4, "usage");
    fails(here, &none, &of("file://missing"), 4, "no-bucket");
    std::fs::create_dir(here.join("kept")).unwrap();
    let kept = "file://kept";
    fails(here, &none, &["history", "show", "--history", kept], 4, "not-found");
    fails(here, &none, &["history", "gc", "--older-than", "3 months", "--history", kept], 4, "usage");
    fails(here, &none, &["history", "gc", "--older-than", "-1d", "--history", kept], 4, "usage");
    assert_eq!(run(here, &none, &["history", "record", "--history", kept]).exit, 0);
    fails(here, &none, &["history", "diff", "--history", kept], 4, "not-found");
    std::fs::write(here.join("values.yaml"), "a: [\n").unwrap();
    let error = fails(here, &none, &["history", "record", "--history", kept], 4, "parse");
    assert!(error.contains("values.yaml"), "{error}");
    let blob = std::fs::read_dir(here.join("kept/blobs")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(blob, "").unwrap();
    fails(here, &none, &["history", "pull", "--history", kept], 1, "damaged");
    let verified = run(here, &none, &["history", "verify", "--history", kept]);
    assert_eq!(
        (verified.exit, verified.stdout.contains("1 that cannot be restored")),
        (1, true),
        "{}",
        verified.stdout
    );
    if let Some(s3) = S3::shared() {
        fails(here, &s3.environment(), &of("s3://no-such-bucket/p"), 4, "no-bucket");
    }
}

/// The commands of `docs/history.md` for a directory, those for a cluster being run by the tests on a cluster.
#[test]
fn commands_of_the_docs_do_what_they_say() {
    let (kept, folder) = (TempDir::new().unwrap(), directory(1));
    let environment = BTreeMap::from([("DAGSTER_WORKSPACE_HISTORY".to_owned(), file(kept.path()))]);
    for number in 1..=41 {
        write(folder.path(), number);
        assert_eq!(run(folder.path(), &environment, &["history", "record"]).exit, 0);
    }
    write(folder.path(), 42);
    std::fs::write(folder.path().join("base.yaml"), "dagsterWebserver: {replicaCount: 2}\n").unwrap();
    let servers = "dagsterWebserver: {workspace: {enabled: true, servers: [{host: etl, port: 3030}]}}\n";
    std::fs::write(folder.path().join("dagster.yaml"), servers).unwrap();
    std::fs::create_dir(folder.path().join("build")).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_dagster-workspace"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let docs = include_str!("../../../docs/history.md");
    let (_, section) = docs.split_once("\n## Commands\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let lines: Vec<&str> = section.lines().filter(|line| line.starts_with("dagster-workspace ")).collect();
    assert!(lines.len() >= 11, "{lines:?}");
    for line in lines {
        let mut shell = Command::new("sh");
        shell.args(["-ec", line]).env("PATH", &path).envs(&environment).current_dir(folder.path());
        let output = shell.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{line}: {output:?}");
    }
}

/// The tasks of the playbook that run the command, with its variables filled in as Ansible does.
#[test]
fn playbook_rebuilds_from_a_history_and_has_nothing_to_do_twice() {
    let (kept, folder) = (TempDir::new().unwrap(), directory(2));
    let environment = BTreeMap::from([("DAGSTER_WORKSPACE_HISTORY".to_owned(), file(kept.path()))]);
    assert_eq!(run(folder.path(), &environment, &["history", "record"]).exit, 0);
    let text = std::fs::read_to_string(testing::top().join("docs/ansible/rebuild.yaml")).unwrap();
    let playbook: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    let variables = playbook[0]["vars"].as_mapping().unwrap();
    let filled = |argument: &str| {
        variables.iter().fold(argument.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{{ {} }}}}", name.as_str().unwrap()), value.as_str().unwrap_or_default())
        })
    };
    std::fs::create_dir(folder.path().join("build")).unwrap();
    std::fs::write(folder.path().join("dagster-base.yaml"), "postgresql: {enabled: false}\n").unwrap();
    for expected in [true, false] {
        let mut ran = 0;
        for task in playbook[0]["tasks"].as_sequence().unwrap() {
            let Some(argv) = task["ansible.builtin.command"]["argv"].as_sequence() else { continue };
            let argv: Vec<String> = argv.iter().map(|argument| filled(argument.as_str().unwrap())).collect();
            let arguments: Vec<&str> = argv[1..].iter().map(String::as_str).collect();
            let said = run(folder.path(), &environment, &arguments);
            assert_eq!(said.exit, 0, "{}", said.stderr);
            if task["register"].is_string() {
                assert_eq!(said.json()["changed"], expected, "{argv:?}");
            }
            ran += 1;
        }
        assert_eq!(ran, 3);
    }
    assert!(std::fs::read_to_string(folder.path().join("build/dagster.yaml")).unwrap().contains("host: etl-1"));
}
