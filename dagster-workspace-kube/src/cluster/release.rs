//! A helm release as it is stored: which chart, which values the user gave, what was rendered. Start with [`release`].
//!
//! Helm keeps each revision in a Secret, as JSON, compressed and encoded. It is read here without helm, for the values of what
//! is already running. Comments and the order of keys are not in a release: helm stores data, not the file.

use std::io::Read as _;

use dagster_workspace_core::edit::{self, Edit, TextError};
use dagster_workspace_core::value::Value;
use dagster_workspace_core::yaml::{Document, Path, Reader, Schema};
use flate2::read::GzDecoder;
use k8s_openapi::ByteString;
use kube::Client;
use kube::api::{GetParams, ListParams};
use kube::core::Request;
use serde::Deserialize;

use super::call::{ApiError, Call};
use super::object::{List, Metadata};
use crate::release_status::Status;

/// The most bytes that a release may have decompressed. Helm's own limit is the Secret's 1 MiB, compressed.
const MAX_LEN: u64 = 256 * 1024 * 1024;

/// The key of the subchart's values in those of the system.
const SUBCHART: &str = "dagster-user-deployments";

/// The revision of a release that is deployed; where none is, the newest.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its revision, from 1.
    pub revision: u64,
    /// How it went.
    pub status: Status,
    /// The chart's name.
    pub chart: String,
    /// The chart's version.
    pub chart_version: String,
    /// The chart's `appVersion`: that of Dagster.
    pub app_version: Option<String>,
    /// The values that the user gave.
    pub config: Value,
    /// The values that the chart gives by itself.
    pub defaults: Value,
    /// What was rendered, as YAML.
    pub manifest: String,
    /// Bytes that it takes in its Secret, of [`ConfigMap::LIMIT`](super::ConfigMap::LIMIT).
    pub len: u64,
}

/// Why a release is not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// The Secrets cannot be read.
    #[error("cannot read the release `{release}`")]
    Api {
        /// The release.
        release: String,
        /// Why not.
        source: ApiError,
    },
    /// What is stored is not what helm stores: a later helm, or somebody's edit.
    #[error("the release `{release}` is stored as revision {revision} in a form that is not known: {reason}")]
    Form {
        /// The release.
        release: String,
        /// The revision.
        revision: u64,
        /// What is wrong.
        reason: String,
    },
    /// The values cannot be written as YAML.
    #[error("cannot write the values of the release `{release}` as YAML")]
    Text {
        /// The release.
        release: String,
        /// Why not.
        source: TextError,
    },
}

impl Release {
    /// Whether the chart renders an object of this kind and name.
    ///
    /// # Errors
    /// [`ReleaseError::Form`] where the manifest is no YAML.
    pub fn renders(&self, kind: &str, name: &str) -> Result<bool, ReleaseError> {
        let form = |reason: String| ReleaseError::Form { release: self.name.clone(), revision: self.revision, reason };
        let document = Document::parse(&self.manifest).map_err(|error| form(format!("its manifest: {error}")))?;
        let reader = Reader::new(Schema::Helm);
        let is = |node, key: &str, value: &str| {
            reader.get(node, key).and_then(|node| reader.text(node)).is_some_and(|text| text == value)
        };
        Ok(document.roots().any(|root| {
            is(root, "kind", kind) && reader.get(root, "metadata").is_some_and(|metadata| is(metadata, "name", name))
        }))
    }

    /// The values of chart `dagster-user-deployments` that deploy what this release deploys of user code: those of a
    /// release of that chart, or the subchart's part of a system release.
    ///
    /// Where the user gave no `deployments`, the chart deploys its own example; then that is written out.
    #[must_use]
    pub fn user_deployments(&self) -> Value {
        let of_chart = |values: &Value| match self.chart.as_str() {
            SUBCHART => values.clone(),
            _ => values.get(SUBCHART).cloned().unwrap_or_default(),
        };
        let (given, defaults) = (of_chart(&self.config), of_chart(&self.defaults));
        let mut entries: Vec<(String, Value)> = given.entries().to_vec();
        if self.chart != SUBCHART {
            entries.retain(|(key, _)| !matches!(key.as_str(), "enabled" | "enableSubchart"));
            if let Some(global) = self.config.get("global").filter(|_| given.get("global").is_none()) {
                entries.push(("global".into(), global.clone()));
            }
        }
        if given.get("deployments").is_none() {
            let example = defaults.get("deployments").cloned().unwrap_or_else(|| Value::Sequence(Vec::new()));
            entries.push(("deployments".into(), example));
        }
        if let Some((_, deployments)) = entries.iter_mut().find(|(key, _)| key == "deployments") {
            name_first(deployments);
        }
        Value::Mapping(entries)
    }

