//! The list that makes out most of a document, and which of its items stand in other versions of that document. Read
//! [`Trunk`].
//!
//! An item of a block list that begins its line reads the same wherever it stands in the list: nothing before it continues
//! over a dash in its column, and the next dash, or what follows the list, ends it.

use alloc::vec::Vec;
use core::ops::Range;

use super::same::text_of_key;
use crate::edit::element::elements;
use crate::yaml::lines::Lines;
use crate::yaml::{Document, Kind, Node, Step};

/// How many items a text may leave out before its next item counts as unknown.
const AHEAD: usize = 4;

/// The list that makes out most of a document.
pub(super) struct Trunk<'c> {
    pub(super) document: &'c Document<'c>,
    /// The steps to it.
    pub(super) path: Vec<Step>,
    pub(super) node: Node<'c>,
    /// Column of its dashes.
    pub(super) column: usize,
    /// Where the line of its first item begins.
    pub(super) start: usize,
    /// Where the first line behind it begins.
    pub(super) end: usize,
    /// Its items: where the first line begins, and the first record.
    pub(super) items: Vec<(usize, usize)>,
}

/// Items that stand in another text one after the other, as they do in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Numbers of the items.
    pub(super) items: Range<usize>,
    /// Where they stand in the other text.
    pub(super) bytes: Range<usize>,
    /// Whether neither comments nor blank lines stand above them, in both texts.
    pub(super) bare: bool,
}

impl<'c> Trunk<'c> {
    pub(super) fn of(document: &'c Document<'_>) -> Option<Self> {
        Self::looked_at(document, |_, _| ())
    }

