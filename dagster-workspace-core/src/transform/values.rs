//! Transforms of the values, as edits: of the list form and of the map form.

use alloc::borrow::{Cow, ToOwned as _};
use alloc::string::String;
use alloc::vec::Vec;

use super::patch::write;
use super::{MissingField, TransformError, check_name};
use crate::diff::{MergeKeys, diff};
use crate::edit::{self, Edit, Item};
use crate::error::{Reason, Refusal};
use crate::lint::nearest;
use crate::value::Value;
use crate::values::change::{Missing, changed};
use crate::values::{ChangeError, DeploymentRef, FieldChange, Layout, UserDeployment, UserDeployments};
use crate::yaml::{Document, ItemKey, Node, Path, Reader, Schema, Step};

type Edited = Result<Option<Document<'static>>, TransformError>;

pub(super) fn add(document: &Document<'_>, deployment: &UserDeployment) -> Edited {
    let view = UserDeployments::of(document);
    let wanted = deployment.to_value();
    let name = deployment.name();
    // A name of other letters to helm (`on`, `0123`) is taken, too, where it is written alike: nobody could tell them apart.
    if let Some(found) = view.get(name).or_else(|| view.iter().find(|other| is_written(other, name))) {
        let there = found.to_value()?;
        // Null and an absent key, a tag in digits with and without quotes: the chart takes both for the same.
        if there.is_same(&wanted) || found.read().is_ok_and(|own| own.to_value().is_same(&wanted)) {
            return Ok(None);
        }
        return Err(TransformError::NameTaken {
            name: name.to_owned(),
            difference: diff(&there, &wanted, &MergeKeys::default()),
            span: found.name_node().unwrap_or_else(|| found.node()).span(),
        });
    }
    let list = home(&view);
    let edit = if view.layout() == Layout::Map {
        // The key is the name.
        let fields = wanted.entries().iter().filter(|(key, _)| key != "name").cloned();
        Edit::Set { path: list.key(name), value: Value::Mapping(fields.collect()) }
    } else {
        Edit::Add { list, key: ItemKey::default(), item: Item::Value(wanted) }
    };
    Ok(edit::apply(document, &edit)?)
}

fn is_written(deployment: &DeploymentRef<'_, '_>, name: &str) -> bool {
    deployment.name_node().is_some_and(|node| node.is_text(name))
}

/// Changes fields of a deployment; what was to be taken out and is not there is told.
pub(super) fn change(
    document: &Document<'_>,
    name: &str,
    changes: &[FieldChange],
    missing: &mut Vec<MissingField>,
) -> Edited {
    let view = UserDeployments::of(document);
    let Some((path, found)) = find(&view, name)? else {
        return Err(not_found(&view, name));
    };
    for change in changes {
        if let FieldChange::Merge { fields } = change {
            let Value::Mapping(_) = fields else { return Err(TransformError::Fields { name: name.to_owned() }) };
            check_name(name, fields.get("name"))?;
        }
    }
    let now = found.to_value()?;
    let (wanted, gone) = changed(&now, changes).map_err(|error| unfit(document, &path, name, error))?;
    let field = |Missing { path, did_you_mean }| MissingField { deployment: name.to_owned(), path, did_you_mean };
    missing.extend(gone.into_iter().map(field));
    let edited = write(document, &path, &now, &wanted)?;
    // Fields can stand behind merge keys: what the chart gets must be what was asked for.
    let result = edited.as_ref().map(|after| read(after, name));
    if result.is_some_and(|result| !result.is_some_and(|result| result.is_same(&wanted))) {
        return Err(Refusal { reason: Reason::Unprovable, span: found.node().span(), related: None }.into());
    }
    Ok(edited)
}

