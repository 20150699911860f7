//! yaml-edit: a rowan tree, edited in place.

use std::str::FromStr;

use yaml_edit::Document;

use crate::task::{NEW_ITEM, NEW_TAG, Request, Task};
use crate::tools::Run;

pub(crate) fn prepare(text: &str, request: Request) -> Run<'_> {
    Box::new(move || run(text, request))
}

fn run(text: &str, request: Request) -> Result<Option<String>, String> {
    let document = Document::from_str(text).map_err(|error| error.to_string())?;
    if request.task == Task::Parse {
        return Ok(None);
    }
    let list = document.get_sequence("deployments").ok_or("finds no `deployments`")?;
    match request.task {
        Task::Parse => {}
        Task::Append => {
            let item = Document::from_str(NEW_ITEM).map_err(|error| error.to_string())?;
            list.push(item.as_mapping().ok_or("reads no mapping")?);
        }
        Task::SetTag => {
            let item = list.get(request.index).ok_or("finds no item")?;
            let image = item.as_mapping().and_then(|item| item.get_mapping("image")).ok_or("finds no `image`")?;
            image.set("tag", NEW_TAG);
        }
        Task::Remove => {
            list.remove(request.index).ok_or("finds no item")?;
        }
    }
    Ok(Some(document.to_string()))
}
