//! Two collections of one kind become one: which elements survive, in which order. Read [`Walk::collections`].

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::align::{Row, Rows, rows};
use super::conflict::ConflictKind;
use super::frame::Frame;
use super::layout::{Body, Form, Layout, Slot};
use super::order::{Moved, arrange, moved};
use super::rope::Mark;
use super::same::{Class, canonical, canonical_but, class, is_same, text_of_key};
use super::walk::{Change, Fit, Meant, Walk};
use super::{Input, Prefer, Three};
use crate::span::{Span, offset};
use crate::yaml::{ItemKey, Kind, Node, Step};

/// The collections of the three inputs.
pub(super) struct Sides<'a, 'd> {
    pub(super) base: Option<&'a Layout<'d>>,
    pub(super) ours: &'a Layout<'d>,
    pub(super) theirs: &'a Layout<'d>,
    /// Identity of items; `None` for mappings.
    pub(super) key: Option<&'a ItemKey>,
}

/// Names of the elements that one side added, by what these are beside their names; made where they are first asked for.
type Added = Three<Option<BTreeMap<String, String>>>;

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Both sides have it.
    Both,
    /// As ours has it, with the conflict that it is part of.
    Ours(Option<usize>),
    /// As theirs has it.
    Theirs(Option<usize>),
    Gone,
}

impl<'a, 'd> Sides<'a, 'd> {
    pub(super) fn base_slot(&self, row: &Row) -> Option<(&'a Layout<'d>, &'a Slot<'d>)> {
        self.base.and_then(|layout| Some((layout, layout.slot(row.base)?)))
    }

    pub(super) fn our_slot(&self, row: &Row) -> Option<&'a Slot<'d>> {
        self.ours.slot(row.ours)
    }

    pub(super) fn their_slot(&self, row: &Row) -> Option<&'a Slot<'d>> {
        self.theirs.slot(row.theirs)
    }

    /// The step from the collection to the element of a row.
    pub(super) fn step(&self, row: &Row) -> Option<Step> {
        let base = self.base_slot(row).map(|(_, slot)| slot);
        let slot = self.our_slot(row).or(self.their_slot(row)).or(base)?;
        let place = row.ours.or(row.theirs).or(row.base).unwrap_or_default();
        Some(match (slot.element.key, self.key) {
            (Some(key), _) => Step::Key(text_of_key(key)),
            (None, Some(key)) if !row.loose => match key.of(slot.element.node).and_then(Node::text) {
                Some(name) => Step::Item { key: key.clone(), name: name.into_owned() },
                None => Step::Index(place),
            },
            _ => Step::Index(place),
        })
    }

    /// Bytes and values of a row's elements.
    fn places(&self, row: &Row) -> Three<Option<(Span, Node<'d>)>> {
        let place = |slot: &Slot<'d>| {
            let element = slot.element;
            (Span::new(offset(element.start), offset(element.end)), element.node)
        };
        Three {
            base: self.base_slot(row).map(|(_, slot)| place(slot)),
            ours: self.our_slot(row).map(place),
            theirs: self.their_slot(row).map(place),
        }
    }

    /// The name of a new element of one side that is the deleted one but for its name.
    fn renamed(&self, deleted: &Slot<'d>, rows: &[Row], side: Input, added: &mut Added) -> Option<String> {
        let added = added.get_mut(side).get_or_insert_with(|| self.added(rows, side));
        added.get(&self.nameless(deleted.element.node)?).cloned()
    }

    fn added(&self, rows: &[Row], side: Input) -> BTreeMap<String, String> {
        let mut out = BTreeMap::new();
        for row in rows.iter().filter(|row| row.base.is_none() && !row.loose) {
            let slot = match side {
                Input::Ours => self.our_slot(row).filter(|_| row.theirs.is_none()),
                _ => self.their_slot(row).filter(|_| row.ours.is_none()),
            };
            let Some(content) = slot.and_then(|slot| self.nameless(slot.element.node)) else { continue };
            let name = match self.step(row) {
                Some(Step::Key(name) | Step::Item { name, .. }) => name,
                Some(Step::Index(at)) => at.to_string(),
                None => continue,
            };
            out.entry(content).or_insert(name);
        }
        out
    }

    /// What an element is beside its name; `None` where its name is all that there is, which tells nothing.
    fn nameless(&self, node: Node<'d>) -> Option<String> {
        let Some(key) = self.key else { return Some(canonical(node)) };
        let name = key.of(node)?;
        let more = node.records().get(node.index()..node.next_index()).is_some_and(|records| records.len() > 3);
        more.then(|| canonical_but(node, Some(name)))
    }
}

