//! Answers that are lost, late or not the server's own, between a real server and the apply loop.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use dagster_workspace_kube::apply::{Absent, ApplyError, Outcome, Written, apply_with};
use dagster_workspace_kube::cluster;
use dagster_workspace_kube::retry::RetryPolicy;
use dagster_workspace_kube::store::{ConfigMaps, Key, Store, StoreError};
use kube::{Client, Config};
use testing::free_port;

use crate::namespace::{Namespace, VALUES, config_map, values};
use crate::relay::{Fault, Relay};

/// As the server's limit of requests in flight answers.
const TOO_MANY: &str = "HTTP/1.1 429 Too Many Requests\r\ncontent-type: text/plain\r\nretry-after: 1\r\n\r\n\
                        Too many requests, please try again.";
const INTERNAL: &str = "HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain\r\n\r\netcd";
const UNAVAILABLE: &str = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n\r\n";
const TIMEOUT: &str = "HTTP/1.1 504 Gateway Timeout\r\ncontent-type: application/json\r\n\r\n\
    {\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"Timeout: request did not complete\",\"code\":504}";
const PORTAL: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>";

#[tokio::test]
async fn lost_answers_are_settled_by_reading() {
    let lost = [Fault::LoseAnswer, Fault::Replace(INTERNAL), Fault::Replace(TIMEOUT), Fault::Replace(PORTAL)];
    for fault in lost {
        let Some(found) = add_through([("PUT", fault)]).await else { return };
        assert_eq!(found.outcome.unwrap().written, Written::Confirmed, "{fault:?}");
        assert_eq!((found.text.as_str(), found.requests), ("- a\n- b\n", 3), "{fault:?}");
    }
}

#[tokio::test]
async fn lost_answer_to_a_new_object_is_settled_by_reading() {
    let Some(namespace) = Namespace::new().await else { return };
    let relay = Relay::start(&namespace.client, [("POST", Fault::LoseAnswer)]).await;
    let store = ConfigMaps::new(Client::try_from(relay.config()).unwrap(), &namespace.name);
    let create = Absent::Create("- a\n");
    let outcome = apply_with(&store, &values(), create, &RetryPolicy::default(), adding).await.unwrap();
    assert_eq!((outcome.written, outcome.text.as_str()), (Written::Confirmed, "- a\n- b\n"));
    assert_eq!(relay.requests(), 3);
}

#[tokio::test]
async fn lost_requests_are_sent_again() {
    let lost = [Fault::LoseRequest, Fault::Answer(INTERNAL), Fault::Answer(TIMEOUT)];
    for fault in lost {
        let Some(found) = add_through([("PUT", fault), ("PUT", fault)]).await else { return };
        assert_eq!(found.outcome.unwrap().written, Written::Confirmed, "{fault:?}");
        assert_eq!((found.text.as_str(), found.requests), ("- a\n- b\n", 6), "{fault:?}");
    }
}

#[tokio::test]
async fn lost_reads_are_read_again() {
    let lost = [Fault::LoseRequest, Fault::LoseAnswer, Fault::Answer(INTERNAL), Fault::Answer(TIMEOUT)];
    for fault in lost {
        let Some(found) = add_through([("GET", fault), ("GET", fault)]).await else { return };
        assert_eq!(found.outcome.unwrap().written, Written::Confirmed, "{fault:?}");
        assert_eq!((found.text.as_str(), found.requests), ("- a\n- b\n", 4), "{fault:?}");
    }
}

#[tokio::test]
async fn server_that_names_a_pause_gets_it() {
    for (method, fault) in [("GET", TOO_MANY), ("PUT", TOO_MANY), ("GET", UNAVAILABLE), ("PUT", UNAVAILABLE)] {
        let Some(found) = add_through([(method, Fault::Answer(fault))]).await else { return };
        assert_eq!(found.outcome.unwrap().written, Written::Confirmed, "{method} {fault}");
        assert_eq!(found.text, "- a\n- b\n");
        assert!(found.elapsed >= Duration::from_secs(1), "{method} {fault}: {:?}", found.elapsed);
    }
}

