//! Transforms that keep values and workspace together: a deployment, and the location that serves it. Each function gives
//! what to apply to the one document and to the other; in which order they are written is the caller's.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::{Transform, TransformError};
use crate::value::Value;
use crate::values::{DEFAULT_PORT, FieldChange, Image, UserDeployment, UserDeployments};
use crate::workspace::GrpcServer;
use crate::yaml::{Document, Step};

/// Transforms of both documents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pair {
    /// For the values.
    pub values: Vec<Transform>,
    /// For the workspace file. Empty where an edit does not concern it.
    pub workspace: Vec<Transform>,
}

impl Pair {
    /// Both pairs, one after the other: many names in one write for each document.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.values.extend(other.values);
        self.workspace.extend(other.workspace);
        self
    }
}

/// Adds a deployment and a location of its name. Where the workspace has a server of that host already, only its port is
/// set.
///
/// `namespace` is that of the deployment, where it is not Dagster's own: the host is then `NAME.NAMESPACE`.
#[must_use]
pub fn add(deployment: &UserDeployment, namespace: Option<&str>) -> Pair {
    let server = GrpcServer::new(deployment.name(), host(deployment.name(), namespace), deployment.port());
    Pair {
        values: Vec::from([Transform::AddDeployment { deployment: deployment.clone() }]),
        workspace: Vec::from([Transform::PairLocation { server }]),
    }
}

/// Updates a deployment; its location only where the port changes.
///
/// `fields` as in [`Transform::UpdateDeployment`].
#[must_use]
pub fn update(name: &str, fields: &Value, namespace: Option<&str>) -> Pair {
    // Anything but a port number is refused in the values.
    let port = match fields.get("port") {
        Some(Value::Int(port)) => u16::try_from(*port).ok(),
        _ => None,
    };
    let server = port.map(|port| GrpcServer::new(name, host(name, namespace), port));
    Pair {
        values: Vec::from([Transform::UpdateDeployment { name: name.to_string(), fields: fields.clone() }]),
        workspace: server.into_iter().map(|server| Transform::PairLocation { server }).collect(),
    }
}

/// Changes fields of a deployment. Its location is looked at wherever the changes name the port, also one that the values have
/// already: that is how what was cut off is finished.
#[must_use]
pub fn change(name: &str, changes: &[FieldChange], namespace: Option<&str>) -> Pair {
    let named = changes.iter().rev().find_map(|change| match change {
        FieldChange::Set { path, value } if path.steps() == [Step::Key("port".to_owned())] => Some(value.clone()),
        FieldChange::Merge { fields } => fields.get("port").cloned(),
        _ => None,
    });
    let port = named.map(|port| Value::Mapping(Vec::from([("port".to_owned(), port)])));
    Pair {
        values: Vec::from([Transform::ChangeDeployment { name: name.to_owned(), changes: changes.to_vec() }]),
        workspace: port.map(|port| update(name, &port, namespace).workspace).unwrap_or_default(),
    }
}

/// Adds a deployment as changes make it of another or of nothing, or changes the one that is there, and sees to its location.
///
/// # Errors
/// [`TransformError`] as for [`Transform::UpsertDeployment`]: `values` are looked at for the port.
pub fn upsert(
    values: &Document<'_>,
    name: &str,
    like: Option<&str>,
    changes: &[FieldChange],
    namespace: Option<&str>,
) -> Result<Pair, TransformError> {
    let transform = Transform::UpsertDeployment {
        name: name.to_owned(),
        like: like.map(ToOwned::to_owned),
        changes: changes.to_vec(),
    };
    let after = super::step(values, &transform, &mut Vec::new())?;
    let port = UserDeployments::of(after.as_ref().unwrap_or(values)).get(name).and_then(|entry| entry.port());
    let port = Value::Mapping(Vec::from([("port".to_owned(), Value::from(port.unwrap_or(DEFAULT_PORT)))]));
    Ok(Pair { values: Vec::from([transform]), workspace: update(name, &port, namespace).workspace })
}

/// Sets the image of a deployment; its location stays as it is.
#[must_use]
pub fn set_image(name: &str, image: &Image) -> Pair {
    let values = Vec::from([Transform::SetImage { name: name.to_owned(), image: image.clone() }]);
    Pair { values, workspace: Vec::new() }
}

/// Removes a deployment and every server that has its host.
#[must_use]
pub fn remove(name: &str, namespace: Option<&str>) -> Pair {
    Pair {
        values: Vec::from([Transform::RemoveDeployment { name: name.to_owned() }]),
        workspace: Vec::from([Transform::UnpairLocation { host: host(name, namespace) }]),
    }
}

/// The name of the Service, as seen from Dagster's namespace.
fn host(name: &str, namespace: Option<&str>) -> String {
    match namespace {
        Some(namespace) => format!("{name}.{namespace}"),
        None => name.to_owned(),
    }
}
