//! The laws of merging, over generated documents: what one side changed is in the result and nothing else, what both changed
//! is a conflict, and the data is that of a merge of plain values.
//!
//! `DAGSTER_WORKSPACE_CASES` is how many documents each law sees.

mod laws;
mod merging;
mod written;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use dagster_workspace_core::diff::MergeKeys;
use dagster_workspace_core::edit::Edit;
use dagster_workspace_core::merge::{Conflict, Merge, Three, three_way};
use dagster_workspace_core::span::Span;
use dagster_workspace_core::value::Value;
use dagster_workspace_core::yaml::{Document, ItemKey, Kind, Node, Path, Step};
use laws::sites::{KINDS, apart, every_node, sites};
use merging::lists::{
    deployment, edit_in, edit_of, edited, lines_of, long_list, named_list, named_list_of, tangled, tangled_list,
    whole_lines, with_changed_items,
};
use merging::{Texts, all_nodes, check, merged, version};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use written::{Flavour, Tape, choices, config, document};

fn few_choices() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..60)
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
    fn versions_with_items_moved_and_anchors_merge_by_the_laws(
        base in choices(),
        ours in few_choices(),
        theirs in few_choices(),
    ) {
        check(&tangled_versions(&base, &ours, &theirs)).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn versions_of_long_lists_merge_by_the_laws(base in choices(), ours in few_choices(), theirs in few_choices()) {
        let base = long_list(&mut Tape::new(&base));
        let ours = version(&base, &mut Tape::new(&ours), "own");
        let theirs = version(&base, &mut Tape::new(&theirs), "their");
        check(&Three { base, ours, theirs }).map_err(TestCaseError::fail)?;
    }
}

/// A list and two versions of it in which items moved, and anchors and aliases came and went.
fn tangled_versions(base: &[u8], ours: &[u8], theirs: &[u8]) -> Texts {
    let base = tangled_list(&mut Tape::new(base));
    let [ours, theirs] = [ours, theirs].map(|side| tangled(&base, &mut Tape::new(side)));
    Three { base, ours, theirs }
}

/// A merge of every list by `name`, as edits name items.
fn merged_by_name(base: &str, ours: &str, theirs: &str) -> Merge {
    three_way(base, ours, theirs, &MergeKeys::new(Vec::new(), ItemKey::default())).unwrap()
}

/// A merge that has no conflicts.
fn clean(base: &str, ours: &str, theirs: &str) -> Result<String, TestCaseError> {
    let merge = merged_by_name(base, ours, theirs);
    prop_assert!(
        merge.conflicts.is_empty(),
        "{:?} of\n{}\n--- ours\n{}\n--- theirs\n{}",
        merge.conflicts,
        base,
        ours,
        theirs
    );
    Ok(merge.text)
}

/// Other names, none of which stood there before.
fn renamed(text: &str, count: usize) -> String {
    (0..count).rev().fold(text.to_owned(), |text, at| text.replace(&format!("n{at}"), &format!("zz{}", 99 - at)))
}

/// What there is to know of the conflicts inside `path`.
fn inside<'c>(conflicts: &'c [Conflict], path: &Path) -> Vec<(&'c Conflict, &'c [Step])> {
    let inner = conflicts.iter().filter(|conflict| conflict.path.steps().starts_with(path.steps()));
    inner.map(|conflict| (conflict, conflict.path.steps())).collect()
}

