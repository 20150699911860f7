//! Entries of the workspace as servers of the system chart, and back. What would not come back the same is refused.

use alloc::borrow::{Cow, ToOwned as _};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::error::{self, CompileError, Part, Unfit, called};
use super::{apply, value_of};
use crate::edit::{Edit, Item};
use crate::lint::{Version, is_plain_text};
use crate::system::{ServerRef, SystemValues};
use crate::value::Value;
use crate::values::{DeploymentRef, UserDeployments};
use crate::workspace::{CodeLocation, DEFAULT_HOST, Endpoint, GrpcServer, LOAD_FROM, Origin, Source, Workspace};
use crate::yaml::{Document, ItemKey, Node, Path, Resolved, Schema, Step};

/// The oldest chart seen to write `ssl`; 0.15.5 is the newest seen not to.
const SSL: Version = Version::new(1, 3, 7);

/// A workspace without entries.
const EMPTY: &str = "load_from: []\n";

/// The entries of `workspace.servers` that the chart turns into the same workspace.
pub(super) fn servers_of(workspace: &Document<'_>, chart: Version) -> Result<Vec<Value>, CompileError> {
    // First as a whole: aliases that cannot be followed are an error of the document, not of an entry.
    value_of(Part::Workspace, workspace)?;
    let view = Workspace::of(workspace);
    let mut names = BTreeSet::new();
    let mut servers = Vec::new();
    for (at, location) in view.locations().enumerate() {
        let server = server_of(&location, chart)
            .and_then(|(name, server)| if names.insert(name) { Ok(server) } else { Err(Unfit::Repeated) });
        servers.push(server.map_err(|unfit| CompileError::Unfit {
            entry: called("location", location.name().as_deref(), at),
            part: Part::Workspace,
            span: location.node().span(),
            unfit,
        })?);
    }
    Ok(servers)
}

/// What brings the list at `path`, which says `now`, to the servers: each is edited where it differs, and by itself. Servers are
/// known by their name, which is their host where they have none.
pub(super) fn edits(path: Path, now: Option<&Value>, servers: &[Value]) -> Vec<Edit> {
    let Some(Value::Sequence(items)) = now.filter(|now| **now != Value::Sequence(Vec::new())) else {
        return Vec::from([Edit::Set { path, value: Value::Sequence(servers.to_vec()) }]);
    };
    let item = |at: usize| Path::new([path.steps(), &[Step::Index(at)]].concat());
    let wanted = |item: &Value| servers.iter().find(|server| name_in(server) == name_in(item));
    let mut seen = BTreeSet::new();
    let (mut changed, mut gone) = (Vec::new(), Vec::new());
    for (at, now) in items.iter().enumerate() {
        match wanted(now).filter(|_| seen.insert(name_in(now))) {
            Some(server) => changed.extend(fields(&item(at), now, server)),
            None => gone.push(Edit::Remove { path: item(at) }),
        }
    }
    let new = servers.iter().filter(|server| !seen.contains(&name_in(server)));
    let new =
        new.map(|server| Edit::Add { list: path.clone(), key: ItemKey::default(), item: Item::Value(server.clone()) });
    // From the end, so that the places of the others stay.
    changed.into_iter().chain(new).chain(gone.into_iter().rev()).collect()
}

/// What brings the server at `path` to another one of its name; what the chart takes for the same stays.
fn fields(path: &Path, now: &Value, server: &Value) -> Vec<Edit> {
    let mut edits = Vec::new();
    for key in ["host", "port", "ssl"] {
        let path = path.clone().key(key);
        match (now.get(key), server.get(key)) {
            (Some(now), Some(wanted)) if now.is_same(wanted) => {}
            (_, Some(wanted)) => edits.push(Edit::Set { path, value: wanted.clone() }),
            (Some(now), None) if *now != Value::Bool(false) && *now != Value::Null => edits.push(Edit::Remove { path }),
            (_, None) => {}
        }
    }
    // Without a name the chart takes the host.
    let is_named = now.get("name").and_then(Value::as_str).is_some_and(|name| !name.is_empty());
    if !is_named && server.get("host") != server.get("name") {
        edits.extend(server.get("name").map(|name| Edit::Set { path: path.clone().key("name"), value: name.clone() }));
    }
    edits
}

fn name_in(server: &Value) -> Option<&str> {
    let text = |key| server.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    text("name").or_else(|| text("host"))
}

