//! serde_yaml: into its `Value` and out again. Comments and notation are lost, by design.

use serde_yaml::Value;

use crate::task::{NEW_ITEM, NEW_TAG, Request, Task};
use crate::tools::Run;

pub(crate) fn prepare(text: &str, request: Request) -> Run<'_> {
    Box::new(move || run(text, request).map_err(|error| error.to_string()))
}

fn run(text: &str, request: Request) -> Result<Option<String>, serde_yaml::Error> {
    let mut values: Value = serde_yaml::from_str(text)?;
    let list = values.get_mut("deployments").and_then(Value::as_sequence_mut);
    match (request.task, list) {
        (Task::Append, Some(list)) => list.push(serde_yaml::from_str(NEW_ITEM)?),
        (Task::SetTag, Some(list)) => list[request.index]["image"]["tag"] = NEW_TAG.into(),
        (Task::Remove, Some(list)) => {
            list.remove(request.index);
        }
        (Task::Parse, _) | (_, None) => return Ok(None),
    }
    serde_yaml::to_string(&values).map(Some)
}