proptest! {
    #![proptest_config(config())]

    /// L3, L8: in whatever order edits of different items are made or merged, the bytes are the same.
    #[test]
    fn edits_of_different_items_merge_to_all_of_them(base in choices(), edits in few_choices()) {
        let (base, count) = named_list(&mut Tape::new(&base));
        let mut tape = Tape::new(&edits);
        let first = tape.below(count - 2);
        let [e, f, g] = [first, first + 1, first + 2].map(|number| edit_of(number, &mut tape));
        let [x, y, z] = [&e, &f, &g].map(|edit| edited(&base, edit));
        let both = edited(&x, &f);
        prop_assert_eq!(&clean(&base, &x, &y)?, &both, "of\n{}\n{}\n{}", base, x, y);
        let all = edited(&both, &g);
        prop_assert_eq!(&clean(&base, &both, &z)?, &all);
        prop_assert_eq!(&clean(&base, &x, &clean(&base, &y, &z)?)?, &all);
    }

    /// L3 in documents of every notation.
    #[test]
    fn edits_of_different_items_of_any_list_merge_to_both(base in choices(), edits in choices()) {
        let base = document(&base, Flavour::Plain);
        let Some((e, f)) = apart(&base, &mut Tape::new(&edits)) else { return Ok(()) };
        // By content alone it would be open which item both edited.
        let (Edit::Add { list: path, .. } | Edit::Set { path, .. } | Edit::Remove { path }) = &e;
        prop_assume!(path.steps().iter().all(|step| !matches!(step, Step::Index(_))));
        // A comment between two elements in brackets belongs to both: where both went it is a note.
        let read = Document::parse(base.as_str()).unwrap();
        let in_brackets = |list: &Node<'_>| list.kind() == Kind::FlowSequence && list.source().contains('#');
        prop_assume!(!read.roots().flat_map(all_nodes).any(|node| in_brackets(&node)));
        let [x, y] = [&e, &f].map(|edit| laws::apply(&base, edit).text(&base).to_owned());
        let both = laws::apply(&x, &f).text(&x).to_owned();
        prop_assume!(laws::apply(&y, &e).text(&y) == both);
        prop_assert_eq!(clean(&base, &x, &y)?, both, "{:?} {:?} of\n{}\n{}\n{}", e, f, base, x, y);
    }

    /// L5: what both sides do elsewhere changes nothing in an item, neither its lines nor its conflicts.
    #[test]
    fn changes_elsewhere_do_not_reach_an_item(base in choices(), edits in few_choices()) {
        let (base, count) = named_list(&mut Tape::new(&base));
        let mut tape = Tape::new(&edits);
        let at = tape.below(count);
        let sides = [0, 1].map(|_| {
            let alone = (0..tape.below(3)).fold(base.clone(), |text, _| edited(&text, &edit_in(at, &mut tape)));
            let others = (0..tape.below(4)).map(|step| edit_of((at + 1 + step) % count, &mut tape)).collect::<Vec<_>>();
            let more = others.iter().fold(alone.clone(), |text, edit| edited(&text, edit));
            (alone, more)
        });
        let alone = merged(&base, &sides[0].0, &sides[1].0);
        let path = deployment(at);
        for (ours, theirs) in [(&sides[0].1, &sides[1].0), (&sides[0].0, &sides[1].1), (&sides[0].1, &sides[1].1)] {
            let more = merged(&base, ours, theirs);
            prop_assert_eq!(lines_of(&alone.text, &path), lines_of(&more.text, &path), "of\n{}\n{}\n{}", base, ours, theirs);
            let told = |conflicts: &[Conflict]| {
                let inner = inside(conflicts, &path).into_iter();
                inner.map(|(conflict, steps)| (steps.to_vec(), conflict.kind, conflict.values.clone())).collect::<Vec<_>>()
            };
            prop_assert_eq!(told(&alone.conflicts), told(&more.conflicts), "of\n{}\n{}\n{}", base, ours, theirs);
        }
    }

    /// L10: other names come to the same.
    #[test]
    fn names_do_not_matter(base in choices(), ours in few_choices(), theirs in few_choices()) {
        let (base, count) = named_list(&mut Tape::new(&base));
        let versions = [version(&base, &mut Tape::new(&ours), "own"), version(&base, &mut Tape::new(&theirs), "their")];
        let merge = merged(&base, &versions[0], &versions[1]);
        let other = merged(&renamed(&base, count), &renamed(&versions[0], count), &renamed(&versions[1], count));
        prop_assert_eq!(renamed(&merge.text, count), other.text, "of\n{}\n{}\n{}", base, versions[0], versions[1]);
        let told = |conflicts: &[Conflict], text: fn(&str, usize) -> String| {
            conflicts.iter().map(|found| (text(&found.path.to_string(), count), found.kind)).collect::<Vec<_>>()
        };
        prop_assert_eq!(told(&merge.conflicts, renamed), told(&other.conflicts, |text, _| text.to_owned()));
    }

    /// What is the same on all sides makes no difference: a list that is most of a document, of which it is left out, merges
    /// as it does where it is the smaller part.
    #[test]
    fn long_lists_merge_as_they_do_beside_something_larger(base in choices(), ours in few_choices(), theirs in few_choices()) {
        let (base, count) = named_list_of(8..40, &mut Tape::new(&base));
        let line_break = if base.contains("\r\n") { "\r\n" } else { "\n" };
        let base = format!("{base}more: 1{line_break}");
        let [ours, theirs] = [ours, theirs].map(|side| with_changed_items(&base, &mut Tape::new(&side)));
        let larger = format!("larger: [{}]{line_break}", "[], ".repeat(count * 16));
        let [base_too, ours_too, theirs_too] = [&base, &ours, &theirs].map(|text| format!("{text}{larger}"));
        let (merge, other) = (merged(&base, &ours, &theirs), merged(&base_too, &ours_too, &theirs_too));
        prop_assert_eq!(format!("{}{larger}", merge.text), other.text.as_str(), "of\n{}\n{}\n{}", base, ours, theirs);
        // What is not in the result at all may be said to stand at its end.
        let told = |merge: &Merge| -> Vec<Conflict> {
            let place = |span: Span| if span.is_empty() { Span::default() } else { span };
            merge.conflicts.iter().map(|found| Conflict { result: place(found.result), ..found.clone() }).collect()
        };
        prop_assert_eq!(told(&merge), told(&other), "of\n{}\n{}\n{}", base, ours, theirs);
    }

    /// L11: what theirs does to one scalar leaves every byte outside of its line as ours has it.
    #[test]
    fn bytes_outside_the_line_that_theirs_changed_are_those_of_ours(
        base in choices(),
        ours in few_choices(),
        place in any::<prop::sample::Index>(),
    ) {
        let base = document(&base, Flavour::Full);
        let ours = version(&base, &mut Tape::new(&ours), "own");
        let Some((path, theirs)) = changed_scalar(&base, place) else { return Ok(()) };
        let merge = merged_by_name(&base, &ours, &theirs);
        if merge.text == ours {
            // Nothing could be done, which is told, or ours has nothing there any more, or the same.
            return Ok(());
        }
        let document = Document::parse(ours.as_str()).unwrap();
        let Some(node) = laws::sites::node_at(&document, path.steps()) else { return Ok(()) };
        let line = whole_lines(&ours, node);
        prop_assert!(
            merge.text.starts_with(&ours[..line.start]) && merge.text.ends_with(&ours[line.end..]),
            "{} of {:?}\n{}\n--- ours {:?}\n{}\n--- merged {:?}\n{}", path, base, base, ours, ours, merge.text, merge.text
        );
    }
}

