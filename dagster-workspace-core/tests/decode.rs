//! What scalars of every style say: the decoded text against PyYAML, ruamel (YAML 1.2) and serde_yaml (libyaml), over
//! rows of lines, blanks, quotes and escapes, with each kind of line break.

mod readers;

use dagster_workspace_core::yaml::Document;
use readers::{Choices, Python, Read};

/// Documents `k: SCALAR` with flow scalars; continued lines are indented, so that most of them are YAML.
fn flow_scalars() -> Vec<String> {
    const PIECES: [&str; 20] = [
        "a", "b", "é", " ", "  ", "\n ", "\n  ", "\n\n ", "\n \n  ", " \n ", ",", "''", "\\n", "\\\n ", "\\ ", "\\t",
        "\\x41", "\\\"", "#", ":",
    ];
    let mut choices = Choices::new(6);
    let mut documents = Vec::new();
    for quote in ["", "'", "\""] {
        for _ in 0..700 {
            documents.push(format!("k: {quote}{}{quote}\n", choices.joined(&PIECES, 8)));
        }
    }
    documents
}

/// Documents with a block scalar under `k`, at the end of the text or not.
fn block_scalars() -> Vec<String> {
    const LINES: [&str; 12] =
        ["", "", " ", "  ", "   ", "  a", "  b c ", "   more", "    most", "  \ttab", "  # no comment", "  é"];
    const HEADERS: [&str; 6] = ["", "-", "+", "2", "2-", "+2"];
    const ENDS: [&str; 4] = ["", "\n", "\nz: 1\n", "\n\n# comment\nz: 1\n"];
    let mut choices = Choices::new(7);
    let mut documents = Vec::new();
    for sign in ["|", ">"] {
        for _ in 0..900 {
            let header = HEADERS[choices.below(HEADERS.len())];
            let count = choices.below(7);
            let lines: String = (0..count).map(|_| format!("\n{}", LINES[choices.below(LINES.len())])).collect();
            documents.push(format!("k: {sign}{header}{lines}{}", ENDS[choices.below(ENDS.len())]));
        }
    }
    documents
}

/// The text under `k` as this crate reads it; `None` where it refuses the document.
fn decoded(source: &str) -> Option<String> {
    let document = Document::parse(source).ok()?;
    let text = document.root()?.get("k")?.text()?;
    Some(text.into_owned())
}

/// Fails with the scalars that a reader decodes otherwise; `at_least` so many must have been read by both.
fn judge(reader: &str, documents: &[String], reads: impl IntoIterator<Item = Read>, at_least: usize) {
    let (mut compared, mut wrong) = (0, Vec::new());
    for (source, read) in documents.iter().zip(reads) {
        let Read::Map(entries) = read else { continue };
        let Some((_, Read::String(theirs))) = entries.into_iter().next() else { continue };
        // A text that ends in a line of spaces: the official suite (JEF9/02, L24T/01) lets that line end there, PyYAML and
        // libyaml do not. This crate keeps to the suite.
        let last = source.rsplit('\n').next().unwrap_or_default();
        if !last.is_empty() && last.trim().is_empty() {
            continue;
        }
        // CR LF and CR mean what LF means.
        for line_break in ["\n", "\r\n", "\r"] {
            let source = source.replace('\n', line_break);
            let Some(ours) = decoded(&source) else { continue };
            compared += 1;
            if ours != theirs {
                wrong.push(format!("{source:?}: {ours:?}, {reader} {theirs:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{reader}: {} of {compared}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared >= at_least, "{reader}: only {compared} compared");
}

fn check(documents: &[String], at_least: usize) {
    let reads = documents.iter().map(|source| match serde_yaml::from_str::<serde_yaml::Value>(source) {
        Ok(value) => Read::from(&value),
        Err(error) => Read::Refused(error.to_string()),
    });
    judge("serde_yaml", documents, reads, at_least);
    let Some(mut python) = Python::start() else { return };
    for reader in ["pyyaml", "ruamel"] {
        judge(reader, documents, python.read(reader, documents), at_least);
    }
}

#[test]
fn flow_scalars_say_what_other_readers_read() {
    check(&flow_scalars(), 3000);
}

#[test]
fn block_scalars_say_what_other_readers_read() {
    check(&block_scalars(), 3000);
}
