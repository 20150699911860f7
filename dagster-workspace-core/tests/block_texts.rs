//! Texts of several lines as they are written: every reader reads exactly the text that was set, over lines or in quotes.

mod readers;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use dagster_workspace_core::edit::{Edit, apply_text};
use dagster_workspace_core::value::Value;
use readers::{Choices, Python, Read, helm};

/// Documents with a place for a text, each called `k` or an item of `k`: new, plain, folded, literal, indented, kept.
const PLACES: [&str; 8] = [
    "k: old # why\nz: 1\n",
    "z: 1\n",
    "k: |\n    old\nz: 1\n",
    "k: >\n  old and\n  more\nz: 1\n",
    "k: |+\n  old\n\nz: 1\n",
    "k: |2-\n   old\n  more\n\nz: 1\n",
    "k: >-\n  old",
    "k:\n\n# c\nz: 1\n",
];

fn texts() -> BTreeSet<String> {
    const PIECES: [&str; 15] =
        ["\n", "\n", "\n\n", " ", "  ", "\t", "a", "b c", "#", "- ", "k: v", "---", "...", "\"'", "é"];
    let mut choices = Choices::new(7);
    let mut texts: BTreeSet<String> = (0..600).map(|_| choices.joined(&PIECES, 8)).collect();
    texts.extend(["a\r\nb", "a\u{7}\nb", "a\u{2028}\nb", "\u{feff}a\nb", "a\n\u{85}b\n"].map(String::from));
    texts.retain(|text| text.contains('\n'));
    texts
}

/// Each text in each place, and as the second item of a list.
fn documents() -> Vec<(String, String)> {
    let mut out = Vec::new();
    for (number, text) in texts().into_iter().enumerate() {
        let place = PLACES[number % PLACES.len()];
        let edit = Edit::Set { path: "k".parse().unwrap(), value: text.as_str().into() };
        let edited = apply_text(place, &edit).unwrap().unwrap_or_else(|| place.to_owned());
        out.push((edited, text.clone()));
        let list = ["k:\n- old\n", "k:\n    -   old\nz: 1\n", "k: [old]\n"][number % 3];
        let value = Value::Sequence(vec!["old".into(), text.as_str().into()]);
        let edit = Edit::Set { path: "k".parse().unwrap(), value };
        let edited = apply_text(list, &edit).unwrap().unwrap();
        out.push((edited, text));
    }
    out
}

/// The text at `k`, or in the item there that is not the first.
fn text_of(read: &Read) -> Option<&str> {
    let Read::Map(entries) = read else { return None };
    let (_, value) = entries.iter().find(|(key, _)| *key == Read::String("k".into()))?;
    match value {
        Read::String(text) => Some(text),
        Read::List(items) => match items.last()? {
            Read::String(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

#[test]
fn every_reader_reads_the_text_that_was_set() {
    let documents = documents();
    let blocks = documents.iter().filter(|(document, _)| document.contains(['|', '>'])).count();
    assert!(blocks > documents.len() / 4, "{blocks} of {}", documents.len());
    let Some(mut python) = Python::start() else { return };
    let written: Vec<String> = documents.iter().map(|(document, _)| document.clone()).collect();
    for reader in ["pyyaml", "ruamel", "dagster"] {
        for ((document, text), read) in documents.iter().zip(python.read(reader, &written)) {
            assert_eq!(text_of(&read), Some(text.as_str()), "{reader}: {document:?}");
        }
    }
}

#[test]
fn helm_reads_the_text_that_was_set() {
    for major in [3, 4] {
        let Some(program) = testing::helm(major) else { continue };
        let documents = documents();
        let mut list = String::from("list:\n");
        for (document, _) in &documents {
            // A document inside a document: each as an item, two columns further in.
            let mut lines = document.split_inclusive('\n');
            write!(list, "- {}", lines.next().unwrap()).unwrap();
            for line in lines {
                let indent = if line.trim_end_matches('\n').is_empty() { "" } else { "  " };
                write!(list, "{indent}{line}").unwrap();
            }
            if !list.ends_with('\n') {
                list.push('\n');
            }
        }
        let read = helm(&program, &format!("blocks{major}"), &list).unwrap();
        let Read::Map(entries) = read else { panic!("{read:?}") };
        let [(_, Read::List(items))] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!(items.len(), documents.len());
        for ((document, text), item) in documents.iter().zip(items) {
            assert_eq!(text_of(item), Some(text.as_str()), "helm {major}: {document:?}");
        }
    }
}
