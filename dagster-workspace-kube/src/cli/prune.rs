//! `prune`: takes away deployments that have had their time, with their locations and records, in one write for each document.
//! Without `--yes` it only says which.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use dagster_workspace_core::staging::{Criterion, Outdated, outdated};
use dagster_workspace_core::transform::Subject;
use dagster_workspace_core::yaml::Document;
use serde_json::{Value, json};

use super::Context;
use super::documents::Documents;
use super::input::{self, Input};
use super::job;
use super::render::{Answer, Failure};
use super::review::{Age, Clock};
use crate::deploy::Request;

/// What is said where nothing has had its time.
const NOTHING: &str = "nothing to prune\n";

/// Arguments of `prune`.
#[derive(Debug, Args)]
#[group(id = "criteria", required = true, multiple = true, args = ["closed_prs", "expired", "older_than"])]
pub(super) struct Arguments {
    /// Those of the pull requests in this file: numbers, or JSON as `gh pr list --json number` and GitLab's API give it; `-` is the
    /// standard input
    #[arg(long, value_name = "FILE")]
    closed_prs: Option<PathBuf>,
    /// Those whose time, as said by `add --ttl`, has passed
    #[arg(long)]
    expired: bool,
    /// Those added so long ago, as in 12h, 7d or 2w
    #[arg(long, value_name = "AGE")]
    older_than: Option<Age>,
    /// Take them away
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    clock: Clock,
}

/// Takes them away, or says which.
pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<Answer, Failure> {
    let now = arguments.clock.now();
    let mut criteria = Vec::new();
    if let Some(file) = &arguments.closed_prs {
        criteria.push(Criterion::PullRequests(numbers(&input::read(Some(file), context.stdin)?)?));
    }
    if arguments.expired {
        criteria.push(Criterion::Expired);
    }
    if let Some(Age(seconds)) = arguments.older_than {
        criteria.push(Criterion::CreatedBefore(now.after(-seconds)));
    }
    let options = context.options;
    let place = Documents::open(options)?;
    let text = place.text(Subject::Values)?;
    let values = Document::parse(text.as_str());
    let values = values.map_err(|error| Failure::parse(&error, &place.names.of(Subject::Values), &text))?;
    let found = outdated(&values, &criteria, now);
    let is_dry = !arguments.yes || options.dry_run;
    if found.is_empty() && is_dry {
        let data = json!({ "changed": false, "dry_run": true, "changes": [], "outdated": [] });
        return Ok(Answer::new(NOTHING, data));
    }
    let request = Request::prune(&found, criteria, now);
    drop(place);
    let mut answer = if is_dry {
        job::preview(&request, context, if arguments.yes { "--dry-run" } else { "--yes does it" })?
    } else {
        // Also of nothing: a run that was killed behind its last write has left release and history to this one.
        job::carry_out(&request, context)?
    };
    let said = if found.is_empty() { NOTHING.to_owned() } else { found.iter().map(line).collect() };
    answer.text.insert_str(0, &said);
    answer.data["outdated"] = json!(found);
    Ok(answer)
}

fn line(outdated: &Outdated) -> String {
    let Outdated { name, owner, reason } = outdated;
    match owner {
        Some(owner) => format!("{name}: {reason} (owner {owner})\n"),
        None => format!("{name}: {reason}\n"),
    }
}

/// The numbers in a file: JSON, or numbers with blanks, commas or line breaks between them, each with or without `#` or `!`.
fn numbers(input: &Input) -> Result<BTreeSet<u64>, Failure> {
    let Input { name, text } = input;
    let wrong = |what: &str| {
        let failure = Failure::usage(format!("`{what}` in `{name}` is no number of a pull request"));
        failure.with_hint("expected numbers, or JSON such as `[{\"number\": 12}]`")
    };
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(items)) => {
            items.iter().map(|item| number(item).ok_or_else(|| wrong(&item.to_string()))).collect()
        }
        Ok(Value::Object(_)) => Err(wrong("{..}")),
        _ => {
            let words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
            words.map(|word| word.trim_start_matches(['#', '!']).parse().map_err(|_| wrong(word))).collect()
        }
    }
}

/// Of one pull request as GitHub, GitLab and Bitbucket write it.
fn number(item: &Value) -> Option<u64> {
    item.as_u64().or_else(|| ["number", "iid", "id"].iter().find_map(|key| item.get(key)?.as_u64()))
}
