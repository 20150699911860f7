//! Transforms that keep values and workspace together: a deployment, and the location that serves it. Each function gives
//! what to apply to the one document and to the other; in which order they are written is the caller's.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{Transform, TransformError};
use crate::error::Diagnostic;
use crate::lint::Target;
use crate::pairing::Pairing;
use crate::value::Value;
use crate::values::{DEFAULT_PORT, FieldChange, Image, UserDeployment, UserDeployments};
use crate::workspace::{GrpcServer, Workspace};
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

    /// `DW0308`, errors in a workspace after these transforms: a location at a host that was wanted, and that nothing would know again
    /// as that of its deployment, so that `update` would add a second one, and `remove` would leave it behind.
    #[must_use]
    pub fn unknown_hosts(&self, workspace: &Document<'_>, target: &Target) -> Vec<Diagnostic> {
        let view = Workspace::of(workspace);
        let pairing = Pairing::of(&view, target.namespace.as_deref());
        let unknown = self.workspace.iter().filter_map(|transform| {
            let Transform::PairLocation { deployment, wanted, .. } = transform else { return None };
            let known = pairing.locations_of(deployment).unwrap_or_default();
            let at = pairing.locations_at(wanted.host.as_deref()?).into_iter().find(|at| !known.contains(at))?;
            let location = pairing.locations().get(at)?;
            let name = location.name().unwrap_or_default();
            let message = format!("nothing would tell that code location `{name}` is that of deployment `{deployment}`");
            let hint = format!(
                "write the host of its Service: `{deployment}`, or `{deployment}.NAMESPACE.svc.cluster.local` with its namespace"
            );
            let span = location.get("host").unwrap_or_else(|| location.node()).span();
            Some(Diagnostic::error("DW0308", span, message).with_hint(hint))
        });
        unknown.collect()
    }
}

/// What the location of a deployment must be, where it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wanted {
    /// Its host: another one that names the same Service will not do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location_name: Option<String>,
}

impl Wanted {
    /// At the Service of a deployment in another namespace than Dagster's own.
    fn in_namespace(name: &str, namespace: Option<&str>) -> Self {
        Self { host: namespace.map(|namespace| format!("{name}.{namespace}")), location_name: None }
    }
}

/// Adds a deployment and a location of its name. Where it has a location already, only the port of that is set.
///
/// A deployment in another namespace than Dagster's own has the host `NAME.NAMESPACE`, and that is then to be wanted.
#[must_use]
pub fn add(deployment: &UserDeployment, wanted: &Wanted) -> Pair {
    Pair {
        values: Vec::from([Transform::AddDeployment { deployment: deployment.clone() }]),
        workspace: Vec::from([location(deployment.name(), deployment.port(), wanted)]),
    }
}

/// The transform that sees to it that a deployment is served at a port.
#[must_use]
pub fn location(deployment: &str, port: u16, wanted: &Wanted) -> Transform {
    let name = wanted.location_name.as_deref().unwrap_or(deployment);
    let host = wanted.host.as_deref().unwrap_or(deployment);
    let (deployment, server) = (deployment.to_owned(), GrpcServer::new(name, host, port));
    Transform::PairLocation { deployment, server, wanted: wanted.clone() }
}

/// Updates a deployment; its location only where the port changes.
///
/// `fields` as in [`Transform::UpdateDeployment`]; `namespace` is that of the deployment, where it is not Dagster's own.
#[must_use]
pub fn update(name: &str, fields: &Value, namespace: Option<&str>) -> Pair {
    // Anything but a port number is refused in the values.
    let port = match fields.get("port") {
        Some(Value::Int(port)) => u16::try_from(*port).ok(),
        _ => None,
    };
    let wanted = Wanted::in_namespace(name, namespace);
    Pair {
        values: Vec::from([Transform::UpdateDeployment { name: name.to_string(), fields: fields.clone() }]),
        workspace: port.into_iter().map(|port| location(name, port, &wanted)).collect(),
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
    wanted: &Wanted,
) -> Result<Pair, TransformError> {
    let transform = Transform::UpsertDeployment {
        name: name.to_owned(),
        like: like.map(ToOwned::to_owned),
        changes: changes.to_vec(),
    };
    let after = super::step(values, &transform, &Target::default(), &mut Vec::new())?;
    let port = UserDeployments::of(after.as_ref().unwrap_or(values)).get(name).and_then(|entry| entry.port());
    let workspace = Vec::from([location(name, port.unwrap_or(DEFAULT_PORT), wanted)]);
    Ok(Pair { values: Vec::from([transform]), workspace })
}

/// Sets the image of a deployment; its location stays as it is.
#[must_use]
pub fn set_image(name: &str, image: &Image) -> Pair {
    let values = Vec::from([Transform::SetImage { name: name.to_owned(), image: image.clone() }]);
    Pair { values, workspace: Vec::new() }
}

/// Removes a deployment and its locations.
#[must_use]
pub fn remove(name: &str, namespace: Option<&str>) -> Pair {
    let host = Wanted::in_namespace(name, namespace).host;
    Pair {
        values: Vec::from([Transform::RemoveDeployment { name: name.to_owned() }]),
        workspace: Vec::from([Transform::UnpairLocation { deployment: name.to_owned(), host }]),
    }
}
