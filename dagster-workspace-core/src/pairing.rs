//! Which code locations are a deployment's: one rule for everything that looks at both documents. Read [`Pairing`].

use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::net::IpAddr;

use crate::span::Span;
use crate::values::{DeploymentRef, UserDeployments};
use crate::workspace::{CodeLocation, DEFAULT_HOST, Source, Workspace};

/// The code locations of a workspace by the deployments that they are of.
///
/// A deployment is served by a Service of its name, so its locations are the gRPC servers whose host names that Service: `etl`,
/// `etl.NAMESPACE`, `etl.NAMESPACE.svc` and `etl.NAMESPACE.svc.DOMAIN`, in any case, with or without a dot at the end. What such a location
/// is called does not matter. A host with a namespace is that of a deployment here where
/// - the documents' own namespace is known and is this one, or
/// - it is not known, no location has the bare host, and all hosts of that name agree on one namespace. Where they do not, nobody can
///   tell which is meant: [`Ambiguous`].
///
/// Where no host names the Service, a server that is called as the deployment is its location, if its host says nothing: it is in a
/// variable, or leads out of the cluster (`localhost`, an address, `etl.example.com`). A server with a socket, and a location of another
/// kind, are no deployment's.
///
/// # Example
/// ```
/// use dagster_workspace_core::{pairing::Pairing, workspace::Workspace, yaml::Document};
/// let text = "load_from:\n- grpc_server: {host: etl.data.svc.cluster.local, port: 3030, location_name: warehouse}\n";
/// let document = Document::parse(text)?;
/// let workspace = Workspace::of(&document);
/// assert_eq!(Pairing::of(&workspace, None).locations_of("etl").unwrap(), [0]);
/// assert_eq!(Pairing::of(&workspace, Some("dagster")).locations_of("etl").unwrap(), []);
/// # Ok::<(), dagster_workspace_core::error::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pairing<'v, 'd> {
    locations: Vec<CodeLocation<'v, 'd>>,
    /// What the host of each location leads to; `None` for those that have none.
    hosts: Vec<Option<Host>>,
    /// Places of the servers of a Service, named with and without its namespace, and of every other host.
    by_host: BTreeMap<String, Vec<usize>>,
    /// Places of the servers whose hosts say nothing, by the names of their locations.
    by_name: BTreeMap<String, Vec<usize>>,
    /// The namespace of the documents, where it is known.
    own: Option<String>,
}

/// What a host leads to. In lower case, as names of hosts have none.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    /// A Service of the cluster, and its namespace where the host says it.
    Service { name: String, namespace: Option<String> },
    /// Something that is no Service.
    Elsewhere(String),
    /// It is in a variable.
    Hidden,
}

/// Locations of which nobody can tell whether they are a deployment's: their hosts name several namespaces, and which is the documents'
/// own is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("several code locations may be that of deployment `{deployment}`: {}", shown(candidates))]
pub struct Ambiguous {
    /// The deployment.
    pub deployment: String,
    /// The locations, in the order of the workspace.
    pub candidates: Vec<Candidate>,
}

/// A location that may be a deployment's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub location: String,
    /// The namespace that its host names.
    pub namespace: String,
    /// Its host.
    pub span: Span,
}

fn shown(candidates: &[Candidate]) -> String {
    let one = |Candidate { location, namespace, .. }: &Candidate| format!("`{location}` in namespace `{namespace}`");
    candidates.iter().map(one).collect::<Vec<_>>().join(", ")
}

impl Host {
    fn of(location: &CodeLocation<'_, '_>) -> Option<Self> {
        // With a socket Dagster asks no host.
        if !location.is_server() || location.get("socket").is_some() {
            return None;
        }
        Some(match location.host()? {
            Source::Env(_) => Self::Hidden,
            Source::Literal(host) => Self::read(&host),
        })
    }

    fn read(host: &str) -> Self {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if host.is_empty() || host == DEFAULT_HOST || host.parse::<IpAddr>().is_ok() {
            return Self::Elsewhere(host);
        }
        let mut labels = host.split('.');
        let service = match (labels.next(), labels.next(), labels.next()) {
            (Some(name), namespace, None | Some("svc")) => Some((name.to_string(), namespace.map(Into::into))),
            _ => None,
        };
        match service {
            Some((name, namespace)) => Self::Service { name, namespace },
            None => Self::Elsewhere(host),
        }
    }

