//! Edits of one document, as data. [`apply`] makes a new document in which everything outside the target is the same,
//! byte for byte, or refuses. Read [`Edit`] first.
//!
//! An edit is planned as splices (`insert` with `append` and `place`, `replace`, `remove`), what they touch is scanned again, and the old and the new
//! index are compared record by record (`prove`): what was not named must be there unchanged, and what was asked for must
//! read as asked. Mostly the touched lines are enough (`touched`); where they are not, the whole new text is read.

mod append;
mod collection;
mod comments;
pub(crate) mod element;
pub(crate) mod emit;
pub(crate) mod former;
mod gap;
mod insert;
mod item;
mod locate;
mod look;
mod op;
mod pairs;
mod place;
pub(crate) mod prove;
mod remove;
mod replace;
mod scalar;
mod touched;

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use self::prove::Target;
use self::touched::Patch;
use crate::error::{ParseError, Reason, Refusal};
use crate::span::{Span, offset};
use crate::splice::{Splice, Splices};
use crate::value::Value;
use crate::yaml::{Document, ItemKey, MAX_LEN, Path};

pub use item::Item;

/// One edit. It is idempotent: on its own result it changes nothing, unless its path ends at the number of an item that went.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Appends an item to the list at `list`; no change where an item of that name is there or, for an item without a name, one
    /// of the same data. A missing or empty list is begun.
    Add {
        /// The list.
        list: Path,
        /// Where its items carry their names.
        key: ItemKey,
        /// The new item: with its name in it, or any data without one.
        item: Item,
    },
    /// Gives the node at `path` a value; no change where readers take it for that value already. Missing mappings on the
    /// way are begun, missing items are not.
    Set {
        /// The node.
        path: Path,
        /// Its value.
        value: Value,
    },
    /// Takes out the list item or mapping entry at `path`; no change where it is absent. The last one leaves `[]` or `{}`.
    Remove {
        /// The item or entry.
        path: Path,
    },
}

/// The document after `edit`; `None` where nothing changes.
///
/// # Errors
/// [`Refusal`] where the edit would change data outside its target, or where the target is not what the edit takes it for.
///
/// # Example
/// ```
/// use dagster_workspace_core::{edit::{self, Edit}, yaml::Document};
/// let document = Document::parse("deployments:\n  - name: etl\n    image: {tag: \"1\"} # ours\n").unwrap();
/// let edit = Edit::Set { path: "deployments[name=etl].image.tag".parse().unwrap(), value: "1.10".into() };
/// let edited = edit::apply(&document, &edit).unwrap().unwrap();
/// assert_eq!(edited.text(), "deployments:\n  - name: etl\n    image: {tag: \"1.10\"} # ours\n");
/// ```
pub fn apply(document: &Document<'_>, edit: &Edit) -> Result<Option<Document<'static>>, Refusal> {
    Ok(change(document, edit)?.map(|change| change.document(document)))
}

/// The text after `edit`; `None` where nothing changes. For one edit of a text this is cheaper than [`apply`]: it makes no
/// index of the result.
///
/// # Errors
/// [`TextError::Parse`] where the text cannot be read, [`TextError::Refused`] as [`apply`].
pub fn apply_text(text: &str, edit: &Edit) -> Result<Option<String>, TextError> {
    let document = Document::parse(text)?;
    let change = change(&document, edit)?;
    // The index goes before the new text comes.
    drop(document);
    Ok(change.map(|change| change.text(text)))
}

/// Why a text is not edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// It cannot be read.
    #[error("the text is not YAML")]
    Parse(#[from] ParseError),
    /// The edit is refused.
    #[error("the edit is refused")]
    Refused(#[from] Refusal),
}

fn change(document: &Document<'_>, edit: &Edit) -> Result<Option<Change>, Refusal> {
    if let Some(second) = document.documents().nth(1) {
        return Err(refuse(Reason::SeveralDocuments, second.span()));
    }
    match edit {
        Edit::Add { list, key, item } => insert::add(document, list, key, item),
        Edit::Set { path, value } => replace::set(document, path, value),
        Edit::Remove { path } => remove::remove(document, path),
    }
}

/// A proven edit.
enum Change {
    /// Its splices, and what they do to the index.
    Touched(Splices, Patch),
    /// Its result, read as a whole.
    Whole(Document<'static>),
}

impl Change {
    fn document(self, document: &Document<'_>) -> Document<'static> {
        match self {
            Self::Touched(splices, patch) => {
                let records = patch.apply(document.records(), &splices);
                Document::from_parts(splices.apply(document.text()), records)
            }
            Self::Whole(document) => document,
        }
    }

    fn text(self, text: &str) -> String {
        match self {
            Self::Touched(splices, _) => splices.apply(text),
            Self::Whole(document) => document.into_text().into_owned(),
        }
    }
}

/// Text changes, and what they must come to.
struct Plan<'p> {
    splices: Vec<Splice>,
    /// Record of the collection, or of the document, in which they happen.
    inside: usize,
    /// Records of the old index that go.
    old: Range<usize>,
    /// What stands in their place in the new one.
    expect: Expect<'p>,
}

/// Data that an edit must have brought.
enum Expect<'p> {
    /// Nothing: it has taken something out.
    Nothing,
    /// A node of this value.
    Value(&'p Value),
    /// An entry of this key and value.
    Entry(&'p str, &'p Value),
    /// The item of this document.
    Item(&'p Document<'p>),
    /// A list with that item alone, under these keys.
    List(&'p [&'p str], &'p Document<'p>),
}

impl Plan<'_> {
    /// Proves that the splices come to what is expected: by the touched element alone where that is enough, else by reading
    /// the whole result.
    ///
    /// Splices that give a place the bytes it has are none; without any other nothing changes.
    fn carry_out(self, document: &Document<'_>) -> Result<Option<Change>, Refusal> {
        let Self { mut splices, inside, old, expect } = self;
        splices.retain(|splice| splice.span.of(document.text()) != splice.text);
        if splices.is_empty() {
            return Ok(None);
        }
        let place = splices.first().map_or(Span::default(), |splice| splice.span);
        let unprovable = || refuse(Reason::Unprovable, place);
        let splices = Splices::new(splices).ok_or_else(unprovable)?;
        if splices.length(document.text().len()) > MAX_LEN {
            return Err(unprovable());
        }
        let target = Target { inside, gone: old };
        if let Some(patch) = touched::prove(document, &splices, &target, &expect) {
            return Ok(Some(Change::Touched(splices, patch)));
        }
        let edited = Document::parse(splices.apply(document.text())).map_err(|_| unprovable())?;
        match prove::holds(document, &edited, &splices, &target, &expect) {
            Ok(()) => Ok(Some(Change::Whole(edited))),
            Err(reason) => Err(refuse(reason, place)),
        }
    }
}

fn refuse(reason: Reason, span: Span) -> Refusal {
    Refusal { reason, span, related: None }
}

fn splice(start: usize, end: usize, text: impl Into<alloc::string::String>) -> Splice {
    Splice { span: span(start, end), text: text.into() }
}

fn span(start: usize, end: usize) -> Span {
    Span::new(offset(start), offset(end))
}
