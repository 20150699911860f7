//! Answers of a real webserver, as recorded, and those that are none of Dagster's.

use std::fs;
use std::time::Duration;

use dagster_workspace_kube::reload::{Location, LocationState, ReloadError, Webserver};
use serde_json::Value;

use crate::webserver::{Planned, Reply};

const PATIENCE: Duration = Duration::from_secs(30);

/// A webserver that says what one said; `None` without the shared folder.
fn recorded(name: &str) -> Option<Planned> {
    let path = testing::shared()?.join("dagster/graphql/recorded-1.13.27").join(name);
    let recorded: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let status = recorded["status"].as_u64().unwrap().try_into().unwrap();
    let reply = Reply::Status(status, recorded["body"].to_string());
    Some(Planned::new(move |_| reply.clone()))
}

#[tokio::test]
async fn locations_of_a_workspace_with_one_server_down() {
    let Some(planned) = recorded("workspace.json") else { return };
    one_down(&planned.webserver.locations(PATIENCE).await.unwrap());
    let Some(planned) = recorded("reload_workspace.ok_one_location_down.json") else { return };
    one_down(&planned.webserver.reload(PATIENCE).await.unwrap());
}

fn one_down(locations: &[Location]) {
    let [a, down] = locations else { panic!("{locations:?}") };
    assert_eq!((a.name.as_str(), a.host(), a.port()), ("loc-a", Some("127.0.0.1"), Some(4011)));
    assert_eq!(a.state, LocationState::Loaded);
    assert_eq!((down.name.as_str(), down.host(), down.port()), ("down", Some("127.0.0.1"), Some(4999)));
    let LocationState::Failed { errors } = &down.state else { panic!("{down:?}") };
    assert_eq!(errors[0].class_name.as_deref(), Some("DagsterUserCodeUnreachableError"));
    assert!(errors[0].message.ends_with("gRPC Error code: UNAVAILABLE"), "{:?}", errors[0].message);
}

#[tokio::test]
async fn err_bad_workspace_is_status_500_with_the_reason() {
    let cases = [
        ("reload_workspace.duplicate_name.json", "CheckError", "got multiple \"d\""),
        ("reload_workspace.malformed_yaml.json", "ParserError", "expected the node content"),
        ("reload_workspace.number_as_name.json", "DagsterInvalidConfigError", "location_name. Value \"1.1\""),
    ];
    for (name, class_name, words) in cases {
        let Some(planned) = recorded(name) else { return };
        let error = planned.webserver.reload(PATIENCE).await.unwrap_err();
        assert!(error.to_string().starts_with("web-0 refuses the workspace: "), "{error}");
        let ReloadError::Rejected { errors, .. } = error else { panic!("{name}: {error:?}") };
        assert_eq!(errors[0].class_name.as_deref(), Some(class_name), "{name}");
        assert!(errors[0].message.contains(words), "{name}: {:?}", errors[0].message);
    }
}

#[tokio::test]
async fn err_unknown_location_cannot_be_reloaded() {
    let Some(planned) = recorded("reload_repository_location.not_found.json") else { return };
    let error = planned.webserver.reload_location("nope", PATIENCE).await.unwrap_err();
    assert!(matches!(&error, ReloadError::UnknownLocation { location, .. } if location == "nope"), "{error:?}");
}

#[tokio::test]
async fn err_answers_of_others_say_what_came() {
    let cases = [
        (200, "<!doctype html>\n<html>", "no JSON but `<!doctype html>`"),
        (200, "", "no JSON but `no body`"),
        (200, "{\"data\": {\"hero\": 1}}", "JSON without `workspaceOrError`"),
        (200, "{\"data\": {\"workspaceOrError\": {\"__typename\": \"Ship\"}}}", "an unknown answer"),
        (400, "{\"errors\": [{\"message\": \"Cannot query field\"}]}", "Cannot query field"),
        (200, "[]", "JSON without `workspaceOrError`"),
    ];
    for (status, body, words) in cases {
        let planned = Planned::new(move |_| Reply::Status(status, body.to_owned()));
        let error = planned.webserver.locations(PATIENCE).await.unwrap_err();
        assert!(matches!(error, ReloadError::NotDagster { .. }), "{body}: {error:?}");
        assert!(error.to_string().contains(words), "{body}: {error}");
    }
}

#[tokio::test]
async fn err_addresses_that_nothing_can_be_sent_to() {
    let cases = ["dagster:3000", "ftp://dagster", "http://", "", "https://me:secret@dagster/x"];
    for url in cases {
        let error = Webserver::at(url).unwrap_err();
        assert!(matches!(error, ReloadError::Address { .. }), "{url}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
    assert_eq!(Webserver::at("https://dagster.example/prefix/").unwrap().name(), "https://dagster.example/prefix/");
}
