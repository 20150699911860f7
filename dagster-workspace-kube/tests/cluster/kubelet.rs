//! What a scheduler and a kubelet would do to the pods of a namespace: bind them, say that they run and are ready, and take
//! them away when they end. No program runs. Start with [`Kubelet::start`]; [`Fate`] is what may befall pods instead.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::core::Request;
use kube::{Client, Config};
use serde_json::{Value, json};
use testing::{ControlPlane, PodAddress};
use tokio::sync::Notify;

use crate::namespace::Namespace;
use crate::standin::Webservers;

/// What becomes of a pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fate {
    /// Ready so long after it was bound; running, but not ready, until then.
    Ready(Duration),
    /// Running, and its readiness probe fails.
    NeverReady,
    /// Its image cannot be pulled: waiting with this reason (`ImagePullBackOff`, `ErrImagePull`, ..) and message.
    Waiting(&'static str, &'static str),
    /// Its container ends again and again, with this exit code and these last words.
    Crashing(i32, &'static str),
    /// No node takes it, for this reason.
    Unschedulable(&'static str),
}

/// Which pods share a fate: those of which a container has this image, or those with this label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pods {
    Image(String),
    Label(String, String),
}

/// Runs on a thread and with connections of its own, so that a test may block. Ends when dropped.
pub(crate) struct Kubelet {
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<()>>,
}

struct Shared {
    namespace: String,
    /// The last that fits counts. A std mutex: never held across an await.
    fates: Mutex<Vec<(Pods, Fate)>>,
    otherwise: Mutex<Fate>,
    /// What runs in these pods: webservers on this machine.
    webservers: Mutex<Vec<(Pods, Webservers)>>,
    /// Where these processes are, and their ports here, by the uid of their pod.
    addresses: Mutex<HashMap<String, (PodAddress, u16)>>,
    changed: Notify,
    stop: Notify,
}

impl Kubelet {
    /// For the pods of this namespace, all of which become ready at once as long as nothing else is said.
    pub(crate) fn start(namespace: &Namespace) -> Self {
        let shared = Arc::new(Shared {
            namespace: namespace.name.clone(),
            fates: Mutex::default(),
            otherwise: Mutex::new(Fate::Ready(Duration::ZERO)),
            webservers: Mutex::default(),
            addresses: Mutex::default(),
            changed: Notify::new(),
            stop: Notify::new(),
        });
        let (config, for_thread) = (namespace.config.clone(), Arc::clone(&shared));
        let thread = thread::spawn(move || run(config, &for_thread));
        Self { shared, thread: Some(thread) }
    }

    /// What becomes of these pods from now on, those included that are there already.
    pub(crate) fn decide(&self, pods: Pods, fate: Fate) {
        self.shared.fates.lock().unwrap().push((pods, fate));
        self.shared.changed.notify_one();
    }

    /// What runs in these pods, one process in each, at port 80.
    pub(crate) fn run_webservers(&self, pods: Pods, webservers: &Webservers) {
        self.shared.webservers.lock().unwrap().push((pods, webservers.clone()));
    }

    /// From now on nobody reaches what runs in this pod, however ready it is.
    pub(crate) fn cut_off(&self, uid: &str) {
        self.shared.addresses.lock().unwrap()[uid].0.cut(80);
    }

    /// It can be reached again.
    pub(crate) fn reconnect(&self, uid: &str) {
        let (address, port) = &self.shared.addresses.lock().unwrap()[uid];
        address.route(80, *port);
    }

    /// What becomes of all other pods from now on.
    pub(crate) fn decide_otherwise(&self, fate: Fate) {
        *self.shared.otherwise.lock().unwrap() = fate;
        self.shared.changed.notify_one();
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.shared.stop.notify_one();
        let ended = self.thread.take().map(thread::JoinHandle::join);
        assert!(thread::panicking() || !matches!(ended, Some(Err(_))), "the kubelet panicked");
    }
}

impl Pods {
    fn include(&self, pod: &Value) -> bool {
        match self {
            Self::Image(image) => containers(pod).iter().any(|container| container["image"] == image.as_str()),
            Self::Label(name, value) => pod["metadata"]["labels"][name] == value.as_str(),
        }
    }
}

