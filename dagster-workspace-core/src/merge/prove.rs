//! The proof that a merged text means what it must, and which change of theirs is to blame where it does not. Read [`holds`].

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::conflict::ConflictKind;
use super::places::Places;
use super::reuse::read_like;
use super::rope::Mark;
use super::same::{class, is_same};
use super::walk::{Meant, Patch};
use super::{Input, Three};
use crate::span::Span;
use crate::yaml::{Document, Kind, Node};

/// A result that is not what it must be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broken {
    /// Number of the change to blame; `None` where none can be named.
    pub(super) patch: Option<usize>,
    /// What it is instead.
    pub(super) kind: ConflictKind,
}

/// What a proof is about.
pub(super) struct Claim<'c, 'd> {
    pub(super) inputs: Three<&'d Document<'d>>,
    pub(super) meant: &'c [Meant<'d>],
    pub(super) patches: &'c [Patch],
    /// Where the changes of theirs stand in the result, in order.
    pub(super) marks: &'c [(Mark, u32)],
}

impl Claim<'_, '_> {
    /// The last change that begins at or before `at`, else the first one.
    fn patch_at(&self, at: u32) -> Option<usize> {
        let patches = |(mark, place): &(Mark, u32)| match mark {
            Mark::Patch(number) => Some((*number, *place)),
            _ => None,
        };
        let mut all = self.marks.iter().filter_map(patches);
        let first = all.next()?;
        Some(all.take_while(|(_, place)| *place <= at).last().unwrap_or(first).0)
    }

    fn broken(&self, at: u32) -> Broken {
        Broken { patch: self.patch_at(at), kind: ConflictKind::Type }
    }
}

/// Whether `text` reads as what is claimed; the document, or what is wrong with it.
pub(super) fn holds(text: alloc::string::String, claim: &Claim<'_, '_>) -> Result<Document<'static>, Broken> {
    // Most of the result is ours.
    let result = match read_like(text, claim.inputs.ours) {
        Ok(document) => document,
        Err(text) => Document::parse(text).map_err(|error| claim.broken(error.span.start))?,
    };
    let roots = result.roots().count();
    if roots != claim.meant.len() {
        let end = result.roots().nth(claim.meant.len()).map_or(0, |root| root.span().start);
        return Err(claim.broken(end));
    }
    let mut aliases = Vec::new();
    for (found, meant) in result.roots().zip(claim.meant) {
        agrees(found, meant, &mut aliases).map_err(|at| claim.broken(at))?;
    }
    if !aliases.is_empty() {
        check_aliases(&result, &aliases, claim)?;
    }
    Ok(result)
}

/// An alias of the result, and the same on the side that it came from.
type Pair<'r, 'd> = (Node<'r>, Node<'d>);

/// Whether a node is what was meant; the error is where it is not.
fn agrees<'r, 'd>(found: Node<'r>, meant: &Meant<'d>, aliases: &mut Vec<Pair<'r, 'd>>) -> Result<(), u32> {
    let here = found.full_span().start;
    match meant {
        Meant::Node(node) => {
            if !is_same(found, *node) {
                return Err(here);
            }
            pair_aliases(found, *node, aliases).ok_or(here)
        }
        Meant::Collection { class: kind, tag, elements } => {
            if class(found) != *kind || found.tag() != *tag {
                return Err(here);
            }
            let (mut items, mut entries) = (found.items(), found.entries());
            for (key, value) in elements {
                let own = match key {
                    Some(key) => {
                        let entry = entries.next().ok_or(here)?;
                        agrees(entry.key, &Meant::Node(*key), aliases)?;
                        entry.value
                    }
                    None => items.next().ok_or(here)?,
                };
                agrees(own, value, aliases)?;
            }
            match items.next().or_else(|| entries.next().map(|entry| entry.key)) {
                Some(more) => Err(more.span().start),
                None => Ok(()),
            }
        }
    }
}

/// Pairs the aliases in two nodes that are the same data; `None` where they stand in another order.
fn pair_aliases<'r, 'd>(found: Node<'r>, meant: Node<'d>, aliases: &mut Vec<Pair<'r, 'd>>) -> Option<()> {
    let within = |node: Node<'_>| node.first_index()..node.next_index();
    let is_alias = |kind: Kind| kind == Kind::Alias;
    let places = |node: Node<'_>| {
        let records = node.records().get(within(node)).unwrap_or_default();
        let own = records.iter().enumerate().filter(|(_, record)| is_alias(record.kind));
        own.map(|(at, _)| node.first_index() + at).collect::<Vec<_>>()
    };
    let theirs = places(meant);
    if theirs.is_empty() {
        return Some(());
    }
    let own = places(found);
    if own.len() != theirs.len() {
        return None;
    }
    for (one, other) in own.into_iter().zip(theirs) {
        let (one, other) = (found.beginning_at(one)?, meant.beginning_at(other)?);
        if one.alias() != other.alias() {
            return None;
        }
        aliases.push((one, other));
    }
    Some(())
}

