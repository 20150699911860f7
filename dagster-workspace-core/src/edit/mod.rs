//! Edits of one document, as data. [`apply`] makes a new document in which everything outside the target is the same,
//! byte for byte, or refuses. Read [`Edit`] first.
//!
//! An edit is planned as splices ([`insert`], [`replace`], [`remove`]), the new text is scanned, and the two indexes are
//! compared record by record ([`prove`]): what was not named must be there unchanged, and what was asked for must read as
//! asked.

mod element;
mod emit;
mod insert;
mod item;
mod locate;
mod op;
mod prove;
mod remove;
mod replace;

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::ops::Range;

use crate::error::{Reason, Refusal};
use crate::span::Span;
use crate::splice::{Splice, Splices};
use crate::value::Value;
use crate::yaml::{Document, ItemKey, Path};

pub use item::Item;

/// One edit. It is idempotent: on its own result it changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Appends an item to the list at `list`; no change where an item of that name is there. A missing or empty list is
    /// begun.
    Add {
        /// The list.
        list: Path,
        /// Where its items carry their names.
        key: ItemKey,
        /// The new item, with its name in it.
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
    if let Some(second) = document.documents().nth(1) {
        return Err(refuse(Reason::SeveralDocuments, second.span()));
    }
    match edit {
        Edit::Add { list, key, item } => insert::add(document, list, key, item),
        Edit::Set { path, value } => replace::set(document, path, value),
        Edit::Remove { path } => remove::remove(document, path),
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
    /// Makes the new document and proves that it is the intended one.
    fn carry_out(self, document: &Document<'_>) -> Result<Document<'static>, Refusal> {
        let place = self.splices.first().map_or(Span::default(), |splice| splice.span);
        let unprovable = || refuse(Reason::Unprovable, place);
        let splices = Splices::new(self.splices).ok_or_else(unprovable)?;
        let text: Cow<'static, str> = Cow::Owned(splices.apply(document.text()));
        let edited = Document::parse(text).map_err(|_| unprovable())?;
        if prove::holds(document, &edited, &splices, self.inside, self.old, &self.expect) {
            Ok(edited)
        } else {
            Err(unprovable())
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
    let offset = |at| u32::try_from(at).unwrap_or(u32::MAX);
    Span::new(offset(start), offset(end))
}
