//! Where a document can be edited, and edits of it made from choices. Read [`edit`].

use dagster_workspace_core::edit::{Edit, Item};
use dagster_workspace_core::value::Value;
use dagster_workspace_core::yaml::{Document, ItemKey, Kind, Node, Path, Schema, Step};

use crate::written::Tape;

/// Every kind of node that a document can have.
pub(crate) const KINDS: [Kind; 17] = [
    Kind::Directive,
    Kind::DocumentStart,
    Kind::DocumentEnd,
    Kind::Anchor,
    Kind::Tag,
    Kind::Alias,
    Kind::BlockMapping,
    Kind::FlowMapping,
    Kind::FlowPair,
    Kind::BlockSequence,
    Kind::FlowSequence,
    Kind::Plain,
    Kind::SingleQuoted,
    Kind::DoubleQuoted,
    Kind::Literal,
    Kind::Folded,
    Kind::Empty,
];

/// Every node of a document, keys, properties and marks included, with what is written there.
pub(crate) fn every_node(document: &Document<'_>) -> Vec<(Kind, String)> {
    let marks = document.documents().flat_map(|part| part.marks().collect::<Vec<_>>());
    let mut out: Vec<_> = marks.map(|mark| (mark.kind(), mark.source().to_owned())).collect();
    let mut rest: Vec<Node<'_>> = document.roots().collect();
    while let Some(node) = rest.pop() {
        out.push((node.kind(), node.source().to_owned()));
        out.extend(node.anchor().map(|name| (Kind::Anchor, name.to_owned())));
        out.extend(node.tag().map(|tag| (Kind::Tag, tag.to_owned())));
        rest.extend(node.entries().flat_map(|entry| [entry.key, entry.value]).chain(node.items()));
    }
    out
}

/// Every node that a path leads to, with its path; the root first.
pub(crate) fn sites<'d>(document: &'d Document<'_>) -> Vec<(Path, Node<'d>)> {
    let mut found = Vec::new();
    if let Some(root) = document.root() {
        walk(root, &Path::default(), &mut found);
    }
    found
}

fn walk<'d>(node: Node<'d>, path: &Path, found: &mut Vec<(Path, Node<'d>)>) {
    found.push((path.clone(), node));
    for entry in node.entries() {
        if let Some(key) = entry.key.text().filter(|key| key != "<<") {
            walk(entry.value, &path.clone().key(&key), found);
        }
    }
    let key = ItemKey::default();
    for (index, item) in node.items().enumerate() {
        let name = key.of(item).and_then(Node::text);
        let path = match name {
            Some(name) => path.clone().item(&key, &name),
            None => Path::new([path.steps(), &[Step::Index(index)]].concat()),
        };
        walk(item, &path, found);
    }
}

/// The node that the steps lead to.
pub(crate) fn node_at<'d>(document: &'d Document<'_>, steps: &[Step]) -> Option<Node<'d>> {
    steps.iter().try_fold(document.root()?, |node, step| match step {
        Step::Key(key) => node.get(key),
        Step::Index(index) => node.items().nth(*index),
        Step::Item { key, name } => node.items().find(|item| is_called(*item, key, name)),
    })
}

/// Whether readers see this name, wherever it stands.
fn is_called(item: Node<'_>, key: &ItemKey, name: &str) -> bool {
    key.is(item, name) || item.to_value(Schema::Helm).is_ok_and(|data| key.of_value(&data) == Some(name))
}

/// An edit of `document`, somewhere.
pub(crate) fn edit(document: &Document<'_>, tape: &mut Tape<'_>) -> Edit {
    let sites = sites(document);
    let mut at = |fits: &dyn Fn(&Path, Node<'_>) -> bool| {
        let fitting: Vec<_> = sites.iter().filter(|(path, node)| fits(path, *node)).collect();
        (!fitting.is_empty()).then(|| fitting[tape.below(fitting.len())].clone())
    };
    let list = at(&|_, node| node.kind().is_sequence() || is_null(node));
    let mapping = at(&|_, node| node.kind().is_mapping());
    let any = at(&|path, _| !path.steps().is_empty());
    let made = match tape.below(9) {
        0..=2 => list.map(|(list, _)| Edit::Add { list, key: ItemKey::default(), item: item(tape) }),
        3 => mapping.map(|(path, _)| {
            let list = missing(path, tape);
            Edit::Add { list, key: ItemKey::default(), item: item(tape) }
        }),
        4 | 5 => any.map(|(path, node)| Edit::Set { path, value: changed(node, tape) }),
        6 => mapping.map(|(path, _)| Edit::Set { path: missing(path, tape), value: value(tape) }),
        _ => any.map(|(path, _)| Edit::Remove { path }),
    };
    made.unwrap_or_else(|| Edit::Set { path: Path::default().key("fresh"), value: value(tape) })
}

