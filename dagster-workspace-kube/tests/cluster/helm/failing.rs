//! What helm refuses or fails at, with the real helm: a typed error each, with helm's words in it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use dagster_workspace_kube::helm::{Chart, ChartSource, HelmError, OnFailure, RollOutError, Schema, Status, Wait};
use serde_json::json;

use super::upgrading::copy_folder;
use super::{Site, document, patience, with_each_helm};
use crate::kubelet::{Fate, Kubelet, Pods};

impl Site {
    /// Rolls out, which must fail in helm.
    async fn helm_error(&self) -> HelmError {
        match self.roll_out(&patience()).await {
            Err(RollOutError::Helm { source, .. }) => source,
            other => panic!("{other:?}"),
        }
    }

    /// The same chart with another file in it.
    fn chart_with(&mut self, name: &str, text: &str) {
        let copy = self.file("chart");
        if !copy.exists() {
            copy_folder(&testing::code_chart(), &copy);
        }
        fs::write(copy.join(name), text).unwrap();
        self.upgrade.chart = Chart::path(copy);
    }
}

#[tokio::test]
async fn err_values_that_the_schema_refuses() {
    with_each_helm(async |mut site: Site| {
        site.chart_with(
            "values.schema.json",
            r#"{"properties": {"deployments": {"items": {"properties": {"port": {"type": "integer"}}}}}}"#,
        );
        site.upgrade.options.schema = Schema::Validate;
        site.commit_text(&document(&["a"]).replace("3030", "\"3030\"")).await;
        let error = site.helm_error().await;
        let HelmError::Schema { words } = &error else { panic!("{error:?}") };
        assert!(words.contains("port") && words.contains("string"), "{words}");
        assert!(site.release().await.is_none());
    })
    .await;
}

#[tokio::test]
async fn err_schema_that_cannot_be_fetched_is_explained_and_can_be_skipped() {
    let dead = fs::read_to_string(testing::dead_schema()).unwrap();
    // A server that answers, and has nothing.
    let empty = tempfile::tempdir().unwrap();
    let gone = format!("{}/v1.18.0/_definitions.json", serve_files(empty.path().to_owned()));
    let host = "https://schemas.invalid/v1.18.0/_definitions.json";
    assert!(dead.contains(host));
    for (text, url) in [(dead.clone(), host), (dead.replace(host, &gone), gone.as_str())] {
        with_each_helm(async |mut site: Site| {
            site.chart_with("values.schema.json", &text);
            site.upgrade.options.schema = Schema::Validate;
            site.commit(&["a"]).await;
            let error = site.helm_error().await;
            let HelmError::DeadSchema { url: found, words } = &error else { panic!("{error:?}") };
            // helm 3 does not say where it was answered 404.
            assert!(found.as_deref() == Some(url) || words.contains("404"), "{found:?} {words}");
            assert!(error.to_string().contains("skip the validation"), "{error}");
            site.upgrade.options.schema = Schema::Skip;
            assert_eq!(site.rolled_out().await.runs, 1);
        })
        .await;
    }
}

#[tokio::test]
async fn err_charts_that_cannot_be_used() {
    with_each_helm(async |mut site: Site| {
        site.commit(&["a"]).await;
        let folder = site.file("empty");
        fs::create_dir(&folder).unwrap();
        let repository = |url: &str| ChartSource::Repository { url: url.to_owned(), name: "code".to_owned() };
        let served = serve_files(folder.clone());
        let sources = [
            ChartSource::Path("/nowhere/chart".into()),
            ChartSource::Path(folder.clone()),
            ChartSource::Added("nowhere/code".to_owned()),
            repository("http://127.0.0.1:9"),
            repository(&served),
            ChartSource::Oci("oci://127.0.0.1:9/code".to_owned()),
        ];
        for source in sources {
            site.upgrade.chart = Chart { source: source.clone(), version: None };
            let error = site.helm_error().await;
            assert!(matches!(&error, HelmError::Chart { words } if !words.is_empty()), "{source:?}: {error:?}");
        }
        // A version that is not there.
        let index = "apiVersion: v1\nentries:\n  code:\n  - {name: code, version: 1.0.0, urls: [code-1.0.0.tgz]}\n";
        fs::write(folder.join("index.yaml"), index).unwrap();
        site.upgrade.chart = Chart { source: repository(&served), version: Some("2.0.0".to_owned()) };
        let error = site.helm_error().await;
        assert!(matches!(&error, HelmError::Chart { words } if words.contains("2.0.0")), "{error:?}");
        assert!(site.release().await.is_none());
    })
    .await;
}

#[tokio::test]
async fn err_template_that_fails_and_values_that_are_no_yaml() {
    with_each_helm(async |mut site: Site| {
        site.commit_text("a: [\n").await;
        let error = site.helm_error().await;
        assert!(matches!(&error, HelmError::Failed { exit: Some(1), words } if words.contains("yaml")), "{error:?}");
        site.commit(&["a"]).await;
        site.chart_with("templates/fails.yaml", "{{ fail \"not like this\" }}");
        let error = site.helm_error().await;
        assert!(matches!(&error, HelmError::Failed { words, .. } if words.contains("not like this")), "{error:?}");
        let text = error.to_string();
        assert!(text.starts_with("helm failed (exit code 1): ") && text.contains("fails.yaml"), "{text}");
    })
    .await;
}