    /// One text for all ways to write the host.
    fn key(&self) -> Option<String> {
        Some(match self {
            Self::Service { name, namespace: None } | Self::Elsewhere(name) => name.clone(),
            Self::Service { name, namespace: Some(namespace) } => format!("{name}.{namespace}"),
            Self::Hidden => return None,
        })
    }
}

impl<'v, 'd> Pairing<'v, 'd> {
    /// The locations of a workspace; `own` is the namespace of the documents' deployments, where it is known.
    #[must_use]
    pub fn of(workspace: &'v Workspace<'d>, own: Option<&str>) -> Self {
        let locations: Vec<CodeLocation<'v, 'd>> = workspace.locations().collect();
        let hosts: Vec<Option<Host>> = locations.iter().map(Host::of).collect();
        let own = own.map(str::to_ascii_lowercase);
        let (mut by_host, mut by_name) = (BTreeMap::<_, Vec<usize>>::new(), BTreeMap::<_, Vec<usize>>::new());
        for (at, (location, host)) in locations.iter().zip(&hosts).enumerate() {
            let Some(host) = host else { continue };
            if let Some(key) = host.key() {
                by_host.entry(key).or_default().push(at);
            }
            if let Host::Service { name, namespace: Some(_) } = host {
                by_host.entry(name.clone()).or_default().push(at);
            } else if !matches!(host, Host::Service { .. })
                && let Some(name) = location.name()
            {
                by_name.entry(name.into_owned()).or_default().push(at);
            }
        }
        Self { locations, hosts, by_host, by_name, own }
    }

    /// All locations, in the order of the workspace: what the other functions give are their places.
    #[must_use]
    pub fn locations(&self) -> &[CodeLocation<'v, 'd>] {
        &self.locations
    }

    /// The places of a deployment's locations, in order.
    ///
    /// # Errors
    /// [`Ambiguous`].
    pub fn locations_of(&self, deployment: &str) -> Result<Vec<usize>, Ambiguous> {
        let named = self.by_host.get(&deployment.to_ascii_lowercase()).map(Vec::as_slice).unwrap_or_default();
        let (mut found, qualified): (Vec<usize>, Vec<usize>) =
            named.iter().partition(|at| self.namespace_in(**at, deployment).is_none());
        let namespaces: BTreeSet<&str> = qualified.iter().filter_map(|at| self.namespace_in(*at, deployment)).collect();
        match &self.own {
            Some(own) => {
                found.extend(qualified.iter().filter(|at| self.namespace_in(**at, deployment) == Some(own)));
            }
            None if !found.is_empty() => {}
            None if namespaces.len() > 1 => return Err(self.ambiguous(deployment, &qualified)),
            None => found.extend(qualified),
        }
        if found.is_empty() {
            found.extend(self.by_name.get(deployment).into_iter().flatten());
        }
        found.sort_unstable();
        Ok(found)
    }

    /// The places of the servers at a host, however it is written, in order.
    #[must_use]
    pub fn locations_at(&self, host: &str) -> Vec<usize> {
        let wanted = Host::read(host);
        let is_own = |namespace: &Option<String>| namespace.is_none() || *namespace == self.own;
        let is_at = |found: &Host| match (found, &wanted) {
            (Host::Service { name, namespace }, Host::Service { name: wanted, namespace: asked }) => {
                name == wanted && (namespace == asked || self.own.is_some() && is_own(namespace) && is_own(asked))
            }
            (found, wanted) => found == wanted,
        };
        let all = self.hosts.iter().enumerate();
        all.filter(|(_, host)| host.as_ref().is_some_and(is_at)).map(|(at, _)| at).collect()
    }