    /// [`Release::user_deployments`] as the text of a values file.
    ///
    /// # Errors
    /// [`ReleaseError::Text`] where the values hold what no document can.
    pub fn user_deployments_text(&self) -> Result<String, ReleaseError> {
        text_of(self.user_deployments()).map_err(|source| ReleaseError::Text { release: self.name.clone(), source })
    }

    /// One of a chart with these values, for tests of what follows from them.
    #[cfg(test)]
    pub(super) fn of_values(chart: &str, config: &serde_json::Value, defaults: &serde_json::Value) -> Self {
        let value = |json: &serde_json::Value| serde_json::from_value(json.clone()).unwrap_or_default();
        Self {
            name: "r".to_owned(),
            namespace: "n".to_owned(),
            revision: 1,
            status: Status::Deployed,
            chart: chart.to_owned(),
            chart_version: "1.13.27".to_owned(),
            app_version: None,
            config: value(config),
            defaults: value(defaults),
            manifest: String::new(),
            len: 1000,
        }
    }

    /// About how many bytes the release will take with other user-given values.
    ///
    /// Each byte more of values is counted once: it stands in values and manifest, is compressed, and then grows by a third as
    /// base64. Measured: 38 like deployments more took 4,980 bytes, of 6,832 estimated.
    #[must_use]
    pub fn len_with(&self, config: &Value) -> u64 {
        let len = |value: &Value| serde_json::to_vec(value).map_or(0, |json| json.len() as u64);
        self.len.saturating_add(len(config).saturating_sub(len(&self.config)))
    }
}

/// Helm sorts keys; people look for the name of a deployment where it begins.
fn name_first(deployments: &mut Value) {
    let Value::Sequence(items) = deployments else { return };
    for item in items {
        if let Value::Mapping(entries) = item {
            entries.sort_by_key(|(key, _)| key != "name");
        }
    }
}

/// A document that means `value`, a mapping.
pub(super) fn text_of(value: Value) -> Result<String, TextError> {
    let Value::Mapping(entries) = value else { return Ok("{}\n".to_owned()) };
    entries.into_iter().try_fold(String::new(), |text, (key, value)| {
        let edit = Edit::Set { path: Path::default().key(&key), value };
        Ok(edit::apply_text(&text, &edit)?.unwrap_or(text))
    })
}

/// Where helm keeps releases: in Secrets, or in ConfigMaps where `HELM_DRIVER` says so.
#[derive(Clone, Copy)]
enum Driver {
    Secret,
    ConfigMap,
}

impl Driver {
    fn resource(self) -> &'static str {
        match self {
            Self::Secret => "secrets",
            Self::ConfigMap => "configmaps",
        }
    }
}

/// An object that holds a revision.
#[derive(Debug, Deserialize)]
struct Held {
    data: Revision,
}

#[derive(Debug, Deserialize)]
struct Revision {
    release: String,
}

#[derive(Debug, Deserialize)]
struct Entry {
    metadata: Metadata,
}

/// A release; `None` where helm stores none of that name.
///
/// Two requests: a LIST of the revisions' labels, and a GET of one. Where no Secret holds the release, one more LIST, of the
/// ConfigMaps in which helm may keep it instead.
///
/// # Errors
/// [`ReleaseError::Api`] where the Secrets cannot be read, [`ReleaseError::Form`] where one is not understood.
pub async fn release(client: &Client, namespace: &str, name: &str) -> Result<Option<Release>, ReleaseError> {
    let failed = |source| ReleaseError::Api { release: name.to_owned(), source };
    for driver in [Driver::Secret, Driver::ConfigMap] {
        let Some((object, revision)) = newest(client, namespace, name, driver).await.map_err(failed)? else { continue };
        let request = Request::new(path(namespace, driver)).get(&object, &GetParams::default());
        let call = Call::new("get", driver.resource(), namespace, Some(&object));
        return match call.send::<Held>(client, request).await {
            Ok(held) => decode(&held.data.release, driver).map(Some).map_err(|reason| ReleaseError::Form {
                release: name.to_owned(),
                revision,
                reason,
            }),
            // Helm has forgotten it since: an old revision that gave way, or the whole release.
            Err(ApiError::Missing { .. }) => Ok(None),
            Err(error) => Err(failed(error)),
        };
    }
    Ok(None)
}