/// Adds a deployment, or changes the one that is there.
pub(super) fn upsert(
    document: &Document<'_>,
    name: &str,
    like: Option<&str>,
    changes: &[FieldChange],
    missing: &mut Vec<MissingField>,
) -> Edited {
    let view = UserDeployments::of(document);
    if find(&view, name)?.is_some() {
        return change(document, name, changes, missing);
    }
    let entry = match like {
        Some(other) => Some(find(&view, other)?.ok_or_else(|| not_found(&view, other))?.1.to_value()?),
        None => None,
    };
    let made = UserDeployment::made(name, entry.as_ref(), changes);
    add(document, &made.map_err(|error| TransformError::change(name, error))?)
}

/// Why changes do not fit; where a name is there twice, a refusal that shows both places.
fn unfit(document: &Document<'_>, entry: &Path, name: &str, error: ChangeError) -> TransformError {
    let ChangeError::Ambiguous { list, places: (first, second), .. } = &error else {
        return TransformError::change(name, error);
    };
    let reader = Reader::new(Schema::Helm);
    let steps = entry.steps().iter().chain(list.steps());
    let node = steps.fold(document.root(), |node, step| below(&reader, node?, step));
    let item = |at: usize| node.and_then(|node| reader.target(node)?.items().nth(at)).map(Node::span);
    match (item(*first), item(*second)) {
        (related, Some(span)) => Refusal { reason: Reason::AmbiguousName, span, related }.into(),
        _ => TransformError::change(name, error),
    }
}

/// What stands one step further, aliases and merge keys followed.
fn below<'d>(reader: &Reader<'d>, node: Node<'d>, step: &Step) -> Option<Node<'d>> {
    let target = reader.target(node)?;
    match step {
        Step::Key(key) => reader.get(target, key),
        Step::Index(at) => target.items().nth(*at),
        Step::Item { key, name } => target.items().find(|item| key.is(*item, name)),
    }
}

/// That there is no deployment of that name, and which one may be meant.
pub(super) fn not_found(view: &UserDeployments<'_>, name: &str) -> TransformError {
    let names: Vec<Cow<'_, str>> = view.iter().filter_map(|deployment| deployment.name()).collect();
    let did_you_mean = nearest(name, names.iter().map(AsRef::as_ref)).map(String::from);
    TransformError::NotFound { name: name.to_owned(), did_you_mean }
}

/// The deployment of that name, as the chart gets it.
fn read(document: &Document<'_>, name: &str) -> Option<Value> {
    UserDeployments::of(document).get(name)?.to_value().ok()
}

pub(super) fn remove(document: &Document<'_>, name: &str) -> Edited {
    match find(&UserDeployments::of(document), name)? {
        Some((path, _)) => Ok(edit::apply(document, &Edit::Remove { path })?),
        None => Ok(None),
    }
}

/// The one deployment of that name, and its path: by place, since its name may be merged into it or stand behind an alias.
fn find<'v, 'd>(
    view: &'v UserDeployments<'d>,
    name: &str,
) -> Result<Option<(Path, DeploymentRef<'v, 'd>)>, TransformError> {
    let mut all = view.iter().enumerate().filter(|(_, deployment)| deployment.name().as_deref() == Some(name));
    let Some((at, found)) = all.next() else { return Ok(None) };
    if let Some((_, second)) = all.next() {
        let span = |entry: &DeploymentRef<'_, 'd>| entry.name_node().unwrap_or_else(|| entry.node()).span();
        let refusal = Refusal { reason: Reason::AmbiguousName, span: span(&second), related: Some(span(&found)) };
        return Err(refusal.into());
    }
    let written = found.name_node().and_then(Node::text);
    let path = match (view.layout(), written) {
        (Layout::Map, Some(key)) => home(view).key(&key),
        _ => Path::new([home(view).steps(), &[Step::Index(at)]].concat()),
    };
    Ok(Some((path, found)))
}

/// Path of the list or mapping of deployments.
fn home(view: &UserDeployments<'_>) -> Path {
    view.path().iter().fold(Path::default(), |path, key| path.key(key))
}
