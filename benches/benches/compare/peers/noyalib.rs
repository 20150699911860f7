//! noyalib: a green tree, a typed value and spans; every edit is checked against a second parse.

use noyalib::ParserConfig;
use noyalib::cst::parse_document_with_config;

use crate::task::{NEW_ITEM, NEW_TAG, Request, Task};
use crate::tools::Run;

/// Its own limits end at 250,000 nodes, which is less than 25,000 deployments have.
const LIMIT: usize = 100_000_000;

pub(crate) fn prepare(text: &str, request: Request) -> Run<'_> {
    Box::new(move || run(text, request).map_err(|error| error.to_string()))
}

fn run(text: &str, request: Request) -> noyalib::Result<Option<String>> {
    let config = ParserConfig::new().max_nodes(LIMIT).max_events(LIMIT);
    let mut document = parse_document_with_config(text, &config)?;
    let Request { task, index } = request;
    match task {
        Task::Parse => return Ok(None),
        // It splices the fragment as it is: lines behind the first one need the item's indentation.
        Task::Append => document.push_back("deployments", NEW_ITEM.trim_end().replace('\n', "\n    ").as_str())?,
        Task::SetTag => document.set(&format!("deployments[{index}].image.tag"), NEW_TAG)?,
        Task::Remove => document.remove(&format!("deployments[{index}]"))?,
    }
    Ok(Some(document.to_string()))
}
