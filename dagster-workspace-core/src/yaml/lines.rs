//! The lines around a node: what stands between nodes is read here, and only here, from the text. Read [`Lines`].

use super::document::Document;
use super::node::Node;
use super::record::Kind;

/// A text as lines. Breaks are LF, CR LF and CR; a line's end is the offset of its break, or of the end of the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines<'t> {
    text: &'t str,
}

/// What a line between two nodes holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// White space alone.
    Blank,
    /// A comment alone, at this column.
    Comment(usize),
    /// Anything else, or no line at all.
    Other,
}

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text }
    }

    fn bytes(self, from: usize) -> &'t [u8] {
        self.text.as_bytes().get(from..).unwrap_or_default()
    }

    pub(crate) fn len(self) -> usize {
        self.text.len()
    }

    /// The byte at `at`; `None` behind the end.
    pub(crate) fn byte(self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// The text between two offsets; empty where they are none.
    pub(crate) fn slice(self, start: usize, end: usize) -> &'t str {
        self.text.get(start..end).unwrap_or_default()
    }

    /// Start of the line that holds `at`.
    pub(crate) fn start(self, at: usize) -> usize {
        let head = self.text.as_bytes().get(..at).unwrap_or_default();
        let start = memchr::memrchr2(b'\n', b'\r', head).map_or(0, |found| found + 1);
        // A byte order mark is no part of a line.
        if start == 0 && self.text.starts_with('\u{feff}') && at >= 3 { 3 } else { start }
    }

    /// End of the line that holds `at`, its break not included.
    pub(crate) fn end(self, at: usize) -> usize {
        memchr::memchr2(b'\n', b'\r', self.bytes(at)).map_or(self.text.len(), |found| at + found)
    }

    /// Start of the line behind the one that holds `at`; the end of the text where there is none.
    pub(crate) fn next(self, at: usize) -> usize {
        let end = self.end(at);
        end + match self.bytes(end) {
            [b'\r', b'\n', ..] => 2,
            [_, ..] => 1,
            [] => 0,
        }
    }

    /// Start of the line before the one that begins at `start`; `None` for the first.
    pub(crate) fn previous(self, start: usize) -> Option<usize> {
        let head = self.text.get(..start)?;
        let head = head.strip_suffix("\r\n").or_else(|| head.strip_suffix(['\n', '\r']))?;
        Some(self.start(head.len()))
    }

    /// Whether `at` begins a line that has a break before it or is the first.
    pub(crate) fn is_start(self, at: usize) -> bool {
        self.start(at) == at
    }

    /// Whether the line above the one that begins at `start` is neither blank nor a comment.
    pub(crate) fn follows_data(self, start: usize) -> bool {
        self.previous(start).is_some_and(|above| self.kind(above) == Line::Other)
    }

    /// What the line that begins at `start` holds.
    pub(crate) fn kind(self, start: usize) -> Line {
        let first = self.behind_blanks(start);
        match self.bytes(first).first() {
            Some(b'\n' | b'\r') => Line::Blank,
            None if start < self.text.len() => Line::Blank,
            Some(b'#') => Line::Comment(first - start),
            _ => Line::Other,
        }
    }

    /// The first byte from `at` on that is neither space nor tab.
    pub(crate) fn behind_blanks(self, at: usize) -> usize {
        at + self.bytes(at).iter().take_while(|byte| matches!(**byte, b' ' | b'\t')).count()
    }

    /// The first byte from `at` on that is no white space, no line break and no comment.
    pub(crate) fn behind_trivia(self, at: usize) -> usize {
        let mut at = at;
        loop {
            at = self.behind_blanks(at);
            match self.bytes(at).first() {
                Some(b'\n' | b'\r') => at += 1,
                Some(b'#') => at = self.end(at),
                _ => return at,
            }
        }
    }

    /// Whether nothing but spaces stands between the start of the line and `at`.
    pub(crate) fn begins_line(self, at: usize) -> bool {
        let line = self.text.get(self.start(at)..at).unwrap_or_default();
        line.bytes().all(|byte| byte == b' ')
    }

    /// How many lines from the one at `start` on are blank, and where the first other one begins.
    pub(crate) fn blanks(self, start: usize) -> (usize, usize) {
        let (mut count, mut at) = (0, start);
        while at < self.text.len() && self.kind(at) == Line::Blank {
            at = self.next(at);
            count += 1;
        }
        (count, at)
    }

    /// The line break used at `at`: that of its line, else of the line before, else of the first line, else a line feed.
    pub(crate) fn line_break(self, at: usize) -> &'static str {
        let line = self.start(at);
        let own = self.end(at);
        let before = self.previous(line).map_or(0, |start| self.end(start));
        let ends = [own, before, self.end(0)];
        let found = ends.iter().find_map(|end| match self.bytes(*end) {
            [b'\r', b'\n', ..] => Some("\r\n"),
            [b'\r', ..] => Some("\r"),
            [b'\n', ..] => Some("\n"),
            _ => None,
        });
        found.unwrap_or("\n")
    }
}

/// How a document indents: columns from a key to the mapping and to the list below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Indent {
    /// From a mapping to a mapping inside it.
    pub(crate) mapping: usize,
    /// From a key to the dashes below it; 0 where the document writes them in the key's column.
    pub(crate) sequence: usize,
}

impl Indent {
    /// As the first nested collections of the document have it; 2 where nothing tells.
    pub(crate) fn of(document: &Document<'_>) -> Self {
        let (mut mapping, mut sequence) = (None, None);
        if let Some(root) = document.root() {
            find_indent(root, &mut mapping, &mut sequence);
        }
        let known = mapping.or(sequence.filter(|step| *step > 0)).unwrap_or(2);
        Self { mapping: known, sequence: sequence.unwrap_or(known) }
    }
}

fn find_indent(node: Node<'_>, mapping: &mut Option<usize>, sequence: &mut Option<usize>) {
    for entry in node.entries().filter(|_| node.kind() == Kind::BlockMapping) {
        let step = entry.value.column().saturating_sub(node.column());
        match entry.value.kind() {
            Kind::BlockMapping if mapping.is_none() && step > 0 => *mapping = Some(step),
            Kind::BlockSequence if sequence.is_none() => *sequence = Some(step),
            _ => {}
        }
        if mapping.is_some() && sequence.is_some() {
            return;
        }
        find_indent(entry.value, mapping, sequence);
    }
    for item in node.items().filter(|_| node.kind() == Kind::BlockSequence) {
        if mapping.is_some() && sequence.is_some() {
            return;
        }
        find_indent(item, mapping, sequence);
    }
}
