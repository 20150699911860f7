//! This library, called in three ways. It is asked by name, and finds the deployment itself.

use std::borrow::Cow;

use dagster_workspace_core::edit::{self, Edit, Item};
use dagster_workspace_core::yaml::{Document, Path};

use crate::task::{NEW_ITEM, NEW_TAG, Request, Task};
use crate::tools::{Reads, Run, Tool};

/// From text to text, the touched item scanned again.
pub(crate) const TEXT: &str = "dagster-workspace-core";
/// The same, and the whole result scanned again.
pub(crate) const RESCAN: &str = "core, full second scan";
/// From an open document to an open document.
const OPEN: &str = "core, open document";

/// One row for each way to call it.
pub(crate) fn tools() -> Vec<Tool> {
    let way = |name, tasks, prepare| Tool { name, ours: true, reads: Reads::Anchors, tasks, prepare };
    vec![
        way(TEXT, &Task::ALL, from_text),
        way(RESCAN, &Task::EDITS, with_second_scan),
        way(OPEN, &Task::EDITS, from_open),
    ]
}

fn from_text(text: &str, request: Request) -> Run<'_> {
    let edit = edit_of(request);
    Box::new(move || match &edit {
        None => parse(text).map(|_| None),
        Some(edit) => apply_text(text, edit).map(Some),
    })
}

fn with_second_scan(text: &str, request: Request) -> Run<'_> {
    let edit = edit_of(request);
    Box::new(move || {
        let Some(edit) = &edit else { return Ok(None) };
        let edited = apply_text(text, edit)?;
        Ok(Some(parse(edited)?.into_text().into_owned()))
    })
}

fn from_open(text: &str, request: Request) -> Run<'_> {
    let (document, edit) = (parse(text), edit_of(request));
    Box::new(move || {
        let document = document.as_ref().map_err(Clone::clone)?;
        let Some(edit) = &edit else { return Ok(None) };
        let edited = edit::apply(document, edit).map_err(|refusal| refusal.reason.code().to_owned())?;
        Ok(edited.map(|edited| edited.into_text().into_owned()))
    })
}

fn parse<'t>(text: impl Into<Cow<'t, str>>) -> Result<Document<'t>, String> {
    let document = Document::parse(text).map_err(|error| error.to_string())?;
    Ok(std::hint::black_box(document))
}

fn apply_text(text: &str, edit: &Edit) -> Result<String, String> {
    let edited = edit::apply_text(text, edit).map_err(|error| format!("{error:?}"))?;
    edited.ok_or_else(|| "changes nothing".to_owned())
}

/// `None` where there is only something to read.
fn edit_of(request: Request) -> Option<Edit> {
    let path = |text: &str| text.parse::<Path>().ok();
    let name = request.name();
    match request.task {
        Task::Parse => None,
        Task::Append => Some(Edit::Add {
            list: path("deployments")?,
            key: "name".parse().ok()?,
            item: Item::Text(NEW_ITEM.to_owned()),
        }),
        Task::SetTag => {
            Some(Edit::Set { path: path(&format!("deployments[name={name}].image.tag"))?, value: NEW_TAG.into() })
        }
        Task::Remove => Some(Edit::Remove { path: path(&format!("deployments[name={name}]"))? }),
    }
}
