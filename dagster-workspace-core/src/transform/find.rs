//! Names that are asked for and are no deployment's: [`find`] says what stands there instead.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use crate::error::{Diagnostic, Severity};
use crate::lint::nearest;
use crate::pairing::Pairing;
use crate::values::UserDeployments;
use crate::workspace::CodeLocation;

/// A name that is no deployment's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFound {
    /// The name.
    pub name: String,
    /// What else has it.
    pub instead: Instead,
}

/// What has a name that is no deployment's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instead {
    /// A code location that no deployment of these values serves.
    Location,
    /// A code location that this deployment serves.
    LocationOf(String),
    /// Nothing; the nearest name that there is.
    Nothing(Option<String>),
}

/// What stands where no deployment has the name; `None` where one has it.
#[must_use]
pub fn find(name: &str, deployments: &UserDeployments<'_>, pairing: &Pairing<'_, '_>) -> Option<NotFound> {
    if deployments.get(name).is_some() {
        return None;
    }
    let mut locations = pairing.locations().iter();
    let instead = match locations.position(|location| location.name().as_deref() == Some(name)) {
        Some(at) => match pairing.deployment_at(at, deployments).and_then(|found| found.name()) {
            Some(deployment) => Instead::LocationOf(deployment.into_owned()),
            None => Instead::Location,
        },
        None => Instead::Nothing(meant(name, deployments, pairing)),
    };
    Some(NotFound { name: name.to_string(), instead })
}

/// The location whose host names it, in another namespace perhaps; else the nearest name.
fn meant(name: &str, deployments: &UserDeployments<'_>, pairing: &Pairing<'_, '_>) -> Option<String> {
    let at_host = (0..pairing.locations().len()).find(|at| pairing.service(*at).is_some_and(|(own, _)| own == name));
    if let Some(location) = at_host.and_then(|at| pairing.locations().get(at)?.name()) {
        return Some(location.into_owned());
    }
    let of_deployments = deployments.iter().filter_map(|deployment| deployment.name()).map(Cow::into_owned);
    let of_locations = pairing.locations().iter().filter_map(CodeLocation::name).map(Cow::into_owned);
    let names: Vec<String> = of_deployments.chain(of_locations).collect();
    nearest(name, names.iter().map(AsRef::as_ref)).map(Into::into)
}

impl NotFound {
    /// `DW0502`, without a place.
    #[must_use]
    pub fn diagnostic(&self, severity: Severity) -> Diagnostic {
        let hint = match &self.instead {
            Instead::LocationOf(deployment) => format!("name the deployment, `{deployment}`"),
            Instead::Nothing(Some(near)) => format!("did you mean `{near}`?"),
            Instead::Location | Instead::Nothing(None) => "`list` shows what there is".to_string(),
        };
        let message = self.to_string();
        Diagnostic { code: "DW0502", severity, message, span: None, related: Vec::new(), hint: Some(hint) }
    }
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, instead } = self;
        match instead {
            Instead::Location => write!(f, "`{name}` is a code location, and no deployment here serves it"),
            Instead::LocationOf(deployment) => {
                write!(f, "`{name}` is a code location: deployment `{deployment}` serves it")
            }
            Instead::Nothing(_) => write!(f, "there is no deployment and no code location `{name}`"),
        }
    }
}
