//! How new text looks: as its neighbours do, the nearest first. Read [`Look`].

use alloc::vec::Vec;

use super::element::{elements, last_element};
use super::emit::Brackets;
use crate::error::{Reason, Refusal};
use crate::yaml::lines::Indent;
use crate::yaml::quote::{Context, Quoting, needs_quotes};
use crate::yaml::{Document, Kind, Node, Schema};

/// How many neighbours are looked at.
const NEIGHBOURS: usize = 8;

/// How texts of several lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Texts {
    /// As block scalars, where a block scalar is exactly the text.
    OverLines,
    /// In quotes.
    OnOneLine,
}

impl Texts {
    /// What `plan` does with block scalars; where lines behind them would be theirs, what it does with quotes.
    pub(super) fn try_both<T>(plan: impl Fn(Self) -> Result<T, Refusal>) -> Result<T, Refusal> {
        match plan(Self::OverLines) {
            Err(Refusal { reason: Reason::Unprovable | Reason::KeptLineBreaks, .. }) => plan(Self::OnOneLine),
            done => done,
        }
    }
}

/// The looks of one place.
#[derive(Clone, Debug)]
pub(super) struct Look<'d> {
    pub(super) indent: Indent,
    /// Quotes of strings where no model tells.
    pub(super) quoting: Quoting,
    pub(super) texts: Texts,
    /// Nodes at the same place inside the neighbours.
    models: Vec<Node<'d>>,
}

impl<'d> Look<'d> {
    /// Of a text that has nothing to look at.
    pub(super) fn plain(document: &Document<'_>, texts: Texts) -> Self {
        Self { indent: Indent::of(document), quoting: Quoting::Auto, texts, models: Vec::new() }
    }

    /// Of a new element of `collection`.
    pub(super) fn inside(document: &'d Document<'_>, collection: Node<'d>, texts: Texts) -> Self {
        let around = Around::of(document, collection);
        let models = Vec::from([collection]);
        Self { indent: around.indent(document), quoting: quoting_beside(collection), texts, models }
    }

    /// Of something else in the place of `node`.
    pub(super) fn instead(document: &'d Document<'_>, node: Node<'d>, texts: Texts) -> Self {
        let around = Around::of(document, node);
        let quoting = around.nodes.last().map_or(Quoting::Auto, |parent| quoting_beside(*parent));
        let models = Vec::from([node]);
        Self { indent: around.indent(document), quoting, texts, models }
    }

    /// Of the value under `key` of a mapping.
    pub(super) fn at_key(&self, key: &str) -> Self {
        let models = self.models.iter().filter_map(|model| model.get(key)).collect();
        Self { models, ..*self }
    }

    /// Of the items of a list: as those of the nearest one that has some.
    pub(super) fn at_items(&self) -> Self {
        let list = self.models.iter().find(|model| model.items().next().is_some());
        Self { models: list.into_iter().flat_map(|list| last_items(*list)).collect(), ..*self }
    }

    /// Brackets, where all neighbours of that kind that have something in them are written in some.
    pub(super) fn brackets(&self, is_kind: fn(Kind) -> bool) -> Option<Brackets> {
        let mut all = self.models.iter().filter(|model| is_kind(model.kind()) && elements(**model).next().is_some());
        let first = all.clone().next()?;
        let flow = |model: &Node<'_>| !matches!(model.kind(), Kind::BlockMapping | Kind::BlockSequence);
        all.all(flow).then(|| Brackets::of(*first))
    }

    /// Quotes of a string: those of the strings at its place, else those around it.
    pub(super) fn quotes(&self) -> Quoting {
        common(self.models.iter().copied()).unwrap_or(self.quoting)
    }
}

/// The last items of a list, the very last first.
fn last_items<'d>(list: Node<'d>) -> impl Iterator<Item = Node<'d>> {
    let count = list.items().count();
    let mut last: Vec<_> = list.items().skip(count.saturating_sub(NEIGHBOURS)).collect();
    last.reverse();
    last.into_iter()
}

/// What a node stands in.
struct Around<'d> {
    /// From the root to the collection that holds the node.
    nodes: Vec<Node<'d>>,
    node: Node<'d>,
}

