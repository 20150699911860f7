//! Taking out list items and mapping entries with the lines and separators that are theirs. Read [`remove`].

use alloc::vec::Vec;

use super::element::{elements_from, number_of};
use super::gap::Gap;
use super::locate::{Place, Spot, check_anchors, locate, through_merge};
use super::replace::indicator_end;
use super::{Change, Expect, Plan, refuse};
use crate::error::{Reason, Refusal};
use crate::value::Value;
use crate::yaml::lines::Lines;
use crate::yaml::{Document, Path};

/// Takes out what is at `path`.
pub(super) fn remove(document: &Document<'_>, path: &Path) -> Result<Option<Change>, Refusal> {
    let spot = match locate(document, path, Reason::AnchorInUse)? {
        Place::Found(spot) => spot,
        Place::Missing { merged: true, last, .. } => return Err(through_merge(last)),
        Place::Missing { .. } => return Ok(None),
    };
    // The root belongs to no collection.
    let Some(parent) = spot.parent else { return Err(refuse(Reason::NotAList, spot.node.span())) };
    let not_found = || refuse(Reason::NotFound, spot.node.span());
    let number = number_of(parent, spot.node).ok_or_else(not_found)?;
    let mut around = elements_from(parent, number.saturating_sub(1));
    let before = if number > 0 { around.next() } else { None };
    let own = around.next().ok_or_else(not_found)?;
    let gap = Gap { before, gone: alloc::vec![own], after: around.next(), new: Vec::new(), blanks: 0 };
    let (first, next) = (own.first_record(), own.next_record());
    check_anchors(document, first, next)?;
    if gap.before.is_some() || gap.after.is_some() {
        let splices = gap.splices(document, parent)?;
        return Plan { splices, inside: parent.index(), old: first..next, expect: Expect::Nothing }.carry_out(document);
    }
    let list = parent.kind().is_sequence();
    let empty = if list { Value::Sequence(Vec::new()) } else { Value::Mapping(Vec::new()) };
    let above = Spot { node: parent, parent: spot.grandparent, grandparent: None };
    let lines = Lines::new(document.text());
    let start = parent.span().start as usize;
    let indicator = indicator_end(above).filter(|at| lines.end(*at) < start);
    let splices = gap.remove_only(parent, own, indicator);
    let old = parent.index()..parent.next_index();
    Plan { splices, inside: above.parent_index(), old, expect: Expect::Value(&empty) }.carry_out(document)
}
