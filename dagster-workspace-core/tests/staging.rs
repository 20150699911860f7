//! Records of deployments, names of reviews, and what may go.

use std::collections::{BTreeMap, BTreeSet};

use dagster_workspace_core::lint::{Target, lint_values};
use dagster_workspace_core::staging::{Criterion, LONGEST, Reason, Record, Records, Review, name, outdated};
use dagster_workspace_core::time::Timestamp;
use dagster_workspace_core::transform::{Transform, TransformError, apply};
use dagster_workspace_core::values::{UserDeployment, UserDeployments};
use dagster_workspace_core::yaml::Document;
use proptest::prelude::*;

const VALUES: &str = "\
# ours
deployments:
  - name: etl
    image: {repository: etl, tag: v1, pullPolicy: Always}
    port: 3030
    dagsterApiGrpcArgs: [\"-m\", etl]
";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn run(text: &str, transforms: &[Transform]) -> Result<String, TransformError> {
    let applied = apply(text, transforms, &Target::default())?;
    let again = apply(&applied.text, transforms, &Target::default())?;
    assert!(!again.is_changed(), "{}\n{}", applied.text, again.text);
    Ok(applied.text)
}

fn added(name: &str) -> Transform {
    let deployment = UserDeployment::new(name, "x:v1".parse().unwrap()).dagster_api_grpc_args(["-m", "x"]);
    Transform::AddDeployment { deployment }
}

fn recorded(name: &str, record: Record) -> Transform {
    Transform::RecordDeployment { name: name.to_owned(), record }
}

fn removed(name: &str) -> Transform {
    Transform::RemoveDeployment { name: name.to_owned() }
}

fn full() -> Record {
    Record {
        owner: Some("data".to_owned()),
        pull_request: Some(12),
        branch: Some("on".to_owned()),
        created: Some(time("2026-01-31T09:00:00Z")),
        expires: Some(time("2026-02-07T09:00:00Z")),
    }
}

#[test]
fn record_is_written_in_the_same_edit_and_goes_with_its_entry() {
    let text = run(VALUES, &[added("etl-pr-12"), recorded("etl-pr-12", full())]).unwrap();
    let record = "\
x-dagster-workspace:
  etl-pr-12:
    owner: data
    pullRequest: 12
    branch: \"on\"
    created: \"2026-01-31T09:00:00Z\"
    expires: \"2026-02-07T09:00:00Z\"
";
    assert!(text.ends_with(record), "{text}");
    let document = Document::parse(text.as_str()).unwrap();
    assert_eq!(Records::of(&document).get("etl-pr-12").unwrap().record(), full());
    assert_eq!(lint_values(&document, &Target::NEWEST), []);
    assert_eq!(run(&text, &[removed("etl-pr-12")]).unwrap(), VALUES);

    let two = run(&text, &[recorded("etl", Record { owner: Some("ops".to_owned()), ..Record::default() })]).unwrap();
    assert_eq!(
        run(&two, &[removed("etl-pr-12")]).unwrap(),
        format!("{VALUES}x-dagster-workspace:\n  etl:\n    owner: ops\n")
    );
    let reversed = run(&two, &[removed("etl-pr-12"), removed("etl")]).unwrap();
    assert_eq!(reversed, "# ours\ndeployments: []\n");
}

#[test]
fn record_of_a_later_run_keeps_what_it_does_not_say() {
    let by_hand = "\
x-dagster-workspace: # not for the chart
  etl: # ask Ann
    owner: data
    created: 2026-01-01T00:00:00Z
    cost: {cents: 12} # per hour
";
    let later = Record { owner: None, branch: None, ..full() };
    let text = run(&format!("{VALUES}{by_hand}"), &[recorded("etl", later)]).unwrap();
    let expected = "\
x-dagster-workspace: # not for the chart
  etl: # ask Ann
    owner: data
    created: 2026-01-01T00:00:00Z
    cost: {cents: 12} # per hour
    pullRequest: 12
    expires: \"2026-02-07T09:00:00Z\"
";
    assert_eq!(text, format!("{VALUES}{expected}"));
}

#[test]
fn record_that_is_none_is_replaced() {
    for (there, expected) in [("ours", "ours"), ("~", ""), ("{}", "")] {
        let text = format!("{VALUES}x-dagster-workspace:\n  etl: {there}\n");
        let text = run(&text, &[recorded("etl", Record { owner: Some("a".to_owned()), ..Record::default() })]).unwrap();
        let document = Document::parse(text.as_str()).unwrap();
        let record = Records::of(&document).get("etl").unwrap().record();
        assert_eq!(record.owner.as_deref(), Some("a"), "{expected}: {text}");
    }
}

