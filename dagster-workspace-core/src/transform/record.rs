//! Transforms of the records, as edits of the mapping that holds them.

use alloc::borrow::ToOwned as _;

use super::TransformError;
use super::values::not_found;
use crate::edit::{self, Edit};
use crate::staging::{KEY, Record, Records};
use crate::value::Value;
use crate::values::UserDeployments;
use crate::yaml::{Document, Path};

type Edited = Result<Option<Document<'static>>, TransformError>;

pub(super) fn set(document: &Document<'_>, name: &str, record: &Record) -> Edited {
    let view = UserDeployments::of(document);
    if view.get(name).is_none() {
        return Err(not_found(&view, name));
    }
    let path = records().key(name);
    let found = Records::of(document).get(name);
    let Some(found) = found.filter(|found| matches!(found.value(), Value::Mapping(_))) else {
        return Ok(edit::apply(document, &Edit::Set { path, value: record.to_value() })?);
    };
    let Record { created, repository, .. } = found.record();
    if let (Some(recorded), Some(given)) = (repository, &record.repository)
        && !recorded.eq_ignore_ascii_case(given)
    {
        let (name, given, span) = (name.to_owned(), given.clone(), found.span());
        return Err(TransformError::OtherRepository { name, recorded, given, span });
    }
    let is_created = created.is_some();
    let mut edited: Option<Document<'static>> = None;
    for (key, value) in record.to_value().entries() {
        if key == "created" && is_created {
            continue;
        }
        let now = edited.as_ref().unwrap_or(document);
        let edit = Edit::Set { path: path.clone().key(key), value: value.clone() };
        edited = edit::apply(now, &edit)?.or(edited);
    }
    Ok(edited)
}

/// Takes a record out; with the last one goes the key, so that adding and removing leaves nothing behind.
pub(super) fn remove(document: &Document<'_>, name: &str) -> Edited {
    let view = Records::of(document);
    if view.get(name).is_none() {
        return Ok(None);
    }
    let is_last = view.iter().all(|record| record.name() == name);
    let path = if is_last { records() } else { records().key(name) };
    Ok(edit::apply(document, &Edit::Remove { path })?)
}

fn records() -> Path {
    Path::default().key(KEY)
}
