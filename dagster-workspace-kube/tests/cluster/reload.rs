//! A changed workspace in real webservers behind the API server's pod proxy, and in a real daemon.

use std::net::TcpListener;
use std::time::{Duration, SystemTime};

use dagster_workspace_kube::reload::{
    Activation, DaemonRead, Expected, ExpectedLocation, Hastened, LocationState, NeedsRestart, Outcome, Policy,
    Projection, ReloadError, Webserver, activate, hasten, patient, reload_locations, wait_daemon,
};
use kube::Client;
use serde_json::json;
use testing::free_port;
use tokio::time::sleep;

use crate::dagster::{Dagster, Pod, Server, WEB};
use crate::namespace::Namespace;

const PREFIX: &str = "/team/dagster";
const PATIENCE: Duration = Duration::from_secs(60);

/// Definitions with one job.
const CODE: &str = "
import dagster

@dagster.job
def hello(): pass

defs = dagster.Definitions(jobs=[hello])
";

/// Three webservers in pods, the second under a path prefix; a fourth is read-only. Two code servers.
struct Setup {
    namespace: Namespace,
    dagster: Dagster,
    client: Client,
    servers: [Server; 4],
    pods: [Pod; 4],
    a: Server,
    b: Server,
}

impl Setup {
    async fn new() -> Option<Self> {
        let namespace = Namespace::new().await?;
        let dagster = Dagster::new()?;
        let (a, b) = tokio::join!(dagster.code_server(CODE, None), dagster.code_server(CODE, None));
        dagster.write_servers(&[("a", a.port)]);
        let (first, second, third, read_only) = tokio::join!(
            dagster.webserver(&[]),
            dagster.webserver(&["--path-prefix", PREFIX]),
            dagster.webserver(&[]),
            dagster.webserver(&["--read-only"]),
        );
        let servers = [first, second, third, read_only];
        let [first, second, third, read_only] = &servers;
        let pods = [
            Pod::new(&namespace, "web-0", first).await,
            Pod::new(&namespace, "web-1", second).await,
            Pod::new(&namespace, "web-2", third).await,
            Pod::new(&namespace, "web-read-only", read_only).await,
        ];
        let client = Client::try_from(patient(namespace.config.clone())).unwrap();
        Some(Self { namespace, dagster, client, servers, pods, a, b })
    }

    fn in_pod(&self, client: &Client, at: usize) -> Webserver {
        let prefix = if at == 1 { PREFIX } else { "" };
        Webserver::in_pod(client, &self.namespace.name, &self.pods[at].name, WEB, prefix)
    }

    /// Those that can be reloaded.
    fn three(&self) -> [Webserver; 3] {
        [0, 1, 2].map(|at| self.in_pod(&self.client, at))
    }

    fn read_only(&self) -> Webserver {
        self.in_pod(&self.client, 3)
    }

    /// The three as they serve a workspace file that arrives a while after the first question.
    async fn activate_written(&self, servers: &[(&str, u16)], expected: &Expected) -> Activation {
        let written = async {
            sleep(Duration::from_secs(1)).await;
            self.dagster.write_servers(servers);
        };
        let (webservers, policy) = (self.three(), Policy::default());
        tokio::join!(activate(&webservers, expected, &policy), written).0
    }
}

fn expect(present: &[(&str, u16)], absent: &[&str]) -> Expected {
    Expected {
        present: present.iter().map(|(name, port)| ExpectedLocation::server(*name, "127.0.0.1", *port)).collect(),
        absent: absent.iter().map(|name| (*name).to_owned()).collect(),
        ..Expected::default()
    }
}

fn names(activation: &Activation) -> Vec<&str> {
    activation.webservers.iter().map(|activated| activated.webserver.as_str()).collect()
}

// One test, as starting the servers is most of its time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webservers_serve_each_change_of_a_real_workspace() {
    let Some(mut setup) = Setup::new().await else { return };
    served_already(&setup).await;
    added(&setup).await;
    moved_and_removed(&setup).await;
    bad_file(&setup).await;
    restarted_code_server(&mut setup).await;
    code_that_fails(&setup).await;
    server_that_never_answers(&setup).await;
    missing_permissions(&setup).await;
    one_of_three_is_gone(&setup).await;
}

async fn served_already(setup: &Setup) {
    let mut all = setup.three().to_vec();
    all.push(setup.read_only());
    let activation = activate(&all, &expect(&[("a", setup.a.port)], &["b"]), &Policy::default()).await;
    assert!(activation.is_complete(), "{activation:#?}");
    for activated in &activation.webservers {
        assert_eq!((activated.queries, activated.reloads, &activated.hastened), (1, 0, &Hastened::No));
    }
}

