//! L12, the cost of a merge: it grows with the texts, whatever they hold, and what is equal on all sides is not looked into.
//!
//! Times are compared with each other only: eight times the length may take 24 times as long, where quadratic work takes 64.

mod growth;

use std::fmt::Write as _;

use dagster_workspace_core::diff::MergeKeys;
use dagster_workspace_core::merge::{Prefer, Three, resolve, three_way};
use dagster_workspace_core::yaml::Document;

/// A name, and base, ours and theirs with so many parts.
type Suspect = (&'static str, fn(usize) -> Three<String>);

/// The three texts, each made of parts by their numbers.
fn parts(count: usize, part: [fn(usize) -> String; 3]) -> Three<String> {
    let [base, ours, theirs] = part.map(|part| (0..count).map(part).collect());
    Three { base, ours, theirs }
}

/// `count` levels of mappings, with the entries of a level in one order or the other.
fn swapped_stairs(count: usize, swap: bool) -> String {
    let mut text = String::new();
    for level in 0..count.min(200) {
        let column = level * 2;
        let (one, other) = if swap { ("y", "x") } else { ("x", "y") };
        let _ = write!(text, "{:column$}{one}: 1\n{:column$}{other}: 1\n{:column$}down:\n", "", "", "");
    }
    text + &" ".repeat(count.min(200) * 2) + "end: 1\n"
}

fn reversed(texts: Three<String>) -> Three<String> {
    let back = |text: &str| text.lines().rev().flat_map(|line| [line, "\n"]).collect();
    Three { ours: back(&texts.ours), ..texts }
}

/// Merges that invite quadratic work.
const SUSPECTS: &[Suspect] = &[
    ("items changed by both", |count| {
        parts(
            count,
            [
                |at| format!("- name: n{at}\n  port: 1\n  tag: a\n"),
                |at| format!("- name: n{at}\n  port: 2\n  tag: a\n"),
                |at| format!("- name: n{at}\n  port: 1\n  tag: b\n"),
            ],
        )
    }),
    ("conflicts in items", |count| {
        parts(
            count,
            [
                |at| format!("- name: n{at}\n  port: 1\n"),
                |at| format!("- name: n{at}\n  port: 2\n"),
                |at| format!("- name: n{at}\n  port: 3\n"),
            ],
        )
    }),
    ("conflicts with other line breaks", |count| {
        parts(count, [|at| format!("k{at}: 1\n"), |at| format!("k{at}: 2\n"), |at| format!("k{at}: 3\r\n")])
    }),
    ("items appended by both", |count| {
        let mut texts =
            parts(count, [|_| String::new(), |at| format!("- name: o{at}\n"), |at| format!("- name: t{at}\n")]);
        for text in [&mut texts.base, &mut texts.ours, &mut texts.theirs] {
            text.insert_str(0, "- name: first\n");
        }
        texts
    }),
    ("items put between by both", |count| {
        parts(
            count,
            [
                |at| format!("- name: n{at}\n"),
                |at| format!("- name: n{at}\n- name: o{at}\n"),
                |at| format!("- name: t{at}\n- name: n{at}\n"),
            ],
        )
    }),
    ("items edited that the other side deleted", |count| {
        parts(
            count,
            [
                |at| format!("- name: n{at}\n  port: {at}\n  a: b\n"),
                |at| format!("- name: z{at}\n  port: {at}\n  a: b\n"),
                |at| format!("- name: n{at}\n  port: {at}\n  a: c\n"),
            ],
        )
    }),
    ("items in another order", |count| {
        reversed(parts(
            count,
            [
                |at| format!("- name: n{at}\n"),
                |at| format!("- name: n{at}\n"),
                |at| format!("- name: n{at}\n  port: 1\n"),
            ],
        ))
    }),
    ("items without names", |count| {
        parts(count, [|at| format!("- {at}\n"), |at| format!("- {at}\n- o{at}\n"), |at| format!("- {at}\n- t{at}\n")])
    }),
    ("items without names in another order", |count| {
        reversed(parts(count, [|at| format!("- {at}\n"), |at| format!("- {at}\n"), |at| format!("- {at}\n# c\n")]))
    }),
    ("equal items", |count| parts(count, [|_| "- a\n".into(), |_| "- a\n- b\n".into(), |_| "- a\n- c\n".into()])),
    ("names that stand twice", |count| {
        parts(
            count,
            [|_| "- name: a\n".into(), |_| "- name: a # c\n".into(), |at| format!("- name: a\n  port: {at}\n")],
        )
    }),
    ("entries", |count| {
        parts(count, [|at| format!("k{at}: 1\n"), |at| format!("k{at}: 1 # own\n"), |at| format!("k{at}: 2\n")])
    }),
    ("keys that stand twice", |count| parts(count, [|_| "a: 1\n".into(), |_| "a: 2\n".into(), |_| "a: 3\n".into()])),
    ("entries in another order", |count| {
        reversed(parts(count, [|at| format!("k{at}: 1\n"), |at| format!("k{at}: 1\n"), |at| format!("k{at}: 2\n")]))
    }),
    ("comments of both", |count| {
        parts(
            count,
            [
                |at| format!("k{at}: 1\n"),
                |at| format!("# o{at}\nk{at}: 1 # p{at}\n"),
                |at| format!("# t{at}\nk{at}: 1 # u{at}\n"),
            ],
        )
    }),
    ("the same comment everywhere", |count| {
        parts(count, [|at| format!("k{at}: 1\n"), |at| format!("# c\nk{at}: 1\n"), |at| format!("# c\nk{at}: 2 # c\n")])
    }),
    ("comments above one entry", |count| {
        let mut texts = parts(count, [|_| String::new(), |at| format!("# o{at}\n"), |at| format!("# t{at}\n")]);
        for text in [&mut texts.base, &mut texts.ours, &mut texts.theirs] {
            text.push_str("a: b\n");
        }
        texts
    }),
    ("comments that one side took out and the other changed", |count| {
        parts(
            count,
            [|at| format!("# c{at}\nk{at}: 1\n"), |at| format!("k{at}: 1\n"), |at| format!("# d{at}\nk{at}: 1\n")],
        )
    }),
    ("brackets", |count| {
        let texts =
            parts(count, [|at| format!("{at}, "), |at| format!("{at}, o{at}, "), |at| format!("{at}, t{at}, ")]);
        let closed = |text: &str| format!("[{text}]\n");
        Three { base: closed(&texts.base), ours: closed(&texts.ours), theirs: closed(&texts.theirs) }
    }),
    ("brackets over many lines", |count| {
        let texts = parts(
            count,
            [
                |at| format!("  {{name: n{at}}},\n"),
                |at| format!("  {{name: n{at}}},\n  {{name: o{at}}},\n"),
                |at| format!("  {{name: t{at}}},\n  {{name: n{at}}},\n"),
            ],
        );
        let closed = |text: &str| format!("[\n{text}]\n");
        Three { base: closed(&texts.base), ours: closed(&texts.ours), theirs: closed(&texts.theirs) }
    }),
    ("documents", |count| {
        parts(
            count,
            [
                |at| format!("---\na: {at}\nb: 1\n"),
                |at| format!("---\na: o{at}\nb: 1\n"),
                |at| format!("---\na: {at}\nb: 2\n"),
            ],
        )
    }),
    ("anchors and aliases", |count| {
        parts(
            count,
            [
                |at| format!("k{at}: &a{at} 1\nl{at}: *a{at}\n"),
                |at| format!("k{at}: &a{at} 2\nl{at}: *a{at}\n"),
                |at| format!("k{at}: &a{at} 1\nl{at}: *a{at}\nm{at}: 1\n"),
            ],
        )
    }),
    ("aliases to one anchor", |count| {
        let mut texts = parts(
            count,
            [|at| format!("k{at}: *a\n"), |at| format!("k{at}: *a\n"), |at| format!("k{at}: *a\nl{at}: *a\n")],
        );
        for text in [&mut texts.base, &mut texts.ours, &mut texts.theirs] {
            text.insert_str(0, &format!("first: &a [{}]\n", "x, ".repeat(count)));
        }
        texts.ours.push_str("last: 1\n");
        texts
    }),
    ("one name of many anchors", |count| {
        parts(
            count,
            [|at| format!("k{at}: &a 1\n"), |at| format!("k{at}: &a 1\nl{at}: *a\n"), |at| format!("k{at}: &a 2\n")],
        )
    }),
];

fn merge(texts: &Three<String>) -> usize {
    let Three { base, ours, theirs } = texts;
    let merged = three_way(base, ours, theirs, &MergeKeys::default()).unwrap();
    let taken = resolve(base, ours, theirs, &MergeKeys::default(), Prefer::Theirs).unwrap();
    merged.text.len() + taken.text.len()
}

#[test]
fn merging_grows_with_the_texts() {
    let _alone = growth::alone();
    for (name, texts) in SUSPECTS {
        let (small, large) = (texts(250), texts(2000));
        growth::check(name, &|| assert!(merge(&large) > 0), &|| assert!(merge(&small) > 0));
    }
}

/// Mappings in other orders inside each other: who compares each level twice never comes to an end.
#[test]
fn nested_mappings_in_another_order_are_compared_once() {
    let _alone = growth::alone();
    let texts = |depth: usize| {
        let [base, ours] = [false, true].map(|swap| swapped_stairs(depth, swap));
        let theirs = format!("# about\n{}", base.replace("end: 1", "end: 2"));
        Three { base, ours, theirs }
    };
    let (small, large) = (texts(12), texts(96));
    growth::check("levels", &|| assert!(merge(&large) > 0), &|| assert!(merge(&small) > 0));
}

/// What is equal on all sides costs what reading it costs, and one comparison.
#[test]
fn equal_parts_are_not_looked_into() {
    let _alone = growth::alone();
    let equal: String =
        (0..4000).map(|at| format!("  - {{name: n{at}, args: [a, 'b', {{c: d}}]}} # c{at}\n")).collect();
    let text = |value: &str, other: &str| format!("first: {value}\nsame:\n{equal}last: {other}\n");
    let texts = Three { base: text("1", "1"), ours: text("2", "1"), theirs: text("1", "2") };
    let read = || assert!(Document::parse(texts.base.as_str()).unwrap().root().is_some());
    let merged = || {
        let merge = three_way(&texts.base, &texts.ours, &texts.theirs, &MergeKeys::default()).unwrap();
        assert_eq!(merge.text, text("2", "2"));
    };
    // Three texts and the result are read, and in debug builds read again.
    let found = (0..10).map(|_| growth::ratio(&merged, &read)).find(|ratio| *ratio < 9.0);
    assert!(found.is_some(), "more than nine times what reading takes");
}
