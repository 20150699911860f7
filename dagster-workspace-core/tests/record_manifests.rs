//! Records change no manifest: the real helm renders values with and without them, with the schemas of every release at hand.
//!
//! The templates are those of the charts for tests, the schemas and defaults those of Dagster's own charts. What these name on the
//! network is left out, as no test asks the network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dagster_workspace_core::lint::Target;
use dagster_workspace_core::staging::Record;
use dagster_workspace_core::transform::{Transform, apply};
use serde_json::Value;

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
        let charts = charts(&release);
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
        pull_request: Some(12),
        branch: Some("on".to_owned()),
        created: "2026-01-31T09:00:00Z".parse().ok(),
        expires: "2026-02-07T09:00:00Z".parse().ok(),
    };
    let transform = Transform::RecordDeployment { name: "etl-pr-12".to_owned(), record };
    apply(values, &[transform], &Target::default()).unwrap().text
}

/// Both charts with the schemas and the defaults of a release.
fn charts(release: &Path) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("records").join(release.file_name().unwrap());
    let _ = fs::remove_dir_all(&folder);
    for chart in CHARTS {
        copy(&testing::top().join("testing/charts").join(chart), &folder.join(chart));
    }
    for place in ["dagster", "dagster-user-deployments", "dagster/charts/dagster-user-deployments"] {
        let (folder, chart) = (folder.join(place), place.rsplit('/').next().unwrap());
        let schema = fs::read(release.join(format!("{chart}.values.schema.json"))).unwrap();
        let mut schema: Value = serde_json::from_slice(&schema).unwrap();
        without_remote(&mut schema);
        fs::write(folder.join("values.schema.json"), schema.to_string()).unwrap();
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

fn without_remote(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.retain(|key, value| key != "$ref" || !value.as_str().is_some_and(|to| to.starts_with("http")));
            map.values_mut().for_each(without_remote);
        }
        Value::Array(items) => items.iter_mut().for_each(without_remote),
        _ => {}
    }
}

fn template(helm: &Path, charts: &Path, chart: &str, values: &str) -> String {
    let file = charts.join("given.yaml");
    fs::write(&file, values).unwrap();
    // What our templates ask for and older releases call otherwise.
    let ours = testing::top().join("testing/charts").join(chart).join("values.yaml");
    let mut command = Command::new(helm);
    command.args(["template", "x"]).arg(charts.join(chart)).arg("-f").arg(ours).arg("-f").arg(&file);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{chart} in {}: {}", charts.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
