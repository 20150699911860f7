//! A merge without the items of a long list that are the same in all three. Read [`Texts`], then [`Short`].
//!
//! Items that have the same bytes and the same neighbours on all sides are in the result as they are. So they are cut out of
//! all three, the short texts are merged, and what that does to ours is done to the whole of it. Outermost items of such a
//! run stay where new ones may stand behind them, or comments of others above them ([`Keep`]). Wherever what was cut out
//! could make a difference the answer is `None`. In debug builds every such merge is compared with that of the whole texts.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::align::hash;
use super::conflict::{Conflict, Merge};
use super::reuse::{read_like, records};
use super::same::text_of_key;
use super::trunk::{Run, Trunk};
use super::{Input, Outcome, Three};
use crate::diff::MergeKeys;
use crate::edit::element::elements;
use crate::span::{Span, offset};
use crate::splice::{Splice, Splices};
use crate::yaml::{Document, ItemKey, Kind, MAX_LEN, Node, Schema, Step};

/// Three texts without what is the same in all of them. They borrow nothing, so that the index of the base can be let go
/// before more is read: less memory is taken, and what is taken is warm.
pub(super) struct Texts<'k> {
    base: Document<'static>,
    ours: String,
    theirs: String,
    cuts: Vec<Cut>,
    /// The steps to the list.
    path: Vec<Step>,
    key: &'k ItemKey,
    /// Names of the items that stay, in order.
    left: Vec<u64>,
    /// Names of those that are left out, sorted.
    gone: Vec<u64>,
    /// What stays of the others.
    keep: Keep,
}

/// Which of the outermost items stay of a run that all three have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    /// The first, where comments or blank lines stand above it. Enough where no item comes, goes or moves.
    Leads,
    /// The first and the last: new items may stand behind it.
    Neighbours,
}

/// Three documents without what is the same in all of them.
pub(super) struct Short {
    pub(super) documents: Three<Document<'static>>,
    /// In order.
    cuts: Vec<Cut>,
    /// The steps to the list.
    path: Vec<Step>,
}

/// Items that are left out.
struct Cut {
    /// Where they stood, in the short texts.
    at: Three<u32>,
    length: u32,
}

/// Items with the same bytes in all three texts, one after the other.
struct Same {
    items: Range<usize>,
    /// Where the first of them begins.
    at: Three<usize>,
    /// Whether neither comments nor blank lines stand above them.
    bare: bool,
}

/// What is noted of the items of the base.
struct Noted<'k> {
    keys: &'k MergeKeys,
    key: &'k ItemKey,
    /// How many there are.
    count: usize,
    /// Hashes of their names.
    names: Vec<u64>,
    /// Where their names end, with the byte behind.
    heads: Vec<usize>,
    /// Numbers of those that have an anchor or an alias.
    tangled: Vec<usize>,
}

impl<'k> Noted<'k> {
    fn new(keys: &'k MergeKeys) -> Self {
        Self { keys, key: keys.of(""), count: 0, names: Vec::new(), heads: Vec::new(), tangled: Vec::new() }
    }

    /// Takes note of the next item of the list that `path` leads to.
    fn note(&mut self, path: &[Step], item: Node<'_>) {
        if let (0, Some(Step::Key(list))) = (self.count, path.last()) {
            self.key = self.keys.of(list);
        }
        let mut records = item.records().get(item.first_index()..item.next_index()).unwrap_or_default().iter();
        if records.any(|record| matches!(record.kind, Kind::Anchor | Kind::Alias)) {
            self.tangled.push(self.count);
        }
        if let Some((place, name)) = self.key.place(item).and_then(|place| Some((place, name_at(place)?))) {
            self.names.push(name);
            self.heads.push(place.span().end as usize + 1);
        }
        self.count += 1;
    }

    /// The names; `None` where an item has none, or two have one.
    fn names(&self) -> Option<&[u64]> {
        let mut sorted = self.names.clone();
        sorted.sort_unstable();
        (are_unique(&sorted) && self.names.len() == self.count).then_some(&self.names)
    }
}