#[test]
fn record_stands_at_the_top_of_every_layout() {
    let entry = "{image: {repository: etl, tag: v1, pullPolicy: Always}, port: 3030, dagsterApiGrpcArgs: [\"-m\", etl]";
    let texts = [
        format!("deployments: [{entry}, name: etl}}]\n"),
        format!("{{deployments: [{entry}, name: etl}}]}}\n"),
        format!("dagster-user-deployments:\n  deployments:\n  - {entry}, name: etl}}\n"),
        format!("dagster:\n  dagster-user-deployments:\n    deployments:\n    - {entry}, name: etl}}\n"),
        format!("deployments:\r\n- {entry}, name: etl}}\r\n"),
        format!("deployments:\n- {entry}, name: etl}}"),
    ];
    for text in texts {
        let with = run(&text, &[recorded("etl", full())]).unwrap();
        let document = Document::parse(with.as_str()).unwrap();
        assert_eq!(document.root().unwrap().entries().count(), 2, "{with}");
        let names: Vec<_> = UserDeployments::of(&document).iter().filter_map(|entry| entry.name()).collect();
        assert_eq!((names.len(), names[0].as_ref()), (1, "etl"), "{with}");
        assert_eq!(Records::of(&document).get("etl").unwrap().record(), full(), "{with}");
    }
}

#[test]
fn names_of_records_lead_no_view_astray() {
    // A record may be called as parts of the system chart are.
    let text = "x-dagster-workspace:\n  dagit: {owner: a}\n  dagster-user-deployments: {owner: b}\n";
    let document = Document::parse(text).unwrap();
    assert_eq!(UserDeployments::of(&document).path(), ["deployments"]);
}

#[test]
fn record_without_entry_goes_with_the_name() {
    let text = format!("{VALUES}x-dagster-workspace: {{ml: {{owner: a}}}}\n");
    assert_eq!(run(&text, &[removed("ml")]).unwrap(), VALUES);
}

#[test]
fn err_record_of_a_deployment_that_is_not_there() {
    let error = run(VALUES, &[recorded("etls", full())]).unwrap_err();
    let expected = TransformError::NotFound { name: "etls".to_owned(), did_you_mean: Some("etl".to_owned()) };
    assert_eq!(error, expected);
}

#[test]
fn transforms_are_data() {
    let json = r#"{"transform":"record-deployment","name":"etl","record":{"pullRequest":12,"expires":"2026-02-07T09:00:00Z"}}"#;
    let transform: Transform = serde_json::from_str(json).unwrap();
    let record = Record { owner: None, branch: None, created: None, ..full() };
    assert_eq!(transform, recorded("etl", record));
    assert_eq!(serde_json::to_string(&transform).unwrap(), json);
}

#[test]
fn outdated_are_those_that_meet_a_criterion() {
    let text = "\
deployments: [{name: a}, {name: b}, {name: c}, {name: d}, {name: e}]
x-dagster-workspace:
  a: {pullRequest: 12, owner: ann}
  b: {expires: 2026-01-01T00:00:00Z, created: 2025-01-01T00:00:00Z}
  c: {created: 2025-06-01T00:00:00Z, pullRequest: 13}
  d: {expires: tomorrow, created: 1, pullRequest: [12]}
  gone: {pullRequest: 12}
";
    let document = Document::parse(text).unwrap();
    let found = |criteria: &[Criterion], now: &str| -> Vec<String> {
        let found = outdated(&document, criteria, time(now));
        found.iter().map(|found| format!("{}: {}", found.name, found.reason)).collect()
    };
    let new_year = "2026-01-01T00:00:00Z";
    let closed = Criterion::PullRequests(BTreeSet::from([12, 99]));
    assert_eq!(
        found(std::slice::from_ref(&closed), new_year),
        ["a: pull request 12 is closed", "gone: pull request 12 is closed"]
    );
    assert_eq!(found(&[Criterion::Expired], new_year), ["b: expired 2026-01-01T00:00:00Z"]);
    assert_eq!(found(&[Criterion::Expired], "2025-12-31T23:59:59Z"), [""; 0]);
    let june = Criterion::CreatedBefore(time("2025-06-01T00:00:00Z"));
    assert_eq!(found(std::slice::from_ref(&june), new_year), ["b: created 2025-01-01T00:00:00Z"]);
    let all = outdated(&document, &[june, closed, Criterion::Expired], time(new_year));
    let reasons: Vec<_> = all.iter().map(|found| &found.reason).collect();
    assert_eq!(
        reasons,
        [&Reason::PullRequest(12), &Reason::Created(time("2025-01-01T00:00:00Z")), &Reason::PullRequest(12)]
    );
    assert_eq!(all[0].owner.as_deref(), Some("ann"));
    assert_eq!(found(&[], new_year), [""; 0]);
    assert_eq!(
        outdated(&Document::parse("x-dagster-workspace: 3").unwrap(), &[Criterion::Expired], time(new_year)),
        []
    );
}

