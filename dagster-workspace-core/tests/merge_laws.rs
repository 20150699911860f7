//! The laws of merging, over generated documents: what one side changed is in the result and nothing else, what both changed
//! is a conflict, and the data is that of a merge of plain values.
//!
//! `DAGSTER_WORKSPACE_CASES` is how many documents each law sees.

mod laws;
mod merging;
mod written;

use dagster_workspace_core::merge::Three;
use merging::{Texts, check, version};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use written::{Flavour, Tape, document};

fn config() -> ProptestConfig {
    let cases = std::env::var("DAGSTER_WORKSPACE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300);
    ProptestConfig {
        cases,
        max_shrink_iters: 20_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    }
}

fn choices() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..300)
}

fn few_choices() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..60)
}

/// A long list of items in several notations, as values files have them.
fn long_list(tape: &mut Tape<'_>) -> String {
    let indent = tape.pick(&["", "  "]);
    let mut text =
        String::from(tape.pick(&["deployments:\n", "# head\na: 1\ndeployments: # all\n\n", "- one\n- b:\n"]));
    let indent = if text.starts_with('-') { "  " } else { indent };
    for number in 0..6 + tape.below(12) {
        let item = tape.pick(&[
            "- name: NAME\n  port: 1\n",
            "- name: NAME # about\n  note: |\n    - name: fake\n    text\n",
            "- {name: NAME, args: [a, b]}\n",
            "\n# above\n- name: NAME\n  image:\n    tag: \"1\"\n",
            "-\n  name: NAME\n  note: |+\n    kept\n\n",
            "- 'plain\n  NAME'\n",
            "- - NAME\n  - {a: [\n      b]}\n",
        ]);
        for line in item.replace("NAME", &format!("n{number}")).lines() {
            text += if line.is_empty() { "" } else { indent };
            text += line;
            text += "\n";
        }
    }
    if indent.is_empty() || !text.starts_with('-') {
        text += tape.pick(&["", "rbac: true\n", "\n# tail\n", "# next\nlast: [x]\n"]);
    }
    text
}

/// A document and two versions of it.
fn versions(base: &[u8], ours: &[u8], theirs: &[u8], flavour: Flavour) -> Texts {
    let base = document(base, flavour);
    let ours = version(&base, &mut Tape::new(ours), "own");
    let theirs = version(&base, &mut Tape::new(theirs), "their");
    Three { base, ours, theirs }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn versions_of_plain_documents_merge_by_the_laws(base in choices(), ours in few_choices(), theirs in few_choices()) {
        check(&versions(&base, &ours, &theirs, Flavour::Plain)).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn versions_of_any_document_merge_by_the_laws(base in choices(), ours in few_choices(), theirs in few_choices()) {
        check(&versions(&base, &ours, &theirs, Flavour::Full)).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn documents_that_have_little_in_common_merge_by_the_laws(
        base in choices(),
        places in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 2..5),
    ) {
        let other = |which: usize| {
            let mut tape = base.clone();
            for (_, (at, byte)) in places.iter().enumerate().filter(|(number, _)| number % 2 == which) {
                if !tape.is_empty() {
                    let at = at.index(tape.len());
                    tape[at] = *byte;
                }
            }
            document(&tape, Flavour::Full)
        };
        let texts = Three { base: document(&base, Flavour::Full), ours: other(0), theirs: other(1) };
        check(&texts).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn versions_of_long_lists_merge_by_the_laws(base in choices(), ours in few_choices(), theirs in few_choices()) {
        let base = long_list(&mut Tape::new(&base));
        let ours = version(&base, &mut Tape::new(&ours), "own");
        let theirs = version(&base, &mut Tape::new(&theirs), "their");
        check(&Three { base, ours, theirs }).map_err(TestCaseError::fail)?;
    }
}
