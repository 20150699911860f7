//! Lists of named items, and edits of single items: what the laws of disjoint changes are about. Read [`named_list`].

use std::ops::Range;

use dagster_workspace_core::edit::{Edit, Item};
use dagster_workspace_core::value::Value;
use dagster_workspace_core::yaml::{Document, ItemKey, Node, Path};

use crate::laws::{self, Outcome, sites};
use crate::written::Tape;

/// A long list of items in several notations, as values files have them.
pub(crate) fn long_list(tape: &mut Tape<'_>) -> String {
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

/// Deployments that all have names, `n0` and so on, with comments on and between them; and how many there are.
pub(crate) fn named_list(tape: &mut Tape<'_>) -> (String, usize) {
    named_list_of(4..12, tape)
}

/// The same, of so many deployments.
pub(crate) fn named_list_of(counts: Range<usize>, tape: &mut Tape<'_>) -> (String, usize) {
    let mut text = String::from(tape.pick(&["deployments:\n", "# head\na: 1\ndeployments: # all\n"]));
    let count = counts.start + tape.below(counts.len());
    for number in 0..count {
        let item = tape.pick(&[
            "- name: NAME\n  port: 1\n",
            "- name: NAME # about\n  note: |\n    text\n  port: 1\n",
            "- {name: NAME, port: 1} # about\n",
            "# above\n- port: 1 # one\n  name: 'NAME'\n",
            "- port: 1\n  args: [a,\n    b]\n  name: NAME\n  # below\n",
        ]);
        text += &item.replace("NAME", &format!("n{number}"));
    }
    text += tape.pick(&["", "rbac: true\n", "\n# next\nlast: [x]\n"]);
    let line_break = tape.pick(&["\n", "\n", "\r\n"]);
    (text.replace('\n', line_break), count)
}

/// A list with lines of its items changed, as people do who edit some items of many.
pub(crate) fn with_changed_items(text: &str, tape: &mut Tape<'_>) -> String {
    let line_break = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut lines: Vec<String> = text.split_terminator(line_break).map(str::to_owned).collect();
    for _ in 0..1 + tape.below(5) {
        let mut changed = lines.clone();
        let (at, mark) = (tape.below(lines.len() - 1), tape.below(3));
        match tape.below(8) {
            0 | 1 => changed[at] = lines[at].replace('1', &format!("{}", mark + 2)),
            2 => changed[at] += &format!(" # {mark}"),
            3 => changed.insert(at, format!("{}# {mark}", tape.pick(&["", "  ", "    "]))),
            4 => changed[at] = lines[at].replace("name: n", &format!("name: r{mark}")),
            5 => changed[at] = lines[at].replace("note: |", tape.pick(&["note: |+", "note: >"])),
            6 => changed.insert(at, tape.pick(&["", "", "- name: new", "- {name: n3}"]).to_owned()),
            _ => drop(changed.remove(at)),
        }
        let joined = changed.iter().flat_map(|line| [line, line_break]).collect::<String>();
        if Document::parse(joined.as_str()).is_ok() {
            lines = changed;
        }
    }
    lines.iter().flat_map(|line| [line, line_break]).collect()
}

/// The deployment with that number.
pub(crate) fn deployment(number: usize) -> Path {
    Path::default().key("deployments").item(&ItemKey::default(), &format!("n{number}"))
}

/// An edit of the deployment with that number, or a new one that is called after it.
pub(crate) fn edit_of(number: usize, tape: &mut Tape<'_>) -> Edit {
    match tape.below(5) {
        4 => {
            let item = Item::Text(format!("name: new{number} # fresh\nport: 2\n"));
            Edit::Add { list: Path::default().key("deployments"), key: ItemKey::default(), item }
        }
        0 => Edit::Remove { path: deployment(number) },
        _ => edit_in(number, tape),
    }
}

/// An edit inside the deployment with that number.
pub(crate) fn edit_in(number: usize, tape: &mut Tape<'_>) -> Edit {
    let item = deployment(number);
    match tape.below(4) {
        0 => Edit::Set { path: item.key("port"), value: Value::Int([7, 8][tape.below(2)]) },
        1 => Edit::Set { path: item.key("image").key("tag"), value: tape.pick(&["1.10", "x"]).into() },
        2 => Edit::Remove { path: item.key("note") },
        _ => Edit::Set { path: item.key("note"), value: tape.pick(&["one\ntwo\n", "one"]).into() },
    }
}

/// The text after an edit that is never refused.
pub(crate) fn edited(text: &str, edit: &Edit) -> String {
    match laws::apply(text, edit) {
        Outcome::Changed(text) => text,
        Outcome::Unchanged => text.to_owned(),
        Outcome::Refused(reason) => panic!("{reason:?}: {edit:?} of\n{text}"),
    }
}

/// The lines of what the path leads to, comments above them not included; `None` where nothing is there.
pub(crate) fn lines_of(text: &str, path: &Path) -> Option<String> {
    let document = Document::parse(text).unwrap();
    let node = sites::node_at(&document, path.steps())?;
    Some(text[whole_lines(text, node)].to_owned())
}

/// The lines on which a node stands, what leads to it on its first one included, breaks not.
pub(crate) fn whole_lines(text: &str, node: Node<'_>) -> std::ops::Range<usize> {
    let span = node.full_span().range();
    let start = text[..span.start].rfind(['\n', '\r']).map_or(0, |found| found + 1);
    let end = text[span.end..].find(['\n', '\r']).map_or(text.len(), |found| span.end + found);
    start..end
}

/// A list of items with names, with anchors in it and aliases to them.
pub(crate) fn tangled_list(tape: &mut Tape<'_>) -> String {
    let mut text = String::from(tape.pick(&["deployments:\n", "first: &a0 {x: 1}\ndeployments:\n"]));
    for number in 0..4 + tape.below(5) {
        let item = tape.pick(&[
            "- name: NAME\n  port: 1\n",
            "- name: NAME\n  port: &NUMBER 1\n  image: [a, b]\n",
            "- &NUMBER\n  name: NAME\n  port: 1 # c\n",
            "# above\n- {name: NAME, port: &NUMBER 1}\n",
        ]);
        let anchor = format!("a{}", number % 3);
        text += &item.replace("NAME", &format!("n{number}")).replace("NUMBER", &anchor);
        if number > 2 && tape.rarely(3) {
            text += &format!("- name: m{number}\n  port: *{}\n", tape.pick(&["a0", "a1", "a2"]));
        }
    }
    text + tape.pick(&["", "last: 1\n", "last: *a0\n"])
}

/// The lines with some moved in blocks, anchors put in front of values, and aliases in the place of values.
pub(crate) fn tangled(text: &str, tape: &mut Tape<'_>) -> String {
    let mut text = text.to_owned();
    for _ in 0..1 + tape.below(3) {
        let changed = change_lines(&text, tape);
        text = Some(changed).filter(|text| Document::parse(text.as_str()).is_ok()).unwrap_or(text);
    }
    text
}

fn change_lines(text: &str, tape: &mut Tape<'_>) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let at = tape.below(lines.len());
    let name = tape.pick(&["a0", "a1", "a2", "z"]);
    match tape.below(6) {
        0 | 1 => {
            // Items from one dash to the next one go elsewhere.
            let starts: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].starts_with("- ")).collect();
            let from = tape.below(starts.len().max(1));
            if let (Some(start), Some(end)) = (starts.get(from), starts.get(from + 1)) {
                let item: Vec<String> = lines.drain(*start..*end).collect();
                let left: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].starts_with("- ")).collect();
                let to = left.get(tape.below(left.len().max(1))).copied().unwrap_or(*start);
                lines.splice(to..to, item);
            }
        }
        2 => lines[at] = lines[at].replacen("port: ", &format!("port: &{name} "), 1),
        3 => {
            if let Some((key, _)) = lines[at].split_once("port: ").filter(|_| !lines[at].contains('{')) {
                lines[at] = format!("{key}port: *{name}");
            }
        }
        4 => lines[at] = lines[at].replace('1', tape.pick(&["2", "3"])),
        // Whole items and comments alone: an item that loses its name belongs to others by content.
        _ if lines[at].starts_with("- {") || lines[at].starts_with('#') => {
            lines.remove(at);
        }
        _ => {}
    }
    lines.join("\n") + "\n"
}
