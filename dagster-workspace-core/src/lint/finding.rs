//! How findings are made and worded. Read [`got`]: what stands there, in words.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::error::Diagnostic;
pub(super) use crate::yaml::head;
use crate::yaml::{Node, Reader, Resolved};

/// Characters of a value that a message shows.
const SHOWN: usize = 60;

/// Puts findings in the order of the text, each place and code once: aliases lead to one node several times.
pub(super) fn arranged(mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let place = |finding: &Diagnostic| (finding.span.unwrap_or_default(), finding.code);
    found.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.message.cmp(&b.message)));
    found.dedup_by(|a, b| place(a) == place(b) && a.message == b.message);
    found
}

/// What stands at `node` as its reader takes it: "got a list", "got the number `012`".
pub(super) fn got(reader: &Reader<'_>, node: Node<'_>) -> String {
    let written = shown(&node.text().unwrap_or_default());
    match type_of(reader, node) {
        "nothing" => "got nothing".to_string(),
        kind @ ("a list" | "a mapping") => format!("got {kind}"),
        kind => format!("got the {} `{written}`", kind.trim_start_matches("a ")),
    }
}

/// What kind of thing stands at `node`, its value not shown.
pub(super) fn type_of(reader: &Reader<'_>, node: Node<'_>) -> &'static str {
    let Some(scalar) = node.scalar() else {
        return if node.kind().is_sequence() { "a list" } else { "a mapping" };
    };
    match scalar.resolve(reader.schema()) {
        Resolved::Null => "nothing",
        Resolved::Bool(_) => "a boolean",
        Resolved::Int(_) | Resolved::Float(_) => "a number",
        Resolved::String => "a text",
    }
}

/// `text` in one line, cut where it is long.
pub(super) fn shown(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        line.push('…');
    }
    line
}

/// "quote it: `"012"`", for a scalar that is meant as a text.
pub(super) fn quote_hint(node: Node<'_>) -> Option<String> {
    let text = node.text().filter(|text| !matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL"))?;
    Some(format!("quote it if that is the text: `\"{}\"`", shown(&text)))
}

/// "`a`, `b` or `c`".
pub(super) fn alternatives<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}
