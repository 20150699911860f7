//! The walk over the three documents, which writes down the pieces of the result, what it must mean, and the conflicts.
//! Read [`Walk::roots`].

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::conflict::ConflictKind;
use super::layout::{Body, Layout, Slot};
use super::rope::{Mark, Rope};
use super::same::{Class, class, is_same, same_bytes};
use super::write::{Taken, requoted};
use super::{Input, Prefer, Three};
use crate::diff::MergeKeys;
use crate::span::{Span, offset};
use crate::yaml::{Kind, Node, Step};

/// What the result must mean.
#[derive(Clone, Debug)]
pub(super) enum Meant<'d> {
    /// The data of this node.
    Node(Node<'d>),
    /// A collection of these elements, with that tag.
    Collection { class: Class, tag: Option<&'d str>, elements: Vec<(Option<Node<'d>>, Meant<'d>)> },
}

/// A change of theirs, told from all others: what it does, and where in both texts.
pub(super) type PatchId = (Change, u32, u32);

/// What a change of theirs does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    /// Another value.
    Value,
    /// A new element.
    Insert,
    /// An element taken out.
    Delete,
    /// Another order.
    Order,
    /// Other comments or blanks.
    Trivia,
}

/// A change of theirs that the result has.
#[derive(Clone, Debug)]
pub(super) struct Patch {
    pub(super) id: PatchId,
    /// Bytes of ours that it replaces.
    pub(super) ours: Span,
}

/// A conflict before its values are read.
#[derive(Clone, Debug)]
pub(super) struct Draft<'d> {
    pub(super) steps: Vec<Step>,
    pub(super) kind: ConflictKind,
    pub(super) places: Three<Option<(Span, Node<'d>)>>,
    pub(super) renamed_to: Option<alloc::string::String>,
}

/// How the bytes of theirs fit where they are put.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    /// By how many columns they move.
    pub(super) shift: isize,
    /// One side has lines where the other has brackets: only data can be taken over.
    pub(super) mixed: bool,
}

/// Where the walk may not go, learnt from a proof that failed.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    /// Changes of theirs that are not made, and the conflicts that they are instead.
    pub(super) denied: BTreeMap<PatchId, ConflictKind>,
    /// Comment lines of theirs that stand in the result already.
    pub(super) strip: BTreeSet<u32>,
    /// Nothing more of theirs is taken.
    pub(super) nothing: Option<ConflictKind>,
}

impl Limits {
    /// What a change is instead, where it is not made.
    pub(super) fn denied(&self, id: &PatchId) -> Option<ConflictKind> {
        self.denied.get(id).copied().or(self.nothing)
    }
}

pub(super) struct Walk<'m, 'd> {
    pub(super) keys: &'m MergeKeys,
    pub(super) prefer: Prefer,
    pub(super) limits: &'m Limits,
    pub(super) texts: Three<&'d str>,
    pub(super) steps: Vec<Step>,
    pub(super) rope: Rope,
    pub(super) drafts: Vec<Draft<'d>>,
    pub(super) patches: Vec<Patch>,
    /// Starts of the comment lines of theirs in the result.
    pub(super) leads: Vec<u32>,
    /// Bytes of theirs with comments in them that are in the result through a change of trivia.
    pub(super) brought: Vec<(Span, PatchId)>,
    /// Whether comments may be missing.
    pub(super) delicate: bool,
}

/// What becomes of a value.
enum Decision {
    Ours,
    Theirs,
    /// The value of theirs in the quotes of ours.
    TheirsAsOurs,
    /// The value of ours in the quotes of theirs.
    OursAsTheirs,
    Recurse,
    Conflict(ConflictKind),
}

impl<'m, 'd> Walk<'m, 'd> {
    pub(super) fn new(keys: &'m MergeKeys, prefer: Prefer, limits: &'m Limits, texts: Three<&'d str>) -> Self {
        Self {
            keys,
            prefer,
            limits,
            texts,
            steps: Vec::new(),
            rope: Rope::default(),
            drafts: Vec::new(),
            patches: Vec::new(),
            leads: Vec::new(),
            brought: Vec::new(),
            delicate: false,
        }
    }
}

