//! What a merge means, rule by rule: identity, the three layers of a node, presence, order, bytes, anchors; and what a conflict
//! tells. Each case is also merged with the sides swapped, where nothing else may become of its data.

use dagster_workspace_core::diff::MergeKeys;
use dagster_workspace_core::merge::{Conflict, ConflictKind, Input, Merge, Prefer, resolve, three_way, with_markers};
use dagster_workspace_core::value::Value;
use dagster_workspace_core::yaml::{Document, Schema};

use ConflictKind::{AddAdd, Anchor, DeleteEdit, EditEdit, Note, Order, Type};

fn merged(base: &str, ours: &str, theirs: &str) -> Merge {
    three_way(base, ours, theirs, &MergeKeys::default()).unwrap()
}

fn told(merge: &Merge) -> Vec<(String, ConflictKind)> {
    merge.conflicts.iter().map(|conflict| (conflict.path.brief().to_string(), conflict.kind)).collect()
}

fn data(text: &str) -> Vec<Value> {
    let document = Document::parse(text).unwrap();
    document.roots().map(|root| root.to_value(Schema::Helm).unwrap()).collect()
}

/// Base, ours, theirs, and the text and the conflicts that must come out.
fn check([base, ours, theirs, text]: [&str; 4], conflicts: &[(&str, ConflictKind)]) {
    let merge = merged(base, ours, theirs);
    let wanted: Vec<_> = conflicts.iter().map(|(path, kind)| ((*path).to_owned(), *kind)).collect();
    assert_eq!(
        (merge.text.as_str(), told(&merge)),
        (text, wanted),
        "of\n{base}\n--- ours\n{ours}\n--- theirs\n{theirs}"
    );
    for Conflict { spans, result, .. } in &merge.conflicts {
        let within = |input: Input, text: &str| spans.get(input).is_none_or(|span| text.get(span.range()).is_some());
        assert!(within(Input::Base, base) && within(Input::Ours, ours) && within(Input::Theirs, theirs), "{spans:?}");
        assert!(text.get(result.range()).is_some(), "{result:?}");
    }
    let swapped = merged(base, theirs, ours);
    if conflicts.is_empty() {
        assert!(swapped.conflicts.is_empty(), "swapped: {:?}", swapped.conflicts);
    } else {
        assert!(!swapped.conflicts.is_empty(), "swapped, no conflict");
    }
}

/// The same without conflicts, and with the same data from both sides.
fn clean(texts: [&str; 4]) {
    check(texts, &[]);
    let [base, ours, theirs, text] = texts;
    let (have, want) = (data(&merged(base, theirs, ours).text), data(text));
    let same = have.len() == want.len() && have.iter().zip(&want).all(|(have, want)| have.is_same(want));
    assert!(same, "swapped: {have:?}, not {want:?}");
}

#[test]
fn entries_belong_together_by_their_decoded_key() {
    clean(["a: 1\nb: 1\n", "\"a\": 2\nb: 1\n", "'a': 1\nb: 3\n", "\"a\": 2\nb: 3\n"]);
    clean(["{a: 1, b: 1}\n", "{\"a\": 1, b: 2}\n", "{a: 3, b: 1}\n", "{\"a\": 3, b: 2}\n"]);
    // A null is another key than the text of the same letters.
    check(["x: 1\n", "x: 1\n~: 2\n", "x: 1\n\"~\": 3\n", "x: 1\n~: 2\n\"~\": 3\n"], &[]);
}

#[test]
fn items_belong_together_by_name_wherever_they_stand() {
    clean([
        "- name: a\n  port: 1\n- name: b\n  port: 1\n",
        "- name: b\n  port: 1\n- name: a\n  port: 1\n",
        "- name: a\n  port: 2\n- name: b\n  port: 1\n",
        "- name: b\n  port: 1\n- name: a\n  port: 2\n",
    ]);
}

