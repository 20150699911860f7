//! From the notation of a [`Path`] to its steps. Read [`Reader::steps`]; what does not fit is a [`PathError`], with the path
//! that was meant where one change makes it readable.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::ops::Range;

use super::{ItemKey, Path, Step};

/// Why a path cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed path at byte {at}: expected {expected}")]
pub struct PathError {
    /// Offset of the first byte that does not fit.
    pub at: usize,
    /// What would fit there.
    pub expected: &'static str,
    /// The path that was meant, where that can be known.
    pub corrected: Option<String>,
}

impl PathError {
    /// What to do about it: the corrected path, or the notation.
    #[must_use]
    pub fn hint(&self) -> String {
        match &self.corrected {
            Some(path) => format!("write `{path}`"),
            None => String::from(
                "as in `image.tag`, `labels.\"a.b/c\"`, `args[0]` or `env[name=A].value`; a backslash takes the next character as it is",
            ),
        }
    }
}

/// What ends a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The end of the text.
    Text,
    /// The first `=` outside of quotes and brackets.
    Assignment,
}

/// How many changes a correction may take.
const CHANGES: usize = 4;

/// The path at the beginning of `text`, and where it ends. A flaw is mended, and the result read, to know what was meant.
pub(super) fn path(text: &str, end: End) -> Result<(Path, usize), PathError> {
    read(text, end, CHANGES)
}

fn read(text: &str, end: End, changes: usize) -> Result<(Path, usize), PathError> {
    let mut reader = Reader { text, at: 0, end };
    let steps = reader.steps().map_err(|Flaw { at, expected, change }| {
        let corrected = change.filter(|_| changes > 0).and_then(|(gone, new)| {
            let mended = [text.get(..gone.start)?, &new, text.get(gone.end..)?].concat();
            match read(&mended, end, changes - 1) {
                Ok((path, _)) => Some(path.to_string()),
                Err(error) => error.corrected,
            }
        });
        PathError { at, expected, corrected }
    })?;
    Ok((Path(steps), reader.at))
}

/// A whole identity, as in `*.location_name`.
pub(super) fn item_key(text: &str) -> Result<ItemKey, PathError> {
    let mut reader = Reader { text, at: 0, end: End::Text };
    let keys = match reader.item_keys(Vec::new()) {
        Ok(keys) if reader.rest().is_empty() => Ok(ItemKey(keys)),
        Ok(_) => Err(reader.flaw("`.` or the end")),
        Err(flaw) => Err(flaw),
    };
    keys.map_err(|Flaw { at, expected, .. }| PathError { at, expected, corrected: None })
}

/// What does not fit, and the change of the text that probably mends it.
struct Flaw {
    at: usize,
    expected: &'static str,
    change: Option<(Range<usize>, String)>,
}

impl Flaw {
    fn mended(self, gone: Range<usize>, new: impl Into<String>) -> Self {
        Self { change: Some((gone, new.into())), ..self }
    }
}

/// Where a word stands, which says what ends it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A key between dots.
    Key,
    /// A key before the `=` of an item.
    Identity,
    /// What stands behind it.
    Name,
}

impl Place {
    fn ends(self, character: char) -> bool {
        matches!(character, '[' | ']' | '=') || self != Self::Name && character == '.'
    }
}

const KEY: &str = "a key, in quotes where it is empty or begins with a dot";
const BLANK: &str = "no blank around a key without quotes";
const QUOTE: &str = "a quote only around a whole key";

