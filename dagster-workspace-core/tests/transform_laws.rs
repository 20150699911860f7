//! The laws of transforms, over generated documents: they are idempotent, undo each other, do not get in each other's way,
//! and are stopped by what they touch alone, but for workspaces that Dagster refuses.
//!
//! `DAGSTER_WORKSPACE_CASES` is how many documents each law sees.

mod deployed;
mod written;

use dagster_workspace_core::lint::Target;
use dagster_workspace_core::staging::Record;
use dagster_workspace_core::transform::pair::Wanted;
use dagster_workspace_core::transform::{Applied, Transform, TransformError, apply};
use dagster_workspace_core::value::Value;
use dagster_workspace_core::values::{Image, UserDeployment, UserDeployments};
use dagster_workspace_core::workspace::{CodeLocation, Endpoint, GrpcServer, Workspace};
use dagster_workspace_core::yaml::{Document, Schema};
use deployed::NAMES;
use proptest::prelude::*;
use written::{Flavour, Tape, choices, config, document};

fn run(text: &str, transforms: &[Transform]) -> Result<Applied, TransformError> {
    apply(text, transforms, &Target::default())
}

fn data(text: &str, schema: Schema) -> Value {
    Document::parse(text).unwrap().to_value(schema).unwrap()
}

/// A document of one of both kinds, and the schema of its reader.
fn made(tape: &mut Tape<'_>) -> (String, Schema) {
    if tape.rarely(2) { (deployed::workspace(tape), Schema::Dagster) } else { (deployed::values(tape), Schema::Helm) }
}

fn asked(tape: &mut Tape<'_>, schema: Schema, name: &str) -> Transform {
    match schema {
        Schema::Dagster => deployed::of_location(tape, name),
        _ => deployed::of_deployment(tape, name),
    }
}

fn add(schema: Schema, name: &str) -> Transform {
    match schema {
        Schema::Dagster => Transform::AddLocation { server: GrpcServer::new(name, name, 3030) },
        _ => Transform::AddDeployment { deployment: deployed::wanted(&mut Tape::new(&[]), name) },
    }
}

fn remove(schema: Schema, name: &str) -> Transform {
    match schema {
        Schema::Dagster => Transform::RemoveLocation { name: name.into() },
        _ => Transform::RemoveDeployment { name: name.into() },
    }
}

