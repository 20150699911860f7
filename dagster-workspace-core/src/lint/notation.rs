//! What Dagster's YAML reader, PyYAML's `SafeLoader`, refuses although it is YAML 1.2, and what it reads in silence that
//! nobody can have meant. These rules look at the notation of the whole file, not at what it says of code locations.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

use super::finding::{head, shown};
use crate::error::Diagnostic;
use crate::span::{Span, offset};
use crate::yaml::{Document, Entry, Kind, Node, Reader, Style};

/// Digits beyond which Python refuses to make a number of a text.
const PYTHON_DIGITS: usize = 4300;

/// Keys of a mapping up to which they are compared one by one.
const FEW_KEYS: usize = 24;

/// Tags that `SafeLoader` knows, without those for its own use.
const SCALAR_TAGS: [&str; 7] = ["null", "bool", "int", "float", "binary", "timestamp", "str"];
const MAPPING_TAGS: [&str; 2] = ["map", "set"];
const SEQUENCE_TAGS: [&str; 3] = ["seq", "omap", "pairs"];

/// A file and its nodes, gathered once.
pub(super) struct Notation<'d> {
    document: &'d Document<'d>,
    reader: Reader<'d>,
    /// Every node but mapping keys, in the order of the text.
    values: Vec<Node<'d>>,
    keys: Vec<Node<'d>>,
    /// Plain scalars inside flow collections.
    flow: Vec<Node<'d>>,
}

type Rule = fn(&Notation<'_>, &mut Vec<Diagnostic>);

const RULES: [Rule; 12] = [
    several_documents,
    document_end_first,
    directives,
    tabs,
    line_separators,
    repeated_keys,
    unknown_tags,
    values_without_meaning,
    undefined_aliases,
    anchors,
    keys_that_are_no_text,
    merges,
];

/// Applies all rules of this module.
pub(super) fn lint<'d>(document: &'d Document<'d>, reader: &Reader<'d>, found: &mut Vec<Diagnostic>) {
    let (values, keys, flow) = (Vec::new(), Vec::new(), Vec::new());
    let mut notation = Notation { document, reader: reader.clone(), values, keys, flow };
    for root in document.roots() {
        notation.gather(root, Style::Block);
    }
    for rule in RULES {
        rule(&notation, found);
    }
}

impl<'d> Notation<'d> {
    /// Depth is bounded by the scanner.
    fn gather(&mut self, node: Node<'d>, outer: Style) {
        self.values.push(node);
        self.note_flow(node, outer);
        let style = match node.kind() {
            Kind::FlowMapping | Kind::FlowPair | Kind::FlowSequence => Style::Flow,
            _ => outer,
        };
        for item in node.items() {
            self.gather(item, style);
        }
        for Entry { key, value } in node.entries() {
            self.keys.push(key);
            if key.kind().is_mapping() || key.kind().is_sequence() {
                self.gather(key, style);
            } else {
                self.note_flow(key, style);
            }
            self.gather(value, style);
        }
    }

    fn note_flow(&mut self, node: Node<'d>, style: Style) {
        if style == Style::Flow && node.kind() == Kind::Plain {
            self.flow.push(node);
        }
    }

    fn nodes(&self) -> impl Iterator<Item = Node<'d>> {
        self.values.iter().chain(&self.keys).copied()
    }
}

/// `DW0102`: the loader takes one document.
fn several_documents(notation: &Notation<'_>, found: &mut Vec<Diagnostic>) {
    let mut parts = notation.document.documents();
    let first = parts.next();
    if let (Some(first), Some(second)) = (first, parts.next()) {
        let start = second.marks().next().map_or(second.span(), Node::span);
        let finding = Diagnostic::error("DW0102", start, "a workspace file holds one document, this is a second one")
            .with_related(first_line(first.span(), notation.document.text()), "the first one")
            .with_hint("remove the `---` between them, or move the second document into a file of its own");
        found.push(finding);
    }
}