struct Reader<'p> {
    text: &'p str,
    at: usize,
    end: End,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, mark: char) -> bool {
        let found = self.peek() == Some(mark);
        if found {
            self.at += mark.len_utf8();
        }
        found
    }

    fn flaw(&self, expected: &'static str) -> Flaw {
        Flaw { at: self.at, expected, change: None }
    }

    /// `key`, `.key` and `[...]`, as many as there are.
    fn steps(&mut self) -> Result<Vec<Step>, Flaw> {
        let mut steps = Vec::new();
        while let Some(next) = self.peek() {
            match next {
                '=' if self.end == End::Assignment => break,
                '[' => {
                    self.at += 1;
                    steps.push(self.brackets()?);
                }
                '.' if steps.is_empty() => {
                    return Err(self.flaw("a key: a path begins without a dot").mended(0..1, ""));
                }
                _ if steps.is_empty() => steps.push(self.first()?),
                '.' => {
                    self.at += 1;
                    if matches!(self.peek(), None | Some('=' | '[')) {
                        let dot = self.at - 1;
                        return Err(self.flaw("a key behind the dot").mended(dot..dot + 1, ""));
                    }
                    steps.push(Step::Key(self.word(Place::Key)?));
                }
                _ => {
                    let behind_bracket = self.text.get(..self.at).is_some_and(|text| text.ends_with(']'));
                    let flaw = self.flaw("`.`, `[` or the end");
                    return Err(if behind_bracket && next != '=' { flaw.mended(self.at..self.at, ".") } else { flaw });
                }
            }
        }
        Ok(steps)
    }

    /// The first key; `$`, as other notations call the root, is none.
    fn first(&mut self) -> Result<Step, Flaw> {
        let behind = self.rest().strip_prefix('$');
        if let Some(behind) = behind.filter(|behind| behind.is_empty() || behind.starts_with(['.', '[', '='])) {
            let dot = usize::from(behind.starts_with('.'));
            return Err(self.flaw("a key: a path begins without `$`").mended(0..1 + dot, ""));
        }
        self.word(Place::Key).map(Step::Key)
    }

    /// What stands in brackets, the first of which is eaten.
    fn brackets(&mut self) -> Result<Step, Flaw> {
        let start = self.at;
        let step = match self.peek() {
            Some('"' | '\'') => {
                let word = self.quoted()?;
                if matches!(self.peek(), Some('.' | '=')) {
                    self.item(Vec::from([Some(word)]))?
                } else {
                    Step::Key(word)
                }
            }
            None | Some(']') => return Err(self.flaw("`0` or another number, `name=etl`, or a key in quotes")),
            _ => match self.number()? {
                Some(index) => Step::Index(index),
                None => self.item(Vec::new())?,
            },
        };
        if self.eat(']') {
            return Ok(step);
        }
        let flaw = self.flaw("`]`");
        let closing = self.rest().find(']').map(|at| self.at + at);
        Err(match (&step, closing) {
            (Step::Item { .. }, Some(end)) if self.peek() == Some('=') => {
                // A name that holds a `=`: all up to the bracket.
                let name = self.text.get(start..).and_then(|text| text.find('=')).map_or(self.at, |at| start + at + 1);
                let whole = self.text.get(name..end).unwrap_or_default();
                flaw.mended(name..end, super::quoted(whole))
            }
            // What stands behind the `=` may be a value, which no message shows.
            (Step::Item { .. }, None) if self.end == End::Assignment => flaw,
            _ => flaw.mended(self.at..self.at, "]"),
        })
    }

    /// The number of an item, where digits alone stand in the brackets.
    fn number(&mut self) -> Result<Option<usize>, Flaw> {
        let word = self.rest().split([']', '=', '.', '[']).next().unwrap_or_default();
        let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
        let behind = self.rest().get(word.len()..).unwrap_or_default();
        let identity = behind.starts_with('=') && behind.contains(']') || behind.starts_with('.');
        if digits.is_empty() || identity || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(None);
        }
        if digits.len() < word.len() {
            return Err(self.flaw("the number of an item, counted from 0"));
        }
        let index = word.parse().map_err(|_| self.flaw("the number of an item that a list can have"))?;
        self.at += word.len();
        Ok(Some(index))
    }

    /// `key=name`, where the first keys may have been read.
    fn item(&mut self, keys: Vec<Option<String>>) -> Result<Step, Flaw> {
        let start = self.at;
        let keys = self.item_keys(keys)?;
        if !self.eat('=') {
            let flaw = self.flaw("`=` and the name of an item");
            let named = self.peek() == Some(']') && !matches!(keys.as_slice(), [None]);
            return Err(if named { flaw.mended(start..start, "name=") } else { flaw });
        }
        if matches!(self.peek(), None | Some(']')) {
            return Err(self.flaw("the name of an item, in quotes where it is empty").mended(self.at..self.at, "\"\""));
        }
        Ok(Step::Item { key: ItemKey(keys), name: self.word(Place::Name)? })
    }

    /// Keys with dots between them; `*` stands for any one.
    fn item_keys(&mut self, mut keys: Vec<Option<String>>) -> Result<Vec<Option<String>>, Flaw> {
        while keys.is_empty() || self.eat('.') {
            let any =
                self.rest().strip_prefix('*').is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '=', ']']));
            if any {
                self.at += 1;
                keys.push(None);
            } else {
                keys.push(Some(self.word(Place::Identity)?));
            }
        }
        Ok(keys)
    }

    /// A word with or without quotes.
    fn word(&mut self, place: Place) -> Result<String, Flaw> {
        match self.peek() {
            Some('"' | '\'') => self.quoted(),
            _ => self.bare(place),
        }
    }

    fn bare(&mut self, place: Place) -> Result<String, Flaw> {
        let start = self.at;
        let mut word = String::new();
        // Blanks behind a backslash belong to the word.
        let mut escaped_end = false;
        while let Some(next) = self.peek() {
            if matches!(next, '"' | '\'') {
                return Err(self.flaw(QUOTE));
            }
            if place.ends(next) {
                break;
            }
            self.at += next.len_utf8();
            escaped_end = next == '\\';
            if !escaped_end {
                word.push(next);
                continue;
            }
            let Some(next) = self.peek() else { return Err(self.flaw("a character behind the backslash")) };
            self.at += next.len_utf8();
            word.push(next);
        }
        let raw = self.text.get(start..self.at).unwrap_or_default();
        let wrong = |expected, new: String| Flaw { at: start, expected, change: Some((start..self.at, new)) };
        if raw.is_empty() {
            return Err(self.flaw(KEY));
        }
        if raw == "*" && place == Place::Key {
            return Err(wrong("one key: `*` is none without quotes", String::from("\"*\"")));
        }
        if raw.starts_with(char::is_whitespace) || !escaped_end && raw.ends_with(char::is_whitespace) {
            return Err(wrong(BLANK, raw.trim().to_owned()));
        }
        Ok(word)
    }

    /// A word in quotes: in double ones a backslash takes the next character as it is, in single ones a quote stands twice.
    fn quoted(&mut self) -> Result<String, Flaw> {
        let (start, mut word) = (self.at, String::new());
        let quote = self.peek().unwrap_or('"');
        self.at += 1;
        while let Some(next) = self.peek() {
            self.at += next.len_utf8();
            let taken = match next {
                '\\' if quote == '"' => self.peek(),
                _ if next == quote && (quote == '"' || self.peek() != Some(quote)) => return Ok(word),
                _ if next == quote => Some(quote),
                other => {
                    word.push(other);
                    continue;
                }
            };
            let Some(taken) = taken else { break };
            self.at += taken.len_utf8();
            word.push(taken);
        }
        let behind = self.text.get(start + 1..).unwrap_or_default();
        let bracket = self.text.get(..start).is_some_and(|before| before.ends_with(['[', '=']));
        let marks: &[char] = match (bracket, self.end) {
            (true, End::Text) => &[']'],
            (true, End::Assignment) => &[']', '='],
            (false, End::Assignment) => &['='],
            (false, End::Text) => &[],
        };
        let end = behind.find(marks).map_or(self.text.len(), |at| start + 1 + at);
        let closed = !self.text.get(..start).is_some_and(|before| before.ends_with('['))
            || self.text.get(end..).is_some_and(|behind| behind.starts_with(']'));
        Err(self
            .flaw("the closing quote")
            .mended(end..end, [quote].iter().chain((!closed).then_some(&']')).collect::<String>()))
    }
}
