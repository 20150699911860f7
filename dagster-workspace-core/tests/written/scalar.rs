//! Scalars of all styles, aliases and properties.

use std::fmt::Write as _;

use super::Writer;

/// Plain scalars of every type, and strings that look like something else.
const PLAIN: [&str; 16] = [
    "abc",
    "v1.0",
    "1",
    "true",
    "null",
    "~",
    "1.10",
    "-3",
    "http://x:80/a#b",
    "ünï 名前",
    "a b",
    "1e3",
    "0x1F",
    "a:b",
    "2026-01-01",
    "-x",
];

const QUOTED: [&str; 12] = [
    "\"1.0\"",
    "'it''s'",
    "\"tab\\t\\u00e9 \\\"q\\\"\"",
    "\"\"",
    "''",
    "\"# no comment\"",
    "'- name: fake'",
    "\"on\"",
    "\"{{ .Release.Name }}\"",
    "'a: b'",
    "\"1234567e8\"",
    "\"[a, {b\"",
];

impl Writer<'_> {
    /// Anchor and tag of a node, with a blank behind them, and the name to [`Writer::know`] when the node has ended.
    pub(super) fn properties(&mut self, tag: &str) -> (String, Option<String>) {
        if !self.full() {
            return (String::new(), None);
        }
        let mut properties = String::new();
        let name = self.tape.rarely(7).then(|| format!("a{}", self.tape.below(4)));
        if let Some(name) = &name {
            let _ = write!(properties, "&{name} ");
            // Inside the node an alias of that name would be recursive.
            self.anchors.retain(|(other, _)| other != name);
        }
        if self.tape.rarely(14) {
            properties += tag;
            properties += " ";
        }
        (properties, name)
    }

    /// From here on aliases may use the name.
    pub(super) fn know(&mut self, name: Option<String>, mapping: bool) {
        if let Some(name) = name {
            self.anchors.push((name, mapping));
        }
    }

    /// ` *a1`, or a scalar where no anchor is known.
    pub(super) fn alias_or_scalar(&mut self) {
        let known = self.anchors.len();
        let text = match known {
            0 => self.tape.pick(&PLAIN).to_owned(),
            _ => format!("*{}", self.anchors[self.tape.below(known)].0),
        };
        let _ = write!(self.out, " {text}");
        self.end_line();
    }

    /// A scalar that ends on the line of its last word; lines behind the first are deeper than `column`.
    pub(super) fn inline_scalar(&mut self, column: usize) -> String {
        let deeper = column + 1 + self.tape.below(4);
        match self.tape.below(20) {
            0..=9 => self.tape.pick(&PLAIN).into(),
            10..=16 => self.tape.pick(&QUOTED).into(),
            17 => format!("one\n{:deeper$}two\n{:deeper$}three", "", ""),
            18 => format!("\"one\n{:deeper$}- name: fake\n\n{:deeper$}two\\\n{:deeper$}three\"", "", "", ""),
            _ => format!("'one\n{:deeper$}# two'", ""),
        }
    }

    /// A scalar inside brackets, on one line.
    pub(super) fn flow_scalar(&mut self) -> String {
        if self.tape.below(3) == 2 { self.tape.pick(&QUOTED).into() } else { self.tape.pick(&PLAIN).into() }
    }

    /// A literal or folded scalar inside a collection at `column`.
    pub(super) fn block_scalar(&mut self, column: usize) {
        let indicated = self.tape.rarely(4);
        let step = 1 + self.tape.below(4);
        let chomping: &[&str] = if self.full() { &["", "-", "+"] } else { &["", "-"] };
        self.out += self.tape.pick(&["|", ">"]);
        if indicated {
            let _ = write!(self.out, "{step}");
        }
        let chomping = self.tape.pick(chomping);
        self.out += chomping;
        self.end_line();
        let content = column + step;
        self.scalar_column = Some(content);
        for number in 0..=self.tape.below(3) {
            if number > 0 && self.tape.rarely(4) {
                self.out += "\n";
            }
            let deeper = if indicated || number > 0 { content + self.tape.below(2) * 2 } else { content };
            let line = self.tape.pick(&["text", "# not a comment", "- name: fake", "ünï", "a: b"]);
            let _ = writeln!(self.out, "{:deeper$}{line}", "");
        }
        if self.tape.rarely(4) {
            self.out += "\n";
        }
    }
}
