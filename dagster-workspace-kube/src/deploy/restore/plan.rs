//! What a restore would do, as data: [`RestorePlan`].

use dagster_workspace_core::transform::Subject;
use serde::Serialize;

use super::look::{Carried, Place};
use super::{BOTH, Job};
use crate::cluster::NamespaceState;
use crate::deploy::Step;
use crate::deploy::around::Around;
use crate::deploy::entries::names_in;
use crate::deploy::error::DeployError;
use crate::helm::{Chart, ChartSource, Upgrade};
use crate::history;
use crate::words::counted;

/// What a restore would do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RestorePlan {
    /// The revision.
    pub revision: u64,
    /// Where.
    pub namespace: String,
    /// The steps in their order.
    pub steps: Vec<PlannedStep>,
    /// What differs from the documents that are there; empty where there are none.
    pub changes: Vec<history::Changed>,
}

/// What one step of a restore would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedStep {
    /// Which.
    pub step: Step,
    /// Whether it would change anything.
    pub changes: bool,
    /// What it would do, or what it found.
    pub what: String,
}

impl RestorePlan {
    /// Whether anything would be changed.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        self.steps.iter().any(|step| step.changes)
    }
}

impl Job {
    /// The steps, decided from what is there.
    pub(super) fn plan(&self, state: NamespaceState, place: Option<&Place>) -> Result<RestorePlan, DeployError> {
        let (namespace, number) = (self.deployer.namespace().to_owned(), self.revision.number);
        let mut steps = Vec::new();
        let mut add = |step, changes, what: String| steps.push(PlannedStep { step, changes, what });
        let what = match state {
            NamespaceState::Active => format!("`{namespace}` is there"),
            NamespaceState::Missing => format!("create `{namespace}`"),
            NamespaceState::Terminating => format!("wait until `{namespace}` is gone, then create it"),
        };
        add(Step::Namespace, state != NamespaceState::Active, what);
        let mut changes = Vec::new();
        let standing = |subject| {
            let stored = place.map(|place| &place.stored);
            stored.and_then(
                |[values, workspace]| if subject == Subject::Values { values.as_ref() } else { workspace.as_ref() },
            )
        };
        for subject in BOTH {
            let (changes, what) = match standing(subject) {
                Some(stored) if stored.text == self.text(subject) => (false, format!("is that of revision {number}")),
                Some(_) => (true, format!("replace by that of revision {number}")),
                None => (true, format!("create as of revision {number}, {} bytes", self.text(subject).len())),
            };
            add(subject.into(), changes, what);
        }
        if let (Some(values), Some(workspace)) = (standing(Subject::Values), standing(Subject::Workspace)) {
            let now = history::Documents { values: values.text.clone(), workspace: workspace.text.clone() };
            // A text that cannot be read is replaced as a whole.
            changes = history::diff(&now, &self.texts).unwrap_or_default();
        }
        if !self.settings().steps.are_documents() {
            self.plan_releases(place, &mut add)?;
        }
        Ok(RestorePlan { revision: number, namespace, steps, changes })
    }

    fn plan_releases(
        &self,
        place: Option<&Place>,
        add: &mut impl FnMut(Step, bool, String),
    ) -> Result<(), DeployError> {
        let told = |upgrade: &Upgrade, carried: &Carried| {
            let (name, chart) = (&upgrade.target.release, shown(&upgrade.chart));
            match carried {
                Carried::Missing => (true, format!("install release `{name}` from {chart}")),
                Carried::Other(revision) => {
                    (true, format!("upgrade release `{name}` to {chart}, revision {}", revision + 1))
                }
                Carried::Same(revision) => (false, format!("release `{name}` is as wanted, revision {revision}")),
            }
        };
        match (place, &self.system) {
            (Some(Place { system: Some((upgrade, _, carried)), .. }), _) => {
                let (changes, what) = told(upgrade, carried);
                add(Step::System, changes, what);
            }
            (_, Some(system)) => {
                let around = self.nothing_around();
                let (changes, what) = told(&self.system_upgrade(system, &around)?.0, &Carried::Missing);
                add(Step::System, changes, what);
            }
            (_, None) => add(Step::System, false, "no values of the system are given: it is left as it is".to_owned()),
        }
        let (changes, what) = match place {
            Some(place) => told(&place.code.0, &place.code.1),
            None => told(&self.deployer.upgrade(&self.nothing_around())?, &Carried::Missing),
        };
        add(Step::Helm, changes, what);
        let names = names_in(Subject::Values, &self.texts.values);
        add(Step::Ready, false, format!("wait for {} and the system", counted(names.len(), "code server")));
        let locations = names_in(Subject::Workspace, &self.texts.workspace).len();
        add(Step::Activate, false, format!("every webserver serves {}", counted(locations, "location")));
        Ok(())
    }

    /// A namespace that is not there.
    fn nothing_around(&self) -> Around {
        self.deployer.nothing_around()
    }
}

/// A chart for people.
fn shown(chart: &Chart) -> String {
    let source = match &chart.source {
        ChartSource::Path(path) => path.display().to_string(),
        ChartSource::Repository { url: _, name } | ChartSource::Oci(name) | ChartSource::Added(name) => name.clone(),
    };
    match &chart.version {
        Some(version) => format!("{source} {version}"),
        None => source,
    }
}
