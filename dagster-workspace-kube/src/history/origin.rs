//! Which CI job recorded a revision, and for which change of code: [`Origin`], out of the variables that the CI systems set.

use serde::{Deserialize, Serialize};

/// A CI job and the change of code that it ran for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// `github`, `gitlab`, `bitbucket`, `buildkite`, `circleci` or `jenkins`.
    pub system: String,
    /// The repository of code, as the system names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The branch, of the pull request where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The number of the pull or merge request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<String>,
    /// Where to read the job's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Who started the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}

/// A CI system, and in which variables it says what.
struct System {
    name: &'static str,
    /// Set by this system alone.
    mark: &'static str,
    repository: &'static [&'static str],
    commit: &'static str,
    branch: &'static [&'static str],
    pull_request: &'static [&'static str],
    url: &'static str,
    actor: &'static [&'static str],
}

/// Sources: each system's page of predefined variables. GitHub and Bitbucket set no address of the job and GitHub no number
/// of the pull request: those are put together below.
const SYSTEMS: [System; 6] = [
    System {
        name: "github",
        mark: "GITHUB_ACTIONS",
        repository: &["GITHUB_REPOSITORY"],
        commit: "GITHUB_SHA",
        branch: &["GITHUB_HEAD_REF", "GITHUB_REF_NAME"],
        pull_request: &[],
        url: "",
        actor: &["GITHUB_ACTOR"],
    },
    System {
        name: "gitlab",
        mark: "GITLAB_CI",
        repository: &["CI_PROJECT_PATH"],
        commit: "CI_COMMIT_SHA",
        branch: &["CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_REF_NAME"],
        pull_request: &["CI_MERGE_REQUEST_IID"],
        url: "CI_JOB_URL",
        actor: &["GITLAB_USER_LOGIN"],
    },
    System {
        name: "bitbucket",
        mark: "BITBUCKET_BUILD_NUMBER",
        repository: &["BITBUCKET_REPO_FULL_NAME"],
        commit: "BITBUCKET_COMMIT",
        branch: &["BITBUCKET_BRANCH"],
        pull_request: &["BITBUCKET_PR_ID"],
        url: "",
        actor: &["BITBUCKET_STEP_TRIGGERER_UUID"],
    },
    System {
        name: "buildkite",
        mark: "BUILDKITE",
        repository: &["BUILDKITE_REPO"],
        commit: "BUILDKITE_COMMIT",
        branch: &["BUILDKITE_BRANCH"],
        pull_request: &["BUILDKITE_PULL_REQUEST"],
        url: "BUILDKITE_BUILD_URL",
        actor: &["BUILDKITE_BUILD_CREATOR", "BUILDKITE_BUILD_AUTHOR"],
    },
    System {
        name: "circleci",
        mark: "CIRCLECI",
        repository: &["CIRCLE_REPOSITORY_URL"],
        commit: "CIRCLE_SHA1",
        branch: &["CIRCLE_BRANCH"],
        pull_request: &["CIRCLE_PR_NUMBER", "CIRCLE_PULL_REQUEST"],
        url: "CIRCLE_BUILD_URL",
        actor: &["CIRCLE_USERNAME"],
    },
    System {
        name: "jenkins",
        mark: "JENKINS_URL",
        repository: &["GIT_URL"],
        commit: "GIT_COMMIT",
        branch: &["CHANGE_BRANCH", "BRANCH_NAME", "GIT_BRANCH"],
        pull_request: &["CHANGE_ID"],
        url: "BUILD_URL",
        actor: &["CHANGE_AUTHOR", "BUILD_USER_ID"],
    },
];

impl Origin {
    /// The CI job in which variables have those values; `None` outside of the systems that are known.
    ///
    /// # Example
    /// ```
    /// use dagster_workspace_kube::history::Origin;
    /// let variables = [("GITLAB_CI", "true"), ("CI_COMMIT_SHA", "5176135"), ("CI_MERGE_REQUEST_IID", "7")];
    /// let origin = Origin::of(|name| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).into()));
    /// assert_eq!(origin.and_then(|origin| origin.pull_request).as_deref(), Some("7"));
    /// ```
    #[must_use]
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let get = |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let first = |names: &[&str]| names.iter().find_map(|name| get(name));
        let set = |system: &&System| get(system.mark).is_some_and(|value| value != "false");
        let system = SYSTEMS.iter().find(set)?;
        // Buildkite says `false` outside of pull requests; CircleCI gives the address of one.
        let pull_request = first(system.pull_request).filter(|value| value != "false");
        let mut origin = Self {
            system: system.name.to_owned(),
            repository: first(system.repository).map(|address| without_credentials(&address)),
            commit: get(system.commit),
            branch: first(system.branch),
            pull_request: pull_request.map(|value| last_segment(&value).to_owned()),
            url: get(system.url).map(|address| without_credentials(&address)),
            actor: first(system.actor),
        };
        match system.name {
            "github" => origin.complete_github(&get),
            "bitbucket" => origin.complete_bitbucket(&get),
            _ => {}
        }
        Some(origin)
    }

    /// The same of this process.
    #[must_use]
    pub fn of_environment() -> Option<Self> {
        Self::of(|name| std::env::var(name).ok())
    }

    fn complete_github(&mut self, get: &dyn Fn(&str) -> Option<String>) {
        // `refs/pull/7/merge`.
        let reference = get("GITHUB_REF").unwrap_or_default();
        let number = reference.strip_prefix("refs/pull/").and_then(|rest| rest.split('/').next());
        self.pull_request = number.map(str::to_owned);
        if let (Some(server), Some(repository), Some(run)) =
            (get("GITHUB_SERVER_URL"), &self.repository, get("GITHUB_RUN_ID"))
        {
            self.url = Some(format!("{server}/{repository}/actions/runs/{run}"));
        }
    }

    fn complete_bitbucket(&mut self, get: &dyn Fn(&str) -> Option<String>) {
        if let (Some(origin), Some(number)) = (get("BITBUCKET_GIT_HTTP_ORIGIN"), get("BITBUCKET_BUILD_NUMBER")) {
            self.url = Some(format!("{}/pipelines/results/{number}", without_credentials(&origin)));
        }
    }
}

