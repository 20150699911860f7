//! A client of the cluster and a store with TLS live in one process: both bring a provider of cryptography, and a process
//! that has two and is told nothing panics when the first client is made.

use object_store::ObjectStoreExt as _;

#[tokio::test]
async fn cluster_client_and_s3_store_live_in_one_process() {
    // Nobody answers there: what is tested is that both clients are made and try.
    let port = testing::free_port();
    let config = kube::Config::new(format!("https://127.0.0.1:{port}").parse().unwrap());
    let client = kube::Client::try_from(config).unwrap();
    let store = object_store::aws::AmazonS3Builder::new()
        .with_bucket_name("bucket")
        .with_endpoint(format!("https://127.0.0.1:{port}"))
        .with_region("us-east-1")
        .with_access_key_id("key")
        .with_secret_access_key("secret")
        .with_retry(object_store::RetryConfig { max_retries: 0, ..Default::default() })
        .build()
        .unwrap();
    assert!(client.apiserver_version().await.is_err());
    assert!(store.head(&object_store::path::Path::from("a")).await.is_err());
}