impl<'k> Texts<'k> {
    /// The three without the items that all have alike; `None` where little is gained.
    pub(super) fn of(base: &Document<'_>, texts: Three<&str>, keys: &'k MergeKeys) -> Option<Self> {
        let mut noted = Noted::new(keys);
        let trunk = Trunk::looked_at(base, |path, item| noted.note(path, item))?;
        let names = noted.names()?;
        let found = |text: &str| {
            let end = trunk.end_in(text)?;
            let runs = trunk.runs(text, end);
            let in_step = trunk.is_in_step(text, end, &runs, &noted.heads);
            Some((runs, in_step))
        };
        let (ours, theirs) = (found(texts.ours)?, found(texts.theirs)?);
        let keep = if ours.1 && theirs.1 { Keep::Leads } else { Keep::Neighbours };
        let same = inner(&trunk, &noted.tangled, &common(&trunk, &ours.0, &theirs.0), keep);
        let count: usize = same.iter().map(|same| same.items.len()).sum();
        if count * 8 < trunk.items.len() {
            return None;
        }
        let kept = kept(&trunk, &same);
        let mut left = Vec::with_capacity(names.len() - count);
        left.extend(kept.iter().filter_map(|run| names.get(run.items.clone())).flatten());
        let mut gone = Vec::with_capacity(count);
        gone.extend(same.iter().filter_map(|same| names.get(same.items.clone())).flatten());
        gone.sort_unstable();
        let (short, cuts) = cut_out(&trunk, texts, &same);
        let end = trunk.end - (texts.base.len() - short.base.len());
        let records = records(&short.base, &trunk, end, &kept)?;
        let base = Document::from_parts(short.base, records);
        Some(Self {
            base,
            ours: short.ours,
            theirs: short.theirs,
            cuts,
            path: trunk.path,
            key: noted.key,
            left,
            gone,
            keep,
        })
    }

    /// Reads them; `None` where what was left out could make a difference.
    pub(super) fn read(self) -> Option<Short> {
        let Self { base, ours, theirs, cuts, path, key, left, gone, keep } = self;
        let read = |text: String| read_like(text, &base).or_else(Document::parse).ok();
        let (ours, theirs) = (read(ours)?, read(theirs)?);
        let names = |document: &Document<'_>, input: Input| {
            names_behind(follow(document, &path)?, key, cuts.iter().map(|cut| *cut.at.get(input)))
        };
        let found = (names(&ours, Input::Ours)?, names(&theirs, Input::Theirs)?);
        let same = |found: &[Option<u64>]| found.iter().copied().eq(left.iter().copied().map(Some));
        // A name that something else has, too, is none.
        let fresh = |found: &[Option<u64>]| {
            let mut names: Vec<u64> = found.iter().copied().flatten().collect();
            names.sort_unstable();
            are_unique(&names) && names.iter().all(|name| gone.binary_search(name).is_err())
        };
        let in_step = same(&found.0) && same(&found.1);
        let sound = in_step || keep == Keep::Neighbours && fresh(&found.0) && fresh(&found.1);
        sound.then_some(Short { documents: Three { base, ours, theirs }, cuts, path })
    }
}