#[test]
fn locations_belong_together_by_the_name_inside_their_kind() {
    let location =
        |name: &str, port: u8| format!("- grpc_server:\n    host: h\n    port: {port}\n    location_name: {name}\n");
    let list = |items: [String; 2]| format!("load_from:\n{}", items.concat());
    let (base, ours) = (list([location("a", 1), location("b", 1)]), list([location("b", 1), location("a", 2)]));
    let theirs = list([location("a", 1), location("b", 3)]);
    clean([&base, &ours, &theirs, &list([location("b", 3), location("a", 2)])]);
}

#[test]
fn items_without_names_belong_together_by_content_never_by_place() {
    clean(["- a\n- b\n- c\n", "- x\n- a\n- b\n- c\n", "- a\n- b\n", "- x\n- a\n- b\n"]);
    clean(["args: [a, b]\n", "args: [x, a, b]\n", "args: [a, b, y]\n", "args: [x, a, b, y]\n"]);
    check(["- a\n- b\n", "- x\n- b\n", "- y\n- b\n", "- x\n- b\n"], &[("", EditEdit)]);
}

#[test]
fn items_whose_name_stands_twice_belong_together_by_content() {
    clean([
        "- {name: a, x: 1}\n- {name: a, x: 2}\n- {name: b}\n",
        "- {name: a, x: 1}\n- {name: a, x: 2}\n- {name: b, y: 1}\n",
        "- {name: a, x: 2}\n- {name: b}\n",
        "- {name: a, x: 2}\n- {name: b, y: 1}\n",
    ]);
}

#[test]
fn keys_of_kubernetes_lists_come_as_data() {
    let base = "volumeMounts:\n- {mountPath: /a, name: v}\n- {mountPath: /b, name: v}\n";
    let (ours, theirs) = (base.replace("/a, name: v", "/a, name: w"), base.replace("/b, name: v", "/b, name: x"));
    let merge = three_way(base, &ours, &theirs, &MergeKeys::kubernetes()).unwrap();
    assert_eq!(merge.text, ours.replace("/b, name: v", "/b, name: x"));
    assert_eq!(merge.conflicts, []);
    let pod = |image: &str, value: &str| {
        format!("containers:\n- name: c\n  image: {image}\n  env:\n  - name: A\n    value: {value}\n  - name: B\n")
    };
    let merge = three_way(&pod("i", "1"), &pod("j", "1"), &pod("i", "2"), &MergeKeys::kubernetes()).unwrap();
    assert_eq!((merge.text, merge.conflicts), (pod("j", "2"), Vec::new()));
}

#[test]
fn layers_of_a_scalar_change_on_their_own() {
    // Value, notation and comment, each by one side.
    clean(["a: 'x'\n", "a: \"x\"\n", "a: 'y'\n", "a: \"y\"\n"]);
    clean(["a: x\n", "a: x # why\n", "a: y\n", "a: y # why\n"]);
    clean(["a: x # c\n", "a: \"x\" # c\n", "a: x # d\n", "a: \"x\" # d\n"]);
    clean(["# c\na: x\n", "# d\na: x\n", "# c\na: 'x'\n", "# d\na: 'x'\n"]);
    // Both alike: ours. Both otherwise in notation: ours; in a comment: ours, and a note of the other.
    clean(["a: 1\n", "a: 2\n", "a: 2\n", "a: 2\n"]);
    clean(["a: x\n", "a: 'x'\n", "a: \"x\"\n", "a: 'x'\n"]);
    check(["a: x # c\n", "a: x # own\n", "a: x # their\n", "a: x # own\n"], &[("a", Note)]);
    check(["a: x\n", "a: y\n", "a: z\n", "a: y\n"], &[("a", EditEdit)]);
}

#[test]
fn notation_of_a_collection_is_a_layer_too() {
    clean(["a: {b: 1, c: 1}\n", "a:\n  b: 1\n  c: 1\n", "a: {b: 1, c: 2}\n", "a:\n  b: 1\n  c: 2\n"]);
    clean(["a: {b: 1, c: 1}\n", "a: {b: 1, c: 2}\n", "a:\n  b: 1\n  c: 1\n", "a: {b: 1, c: 2}\n"]);
    clean(["a: []\n", "a: []\n# c\n", "a:\n- x\n", "a:\n- x\n# c\n"]);
}