/// `DW0134`: `...` ends a document; PyYAML refuses it where none has begun.
fn document_end_first(notation: &Notation<'_>, found: &mut Vec<Diagnostic>) {
    let text = notation.document.text();
    let end = notation.document.documents().next().map_or(text.len(), |part| part.span().range().start);
    let mut at = 0;
    for line in text.get(..end).unwrap_or_default().split_inclusive(['\n', '\r']) {
        if line.trim_start_matches('\u{feff}').starts_with("...") {
            let start = at + line.find('.').unwrap_or_default();
            let span = Span::new(offset(start), offset(start + 3));
            found.push(Diagnostic::error("DW0134", span, "`...` ends a document, and none has begun"));
        }
        at += line.len();
    }
}

/// `DW0104`: the loader reads YAML 1 only, and directives whose names are letters and digits.
fn directives(notation: &Notation<'_>, found: &mut Vec<Diagnostic>) {
    let marks = notation.document.documents().flat_map(|part| part.marks().collect::<Vec<_>>());
    for mark in marks.filter(|mark| mark.kind() == Kind::Directive) {
        let mut words = mark.source().trim_start_matches('%').split([' ', '\t']).filter(|word| !word.is_empty());
        let name = words.next().unwrap_or_default();
        let message = if name == "YAML" && !words.next().is_some_and(|version| version.starts_with("1.")) {
            "Dagster reads YAML 1.1 and 1.2 only"
        } else if !is_ascii_name(name) {
            "Dagster's YAML reader refuses a directive of this name"
        } else {
            continue;
        };
        found.push(Diagnostic::error("DW0104", mark.span(), message).with_hint("remove the directive"));
    }
}

/// `DW0105`: PyYAML takes tabs inside quotes, block scalars and comments, nowhere else.
fn tabs(notation: &Notation<'_>, found: &mut Vec<Diagnostic>) {
    let text = notation.document.text();
    if !text.contains('\t') {
        return;
    }
    let mut opaque = opaque_spans(notation).into_iter().peekable();
    let mut ended = 0;
    for (at, _) in text.match_indices('\t') {
        while let Some(span) = opaque.next_if(|span| span.range().end <= at) {
            ended = span.range().end;
        }
        if opaque.peek().is_some_and(|span| span.range().start <= at) {
            continue;
        }
        let before = text.get(ended..at).unwrap_or_default();
        let line = before.rfind(['\n', '\r']).map_or(before, |at| before.get(at + 1..).unwrap_or_default());
        if !has_comment(line) {
            let span = Span::new(offset(at), offset(at + 1));
            let finding = Diagnostic::error("DW0105", span, "Dagster's YAML reader refuses a tab here");
            found.push(finding.with_hint("use spaces, or put the text in double quotes if the tab belongs to it"));
        }
    }
}

/// Spans in which PyYAML takes any character: quoted scalars, and block scalars behind their header.
fn opaque_spans(notation: &Notation<'_>) -> Vec<Span> {
    let mut spans: Vec<Span> = notation
        .nodes()
        .filter_map(|node| match node.kind() {
            Kind::SingleQuoted | Kind::DoubleQuoted => Some(node.span()),
            Kind::Literal | Kind::Folded => {
                let header = node.source().find(['\n', '\r']).unwrap_or(node.source().len());
                Some(Span::new(node.span().start + offset(header), node.span().end))
            }
            _ => None,
        })
        .collect();
    spans.sort_unstable();
    spans
}

/// Whether a comment begins in a piece of one line.
fn has_comment(line: &str) -> bool {
    line.starts_with('#') || line.contains(" #") || line.contains("\t#")
}