/// The server and the name of its location.
fn server_of(location: &CodeLocation<'_, '_>, chart: Version) -> Result<(String, Value), Unfit> {
    match location.origin() {
        Some((Origin::GrpcServer, _)) => {}
        Some((other, _)) => return Err(Unfit::Kind(other.key().to_owned())),
        None => return Err(Unfit::Field("it has no kind that Dagster knows".to_owned())),
    }
    for key in ["host", "port", "socket", "location_name"] {
        if let Some(Source::Env(_)) = location.text(key) {
            return Err(Unfit::Env(key.to_owned()));
        }
    }
    let value = location.to_value().map_err(|error| Unfit::Field(error.to_string()))?;
    let body = value.get(Origin::GrpcServer.key()).cloned().unwrap_or_default();
    let server = GrpcServer::from_value(&body).map_err(|error| Unfit::Field(error.to_string()))?;
    let name = server.name();
    let GrpcServer { host, endpoint, location_name: _, ssl, additional_metadata, extra } = server;
    let Endpoint::Port(port) = endpoint else { return Err(Unfit::Socket) };
    if !additional_metadata.is_empty() {
        return Err(Unfit::Metadata);
    }
    if let Some((key, _)) = extra.first() {
        return Err(Unfit::Field(format!("Dagster knows no `{key}`")));
    }
    if ssl == Some(true) && chart < SSL {
        return Err(Unfit::Ssl(chart));
    }
    let host = host.filter(|host| !host.is_empty()).unwrap_or_else(|| DEFAULT_HOST.to_owned());
    if let Some(text) = [&name, &host].into_iter().find(|text| !is_plain_text(text)) {
        return Err(Unfit::Unquoted(text.clone()));
    }
    let mut entries = Vec::from([
        ("host".to_owned(), Value::String(host)),
        ("port".to_owned(), Value::from(port)),
        ("name".to_owned(), Value::String(name.clone())),
    ]);
    if ssl == Some(true) {
        entries.push(("ssl".to_owned(), Value::Bool(true)));
    }
    Ok((name, Value::Mapping(entries)))
}

/// The workspace file that the system chart makes of its values: of `workspace.servers`, or, where `workspace.enabled` is
/// off, of the deployments of its subchart.
///
/// # Errors
/// [`CompileError::Parse`] and [`CompileError::Data`] where the values cannot be read; [`CompileError::NoServers`] where they
/// name a ConfigMap instead, or leave it to the chart's example; [`CompileError::Unfit`] where a server is no valid one.
///
/// # Example
/// ```
/// use dagster_workspace_core::compile::workspace_of;
/// let values = "dagsterWebserver:\n  workspace:\n    enabled: true\n    servers:\n      - {host: etl, port: 3030}\n";
/// let expected = "load_from:\n  - grpc_server:\n      host: etl\n      port: 3030\n      location_name: etl\n";
/// assert_eq!(workspace_of(values)?, expected);
/// # Ok::<(), dagster_workspace_core::compile::CompileError>(())
/// ```
pub fn workspace_of(system: &str) -> Result<String, CompileError> {
    let document = error::parse(Part::System, system)?;
    value_of(Part::System, &document)?;
    let view = SystemValues::of(&document);
    let none = |problem: String| CompileError::NoServers { part: Part::System, problem };
    let items = if view.is_workspace_enabled() {
        if let Some(name) = view.external_config_map() {
            return Err(none(format!("the workspace is in the ConfigMap `{name}`")));
        }
        if view.setting("servers").is_none() {
            return Err(none("without `servers` the chart lists its example".to_owned()));
        }
        items(view.servers().map(|server| (server.node().span(), server.name(), item_of_server(&server))))?
    } else {
        let deployments = UserDeployments::of(&document);
        if deployments.node().is_none() {
            return Err(none("without `deployments` the chart lists its example".to_owned()));
        }
        let found = deployments.iter();
        items(found.map(|entry| (entry.node().span(), entry.name(), item_of_deployment(&entry))))?
    };
    if items.is_empty() {
        return Ok(EMPTY.to_owned());
    }
    let load_from = Edit::Set { path: Path::default().key(LOAD_FROM), value: Value::Sequence(items) };
    apply(Part::Workspace, "", &[load_from])
}

type Read<'d> = (crate::span::Span, Option<Cow<'d, str>>, Result<GrpcServer, Unfit>);

/// Items of `load_from`, no name twice.
fn items<'d>(read: impl Iterator<Item = Read<'d>>) -> Result<Vec<Value>, CompileError> {
    let mut names = BTreeSet::new();
    let mut items = Vec::new();
    for (at, (span, name, server)) in read.enumerate() {
        let unique = server
            .and_then(|server| if names.insert(server.name()) { Ok(server.to_item()) } else { Err(Unfit::Repeated) });
        items.push(unique.map_err(|unfit| CompileError::Unfit {
            entry: called("server", name.as_deref(), at),
            part: Part::System,
            span,
            unfit,
        })?);
    }
    Ok(items)
}

fn item_of_server(server: &ServerRef<'_, '_>) -> Result<GrpcServer, Unfit> {
    let missing = |key: &str| Unfit::Field(format!("it has no valid `{key}`"));
    let host = server.host().ok_or_else(|| missing("host"))?;
    let port = server.port().ok_or_else(|| missing("port"))?;
    let name = server.name().ok_or_else(|| missing("name"))?;
    let unquoted = [&name, &host].into_iter().find(|text| !is_plain_text(text));
    if let Some(text) = unquoted {
        return Err(Unfit::Unquoted(text.clone().into_owned()));
    }
    let ssl = server.get("ssl").and_then(Node::scalar).map(|scalar| scalar.resolve(Schema::Helm));
    let ssl = (ssl == Some(Resolved::Bool(true))).then_some(true);
    Ok(GrpcServer { ssl, ..GrpcServer::new(name, host, port) })
}

fn item_of_deployment(deployment: &DeploymentRef<'_, '_>) -> Result<GrpcServer, Unfit> {
    let missing = |key: &str| Unfit::Field(format!("it has no valid `{key}`"));
    let name = deployment.name().ok_or_else(|| missing("name"))?;
    let port = deployment.port().ok_or_else(|| missing("port"))?;
    if !is_plain_text(&name) {
        return Err(Unfit::Unquoted(name.into_owned()));
    }
    Ok(GrpcServer::new(name.clone(), name, port))
}
