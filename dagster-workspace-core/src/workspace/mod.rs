//! The workspace file: which code locations Dagster loads, and from where.
//!
//! [`Workspace`] reads a document as Dagster does, whatever state it is in: every kind of `load_from`, values given as
//! `{env: NAME}`, default names. [`GrpcServer`] is one entry, owned. Views judge nothing: that is lint's.

mod server;

use alloc::borrow::Cow;
use alloc::string::{String, ToString as _};

pub use server::{Endpoint, GrpcServer};

use crate::value::Value;
use crate::yaml::{DataError, Document, Entry, Node, Reader, Resolved, Schema};

/// The only key of a workspace file.
pub const LOAD_FROM: &str = "load_from";

/// Host of a server that names none.
pub const DEFAULT_HOST: &str = "localhost";

/// A value of the workspace: written down, or the name of an environment variable (`{env: NAME}`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source<T> {
    /// The value itself.
    Literal(T),
    /// Name of the variable that holds it where Dagster runs.
    Env(String),
}

impl<T> Source<T> {
    /// The value, where it is written down.
    pub fn literal(self) -> Option<T> {
        match self {
            Self::Literal(value) => Some(value),
            Self::Env(_) => None,
        }
    }
}

/// View of a workspace file.
///
/// # Example
/// ```
/// use dagster_workspace_core::{workspace::Workspace, yaml::Document};
/// let document = Document::parse("load_from:\n  - grpc_server: {host: etl, port: 3030}\n")?;
/// let workspace = Workspace::of(&document);
/// let names: Vec<_> = workspace.locations().filter_map(|location| location.name()).collect();
/// assert_eq!(names, ["grpc:etl:3030"]);
/// # Ok::<(), dagster_workspace_core::error::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Workspace<'d> {
    reader: Reader<'d>,
    load_from: Option<Node<'d>>,
}

impl<'d> Workspace<'d> {
    /// The view of a document.
    #[must_use]
    pub fn of(document: &'d Document<'_>) -> Self {
        let reader = Reader::new(Schema::Dagster);
        let load_from = document.root().and_then(|root| reader.get(root, LOAD_FROM));
        Self { reader, load_from }
    }

    /// Value of `load_from`; it may be an alias.
    #[must_use]
    pub fn node(&self) -> Option<Node<'d>> {
        self.load_from
    }

    /// The code locations, in order.
    pub fn locations(&self) -> impl Iterator<Item = CodeLocation<'_, 'd>> {
        let items = self.load_from.into_iter().flat_map(|node| self.reader.items(node));
        items.map(|node| CodeLocation { reader: &self.reader, node })
    }

    /// The location of that resolved name; the first one where there are several.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<CodeLocation<'_, 'd>> {
        self.locations().find(|location| location.name().as_deref() == Some(name))
    }
}

/// One item of `load_from`.
#[derive(Clone, Copy, Debug)]
pub struct CodeLocation<'v, 'd> {
    reader: &'v Reader<'d>,
    node: Node<'d>,
}

/// Where a code location comes from: the one key of an item of `load_from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A running server.
    GrpcServer,
    /// A file, with `relative_path`.
    PythonFile,
    /// A module, with `module_name`.
    PythonModule,
    /// A package, with `package_name`.
    PythonPackage,
    /// A module whose definitions are found in it, with `module_name`.
    AutoloadDefsModule,
}

impl Origin {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::GrpcServer, Self::PythonFile, Self::PythonModule, Self::PythonPackage, Self::AutoloadDefsModule];

    /// Its key in the workspace file.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::GrpcServer => "grpc_server",
            Self::PythonFile => "python_file",
            Self::PythonModule => "python_module",
            Self::PythonPackage => "python_package",
            Self::AutoloadDefsModule => "autoload_defs_module",
        }
    }

    /// The key of what is loaded; a lone text stands for it. A server has none.
    #[must_use]
    pub fn target_key(self) -> Option<&'static str> {
        match self {
            Self::GrpcServer => None,
            Self::PythonFile => Some("relative_path"),
            Self::PythonModule | Self::AutoloadDefsModule => Some("module_name"),
            Self::PythonPackage => Some("package_name"),
        }
    }

    fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|origin| origin.key() == key)
    }
}