    /// The same, each item looked at while it is at hand: reading large lists takes longer than what is done with them.
    pub(super) fn looked_at(document: &'c Document<'_>, mut look: impl FnMut(&[Step], Node<'c>)) -> Option<Self> {
        if document.documents().count() != 1 {
            return None;
        }
        let all = document.records().len();
        let mut node = document.root()?;
        let mut path = Vec::new();
        while node.kind() == Kind::BlockMapping {
            let large = |node: Node<'_>| node.next_index() - node.index() > all / 2;
            let entry = node.entries().find(|entry| large(entry.value))?;
            path.push(Step::Key(text_of_key(entry.key)));
            node = entry.value;
        }
        if node.kind() != Kind::BlockSequence {
            return None;
        }
        let lines = Lines::new(document.text());
        let first = elements(node).next()?;
        let behind = lines.behind_trivia(node.span().end as usize);
        let end = if behind >= lines.len() { lines.len() } else { lines.start(behind) };
        let start = lines.start(first.start);
        let column = node.column();
        // What follows the list must not stand on its last line.
        if !lines.begins_line(first.start) || end < node.span().end as usize {
            return None;
        }
        let items = elements(node).map(|element| {
            look(&path, element.node);
            (element.start - column, element.first_record())
        });
        let items = items.collect();
        Some(Self { document, path, node, column, start, end, items })
    }

    /// Where the list would end in a text that has the same bytes before and behind it.
    pub(super) fn end_in(&self, text: &str) -> Option<usize> {
        let own = self.document.text();
        let (head, tail) = (own.get(..self.start)?, own.get(self.end..)?);
        let end = text.len().checked_sub(tail.len())?;
        // The same bytes may also be the end of a longer line.
        let whole_lines = tail.is_empty() || Lines::new(text).is_start(end);
        let fits = self.start < end && whole_lines && text.starts_with(head) && text.ends_with(tail);
        (fits && self.is_item(text, self.start)).then_some(end)
    }

    /// Whether a line of `text` begins an item of such a list.
    fn is_item(&self, text: &str, at: usize) -> bool {
        let line = text.as_bytes().get(at..).unwrap_or_default();
        let (indent, rest) = line.split_at(self.column.min(line.len()));
        let broken = at == 0 || text.as_bytes().get(at - 1).is_none_or(|byte| matches!(byte, b'\n' | b'\r'));
        (broken || at == self.start)
            && indent.len() == self.column
            && indent.iter().all(|byte| *byte == b' ')
            && matches!(rest, [b'-', b' ' | b'\n' | b'\r', ..])
    }

    /// The items of the list that `text` has too, in order, where the list ends at `end`. What stands between them must be
    /// read before they are known to be items there.
    pub(super) fn runs(&self, text: &str, end: usize) -> Vec<Run> {
        let (lines, own) = (Lines::new(text), Lines::new(self.document.text()));
        let count = self.items.len();
        let mut runs = Vec::new();
        // The first item of the list that may come, and how many others came since the one before it.
        let (mut next, mut others) = (0, 0);
        let mut at = self.start;
        while at < end {
            let ends = |item: usize, at: usize| self.item_end(item, (text, end), at);
            // Most others stand in the place of one of the list.
            let mut ahead = [next + others].into_iter().chain(next..next + 1 + AHEAD).filter(|item| *item < count);
            let Some(first) = ahead.find(|item| ends(*item, at).is_some()) else {
                others += 1;
                at = self.next_item(text, at, end);
                continue;
            };
            let begun = at;
            (next, others) = (first, 0);
            while let Some(end) = if next < count { ends(next, at) } else { None } {
                (at, next) = (end, next + 1);
            }
            let bare = lines.follows_data(begun) && own.follows_data(self.item_start(first));
            runs.push(Run { items: first..next, bytes: begun..at, bare });
        }
        runs
    }

    /// Where the next line stands in another text, before `end`, that begins an item of such a list.
    fn next_item(&self, text: &str, at: usize, end: usize) -> usize {
        let lines = Lines::new(text);
        let mut at = lines.next(at);
        while at < end && !self.is_item(text, at) {
            at = lines.next(at);
        }
        at
    }

    /// Whether a text in which these runs stand seems to have other items in the places of those that it has not, which
    /// begin as they do as far as `heads` tells. They must be read before that is known.
    pub(super) fn is_in_step(&self, text: &str, end: usize, runs: &[Run], heads: &[usize]) -> bool {
        let (mut item, mut at) = (0, self.start);
        let begins = |item: usize, at: usize| {
            let head =
                heads.get(item).and_then(|head| self.document.text().as_bytes().get(self.item_start(item)..*head));
            head.zip(text.as_bytes().get(at..)).is_some_and(|(head, own)| own.starts_with(head))
        };
        let last = (self.items.len()..self.items.len(), end..end);
        for (items, bytes) in runs.iter().map(|run| (run.items.clone(), run.bytes.clone())).chain([last]) {
            while at < bytes.start && item < items.start && begins(item, at) {
                at = self.next_item(text, at, end);
                item += 1;
            }
            if at != bytes.start || item != items.start {
                return false;
            }
            (item, at) = (items.end, bytes.end);
        }
        true
    }

    /// Where an item begins in its own text, or the list ends.
    pub(super) fn item_start(&self, item: usize) -> usize {
        self.items.get(item).map_or(self.end, |(start, _)| *start)
    }

    /// The records of items.
    pub(super) fn records_of(&self, items: &Range<usize>) -> Range<usize> {
        let first = |item: usize| self.items.get(item).map_or(self.node.next_index(), |(_, record)| *record);
        first(items.start)..first(items.end)
    }

    /// Where a known item ends that stands at `at`; `None` where another one does.
    fn item_end(&self, item: usize, (text, list_end): (&str, usize), at: usize) -> Option<usize> {
        let own = self.document.text();
        let end = self.item_start(item + 1);
        let known = own.get(self.item_start(item)..end)?;
        let behind = at + known.len();
        text.get(at..behind).filter(|found| *found == known)?;
        // At the end of both texts a line may lack its break.
        let last = end == own.len();
        let ends = if behind == list_end { last == (behind == text.len()) } else { self.is_item(text, behind) };
        (ends && (!last || behind == list_end)).then_some(behind)
    }
}
