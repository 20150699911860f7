//! How it stands: both documents, the release, the code servers and what the webservers serve, and where they differ. Read
//! [`Status`]; [`Deployer::status`] makes one and writes nothing.

use std::collections::BTreeSet;

use dagster_workspace_core::error::Severity;
use dagster_workspace_core::lint;
use dagster_workspace_core::transform::Subject;
use dagster_workspace_core::workspace::Workspace;
use dagster_workspace_core::yaml::Document;
use serde::Serialize;

use super::activate::as_served;
use super::around::Around;
use super::deployer::{Deployer, Holders};
use super::documents::{Documents, DocumentsError, noun};
use super::entries;
use super::error::DeployError;
use crate::cluster::{self, CodeServer, Owner, System};
use crate::helm::{self, Release};
use crate::reload::{Difference, Expected, Location, LocationState};
use crate::store::{StoreError, Stored};
use crate::words::counted;

/// How it stands.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The Dagster system; `None` where none runs.
    pub system: Option<System>,
    /// Where the documents are.
    #[serde(skip)]
    pub holders: Holders,
    /// The values, then the workspace.
    pub documents: Vec<DocumentStatus>,
    /// The release of the code servers; `None` where there is none.
    pub release: Option<Release>,
    /// Code servers that run.
    pub servers: Vec<CodeServer>,
    /// What each webserver serves.
    pub webservers: Vec<WebserverStatus>,
    /// What is unfinished or has drifted. Empty: all is as the documents say.
    pub findings: Vec<Drift>,
}

/// How a document stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DocumentStatus {
    /// `values` or `workspace`.
    pub document: &'static str,
    /// The ConfigMap.
    pub config_map: String,
    /// The key in it.
    pub key: String,
    /// `uid/resourceVersion`; `None`: there is no such document.
    pub version: Option<String>,
    /// Deployments, or locations.
    pub entries: Vec<String>,
    /// Errors that Dagster or the chart would find.
    pub errors: usize,
}

/// What a webserver serves.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WebserverStatus {
    /// Its name.
    pub webserver: String,
    /// Its locations; `None` where it could not be asked.
    pub locations: Option<Vec<Location>>,
    /// Why it could not be asked.
    pub error: Option<String>,
}

/// One thing that is not as the documents say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// Stable word for programs.
    pub kind: DriftKind,
    /// What it is, in a few words.
    pub message: String,
}

/// What kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DriftKind {
    /// A document is missing.
    NoDocument,
    /// A document has errors.
    Errors,
    /// The release does not carry the values.
    NotRolledOut,
    /// helm is at work on the release, or failed.
    Release,
    /// A deployment has no code server.
    NoCodeServer,
    /// A code server is not ready.
    NotReady,
    /// A deployment has no location: the rest of a job that was cut off, or a workspace that was set back.
    NoLocation,
    /// A location has no deployment of the values behind it.
    NoDeployment,
    /// The system's release owns the workspace, so its next upgrade sets it back.
    ChartOwned,
    /// A webserver serves something else than the workspace says.
    NotActive,
    /// A location loads with an error.
    NotLoaded,
    /// A webserver cannot be asked.
    Unreachable,
}

impl Status {
    /// Whether all is as the documents say. Who owns the workspace is another matter, and locations without a deployment may be
    /// somebody's own.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.findings.iter().all(|drift| matches!(drift.kind, DriftKind::ChartOwned | DriftKind::NoDeployment))
    }
}

