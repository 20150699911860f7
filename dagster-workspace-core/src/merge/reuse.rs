//! The index of a text out of that of a similar one. Read [`read_like`].
//!
//! An item of a block list that begins its line reads the same wherever it stands in the list: nothing before it continues
//! over a dash in its column, and the next dash, or what follows the list, ends it. So of a text that differs in some items
//! of a long list, only those are scanned. Wherever that is not the whole difference the answer is `None`. In debug builds
//! every such index is compared with that of a scan.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::edit::element::elements;
use crate::span::offset;
use crate::yaml::lines::Lines;
use crate::yaml::record::Record;
use crate::yaml::{Document, Kind, MAX_DEPTH, MAX_LEN, Node};

/// How many items a text may leave out before it is scanned on its own.
const AHEAD: usize = 4;

/// `text` as a document, items that `like` has too not scanned again.
pub(super) fn read_like<'t>(text: impl Into<Cow<'t, str>>, like: &Document<'_>) -> Result<Document<'t>, Cow<'t, str>> {
    let text = text.into();
    match records(&text, like) {
        Some(records) => Ok(Document::from_parts(text, records)),
        None => Err(text),
    }
}

fn records(text: &str, like: &Document<'_>) -> Option<Vec<Record>> {
    let trunk = Trunk::of(like)?;
    let tail = like.text().get(trunk.end..)?;
    let head = like.text().get(..trunk.start)?;
    let end = text.len().checked_sub(tail.len())?;
    let fits = text.len() <= MAX_LEN && trunk.start < end && text.starts_with(head) && text.ends_with(tail);
    if !fits || !trunk.is_item(text, trunk.start) {
        return None;
    }
    let mut copy = Copy { text, like, trunk: &trunk, end, records: Vec::new(), last: 0 };
    copy.records.reserve(like.records().len() + like.records().len() / 8);
    copy.records.extend_from_slice(like.records().get(..trunk.list + 1)?);
    copy.items()?;
    copy.finish()
}

/// The list that makes out most of a document.
struct Trunk {
    /// Its record.
    list: usize,
    /// Column of its dashes.
    column: usize,
    /// Where the line of its first item begins.
    start: usize,
    /// Where the first line behind it begins.
    end: usize,
    /// Its items: where the first line begins, and the first record.
    items: Vec<(usize, usize)>,
}

