//! nondestructive: values with their surroundings, addressed by identifier. It reads no anchors.

use nondestructive::yaml::{self, MappingMut, Separator, ValueMut};

use crate::task::{NEW_TAG, Request, Task};
use crate::tools::Run;

pub(crate) fn prepare(text: &str, request: Request) -> Run<'_> {
    Box::new(move || run(text, request))
}

fn run(text: &str, request: Request) -> Result<Option<String>, String> {
    let mut document = yaml::from_slice(text).map_err(|error| error.to_string())?;
    if request.task == Task::Parse {
        return Ok(None);
    }
    let root = document.as_mut().into_mapping_mut().ok_or("finds no root mapping")?;
    let list = root.get_into_mut("deployments").and_then(ValueMut::into_sequence_mut);
    let mut list = list.ok_or("finds no `deployments`")?;
    match request.task {
        Task::Parse => {}
        // It has no way to put a text or another document in.
        Task::Append => write_item(list.push(Separator::Auto).make_mapping()),
        Task::SetTag => {
            let item = list.get_into_mut(request.index).and_then(ValueMut::into_mapping_mut);
            let image = item.and_then(|item| item.get_into_mut("image")?.into_mapping_mut());
            let mut image = image.ok_or("finds no `image`")?;
            image.get_mut("tag").ok_or("finds no `tag`")?.set_string(NEW_TAG);
        }
        Task::Remove => {
            if !list.remove(request.index) {
                return Err("finds no item".to_owned());
            }
        }
    }
    Ok(Some(document.to_string()))
}

/// `NEW_ITEM`, key by key.
fn write_item(mut item: MappingMut<'_>) {
    item.insert_string("name", "added");
    let mut image = item.insert("image", Separator::Auto).make_mapping();
    image.insert_string("repository", "registry.example.com/added");
    image.insert_string("tag", "v1.0.0");
    image.insert_string("pullPolicy", "IfNotPresent");
    let mut arguments = item.insert("dagsterApiGrpcArgs", Separator::Auto).make_sequence();
    arguments.push_string("-m");
    arguments.push_string("added.definitions");
    item.insert_u32("port", 3030);
}
