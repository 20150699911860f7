//! The event stream of a document in the notation of the official suite (`test.event`), one event a line.

use alloc::collections::BTreeMap;
use alloc::string::String;
use core::fmt::Write as _;

use super::document::{Document, Part};
use super::node::Node;
use super::record::Kind;

impl Document<'_> {
    /// The event stream, each line ended by a line feed: `+STR`, `+DOC ---`, `+MAP {} &a`, `=VAL :text`, `-STR` and so on.
    ///
    /// Source: <https://github.com/yaml/yaml-test-suite>
    #[must_use]
    pub fn events(&self) -> String {
        let mut out = String::from("+STR\n");
        for document in self.documents() {
            let has = |kind| document.marks().any(|mark| mark.kind() == kind);
            out.push_str(if has(Kind::DocumentStart) { "+DOC ---\n" } else { "+DOC\n" });
            let handles = Handles::of(document);
            if let Some(root) = document.root() {
                handles.node(root, &mut out);
            }
            out.push_str(if has(Kind::DocumentEnd) { "-DOC ...\n" } else { "-DOC\n" });
        }
        out.push_str("-STR\n");
        out
    }
}

/// What `%TAG` directives of one document make of tag handles.
struct Handles<'d> {
    prefixes: BTreeMap<&'d str, &'d str>,
}

impl<'d> Handles<'d> {
    fn of(document: Part<'d>) -> Self {
        let named = document.directives().filter_map(|line| {
            let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
            if words.next() == Some("%TAG") { Some((words.next()?, words.next()?)) } else { None }
        });
        Self { prefixes: named.collect() }
    }

    fn node(&self, node: Node<'_>, out: &mut String) {
        match node.kind() {
            Kind::Alias => {
                let _ = writeln!(out, "=ALI {}", node.source());
            }
            kind if kind.is_mapping() => {
                out.push_str(if kind == Kind::BlockMapping { "+MAP" } else { "+MAP {}" });
                self.properties(node, out);
                out.push('\n');
                for entry in node.entries() {
                    self.node(entry.key, out);
                    self.node(entry.value, out);
                }
                out.push_str("-MAP\n");
            }
            kind if kind.is_sequence() => {
                out.push_str(if kind == Kind::BlockSequence { "+SEQ" } else { "+SEQ []" });
                self.properties(node, out);
                out.push('\n');
                node.items().for_each(|item| self.node(item, out));
                out.push_str("-SEQ\n");
            }
            kind => {
                out.push_str("=VAL");
                self.properties(node, out);
                out.push_str(match kind {
                    Kind::SingleQuoted => " '",
                    Kind::DoubleQuoted => " \"",
                    Kind::Literal => " |",
                    Kind::Folded => " >",
                    _ => " :",
                });
                escape(&node.text().unwrap_or_default(), out);
                out.push('\n');
            }
        }
    }

    fn properties(&self, node: Node<'_>, out: &mut String) {
        if let Some(anchor) = node.anchor() {
            let _ = write!(out, " &{anchor}");
        }
        if let Some(tag) = node.tag() {
            out.push_str(" <");
            self.tag(tag, out);
            out.push('>');
        }
    }

    /// A tag with its handle replaced by the prefix that it stands for, YAML 1.2.2 section 6.9.1.
    fn tag(&self, tag: &str, out: &mut String) {
        if let Some(verbatim) = tag.strip_prefix("!<") {
            out.push_str(verbatim.strip_suffix('>').unwrap_or(verbatim));
            return;
        }
        let handle = tag.get(1..).and_then(|rest| rest.find('!')).map_or(1, |at| at + 2);
        let (handle, suffix) = (tag.get(..handle).unwrap_or(tag), tag.get(handle..).unwrap_or_default());
        // `!` alone is the non-specific tag, whatever the directives say.
        let prefix = if suffix.is_empty() { None } else { self.prefixes.get(handle).copied() };
        out.push_str(prefix.unwrap_or(if handle == "!!" { "tag:yaml.org,2002:" } else { handle }));
        unescape(suffix, out);
    }
}

fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\0' => out.push_str("\\0"),
            '\u{8}' => out.push_str("\\b"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other => out.push(other),
        }
    }
}

/// Resolves `%xx` in a tag, as far as the bytes are UTF-8.
fn unescape(text: &str, out: &mut String) {
    let mut bytes = alloc::vec::Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        bytes.extend_from_slice(rest.get(..at).unwrap_or_default().as_bytes());
        let code = rest.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(code.unwrap_or(b'%'));
        rest = rest.get(at + 3..).unwrap_or_default();
    }
    bytes.extend_from_slice(rest.as_bytes());
    out.push_str(&String::from_utf8_lossy(&bytes));
}
