//! The same job done by dagster-uc, as far as that can be compared: see `benches/peers/uc_job.py` for what is taken out.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::namespace::{VALUES, config_map};
use crate::report::{Report, Table, time};
use crate::site::{Site, THREE, deployments, run_at_once};

/// Beside the others where `DAGSTER_UC_PYTHON` names a Python that has it.
pub(crate) async fn measure(report: &mut Report) {
    let Some(python) = env::var_os("DAGSTER_UC_PYTHON") else {
        eprintln!("dagster-uc is not measured: `DAGSTER_UC_PYTHON` names no Python that has it");
        return;
    };
    let site = Site::new().await;
    let namespace = &site.system.namespace;
    namespace.create(&config_map("dagster-uc-semaphore", "locked", "false")).await;
    let mut rows = Vec::new();
    let mut audit = site.audit();
    for (at, jobs) in [1, 10, 40].into_iter().enumerate() {
        site.reset().await;
        namespace.merge("/api/v1", "configmaps", VALUES, &json!({"data": {"yaml": THREE}})).await;
        namespace.merge("/api/v1", "configmaps", "dagster-uc-semaphore", &json!({"data": {"locked": "false"}})).await;
        let bin = tempfile::tempdir().unwrap();
        stand_in(&bin.path().join("podman"));
        let names: Vec<String> = (0..jobs).map(|number| format!("uc{at}-{number}")).collect();
        let commands = names.iter().map(|name| job(&python, &site, bin.path(), name)).collect();
        let (runs, wall) = run_at_once(commands).await;
        let requests = audit.requests().await.len();
        let values = namespace.get(VALUES).await["data"]["yaml"].as_str().unwrap().to_owned();
        let there = deployments(&values);
        let in_workspace = site.locations().await;
        let ok = |at: &usize| runs[*at].said.exit == 0;
        let lost = |at: &usize| !(there.contains(&names[*at]) && in_workspace.contains(&names[*at]));
        for run in runs.iter().filter(|run| run.said.exit != 0) {
            eprintln!("{}", run.said.stderr);
        }
        let succeeded = (0..jobs).filter(ok).count();
        let lost = (0..jobs).filter(ok).filter(lost).count();
        let each = format!("{:.1}", requests as f64 / jobs as f64);
        rows.push(vec![format!("{jobs} at once"), succeeded.to_string(), lost.to_string(), each, time(wall)]);
    }
    let head = vec!["jobs", "said done", "lost of these", "requests per job", "wall, start of Python included"];
    report.table(Table { title: "dagster-uc 0.6.11 on the same API server, without helm".to_owned(), head, rows });
}

/// A program that does nothing, and does it well.
fn stand_in(path: &std::path::Path) {
    fs::write(path, "#!/bin/sh\nexit 0\n").unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn job(python: &OsString, site: &Site, bin: &std::path::Path, name: &str) -> Command {
    let mut command = Command::new(python);
    command.arg(testing::top().join("benches/peers/uc_job.py"));
    command.args([name, &site.system.namespace.name, "test"]);
    let path = format!("{}:{}", bin.display(), env::var("PATH").unwrap_or_default());
    command.env("KUBECONFIG", site.kubeconfig()).env("PATH", path).current_dir(bin);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
