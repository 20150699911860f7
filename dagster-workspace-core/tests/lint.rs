//! What holds for all rules: every code has a case, findings read as people expect, and no text is too odd.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use dagster_workspace_core::error::{Diagnostic, Severity};
use dagster_workspace_core::lint::{Target, lint_pairing, lint_values, lint_workspace};
use dagster_workspace_core::secret::Shown;
use dagster_workspace_core::yaml::Document;

fn of_workspace(text: &str) -> Vec<Diagnostic> {
    lint_workspace(&Document::parse(text).unwrap(), &Target::default())
}

fn of_values(text: &str) -> Vec<Diagnostic> {
    lint_values(&Document::parse(text).unwrap(), &Target::default())
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { sources(&path, files) } else { files.push(path) }
    }
}

/// Codes that a text names in quotes.
fn codes(text: &str) -> BTreeSet<String> {
    let parts = text.split('"').filter(|part| part.len() == 6 && part.starts_with("DW0"));
    parts.map(str::to_string).collect()
}

#[test]
fn every_code_has_a_case_that_finds_it() {
    let mut files = Vec::new();
    sources(Path::new("src/lint"), &mut files);
    let defined: BTreeSet<String> = files.iter().flat_map(|file| codes(&fs::read_to_string(file).unwrap())).collect();
    let cases = [include_str!("cases/workspace-rules.jsonl"), include_str!("cases/values-rules.jsonl")];
    let mut found = codes(&cases.concat());
    // Of the two documents together, and of sizes: in tests of their own.
    found.extend(
        ["DW0133", "DW0250", "DW0301", "DW0302", "DW0303", "DW0304", "DW0305", "DW0306", "DW0307"].map(str::to_string),
    );
    let without: Vec<&String> = defined.difference(&found).collect();
    assert!(defined.len() > 70 && without.is_empty(), "of {} codes without a case: {without:?}", defined.len());
}

#[track_caller]
fn check_rendered(name: &str, text: &str, found: &[Diagnostic], expected: &str) {
    let rendered: String = found.iter().map(|finding| finding.render(name, &Shown::of(text))).collect();
    assert_eq!(rendered, expected, "\n{rendered}");
}

#[test]
fn repeated_name_shows_both_places() {
    let text = "load_from:\n  - grpc_server:\n      port: 3030\n      location_name: etl\n  - grpc_server:\n      \
                port: 3031\n      location_name: etl\n";
    let expected = "\
error[DW0101]: code location `etl` is already defined
 --> workspace.yaml:7:22
  |
7 |       location_name: etl
  |                      ^^^
 --> workspace.yaml:4:22
  |
4 |       location_name: etl
  |                      ^^^ also at `load_from[0]`
hint: choose another `location_name`, or remove one of the two
";
    check_rendered("workspace.yaml", text, &of_workspace(text), expected);
}

