//! An API server that knows one Deployment and says of it what a test wants, so that kubectl and we can be asked about the very
//! same object, and watches end as planned.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use dagster_workspace_kube::cluster;
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A running stub. Ends when it is dropped.
pub(super) struct Stub {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    task: JoinHandle<()>,
}

/// How one watch goes.
pub(super) struct Watch {
    /// The lines of the answer.
    pub(super) events: Vec<Value>,
    pub(super) end: End,
    /// What the Deployment is afterwards; `None`: what it was.
    pub(super) then: Option<Value>,
}

#[derive(Clone, Copy)]
pub(super) enum End {
    /// In good order.
    Close,
    /// In the middle of a line.
    Cut,
    /// Not at all.
    Silence,
}

struct Shared {
    deployment: Value,
    watches: VecDeque<Watch>,
    /// Paths with queries.
    requests: Vec<String>,
}

impl Stub {
    /// Watches beyond `watches` bring the Deployment as it is, and end.
    pub(super) async fn start(deployment: Value, watches: Vec<Watch>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared { deployment, watches: watches.into(), requests: Vec::new() };
        let shared = Arc::new(Mutex::new(shared));
        let for_task = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&for_task)));
            }
        });
        Self { address, shared, task }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn client(&self) -> Client {
        Client::try_from(cluster::bounded(Config::new(self.url().parse().unwrap()))).unwrap()
    }

    pub(super) fn set(&self, deployment: Value) {
        self.shared.lock().unwrap().deployment = deployment;
    }

    /// How many requests of each kind came in: LISTs, and watches.
    pub(super) fn lists_and_watches(&self) -> (usize, usize) {
        let shared = self.shared.lock().unwrap();
        let watches = shared.requests.iter().filter(|path| path.contains("watch=true")).count();
        let all = shared.requests.iter().filter(|path| path.contains("/deployments?")).count();
        (all - watches, watches)
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request; the connection ends with its answer.
async fn answer(stream: TcpStream, shared: Arc<Mutex<Shared>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut first = String::new();
    stream.read_line(&mut first).await.ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let mut line = String::new();
    while stream.read_line(&mut line).await.ok()? > 2 {
        line.clear();
    }
    let (text, end) = {
        let mut shared = shared.lock().unwrap();
        shared.requests.push(path.clone());
        if path.contains("watch=true") {
            watch(&mut shared, &path)
        } else {
            (body(&shared.deployment, &path), End::Close)
        }
    };
    // Chunked, so that an answer that was cut off is known for one.
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    stream.write_all(format!("{head}{:x}\r\n{text}\r\n", text.len()).as_bytes()).await.ok()?;
    match end {
        End::Close => stream.write_all(b"0\r\n\r\n").await.ok()?,
        End::Cut => stream.write_all(b"ff\r\n{\"type\":\"MODI").await.ok()?,
        End::Silence => std::future::pending().await,
    }
    stream.shutdown().await.ok()
}

fn watch(shared: &mut Shared, path: &str) -> (String, End) {
    if let Some(Watch { events, end, then }) = shared.watches.pop_front() {
        if let Some(then) = then {
            shared.deployment = then;
        }
        return (events.iter().map(|event| format!("{event}\n")).collect(), end);
    }
    let mut text = format!("{}\n", json!({"type": "ADDED", "object": shared.deployment}));
    if path.contains("sendInitialEvents=true") {
        // How a server says that what was there already has been told.
        let end = json!({"resourceVersion": "1", "annotations": {"k8s.io/initial-events-end": "true"}});
        let object = json!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": end});
        text += &format!("{}\n", json!({"type": "BOOKMARK", "object": object}));
    }
    (text, End::Close)
}

fn body(deployment: &Value, path: &str) -> String {
    let version = json!({"groupVersion": "apps/v1", "version": "v1"});
    let apps = json!({"name": "apps", "versions": [version], "preferredVersion": version});
    let verbs = ["get", "list", "watch"];
    let resource = json!({
        "name": "deployments", "singularName": "deployment", "namespaced": true, "kind": "Deployment", "verbs": verbs,
    });
    let body = match path.split('?').next().unwrap() {
        "/api" => json!({"kind": "APIVersions", "versions": ["v1"]}),
        "/apis" => json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [apps]}),
        "/api/v1" => json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": []}),
        "/apis/apps/v1" => json!({"kind": "APIResourceList", "groupVersion": "apps/v1", "resources": [resource]}),
        path if path.ends_with("/deployments") => {
            let items: Vec<&Value> = Some(deployment).filter(|deployment| deployment.is_object()).into_iter().collect();
            json!({
                "kind": "DeploymentList", "apiVersion": "apps/v1", "metadata": {"resourceVersion": "1"}, "items": items,
            })
        }
        path if path.ends_with("/pods") => {
            json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []})
        }
        _ => deployment.clone(),
    };
    body.to_string()
}
