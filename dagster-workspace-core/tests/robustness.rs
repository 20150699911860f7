//! No text makes the scanner panic, and the index of every accepted one keeps its promises.

mod samples;

use dagster_workspace_core::yaml::{Document, Mode};
use proptest::prelude::*;
use samples::invariants::check_invariants;
use samples::mutate::Mutator;

/// Reads in both modes; what is strict YAML means the same to both. True where the text was accepted.
fn check(text: &str) -> bool {
    let strict = Document::parse_with(text, Mode::Strict);
    let lenient = Document::parse_with(text, Mode::Lenient);
    for document in [&strict, &lenient].into_iter().flatten() {
        check_invariants(document);
    }
    match (&strict, &lenient) {
        (Ok(strict), Ok(lenient)) => assert_eq!(strict.events(), lenient.events(), "{text:?}"),
        (Ok(_), Err(error)) => panic!("lenient reading rejects {text:?}: {error}"),
        (Err(error), _) => assert!(text.is_char_boundary(error.span.start as usize), "{text:?}: {error:?}"),
    }
    lenient.is_ok()
}

fn seeds() -> Option<Vec<String>> {
    let suite = samples::suite()?.into_iter().map(|case| case.text);
    let real = samples::documents()?.into_iter().map(|(_, text)| text).filter(|text| text.len() < 4096);
    Some(suite.chain(real).collect())
}

#[test]
fn suite_and_real_documents_keep_the_invariants() {
    let Some(cases) = samples::suite() else { return };
    let Some(documents) = samples::documents() else { return };
    cases.iter().for_each(|case| {
        check(&case.text);
    });
    documents.iter().for_each(|(name, text)| assert!(check(text), "{name}"));
}

#[test]
fn mutated_documents_keep_the_invariants() {
    let Some(seeds) = seeds() else { return };
    let rounds = std::env::var("DAGSTER_WORKSPACE_FUZZ_ROUNDS").map_or(20_000, |rounds| rounds.parse().unwrap());
    let mut accepted = 0;
    for seed in 0..rounds {
        let mut mutator = Mutator::new(seed);
        let text = &seeds[mutator.below(seeds.len())];
        let text = mutator.mutate(text);
        let outcome = std::panic::catch_unwind(|| check(&text));
        accepted += usize::from(outcome.unwrap_or_else(|_| panic!("seed {seed}: {text:?}")));
    }
    assert!(accepted > 1000, "only {accepted} accepted: the mutations are too coarse to test anything");
}

#[test]
fn texts_of_indicators_keep_the_invariants() {
    let mut accepted = 0;
    for seed in 0..40_000 {
        let mut mutator = Mutator::new(seed);
        let length = 1 + mutator.below(14);
        let text = mutator.compose(length);
        let outcome = std::panic::catch_unwind(|| check(&text));
        accepted += usize::from(outcome.unwrap_or_else(|_| panic!("seed {seed}: {text:?}")));
    }
    assert!(accepted > 1000, "only {accepted} accepted");
}

#[test]
fn texts_that_once_broke_an_invariant_keep_them() {
    for text in [
        // An anchor whose name begins with `&`, and the alias to it.
        "[&&a b, **a]",
        "!<!a>>",
        // Indentation and tabs in front of the first token of a document.
        "\t?:",
        "  a: b\n  c: d\n...\n  e: f\n",
        // Entries without a key.
        "- [ : a ]\n- [: a]\n- { : a }\n",
        // An explicit key that is a mapping, written with and without a key of its own.
        "- ? : a",
        "? {? a : b}\n: c\n",
        "? {? a : b} : c\n",
        "{? a : b}: c\n",
        // Properties of one node on two lines, with nothing behind them.
        "!!a\n!!b ",
        "\r\u{feff}{a: b}",
        "\n---\n\u{feff}a: b|2\n",
    ] {
        check(text);
    }
    assert!(!check("!!a\n!!b "), "two tags on one node");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn indicators_and_spaces_are_read_or_refused(text in "[-?:,\\[\\]{}#&*!|>'\"%@` \t\n\ra0é]{0,40}") {
        check(&text);
    }

    #[test]
    fn block_lines_are_read_or_refused(text in "(( {0,4})(- )?([ab]: ?)?([ab]|\\|\n|\\[a, b\\]|'x'|#c|&a|\\*a)?\n){0,12}") {
        check(&text);
    }
}
