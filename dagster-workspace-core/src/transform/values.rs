//! Transforms of the values, as edits: of the list form and of the map form.

use alloc::borrow::{Cow, ToOwned as _};
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::patch::{patch, patched};
use super::{TransformError, check_name};
use crate::diff::{MergeKeys, diff};
use crate::edit::{self, Edit, Item};
use crate::error::{Reason, Refusal};
use crate::lint::nearest;
use crate::value::Value;
use crate::values::{DeploymentRef, Image, Layout, UserDeployment, UserDeployments};
use crate::yaml::{Document, ItemKey, Node, Path, Step};

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

pub(super) fn update(document: &Document<'_>, name: &str, fields: &Value) -> Edited {
    let view = UserDeployments::of(document);
    let Some((path, found)) = find(&view, name)? else {
        return Err(not_found(&view, name));
    };
    let Value::Mapping(entries) = fields else { return Err(TransformError::Fields { name: name.to_owned() }) };
    check_name(name, fields.get("name"))?;
    let now = found.to_value()?;
    let variables = match (now.get("env"), fields.get("env")) {
        (Some(Value::Sequence(now)), Some(Value::Mapping(variables))) => Some((now, variables)),
        _ => None,
    };
    let others = entries.iter().filter(|(key, _)| variables.is_none() || key != "env").cloned();
    let others = Value::Mapping(others.collect());
    let edited = patch(document, &path, &now, &others)?;
    // Fields can stand behind merge keys: what the chart gets must be what was asked for.
    let result = edited.as_ref().map(|after| read(after, name));
    if result.is_some_and(|result| !result.is_some_and(|result| result.is_same(&patched(&now, &others)))) {
        return Err(Refusal { reason: Reason::Unprovable, span: found.node().span(), related: None }.into());
    }
    let Some((now, variables)) = variables else { return Ok(edited) };
    let document = edited.as_ref().unwrap_or(document);
    Ok(set_variables(document, &path.key("env"), now, variables)?.or(edited))
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

/// Sets single variables in a list of Kubernetes `EnvVar` objects; null takes one out.
fn set_variables(document: &Document<'_>, list: &Path, now: &[Value], variables: &[(String, Value)]) -> Edited {
    let mut edited: Option<Document<'static>> = None;
    for (name, value) in variables {
        let document = edited.as_ref().unwrap_or(document);
        let is_there = now.iter().any(|item| item.get("name").and_then(Value::as_str) == Some(name.as_str()));
        let path = list.clone().item(&ItemKey::default(), name);
        // The whole item: a `valueFrom` beside a `value` is refused by Kubernetes.
        let item =
            || Value::Mapping(Vec::from([("name".into(), name.as_str().into()), ("value".into(), value.clone())]));
        let edit = match (is_there, value) {
            (false, Value::Null) => continue,
            (true, Value::Null) => Edit::Remove { path },
            (true, _) => Edit::Set { path, value: item() },
            (false, _) => Edit::Add { list: list.clone(), key: ItemKey::default(), item: Item::Value(item()) },
        };
        edited = edit::apply(document, &edit)?.or(edited);
    }
    Ok(edited)
}

pub(super) fn set_image(document: &Document<'_>, name: &str, image: &Image) -> Edited {
    let view = UserDeployments::of(document);
    let now = find(&view, name)?.and_then(|(_, found)| found.image());
    let same = |now: &Image| {
        let policy = image.pull_policy.is_none() || image.pull_policy == now.pull_policy;
        policy && (&now.repository, &now.tag, &now.digest) == (&image.repository, &image.tag, &image.digest)
    };
    // A number as tag is the image of that text: no pod rolls for quotes.
    if now.as_ref().is_some_and(same) {
        return Ok(None);
    }
    let mut fields = image.to_value();
    for key in ["tag", "digest"] {
        if fields.get(key).is_none() {
            fields.set(key, Value::Null);
        }
    }
    update(document, name, &Value::Mapping(Vec::from([("image".to_string(), fields)])))
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
