//! Names for places in a document: [`Path`] leads from the root to a node, [`ItemKey`] says what an item is called.

use alloc::borrow::{Cow, ToOwned as _};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use super::node::Node;
use super::schema::Schema;
use crate::value::Value;

/// A way from the root to a node: `deployments[name=etl].image.tag`.
///
/// Keys and names that hold one of `.[]="` are written in double quotes, `"` and `\` escaped by `\`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path(Vec<Step>);

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// The value of a mapping's entry.
    Key(String),
    /// The item of a list whose identity under `key` is `name`.
    Item {
        /// Where items carry their identity.
        key: ItemKey,
        /// The identity.
        name: String,
    },
    /// The item at this place of a list, from 0.
    Index(usize),
}

impl Path {
    /// The path of these steps.
    #[must_use]
    pub fn new(steps: Vec<Step>) -> Self {
        Self(steps)
    }

    /// Its steps, from the root on.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The path as people write it, identities without their key: `deployments[etl].image.tag`. It cannot be read back.
    #[must_use]
    pub fn brief(&self) -> impl fmt::Display + '_ {
        Brief(self)
    }

    /// The path that goes one key further.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.0.push(Step::Key(key.to_owned()));
        self
    }

    /// The path that goes on to an item.
    #[must_use]
    pub fn item(mut self, key: &ItemKey, name: &str) -> Self {
        self.0.push(Step::Item { key: key.clone(), name: name.to_owned() });
        self
    }
}

/// Where the items of a list carry their identity: keys from the item down, `None` for any one key. `name`;
/// `*.location_name` for the items of `load_from`, whose one key is their kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemKey(Vec<Option<String>>);

impl Default for ItemKey {
    /// `name`.
    fn default() -> Self {
        Self(alloc::vec![Some("name".to_owned())])
    }
}

impl ItemKey {
    /// The identity of `item`: the string under this key. Aliases are not followed, and what other types resolve to is no
    /// name.
    #[must_use]
    pub fn of<'d>(&self, item: Node<'d>) -> Option<Node<'d>> {
        self.place(item).filter(|found| is_name(*found))
    }

    /// The text of the identity of `item`.
    pub(crate) fn name<'d>(&self, item: Node<'d>) -> Option<Cow<'d, str>> {
        self.place(item)?.scalar()?.as_str(Schema::Core)
    }

    /// Where the identity of `item` stands, whatever that is.
    pub(crate) fn place<'d>(&self, item: Node<'d>) -> Option<Node<'d>> {
        self.0.iter().try_fold(item, |node, key| match key {
            Some(key) => node.get(key),
            None => node.entries().next().map(|entry| entry.value),
        })
    }

    /// The identity of an item that is data already.
    #[must_use]
    pub fn of_value<'v>(&self, item: &'v Value) -> Option<&'v str> {
        let found = self.0.iter().try_fold(item, |value, key| match key {
            Some(key) => value.get(key),
            None => value.entries().first().map(|(_, value)| value),
        })?;
        found.as_str()
    }

    /// Whether `item` is called `name`.
    #[must_use]
    pub fn is(&self, item: Node<'_>, name: &str) -> bool {
        self.place(item).is_some_and(|found| found.is_text(name) && is_name(found))
    }
}

/// Only strings are names.
fn is_name(node: Node<'_>) -> bool {
    node.scalar().is_some_and(|scalar| scalar.as_str(Schema::Core).is_some())
}

/// Why a path cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed path at byte {at}: expected `key`, `.key` or `[key=name]`")]
pub struct PathError {
    /// Offset of the first byte that does not fit.
    pub at: usize,
}

/// Reads the next word of a path; a word in quotes may hold anything.
struct Words<'p> {
    text: &'p str,
    at: usize,
}

impl Words<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn eat(&mut self, mark: char) -> bool {
        let found = self.rest().starts_with(mark);
        if found {
            self.at += mark.len_utf8();
        }
        found
    }

    fn word(&mut self) -> Result<String, PathError> {
        if !self.eat('"') {
            let length = self.rest().find(['.', '[', ']', '=', '"']).unwrap_or(self.rest().len());
            let word = self.rest().get(..length).unwrap_or_default().to_owned();
            self.at += length;
            return if word.is_empty() { Err(PathError { at: self.at }) } else { Ok(word) };
        }
        let mut word = String::new();
        loop {
            let next = self.rest().chars().next().ok_or(PathError { at: self.at })?;
            self.at += next.len_utf8();
            match next {
                '"' => return Ok(word),
                '\\' => {
                    let escaped = self.rest().chars().next().ok_or(PathError { at: self.at })?;
                    self.at += escaped.len_utf8();
                    word.push(escaped);
                }
                other => word.push(other),
            }
        }
    }
}