/// The object with the deployed revision, else that with the newest, and which revision that is.
async fn newest(
    client: &Client,
    namespace: &str,
    name: &str,
    driver: Driver,
) -> Result<Option<(String, u64)>, ApiError> {
    let parameters = ListParams::default().labels(&format!("owner=helm,name={name}"));
    let request = Request::new(path(namespace, driver)).list_metadata(&parameters);
    let list: List<Entry> = Call::new("list", driver.resource(), namespace, None).send(client, request).await?;
    let revisions = list.items.into_iter().filter_map(|Entry { metadata }| {
        let revision: u64 = metadata.labels.get("version")?.parse().ok()?;
        let deployed = metadata.labels.get("status").is_some_and(|status| status == Status::Deployed.as_str());
        Some((deployed, revision, metadata.name))
    });
    Ok(revisions.max().map(|(_, revision, name)| (name, revision)))
}

fn path(namespace: &str, driver: Driver) -> String {
    format!("/api/v1/namespaces/{namespace}/{}", driver.resource())
}

/// What helm stores, as far as it is read here.
#[derive(Debug, Deserialize)]
struct Stored {
    name: String,
    #[serde(default)]
    namespace: String,
    version: u64,
    info: Info,
    chart: Chart,
    config: Option<Value>,
    #[serde(default)]
    manifest: String,
}

#[derive(Debug, Deserialize)]
struct Info {
    status: Status,
}