impl Deployer {
    /// How it stands. Reads only: both documents, the workspace's ConfigMap, the release, the code servers, and every webserver.
    ///
    /// # Errors
    /// [`DeployError`] where the cluster cannot be looked at; what is missing there is a finding.
    pub async fn status(&self) -> Result<Status, DeployError> {
        let around = self.find().await?;
        let documents = self.documents(&around);
        let values = stored(&documents, Subject::Values).await?;
        let workspace = stored(&documents, Subject::Workspace).await?;
        let mut findings = Vec::new();
        let both = vec![
            self.look_at(&documents, Subject::Values, values.as_ref(), &around, &mut findings),
            self.look_at(&documents, Subject::Workspace, workspace.as_ref(), &around, &mut findings),
        ];
        self.look_at_owner(&around, &mut findings).await?;
        let release = self.look_at_release(values.as_ref(), &around, &mut findings).await?;
        let texts = [&values, &workspace].map(|stored| stored.as_ref().map_or("", |stored| stored.text.as_str()));
        look_at_pairing(texts, &around, &documents, &mut findings);
        let webservers = self.look_at_webservers(texts[1], &around, &mut findings).await?;
        let Around { system, holders, servers, .. } = around;
        Ok(Status { system, holders, documents: both, release, servers, webservers, findings })
    }

    fn look_at(
        &self,
        documents: &Documents,
        subject: Subject,
        stored: Option<&Stored>,
        around: &Around,
        findings: &mut Vec<Drift>,
    ) -> DocumentStatus {
        let holder = around.holders.of(subject);
        let (config_map, key) = (holder.config_map.clone(), holder.key.clone());
        let mut status =
            DocumentStatus { document: noun(subject), config_map, key, version: None, entries: Vec::new(), errors: 0 };
        let Some(stored) = stored else {
            let message = format!("there is no `{}` in ConfigMap `{}`", status.key, status.config_map);
            findings.push(Drift { kind: DriftKind::NoDocument, message });
            return status;
        };
        status.version = Some(stored.version.as_str().to_owned());
        let target = documents.target();
        let found = match Document::parse(stored.text.as_str()) {
            Ok(document) => {
                status.entries = entries::names(subject, &document);
                match subject {
                    Subject::Values => lint::lint_values(&document, target),
                    Subject::Workspace => lint::lint_workspace(&document, target),
                }
            }
            Err(error) => vec![error.diagnostic()],
        };
        status.errors = found.iter().filter(|finding| finding.severity == Severity::Error).count();
        if let Some(first) = found.iter().find(|finding| finding.severity == Severity::Error) {
            let message = format!("the {} have {}: {}", noun(subject), counted(status.errors, "error"), first.message);
            findings.push(Drift { kind: DriftKind::Errors, message });
        }
        status
    }

    async fn look_at_owner(&self, around: &Around, findings: &mut Vec<Drift>) -> Result<(), DeployError> {
        let holder = &around.holders.workspace;
        let found = cluster::config_map(&self.shared.client, self.namespace(), &holder.config_map).await?;
        if let Some(Owner::Helm { release, .. }) = found.as_ref().map(|found| found.owner(&holder.key)) {
            let message =
                format!("`{}` belongs to release `{release}`: its next upgrade sets it back", holder.config_map);
            findings.push(Drift { kind: DriftKind::ChartOwned, message });
        }
        Ok(())
    }

    async fn look_at_release(
        &self,
        values: Option<&Stored>,
        around: &Around,
        findings: &mut Vec<Drift>,
    ) -> Result<Option<Release>, DeployError> {
        let mut drift = |kind, message: String| findings.push(Drift { kind, message });
        let name = &around.release;
        let release = helm::release(&self.shared.client, self.namespace(), name).await?;
        let Some(found) = &release else {
            if values.is_some() {
                drift(DriftKind::NotRolledOut, format!("there is no release `{name}`"));
            }
            return Ok(None);
        };
        if found.status != helm::Status::Deployed {
            drift(
                DriftKind::Release,
                format!("release `{name}` is {}, revision {}", found.status.as_str(), found.revision),
            );
        } else if let Some(values) = values
            // Without a chart's version nothing can be said of the release.
            && let Ok(upgrade) = self.upgrade(around)
            && !found.is_deployed_from(&upgrade.hash(&values.text)?)
        {
            drift(DriftKind::NotRolledOut, format!("release `{name}` does not carry the values of now"));
        }
        Ok(release)
    }

