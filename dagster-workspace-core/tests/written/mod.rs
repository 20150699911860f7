//! Documents written from choices: every notation of YAML, with comments and blank lines everywhere. Read [`document`].
//!
//! A [`Tape`] of bytes decides everything; an empty one writes the simplest document, so what proptest shrinks is small.
//! Every comment has a number of its own (`# c7`), so that a lost or a doubled one is seen.

#![allow(dead_code, reason = "each test program uses its own part")]

mod flow;
mod scalar;

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

/// How a law is tested: on as many documents as `DAGSTER_WORKSPACE_CASES` says. What breaks one is kept beside the test.
pub(crate) fn config() -> ProptestConfig {
    let cases = std::env::var("DAGSTER_WORKSPACE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300);
    ProptestConfig {
        cases,
        max_shrink_iters: 20_000,
        max_global_rejects: cases.max(1024),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    }
}

/// What a document, or an edit of one, is made from.
pub(crate) fn choices() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..300)
}

/// Choices, one byte each; zeros behind its end.
#[derive(Debug)]
pub(crate) struct Tape<'t> {
    bytes: std::slice::Iter<'t, u8>,
}

impl<'t> Tape<'t> {
    pub(crate) fn new(bytes: &'t [u8]) -> Self {
        Self { bytes: bytes.iter() }
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::from(self.bytes.next().copied().unwrap_or_default()) % limit
    }

    /// Once in `times`; never on an empty tape.
    pub(crate) fn rarely(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// What a document may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// Nothing that an edit may refuse: no anchors, tags, repeated keys, kept line breaks or complex keys.
    Plain,
    /// Everything.
    Full,
}

/// The document that these choices make.
pub(crate) fn document(choices: &[u8], flavour: Flavour) -> String {
    let mut writer = Writer {
        tape: Tape::new(choices),
        flavour,
        out: String::new(),
        comments: 0,
        names: 0,
        anchors: Vec::new(),
        scalar_column: None,
    };
    writer.stream();
    writer.out
}

/// Keys of mappings. They come in this order, so that none stands twice.
const KEYS: [&str; 9] = ["image", "port", "tag", "größe", "on call", "env vars", "labels", "a.b", "args"];

struct Writer<'t> {
    tape: Tape<'t>,
    flavour: Flavour,
    out: String,
    comments: usize,
    names: usize,
    /// Anchors written so far, and whether they stand on mappings.
    anchors: Vec<(String, bool)>,
    /// Column of the block scalar that ended last, where nothing stands behind it yet: comments must be shallower.
    scalar_column: Option<usize>,
}

