//! Transforms of the workspace file, as edits of the items of `load_from`.

use alloc::borrow::{Cow, ToOwned as _};
use alloc::string::String;
use alloc::vec::Vec;

use super::pair::Wanted;
use super::patch::write;
use super::{TransformError, check_name};
use crate::chart::Type;
use crate::diff::{MergeKeys, diff};
use crate::edit::{self, Edit, Item};
use crate::lint::nearest;
use crate::pairing::Pairing;
use crate::value::Value;
use crate::values::change::merged;
use crate::workspace::{CodeLocation, Endpoint, GrpcServer, Source, Workspace};
use crate::yaml::{Document, ItemKey, Path, PathError, Step};

type Edited = Result<Option<Document<'static>>, TransformError>;

const LOAD_FROM: &str = "load_from";
const SERVER: &str = "grpc_server";

pub(super) fn add(document: &Document<'_>, server: &GrpcServer) -> Edited {
    let view = Workspace::of(document);
    let server = named(server.clone());
    let name = server.name();
    // A name that Dagster takes for no text is taken, too, where it is written alike: nobody could tell them apart.
    if let Some(found) = view.get(&name).or_else(|| view.locations().find(|other| is_written(other, &name))) {
        let (there, wanted) = (found.to_value()?, server.to_item());
        let own = there.get(SERVER).and_then(|own| GrpcServer::from_value(own).ok());
        if there.is_same(&wanted) || own.is_some_and(|own| found.is_server() && named(own).to_item().is_same(&wanted)) {
            return Ok(None);
        }
        let span = found.name_node().unwrap_or_else(|| found.node()).span();
        let difference = diff(&there, &wanted, &MergeKeys::default());
        return Err(TransformError::NameTaken { name, difference, span });
    }
    let key: Result<ItemKey, PathError> = "*.location_name".parse();
    let edit = Edit::Add {
        list: Path::default().key(LOAD_FROM),
        key: key.unwrap_or_default(),
        item: Item::Value(server.to_item()),
    };
    Ok(edit::apply(document, &edit)?)
}

/// The server with the name that Dagster gives it written out: items of a list are found by what is written.
fn named(mut server: GrpcServer) -> GrpcServer {
    server.location_name = Some(server.name());
    server
}

fn is_written(location: &CodeLocation<'_, '_>, name: &str) -> bool {
    location.name_node().is_some_and(|node| node.is_text(name))
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
    check_name(name, fields.get("location_name"))?;
    let now = found.to_value()?;
    let now = now.get(SERVER).cloned().unwrap_or_default();
    let wanted = merged(&Type::GRPC_SERVER, &now, fields).map_err(|error| TransformError::change(name, error))?;
    let edited = write(document, &place(at).key(SERVER), &now, &wanted)?;
    // A default name is made of host and port, and goes with them.
    if let Some(after) = &edited
        && let Some(to) = Workspace::of(after).locations().nth(at).and_then(|location| location.name())
        && to != name
    {
        return Err(TransformError::Rename { name: name.to_owned(), to: to.into_owned() });
    }
    Ok(edited)
}

pub(super) fn remove(document: &Document<'_>, name: &str) -> Edited {
    let view = Workspace::of(document);
    let all = view.locations().enumerate().filter(|(_, location)| is(location, name));
    remove_all(document, all.map(|(at, _)| at).collect())
}

/// Sees to it that a deployment is served. `own` is its namespace, where that is known.
pub(super) fn pair(
    document: &Document<'_>,
    deployment: &str,
    server: &GrpcServer,
    wanted: &Wanted,
    own: Option<&str>,
) -> Edited {
    let view = Workspace::of(document);
    let pairing = Pairing::of(&view, own);
    let served = served(&pairing, deployment, wanted.host.as_deref())?;
    let Some(first) = served.first().and_then(|at| pairing.locations().get(*at)) else {
        return add(document, server);
    };
    let names = served.iter().filter_map(|at| pairing.locations().get(*at)?.name());
    if let Some(name) = &wanted.location_name
        && !names.into_iter().any(|found| found == *name)
    {
        let found = first.name().unwrap_or_default().into_owned();
        let span = first.name_node().unwrap_or_else(|| first.node()).span();
        return Err(TransformError::OtherLocation {
            deployment: deployment.to_owned(),
            found,
            wanted: name.clone(),
            span,
        });
    }
    let Endpoint::Port(port) = server.endpoint else { return Ok(None) };
    let mut edited: Option<Document<'static>> = None;
    for at in served.into_iter().filter(|at| pairing.has_port_of_deployment(*at)) {
        // A port in a variable is set where Dagster runs.
        if pairing.locations().get(at).is_some_and(|location| matches!(location.port(), Some(Source::Env(_)))) {
            continue;
        }
        let now = edited.as_ref().unwrap_or(document);
        let edit = Edit::Set { path: place(at).key(SERVER).key("port"), value: Value::from(port) };
        edited = edit::apply(now, &edit)?.or(edited);
    }
    Ok(edited)
}

pub(super) fn unpair(document: &Document<'_>, deployment: &str, host: Option<&str>, own: Option<&str>) -> Edited {
    let view = Workspace::of(document);
    remove_all(document, served(&Pairing::of(&view, own), deployment, host)?)
}

/// The places of the locations that a transform of both documents is about.
pub(super) fn served(
    pairing: &Pairing<'_, '_>,
    deployment: &str,
    host: Option<&str>,
) -> Result<Vec<usize>, TransformError> {
    match host {
        Some(host) => Ok(pairing.locations_at(host)),
        None => Ok(pairing.locations_of(deployment)?),
    }
}

/// Takes out the locations at these places, the last one first, so that the places of the others stay.
fn remove_all(document: &Document<'_>, places: Vec<usize>) -> Edited {
    let mut edited: Option<Document<'static>> = None;
    for at in places.into_iter().rev() {
        let now = edited.as_ref().unwrap_or(document);
        edited = edit::apply(now, &Edit::Remove { path: place(at) })?.or(edited);
    }
    Ok(edited)
}

fn is(location: &CodeLocation<'_, '_>, name: &str) -> bool {
    location.name().as_deref() == Some(name)
}

/// Path of the location at this place.
fn place(at: usize) -> Path {
    Path::new(Vec::from([Step::Key(LOAD_FROM.to_owned()), Step::Index(at)]))
}
