//! The deployer: a cluster, a namespace, and how to go about jobs there. Start with [`Deployer::builder`].

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use dagster_workspace_core::lint::Target;
use dagster_workspace_core::transform::Subject;
use dagster_workspace_core::value::Value;
use dagster_workspace_core::values::{Image, UserDeployment};
use kube::Client;
use kube::client::ClientBuilder;

use super::around::{Around, Looked};
use super::documents::{Documents, DocumentsError, Edited, key};
use super::error::{DeployError, Failed};
use super::event::Events;
use super::report::Report;
use super::request::Request;
use super::settings::Settings;
use crate::cluster::{self, ApiError, Cluster, Connected, Holder, Owner};
use crate::helm::Helm;
use crate::reload;
use crate::store::{ConfigMaps, Key, Place};

/// Changes code locations of the Dagster in one namespace, and sees to it that the change is deployed and served.
///
/// Every step is decided from what is there now: a job that was cut off anywhere is finished by running it again, and a job
/// that is done does nothing. Futures may be dropped at any await. Clones share their turns, so that concurrent calls of one
/// process do not race for the documents.
///
/// # Example
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use dagster_workspace_core::values::UserDeployment;
/// use dagster_workspace_kube::cluster::{self, Connection};
/// use dagster_workspace_kube::deploy::Deployer;
/// let connected = cluster::connect(&Connection { namespace: Some("dagster".into()), ..Connection::default() }).await?;
/// let deployer = Deployer::builder(&connected).build();
/// let report = deployer.add(&[UserDeployment::new("shop-etl", "ghcr.io/acme/shop-etl:1.4.2".parse()?)]).await?;
/// println!("changed: {}", report.changed);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Deployer {
    pub(super) shared: Arc<Shared>,
    pub(super) events: Events,
}

/// What all clones of a deployer have in common.
pub(super) struct Shared {
    pub(super) client: Client,
    /// For webservers: a reload may take longer than the API server may be silent.
    pub(super) patient: Client,
    pub(super) namespace: String,
    pub(super) settings: Settings,
    pub(super) helm: Helm,
    /// One helm at a time within this process; a lease sees to other processes.
    pub(super) helm_turn: tokio::sync::Mutex<()>,
    /// What came of looking around last. Held while somebody looks.
    pub(super) looked: tokio::sync::Mutex<Option<Looked>>,
    // A std mutex: never held across an await. The documents of the places that were found last.
    known: Mutex<Option<Known>>,
}

/// The documents of a place, and the store that they are in.
struct Known {
    holders: Holders,
    store: Arc<ConfigMaps>,
    documents: Documents,
}

/// Where both documents are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holders {
    /// The values.
    pub values: Holder,
    /// The workspace.
    pub workspace: Holder,
}

impl Holders {
    /// Where one of them is.
    #[must_use]
    pub fn of(&self, subject: Subject) -> &Holder {
        match subject {
            Subject::Values => &self.values,
            Subject::Workspace => &self.workspace,
        }
    }
}

/// Makes a [`Deployer`].
#[must_use]
pub struct Builder {
    client: Client,
    patient: Client,
    namespace: String,
    settings: Settings,
    events: Events,
}

impl Deployer {
    /// A deployer for this cluster and namespace. helm is told of the same kubeconfig and context.
    pub fn builder(connected: &Connected) -> Builder {
        let mut settings = Settings::default();
        if let Cluster::Context { files, name } = &connected.cluster {
            settings.context = Some(name.clone());
            // Of several files helm finds out by the same variable.
            settings.kubeconfig = if let [file] = files.as_slice() { Some(file.clone()) } else { None };
        }
        let patient = ClientBuilder::try_from(reload::patient(connected.config.clone()));
        let patient = patient.map_or_else(|_| connected.client.clone(), ClientBuilder::build);
        let (client, namespace) = (connected.client.clone(), connected.namespace.clone());
        Builder { client, patient, namespace, settings, events: Events::unheard() }
    }

