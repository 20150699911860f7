//! Which bytes an edit may touch, computed from the document before it alone. Read [`check_kept`].

use std::collections::BTreeMap;
use std::ops::Range;

use dagster_workspace_core::edit::Edit;
use dagster_workspace_core::yaml::{Document, Node};

use super::sites::node_at;

/// Lines outside the place of the edit are kept, and so is every comment but those of what goes.
pub(crate) fn check_kept(before: &str, after: &str, edit: &Edit) -> Result<(), String> {
    let document = Document::parse(before).unwrap();
    let place = Place::of(&document, edit);
    let head = &before[..place.touched.start];
    let tail = &before[place.touched.end..];
    if !after.starts_with(head) {
        return Err(format!("bytes before {} changed", place.touched.start));
    }
    if after.len() < head.len() + tail.len() || !after.ends_with(tail) {
        return Err(format!("bytes from {} on changed", place.touched.end));
    }
    let (had, have) = (comments(before), comments(after));
    for (comment, at) in &had {
        let lost = !have.contains_key(comment);
        if lost && !place.gone.contains(at) {
            return Err(format!("comment {comment} is lost"));
        }
    }
    let doubled = have.len() < after.matches("# c").count() && had.len() == before.matches("# c").count();
    if doubled { Err("a comment is doubled".into()) } else { Ok(()) }
}

/// Comments with a number, and where they stand.
fn comments(text: &str) -> BTreeMap<&str, usize> {
    let numbered = text.match_indices("# c").map(|(at, _)| {
        let digits = text[at + 3..].bytes().take_while(u8::is_ascii_digit).count();
        (&text[at..at + 3 + digits], at)
    });
    numbered.collect()
}

struct Place {
    /// Whole lines that may change.
    touched: Range<usize>,
    /// Comments that begin here may go.
    gone: Range<usize>,
}

impl Place {
    fn of(document: &Document<'_>, edit: &Edit) -> Self {
        let text = document.text();
        let path = match edit {
            Edit::Add { list, .. } => list,
            Edit::Set { path, .. } | Edit::Remove { path } => path,
        };
        let find = |steps: usize| node_at(document, &path.steps()[..steps]);
        let Some((depth, node)) =
            (0..=path.steps().len()).rev().find_map(|depth| find(depth).map(|node| (depth, node)))
        else {
            return Self { touched: 0..text.len(), gone: 0..0 };
        };
        let parent = depth.checked_sub(1).and_then(find);
        let whole = depth == path.steps().len();
        let removed = matches!(edit, Edit::Remove { .. }) && whole;
        let replaced = matches!(edit, Edit::Set { .. }) && whole;
        let around = if removed || replaced { around(text, parent.unwrap_or(node), node) } else { span(node) };
        let touched = match (removed, replaced) {
            (true, _) => line_start(text, around.start)..behind_trivia(text, around.end),
            // A collection may get elements, which go behind the comments at its end.
            (_, true) if is_collection(node) => {
                line_start(text, indicator(text, node))..behind_trivia(text, span(node).end)
            }
            (_, true) => line_start(text, indicator(text, node))..behind_own(text, span(node).end),
            // Something is added at the end.
            _ => line_start(text, last_start(node))..behind_trivia(text, span(node).end),
        };
        let gone = if removed {
            let element = element_start(parent.unwrap_or(node), node);
            lead(text, element)..behind_own(text, span(node).end)
        } else if replaced && !span(node).is_empty() {
            let one_line = !text[span(node)].contains(['\n', '\r']) && !is_collection(node);
            if one_line { 0..0 } else { lead(text, span(node).start)..behind_own(text, span(node).end) }
        } else {
            0..0
        };
        Self { touched, gone }
    }
}

fn is_collection(node: Node<'_>) -> bool {
    node.kind().is_mapping() || node.kind().is_sequence()
}

fn span(node: Node<'_>) -> Range<usize> {
    node.full_span().range()
}

/// The elements of a collection as (key or item, value).
fn elements<'d>(node: Node<'d>) -> Vec<(Node<'d>, Node<'d>)> {
    let items = node.items().map(|item| (item, item));
    node.entries().map(|entry| (entry.key, entry.value)).chain(items).collect()
}

/// From the end of the element before `node` to the start of the one behind it.
fn around(text: &str, parent: Node<'_>, node: Node<'_>) -> Range<usize> {
    let all = elements(parent);
    let Some(at) = all.iter().position(|(_, value)| *value == node) else { return span(node) };
    let start = match at.checked_sub(1) {
        Some(before) => span(all[before].1).end.max(span(all[before].0).end),
        None => indicator(text, parent),
    };
    // The last element of brackets goes with the white space before the closing one.
    let end = all.get(at + 1).map_or(span(parent).end, |(key, _)| span(*key).start);
    start..end
}

/// Where the line of the key or dash before a node is.
fn indicator(text: &str, node: Node<'_>) -> usize {
    let before = &text[..span(node).start];
    let mut at = before.len();
    // Up over comment lines and blank lines.
    loop {
        let line = line_start(text, at);
        let trimmed = text[line..at].trim();
        if line == 0 || !(trimmed.is_empty() || trimmed.starts_with('#')) {
            return line;
        }
        at = line - 1;
    }
}

fn element_start(parent: Node<'_>, node: Node<'_>) -> usize {
    elements(parent).iter().find(|(_, value)| *value == node).map_or(span(node).start, |(key, _)| span(*key).start)
}

/// Start of the run of comment lines above the line that holds `at`.
fn lead(text: &str, at: usize) -> usize {
    let mut lead = line_start(text, at);
    while lead > 0 {
        let above = line_start(text, lead - if text[..lead].ends_with("\r\n") { 2 } else { 1 });
        let line = text[above..lead].trim_start();
        let behind = line.trim_start_matches(['-', '?', ' ']).trim_end();
        let dash_alone = line.starts_with(['-', '?']) && (behind.is_empty() || behind.starts_with('#'));
        if !line.starts_with('#') && !dash_alone {
            break;
        }
        lead = above;
    }
    lead
}

/// Start of the last element of a collection, or of the line of its key.
fn last_start(node: Node<'_>) -> usize {
    match elements(node).last() {
        Some((key, _)) => span(*key).start,
        None => span(node).start.saturating_sub(1),
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind(['\n', '\r']).map_or(0, |found| found + 1)
}

fn line_end(text: &str, at: usize) -> usize {
    let end = text[at..].find(['\n', '\r']).map_or(text.len(), |found| at + found);
    end + if text[end..].starts_with("\r\n") { 2 } else { text[end..].len().min(1) }
}

/// Behind the line that holds `at` and the comment lines directly below.
fn behind_own(text: &str, at: usize) -> usize {
    let mut end = line_end(text, at);
    while end < text.len() && text[end..line_end(text, end)].trim_start().starts_with('#') {
        end = line_end(text, end);
    }
    end
}

/// Behind the line that holds `at` and all comment lines and blank lines below.
fn behind_trivia(text: &str, at: usize) -> usize {
    let mut end = line_end(text, at);
    while end < text.len() {
        let line = text[end..line_end(text, end)].trim_start();
        if !line.is_empty() && !line.starts_with('#') {
            break;
        }
        end = line_end(text, end);
    }
    end
}