impl Writer<'_> {
    fn full(&self) -> bool {
        self.flavour == Flavour::Full
    }

    fn stream(&mut self) {
        let marked = self.tape.rarely(6);
        if marked {
            self.out += self.tape.pick(&["---\n", "%YAML 1.2\n---\n", "--- # c\n"]);
        } else if self.tape.rarely(5) {
            self.comment_line(0);
            self.blank_lines();
        }
        match self.tape.below(12) {
            0..=7 => self.block_mapping(0, Names::Root, 0),
            8 => self.block_mapping(2, Names::Root, 0),
            9 => self.keyed_list(0, 0),
            10 => self.flow_root(false),
            _ => self.flow_root(true),
        }
        if self.tape.rarely(8) {
            self.blank_lines();
            self.comment_line(0);
        }
        if marked && self.tape.rarely(3) {
            self.out += "...\n";
        }
        if self.full() && self.tape.rarely(40) {
            self.out += "---\nsecond: 1\n";
        }
        if self.tape.rarely(6) {
            while self.out.ends_with('\n') {
                self.out.pop();
            }
        }
        let line_break = self.tape.pick(&["\n", "\n", "\n", "\n", "\r\n", "\r"]);
        self.out = self.out.replace('\n', line_break);
        if self.tape.rarely(10) {
            self.out.insert(0, '\u{feff}');
        }
    }

    /// `# c7`, a number that no other comment has.
    fn comment(&mut self) -> String {
        self.comments += 1;
        format!("# c{}{}", self.comments, self.tape.pick(&[":", "", " - name: old", " ünï", ": {", "  "]))
    }

    fn comment_line(&mut self, column: usize) {
        let column = self.scalar_column.map_or(column, |limit| column.min(limit.saturating_sub(1)));
        let comment = self.comment();
        let _ = writeln!(self.out, "{:column$}{comment}", "");
    }

    fn blank_lines(&mut self) {
        for _ in 0..=self.tape.below(2) {
            self.out += self.tape.pick(&["\n", "\n", "\n", "   \n"]);
        }
    }

    /// Ends the line, often with a comment.
    fn end_line(&mut self) {
        if self.tape.rarely(5) {
            let comment = self.comment();
            // Behind an indicator readers do not agree on tabs.
            let gaps: &[&str] = if self.out.ends_with([':', '-', ' ']) { &[" "] } else { &[" ", "  ", "\t"] };
            let _ = write!(self.out, "{}{comment}", self.tape.pick(gaps));
        } else if self.tape.rarely(20) {
            self.out += " ";
        }
        self.out += "\n";
    }

    /// What stands between two elements at `column`.
    fn between(&mut self, column: usize) {
        match self.tape.below(14) {
            9 => self.blank_lines(),
            10 => self.comment_line(column),
            11 => {
                self.comment_line(column + 2);
                if self.tape.rarely(3) {
                    self.comment_line(column);
                }
            }
            12 => {
                self.blank_lines();
                self.comment_line(column);
                if self.tape.rarely(2) {
                    self.blank_lines();
                }
            }
            13 => {
                self.comment_line(column);
                self.comment_line(column);
                if self.tape.rarely(3) {
                    self.comment_line(0);
                }
            }
            _ => {}
        }
    }

    /// A block mapping whose first line is begun where `out` ends, at `column` or at the start of a line.
    fn block_mapping(&mut self, column: usize, names: Names, depth: usize) {
        let keys = self.keys(names);
        let rhythm = self.rhythm(6);
        for (number, key) in keys.iter().enumerate() {
            self.begin(number, rhythm, column);
            if key == "name" {
                let name = self.name();
                self.out += "name: ";
                self.out += &name;
                self.end_line();
            } else {
                self.block_entry(column, key, depth);
            }
        }
        if names == Names::Any && self.full() && self.tape.rarely(12) {
            let merged = self.anchors.iter().rev().find(|(_, mapping)| *mapping).map(|(name, _)| name.clone());
            if let Some(name) = merged {
                self.indent(column);
                let _ = writeln!(self.out, "<<: *{name}");
            }
        }
    }

    /// A blank line between all elements, once in `times`.
    fn rhythm(&mut self, times: usize) -> Rhythm {
        if self.tape.rarely(times) { Rhythm::Spaced } else { Rhythm::Free }
    }

    /// What stands before the first byte of an element of a block collection.
    fn begin(&mut self, number: usize, rhythm: Rhythm, column: usize) {
        match (number, rhythm) {
            (0, _) => {}
            (_, Rhythm::Spaced) => self.out += "\n",
            (_, Rhythm::Free) => self.between(column),
        }
        self.indent(column);
        self.scalar_column = None;
    }

    /// Spaces up to `column`, where the line has not begun yet.
    fn indent(&mut self, column: usize) {
        if self.out.is_empty() || self.out.ends_with('\n') {
            let _ = write!(self.out, "{:column$}", "");
        }
    }

    fn keys(&mut self, names: Names) -> Vec<String> {
        let from = match names {
            Names::Root => vec!["first", "deployments", "load_from", "übrige", "last"],
            Names::Item | Names::Any => KEYS.to_vec(),
        };
        let mut keys: Vec<String> = Vec::new();
        for key in from {
            if self.tape.rarely(if names == Names::Root { 2 } else { 4 }) {
                keys.push(key.into());
            }
        }
        if keys.is_empty() {
            keys.push(if names == Names::Root { "deployments" } else { "port" }.into());
        }
        if names == Names::Item {
            let at = self.tape.below(keys.len() + 1).min(self.tape.below(2) * keys.len());
            keys.insert(at, "name".into());
        }
        if self.full() && self.tape.rarely(60) {
            keys.push(keys[0].clone());
        }
        keys
    }

    /// A name that no other item has, sometimes in quotes.
    fn name(&mut self) -> String {
        self.names += 1;
        let name = format!("{}{}", self.tape.pick(&["n", "n", "ä b", "x-"]), self.names);
        match self.tape.below(6) {
            4 => format!("'{name}'"),
            5 => format!("\"{name}\""),
            _ => name,
        }
    }

    fn block_entry(&mut self, column: usize, key: &str, depth: usize) {
        let written = match self.tape.below(8) {
            6 => format!("\"{key}\""),
            7 => format!("'{key}'"),
            _ => key.into(),
        };
        match self.tape.below(30) {
            28 => {
                let _ = write!(self.out, "{written}  ");
                self.out += ":";
            }
            29 => {
                let complex = self.full() && self.tape.rarely(4);
                let _ = write!(self.out, "? {}", if complex { "[a, b]".into() } else { written });
                self.end_line();
                if self.tape.rarely(6) {
                    // A key without a value.
                    return;
                }
                let _ = write!(self.out, "{:column$}:", "");
            }
            _ => {
                self.out += &written;
                self.out += ":";
            }
        }
        self.block_value(column, Around::Mapping, depth);
    }

    /// Items at `column`, most of them mappings with a name of their own.
    fn keyed_list(&mut self, column: usize, depth: usize) {
        let rhythm = self.rhythm(5);
        for number in 0..=self.tape.below(4) {
            self.begin(number, rhythm, column);
            self.out += "-";
            match self.tape.below(12) {
                10 => self.block_value(column, Around::Sequence, depth + 1),
                11 => {
                    self.out += " ";
                    self.flow_item();
                    self.end_line();
                }
                9 => {
                    self.end_line();
                    self.block_mapping(column + 2, Names::Item, depth + 1);
                }
                _ => {
                    let gap = [1, 1, 1, 3][self.tape.below(4)];
                    let _ = write!(self.out, "{:gap$}", "");
                    self.block_mapping(column + 1 + gap, Names::Item, depth + 1);
                }
            }
        }
    }

    /// A list of anything.
    fn block_sequence(&mut self, column: usize, depth: usize) {
        for number in 0..=self.tape.below(3) {
            self.begin(number, Rhythm::Free, column);
            self.out += "-";
            self.block_value(column, Around::Sequence, depth + 1);
        }
    }

    /// A node behind `:` or `-`, up to the end of its last line; `column` is that of the collection around it.
    fn block_value(&mut self, column: usize, around: Around, depth: usize) {
        let limit = if depth >= 4 { 10 } else { 22 };
        match self.tape.below(limit) {
            0..=3 => {
                let (properties, name) = self.properties("!!str");
                let text = self.inline_scalar(column);
                let _ = write!(self.out, " {properties}{text}");
                self.end_line();
                self.know(name, false);
            }
            4 => {
                let (properties, name) = self.properties("!!null");
                if !properties.is_empty() {
                    let _ = write!(self.out, " {}", properties.trim_end());
                }
                self.end_line();
                self.know(name, false);
            }
            5 | 6 => {
                let (properties, name) = self.properties("!local");
                let _ = write!(self.out, " {properties}");
                self.block_scalar(column);
                self.know(name, false);
            }
            7 => self.alias_or_scalar(),
            8 | 9 => {
                self.out += " ";
                self.flow_value(column);
                self.end_line();
            }
            10..=15 => self.block_collection(column, around, depth, Form::Keyed),
            16..=19 => self.block_collection(column, around, depth, Form::Mapping),
            _ => self.block_collection(column, around, depth, Form::Sequence),
        }
    }

    fn block_collection(&mut self, column: usize, around: Around, depth: usize, form: Form) {
        let mapping = form == Form::Mapping;
        let compact = around == Around::Sequence && self.tape.below(3) < 2;
        let mut anchor = None;
        let inner = if compact {
            let gap = 1 + self.tape.below(3) / 2 * 2;
            let _ = write!(self.out, "{:gap$}", "");
            column + 1 + gap
        } else {
            let (properties, name) = self.properties(if mapping { "!!map" } else { "!!seq" });
            anchor = name;
            if !properties.is_empty() {
                let _ = write!(self.out, " {}", properties.trim_end());
            }
            self.end_line();
            let step = if around == Around::Mapping && !mapping { [0, 2, 2, 4] } else { [2, 2, 1, 4] };
            let inner = column + step[self.tape.below(4)];
            if self.tape.rarely(10) {
                self.comment_line(inner);
            }
            inner
        };
        match form {
            Form::Keyed => self.keyed_list(inner, depth + 1),
            Form::Mapping => self.block_mapping(inner, Names::Any, depth + 1),
            Form::Sequence => self.block_sequence(inner, depth + 1),
        }
        self.know(anchor, mapping);
    }
}

/// Which keys a mapping has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Root,
    /// A `name`, and any others.
    Item,
    Any,
}

/// What stands between the elements of a collection.
#[derive(Clone, Copy)]
enum Rhythm {
    /// A blank line, always.
    Spaced,
    /// Anything, mostly nothing.
    Free,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    Mapping,
    Sequence,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Keyed,
    Mapping,
    Sequence,
}
