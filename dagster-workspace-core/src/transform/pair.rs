//! Transforms that keep values and workspace together: a deployment, and the location that serves it. Each function gives
//! what to apply to the one document and to the other; in which order they are written is the caller's.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::Transform;
use crate::value::Value;
use crate::values::{Image, UserDeployment};
use crate::workspace::GrpcServer;

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