/// `DW0130`: PyYAML ends a line at NEL, LS and PS; YAML 1.2 does not. An error even where Dagster would take the file: what
/// it reads is not what is written.
fn line_separators(notation: &Notation<'_>, found: &mut Vec<Diagnostic>) {
    let text = notation.document.text();
    let mut separators = text.match_indices(['\u{85}', '\u{2028}', '\u{2029}']).peekable();
    if separators.peek().is_none() {
        return;
    }
    let mut quoted: Vec<Span> =
        notation.nodes().filter(|node| node.kind() == Kind::DoubleQuoted).map(Node::span).collect();
    quoted.sort_unstable();
    for (at, separator) in separators {
        let span = Span::new(offset(at), offset(at + separator.len()));
        let before = quoted.partition_point(|quoted| quoted.start < span.start).checked_sub(1);
        if !before.and_then(|at| quoted.get(at)).is_some_and(|quoted| quoted.contains(span)) {
            let finding =
                Diagnostic::error("DW0130", span, "Dagster's YAML reader takes this character for a line break");
            found.push(finding.with_hint("write it as `\\N`, `\\L` or `\\P` in double quotes"));
        }
    }
}

/// `DW0124`: of two equal keys the last wins in silence. Stricter than Dagster on purpose: the first is lost data.
fn repeated_keys(notation: &Notation<'_>, found: &mut Vec<Diagnostic>) {
    for node in notation.nodes().filter(|node| node.kind().is_mapping()) {
        repeated_in(&notation.reader, node, "DW0124", found);
    }
}

/// The keys of one mapping that stand there before, aliases not followed. Merge keys are none of them: what each merges
/// counts.
pub(super) fn repeated_in<'d>(reader: &Reader<'d>, node: Node<'d>, code: &'static str, found: &mut Vec<Diagnostic>) {
    if node.entries().nth(1).is_none() {
        return;
    }
    let keys = || node.entries().map(|entry| entry.key).filter(|key| !reader.is_merge(*key));
    // Quadratic for the few keys that nearly every mapping has: no allocation.
    if node.entries().nth(FEW_KEYS).is_none() {
        for (at, key) in keys().enumerate() {
            if let Some(before) = keys().take(at).find(|before| is_same_key(*before, key)) {
                found.push(repeated(code, key, before));
            }
        }
        return;
    }
    let mut first: BTreeMap<Cow<'_, str>, Node<'_>> = BTreeMap::new();
    for key in keys() {
        let Some(text) = key.text() else { continue };
        if let Some(before) = first.get(&text) {
            found.push(repeated(code, key, *before));
        } else {
            first.insert(text, key);
        }
    }
}

fn is_same_key(a: Node<'_>, b: Node<'_>) -> bool {
    if a.kind() == Kind::Plain && b.kind() == Kind::Plain && a.source().len() != b.source().len() {
        // Keys over several lines are none.
        return false;
    }
    b.text().is_some_and(|text| a.is_text(&text))
}

fn repeated(code: &'static str, key: Node<'_>, before: Node<'_>) -> Diagnostic {
    let message = format!("key `{}` stands twice, the first value is lost", shown(&key.text().unwrap_or_default()));
    let finding = Diagnostic::error(code, key.span(), message).with_related(before.span(), "first here");
    finding.with_hint("remove one of the two")
}

/// `DW0125`: `SafeLoader` knows the tags of YAML itself and no others, and each on its own kind of node only.
fn unknown_tags(notation: &Notation<'_>, found: &mut Vec<Diagnostic>) {
    for node in notation.nodes() {
        let Some(tag) = node.tag() else { continue };
        let fitting: &[&str] = match node.kind() {
            kind if kind.is_mapping() => &MAPPING_TAGS,
            kind if kind.is_sequence() => &SEQUENCE_TAGS,
            _ => &SCALAR_TAGS,
        };
        let span = tag_span(node, tag);
        let behind = node.document_text().get(span.range().end..).unwrap_or_default();
        // PyYAML reads on to the next blank: `[!!str, a]` has the tag `!!str,`.
        let ended = !behind.starts_with([',', '[', ']', '}']);
        let known = tag == "!" || standard_tag(tag).is_some_and(|name| fitting.contains(&name));
        if !(known && ended) {
            let message = format!("Dagster cannot load the tag `{}` here", shown(tag));
            found.push(Diagnostic::error("DW0125", span, message).with_hint("remove the tag"));
        }
    }
}

