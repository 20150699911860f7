//! The laws of editing, over generated documents and edits: bytes outside the place are kept, every reader sees the edited
//! data, edits are idempotent, undo each other and commute.
//!
//! `DAGSTER_WORKSPACE_CASES` is how many documents each law sees.

mod laws;
mod written;

use std::collections::{BTreeMap, HashSet};

use dagster_workspace_core::edit::{self, Edit};
use dagster_workspace_core::yaml::{Document, ItemKey, Node, Path, Schema};
use laws::sites::{KINDS, apart, every_node, named_item, node_at, sites};
use laws::{Outcome, check};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use written::{Flavour, Tape, choices, config, document};

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

/// Path of a list with items, or of a `[]`.
fn list_of(text: &str, tape: &mut Tape<'_>) -> Option<Path> {
    let document = Document::parse(text).unwrap();
    let all = sites(&document);
    let is_list =
        |node: &Node<'_>| node.kind().is_sequence() && (node.items().next().is_some() || node.source() == "[]");
    let lists: Vec<_> = all.iter().filter(|(_, node)| is_list(node)).collect();
    lists.get(tape.below(lists.len().max(1))).map(|(path, _)| path.clone())
}

fn add(list: &Path, name: &str, tape: &mut Tape<'_>) -> Edit {
    Edit::Add { list: list.clone(), key: ItemKey::default(), item: named_item(tape, name) }
}

fn remove(list: &Path, name: &str) -> Edit {
    Edit::Remove { path: list.clone().item(&ItemKey::default(), name) }
}

/// The text after both edits, where neither is refused.
fn both(text: &str, first: &Edit, second: &Edit) -> Option<String> {
    let once = laws::apply(text, first);
    let twice = laws::apply(once.text(text), second);
    let refused = |outcome: &Outcome| matches!(outcome, Outcome::Refused(_));
    (!refused(&once) && !refused(&twice)).then(|| twice.text(once.text(text)).to_owned())
}

