//! The values of chart `dagster-user-deployments`, alone or nested in those of a system or umbrella chart.
//!
//! [`UserDeployments`] reads a document, entry by entry, whatever state it is in; [`UserDeployment`] is one entry, owned.
//! Views follow aliases and merge keys as helm does. They judge nothing: that is lint's.

pub(crate) mod change;
mod deployment;
mod image;

use alloc::borrow::Cow;
use alloc::vec::Vec;

pub use crate::chart::reference;
pub use change::{ChangeError, FieldChange, entry_in};
pub use deployment::{DEFAULT_PORT, Switch, UserDeployment};
pub(crate) use image::split_tag;
pub use image::{Image, ImageError, PullPolicy};

use crate::field::FieldError;
use crate::staging::KEY;
use crate::value::Value;
use crate::yaml::{DataError, Document, Entry, Node, Reader, Schema};

/// Key of the subchart in the values of the system chart.
pub const SUBCHART: &str = "dagster-user-deployments";

/// Key of the list (or mapping) of servers.
pub const DEPLOYMENTS: &str = "deployments";

/// Keys that only the values of the system chart have.
const SYSTEM_KEYS: [&str; 4] = ["dagsterWebserver", "dagit", "dagsterDaemon", "runLauncher"];

/// How `deployments` is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// The key is missing: the chart deploys its example.
    Absent,
    /// The key has no value: nothing is deployed.
    Null,
    /// A list of entries with a `name`.
    List,
    /// A mapping from name to entry; the key wins over a `name` inside.
    Map,
    /// Something else, which no chart takes.
    Other,
}

/// View of the values: where the servers stand and what they are.
///
/// # Example
/// ```
/// use dagster_workspace_core::{values::UserDeployments, yaml::Document};
/// let document = Document::parse("deployments:\n  - name: etl\n    port: 3030\n")?;
/// let deployments = UserDeployments::of(&document);
/// assert_eq!(deployments.get("etl").and_then(|etl| etl.port()), Some(3030));
/// # Ok::<(), dagster_workspace_core::error::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct UserDeployments<'d> {
    reader: Reader<'d>,
    path: Vec<Cow<'d, str>>,
    node: Option<Node<'d>>,
}

impl<'d> UserDeployments<'d> {
    /// The view of a document. Looks for `deployments` at the top, then under [`SUBCHART`], then one level deeper, as in
    /// the values of an umbrella chart.
    #[must_use]
    pub fn of(document: &'d Document<'_>) -> Self {
        let reader = Reader::new(Schema::Helm);
        let Some(root) = document.root() else {
            return Self { reader, path: Vec::from([DEPLOYMENTS.into()]), node: None };
        };
        let mut path = home(&reader, root);
        let mut holder = Some(root);
        for key in &path {
            holder = holder.and_then(|node| reader.get(node, key));
        }
        path.push(DEPLOYMENTS.into());
        let node = holder.and_then(|node| reader.get(node, DEPLOYMENTS));
        Self { reader, path, node }
    }

    /// Keys from the root to the servers, `["dagster-user-deployments", "deployments"]`. Where none are written, the place
    /// at which the chart would look for them.
    #[must_use]
    pub fn path(&self) -> &[Cow<'d, str>] {
        &self.path
    }

    /// The list or mapping itself; it may be an alias.
    #[must_use]
    pub fn node(&self) -> Option<Node<'d>> {
        self.node
    }

    /// How it is written.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let Some(node) = self.node else { return Layout::Absent };
        match self.reader.target(node) {
            Some(target) if target.kind().is_sequence() => Layout::List,
            Some(target) if target.kind().is_mapping() => Layout::Map,
            Some(target) if self.reader.value(target) == Ok(Value::Null) => Layout::Null,
            _ => Layout::Other,
        }
    }

    /// The servers, in order.
    pub fn iter(&self) -> impl Iterator<Item = DeploymentRef<'_, 'd>> {
        let list = self.node.into_iter().flat_map(|node| self.reader.items(node)).map(|item| (None, item));
        let entries = self.node.map(|node| self.reader.entries(node)).unwrap_or_default();
        let map = entries.into_iter().map(|Entry { key, value }| (Some(key), value));
        list.chain(map).map(|(key, node)| DeploymentRef { reader: &self.reader, key, node })
    }

    /// The server of that name; the first one where there are several.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<DeploymentRef<'_, 'd>> {
        self.iter().find(|deployment| deployment.name().as_deref() == Some(name))
    }
}

