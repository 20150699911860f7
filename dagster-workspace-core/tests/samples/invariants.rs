//! What holds for the index of every text that is accepted, seen through the read API. Read [`check_invariants`].

use dagster_workspace_core::yaml::{Document, Kind, Mapping, Node, Sequence, Style};

/// Panics where the index breaks a promise:
///
/// - spans lie on character boundaries, in the order of the text, children inside their parent;
/// - between two tokens stand only white space, comments, indicators and byte order marks, so no byte is left out;
/// - columns are those of the text, keys and items of one block collection share one;
/// - a block scalar's lines are blank or indented by its column, and its span ends before a line break;
/// - only keys are explicit keys, and a mapping's records come in pairs.
pub(crate) fn check_invariants(document: &Document<'_>) {
    let mut walk = Walk { text: document.text(), at: 0, before: 0 };
    for part in document.documents() {
        let span = part.span().range();
        assert!(walk.text.get(span.clone()).is_some(), "document at {span:?}");
        walk.before = span.start;
        let mut marks = part.marks().peekable();
        while let Some(mark) = marks.next_if(|mark| mark.kind() != Kind::DocumentEnd) {
            walk.token(mark);
        }
        let root = part.root().expect("every document has a root");
        walk.node(root, 0);
        marks.for_each(|mark| walk.token(mark));
        assert!(span.start <= root.full_span().start as usize && walk.at <= span.end, "document at {span:?}");
    }
    walk.gap(walk.text.len(), "the end");
}

struct Walk<'d> {
    text: &'d str,
    /// End of the last token.
    at: usize,
    /// Start of the document.
    before: usize,
}

impl<'d> Walk<'d> {
    fn node(&mut self, node: Node<'d>, depth: usize) {
        assert!(depth <= 2 * dagster_workspace_core::yaml::MAX_DEPTH, "too deep");
        assert!(node.full_span().contains(node.span()), "{node:?}");
        self.properties(node);
        let collection = node.mapping().map(Mapping::style).or(node.sequence().map(Sequence::style));
        let Some(style) = collection else { return self.token(node) };
        let span = node.span().range();
        if node.kind() == Kind::FlowPair || style == Style::Block {
            self.gap(span.start, "a block collection");
        } else {
            self.gap(span.start, "a bracket");
            assert!(self.text[span.clone()].starts_with(['[', '{']), "{span:?}");
            self.at = span.start + 1;
        }
        self.column(node, node.column());
        for item in node.items() {
            assert!(!item.is_explicit_key());
            self.child(node, item, depth);
        }
        for entry in node.entries() {
            if style == Style::Block && !entry.key.is_explicit_key() && entry.key.kind() != Kind::Empty {
                assert_eq!(self.line_column(entry.key.full_span().start as usize), node.column(), "key of {span:?}");
            }
            assert!(!entry.value.is_explicit_key());
            self.child(node, entry.key, depth);
            self.child(node, entry.value, depth);
        }
        if style == Style::Flow && node.kind() != Kind::FlowPair {
            self.gap(span.end - 1, "a closing bracket");
            self.at = span.end;
        }
        assert!(span.end >= self.at, "{span:?} ends before its last child at {}", self.at);
        assert!(
            self.text[self.at..span.end].trim_matches([' ', '\t', ':', '?', '-', '\n', '\r']).is_empty(),
            "{span:?}"
        );
        self.at = span.end;
    }

    fn child(&mut self, parent: Node<'d>, child: Node<'d>, depth: usize) {
        assert!(parent.span().contains(child.full_span()), "{child:?} is outside of its parent {parent:?}");
        if parent.kind() == Kind::BlockSequence {
            let dash = self.dash(child.full_span().start as usize);
            assert_eq!(dash.map(|at| self.line_column(at)), Some(parent.column()), "{child:?}");
        }
        self.node(child, depth + 1);
    }

