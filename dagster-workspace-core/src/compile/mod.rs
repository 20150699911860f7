//! The values of both charts, made of the two documents and of base values: what a rebuilt system is installed with.
//! [`compile`] goes there, [`workspace_of`] comes back from the servers of the system chart's values.
//!
//! Base values stay as they are, comments included, but for the keys that the documents or the arrangement decide. Nothing
//! is compiled that would come out of the chart as another workspace. Read [`Input`] and [`Form`] first.

mod error;
mod overlay;
mod server;

use alloc::string::String;
use alloc::vec::Vec;

use crate::edit::former::Former;
use crate::edit::{self, Edit};
use crate::lint::Version;
use crate::system::SystemValues;
use crate::value::Value;
use crate::values::SUBCHART;
use crate::yaml::{Document, Path};

pub use error::{CompileError, Part, Unfit};
pub use server::workspace_of;

/// First chart whose values say `dagsterWebserver`. Older ones read `dagit` alone, newer ones merge `dagit` over it.
const WEBSERVER: Version = Version::new(1, 4, 0);

/// What is compiled. All of it is text, so that comments survive.
#[derive(Clone, Copy, Debug)]
pub struct Input<'t> {
    /// The values document: the user code servers.
    pub values: &'t str,
    /// The workspace file.
    pub workspace: &'t str,
    /// Values of chart `dagster` without user code: credentials, images, resources. May be empty, or an umbrella chart's.
    pub system: &'t str,
    /// Values of chart `dagster-user-deployments` below those of the document. May be empty.
    pub user_deployments: &'t str,
    /// Version of both charts.
    pub chart: Version,
    /// How the workspace comes to webserver and daemon.
    pub form: Form<'t>,
}

/// How the workspace comes to webserver and daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form<'t> {
    /// As `workspace.servers`: the chart writes the workspace file, and every upgrade of the system writes it anew.
    Servers,
    /// As `workspace.externalConfigmap`: the ConfigMap of this name, which exists before webserver and daemon start.
    ConfigMap(&'t str),
}

/// Values for a `helm install` of each chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// For chart `dagster`.
    pub system: String,
    /// For chart `dagster-user-deployments`.
    pub user_deployments: String,
}

/// Makes the values of both charts.
///
/// The entries of the values document stand above those of the base, merged as helm merges two files of values: mappings by
/// key, everything else as a whole. Without a base they are the document itself, byte for byte.
///
/// # Errors
/// [`CompileError::Parse`] and [`CompileError::Data`] where a text cannot be read, [`CompileError::Unfit`] where the chart
/// could not write an entry of the workspace as it is, [`CompileError::Refused`] where a base has a notation that cannot be
/// edited without changing something else.
///
/// # Example
/// ```
/// use dagster_workspace_core::{compile::{Form, Input, compile}, lint::Version};
/// let compiled = compile(&Input {
///     values: "deployments:\n  - name: etl\n",
///     workspace: "load_from:\n  - grpc_server: {host: etl, port: 3030, location_name: etl}\n",
///     system: "generatePostgresqlPasswordSecret: true # ours\n",
///     user_deployments: "",
///     chart: Version::new(1, 13, 27),
///     form: Form::ConfigMap("dagster-workspace-yaml"),
/// })?;
/// assert!(compiled.system.contains("externalConfigmap: dagster-workspace-yaml"));
/// assert!(compiled.system.starts_with("generatePostgresqlPasswordSecret: true # ours\n"));
/// # Ok::<(), dagster_workspace_core::compile::CompileError>(())
/// ```
pub fn compile(input: &Input<'_>) -> Result<Compiled, CompileError> {
    let workspace = error::parse(Part::Workspace, input.workspace)?;
    let servers = match input.form {
        Form::Servers => server::servers_of(&workspace, input.chart)?,
        Form::ConfigMap(_) => Vec::new(),
    };
    let user_deployments = overlay::overlay(input.values, input.user_deployments)?;
    Ok(Compiled { system: system(input, &servers)?, user_deployments })
}

/// The values of the system chart: the base with what the arrangement decides.
fn system(input: &Input<'_>, servers: &[Value]) -> Result<String, CompileError> {
    let base = error::parse(Part::System, input.system)?;
    let view = SystemValues::of(&base);
    let home = view.path().iter().fold(Path::default(), |path, key| path.key(key));
    let subchart = home.clone().key(SUBCHART);
    let mut edits = Vec::from([
        Edit::Set { path: subchart.clone().key("enabled"), value: Value::Bool(true) },
        Edit::Set { path: subchart.key("enableSubchart"), value: Value::Bool(false) },
    ]);
    let now = value_of(Part::System, &base)?;
    let now = view.path().iter().try_fold(&now, |value, key| value.get(key));
    for key in ["enabled", "servers", "externalConfigmap"] {
        for webserver in webservers(&view, key, input.chart) {
            let path = home.clone().key(webserver).key("workspace").key(key);
            let now = now.and_then(|now| now.get(webserver)?.get("workspace")?.get(key));
            match (key, input.form) {
                ("servers", Form::Servers) => edits.extend(server::edits(path, now, servers)),
                ("servers", Form::ConfigMap(_)) => edits.push(Edit::Set { path, value: Value::Sequence(Vec::new()) }),
                ("externalConfigmap", Form::ConfigMap(name)) => {
                    edits.push(Edit::Set { path, value: Value::from(name) });
                }
                // Null and the empty text name no ConfigMap.
                ("externalConfigmap", Form::Servers) => {
                    let is_named = now.is_some_and(|now| *now != Value::Null && now.as_str() != Some(""));
                    edits.extend(is_named.then_some(Edit::Remove { path }));
                }
                _ => edits.push(Edit::Set { path, value: Value::Bool(true) }),
            }
        }
    }
    apply(Part::System, input.system, &edits)
}

/// Where `workspace.KEY` is to be written.
///
/// A chart that merges `dagit` over `dagsterWebserver` takes an empty value there for a missing one, so where the base has
/// both, both say the same.
fn webservers(view: &SystemValues<'_>, key: &str, chart: Version) -> Vec<&'static str> {
    if chart < WEBSERVER {
        return Vec::from(["dagit"]);
    }
    let in_dagit = view.setting(key).is_some_and(|(webserver, _)| webserver == "dagit");
    let mut webservers = Vec::from(["dagsterWebserver"]);
    if in_dagit {
        webservers.push("dagit");
    }
    webservers
}

/// The text after all edits.
fn apply(part: Part, text: &str, edits: &[Edit]) -> Result<String, CompileError> {
    let base = error::parse(part, text)?.into_owned();
    let mut document = base.clone();
    for edit in edits {
        match edit::apply(&document, edit) {
            Ok(Some(edited)) => document = edited,
            Ok(None) => {}
            Err(source) => {
                let source = Former::new(&base, &document).refusal(&source);
                return Err(CompileError::Refused { part, source });
            }
        }
    }
    Ok(document.into_text().into_owned())
}

/// The value of a whole document as its chart reads it.
fn value_of(part: Part, document: &Document<'_>) -> Result<Value, CompileError> {
    let value = document.to_value(part.schema());
    value.map_err(|source| CompileError::Data { part, source })
}