impl Shared {
    fn fate(&self, pod: &Value) -> Fate {
        let fates = self.fates.lock().unwrap();
        let decided = fates.iter().rev().find(|(pods, _)| pods.include(pod));
        decided.map_or_else(|| self.otherwise.lock().unwrap().clone(), |(_, fate)| fate.clone())
    }
}

fn run(config: Config, shared: &Arc<Shared>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, shared_too) = (Client::try_from(config).unwrap(), Arc::clone(shared));
        let node = Node { client, shared: shared_too, met: HashMap::new() };
        tokio::select! {
            () = node.run() => {}
            () = shared.stop.notified() => {}
        }
    });
}

/// The one node of a namespace.
struct Node {
    client: Client,
    shared: Arc<Shared>,
    /// What each pod, by uid, has met already.
    met: HashMap<String, Fate>,
}

impl Node {
    async fn run(mut self) {
        loop {
            let request = Request::new(self.pods()).list(&ListParams::default()).unwrap();
            let Ok(list) = self.client.request::<Value>(request).await else {
                // The server is busy, or ends together with the test.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            for pod in list["items"].as_array().unwrap() {
                self.meet(pod).await;
            }
            self.watch(list["metadata"]["resourceVersion"].as_str().unwrap()).await;
        }
    }

    /// Until the watch ends, which it may at any time, or a fate is decided anew.
    async fn watch(&mut self, version: &str) {
        let request = Request::new(self.pods()).watch(&WatchParams::default(), version).unwrap();
        let Ok(events) = self.client.request_events::<Value>(request).await else { return };
        let mut events = pin!(events);
        let shared = Arc::clone(&self.shared);
        loop {
            let event = tokio::select! {
                event = events.try_next() => event,
                () = shared.changed.notified() => return,
            };
            match event {
                Ok(Some(WatchEvent::Added(pod) | WatchEvent::Modified(pod))) => self.meet(&pod).await,
                Ok(Some(WatchEvent::Deleted(_) | WatchEvent::Bookmark(_))) => {}
                Ok(Some(WatchEvent::Error(_)) | None) | Err(_) => return,
            }
        }
    }

    /// Brings one pod a step further.
    async fn meet(&mut self, pod: &Value) {
        let metadata = &pod["metadata"];
        let (name, uid) = (metadata["name"].as_str().unwrap(), metadata["uid"].as_str().unwrap());
        let request = Request::new(self.pods());
        if metadata["deletionTimestamp"].is_string() {
            let now = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
            return send(&self.client, request.delete(name, &now).unwrap()).await;
        }
        let fate = self.shared.fate(pod);
        let bound = pod["spec"]["nodeName"].is_string();
        if !bound && !matches!(fate, Fate::Unschedulable(_)) {
            let binding = json!({
                "apiVersion": "v1", "kind": "Binding", "metadata": {"name": name},
                "target": {"apiVersion": "v1", "kind": "Node", "name": "node"},
            });
            let binding = binding.to_string().into_bytes();
            return send(
                &self.client,
                request.create_subresource("binding", name, &PostParams::default(), binding).unwrap(),
            )
            .await;
        }
        if self.met.get(uid) == Some(&fate) {
            return;
        }
        self.met.insert(uid.to_owned(), fate.clone());
        let (client, path, name) = (self.client.clone(), self.pods(), name.to_owned());
        let ip = match self.run_in(pod, uid).await {
            Some(ip) => ip,
            None => pod["status"]["podIP"].as_str().map_or_else(address, str::to_owned),
        };
        let pod = pod.clone();
        // A pod that takes its time holds up no other.
        tokio::spawn(async move {
            if let Fate::Ready(delay) = fate
                && !delay.is_zero()
            {
                patch(&client, &path, &name, &status(&pod, &Fate::NeverReady, &ip)).await;
                tokio::time::sleep(delay).await;
            }
            patch(&client, &path, &name, &status(&pod, &fate, &ip)).await;
        });
    }

