//! What the store does with the objects of a real server, and what it leaves alone.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use dagster_workspace_core::lint::Target;
use dagster_workspace_core::transform::{self, Transform, TransformError};
use dagster_workspace_core::workspace::GrpcServer;
use dagster_workspace_kube::apply::{Absent, ApplyError, Written, apply_with};
use dagster_workspace_kube::retry::RetryPolicy;
use dagster_workspace_kube::store::contract::{self, Recreated};
use dagster_workspace_kube::store::{ConfigMaps, Found, Key, Place, Precondition, Store, StoreError};
use kube::Client;
use serde_json::{Value, json};

use crate::namespace::{Namespace, VALUES, config_map, values};

const LIMIT: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn config_maps_keep_every_promise() {
    let Some(namespace) = Namespace::new().await else { return };
    let store: Arc<dyn Store> = Arc::new(namespace.store());
    contract::every_promise(&store).await;
    contract::recreated_document_has(Recreated::OtherVersion, &*store, async |key: &Key| {
        namespace.delete(key.as_str()).await;
    })
    .await;
}

#[tokio::test]
async fn requests_are_one_two_and_two() {
    let Some(namespace) = Namespace::new().await else { return };
    let requests = Arc::new(AtomicU32::new(0));
    let counted = || requests.swap(0, Ordering::Relaxed);
    let store = namespace.counted_store(&requests);

    let create = Absent::Create("# deployments\n");
    let outcome = apply_with(&store, &values(), create, &RetryPolicy::default(), adding("- a\n")).await.unwrap();
    assert_eq!((outcome.text.as_str(), counted()), ("# deployments\n- a\n", 2), "new object");
    let outcome = add(&store, "- b\n").await;
    assert_eq!((outcome, counted()), (Written::Confirmed, 2), "uncontended edit");
    let before = namespace.get(VALUES).await;
    let outcome = add(&store, "- b\n").await;
    assert_eq!((outcome, counted()), (Written::Nothing, 1), "no change");
    assert_eq!(namespace.get(VALUES).await, before);

    let workspace = Key::new("workspace.yaml").unwrap();
    let transforms: Vec<Transform> = (0..100)
        .map(|number| Transform::AddLocation {
            server: GrpcServer::new(format!("l{number}"), format!("h{number}"), 3030),
        })
        .collect();
    let mut change = |text: &str| -> Result<Option<String>, TransformError> {
        Ok(Some(transform::apply(text, &transforms, &Target::default())?.text))
    };
    store.put(&workspace, "load_from: []\n", Precondition::Absent).await.unwrap();
    counted();
    apply_with(&store, &workspace, Absent::Refuse, &RetryPolicy::default(), &mut change).await.unwrap();
    assert_eq!(counted(), 2, "batch of 100");
    let text = namespace.get("dagster-workspace-yaml").await["data"]["workspace.yaml"].as_str().unwrap().to_owned();
    assert_eq!(text.matches("location_name: l").count(), 100);
}

