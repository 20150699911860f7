//! The workspace rules against Dagster's own loader: written cases, each judged again by the loader on every run.

use std::collections::{BTreeMap, BTreeSet};

use dagster_workspace_core::error::{Diagnostic, Severity};
use dagster_workspace_core::lint::{Target, lint_workspace};
use dagster_workspace_core::yaml::Document;
use serde::Deserialize;
use serde_json::json;
use testing::Oracle;

const ORACLE: &str = "../testing/oracles/dagster_workspace.py";

/// One line of `cases/workspace-rules.jsonl`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: String,
    text: String,
    /// Variables that are set while Dagster reads the file.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// The Dagster it is judged for, where that is not the installed one: the loader is not asked then.
    dagster: Option<String>,
    /// Why the text alone cannot show what Dagster finds.
    invisible: Option<String>,
    /// We refuse on purpose what Dagster takes.
    #[serde(default)]
    stricter: bool,
    /// Dagster's verdict.
    accepted: bool,
    /// Names that Dagster gives the locations.
    names: Option<Vec<String>>,
    /// The code that we find, reading errors included.
    code: Option<String>,
    /// The text that the finding points at.
    at: Option<String>,
}

fn cases() -> Vec<Case> {
    let lines = include_str!("cases/workspace-rules.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// What we find: a reading error is one finding.
fn found(text: &str, target: &Target) -> Vec<Diagnostic> {
    match Document::parse(text) {
        Ok(document) => lint_workspace(&document, target),
        Err(error) => vec![error.diagnostic()],
    }
}

fn is_refused(found: &[Diagnostic]) -> bool {
    found.iter().any(|finding| finding.severity == Severity::Error)
}

#[test]
fn written_cases_give_their_code_at_their_place() {
    let mut wrong = Vec::new();
    for case in cases() {
        let target = match &case.dagster {
            Some(version) => Target { dagster: version.parse().unwrap(), ..Target::NEWEST },
            None => Target::NEWEST,
        };
        let found = found(&case.text, &target);
        let codes: Vec<&str> = found.iter().map(|finding| finding.code).collect();
        let expected = case.code.as_deref();
        let finding = found.iter().find(|finding| Some(finding.code) == expected);
        if expected.is_some() != finding.is_some()
            || (expected.is_none() && !case.id.starts_with("err_") && !codes.is_empty())
        {
            wrong.push(format!("{}: expected {expected:?}, found {found:#?}", case.id));
        }
        let place = finding.and_then(|finding| finding.span).map(|span| span.of(&case.text));
        if let (Some(at), Some(place)) = (&case.at, place) {
            if at != place {
                wrong.push(format!("{}: {expected:?} stands at {place:?}", case.id));
            }
        }
        // The verdict as a whole, for the cases that older versions of Dagster judge, too.
        let refused = is_refused(&found);
        let should = (!case.accepted && case.invisible.is_none())
            || case.stricter
            || case.id.starts_with("err_") && case.dagster.is_some();
        if refused != should {
            wrong.push(format!("{}: refused {refused}, should be {should}: {found:#?}", case.id));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn written_cases_have_the_verdict_of_dagster_itself() {
    let Some(mut oracle) = Oracle::python(ORACLE) else { return };
    let cases = cases();
    assert!(cases.len() >= 200, "{} cases", cases.len());
    let asked: Vec<&Case> = cases.iter().filter(|case| case.dagster.is_none()).collect();
    let mut ids = BTreeSet::new();
    for case in asked {
        assert!(ids.insert(&case.id), "{} stands twice", case.id);
        let answer = oracle.ask(&json!({ "text": case.text, "env": case.env }));
        assert_eq!(answer["accepted"], case.accepted, "{}: {}", case.id, answer["reason"]);
        if let Some(names) = &case.names {
            assert_eq!(answer["names"], json!(names), "{}", case.id);
        }
    }
}
