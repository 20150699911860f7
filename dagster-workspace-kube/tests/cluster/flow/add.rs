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
    let said = system.run(ADD).await;
    println!("{}\n{}", said.stderr, said.stdout);
    assert_eq!(said.exit, 0, "{said:#?}");
    assert!(system.values().await.contains("name: shop-etl"));
    assert!(system.workspace().await.contains("location_name: shop-etl"));
    assert_eq!(system.revision(), 1);
    assert_eq!(system.webservers.asked().1, 2, "one reload each");

    let again = system.done(ADD).await;
    assert_eq!(again["changed"], json!(false), "{again:#}");
    println!("{again:#}");
    let nothing = [
        ("discover", "unchanged"),
        ("values", "unchanged"),
        ("helm", "unchanged"),
        ("ready", "unchanged"),
        ("workspace", "unchanged"),
        ("activate", "unchanged"),
    ];
    assert_eq!(outcomes(&again), nothing);
    assert_eq!(system.webservers.asked(), (2, 0));
    assert_eq!(system.revision(), 1);

    let image = system.done(&["set-image", "shop-etl", "ghcr.io/acme/shop-etl:1.5"]).await;
    println!("{image:#}");
    let removed = system.done(&["remove", "shop-etl"]).await;
    println!("{removed:#}");
    assert!(!system.values().await.contains("shop-etl") && !system.workspace().await.contains("shop-etl"));
    assert_eq!(system.revision(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn add_deploys_and_serves_with_helm_3() {
    whole_flow(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn add_deploys_and_serves_with_helm_4() {
    whole_flow(4).await;
}
