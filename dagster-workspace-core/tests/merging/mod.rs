//! What holds for every three documents and their merge. Read [`check`].

pub(crate) mod lists;
pub(crate) mod naive;

use std::collections::{BTreeMap, BTreeSet};

use dagster_workspace_core::diff::MergeKeys;
use dagster_workspace_core::edit;
use dagster_workspace_core::merge::{Conflict, ConflictKind, Merge, Prefer, Three, resolve, three_way};
use dagster_workspace_core::yaml::{Document, Kind, Node, Step};
use naive::Data;

use crate::laws::sites;
use crate::written::Tape;

/// Base, ours and theirs.
pub(crate) type Texts = Three<String>;

pub(crate) fn merged(base: &str, ours: &str, theirs: &str) -> Merge {
    three_way(base, ours, theirs, &MergeKeys::default()).unwrap()
}

fn merge_of(texts: &Texts) -> Merge {
    merged(&texts.base, &texts.ours, &texts.theirs)
}

/// Another version of a document: some edits, and lines and comments changed as people do. Comments carry `mark`.
pub(crate) fn version(text: &str, tape: &mut Tape<'_>, mark: &str) -> String {
    let mut text = text.to_owned();
    for number in 0..tape.below(5) {
        let document = Document::parse(text.as_str()).unwrap();
        let changed = if tape.below(3) > 0 {
            let edit = sites::edit(&document, tape);
            edit::apply(&document, &edit).ok().flatten().map(|edited| edited.text().to_owned())
        } else {
            Some(relined(&text, tape, &format!("# {mark}{number}")))
        };
        // A change by lines may leave no document.
        text = changed.filter(|text| Document::parse(text.as_str()).is_ok()).unwrap_or(text);
    }
    text
}

/// The text with a line more, less, moved, or in other words.
fn relined(text: &str, tape: &mut Tape<'_>, comment: &str) -> String {
    let line_break = if text.contains("\r\n") {
        "\r\n"
    } else if text.contains('\r') {
        "\r"
    } else {
        "\n"
    };
    let mut lines: Vec<String> = text.split(line_break).map(str::to_owned).collect();
    let at = tape.below(lines.len());
    let indent = lines[at].len() - lines[at].trim_start_matches(' ').len();
    match tape.below(9) {
        0 => lines.insert(at, format!("{:indent$}{comment}", "")),
        1 => lines[at] += &format!(" {comment}"),
        2 => lines.insert(at, String::new()),
        3 => {
            lines.remove(at);
        }
        4 => {
            let to = tape.below(lines.len());
            let line = lines.remove(at);
            lines.insert(to.min(lines.len()), line);
        }
        5 => lines.iter_mut().filter(|line| !line.is_empty()).for_each(|line| line.insert_str(0, "  ")),
        6 => lines[at] = lines[at].replace('\'', "\""),
        7 => lines[at] = lines[at].replace(": ", ": &z "),
        _ => match tape.below(8) {
            4 | 5 => lines[at] = lines[at].replace(": ", ": !other "),
            6 | 7 => {
                let name = tape.pick(&["a0", "a1", "z"]);
                let key = lines[at].split_once(": ").map(|(key, _)| format!("{key}: *{name}"));
                lines[at] = key.unwrap_or_default();
            }
            breaks => return text.replace(line_break, ["\n", "\r\n"][breaks % 2]),
        },
    }
    lines.join(line_break)
}

/// Whether a conflict says that something could not be written, or that comments are missing: what plain data does not know.
fn of_notation(conflict: &Conflict) -> bool {
    matches!(conflict.kind, ConflictKind::Note | ConflictKind::Anchor)
}

/// A conflict as the naive merge names it.
fn place(conflict: &Conflict) -> String {
    conflict.path.brief().to_string()
}