/// What has not changed has its bytes, and what was done is not done again.
fn check_settled(text: &str, transforms: &[Transform], applied: &Applied) -> Result<(), TestCaseError> {
    prop_assert_eq!(applied.is_changed(), applied.text != text, "{:?}", applied.changes);
    let again = run(&applied.text, transforms).map_err(|error| TestCaseError::fail(format!("again: {error:?}")))?;
    prop_assert_eq!(&again.text, &applied.text, "again");
    prop_assert!(!again.is_changed());
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_was_done_is_not_done_again(choices in choices(), asking in choices()) {
        let (text, schema) = made(&mut Tape::new(&choices));
        let tape = &mut Tape::new(&asking);
        let name = deployed::name(tape);
        let transform = asked(tape, schema, name);
        match run(&text, std::slice::from_ref(&transform)) {
            Ok(applied) => check_settled(&text, &[transform], &applied)?,
            Err(TransformError::NameTaken { .. } | TransformError::NotFound { .. } | TransformError::NotAServer { .. }) => {}
            // The default name goes with the host.
            Err(TransformError::Rename { .. }) => prop_assert_eq!(schema, Schema::Dagster),
            Err(error) => prop_assert!(false, "{error:?}\n{transform:?}\n{text}"),
        }
    }

    #[test]
    fn to_add_and_remove_gives_the_text_back(choices in choices()) {
        let (text, schema) = made(&mut Tape::new(&choices));
        let mut all = vec![add(schema, "new")];
        if schema == Schema::Helm {
            let record = Record { pull_request: Some(12), branch: Some("on".into()), ..Record::default() };
            all.push(Transform::RecordDeployment { name: "new".into(), record });
        }
        let added = run(&text, &all).unwrap();
        prop_assert!(added.is_changed());
        let removed = run(&added.text, &[remove(schema, "new")]).unwrap();
        let empty = ["[]", "{}"].iter().any(|empty| removed.text.contains(empty) && !text.contains(empty));
        if empty {
            // A list without items is written out: without the key the chart deploys its example.
            prop_assert!(text.contains("deployments:") || text.contains("load_from:"));
        } else {
            prop_assert_eq!(removed.text, text);
        }
    }

    #[test]
    fn transforms_of_different_names_commute(choices in choices(), asking in choices()) {
        let (text, schema) = made(&mut Tape::new(&choices));
        let tape = &mut Tape::new(&asking);
        let at = tape.below(NAMES.len());
        let [one, other] = [at, (at + 1 + tape.below(NAMES.len() - 1)) % NAMES.len()];
        let (one, other) = (asked(tape, schema, NAMES[one]), asked(tape, schema, NAMES[other]));
        let there = run(&text, &[one.clone(), other.clone()]);
        let back = run(&text, &[other, one]);
        match (there, back) {
            (Ok(there), Ok(back)) => prop_assert_eq!(entries(&there.text, schema), entries(&back.text, schema)),
            (there, back) => prop_assert!(there.is_err() && back.is_err(), "{there:?}\n{back:?}"),
        }
    }

    #[test]
    fn a_batch_is_one_by_one(choices in choices(), asking in choices()) {
        let (text, schema) = made(&mut Tape::new(&choices));
        let tape = &mut Tape::new(&asking);
        let all: Vec<_> = (0..1 + tape.below(5)).map(|_| deployed::name(tape)).collect();
        let all: Vec<_> = all.into_iter().map(|name| asked(tape, schema, name)).collect();
        let mut one_by_one: Result<String, TransformError> = Ok(text.clone());
        for transform in &all {
            one_by_one = one_by_one.and_then(|text| Ok(run(&text, std::slice::from_ref(transform))?.text));
        }
        let batch = run(&text, &all);
        match (&batch, &one_by_one) {
            (Ok(batch), Ok(text)) => {
                // What is undone is no change, whatever became of its notation on the way.
                let schema_data = |text: &str| data(text, schema);
                prop_assert!(batch.text == *text || !batch.is_changed() && schema_data(&batch.text).is_same(&schema_data(text)));
            }
            (batch, one_by_one) => prop_assert_eq!(batch.is_err(), one_by_one.is_err(), "{:?}\n{:?}", batch, one_by_one),
        }
    }

    #[test]
    fn an_equal_entry_in_another_notation_is_no_change(choices in choices()) {
        let text = deployed::values(&mut Tape::new(&choices));
        for deployment in UserDeployments::of(&Document::parse(text.as_str()).unwrap()).iter() {
            let deployment = deployment.read().unwrap();
            // The way through JSON, with other keys in front.
            let mut json = serde_json::to_value(&deployment).unwrap().as_object().unwrap().clone();
            json.insert("schedulerName".into(), serde_json::Value::Null);
            let reversed: serde_json::Map<_, _> = json.into_iter().rev().collect();
            let same: UserDeployment = serde_json::from_value(reversed.into()).unwrap();
            let applied = run(&text, &[Transform::AddDeployment { deployment: same }]).unwrap();
            prop_assert!(!applied.is_changed() && applied.text == text);
            let other = deployment.with_port(9999);
            let taken = run(&text, &[Transform::AddDeployment { deployment: other }]);
            prop_assert!(matches!(taken, Err(TransformError::NameTaken { .. })), "{taken:?}");
        }
        let text = deployed::workspace(&mut Tape::new(&choices));
        let document = Document::parse(text.as_str()).unwrap();
        let view = Workspace::of(&document);
        for location in view.locations().filter(CodeLocation::is_server) {
            let server = GrpcServer::from_value(location.to_value().unwrap().get("grpc_server").unwrap()).unwrap();
            let named = GrpcServer { location_name: Some(server.name()), ..server.clone() };
            for same in [server, named] {
                let applied = run(&text, &[Transform::AddLocation { server: same }]).unwrap();
                prop_assert!(!applied.is_changed() && applied.text == text);
            }
        }
    }

    #[test]
    fn an_old_error_elsewhere_in_values_stops_nobody(choices in choices(), asking in choices(), broken in 0..BROKEN.len()) {
        let text = deployed::values(&mut Tape::new(&choices));
        let tape = &mut Tape::new(&asking);
        let with = broken_values(&text, BROKEN[broken]);
        let name = deployed::name(tape);
        let transform = deployed::of_deployment(tape, name);
        let clean = run(&text, std::slice::from_ref(&transform));
        let beside = run(&with, std::slice::from_ref(&transform));
        prop_assert_eq!(clean.is_ok(), beside.is_ok(), "{:?}\n{:?}\n{}", clean, beside, with);
        if let Ok(applied) = beside {
            check_settled(&with, &[transform], &applied)?;
            prop_assert!(!applied.is_changed() || !applied.warnings.is_empty(), "the error is said");
        }
    }

    #[test]
    fn an_old_error_in_a_workspace_stops_all_but_what_mends_it(choices in choices(), asking in choices()) {
        let mut text = deployed::workspace(&mut Tape::new(&choices));
        prop_assume!(text.contains("- "));
        let column = text.find("- ").unwrap() - text[..text.find("- ").unwrap()].rfind('\n').unwrap() - 1;
        if !text.ends_with('\n') {
            text += "\n";
        }
        text += &format!("{:column$}- grpc_server: {{host: broken, port: \"1\", location_name: broken}}\n", "");
        let tape = &mut Tape::new(&asking);
        let name = deployed::name(tape);
        let transform = deployed::of_location(tape, name);
        if let Ok(applied) = run(&text, std::slice::from_ref(&transform)) {
            prop_assert!(!applied.is_changed(), "{transform:?}\n{}", applied.text);
        }
        let removed = run(&text, &[remove(Schema::Dagster, "broken")]).unwrap();
        prop_assert!(removed.is_changed());
        let fields = serde_json::from_str(r#"{"port": 1}"#).unwrap();
        let mended = run(&text, &[Transform::UpdateLocation { name: "broken".into(), fields }]).unwrap();
        prop_assert_eq!(mended.text, text.replace("port: \"1\"", "port: 1"));
        // In one batch with it, other transforms may go.
        let both = run(&text, &[remove(Schema::Dagster, "broken"), add(Schema::Dagster, "new")]);
        prop_assert!(both.is_ok(), "{both:?}");
    }

    /// Documents of any notation, most of whose entries the chart refuses.
    #[test]
    fn any_document_takes_another_deployment_or_says_why_not(choices in prop::collection::vec(any::<u8>(), 0..300)) {
        for flavour in [Flavour::Plain, Flavour::Full] {
            let text = document(&choices, flavour);
            let transform = add(Schema::Helm, "zz-new");
            match run(&text, std::slice::from_ref(&transform)) {
                Ok(applied) => {
                    check_settled(&text, &[transform], &applied)?;
                    let document = Document::parse(applied.text.as_str()).unwrap();
                    let found = UserDeployments::of(&document).get("zz-new").unwrap().read().unwrap();
                    prop_assert_eq!(found.to_value(), deployed::wanted(&mut Tape::new(&[]), "zz-new").to_value());
                    let removed = run(&applied.text, &[remove(Schema::Helm, "zz-new")]).unwrap();
                    let gone = Document::parse(removed.text.as_str()).unwrap();
                    prop_assert!(UserDeployments::of(&gone).get("zz-new").is_none());
                }
                Err(TransformError::Refused(_) | TransformError::Data(_)) => {}
                Err(TransformError::Invalid { findings, .. }) => {
                    // The root is a list, or the chart takes no map.
                    let codes: Vec<_> = findings.iter().map(|finding| finding.code).collect();
                    prop_assert!(false, "{codes:?}\n{text}");
                }
                Err(error) => prop_assert!(false, "{error:?}\n{text}"),
            }
        }
    }

    #[test]
    fn transforms_come_back_from_json(transform in transform()) {
        let json = serde_json::to_string(&transform).unwrap();
        prop_assert_eq!(serde_json::from_str::<Transform>(&json).unwrap(), transform);
    }
}

/// Entries that the chart refuses.
const BROKEN: [&str; 6] = [
    "name: broken\n",
    "{name: broken, image: {repository: r, tag: 1.10, pullPolicy: Always}, port: 3030}\n",
    "name: broken\nimage: {repository: r, tag: a, pullPolicy: always}\nport: \"1\"\n",
    "just a text\n",
    "name: on\nimage: {}\nport: 0\n",
    "{}\n",
];

/// The values with a broken entry in front of the others.
fn broken_values(text: &str, broken: &str) -> String {
    let document = Document::parse(text).unwrap();
    let view = UserDeployments::of(&document);
    let line_break = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let Some(first) = view.iter().next() else {
        let lines: String = broken.lines().next().unwrap().into();
        let item = if lines.starts_with('{') { lines } else { "{name: broken}".into() };
        let key = text.find("deployments:").filter(|at| !text[..*at].ends_with("user-"));
        let key = key.or_else(|| text.rfind("deployments:")).unwrap() + "deployments:".len();
        let rest = &text[key..];
        let rest = rest.strip_prefix(" []").or_else(|| rest.strip_prefix(" ~")).unwrap_or(rest);
        return format!("{} [{item}]{rest}", &text[..key]);
    };
    let start = first.node().span().start as usize;
    let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let column = text[line..].find('-').unwrap();
    let mut item = String::new();
    for (at, part) in broken.lines().enumerate() {
        item += &format!("{:column$}{}{part}{line_break}", "", if at == 0 { "- " } else { "  " });
    }
    format!("{}{item}{}", &text[..line], &text[line..])
}

/// The entries of the list, without their order, and what is beside it.
fn entries(text: &str, schema: Schema) -> Vec<String> {
    let document = Document::parse(text).unwrap();
    let mut all: Vec<_> = match schema {
        Schema::Dagster => Workspace::of(&document).locations().map(|one| sorted(&one.to_value().unwrap())).collect(),
        _ => UserDeployments::of(&document).iter().map(|one| sorted(&one.to_value().unwrap())).collect(),
    };
    all.sort();
    all
}

/// The value with its keys in order.
fn sorted(value: &Value) -> String {
    serde_json::to_value(value).unwrap().to_string()
}

#[test]
fn a_hundred_deployments_in_one_batch() {
    let text = deployed::values(&mut Tape::new(&[2, 0, 0, 0, 0, 0]));
    let names: Vec<String> = (0..100).map(|number| format!("team-{number}")).collect();
    let adds: Vec<_> = names.iter().map(|name| add(Schema::Helm, name)).collect();
    let applied = run(&text, &adds).unwrap();
    assert_eq!(applied.changes.len(), 100);
    let document = Document::parse(applied.text.as_str()).unwrap();
    let found: Vec<_> =
        UserDeployments::of(&document).iter().filter_map(|one| Some(one.name()?.into_owned())).collect();
    assert!(found.ends_with(&names), "{found:?}");
    assert!(!run(&applied.text, &adds).unwrap().is_changed());
    let removes: Vec<_> = names.iter().map(|name| remove(Schema::Helm, name)).collect();
    assert_eq!(run(&applied.text, &removes).unwrap().text, text);
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z][a-z0-9-]{0,8}", Just("on".into()), Just("1.10".into()), "\\PC{1,6}"]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(|number: f64| Value::from(number + 0.5)),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Sequence),
            prop::collection::btree_map(word(), inner, 0..3).prop_map(|map| Value::Mapping(map.into_iter().collect())),
        ]
    })
}

