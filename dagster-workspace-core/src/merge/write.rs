//! One side's value is written down, with what stands around it. Read [`Walk::write_value`].

use alloc::string::String;

use super::conflict::ConflictKind;
use super::layout::{Body, Form};
use super::same::{Class, class};
use super::walk::{Fit, Walk, value_id};
use super::{Input, Prefer, Three};
use crate::edit::emit::{Brackets, flow};
use crate::yaml::quote::{Context, Quoting, write};
use crate::yaml::{Kind, Node, Schema};

/// The value that the result has.
pub(super) struct Taken {
    pub(super) side: Input,
    /// The text for it, where it is neither side's.
    pub(super) text: Option<String>,
}

impl<'d> Walk<'_, 'd> {
    /// Writes one side's value, or the text for it, and what stands around it.
    pub(super) fn write_value(
        &mut self,
        base: Option<&Body<'d>>,
        ours: &Body<'d>,
        theirs: &Body<'d>,
        fit: Fit,
        taken: Taken,
    ) {
        // Comments inside a value go with it.
        self.delicate |= ours.node.source().contains('#') || theirs.node.source().contains('#');
        let form = ours.form();
        let alike = form != Form::Block && form == theirs.form();
        let tags = ours.node.tag() == theirs.node.tag();
        if !alike {
            return self.write_lines(ours, theirs, fit, taken.side);
        }
        let base = base.filter(|body| body.form() == form);
        if !tags && taken.side == Input::Theirs && !fit.mixed {
            // With a tag comes what leads to it.
            self.delicate = true;
            self.rope.theirs(theirs.key_end, theirs.value_end, fit.shift);
            return self.tail(base, ours, theirs, fit);
        }
        let stays = if taken.side == Input::Theirs { theirs.node } else { ours.node };
        if stays.kind() == Kind::Empty {
            let (base, ours, theirs) = emptied(base, ours, theirs);
            self.write_parts(base.as_ref(), &ours, &theirs, fit, taken);
        } else {
            self.write_parts(base, ours, theirs, fit, taken);
        }
    }

    /// The lines as a whole: what leads to the value depends on how it lies.
    fn write_lines(&mut self, ours: &Body<'d>, theirs: &Body<'d>, fit: Fit, side: Input) {
        self.delicate = true;
        match side {
            Input::Theirs if fit.mixed => {
                self.rope.ours(ours.key_end, ours.value);
                self.rope.text(in_brackets(theirs.node));
                self.rope.ours(ours.value_end, ours.end);
            }
            Input::Theirs => self.rope.theirs(theirs.key_end, theirs.end, fit.shift),
            _ => self.rope.ours(ours.key_end, ours.end),
        }
    }

    /// What leads to a value, the value, and what stands behind it, each of the side that changed it.
    fn write_parts(&mut self, base: Option<&Body<'d>>, ours: &Body<'d>, theirs: &Body<'d>, fit: Fit, taken: Taken) {
        let lead = base.map(|body| self.texts.base.get(body.key_end..body.value).unwrap_or_default());
        // An anchor that must not come does not come without its value either.
        let refused = self.limits.denied(&value_id(ours.node, theirs.node)) == Some(ConflictKind::Anchor);
        let from = if refused {
            self.rope.ours(ours.key_end, ours.value);
            Input::Ours
        } else {
            self.trivia(lead, (ours.key_end, ours.value), (theirs.key_end, theirs.value), fit)
        };
        if !refused {
            self.check_anchor(base, ours, theirs, from);
        }
        match (taken.text, taken.side) {
            (Some(text), _) => self.rope.text(text),
            (None, Input::Theirs) => {
                if from == Input::Ours && ours.value == ours.key_end + 1 && theirs.value > theirs.key_end + 1 {
                    // Nothing was written here: the blank behind the indicator comes with the value.
                    self.rope.text(" ");
                }
                self.rope.theirs(theirs.value, theirs.value_end, fit.shift);
            }
            _ => self.rope.ours(ours.value, ours.value_end),
        }
        self.tail(base, ours, theirs, fit);
    }

    /// What stands behind a value.
    fn tail(&mut self, base: Option<&Body<'d>>, ours: &Body<'d>, theirs: &Body<'d>, fit: Fit) {
        let old = base.map(|body| self.texts.base.get(body.value_end..body.end).unwrap_or_default());
        self.trivia(old, (ours.value_end, ours.end), (theirs.value_end, theirs.end), fit);
    }

    /// Notes where an anchor that theirs changed is left as ours has it.
    pub(super) fn check_anchor(&mut self, base: Option<&Body<'d>>, ours: &Body<'d>, theirs: &Body<'d>, from: Input) {
        let old = base.map(|body| body.node);
        let place = |node: Node<'d>| Some((node.full_span(), node));
        let places = Three { base: old.and_then(place), ours: place(ours.node), theirs: place(theirs.node) };
        let (their_anchor, their_tag) = (theirs.node.anchor(), theirs.node.tag());
        let is_collection = !matches!(class(ours.node), Class::Scalar | Class::Alias);
        let lost = |own: Option<&str>, their: Option<&str>, old: Option<&str>| own != their && their != old;
        if from == Input::Theirs || self.prefer == Prefer::Ours {
            return;
        }
        if lost(ours.node.anchor(), their_anchor, old.and_then(Node::anchor)) {
            self.conflict(ConflictKind::Anchor, None, places);
        } else if is_collection && lost(ours.node.tag(), their_tag, old.and_then(Node::tag)) {
            self.conflict(ConflictKind::Type, None, places);
        }
    }
}

/// The bodies of a value that comes to nothing: what leads to it ends with its last comment, which is told from one behind
/// the value by where another side has it.
fn emptied<'d>(base: Option<&Body<'d>>, ours: &Body<'d>, theirs: &Body<'d>) -> (Option<Body<'d>>, Body<'d>, Body<'d>) {
    let lead = |body: &Body<'d>| body.node.document_text().get(body.key_end..body.value).unwrap_or_default();
    let leading = [base, Some(ours), Some(theirs)].into_iter().flatten().any(|body| lead(body).contains('#'));
    let cut = |body: &Body<'d>| match body.node.kind() {
        Kind::Empty if leading => Body { value: body.end, value_end: body.end, ..*body },
        Kind::Empty => *body,
        _ => Body { value: body.key_end + lead(body).trim_end().len(), ..*body },
    };
    (base.map(cut), cut(ours), cut(theirs))
}

/// A string in the quotes of another one; `None` where it is no string, or already has them.
pub(super) fn requoted(value: Node<'_>, like: Node<'_>) -> Option<String> {
    let quoting = match like.kind() {
        kind if kind == value.kind() => return None,
        Kind::SingleQuoted => Quoting::Single,
        Kind::DoubleQuoted => Quoting::Double,
        Kind::Plain => Quoting::Auto,
        _ => return None,
    };
    let quotable = matches!(value.kind(), Kind::SingleQuoted | Kind::DoubleQuoted | Kind::Plain);
    let scalar = value.scalar().filter(|_| quotable && value.tag().is_none())?;
    // In quotes where any reader might take it for something else.
    let text = scalar.as_str(Schema::Core)?;
    Some(write(&text, quoting, Context::Flow).into_owned())
}

/// A node on one line, in brackets where it is a collection.
pub(super) fn in_brackets(node: Node<'_>) -> String {
    let mut out = String::new();
    flow(node, Brackets { quoting: Quoting::Auto, padding: "" }, &mut out);
    out
}
