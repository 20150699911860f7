//! The laws of editing, over generated documents and edits: bytes outside the place are kept, every reader sees the edited
//! data, edits are idempotent, undo each other and commute.
//!
//! `DAGSTER_WORKSPACE_CASES` is how many documents each law sees.

mod laws;
mod written;

use std::collections::BTreeMap;

use dagster_workspace_core::edit::Edit;
use dagster_workspace_core::yaml::Document;
use laws::{Outcome, check};
use proptest::prelude::*;
use written::{Flavour, Tape, document};

fn config() -> ProptestConfig {
    let cases = std::env::var("DAGSTER_WORKSPACE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300);
    ProptestConfig { cases, max_shrink_iters: 20_000, ..ProptestConfig::default() }
}

fn choices() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..300)
}

/// A document and an edit of it.
fn made(document_choices: &[u8], edit_choices: &[u8], flavour: Flavour) -> (String, Edit) {
    let text = document(document_choices, flavour);
    let edit = laws::sites::edit(&Document::parse(text.as_str()).unwrap(), &mut Tape::new(edit_choices));
    (text, edit)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn edits_of_plain_documents_do_what_they_say_and_no_more(choices in choices(), edit in choices()) {
        let (text, edit) = made(&choices, &edit, Flavour::Plain);
        check(&text, &edit).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn edits_of_any_document_do_what_they_say_and_no_more(choices in choices(), edit in choices()) {
        let (text, edit) = made(&choices, &edit, Flavour::Full);
        check(&text, &edit).map_err(TestCaseError::fail)?;
    }
}

/// Prints how often each reason refuses; run by hand with many cases.
#[test]
fn survey() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut tape = || choices().new_tree(&mut runner).unwrap().current();
    for flavour in [Flavour::Plain, Flavour::Full] {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut shown: BTreeMap<String, String> = BTreeMap::new();
        for _ in 0..config().cases * 10 {
            let (text, edit) = made(&tape(), &tape(), flavour);
            let what = match std::panic::catch_unwind(|| check(&text, &edit)) {
                Ok(Ok(Outcome::Unchanged)) => "unchanged".into(),
                Ok(Ok(Outcome::Changed(_))) => "changed".into(),
                Ok(Ok(Outcome::Refused(reason))) => format!("{reason:?}"),
                Ok(Err(broken)) => {
                    let mut head: String =
                        broken.lines().next().unwrap_or_default().chars().filter(|c| !c.is_ascii_digit()).collect();
                    if let Edit::Set { .. } = edit {
                        head += " set";
                    }
                    if let Edit::Add { .. } = edit {
                        head += " add";
                    }
                    if std::env::var("SPLIT").is_ok() {
                        head += &format!(" {}", broken.len() % 16);
                    }
                    let best = shown.entry(head.clone()).or_insert_with(|| broken.clone());
                    if broken.len() < best.len() {
                        *best = broken;
                    }
                    head
                }
                Err(_) => format!("panic {text:?}"),
            };
            *counts.entry(what).or_default() += 1;
        }
        for broken in shown.values() {
            println!("=================\n{broken}");
        }
        println!("{flavour:?} {counts:#?}");
    }
}