#[derive(Debug, Deserialize)]
struct Chart {
    metadata: ChartMetadata,
    values: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChartMetadata {
    name: String,
    version: String,
    app_version: Option<String>,
}

/// From base64 of gzip of JSON; in a Secret's JSON there is the API's own base64 around it.
fn decode(text: &str, driver: Driver) -> Result<Release, String> {
    let base64 = |text: &str| {
        let bytes: Result<ByteString, _> = serde_json::from_value(serde_json::Value::from(text));
        bytes.map(|ByteString(bytes)| bytes).map_err(|error| format!("no base64: {error}"))
    };
    let stored = match driver {
        Driver::Secret => String::from_utf8(base64(text)?).map_err(|error| format!("no base64: {error}"))?,
        Driver::ConfigMap => text.to_owned(),
    };
    let packed = base64(&stored)?;
    let mut json = Vec::new();
    // Helm 2 stored releases as they are; only what is compressed is read here.
    let read = GzDecoder::new(packed.as_slice()).take(MAX_LEN).read_to_end(&mut json);
    read.map_err(|error| format!("no gzip: {error}"))?;
    let found: Stored = serde_json::from_slice(&json).map_err(|error| format!("no release: {error}"))?;
    let Stored { name, namespace, version, info, chart, config, manifest } = found;
    Ok(Release {
        name,
        namespace,
        revision: version,
        status: info.status,
        chart: chart.metadata.name,
        chart_version: chart.metadata.version,
        app_version: chart.metadata.app_version,
        config: config.unwrap_or_default(),
        defaults: chart.values.unwrap_or_default(),
        manifest,
        len: stored.len() as u64,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use serde_json::json;

    use super::*;

    fn base64(bytes: Vec<u8>) -> String {
        serde_json::to_value(ByteString(bytes)).unwrap().as_str().unwrap().to_owned()
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(text.as_bytes()).unwrap();
        packed.finish().unwrap()
    }

    /// As helm stores a release of this chart and these values.
    fn stored(chart: &str, config: &serde_json::Value, defaults: &serde_json::Value) -> Release {
        let json = json!({
            "name": "r", "namespace": "n", "version": 7, "info": {"status": "deployed"}, "manifest": "---\nkind: A\n",
            "chart": {"metadata": {"name": chart, "version": "1.2.3", "appVersion": "1.2"}, "values": defaults},
            "config": config,
        });
        let text = base64(gzip(&json.to_string()));
        let of_config_map = decode(&text, Driver::ConfigMap).unwrap();
        let of_secret = decode(&base64(text.clone().into_bytes()), Driver::Secret).unwrap();
        assert_eq!(of_config_map, of_secret);
        assert_eq!(of_secret.len, text.len() as u64);
        of_secret
    }

    fn check_values(release: &Release, expected: &str) {
        let text = release.user_deployments_text().unwrap();
        assert_eq!(text, expected);
        let document = Document::parse(&text).unwrap();
        let read = Reader::new(Schema::Helm).value(document.root().unwrap()).unwrap();
        assert!(read.is_same(&release.user_deployments()), "{text}");
    }

    #[test]
    fn values_of_the_code_chart_are_the_users() {
        let config = json!({
            "deployments": [{"name": "etl", "image": {"tag": "012", "repository": "r"}, "port": 3030, "on": 1.5}],
            "serviceAccount": {"create": false}, "empty": {}, "none": null, "text": "a\nb\n",
        });
        let release = stored("dagster-user-deployments", &config, &json!({"deployments": [{"name": "example"}]}));
        assert_eq!((release.revision, release.chart_version.as_str()), (7, "1.2.3"));
        let value: Value = serde_json::from_value(config).unwrap();
        assert!(release.user_deployments().is_same(&value));
        let text = release.user_deployments_text().unwrap();
        let document = Document::parse(&text).unwrap();
        assert!(Reader::new(Schema::Helm).value(document.root().unwrap()).unwrap().is_same(&value), "{text}");
    }

    #[test]
    fn values_that_name_no_deployments_get_the_chart_s_example() {
        let defaults = json!({"deployments": [{"name": "example", "port": 3030}]});
        for config in [json!({}), json!(null)] {
            let release = stored("dagster-user-deployments", &config, &defaults);
            check_values(&release, "deployments:\n  - name: example\n    port: 3030\n");
        }
        let release = stored("dagster-user-deployments", &json!({"deployments": []}), &defaults);
        check_values(&release, "deployments: []\n");
        // Null deletes the default, which deploys nothing, too.
        let release = stored("dagster-user-deployments", &json!({"deployments": null}), &defaults);
        assert_eq!(release.user_deployments().get("deployments"), Some(&Value::Null));
    }

    #[test]
    fn values_of_the_system_are_those_of_its_subchart() {
        let config = json!({
            "dagster-user-deployments": {"enabled": true, "enableSubchart": true, "deployments": [{"name": "etl"}]},
            "dagsterWebserver": {"replicaCount": 2},
            "global": {"dagsterHome": "/home"},
        });
        let release = stored("dagster", &config, &json!({}));
        check_values(&release, "deployments:\n  - name: etl\nglobal:\n  dagsterHome: /home\n");
        check_values(&stored("dagster", &json!({}), &json!({})), "deployments: []\n");
    }

    #[test]
    fn manifest_tells_what_is_rendered() {
        let mut release = stored("dagster", &json!({}), &json!({}));
        release.manifest =
            "---\n# Source: a.yaml\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  t: |\n    kind: ConfigMap\n\
                            ---\n# empty\n---\nkind: Secret\nmetadata:\n  name: \"b\"\n"
                .to_owned();
        for (kind, name, expected) in
            [("ConfigMap", "a", true), ("Secret", "b", true), ("ConfigMap", "b", false), ("ConfigMap", "c", false)]
        {
            assert_eq!(release.renders(kind, name).unwrap(), expected, "{kind} {name}");
        }
        release.manifest = "kind: [".to_owned();
        assert!(matches!(release.renders("ConfigMap", "a"), Err(ReleaseError::Form { revision: 7, .. })));
    }

    #[test]
    fn estimate_grows_with_the_values_and_never_shrinks() {
        let config: Value = serde_json::from_value(json!({"a": "x".repeat(100)})).unwrap();
        let double: Value = serde_json::from_value(json!({"a": "x".repeat(300)})).unwrap();
        let release = Release { len: 1000, config: config.clone(), ..stored("dagster", &json!({}), &json!({})) };
        assert_eq!(release.len_with(&config), 1000);
        assert_eq!(release.len_with(&Value::default()), 1000);
        assert_eq!(release.len_with(&double), 1200);
    }

    #[test]
    fn err_other_forms_are_refused() {
        let packed = |text: &str| base64(gzip(text));
        for (text, reason) in [
            ("%", "no base64"),
            ("aGVsbG8=", "no gzip"),
            (&packed("hello"), "no release"),
            (&packed("{\"name\": \"r\"}"), "no release"),
        ] {
            let found = decode(text, Driver::ConfigMap).unwrap_err();
            assert!(found.starts_with(reason), "{text}: {found}");
        }
    }
}
