//! Charts of a real registry, which has no TLS.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use testing::Registry;

use super::system::{Said, System};

const ADD: &[&str] = &["add", "etl", "--image", "r/etl:1", "--arg=-m", "--output", "json"];

/// A system, and the chart of code servers in the registry: its address there, and its version.
async fn published(major: u8) -> Option<(System, String, String)> {
    let registry = Registry::shared()?;
    let system = System::new(major).await?;
    let repository = format!("oci://{}/{}", registry.address(), system.namespace.name);
    let folder = tempfile::tempdir().unwrap();
    let chart = testing::code_chart();
    helm(&system, &["package", chart.to_str().unwrap(), "--destination", folder.path().to_str().unwrap()]);
    let packed = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    helm(&system, &["push", packed.to_str().unwrap(), &repository, "--plain-http"]);
    Some((system, format!("{repository}/dagster-user-deployments"), version(&packed)))
}

fn helm(system: &System, arguments: &[&str]) {
    let mut command = Command::new(testing::helm(system.major).unwrap());
    let home = system.helm.home();
    let output =
        command.args(arguments).envs([("HELM_CACHE_HOME", home), ("HELM_CONFIG_HOME", home)]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// That of `dagster-user-deployments-1.2.3.tgz`.
fn version(packed: &Path) -> String {
    let name = packed.file_stem().unwrap().to_str().unwrap();
    name.strip_prefix("dagster-user-deployments-").unwrap().to_owned()
}

async fn run(system: &System, chart: &str, options: &[&str]) -> Said {
    let mut command = system.command_without(&["--chart"], &[ADD, &["--chart", chart], options].concat());
    tokio::task::spawn_blocking(move || command.output().unwrap().into()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chart_of_a_registry_is_deployed_once() {
    for major in [3, 4] {
        let Some((system, chart, version)) = published(major).await else { return };
        let options = ["--chart-version", &version, "--plain-http"];
        let said = run(&system, &chart, &options).await;
        assert_eq!(said.exit, 0, "{said:#?}");
        assert_eq!(said.json()["release"], json!({"name": "dagster-user-deployments", "revision": 1, "runs": 1}));
        let servers = system.namespace.list("/apis/apps/v1", "deployments", "component=user-deployments").await;
        assert_eq!(servers[0]["metadata"]["labels"]["helm.sh/chart"], format!("dagster-user-deployments-{version}"));
        let again = run(&system, &chart, &options).await;
        assert_eq!((&again.json()["changed"], system.revision()), (&json!(false), 1), "{again:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn err_registry_without_tls_and_missing_versions_are_told() {
    for major in [3, 4] {
        let Some((system, chart, version)) = published(major).await else { return };
        let error = |said: &Said| -> Value {
            let error: Value = serde_json::from_str(&said.stderr).unwrap_or_else(|error| panic!("{error}: {said:#?}"));
            error["error"].clone()
        };
        let said = run(&system, &chart, &["--chart-version", "0.0.9", "--plain-http"]).await;
        let missing = error(&said);
        assert_eq!((said.exit, &missing["report"]["step"]), (7, &json!("helm")), "{missing:#}");
        let hint = missing["hint"].as_str().unwrap();
        assert!(missing["causes"].to_string().contains("the chart cannot be used"), "{missing:#}");
        assert!(hint.starts_with("`--chart`, `--repo` and `--chart-version` say which chart"), "{missing:#}");

        // helm 3 talks without TLS to whatever is on the same machine.
        if major == 4 {
            let said = run(&system, &chart, &["--chart-version", &version]).await;
            let plain = error(&said);
            assert_eq!((said.exit, &plain["reason"]), (4, &json!("chart")), "nothing is changed by now: {plain:#}");
            assert!(plain["causes"].to_string().contains("the chart's registry has no TLS"), "{plain:#}");
            assert_eq!(plain["hint"], "`--plain-http` talks to it without", "{plain:#}");
        }
        let said = run(&system, &chart, &["--chart-version", &version, "--plain-http"]).await;
        assert_eq!((said.exit, system.revision()), (0, 1), "{said:#?}");
    }
}