/// Keys from the root to the mapping that holds `deployments`.
fn home<'d>(reader: &Reader<'d>, root: Node<'d>) -> Vec<Cow<'d, str>> {
    if reader.get(root, DEPLOYMENTS).is_some() {
        return Vec::new();
    }
    if reader.get(root, SUBCHART).is_some() {
        return Vec::from([SUBCHART.into()]);
    }
    // What is known of deployments is keyed by their names, which may be any.
    let entries: Vec<_> = reader.entries(root).into_iter().filter(|entry| !entry.key.is_text(KEY)).collect();
    let has_any = |node, keys: &[&str]| keys.iter().any(|key| reader.get(node, key).is_some());
    let of_entry_with = |keys: &[&str]| {
        let found = entries.iter().find(|entry| has_any(entry.value, keys))?;
        Some(Vec::from([reader.key(found.key).ok()?, SUBCHART.into()]))
    };
    if let Some(path) = of_entry_with(&[SUBCHART]) {
        return path;
    }
    if has_any(root, &SYSTEM_KEYS) {
        return Vec::from([SUBCHART.into()]);
    }
    of_entry_with(&SYSTEM_KEYS).unwrap_or_default()
}

/// One server of a document.
#[derive(Clone, Copy, Debug)]
pub struct DeploymentRef<'v, 'd> {
    reader: &'v Reader<'d>,
    /// In the map form, its key.
    key: Option<Node<'d>>,
    node: Node<'d>,
}

impl<'d> DeploymentRef<'_, 'd> {
    /// The entry itself; it may be an alias.
    #[must_use]
    pub fn node(&self) -> Node<'d> {
        self.node
    }

    /// The scalar that names it: the key of the map form, else the value of `name`.
    #[must_use]
    pub fn name_node(&self) -> Option<Node<'d>> {
        self.key.or_else(|| self.get("name"))
    }

    /// Its name, where helm reads a text there.
    #[must_use]
    pub fn name(&self) -> Option<Cow<'d, str>> {
        match self.key {
            Some(key) => self.reader.key(key).ok(),
            None => self.reader.text(self.get("name")?),
        }
    }

    /// Its image, where the chart could read one.
    #[must_use]
    pub fn image(&self) -> Option<Image> {
        let value = self.reader.value(self.get("image")?).ok()?;
        Image::from_value(&value).ok()
    }

    /// Its port, where it is a port number.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        let value = self.reader.value(self.get("port")?).ok()?;
        crate::field::port("port", Some(&value)).ok()
    }

    /// Value of any of its keys.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Node<'d>> {
        self.reader.get(self.node, key)
    }

    /// Its entries, merged ones included, each key once.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry<'d>> {
        self.reader.entries(self.node)
    }

    /// Entries that the chart does not read.
    pub fn unknown(&self) -> impl Iterator<Item = Entry<'d>> + use<'d> {
        let reader = self.reader.clone();
        let known = move |entry: &Entry<'d>| reader.key(entry.key).is_ok_and(|key| UserDeployment::is_known(&key));
        self.entries().into_iter().filter(move |entry| !known(entry))
    }

    /// What the chart gets: the entry as data, in the map form with its key as `name`.
    ///
    /// # Errors
    /// [`DataError`] where an alias or merge key inside cannot be followed.
    pub fn to_value(&self) -> Result<Value, DataError> {
        let value = self.reader.value(self.node)?;
        let (Some(_), Value::Mapping(entries)) = (self.key, &value) else { return Ok(value) };
        let name = self.name().map_or(Value::Null, |name| Value::String(name.into_owned()));
        let others = entries.iter().filter(|(key, _)| key != "name").cloned();
        Ok(Value::Mapping(core::iter::once(("name".into(), name)).chain(others).collect()))
    }

    /// The entry, owned and checked.
    ///
    /// # Errors
    /// [`ReadError::Data`] where it cannot be read as data, [`ReadError::Field`] where the chart would refuse a field.
    pub fn read(&self) -> Result<UserDeployment, ReadError> {
        Ok(UserDeployment::from_value(&self.to_value()?)?)
    }
}

/// Why an entry of a document cannot be read as a typed one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It has no meaning as data.
    #[error("the entry cannot be read")]
    Data(#[from] DataError),
    /// A field is missing or has another type.
    #[error("the entry is not what the chart takes")]
    Field(#[from] FieldError),
}
