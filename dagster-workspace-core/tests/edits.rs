//! Written situations of editing, one test each: what comes out, byte for byte, or the reason for a refusal. Every one is
//! also judged by the laws.

mod laws;
mod written;

use dagster_workspace_core::edit::{self, Edit, Item};
use dagster_workspace_core::error::Reason;
use dagster_workspace_core::value::Value;
use dagster_workspace_core::yaml::{Document, ItemKey, Schema};
use laws::Outcome;

/// The edit, in its JSON form, of a text gives the other text.
#[track_caller]
fn check(text: &str, edit: &str, want: &str) {
    let edit: Edit = serde_json::from_str(edit).unwrap();
    let outcome = laws::check(text, &edit).unwrap();
    assert_eq!(outcome.text(text), want);
    assert!(matches!(outcome, Outcome::Changed(_)), "{outcome:?}");
}

/// The edit is refused for this reason.
#[track_caller]
fn refuses(text: &str, edit: &str, want: &str) {
    let edit: Edit = serde_json::from_str(edit).unwrap();
    match laws::apply(text, &edit) {
        Outcome::Refused(reason) => assert_eq!(reason.slug(), want),
        other => panic!("{other:?}"),
    }
}

#[test]
fn add_to_empty_flow_list_with_inner_blank_opens_a_block() {
    check(
        "deployments: [ ] # none\n",
        r#"{"op":"add","list":"deployments","item":"name: a\n"}"#,
        "deployments: # none\n  - name: a\n",
    );
}

#[test]
fn add_to_list_in_brackets_inside_brackets_stays_in_brackets() {
    check(
        "{a: {deployments: []}}\n",
        r#"{"op":"add","list":"a.deployments","item":"name: a\nport: 1\n"}"#,
        "{a: {deployments: [{name: a, port: 1}]}}\n",
    );
}

#[test]
fn add_to_missing_nested_list_begins_the_mappings_on_the_way() {
    check(
        "rbac: true\n",
        r#"{"op":"add","list":"a.b.deployments","item":{"name":"a"}}"#,
        "rbac: true\na:\n  b:\n    deployments:\n      - name: a\n",
    );
}

#[test]
fn add_to_null_item_of_a_list_stands_behind_its_dash() {
    check(
        "lists:\n  -\n  - x\n",
        r#"{"op":"add","list":"lists[0]","item":"name: a\n"}"#,
        "lists:\n  - - name: a\n  - x\n",
    );
}

#[test]
fn add_to_null_item_with_a_comment_stands_below_it() {
    check(
        "lists:\n  - ~ # later\n  - x\n",
        r#"{"op":"add","list":"lists[0]","item":"name: a\n"}"#,
        "lists:\n  - # later\n    - name: a\n  - x\n",
    );
}

#[test]
fn add_to_anchored_null_item_stands_below_the_anchor() {
    check(
        "lists:\n  - &a ~\n",
        r#"{"op":"add","list":"lists[0]","item":"name: a\n"}"#,
        "lists:\n  - &a\n    - name: a\n",
    );
}

#[test]
fn add_below_an_explicit_key_without_colon_writes_the_colon() {
    check(
        "? deployments # all\n",
        r#"{"op":"add","list":"deployments","item":"name: a\n"}"#,
        "? deployments # all\n:\n  - name: a\n",
    );
}

#[test]
fn add_to_tagged_null_drops_the_tag() {
    check(
        "deployments: !!null # none\n",
        r#"{"op":"add","list":"deployments","item":"name: a\n"}"#,
        "deployments: # none\n  - name: a\n",
    );
}

#[test]
fn add_to_tagged_empty_list_keeps_the_tag() {
    check(
        "deployments: !!seq []\n",
        r#"{"op":"add","list":"deployments","item":"name: a\n"}"#,
        "deployments: !!seq\n  - name: a\n",
    );
}

#[test]
fn add_item_that_ends_in_a_block_scalar_ends_the_text() {
    check(
        "deployments:\n  - name: a",
        r#"{"op":"add","list":"deployments","item":"name: b\nnote: |\n  x\n"}"#,
        "deployments:\n  - name: a\n  - name: b\n    note: |\n      x\n",
    );
}

