//! From data to new YAML text. Read [`block`], which writes a [`Value`] over lines, and [`flow`], which writes a node in
//! brackets.

use alloc::string::String;

use super::look::{Look, Texts};
use crate::value::Value;
use crate::yaml::block::{BlockStyle, BlockText};
use crate::yaml::quote::{Context, Quoting, write, write_scalar};
use crate::yaml::{Kind, Node, Schema};

/// `value` as a block node at column 0, lines separated and ended by line feeds.
pub(super) fn block(value: &Value, look: &Look<'_>) -> String {
    let mut out = String::new();
    write_block(value, look, Columns { own: 0, outer: 0 }, &mut out);
    out.push('\n');
    out
}

/// A new element.
#[derive(Clone, Copy)]
pub(super) enum Place<'v> {
    /// An item, and what stands behind its dash.
    Item(&'v Value, &'v str),
    /// An entry.
    Entry(&'v str, &'v Value),
}

/// A block collection of one element at column 0, ended by a line feed; `look` is that of the collection.
pub(super) fn element(place: Place<'_>, look: &Look<'_>) -> String {
    let mut out = String::new();
    match place {
        Place::Item(value, gap) => {
            out.push('-');
            out.push_str(gap);
            let own = out.len();
            write_block(value, &look.at_items(), Columns { own, outer: 0 }, &mut out);
        }
        Place::Entry(key, value) => write_entry(key, value, look, 0, &mut out),
    }
    out.push('\n');
    out
}

/// An element between brackets, on one line.
pub(super) fn element_in_brackets(place: Place<'_>, look: &Look<'_>, brackets: Brackets) -> String {
    let mut out = String::new();
    match place {
        Place::Item(value, _) => value_in_brackets(value, &look.at_items(), brackets, &mut out),
        Place::Entry(key, value) => {
            out.push_str(&write(key, brackets.quoting, Context::Flow));
            out.push_str(": ");
            value_in_brackets(value, &look.at_key(key), brackets, &mut out);
        }
    }
    out
}

/// Where a node is written.
#[derive(Clone, Copy)]
struct Columns {
    /// Where it begins, or its lines.
    own: usize,
    /// Of the collection that it stands in.
    outer: usize,
}

/// Writes at the place where the column of its own is reached already.
fn write_block(value: &Value, look: &Look<'_>, columns: Columns, out: &mut String) {
    let Columns { own, outer } = columns;
    match value {
        Value::Mapping(entries) if !entries.is_empty() => match look.brackets(Kind::is_mapping) {
            Some(brackets) => value_in_brackets(value, look, brackets, out),
            None => {
                for (number, (key, value)) in entries.iter().enumerate() {
                    break_line(number, own, out);
                    write_entry(key, value, look, own, out);
                }
            }
        },
        Value::Sequence(items) if !items.is_empty() => match look.brackets(Kind::is_sequence) {
            Some(brackets) => value_in_brackets(value, look, brackets, out),
            None => {
                let look = look.at_items();
                for (number, item) in items.iter().enumerate() {
                    break_line(number, own, out);
                    out.push_str("- ");
                    write_block(item, &look, Columns { own: own + 2, outer: own }, out);
                }
            }
        },
        Value::Mapping(_) => out.push_str("{}"),
        Value::Sequence(_) => out.push_str("[]"),
        Value::String(text)
            if look.texts == Texts::OverLines && is_over_lines(text) && look.quotes() != Quoting::Double =>
        {
            match BlockText::of(text, BlockStyle::NEW, own.saturating_sub(outer).max(1)) {
                Some(block) => {
                    out.push_str(&block.header);
                    out.push_str(&block.body(own.max(outer + 1), "\n"));
                }
                None => out.push_str(&write(text, look.quotes(), Context::Block)),
            }
        }
        scalar => out.push_str(&write_scalar(scalar, look.quotes(), Context::Block).unwrap_or_default()),
    }
}

/// Whether a new text is one of several lines.
pub(super) fn is_over_lines(text: &str) -> bool {
    text.trim_end_matches('\n').contains('\n')
}

fn break_line(number: usize, column: usize, out: &mut String) {
    if number > 0 {
        out.push('\n');
        out.extend(core::iter::repeat_n(' ', column));
    }
}

