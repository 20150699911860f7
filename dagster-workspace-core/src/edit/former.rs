//! Places of an edited text in the text that it was made from: messages quote what somebody can open. [`Former`] finds them.

use alloc::format;
use alloc::vec::Vec;

use crate::error::{Diagnostic, Refusal};
use crate::span::{Span, offset};
use crate::yaml::{Document, Entry, ItemKey, Node, Path, Step, head};

/// An edited document beside the one that it was made from.
#[derive(Clone, Copy)]
pub(crate) struct Former<'a> {
    before: &'a Document<'a>,
    after: &'a Document<'a>,
    /// Bytes of the lines that both texts begin with, and of those that both end with; no line counts twice.
    same: (usize, usize),
}

/// The way to a place of the new text, followed in both.
struct Way<'d> {
    path: Path,
    /// The innermost node of the new text.
    node: Node<'d>,
    /// That of the old text at the same path.
    old: Option<Node<'d>>,
    /// The last one on the way that is in the old text.
    nearest: Option<Node<'d>>,
}

impl<'a> Former<'a> {
    pub(crate) fn new(before: &'a Document<'_>, after: &'a Document<'_>) -> Self {
        let lines = |text: &'a str| text.split_inclusive('\n');
        let (old, new) = (before.text(), after.text());
        let same = |(old, new): &(&str, &str)| old == new;
        // By whole lines: of a changed one, what happens to be equal is not the same.
        let head: usize = lines(old).zip(lines(new)).take_while(same).map(|(line, _)| line.len()).sum();
        let (old, new) = (old.get(head..).unwrap_or_default(), new.get(head..).unwrap_or_default());
        let tail = lines(old).rev().zip(lines(new).rev()).take_while(same).map(|(line, _)| line.len()).sum();
        Self { before, after, same: (head, tail) }
    }

    /// The finding with its places in the text before; one that is new is named in words.
    pub(crate) fn diagnostic(&self, finding: Diagnostic) -> Diagnostic {
        let Diagnostic { code, severity, message, span, related, hint } = finding;
        let place = span.and_then(|span| self.span(span));
        let new = span.filter(|_| place.is_none()).and_then(|span| self.way(span));
        let message = match new.map(|way| way.path).filter(|path| !path.steps().is_empty()) {
            Some(path) => format!("{message} (at `{}`)", path.brief()),
            None => message,
        };
        let related = related.into_iter().filter_map(|(span, note)| Some((self.span(span)?, note))).collect();
        Diagnostic { code, severity, message, span: place, related, hint }
    }

    /// The refusal with its places in the text before.
    pub(crate) fn refusal(&self, refusal: &Refusal) -> Refusal {
        let Refusal { reason, span, related } = *refusal;
        Refusal { reason, span: self.nearest(span), related: related.and_then(|span| self.span(span)) }
    }

    /// The same bytes in the text before; where they are new, the first line of the nearest node around them.
    pub(crate) fn nearest(&self, span: Span) -> Span {
        let around = || self.way(span).and_then(|way| way.nearest).map_or(Span::at(0), head);
        self.span(span).unwrap_or_else(around)
    }

    /// The same bytes in the text before; `None` where they are new.
    fn span(&self, span: Span) -> Option<Span> {
        let ((head, tail), range) = (self.same, span.range());
        if range.end <= head {
            return Some(span);
        }
        let (old, new) = (self.before.text().len(), self.after.text().len());
        if range.start >= new - tail {
            let moved = |at: usize| offset(at - (new - tail) + (old - tail));
            return Some(Span::new(moved(range.start), moved(range.end)));
        }
        let Way { node, old, .. } = self.way(span)?;
        let old = old.filter(|old| old.source() == node.source() && node.span().contains(span))?;
        let start = old.span().start + (span.start - node.span().start);
        Some(Span::new(start, start + (span.end - span.start)))
    }

    fn way(&self, span: Span) -> Option<Way<'a>> {
        let holds = |node: &Node<'_>| node.full_span().contains(span);
        let node = self.after.root().filter(holds)?;
        let old = self.before.root();
        let mut way = Way { path: Path::default(), node, old, nearest: old };
        let mut steps = Vec::new();
        loop {
            let (step, node, old) = if let Some((at, item)) = way.node.items().enumerate().find(|(_, item)| holds(item))
            {
                let (step, old) = same_item(way.node, way.old, at, item);
                (step, item, old)
            } else if let Some(entry) = way.node.entries().find(|entry| holds(&entry.key) || holds(&entry.value)) {
                let old = way.old.and_then(|old| same_entry(old, entry.key));
                let (node, old) = if holds(&entry.key) {
                    (entry.key, old.map(|old| old.key))
                } else {
                    (entry.value, old.map(|old| old.value))
                };
                (Step::Key(entry.key.text().unwrap_or_default().into_owned()), node, old)
            } else {
                return Some(Way { path: Path::new(steps), ..way });
            };
            steps.push(step);
            way = Way { node, old, nearest: old.or(way.nearest), ..way };
        }
    }
}

/// The item of the old list that is called as that of the new one; where neither its name nor its text tells, none.
fn same_item<'d>(list: Node<'d>, old: Option<Node<'d>>, at: usize, item: Node<'d>) -> (Step, Option<Node<'d>>) {
    // Deployments, and the items of `load_from`.
    for key in ["name", "*.location_name"].into_iter().filter_map(|key| key.parse::<ItemKey>().ok()) {
        let Some(name) = key.name(item) else { continue };
        let called = |list: Node<'d>| {
            let mut found = list.items().filter(|item| key.is(*item, &name));
            found.next().filter(|_| found.next().is_none())
        };
        if called(list).is_some() {
            let step = Step::Item { key: key.clone(), name: name.clone().into_owned() };
            return (step, old.and_then(called));
        }
    }
    let same = old.and_then(|old| old.items().nth(at)).filter(|old| old.source() == item.source());
    (Step::Index(at), same)
}

fn same_entry<'d>(old: Node<'d>, key: Node<'d>) -> Option<Entry<'d>> {
    let text = key.text()?;
    let mut found = old.entries().filter(|entry| entry.key.is_text(&text));
    found.next().filter(|_| found.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the first `mark` of the new text, or the last one, stands in the old text.
    #[track_caller]
    fn check(old: &str, new: &str, mark: &str, expected: Option<usize>) {
        let (before, after) = (Document::parse(old).unwrap(), Document::parse(new).unwrap());
        let at = offset(new.rfind(mark).unwrap());
        let found = Former::new(&before, &after).span(Span::new(at, at + offset(mark.len())));
        assert_eq!(found.map(|span| span.range().start), expected, "{new}");
        assert!(found.is_none_or(|span| span.of(old) == mark), "{found:?}");
    }

    #[test]
    fn old_bytes_are_found_between_edits_and_new_ones_are_not() {
        let old = "x: 1\ndeployments:\n  - name: a\n    port: 3030\n  - name: b\n    port: 4040\nz: 1\n";
        let both = old.replace("x: 1", "x: 10").replace("z: 1", "z: 2");
        check(old, &both, "4040", old.find("4040"));
        check(old, &both, "x: 10", None);
        // What happens to be equal at the end of a changed line is not the same.
        check(old, &old.replace("4040", "0"), "0", None);
        let added = old.replace("z: 1", "  - name: b\n    port: 4040\nz: 1");
        check(old, &added, "z", old.find('z'));
        check(old, &added, "b\n    port: 4040", None);
        check(old, &both.replace("3030", "3031"), "name", old.rfind("name"));
        check("[a, b]\n", "[a, c, b]\n", "c", None);
    }
}
