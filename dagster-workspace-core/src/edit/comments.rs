//! Which comment lines go with an element when it is taken out or moved. Read [`own_lines`].
//!
//! Comment lines directly above an element in its column are its own, except headings and neighbours that are commented out:
//! these stay, and what stands above them. Above the first element often stands what is said of the whole collection, so there
//! a comment that speaks of more than one stays, unless it names the element, or every other element has a comment of its own,
//! too.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::element::{Element, elements};
use crate::yaml::lines::{Line, Lines};
use crate::yaml::{ItemKey, Kind, Node};

/// Words that speak of more than one element, or of how they stand together.
const OF_MANY: [&str; 17] = [
    "add",
    "all",
    "alphabetical",
    "alphabetically",
    "any",
    "below",
    "each",
    "every",
    "following",
    "here",
    "list",
    "most",
    "order",
    "sorted",
    "these",
    "this",
    "those",
];

/// Words that begin a remark, where a key would be taken for one that is commented out.
const REMARKS: [&str; 12] =
    ["default", "docs", "example", "fixme", "hint", "important", "note", "ref", "see", "source", "todo", "warning"];

/// From the first line that goes with an element of a block collection to behind the last. It must begin its line; lines
/// before `floor` belong to others.
pub(super) fn own_lines(collection: Node<'_>, element: &Element<'_>, floor: usize) -> (usize, usize) {
    (lead_start(collection, element, floor), own_end(collection, element))
}

/// Offset of the first line that belongs to an element: its own, or one of the comment lines directly above it.
pub(super) fn lead_start(collection: Node<'_>, element: &Element<'_>, floor: usize) -> usize {
    let lines = Lines::new(collection.document_text());
    let own = lines.start(element.start);
    let run = run_start(lines, element.start, floor);
    if run == own {
        return own;
    }
    let lead = behind_others(lines, run, own, collection.kind());
    let first = elements(collection).next().is_some_and(|first| first.start == element.start);
    if !first || lead == own || is_of(collection, element, lines.slice(lead, own)) { lead } else { own }
}

/// Offset of the first of the comment lines directly above an element, in its column.
fn run_start(lines: Lines<'_>, start: usize, floor: usize) -> usize {
    let mut run = lines.start(start);
    let column = start - run;
    while let Some(above) = lines.previous(run) {
        if above < floor || lines.kind(above) != Line::Comment(column) {
            break;
        }
        run = above;
    }
    run
}

/// Offset behind the last heading and the last commented-out neighbour among the comment lines from `start` to `end`.
fn behind_others(lines: Lines<'_>, start: usize, end: usize, kind: Kind) -> usize {
    let mut behind = start;
    let mut at = start;
    // Column of the commented-out element whose lines are read.
    let mut open = None;
    while at < end {
        let line = lines.slice(at, lines.end(at));
        at = lines.next(at);
        let comment = Comment::of(line);
        let continues = open.is_some_and(|column| comment.text.is_empty() || comment.column > column);
        if continues || comment.is_heading() || comment.is_element(kind) {
            behind = at;
        }
        if !continues {
            open = comment.is_element(kind).then_some(comment.column);
        }
    }
    behind
}

/// Whether comment lines above the first element of a collection speak of that element alone.
fn is_of(collection: Node<'_>, element: &Element<'_>, comment: &str) -> bool {
    let lower = |word: &str| word.trim_matches(['.', '-', '\'']).to_lowercase();
    let words: Vec<_> = comment
        .split(|char: char| !char.is_alphanumeric() && !matches!(char, '_' | '-' | '.' | '\''))
        .map(lower)
        .filter(|word| !word.is_empty())
        .collect();
    if words.iter().any(|word| OF_MANY.contains(&word.as_str())) {
        return false;
    }
    if names(element).iter().any(|name| words.contains(&lower(name))) {
        return true;
    }
    let lines = Lines::new(collection.document_text());
    let mut others = elements(collection).skip(1).peekable();
    let series = |other: Element<'_>| run_start(lines, other.start, 0) < lines.start(other.start);
    let plural = |word: &String| word.len() > 3 && word.ends_with('s') && !word.ends_with("ss");
    others.peek().is_some() && others.all(series) || !words.iter().any(plural)
}

/// What people call an element: its key, its text, or the name or the first text in it.
fn names<'d>(element: &Element<'d>) -> Vec<Cow<'d, str>> {
    if let Some(key) = element.key {
        return key.text().into_iter().collect();
    }
    let keys = ["name", "*.location_name"].into_iter().filter_map(|key| key.parse::<ItemKey>().ok());
    let named = keys.filter_map(|key| key.of(element.node)?.text());
    let mut first = element.node;
    while let Some(inner) = first.entries().next() {
        first = inner.value;
    }
    named.chain(first.text()).collect()
}

/// Offset behind the lines that go with an element: its last line, and the comment lines directly below it that are deeper
/// than the collection, up to a commented-out neighbour.
pub(super) fn own_end(collection: Node<'_>, element: &Element<'_>) -> usize {
    let lines = Lines::new(collection.document_text());
    let inner = innermost_list(element.node);
    let mut own = lines.next(element.end);
    while own < lines.len() {
        let Line::Comment(found) = lines.kind(own) else { break };
        let comment = Comment::of(lines.slice(own, lines.end(own)));
        // Below a list it is an item of that list, which goes with the element.
        let neighbour = comment.is_element(collection.kind()) && inner.is_none_or(|column| found < column);
        if found <= collection.column() || neighbour && collection.kind() == Kind::BlockSequence {
            break;
        }
        own = lines.next(own);
    }
    own
}

/// Column of the outermost block list at the end of a node.
fn innermost_list(node: Node<'_>) -> Option<usize> {
    let mut node = node;
    loop {
        match node.kind() {
            Kind::BlockSequence => return Some(node.column()),
            Kind::BlockMapping => node = elements(node).last()?.node,
            _ => return None,
        }
    }
}

/// One comment line.
struct Comment<'t> {
    /// Its marks, `#` alone or several.
    marks: usize,
    /// Column of the text behind the marks.
    column: usize,
    text: &'t str,
}

impl<'t> Comment<'t> {
    fn of(line: &'t str) -> Self {
        let line = line.trim_start_matches(' ');
        let bare = line.trim_start_matches('#');
        let text = bare.trim_start_matches([' ', '\t']);
        Self { marks: line.len() - bare.len(), column: line.len() - text.len(), text: text.trim_end() }
    }

    /// A line of marks or rules (`####`, `# ----`), or a text between or behind three marks or more (`### Staging`).
    fn is_heading(&self) -> bool {
        let rule = |text: &str| text.len() >= 3 && text.bytes().all(|byte| byte.is_ascii_punctuation());
        self.marks >= 3 || rule(self.text) || self.text.starts_with("---") || self.text.starts_with("===")
    }

    /// An item (`# - name: old`) or an entry (`# port: 3030`) that is commented out.
    fn is_element(&self, kind: Kind) -> bool {
        if kind == Kind::BlockSequence {
            return self.text == "-" || self.text.starts_with("- ");
        }
        let Some((key, value)) = self.text.split_once(':') else { return false };
        let key = key.trim_matches(['"', '\'']);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
        let named = !key.is_empty() && key.bytes().all(plain) && (value.is_empty() || value.starts_with(' '));
        named && !REMARKS.contains(&key.to_lowercase().as_str())
    }
}