#[test]
fn mappings_and_keyed_lists_are_merged_inside_other_values_are_not() {
    clean(["a: {b: {c: 1, d: 1}}\n", "a: {b: {c: 2, d: 1}}\n", "a: {b: {c: 1, d: 3}}\n", "a: {b: {c: 2, d: 3}}\n"]);
    check(["a: 1\n", "a: [1]\n", "a: {b: 1}\n", "a: [1]\n"], &[("a", Type)]);
    check(["a: |\n  x\n  y\n", "a: |\n  X\n  y\n", "a: |\n  x\n  Y\n", "a: |\n  X\n  y\n"], &[("a", EditEdit)]);
}

#[test]
fn deletions_stand_unless_the_other_side_edited() {
    clean(["a: 1\nb: 1\n", "b: 1\n", "a: 1\nb: 1\n", "b: 1\n"]);
    clean(["a: 1\nb: 1\n", "a: 1\nb: 1\n", "b: 1\n", "b: 1\n"]);
    clean(["a: 1\nb: 1\n", "b: 1\n", "b: 1\n", "b: 1\n"]);
    // Another notation or comment is no edit.
    clean(["a: x\nb: 1\n", "a: 'x'\nb: 1\n", "b: 1\n", "b: 1\n"]);
    check(["a: 1\nb: 1\n", "b: 1\n", "a: 2\nb: 1\n", "a: 2\nb: 1\n"], &[("a", DeleteEdit)]);
    check(["a: 1\nb: 1\n", "a: 2\nb: 1\n", "b: 1\n", "a: 2\nb: 1\n"], &[("a", DeleteEdit)]);
}

#[test]
fn what_both_added_under_one_key_is_merged_with_nothing_before() {
    clean(["x: 1\n", "x: 1\na: {b: 1}\n", "x: 1\na: {c: 2}\n", "x: 1\na: {b: 1, c: 2}\n"]);
    clean(["x: 1\n", "x: 1\na: 1\n", "x: 1\na: 1\n", "x: 1\na: 1\n"]);
    check(["x: 1\n", "x: 1\na: 1\n", "x: 1\na: 2\n", "x: 1\na: 1\n"], &[("a", AddAdd)]);
    check(
        [
            "[]\n",
            "- name: n\n  port: 1\n  a: 1\n",
            "- name: n\n  port: 2\n  b: 1\n",
            "- name: n\n  port: 1\n  a: 1\n  b: 1\n",
        ],
        &[("[n].port", AddAdd)],
    );
    check(["x: 1\n", "x: 1\na: 1\n", "x: 1\na: [1]\n", "x: 1\na: 1\n"], &[("a", Type)]);
}

#[test]
fn renamed_item_that_was_edited_is_a_hint_never_a_guess() {
    let (base, renamed) = ("- name: a\n  port: 1\n", "- name: z\n  port: 1\n");
    let edited = "- name: a\n  port: 2\n";
    check([base, renamed, edited, renamed], &[("[a]", DeleteEdit)]);
    assert_eq!(merged(base, renamed, edited).conflicts[0].renamed_to.as_deref(), Some("z"));
    let merge = merged(base, edited, renamed);
    assert_eq!(merge.text, "- name: a\n  port: 2\n- name: z\n  port: 1\n");
    assert_eq!(merge.conflicts[0].renamed_to.as_deref(), Some("z"));
    // One that was not edited goes without a word, but for a comment on it; and one that is another item is no hint.
    let [old, new, quoted] = ["- name: a\n  x: w\n", "- name: z\n  x: w\n", "- name: a\n  x: 'w'\n"];
    check([old, new, quoted, new], &[]);
    check([base, renamed, "- name: a\n  port: 1 # c\n", renamed], &[("[a].port", Note)]);
    let merge = merged(base, "- name: z\n  port: 7\n", edited);
    assert_eq!((told(&merge), &merge.conflicts[0].renamed_to), (vec![("[a]".into(), DeleteEdit)], &None));
}

