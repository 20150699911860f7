//! A scalar in the place of a node, on its line or as a block scalar over lines. Read [`Written`].

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::emit::is_over_lines;
use super::locate::Spot;
use super::look::{Look, Texts, quoting_beside};
use super::replace::{explicit_key, fill, indicator_end};
use super::splice;
use crate::splice::Splice;
use crate::value::Value;
use crate::yaml::block::{BlockStyle, BlockText};
use crate::yaml::lines::{Line, Lines};
use crate::yaml::quote::{Context, Quoting, write_scalar};
use crate::yaml::{Document, Kind, Node};

/// Up to this column a text that was folded because of its length is written on the line of its key.
const LINE: usize = 80;

/// A scalar as it is written in one place.
pub(super) struct Written<'v> {
    /// What stands on the line of the key or dash.
    head: Cow<'v, str>,
    /// The lines below, each with the break before it; empty for most.
    body: String,
    /// Whether the last line needs a break.
    ended: bool,
}

impl<'v> Written<'v> {
    pub(super) fn line(head: &'v str) -> Self {
        Self { head: Cow::Borrowed(head), body: String::new(), ended: false }
    }

    /// `value` as it is written in the place of a node: a block scalar stays one, a new text of several lines becomes one; `None`
    /// for a collection.
    pub(super) fn of(document: &Document<'_>, spot: Spot<'_>, value: &'v Value, texts: Texts) -> Option<Self> {
        if texts == Texts::OverLines
            && let Some(text) = value.as_str()
            && let Some(written) = over_lines(document, spot, text)
        {
            return Some(written);
        }
        let quoting = match (spot.node.kind(), spot.parent) {
            (Kind::DoubleQuoted, _) => Quoting::Double,
            (Kind::SingleQuoted, _) => Quoting::Single,
            (Kind::Empty, Some(parent)) => quoting_beside(parent),
            _ => Quoting::Auto,
        };
        let context = if is_block(spot.parent) { Context::Block } else { Context::Flow };
        Some(Self { head: write_scalar(value, quoting, context)?, body: String::new(), ended: false })
    }

    /// Splices that put it in the place of the node.
    pub(super) fn in_place(self, document: &Document<'_>, spot: Spot<'_>) -> Vec<Splice> {
        let Self { head, mut body, ended } = self;
        let node = spot.node;
        let (start, end) = (node.span().start as usize, node.span().end as usize);
        let lines = Lines::new(document.text());
        if ended && lines.end(end) >= lines.len() {
            body.push_str(lines.line_break(start));
        }
        match node.kind() {
            Kind::BlockMapping | Kind::BlockSequence
                if let Some(indicator) = indicator_end(spot).filter(|at| lines.end(*at) < start) =>
            {
                // The value moves up behind its key; the lines of the old one go.
                let gone = splice(lines.end(indicator), lines.end(end), body);
                return alloc::vec![splice(indicator, indicator, format!(" {head}")), gone];
            }
            Kind::Literal | Kind::Folded => {
                // A comment behind the header stays.
                let header = lines.slice(start, lines.end(start));
                let token = start + header.find([' ', '\t']).unwrap_or(header.len());
                return alloc::vec![
                    splice(start, token, head),
                    splice(lines.end(start), end.max(lines.end(start)), body)
                ];
            }
            Kind::Empty => {
                let filled = fill(document, spot, &head);
                let below = lines.end(end);
                return written([filled, splice(below, below, body)]);
            }
            _ => {}
        }
        let below = lines.end(end);
        written([splice(start, end, head), splice(below, below, body)])
    }
}

/// The splices that put something in or take something out.
fn written(splices: [Splice; 2]) -> Vec<Splice> {
    splices.into_iter().filter(|splice| !splice.text.is_empty() || !splice.span.is_empty()).collect()
}

fn is_block(parent: Option<Node<'_>>) -> bool {
    matches!(parent.map_or(Kind::BlockMapping, Node::kind), Kind::BlockMapping | Kind::BlockSequence)
}

/// A text as a block scalar, where that is how its place is written and it is exactly this text there.
fn over_lines<'v>(document: &Document<'_>, spot: Spot<'_>, text: &str) -> Option<Written<'v>> {
    let node = spot.node;
    let lines = Lines::new(document.text());
    let (start, end) = (node.span().start as usize, node.span().end as usize);
    let old = BlockStyle::of(node.kind(), node.source(), node.column());
    let new = old.is_none() && is_over_lines(text);
    if !is_block(spot.parent) || old.is_none() && !new || explicit_key(spot).is_some() {
        return None;
    }
    if new && (is_quoted_over_lines(node) || node.kind() == Kind::Empty && is_quoted_beside(document, spot)) {
        return None;
    }
    // What was folded for its length alone need not be any more.
    let column = start - lines.start(start);
    if old.is_some_and(|old| old.folded) && !text.contains('\n') && column + text.len() <= LINE {
        return None;
    }
    let outer = spot.parent.map_or(0, Node::column);
    let bodiless = lines.end(start) >= end;
    let own = if old.is_some() && !bodiless && node.column() > outer {
        node.column()
    } else {
        match spot.parent.map(Node::kind) {
            Some(Kind::BlockMapping) => outer + Look::inside(document, spot.parent?, Texts::OverLines).indent.mapping,
            _ => outer + 2,
        }
    };
    let block = BlockText::of(text, old.unwrap_or(BlockStyle::NEW), own - outer)?;
    // Blank lines that stand behind it would be its content.
    let below = lines.next(end);
    if block.keeps && below < lines.len() && lines.kind(below) == Line::Blank {
        return None;
    }
    let body = block.body(own, lines.line_break(start));
    let ended = !block.header.contains('-');
    Some(Written { head: Cow::Owned(block.header), body, ended })
}

/// Whether a text of several lines is written in quotes now.
fn is_quoted_over_lines(node: Node<'_>) -> bool {
    matches!(node.kind(), Kind::DoubleQuoted | Kind::SingleQuoted)
        && node.text().is_some_and(|text| is_over_lines(&text))
}

/// Whether texts at the same place in the neighbours are in double quotes.
fn is_quoted_beside(document: &Document<'_>, spot: Spot<'_>) -> bool {
    Look::instead(document, spot.node, Texts::OverLines).quotes() == Quoting::Double
}