/// Whether every alias means what it meant on the side that it came from: the same data, or, where that was edited, the one
/// node of that name.
fn check_aliases(result: &Document<'_>, aliases: &[Pair<'_, '_>], claim: &Claim<'_, '_>) -> Result<(), Broken> {
    let Three { base, ours, theirs } = claim.inputs;
    let names = [result, base, ours, theirs].map(Names::of);
    let [in_result, in_base, in_ours, in_theirs] = &names;
    let (mut ways, mut ways_of) = (Places::of(result), claim.inputs.map(|document| Places::of(document)));
    // Whether the one is the other one edited: they stand at one place.
    let mut edited = |found: Node<'_>, meant: Node<'_>, side: Input| {
        let place = ways.of_node(found);
        place.is_some() && place == ways_of.get_mut(side).of_node(meant)
    };
    let mut compared: BTreeMap<(usize, usize, bool), bool> = BTreeMap::new();
    for (found, meant) in aliases {
        let name = found.alias().unwrap_or_default();
        let is_theirs = core::ptr::eq(meant.records(), theirs.records());
        let (side, own) = if is_theirs { (Input::Theirs, in_theirs) } else { (Input::Ours, in_ours) };
        let (target, wanted) = (in_result.target(*found), own.target(*meant));
        let (Some(target), Some(wanted)) = (target, wanted) else {
            // What was broken before may stay so.
            if target.is_none() && wanted.is_none() {
                continue;
            }
            return Err(blame(claim, side, *found, wanted.map(Node::full_span), target));
        };
        // Many aliases have one target.
        let pair = (target.index(), wanted.index(), is_theirs);
        let same = *compared.entry(pair).or_insert_with(|| is_same(target, wanted));
        let is_new = own.aliases(name) > in_base.aliases(name);
        let once = names.iter().all(|names| names.anchors(name).len() <= 1);
        if !same && (is_new || !once || !edited(target, wanted, side)) {
            return Err(blame(claim, side, *found, Some(wanted.full_span()), Some(target)));
        }
    }
    Ok(())
}

/// The anchors and aliases of a document.
struct Names<'d> {
    /// Of each name the records of its anchors, in order, and how many aliases it has.
    names: BTreeMap<&'d str, (Vec<usize>, usize)>,
    /// The records with which documents begin.
    documents: Vec<usize>,
}

impl<'d> Names<'d> {
    fn of(document: &'d Document<'_>) -> Self {
        let (mut names, mut documents) = (BTreeMap::<_, (Vec<usize>, usize)>::new(), Vec::new());
        for (at, record) in document.records().iter().enumerate() {
            match record.kind {
                Kind::Anchor => names.entry(record.name(document.text())).or_default().0.push(at),
                Kind::Alias => names.entry(record.name(document.text())).or_default().1 += 1,
                Kind::Document => documents.push(at),
                _ => {}
            }
        }
        Self { names, documents }
    }

    fn anchors(&self, name: &str) -> &[usize] {
        self.names.get(name).map_or(&[], |(anchors, _)| anchors.as_slice())
    }

    fn aliases(&self, name: &str) -> usize {
        self.names.get(name).map_or(0, |(_, aliases)| *aliases)
    }

    /// What an alias means, as [`Node::target`] has it, without a search for each.
    fn target<'n>(&self, alias: Node<'n>) -> Option<Node<'n>> {
        let last = |places: &[usize]| {
            places.partition_point(|at| *at < alias.index()).checked_sub(1).and_then(|last| places.get(last).copied())
        };
        let anchor = last(self.anchors(alias.alias()?))?;
        // Anchors do not reach over document boundaries.
        let target = alias.beginning_at(anchor).filter(|_| last(&self.documents) < Some(anchor));
        target.filter(|node| node.kind() != Kind::Alias)
    }
}

/// The change through which an alias means something else.
fn blame(
    claim: &Claim<'_, '_>,
    side: Input,
    alias: Node<'_>,
    wanted: Option<Span>,
    target: Option<Node<'_>>,
) -> Broken {
    let at = alias.span().start;
    let touched = |span: Span| {
        let hit = |patch: &&Patch| patch.ours.start < span.end && span.start < patch.ours.end;
        let mut all: Vec<(usize, &Patch)> = claim.patches.iter().enumerate().filter(|(_, patch)| hit(patch)).collect();
        all.sort_by_key(|(_, patch)| patch.ours.len());
        all.first().map(|(number, _)| *number)
    };
    let patch = match side {
        Input::Theirs => claim.patch_at(at),
        _ => wanted.and_then(touched).or_else(|| claim.patch_at(target.map_or(at, |target| target.full_span().start))),
    };
    Broken { patch, kind: ConflictKind::Anchor }
}