fn tag_span(node: Node<'_>, tag: &str) -> Span {
    let at = node.full_span().start;
    let properties = Span::new(at, node.span().start).of(node.document_text());
    // An anchor in front may hold the same characters.
    let behind_anchor = node.anchor().and_then(|name| properties.find(name).map(|at| at + name.len()));
    let from = behind_anchor.filter(|from| properties.get(*from..).is_some_and(|rest| rest.contains(tag))).unwrap_or(0);
    let found = properties.get(from..).and_then(|rest| rest.find(tag)).unwrap_or_default();
    let start = at + offset(from + found);
    Span::new(start, start + offset(tag.len()))
}

/// The name of a tag of YAML itself: `str` of `!!str`.
pub(super) fn standard_tag(tag: &str) -> Option<&str> {
    let verbatim = tag.strip_prefix("!<tag:yaml.org,2002:").and_then(|rest| rest.strip_suffix('>'));
    verbatim.or_else(|| tag.strip_prefix("!!"))
}

/// `DW0131`: a plain `=` or `<<` as a value, what looks like a number but is none, and `?` or a leading `:` inside a flow
/// collection end the loader with an error, or are read as something else.
fn values_without_meaning(notation: &Notation<'_>, found: &mut Vec<Diagnostic>) {
    let untagged = |node: &&Node<'_>| node.kind() == Kind::Plain && node.tag().is_none();
    let lonely = notation.values.iter().filter(untagged).filter(|node| matches!(node.source(), "=" | "<<"));
    let broken = notation.nodes().filter(|node| untagged(&node) && is_broken_number(node.source()));
    let flow = notation.flow.iter().filter(|node| node.source().contains('?') || node.source().starts_with(':'));
    for node in lonely.chain(flow).copied().chain(broken) {
        let source = shown(node.source());
        let message = format!("Dagster's YAML reader fails on the plain text `{source}`");
        found.push(Diagnostic::error("DW0131", node.span(), message).with_hint(format!("quote it: `\"{source}\"`")));
    }
}

/// Whether PyYAML takes `source` for a whole number that Python then cannot read.
fn is_broken_number(source: &str) -> bool {
    let digits = source.strip_prefix(['+', '-']).unwrap_or(source);
    if let Some(digits) = digits.strip_prefix("0b").or_else(|| digits.strip_prefix("0x")) {
        return !digits.is_empty() && digits.bytes().all(|byte| byte == b'_');
    }
    digits.len() > PYTHON_DIGITS
        && digits.starts_with(|c: char| ('1'..='9').contains(&c))
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
        && digits.bytes().filter(u8::is_ascii_digit).count() > PYTHON_DIGITS
}

/// `DW0126`: an alias needs its anchor before it, in the same document.
fn undefined_aliases(notation: &Notation<'_>, found: &mut Vec<Diagnostic>) {
    for_properties(notation, |names, node| {
        if let Some(name) = node.alias().filter(|name| !names.contains_key(name)) {
            let message = format!("no anchor `&{}` stands before this alias", shown(name));
            found.push(Diagnostic::error("DW0126", node.span(), message));
        }
    });
}

