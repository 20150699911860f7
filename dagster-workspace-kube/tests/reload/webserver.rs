//! A webserver in a pod that answers as planned, and what it was asked.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex};

use dagster_workspace_kube::reload::{Activated, Expected, ExpectedLocation, Policy, Webserver, activate};
use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tower::{BoxError, service_fn};

/// What comes back for one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Status 200 with what an operation answers.
    Data(Value),
    /// Any status and body.
    Status(u16, String),
    /// The connection ends.
    Lost,
    /// Nothing, ever.
    Silence,
}

/// A webserver, and the operations that it and the API server were asked for: `Locations`, `ReloadWorkspace`,
/// `ReloadLocation`, and `touch` for the pod.
pub(crate) struct Planned {
    pub(crate) webserver: Webserver,
    log: Arc<Mutex<Vec<String>>>,
}

impl Planned {
    /// A webserver that answers each operation as `plan` says.
    pub(crate) fn new(plan: impl FnMut(&str) -> Reply + Send + 'static) -> Self {
        let log = Arc::<Mutex<Vec<String>>>::default();
        let (plan, noted) = (Arc::new(Mutex::new(plan)), Arc::clone(&log));
        let client =
            Client::new(service_fn(move |request| answer(Arc::clone(&plan), Arc::clone(&noted), request)), "default");
        Self { webserver: Webserver::in_pod(&client, "dagster", "web-0", 80, ""), log }
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// How often an operation was asked for.
    pub(crate) fn count(&self, operation: &str) -> usize {
        self.log().iter().filter(|asked| *asked == operation).count()
    }

    pub(crate) async fn activate(&self, expected: &Expected) -> Activated {
        self.activate_with(expected, &Policy::default()).await
    }

    pub(crate) async fn activate_with(&self, expected: &Expected, policy: &Policy) -> Activated {
        let activation = activate(std::slice::from_ref(&self.webserver), expected, policy).await;
        activation.webservers.into_iter().next().unwrap()
    }
}

async fn answer(
    plan: Arc<Mutex<impl FnMut(&str) -> Reply>>,
    log: Arc<Mutex<Vec<String>>>,
    request: Request<Body>,
) -> Result<Response<Body>, BoxError> {
    let (head, body) = request.into_parts();
    let body: Value = serde_json::from_slice(&body.collect_bytes().await?)?;
    let operation = match head.uri.path() {
        "/api/v1/namespaces/dagster/pods/web-0:80/proxy/graphql" => body["operationName"].as_str().unwrap().to_owned(),
        "/api/v1/namespaces/dagster/pods/web-0" if head.method == "PATCH" => "touch".to_owned(),
        other => panic!("{} {other}", head.method),
    };
    log.lock().unwrap().push(operation.clone());
    let reply = (*plan.lock().unwrap())(&operation);
    let (status, body) = match reply {
        Reply::Data(data) => (200, json!({ "data": data }).to_string()),
        Reply::Status(status, body) => (status, body),
        Reply::Lost => return Err(io::Error::from(io::ErrorKind::ConnectionReset).into()),
        Reply::Silence => return pending::<Result<_, Infallible>>().await.map_err(Into::into),
    };
    Ok(Response::builder().status(status).body(body.into_bytes().into())?)
}

/// What either operation on the workspace answers when these locations are served.
pub(crate) fn workspace(entries: &[Value]) -> Reply {
    let workspace = json!({"__typename": "Workspace", "locationEntries": entries});
    Reply::Data(json!({"workspaceOrError": workspace, "reloadWorkspace": workspace}))
}

/// What `ReloadLocation` answers.
pub(crate) fn location(mut entry: Value) -> Reply {
    entry["__typename"] = json!("WorkspaceLocationEntry");
    Reply::Data(json!({"reloadRepositoryLocation": entry}))
}

/// The pod as the API server answers a touch.
pub(crate) fn pod() -> Reply {
    Reply::Status(200, json!({"kind": "Pod"}).to_string())
}

/// A refusal of the API server.
pub(crate) fn status(code: u16, message: &str) -> Reply {
    let status = json!({
        "kind": "Status", "status": "Failure", "message": message, "code": code, "details": {"name": "web-0", "kind": "pods"},
    });
    Reply::Status(code, status.to_string())
}

/// What both reloads of a read-only webserver answer.
pub(crate) fn unauthorized() -> Reply {
    let refused = json!({"__typename": "UnauthorizedError", "message": "Authorization failed"});
    Reply::Data(json!({"reloadWorkspace": refused, "reloadRepositoryLocation": refused}))
}

/// What a reload of a bad file answers.
pub(crate) fn refused(message: &str) -> Reply {
    let error = json!({"__typename": "PythonError", "message": message, "className": "CheckError", "stack": [], "errorChain": []});
    Reply::Status(500, json!({"data": {"reloadWorkspace": error}}).to_string())
}

fn entry(name: &str, port: u16, load_status: &str, loaded: &Value) -> Value {
    let shown = json!([{"key": "host", "value": name}, {"key": "port", "value": port.to_string()}]);
    json!({"name": name, "loadStatus": load_status, "displayMetadata": shown, "locationOrLoadError": loaded})
}

/// A location on the server `name:port`.
pub(crate) fn loaded(name: &str, port: u16) -> Value {
    entry(name, port, "LOADED", &json!({"__typename": "RepositoryLocation"}))
}

pub(crate) fn loading(name: &str, port: u16) -> Value {
    entry(name, port, "LOADING", &Value::Null)
}

/// A location that fails, which Dagster calls `LOADED` as well.
pub(crate) fn failed(name: &str, port: u16, class_name: &str) -> Value {
    let cause = json!({"error": {"message": "NameError: x\n", "className": "NameError", "stack": ["at x\n"]}});
    let error = json!({
        "__typename": "PythonError", "message": "it failed\n", "className": class_name, "stack": [], "errorChain": [cause],
    });
    entry(name, port, "LOADED", &error)
}

/// Servers that should be there, each on the host of its name, and locations that should not.
pub(crate) fn expect(present: &[(&str, u16)], absent: &[&str]) -> Expected {
    Expected {
        present: present.iter().map(|(name, port)| ExpectedLocation::server(*name, *name, *port)).collect(),
        absent: absent.iter().map(|name| (*name).to_owned()).collect(),
        ..Expected::default()
    }
}