#[tokio::test]
async fn everything_else_in_the_object_stays() {
    let Some(namespace) = Namespace::new().await else { return };
    let object = json!({
        "metadata": {
            "name": VALUES,
            "labels": {"team": "data"},
            "annotations": {"note": "ours\nand yours", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
            "finalizers": ["example.com/keep"],
        },
        "data": {"values.yaml": "- a\n", "other": "\t\u{85} text\r\n", "empty": ""},
        "binaryData": {"logo": "/wABAg==", "none": ""},
    });
    let mut before = namespace.create(&object).await;
    add(&namespace.store().with_field_manager("ci"), "- b\n").await;
    let mut after = namespace.get(VALUES).await;
    assert_eq!(after["data"]["values.yaml"], "- a\n- b\n");
    assert!(managers(&after).contains(&"ci"), "{:?}", managers(&after));
    for object in [&mut before, &mut after] {
        object["data"]["values.yaml"].take();
        object["metadata"]["resourceVersion"].take();
        object["metadata"]["managedFields"].take();
    }
    assert_eq!(after, before);
    add(&namespace.store(), "- c\n").await;
    let after = namespace.get(VALUES).await;
    assert!(managers(&after).contains(&"dagster-workspace"), "{:?}", managers(&after));
}

#[tokio::test]
async fn document_is_found_where_it_stands() {
    let Some(namespace) = Namespace::new().await else { return };
    // As dagster-uc writes it.
    namespace.create(&config_map(VALUES, "yaml", "- a\n")).await;
    add(&namespace.store(), "- b\n").await;
    assert_eq!(namespace.get(VALUES).await["data"], json!({"yaml": "- a\n- b\n"}));

    // An object that is there without the key gets it; that is no overwriting.
    namespace.create(&config_map("mine", "other", "x")).await;
    let key = Key::new("custom.yaml").unwrap();
    let store = namespace.store().with_place(values(), Place::new("mine", key));
    assert!(matches!(store.get(&values()).await, Err(StoreError::NotFound { .. })));
    let create = Absent::Create("");
    apply_with(&store, &values(), create, &RetryPolicy::default(), adding("- a\n")).await.unwrap();
    assert_eq!(namespace.get("mine").await["data"], json!({"other": "x", "custom.yaml": "- a\n"}));

    // A text among the binary data stays there, and bytes that are no text are refused.
    let binary = json!({"text": "LSBhCg==", "bytes": "YWL/"});
    namespace.create(&json!({"metadata": {"name": "binary"}, "binaryData": binary})).await;
    let place = |key: &str| Place::new("binary", Key::new(key).unwrap());
    add(&namespace.store().with_place(values(), place("text")), "- b\n").await;
    assert_eq!(namespace.get("binary").await["binaryData"]["text"], "LSBhCi0gYgo=");
    let error = namespace.store().with_place(values(), place("bytes")).get(&values()).await.unwrap_err();
    assert!(matches!(error, StoreError::NotUtf8 { offset: 2, .. }), "{error:?}");
}

#[tokio::test]
async fn err_recreated_object_is_not_edited_as_if_it_were_the_first() {
    let Some(namespace) = Namespace::new().await else { return };
    namespace.create(&config_map(VALUES, "values.yaml", "- a\n")).await;
    let store = namespace.store();
    let read = store.get(&values()).await.unwrap();
    namespace.delete(VALUES).await;
    let again = namespace.create(&config_map(VALUES, "values.yaml", "- a\n")).await;
    let error = store.put(&values(), "- a\n- b\n", Precondition::Matches(read.version)).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { found: Found::Unknown, .. }), "{error:?}");
    assert_eq!(namespace.get(VALUES).await, again);
    // The loop decides anew, from what stands there now.
    let renamed = |text: &str| Ok::<_, Infallible>(Some(text.replace("- a", "- c")));
    let outcome = apply_with(&store, &values(), Absent::Refuse, &RetryPolicy::default(), renamed).await.unwrap();
    assert_eq!(outcome.text, "- c\n");
}

#[tokio::test]
async fn err_object_deleted_between_read_and_write_is_not_created_again() {
    let Some(namespace) = Namespace::new().await else { return };
    namespace.create(&config_map(VALUES, "values.yaml", "- a\n")).await;
    let store = namespace.store();
    let read = store.get(&values()).await.unwrap();
    namespace.delete(VALUES).await;
    let error = store.put(&values(), "- b\n", Precondition::Matches(read.version)).await.unwrap_err();
    // The server compares the uid with that of no object.
    assert!(matches!(error, StoreError::Conflict { found: Found::Unknown, .. }), "{error:?}");
    let answer = apply_with(&store, &values(), Absent::Refuse, &RetryPolicy::default(), adding("- b\n")).await;
    assert!(matches!(answer, Err(ApplyError::Store(StoreError::NotFound { .. }))), "{answer:?}");
}

#[tokio::test]
async fn err_immutable_object_is_refused() {
    let Some(namespace) = Namespace::new().await else { return };
    let mut object = config_map(VALUES, "values.yaml", "- a\n");
    object["immutable"] = true.into();
    namespace.create(&object).await;
    let store = namespace.store();
    assert!(store.obstacle(&values(), 1).is_none(), "nothing was read yet");
    assert_eq!(add(&store, "- a\n").await, Written::Nothing);
    assert!(matches!(store.obstacle(&values(), 1), Some(StoreError::Immutable { .. })));
    let error = refused(&store, "- b\n").await;
    assert!(matches!(error, StoreError::Immutable { .. }), "{error:?}");
    assert_eq!(error.to_string(), format!("configmaps `{VALUES}` in namespace `{}` is immutable", namespace.name));
}