#[test]
fn comment_that_nobody_took_out_outlives_the_elements_below_it() {
    let base = "l:\n- name: a\n\n# about\n\n- name: b\n- name: c\n- name: d\n";
    let [without_b, without_c] = ["- name: b\n", "- name: c\n"].map(|item| base.replace(item, ""));
    let neither = without_b.replace("- name: c\n", "");
    clean([base, &without_b, &without_c, &neither]);
    // With the comment taken out on one side it goes.
    let gone = without_c.replace("# about\n\n", "");
    clean([base, &without_b, &gone, &gone.replace("- name: b\n", "")]);
    clean(["a: 1\n", "a: 1\n\n", "a: 1\n# end\n", "a: 1\n# end\n"]);
}

#[test]
fn new_item_without_a_name_is_one_wherever_its_neighbour_went() {
    let base = "- [x]\n- name: a\n  note: 1\n- [y]\n- name: b\n";
    let ours = "- [x]\n- name: a\n  note: 1\n- {new: 1}\n- [y]\n- name: b\n";
    let moved = "- name: a\n  note: 1\n- {new: 1}\n- [x]\n- [y]\n- name: b\n";
    check([base, ours, moved, moved], &[]);
}

#[test]
fn tag_and_anchor_of_an_emptied_list_are_kept() {
    let base = "l: [{name: a}]\n";
    let theirs = "l:\n- name: a\n- name: b\n";
    assert_eq!(merged(base, "l: !x []\n", theirs).text, "l: !x [{name: b}]\n");
    clean([base, "l: []\n", "l:\n- name: a\n- name: b\n", "l:\n- name: b\n"]);
}

#[test]
fn what_stands_around_a_block_scalar_is_merged_apart_from_it() {
    let base = "x:\n  k  : |\n    text\n   # below\n  n: 1\n";
    let ours = "x:\n  k: |\n    text\n  n: 1\n";
    let theirs = "x:\n    k  : |\n      text\n     # below\n    n: 2\n";
    check([base, ours, theirs, "x:\n  k: |\n    text\n  n: 2\n"], &[]);
    clean([base, ours, &base.replace("text", "other"), &ours.replace("text", "other")]);
}

#[test]
fn order_is_that_of_the_side_that_changed_it() {
    let [abc, cab, bca] =
        ["abc", "cab", "bca"].map(|names| names.chars().map(|name| format!("- name: {name}\n")).collect::<String>());
    clean([&abc, &cab, &abc, &cab]);
    clean([&abc, &abc, &cab, &cab]);
    clean([&abc, &cab, &cab, &cab]);
    check([&abc, &cab, &bca, &cab], &[("", Order)]);
    // Of what survives on both sides.
    clean([
        "- name: a\n- name: b\n- name: c\n",
        "- name: c\n- name: a\n- name: b\n",
        "- name: a\n- name: b\n",
        "- name: a\n- name: b\n",
    ]);
}

#[test]
fn new_items_stand_behind_their_left_neighbour_ours_first() {
    let list = |names: &str| names.chars().map(|name| format!("- name: {name}\n")).collect::<String>();
    for [base, ours, theirs, want] in [
        ["ab", "axb", "ayb", "axyb"],
        ["ab", "abx", "aby", "abxy"],
        ["ab", "xab", "yab", "xyab"],
        ["ab", "axzb", "aywb", "axzywb"],
        ["ab", "abx", "ayb", "aybx"],
        ["abc", "abcx", "cyab", "cxyab"],
        ["", "x", "y", "xy"],
        ["a", "ax", "y", "xy"],
    ] {
        let [base, ours, theirs, want] = [base, ours, theirs, want].map(list);
        let [base, ours, theirs] = [base, ours, theirs].map(|text| if text.is_empty() { "[]\n".into() } else { text });
        check([&base, &ours, &theirs, &want], &[]);
    }
}

#[test]
fn bytes_of_theirs_move_only_where_dashes_stand_elsewhere() {
    clean([
        "list:\n  - name: a\n",
        "list:\n- name: a\n",
        "list:\n  - name: a\n  - name: b\n    # deep\n    args:\n      - x\n",
        "list:\n- name: a\n- name: b\n  # deep\n  args:\n    - x\n",
    ]);
    clean(["a:\n  b: 1\n", "a:\n    b: 1\n", "a:\n  b: 1\n  c:\n   d:   1\n", "a:\n    b: 1\n    c:\n     d:   1\n"]);
}