fn image() -> impl Strategy<Value = Image> {
    prop_oneof![
        Just("r"),
        Just("r.io:5000/a/b:1.10"),
        Just("r@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
    ]
    .prop_map(|text| text.parse().unwrap())
}

fn server() -> impl Strategy<Value = GrpcServer> {
    let endpoint = prop_oneof![(1..=u16::MAX).prop_map(Endpoint::Port), word().prop_map(Endpoint::Socket)];
    let metadata = prop::collection::btree_map(word(), word(), 0..3);
    (prop::option::of(word()), endpoint, prop::option::of(word()), any::<Option<bool>>(), metadata).prop_map(
        |(host, endpoint, location_name, ssl, metadata)| GrpcServer {
            host,
            endpoint,
            location_name,
            ssl,
            additional_metadata: metadata.into_iter().collect(),
            extra: Vec::new(),
        },
    )
}

fn transform() -> impl Strategy<Value = Transform> {
    let deployment = (word(), image(), 1..=u16::MAX, word(), value());
    prop_oneof![
        deployment.prop_map(|(name, image, port, key, value)| {
            let deployment = UserDeployment::new(name, image).with_port(port).env(&key, "x").label(&key, "y");
            Transform::AddDeployment { deployment: deployment.extra("x-more", value).unwrap() }
        }),
        (word(), value()).prop_map(|(name, fields)| Transform::UpdateDeployment { name, fields }),
        (word(), image()).prop_map(|(name, image)| Transform::SetImage { name, image }),
        word().prop_map(|name| Transform::RemoveDeployment { name }),
        server().prop_map(|server| Transform::AddLocation { server }),
        (word(), value()).prop_map(|(name, fields)| Transform::UpdateLocation { name, fields }),
        word().prop_map(|name| Transform::RemoveLocation { name }),
        (word(), server()).prop_map(|(deployment, server)| {
            let wanted = Wanted { host: server.host.clone(), location_name: server.location_name.clone() };
            Transform::PairLocation { deployment, server, wanted }
        }),
        word().prop_map(|deployment| Transform::UnpairLocation { deployment, host: None }),
    ]
}