impl<'d> Walk<'_, 'd> {
    /// Merges the roots of three streams that have as many documents each.
    pub(super) fn roots(&mut self, roots: &Three<Vec<Body<'d>>>) -> Vec<Meant<'d>> {
        let mut out = Vec::new();
        let fit = Fit { shift: 0, mixed: false };
        let begin = |bodies: &[Body<'_>]| bodies.first().map_or(0, |body| body.start);
        let mark = self.texts.base.get(..begin(&roots.base));
        self.trivia(mark, (0, begin(&roots.ours)), (0, begin(&roots.theirs)), fit);
        for (at, (ours, theirs)) in roots.ours.iter().zip(&roots.theirs).enumerate() {
            out.push(self.value(roots.base.get(at), ours, theirs, fit));
        }
        let end = |bodies: &[Body<'_>]| bodies.last().map_or(0, |body| body.end);
        let base = self.texts.base.get(end(&roots.base)..).unwrap_or_default();
        let ours = (end(&roots.ours), self.texts.ours.len());
        self.trivia(Some(base), ours, (end(&roots.theirs), self.texts.theirs.len()), fit);
        out
    }

    /// Takes a change of theirs over, unless it was found not to fit.
    pub(super) fn accept(&mut self, id: PatchId, ours: (usize, usize)) -> bool {
        if self.limits.denied(&id).is_some() {
            return false;
        }
        self.rope.mark(Mark::Patch(self.patches.len()));
        self.patches.push(Patch { id, ours: Span::new(offset(ours.0), offset(ours.1)) });
        true
    }

    /// Notes a conflict; the number under which the result marks it.
    pub(super) fn conflict(
        &mut self,
        kind: ConflictKind,
        step: Option<Step>,
        places: Three<Option<(Span, Node<'d>)>>,
    ) -> usize {
        let steps = self.steps.iter().cloned().chain(step).collect();
        self.drafts.push(Draft { steps, kind, places, renamed_to: None });
        self.drafts.len() - 1
    }

    /// Bytes that are no data: those of the side that changed them. Where both did, those of ours, and the comments that are
    /// then missing are found later.
    pub(super) fn trivia(
        &mut self,
        base: Option<&str>,
        ours: (usize, usize),
        theirs: (usize, usize),
        fit: Fit,
    ) -> Input {
        let own = self.texts.ours.get(ours.0..ours.1).unwrap_or_default();
        let their = self.texts.theirs.get(theirs.0..theirs.1).unwrap_or_default();
        let changed = own != their && base != Some(their);
        let id = (Change::Trivia, offset(ours.0), offset(theirs.0));
        let says = |one: &str, other: &str| one.split_whitespace().eq(other.split_whitespace());
        // Blanks that ours changed are less than a comment that theirs did.
        let blank = changed && base.is_some_and(|base| says(base, own) && !says(base, their));
        let wanted = base == Some(own) || blank || self.prefer == Prefer::Theirs;
        if changed && wanted && !fit.mixed && self.accept(id, ours) {
            self.rope.theirs(theirs.0, theirs.1, fit.shift);
            self.delicate |= own.contains('#');
            if their.contains('#') {
                self.brought.push((Span::new(offset(theirs.0), offset(theirs.1)), id));
            }
            return Input::Theirs;
        }
        self.delicate |= changed;
        self.rope.ours(ours.0, ours.1);
        Input::Ours
    }

    /// An element that ours and theirs both have.
    pub(super) fn element(
        &mut self,
        base: Option<(&Layout<'d>, &Slot<'d>)>,
        (layout, ours): (&Layout<'d>, &Slot<'d>),
        (their_layout, theirs): (&Layout<'d>, &Slot<'d>),
        fit: Fit,
    ) -> Meant<'d> {
        let (own, their) = (layout.chunk(ours), their_layout.chunk(theirs));
        let alike = |one: (&str, bool), other: (&str, bool), same_column| {
            one == other && (same_column || !one.0.contains(['\n', '\r']))
        };
        let column = layout.node.column();
        let (start, end) = (ours.element.start, ours.end);
        let kept = alike(own, their, column == their_layout.node.column());
        let old = base.map(|(layout, slot)| (layout.chunk(slot), layout.node.column()));
        let unchanged = old.is_some_and(|(text, at)| alike(their, text, at == their_layout.node.column()));
        if kept || unchanged {
            self.rope.ours(start, end);
            return Meant::Node(ours.element.node);
        }
        let untouched = old.is_some_and(|(text, at)| alike(own, text, at == column));
        if untouched && !fit.mixed && self.accept(value_id(ours.element.node, theirs.element.node), (start, end)) {
            self.rope.theirs(theirs.element.start, theirs.end, fit.shift);
            return Meant::Node(theirs.element.node);
        }
        let (ours, theirs) = (Body::of(layout, ours), Body::of(their_layout, theirs));
        let base = base.map(|(layout, slot)| Body::of(layout, slot));
        let key = base.map(|body| self.texts.base.get(body.start..body.key_end).unwrap_or_default());
        self.trivia(key, (ours.start, ours.key_end), (theirs.start, theirs.key_end), fit);
        self.value(base.as_ref(), &ours, &theirs, fit)
    }

    /// What leads from a key to its value, the value, and what stands behind it.
    fn value(&mut self, base: Option<&Body<'d>>, ours: &Body<'d>, theirs: &Body<'d>, fit: Fit) -> Meant<'d> {
        let id = value_id(ours.node, theirs.node);
        let mut decision = decide(base.map(|body| body.node), ours.node, theirs.node);
        if matches!(decision, Decision::Recurse) {
            match self.collections(base, ours, theirs, fit) {
                Ok(meant) => return meant,
                Err(kind) => decision = decide_whole(base.map(|body| body.node), ours.node, theirs.node, kind),
            }
        }
        let place = |body: &Body<'d>| Some((body.node.span(), body.node));
        let places = Three { base: base.and_then(place), ours: place(ours), theirs: place(theirs) };
        let mut noted = None;
        let taken = match decision {
            Decision::Theirs | Decision::TheirsAsOurs => match self.limits.denied(&id) {
                Some(kind) => {
                    noted = Some(self.conflict(kind, None, places));
                    false
                }
                None => self.accept(id, (ours.key_end, ours.end)),
            },
            Decision::Conflict(_) if self.prefer == Prefer::Ours => false,
            Decision::Conflict(kind) => {
                let taken = self.prefer == Prefer::Theirs && self.accept(id, (ours.key_end, ours.end));
                if !taken {
                    let kind = self.limits.denied(&id).filter(|_| self.prefer == Prefer::Theirs).unwrap_or(kind);
                    noted = Some(self.conflict(kind, None, places));
                }
                taken
            }
            _ => false,
        };
        if let Some(number) = noted {
            self.rope.mark(Mark::Begin(number));
        }
        let written = match decision {
            Decision::TheirsAsOurs if taken => requoted(theirs.node, ours.node),
            Decision::OursAsTheirs if !fit.mixed => requoted(ours.node, theirs.node),
            _ => None,
        };
        let side = if taken { Input::Theirs } else { Input::Ours };
        self.write_value(base, ours, theirs, fit, Taken { side, text: written });
        if let Some(number) = noted {
            self.rope.mark(Mark::End(number));
        }
        Meant::Node(if taken { theirs.node } else { ours.node })
    }
}

pub(super) fn value_id(ours: Node<'_>, theirs: Node<'_>) -> PatchId {
    (Change::Value, offset(ours.index()), offset(theirs.index()))
}

fn decide(base: Option<Node<'_>>, ours: Node<'_>, theirs: Node<'_>) -> Decision {
    let inner =
        |node: Node<'_>| matches!(class(node), Class::Mapping | Class::Sequence) && node.kind() != Kind::FlowPair;
    if !inner(ours) && same_bytes(ours, theirs) {
        return Decision::Ours;
    }
    if inner(ours) && inner(theirs) && class(ours) == class(theirs) {
        return Decision::Recurse;
    }
    let added = if class(ours) == class(theirs) { ConflictKind::AddAdd } else { ConflictKind::Type };
    decide_whole(base, ours, theirs, if base.is_some() { ConflictKind::EditEdit } else { added })
}

/// The decision on two values that are not looked into.
fn decide_whole(base: Option<Node<'_>>, ours: Node<'_>, theirs: Node<'_>, kind: ConflictKind) -> Decision {
    let Some(base) = base else {
        return if is_same(ours, theirs) { Decision::Ours } else { Decision::Conflict(kind) };
    };
    if same_bytes(ours, base) {
        return Decision::Theirs;
    }
    if same_bytes(theirs, base) {
        return Decision::Ours;
    }
    let quoted = matches!(ours.kind(), Kind::SingleQuoted | Kind::DoubleQuoted | Kind::Plain);
    if is_same(ours, theirs) {
        // The notation of the side that changed it.
        if quoted && ours.kind() == base.kind() && theirs.kind() != base.kind() {
            Decision::Theirs
        } else {
            Decision::Ours
        }
    } else if is_same(ours, base) {
        if quoted && ours.kind() != base.kind() { Decision::TheirsAsOurs } else { Decision::Theirs }
    } else if is_same(theirs, base) {
        if ours.kind() == base.kind() { Decision::OursAsTheirs } else { Decision::Ours }
    } else if class(ours) != class(theirs) {
        Decision::Conflict(ConflictKind::Type)
    } else {
        Decision::Conflict(kind)
    }
}