impl Short {
    /// The merge of the whole texts; `None` where that of the short ones does not tell it.
    pub(super) fn restore(self, short: Outcome, ours: &str) -> Option<Merge> {
        let Outcome { mut merge, splices } = short;
        let Self { documents, cuts: all, path } = self;
        // The whole text is made where they were.
        drop(documents);
        let mut cuts = all.iter().peekable();
        let (mut moved, mut grown) = (0, 0_u32);
        let mut in_result = Vec::with_capacity(all.len());
        let mut whole = Vec::new();
        for Splice { span, text } in splices?.as_slice() {
            let before = |cut: &&Cut| cut.at.ours < span.start || cut.at.ours == span.start && !span.is_empty();
            while let Some(cut) = cuts.next_if(before) {
                moved += cut.length;
                in_result.push(cut.at.ours.wrapping_add(grown));
            }
            if cuts.peek().is_some_and(|cut| cut.at.ours <= span.end) {
                // What stood there went elsewhere, or something came between.
                return None;
            }
            grown = grown.wrapping_add(offset(text.len())).wrapping_sub(offset(span.len()));
            whole.push(Splice { span: Span::new(span.start + moved, span.end + moved), text: text.clone() });
        }
        in_result.extend(cuts.map(|cut| cut.at.ours.wrapping_add(grown)));
        let splices = Splices::new(whole)?;
        let around = |found: &Conflict| is_around(&path, found.path.steps());
        if splices.length(ours.len()) > MAX_LEN || merge.conflicts.iter().any(around) {
            return None;
        }
        merge.text = String::new();
        let moved = |places: Vec<u32>| Moved::new(places.into_iter().zip(all.iter().map(|cut| cut.length)));
        let side = |input: Input| moved(all.iter().map(|cut| *cut.at.get(input)).collect());
        let sides = Three { base: side(Input::Base), ours: side(Input::Ours), theirs: side(Input::Theirs) };
        let in_result = moved(in_result);
        for conflict in &mut merge.conflicts {
            conflict.result = in_result.span(conflict.result);
            for input in [Input::Base, Input::Ours, Input::Theirs] {
                let span = conflict.spans.get_mut(input);
                *span = span.map(|span| sides.get(input).span(span));
            }
        }
        merge.text = splices.apply(ours);
        Some(merge)
    }
}

/// Whether what stands at a path holds the list at `list`, or is an item of it that is known by its number.
fn is_around(list: &[Step], steps: &[Step]) -> bool {
    let number = steps.strip_prefix(list).and_then(<[Step]>::first);
    list.starts_with(steps) || matches!(number, Some(Step::Index(_)))
}

/// Items that both sides have where they were.
fn common(trunk: &Trunk<'_>, ours: &[Run], theirs: &[Run]) -> Vec<Same> {
    let mut out = Vec::new();
    let (mut ours, mut theirs) = (ours.iter().peekable(), theirs.iter().peekable());
    while let (Some(own), Some(their)) = (ours.peek(), theirs.peek()) {
        let items = own.items.start.max(their.items.start)..own.items.end.min(their.items.end);
        let base = trunk.item_start(items.start);
        let begin = |run: &Run| run.bytes.start + base - trunk.item_start(run.items.start);
        if !items.is_empty() {
            // Inside of a run the same stands above as in the base.
            let bare = [own, their].into_iter().all(|run| run.bare || run.items.start < items.start);
            out.push(Same { items, at: Three { base, ours: begin(own), theirs: begin(their) }, bare });
        }
        if own.items.end <= their.items.end {
            ours.next()
        } else {
            theirs.next()
        };
    }
    out
}

/// What may be left out of such items: not the outermost ones that must stay, and none with an anchor or an alias.
fn inner(trunk: &Trunk<'_>, tangled: &[usize], all: &[Same], keep: Keep) -> Vec<Same> {
    let mut out = Vec::new();
    for Same { items, at, bare } in all {
        let begin = trunk.item_start(items.start);
        // The first and the last one of all begin and end with the list.
        let with_first = keep == Keep::Neighbours || items.start == 0 || !bare;
        let with_last = keep == Keep::Neighbours || items.end == trunk.items.len();
        let (mut from, last) = (items.start + usize::from(with_first), items.end - usize::from(with_last));
        let inside = tangled.iter().skip(tangled.partition_point(|item| *item < from)).copied();
        for to in inside.take_while(|item| *item < last).chain([last]) {
            if from < to {
                let shift = trunk.item_start(from) - begin;
                out.push(Same { items: from..to, at: at.map(|at| at + shift), bare: true });
            }
            from = to + 1;
        }
    }
    out
}

