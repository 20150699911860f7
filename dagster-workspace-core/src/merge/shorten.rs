//! A merge without the items of a long list that are the same in all three. Read [`Short`].
//!
//! Items that have the same bytes and the same neighbours on all sides are in the result as they are. So they are cut out of
//! all three, the short texts are merged, and what that does to ours is done to the whole of it. The outermost items of such
//! a run stay: new ones stand behind their neighbours, and comments belong to what follows them. Wherever what was cut out
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
use crate::yaml::{Document, ItemKey, Kind, MAX_LEN, Node, Step};

/// Three documents without what is the same in all of them.
pub(super) struct Short {
    pub(super) documents: Three<Document<'static>>,
    /// In order.
    cuts: Vec<Cut>,
    /// The steps to the list.
    path: Vec<Step>,
    /// Whether all three have items of the same names in the same order.
    in_step: bool,
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
}

impl Short {
    /// The three without the items that all have alike; `None` where little is gained.
    pub(super) fn of(base: &Document<'_>, texts: Three<&str>, keys: &MergeKeys) -> Option<Self> {
        let trunk = Trunk::of(base)?;
        let runs = |text: &str| Some(trunk.runs(text, trunk.end_in(text)?));
        let same = common(&trunk, &runs(texts.ours)?, &runs(texts.theirs)?);
        let key = match trunk.path.last() {
            Some(Step::Key(list)) => keys.of(list),
            _ => keys.of(""),
        };
        let names = names(&trunk, key)?;
        // Where no item comes, goes or moves, nothing stands behind a left neighbour.
        let all = Self::without(&trunk, texts, (key, &names), &inner(&trunk, &same, Keep::First));
        let in_step = all.filter(|short| short.in_step);
        in_step.or_else(|| Self::without(&trunk, texts, (key, &names), &inner(&trunk, &same, Keep::Both)))
    }

    /// The three without these items.
    fn without(trunk: &Trunk<'_>, texts: Three<&str>, (key, names): (&ItemKey, &[u64]), gone: &[Same]) -> Option<Self> {
        let count: usize = gone.iter().map(|same| same.items.len()).sum();
        if count * 8 < trunk.items.len() {
            return None;
        }
        let (short, cuts) = cut_out(trunk, texts, gone);
        let end = trunk.end - (texts.base.len() - short.base.len());
        let records = records(&short.base, trunk, end, &kept(trunk, gone))?;
        let base = Document::from_parts(short.base, records);
        let read = |text: String| read_like(text, &base).or_else(Document::parse).ok();
        let (ours, theirs) = (read(short.ours)?, read(short.theirs)?);
        let lists = (follow(&ours, &trunk.path)?, follow(&theirs, &trunk.path)?);
        let at = |input: Input| cuts.iter().map(move |cut| *cut.at.get(input));
        let found = (names_behind(lists.0, key, at(Input::Ours))?, names_behind(lists.1, key, at(Input::Theirs))?);
        let mut cut: Vec<u64> = Vec::with_capacity(count);
        let mut left = Vec::with_capacity(names.len() - count);
        for run in kept(trunk, gone) {
            left.extend(names.get(run.items).unwrap_or_default().iter().copied().map(Some));
        }
        cut.extend(gone.iter().filter_map(|same| names.get(same.items.clone())).flatten());
        cut.sort_unstable();
        // A name that something else has, too, is none.
        let fresh = |names: &[Option<u64>]| names.iter().flatten().all(|name| cut.binary_search(name).is_err());
        let in_step = found.0 == left && found.1 == left;
        let sound = in_step || fresh(&found.0) && fresh(&found.1);
        let path = trunk.path.clone();
        sound.then_some(Self { documents: Three { base, ours, theirs }, cuts, path, in_step })
    }

    /// The merge of the whole texts; `None` where that of the short ones does not tell it.
    pub(super) fn restore(self, short: Outcome, ours: &str) -> Option<Merge> {
        let Outcome { mut merge, splices } = short;
        let Self { documents, cuts: all, path, in_step: _ } = self;
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
            out.push(Same { items, at: Three { base, ours: begin(own), theirs: begin(their) } });
        }
        if own.items.end <= their.items.end {
            ours.next()
        } else {
            theirs.next()
        };
    }
    out
}

/// Which of the outermost items of a run stay.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// The first, as the lines above it may have changed.
    First,
    /// The last, too: new items may stand behind it.
    Both,
}

/// What may be left out of such items: not the outermost ones, and none with an anchor or an alias.
fn inner(trunk: &Trunk<'_>, all: &[Same], keep: Keep) -> Vec<Same> {
    let tangled = trunk.document.records().iter().enumerate();
    let tangled = tangled.filter(|(_, record)| matches!(record.kind, Kind::Anchor | Kind::Alias));
    // Those before the list are in no item.
    let item = |(at, _)| trunk.items.partition_point(|(_, first)| *first <= at).checked_sub(1);
    let tangled: Vec<usize> = tangled.filter_map(item).collect();
    let mut out = Vec::new();
    for Same { items, at } in all {
        let begin = trunk.item_start(items.start);
        // The last one of all ends with the list.
        let with_last = keep == Keep::Both || items.end == trunk.items.len();
        let (mut from, last) = (items.start + 1, items.end - usize::from(with_last));
        let inside = tangled.iter().skip(tangled.partition_point(|item| *item < from)).copied();
        for to in inside.take_while(|item| *item < last).chain([last]) {
            if from < to {
                let shift = trunk.item_start(from) - begin;
                out.push(Same { items: from..to, at: at.map(|at| at + shift) });
            }
            from = to + 1;
        }
    }
    out
}

/// The names of the items of the list; `None` where one has none, or two have one.
fn names(trunk: &Trunk<'_>, key: &ItemKey) -> Option<Vec<u64>> {
    let names: Vec<u64> = trunk.node.items().map(|item| name_of(item, key)).collect::<Option<_>>()?;
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.windows(2).all(|pair| pair.first() != pair.last()).then_some(names)
}

fn name_of(item: Node<'_>, key: &ItemKey) -> Option<u64> {
    Some(hash(&key.of(item)?.text()?))
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
        out.push(Run { items: from..items.start, bytes: start - removed..end - removed });
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
        name_of(element.node, key)
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
