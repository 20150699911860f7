//! Values as the charts of every release at hand take them: the real helm renders them with the schemas and defaults of that release.
//! Records change no manifest, and what is compiled passes.
//!
//! The templates are those of the charts for tests, the schemas and defaults those of Dagster's own charts. What these name on the
//! network is left out, as no test asks the network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dagster_workspace_core::compile::{Form, Input, compile};
use dagster_workspace_core::lint::{Target, Version};
use dagster_workspace_core::staging::Record;
use dagster_workspace_core::transform::{Transform, apply};

const CHARTS: [&str; 2] = ["dagster", "dagster-user-deployments"];

#[test]
fn values_with_records_render_as_without() {
    let Some(shared) = testing::shared() else { return };
    let (Some(helm3), Some(helm4)) = (testing::helm(3), testing::helm(4)) else { return };
    let mut rendered = 0;
    for release in fs::read_dir(shared.join("dagster")).unwrap() {
        let release = release.unwrap().path();
        if !release.join("dagster-user-deployments.values.schema.json").exists() {
            continue;
        }
        let charts = charts(&release, "records");
        for (chart, values) in [("dagster-user-deployments", alone()), ("dagster", nested())] {
            if !release.join(format!("{chart}.values.yaml")).exists() {
                // The schema demands more than anybody would write: without the defaults there is nothing to render.
                continue;
            }
            let recorded = recorded(&values);
            assert_ne!(recorded, values);
            for helm in [&helm3, &helm4] {
                let (before, after) =
                    (template(helm, &charts, chart, &values), template(helm, &charts, chart, &recorded));
                assert!(before.contains("etl-pr-12"), "{before}");
                assert_eq!(after, before, "{} of {}", chart, release.display());
                rendered += 1;
            }
        }
    }
    assert!(rendered >= 22, "{rendered} rendered");
}

#[test]
fn compiled_values_pass_the_schemas_of_every_release() {
    let Some(shared) = testing::shared() else { return };
    let (Some(helm3), Some(helm4)) = (testing::helm(3), testing::helm(4)) else { return };
    let workspace = "load_from:\n- grpc_server: {host: etl-pr-12, port: 3030, location_name: etl-pr-12}\n";
    let (mut compiled, mut oldest) = (0, Version::new(u32::MAX, 0, 0));
    for release in fs::read_dir(shared.join("dagster")).unwrap() {
        let release = release.unwrap().path();
        if !release.join("dagster.values.yaml").exists() {
            continue;
        }
        let chart = version(&release);
        oldest = oldest.min(chart);
        let charts = charts(&release, "compiled");
        for form in [Form::Servers, Form::ConfigMap("workspace")] {
            let (values, user_deployments) = (&alone(), "imagePullSecrets: []\n");
            let system = "# ours\ngeneratePostgresqlPasswordSecret: true\n";
            let made = compile(&Input { values, workspace, system, user_deployments, chart, form }).unwrap();
            let webserver = if chart < Version::new(1, 4, 0) { "dagit" } else { "dagsterWebserver" };
            assert!(made.system.contains(&format!("\n{webserver}:\n")), "{}", made.system);
            let wrong = made.system.replace("    enabled: true", "    enabled: [text]");
            for helm in [&helm3, &helm4] {
                let code = template(helm, &charts, "dagster-user-deployments", &made.user_deployments);
                assert!(code.contains("name: etl-pr-12"), "{code}");
                let said = try_template(helm, &charts, "dagster", &made.system);
                assert!(said.is_ok(), "{}: {}", release.display(), said.unwrap_err());
                let said = try_template(helm, &charts, "dagster", &wrong).unwrap_err();
                assert!(said.contains("enabled"), "{}: the schema says something: {said}", release.display());
                compiled += 1;
            }
        }
    }
    assert!(compiled >= 12 && oldest < Version::new(1, 4, 0), "{compiled} compiled, the oldest for {oldest}");
}

/// `1.12.0` of the folder `1.12-2025-11`.
fn version(release: &Path) -> Version {
    let name = release.file_name().unwrap().to_str().unwrap();
    name.split('-').next().unwrap().parse().unwrap()
}

fn alone() -> String {
    "deployments:\n- name: etl-pr-12\n  image: {repository: x, tag: v1, pullPolicy: Always}\n  port: 3030\n  \
     dagsterApiGrpcArgs: [\"-m\", x]\n"
        .to_owned()
}

fn nested() -> String {
    let lines: String = alone().lines().map(|line| format!("  {line}\n")).collect();
    format!("dagster-user-deployments:\n  enableSubchart: true\n{lines}")
}

fn recorded(values: &str) -> String {
    let record = Record {
        owner: Some("data".to_owned()),
        repository: Some("acme/etl".to_owned()),
        pull_request: Some(12),
        branch: Some("on".to_owned()),
        created: "2026-01-31T09:00:00Z".parse().ok(),
        expires: "2026-02-07T09:00:00Z".parse().ok(),
    };
    let transform = Transform::RecordDeployment { name: "etl-pr-12".to_owned(), record };
    apply(values, &[transform], &Target::default()).unwrap().text
}

/// Both charts with the schemas and the defaults of a release, in a folder of a test's own.
fn charts(release: &Path, test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test).join(release.file_name().unwrap());
    let _ = fs::remove_dir_all(&folder);
    for chart in CHARTS {
        copy(&testing::top().join("testing/charts").join(chart), &folder.join(chart));
    }
    for place in ["dagster", "dagster-user-deployments", "dagster/charts/dagster-user-deployments"] {
        let (folder, chart) = (folder.join(place), place.rsplit('/').next().unwrap());
        let schema = testing::local_schema(&release.join(format!("{chart}.values.schema.json")));
        fs::write(folder.join("values.schema.json"), schema).unwrap();
        if let Ok(defaults) = fs::read(release.join(format!("{chart}.values.yaml"))) {
            fs::write(folder.join("values.yaml"), defaults).unwrap();
        }
    }
    folder
}

/// Links become what they lead to: each place has defaults of its own.
fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}

fn template(helm: &Path, charts: &Path, chart: &str, values: &str) -> String {
    let said = try_template(helm, charts, chart, values);
    said.unwrap_or_else(|words| panic!("{chart} in {}: {words}", charts.display()))
}

fn try_template(helm: &Path, charts: &Path, chart: &str, values: &str) -> Result<String, String> {
    let file = charts.join("given.yaml");
    fs::write(&file, values).unwrap();
    // What our templates ask for and older releases call otherwise.
    let ours = testing::top().join("testing/charts").join(chart).join("values.yaml");
    let mut command = Command::new(helm);
    command.args(["template", "x"]).arg(charts.join(chart)).arg("-f").arg(ours).arg("-f").arg(&file);
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}
