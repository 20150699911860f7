//! Both documents set back to whole texts: what goes first, and what is waited for. `Request::exact` asks for it, and
//! [`bring_back`] makes the request for a single entry.

use dagster_workspace_core::pairing::Pairing;
use dagster_workspace_core::transform::Transform;
use dagster_workspace_core::transform::pair::{Pair, Wanted};
use dagster_workspace_core::value::Value;
use dagster_workspace_core::values::{UserDeployment, UserDeployments};
use dagster_workspace_core::workspace::{GrpcServer, Workspace};
use dagster_workspace_core::yaml::Document;

use super::request::{Aim, BoxError, Exact, Request};

/// Why an entry does not come back.
#[derive(Debug, thiserror::Error)]
pub enum BringBackError {
    /// It was not there then, either: look for a revision that has it.
    #[error("there was no deployment `{name}` then")]
    NotFound {
        /// Its name.
        name: String,
    },
    /// The older text cannot be read, or the entry cannot be made of it.
    #[error("`{name}` cannot be read as it was then")]
    Unreadable {
        /// Its name.
        name: String,
        /// Why not.
        #[source]
        source: BoxError,
    },
}

/// The deployment `name` as it was in `then`, and its location: added where it is missing, changed where it differs. A location
/// that is there keeps what it has, but for the port.
///
/// `own` is the namespace of the deployments, where it is known.
///
/// # Errors
/// [`BringBackError`].
pub fn bring_back(then: &Exact, name: &str, own: Option<&str>) -> Result<Request, BringBackError> {
    let unreadable = |source: BoxError| BringBackError::Unreadable { name: name.to_owned(), source };
    let values = Document::parse(then.values.as_str()).map_err(|error| unreadable(error.into()))?;
    let view = UserDeployments::of(&values);
    let Some(entry) = view.get(name) else { return Err(BringBackError::NotFound { name: name.to_owned() }) };
    let entry = entry.to_value().map_err(|error| unreadable(error.into()))?;
    let deployment = UserDeployment::from_value(&entry).map_err(|error| unreadable(error.into()))?;
    let servers = servers_of(&then.workspace, name, own).map_err(unreadable)?;
    let made = move |now: &Document<'_>| {
        let view = UserDeployments::of(now);
        let transform = match view.get(deployment.name()) {
            None => Transform::AddDeployment { deployment: deployment.clone() },
            Some(now) => {
                let fields = difference(&now.to_value()?, &entry);
                Transform::UpdateDeployment { name: deployment.name().to_owned(), fields }
            }
        };
        let location = |server: &GrpcServer| {
            let (deployment, server) = (deployment.name().to_owned(), server.clone());
            Transform::PairLocation { deployment, server, wanted: Wanted::default() }
        };
        let workspace = servers.iter().map(location);
        Ok::<_, BoxError>(Pair { values: vec![transform], workspace: workspace.collect() })
    };
    Ok(Request::made(Aim::Present, vec![name.to_owned()], made))
}

/// The servers of a deployment in a workspace.
fn servers_of(workspace: &str, name: &str, own: Option<&str>) -> Result<Vec<GrpcServer>, BoxError> {
    let document = Document::parse(workspace)?;
    let workspace = Workspace::of(&document);
    let pairing = Pairing::of(&workspace, own);
    let places = pairing.locations_of(name)?;
    let server = |item: Value| Ok(GrpcServer::from_value(item.get("grpc_server").unwrap_or(&Value::Null))?);
    let locations = places.into_iter().filter_map(|at| pairing.locations().get(at));
    locations.map(|location| server(location.to_value()?)).collect()
}

/// The fields that make `then` of `now`, as RFC 7386 merges them.
fn difference(now: &Value, then: &Value) -> Value {
    let mut fields = Value::Mapping(Vec::new());
    for (key, _) in now.entries().iter().filter(|(key, _)| then.get(key).is_none()) {
        fields.set(key, Value::Null);
    }
    for (key, value) in then.entries() {
        match now.get(key) {
            Some(now) if now.is_same(value) => {}
            Some(now @ Value::Mapping(_)) if matches!(value, Value::Mapping(_)) => {
                fields.set(key, difference(now, value));
            }
            _ => fields.set(key, value.clone()),
        }
    }
    fields
}

#[cfg(feature = "cluster")]
mod on_cluster {
    use dagster_workspace_core::transform::Subject;

    use super::{Aim, Pair, Request, Transform};
    use crate::deploy::around::Around;
    use crate::deploy::documents::{Documents, DocumentsError, Edited};
    use crate::deploy::entries::names_in;
    use crate::deploy::error::DeployError;
    use crate::deploy::flow::Run;
    use crate::deploy::report::Report;
    use crate::deploy::{Deployer, Step};
    use crate::plan;

