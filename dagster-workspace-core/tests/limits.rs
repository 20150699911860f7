//! Hostile texts: over a limit there is a clear error, and no text costs more than its length is worth.
//!
//! Times are compared with each other only: a text of eight times the length may take 24 times as long, where quadratic
//! work takes 64 times.

mod growth;
mod samples;

use std::fmt::Write as _;

use dagster_workspace_core::error::Problem;
use dagster_workspace_core::yaml::{Document, MAX_DEPTH, MAX_LEN, Node};
use growth::alone;

const MEGABYTES_10: usize = 10_000_000;

fn problem(text: &str) -> Option<Problem> {
    Document::parse(text).err().map(|error| error.problem)
}

#[test]
fn err_ten_megabytes_of_openings() {
    let _alone = alone();
    for (piece, want) in [
        ("[", Problem::TooDeep),
        ("{ ", Problem::TooDeep),
        // Deep too, but most likely a template.
        ("{", Problem::Template),
        ("{[", Problem::TooDeep),
        ("- ", Problem::TooDeep),
        ("? ", Problem::TooDeep),
        ("? - ", Problem::TooDeep),
        ("- ? ", Problem::TooDeep),
        ("[a: ", Problem::TooDeep),
        ("{a: ", Problem::TooDeep),
        ("[? ", Problem::TooDeep),
        ("&a ", Problem::Properties),
        ("!a ", Problem::Properties),
        ("*a ", Problem::TrailingContent),
        ("a: ", Problem::MappingNotAllowed),
        ("\"", Problem::TrailingContent),
        ("]", Problem::UnexpectedBracket),
        ("%", Problem::Directive),
    ] {
        let text = piece.repeat(MEGABYTES_10 / piece.len());
        assert_eq!(problem(&text), Some(want), "10 MB of `{piece}`");
    }
}

/// `a:` inside `a:`, so many times, one column further each.
fn stairs(depth: usize) -> String {
    (0..depth).fold(String::new(), |mut text, column| {
        let _ = writeln!(text, "{:column$}a:", "");
        text
    })
}

#[test]
fn err_mappings_nested_too_deep_and_the_deepest_allowed() {
    assert_eq!(problem(&stairs(5000)), Some(Problem::TooDeep));
    assert_eq!(problem(&stairs(MAX_DEPTH + 1)), Some(Problem::TooDeep));
    for text in [stairs(MAX_DEPTH), "- ".repeat(MAX_DEPTH), "[".repeat(MAX_DEPTH) + &"]".repeat(MAX_DEPTH)] {
        let document = Document::parse(&*text).unwrap();
        samples::invariants::check_invariants(&document);
        assert_eq!(document.events().matches("+").count(), MAX_DEPTH + 2);
    }
}

#[test]
fn err_text_over_64_mib_and_the_longest_allowed() {
    let _alone = alone();
    let mut text = format!("a: {}", "b".repeat(MAX_LEN - 3));
    assert_eq!(problem(&text), None);
    text.push('b');
    assert_eq!(problem(&text), Some(Problem::TooLarge));
}

#[test]
fn line_of_sixty_megabytes() {
    let _alone = alone();
    let filled = "word ".repeat(60_000_000 / 5);
    assert_eq!(problem(&format!("a: {filled}")), None);
    assert_eq!(problem(&format!("{filled}: a")), Some(Problem::LongKey));
    // Everything else that can fill a line, at a tenth of that: the reader is not built for speed in tests.
    let length = 6_000_000;
    let filled = "word ".repeat(length / 5);
    for (text, want) in [
        (format!("a: \"{filled}\""), None),
        (format!("a: '{filled}'"), None),
        (format!("a: [{}]", "word, ".repeat(length / 6)), None),
        (format!("a: b # {filled}"), None),
        (format!("a: |\n  {filled}"), None),
        (format!("\"{filled}\": a"), Some(Problem::LongKey)),
        (format!("[{filled}]: a"), Some(Problem::LongKey)),
        (format!("[{filled}: a]"), Some(Problem::LongKey)),
        (format!("{}a: b", " ".repeat(length)), None),
        (format!("&{} a", "b".repeat(length)), None),
        (format!("!{} a", "b".repeat(length)), None),
    ] {
        assert_eq!(problem(&text), want, "{}", &text[..20]);
    }
}

