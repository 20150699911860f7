//! Where a history lives: [`open`] makes a [`History`] of `s3://BUCKET/PREFIX` and the like. Credentials and endpoints come
//! from the environment, as the clouds' own programs take them.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, RetryConfig};

use super::History;
use super::error::HistoryError;

/// The environment variable that names the history where no argument does.
pub const VARIABLE: &str = "DAGSTER_WORKSPACE_HISTORY";

/// The history at `place`: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX` or `file://DIR`. Asks the
/// store nothing yet.
///
/// S3 takes `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL`, and the
/// tokens that a job or a pod is given; it does not read `~/.aws`. GCS takes `GOOGLE_SERVICE_ACCOUNT` and application default
/// credentials, Azure `AZURE_STORAGE_ACCOUNT_NAME` and the other `AZURE_` variables. The directory of `file://` may be
/// relative; it must exist, and on its file system hard links must work.
///
/// # Errors
/// [`HistoryError::Place`] where the name or the environment is not usable, [`HistoryError::NoBucket`] without a directory.
pub fn open(place: &str) -> Result<History, HistoryError> {
    let wrong = |problem: &str| HistoryError::Place { place: place.to_owned(), problem: problem.to_owned() };
    let Some((scheme, rest)) = place.split_once("://") else { return Err(wrong("it has no scheme, such as `s3://`")) };
    if scheme == "file" {
        return open_directory(place, rest);
    }
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(wrong("it names no bucket"));
    }
    // A key in here would end up in logs.
    if rest.contains(['?', '#', '@']) {
        return Err(wrong("`?`, `#` and `@` have no place in it: credentials come from the environment"));
    }
    let prefix = Path::parse(prefix.trim_end_matches('/')).map_err(|error| wrong(&error.to_string()))?;
    let store = bucket_store(scheme, bucket).ok_or_else(|| wrong("its scheme is none of s3, gs, az and file"))?;
    let store = store.map_err(|error| wrong(&super::error::Cause::from(error).to_string()))?;
    Ok(History::new(store, prefix, place))
}

type Opened = Result<Arc<dyn ObjectStore>, object_store::Error>;

fn bucket_store(scheme: &str, bucket: &str) -> Option<Opened> {
    match scheme {
        "s3" | "s3a" => Some(s3(bucket)),
        "gs" | "gcs" => Some(gcs(bucket)),
        "az" | "abfs" | "abfss" => Some(azure(bucket)),
        _ => None,
    }
}

/// A request that failed is tried again for a while, as the clouds recommend; a job waits no minutes for it.
fn retry() -> RetryConfig {
    RetryConfig { max_retries: 5, retry_timeout: Duration::from_secs(30), ..RetryConfig::default() }
}

fn s3(bucket: &str) -> Opened {
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retry());
    let endpoint = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint];
    // Whoever writes `http://` means it, as with Amazon's own programs.
    if endpoint.iter().any(|key| builder.get_config_value(key).is_some_and(|url| url.starts_with("http://"))) {
        builder = builder.with_allow_http(true);
    }
    Ok(Arc::new(builder.build()?))
}

fn gcs(bucket: &str) -> Opened {
    Ok(Arc::new(GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket).with_retry(retry()).build()?))
}

fn azure(container: &str) -> Opened {
    Ok(Arc::new(MicrosoftAzureBuilder::from_env().with_container_name(container).with_retry(retry()).build()?))
}

fn open_directory(place: &str, directory: &str) -> Result<History, HistoryError> {
    if directory.is_empty() {
        let problem = "it names no directory".to_owned();
        return Err(HistoryError::Place { place: place.to_owned(), problem });
    }
    match LocalFileSystem::new_with_prefix(directory) {
        Ok(store) => {
            let store = Arc::new(store.with_fsync(true));
            Ok(History::new(store, Path::default(), place).with_lock(directory.as_ref()))
        }
        Err(error) => Err(HistoryError::NoBucket { place: place.to_owned(), source: error.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(place: &str, problem: &str) {
        match open(place) {
            Err(HistoryError::Place { problem: found, .. }) => assert!(found.contains(problem), "{place}: {found}"),
            other => panic!("{place}: {other:?}"),
        }
    }

    #[test]
    fn err_names_that_are_no_place() {
        check("bucket/prefix", "no scheme");
        check("s3://", "no bucket");
        check("file://", "no directory");
        check("ftp://bucket/x", "none of s3");
        check("s3://key:secret@bucket/x", "credentials");
        check("s3://bucket/a//b", "empty");
        assert!(matches!(open("file:///does/not/exist"), Err(HistoryError::NoBucket { .. })));
    }
}