    /// Starts what runs in a pod, and gives the pod's address; `None` where nothing does.
    async fn run_in(&mut self, pod: &Value, uid: &str) -> Option<String> {
        let webservers = self.shared.webservers.lock().unwrap().clone();
        let (_, webservers) = webservers.into_iter().find(|(pods, _)| pods.include(pod))?;
        let known = self.shared.addresses.lock().unwrap().get(uid).map(|(address, _)| address.ip());
        let ip = match known {
            Some(ip) => ip,
            None => {
                let (address, port) = (ControlPlane::shared()?.pod_address(), webservers.start().await);
                address.route(80, port);
                let ip = address.ip();
                self.shared.addresses.lock().unwrap().insert(uid.to_owned(), (address, port));
                ip
            }
        };
        Some(ip.to_string())
    }

    fn pods(&self) -> String {
        format!("/api/v1/namespaces/{}/pods", self.shared.namespace)
    }
}

/// The status of a pod as a kubelet, or a scheduler, writes it.
fn status(pod: &Value, fate: &Fate, ip: &str) -> Value {
    let now = "2026-01-02T03:04:05Z";
    let condition = |kind: &str, truth: &str, reason: &str, message: &str| json!({"type": kind, "status": truth, "reason": reason, "message": message, "lastTransitionTime": now});
    if let Fate::Unschedulable(message) = fate {
        let condition = condition("PodScheduled", "False", "Unschedulable", message);
        return json!({"status": {"phase": "Pending", "conditions": [condition]}});
    }
    let running = json!({"running": {"startedAt": now}});
    let (phase, ready, started, state, last, restarts) = match fate {
        Fate::Ready(_) => ("Running", true, true, running, json!({}), 0),
        Fate::Waiting(reason, message) => {
            ("Pending", false, false, json!({"waiting": {"reason": reason, "message": message}}), json!({}), 0)
        }
        Fate::Crashing(code, message) => {
            let waiting =
                json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}});
            let ended = json!({"terminated": {"exitCode": code, "reason": "Error", "message": message}});
            ("Running", false, false, waiting, ended, 3)
        }
        Fate::NeverReady | Fate::Unschedulable(_) => ("Running", false, true, running, json!({}), 0),
    };
    let truth = if ready { "True" } else { "False" };
    let reason = if ready { "" } else { "ContainersNotReady" };
    let names: Vec<&str> = containers(pod).iter().filter_map(|container| container["name"].as_str()).collect();
    let unready = if ready { String::new() } else { format!("containers with unready status: [{}]", names.join(" ")) };
    let containers: Vec<Value> = containers(pod)
        .iter()
        .map(|container| {
            json!({
                "name": container["name"], "image": container["image"], "imageID": "", "ready": ready,
                "started": started, "restartCount": restarts, "state": state, "lastState": last,
            })
        })
        .collect();
    json!({"status": {
        "phase": phase, "podIP": ip, "podIPs": [{"ip": ip}], "hostIP": "127.0.0.1", "startTime": now,
        "conditions": [
            condition("PodScheduled", "True", "", ""),
            condition("Initialized", "True", "", ""),
            condition("ContainersReady", truth, reason, &unready),
            condition("Ready", truth, reason, &unready),
        ],
        "containerStatuses": containers,
    }})
}

fn containers(pod: &Value) -> &[Value] {
    pod["spec"]["containers"].as_array().map_or(&[], Vec::as_slice)
}

/// An address that no other pod of this process has. The API server's proxy refuses loopback addresses.
fn address() -> String {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let number = GIVEN.fetch_add(1, Ordering::Relaxed);
    format!("10.244.{}.{}", number / 250 % 250, number % 250 + 2)
}

async fn patch(client: &Client, path: &str, name: &str, status: &Value) {
    let request = Request::new(path).patch_subresource("status", name, &PatchParams::default(), &Patch::Merge(status));
    send(client, request.unwrap()).await;
}

/// What fails was overtaken by what happened meanwhile, such as the end of the pod, and the watch tells; or the server ends
/// together with the test.
async fn send(client: &Client, request: http::Request<Vec<u8>>) {
    if let Err(kube::Error::Api(status)) = client.request::<Value>(request).await {
        let overtaken = status.is_not_found() || status.is_conflict() || status.code >= 429;
        assert!(overtaken, "the kubelet was refused: {status:?}");
    }
}
