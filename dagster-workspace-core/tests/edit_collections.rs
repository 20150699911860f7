//! Setting a list or mapping to another one is the smallest edit: what stays keeps its bytes, what comes out reads as asked, and
//! nothing else changes. Over generated documents, real files and written situations.
//!
//! `DAGSTER_WORKSPACE_CASES` is how many documents each law sees.

mod laws;
mod readers;
mod samples;
mod written;

use std::time::Instant;

use dagster_workspace_core::edit::Edit;
use dagster_workspace_core::error::Reason;
use dagster_workspace_core::value::Value;
use dagster_workspace_core::yaml::{Document, Kind, Node, Path, Schema};
use laws::sites::sites;
use laws::{Outcome, apply};
use proptest::prelude::*;
use readers::{Python, Read};
use written::{Flavour, Tape, choices, config, document};

/// Another value for a collection: items and entries gone, come, moved and changed, at every depth.
fn other(value: &Value, tape: &mut Tape<'_>) -> Value {
    const NEW: [&str; 8] =
        ["x", "'1.10'", "7", "~", "{name: new, port: 1}", "[a, 'on']", "\"a\\nb\\n\"", "{k: {l: [m]}}"];
    let data = |text: &str| Document::parse(text).unwrap().to_value(Schema::Helm).unwrap();
    match value {
        Value::Sequence(items) => {
            let mut items = items.clone();
            for _ in 0..1 + tape.below(3) {
                let at = tape.below(items.len() + 1);
                match tape.below(5) {
                    0 => items.insert(at, data(tape.pick(&NEW))),
                    1 if at < items.len() => drop(items.remove(at)),
                    2 if at < items.len() => {
                        let item = items.remove(at);
                        let to = tape.below(items.len() + 1);
                        items.insert(to, item);
                    }
                    3 if at < items.len() => items[at] = data(tape.pick(&NEW)),
                    _ if at < items.len() => items[at] = other(&items[at], tape),
                    _ => items.push(data(tape.pick(&NEW))),
                }
            }
            Value::Sequence(items)
        }
        Value::Mapping(entries) => {
            let mut entries = entries.clone();
            for _ in 0..1 + tape.below(3) {
                let at = tape.below(entries.len() + 1);
                match tape.below(4) {
                    0 if at < entries.len() => drop(entries.remove(at)),
                    1 if at < entries.len() => entries[at].1 = data(tape.pick(&NEW)),
                    2 if at < entries.len() => entries[at].1 = other(&entries[at].1, tape),
                    _ => {
                        let key = tape.pick(&["fresh", "1.10", "later"]);
                        entries.retain(|(own, _)| own != key);
                        entries.push((key.to_owned(), data(tape.pick(&NEW))));
                    }
                }
            }
            Value::Mapping(entries)
        }
        _ => data(tape.pick(&NEW)),
    }
}

/// A collection of the document, and another value for it.
fn made(text: &str, tape: &mut Tape<'_>) -> Option<(Path, Value)> {
    let document = Document::parse(text).unwrap();
    let all = sites(&document);
    let collection = |node: &Node<'_>| node.kind().is_mapping() || node.kind().is_sequence();
    let found: Vec<_> = all.iter().filter(|(_, node)| collection(node)).collect();
    let (path, node) = found.get(tape.below(found.len().max(1)))?;
    Some((path.clone(), other(&node.to_value(Schema::Helm).ok()?, tape)))
}

/// The bytes of what stays in a collection that becomes `wanted`: elements that are the same ones whatever one compares by.
fn kept<'d>(node: Node<'d>, wanted: &Value, out: &mut Vec<&'d str>) {
    // What readers do not agree on cannot stay.
    let value = |node: Node<'_>| {
        let [helm, dagster] = [Schema::Helm, Schema::Dagster].map(|schema| node.to_value(schema).ok());
        helm.filter(|found| dagster.is_some_and(|other| other.is_same(found)))
    };
    match wanted {
        Value::Mapping(entries) => {
            for entry in node.entries() {
                let key = entry.key.text().unwrap_or_default();
                let Some((_, wanted)) = entries.iter().find(|(own, _)| *own == key) else { continue };
                match value(entry.value) {
                    Some(found) if found.is_same(wanted) => out.push(with_comment(node, entry.value)),
                    _ => kept(entry.value, wanted, out),
                }
            }
        }
        // An item with an anchor cannot move behind one that uses it: such a list may be written as a whole.
        Value::Sequence(items) if !node.source().contains('&') => {
            let all: Vec<_> = node.items().map(|item| (item, value(item))).collect();
            for (item, found) in &all {
                let Some(found) = found else { continue };
                let once = all.iter().filter(|(_, other)| other.as_ref().is_some_and(|other| other.is_same(found)));
                let wanted = items.iter().filter(|wanted| wanted.is_same(found)).count();
                if once.count() == 1 && wanted == 1 {
                    out.push(with_comment(node, *item));
                }
            }
        }
        _ => {}
    }
}