#[test]
fn line_breaks_are_those_of_ours() {
    clean(["a: 1\nb: 1\n", "a: 1\r\nb: 1\r\n", "a: 2\nb: 1\nc: |\n  x\n", "a: 2\r\nb: 1\r\nc: |\r\n  x\r\n"]);
    clean(["a: 1\nb: 1\n", "a: 3\nb: 1\n", "a: 1\r\nb: 2\r\n", "a: 3\nb: 2\n"]);
}

#[test]
fn bytes_that_nobody_changed_are_kept() {
    let base = "\u{feff}%YAML 1.2\n--- # head\na:   1   # one\n\n\n? b\n: [ x ,  y ]\n# tail";
    let ours = base.replace("[ x ,  y ]", "[ x ,  y,z ]");
    let theirs = base.replace("1   #", "7   #");
    let both = ours.replace("1   #", "7   #");
    clean([base, &ours, &theirs, &both]);
}

#[test]
fn alias_that_would_mean_something_else_is_a_conflict() {
    // The anchor goes on one side, and an alias to it comes on the other: the definition stays.
    check(["a: &x 1\nb: 2\n", "a: &x 1\nb: *x\n", "b: 2\n", "a: &x 1\nb: *x\n"], &[("a", Anchor)]);
    // A new definition of the name between an anchor and a new alias.
    let merge = merged("a: &x 1\nb: 1\nc: 1\n", "a: &x 1\nb: 1\nc: *x\n", "a: &x 1\nb: &x 2\nc: 1\n");
    assert_eq!(merge.text, "a: &x 1\nb: 1\nc: *x\n");
    assert_eq!(told(&merge), [("b".to_owned(), Anchor)]);
    // A new alias to what the other side changed.
    check(["a: &x 1\nb: 1\n", "a: &x 2\nb: 1\n", "a: &x 1\nb: *x\n", "a: &x 2\nb: 1\n"], &[("b", Anchor)]);
    // An alias that all have follows.
    clean(["a: &x 1\nb: *x\nc: 1\n", "a: &x 2\nb: *x\nc: 1\n", "a: &x 1\nb: *x\nc: 3\n", "a: &x 2\nb: *x\nc: 3\n"]);
    // Both name one node.
    check(["a: 1\n", "a: &x 1\n", "a: &y 1\n", "a: &x 1\n"], &[("a", Anchor)]);
}

#[test]
fn conflict_has_the_bytes_and_the_values_of_all_three() {
    let merge = merged("# ä\na: [1]\n", "a: [1, 2]\n", "a: {b: 3}\n");
    let [Conflict { path, kind, spans, values, renamed_to, result }] = merge.conflicts.as_slice() else {
        panic!("{merge:?}")
    };
    assert_eq!((path.to_string().as_str(), *kind, renamed_to), ("a", Type, &None));
    assert_eq!(spans.base.map(|span| span.of("# ä\na: [1]\n")), Some("[1]"));
    assert_eq!(spans.ours.map(|span| span.of("a: [1, 2]\n")), Some("[1, 2]"));
    assert_eq!(spans.theirs.map(|span| span.of("a: {b: 3}\n")), Some("{b: 3}"));
    assert_eq!(result.of(&merge.text), ": [1, 2]");
    assert_eq!(values.base, Some(Value::Sequence(vec![Value::Int(1)])));
    assert_eq!(values.ours, Some(Value::Sequence(vec![Value::Int(1), Value::Int(2)])));
    assert_eq!(values.theirs, Some(Value::Mapping(vec![("b".into(), Value::Int(3))])));
}

