//! `prune`: removes preview deployments that have had their time, with their locations and records, in one write for each document.
//! Previews unless `--yes`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use dagster_workspace_core::staging::{
    Criterion, Found, Outdated, Pattern, Records, Selection, Unscoped, UnscopedError, outdated,
};
use dagster_workspace_core::transform::Subject;
use dagster_workspace_core::yaml::Document;
use serde_json::{Value, json};

use super::Context;
use super::documents::Documents;
use super::exit::Exit;
use super::input::{self, Input};
use super::job;
use super::render::{Answer, Failure};
use super::review::{self, Age, Clock};
use crate::deploy::Request;

/// What is said where nothing has had its time.
const NOTHING: &str = "nothing to prune\n";

/// Arguments of `prune`.
#[derive(Debug, Args)]
#[group(id = "criteria", required = true, multiple = true, args = ["closed_prs", "expired", "older_than", "branch"])]
pub(super) struct Arguments {
    /// Those of the pull requests in this file: numbers, or JSON as `gh pr list --json number` and GitLab's API give it; `-` is the
    /// standard input. Of one repository: the CI system's, or that of --repository, --owner or --match
    #[arg(long, value_name = "FILE")]
    closed_prs: Option<PathBuf>,
    /// Those whose time, as said by `add --ttl`, has passed
    #[arg(long)]
    expired: bool,
    /// Only those added so long ago, as in 12h, 7d or 2w
    #[arg(long, value_name = "AGE")]
    older_than: Option<Age>,
    /// Only those of a branch that matches; of one repository, as for --closed-prs
    #[arg(long, value_name = "GLOB")]
    branch: Option<String>,
    /// Only those of this repository, as in acme/etl
    #[arg(long, value_parser = review::repository_name)]
    repository: Option<String>,
    /// Only those of this owner
    #[arg(long)]
    owner: Option<String>,
    /// Only those whose name matches, as in 'etl-*'
    #[arg(long = "match", value_name = "GLOB")]
    name: Option<String>,
    /// Remove them
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    clock: Clock,
}

/// Removes them, or says which.
pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<Answer, Failure> {
    let now = arguments.clock.now();
    let selection = selection(arguments, context)?;
    let options = context.options;
    let place = Documents::open(options)?;
    let text = place.text(Subject::Values)?;
    let values = Document::parse(text.as_str());
    let values = values.map_err(|error| Failure::parse(&error, &place.names.of(Subject::Values), &text))?;
    let Found { outdated: found, undecided } = outdated(&values, &selection, now).map_err(unscoped)?;
    if !undecided.is_empty() {
        return Err(unknown_repository(&undecided));
    }
    let not_found = unknown_words(&values, arguments);
    let is_dry = !arguments.yes || options.dry_run;
    let mut said = if found.is_empty() { NOTHING.to_owned() } else { found.iter().map(line).collect() };
    said.extend(not_found.iter().map(|word| format!("no preview record has {word}\n")));
    if found.is_empty() && is_dry {
        let data = json!({ "changed": false, "dry_run": true, "changes": [], "outdated": [], "not_found": not_found });
        return Ok(Answer::new(said, data));
    }
    let request = Request::prune(&found, selection, now);
    drop(place);
    let mut answer = if is_dry {
        job::preview(&request, context, if arguments.yes { "--dry-run" } else { "--yes does it" })?
    } else {
        // Also of nothing: a run that was killed behind its last write has left release and history to this one.
        job::carry_out(&request, context)?
    };
    answer.text.insert_str(0, &said);
    answer.data["outdated"] = json!(found);
    answer.data["not_found"] = json!(not_found);
    Ok(answer)
}

