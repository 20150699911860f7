//! The Dagster system of a namespace: [`discover`] finds it by labels and by what it mounts, never by name, because the chart
//! names Deployments after the release, the chart and two overrides.

use std::collections::BTreeSet;

use kube::Client;
use kube::api::ListParams;
use kube::core::Request;
use serde::Serialize;

use super::call::{ApiError, Call};
use super::object::{Deployment, List};
use super::workload::{Mount, Role, Workload};

/// What to look for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The helm release of the system; needed where a namespace holds several.
    pub release: Option<String>,
}

/// A webserver and its daemon, or what there is of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct System {
    /// Where it runs.
    pub namespace: String,
    /// Its helm release; `None` where neither helm nor a label names one.
    pub release: Option<String>,
    /// Dagster's version: the label `app.kubernetes.io/version`.
    pub version: Option<String>,
    /// Its chart with version: the label `helm.sh/chart`.
    pub chart: Option<String>,
    /// Its Deployments, by role and name.
    pub workloads: Vec<Workload>,
}

impl System {
    /// The webservers, read-only ones included.
    pub fn webservers(&self) -> impl Iterator<Item = &Workload> {
        self.workloads.iter().filter(|workload| workload.role != Role::Daemon)
    }

    /// The daemons; the chart makes one.
    pub fn daemons(&self) -> impl Iterator<Item = &Workload> {
        self.workloads.iter().filter(|workload| workload.role == Role::Daemon)
    }

    /// Where the workspace file comes from: as the first webserver has it, else a daemon.
    #[must_use]
    pub fn workspace(&self) -> Option<&Mount> {
        self.workloads.iter().find_map(|workload| workload.mount.as_ref())
    }

    /// The version of the chart `dagster`, which is that of `dagster-user-deployments` too.
    #[must_use]
    pub fn chart_version(&self) -> Option<&str> {
        // Labels have no `+`; the chart writes `_` for it.
        self.chart.as_deref()?.strip_prefix("dagster-")
    }

    /// Services of user code whose absence keeps the system from starting. There are none where user code is a release of its
    /// own; where there are, its Deployments live inside this release (`enableSubchart: true`).
    #[must_use]
    pub fn waits_for(&self) -> BTreeSet<&str> {
        self.workloads.iter().flat_map(|workload| &workload.waits_for).map(String::as_str).collect()
    }
}

/// Why no system is found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoverError {
    /// Name another namespace, or work on the documents alone.
    #[error(
        "no Dagster webserver or daemon runs in namespace `{namespace}` (hint: name the namespace of the system, or change the \
         documents alone)"
    )]
    NoSystem {
        /// Where none is.
        namespace: String,
    },
    /// Name the release of the one that is meant.
    #[error("several Dagster systems run in namespace `{namespace}`: name one of the releases `{}`", releases.join("`, `"))]
    SeveralSystems {
        /// Where they are.
        namespace: String,
        /// Their releases; a system that has none is not in it.
        releases: Vec<String>,
    },
    /// Name one of those that there are.
    #[error("no Dagster system in namespace `{namespace}` is of release `{release}`, found `{}`", found.join("`, `"))]
    NoSuchRelease {
        /// Where it is not.
        namespace: String,
        /// What was asked for.
        release: String,
        /// The releases that have a system there.
        found: Vec<String>,
    },
    /// The Deployments cannot be listed.
    #[error("cannot look for the Dagster system")]
    Api(#[from] ApiError),
}

/// The labels that the charts give to parts of a system, those of older versions included.
const COMPONENTS: &str =
    "component in (dagster-webserver,dagster-webserver-read-only,dagster-daemon,dagit,dagit-read-only)";

/// The label that they give to code servers.
const USER_CODE: &str = "user-deployments";

