//! Records of deployments, names of reviews, and what may go.

use std::collections::{BTreeMap, BTreeSet};

use dagster_workspace_core::lint::{Target, lint_values};
use dagster_workspace_core::staging::{
    Criterion, LONGEST, Pattern, Reason, Record, Records, Review, Selection, Unscoped, UnscopedError, name, outdated,
};
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
        repository: Some("acme/etl".to_owned()),
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
    repository: acme/etl
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
    repository: acme/etl
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
    let json = r#"{"transform":"record-deployment","name":"etl","record":{"repository":"acme/etl","pullRequest":12,"expires":"2026-02-07T09:00:00Z"}}"#;
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
        let selection =
            Selection { criteria: criteria.to_vec(), name: Some(Pattern::new("*")), ..Selection::default() };
        let found = outdated(&document, &selection, time(now)).unwrap();
        assert_eq!(found.undecided, []);
        found.outdated.iter().map(|found| format!("{}: {}", found.name, found.reason)).collect()
    };
    let new_year = "2026-01-01T00:00:00Z";
    let closed = Criterion::PullRequests { closed: BTreeSet::from([12, 99]), repository: None };
    assert_eq!(
        found(std::slice::from_ref(&closed), new_year),
        ["a: pull request 12 is closed", "gone: pull request 12 is closed"]
    );
    assert_eq!(found(&[Criterion::Expired], new_year), ["b: expired 2026-01-01T00:00:00Z"]);
    assert_eq!(found(&[Criterion::Expired], "2025-12-31T23:59:59Z"), [""; 0]);
    assert_eq!(
        found(&[closed, Criterion::Expired], new_year),
        ["a: pull request 12 is closed", "b: expired 2026-01-01T00:00:00Z", "gone: pull request 12 is closed"]
    );
    assert_eq!(found(&[], new_year), [""; 0]);
    let before = Some(time("2025-06-01T00:00:00Z"));
    let june = Selection { created_before: before, ..Selection::default() };
    let old = outdated(&document, &june, time(new_year)).unwrap().outdated;
    assert_eq!(old[0].reason, Reason::Created(time("2025-01-01T00:00:00Z")));
    assert_eq!(old.len(), 1);
    let nothing = Document::parse("x-dagster-workspace: 3").unwrap();
    let expired = Selection { criteria: vec![Criterion::Expired], ..Selection::default() };
    assert_eq!(outdated(&nothing, &expired, time(new_year)).unwrap().outdated, []);
}

/// Checks which previews a selection means, and of which nobody can tell whether it does.
#[track_caller]
fn check_selection(selection: &Selection, outdated_names: &[&str], undecided: &[&str]) {
    let text = "\
deployments: []
x-dagster-workspace:
  etl-pr-12: {repository: Acme/etl, pullRequest: 12, owner: data, branch: feature/a, created: 2026-01-01T00:00:00Z}
  ml-pr-12: {repository: acme/ml, pullRequest: 12, owner: data, branch: main, expires: 2026-01-01T00:00:00Z}
  old-pr-12: {pullRequest: 12, owner: ops, branch: feature/a, created: 2025-01-01T00:00:00Z}
  old: {expires: 2026-01-01T00:00:00Z}
";
    let document = Document::parse(text).unwrap();
    let found = outdated(&document, selection, time("2026-02-01T00:00:00Z")).unwrap();
    let names = |found: &[dagster_workspace_core::staging::Outdated]| -> Vec<String> {
        found.iter().map(|found| found.name.clone()).collect()
    };
    assert_eq!(
        (names(&found.outdated), names(&found.undecided)),
        (outdated_names.iter().map(ToString::to_string).collect(), undecided.iter().map(ToString::to_string).collect(),),
        "{selection:?}"
    );
}

fn closed(repository: Option<&str>) -> Vec<Criterion> {
    vec![Criterion::PullRequests { closed: BTreeSet::from([12]), repository: repository.map(Into::into) }]
}