impl FromStr for ItemKey {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let mut words = Words { text, at: 0 };
        let mut keys = Vec::new();
        loop {
            keys.push(words.key()?);
            if !words.eat('.') {
                break;
            }
        }
        if words.rest().is_empty() { Ok(Self(keys)) } else { Err(PathError { at: words.at }) }
    }
}

impl Words<'_> {
    fn key(&mut self) -> Result<Option<String>, PathError> {
        if self.eat('*') { Ok(None) } else { self.word().map(Some) }
    }

    /// `key=name]` or `3]`, the bracket before it eaten.
    fn item(&mut self) -> Result<Step, PathError> {
        let number = self.rest().split(']').next().unwrap_or_default();
        if let Ok(index) = number.parse() {
            self.at += number.len() + 1;
            return Ok(Step::Index(index));
        }
        let mut keys = alloc::vec![self.key()?];
        while self.eat('.') {
            keys.push(self.key()?);
        }
        if !self.eat('=') {
            return Err(PathError { at: self.at });
        }
        let name = self.word()?;
        if !self.eat(']') {
            return Err(PathError { at: self.at });
        }
        Ok(Step::Item { key: ItemKey(keys), name })
    }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let mut words = Words { text, at: 0 };
        let mut steps = Vec::new();
        while !words.rest().is_empty() {
            if words.eat('[') {
                steps.push(words.item()?);
                continue;
            }
            if !steps.is_empty() && !words.eat('.') {
                return Err(PathError { at: words.at });
            }
            steps.push(Step::Key(words.word()?));
        }
        Ok(Self(steps))
    }
}

fn write_word(f: &mut fmt::Formatter<'_>, word: &str) -> fmt::Result {
    if !word.is_empty() && !word.contains(['.', '[', ']', '=', '"', '\\', '*']) {
        return f.write_str(word);
    }
    f.write_str("\"")?;
    for character in word.chars() {
        if matches!(character, '"' | '\\') {
            f.write_str("\\")?;
        }
        write!(f, "{character}")?;
    }
    f.write_str("\"")
}

impl fmt::Display for ItemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, key) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str(".")?;
            }
            match key {
                Some(key) => write_word(f, key)?,
                None => f.write_str("*")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_steps(f, self, |f, key| write!(f, "{key}="))
    }
}

/// A path without the keys of identities.
struct Brief<'p>(&'p Path);

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_steps(f, self.0, |_, _| Ok(()))
    }
}

fn write_steps(
    f: &mut fmt::Formatter<'_>,
    path: &Path,
    write_key: fn(&mut fmt::Formatter<'_>, &ItemKey) -> fmt::Result,
) -> fmt::Result {
    for (number, step) in path.0.iter().enumerate() {
        match step {
            Step::Key(key) => {
                if number > 0 {
                    f.write_str(".")?;
                }
                write_word(f, key)?;
            }
            Step::Index(index) => write!(f, "[{index}]")?,
            Step::Item { key, name } => {
                f.write_str("[")?;
                write_key(f, key)?;
                write_word(f, name)?;
                f.write_str("]")?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    #[test]
    fn paths_read_as_they_are_written() {
        for text in [
            "",
            "deployments",
            "a.b[name=etl].image.tag",
            "a[3].b",
            r#"load_from[*.location_name="a.b \"c\""]"#,
            "[name=a]",
        ] {
            let path: Path = text.parse().unwrap();
            assert_eq!(path.to_string(), text);
        }
        assert_eq!("a.b".parse::<Path>().unwrap(), Path::default().key("a").key("b"));
    }

    #[test]
    fn err_path_with_a_hole() {
        assert_eq!("a..b".parse::<Path>(), Err(PathError { at: 2 }));
        assert_eq!("a[name]".parse::<Path>(), Err(PathError { at: 6 }));
        assert_eq!("a[name=b".parse::<Path>(), Err(PathError { at: 8 }));
    }
}