    /// A deployer with a client of one's own. helm finds the cluster by itself.
    pub fn with_client(client: Client, namespace: impl Into<String>) -> Builder {
        let patient = client.clone();
        let (settings, events) = (Settings::default(), Events::unheard());
        Builder { client, patient, namespace: namespace.into(), settings, events }
    }

    /// The same deployer, telling its events to somebody else.
    #[must_use]
    pub fn heard_by(&self, events: Events) -> Self {
        Self { shared: Arc::clone(&self.shared), events }
    }

    /// A deployer of the same place with other settings, and with turns of its own.
    #[cfg(feature = "object-store")]
    pub(super) fn with_settings(&self, settings: Settings) -> Self {
        let Shared { client, patient, namespace, .. } = &*self.shared;
        let builder = Builder {
            client: client.clone(),
            patient: patient.clone(),
            namespace: namespace.clone(),
            settings,
            events: self.events.clone(),
        };
        builder.build()
    }

    /// Where it works.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.shared.namespace
    }

    /// How it goes about it.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Adds deployments and their code locations.
    ///
    /// # Errors
    /// As [`Deployer::run`].
    pub async fn add(&self, deployments: &[UserDeployment]) -> Result<Report, Failed> {
        self.run(&Request::add(deployments)).await
    }

    /// Sets fields of a deployment; null removes one. Its location follows a new port.
    ///
    /// # Errors
    /// As [`Deployer::run`].
    pub async fn update(&self, name: &str, fields: &Value) -> Result<Report, Failed> {
        self.run(&Request::update(name, fields)).await
    }

    /// Gives deployments another image.
    ///
    /// # Errors
    /// As [`Deployer::run`].
    pub async fn set_image(&self, names: &[&str], image: &Image) -> Result<Report, Failed> {
        self.run(&Request::set_image(names.iter().copied(), image)).await
    }

    /// Removes deployments and their code locations.
    ///
    /// # Errors
    /// As [`Deployer::run`].
    pub async fn remove(&self, names: &[&str]) -> Result<Report, Failed> {
        self.run(&Request::remove(names.iter().copied())).await
    }

    /// The documents, and where they are. One LIST, of the system's Deployments.
    ///
    /// # Errors
    /// [`DeployError`] where that cannot be found out.
    pub async fn find_documents(&self) -> Result<(Documents, Holders), DeployError> {
        let around = self.find().await?;
        Ok((self.documents(&around), around.holders))
    }

    /// The documents where they were found.
    pub(super) fn documents(&self, around: &Around) -> Documents {
        let holders = &around.holders;
        // Nothing that holds the lock can panic half way, so what is behind a poisoned lock is whole.
        let mut known = self.shared.known.lock().unwrap_or_else(PoisonError::into_inner);
        let documents = match known.as_ref().filter(|known| known.holders == *holders) {
            Some(known) => known.documents.clone(),
            None => {
                let store = Arc::new(self.store(holders));
                let documents = Documents::new(store.clone()).with_policy(self.settings().retry.clone());
                *known = Some(Known { holders: holders.clone(), store, documents: documents.clone() });
                documents
            }
        };
        documents.with_target(self.target(around))
    }

    /// Whether the ConfigMap of a document takes what is to become of it, as far as that shows in what was read of it.
    pub(super) fn check_room(&self, around: &Around, edited: &Edited) -> Result<(), DocumentsError> {
        let Edited { subject, text, .. } = edited;
        let obstacle = self
            .known_store(|holders| *holders == around.holders)
            .and_then(|store| store.obstacle(&key(*subject), text.len() as u64));
        obstacle.map_or(Ok(()), |source| Err(DocumentsError::Store { subject: *subject, source }))
    }

    /// Who owns the workspace: as it was read last, else one GET.
    pub(super) async fn owner_of_workspace(&self, holder: &Holder) -> Result<Owner, ApiError> {
        let seen = self.known_store(|holders| holders.workspace == *holder);
        let seen = seen.and_then(|store| store.metadata(&Key::workspace()));
        if let Some(owner) = seen.and_then(|metadata| Owner::in_metadata(&metadata, &holder.key)) {
            return Ok(owner);
        }
        let found = cluster::config_map(&self.shared.client, &self.shared.namespace, &holder.config_map).await?;
        Ok(found.map_or(Owner::Nobody, |found| found.owner(&holder.key).clone()))
    }

    /// The store of the documents that were found last, where those are wanted.
    fn known_store(&self, wanted: impl Fn(&Holders) -> bool) -> Option<Arc<ConfigMaps>> {
        let known = self.shared.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|known| wanted(&known.holders)).map(|known| Arc::clone(&known.store))
    }

    fn store(&self, Holders { values, workspace }: &Holders) -> ConfigMaps {
        let Shared { client, namespace, settings, .. } = &*self.shared;
        let store = ConfigMaps::new(client.clone(), namespace).with_field_manager(&settings.field_manager);
        let places = [(Key::values(), values), (Key::workspace(), workspace)];
        places.into_iter().fold(store, |store, (document, holder)| match place(holder) {
            Some(place) => store.with_place(document, place),
            None => store,
        })
    }

    /// The versions that documents are judged for.
    fn target(&self, around: &Around) -> Target {
        let namespace = Some(self.namespace().to_owned());
        if let Some(target) = &self.settings().target {
            return Target { namespace, ..target.clone() };
        }
        let mut target = Target { namespace, ..Target::default() };
        let system = around.system.as_ref();
        if let Some(dagster) = system.and_then(|system| system.version.as_deref()?.parse().ok()) {
            target.dagster = dagster;
        }
        let chart = self.settings().chart_version.as_deref().or_else(|| system?.chart_version());
        if let Some(chart) = chart.and_then(|version| version.parse().ok()) {
            target.chart = chart;
        }
        target
    }
}