/// Finds the system of a namespace.
///
/// One request, a LIST of the Deployments with the charts' labels; where none has them a second one, of all Deployments, which
/// are then known by their commands. Systems are told apart by release.
///
/// # Errors
/// [`DiscoverError::NoSystem`], [`DiscoverError::SeveralSystems`] unless `wanted` names the release,
/// [`DiscoverError::NoSuchRelease`] where it names another, [`DiscoverError::Api`] where Deployments cannot be listed.
pub async fn discover(client: &Client, namespace: &str, wanted: &Wanted) -> Result<System, DiscoverError> {
    let mut found = workloads(client, namespace, Some(COMPONENTS)).await?;
    if found.is_empty() {
        found = workloads(client, namespace, None).await?;
    }
    choose(namespace, found, wanted)
}

/// [`discover`] and [`code_servers`] in one request: a LIST of the Deployments with the charts' labels. Where no system is among
/// them, a second one as with [`discover`]; where Deployments cannot be listed there are no code servers either.
pub async fn survey(
    client: &Client,
    namespace: &str,
    wanted: &Wanted,
) -> (Result<System, DiscoverError>, Vec<CodeServer>) {
    let labels = COMPONENTS.replace(')', &format!(",{USER_CODE})"));
    let all = match deployments(client, namespace, Some(&labels)).await {
        Ok(all) => all,
        Err(error) => return (Err(error.into()), Vec::new()),
    };
    let is_user_code = |of: &Deployment| of.metadata.labels.get("component").is_some_and(|name| name == USER_CODE);
    let (servers, parts): (Vec<Deployment>, Vec<Deployment>) = all.into_iter().partition(is_user_code);
    let mut found: Vec<Workload> = parts.into_iter().filter_map(Workload::of).collect();
    let servers = sorted(servers);
    if found.is_empty() {
        found = match workloads(client, namespace, None).await {
            Ok(found) => found,
            Err(error) => return (Err(error.into()), servers),
        };
    }
    (choose(namespace, found, wanted), servers)
}

/// Of everything that was found, the system that is wanted.
fn choose(namespace: &str, mut found: Vec<Workload>, wanted: &Wanted) -> Result<System, DiscoverError> {
    let namespace = namespace.to_owned();
    let releases: BTreeSet<Option<String>> = found.iter().map(|workload| workload.release.clone()).collect();
    let named = || releases.iter().flatten().cloned().collect::<Vec<String>>();
    let release = match (&wanted.release, releases.len()) {
        (_, 0) => return Err(DiscoverError::NoSystem { namespace }),
        (None, 1) => releases.first().cloned().flatten(),
        (None, _) => return Err(DiscoverError::SeveralSystems { namespace, releases: named() }),
        (Some(release), _) if releases.contains(&wanted.release) => Some(release.clone()),
        (Some(release), _) => {
            return Err(DiscoverError::NoSuchRelease { namespace, release: release.clone(), found: named() });
        }
    };
    found.retain(|workload| workload.release == release);
    found.sort_by(|a, b| (a.role, &a.name).cmp(&(b.role, &b.name)));
    let version = found.iter().find_map(|workload| workload.version.clone());
    let chart = found.iter().find_map(|workload| workload.chart.clone());
    Ok(System { namespace, release, version, chart, workloads: found })
}

async fn workloads(client: &Client, namespace: &str, labels: Option<&str>) -> Result<Vec<Workload>, ApiError> {
    Ok(deployments(client, namespace, labels).await?.into_iter().filter_map(Workload::of).collect())
}

async fn deployments(client: &Client, namespace: &str, labels: Option<&str>) -> Result<Vec<Deployment>, ApiError> {
    let parameters = ListParams { label_selector: labels.map(str::to_owned), ..ListParams::default() };
    let request = Request::new(format!("/apis/apps/v1/namespaces/{namespace}/deployments")).list(&parameters);
    let list: List<Deployment> = Call::new("list", "deployments.apps", namespace, None).send(client, request).await?;
    Ok(list.items)
}

