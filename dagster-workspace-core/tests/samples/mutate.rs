//! Texts made from other texts, by seed: the same seed gives the same text on every machine. Read [`Mutator::mutate`].

use testing::Dice;

/// Pieces that mean something to a reader of YAML; most mutations put one of them somewhere.
const PIECES: &[&str] = &[
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "\r",
    "\n\n",
    "\n  ",
    "- ",
    "-",
    "? ",
    ": ",
    ":",
    ", ",
    "[",
    "]",
    "{",
    "}",
    "#",
    " # c",
    "&a ",
    "*a",
    "*a ",
    "!t ",
    "!!str ",
    "!",
    "|",
    "|\n",
    ">-\n",
    "|2\n",
    "|+\n",
    "'",
    "\"",
    "''",
    "\\",
    "\\n",
    "\\x4",
    "%",
    "%YAML 1.2\n",
    "@",
    "`",
    "---\n",
    "...\n",
    "--- ",
    "\n---\n",
    "<<: ",
    "~",
    "null",
    "a",
    "a: b",
    "a: b\n",
    "- a\n",
    "{a: b}",
    "[a, b]",
    "[a: b]",
    "\"q\": ",
    "é",
    "\u{2028}",
    "\u{85}",
    "\u{feff}",
    "\u{1f600}",
    "=",
    "{{ x }}",
    "a:\n",
];

/// Dice, and what they are thrown for here.
pub(crate) struct Mutator(Dice);

impl Mutator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Dice::new(seed))
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0.roll(end)
    }

    fn place(&mut self, text: &str) -> usize {
        let mut at = self.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// Up to three changes: a piece put in, a stretch taken out or doubled, a line moved in or out, a byte exchanged.
    pub(crate) fn mutate(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for _ in 0..=self.below(3) {
            let at = self.place(&text);
            let length = self.below(12);
            let end =
                (at..=text.len()).rev().find(|end| *end <= at + length && text.is_char_boundary(*end)).unwrap_or(at);
            match self.below(8) {
                0..=2 => text.insert_str(at, self.0.pick(PIECES)),
                3 => text.replace_range(at..end, ""),
                4 => text.replace_range(at..end, self.0.pick(PIECES)),
                5 => text = [&text[..end], &text[at..]].concat(),
                6 => {
                    let line = text[..at].rfind('\n').map_or(0, |found| found + 1);
                    text.insert_str(line, self.0.pick(&[" ", "  ", "    ", "\t", "- ", "# "]));
                }
                _ => {
                    let line = text[..at].rfind('\n').map_or(0, |found| found + 1);
                    if text[line..].starts_with(' ') {
                        text.remove(line);
                    }
                }
            }
        }
        text
    }

    /// Some whole lines out of a text, `length` at most.
    pub(crate) fn stretch(&mut self, text: &str, length: usize) -> String {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let first = self.below(lines.len());
        lines[first..].iter().take(length).copied().collect()
    }

    /// A text of `length` pieces.
    pub(crate) fn compose(&mut self, length: usize) -> String {
        (0..length).map(|_| self.0.pick(PIECES)).collect()
    }
}