async fn added(setup: &Setup) {
    let servers = [("a", setup.a.port), ("b", setup.b.port)];
    let expected = expect(&servers, &[]);
    let activation = setup.activate_written(&servers, &expected).await;
    assert!(activation.is_complete(), "{activation:#?}");
    assert_eq!(names(&activation), ["web-0", "web-1", "web-2"]);
    for (activated, pod) in activation.webservers.iter().zip(&setup.pods) {
        assert!((1..=8).contains(&activated.reloads), "{activated:#?}");
        let pod = pod.get(&setup.namespace).await;
        assert!(pod["metadata"]["annotations"]["dagster-workspace/touched-at"].is_string(), "{pod:#}");
    }

    // The same process at its URL.
    let url = Webserver::at(&format!("http://127.0.0.1:{}{PREFIX}/", setup.servers[1].port)).unwrap();
    assert!(activate(&[url], &expected, &Policy::default()).await.is_complete());
    // Without the prefix, Dagster answers something else.
    let url = Webserver::at(&format!("http://127.0.0.1:{}", setup.servers[1].port)).unwrap();
    let error = url.locations(PATIENCE).await.unwrap_err();
    assert!(matches!(error, ReloadError::NotDagster { .. } | ReloadError::Refused { .. }), "{error:?}");

    let activation = activate(&[setup.read_only()], &expected, &Policy::default()).await;
    let outcome = &activation.webservers[0].outcome;
    assert!(matches!(outcome, Outcome::NeedsRestart { why: NeedsRestart::ReadOnly, .. }), "{outcome:?}");
}

async fn moved_and_removed(setup: &Setup) {
    let servers = [("a", setup.b.port)];
    let activation = setup.activate_written(&servers, &expect(&servers, &["b"])).await;
    assert!(activation.is_complete(), "{activation:#?}");
    for webserver in setup.three() {
        let locations = webserver.locations(PATIENCE).await.unwrap();
        let served: Vec<_> = locations.iter().map(|location| (location.name.as_str(), location.port())).collect();
        assert_eq!(served, [("a", Some(setup.b.port))]);
    }
}

async fn bad_file(setup: &Setup) {
    let [webserver, ..] = setup.three();
    let before = webserver.locations(PATIENCE).await.unwrap();
    let twice = json!({"grpc_server": {"host": "127.0.0.1", "port": setup.a.port, "location_name": "d"}});
    for (text, words) in [
        ("load_from: [", "ParserError"),
        ("load_from:\n- grpc_server: {port: 1, location_name: 1.10}\n", "location_name"),
        (&json!({"load_from": [twice, twice]}).to_string(), "multiple locations with the same name"),
    ] {
        setup.dagster.write_workspace(text);
        let error = webserver.reload(PATIENCE).await.unwrap_err();
        let ReloadError::Rejected { errors, .. } = &error else { panic!("{error:?}") };
        assert!(errors[0].message.contains(words), "{errors:?}");
    }
    let twice_only = Policy { reloads: 2, ..Policy::default() };
    let activation = activate(&setup.three(), &expect(&[("new", 1)], &[]), &twice_only).await;
    for activated in &activation.webservers {
        assert!(matches!(activated.outcome, Outcome::Rejected { .. }), "{activated:?}");
    }
    // It goes on with what it had.
    assert_eq!(webserver.locations(PATIENCE).await.unwrap(), before);
}

async fn restarted_code_server(setup: &mut Setup) {
    let servers = [("a", setup.a.port)];
    assert!(setup.activate_written(&servers, &expect(&servers, &[])).await.is_complete());
    // The same port: a Service keeps its address when its pod is replaced.
    let port = setup.a.port;
    setup.a.stop();
    setup.a = setup.dagster.code_server(CODE, Some(port)).await;
    let activation = reload_locations(&setup.three(), &["a"], &Policy::default()).await;
    assert!(activation.is_complete(), "{activation:#?}");
    let location = setup.three()[0].reload_location("a", PATIENCE).await.unwrap();
    assert_eq!((location.port(), location.state), (Some(port), LocationState::Loaded));
    let error = setup.three()[0].reload_location("nobody", PATIENCE).await.unwrap_err();
    assert!(matches!(error, ReloadError::UnknownLocation { .. }), "{error:?}");
    let error = setup.read_only().reload_location("a", PATIENCE).await.unwrap_err();
    assert!(matches!(error, ReloadError::ReadOnly { .. }), "{error:?}");
}

