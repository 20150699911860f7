//! Texts with the markers of a merge conflict are named as such, also where YAML would take the markers for text; what merely
//! looks like one is content.

use dagster_workspace_core::error::Problem;
use dagster_workspace_core::yaml::{Document, Mode};

/// Where the marker is that is named; `None` where the text is read.
fn named(text: &str) -> Option<&str> {
    let found = [Mode::Lenient, Mode::Strict].map(|mode| match Document::parse_with(text, mode) {
        Ok(_) => None,
        Err(error) => {
            assert_eq!(error.problem, Problem::ConflictMarker, "{text}");
            let diagnostic = error.diagnostic();
            assert_eq!(diagnostic.code, "DW0028");
            assert!(diagnostic.hint.unwrap().contains("`yaml merge`"));
            let from = &text[error.span.start as usize..];
            assert!(from.starts_with(error.span.of(text)));
            Some(from.lines().next().unwrap())
        }
    });
    found[0]
}

#[test]
fn err_texts_with_markers() {
    for text in [
        "a:\n<<<<<<< HEAD\n  b: 1\n=======\n  b: 2\n>>>>>>> main\n",
        "<<<<<<< HEAD\na: 1\n||||||| base\na: 0\n=======\na: 2\n>>>>>>> main\n",
        "a: |\n  x\n<<<<<<< HEAD\n  y\n=======\n  z\n>>>>>>> main\n",
        "a: [b,\n<<<<<<< HEAD\n c,\n=======\n d,\n>>>>>>> main\n e]\n",
        "a: \"b\n<<<<<<< HEAD\n c\n=======\n d\n>>>>>>> main\n\"\n",
        "a: {{ x }}\n<<<<<<< HEAD\nb: {{ x }}\n=======\nb: 1\n>>>>>>> main\n",
        "a: 1\r\n<<<<<<< HEAD\r\nb: 1\r\n=======\r\nb: 2\r\n>>>>>>> main\r\n",
    ] {
        assert_eq!(named(text), Some("<<<<<<< HEAD"), "{text}");
    }
    // What is left of one that was resolved in part.
    assert_eq!(named("a: 1\n=======\nb: 2\n"), Some("======="));
    assert_eq!(named("a: 1\nb: 2\n>>>>>>> main\n"), Some(">>>>>>> main"));
    assert_eq!(named("a: 1\n||||||| base\nb: 2\n"), Some("||||||| base"));
    // Longer ones, as git writes them on request.
    assert_eq!(named("<<<<<<<<<< HEAD\na: 1\n==========\na: 2\n>>>>>>>>>> main\n"), Some("<<<<<<<<<< HEAD"));
}

#[test]
fn content_that_looks_like_a_marker_is_read() {
    for text in [
        "a: |\n  <<<<<<< HEAD\n  y\n  =======\n  z\n  >>>>>>> main\n",
        "--- |\n<<<<<<< HEAD\ny\n=======\n>>>>>>> main\n",
        "# <<<<<<< HEAD\na: 1\n# >>>>>>> main\n",
        "a: <<<<<<< HEAD\nb: 1\n",
        "--- Heading\n=======\n",
        "<<: {a: 1}\n",
        "======: 1\n",
    ] {
        assert_eq!(named(text), None, "{text}");
    }
}