#[tokio::test]
async fn err_name_that_somebody_else_has() {
    with_each_helm(async |site: Site| {
        let service =
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"port": 1}]}});
        site.post("/api/v1", "services", &service).await;
        site.commit(&["a"]).await;
        let error = site.helm_error().await;
        assert!(matches!(&error, HelmError::Taken { words } if words.contains("Service \"a\"")), "{error:?}");
    })
    .await;
}

#[tokio::test]
async fn err_field_that_somebody_else_has_set() {
    with_each_helm(async |site: Site| {
        site.commit(&["a"]).await;
        site.rolled_out().await;
        let image = json!([{"name": "dagster-user-deployments", "image": "ghcr.io/acme/a:mine"}]);
        let fields = json!({"spec": {"template": {"spec": {"containers": image}}}});
        site.patch("/apis/apps/v1", "deployments/code-dagster-user-deployments-a", &fields).await;
        site.commit_text(&document(&["a"]).replace("tag: \"1\"", "tag: \"2\"")).await;
        if site.major == 3 {
            // Overwritten without a word.
            assert_eq!(site.rolled_out().await.runs, 1);
            return;
        }
        let error = site.helm_error().await;
        assert!(matches!(&error, HelmError::FieldConflict { words } if words.contains("conflict")), "{error:?}");
    })
    .await;
}

#[tokio::test]
async fn err_pods_that_are_not_ready_in_time_and_the_revision_that_comes_back() {
    with_each_helm(async |mut site: Site| {
        let kubelet = Kubelet::start(&site.namespace);
        for never in ["b", "c"] {
            kubelet.decide(Pods::Label("deployment".to_owned(), never.to_owned()), Fate::NeverReady);
        }
        let usual = site.upgrade.options.clone();
        site.upgrade.options.wait = Wait::Ready;
        site.commit(&["a"]).await;
        site.rolled_out().await;

        site.upgrade.options.timeout = Duration::from_secs(5);
        site.commit(&["a", "b"]).await;
        let error = site.helm_error().await;
        assert!(matches!(error, HelmError::NotReady { .. }), "{error:?}");
        assert_eq!(site.release().await.unwrap().status, Status::Failed);
        assert_eq!(site.server_names().await, ["a", "b"]);

        site.upgrade.options.on_failure = OnFailure::RollBack;
        site.commit(&["a", "b", "c"]).await;
        let error = site.helm_error().await;
        assert!(matches!(&error, HelmError::NotReady { words } if words.contains("rolled back")), "{error:?}");
        assert_eq!(site.server_names().await, ["a"]);
        // What came back is not the newest.
        let release = site.release().await.unwrap();
        assert_eq!((release.status, release.hash), (Status::Deployed, None));
        site.upgrade.options = usual;
        assert_eq!(site.rolled_out().await.runs, 1);
        assert_eq!(site.server_names().await, ["a", "b", "c"]);
    })
    .await;
}

#[tokio::test]
async fn err_cluster_that_is_not_there() {
    with_each_helm(async |mut site: Site| {
        site.commit(&["a"]).await;
        let text = fs::read_to_string(&site.kubeconfig).unwrap();
        let server = text.split_once("server: \"").and_then(|(_, rest)| rest.split('"').next()).unwrap();
        let elsewhere = site.file("elsewhere");
        fs::write(&elsewhere, text.replace(server, "https://127.0.0.1:9")).unwrap();
        site.upgrade.target.kubeconfig = Some(elsewhere);
        let error = site.helm_error().await;
        assert!(matches!(error, HelmError::Unreachable { .. }), "{error:?}");
        site.upgrade.target.kubeconfig = Some(site.kubeconfig.clone());
        site.upgrade.target.context = Some("no-such-context".to_owned());
        let error = site.helm_error().await;
        assert!(error.words().is_some_and(|words| words.contains("no-such-context")), "{error:?}");
    })
    .await;
}

#[tokio::test]
async fn missing_permissions_are_told_and_helm_reads_what_we_may_not() {
    with_each_helm(async |mut site: Site| {
        let (job, kubeconfig) =
            site.account(&json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}])).await;
        site.commit(&["a"]).await;
        site.rolled_out().await;
        site.runs();
        // Ours may not list Secrets, helm's may.
        let outcome = site.helm().roll_out(&job, &site.upgrade, &patience(), || site.newest(), |_| ()).await;
        assert_eq!(outcome.unwrap().runs, 0);
        assert_eq!(site.runs(), ["history"]);

        // Nobody may.
        site.upgrade.target.kubeconfig = Some(kubeconfig.clone());
        let answer = site.helm().roll_out(&job, &site.upgrade, &patience(), || site.newest(), |_| ()).await;
        let error = answer.unwrap_err();
        assert!(matches!(error, RollOutError::Release { .. }), "{error:?}");
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.starts_with("not permitted to list secrets in namespace"), "{source}");
        // helm's may not.
        site.commit(&["a", "b"]).await;
        let error = site.helm_error().await;
        assert!(matches!(&error, HelmError::Forbidden { words } if words.contains("secrets")), "{error:?}");
    })
    .await;
}

/// A web server for the files of a folder, which runs as long as the test program. Gives its address.
pub(super) fn serve_files(folder: PathBuf) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).unwrap_or(0) == 0 {
                    break;
                }
                head.extend(byte);
            }
            let line = String::from_utf8(head).unwrap();
            let path = line.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
            let (status, body) = match fs::read(folder.join(path)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            // Whoever asked may have gone.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    address
}