/// `key: value` at `column`.
fn write_entry(key: &str, value: &Value, look: &Look<'_>, column: usize, out: &mut String) {
    out.push_str(&write(key, Quoting::Auto, Context::Block));
    out.push(':');
    let look = look.at_key(key);
    let step = match value {
        Value::Mapping(entries) if !entries.is_empty() && look.brackets(Kind::is_mapping).is_none() => {
            look.indent.mapping
        }
        Value::Sequence(items) if !items.is_empty() && look.brackets(Kind::is_sequence).is_none() => {
            look.indent.sequence
        }
        _ => {
            out.push(' ');
            return write_block(value, &look, Columns { own: column + look.indent.mapping, outer: column }, out);
        }
    };
    break_line(1, column + step, out);
    write_block(value, &look, Columns { own: column + step, outer: column }, out);
}

/// Notation inside brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Brackets {
    /// Every key and string in double quotes, as JSON has them.
    pub(crate) quoting: Quoting,
    /// A space inside each pair of braces.
    pub(crate) padding: &'static str,
}

impl Brackets {
    /// As `sample` has them, or in a list of mappings its first item.
    pub(super) fn of(sample: Node<'_>) -> Self {
        let padding = if sample.source().starts_with("{ ") { " " } else { "" };
        let json = sample.entries().next().is_some_and(|entry| entry.key.kind() == Kind::DoubleQuoted);
        Self { quoting: if json { Quoting::Double } else { Quoting::Auto }, padding }
    }
}

/// `value` on one line.
fn value_in_brackets(value: &Value, look: &Look<'_>, brackets: Brackets, out: &mut String) {
    match value {
        Value::Mapping(entries) => {
            let padding = if entries.is_empty() { "" } else { brackets.padding };
            out.push('{');
            out.push_str(padding);
            for (number, (key, value)) in entries.iter().enumerate() {
                out.push_str(if number > 0 { ", " } else { "" });
                out.push_str(&write(key, brackets.quoting, Context::Flow));
                out.push_str(": ");
                value_in_brackets(value, &look.at_key(key), brackets, out);
            }
            out.push_str(padding);
            out.push('}');
        }
        Value::Sequence(items) => {
            let look = look.at_items();
            let brackets = look.brackets(Kind::is_mapping).unwrap_or(brackets);
            out.push('[');
            for (number, item) in items.iter().enumerate() {
                out.push_str(if number > 0 { ", " } else { "" });
                value_in_brackets(item, &look, brackets, out);
            }
            out.push(']');
        }
        scalar => {
            let quoting = if brackets.quoting == Quoting::Double { Quoting::Double } else { look.quotes() };
            out.push_str(&write_scalar(scalar, quoting, Context::Flow).unwrap_or_default());
        }
    }
}

/// `node` on one line, in brackets where it is a collection. Comments are left behind.
pub(crate) fn flow(node: Node<'_>, brackets: Brackets, out: &mut String) {
    if let Some(anchor) = node.anchor() {
        out.push('&');
        out.push_str(anchor);
        out.push(' ');
    }
    if let Some(tag) = node.tag() {
        out.push_str(tag);
        out.push(' ');
    }
    match node.kind() {
        Kind::Alias => out.push_str(node.source()),
        kind if kind.is_mapping() => {
            out.push('{');
            out.push_str(brackets.padding);
            for (number, entry) in node.entries().enumerate() {
                out.push_str(if number > 0 { ", " } else { "" });
                flow(entry.key, brackets, out);
                // An alias takes a `:` behind it for its own.
                out.push_str(if entry.key.kind() == Kind::Alias { " : " } else { ": " });
                flow(entry.value, brackets, out);
            }
            out.push_str(brackets.padding);
            out.push('}');
        }
        kind if kind.is_sequence() => {
            out.push('[');
            for (number, item) in node.items().enumerate() {
                out.push_str(if number > 0 { ", " } else { "" });
                flow(item, brackets, out);
            }
            out.push(']');
        }
        _ => flow_scalar(node, brackets, out),
    }
}

/// A scalar as it is written, where that fits on one line and into brackets; else in quotes.
fn flow_scalar(node: Node<'_>, brackets: Brackets, out: &mut String) {
    let Some(scalar) = node.scalar() else { return };
    let source = node.source();
    let one_line = !source.contains(['\n', '\r']);
    let string = scalar.as_str(Schema::Core).is_some();
    match node.kind() {
        Kind::DoubleQuoted if one_line => out.push_str(source),
        Kind::SingleQuoted if one_line && brackets.quoting == Quoting::Auto => out.push_str(source),
        Kind::Empty => out.push_str("null"),
        // Numbers and the like stay as they are; a string may hold what is notation inside brackets.
        Kind::Plain if one_line && !string => out.push_str(source),
        _ => out.push_str(&write(&scalar.text(), brackets.quoting, Context::Flow)),
    }
}