impl<'d> CodeLocation<'_, 'd> {
    /// The item itself; it may be an alias.
    #[must_use]
    pub fn node(&self) -> Node<'d> {
        self.node
    }

    /// Its kind and the value under that key, where it has exactly one key and Dagster knows it.
    #[must_use]
    pub fn origin(&self) -> Option<(Origin, Node<'d>)> {
        let entries = self.reader.entries(self.node);
        let [Entry { key, value }] = entries.as_slice() else { return None };
        let origin = Origin::of(&self.reader.key(*key).ok()?)?;
        Some((origin, self.reader.target(*value)?))
    }

    /// Whether it is a running server.
    #[must_use]
    pub fn is_server(&self) -> bool {
        self.origin().is_some_and(|(origin, _)| origin == Origin::GrpcServer)
    }

    /// Value of a key inside, `host` or `module_name`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Node<'d>> {
        self.reader.get(self.origin()?.1, key)
    }

    /// A text inside, or the variable that holds it; `None` where it is missing or anything else.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<Source<Cow<'d, str>>> {
        let node = self.get(key)?;
        self.env(node).map_or_else(|| self.reader.text(node).map(Source::Literal), |name| Some(Source::Env(name)))
    }

    /// Host of a server, `localhost` where it names none.
    #[must_use]
    pub fn host(&self) -> Option<Source<Cow<'d, str>>> {
        match self.text("host") {
            Some(Source::Literal(host)) if host.is_empty() => Some(Source::Literal(DEFAULT_HOST.into())),
            None if self.get("host").is_none() && self.is_server() => Some(Source::Literal(DEFAULT_HOST.into())),
            host => host,
        }
    }

    /// Port of a server.
    #[must_use]
    pub fn port(&self) -> Option<Source<i64>> {
        let node = self.get("port")?;
        if let Some(name) = self.env(node) {
            return Some(Source::Env(name));
        }
        match self.reader.target(node)?.scalar()?.resolve(Schema::Dagster) {
            Resolved::Int(port) => Some(Source::Literal(port)),
            _ => None,
        }
    }

    /// Socket of a server, in place of a port.
    #[must_use]
    pub fn socket(&self) -> Option<Source<Cow<'d, str>>> {
        self.text("socket")
    }

    /// The scalar that names it, where one is written.
    #[must_use]
    pub fn name_node(&self) -> Option<Node<'d>> {
        self.get("location_name")
    }

    /// Its name as Dagster resolves it: `location_name`, else made of what is loaded. `None` where it depends on an
    /// environment variable or on something Dagster refuses.
    #[must_use]
    pub fn name(&self) -> Option<Cow<'d, str>> {
        let (origin, body) = self.origin()?;
        if self.name_node().is_some() {
            let name = self.text("location_name")?.literal()?;
            // As Dagster: an empty name is none.
            if !name.is_empty() {
                return Some(name);
            }
        }
        match origin.target_key() {
            None => self.server_name().map(Cow::Owned),
            Some(key) => self.target_name(origin, body, key),
        }
    }

    fn server_name(&self) -> Option<String> {
        let host = self.host()?.literal()?;
        let at = match self.socket() {
            Some(socket) => socket.literal()?.into_owned(),
            None => self.port()?.literal()?.to_string(),
        };
        Some(alloc::format!("grpc:{host}:{at}"))
    }

    fn target_name(&self, origin: Origin, body: Node<'d>, key: &str) -> Option<Cow<'d, str>> {
        let target = match self.reader.text(body) {
            Some(text) => text,
            None => self.text(key)?.literal()?,
        };
        let base = if origin == Origin::PythonFile { base_name(target) } else { target };
        let attribute = if self.get("attribute").is_some() { self.text("attribute")?.literal()? } else { "".into() };
        if attribute.is_empty() { Some(base) } else { Some(Cow::Owned(alloc::format!("{base}:{attribute}"))) }
    }

    /// The item as data.
    ///
    /// # Errors
    /// [`DataError`] where an alias or merge key inside cannot be followed.
    pub fn to_value(&self) -> Result<Value, DataError> {
        self.reader.value(self.node)
    }

    /// Name of the variable in `{env: NAME}`.
    fn env(&self, node: Node<'d>) -> Option<String> {
        let entries = self.reader.entries(node);
        let [Entry { key, value }] = entries.as_slice() else { return None };
        let name = self.reader.text(*value)?;
        key.is_text("env").then(|| name.into_owned())
    }
}

/// As Python's `os.path.basename`.
fn base_name(path: Cow<'_, str>) -> Cow<'_, str> {
    match path {
        Cow::Borrowed(path) => Cow::Borrowed(path.rsplit('/').next().unwrap_or(path)),
        Cow::Owned(path) => Cow::Owned(path.rsplit('/').next().unwrap_or_default().into()),
    }
}
