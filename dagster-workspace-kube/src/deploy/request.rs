//! What is asked for, as data: [`Request`]. It says what to do with both documents and in which order, and nothing else: how
//! far to go from there is the deployer's.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use dagster_workspace_core::transform::pair::{self, Pair, Wanted};
use dagster_workspace_core::transform::{Subject, Transform};
use dagster_workspace_core::value::Value;
use dagster_workspace_core::values::{Image, UserDeployment, UserDeployments};
use dagster_workspace_core::yaml::Document;

/// Any error, as it comes from whoever makes the transforms of a request.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Makes the transforms of both documents from the values as they are read.
type Make = dyn Fn(&Document<'_>) -> Result<Pair, BoxError> + Send + Sync;

/// What becomes of the deployments that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aim {
    /// They are there afterwards: values first, and the workspace once their servers are ready.
    Present,
    /// They are gone afterwards: workspace first, so that no location is left without its server.
    Absent,
}

/// One change of both documents, for any number of deployments: one write for each document, one run of helm, one activation.
///
/// # Example
/// ```
/// use dagster_workspace_kube::deploy::Request;
/// let request = Request::remove(["etl", "sales"]);
/// assert_eq!(request.names(), ["etl", "sales"]);
/// ```
#[derive(Clone)]
pub struct Request {
    aim: Aim,
    names: Vec<String>,
    edits: Edits,
    scope: Scope,
    absent: Absentees,
}

/// What becomes of names that are to be removed and that nothing has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absentees {
    /// They are told of.
    Tell,
    /// The job is refused.
    Refuse,
}

/// What of the documents a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The deployments that it names.
    Names,
    /// All of them.
    Everything,
}

#[derive(Clone)]
enum Edits {
    Fixed(Pair),
    /// Both texts, byte for byte.
    Exact(Exact),
    /// Asked anew for every text of the values that is read, so it may look at what other writers have done.
    Made(Arc<Make>),
}

/// Both documents as they are to be, byte for byte.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Exact {
    /// The values.
    pub values: String,
    /// The workspace.
    pub workspace: String,
}

impl Exact {
    /// One of them.
    #[must_use]
    pub fn get(&self, subject: Subject) -> &str {
        match subject {
            Subject::Values => &self.values,
            Subject::Workspace => &self.workspace,
        }
    }
}

impl fmt::Debug for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // They hold the values of environment variables, which belong into no log.
        f.debug_struct("Exact").field("values", &self.values.len()).field("workspace", &self.workspace.len()).finish()
    }
}

