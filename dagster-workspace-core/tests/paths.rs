//! Paths as people write them: each notation comes to one path, each path reads back from what is printed, and what cannot be
//! read says where, what was expected, and what was meant.

use dagster_workspace_core::value::Value;
use dagster_workspace_core::yaml::{Document, DottedKey, ItemKey, Path, Schema, Step};
use proptest::prelude::*;

fn parse(text: &str) -> Path {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn notations_come_to_one_form() {
    let cases = [
        ("", ""),
        ("image", "image"),
        ("image.tag", "image.tag"),
        (r#"labels."a.b/c""#, r#"labels."a.b/c""#),
        ("labels.'a.b/c'", r#"labels."a.b/c""#),
        (r"labels.a\.b/c", r#"labels."a.b/c""#),
        ("labels['a.b/c']", r#"labels."a.b/c""#),
        (r#"labels["a.b/c"]"#, r#"labels."a.b/c""#),
        (r#"["labels"]['a.b']"#, r#"labels."a.b""#),
        (r"nodeSelector.kubernetes\.io/os", r#"nodeSelector."kubernetes.io/os""#),
        (r#""image".'tag'"#, "image.tag"),
        ("tolerations[0].key", "tolerations[0].key"),
        ("tolerations[007].key", "tolerations[7].key"),
        ("[0]", "[0]"),
        ("[0][1]", "[0][1]"),
        ("a.0", "a.0"),
        (r#"a["0"]"#, "a.0"),
        ("0", "0"),
        ("env[name=A].value", "env[name=A].value"),
        (r#"env[name="A=B"]"#, r#"env[name="A=B"]"#),
        (r"env[name=A\=B]", r#"env[name="A=B"]"#),
        (r#"env["name"='A']"#, "env[name=A]"),
        ("volumeMounts[mountPath=/a].name", "volumeMounts[mountPath=/a].name"),
        ("volumeMounts[mountPath=/a.b/c]", "volumeMounts[mountPath=/a.b/c]"),
        (r#"a[name=""]"#, r#"a[name=""]"#),
        ("a[name=0]", "a[name=0]"),
        ("a[0=b]", "a[0=b]"),
        ("a[b.c=d]", "a[b.c=d]"),
        ("a[-1=b]", "a[-1=b]"),
        ("load_from[*.location_name=a]", "load_from[*.location_name=a]"),
        (r#"load_from["*".location_name=a]"#, r#"load_from["*".location_name=a]"#),
        (r#""""#, r#""""#),
        (r#"a."".b"#, r#"a."".b"#),
        ("a['']", r#"a."""#),
        ("a b.c d", "a b.c d"),
        (r#"" a""#, r#"" a""#),
        (r"\ a", r#"" a""#),
        (r"a\ ", r#""a ""#),
        ("größe.名前", "größe.名前"),
        ("-a.--b", "-a.--b"),
        ("a,b", "a,b"),
        (r"a\,b", "a,b"),
        ("$schema.a$", "$schema.a$"),
        (r#""$""#, r#""$""#),
        ("a.$", r#"a."$""#),
        (r#""*""#, r#""*""#),
        ("a*b.*c", "a*b.*c"),
        (r"a\\b", r"'a\b'"),
        (r#"a\"b"#, r#"'a"b'"#),
        ("'it''s'", r#""it's""#),
        (r"it\'s", r#""it's""#),
        (r#""a\"'b\\""#, r#""a\"'b\\""#),
        ("a[b=c][d=e][0].f", "a[b=c][d=e][0].f"),
        ("a{b}", "a{b}"),
        ("a:b/c#d", "a:b/c#d"),
    ];
    for (text, printed) in cases {
        let path = parse(text);
        assert_eq!(path.to_string(), printed, "{text}");
        assert_eq!(parse(printed), path, "{text}");
    }
    assert_eq!(parse("a.b[0]"), Path::new(vec![Step::Key("a".into()), Step::Key("b".into()), Step::Index(0)]));
    let key: ItemKey = "*.location_name".parse().unwrap();
    assert_eq!(parse("load_from[*.location_name=a]"), Path::default().key("load_from").item(&key, "a"));
}

#[test]
fn err_paths_say_where_and_what_was_meant() {
    let cases = [
        ("a..b", 2, None),
        ("a.", 2, Some("a")),
        (".a", 0, Some("a")),
        (".", 0, Some("")),
        (".a.", 0, Some("a")),
        ("a.[0]", 2, Some("a[0]")),
        ("$", 0, Some("")),
        ("$.a", 0, Some("a")),
        ("$[0]", 0, Some("[0]")),
        ("a.*", 2, Some(r#"a."*""#)),
        ("*", 0, Some(r#""*""#)),
        ("a[]", 2, None),
        ("a[", 2, None),
        ("a[*]", 3, None),
        ("a[-1]", 2, None),
        ("a[+1]", 2, None),
        ("a[99999999999999999999]", 2, None),
        ("a[0", 3, Some("a[0]")),
        ("a[0]b", 4, Some("a[0].b")),
        ("a[etl].b", 5, Some("a[name=etl].b")),
        ("a[name=b", 8, Some("a[name=b]")),
        ("a[name=]", 7, Some(r#"a[name=""]"#)),
        ("a[name=A=B].c", 8, Some(r#"a[name="A=B"].c"#)),
        ("a['b.c'", 7, Some(r#"a."b.c""#)),
        ("a['b.c]", 7, Some(r#"a."b.c""#)),
        (r#"a["b.c].d"#, 9, Some(r#"a."b.c".d"#)),
        (r#"labels."a.b/c"#, 13, Some(r#"labels."a.b/c""#)),
        (r#"labels.a.b/c""#, 12, None),
        (r#"labels."a.b"/c"#, 12, None),
        ("it's", 2, None),
        ("a]", 1, None),
        ("a=b", 1, None),
        ("a\\", 2, None),
        (" a", 0, Some("a")),
        ("image.tag ", 6, Some("image.tag")),
        ("image. tag", 6, Some("image.tag")),
        ("a[ 0 ]", 2, Some("a[0]")),
        ("env[name= A]", 9, Some("env[name=A]")),
        (" . a", 0, Some("a")),
    ];
    for (text, at, corrected) in cases {
        let error = text.parse::<Path>().unwrap_err();
        assert_eq!((error.at, error.corrected.as_deref()), (at, corrected), "{text}: {error}");
        assert!(error.to_string().starts_with(&format!("malformed path at byte {at}: expected ")), "{error}");
        if let Some(corrected) = corrected {
            assert_eq!(parse(corrected).to_string(), corrected, "{text}");
            assert_eq!(error.hint(), format!("write `{corrected}`"));
        }
    }
}

#[test]
fn assignments_end_at_the_first_sign_outside_of_quotes_and_brackets() {
    let cases = [
        ("a=1", "a", Some("1")),
        ("a.b=c=d", "a.b", Some("c=d")),
        ("a=", "a", Some("")),
        ("a", "a", None),
        ("=1", "", Some("1")),
        ("env[name=A].value=b", "env[name=A].value", Some("b")),
        (r#"env[name="A=B]"].value=b"#, r#"env[name="A=B]"].value"#, Some("b")),
        (r#""a=b".c=d"#, r#""a=b".c"#, Some("d")),
        (r"a\=b=c", r#""a=b""#, Some("c")),
        ("a='b.c'", "a", Some("'b.c'")),
        ("labels.app.kubernetes.io/name=b", "labels.app.kubernetes.io/name", Some("b")),
    ];
    for (text, path, value) in cases {
        let (found, rest) = Path::assignment(text).unwrap();
        assert_eq!((found.to_string().as_str(), rest), (path, value), "{text}");
    }
}

#[test]
fn err_assignments_show_nothing_of_the_value() {
    let cases = [
        (r#"labels."a.b=hunter2"#, Some(r#"labels."a.b""#)),
        ("labels['a.b=hunter2", Some(r#"labels."a.b""#)),
        ("a[0=hunter2", Some("a[0]")),
        ("a.=hunter2", Some("a")),
        ("a =hunter2", Some("a")),
        ("env[name=hunter2", None),
        ("env[name='hunter2", None),
        ("a[name=b=hunter2", None),
        ("a..b=hunter2", None),
    ];
    for (text, corrected) in cases {
        let error = Path::assignment(text).unwrap_err();
        assert!(!format!("{error:?}{error}{}", error.hint()).contains("hunter2"), "{text}: {error:?}");
        assert_eq!(error.corrected.as_deref(), corrected, "{text}");
    }
}

fn word() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        ".", "[", "]", "=", "\"", "'", "\\", "*", "$", " ", "\t", "\n", "0", "-", "+", ",", "a", "ü", "\u{a0}", "{",
        "#", "name",
    ]);
    prop::collection::vec(odd, 0..5).prop_map(|parts| parts.concat())
}

fn step() -> impl Strategy<Value = Step> {
    let identity = prop::collection::vec(prop::option::weighted(0.8, word()), 1..3);
    let item = (identity, word()).prop_map(|(keys, name)| {
        // An identity is made from its notation alone.
        let quoted = |key: &String| format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""));
        let keys: Vec<String> = keys.iter().map(|key| key.as_ref().map_or_else(|| "*".to_owned(), quoted)).collect();
        Step::Item { key: keys.join(".").parse().unwrap(), name }
    });
    prop_oneof![word().prop_map(Step::Key), item, any::<usize>().prop_map(Step::Index)]
}

proptest! {
    #[test]
    fn any_path_reads_back_from_what_is_printed(steps in prop::collection::vec(step(), 0..5)) {
        let path = Path::new(steps);
        let printed = path.to_string();
        prop_assert_eq!(printed.parse::<Path>(), Ok(path.clone()), "{}", printed);
        let assigned = format!("{printed}=a=b");
        prop_assert_eq!(Path::assignment(&assigned), Ok((path, Some("a=b"))), "{}", assigned);
    }

    #[test]
    fn what_is_accepted_is_printed_in_one_form_and_corrections_are_paths(parts in prop::collection::vec(word(), 0..6)) {
        let text = parts.concat();
        match text.parse::<Path>() {
            Ok(path) => {
                let printed = path.to_string();
                prop_assert_eq!(printed.parse::<Path>(), Ok(path));
            }
            Err(error) => {
                prop_assert!(error.at <= text.len() && text.is_char_boundary(error.at));
                if let Some(corrected) = error.corrected {
                    prop_assert_eq!(corrected.parse::<Path>().map(|path| path.to_string()), Ok(corrected));
                }
            }
        }
    }
}

#[test]
fn dotted_keys_are_known_by_what_the_chart_wants() {
    let texts =
        |way: &Path| matches!(way.steps(), [Step::Key(map), Step::Key(_)] if map == "labels" || map == "nodeSelector");
    let cases = [
        ("labels.app.kubernetes.io/name", Some(("labels.app", r#"labels."app.kubernetes.io/name""#))),
        ("nodeSelector.kubernetes.io/os", Some(("nodeSelector.kubernetes", r#"nodeSelector."kubernetes.io/os""#))),
        (r#"labels."a.b".c"#, Some((r#"labels."a.b""#, r#"labels."a.b.c""#))),
        (r#"labels."a.b""#, None),
        ("labels.app", None),
        ("labels", None),
        ("image.tag.a", None),
        ("labels.a[0]", None),
    ];
    for (text, expected) in cases {
        let found = DottedKey::by_kind(&parse(text), texts);
        let found = found.map(|DottedKey { taken, meant }| (taken.to_string(), meant.to_string()));
        assert_eq!(found, expected.map(|(taken, meant)| (taken.to_owned(), meant.to_owned())), "{text}");
    }
    let found = DottedKey::by_kind(&parse("labels.app.x/y"), texts).unwrap();
    assert_eq!(found.to_string(), "`labels.app` would be a mapping where a text is wanted");
    assert_eq!(found.hint(), r#"write `labels."app.x/y"`: a key that holds dots stands in quotes"#);
}

fn value(text: &str) -> Value {
    Document::parse(text).unwrap().to_value(Schema::Helm).unwrap()
}

#[test]
fn dotted_keys_are_known_by_what_is_there() {
    let data = value("labels: {app.kubernetes.io/name: a, b.c: {d: 1}, x: {y: 1}, x.y: 2}\nitems: [{a.b: 1}]\n");
    let cases = [
        ("labels.app.kubernetes.io/name", Some(r#"labels."app.kubernetes.io/name""#)),
        // Not there, but its neighbours begin like it.
        ("labels.app.kubernetes.io/part-of", Some(r#"labels."app.kubernetes.io/part-of""#)),
        ("labels.b.c.d", Some(r#"labels."b.c".d"#)),
        ("items[0].a.b", Some(r#"items[0]."a.b""#)),
        ("labels.x.y", None),
        ("labels.x.z.w", None),
        ("labels.other.key", None),
        ("labels.app", None),
        ("nothing.at.all", None),
    ];
    for (text, meant) in cases {
        let found = DottedKey::by_data(&parse(text), &data).map(|found| found.meant.to_string());
        assert_eq!(found.as_deref(), meant, "{text}");
    }
}

#[test]
fn nearest_thing_that_is_there() {
    let data = value(
        "deployments:\n  - {name: etl, image: {tag: a}, env: [{name: PORT, value: b}]}\n  - {name: '0', port: 1}\nlabels: {a.b: 1}\nargs: [x, y]\n",
    );
    let cases = [
        ("deployments[name=etl].image.tagg", Some("deployments[name=etl].image.tag")),
        ("deployment[name=elt].image", Some("deployments[name=etl].image")),
        ("deployment[name=etl].imag.tag", Some("deployments[name=etl].image.tag")),
        ("deployments[name=etl].env[name=PORTS].value", Some("deployments[name=etl].env[name=PORT].value")),
        ("deployments.etl.image.tag", Some("deployments[name=etl].image.tag")),
        ("args.0", Some("args[0]")),
        ("labels.a.b", Some(r#"labels."a.b""#)),
        ("args[7]", None),
        ("nothing", None),
        ("deployments[name=etl].image.tag", None),
    ];
    for (text, expected) in cases {
        let found = parse(text).nearest(&data).map(|path| path.to_string());
        assert_eq!(found.as_deref(), expected, "{text}");
    }
}
