//! Collections in brackets, on one line or over many.

use std::fmt::Write as _;

use super::Writer;

/// How a collection in brackets is laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    OneLine,
    /// An element per line, two deeper than this column.
    Lines(usize),
}

impl Writer<'_> {
    /// The whole document in brackets; as JSON, every string in double quotes.
    pub(super) fn flow_root(&mut self, json: bool) {
        let layout = if self.tape.rarely(2) { Layout::Lines(0) } else { Layout::OneLine };
        let notation = Notation { json, layout };
        self.brackets(notation, |writer, notation| {
            for (number, key) in ["first", "deployments", "last"].iter().enumerate() {
                writer.separate(number, notation);
                writer.flow_key(key, notation);
                if *key == "deployments" { writer.flow_list(notation) } else { writer.flow_node(notation, 1) }
            }
        });
        self.end_line();
    }

    /// Something in brackets behind `:` or `-` of a collection at `column`.
    pub(super) fn flow_value(&mut self, column: usize) {
        let layout = if self.tape.rarely(3) { Layout::Lines(column + self.tape.below(2) * 2) } else { Layout::OneLine };
        let notation = Notation { json: self.tape.rarely(6), layout };
        let (properties, name) = self.properties("!!seq");
        let sequence = self.tape.below(3) < 2;
        if sequence || properties.is_empty() {
            self.out += &properties;
        }
        match self.tape.below(4) {
            _ if sequence && self.tape.below(4) < 3 => self.flow_list(notation),
            _ if sequence => self.flow_sequence(notation, 0),
            _ => self.flow_mapping(notation, 0, false),
        }
        self.know(name.filter(|_| sequence), false);
    }

    /// `{name: n1}`, with other entries.
    pub(super) fn flow_item(&mut self) {
        self.flow_mapping(Notation { json: false, layout: Layout::OneLine }, 1, true);
    }

    /// Items with names; often none at all.
    fn flow_list(&mut self, notation: Notation) {
        if self.tape.rarely(3) {
            self.out += self.tape.pick(&["[]", "[ ]"]);
            return;
        }
        self.brackets_of('[', ']', notation, |writer, notation| {
            for number in 0..=writer.tape.below(3) {
                writer.separate(number, notation);
                writer.flow_mapping(notation.nested(), 1, true);
            }
        });
    }

    fn flow_sequence(&mut self, notation: Notation, depth: usize) {
        self.brackets_of('[', ']', notation, |writer, notation| {
            for number in 0..=writer.tape.below(3) {
                writer.separate(number, notation);
                if !notation.json && writer.tape.rarely(8) {
                    writer.out += writer.tape.pick(&["a: b", "\"a\":b", "? a : b", "a: "]);
                } else {
                    writer.flow_node(notation.nested(), depth + 1);
                }
            }
        });
    }

    fn flow_mapping(&mut self, notation: Notation, depth: usize, named: bool) {
        let padded = self.tape.rarely(4) && notation.layout == Layout::OneLine;
        self.brackets(notation, |writer, notation| {
            writer.out += if padded { " " } else { "" };
            let mut number = 0;
            if named {
                writer.flow_key("name", notation);
                let name = writer.name();
                writer.out += if notation.json { name.trim_matches('\'') } else { &name };
                if notation.json && !name.starts_with('"') {
                    let bare = name.trim_matches('\'').len();
                    let at = writer.out.len() - bare;
                    writer.out.insert(at, '"');
                    writer.out.push('"');
                }
                number += 1;
            }
            for key in ["tag", "port", "größe"] {
                if !writer.tape.rarely(if named { 3 } else { 2 }) {
                    continue;
                }
                writer.separate(number, notation);
                number += 1;
                if !notation.json && writer.tape.rarely(10) {
                    // A key alone.
                    writer.out += key;
                    continue;
                }
                writer.flow_key(key, notation);
                writer.flow_node(notation.nested(), depth + 1);
            }
            writer.out += if padded { " " } else { "" };
        });
    }

    fn flow_key(&mut self, key: &str, notation: Notation) {
        let _ = match self.tape.below(8) {
            _ if notation.json => write!(self.out, "\"{key}\": "),
            6 => write!(self.out, "'{key}': "),
            7 => write!(self.out, "\"{key}\":"),
            _ => write!(self.out, "{key}: "),
        };
    }

    fn flow_node(&mut self, notation: Notation, depth: usize) {
        if notation.json {
            let deep = depth < 3 && self.tape.rarely(4);
            match self.tape.below(2) {
                0 if deep => self.flow_sequence(notation, depth),
                1 if deep => self.flow_mapping(notation, depth, false),
                _ => self.out += self.tape.pick(&["1", "\"x\"", "true", "null", "1.5", "\"\""]),
            }
            return;
        }
        match self.tape.below(if depth >= 3 { 8 } else { 12 }) {
            8 | 9 => self.flow_sequence(notation, depth),
            10 | 11 => self.flow_mapping(notation, depth, false),
            7 if !self.anchors.is_empty() => {
                let at = self.tape.below(self.anchors.len());
                let name = self.anchors[at].0.clone();
                let _ = write!(self.out, "*{name} ");
            }
            _ => {
                let (properties, name) = self.properties("!!str");
                let scalar = self.flow_scalar();
                self.out += &properties;
                self.out += &scalar;
                self.know(name, false);
            }
        }
    }

    fn brackets(&mut self, notation: Notation, inside: impl FnOnce(&mut Self, Notation)) {
        self.brackets_of('{', '}', notation, inside);
    }

    fn brackets_of(&mut self, open: char, close: char, notation: Notation, inside: impl FnOnce(&mut Self, Notation)) {
        self.out.push(open);
        if let Layout::Lines(column) = notation.layout {
            self.flow_break(column + 2);
        }
        inside(self, notation);
        if let Layout::Lines(column) = notation.layout {
            if !notation.json && self.tape.rarely(3) && !self.out.ends_with(['[', '{', ' ']) {
                self.out.push(',');
            }
            self.flow_break(column);
        }
        self.out.push(close);
    }

    /// The comma before an element, unless it is the first.
    fn separate(&mut self, number: usize, notation: Notation) {
        if number == 0 {
            return;
        }
        match notation.layout {
            Layout::OneLine => self.out += self.tape.pick(&[", ", ", ", ", ", ",  ", " , "]),
            Layout::Lines(column) => {
                self.out.push(',');
                if self.tape.rarely(6) { self.out.push(' ') } else { self.flow_break(column + 2) }
            }
        }
    }

    fn flow_break(&mut self, column: usize) {
        self.end_line();
        if self.tape.rarely(8) {
            self.comment_line(column);
        }
        let _ = write!(self.out, "{:column$}", "");
    }
}

/// How nodes in brackets are written.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Notation {
    json: bool,
    layout: Layout,
}

impl Notation {
    /// One level down: elements stand on one line, but for JSON, which is indented throughout.
    fn nested(self) -> Self {
        let layout = match self.layout {
            Layout::Lines(column) if self.json => Layout::Lines(column + 2),
            _ => Layout::OneLine,
        };
        Self { layout, ..self }
    }
}