impl Request {
    /// Adds deployments and their code locations.
    #[must_use]
    pub fn add<'d>(deployments: impl IntoIterator<Item = &'d UserDeployment>) -> Self {
        let deployments: Vec<&UserDeployment> = deployments.into_iter().collect();
        let names = deployments.iter().map(|deployment| deployment.name().to_owned()).collect();
        let pairs = deployments.into_iter().map(|deployment| pair::add(deployment, &Wanted::default()));
        Self::of(Aim::Present, names, pairs.fold(Pair::default(), Pair::and))
    }

    /// Sets fields of a deployment, as [`Transform::UpdateDeployment`]; its location follows a new port.
    #[must_use]
    pub fn update(name: impl Into<String>, fields: &Value) -> Self {
        let name = name.into();
        let pair = pair::update(&name, fields, None);
        Self::of(Aim::Present, vec![name], pair)
    }

    /// Gives deployments another image. The workspace is not looked at: Dagster sees no difference there.
    #[must_use]
    pub fn set_image<N: Into<String>>(names: impl IntoIterator<Item = N>, image: &Image) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let pair = names.iter().map(|name| pair::set_image(name, image)).fold(Pair::default(), Pair::and);
        Self::of(Aim::Present, names, pair)
    }

    /// Removes deployments and their locations. A name without a deployment is that of a location, or of the Service at its host: a job
    /// that was cut off has left that.
    ///
    /// Names of nothing are told of, and refused by [`Request::strict`].
    #[must_use]
    pub fn remove<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let all = names.clone();
        Self::made(Aim::Absent, names, move |values| Ok(removal(&all, values)))
    }

    /// The same, refused where a name to be removed is that of nothing.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.absent = Absentees::Refuse;
        self
    }

    /// Any transforms of both documents; `names` are the deployments that they are about.
    #[must_use]
    pub fn of(aim: Aim, names: Vec<String>, pair: Pair) -> Self {
        Self { aim, names, edits: Edits::Fixed(pair), scope: Scope::Names, absent: Absentees::Tell }
    }

    /// Transforms that follow from the values as they are, such as a copy of another deployment. `make` may run several
    /// times, each time on the newest text.
    #[must_use]
    pub fn made(
        aim: Aim,
        names: Vec<String>,
        make: impl Fn(&Document<'_>) -> Result<Pair, BoxError> + Send + Sync + 'static,
    ) -> Self {
        Self { aim, names, edits: Edits::Made(Arc::new(make)), scope: Scope::Names, absent: Absentees::Tell }
    }

    /// Both documents as they were, byte for byte: what is not in these texts goes.
    ///
    /// Written only over what was read when the job began, so nothing is dropped that the job does not tell of.
    #[must_use]
    pub fn exact(exact: Exact) -> Self {
        let edits = Edits::Exact(exact);
        let absent = Absentees::Tell;
        Self { aim: Aim::Present, names: Vec::new(), edits, scope: Scope::Everything, absent }
    }

    /// The texts of [`Request::exact`].
    #[must_use]
    pub fn texts(&self) -> Option<&Exact> {
        match &self.edits {
            Edits::Exact(exact) => Some(exact),
            Edits::Fixed(_) | Edits::Made(_) => None,
        }
    }

    /// What becomes of the deployments.
    #[must_use]
    pub fn aim(&self) -> Aim {
        self.aim
    }

    /// The deployments.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Both documents in the order in which they are written.
    #[must_use]
    pub fn order(&self) -> [Subject; 2] {
        match self.aim {
            Aim::Present => [Subject::Values, Subject::Workspace],
            Aim::Absent => [Subject::Workspace, Subject::Values],
        }
    }

    /// The same about everything in both documents, whatever the names: the workspace is looked at in any case, and webservers
    /// are to serve all of it and nothing else.
    #[must_use]
    pub fn for_everything(mut self) -> Self {
        self.scope = Scope::Everything;
        self
    }

    pub(crate) fn scope(&self) -> Scope {
        self.scope
    }

    pub(crate) fn absent(&self) -> Absentees {
        self.absent
    }

    /// The transforms for these values.
    pub(crate) fn pair(&self, values: &Document<'_>) -> Result<Pair, BoxError> {
        match &self.edits {
            Edits::Fixed(pair) => Ok(pair.clone()),
            Edits::Exact(_) => Ok(Pair::default()),
            Edits::Made(make) => make(values),
        }
    }
}

/// What removes these names from both documents.
fn removal(names: &[String], values: &Document<'_>) -> Pair {
    let deployments = UserDeployments::of(values);
    let known: BTreeSet<_> = deployments.iter().filter_map(|deployment| deployment.name()).collect();
    let one = |name: &String| {
        let both = pair::remove(name, None);
        if known.contains(name.as_str()) {
            return both;
        }
        // Without a deployment a host in another namespace is somebody else's.
        let at_host = Transform::UnpairLocation { deployment: name.clone(), host: Some(name.clone()) };
        Pair { workspace: vec![Transform::RemoveLocation { name: name.clone() }, at_host], ..both }
    };
    names.iter().map(one).fold(Pair::default(), Pair::and)
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { aim, names, edits, scope: _, absent: _ } = self;
        let mut out = f.debug_struct("Request");
        out.field("aim", aim).field("names", names);
        // Transforms hold the values of environment variables, which belong into no log.
        match edits {
            Edits::Fixed(pair) => out.field("transforms", &(pair.values.len() + pair.workspace.len())),
            Edits::Exact(exact) => out.field("exact", exact),
            Edits::Made(_) => &mut out,
        };
        out.finish_non_exhaustive()
    }
}
