//! Spans against those of `granit-parser`, an independent reader: for every scalar, alias, anchor, tag and flow
//! collection of the official suite's valid streams, of the corpus and of the charts' values.
//!
//! Both agree to the byte, apart from three kinds of place that have rules of their own here:
//!
//! - Empty nodes. Nothing is written, so no place is wrong. Ours stands directly behind what calls for the node (an
//!   indicator, a property, a bracket, a key), where an edit writes; granit's at the token before or behind it, by case.
//! - Block scalars. Ours begin at `|` or `>`, since an edit replaces header and text together; granit's at the first
//!   character of the text, or at the header where there is none. Ours end before the break of the last line of content
//!   (with `+`: of the last blank line), so that a splice leaves that break alone; granit's behind blank lines too, in
//!   the spaces that indent the next token.
//! - Single pairs (`[a: b]`) have no bracket of their own and are left out; their keys and values are compared.

mod samples;

use std::ops::Range;

use dagster_workspace_core::yaml::{Document, Kind, Mode, Node};
use granit_parser::{Event, Parser, ScalarStyle, StructureStyle};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Anchor,
    Tag,
    Alias,
    Flow,
    Plain,
    Single,
    Double,
}

/// All places of a text, by the rule that judges them.
#[derive(Debug, Default)]
struct Places {
    exact: Vec<(usize, usize, What)>,
    empty: Vec<Range<usize>>,
    /// With the indentation of the text, where the reader tells it.
    block: Vec<(Range<usize>, usize)>,
}

impl Places {
    fn push(&mut self, span: Range<usize>, what: What) {
        self.exact.push((span.start, span.end, what));
    }

    fn of_node(&mut self, text: &str, node: Node<'_>) {
        // A property is a slice of the text, so its place is a difference of two addresses.
        let mut property = |name: Option<&str>, sigil: usize, what| {
            let Some(name) = name else { return };
            let start = name.as_ptr().addr() - text.as_ptr().addr();
            self.push(start - sigil..start + name.len(), what);
        };
        property(node.anchor(), 1, What::Anchor);
        property(node.tag(), 0, What::Tag);
        let span = node.span().range();
        match node.kind() {
            Kind::Alias => self.push(span, What::Alias),
            Kind::FlowMapping | Kind::FlowSequence => self.push(span, What::Flow),
            Kind::Plain => self.push(span, What::Plain),
            Kind::SingleQuoted => self.push(span, What::Single),
            Kind::DoubleQuoted => self.push(span, What::Double),
            Kind::Literal | Kind::Folded => self.block.push((span, node.column())),
            Kind::Empty => self.empty.push(span),
            _ => {}
        }
        node.items().for_each(|item| self.of_node(text, item));
        for entry in node.entries() {
            self.of_node(text, entry.key);
            self.of_node(text, entry.value);
        }
    }

    fn ours(document: &Document<'_>) -> Self {
        let mut found = Self::default();
        document.roots().for_each(|root| found.of_node(document.text(), root));
        found.exact.sort_unstable();
        found
    }

    fn theirs(text: &str) -> Self {
        let mut found = Self::default();
        let mut open = Vec::new();
        let options = granit_parser::options! { emit_anchor_events: true };
        for next in Parser::new_from_str_with_options(text, options) {
            let (event, span) = next.unwrap_or_else(|error| panic!("{error}: {text:?}"));
            if let Some(tag) = span.tag_span() {
                found.push(tag.byte_range().unwrap(), What::Tag);
            }
            let span = span.byte_range().unwrap();
            match event {
                Event::Alias(_) => found.push(span, What::Alias),
                Event::Anchor(..) => found.push(span, What::Anchor),
                Event::Scalar(_, ScalarStyle::Plain, ..) if span.is_empty() => found.empty.push(span),
                Event::Scalar(_, ScalarStyle::Plain, ..) => found.push(span, What::Plain),
                Event::Scalar(_, ScalarStyle::SingleQuoted, ..) => found.push(span, What::Single),
                Event::Scalar(_, ScalarStyle::DoubleQuoted, ..) => found.push(span, What::Double),
                Event::Scalar(..) => found.block.push((span, 0)),
                Event::SequenceStart(style, ..) => {
                    let bracket = style == StructureStyle::Flow && text[span.start..].starts_with('[');
                    open.push(bracket.then_some(span.start));
                }
                Event::MappingStart(style, ..) => {
                    let bracket = style == StructureStyle::Flow && text[span.start..].starts_with('{');
                    // Of two mappings that begin at one brace, the outer one is a single pair and has no braces.
                    if let Some(outer) = open.last_mut().filter(|outer| bracket && **outer == Some(span.start)) {
                        *outer = None;
                    }
                    open.push(bracket.then_some(span.start));
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    if let Some(start) = open.pop().unwrap() {
                        found.push(start..span.end, What::Flow);
                    }
                }
                _ => {}
            }
        }
        found.exact.sort_unstable();
        found
    }
}