/// Nine lists, each of nine aliases to the one before: 3.5e8 nodes to who expands them.
#[test]
fn billion_laughs_cost_nothing() {
    let mut text = String::from("a0: &a0 ha\n");
    for level in 1..=9 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        let _ = writeln!(text, "a{level}: &a{level} [{aliases}]");
    }
    let document = Document::parse(&*text).unwrap();
    samples::invariants::check_invariants(&document);
    assert_eq!(document.events().lines().count(), 4 + 2 + 10 + 1 + 9 * (2 + 9));
    let last = document.root().unwrap().get("a9").unwrap().items().next().unwrap();
    assert_eq!(last.target().and_then(Node::anchor), Some("a8"));
}

fn read(text: &str) {
    // What is refused half-way has no length to compare by.
    let document = Document::parse(text).unwrap_or_else(|error| panic!("{error}: {}", &text[..60]));
    assert!(document.documents().count() > 0);
}

fn write_events(text: &str) {
    assert!(Document::parse(text).unwrap().events().len() > 10);
}

/// A name, and the text in so many repetitions.
type Suspect = (&'static str, fn(usize) -> String);

/// Texts that invite quadratic work, in `count` repetitions.
const SUSPECTS: &[Suspect] = &[
    ("nested pairs as keys", |count| {
        format!("- {}{}\n", "[".repeat(200), "]: x".repeat(199) + "]").repeat(count / 400)
    }),
    ("flow collections as keys", |count| "- ? [a, {b: c}, [d]]: e\n".repeat(count / 20)),
    ("flow mappings as implicit keys", |count| "{a: b, c: d}: e\n".repeat(count / 16)),
    ("keys with properties", |count| "&a !t a: &b !u b\n".repeat(count / 16)),
    ("blank lines behind scalars", |count| format!("- a{}", "\n".repeat(100)).repeat(count / 100)),
    ("blank lines in one scalar", |count| format!("a: b{} c\n", "\n".repeat(count))),
    ("blank lines behind one scalar", |count| format!("a: b{}", "\n".repeat(count))),
    ("blank lines in one quoted scalar", |count| format!("a: 'b{}c'\n", "\n".repeat(count))),
    ("blank lines in a block scalar", |count| format!("a: |\n{}", " \n".repeat(count / 2))),
    ("blank lines behind block scalars", |count| format!("- |\n  a{}", "\n".repeat(100)).repeat(count / 100)),
    ("comments", |count| "# a\n".repeat(count / 4) + "a: b"),
    ("comments between entries", |count| "a: b # c\n# d\n".repeat(count / 13)),
    ("comments in a flow collection", |count| format!("[{}]", "a, # b\n".repeat(count / 7))),
    ("one long plain scalar", |count| format!("a: {}", "b\n  ".repeat(count / 4))),
    ("one line of words with `#` and `:`", |count| format!("a: {}", "b:c#d ".repeat(count / 6))),
    ("returns to the left", |count| stairs(100).repeat(count / 5000)),
    ("documents", |count| "---\na\n...\n".repeat(count / 10)),
    ("bare documents", |count| "a\n...\n".repeat(count / 6)),
    ("handles and their tags", |count| {
        let mut text: String =
            (0..count / 40).fold(String::new(), |text, number| text + &format!("%TAG !h{number}! a\n"));
        text.push_str("---\n");
        (0..count / 40).fold(text, |text, number| text + &format!("- !h{number}!b c\n"))
    }),
    ("aliases in one flow collection", |count| format!("- &a b\n- [{}]", "*a, ".repeat(count / 4))),
    ("one list", |count| "- a\n".repeat(count / 4)),
    ("empty values", |count| "a:\n".repeat(count / 3)),
    ("explicit keys", |count| "? a\n: b\n".repeat(count / 8)),
    ("carriage returns", |count| "a: b\r".repeat(count / 5)),
    ("suspicious bytes", |count| format!("a: {}", "\u{a0}\u{ff01}".repeat(count / 5))),
];

fn check_growth(work: fn(&str)) {
    let _alone = alone();
    for (name, text) in SUSPECTS {
        let (small, large) = (text(20_000), text(160_000));
        growth::check(name, &|| work(&large), &|| work(&small));
    }
}

#[test]
fn reading_grows_with_the_text() {
    check_growth(read);
}

#[test]
fn events_grow_with_the_text() {
    check_growth(write_events);
}