fn has_keys_once(node: Node<'_>) -> bool {
    let mut seen = HashSet::new();
    node.entries().all(|entry| seen.insert(entry.key.text().unwrap_or_else(|| entry.key.source().into())))
}

/// Where a scalar stands on one line that no item of a list is known by, and the text with another one in its place.
fn changed_scalar(base: &str, place: prop::sample::Index) -> Option<(Path, String)> {
    let document = Document::parse(base).unwrap();
    let all = sites(&document);
    let named = |path: &Path| path.steps().iter().all(|step| !matches!(step, Step::Index(_)));
    let is_name = |path: &Path| path.steps().last() == Some(&Step::Key("name".into()));
    // A mapping in which a key stands twice is one value.
    let unique = document.roots().flat_map(all_nodes).all(has_keys_once);
    let fitting: Vec<_> = all
        .iter()
        .filter(|(path, node)| named(path) && !is_name(path) && node.scalar().is_some())
        .filter(|(path, node)| {
            !node.source().contains(['\n', '\r']) && all.iter().filter(|(own, _)| own == path).count() == 1
        })
        .collect();
    let (path, _) = fitting.get(place.index(fitting.len().max(1))).filter(|_| unique)?;
    let edit = Edit::Set { path: path.clone(), value: Value::from("another") };
    match laws::apply(base, &edit) {
        laws::Outcome::Changed(text) => Some((path.clone(), text)),
        _ => None,
    }
}

#[test]
fn versions_have_every_kind_of_node_change_it_and_lead_to_every_kind_of_conflict() {
    let mut runner = TestRunner::deterministic();
    let (mut there, mut changed, mut conflicts) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for number in 0..3000 {
        let mut tape =
            |length: usize| prop::collection::vec(any::<u8>(), 0..length).new_tree(&mut runner).unwrap().current();
        let (base, ours, theirs) = (tape(300), tape(60), tape(60));
        let texts = match number % 3 {
            0 => tangled_versions(&base, &ours, &theirs),
            _ => versions(&base, &ours, &theirs, Flavour::Full),
        };
        let nodes = |text: &str| every_node(&Document::parse(text).unwrap()).into_iter().collect::<HashSet<_>>();
        let (base, own, their) = (nodes(&texts.base), nodes(&texts.ours), nodes(&texts.theirs));
        let kinds = |nodes: Vec<&(Kind, String)>| {
            nodes.into_iter().map(|(kind, _)| format!("{kind:?}")).collect::<BTreeSet<_>>()
        };
        let count = |all: &mut BTreeMap<String, usize>, kinds: BTreeSet<String>| {
            kinds.into_iter().for_each(|kind| *all.entry(kind).or_default() += 1);
        };
        count(&mut there, kinds(base.iter().chain(&own).chain(&their).collect()));
        count(&mut changed, kinds(own.iter().chain(&their).filter(|node| !base.contains(*node)).collect()));
        let merge = merged(&texts.base, &texts.ours, &texts.theirs);
        count(&mut conflicts, merge.conflicts.iter().map(|conflict| conflict.kind.slug().to_owned()).collect());
    }
    let rare = |all: &BTreeMap<String, usize>, name: &str| all.get(name).is_none_or(|count| *count < 3);
    for kind in KINDS {
        let name = format!("{kind:?}");
        assert!(!rare(&there, &name), "{name} in {there:?}");
        // Marks are neither edited nor moved; they stay or go.
        let mark = matches!(kind, Kind::Directive | Kind::DocumentStart | Kind::DocumentEnd);
        assert!(mark || !rare(&changed, &name), "{name} in {changed:?}");
    }
    for kind in ["edit-edit", "delete-edit", "add-add", "type", "order", "anchor", "note"] {
        assert!(!rare(&conflicts, kind), "{kind} in {conflicts:?}");
    }
}
