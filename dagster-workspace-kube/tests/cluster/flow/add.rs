//! The main job: done, done twice, and undone.

use serde_json::{Value, json};

use super::system::System;

const ADD: &[&str] = &["add", "shop-etl", "--image", "ghcr.io/acme/shop-etl:1.4.2", "--arg=-m", "--arg=etl"];

fn outcomes(report: &Value) -> Vec<(&str, &str)> {
    let steps = report["steps"].as_array().unwrap().iter();
    steps.map(|step| (step["step"].as_str().unwrap(), step["outcome"].as_str().unwrap())).collect()
}

async fn whole_flow(major: u8) {
    let Some(system) = System::new(major).await else { return };
    let planned = system.done(&[ADD, &["--dry-run"]].concat()).await;
    assert_eq!(
        (&planned["has_changes"], &planned["cluster"]["rolls"]),
        (&json!(true), &json!(["shop-etl"])),
        "{planned:#}"
    );
    assert_eq!((system.values().await.as_str(), system.revision()), ("# ours\ndeployments: []\n", 0));

    let said = system.run(ADD).await;
    assert_eq!(said.exit, 0, "{said:#?}");
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert_eq!((lines[1], lines[3]), ("  + deployment shop-etl", "  + location shop-etl"), "{said:#?}");
    assert!(
        said.stdout.contains("\nrelease dagster-user-deployments revision 1\nthe daemon has read the workspace by 20")
    );
    for step in ["discover", "values", "helm", "ready", "workspace", "activate"] {
        let ended = |line: &&str| line.starts_with(step) && line.contains("s  ") && !line.contains("...");
        assert_eq!(said.stderr.lines().filter(ended).count(), 1, "{step}: {}", said.stderr);
    }
    assert!(system.values().await.contains("name: shop-etl"));
    assert!(system.workspace().await.contains("location_name: shop-etl"));
    assert_eq!((system.revision(), system.webservers.asked().1), (1, 2), "one reload each");

    let again = system.done(ADD).await;
    let nothing = ["discover", "values", "helm", "ready", "workspace", "activate"].map(|step| (step, "unchanged"));
    assert_eq!((&again["changed"], outcomes(&again)), (&json!(false), nothing.to_vec()), "{again:#}");
    assert_eq!((system.webservers.asked(), system.revision()), ((2, 0), 1));

    let image = system.done(&["set-image", "shop-etl", "ghcr.io/acme/shop-etl:1.5"]).await;
    let skipped = [
        ("values", "changed"),
        ("helm", "changed"),
        ("ready", "unchanged"),
        ("workspace", "skipped"),
        ("activate", "skipped"),
    ];
    assert_eq!(outcomes(&image)[1..], skipped, "{image:#}");
    assert_eq!((system.revision(), system.webservers.asked()), (2, (0, 0)), "the system is not touched");

    let port = system.done(&["update", "shop-etl", "--port", "3031"]).await;
    assert_eq!(port["webservers"][1]["outcome"]["locations"][0]["metadata"]["port"], json!("3031"), "{port:#}");
    let removed = system.done(&["remove", "shop-etl"]).await;
    let order = [("workspace", "changed"), ("activate", "changed"), ("values", "changed"), ("helm", "changed")];
    assert_eq!(outcomes(&removed)[1..], order, "{removed:#}");
    assert!(!system.values().await.contains("shop-etl") && !system.workspace().await.contains("shop-etl"));
    assert_eq!(system.revision(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn add_deploys_and_serves_with_helm_3() {
    whole_flow(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn add_deploys_and_serves_with_helm_4() {
    whole_flow(4).await;
}