/// `DW0127`: PyYAML refuses an anchor that stands twice, and names of anything but letters, digits, `-` and `_`.
fn anchors(notation: &Notation<'_>, found: &mut Vec<Diagnostic>) {
    for_properties(notation, |names, node| {
        if let Some(name) = node.anchor().or(node.alias()).filter(|name| !is_ascii_name(name)) {
            let message = format!("Dagster's YAML reader refuses the anchor name `{}`", shown(name));
            let finding = Diagnostic::error("DW0127", anchor_span(node), message);
            found.push(finding.with_hint("use letters, digits, `-` and `_` only"));
        } else if let Some(before) = node.anchor().and_then(|name| names.get(name)) {
            let message = format!("anchor `&{}` stands twice", node.anchor().unwrap_or_default());
            let finding = Diagnostic::error("DW0127", anchor_span(node), message);
            found.push(finding.with_related(anchor_span(*before), "first here").with_hint("choose another name"));
        }
    });
}

/// What PyYAML takes as the name of an anchor or a directive.
fn is_ascii_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Shows each node of the first document that has an anchor or is an alias, in order, with the anchors before it.
fn for_properties<'d>(notation: &Notation<'d>, mut visit: impl FnMut(&BTreeMap<&'d str, Node<'d>>, Node<'d>)) {
    let mut nodes: Vec<Node<'d>> =
        notation.nodes().filter(|node| node.anchor().is_some() || node.alias().is_some()).collect();
    nodes.sort_by_key(|node| node.full_span().start);
    let mut names = BTreeMap::new();
    for node in nodes {
        visit(&names, node);
        if let Some(name) = node.anchor() {
            names.insert(name, node);
        }
    }
}

/// The anchor itself, `&` included; of an alias, the alias.
fn anchor_span(node: Node<'_>) -> Span {
    let Some(name) = node.anchor() else { return node.span() };
    let start = node.full_span().start;
    let properties = Span::new(start, node.span().start).of(node.document_text());
    let at = start + offset(properties.find('&').unwrap_or_default());
    Span::new(at, at + offset(name.len() + 1))
}

/// `DW0128`: a list, a mapping or null as a key: Python cannot hash the first two, Dagster knows no null key.
fn keys_that_are_no_text(notation: &Notation<'_>, found: &mut Vec<Diagnostic>) {
    notation.keys.iter().for_each(|key| no_text_in(&notation.reader, *key, "DW0128", found));
}

/// A key that is no text to any reader; `{{ name }}` is a mapping with the key `{name}`.
pub(super) fn no_text_in<'d>(reader: &Reader<'d>, key: Node<'d>, code: &'static str, found: &mut Vec<Diagnostic>) {
    let Some(target) = reader.target(key) else { return };
    if target.scalar().is_some() && !super::is_null(reader, target) {
        return;
    }
    let finding = Diagnostic::error(code, head(key), "a key must be a text");
    let before = Span::new(0, key.span().start).of(key.document_text());
    found.push(if key.kind() == Kind::FlowMapping && before.ends_with('{') {
        finding.with_hint("a chart template is no YAML: render it first, or quote the value")
    } else {
        finding
    });
}

/// `DW0129`: `<<` takes a mapping or a list of mappings. One that contains the merge key is refused on purpose.
fn merges(notation: &Notation<'_>, found: &mut Vec<Diagnostic>) {
    let reader = &notation.reader;
    let is_mapping = |node| reader.target(node).is_some_and(|target| target.kind().is_mapping());
    for entry in notation.nodes().flat_map(Node::entries).filter(|entry| reader.is_merge(entry.key)) {
        let value = reader.target(entry.value);
        let wrong: Vec<Node<'_>> = match value {
            Some(list) if list.kind().is_sequence() => list.items().filter(|item| !is_mapping(*item)).collect(),
            Some(value) if value.kind().is_mapping() => Vec::new(),
            _ => [entry.value].into(),
        };
        for node in wrong {
            let message = "the value of `<<` must be a mapping or a list of mappings";
            found.push(Diagnostic::error("DW0129", node.span(), message));
        }
    }
}

/// The part of `span` on its first line.
fn first_line(span: Span, text: &str) -> Span {
    let line = span.of(text).find(['\n', '\r']).map_or(span.len(), |at| at);
    Span::new(span.start, span.start + offset(line))
}