/// They must never change: running deployments are found by them.
#[test]
fn names_stay_what_they_are() {
    let long = "a-very-long-name-of-a-repository-with-everything";
    let cases = [
        ("etl", Review::PullRequest(12), "etl-pr-12"),
        ("etl-pr-12", Review::PullRequest(12), "etl-pr-12"),
        ("etl-pr-12", Review::PullRequest(2), "etl-pr-12-pr-2"),
        ("etl", Review::PullRequest(u64::MAX), "etl-pr-18446744073709551615"),
        ("My_ETL", Review::PullRequest(12), "my-etl-pr-12-fdvhw95s"),
        (long, Review::PullRequest(12), "a-very-long-name-of-a-r-pr-12-ibqpxo65"),
        ("etl", Review::Branch("main"), "etl-main-tnpxp1w5"),
        ("etl", Review::Branch("feature/JIRA-7 faster"), "etl-feature-jira-7-faster-sdyjhpcf"),
        ("etl", Review::Branch("..."), "etl-l927s8b1"),
        ("2024", Review::Branch("x"), "code-2024-x-bo4k4lep"),
        ("", Review::Branch("x"), "code-x-dlzjzyh8"),
        (long, Review::Branch(long), "a-very-long-na-a-very-long-na-cgmax6f4"),
    ];
    let made = cases.map(|(base, review, _)| name(base, review));
    assert_eq!(made.each_ref().map(String::as_str), cases.map(|(_, _, expected)| expected));
}

#[test]
fn names_of_a_hundred_thousand_reviews_differ() {
    let mut made = BTreeMap::new();
    for base in ["a", "a-b", "a-b-c", "A", "a_b", "pr", "a-pr", "repository-with-a-name-that-is-much-too-long-1"] {
        for number in 0..3000_u64 {
            let branches = ["", "b", "b-c", "B", "b/c", "pr-", "-", "é"].map(|start| format!("{start}{number}"));
            let reviews = branches.iter().map(|branch| Review::Branch(branch)).chain([Review::PullRequest(number)]);
            for review in reviews {
                let other = made.insert(name(base, review), (base, format!("{review:?}")));
                assert_eq!(other, None, "{base} {review:?}");
            }
        }
    }
    assert!(made.len() > 200_000, "{}", made.len());
}

proptest! {
    #[test]
    fn names_are_labels_that_the_linter_takes(base in ".{0,70}", branch in ".{0,70}", number in any::<u64>()) {
        for review in [Review::PullRequest(number), Review::Branch(&branch)] {
            let made = name(&base, review);
            prop_assert!(made.len() <= LONGEST, "{made}");
            for prefix in ["dagster-user-deployments-", "init-user-deployment-"] {
                prop_assert!(prefix.len() + made.len() <= 63, "{prefix}{made}");
            }
            prop_assert!(made.starts_with(|c: char| c.is_ascii_lowercase()) && !made.ends_with('-'), "{made}");
            prop_assert!(made.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit() || byte.is_ascii_lowercase()), "{made}");
            prop_assert_eq!(&made, &name(&base, review));
            let text = run("deployments: []\n", &[added(&made)]).unwrap();
            let text = format!("dagster-user-deployments:\n  enableSubchart: true\n{}", indented(&text));
            let found = lint_values(&Document::parse(text).unwrap(), &Target::NEWEST);
            // That the whole system waits is the only thing to say.
            prop_assert!(found.iter().all(|finding| finding.code == "DW0243"), "{found:?}");
        }
    }

    #[test]
    fn names_of_different_reviews_differ(one in review(), other in review()) {
        let made = [&one, &other].map(|(base, review)| match review {
            Ok(number) => name(base, Review::PullRequest(*number)),
            Err(branch) => name(base, Review::Branch(branch)),
        });
        let told = |(base, review): &(String, Result<u64, String>)| {
            review.as_ref().is_ok_and(|number| base.ends_with(&format!("-pr-{number}")))
        };
        prop_assume!(one != other && !told(&one) && !told(&other));
        prop_assert_ne!(&made[0], &made[1], "{:?} {:?}", one, other);
    }
}

/// Repositories and reviews whose names could well meet.
fn review() -> impl Strategy<Value = (String, Result<u64, String>)> {
    let text = "(a|b|A|-|/|pr|1|12){0,5}";
    (text, prop_oneof![(0..20_u64).prop_map(Ok), text.prop_map(Err)])
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