/// Checks every law that holds for any three documents. A broken one is the error; else the conflicts that stand for
/// something that could not be written.
pub(crate) fn check(texts: &Texts) -> Result<usize, String> {
    let Texts { base, ours, theirs } = texts;
    let merge = merge_of(texts);
    let broken = |law: &str| {
        let conflicts: Vec<String> = merge.conflicts.iter().map(|c| format!("{} {:?}", place(c), c.kind)).collect();
        Err(format!(
            "{law}\n{conflicts:#?}\n--- base {base:?}\n{base}\n--- ours {ours:?}\n{ours}\n--- theirs {theirs:?}\n{theirs}\n--- merged {:?}\n{}\n",
            merge.text, merge.text
        ))
    };
    for (a, b, c, want) in
        [(base, base, base, base), (base, ours, base, ours), (base, base, theirs, theirs), (base, ours, ours, ours)]
    {
        if merged(a, b, c) != (Merge { text: want.clone(), conflicts: Vec::new() }) {
            return broken("L1: what one side alone changed is the result");
        }
    }
    let Ok(document) = Document::parse(merge.text.as_str()) else { return broken("L9: not YAML any more") };
    if let Err(law) = check_data(texts, &merge, &document) {
        return broken(&law);
    }
    if let Err(law) = check_comments(texts, &merge) {
        return broken(&law);
    }
    let repeats = |text: &String| Document::parse(text.as_str()).unwrap().roots().any(|root| Data::of(root).repeats());
    // Where one side moves everything to another column, a comment may change its owner.
    let column = |text: &String| Document::parse(text.as_str()).unwrap().root().map(Node::column);
    let moved = column(ours) != column(theirs);
    if merge.conflicts.is_empty() && !moved && ![base, ours, theirs].into_iter().any(repeats) {
        let cases = [
            ("m(b, r, t) = r", merged(base, &merge.text, theirs)),
            ("m(b, o, r) = r", merged(base, ours, &merge.text)),
        ];
        for (law, again) in cases {
            if spoken(&again.text) != spoken(&merge.text) || !again.conflicts.is_empty() {
                let conflicts: Vec<String> =
                    again.conflicts.iter().map(|c| format!("{} {:?}", place(c), c.kind)).collect();
                return broken(&format!("L6: {law}\n{conflicts:?}\n{}", again.text));
            }
        }
    }
    if let Err(law) = check_resolved(texts, &merge) {
        return broken(&law);
    }
    if let Err(law) = check_swapped(texts, &merge) {
        return broken(&law);
    }
    Ok(merge.conflicts.iter().filter(|conflict| of_notation(conflict)).count())
}

/// The lines of a text that say something: how many blank ones stand between comments that both sides moved,
/// and blanks at the end of a line, are left open.
fn spoken(text: &str) -> Vec<&str> {
    text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect()
}

/// The data is that of the naive merge, and so are the conflicts.
fn check_data(texts: &Texts, merge: &Merge, document: &Document<'_>) -> Result<(), String> {
    let parsed = [&texts.base, &texts.ours, &texts.theirs].map(|text| Document::parse(text.as_str()).unwrap());
    let roots = parsed.each_ref().map(|document| document.roots().map(Data::of).collect::<Vec<_>>());
    let [base, ours, theirs] = &roots;
    let parts = parsed.each_ref().map(|document| document.documents().count());
    if base.len() != ours.len()
        || ours.len() != theirs.len()
        || roots.each_ref().map(Vec::len) != parts
        || ours.is_empty()
    {
        let one = [&texts.ours, &texts.theirs].contains(&&texts.base) || texts.ours == texts.theirs;
        return if one || merge.conflicts.len() == 1 && merge.text == texts.ours {
            Ok(())
        } else {
            Err("no common parts".into())
        };
    }
    let found: Vec<Data> = document.roots().map(Data::of).collect();
    let (mut wanted, mut conflicts) = (Vec::new(), Vec::new());
    for ((base, ours), theirs) in base.iter().zip(ours).zip(theirs) {
        let (data, naive) = naive::merge(base, ours, theirs);
        wanted.push(data);
        conflicts.extend(naive.conflicts.into_iter().map(|(_, kind)| kind));
    }
    let (mut own, mut all) = (BTreeSet::new(), BTreeSet::new());
    found.iter().for_each(|data| data.leaves(&mut own));
    roots.iter().flatten().for_each(|data| data.leaves(&mut all));
    if let Some(invented) = own.difference(&all).next() {
        return Err(format!("L4: nobody wrote {invented}"));
    }
    check_aliases(&parsed, document, merge)?;
    let mut kinds: Vec<ConflictKind> =
        merge.conflicts.iter().filter(|c| c.kind != ConflictKind::Note).map(|c| c.kind).collect();
    kinds.sort_unstable();
    conflicts.sort_unstable();
    // An edited element that cannot be put back.
    let gone = |c: &Conflict| c.kind == ConflictKind::DeleteEdit && c.result.is_empty() && c.renamed_to.is_none();
    let unwritten =
        merge.conflicts.iter().any(gone) || kinds.len() > conflicts.len() || kinds.contains(&ConflictKind::Anchor);
    if unwritten {
        // What cannot be written is a conflict, and then the data is another.
        return Ok(());
    }
    if kinds != conflicts {
        return Err(format!("other conflicts: {kinds:?}, not {conflicts:?}"));
    }
    if found != wanted {
        return Err(format!("other data:\n have {found:?}\n want {wanted:?}"));
    }
    Ok(())
}

