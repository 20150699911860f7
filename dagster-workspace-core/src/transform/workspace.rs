//! Transforms of the workspace file, as edits of the items of `load_from`.

use alloc::borrow::{Cow, ToOwned as _};
use alloc::string::String;
use alloc::vec::Vec;

use super::patch::write;
use super::{TransformError, check_name};
use crate::chart::Type;
use crate::diff::{MergeKeys, diff};
use crate::edit::{self, Edit, Item};
use crate::lint::nearest;
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
    remove_all(document, |location| is(location, name))
}

pub(super) fn pair(document: &Document<'_>, server: &GrpcServer) -> Edited {
    let view = Workspace::of(document);
    let Some(host) = &server.host else { return add(document, server) };
    let mut served = view.locations().enumerate().filter(|(_, location)| has_host(location, host)).peekable();
    if served.peek().is_none() {
        return add(document, server);
    }
    let Endpoint::Port(port) = server.endpoint else { return Ok(None) };
    let mut edited: Option<Document<'static>> = None;
    // A port in a variable is set where Dagster runs.
    for (at, _) in served.filter(|(_, location)| !matches!(location.port(), Some(Source::Env(_)))) {
        let now = edited.as_ref().unwrap_or(document);
        let edit = Edit::Set { path: place(at).key(SERVER).key("port"), value: Value::from(port) };
        edited = edit::apply(now, &edit)?.or(edited);
    }
    Ok(edited)
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

/// Whether it is a server whose host, as it is written, names the same Service.
pub(super) fn has_host(location: &CodeLocation<'_, '_>, host: &str) -> bool {
    location.is_server()
        && location.host().is_some_and(|own| matches!(own, Source::Literal(own) if service(&own) == service(host)))
}

/// What a host inside the cluster names: `etl`, or `etl.prod` for `etl.prod`, `etl.prod.svc` and
/// `etl.prod.svc.cluster.local`.
fn service(host: &str) -> &str {
    let host = host.trim_end_matches('.');
    let Some((at, _)) = host.match_indices('.').nth(1) else { return host };
    match host.split_at(at) {
        (service, ".svc") => service,
        (service, domain) if domain.starts_with(".svc.") => service,
        _ => host,
    }
}

/// Path of the location at this place.
fn place(at: usize) -> Path {
    Path::new(Vec::from([Step::Key(LOAD_FROM.to_owned()), Step::Index(at)]))
}

#[cfg(test)]
mod tests {
    use super::service;

    #[test]
    fn hosts_of_one_service_are_told_from_others() {
        for (host, expected) in [
            ("etl", "etl"),
            ("etl.", "etl"),
            ("etl.prod", "etl.prod"),
            ("etl.prod.svc", "etl.prod"),
            ("etl.prod.svc.cluster.local", "etl.prod"),
            ("etl.prod.svc.cluster.local.", "etl.prod"),
            ("etl.svc", "etl.svc"),
            ("etl.example.com", "etl.example.com"),
            ("etl.example.svcs.com", "etl.example.svcs.com"),
            ("", ""),
        ] {
            assert_eq!(service(host), expected, "{host}");
        }
    }
}