#[tokio::test]
async fn server_that_says_nothing_is_not_waited_for() {
    for method in ["GET", "PUT"] {
        let Some(found) = add_through([(method, Fault::Stall)]).await else { return };
        assert_eq!(found.outcome.unwrap().written, Written::Confirmed, "{method}");
        assert_eq!((found.text.as_str(), found.requests), ("- a\n- b\n", 3), "{method}");
    }
}

#[tokio::test]
async fn err_busy_server_is_given_up_at_the_deadline() {
    let Some(namespace) = Namespace::new().await else { return };
    let relay = Relay::start(&namespace.client, [("GET", Fault::Answer(TOO_MANY)); 100]).await;
    let store = ConfigMaps::new(Client::try_from(relay.config()).unwrap(), &namespace.name);
    let policy = RetryPolicy { deadline: Duration::from_millis(1500), ..RetryPolicy::default() };
    let error = apply_with(&store, &values(), Absent::Refuse, &policy, adding).await.unwrap_err();
    assert!(matches!(error, ApplyError::GaveUp { attempts: 0, .. }), "{error:?}");
    let source = std::error::Error::source(&error).unwrap().to_string();
    let expected = "`values.yaml` is busy: the API server has too many requests: Too many requests, please try again.";
    assert_eq!((source.as_str(), relay.requests()), (expected, 2));
}

#[tokio::test]
async fn err_refused_connection_is_given_up_at_the_deadline() {
    // Needs no API server: nobody listens there.
    let port = free_port();
    let config = cluster::bounded(Config::new(format!("http://127.0.0.1:{port}").parse().unwrap()));
    let store = ConfigMaps::new(Client::try_from(config).unwrap(), "default");
    let policy = RetryPolicy { deadline: Duration::from_millis(500), ..RetryPolicy::default() };
    let error = apply_with(&store, &values(), Absent::Refuse, &policy, adding).await.unwrap_err();
    assert!(matches!(error, ApplyError::GaveUp { attempts: 0, .. }), "{error:?}");
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.starts_with("`values.yaml` is busy: the API server cannot be connected to: "), "{source}");
}

#[tokio::test]
async fn err_server_that_is_no_kubernetes_fails_at_once() {
    let Some(namespace) = Namespace::new().await else { return };
    let relay = Relay::start(&namespace.client, [("GET", Fault::Answer(PORTAL))]).await;
    let store = ConfigMaps::new(Client::try_from(relay.config()).unwrap(), &namespace.name);
    let error = store.get(&Key::new("values.yaml").unwrap()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
}

/// What came of adding `- b` to `- a`.
struct Found {
    outcome: Result<Outcome, ApplyError<Infallible>>,
    /// What stands there afterwards.
    text: String,
    requests: u32,
    elapsed: Duration,
}

async fn add_through<const N: usize>(faults: [(&'static str, Fault); N]) -> Option<Found> {
    let namespace = Namespace::new().await?;
    namespace.create(&config_map(VALUES, "values.yaml", "- a\n")).await;
    let relay = Relay::start(&namespace.client, faults).await;
    let mut config = relay.config();
    config.read_timeout = Some(Duration::from_secs(2));
    let store = ConfigMaps::new(Client::try_from(config).unwrap(), &namespace.name);
    let started = Instant::now();
    let outcome = apply_with(&store, &values(), Absent::Refuse, &RetryPolicy::default(), adding).await;
    let (elapsed, requests) = (started.elapsed(), relay.requests());
    let text = namespace.store().get(&values()).await.unwrap().text;
    Some(Found { outcome, text, requests, elapsed })
}

fn adding(text: &str) -> Result<Option<String>, Infallible> {
    Ok((!text.contains("- b\n")).then(|| format!("{text}- b\n")))
}