impl<'d> Around<'d> {
    fn of(document: &'d Document<'_>, node: Node<'d>) -> Self {
        let mut nodes = Vec::new();
        let mut at = document.roots().find(|root| node.index() < root.next_index());
        while let Some(outer) = at.filter(|outer| outer.index() != node.index()) {
            nodes.push(outer);
            at = outer.children().find(|child| node.index() < child.next_index());
        }
        Self { nodes, node }
    }

    /// As the node itself is indented, and what is in and around it; else as the document is.
    fn indent(&self, document: &Document<'_>) -> Indent {
        let (mut mapping, mut sequence) = (None, None);
        if let Some(last) = last_element(self.node) {
            note_step(self.node, last.node, &mut mapping, &mut sequence);
            note_steps(last.node, &mut mapping, &mut sequence);
        }
        let mut below = self.node;
        for outer in self.nodes.iter().rev() {
            note_step(*outer, below, &mut mapping, &mut sequence);
            note_steps(*outer, &mut mapping, &mut sequence);
            below = *outer;
        }
        match (mapping, sequence) {
            (Some(mapping), Some(sequence)) => Indent { mapping, sequence },
            _ => {
                let known = Indent::of(document);
                Indent { mapping: mapping.unwrap_or(known.mapping), sequence: sequence.unwrap_or(known.sequence) }
            }
        }
    }
}

/// The steps from a mapping to the collections directly in it, of the last ones of its entries.
fn note_steps(node: Node<'_>, mapping: &mut Option<usize>, sequence: &mut Option<usize>) {
    if node.kind() != Kind::BlockMapping || mapping.is_some() && sequence.is_some() {
        return;
    }
    for entry in node.entries().take(4 * NEIGHBOURS) {
        note_step(node, entry.value, mapping, sequence);
    }
}

fn note_step(outer: Node<'_>, inner: Node<'_>, mapping: &mut Option<usize>, sequence: &mut Option<usize>) {
    let step = inner.column().checked_sub(outer.column()).filter(|_| outer.kind() == Kind::BlockMapping);
    match (inner.kind(), step) {
        (Kind::BlockMapping, Some(step)) if step > 0 => *mapping = mapping.or(Some(step)),
        (Kind::BlockSequence, Some(step)) => *sequence = sequence.or(Some(step)),
        _ => {}
    }
}

/// Quotes of the strings among the last elements of a collection, and of those directly in these, where all have the same.
pub(super) fn quoting_beside(collection: Node<'_>) -> Quoting {
    let own: Vec<Node<'_>> = if collection.kind().is_mapping() {
        let count = collection.entries().count();
        collection.entries().skip(count.saturating_sub(NEIGHBOURS)).map(|entry| entry.value).collect()
    } else {
        last_items(collection).collect()
    };
    let inner: Vec<Node<'_>> =
        own.iter().flat_map(|node| node.entries().map(|entry| entry.value).take(NEIGHBOURS)).collect();
    common(own.into_iter().chain(inner)).unwrap_or_default()
}

/// The quotes that all strings among some nodes have that need none; [`Quoting::Auto`] where they differ, `None` where there is
/// no such string.
fn common<'d>(nodes: impl Iterator<Item = Node<'d>>) -> Option<Quoting> {
    let mut common = None;
    let quoted = |node: Node<'_>| matches!(node.kind(), Kind::DoubleQuoted | Kind::SingleQuoted);
    // Those that other readers or people would stumble over without quotes tell nothing of the others.
    let word = |char: char| char.is_ascii_alphanumeric() || "_-./:@+".contains(char);
    let needed =
        |node: Node<'_>| node.text().is_some_and(|text| needs_quotes(&text, Context::Block) || !text.chars().all(word));
    for node in nodes.filter(|node| !quoted(*node) || !needed(*node)) {
        let quoting = match node.kind() {
            Kind::DoubleQuoted => Quoting::Double,
            Kind::SingleQuoted => Quoting::Single,
            Kind::Plain if node.scalar().is_some_and(|scalar| scalar.as_str(Schema::Core).is_some()) => Quoting::Auto,
            _ => continue,
        };
        match common {
            None => common = Some(quoting),
            Some(known) if known != quoting => return Some(Quoting::Auto),
            Some(_) => {}
        }
    }
    common
}