/// Whether comments stand directly above or below the new item: taken out again they are taken for its own.
fn takes_comments(text: &str, list: &Path) -> bool {
    let document = Document::parse(text).unwrap();
    let Edit::Remove { path } = remove(list, "new") else { return false };
    node_at(&document, path.steps()).is_some_and(|item| {
        let (start, end) = (item.span().start as usize, item.span().end as usize);
        let above = text[..start].trim_end_matches([' ', '-']).trim_end_matches(['\n', '\r']);
        let below = text[end..].trim_start_matches([' ', '\t', '"']);
        let comment = |line: Option<&str>| line.is_some_and(|line| line.trim_start().starts_with('#'));
        comment(above.rsplit(['\n', '\r']).next())
            || comment(below.trim_start_matches(['\n', '\r']).split(['\n', '\r']).next())
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_was_added_is_removed_without_a_trace(choices in choices(), more in choices()) {
        let text = document(&choices, Flavour::Plain);
        let mut tape = Tape::new(&more);
        let Some(list) = list_of(&text, &mut tape) else { return Ok(()) };
        let Outcome::Changed(added) = laws::apply(&text, &add(&list, "new", &mut tape)) else { return Ok(()) };
        prop_assume!(!takes_comments(&added, &list));
        // A block scalar at the end of the item brings the final break that the text had not.
        let ended = |text: &str| text.ends_with(['\n', '\r']);
        prop_assume!(ended(&added) == ended(&text));
        let back = laws::apply(&added, &remove(&list, "new"));
        // A tab between a dash and a comment is not read by all, so it became blanks.
        let spaced = |text: &str| text.replace("\t#", "  #");
        prop_assert_eq!(spaced(back.text(&added)), spaced(&text), "over {:?}", added);
    }

    #[test]
    fn two_items_are_the_same_list_in_either_order(choices in choices(), more in choices()) {
        let text = document(&choices, Flavour::Plain);
        let mut tape = Tape::new(&more);
        let Some(list) = list_of(&text, &mut tape) else { return Ok(()) };
        let (x, y) = (add(&list, "new", &mut tape), add(&list, "newer", &mut tape));
        let (Some(one), Some(other)) = (both(&text, &x, &y), both(&text, &y, &x)) else { return Ok(()) };
        let sorted = |text: &str| {
            let document = Document::parse(text).unwrap();
            let all = sites(&document);
            let (_, list) = all.iter().find(|(path, _)| *path == list).unwrap();
            let mut items: Vec<_> = list.items().map(|item| format!("{:?}", item.to_value(Schema::Helm))).collect();
            items.sort();
            items
        };
        prop_assert_eq!(sorted(&one), sorted(&other));
    }

    #[test]
    fn edits_of_different_items_commute_byte_for_byte(choices in choices(), more in choices()) {
        let text = document(&choices, Flavour::Plain);
        let mut tape = Tape::new(&more);
        let Some((x, y)) = apart(&text, &mut tape) else { return Ok(()) };
        let (one, other) = (both(&text, &x, &y), both(&text, &y, &x));
        prop_assert_eq!(&one, &other, "{:?} {:?} in {:?}", x, y, text);
    }

    #[test]
    fn no_text_makes_an_edit_panic(choices in choices(), more in choices(), wounds in prop::collection::vec(any::<(u16, u8)>(), 1..4)) {
        let mut bytes = document(&choices, Flavour::Full).into_bytes();
        for (at, byte) in wounds {
            let at = usize::from(at) % bytes.len();
            match byte {
                0..=127 => bytes[at] = b"\n\r -?:#|>&*!%@`'\"[]{},\tax1"[usize::from(byte) % 26],
                128..=200 => { bytes.remove(at); }
                _ => bytes.insert(at, bytes[at]),
            }
            if bytes.is_empty() { return Ok(()) }
        }
        let text = String::from_utf8_lossy(&bytes);
        let Ok(document) = Document::parse(&*text) else { return Ok(()) };
        let mut tape = Tape::new(&more);
        for _ in 0..4 {
            let edit = laws::sites::edit(&document, &mut tape);
            let _ = edit::apply(&document, &edit);
        }
    }
}

#[test]
fn written_documents_have_every_kind_of_node_and_serde_yaml_reads_the_plain_ones() {
    let mut runner = TestRunner::deterministic();
    let mut kinds = HashSet::new();
    for _ in 0..400 {
        let tape = choices().new_tree(&mut runner).unwrap().current();
        let plain = document(&tape, Flavour::Plain);
        let read = serde_yaml::from_str::<serde_yaml::Value>(plain.trim_start_matches('\u{feff}'));
        assert!(read.is_ok(), "{read:?}\n{plain}");
        let full = document(&tape, Flavour::Full);
        let document = Document::parse(full.as_str()).unwrap_or_else(|error| panic!("{error:?}\n{full}"));
        kinds.extend(every_node(&document).into_iter().map(|(kind, _)| kind));
    }
    let missing: Vec<_> = KINDS.iter().filter(|kind| !kinds.contains(kind)).collect();
    assert!(missing.is_empty(), "no {missing:?}");
}

/// What may be refused in a plain document: lines behind a block scalar at the end of a text without a final break, and
/// a second entry in a single pair.
#[test]
fn plain_documents_are_hardly_ever_refused() {
    let mut runner = TestRunner::deterministic();
    let mut tape = || choices().new_tree(&mut runner).unwrap().current();
    let mut refused: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..1000 {
        let (text, edit) = made(&tape(), &tape(), Flavour::Plain);
        if let Outcome::Refused(reason) = laws::apply(&text, &edit) {
            *refused.entry(reason.slug()).or_default() += 1;
        }
    }
    assert!(refused.values().sum::<usize>() <= 8, "{refused:?} of 1000");
}