#[test]
fn spans_count_the_bytes_of_each_input_as_it_is() {
    let (base, ours, theirs) = ("x: 1\r\na: 1\r\n", "x: 1\na: 2\n", "x: 1\r\na: 33\r\n");
    let merge = merged(base, ours, theirs);
    let spans = merge.conflicts[0].spans;
    assert_eq!(spans.base.map(|span| span.of(base)), Some("1"));
    assert_eq!(spans.ours.map(|span| span.of(ours)), Some("2"));
    assert_eq!(spans.theirs.map(|span| span.of(theirs)), Some("33"));
}

#[test]
fn chosen_side_decides_every_kind_of_conflict() {
    for (base, ours, theirs) in [
        ("a: 1\n", "a: 2\n", "a: 3\n"),
        ("a: 1\nb: 1\n", "b: 1\n", "a: 2\nb: 1\n"),
        ("a: 1\nb: 1\n", "a: 2\nb: 1\n", "b: 1\n"),
        ("x: 1\n", "x: 1\na: 1\n", "x: 1\na: 2\n"),
        ("a: 1\n", "a: [1]\n", "a: {b: 1}\n"),
        ("- name: a\n- name: b\n- name: c\n", "- name: c\n- name: a\n- name: b\n", "- name: b\n- name: c\n- name: a\n"),
        ("a: 1 # c\n", "a: 1 # d\n", "a: 1 # e\n"),
    ] {
        for (prefer, want) in [(Prefer::Ours, ours), (Prefer::Theirs, theirs)] {
            let merge = resolve(base, ours, theirs, &MergeKeys::default(), prefer).unwrap();
            assert_eq!(merge.text, want, "{prefer:?} of {base:?}");
        }
    }
}

#[test]
fn err_names_the_input_and_the_place_in_it() {
    for (texts, input) in [
        (["a: [\n", "b: 1\n", "c: 1\n"], Input::Base),
        (["a: 1\n", "b: [\n", "c: 1\n"], Input::Ours),
        (["a: 1\n", "b: 1\n", "c: [\n"], Input::Theirs),
        (["a: 1\n", "b: 1\r\n", "x: 1\nc: [\n"], Input::Theirs),
    ] {
        let error = three_way(texts[0], texts[1], texts[2], &MergeKeys::default()).unwrap_err();
        assert_eq!(error.input, input);
        assert_eq!(error.to_string(), format!("{input} cannot be read"));
        let own = texts[input as usize];
        assert!(error.source.span.start as usize >= own.find('[').unwrap(), "{error:?}");
        assert!(error.diagnostic().span.is_some_and(|span| span.end as usize <= own.len()), "{error:?}");
    }
}

#[test]
fn markers_stand_around_the_lines_of_conflicts_alone() {
    let (base, ours, theirs) = ("a: 1\nb: 1\nc: 1\n", "a: 2\nb: 1\nc: 1\n", "a: 3\nb: 1\nc: 4\n");
    let merge = merged(base, ours, theirs);
    let want = "<<<<< ours\na: 2\n=====\na: 3\n>>>>> theirs\nb: 1\nc: 4\n";
    assert_eq!(with_markers(&merge, ours, theirs, 5), want);
}

/// What followed the list is gone, and the end of its last item reads the same.
#[test]
fn list_that_ends_as_what_followed_it_is_read_to_its_end() {
    let list = "a:\n  list:\n      - name: x\n        port: 1\n      - name: y\n        port: 1\n      - name: z\n        port: 1\n";
    let base = format!("{list}  port: 1\n  own: 1\n");
    let ours = format!("# ours\n{list}  port: 1\n  own: 1\n");
    let theirs = format!("{list}  own: 1\n");
    let text = format!("# ours\n{list}  own: 1\n");
    check([&base, &ours, &theirs, &text], &[]);
}

#[test]
fn item_with_the_name_and_content_of_another_one_moves_nothing_in_a_long_list() {
    let base: String = (0..26).map(|at| format!("- name: n{at}\n  port: 1\n")).collect();
    let ours = base.replacen("port: 1", "port: 2", 1);
    let theirs = base.replacen("name: n15\n", "name: n25\n", 1);
    let merge = merged(&base, &ours, &theirs);
    assert_eq!(merge.text, theirs.replacen("port: 1", "port: 2", 1));
    assert!(merge.conflicts.is_empty());
}