impl Trunk {
    fn of(document: &Document<'_>) -> Option<Self> {
        if document.documents().count() != 1 {
            return None;
        }
        let all = document.records().len();
        let mut node = document.root()?;
        let large = |node: &Node<'_>| node.next_index() - node.index() > all / 2;
        while node.kind() == Kind::BlockMapping {
            node = node.entries().map(|entry| entry.value).find(large)?;
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
        let items = elements(node).map(|element| (element.start - column, element.first_record())).collect();
        // What follows the list must not stand on its last line.
        let apart = lines.begins_line(first.start) && end >= node.span().end as usize;
        apart.then_some(Self { list: node.index(), column, start, end, items })
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
}

/// An index that is being put together.
struct Copy<'c, 'd> {
    text: &'c str,
    like: &'c Document<'d>,
    trunk: &'c Trunk,
    /// Where the list ends in the text.
    end: usize,
    records: Vec<Record>,
    /// End of the last item so far.
    last: u32,
}

impl Copy<'_, '_> {
    fn items(&mut self) -> Option<()> {
        let lines = Lines::new(self.text);
        let count = self.trunk.items.len();
        // The next item of the known text, and items of the text that it does not have.
        let (mut next, mut at, mut fresh) = (0, self.trunk.start, self.trunk.start);
        while at < self.end {
            let found = (next..count.min(next + 1 + AHEAD)).find(|item| self.ends(*item, at).is_some());
            let Some(item) = found else {
                at = lines.next(at);
                while at < self.end && !self.trunk.is_item(self.text, at) {
                    at = lines.next(at);
                }
                continue;
            };
            self.scan(fresh, at)?;
            let begun = at;
            next = item;
            while let Some(end) = if next < count { self.ends(next, at) } else { None } {
                (at, next) = (end, next + 1);
            }
            self.copy(item, next, begun)?;
            fresh = at;
        }
        self.scan(fresh, self.end)
    }

    /// Where a known item ends that stands at `at`; `None` where another one does.
    fn ends(&self, item: usize, at: usize) -> Option<usize> {
        let (start, _) = *self.trunk.items.get(item)?;
        let end = self.trunk.items.get(item + 1).map_or(self.trunk.end, |(next, _)| *next);
        let known = self.like.text().get(start..end)?;
        let own = self.text.get(at..at + known.len()).filter(|own| *own == known)?;
        let behind = at + own.len();
        // At the end of both texts a line may lack its break.
        let last = end == self.like.text().len();
        let ends = if behind == self.end {
            last == (behind == self.text.len())
        } else {
            self.trunk.is_item(self.text, behind)
        };
        (ends && (!last || behind == self.end)).then_some(behind)
    }

    /// Takes over the records of known items, which stand from `at` on.
    fn copy(&mut self, from: usize, to: usize, at: usize) -> Option<()> {
        let (start, first) = *self.trunk.items.get(from)?;
        let list = self.like.records().get(self.trunk.list)?;
        let behind = self.trunk.items.get(to).map_or(list.next as usize, |(_, record)| *record);
        let known = self.like.records().get(first..behind)?;
        // Wrapping: what moves to the front moves by a large number.
        let shift = offset(at).wrapping_sub(offset(start));
        let moved = offset(self.records.len()).wrapping_sub(offset(first));
        self.records.extend(known.iter().map(|record| Record {
            start: record.start.wrapping_add(shift),
            end: record.end.wrapping_add(shift),
            next: record.next.wrapping_add(moved),
            ..*record
        }));
        self.note_last(behind - first);
        Some(())
    }

    /// Scans items that are new or different.
    fn scan(&mut self, from: usize, to: usize) -> Option<()> {
        if from == to {
            return Some(());
        }
        let fragment = Document::parse(self.text.get(from..to)?).ok()?;
        let root = fragment.root()?;
        let nested = |record: &&Record| record.kind.is_mapping() || record.kind.is_sequence();
        let depth = fragment.records().iter().filter(nested).count();
        let whole = root.kind() == Kind::BlockSequence
            && root.column() == self.trunk.column
            && root.index() == 1
            && root.next_index() == fragment.records().len();
        if !whole || depth_of(self.like, self.trunk.list) + depth > MAX_DEPTH {
            return None;
        }
        let (shift, moved) = (offset(from), offset(self.records.len()).wrapping_sub(2));
        let fresh = fragment.records().get(2..)?;
        self.records.extend(fresh.iter().map(|record| Record {
            start: record.start + shift,
            end: record.end + shift,
            next: record.next.wrapping_add(moved),
            ..*record
        }));
        self.note_last(fresh.len());
        Some(())
    }

    /// The last item among the newest records ends where they do: the last node that is nothing else's child.
    fn note_last(&mut self, newest: usize) {
        let mut at = self.records.len() - newest;
        while let Some(record) = self.records.get(at) {
            self.last = record.end;
            at = record.next as usize;
        }
    }

    /// What stands behind the list, and what stands around it.
    fn finish(mut self) -> Option<Vec<Record>> {
        let old = self.like.records();
        let list = *old.get(self.trunk.list)?;
        let behind = list.next as usize;
        let moved = offset(self.records.len()).wrapping_sub(list.next);
        let shift = offset(self.text.len()).wrapping_sub(offset(self.like.text().len()));
        let next = |record: &Record| record.next.wrapping_add(moved);
        let rest = old.get(behind..)?.iter().map(|record| Record {
            start: record.start.wrapping_add(shift),
            end: record.end.wrapping_add(shift),
            next: next(record),
            ..*record
        });
        self.records.extend(rest);
        let around = old.iter().enumerate().take(self.trunk.list + 1);
        for (at, record) in around.filter(|(_, record)| record.next as usize >= behind) {
            // What ended with the list ends with its last item; what goes on behind it is longer.
            let ends = record.next as usize == behind && record.end == list.end;
            let end = if ends { self.last } else { record.end.wrapping_add(shift) };
            *self.records.get_mut(at)? = Record { end, next: next(record), ..*record };
        }
        Some(self.records)
    }
}

/// How many records lie around one, at most.
fn depth_of(document: &Document<'_>, list: usize) -> usize {
    let before = document.records().get(..list).unwrap_or_default();
    before.iter().filter(|record| record.next as usize > list).count()
}