/// The place of a document; `None` where its key is none, so that the usual place is taken.
fn place(holder: &Holder) -> Option<Place> {
    let place = Place::new(&holder.config_map, Key::new(&holder.key).ok()?);
    Some(match holder.or_key.as_ref().and_then(|key| Key::new(key).ok()) {
        Some(key) => place.or_key(key),
        None => place,
    })
}

impl Builder {
    /// How to go about jobs. Replaces all settings but where helm finds the cluster, unless they say that, too.
    pub fn settings(mut self, settings: Settings) -> Self {
        let Settings { kubeconfig, context, .. } = self.settings;
        self.settings = settings;
        if self.settings.kubeconfig.is_none() && self.settings.context.is_none() {
            (self.settings.kubeconfig, self.settings.context) = (kubeconfig, context);
        }
        self
    }

    /// The client for everything but webservers, such as one that counts requests.
    pub fn client(mut self, client: Client) -> Self {
        self.client = client;
        self
    }

    /// The client for webservers in pods; see [`reload::patient`].
    pub fn patient_client(mut self, client: Client) -> Self {
        self.patient = client;
        self
    }

    /// Who hears what happens.
    pub fn events(mut self, events: Events) -> Self {
        self.events = events;
        self
    }

    /// The deployer. Nothing has been sent yet.
    #[must_use]
    pub fn build(self) -> Deployer {
        let Self { client, patient, namespace, settings, events } = self;
        let helm = Helm::find(settings.helm.as_deref());
        let (helm_turn, looked, known) = <_>::default();
        let shared = Shared { client, patient, namespace, settings, helm, helm_turn, looked, known };
        Deployer { shared: Arc::new(shared), events }
    }
}

impl fmt::Debug for Deployer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { namespace, settings, .. } = &*self.shared;
        f.debug_struct("Deployer").field("namespace", namespace).field("settings", settings).finish_non_exhaustive()
    }
}