/// A code server as it is deployed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CodeServer {
    /// Its name in the values: the label `deployment`, which is its Service's name too.
    pub name: String,
    /// The Deployment's name.
    pub deployment: String,
    /// The helm release that it is of; that of the system where the chart's subchart deploys it.
    pub release: Option<String>,
    /// Its chart with version.
    pub chart: Option<String>,
    /// The image that it runs.
    pub image: Option<String>,
    /// Pods that it is to have.
    pub replicas: u32,
    /// Those that are ready.
    pub ready: u32,
}

/// The code servers that the charts deployed in a namespace, by name. One request.
///
/// # Errors
/// [`ApiError`] where Deployments cannot be listed.
pub async fn code_servers(client: &Client, namespace: &str) -> Result<Vec<CodeServer>, ApiError> {
    Ok(sorted(deployments(client, namespace, Some(&format!("component={USER_CODE}"))).await?))
}

fn sorted(found: Vec<Deployment>) -> Vec<CodeServer> {
    let mut servers: Vec<CodeServer> = found.into_iter().map(code_server).collect();
    servers.sort_by(|a, b| (&a.name, &a.deployment).cmp(&(&b.name, &b.deployment)));
    servers
}

fn code_server(deployment: Deployment) -> CodeServer {
    let Deployment { metadata, spec, status } = deployment;
    let label = |name: &str| metadata.labels.get(name).cloned();
    let release = metadata.annotations.get("meta.helm.sh/release-name").cloned();
    CodeServer {
        name: label("deployment").unwrap_or_else(|| metadata.name.clone()),
        release: release.or_else(|| label("app.kubernetes.io/instance")),
        chart: label("helm.sh/chart"),
        deployment: metadata.name,
        image: spec.template.spec.containers.into_iter().next().and_then(|container| container.image),
        replicas: spec.replicas.unwrap_or(1),
        ready: status.ready_replicas,
    }
}

#[cfg(test)]
mod tests {
    use super::super::doctor::tests::{system, workload};
    use super::*;

    fn of_release(release: Option<&str>, role: Role) -> Workload {
        Workload { release: release.map(str::to_owned), ..workload(role, "w") }
    }

    fn wanted(release: Option<&str>) -> Wanted {
        Wanted { release: release.map(str::to_owned) }
    }

    #[test]
    fn one_system_needs_no_release() {
        for release in [Some("a"), None] {
            let found = vec![of_release(release, Role::Daemon), of_release(release, Role::Webserver)];
            let system = choose("n", found, &wanted(None)).unwrap();
            let roles: Vec<Role> = system.workloads.iter().map(|workload| workload.role).collect();
            assert_eq!((system.release.as_deref(), roles), (release, vec![Role::Webserver, Role::Daemon]));
        }
    }

    #[test]
    fn release_chooses_among_several() {
        let found = vec![of_release(Some("b"), Role::Webserver), of_release(Some("a"), Role::Webserver)];
        let system = choose("n", found.clone(), &wanted(Some("b"))).unwrap();
        assert_eq!((system.release.as_deref(), system.workloads.len()), (Some("b"), 1));

        let error = choose("n", found.clone(), &wanted(None)).unwrap_err();
        assert!(error.to_string().ends_with("name one of the releases `a`, `b`"), "{error}");
        let error = choose("n", found, &wanted(Some("c"))).unwrap_err();
        assert!(error.to_string().ends_with("is of release `c`, found `a`, `b`"), "{error}");
        let error = choose("n", Vec::new(), &wanted(Some("c"))).unwrap_err();
        assert!(matches!(error, DiscoverError::NoSystem { .. }), "{error}");
    }

    #[test]
    fn chart_label_gives_the_version() {
        let mut system = system();
        system.chart = Some("dagster-1.13.27".into());
        assert_eq!(system.chart_version(), Some("1.13.27"));
        system.chart = Some("umbrella-2.0.0".into());
        assert_eq!(system.chart_version(), None);
    }
}