#[test]
fn words_of_yaml_1_1_say_what_they_are_read_as() {
    let text = "load_from:\n- grpc_server: {port: \"3030\", location_name: on, owner: me}\n";
    let expected = "\
error[DW0119]: `port` must be a whole number, got the text `3030`
 --> workspace.yaml:2:23
  |
2 | - grpc_server: {port: \"3030\", location_name: on, owner: me}
  |                       ^^^^^^
hint: write it without quotes: `port: 3030`
error[DW0116]: `location_name` must be a text, got the boolean `on`
 --> workspace.yaml:2:46
  |
2 | - grpc_server: {port: \"3030\", location_name: on, owner: me}
  |                                              ^^
hint: quote it if that is the text: `\"on\"`
error[DW0114]: unknown key `owner` in `grpc_server`
 --> workspace.yaml:2:50
  |
2 | - grpc_server: {port: \"3030\", location_name: on, owner: me}
  |                                                  ^^^^^
hint: it takes `host`, `port`, `socket`, `location_name`, `ssl` or `additional_metadata`
";
    check_rendered("workspace.yaml", text, &of_workspace(text), expected);
}

#[test]
fn tag_says_what_helm_makes_of_it() {
    let text = "deployments:\n  - name: etl\n    image:\n      repository: ghcr.io/acme/etl\n      tag: 0123456\n      \
                pullPolicy: Always\n    port: 3030\n    strategy: {}\n    dagsterApiGrpcArgs: [\"-m\", etl]\n";
    let expected = "\
error[DW0214]: helm takes the tag `0123456` for the number 42798
 --> values.yaml:5:12
  |
5 |       tag: 0123456
  |            ^^^^^^^
hint: quote it: `tag: \"0123456\"`
warning[DW0223]: the chart ignores the unknown key `strategy` of deployment `etl`
 --> values.yaml:8:5
  |
8 |     strategy: {}
  |     ^^^^^^^^
hint: did you mean `deploymentStrategy`?
";
    check_rendered("values.yaml", text, &of_values(text), expected);
}

#[test]
fn size_warns_near_the_limit_of_a_config_map_and_fails_over_it() {
    for (size, expected) in [(700_000, None), (740_000, Some(Severity::Warning)), (1_048_576, Some(Severity::Warning))]
        .into_iter()
        .chain([(1_048_577, Some(Severity::Error))])
    {
        let head = "load_from: []\n#";
        let text = format!("{head}{}", "x".repeat(size - head.len()));
        let found = of_workspace(&text);
        assert_eq!(
            found.first().map(|finding| (finding.code, finding.severity)),
            expected.map(|s| ("DW0133", s)),
            "{size}"
        );
        let values = of_values(&text.replace("load_from", "deployments"));
        let size_finding = values.iter().find(|finding| finding.code == "DW0250");
        assert_eq!(size_finding.is_some(), size > 735_000, "{size}");
    }
}

#[test]
fn aliases_that_repeat_too_much_cost_no_time() {
    let mut laughs = String::from("load_from:\n- &a0 {grpc_server: {port: 1}}\n");
    let mut merges = String::from("deployments:\n- &a0 {name: a}\n");
    for at in 1..60 {
        let _ = writeln!(laughs, "- &a{at} [*a{0}, *a{0}, *a{0}]", at - 1);
        let _ = writeln!(merges, "- &a{at} {{<<: [*a{0}, *a{0}, *a{0}], k{at}: 1}}", at - 1);
    }
    // Followed without a bound, either would take longer than anybody can wait.
    for text in [&laughs, &merges] {
        judge_as_refused(text);
    }
}

#[test]
fn one_wide_mapping_merged_by_many_entries_costs_no_more_than_its_text() {
    let wide = |count: usize| {
        let keys = (0..count).map(|at| format!("  k{at}: 1\n"));
        let entries = (0..count).map(|at| format!("- {{<<: *wide, name: a{at}}}\n"));
        format!("deployments:\n- &wide\n{}", keys.chain(entries).collect::<String>())
    };
    let time = |text: &str| {
        let start = Instant::now();
        judge_as_refused(text);
        start.elapsed()
    };
    let (small, large) = (wide(1000), wide(4000));
    // Several tries: another process may have had the processor. Quadratic work would be sixteen times as much.
    let ratio = (0..10).map(|_| time(&large).as_secs_f64() / time(&small).as_secs_f64()).find(|ratio| *ratio < 10.0);
    assert!(ratio.is_some(), "over ten times the work for four times the text");
}

fn judge_as_refused(text: &str) {
    assert!(of_workspace(text).iter().any(|finding| finding.severity == Severity::Error));
    assert!(of_values(text).iter().any(|finding| finding.severity == Severity::Error));
}

#[test]
fn every_beginning_of_every_case_is_judged() {
    let cases = [include_str!("cases/workspace-rules.jsonl"), include_str!("cases/values-rules.jsonl")].concat();
    let mut judged = 0;
    for line in cases.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = case["text"].as_str().unwrap();
        for (end, _) in text.char_indices().step_by(3) {
            let Ok(document) = Document::parse(&text[..end]) else { continue };
            for finding in [lint_workspace, lint_values].map(|lint| lint(&document, &Target::default())).concat() {
                assert!(finding.span.is_none_or(|span| text[..end].get(span.range()).is_some()), "{finding:?}: {text}");
            }
            judged += 1;
        }
    }
    assert!(judged > 5000, "{judged} judged");
}

#[test]
fn every_text_of_the_official_suite_is_judged() {
    let Some(shared) = testing::shared() else { return };
    let mut files = Vec::new();
    sources(&shared.join("yaml-test-suite/data"), &mut files);
    let mut judged = 0;
    for file in files.iter().filter(|file| file.file_name().is_some_and(|name| name == "in.yaml")) {
        let text = fs::read_to_string(file).unwrap();
        let Ok(document) = Document::parse(&*text) else { continue };
        let found = [lint_workspace, lint_values].map(|lint| lint(&document, &Target::default()));
        // None of them is a workspace file.
        assert!(found[0].iter().any(|finding| finding.severity == Severity::Error), "{}: {text}", file.display());
        for finding in found.concat() {
            assert!(
                finding.span.is_none_or(|span| text.get(span.range()).is_some()),
                "{}: {finding:?}",
                file.display()
            );
            assert!(!finding.render("x", &Shown::of(&text)).is_empty());
        }
        let _ = lint_pairing(&document, &document, &Target::default());
        judged += 1;
    }
    assert!(judged > 300, "{judged} judged");
}
