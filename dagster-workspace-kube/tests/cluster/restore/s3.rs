//! The history in S3: many jobs record there at once, and the system is rebuilt from there.

use std::sync::Arc;

use dagster_workspace_kube::deploy::{Deployer, Restore, Settings};
use dagster_workspace_kube::helm::ChartSource;
use dagster_workspace_kube::history::{History, verify};
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use serde_json::{Value, json};
use testing::S3;

use super::kept::Kept;
use crate::flow::system::Said;

/// The history as this process sees it.
fn history(s3: &S3, bucket: &str) -> History {
    let builder = AmazonS3Builder::new().with_endpoint(s3.endpoint()).with_allow_http(true).with_bucket_name(bucket);
    let builder = builder.with_region("us-east-1").with_access_key_id("test").with_secret_access_key("test");
    History::new(Arc::new(builder.build().unwrap()), Path::from("dagster/prod"), "test")
}

async fn run(kept: &Kept, s3: &S3, bucket: &str, arguments: &[&str]) -> Said {
    let place = format!("s3://{bucket}/dagster/prod");
    let arguments: Vec<String> =
        [arguments, &["--history", &place, "--output", "json"]].concat().into_iter().map(str::to_owned).collect();
    kept.run_otherwise(&[], &arguments, |command| command.envs(s3.environment())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_at_once_record_in_s3_and_the_system_is_rebuilt_from_there() {
    let Some(kept) = Kept::new(4).await else { return };
    let Some(s3) = S3::shared() else { return };
    let bucket = s3.bucket("restore");
    let kept = Arc::new(kept);
    let jobs = (0..20).map(|number| {
        let (kept, bucket) = (Arc::clone(&kept), bucket.clone());
        tokio::spawn(async move {
            let name = format!("n{number}");
            run(&kept, s3, &bucket, &["add", &name, "--image", "r/x:1", "--arg=-m", "--only", "documents"]).await
        })
    });
    for job in jobs.collect::<Vec<_>>() {
        let said = job.await.unwrap();
        assert_eq!(said.exit, 0, "{said:#?}");
        assert!(said.json()["recorded"]["revision"].is_u64(), "{said:#?}");
    }
    // A job whose change another one has recorded already adds nothing, so there may be fewer than twenty.
    let history = history(s3, &bucket);
    let revisions = history.revisions().await.unwrap();
    let numbers: Vec<u64> = revisions.iter().map(|revision| revision.number).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    assert!(revisions.iter().map(|revision| revision.values.bytes).is_sorted(), "none is older than the one before");
    let done = run(&kept, s3, &bucket, &["sync"]).await;
    assert_eq!(done.exit, 0, "{done:#?}");

    let documents = kept.documents().await;
    assert_eq!(documents.0.matches("- name: n").count(), 20, "{}", documents.0);
    kept.system.namespace.delete_all().await;

    // A client of the cluster and one of S3, both at work in this process.
    let settings = Settings {
        chart: Some(ChartSource::Path(testing::code_chart())),
        helm: testing::helm(4),
        ..Settings::default()
    };
    let deployer = Deployer::with_client(kept.system.namespace.client.clone(), &kept.system.namespace.name);
    let deployer = deployer.settings(settings).build();
    let planned = deployer.plan_restore(&history, &Restore::default()).await.unwrap();
    assert!(planned.has_changes() && !kept.system.namespace.exists().await, "{planned:#?}");

    let (values, chart) = (kept.system_values(), testing::system_chart().display().to_string());
    let restore = ["restore", "--system-values", &values, "--system-chart", &chart];
    let missing = run(&kept, s3, "no-such-bucket", &restore).await;
    let error: Value = serde_json::from_str(&missing.stderr).unwrap();
    assert_eq!((missing.exit, &error["error"]["reason"]), (4, &json!("no-bucket")), "{missing:#?}");
    assert!(!kept.system.namespace.exists().await);

    let restored = run(&kept, s3, &bucket, &restore).await;
    assert_eq!(restored.exit, 0, "{restored:#?}");
    assert_eq!(kept.documents().await, documents, "byte for byte");
    let statuses: Vec<(String, String)> = kept.releases().into_iter().map(|(name, status, _)| (name, status)).collect();
    let deployed = ["dagster", "dagster-user-deployments"].map(|name| (name.to_owned(), "deployed".to_owned()));
    assert_eq!(statuses, deployed);
    let again = run(&kept, s3, &bucket, &restore).await;
    assert_eq!(again.json()["changed"], json!(false), "{again:#?}");
    let report = verify(&history).await.unwrap();
    assert!(report.is_sound() && report.latest && report.versioned == Some(true), "{report:?}");
}
