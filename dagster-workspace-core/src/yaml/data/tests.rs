//! What texts mean as data, beside JSON.

use alloc::format;

use super::*;

/// Checks what a text means as JSON, or the code of the error, and that a look-up of every key agrees.
fn check(schema: Schema, text: &str, expected: &str) {
    let document = Document::parse(text).unwrap();
    let found = match document.to_value(schema) {
        Ok(value) => serde_json::to_string(&value).unwrap(),
        Err(error) => error.problem.code().into(),
    };
    assert_eq!(found, expected, "{text}");
    let (Ok(value), Some(root)) = (document.to_value(schema), document.root()) else { return };
    let reader = Reader::new(schema);
    let entries = reader.entries(root);
    assert_eq!(entries.len(), value.entries().len(), "{text}");
    for (key, value) in value.entries() {
        let node = reader.get(root, key).expect(key);
        assert!(reader.value(node).unwrap().is_same(value), "{key} of {text}");
        assert!(entries.iter().any(|entry| entry.value == node && reader.key(entry.key).unwrap() == **key));
    }
}

#[test]
fn data_is_what_the_readers_make_of_it() {
    let cases = [
        ("", "null"),
        ("# nothing\n", "null"),
        ("a: 1\nb: [x, 1.5, true, ~, 'y', \"z\"]\n", r#"{"a":1,"b":["x",1.5,true,null,"y","z"]}"#),
        ("a: &x {p: 1}\nb: *x\n", r#"{"a":{"p":1},"b":{"p":1}}"#),
        ("a: &x 1\nb: &x 2\nc: *x\n", r#"{"a":1,"b":2,"c":2}"#),
        ("a: 1\na: 2\n", r#"{"a":2}"#),
        ("1: a\ntrue: b\n", r#"{"1":"a","true":"b"}"#),
        // Of a list the first wins; of two merge keys the last; own entries behind them.
        ("<<: [{p: 1}, {p: 2, q: 3}]\n", r#"{"p":1,"q":3}"#),
        ("<<: {p: 1}\n<<: {p: 2}\n", r#"{"p":2}"#),
        ("<<: {p: 1, q: 1}\n<<: [{q: 2}, {q: 3, p: 3}]\n<<: {r: 4}\n", r#"{"p":3,"q":2,"r":4}"#),
        ("<<: {p: 1, q: 1}\n<<: {p: 2}\nq: 3\n", r#"{"p":2,"q":3}"#),
        ("<<: {<<: {p: 1, q: 1}, q: 2}\n", r#"{"p":1,"q":2}"#),
        ("'<<': {p: 1}\n", r#"{"<<":{"p":1}}"#),
        ("&k a: 1\nb: *k\n", r#"{"a":1,"b":"a"}"#),
        ("a: &a [*a]\n", "DW0042"),
        ("a: *missing\n", "DW0043"),
        ("<<: 1\n", "DW0045"),
        ("<<: [1]\n", "DW0045"),
        ("? [a]\n: 1\n", "DW0044"),
        ("~: 1\n", "DW0044"),
    ];
    for (text, expected) in cases {
        check(Schema::Dagster, text, expected);
        check(Schema::Helm, text, expected);
    }
    check(Schema::Core, "<<: {p: 1}\n", r#"{"<<":{"p":1}}"#);
    check(Schema::Dagster, "'on': 1\ny: 012\n", r#"{"on":1,"y":10}"#);
    let key = Document::parse("on: 1\n").unwrap().to_value(Schema::Dagster).unwrap();
    assert_eq!(key.entries(), [("true".into(), Value::Int(1))]);
}

/// Helm puts in what is merged where `<<` stands, PyYAML before everything else.
#[test]
fn own_entries_before_a_merge_key_win_for_dagster_alone() {
    let cases = [
        ("p: 0\n<<: {p: 1, q: 2}\n", r#"{"p":0,"q":2}"#, r#"{"p":1,"q":2}"#),
        ("<<: {p: 1}\np: 0\n<<: {p: 2, q: 2}\n", r#"{"p":0,"q":2}"#, r#"{"p":2,"q":2}"#),
        ("p: 0\n<<: {p: 1}\n<<: {q: 2}\n", r#"{"p":0,"q":2}"#, r#"{"p":1,"q":2}"#),
        ("p: 0\n<<: [{q: 1}, {p: 2, q: 2}]\n", r#"{"p":0,"q":1}"#, r#"{"p":2,"q":1}"#),
        ("p: 0\n<<: {p: 1}\np: 3\n", r#"{"p":3}"#, r#"{"p":3}"#),
        ("p: 0\n<<: {p: 1, <<: {p: 2}}\n", r#"{"p":0}"#, r#"{"p":2}"#),
    ];
    for (text, dagster, helm) in cases {
        check(Schema::Dagster, text, dagster);
        check(Schema::Helm, text, helm);
    }
}

#[test]
fn err_anchor_of_another_document() {
    let document = Document::parse("a: &x 1\n---\nb: *x\n").unwrap();
    let root = document.roots().nth(1).unwrap();
    assert_eq!(root.to_value(Schema::Helm).unwrap_err().problem, DataProblem::UnknownAlias);
}

/// A list of ten, each level ten times the one before.
fn laughs(levels: usize, open: &str, item: &str, close: &str) -> String {
    let mut text = String::from("l0: &l0 {lol: lol}\n");
    for level in 1..=levels {
        let alias = format!("*l{}", level - 1);
        let items = [item.replace("ALIAS", &alias).as_str(); 10].join(", ");
        text += &format!("l{level}: &l{level} {open}{items}{close}\n");
    }
    text
}

#[test]
fn err_billion_laughs_are_refused_at_once() {
    let lists = laughs(12, "[", "ALIAS", "]");
    check(Schema::Helm, &lists, "DW0040");
    let merges = laughs(12, "{<<: [", "ALIAS", "]}");
    check(Schema::Helm, &merges, "DW0040");
    // A look-up gives up quietly.
    let document = Document::parse(merges.as_str()).unwrap();
    let reader = Reader::new(Schema::Helm);
    let last = reader.get(document.root().unwrap(), "l12").unwrap();
    assert_eq!(reader.get(last, "absent"), None);
    assert!(reader.get(last, "lol").is_some());
    assert_eq!(reader.entries(last).len(), 1);
}

#[test]
fn err_depth_is_counted_through_aliases() {
    let open = "[".repeat(400);
    let close = "]".repeat(400);
    check(Schema::Helm, &format!("a: &a {open}1{close}\nb: {open}*a{close}\n"), "DW0041");
}

#[test]
fn defaults_merged_by_every_entry_of_a_long_list_are_read() {
    let mut text = String::from("x: &x {a: 1, b: two, c: [1, 2, 3], d: {e: f}}\ndeployments:\n");
    for at in 0..3000 {
        text += &format!("  - {{<<: *x, name: d{at}}}\n");
    }
    let document = Document::parse(text).unwrap();
    let value = document.to_value(Schema::Helm).unwrap();
    let Some(Value::Sequence(items)) = value.get("deployments") else { panic!("{value:?}") };
    assert!(items.iter().all(|item| item.entries().len() == 5));
}

#[test]
fn many_keys_are_still_unique() {
    let text: String = (0..100).map(|at| format!("k{}: {at}\n", at % 40)).collect();
    let document = Document::parse(text).unwrap();
    let value = document.to_value(Schema::Helm).unwrap();
    assert_eq!(value.entries().len(), 40);
    assert_eq!(value.get("k19"), Some(&Value::Int(99)));
    assert_eq!(value.get("k39"), Some(&Value::Int(79)));
}