/// Which are meant.
fn selection(arguments: &Arguments, context: &mut Context<'_>) -> Result<Selection, Failure> {
    let Arguments { repository, owner, name, branch, .. } = arguments;
    let pattern = |text: &Option<String>| text.clone().map(Pattern::new);
    let is_scoped = repository.is_some() || owner.is_some() || name.is_some();
    // What was said on the command line goes before what the CI system says.
    let of_ci = if is_scoped { None } else { review::repository(context) };
    let mut criteria = Vec::new();
    if let Some(file) = &arguments.closed_prs {
        let closed = numbers(&input::read(Some(file), context.stdin)?)?;
        criteria.push(Criterion::PullRequests { closed, repository: of_ci.clone() });
    }
    if arguments.expired {
        criteria.push(Criterion::Expired);
    }
    Ok(Selection {
        criteria,
        repository: repository.clone().or_else(|| of_ci.filter(|_| branch.is_some())),
        owner: owner.clone(),
        name: pattern(name),
        branch: pattern(branch),
        created_before: arguments.older_than.map(|Age(seconds)| arguments.clock.now().after(-seconds)),
    })
}

fn unscoped(error: UnscopedError) -> Failure {
    let UnscopedError(what) = &error;
    let what = match what {
        Unscoped::PullRequests => "pull request 12 of one repository is not that of another",
        Unscoped::Branches => "a branch of one repository is not that of another",
    };
    let hint = format!("{what}: say `--repository OWNER/NAME`, `--owner OWNER` or `--match 'NAME-*'`");
    Failure::new(Exit::Invalid, "no-repository", error.to_string()).with_hint(hint)
}

/// Records that may be another repository's: nothing is removed, and what to do about them.
fn unknown_repository(undecided: &[Outdated]) -> Failure {
    let names: Vec<String> = undecided.iter().map(|found| format!("`{}`", found.name)).collect();
    let record = if names.len() == 1 { "the preview record of" } else { "the preview records of" };
    let message = format!("{record} {} do not say of which repository they are", names.join(", "));
    let message = if names.len() == 1 {
        message.replace("do not say of which repository they are", "does not say of which repository it is")
    } else {
        message
    };
    let first = undecided.first();
    let name = first.map_or("NAME", |found| &found.name);
    let hint = format!(
        "`add {name} --exact-name --update --repository OWNER/NAME` records it; `--match '{name}'` removes it without"
    );
    let mut failure = Failure::new(Exit::Precondition, "unknown-repository", message).with_hint(hint);
    failure.causes = undecided.iter().map(line).map(|line| line.trim_end().to_owned()).collect();
    failure
}

/// What was asked for and no record has: a repository, an owner or a name that is perhaps misspelled.
fn unknown_words(values: &Document<'_>, arguments: &Arguments) -> Vec<String> {
    let records: Vec<_> = Records::of(values).iter().collect();
    let Arguments { repository, owner, name, branch, .. } = arguments;
    let none = |is_its: &dyn Fn(&dagster_workspace_core::staging::RecordRef<'_>) -> bool| !records.iter().any(is_its);
    let mut words = Vec::new();
    if let Some(of) = repository.as_ref().filter(|of| none(&|entry| entry.record().is_of(of) == Some(true))) {
        words.push(format!("repository `{of}`"));
    }
    if let Some(of) = owner.as_ref().filter(|of| none(&|entry| entry.record().owner.as_ref() == Some(of))) {
        words.push(format!("owner `{of}`"));
    }
    if let Some(text) = name.as_ref().filter(|text| none(&|entry| Pattern::new(text.as_str()).matches(entry.name()))) {
        words.push(format!("a name like `{text}`"));
    }
    let has_branch =
        |pattern: &str, branch: Option<String>| branch.is_some_and(|branch| Pattern::new(pattern).matches(&branch));
    if let Some(text) = branch.as_ref().filter(|text| none(&|entry| has_branch(text, entry.record().branch))) {
        words.push(format!("a branch like `{text}`"));
    }
    words
}

fn line(outdated: &Outdated) -> String {
    let Outdated { name, owner, repository, reason } = outdated;
    let of = repository.as_ref().map(|of| format!(", {of}")).unwrap_or_default();
    match owner {
        Some(owner) => format!("{name}: {reason}{of} (owner {owner})\n"),
        None => format!("{name}: {reason}{of}\n"),
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