impl<'d> Walk<'_, 'd> {
    /// Merges two collections of one kind and what leads to them; the error is the conflict that they are as a whole.
    pub(super) fn collections(
        &mut self,
        base: Option<&Body<'d>>,
        ours: &Body<'d>,
        theirs: &Body<'d>,
        fit: Fit,
    ) -> Result<Meant<'d>, ConflictKind> {
        let kind = class(ours.node);
        let old = base.filter(|base| class(base.node) == kind && base.node.kind() != Kind::FlowPair);
        let keys = self.keys;
        let key = (kind == Class::Sequence).then(|| match self.steps.last() {
            Some(Step::Key(list)) => keys.of(list),
            _ => keys.of(""),
        });
        let layouts = (old.map(Body::layout), ours.layout(), theirs.layout());
        let sides = Sides { base: layouts.0.as_ref(), ours: &layouts.1, theirs: &layouts.2, key };
        let (rows, head, tail) = match rows(sides.base, sides.ours, sides.theirs, key) {
            Rows::Matched { rows, head, tail } => (rows, head, tail),
            Rows::Atom | Rows::Clash if old.is_none() => return Err(ConflictKind::AddAdd),
            Rows::Atom | Rows::Clash => return Err(ConflictKind::EditEdit),
        };
        let begun = self.patches.len();
        let fates = self.fates(&sides, &rows);
        // Only what is not in step already can have moved.
        let end = rows.len() - tail;
        let alive: Vec<usize> = (head..end).filter(|at| fates.get(*at) != Some(&Fate::Gone)).collect();
        let middle = self.order(&sides, &rows, &alive);
        let order: Vec<usize> = (0..head).chain(middle).chain(end..rows.len()).collect();
        let frame = Frame::new(&sides, ours, theirs, fit, order.is_empty());
        self.lead(base, ours, theirs, fit, &frame);
        self.mark_patches(begun);
        let mut elements = Vec::with_capacity(order.len());
        if !frame.is_emptied() {
            self.emit(&sides, &frame, &rows, &fates, &order, &mut elements);
        }
        self.trail(base, ours, theirs, fit, &frame);
        let tag = if frame.by_theirs() { theirs.node.tag() } else { ours.node.tag() };
        Ok(Meant::Collection { class: kind, tag, elements })
    }

    /// The marks of patches that were decided on before their place was known.
    fn mark_patches(&mut self, begun: usize) {
        for number in begun..self.patches.len() {
            self.rope.mark(Mark::Patch(number));
        }
    }

    /// What leads to the elements.
    fn lead(&mut self, base: Option<&Body<'d>>, ours: &Body<'d>, theirs: &Body<'d>, fit: Fit, frame: &Frame) {
        if frame.by_theirs() {
            self.delicate = true;
            self.rope.theirs(theirs.key_end, theirs.value, fit.shift);
            return;
        }
        let lies = |body: &Body<'d>| (body.form(), body.is_compact(), body.is_head());
        let alike = lies(ours) == lies(theirs);
        let base = base.filter(|body| lies(body) == lies(ours));
        let from = if alike && !frame.is_emptied() {
            let old = base.map(|body| self.texts.base.get(body.key_end..body.value).unwrap_or_default());
            self.trivia(old, (ours.key_end, ours.value), (theirs.key_end, theirs.value), fit)
        } else {
            self.delicate = true;
            self.rope.ours(ours.key_end, ours.value);
            Input::Ours
        };
        self.check_anchor(base, ours, theirs, from);
        if frame.is_emptied() {
            self.rope.text(frame.brackets());
        } else if ours.form() == Form::Inline {
            self.rope.ours(ours.value, ours.value + 1);
        }
    }

    /// What stands behind the elements.
    fn trail(&mut self, base: Option<&Body<'d>>, ours: &Body<'d>, theirs: &Body<'d>, fit: Fit, frame: &Frame) {
        if frame.by_theirs() || ours.form() != Form::Inline {
            return;
        }
        self.rope.ours(ours.value_end.saturating_sub(1), ours.value_end);
        if theirs.form() == Form::Inline {
            let base = base.filter(|body| body.form() == Form::Inline);
            let old = base.map(|body| self.texts.base.get(body.value_end..body.end).unwrap_or_default());
            self.trivia(old, (ours.value_end, ours.end), (theirs.value_end, theirs.end), fit);
        } else {
            self.delicate = true;
            self.rope.ours(ours.value_end, ours.end);
        }
    }

    /// What becomes of every row.
    fn fates(&mut self, sides: &Sides<'_, 'd>, rows: &[Row]) -> Vec<Fate> {
        let mut fates = Vec::with_capacity(rows.len());
        let mut added = Added::default();
        for row in rows {
            let fate = match (row.base, row.ours, row.theirs) {
                (_, Some(_), Some(_)) => Fate::Both,
                (None, Some(_), None) => Fate::Ours(None),
                (Some(_), Some(_), None) => self.deleted_by_theirs(sides, rows, row, &mut added),
                (None, None, Some(_)) => self.added_by_theirs(sides, row),
                (Some(_), None, Some(_)) => self.deleted_by_ours(sides, rows, row, &mut added),
                (_, None, None) => Fate::Gone,
            };
            fates.push(fate);
        }
        fates
    }

    fn added_by_theirs(&mut self, sides: &Sides<'_, 'd>, row: &Row) -> Fate {
        let Some(theirs) = sides.their_slot(row) else { return Fate::Gone };
        let id = (Change::Insert, offset(sides.ours.node.index()), offset(theirs.element.node.index()));
        match self.limits.denied(&id) {
            Some(kind) => {
                self.conflict(kind, sides.step(row), sides.places(row));
                Fate::Gone
            }
            None => {
                let end = sides.ours.end;
                self.accept(id, (end, end));
                Fate::Theirs(None)
            }
        }
    }

    fn deleted_by_theirs(&mut self, sides: &Sides<'_, 'd>, rows: &[Row], row: &Row, added: &mut Added) -> Fate {
        let (Some((_, base)), Some(ours)) = (sides.base_slot(row), sides.our_slot(row)) else {
            return Fate::Ours(None);
        };
        let id = (Change::Delete, offset(ours.element.node.index()), offset(sides.theirs.node.index()));
        let bytes = (ours.element.start, ours.element.end);
        let unchanged = row.loose || is_same(base.element.node, ours.element.node);
        let denied = self.limits.denied(&id);
        if denied.is_none() && (unchanged || self.prefer == Prefer::Theirs) && self.accept(id, bytes) {
            self.delicate = true;
            return Fate::Gone;
        }
        if denied.is_none() && self.prefer == Prefer::Ours {
            return Fate::Ours(None);
        }
        let kind = denied.unwrap_or(ConflictKind::DeleteEdit);
        let number = self.conflict(kind, sides.step(row), sides.places(row));
        let renamed = sides.renamed(base, rows, Input::Theirs, added);
        if let Some(draft) = self.drafts.last_mut() {
            draft.renamed_to = renamed;
        }
        Fate::Ours(Some(number))
    }

    fn deleted_by_ours(&mut self, sides: &Sides<'_, 'd>, rows: &[Row], row: &Row, added: &mut Added) -> Fate {
        let (Some((_, base)), Some(theirs)) = (sides.base_slot(row), sides.their_slot(row)) else { return Fate::Gone };
        if row.loose || is_same(base.element.node, theirs.element.node) {
            self.delicate = true;
            return Fate::Gone;
        }
        if self.prefer == Prefer::Ours {
            return Fate::Gone;
        }
        let renamed = sides.renamed(base, rows, Input::Ours, added);
        let id = (Change::Insert, offset(sides.ours.node.index()), offset(theirs.element.node.index()));
        let end = sides.ours.end;
        let stands = (renamed.is_none() || self.prefer == Prefer::Theirs) && self.accept(id, (end, end));
        if stands && self.prefer == Prefer::Theirs {
            return Fate::Theirs(None);
        }
        let unwritten = self.limits.denied(&id).filter(|_| self.prefer == Prefer::Theirs);
        let kind = unwritten.unwrap_or(ConflictKind::DeleteEdit);
        let number = self.conflict(kind, sides.step(row), sides.places(row));
        if let Some(draft) = self.drafts.last_mut() {
            draft.renamed_to = renamed;
        }
        if stands { Fate::Theirs(Some(number)) } else { Fate::Gone }
    }

    /// The surviving rows in order.
    fn order(&mut self, sides: &Sides<'_, 'd>, rows: &[Row], alive: &[usize]) -> Vec<usize> {
        let whole = |node: Node<'d>| Some((node.span(), node));
        let places = Three {
            base: sides.base.and_then(|layout| whole(layout.node)),
            ours: whole(sides.ours.node),
            theirs: whole(sides.theirs.node),
        };
        let id = (Change::Order, offset(sides.ours.node.index()), offset(sides.theirs.node.index()));
        let bytes = (sides.ours.start, sides.ours.end);
        let list = sides.key.is_some();
        let by_theirs = match moved(rows, alive) {
            Moved::Ours => false,
            Moved::Theirs => match self.limits.denied(&id) {
                // The order of a mapping is no data.
                Some(kind) if list => {
                    self.conflict(kind, None, places);
                    false
                }
                Some(_) => false,
                None => self.accept(id, bytes),
            },
            Moved::Both if self.prefer == Prefer::Theirs => self.accept(id, bytes),
            Moved::Both => {
                if list && self.prefer == Prefer::Neither {
                    self.conflict(ConflictKind::Order, None, places);
                }
                false
            }
        };
        arrange(rows, alive, by_theirs)
    }

    /// Goes one step further, to the element of a row.
    pub(super) fn row_step(&mut self, sides: &Sides<'_, 'd>, row: &Row) {
        let step = sides.step(row);
        self.steps.extend(step);
    }
}
