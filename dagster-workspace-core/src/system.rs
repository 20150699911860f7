//! The values of the system chart `dagster`: who owns the workspace file, and which servers it lists. Read [`SystemValues`].

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::values::SUBCHART;
use crate::yaml::{Document, Node, Reader, Resolved, Schema};

/// The keys of the webserver's values: the chart merges the older over the newer, so the first one wins.
const WEBSERVERS: [&str; 2] = ["dagit", "dagsterWebserver"];

/// View of the system chart's values, at the top or one level down as in the values of an umbrella chart.
#[derive(Clone, Debug)]
pub struct SystemValues<'d> {
    reader: Reader<'d>,
    path: Vec<Cow<'d, str>>,
    home: Option<Node<'d>>,
}

/// A key of the webserver's values and its node.
type Setting<'d> = (&'static str, Node<'d>);

impl<'d> SystemValues<'d> {
    /// The view of a document.
    #[must_use]
    pub fn of(document: &'d Document<'_>) -> Self {
        let reader = Reader::new(Schema::Helm);
        let Some(root) = document.root() else { return Self { reader, path: Vec::new(), home: None } };
        let is_home = |node: Node<'d>| WEBSERVERS.iter().chain([&SUBCHART]).any(|key| reader.get(node, key).is_some());
        if is_home(root) {
            return Self { reader, path: Vec::new(), home: Some(root) };
        }
        let nested = reader.entries(root).into_iter().find(|entry| is_home(entry.value));
        let path = nested.and_then(|entry| reader.key(entry.key).ok()).into_iter().collect();
        Self { path, home: Some(nested.map_or(root, |entry| entry.value)), reader }
    }

    /// Keys from the root to the system chart's values; empty where they are the whole document.
    #[must_use]
    pub fn path(&self) -> &[Cow<'d, str>] {
        &self.path
    }

    /// Where `workspace.KEY` is taken from: `dagit` before `dagsterWebserver`, as the chart merges them.
    #[must_use]
    pub fn setting(&self, key: &str) -> Option<Setting<'d>> {
        self.settings(key).next()
    }

    /// Where `workspace.KEY` stands without effect: `dagsterWebserver` beside `dagit`.
    #[must_use]
    pub fn hidden(&self, key: &str) -> Option<Setting<'d>> {
        self.settings(key).nth(1)
    }

    fn settings(&self, key: &str) -> impl Iterator<Item = Setting<'d>> {
        WEBSERVERS.into_iter().filter_map(move |webserver| {
            let workspace = self.reader.get(self.reader.get(self.home?, webserver)?, "workspace")?;
            Some((webserver, self.reader.get(workspace, key)?))
        })
    }

    /// Whether `workspace.enabled` says that the workspace file comes from here; off where nothing is said.
    #[must_use]
    pub fn is_workspace_enabled(&self) -> bool {
        self.setting("enabled").is_some_and(|(_, node)| self.flag(node) == Some(true))
    }

    /// Name of the ConfigMap that holds the workspace file, where the chart does not make it.
    #[must_use]
    pub fn external_config_map(&self) -> Option<Cow<'d, str>> {
        self.reader.text(self.setting("externalConfigmap")?.1).filter(|name| !name.is_empty())
    }

    /// The servers that the chart writes into the workspace file, in order. Where the key is missing the chart lists its
    /// example server: [`SystemValues::setting`] tells.
    pub fn servers(&self) -> impl Iterator<Item = ServerRef<'_, 'd>> {
        let items = self.setting("servers").into_iter().flat_map(|(_, node)| self.reader.items(node));
        items.map(|node| ServerRef { reader: &self.reader, node })
    }

    /// `dagster-user-deployments.enabled`; where it is off the system starts without a workspace file.
    #[must_use]
    pub fn user_deployments_enabled(&self) -> Option<bool> {
        self.subchart("enabled")
    }

    /// `dagster-user-deployments.enableSubchart`; off where the servers are a release of their own.
    #[must_use]
    pub fn subchart_enabled(&self) -> Option<bool> {
        self.subchart("enableSubchart")
    }

    fn subchart(&self, key: &str) -> Option<bool> {
        let subchart = self.reader.get(self.home?, SUBCHART)?;
        self.flag(self.reader.get(subchart, key)?)
    }

    fn flag(&self, node: Node<'d>) -> Option<bool> {
        match self.reader.target(node)?.scalar()?.resolve(self.reader.schema()) {
            Resolved::Bool(value) => Some(value),
            _ => None,
        }
    }
}

/// One entry of `workspace.servers`.
#[derive(Clone, Copy, Debug)]
pub struct ServerRef<'v, 'd> {
    reader: &'v Reader<'d>,
    node: Node<'d>,
}

impl<'d> ServerRef<'_, 'd> {
    /// The entry itself; it may be an alias.
    #[must_use]
    pub fn node(&self) -> Node<'d> {
        self.node
    }

    /// Value of any of its keys.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Node<'d>> {
        self.reader.get(self.node, key)
    }

    /// Its host.
    #[must_use]
    pub fn host(&self) -> Option<Cow<'d, str>> {
        self.reader.text(self.get("host")?)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        let value = self.reader.value(self.get("port")?).ok()?;
        crate::field::port("port", Some(&value)).ok()
    }

    /// Name of its code location: `name`, else the host.
    #[must_use]
    pub fn name(&self) -> Option<Cow<'d, str>> {
        let name = self.get("name").and_then(|node| self.reader.text(node)).filter(|name| !name.is_empty());
        name.or_else(|| self.host())
    }
}
