//! Transforms of the workspace file, as edits of the items of `load_from`.

use alloc::borrow::{Cow, ToOwned as _};
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::{TransformError, patch};
use crate::diff::{MergeKeys, diff};
use crate::edit::{self, Edit, Item};
use crate::lint::nearest;
use crate::value::Value;
use crate::workspace::{CodeLocation, Endpoint, GrpcServer, Source, Workspace};
use crate::yaml::{Document, ItemKey, Path, PathError, Step};

type Edited = Result<Option<Document<'static>>, TransformError>;

const LOAD_FROM: &str = "load_from";
const SERVER: &str = "grpc_server";

pub(super) fn add(document: &Document<'_>, server: &GrpcServer) -> Edited {
    let view = Workspace::of(document);
    let name = server.name();
    if let Some(found) = view.get(&name) {
        let (there, wanted) = (found.to_value()?, server.to_item());
        if there.is_same(&wanted) {
            return Ok(None);
        }
        let span = found.name_node().unwrap_or_else(|| found.node()).span();
        let difference = diff(&there, &wanted, &MergeKeys::default());
        return Err(TransformError::NameTaken { name, difference, span });
    }
    append(document, server)
}

fn append(document: &Document<'_>, server: &GrpcServer) -> Edited {
    // A default name, `grpc:HOST:PORT`, is written out: items of a list are found by what is written.
    let mut named = server.clone();
    named.location_name.get_or_insert_with(|| server.name());
    let key: Result<ItemKey, PathError> = "*.location_name".parse();
    let edit = Edit::Add {
        list: Path::default().key(LOAD_FROM),
        key: key.unwrap_or_default(),
        item: Item::Value(named.to_item()),
    };
    Ok(edit::apply(document, &edit)?)
}

pub(super) fn update(document: &Document<'_>, name: &str, fields: &Value) -> Edited {
    let view = Workspace::of(document);
    let Some((at, found)) = view.locations().enumerate().find(|(_, location)| is(location, name)) else {
        let names: Vec<Cow<'_, str>> = view.locations().filter_map(|location| location.name()).collect();
        let did_you_mean = nearest(name, names.iter().map(AsRef::as_ref)).map(String::from);
        return Err(TransformError::NotFound { name: name.to_owned(), did_you_mean });
    };
    let Value::Mapping(_) = fields else { return Err(TransformError::Fields { name: name.to_owned() }) };
    if !found.is_server() {
        return Err(TransformError::NotAServer { name: name.to_owned(), span: found.node().span() });
    }
    if let Some(to) = fields.get("location_name").filter(|to| to.as_str() != Some(name)) {
        let to = to.as_str().unwrap_or_default().to_owned();
        return Err(TransformError::Rename { name: name.to_owned(), to });
    }
    set_fields(document, at, &found, fields)
}

fn set_fields(document: &Document<'_>, at: usize, location: &CodeLocation<'_, '_>, fields: &Value) -> Edited {
    let now = location.to_value()?;
    let now = now.get(SERVER).cloned().unwrap_or_default();
    patch(document, &place(at).key(SERVER), &now, fields)
}

pub(super) fn remove(document: &Document<'_>, name: &str) -> Edited {
    remove_all(document, |location| is(location, name))
}

pub(super) fn pair(document: &Document<'_>, server: &GrpcServer) -> Edited {
    let view = Workspace::of(document);
    let Some(host) = &server.host else { return add(document, server) };
    let Some((at, found)) = view.locations().enumerate().find(|(_, location)| has_host(location, host)) else {
        return add(document, server);
    };
    let Endpoint::Port(port) = &server.endpoint else { return Ok(None) };
    let fields = Value::Mapping(Vec::from([("port".to_string(), Value::Int((*port).into()))]));
    set_fields(document, at, &found, &fields)
}

pub(super) fn unpair(document: &Document<'_>, host: &str) -> Edited {
    remove_all(document, |location| has_host(location, host))
}

/// Takes out the locations that `goes` says, the last one first, so that the places of the others stay.
fn remove_all(document: &Document<'_>, goes: impl Fn(&CodeLocation<'_, '_>) -> bool) -> Edited {
    let view = Workspace::of(document);
    let all: Vec<usize> =
        view.locations().enumerate().filter(|(_, location)| goes(location)).map(|(at, _)| at).collect();
    let mut edited: Option<Document<'static>> = None;
    for at in all.into_iter().rev() {
        let now = edited.as_ref().unwrap_or(document);
        edited = edit::apply(now, &Edit::Remove { path: place(at) })?.or(edited);
    }
    Ok(edited)
}

fn is(location: &CodeLocation<'_, '_>, name: &str) -> bool {
    location.name().as_deref() == Some(name)
}

fn has_host(location: &CodeLocation<'_, '_>, host: &str) -> bool {
    location.is_server() && location.host().is_some_and(|own| matches!(own, Source::Literal(own) if own == host))
}

/// Path of the location at this place.
fn place(at: usize) -> Path {
    Path::new(Vec::from([Step::Key(LOAD_FROM.to_owned()), Step::Index(at)]))
}