#[test]
fn preview_deployments_belong_to_a_repository() {
    let all = Selection::default;
    check_selection(&Selection { criteria: closed(Some("acme/etl")), ..all() }, &["etl-pr-12"], &["old-pr-12"]);
    let repository = Some("acme/ML".to_owned());
    check_selection(&Selection { criteria: closed(None), repository, ..all() }, &["ml-pr-12"], &["old-pr-12"]);
    let owner = |owner: &str| Some(owner.to_owned());
    check_selection(
        &Selection { criteria: closed(None), owner: owner("data"), ..all() },
        &["etl-pr-12", "ml-pr-12"],
        &[],
    );
    check_selection(&Selection { criteria: closed(None), owner: owner("ops"), ..all() }, &["old-pr-12"], &[]);
    let like = |text: &str| Some(Pattern::new(text));
    check_selection(&Selection { criteria: closed(None), name: like("?l-*"), ..all() }, &["ml-pr-12"], &[]);
    check_selection(&Selection { criteria: closed(Some("acme/other")), ..all() }, &[], &["old-pr-12"]);
    // What is over by its own time is over, whosever it is.
    let mut both = closed(Some("acme/etl"));
    both.push(Criterion::Expired);
    check_selection(&Selection { criteria: both, ..all() }, &["etl-pr-12", "ml-pr-12", "old"], &["old-pr-12"]);
    let repository = Some("acme/etl".to_owned());
    check_selection(&Selection { criteria: vec![Criterion::Expired], repository, ..all() }, &[], &["old"]);
}

#[test]
fn filters_are_all_met() {
    let like = |text: &str| Some(Pattern::new(text));
    let all = Selection::default;
    let owner = Some("data".to_owned());
    check_selection(&Selection { branch: like("feature/*"), owner: owner.clone(), ..all() }, &["etl-pr-12"], &[]);
    let before = Some(time("2025-06-01T00:00:00Z"));
    check_selection(&Selection { created_before: before, ..all() }, &["old-pr-12"], &[]);
    check_selection(&Selection { created_before: before, owner, ..all() }, &[], &[]);
    check_selection(
        &Selection { branch: like("main"), repository: Some("acme/ml".to_owned()), ..all() },
        &["ml-pr-12"],
        &[],
    );
}

#[test]
fn err_numbers_and_branches_without_a_repository() {
    let document = Document::parse("deployments: []\n").unwrap();
    let run = |selection: Selection| outdated(&document, &selection, time("2026-02-01T00:00:00Z")).unwrap_err();
    let numbers = Selection { criteria: closed(None), ..Selection::default() };
    assert_eq!(run(numbers), UnscopedError(Unscoped::PullRequests));
    let branches = Selection { branch: Some(Pattern::new("main")), ..Selection::default() };
    assert_eq!(run(branches), UnscopedError(Unscoped::Branches));
}

#[test]
fn patterns_match_as_a_whole() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("", "", true),
        ("", "a", false),
        ("etl-*", "etl-pr-12", true),
        ("etl-*", "etl", false),
        ("*-12", "etl-pr-12", true),
        ("e*-*-1?", "etl-pr-12", true),
        ("?", "ab", false),
        ("a*b*c", "abbcbc", true),
        ("feature/*", "feature/a/b", true),
        ("ETL", "etl", false),
    ] {
        assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} {text}");
    }
}

#[test]
fn err_preview_of_another_repository_is_not_taken_over() {
    let of = |repository: &str| Record { repository: Some(repository.to_owned()), ..full() };
    let text = run(VALUES, &[added("etl-pr-12"), recorded("etl-pr-12", of("acme/etl"))]).unwrap();
    assert_eq!(run(&text, &[recorded("etl-pr-12", of("ACME/etl"))]).unwrap(), text.replace("acme/etl", "ACME/etl"));
    let error = run(&text, &[recorded("etl-pr-12", of("acme/other"))]).unwrap_err();
    assert_eq!(error.to_string(), "preview deployment `etl-pr-12` is of repository `acme/etl`, not `acme/other`");
    assert_eq!(error.diagnostics()[0].code, "DW0510");
    let old = text.replace("    repository: acme/etl\n", "");
    assert_eq!(run(&old, &[recorded("etl-pr-12", of("acme/other"))]).unwrap().matches("acme/other").count(), 1);
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