async fn code_that_fails(setup: &Setup) {
    let broken = setup.dagster.code_server("raise Exception('not today')", None).await;
    let nobody = free_port();
    let servers = [("a", setup.a.port), ("broken", broken.port), ("down", nobody)];
    let activation = setup.activate_written(&servers, &expect(&servers[..2], &[])).await;
    for activated in &activation.webservers {
        assert!(matches!(activated.outcome, Outcome::Failing { .. }), "{activated:#?}");
    }
    let failed = activation.failed();
    let [location] = failed.as_slice() else { panic!("{failed:#?}") };
    let LocationState::Failed { errors } = &location.state else { panic!("{location:?}") };
    assert_eq!(location.name, "broken");
    assert!(errors.iter().any(|error| error.message.contains("not today")), "{errors:#?}");

    // A server that comes up while it is waited for.
    let (webservers, expected) = (setup.three(), expect(&[("down", nobody)], &[]));
    let patient = Policy { coming_up: PATIENCE, ..Policy::default() };
    let (activation, _server) =
        tokio::join!(activate(&webservers, &expected, &patient), setup.dagster.code_server(CODE, Some(nobody)),);
    assert!(activation.is_complete(), "{activation:#?}");
}

async fn server_that_never_answers(setup: &Setup) {
    let hangs = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let servers = [("hangs", hangs.local_addr().unwrap().port()), ("b", setup.b.port)];
    setup.dagster.write_servers(&servers);
    let webservers = setup.three();
    // It is not waited for as long as Dagster waits.
    let error = webservers[0].reload(Duration::from_millis(500)).await.unwrap_err();
    assert!(matches!(error, ReloadError::Silent { .. }), "{error:?}");
    // Whoever expects only the other one waits for it, as locations are loaded one after the other, and gets it.
    let activation = activate(&webservers, &expect(&servers[1..], &["broken", "down"]), &Policy::default()).await;
    assert!(activation.is_complete(), "{activation:#?}");
}

async fn missing_permissions(setup: &Setup) {
    let proxy = json!({"apiGroups": [""], "resources": ["pods/proxy"], "verbs": ["create"]});
    let client = setup.namespace.account("job", &json!([proxy])).await;
    let servers = [("b", setup.b.port)];
    setup.dagster.write_servers(&servers);
    let activation = activate(&[setup.in_pod(&client, 0)], &expect(&servers, &["hangs"]), &Policy::default()).await;
    assert!(activation.is_complete(), "{activation:#?}");
    let Hastened::Failed { error } = &activation.webservers[0].hastened else { panic!("{activation:#?}") };
    assert!(error.to_string().contains("may not patch pods in namespace"), "{error}");

    let other = Namespace::new().await.unwrap();
    let stranger = other.account("job", &json!([])).await;
    let error = setup.in_pod(&stranger, 0).locations(PATIENCE).await.unwrap_err();
    assert!(matches!(error, ReloadError::Forbidden { verb: "create", resource: "pods/proxy", .. }), "{error:?}");

    // A certificate that nobody vouches for: no question is sent.
    let url = Webserver::at(&setup.namespace.config.cluster_url.to_string()).unwrap();
    let error = url.locations(PATIENCE).await.unwrap_err();
    assert!(matches!(&error, ReloadError::Unreachable { reason, .. } if reason.contains("certificate")), "{error:?}");
}

async fn one_of_three_is_gone(setup: &Setup) {
    // Its process does not listen any more, as far as anybody can tell.
    setup.pods[2].address.cut(WEB);
    let servers = [("a", setup.a.port), ("b", setup.b.port)];
    let expected = expect(&servers, &[]);
    let activation = setup.activate_written(&servers, &expected).await;
    let [first, second, third] = activation.webservers.as_slice() else { panic!("{activation:#?}") };
    for activated in [first, second] {
        assert!(matches!(activated.outcome, Outcome::Serving { .. }), "{activated:#?}");
    }
    assert!(matches!(third.outcome, Outcome::Lost { error: ReloadError::Unreachable { .. } }), "{third:#?}");

    setup.pods[2].delete(&setup.namespace).await;
    let activation = activate(&setup.three(), &expected, &Policy::default()).await;
    let [first, second, third] = activation.webservers.as_slice() else { panic!("{activation:#?}") };
    assert_eq!((first.queries, second.queries, third.queries), (1, 1, 1));
    assert!(matches!(third.outcome, Outcome::Lost { error: ReloadError::Gone { .. } }), "{third:#?}");
    let error = hasten(&setup.client, &setup.namespace.name, &setup.pods[2].name).await.unwrap_err();
    assert!(matches!(error, ReloadError::Gone { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn daemon_reads_a_changed_file_by_itself() {
    let Some(dagster) = Dagster::new() else { return };
    let daemon = dagster.daemon().await;
    // Who connects here has read the file.
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    dagster.write_servers(&[("new", listener.local_addr().unwrap().port())]);
    let read = DaemonRead::after(SystemTime::now(), Projection::Hastened).unwrap();
    // Twice as long as promised, so that a busy machine fails no test.
    let waiting = async {
        wait_daemon(&read, SystemTime::now).await;
        sleep(read.by.duration_since(read.written).unwrap()).await;
    };
    let connected = tokio::select! {
        connected = listener.accept() => connected.is_ok(),
        () = waiting => false,
    };
    assert!(connected, "{}", daemon.said());
}
