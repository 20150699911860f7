//! The index of a text out of that of a similar one. Read [`read_like`].
//!
//! Of a text that differs in some items of a long list only those are scanned ([`Trunk`]). Wherever that is not the whole
//! difference the answer is `None`. In debug builds every such index is compared with that of a scan.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::trunk::{Run, Trunk};
use crate::span::offset;
use crate::yaml::record::Record;
use crate::yaml::{Document, Kind, MAX_DEPTH, MAX_LEN};

/// `text` as a document, items that `like` has too not scanned again.
pub(super) fn read_like<'t>(text: impl Into<Cow<'t, str>>, like: &Document<'_>) -> Result<Document<'t>, Cow<'t, str>> {
    let text = text.into();
    let known = Trunk::of(like).and_then(|trunk| {
        let end = trunk.end_in(&text)?;
        records(&text, &trunk, end, &trunk.runs(&text, end))
    });
    match known {
        Some(records) => Ok(Document::from_parts(text, records)),
        None => Err(text),
    }
}

/// The index of a text that has these items of a list, which ends at `end` there, and others between them.
pub(super) fn records(text: &str, trunk: &Trunk<'_>, end: usize, runs: &[Run]) -> Option<Vec<Record>> {
    if text.len() > MAX_LEN {
        return None;
    }
    let mut copy = Copy { text, trunk, records: Vec::new(), last: 0 };
    copy.records.reserve(copy.expected(runs));
    copy.records.extend_from_slice(trunk.document.records().get(..trunk.node.index() + 1)?);
    let mut fresh = trunk.start;
    for run in runs {
        copy.scan(fresh, run.bytes.start)?;
        copy.copy(run)?;
        fresh = run.bytes.end;
    }
    copy.scan(fresh, end)?;
    copy.finish()
}

/// An index that is being put together.
struct Copy<'c> {
    text: &'c str,
    trunk: &'c Trunk<'c>,
    records: Vec<Record>,
    /// End of the last item so far.
    last: u32,
}

impl Copy<'_> {
    /// About how many records there will be: those of the known items, and of the rest somewhat more than as many bytes of
    /// the known text have.
    fn expected(&self, runs: &[Run]) -> usize {
        let document = self.trunk.document;
        let known: usize = runs.iter().map(|run| self.trunk.records_of(&run.items).len()).sum();
        let bytes: usize = runs.iter().map(|run| run.bytes.len()).sum();
        let fresh = self.text.len().saturating_sub(bytes) as f64 / document.text().len().max(1) as f64;
        known + (document.records().len() as f64 * fresh * 1.25) as usize
    }

    /// Takes over the records of known items.
    fn copy(&mut self, run: &Run) -> Option<()> {
        let own = self.trunk.records_of(&run.items);
        let known = self.trunk.document.records().get(own.clone())?;
        // Wrapping: what moves to the front moves by a large number.
        let shift = offset(run.bytes.start).wrapping_sub(offset(self.trunk.item_start(run.items.start)));
        let moved = offset(self.records.len()).wrapping_sub(offset(own.start));
        self.records.extend(known.iter().map(|record| Record {
            start: record.start.wrapping_add(shift),
            end: record.end.wrapping_add(shift),
            next: record.next.wrapping_add(moved),
            ..*record
        }));
        let (_, last) = *self.trunk.items.get(run.items.end.checked_sub(1)?)?;
        self.note_last(own.end - last);
        Some(())
    }

    /// Scans items that are new or different.
    fn scan(&mut self, from: usize, to: usize) -> Option<()> {
        if from == to {
            return Some(());
        }
        let fragment = Document::parse(self.text.get(from..to)?).ok()?;
        let root = fragment.root()?;
        let whole = root.kind() == Kind::BlockSequence
            && root.column() == self.trunk.column
            && root.index() == 1
            && root.next_index() == fragment.records().len();
        let around = depth_of(self.trunk.document, self.trunk.node.index());
        if !whole || around + depth(fragment.records()) > MAX_DEPTH {
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
        let old = self.trunk.document.records();
        let list = *old.get(self.trunk.node.index())?;
        let behind = list.next as usize;
        let moved = offset(self.records.len()).wrapping_sub(list.next);
        let shift = offset(self.text.len()).wrapping_sub(offset(self.trunk.document.text().len()));
        let next = |record: &Record| record.next.wrapping_add(moved);
        let rest = old.get(behind..)?.iter().map(|record| Record {
            start: record.start.wrapping_add(shift),
            end: record.end.wrapping_add(shift),
            next: next(record),
            ..*record
        });
        self.records.extend(rest);
        let around = old.iter().enumerate().take(self.trunk.node.index() + 1);
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

/// How many collections stand inside each other, at most.
fn depth(records: &[Record]) -> usize {
    let (mut open, mut deepest): (Vec<usize>, usize) = (Vec::new(), 0);
    for (at, record) in records.iter().enumerate() {
        while open.last().is_some_and(|end| *end <= at) {
            open.pop();
        }
        if record.kind.is_mapping() || record.kind.is_sequence() {
            open.push(record.next as usize);
            deepest = deepest.max(open.len());
        }
    }
    deepest
}
