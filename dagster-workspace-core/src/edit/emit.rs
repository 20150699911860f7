//! From data to new YAML text. Read [`block`], which writes a [`Value`] over lines, and [`flow`], which writes a node in
//! brackets.

use alloc::string::String;

use crate::value::Value;
use crate::yaml::lines::Indent;
use crate::yaml::quote::{Context, Quoting, write, write_scalar};
use crate::yaml::{Kind, Node, Schema};

/// How new text looks: as its neighbours do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) indent: Indent,
    pub(super) quoting: Quoting,
}

/// `value` as a block node at column 0, lines separated by line feeds, the last one not ended.
pub(super) fn block(value: &Value, look: Look) -> String {
    let mut out = String::new();
    write_block(value, look, 0, &mut out);
    out
}

/// Writes at the place where `column` is reached already.
fn write_block(value: &Value, look: Look, column: usize, out: &mut String) {
    match value {
        Value::Mapping(entries) if !entries.is_empty() => {
            for (number, (key, value)) in entries.iter().enumerate() {
                break_line(number, column, out);
                write_entry(key, value, look, column, out);
            }
        }
        Value::Sequence(items) if !items.is_empty() => {
            for (number, item) in items.iter().enumerate() {
                break_line(number, column, out);
                out.push_str("- ");
                write_block(item, look, column + 2, out);
            }
        }
        Value::Mapping(_) => out.push_str("{}"),
        Value::Sequence(_) => out.push_str("[]"),
        scalar => out.push_str(&write_scalar(scalar, look.quoting, Context::Block).unwrap_or_default()),
    }
}

fn break_line(number: usize, column: usize, out: &mut String) {
    if number > 0 {
        out.push('\n');
        out.extend(core::iter::repeat_n(' ', column));
    }
}

/// `key: value` at `column`.
fn write_entry(key: &str, value: &Value, look: Look, column: usize, out: &mut String) {
    out.push_str(&write(key, Quoting::Auto, Context::Block));
    out.push(':');
    let step = match value {
        Value::Mapping(entries) if !entries.is_empty() => look.indent.mapping,
        Value::Sequence(items) if !items.is_empty() => look.indent.sequence,
        _ => {
            out.push(' ');
            return write_block(value, look, column, out);
        }
    };
    break_line(1, column + step, out);
    write_block(value, look, column + step, out);
}

/// An entry as a block mapping of its own at column 0.
pub(super) fn block_entry(key: &str, value: &Value, look: Look) -> String {
    let mut out = String::new();
    write_entry(key, value, look, 0, &mut out);
    out
}

/// Notation inside brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Brackets {
    /// Every key and string in double quotes, as JSON has them.
    pub(crate) quoting: Quoting,
    /// A space inside each pair of braces.
    pub(crate) padding: &'static str,
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