fn last_segment(text: &str) -> &str {
    text.trim_end_matches('/').rsplit('/').next().unwrap_or(text)
}

/// An address without `user:password@`: jobs clone with tokens in it.
fn without_credentials(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    format!("{scheme}://{}{path}", host.rsplit('@').next().unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(variables: &[(&str, &str)], expected: Option<[Option<&str>; 7]>) {
        let found =
            Origin::of(|name| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned()));
        let found = found.map(|Origin { system, repository, commit, branch, pull_request, url, actor }| {
            [Some(system), repository, commit, branch, pull_request, url, actor]
        });
        let expected = expected.map(|fields| fields.map(|field| field.map(str::to_owned)));
        assert_eq!(found, expected);
    }

    #[test]
    fn github_pull_request() {
        let variables = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REPOSITORY", "org/etl"),
            ("GITHUB_SHA", "5176135"),
            ("GITHUB_REF", "refs/pull/7/merge"),
            ("GITHUB_REF_NAME", "7/merge"),
            ("GITHUB_HEAD_REF", "faster"),
            ("GITHUB_ACTOR", "ada"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_RUN_ID", "99"),
        ];
        let url = Some("https://github.com/org/etl/actions/runs/99");
        let expected = [Some("github"), Some("org/etl"), Some("5176135"), Some("faster"), Some("7"), url, Some("ada")];
        check(&variables, Some(expected));
    }

    #[test]
    fn push_outside_of_pull_requests() {
        let buildkite = [
            ("BUILDKITE", "true"),
            ("BUILDKITE_REPO", "https://x-token:s3cret@git.example/org/etl.git"),
            ("BUILDKITE_COMMIT", "5176135"),
            ("BUILDKITE_BRANCH", "main"),
            ("BUILDKITE_PULL_REQUEST", "false"),
            ("BUILDKITE_BUILD_CREATOR", ""),
            ("BUILDKITE_BUILD_AUTHOR", "Ada"),
        ];
        let repository = Some("https://git.example/org/etl.git");
        check(
            &buildkite,
            Some([Some("buildkite"), repository, Some("5176135"), Some("main"), None, None, Some("Ada")]),
        );
        let github = [("GITHUB_ACTIONS", "true"), ("GITHUB_REF", "refs/heads/main"), ("GITHUB_REF_NAME", "main")];
        check(&github, Some([Some("github"), None, None, Some("main"), None, None, None]));
    }

    #[test]
    fn other_systems() {
        let gitlab = [("GITLAB_CI", "true"), ("CI_MERGE_REQUEST_IID", "3"), ("CI_JOB_URL", "https://git.example/j/1")];
        let url = Some("https://git.example/j/1");
        check(&gitlab, Some([Some("gitlab"), None, None, None, Some("3"), url, None]));
        let bitbucket = [
            ("BITBUCKET_BUILD_NUMBER", "5"),
            ("BITBUCKET_PR_ID", "8"),
            ("BITBUCKET_GIT_HTTP_ORIGIN", "https://bitbucket.org/org/etl"),
        ];
        let url = Some("https://bitbucket.org/org/etl/pipelines/results/5");
        check(&bitbucket, Some([Some("bitbucket"), None, None, None, Some("8"), url, None]));
        let circle = [("CIRCLECI", "true"), ("CIRCLE_PULL_REQUEST", "https://github.com/org/etl/pull/12")];
        check(&circle, Some([Some("circleci"), None, None, None, Some("12"), None, None]));
        let jenkins = [("JENKINS_URL", "https://ci.example/"), ("CHANGE_ID", "4"), ("CHANGE_AUTHOR", "ada")];
        check(&jenkins, Some([Some("jenkins"), None, None, None, Some("4"), None, Some("ada")]));
        check(&[("CI", "true"), ("GITLAB_CI", "false"), ("GIT_COMMIT", "x")], None);
    }
}
