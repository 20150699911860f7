//! `init`: both documents, empty, where they are missing. What is there is left alone.

use std::convert::Infallible;

use serde_json::json;

use super::Context;
use super::documents::{Documents, Which, key};
use super::exit::Exit;
use super::render::{Answer, Failure};
use crate::apply::{Absent, Written, apply_with};
use crate::retry::RetryPolicy;
use crate::store::StoreError;

/// Makes the documents that are missing.
pub(super) fn run(context: &mut Context<'_>) -> Result<Answer, Failure> {
    let documents = Documents::of(context.options.directory.as_deref())?;
    let mut made = Vec::new();
    for which in Which::BOTH {
        let key = key(which)?;
        match documents.runtime.block_on(documents.store.get(&key)) {
            Err(StoreError::NotFound { .. }) if context.options.dry_run => made.push(documents.name(which)),
            // What it holds is not looked at: `check` does that.
            Ok(_) => {}
            Err(StoreError::NotFound { .. }) => {
                let keep = |_: &str| Ok::<_, Infallible>(None);
                let create = Absent::Create(empty(which));
                let policy = RetryPolicy::default();
                let done = apply_with(documents.store.as_ref(), &key, create, &policy, keep);
                let outcome = documents.runtime.block_on(done).map_err(|error| Failure::apply(&error))?;
                if outcome.written != Written::Nothing {
                    made.push(documents.name(which));
                }
            }
            Err(error) => return Err(documents.failure(which, &error)),
        }
    }
    let text = match made.as_slice() {
        [] => "no change: both documents are there\n".to_owned(),
        made => made.iter().map(|name| format!("+ {name}\n")).collect(),
    };
    let exit = if context.options.detailed_exitcode && !made.is_empty() { Exit::Changes } else { Exit::Done };
    let data = json!({ "changed": !made.is_empty(), "created": made, "dry_run": context.options.dry_run });
    Ok(Answer { exit, ..Answer::new(text, data) })
}

/// A document without entries: the shortest that chart and Dagster take.
fn empty(which: Which) -> &'static str {
    match which {
        Which::Values => "deployments: []\n",
        Which::Workspace => "load_from: []\n",
    }
}