#[tokio::test]
async fn err_one_byte_over_a_mebibyte_is_too_large() {
    let Some(namespace) = Namespace::new().await else { return };
    let mut object = config_map(VALUES, "values.yaml", "");
    object["data"]["other"] = "x".repeat(1000).into();
    object["binaryData"] = json!({"logo": "/wABAg=="});
    namespace.create(&object).await;
    let store = namespace.store();
    let room = LIMIT - 1004;
    for (len, fits) in [(room, true), (room + 1, false), (LIMIT, false), (LIMIT + 1, false), (room, true)] {
        let version = store.get(&values()).await.unwrap().version;
        assert_eq!(store.obstacle(&values(), len as u64).is_none(), fits, "{len} bytes");
        match store.put(&values(), &"x".repeat(len), Precondition::Matches(version)).await {
            Ok(_) => assert!(fits, "{len} bytes were taken"),
            Err(StoreError::TooLarge { len: named, limit, .. }) => {
                assert!(!fits && named == len as u64, "{len} bytes of {room}: {named} over {limit}");
                assert!(limit == room as u64 || len > LIMIT, "{limit}");
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    // Alone the whole mebibyte fits, and the server agrees.
    let alone = Key::new("alone").unwrap();
    store.put(&alone, &"x".repeat(LIMIT), Precondition::Absent).await.unwrap();
}

#[tokio::test]
async fn err_missing_permission_names_verb_and_resource() {
    for (verbs, missing) in [(&["update"][..], "get"), (&["get"], "update"), (&["get", "update"], "create")] {
        let Some(namespace) = Namespace::new().await else { return };
        if missing != "create" {
            namespace.create(&config_map(VALUES, "values.yaml", "- a\n")).await;
        }
        let store = namespace.store_of_account(verbs).await;
        let answer = apply_with(&store, &values(), Absent::Create(""), &RetryPolicy::default(), adding("- b\n")).await;
        let Err(ApplyError::Store(error)) = answer else { panic!("{answer:?}") };
        let StoreError::Forbidden { verb, object, source } = &error else { panic!("{error:?}") };
        assert_eq!((*verb, object.resource, object.name.as_str()), (missing, "configmaps", VALUES));
        assert!(source.to_string().contains(&format!("cannot {missing} resource \"configmaps\"")), "{source}");
        let expected = format!("not permitted to {missing} configmaps `{VALUES}` in namespace `{}`", namespace.name);
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn err_missing_namespace_and_impossible_names_are_told_apart() {
    let Some(namespace) = Namespace::new().await else { return };
    let nowhere = ConfigMaps::new(namespace.client.clone(), "nowhere");
    assert!(matches!(nowhere.get(&values()).await, Err(StoreError::NotFound { .. })));
    let error = nowhere.put(&values(), "", Precondition::Absent).await.unwrap_err();
    assert!(matches!(&error, StoreError::NoNamespace { namespace, .. } if namespace == "nowhere"), "{error:?}");

    let upper = Key::new("UPPER_CASE").unwrap();
    let error = namespace.store().put(&upper, "", Precondition::Absent).await.unwrap_err();
    let StoreError::Refused { verb: "create", status: 422, source, .. } = &error else { panic!("{error:?}") };
    assert!(source.to_string().contains("metadata.name"), "{source}");
}

#[tokio::test]
async fn err_wrong_certificate_and_wrong_token_fail_at_once() {
    let Some(namespace) = Namespace::new().await else { return };
    let mut config = namespace.config.clone();
    config.root_cert = None;
    let store = ConfigMaps::new(Client::try_from(config).unwrap(), &namespace.name);
    let error = refused(&store, "- b\n").await;
    assert!(matches!(error, StoreError::Unreachable { verb: "get", .. }), "{error:?}");

    let mut config = namespace.config.clone();
    config.auth_info.token = Some("wrong".to_owned().into());
    let store = ConfigMaps::new(Client::try_from(config).unwrap(), &namespace.name);
    let error = refused(&store, "- b\n").await;
    assert!(matches!(error, StoreError::Refused { status: 401, .. }), "{error:?}");
}

/// Adds a line unless it stands there.
fn adding(line: &str) -> impl FnMut(&str) -> Result<Option<String>, Infallible> {
    move |text| Ok((!text.lines().any(|other| other == line.trim_end())).then(|| format!("{text}{line}")))
}

async fn add(store: &ConfigMaps, line: &str) -> Written {
    let outcome = apply_with(store, &values(), Absent::Refuse, &RetryPolicy::default(), adding(line)).await;
    outcome.unwrap().written
}

async fn refused(store: &ConfigMaps, line: &str) -> StoreError {
    match apply_with(store, &values(), Absent::Refuse, &RetryPolicy::default(), adding(line)).await {
        Err(ApplyError::Store(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn managers(object: &Value) -> Vec<&str> {
    let fields = object["metadata"]["managedFields"].as_array().unwrap();
    fields.iter().filter_map(|entry| entry["manager"].as_str()).collect()
}