fn is_null(node: Node<'_>) -> bool {
    node.to_value(Schema::Helm) == Ok(Value::Null)
}

fn missing(path: Path, tape: &mut Tape<'_>) -> Path {
    let path = path.key("fresh");
    if tape.rarely(2) { path.key("inner") } else { path }
}

/// Items called `new`.
pub(crate) fn item(tape: &mut Tape<'_>) -> Item {
    match tape.below(12) {
        0 => Item::Text("plain item # about\n".to_owned()),
        1 => Item::Value(data("['1.10', a]")),
        2 => Item::Value(data("7")),
        3 => Item::Text("|\n  x\n   y\n".to_owned()),
        _ => named_item(tape, "new"),
    }
}

pub(crate) fn named_item(tape: &mut Tape<'_>, name: &str) -> Item {
    let text = match tape.below(7) {
        0 => return Item::Value(data(&format!("{{name: {name}, port: 2}}"))),
        1 => {
            return Item::Value(data(&format!(
                "{{image: {{tag: '1.10', args: [a, '1e3']}}, name: {name}, x: [], y: {{}}}}"
            )));
        }
        2 => format!("name: {name}\nport: 2\n"),
        3 => format!("{{name: {name}, tag: \"1\"}}"),
        4 => format!("name: \"{name}\" # about\nargs:\n# deep\n- a\n\n- |\n  x\n   y\n"),
        5 => format!("    image:\n      tag: '1' # {{\n    name: {name}"),
        _ => format!("args: [a,\n  b]\nnote: one\n  two\nname: '{name}'\n"),
    };
    Item::Text(text)
}

fn data(text: &str) -> Value {
    Document::parse(text).unwrap().to_value(Schema::Helm).unwrap()
}

fn value(tape: &mut Tape<'_>) -> Value {
    data(tape.pick(&[
        "x",
        "1",
        "'1.10'",
        "'on'",
        "''",
        "\"a\\nb\\n\"",
        "true",
        "~",
        "1.5",
        "[]",
        "{}",
        "[a, '1e3']",
        "{a: 1}",
        "'- x: y'",
        "{a: {b: [{c: 1}, [d, e]]}, f: ''}",
        "[[a, b], {c: d}]",
        "[{name: q, x: [1, 2]}]",
    ]))
}

/// Another value for a node; for a mapping often its own with some entries changed.
fn changed(node: Node<'_>, tape: &mut Tape<'_>) -> Value {
    let own = node.to_value(Schema::Helm);
    match own {
        Ok(Value::Mapping(mut entries)) if tape.below(3) > 0 => {
            for (_, entry) in &mut entries {
                if tape.rarely(4) {
                    *entry = value(tape);
                }
            }
            if tape.rarely(3) && !entries.is_empty() {
                entries.remove(0);
            }
            if tape.rarely(3) {
                entries.push(("fresh".into(), value(tape)));
            }
            Value::Mapping(entries)
        }
        _ => value(tape),
    }
}

/// Two edits of different items of one list: each sets what is inside its item, or takes the item out.
pub(crate) fn apart(text: &str, tape: &mut Tape<'_>) -> Option<(Edit, Edit)> {
    let document = Document::parse(text).unwrap();
    let all = sites(&document);
    let named = |path: &Path| matches!(path.steps().last(), Some(Step::Item { .. }));
    // A list that begins on the line of another one's dash leaves that dash alone where a comment follows.
    let begins_line = |(path, _): &&(Path, Node<'_>)| {
        let list = node_at(&document, path.steps().split_last().map_or(&[], |(_, list)| list));
        list.is_some_and(|list| {
            let head = &text[..list.span().start as usize];
            head.rsplit(['\n', '\r']).next().unwrap_or_default().trim_matches([' ', '\u{feff}']).is_empty()
                || list.source().starts_with('[')
        })
    };
    let items: Vec<_> = all.iter().filter(|(path, _)| named(path)).filter(begins_line).collect();
    let (first, _) = items.get(tape.below(items.len().max(1)))?;
    let siblings: Vec<_> = items
        .iter()
        .filter(|(path, _)| {
            path != first
                && path.steps().split_last().map(|(_, list)| list) == first.steps().split_last().map(|(_, list)| list)
        })
        .collect();
    // An emptied list becomes `[]`, and what stood between the last two has no place in it.
    let (second, _) = siblings.get(tape.below(siblings.len().max(1))).filter(|_| siblings.len() > 1)?;
    let mut edit = |path: &Path| match tape.below(3) {
        0 => Edit::Remove { path: path.clone() },
        1 => Edit::Set { path: path.clone().key("tag"), value: "1.10".into() },
        _ => Edit::Set { path: path.clone().key("port"), value: Value::Int(7) },
    };
    Some((edit(first), edit(second)))
}
