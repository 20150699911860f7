//! A node with the reader that judges it, as data that the chart's table checks: [`Seen`].

use alloc::borrow::Cow;

use super::values::whole;
use super::{is_null, is_text};
use crate::chart::{Data, Form, Member};
use crate::yaml::{Node, Reader, Resolved, Schema};

/// What its reader sees at a node.
#[derive(Clone, Copy)]
pub(super) struct Seen<'r, 'd> {
    pub(super) reader: &'r Reader<'d>,
    pub(super) node: Node<'d>,
}

impl<'r, 'd> Seen<'r, 'd> {
    fn at(self, node: Node<'d>) -> Self {
        Self { reader: self.reader, node }
    }
}

impl<'d> Data<'d> for Seen<'_, 'd> {
    type Key = Node<'d>;

    fn form(self) -> Form<'d, Self> {
        let Some(target) = self.reader.target(self.node) else { return Form::Unseen };
        if target.kind().is_mapping() {
            let entries = self.reader.entries(target).into_iter();
            let members = entries.filter_map(|entry| {
                let name = self.reader.key(entry.key).ok()?;
                Some(Member { name, key: entry.key, value: self.at(entry.value) })
            });
            return Form::Mapping(members.collect());
        }
        if target.kind().is_sequence() {
            return Form::List(target.items().map(|item| self.at(item)).collect());
        }
        if let Some(number) = whole(self.reader, target) {
            return Form::Whole(number);
        }
        match target.scalar().map(|scalar| scalar.resolve(self.reader.schema())) {
            Some(Resolved::Null) => Form::Null,
            Some(Resolved::Bool(_)) => Form::Bool,
            Some(Resolved::String) if is_text(self.reader, target) => Form::Text,
            // What fits no tag is no text, either.
            _ => Form::Fraction,
        }
    }

    fn text(self) -> Option<Cow<'d, str>> {
        self.reader.text(self.node)
    }

    fn is_null(self) -> bool {
        self.reader.target(self.node).is_some_and(|target| is_null(self.reader, target))
    }

    fn get(self, key: &str) -> Option<Self> {
        self.reader.get(self.node, key).map(|node| self.at(node))
    }

    fn is_ambiguous(self) -> bool {
        let begins = |source: &str| source.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        let Some(target) = self.reader.target(self.node).filter(|target| begins(target.source())) else { return false };
        let number = |schema| {
            let resolved = target.scalar().map(|scalar| scalar.resolve(schema));
            matches!(resolved, Some(Resolved::Int(_) | Resolved::Float(_)))
        };
        number(Schema::Core) || number(Schema::Dagster)
    }
}