/// Whether no name stands twice among sorted ones.
fn are_unique(names: &[u64]) -> bool {
    names.windows(2).all(|pair| pair.first() != pair.last())
}

/// The hash of the name that stands there.
fn name_at(place: Node<'_>) -> Option<u64> {
    Some(hash(&place.scalar()?.as_str(Schema::Core)?))
}

/// The short texts, and where something was left out of them.
fn cut_out(trunk: &Trunk<'_>, texts: Three<&str>, gone: &[Same]) -> (Three<String>, Vec<Cut>) {
    let length = |same: &Same| trunk.item_start(same.items.end) - trunk.item_start(same.items.start);
    let total: usize = gone.iter().map(length).sum();
    let mut short = texts.map(|text| String::with_capacity(text.len() - total));
    let mut from = Three { base: 0, ours: 0, theirs: 0 };
    let mut cuts = Vec::with_capacity(gone.len());
    for same in gone {
        let length = length(same);
        for input in [Input::Base, Input::Ours, Input::Theirs] {
            let (from, at) = (from.get_mut(input), *same.at.get(input));
            short.get_mut(input).push_str(texts.get(input).get(*from..at).unwrap_or_default());
            *from = at + length;
        }
        cuts.push(Cut { at: short.map(|text| offset(text.len())), length: offset(length) });
    }
    for input in [Input::Base, Input::Ours, Input::Theirs] {
        short.get_mut(input).push_str(texts.get(input).get(*from.get(input)..).unwrap_or_default());
    }
    (short, cuts)
}

/// The items of the list that are not left out, and where they stand in the short text.
fn kept(trunk: &Trunk<'_>, gone: &[Same]) -> Vec<Run> {
    let (mut from, mut removed) = (0, 0);
    let mut out = Vec::with_capacity(gone.len() + 1);
    let last = trunk.items.len()..trunk.items.len();
    for items in gone.iter().map(|same| same.items.clone()).chain([last]) {
        let (start, end) = (trunk.item_start(from), trunk.item_start(items.start));
        out.push(Run { items: from..items.start, bytes: start - removed..end - removed, bare: false });
        removed += trunk.item_start(items.end) - end;
        from = items.end;
    }
    out
}

/// The node that keys lead to.
fn follow<'d>(document: &'d Document<'_>, path: &[Step]) -> Option<Node<'d>> {
    path.iter().try_fold(document.root()?, |node, step| match step {
        Step::Key(key) => node.entries().find(|entry| text_of_key(entry.key) == *key).map(|entry| entry.value),
        _ => None,
    })
}

/// The names of the items of a list; `None` where not all of the places begin one.
fn names_behind(list: Node<'_>, key: &ItemKey, places: impl Iterator<Item = u32>) -> Option<Vec<Option<u64>>> {
    let mut places = places.peekable();
    let column = list.column();
    let names = elements(list).map(|element| {
        places.next_if(|place| *place == offset(element.start.saturating_sub(column)));
        key.place(element.node).and_then(name_at)
    });
    let names: Vec<_> = names.collect();
    (list.kind() == Kind::BlockSequence && places.peek().is_none()).then_some(names)
}

/// How places move when what was left out comes back.
struct Moved {
    /// Where it comes back, and how much has until then.
    steps: Vec<(u32, u32)>,
}

impl Moved {
    fn new(cuts: impl Iterator<Item = (u32, u32)>) -> Self {
        let mut total = 0;
        let steps = cuts.map(|(at, length)| {
            total += length;
            (at, total)
        });
        Self { steps: steps.collect() }
    }

    fn span(&self, span: Span) -> Span {
        let place = |at: u32| {
            let before = self.steps.partition_point(|(cut, _)| *cut <= at).checked_sub(1);
            at + before.and_then(|last| self.steps.get(last)).map_or(0, |(_, total)| *total)
        };
        Span::new(place(span.start), place(span.end))
    }
}
