//! `init`: both documents where they are missing, empty, or on a cluster with the values that are deployed. What is there is left
//! alone.

use serde_json::json;

use super::documents::{BOTH, Documents};
use super::exit::Exit;
use super::render::{Answer, Failure};
use super::{Context, Options, cluster, on_cluster};
use crate::deploy;

/// Makes the documents that are missing.
pub(super) fn run(context: &mut Context<'_>) -> Result<Answer, Failure> {
    let options = context.options;
    if options.cluster.connection().is_some() && !options.dry_run {
        let namespace_of = |deployer: &deploy::Deployer| deployer.namespace().to_owned();
        let (namespace, done) =
            on_cluster::ask(context, async |deployer| Ok((namespace_of(deployer), deployer.init().await?)))?;
        let names = cluster::names(&namespace, &done.holders);
        let made: Vec<String> = done.created.iter().map(|subject| names.of(*subject)).collect();
        return Ok(answer(&made, done.from.as_deref(), options));
    }
    let Documents { documents, names, runtime } = Documents::open(options)?;
    let mut made = Vec::new();
    for subject in BOTH {
        // What a document holds is not looked at: `check` does that.
        let missing = if options.dry_run {
            runtime.block_on(documents.is_missing(subject))
        } else {
            runtime.block_on(documents.create(subject, deploy::empty(subject)))
        };
        if missing.map_err(|error| names.failure(error))? {
            made.push(names.of(subject));
        }
    }
    Ok(answer(&made, None, options))
}

fn answer(made: &[String], from: Option<&str>, options: &Options) -> Answer {
    let mut text = match made {
        [] => "no change: both documents are there\n".to_owned(),
        made => made.iter().map(|name| format!("+ {name}\n")).collect(),
    };
    if let Some(release) = from {
        text.push_str(&format!("the values are those of release {release}\n"));
    }
    let exit = if made.is_empty() { Exit::Done } else { Exit::Changes };
    let data = json!({ "changed": !made.is_empty(), "created": made, "from": from, "dry_run": options.dry_run });
    Answer { exit, ..Answer::new(text, data) }
}