    /// The name of the deployment that the location at a place is of, if it is there.
    #[must_use]
    pub fn deployment_at<'x, 'y>(
        &self,
        at: usize,
        deployments: &'x UserDeployments<'y>,
    ) -> Option<DeploymentRef<'x, 'y>> {
        let names: Vec<Cow<'_, str>> = match self.hosts.get(at)?.as_ref()? {
            Host::Service { name, namespace: None } => Vec::from([Cow::Borrowed(name.as_str())]),
            host @ Host::Service { name, .. } => Vec::from([Cow::Borrowed(name.as_str()), host.key()?.into()]),
            Host::Elsewhere(_) | Host::Hidden => Vec::from([self.locations.get(at)?.name()?]),
        };
        let is_its = |name: &str| self.locations_of(name).is_ok_and(|places| places.contains(&at));
        let is_named = |deployment: &DeploymentRef<'_, '_>| {
            deployment
                .name()
                .is_some_and(|own| names.iter().any(|name| name.eq_ignore_ascii_case(&own)) && is_its(&own))
        };
        deployments.iter().find(is_named)
    }

    /// Whether its port is that of the deployment: the host is the Service itself, or in a variable. A gateway has a port of its own.
    #[must_use]
    pub fn has_port_of_deployment(&self, at: usize) -> bool {
        matches!(self.hosts.get(at), Some(Some(Host::Service { .. } | Host::Hidden)))
    }

    /// Whether its host is in a variable, so that it may be any deployment's.
    #[must_use]
    pub fn is_hidden(&self, at: usize) -> bool {
        matches!(self.hosts.get(at), Some(Some(Host::Hidden)))
    }

    /// The Service that its host names, in the documents' own namespace as far as one can tell.
    #[must_use]
    pub fn own_service(&self, at: usize) -> Option<&str> {
        match self.hosts.get(at)?.as_ref()? {
            Host::Service { name, namespace } if namespace.is_none() || *namespace == self.own => Some(name),
            _ => None,
        }
    }

    /// The Service that its host names, and the namespace where it says one.
    #[must_use]
    pub fn service(&self, at: usize) -> Option<(&str, Option<&str>)> {
        match self.hosts.get(at)?.as_ref()? {
            Host::Service { name, namespace } => Some((name, namespace.as_deref())),
            _ => None,
        }
    }

    /// The namespace that a host names beside the deployment. A host that is the deployment's name as a whole names none.
    fn namespace_in(&self, at: usize, deployment: &str) -> Option<&str> {
        match self.hosts.get(at)?.as_ref()? {
            Host::Service { name, namespace } if name.eq_ignore_ascii_case(deployment) => namespace.as_deref(),
            _ => None,
        }
    }

    fn ambiguous(&self, deployment: &str, places: &[usize]) -> Ambiguous {
        let candidates = places.iter().filter_map(|at| {
            let location = self.locations.get(*at)?;
            let span = location.get("host").unwrap_or_else(|| location.node()).span();
            let namespace = self.namespace_in(*at, deployment)?.to_string();
            Some(Candidate { location: location.name().unwrap_or_default().into_owned(), namespace, span })
        });
        Ambiguous { deployment: deployment.to_string(), candidates: candidates.collect() }
    }
}

/// The name of the Service that a host leads to.
pub(crate) fn service_of(host: &str) -> Option<String> {
    match Host::read(host) {
        Host::Service { name, .. } => Some(name),
        Host::Elsewhere(_) | Host::Hidden => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name` in `namespace`, `-` where there is none; empty where it is no Service.
    fn service(host: &str) -> String {
        match Host::read(host) {
            Host::Service { name, namespace } => format!("{name} {}", namespace.as_deref().unwrap_or("-")),
            _ => String::new(),
        }
    }

    #[test]
    fn hosts_of_services_are_told_from_others() {
        for (host, expected) in [
            ("etl", "etl -"),
            ("etl.", "etl -"),
            ("ETL", "etl -"),
            ("etl.prod", "etl prod"),
            ("etl.prod.", "etl prod"),
            ("etl.prod.svc", "etl prod"),
            ("etl.prod.svc.cluster.local", "etl prod"),
            ("etl.prod.svc.cluster.local.", "etl prod"),
            ("Etl.Prod.SVC.corp.example", "etl prod"),
            ("etl.svc", "etl svc"),
            ("etl.example.com", ""),
            ("etl.example.svcs.com", ""),
            ("10.0.0.7", ""),
            ("fd00::7", ""),
            ("localhost", ""),
            ("", ""),
        ] {
            assert_eq!(service(host), expected, "{host}");
        }
    }
}
