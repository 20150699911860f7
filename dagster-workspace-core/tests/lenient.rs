//! Lenient reading against PyYAML, which is how Dagster reads: over mutated documents, what it accepts is accepted, and
//! says the same. (helm's go-yaml accepts more than it in places; what both accept is therefore covered.)
//!
//! [`exception`] lists where the two part on purpose.

mod samples;
use dagster_workspace_core::yaml::{Document, Kind, Node};
use samples::mutate::Mutator;
use serde_json::{Value, json};

fn events(document: &Document<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for root in document.roots() {
        found.push("+DOC".to_owned());
        collect(root, &mut found);
    }
    found
}

fn collect(node: Node<'_>, found: &mut Vec<String>) {
    let anchor = node.anchor().map(|name| format!(" &{name}")).unwrap_or_default();
    if node.kind() == Kind::Alias {
        found.push(format!("=ALI {}", node.alias().unwrap()));
    } else if node.mapping().is_some() {
        found.push(format!("+MAP{anchor}"));
        for entry in node.entries() {
            collect(entry.key, found);
            collect(entry.value, found);
        }
        found.push("-MAP".to_owned());
    } else if node.sequence().is_some() {
        found.push(format!("+SEQ{anchor}"));
        node.items().for_each(|item| collect(item, found));
        found.push("-SEQ".to_owned());
    } else {
        found.push(format!("=VAL{anchor} {}", node.text().unwrap()));
    }
}

/// Why the two may differ over a text; each is a rule of YAML 1.1, or of that reader alone, on a text that nobody writes.
fn exception(text: &str) -> Option<&'static str> {
    let mut lines = text.split(['\n', '\r']);
    let last = text.rsplit('\n').next().unwrap();
    if text.contains(['\u{85}', '\u{2028}', '\u{2029}']) {
        return Some("YAML 1.1 breaks lines at these characters, 1.2 does not");
    }
    if text.get(1..).is_some_and(|rest| rest.contains('\u{feff}')) {
        return Some("YAML 1.2 allows a byte order mark before every document, PyYAML at the start of the text alone");
    }
    if !last.is_empty() && last.trim_matches(' ').is_empty() && text.contains(['|', '>']) {
        return Some(
            "a block scalar whose last line is spaces and has no break: the suite (L24T) adds the break, PyYAML does not",
        );
    }
    if lines.any(|line| line.trim_start_matches(' ').starts_with(['|', '>'])) {
        return Some("PyYAML takes a block scalar that is not indented deeper than its key");
    }
    if text.match_indices('!').any(|(at, _)| text[at + 1..].starts_with(['[', ']', '{', '}', ','])) {
        return Some("PyYAML takes brackets and commas as part of a tag");
    }
    let named = |at: usize| text[at + 1..].split([' ', '\n', '\r', '\t', ',', ']', '}', '[', '{']).next().unwrap();
    let odd = |name: &str| !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if text.match_indices(['&', '*']).any(|(at, _)| odd(named(at))) {
        return Some("names of anchors are letters, digits, `-` and `_` in PyYAML, and end at anything else");
    }
    None
}

#[test]
fn mutated_documents_are_read_as_pyyaml_reads_them() {
    let Some(mut documents) = samples::documents() else { return };
    documents.extend(samples::hard_cases().into_iter().flatten());
    let Some(mut oracle) = testing::Oracle::python("tests/pyyaml_events.py") else { return };
    let rounds = std::env::var("DAGSTER_WORKSPACE_FUZZ_ROUNDS").map_or(4_000, |rounds| rounds.parse().unwrap());
    let (mut same, mut wrong) = (0, Vec::new());
    for seed in 0..rounds {
        let mut mutator = Mutator::new(seed);
        let text = &documents[mutator.below(documents.len())].1;
        let text = mutator.stretch(text, 12);
        let text = mutator.mutate(&text);
        let answer = oracle.ask(&json!({ "text": text }));
        let Value::Array(theirs) = &answer["events"] else { continue };
        let ours = Document::parse(&*text).map(|document| events(&document)).map_err(|error| error.to_string());
        if ours.as_ref().is_ok_and(|ours| ours == theirs) {
            same += 1;
        } else if exception(&text).is_none() {
            wrong.push(format!("seed {seed}: {text:?}\n ours {ours:?}\n theirs {theirs:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(same > rounds / 6, "only {same} of {rounds} were accepted");
}

#[test]
fn real_files_are_read_as_pyyaml_reads_them() {
    let Some(documents) = samples::documents() else { return };
    let Some(mut oracle) = testing::Oracle::python("tests/pyyaml_events.py") else { return };
    let mut both = 0;
    for (name, text) in &documents {
        let answer = oracle.ask(&json!({ "text": text }));
        match (&answer["events"], Document::parse(text.as_str())) {
            (Value::Array(theirs), Ok(ours)) => {
                assert_eq!(&events(&ours), theirs, "{name}");
                both += 1;
            }
            (Value::Array(_), Err(error)) => panic!("{name}: {error}"),
            // Neither reads it: charts print a name such as `team c: prod` without quotes.
            (_, ours) => assert!(ours.is_err(), "{name}: {}", answer["error"]),
        }
    }
    assert!(both > 30, "only {both} of {}", documents.len());
}