/// Every alias means what it meant on a side that has it there: the node at the same place, or the same data.
fn check_aliases(inputs: &[Document<'_>; 3], result: &Document<'_>, merge: &Merge) -> Result<(), String> {
    let [_, ours, theirs] = inputs.each_ref().map(aliases);
    for (place, means) in aliases(result) {
        let known: Vec<_> =
            ours.iter().chain(&theirs).filter(|(own, _)| *own == place).map(|(_, means)| means).collect();
        let same = |other: &Option<Target>| match (other, &means) {
            (Some(other), Some(means)) => other.place == means.place || other.data == means.data,
            (other, means) => other.is_none() && means.is_none(),
        };
        if !known.is_empty() && !known.into_iter().any(same) {
            return Err(format!("L9: the alias at {place} means {means:?}\n{:#?}", merge.conflicts));
        }
    }
    Ok(())
}

/// What an alias means, and where that stands.
#[derive(Debug)]
struct Target {
    place: String,
    data: Data,
}

/// The aliases of a document by their places, which end in their names; items without names have no numbers.
fn aliases(document: &Document<'_>) -> Vec<(String, Option<Target>)> {
    let mut places = Vec::new();
    for (number, root) in document.roots().enumerate() {
        all_places(root, &number.to_string(), &mut places);
    }
    let all = places.iter().filter(|(_, node)| node.kind() == Kind::Alias);
    let with_target = all.map(|(place, node)| {
        let target = node.target().map(|target| {
            // A target that begins with its anchor is the node of the same span.
            let same = places.iter().find(|(_, own)| own.span() == target.span() && own.kind() == target.kind());
            Target { place: same.map_or_else(String::new, |(place, _)| place.clone()), data: Data::of(target) }
        });
        (format!("{place} {}", node.source()), target)
    });
    with_target.collect()
}

fn all_places<'d>(node: Node<'d>, place: &str, out: &mut Vec<(String, Node<'d>)>) {
    out.push((place.to_owned(), node));
    for entry in node.entries() {
        let key = entry.key.source();
        all_places(entry.key, &format!("{place}?{key}"), out);
        all_places(entry.value, &format!("{place}.{}", entry.key.text().as_deref().unwrap_or(key)), out);
    }
    for item in node.items() {
        let name = item.get("name").and_then(Node::text).unwrap_or_default();
        all_places(item, &format!("{place}[{name}]"), out);
    }
}

pub(crate) fn all_nodes(node: Node<'_>) -> Vec<Node<'_>> {
    let inner = node.entries().flat_map(|entry| [entry.key, entry.value]).chain(node.items());
    std::iter::once(node).chain(inner.flat_map(all_nodes)).collect()
}

/// How often each comment stands in a text; what looks like one inside a scalar is taken for one on all sides.
fn comments(text: &str) -> BTreeMap<String, usize> {
    let mut out = BTreeMap::new();
    for line in text.trim_start_matches('\u{feff}').split(['\n', '\r']) {
        let begins = |at: &usize| *at == 0 || line[..*at].ends_with([' ', '\t']);
        if let Some(at) = line.match_indices("# ").map(|(at, _)| at).filter(begins).last() {
            *out.entry(line[at..].trim().to_owned()).or_insert(0) += 1;
        }
    }
    out
}

/// L4: a comment that one side added is in the result, or in a note or a conflict; none is there more often than its side
/// has it.
fn check_comments(texts: &Texts, merge: &Merge) -> Result<(), String> {
    let [base, ours, theirs, result] =
        [&texts.base, &texts.ours, &texts.theirs, &merge.text].map(|text| comments(text));
    let count = |of: &BTreeMap<String, usize>, comment: &String| of.get(comment).copied().unwrap_or(0);
    for comment in ours.keys().chain(theirs.keys()) {
        let (b, o, t, r) =
            (count(&base, comment), count(&ours, comment), count(&theirs, comment), count(&result, comment));
        let noted = merge.conflicts.iter().any(|conflict| {
            let side = |span: Option<dagster_workspace_core::span::Span>, text: &String| {
                span.is_some_and(|span| {
                    comments(span.of(text)).contains_key(comment) || conflict.kind != ConflictKind::Note
                })
            };
            side(conflict.spans.ours, &texts.ours) || side(conflict.spans.theirs, &texts.theirs)
        });
        // Inside a scalar it is no comment.
        let document = [&texts.ours, &texts.theirs].map(|text| Document::parse(text.as_str()).unwrap());
        let mut scalars = document.iter().flat_map(|document| document.roots().flat_map(all_nodes));
        let within = |text: &str| text.contains(comment.as_str());
        if scalars.any(|node| node.text().is_some_and(|text| within(&text) || within(node.source()))) {
            continue;
        }
        if r == 0 && (o > b || t > b || b == o && o == t) && !noted {
            return Err(format!("L4: comment {comment} is lost"));
        }
        // What was there before may stand on a line of which each side has its own version.
        if b == 0 && r > o + t {
            return Err(format!("L4: comment {comment} stands there {r} times"));
        }
    }
    Ok(())
}

/// L7: with a side chosen there is no conflict left but for what cannot be written, and with ours nothing of it is overridden.
fn check_resolved(texts: &Texts, merge: &Merge) -> Result<(), String> {
    let Texts { base, ours, theirs } = texts;
    for prefer in [Prefer::Ours, Prefer::Theirs] {
        let resolved = resolve(base, ours, theirs, &MergeKeys::default(), prefer).unwrap();
        let left =
            resolved.conflicts.iter().filter(|conflict| !of_notation(conflict) && conflict.kind != ConflictKind::Type);
        if left.count() > 0 {
            return Err(format!("L7: conflicts are left with {prefer:?}: {:#?}", resolved.conflicts));
        }
        if prefer == Prefer::Ours && merge.conflicts.is_empty() && resolved.text != merge.text {
            return Err(format!("L7: a choice without a conflict: {:?}", resolved.text));
        }
    }
    Ok(())
}

/// L2: with the sides swapped the conflicts are the same, and without conflicts the data, but for the order of new items.
fn check_swapped(texts: &Texts, merge: &Merge) -> Result<(), String> {
    let other = merged(&texts.base, &texts.theirs, &texts.ours);
    let written = |merge: &Merge| {
        let mut places: Vec<_> = merge
            .conflicts
            .iter()
            .filter(|conflict| !of_notation(conflict))
            .map(|conflict| (conflict.kind, named(conflict)))
            .collect();
        places.sort();
        places
    };
    let notation =
        |merge: &Merge| merge.conflicts.iter().any(|c| matches!(c.kind, ConflictKind::Anchor | ConflictKind::Type));
    if notation(merge) || notation(&other) {
        return Ok(());
    }
    if written(merge) != written(&other) {
        return Err(format!("L2: other conflicts with the sides swapped: {:?}", written(&other)));
    }
    let data = |text: &str| {
        let document = Document::parse(text).unwrap();
        document.roots().map(|root| unordered(Data::of(root))).collect::<Vec<_>>()
    };
    if merge.conflicts.is_empty() && data(&merge.text) != data(&other.text) {
        return Err(format!("L2: other data with the sides swapped: {:?}", other.text));
    }
    Ok(())
}

/// The path of a conflict without the places of items, which differ between the sides.
fn named(conflict: &Conflict) -> Vec<Option<String>> {
    let step = |step: &Step| match step {
        Step::Key(key) => Some(key.clone()),
        Step::Item { name, .. } => Some(name.clone()),
        Step::Index(_) => None,
    };
    conflict.path.steps().iter().map(step).collect()
}

/// Lists in one order.
fn unordered(data: Data) -> Data {
    match data {
        Data::Map { tag, entries, .. } => {
            let mut entries: Vec<_> = entries.into_iter().map(|(key, value)| (key, unordered(value))).collect();
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            // A pair is notation: the items are sorted by what they are.
            Data::Map { tag, pair: false, entries }
        }
        Data::Seq { tag, items } => {
            let mut items: Vec<Data> = items.into_iter().map(unordered).collect();
            items.sort_by_key(|item| format!("{item:?}"));
            Data::Seq { tag, items }
        }
        leaf => leaf,
    }
}
