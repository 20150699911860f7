//! Webservers that keep Dagster's contract as far as activation goes, without Python: each holds a workspace of its own, reads the
//! ConfigMap when it starts and when it is told to reload, and shows its locations. Start with [`Webservers::start`].

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use dagster_workspace_core::workspace::{Source, Workspace};
use dagster_workspace_core::yaml::Document;
use kube::Client;
use kube::api::GetParams;
use kube::core::Request;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::namespace::Namespace;

/// All webservers of a namespace.
#[derive(Clone)]
pub(crate) struct Webservers {
    shared: Arc<Shared>,
    mode: Mode,
}

/// Whether a webserver takes mutations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Normal,
    ReadOnly,
}

struct Shared {
    client: Client,
    path: String,
    config_map: String,
    /// Locations whose code does not load.
    broken: Mutex<BTreeSet<String>>,
    queries: AtomicU32,
    reloads: AtomicU32,
}

impl Webservers {
    /// For the workspace in this ConfigMap.
    pub(crate) fn new(namespace: &Namespace, config_map: &str) -> Self {
        let path = format!("/api/v1/namespaces/{}/configmaps", namespace.name);
        let shared = Shared {
            client: Client::try_from(namespace.config.clone()).unwrap(),
            path,
            config_map: config_map.to_owned(),
            broken: Mutex::default(),
            queries: AtomicU32::new(0),
            reloads: AtomicU32::new(0),
        };
        Self { shared: Arc::new(shared), mode: Mode::Normal }
    }

    /// The same, started with `--read-only`.
    pub(crate) fn read_only(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), mode: Mode::ReadOnly }
    }

    /// One more process, which has read the workspace as it is now. Gives its port on 127.0.0.1; it runs as long as the runtime.
    pub(crate) async fn start(&self) -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (shared, mode) = (Arc::clone(&self.shared), self.mode);
        let served = Arc::new(Mutex::new(shared.read().await));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, served) = (Arc::clone(&shared), Arc::clone(&served));
                // A connection that breaks is the peer's affair.
                tokio::spawn(async move { drop(shared.serve(stream, &served, mode).await) });
            }
        });
        port
    }

    /// From now on the code of this location does not load.
    pub(crate) fn break_code(&self, location: &str) {
        self.shared.broken.lock().unwrap().insert(location.to_owned());
    }

    /// Questions and reloads since the last time.
    pub(crate) fn asked(&self) -> (u32, u32) {
        (self.shared.queries.swap(0, Ordering::Relaxed), self.shared.reloads.swap(0, Ordering::Relaxed))
    }
}

impl Shared {
    async fn read(&self) -> Vec<Value> {
        let request = Request::new(&self.path).get(&self.config_map, &GetParams::default()).unwrap();
        let Ok(object) = self.client.request::<Value>(request).await else { return Vec::new() };
        let text = object["data"]["workspace.yaml"].as_str().unwrap_or("load_from: []").to_owned();
        let document = Document::parse(text).unwrap();
        let shown = |location: dagster_workspace_core::workspace::CodeLocation<'_, '_>| {
            let host = location.host().and_then(Source::literal).unwrap_or_default().into_owned();
            let port = location.port().and_then(Source::literal).unwrap_or_default();
            json!({"name": location.name(), "host": host, "port": port.to_string()})
        };
        Workspace::of(&document).locations().map(shown).collect()
    }

    async fn serve(&self, stream: TcpStream, served: &Mutex<Vec<Value>>, mode: Mode) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        loop {
            let Some(body) = request(&mut stream).await? else { return Ok(()) };
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            match body["operationName"].as_str() {
                Some("ReloadWorkspace") if mode == Mode::ReadOnly => {
                    let refused = json!({"__typename": "UnauthorizedError", "message": "Authorization failed"});
                    answer(&mut stream, &json!({"data": {"reloadWorkspace": refused}})).await?;
                    continue;
                }
                Some("ReloadWorkspace") => {
                    self.reloads.fetch_add(1, Ordering::Relaxed);
                    let read = self.read().await;
                    *served.lock().unwrap() = read;
                }
                Some("ReloadLocation") => drop(self.reloads.fetch_add(1, Ordering::Relaxed)),
                _ => drop(self.queries.fetch_add(1, Ordering::Relaxed)),
            }
            let entries: Vec<Value> = served.lock().unwrap().iter().map(|location| self.entry(location)).collect();
            let workspace = json!({"__typename": "Workspace", "locationEntries": entries});
            let name = body["variables"].as_object().and_then(|variables| variables.values().next()).cloned();
            let mut one =
                entries.iter().find(|entry| Some(&entry["name"]) == name.as_ref()).cloned().unwrap_or_default();
            one["__typename"] =
                json!(if one.is_null() { "RepositoryLocationNotFound" } else { "WorkspaceLocationEntry" });
            let data = json!({"data": {
                "workspaceOrError": workspace, "reloadWorkspace": workspace, "reloadRepositoryLocation": one,
            }});
            answer(&mut stream, &data).await?;
        }
    }

    fn entry(&self, location: &Value) -> Value {
        let broken = self.broken.lock().unwrap().contains(location["name"].as_str().unwrap_or_default());
        let loaded = if broken {
            let stack = ["  File \"defs.py\", line 3\n"];
            json!({"__typename": "PythonError", "message": "ModuleNotFoundError: No module named 'pandas'\n",
                "className": "ModuleNotFoundError", "stack": stack, "errorChain": []})
        } else {
            json!({"__typename": "RepositoryLocation"})
        };
        let shown = json!([{"key": "host", "value": location["host"]}, {"key": "port", "value": location["port"]}]);
        json!({"name": location["name"], "loadStatus": "LOADED", "displayMetadata": shown, "locationOrLoadError": loaded})
    }
}

async fn answer(stream: &mut BufReader<TcpStream>, data: &Value) -> std::io::Result<()> {
    let data = data.to_string();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", data.len());
    stream.write_all(format!("{head}{data}").as_bytes()).await?;
    stream.flush().await
}

/// The body of the next request; `None` where there is none.
async fn request(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<Vec<u8>>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(body))
}
