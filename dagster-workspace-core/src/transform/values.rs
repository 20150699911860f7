//! Transforms of the values, as edits: of the list form and of the map form.

use alloc::borrow::{Cow, ToOwned as _};
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::{TransformError, patch};
use crate::diff::{MergeKeys, diff};
use crate::edit::{self, Edit, Item};
use crate::lint::nearest;
use crate::value::Value;
use crate::values::{DeploymentRef, Image, Layout, UserDeployment, UserDeployments};
use crate::yaml::{Document, ItemKey, Path};

type Edited = Result<Option<Document<'static>>, TransformError>;

pub(super) fn add(document: &Document<'_>, deployment: &UserDeployment) -> Edited {
    let view = UserDeployments::of(document);
    let wanted = deployment.to_value();
    if let Some(found) = view.get(deployment.name()) {
        let there = found.to_value()?;
        if there.is_same(&wanted) {
            return Ok(None);
        }
        return Err(TransformError::NameTaken {
            name: deployment.name().to_owned(),
            difference: diff(&there, &wanted, &MergeKeys::default()),
            span: found.name_node().unwrap_or_else(|| found.node()).span(),
        });
    }
    let list = home(&view);
    let edit = if view.layout() == Layout::Map {
        // The key is the name.
        let fields = wanted.entries().iter().filter(|(key, _)| key != "name").cloned();
        Edit::Set { path: list.key(deployment.name()), value: Value::Mapping(fields.collect()) }
    } else {
        Edit::Add { list, key: ItemKey::default(), item: Item::Value(wanted) }
    };
    Ok(edit::apply(document, &edit)?)
}

pub(super) fn update(document: &Document<'_>, name: &str, fields: &Value) -> Edited {
    let view = UserDeployments::of(document);
    let found = find(&view, name)?;
    let Value::Mapping(_) = fields else { return Err(TransformError::Fields { name: name.to_owned() }) };
    if let Some(to) = fields.get("name").filter(|to| to.as_str() != Some(name)) {
        let to = to.as_str().unwrap_or_default().to_owned();
        return Err(TransformError::Rename { name: name.to_owned(), to });
    }
    patch(document, &place(&view, name), &found.to_value()?, fields)
}

pub(super) fn set_image(document: &Document<'_>, name: &str, image: &Image) -> Edited {
    let mut fields = image.to_value();
    for key in ["tag", "digest"] {
        if fields.get(key).is_none() {
            fields.set(key, Value::Null);
        }
    }
    update(document, name, &Value::Mapping(Vec::from([("image".to_string(), fields)])))
}

pub(super) fn remove(document: &Document<'_>, name: &str) -> Edited {
    let view = UserDeployments::of(document);
    if view.get(name).is_none() {
        return Ok(None);
    }
    Ok(edit::apply(document, &Edit::Remove { path: place(&view, name) })?)
}

fn find<'v, 'd>(view: &'v UserDeployments<'d>, name: &str) -> Result<DeploymentRef<'v, 'd>, TransformError> {
    view.get(name).ok_or_else(|| {
        let names: Vec<Cow<'_, str>> = view.iter().filter_map(|deployment| deployment.name()).collect();
        let did_you_mean = nearest(name, names.iter().map(AsRef::as_ref)).map(String::from);
        TransformError::NotFound { name: name.to_owned(), did_you_mean }
    })
}

/// Path of the list or mapping of deployments.
fn home(view: &UserDeployments<'_>) -> Path {
    view.path().iter().fold(Path::default(), |path, key| path.key(key))
}

/// Path of one deployment.
fn place(view: &UserDeployments<'_>, name: &str) -> Path {
    match view.layout() {
        Layout::Map => home(view).key(name),
        _ => home(view).item(&ItemKey::default(), name),
    }
}