/// Number of places compared.
fn check(name: &str, text: &str) -> usize {
    let document = Document::parse_with(text, Mode::Strict).unwrap_or_else(|error| panic!("{name}: {error}"));
    let (ours, theirs) = (Places::ours(&document), Places::theirs(text));
    assert_eq!(ours.exact, theirs.exact, "{name}");
    assert_eq!(ours.empty.len(), theirs.empty.len(), "{name}");
    for (own, other) in ours.empty.iter().zip(&theirs.empty) {
        check_empty(text, &ours.exact, own.clone(), other.clone())
            .unwrap_or_else(|why| panic!("{name}: {own:?} {why}"));
    }
    assert_eq!(ours.block.len(), theirs.block.len(), "{name}");
    for ((own, indent), (other, _)) in ours.block.iter().zip(&theirs.block) {
        assert_eq!(*own, expected_block(text, other.clone(), *indent), "{name}: {:?}", &text[own.clone()]);
    }
    ours.exact.len() + ours.empty.len() + ours.block.len()
}

fn check_empty(
    text: &str,
    places: &[(usize, usize, What)],
    own: Range<usize>,
    other: Range<usize>,
) -> Result<(), String> {
    let before = text[..own.start].chars().next_back();
    let called = before.is_none_or(|last| "-?:,[{\u{feff}".contains(last))
        || places.iter().any(|(_, end, _)| *end == own.start)
        // An entry of a block mapping without a key begins with its `:`.
        || text[own.start..].starts_with(':');
    if !own.is_empty() || !called {
        return Err(format!("stands behind {before:?}"));
    }
    let between = &text[own.start.min(other.start)..own.start.max(other.start)];
    let tokens: String = between.lines().flat_map(|line| line.split(" #").next()).collect();
    let foreign = tokens.contains(|c: char| !" \t-?:,".contains(c));
    if foreign { Err(format!("and {other:?} have {between:?} between them")) } else { Ok(()) }
}

/// Where a block scalar stands by our rules, from granit's span and the indentation that decides on content.
fn expected_block(text: &str, other: Range<usize>, indent: usize) -> Range<usize> {
    // Up to granit's start there are only the header's line and blank lines; without lines it starts at the header.
    let head = text[..other.start].trim_end();
    let header = if matches!(text[other.clone()].trim_end(), "|+" | ">+") {
        other.start
    } else {
        let line = head.rfind('\n').map_or(0, |at| at + 1);
        let code = head[line..].split(" #").next().unwrap();
        code.rfind(['|', '>']).map_or(other.start, |at| line + at)
    };
    let keep = text[header..].lines().next().unwrap().split(" #").next().unwrap().contains('+');
    let line_of_header = header + text[header..].find('\n').unwrap_or(text.len() - header);
    let mut end = line_of_header;
    let mut at = line_of_header;
    while at < other.end && at < text.len() {
        let line = at + 1;
        let line_end = text[line..].find('\n').map_or(text.len(), |length| line + length);
        let blank = text[line..line_end].trim_start_matches(' ').is_empty();
        // The spaces that granit takes of the next token's line are no line of the scalar.
        let partial = line_end > other.end;
        if !partial && line < text.len() && (!blank || keep || line_end - line > indent) {
            end = line_end;
        }
        at = line_end;
    }
    header..end
}

#[test]
fn official_suite_has_the_spans_of_granit() {
    let Some(cases) = samples::suite() else { return };
    let valid = cases.iter().filter(|case| case.events.is_some());
    let compared: usize = valid.map(|case| check(&case.id, &case.text)).sum();
    assert!(compared > 1_400, "{compared}");
}

#[test]
fn real_documents_have_the_spans_of_granit() {
    let Some(documents) = samples::documents() else { return };
    let compared: usize = documents.iter().map(|(name, text)| check(name, text)).sum();
    assert!(compared > 7_000, "{compared}");
}