/// A node with the comment behind it. In brackets a comment belongs to the line and not to what moves away from it.
fn with_comment<'d>(collection: Node<'d>, node: Node<'d>) -> &'d str {
    let (text, span) = (node.document_text(), node.span());
    let behind = &text[span.end as usize..];
    let line = behind.split(['\n', '\r']).next().unwrap_or_default();
    let block = matches!(node.source().as_bytes().first(), Some(b'|' | b'>'));
    let block_style = matches!(collection.kind(), Kind::BlockMapping | Kind::BlockSequence);
    let comment = block_style && !block && !node.source().is_empty() && line.trim_start().starts_with('#');
    &text[span.start as usize..span.end as usize + if comment { line.len() } else { 0 }]
}

/// The laws of one edit. A broken one is the error.
fn check(text: &str, path: &Path, value: &Value) -> Result<Outcome, String> {
    let edit = Edit::Set { path: path.clone(), value: value.clone() };
    let outcome = laws::check(text, &edit)?;
    let Outcome::Changed(after) = &outcome else { return Ok(outcome) };
    let document = Document::parse(text).unwrap();
    let node = laws::sites::node_at(&document, path.steps()).unwrap();
    let mut all = Vec::new();
    kept(node, value, &mut all);
    match all.iter().find(|bytes| !after.contains(*bytes)) {
        Some(bytes) => Err(format!(
            "{bytes:?} is lost\n{path} = {}\n--- before\n{text}\n--- after\n{after}",
            serde_json::to_string(value).unwrap()
        )),
        None => Ok(outcome),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn collections_of_plain_documents_keep_what_stays(choices in choices(), more in choices()) {
        let text = document(&choices, Flavour::Plain);
        let Some((path, value)) = made(&text, &mut Tape::new(&more)) else { return Ok(()) };
        check(&text, &path, &value).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn collections_of_any_document_keep_what_stays(choices in choices(), more in choices()) {
        let text = document(&choices, Flavour::Full);
        let Some((path, value)) = made(&text, &mut Tape::new(&more)) else { return Ok(()) };
        check(&text, &path, &value).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn every_collection_of_real_files_is_set_to_another_one() {
    let Some(documents) = samples::documents() else { return };
    let mut python = Python::start();
    let (mut changed, mut refused) = (0, 0);
    for (name, text) in documents {
        let Ok(document) = Document::parse(text.as_str()) else { continue };
        if document.documents().count() != 1 {
            continue;
        }
        let (mut texts, mut meant) = (Vec::new(), Vec::new());
        let all = sites(&document);
        let collections = all.iter().filter(|(_, node)| node.kind().is_mapping() || node.kind().is_sequence());
        for (number, (path, node)) in collections.enumerate().take(60) {
            let bytes: Vec<u8> = (0..40).map(|at| (number * 31 + at * 17 + name.len() * 7) as u8).collect();
            let Ok(own) = node.to_value(Schema::Helm) else { continue };
            let value = other(&own, &mut Tape::new(&bytes));
            match check(&text, path, &value).unwrap_or_else(|broken| panic!("{name}: {broken}")) {
                Outcome::Changed(after) => {
                    let data = Document::parse(after.as_str()).unwrap().to_value(Schema::Dagster).unwrap();
                    texts.push(after);
                    meant.push(Read::from(&serde_yaml::Value::from(data)));
                }
                Outcome::Unchanged => {}
                Outcome::Refused(Reason::ThroughAlias | Reason::AnchorInUse) => refused += 1,
                Outcome::Refused(other) => panic!("{name}: {path}: {other:?}"),
            }
        }
        changed += texts.len();
        let Some(python) = &mut python else { continue };
        for ((read, meant), text) in python.read("pyyaml", &texts).iter().zip(&meant).zip(&texts) {
            assert_eq!(read, meant, "{name}:\n{text}");
        }
    }
    assert!(changed >= 300 && refused < changed / 10, "{changed} changed, {refused} refused");
}

#[test]
fn large_lists_cost_what_their_length_says() {
    let text = |count: usize| {
        let items = (0..count).map(|at| format!("  - name: n{at} # {at}\n    port: {at}\n"));
        format!("deployments:\n{}", items.collect::<String>())
    };
    let took = |count: usize| {
        let text = text(count);
        let mut value = Document::parse(text.as_str()).unwrap().to_value(Schema::Helm).unwrap();
        let Some(Value::Sequence(mut items)) = value.get("deployments").cloned() else { panic!() };
        items.retain(|item| item.get("port") != Some(&Value::Int(7)));
        for item in items.iter_mut().step_by(10) {
            item.set("port", Value::Int(1));
        }
        for at in (1..10).rev() {
            let name = format!("new{at}");
            items.insert(count * at / 10, Value::Mapping(vec![("name".into(), name.into())]));
        }
        // One of ten new, one of ten gone, one of ten elsewhere.
        for at in (0..count / 2).step_by(20) {
            items[at].set("name", format!("other{at}").into());
            items.swap(at + 1, at + 2);
        }
        value.set("deployments", Value::Sequence(items));
        let start = Instant::now();
        let outcome = apply(&text, &Edit::Set { path: Path::default(), value });
        assert!(matches!(outcome, Outcome::Changed(_)), "{outcome:?}");
        start.elapsed()
    };
    let (small, large) = (took(500), took(8_000));
    // Sixteen times as long, with some room for sorting and for a busy machine; its square would be 256 times.
    assert!(large < small * 80, "{small:?} {large:?}");
}

/// The value at a path is set, and the text comes out like this.
#[track_caller]
fn sets(text: &str, path: &str, value: &str, want: &str) {
    let value = Document::parse(value).unwrap().to_value(Schema::Helm).unwrap();
    let outcome = check(text, &path.parse().unwrap(), &value).unwrap();
    assert_eq!(outcome.text(text), want, "{outcome:?}");
}

#[test]
fn items_that_stay_keep_their_comments_and_new_ones_go_behind_them() {
    let text = "a:\n  args:\n    - -m      # module\n    - proj    # the project\n  port: 3030\n";
    let want = "a:\n  args:\n    - -m      # module\n    - proj    # the project\n    - -a\n    - defs\n  port: 3030\n";
    sets(text, "a.args", "[-m, proj, -a, defs]", want);
    sets(text, "a", "{args: [-m, proj, -a, defs], port: 3030}", want);
    sets(
        text,
        "a.args",
        "[-q, -m, proj]",
        "a:\n  args:\n    - -q\n    - -m      # module\n    - proj    # the project\n  port: 3030\n",
    );
    sets(text, "a.args", "[proj]", "a:\n  args:\n    - proj    # the project\n  port: 3030\n");
    sets(
        text,
        "a.args",
        "[proj, -m]",
        "a:\n  args:\n    - proj    # the project\n    - -m      # module\n  port: 3030\n",
    );
}

#[test]
fn an_item_of_the_same_name_is_changed_in_place() {
    let text = "envSecrets:\n  - name: s1\n    optional: true   # dev only\n  - name: s2\n";
    sets(
        text,
        "envSecrets",
        "[{name: s2}, {name: s1, optional: false}]",
        "envSecrets:\n  - name: s2\n  - name: s1\n    optional: false   # dev only\n",
    );
    let mounts = "volumeMounts:\n  - name: v # one\n    mountPath: /a\n  - name: v # two\n    mountPath: /b\n";
    sets(mounts, "volumeMounts", "[{name: w, mountPath: /b}]", "volumeMounts:\n  - name: w # two\n    mountPath: /b\n");
}

#[test]
fn servers_that_stay_keep_their_notation() {
    let text = "servers:\n  # team A, on call: 555\n  - host: \"code-a\"   # gpu pool\n    port: 3030\n    name: \"a\"\n  - {host: code-b, port: 3031}   # nightly only\n# stays\nnext: ~\n";
    let value = "[{host: code-a, port: 3030, name: a}, {host: code-b, port: 3031}, {host: zz, port: 3030, name: zz}]";
    let want = text.replace("# stays", "  - host: zz\n    port: 3030\n    name: \"zz\"\n# stays");
    sets(text, "servers", value, &want);
}

#[test]
fn brackets_get_and_lose_elements_in_place() {
    sets("a: [-m, 'x'] # c\n", "a", "[-m, -a, x]", "a: [-m, -a, 'x'] # c\n");
    sets("a: ['-m', 'x']\n", "a", "['-m', 'x', '-a']", "a: ['-m', 'x', '-a']\n");
    sets("a: [x, s, z] # c\n", "a", "[z]", "a: [z] # c\n");
    sets("a: {x: 1, s: 2, z: 3}\n", "a", "{x: 1, z: 4, w: v}", "a: {x: 1, z: 4, w: v}\n");
    sets("a: [\n  x, # one\n  s # two\n]\n", "a", "[x, p, s]", "a: [\n  x, # one\n  p,\n  s # two\n]\n");
    sets("a: [\n  x, # one\n  s # two\n]\n", "a", "[x, s, p]", "a: [\n  x, # one\n  s, # two\n  p\n]\n");
}

#[test]
fn blank_lines_stand_between_new_items_as_between_old_ones() {
    let text = "a:\n  - x\n\n  - s\n\n  - z\nb: 1\n";
    sets(text, "a", "[x, p, s, z]", "a:\n  - x\n\n  - p\n\n  - s\n\n  - z\nb: 1\n");
    sets(text, "a", "[p, x, s, z]", "a:\n  - p\n\n  - x\n\n  - s\n\n  - z\nb: 1\n");
    sets(text, "a", "[x, s, z, p]", "a:\n  - x\n\n  - s\n\n  - z\n\n  - p\nb: 1\n");
    sets(text, "a", "[x, z]", "a:\n  - x\n\n  - z\nb: 1\n");
    sets(text, "a", "[s]", "a:\n  - s\nb: 1\n");
}

#[test]
fn a_text_without_final_break_and_one_with_carriage_returns_stay_so() {
    sets("a:\n- x\n- {k: v}", "a", "[x, p, m]", "a:\n- x\n- p\n- m");
    sets("a:\n- x\n- s", "a", "[x]", "a:\n- x");
    sets("a:\r\n- x # c\r\n- s\r\n", "a", "[x, p, s, m]", "a:\r\n- x # c\r\n- p\r\n- s\r\n- m\r\n");
    sets("\u{feff}- x # c\n- s\n", "", "[p, x]", "\u{feff}- p\n- x # c\n");
}

#[test]
fn what_is_merged_needs_no_entry_of_its_own() {
    let text = "b: &b {port: 1, tag: x}\na:\n  <<: *b # shared\n  name: p\n";
    sets(text, "a", "{name: m, port: 1, tag: x}", &text.replace("name: p", "name: m"));
    sets(text, "a", "{name: p, port: 2, tag: x}", &text.replace("name: p\n", "name: p\n  port: 2\n"));
    let gone = Document::parse("{name: p, tag: x}").unwrap().to_value(Schema::Helm).unwrap();
    let outcome = apply(text, &Edit::Set { path: "a".parse().unwrap(), value: gone });
    assert_eq!(outcome, Outcome::Refused(Reason::ThroughAlias));
}

#[test]
fn commented_out_neighbours_stay_where_they_are() {
    let text =
        "a:\n  # - name: old\n  #   port: 1\n  - name: x\n  # - name: older\n  - name: s\n  # - name: oldest\nb: 1\n";
    sets(
        text,
        "a",
        "[{name: z}]",
        "a:\n  # - name: old\n  #   port: 1\n  - name: z\n  # - name: older\n  # - name: oldest\nb: 1\n",
    );
}

#[test]
fn block_scalars_inside_stay_block_scalars() {
    sets("a:\n  - |\n    one\n    two\n  - x\n", "a", "[\"one\\n2\\n\", x]", "a:\n  - |\n    one\n    2\n  - x\n");
    sets("a:\n  - x\n", "a", "[x, \" one\\ntwo\"]", "a:\n  - x\n  - |2-\n     one\n    two\n");
    sets("a:\n    -   x\n", "a", "[x, \" one\\ntwo\"]", "a:\n    -   x\n    -   |4-\n         one\n        two\n");
    sets("a: [x]\n", "a", "[x, \"one\\ntwo\"]", "a: [x, \"one\\ntwo\"]\n");
}