    async fn look_at_webservers(
        &self,
        workspace: &str,
        around: &Around,
        findings: &mut Vec<Drift>,
    ) -> Result<Vec<WebserverStatus>, DeployError> {
        let mut statuses = Vec::new();
        for asked in self.webservers(around).await? {
            let name = asked.webserver.name().to_owned();
            match asked.webserver.locations(self.settings().activation.patience).await {
                Ok(locations) => {
                    for (kind, message) in differences(workspace, &locations) {
                        findings.push(Drift { kind, message: format!("webserver `{name}`: {message}") });
                    }
                    statuses.push(WebserverStatus { webserver: name, locations: Some(locations), error: None });
                }
                Err(error) => {
                    findings.push(Drift { kind: DriftKind::Unreachable, message: error.to_string() });
                    statuses.push(WebserverStatus { webserver: name, locations: None, error: Some(error.to_string()) });
                }
            }
        }
        Ok(statuses)
    }
}

pub(super) async fn stored(documents: &Documents, subject: Subject) -> Result<Option<Stored>, DeployError> {
    match documents.get(subject).await {
        Ok(stored) => Ok(Some(stored)),
        Err(DocumentsError::Store { source: StoreError::NotFound { .. }, .. }) => Ok(None),
        Err(source) => Err(DeployError::Documents { failed: None, source }),
    }
}

/// What in the documents does not pair up, and which code servers are missing or not ready.
fn look_at_pairing(texts: [&str; 2], around: &Around, documents: &Documents, findings: &mut Vec<Drift>) {
    let (Ok(values), Ok(workspace)) = (Document::parse(texts[0]), Document::parse(texts[1])) else { return };
    for found in lint::lint_pairing(&values, &workspace, documents.target()) {
        // A deployment that has no server is the one finding in the values.
        let kind = if found.code == "DW0301" { DriftKind::NoLocation } else { DriftKind::NoDeployment };
        findings.push(Drift { kind, message: found.message });
    }
    for name in entries::names(Subject::Values, &values) {
        match around.servers.iter().find(|server| server.name == name) {
            None => {
                let message = format!("deployment `{name}` has no code server");
                findings.push(Drift { kind: DriftKind::NoCodeServer, message });
            }
            Some(server) if server.ready < server.replicas => {
                let CodeServer { ready, replicas, .. } = server;
                let message = format!("code server `{name}` is not ready: {ready} of {replicas} pods");
                findings.push(Drift { kind: DriftKind::NotReady, message });
            }
            Some(_) => {}
        }
    }
}

/// How what a webserver serves differs from the whole workspace.
fn differences(workspace: &str, served: &[Location]) -> Vec<(DriftKind, String)> {
    let mut differences: Vec<(DriftKind, String)> = everything(workspace, served)
        .differences(served)
        .iter()
        .map(|difference: &Difference| (DriftKind::NotActive, difference.to_string()))
        .collect();
    for location in served {
        if let LocationState::Failed { errors } = &location.state {
            let why = errors.first().map_or("it does not say why", |error| &error.message);
            let first = why.lines().next().unwrap_or_default();
            differences.push((DriftKind::NotLoaded, format!("`{}` does not load: {first}", location.name)));
        }
    }
    differences
}

/// All of the workspace, and nothing else.
pub(super) fn everything(workspace: &str, served: &[Location]) -> Expected {
    let mut expected = Expected::default();
    let Ok(document) = Document::parse(workspace) else { return expected };
    expected.present = Workspace::of(&document).locations().filter_map(|location| as_served(&location)).collect();
    let known: BTreeSet<&str> = expected.present.iter().map(|location| location.name.as_str()).collect();
    let others = served.iter().filter(|location| !known.contains(location.name.as_str()));
    expected.absent = others.map(|location| location.name.clone()).collect();
    expected
}