    /// The first `-` behind the last token.
    fn dash(&self, end: usize) -> Option<usize> {
        let mut at = self.at;
        while at < end {
            match self.text.as_bytes()[at] {
                b'#' => at += self.text[at..].find(['\n', '\r'])?,
                b'-' => return Some(at),
                _ => at += 1,
            }
        }
        None
    }

    fn properties(&mut self, node: Node<'d>) {
        let start = self.text.as_ptr().addr();
        let mut spans: Vec<_> = [(node.anchor(), 1), (node.tag(), 0)]
            .into_iter()
            .filter_map(|(name, sigil)| name.map(|name| (name.as_ptr().addr() - start - sigil, name.len() + sigil)))
            .collect();
        spans.sort_unstable();
        let first = spans.first().map_or(node.span().start as usize, |(at, _)| *at);
        assert_eq!(node.full_span().start as usize, first, "{node:?}");
        for (at, length) in spans {
            self.gap(at, "a property");
            self.at = at + length;
        }
    }

    fn token(&mut self, node: Node<'d>) {
        let span = node.span().range();
        assert!(self.text.get(span.clone()).is_some(), "{span:?} is no range of characters");
        self.gap(span.start, "a token");
        self.at = span.end;
        let source = node.source();
        assert_eq!(source.is_empty(), node.kind() == Kind::Empty, "{span:?}");
        match node.kind() {
            Kind::Empty => {}
            Kind::Literal | Kind::Folded => {
                let body = source.split_inclusive(['\n', '\r']).skip(1);
                for line in body.filter(|line| !line.trim_matches([' ', '\n', '\r']).is_empty()) {
                    assert!(line.len() - line.trim_start_matches(' ').len() >= node.column(), "{span:?}: {line:?}");
                }
                let rest = &self.text[span.end..];
                assert!(
                    rest.is_empty() || rest.trim_start_matches([' ', '\t']).starts_with(['\n', '\r', '#']),
                    "{span:?}"
                );
            }
            _ => {
                self.column(node, node.column());
                let ends = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
                assert!(!source.starts_with(ends), "{span:?}: {source:?}");
                assert!(node.kind() == Kind::Directive || !source.ends_with(ends), "{span:?}: {source:?}");
            }
        }
        // Decoding never fails and never leaves a line break of a single-line scalar.
        let decoded = node.text();
        assert_eq!(decoded.is_some(), node.scalar().is_some());
    }

    fn column(&self, node: Node<'d>, found: usize) {
        let span = node.full_span().start.min(node.span().start) as usize;
        let first =
            if node.mapping().is_some() || node.sequence().is_some() { node.span().start as usize } else { span };
        let start = if node.scalar().is_some() { node.span().start as usize } else { first };
        assert_eq!(found, self.line_column(start), "column of {:?}", node.span());
    }

    /// Bytes between the start of the line and `at`, as far as columns count.
    fn line_column(&self, at: usize) -> usize {
        let line = self.text[..at].rfind(['\n', '\r']).map_or(0, |found| found + 1);
        // A byte order mark has no width before a document; inside of one it is text like any other.
        let mark = if self.before > line && self.text[line..at].starts_with('\u{feff}') { 3 } else { 0 };
        (at - line - mark).min(65_535)
    }

    /// What stands between the last token and the next at `to`: nothing that means anything by itself.
    fn gap(&mut self, to: usize, what: &str) {
        assert!(self.at <= to, "{what} at {to} begins before {}", self.at);
        let gap = self.text.get(self.at..to).unwrap_or_else(|| panic!("{}..{to} cuts a character", self.at));
        let mut rest = gap;
        while let Some(first) = rest.chars().next() {
            let length = match first {
                '#' => rest.find(['\n', '\r']).unwrap_or(rest.len()),
                ' ' | '\t' | '\n' | '\r' | '-' | '?' | ':' | ',' | '.' | '\u{feff}' => first.len_utf8(),
                _ => panic!("{gap:?} at {}..{to}, before {what}", self.at),
            };
            rest = &rest[length..];
        }
        self.at = to;
    }
}