    impl Deployer {
        /// Takes locations out of the workspace that are not to come back, before their servers go. Gives the workspace after it;
        /// `None` where nothing had to go.
        pub(in crate::deploy) async fn take_away(
            &self,
            around: &Around,
            documents: &Documents,
            planned: &[Edited],
            report: &mut Report,
        ) -> Result<Option<String>, (Step, DeployError)> {
            let steps = &self.settings().steps;
            let workspace = planned.iter().find(|edited| edited.subject == Subject::Workspace);
            let Some(workspace) = workspace.filter(|_| steps.has(Step::Workspace)) else { return Ok(None) };
            let stay = names_in(Subject::Workspace, &workspace.text);
            let before = names_in(Subject::Workspace, &workspace.before);
            let gone: Vec<String> = before.into_iter().filter(|name| !stay.contains(name)).collect();
            if gone.is_empty() {
                return Ok(None);
            }
            let transforms = gone.iter().map(|name| Transform::RemoveLocation { name: name.clone() }).collect();
            let request = Request::of(Aim::Absent, gone, Pair { values: Vec::new(), workspace: transforms });
            let failed = |source| (Step::Workspace, DeployError::Documents { failed: None, source });
            let mut job = match documents.begin(&request).await {
                Ok(job) => job,
                // Notation that no edit may go through: the whole text follows anyway.
                Err(DocumentsError::Transform { source, .. }) => {
                    self.events.warn(Step::Workspace, format!("locations go together with their servers: {source}"));
                    return Ok(None);
                }
                Err(error) => return Err(failed(error)),
            };
            report.documents = job.planned().to_vec();
            let mut run = Run::new(self, &request, around, report);
            run.preflight(&job).await.map_err(|error| (Step::Workspace, error))?;
            for step in [Step::Workspace, Step::Activate].into_iter().filter(|step| steps.has(*step)) {
                run.step(step, &mut job).await.map_err(|error| (step, error))?;
            }
            Ok(run.document(Subject::Workspace).map(|edited| edited.text.clone()))
        }
    }

    /// Deployments that differ between values, and stay.
    pub(in crate::deploy) fn changed(planned: &[Edited]) -> Vec<String> {
        let values = planned.iter().find(|edited| edited.subject == Subject::Values);
        let rolls = values.map(|values| plan::rolls(&values.before, &values.text)).unwrap_or_default();
        let stay = values.map(|values| names_in(Subject::Values, &values.text)).unwrap_or_default();
        rolls.into_iter().filter(|name| stay.contains(name)).collect()
    }
}

#[cfg(feature = "cluster")]
pub(super) use on_cluster::changed;

#[cfg(test)]
mod tests {
    use super::*;

    const THEN: &str = "deployments:\n- {name: etl, image: {repository: r, tag: '1', pullPolicy: Always}, port: 3030, labels: {a: b}}\n";

    #[track_caller]
    fn check(now: &str, expected: &str) {
        let then =
            Exact { values: THEN.into(), workspace: "load_from:\n- grpc_server: {host: etl, port: 3030}\n".into() };
        let request = bring_back(&then, "etl", None).unwrap();
        let document = Document::parse(now).unwrap();
        let pair = request.pair(&document).unwrap();
        let applied = dagster_workspace_core::transform::apply(now, &pair.values, &Default::default()).unwrap();
        assert_eq!(applied.text, expected);
        assert_eq!(pair.workspace.len(), 1);
    }

    #[test]
    fn entry_comes_back_where_it_is_gone_or_differs_and_others_stay() {
        let other = "- {name: b, image: {repository: r, tag: '1', pullPolicy: Always}, port: 1}\n";
        check(THEN, THEN);
        let differs = "deployments:\n- {name: etl, image: {repository: r, tag: '2', pullPolicy: Always}, port: 3030, annotations: {x: y}}\n";
        check(
            &format!("{differs}{other}"),
            &format!(
                "deployments:\n- {{name: etl, image: {{repository: r, tag: '1', pullPolicy: Always}}, port: 3030, labels: {{a: b}}}}\n{other}"
            ),
        );
    }

    #[test]
    fn err_entry_that_was_not_there() {
        let then = Exact { values: "deployments: []\n".into(), workspace: "load_from: []\n".into() };
        assert!(
            matches!(bring_back(&then, "etl", None).unwrap_err(), BringBackError::NotFound { name } if name == "etl")
        );
    }
}