#[test]
fn add_behind_a_single_pair_without_value_keeps_its_colon() {
    check("x: [a: ]\n", r#"{"op":"add","list":"x","item":"name: b\n"}"#, "x: [a: , {name: b} ]\n");
}

#[test]
fn add_puts_no_blank_line_behind_kept_breaks() {
    check(
        "x:\n- name: a\n\n- name: b\n  note: |+\n    x\n",
        r#"{"op":"add","list":"x","item":"name: c\n"}"#,
        "x:\n- name: a\n\n- name: b\n  note: |+\n    x\n- name: c\n",
    );
}

#[test]
fn add_before_blanks_that_told_the_indentation_of_an_empty_block_scalar() {
    check(
        "a:\n  note: >-\n    ",
        r#"{"op":"add","list":"b","item":"name: c"}"#,
        "a:\n  note: >-\nb:\n  - name: c\n    ",
    );
}

#[test]
fn add_before_blanks_that_told_the_indentation_of_an_empty_explicit_key() {
    check("a: b\n? |\n  \n", r#"{"op":"set","path":["c"],"value":1}"#, "a: b\n? |\nc: 1\n  \n");
}

#[test]
fn add_in_crlf_text_writes_crlf_inside_a_multi_line_item() {
    check(
        "x:\r\n  - name: a\r\n",
        r#"{"op":"add","list":"x","item":"name: b\nargs:\n  - z\n"}"#,
        "x:\r\n  - name: a\r\n  - name: b\r\n    args:\r\n      - z\r\n",
    );
}

#[test]
fn set_entry_of_the_map_form_is_added_to_an_empty_map() {
    check(
        "deployments: {} # none\nrbac: true\n",
        r#"{"op":"set","path":["deployments","etl"],"value":{"port":3030}}"#,
        "deployments: # none\n  etl:\n    port: 3030\nrbac: true\n",
    );
}

#[test]
fn set_entry_of_the_map_form_is_added_to_a_block_map() {
    check(
        "deployments:\n  a:\n    port: 1 # ours\n",
        r#"{"op":"set","path":["deployments","b"],"value":{"port":2,"args":["x"]}}"#,
        "deployments:\n  a:\n    port: 1 # ours\n  b:\n    port: 2\n    args:\n      - x\n",
    );
}

#[test]
fn set_missing_mappings_on_the_way_are_begun() {
    check("a: 1\n", r#"{"op":"set","path":["b","c","d"],"value":"1.10"}"#, "a: 1\nb:\n  c:\n    d: \"1.10\"\n");
}

#[test]
fn set_missing_entry_in_brackets_is_put_in_brackets() {
    check(
        "a: {x: 1}\n",
        r#"{"op":"set","path":["a","y","z"],"value":[1,"on"]}"#,
        "a: {x: 1, \"y\": {z: [1, \"on\"]}}\n",
    );
}

#[test]
fn set_whole_mapping_keeps_the_comments_of_what_stays() {
    check(
        "a:\n  # about x\n  x: 1 # one\n  y: 2\n  # about z\n  z: 3\n",
        r#"{"op":"set","path":["a"],"value":{"x":1,"z":4,"w":"5"}}"#,
        "a:\n  # about x\n  x: 1 # one\n  # about z\n  z: 4\n  w: \"5\"\n",
    );
}

#[test]
fn set_item_that_changes_its_name_is_still_the_same_item() {
    check(
        "x:\n  - name: a\n    port: 1 # p\n  - name: b\n",
        r#"{"op":"set","list":"x","name":"a","value":{"name":"c","port":2}}"#,
        "x:\n  - name: c\n    port: 2 # p\n  - name: b\n",
    );
}

#[test]
fn set_block_list_to_another_block_list() {
    check(
        "a:\n- x\n- y # why\nb: 1\n",
        r#"{"op":"set","path":["a"],"value":["1.0",{"k":"v"}]}"#,
        "a:\n- \"1.0\"\n- k: v # why\nb: 1\n",
    );
}

#[test]
fn set_flow_list_to_another_flow_list_keeps_the_comment() {
    check(
        "a: [x, y] # why\n",
        r#"{"op":"set","path":["a"],"value":["1.0",{"k":"v"}]}"#,
        "a: [\"1.0\", {k: v}] # why\n",
    );
}

#[test]
fn set_indentless_list_to_empty_list_moves_up() {
    check("a:\n- x\nb: 1\n", r#"{"op":"set","path":["a"],"value":[]}"#, "a: []\nb: 1\n");
}

#[test]
fn set_block_mapping_to_scalar_moves_up_behind_its_key() {
    check("a: # about a\n  x: 1\nb: 2\n", r#"{"op":"set","path":["a"],"value":"v"}"#, "a: v # about a\nb: 2\n");
}

#[test]
fn set_scalar_to_mapping_opens_a_block() {
    check("a: v # about a\nb: 2\n", r#"{"op":"set","path":["a"],"value":{"x":1}}"#, "a: # about a\n  x: 1\nb: 2\n");
}

#[test]
fn set_multi_line_scalar_to_mapping_takes_all_its_lines() {
    check("a: one\n  two # end\nb: 2\n", r#"{"op":"set","path":["a"],"value":{"x":1}}"#, "a: # end\n  x: 1\nb: 2\n");
}

#[test]
fn set_block_scalar_to_mapping_takes_its_header_too() {
    check("a: |- # head\n  x\nb: 2\n", r#"{"op":"set","path":["a"],"value":{"x":1}}"#, "a:\n  x: 1\nb: 2\n");
}

#[test]
fn set_block_mapping_to_indentless_list() {
    check("a:\n  x: 1\nb:\n- y\n", r#"{"op":"set","path":["a"],"value":["z"]}"#, "a:\n  - z\nb:\n- y\n");
}

#[test]
fn set_alias_is_replaced_where_it_stands() {
    check("x: &v 1\nz: *v # same\n", r#"{"op":"set","path":["z"],"value":2}"#, "x: &v 1\nz: 2 # same\n");
}

#[test]
fn set_anchored_value_that_nobody_uses_keeps_its_anchor() {
    check("x: &v\n  a: 1\ny: 2\n", r#"{"op":"set","path":["x"],"value":3}"#, "x: &v 3\ny: 2\n");
}

#[test]
fn set_string_tag_stays_with_a_string_and_goes_with_a_number() {
    check("x: !!str 1\n", r#"{"op":"set","path":["x"],"value":2}"#, "x: 2\n");
}

#[test]
fn set_local_tag_goes_with_its_value() {
    check("x: !mine 1 # c\n", r#"{"op":"set","path":["x"],"value":{"a":1}}"#, "x: # c\n  a: 1\n");
}

#[test]
fn set_value_of_an_explicit_key_without_colon_gets_the_colon() {
    check("? a # key\nb: 1\n", r#"{"op":"set","path":["a"],"value":"v"}"#, "? a # key\n: v\nb: 1\n");
}

#[test]
fn set_bare_key_in_brackets_gets_the_colon() {
    check("{a, b: 1}\n", r#"{"op":"set","path":["a"],"value":"v"}"#, "{a: v, b: 1}\n");
}

#[test]
fn set_in_a_text_without_nodes_writes_the_first_entry() {
    check("# head\n", r#"{"op":"set","path":["a"],"value":{"b":1}}"#, "# head\na:\n  b: 1\n");
}

#[test]
fn remove_last_entry_of_the_map_form_leaves_an_empty_map() {
    check(
        "deployments: # all\n  # about a\n  a:\n    port: 1\nrbac: true\n",
        r#"{"op":"remove","path":["deployments","a"]}"#,
        "deployments: {} # all\nrbac: true\n",
    );
}

#[test]
fn remove_entry_of_the_map_form() {
    check(
        "deployments:\n  a: {port: 1}\n  # about b\n  b:\n    port: 2\n",
        r#"{"op":"remove","path":["deployments","b"]}"#,
        "deployments:\n  a: {port: 1}\n",
    );
}

#[test]
fn remove_first_entry_beside_a_dash_moves_the_next_one_up() {
    check(
        "x:\n  - name: a # n\n    port: 1\n",
        r#"{"op":"remove","list":"x","name":"a","path":["name"]}"#,
        "x:\n  - port: 1\n",
    );
}

#[test]
fn remove_first_entry_beside_a_dash_leaves_comments_of_the_next_below_the_dash() {
    check(
        "x:\n  - name: a # n\n    # about port\n    port: 1\n",
        r#"{"op":"remove","list":"x","name":"a","path":["name"]}"#,
        "x:\n  -\n    # about port\n    port: 1\n",
    );
}

#[test]
fn remove_only_item_of_a_compact_nest() {
    check("x:\n  - - a\n  - b\n", r#"{"op":"remove","list":"x[0][0]"}"#, "x:\n  - []\n  - b\n");
}

#[test]
fn remove_only_element_in_brackets_leaves_their_comment() {
    check("x: [ # why\n  {name: a} # a\n]\n", r#"{"op":"remove","list":"x","name":"a"}"#, "x: [ # why\n]\n");
}

#[test]
fn remove_item_in_brackets_leaves_the_comment_of_the_next() {
    check(
        "x: [{name: a},\n  # about b\n  {name: b}]\n",
        r#"{"op":"remove","list":"x","name":"a"}"#,
        "x: [\n  # about b\n  {name: b}]\n",
    );
}

#[test]
fn remove_last_item_behind_a_pair_without_value_keeps_its_blank() {
    check("x: [a: , {name: b}]\n", r#"{"op":"remove","list":"x","name":"b"}"#, "x: [a: ]\n");
}

#[test]
fn remove_only_item_below_a_tagged_key_keeps_the_tag() {
    check("x: !!seq # all\n  - name: a\n", r#"{"op":"remove","list":"x","name":"a"}"#, "x: !!seq [] # all\n");
}

#[test]
fn remove_without_final_break_behind_a_block_scalar_leaves_its_break() {
    check("x:\n  a: |\n    t\n  b: 1", r#"{"op":"remove","path":["x","b"]}"#, "x:\n  a: |\n    t\n");
}

#[test]
fn err_add_to_single_pair_has_no_room() {
    refuses("x: [a: 1]\n", r#"{"op":"set","list":"x[0]","path":["b"],"value":2}"#, "unprovable");
}

#[test]
fn err_remove_before_lines_that_a_block_scalar_would_take() {
    refuses("a: |\n  t\nb: 1\n\n  # deep\nc: 2\n", r#"{"op":"remove","path":["b"]}"#, "kept-line-breaks");
}

#[test]
fn err_add_behind_an_open_block_scalar_would_end_it() {
    refuses("x:\n  - |\n   t", r#"{"op":"add","list":"x","item":"name: a\n"}"#, "kept-line-breaks");
}

#[test]
fn err_remove_of_an_anchor_in_use() {
    refuses("x: &v 1\ny: *v\n", r#"{"op":"remove","path":["x"]}"#, "anchor-in-use");
}

#[test]
fn err_set_of_an_entry_below_a_merged_mapping() {
    refuses("b: &b {i: {t: 1}}\nx:\n  <<: *b\n", r#"{"op":"set","path":["x","i","t"],"value":2}"#, "through-alias");
}

#[test]
fn err_remove_of_a_merged_entry() {
    refuses("b: &b {i: 1}\nx:\n  <<: *b\n  y: 1\n", r#"{"op":"remove","path":["x","i"]}"#, "through-alias");
}

#[test]
fn err_set_of_an_item_that_is_missing() {
    refuses("x: []\n", r#"{"op":"set","list":"x","name":"a","path":["b"],"value":1}"#, "not-found");
}

#[test]
fn err_add_of_an_item_whose_alias_has_no_anchor() {
    refuses("x: []\n", r#"{"op":"add","list":"x","item":"name: a\nb: *c\n"}"#, "unsuitable-item");
}

#[test]
fn err_add_of_an_item_whose_anchor_would_be_taken() {
    refuses(
        "w: &c 1\nx:\n  - name: b\ny: *c\n",
        r#"{"op":"add","list":"x","item":"name: a\nb: &c 2\n"}"#,
        "anchor-in-use",
    );
}

#[test]
fn err_set_through_a_scalar() {
    refuses("x: 1\n", r#"{"op":"set","path":["x","y"],"value":1}"#, "not-a-mapping");
}

#[test]
fn err_remove_what_keeps_an_entry_without_a_key_from_the_explicit_key_above() {
    let document = Document::parse("? a\nb: 1\n: c\n").unwrap();
    let edit = Edit::Remove { path: "b".parse().unwrap() };
    assert_eq!(edit::apply(&document, &edit).unwrap_err().reason, Reason::Unprovable);
}

#[test]
fn err_add_behind_an_open_block_scalar_that_is_a_key_would_end_it() {
    refuses("? |\n  a", r#"{"op":"set","path":["a","new"],"value":"x"}"#, "kept-line-breaks");
    refuses("? |\n  a", r#"{"op":"set","path":["a"],"value":"x"}"#, "kept-line-breaks");
    refuses("? |\n  a", r#"{"op":"set","path":["b"],"value":"x"}"#, "kept-line-breaks");
    refuses("x:\n  ? >\n    a", r#"{"op":"set","path":["x","b"],"value":"x"}"#, "kept-line-breaks");
}

#[test]
fn remove_behind_a_block_scalar_that_is_a_key_leaves_its_break() {
    check("? |\n  a\nb: 1", r#"{"op":"remove","path":["b"]}"#, "? |\n  a\n");
}

#[test]
fn set_that_comes_to_the_same_bytes_is_no_change() {
    for text in ["! \"0123\"", "a: ! \"0123\"\n", "a: !!str \"0123\"\n"] {
        let path = if text.starts_with('a') { r#"["a"]"# } else { "[]" };
        let edit = format!(r#"{{"op":"set","path":{path},"value":"0123"}}"#);
        let edit: Edit = serde_json::from_str(&edit).unwrap();
        assert_eq!(laws::apply(text, &edit), Outcome::Unchanged, "{text}");
    }
}

#[test]
fn set_block_scalar_stays_one() {
    let edit = r#"{"op":"set","path":["a"],"value":"new\nlines\n"}"#;
    check("a: | # why\n  old\nb: 1\n", edit, "a: | # why\n  new\n  lines\nb: 1\n");
    check("a: |-\n      old\nb: 1\n", edit, "a: |\n      new\n      lines\nb: 1\n");
    check("a: >\n  old\nb: 1\n", edit, "a: >\n  new\n\n  lines\nb: 1\n");
    check("a: |-\n  old\nb: 1\n", r#"{"op":"set","path":["a"],"value":"new"}"#, "a: |-\n  new\nb: 1\n");
    check("a: >-\n  old\nb: 1\n", r#"{"op":"set","path":["a"],"value":"new"}"#, "a: new\nb: 1\n");
    check("a: |\r\n  old\r\nb: 1\r\n", edit, "a: |\r\n  new\r\n  lines\r\nb: 1\r\n");
    check("a: |\n  old", edit, "a: |\n  new\n  lines\n");
}

#[test]
fn set_block_scalar_to_what_none_can_say_is_quoted() {
    check("a: |\n  old\n\nb: 1\n", r#"{"op":"set","path":["a"],"value":"x\ny\n\n"}"#, "a: \"x\\ny\\n\\n\"\n\nb: 1\n");
    check("a: |\n  old\n", r#"{"op":"set","path":["a"],"value":"x\r\ny\n"}"#, "a: \"x\\r\\ny\\n\"\n");
}

#[test]
fn set_text_of_several_lines_becomes_a_literal() {
    let edit = r#"{"op":"set","path":["a"],"value":"new\n  lines"}"#;
    check("a: old # why\nb: 1\n", edit, "a: |- # why\n  new\n    lines\nb: 1\n");
    check("a:\nb: 1\n", edit, "a: |-\n  new\n    lines\nb: 1\n");
    check("b: 1\n", edit, "b: 1\na: |-\n  new\n    lines\n");
    check("{a: old}\n", edit, "{a: \"new\\n  lines\"}\n");
    check("a: \"x\\ny\"\n", edit, "a: \"new\\n  lines\"\n");
    check("a:\n  k: v # why\nb: 1\n", edit, "a: |-\n  new\n    lines\nb: 1\n");
}

#[test]
fn add_in_brackets_beside_items_in_brackets() {
    check(
        "l:\n  - {name: a, env: [x]}\n",
        r#"{"op":"add","list":"l","item":{"name":"b","env":["z"]}}"#,
        "l:\n  - {name: a, env: [x]}\n  - {name: b, env: [z]}\n",
    );
    check(
        "l:\n  - name: a\n    image: { tag: 'v1' }\n",
        r#"{"op":"add","list":"l","item":{"name":"b","image":{"tag":"v2"}}}"#,
        "l:\n  - name: a\n    image: { tag: 'v1' }\n  - name: b\n    image: { tag: 'v2' }\n",
    );
}

#[test]
fn add_indents_as_the_list_and_not_as_the_document() {
    check(
        "x:\n    k:\n    - a\nl:\n  - name: a\n    args:\n      - b\n",
        r#"{"op":"add","list":"l","item":{"name":"c","args":["d"]}}"#,
        "x:\n    k:\n    - a\nl:\n  - name: a\n    args:\n      - b\n  - name: c\n    args:\n      - d\n",
    );
}

#[test]
fn remove_leaves_what_is_said_of_the_list() {
    let edit = r#"{"op":"remove","list":"l","name":"a"}"#;
    check("l:\n  #### Staging\n  - name: a\n  - name: b\n", edit, "l:\n  #### Staging\n  - name: b\n");
    check("l:\n  # Each entry is one.\n  - name: a\n  - name: b\n", edit, "l:\n  # Each entry is one.\n  - name: b\n");
    check("l:\n  # code locations\n  - name: a\n  - name: b\n", edit, "l:\n  # code locations\n  - name: b\n");
    check(
        "l:\n  # ----\n  # Title\n  # ----\n  # only a\n  - name: a\n",
        edit,
        "l: []\n  # ----\n  # Title\n  # ----\n",
    );
    check("l:\n  # its owner\n  - name: a\n  - name: b\n", edit, "l:\n  - name: b\n");
}

#[test]
fn remove_leaves_neighbours_that_are_commented_out() {
    let edit = r#"{"op":"remove","list":"l","name":"a"}"#;
    check("l:\n  # - name: old\n  #   port: 1\n  - name: a\n", edit, "l: []\n  # - name: old\n  #   port: 1\n");
    check("l:\n  - name: b\n  # - name: old\n  # about a\n  - name: a\n", edit, "l:\n  - name: b\n  # - name: old\n");
    check("l:\n- name: a\n  # - name: old\n- name: b\n", edit, "l:\n  # - name: old\n- name: b\n");
    check("l:\n- name: a\n  args:\n  - x\n  # - old\n- name: b\n", edit, "l:\n- name: b\n");
    let entry = r#"{"op":"remove","path":["m","a"]}"#;
    check("m:\n  # old: 1\n  a: 1\n  b: 2\n", entry, "m:\n  # old: 1\n  b: 2\n");
    check("m:\n  b: 2\n  # old: 1\n  # note: of a\n  a: 1\n", entry, "m:\n  b: 2\n  # old: 1\n");
}

/// An item like the first one of `l`, with these entries set, is added.
#[track_caller]
fn adds_like_the_first(text: &str, entries: &str, want: &str) {
    let document = Document::parse(text).unwrap();
    let list = document.root().unwrap().get("l").unwrap();
    let first = list.items().next().unwrap();
    let mut value = first.to_value(Schema::Helm).unwrap();
    for (key, entry) in serde_json::from_str::<Value>(entries).unwrap().entries() {
        value.set(key, entry.clone());
    }
    let item = Item::like(&document, list, first, &value);
    let add = Edit::Add { list: "l".parse().unwrap(), key: ItemKey::default(), item };
    let again: Edit = serde_json::from_str(&serde_json::to_string(&add).unwrap()).unwrap();
    assert_eq!(again, add, "through JSON");
    assert_eq!(laws::apply(text, &add).text(text), want);
    let edited = Document::parse(want).unwrap();
    let last = edited.root().unwrap().get("l").unwrap().items().last().unwrap();
    assert!(last.to_value(Schema::Dagster).unwrap().is_same(&value));
}

#[test]
fn an_item_like_another_keeps_aliases_comments_and_styles() {
    let text = "b: &b {port: 1}\nx: &env [A]\nl:\n  # the first\n  - <<: *b # shared\n    name: 'a'\n    env: *env\n    note: |\n      one\n      two\n";
    adds_like_the_first(
        text,
        r#"{"name":"c","port":2}"#,
        &format!(
            "{text}  - <<: *b # shared\n    name: 'c'\n    env: *env\n    note: |\n      one\n      two\n    port: 2\n"
        ),
    );
}

#[test]
fn an_item_like_another_leaves_anchors_with_the_original() {
    adds_like_the_first(
        "l:\n  - name: a\n    env: &e [A]\n    more: *e\ny: *e\n",
        r#"{"name":"b"}"#,
        "l:\n  - name: a\n    env: &e [A]\n    more: *e\n  - name: b\n    env: [A]\n    more: *e\ny: *e\n",
    );
}

#[test]
fn an_item_like_another_is_data_where_an_alias_would_mean_something_else() {
    adds_like_the_first(
        "x: &e 1\nl:\n  - name: a\n    v: *e\n  - name: b\n    v: &e 2\n",
        r#"{"name":"c"}"#,
        "x: &e 1\nl:\n  - name: a\n    v: *e\n  - name: b\n    v: &e 2\n  - name: c\n    v: 1\n",
    );
    adds_like_the_first("l: [{name: a, v: 1}]\n", r#"{"name":"c"}"#, "l: [{name: a, v: 1}, {name: c, v: 1}]\n");
}

#[test]
fn path_as_text_as_steps_and_behind_a_list_are_one() {
    let text = "d:\n  - name: a\n    image: {tag: xx}\n    args: [p, q]\n";
    let want = "d:\n  - name: a\n    image: {tag: zz}\n    args: [p, q]\n";
    for edit in [
        r#"{"op":"set","path":"d[name=a].image.tag","value":"zz"}"#,
        r#"{"op":"set","path":"d[0].image.tag","value":"zz"}"#,
        r#"{"op":"set","path":["d",0,"image","tag"],"value":"zz"}"#,
        r#"{"op":"set","list":"d","name":"a","path":["image","tag"],"value":"zz"}"#,
        r#"{"op":"set","list":"d","name":"a","path":"image.tag","value":"zz"}"#,
        r#"{"op":"set","list":"d","path":"[name=a].image.tag","value":"zz"}"#,
        r#"{"op":"set","path":"['d'][name=\"a\"].image.tag","value":"zz"}"#,
    ] {
        check(text, edit, want);
    }
}

#[test]
fn items_are_set_and_removed_by_their_place() {
    let text = "a: [x, y]\nb:\n- 1\n# two\n- 2\n";
    check(text, r#"{"op":"set","path":"a[1]","value":"z"}"#, "a: [x, z]\nb:\n- 1\n# two\n- 2\n");
    check("b:\n- 1\n", r#"{"op":"remove","path":"b[0]"}"#, "b: []\n");
    let removed = edit::apply(
        &Document::parse(text).unwrap(),
        &serde_json::from_str::<Edit>(r#"{"op":"remove","path":"b[1]"}"#).unwrap(),
    );
    assert_eq!(removed.unwrap().unwrap().text(), "a: [x, y]\nb:\n- 1\n");
    refuses(text, r#"{"op":"set","path":"a[2]","value":"z"}"#, "not-found");
    refuses(text, r#"{"op":"set","path":"a.0","value":"z"}"#, "not-a-mapping");
    refuses("a: {0: x}\n", r#"{"op":"set","path":"a[0]","value":"z"}"#, "not-a-list");
}

#[test]
fn plain_items_are_added_once() {
    for (text, item, want) in [
        ("a:\n  - x\n", r#""q""#, "a:\n  - x\n  - q\n"),
        ("a: [x]\n", r#""q""#, "a: [x, q]\n"),
        ("a: []\n", r#""q""#, "a:\n  - q\n"),
        ("a:\n", r#""q""#, "a:\n  - q\n"),
        ("b: 1\n", r#""q""#, "b: 1\na:\n  - q\n"),
        ("{b: 1}\n", r#""q""#, "{b: 1, a: [q]}\n"),
        ("a:\n- 1\n", "2", "a:\n- 1\n- 2\n"),
        ("a:\n- 1\n", r#""\"1\"""#, "a:\n- 1\n- \"1\"\n"),
        ("a:\n- x\n", "null", "a:\n- x\n- null\n"),
        ("a:\n- x\n", r#"["p","q"]"#, "a:\n- x\n- - p\n  - q\n"),
        ("a:\n- {key: k, operator: Exists}\n", r#""key: l\n""#, "a:\n- {key: k, operator: Exists}\n- key: l\n"),
        ("a:\n- name: x\n", r#""q""#, "a:\n- name: x\n- q\n"),
    ] {
        check(text, &format!(r#"{{"op":"add","list":"a","item":{item}}}"#), want);
    }
}

/// Nothing changes.
#[track_caller]
fn unchanged(text: &str, edit: &str) {
    let edit: Edit = serde_json::from_str(edit).unwrap();
    let outcome = laws::check(text, &edit).unwrap();
    assert!(matches!(outcome, Outcome::Unchanged), "{outcome:?}");
}

#[test]
fn plain_item_that_is_there_is_not_added() {
    for (text, item) in [
        ("a: [x, q]\n", r#""q""#),
        ("a:\n- 'q'\n", r#""\"q\"""#),
        ("a:\n- 0x10\n", "16"),
        ("a:\n- &k x\n- *k\n", r#""x""#),
        ("a:\n- {operator: Exists, key: k}\n", r#"{"key":"k","operator":"Exists"}"#),
        ("b: &b {key: k}\na:\n- <<: *b\n  operator: Exists\n", r#"{"key":"k","operator":"Exists"}"#),
        ("a:\n- [p, q]\n", r#"["p","q"]"#),
    ] {
        unchanged(text, &format!(r#"{{"op":"add","list":"a","item":{item}}}"#));
    }
}

#[test]
fn names_are_seen_through_aliases_and_merge_keys() {
    let merged = "b: &b {name: x}\nd:\n- <<: *b\n  v: 1\n- name: w\n";
    unchanged(merged, r#"{"op":"add","list":"d","item":"name: x\n"}"#);
    check(merged, r#"{"op":"set","path":"d[name=x].v","value":2}"#, &merged.replace("v: 1", "v: 2"));
    check(merged, r#"{"op":"remove","path":"d[name=x]"}"#, "b: &b {name: x}\nd:\n- name: w\n");
    let alias = "n: &n x\nd:\n- name: *n\n  v: 1\n";
    unchanged(alias, r#"{"op":"add","list":"d","item":"name: x\n"}"#);
    check(alias, r#"{"op":"set","path":"d[name=x].v","value":2}"#, &alias.replace("v: 1", "v: 2"));
    let item = "i: &i {name: x, v: 1}\nd:\n- *i\n";
    unchanged(item, r#"{"op":"add","list":"d","item":"name: x\n"}"#);
    refuses(item, r#"{"op":"set","path":"d[name=x].v","value":2}"#, "through-alias");
    let server = "s: &s {location_name: x, port: 1}\nl:\n- grpc_server: *s\n";
    unchanged(server, r#"{"op":"add","list":"l","key":"*.location_name","item":"grpc_server: {location_name: x}\n"}"#);
    refuses(server, r#"{"op":"set","path":"l[*.location_name=x].grpc_server.port","value":2}"#, "through-alias");
    // Of two merged mappings the first has it, and an own name wins over both.
    let two = "a: &a {name: x}\nb: &b {name: w}\nd:\n- <<: [*a, *b]\n- <<: *a\n  name: z\n";
    unchanged(two, r#"{"op":"add","list":"d","item":"name: x\n"}"#);
    check(two, r#"{"op":"add","list":"d","item":"name: w\n"}"#, &format!("{two}- name: w\n"));
    refuses(
        "a: &a {name: x}\nd:\n- <<: *a\n- name: x\n",
        r#"{"op":"set","path":"d[name=x].v","value":1}"#,
        "ambiguous-name",
    );
}

#[test]
fn err_merge_keys_that_merge_nothing() {
    for text in [
        "x:\n  <<: 1\n  y: 1\n",
        "x:\n  <<:\n  y: 1\n",
        "x:\n  <<: [1]\n  y: 1\n",
        "x:\n  <<: *nowhere\n  y: 1\n",
        "s: &s text\nx: {<<: *s, y: 1}\n",
        "s: &s [{a: 1}, b]\nx: {<<: *s, y: 1}\n",
    ] {
        for edit in [
            r#"{"op":"set","path":"x.y","value":2}"#,
            r#"{"op":"set","path":"x.z","value":2}"#,
            r#"{"op":"remove","path":"x.y"}"#,
            r#"{"op":"add","list":"x.l","item":"name: a\n"}"#,
        ] {
            refuses(text, edit, "merge-value");
        }
    }
    // What is wrong can be taken out, or be given another value.
    check("x:\n  <<: 1\n  y: 1\n", r#"{"op":"remove","path":["x","<<"]}"#, "x:\n  y: 1\n");
    check("x: {<<: 1}\nz: 1\n", r#"{"op":"set","path":"z","value":2}"#, "x: {<<: 1}\nz: 2\n");
    check("x: {\"<<\": 1}\n", r#"{"op":"set","path":"x.y","value":2}"#, "x: {\"<<\": 1, \"y\": 2}\n");
}

#[test]
fn err_mappings_begun_beside_a_key_with_dots() {
    let text = "labels:\n  app.kubernetes.io/name: a\n";
    refuses(text, r#"{"op":"set","path":"labels.app.kubernetes.io/name","value":"b"}"#, "dotted-key");
    refuses(text, r#"{"op":"set","path":"labels.app.kubernetes.io/part-of","value":"b"}"#, "dotted-key");
    refuses(text, r#"{"op":"add","list":"labels.app.x","item":"b"}"#, "dotted-key");
    check(text, r#"{"op":"set","path":"labels.app","value":"b"}"#, &format!("{text}  app: b\n"));
    check(text, r#"{"op":"set","path":"labels.\"app.kubernetes.io/name\"","value":"b"}"#, &text.replace(": a", ": b"));
}

#[test]
fn set_item_with_an_anchor_to_a_mapping_keeps_the_anchor_its_own() {
    let edit = r#"{"op":"set","path":"d[0]","value":{"a":1}}"#;
    check("d:\n- &k abc\n", edit, "d:\n- &k\n  a: 1\n");
    check("d:\n- &k abc # why\n- x\n", edit, "d:\n- &k # why\n  a: 1\n- x\n");
    check("d:\n- abc\n", edit, "d:\n- a: 1\n");
}
