//! Preview deployments: what is said of one on the command line, the name that follows from it, and the preview record that is kept.
//! [`Review`] is what `add` takes, [`run`] the command `name`, [`repository`] what a CI system says.

use clap::Args;
use dagster_workspace_core::staging::{self, Record};
use dagster_workspace_core::time::{ParseLengthError, Timestamp, parse_length};
use dagster_workspace_core::transform::Transform;
use serde_json::json;

use super::render::{Answer, Failure};
use super::{Context, fields};
use crate::deploy;

/// What is under review.
#[derive(Clone, Debug, Args)]
pub(super) struct Subject {
    /// Number of the pull or merge request that this shows
    #[arg(long, value_name = "NUMBER")]
    pr: Option<u64>,
    /// Branch that this shows; without --pr the name is made of it
    #[arg(long)]
    branch: Option<String>,
}

/// What is known of a deployment beside its entry.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "For a time")]
pub(super) struct Review {
    #[command(flatten)]
    subject: Subject,
    /// Keep NAME as it is, rather than making NAME-pr-NUMBER or NAME-BRANCH-HASH of it
    #[arg(long)]
    exact_name: bool,
    /// The repository that --pr or --branch is of, as in acme/etl [default: the one that the CI system names]
    #[arg(long, value_parser = repository_name)]
    repository: Option<String>,
    /// Whom to ask about it
    #[arg(long)]
    owner: Option<String>,
    /// How long it is needed from now on, as in 12h, 7d or 2w: `prune --expired` takes it away then
    #[arg(long, value_name = "AGE")]
    ttl: Option<Age>,
    #[command(flatten)]
    clock: Clock,
}

/// What time it is.
#[derive(Clone, Debug, Args)]
pub(super) struct Clock {
    /// Go by this time rather than by the clock
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
}

/// Some time, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Age(pub(super) i64);

impl std::str::FromStr for Age {
    type Err = ParseLengthError;

    fn from_str(text: &str) -> Result<Self, ParseLengthError> {
        parse_length(text).map(Self)
    }
}

impl Subject {
    /// The name of the deployment that shows this of repository `base`.
    fn name(&self, base: &str) -> Option<String> {
        let review = match (self.pr, &self.branch) {
            (Some(number), _) => staging::Review::PullRequest(number),
            (None, Some(branch)) => staging::Review::Branch(branch),
            (None, None) => return None,
        };
        Some(staging::name(base, review))
    }
}

impl Review {
    /// What a deployment is called for which `base` was said.
    pub(super) fn name(&self, base: &str) -> String {
        let made = if self.exact_name { None } else { self.subject.name(base) };
        made.unwrap_or_else(|| base.to_owned())
    }

    /// What is kept, where there is anything to keep.
    pub(super) fn record(&self, context: &Context<'_>) -> Option<Record> {
        let Self { subject: Subject { pr, branch, .. }, exact_name: _, repository: said, owner, ttl, clock } = self;
        if pr.is_none() && branch.is_none() && said.is_none() && owner.is_none() && ttl.is_none() {
            return None;
        }
        let now = clock.now();
        Some(Record {
            owner: owner.clone(),
            repository: said.clone().or_else(|| repository(context)),
            pull_request: *pr,
            branch: branch.clone(),
            created: Some(now),
            expires: ttl.map(|Age(seconds)| now.after(seconds)),
        })
    }
}

impl Clock {
    pub(super) fn now(&self) -> Timestamp {
        self.now.unwrap_or_else(deploy::now)
    }
}

/// A repository as a CI system names it.
pub(super) fn repository_name(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("expected the name of a repository, as in acme/etl"),
        name if name.contains(char::is_whitespace) => Err("the name of a repository has no blanks"),
        name => Ok(name.to_owned()),
    }
}

/// The repository that the CI system builds: GitHub and Gitea, GitLab, Bitbucket, Azure, AppVeyor, Woodpecker, Drone, Travis, Semaphore
/// and CircleCI say so.
pub(super) fn repository(context: &Context<'_>) -> Option<String> {
    const NAMES: [&str; 8] = [
        "GITHUB_REPOSITORY",
        "CI_PROJECT_PATH",
        "BITBUCKET_REPO_FULL_NAME",
        "APPVEYOR_REPO_NAME",
        "CI_REPO",
        "DRONE_REPO",
        "TRAVIS_REPO_SLUG",
        "SEMAPHORE_GIT_REPO_SLUG",
    ];
    let get = |name: &str| (context.environment)(name).filter(|value| !value.trim().is_empty());
    NAMES.iter().find_map(|name| get(name)).or_else(|| {
        // A repository of Azure has its name within its project, one of GitHub that Azure builds has it with its owner.
        let in_project = |name: String| match get("SYSTEM_TEAMPROJECT") {
            Some(project) if !name.contains('/') => format!("{project}/{name}"),
            _ => name,
        };
        let in_circle = || Some(format!("{}/{}", get("CIRCLE_PROJECT_USERNAME")?, get("CIRCLE_PROJECT_REPONAME")?));
        get("BUILD_REPOSITORY_NAME").map(in_project).or_else(in_circle)
    })
}

/// The transform that keeps a record.
pub(super) fn record(name: &str, record: &Record) -> Transform {
    Transform::RecordDeployment { name: name.to_owned(), record: record.clone() }
}

/// Arguments of `name`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The repository, as given to `add`
    #[arg(value_parser = fields::name)]
    name: String,
    #[command(flatten)]
    subject: Subject,
}

/// Prints what `add` would call it.
pub(super) fn run(arguments: &Arguments) -> Result<Answer, Failure> {
    let Some(name) = arguments.subject.name(&arguments.name) else {
        return Err(Failure::usage("nothing says what it shows").with_hint("name it with `--pr` or `--branch`"));
    };
    Ok(Answer::new(format!("{name}\n"), json!({ "name": name })))
}
