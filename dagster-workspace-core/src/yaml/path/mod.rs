//! Names for places in a document: [`Path`] leads from the root to a node, [`ItemKey`] says what an item is called.

mod dotted;
mod read;

use alloc::borrow::{Cow, ToOwned as _};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

pub use self::dotted::DottedKey;
use self::read::End;
pub use self::read::PathError;
use super::data::Reader;
use super::node::Node;
use super::schema::Schema;
use crate::value::Value;

/// A way from the root to a node: `deployments[name=etl].image.tag`.
///
/// One notation, wherever a path is read or printed:
///
/// | written | means |
/// |---|---|
/// | `image.tag` | keys |
/// | `labels."a.b/c"`, `labels.'a.b/c'`, `labels["a.b/c"]`, `labels['a.b/c']`, `labels.a\.b/c` | a key that holds a dot |
/// | `args[0]` | the item at a place, from 0 |
/// | `env[name=A].value`, `volumeMounts[mountPath=/a.b]`, `env[name="A=B"]` | the item whose `name` is `A` |
/// | `load_from[*.location_name=a]` | the same; `*` stands for any one key |
/// | nothing | the root |
///
/// Without quotes, and in double ones, a backslash takes the next character as it is, as in helm (`\.`, `\,`, `\=`); in
/// single quotes a quote stands twice, as in YAML. A key needs quotes or a backslash where it holds one of `.[]="'`, is empty, is
/// `*` or (at the start) `$`, or has blanks around it. A comma is nothing special: each path is an argument of its own. `0` is a
/// key and `[0]` a place.
///
/// [`Display`](fmt::Display) prints the form without quotes where that reads back, else with quotes.
///
/// # Example
/// ```
/// use dagster_workspace_core::yaml::Path;
/// let path: Path = r"nodeSelector.kubernetes\.io/os".parse()?;
/// assert_eq!(path, Path::default().key("nodeSelector").key("kubernetes.io/os"));
/// assert_eq!(path.to_string(), r#"nodeSelector."kubernetes.io/os""#);
/// # Ok::<(), dagster_workspace_core::yaml::PathError>(())
/// ```
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

    /// Reads `PATH=VALUE`: the path up to the first `=` outside of quotes and brackets, and what stands behind that; `None` where
    /// there is none.
    ///
    /// # Errors
    /// [`PathError`], which shows nothing of the value.
    ///
    /// # Example
    /// ```
    /// use dagster_workspace_core::yaml::Path;
    /// let (path, value) = Path::assignment("env[name=A].value=b=c")?;
    /// assert_eq!((path.to_string().as_str(), value), ("env[name=A].value", Some("b=c")));
    /// # Ok::<(), dagster_workspace_core::yaml::PathError>(())
    /// ```
    pub fn assignment(text: &str) -> Result<(Self, Option<&str>), PathError> {
        let (path, end) = read::path(text, End::Assignment)?;
        Ok((path, text.get(end..).and_then(|rest| rest.strip_prefix('='))))
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

    /// The identity of `item` as readers see it: aliases and merge keys followed.
    pub(crate) fn read<'d>(&self, reader: &Reader<'d>, item: Node<'d>) -> Option<Node<'d>> {
        let found = self.0.iter().try_fold(item, |node, key| match key {
            Some(key) => reader.get(node, key),
            None => reader.entries(node).first().map(|entry| entry.value),
        })?;
        reader.target(found).filter(|found| is_name(*found))
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
        self.place(item).is_some_and(|found| is_called(found, name))
    }
}

/// Whether a node that says what an item is called says `name`.
pub(crate) fn is_called(found: Node<'_>, name: &str) -> bool {
    found.is_text(name) && is_name(found)
}

/// Only strings are names.
fn is_name(node: Node<'_>) -> bool {
    node.scalar().is_some_and(|scalar| scalar.as_str(Schema::Core).is_some())
}

impl FromStr for ItemKey {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        read::item_key(text)
    }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        read::path(text, End::Text).map(|(path, _)| path)
    }
}

/// A word in the quotes that need fewer backslashes.
fn quoted(word: &str) -> String {
    if word.contains(['"', '\\']) && !word.contains('\'') {
        return ["'", word, "'"].concat();
    }
    let mut out = String::from("\"");
    for character in word.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
    out
}

/// A key, in quotes where it would not read back.
fn write_key(f: &mut fmt::Formatter<'_>, key: &str) -> fmt::Result {
    let plain = !key.contains('.') && !matches!(key, "*" | "$");
    if plain { write_name(f, key) } else { f.write_str(&quoted(key)) }
}

/// What an item is called: as a key, but a dot is nothing special.
fn write_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    let plain = !name.is_empty() && name.trim() == name && !name.contains(['[', ']', '=', '"', '\'', '\\']);
    if plain { f.write_str(name) } else { f.write_str(&quoted(name)) }
}

impl fmt::Display for ItemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, key) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str(".")?;
            }
            match key {
                Some(key) => write_key(f, key)?,
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
    write_identity: fn(&mut fmt::Formatter<'_>, &ItemKey) -> fmt::Result,
) -> fmt::Result {
    for (number, step) in path.0.iter().enumerate() {
        match step {
            Step::Key(key) => {
                if number > 0 {
                    f.write_str(".")?;
                }
                write_key(f, key)?;
            }
            Step::Index(index) => write!(f, "[{index}]")?,
            Step::Item { key, name } => {
                f.write_str("[")?;
                write_identity(f, key)?;
                write_name(f, name)?;
                f.write_str("]")?;
            }
        }
    }
    Ok(())
}
