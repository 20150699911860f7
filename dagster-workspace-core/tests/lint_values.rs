//! The rules for values against real helm, with the chart's own schema: written cases, and generated ones.
//!
//! The chart's schema names definitions on the network; they are left out here, as no test asks the network. The template
//! prints images as the chart does.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dagster_workspace_core::error::{Diagnostic, Severity};
use dagster_workspace_core::lint::{Target, lint_values, lint_workspace};
use dagster_workspace_core::secret::Shown;
use dagster_workspace_core::values::UserDeployments;
use dagster_workspace_core::yaml::Document;
use serde::Deserialize;
use testing::Dice;

/// Errors that helm does not see: Kubernetes, the container runtime or the user does.
const BEYOND_HELM: [&str; 15] = [
    "DW0202", "DW0209", "DW0210", "DW0211", "DW0212", "DW0214", "DW0216", "DW0218", "DW0222", "DW0227", "DW0228",
    "DW0260", "DW0261", "DW0262", "DW0245",
];

/// Those of them that helm sees, too, where its schema takes no such type.
const SOMETIMES: [&str; 2] = ["DW0210", "DW0214"];

const TEMPLATE: &str = r#"apiVersion: v1
kind: ConfigMap
metadata:
  name: images
data:
{{- range $at, $it := .Values.deployments }}
  d{{ $at }}: {{ printf "%s:%s" $it.image.repository ($it.image.tag | default $.Chart.Version | toYaml | trimAll "\"") | quote }}
{{- end }}
"#;

/// One line of `cases/values-rules.jsonl`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: String,
    text: String,
    /// The chart it is judged for, where that is not the newest; helm is not asked then.
    chart: Option<String>,
    /// Whether helm takes the values with the newest schema; absent where they are the system chart's.
    helm: Option<bool>,
    /// The images that helm prints.
    images: Option<Vec<String>>,
    code: Option<String>,
    severity: Option<String>,
    at: Option<String>,
    /// The finding points nowhere, so that no value is shown.
    #[serde(default)]
    noplace: bool,
}

fn cases() -> Vec<Case> {
    let lines = include_str!("cases/values-rules.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn found(text: &str, target: &Target) -> Vec<Diagnostic> {
    match Document::parse(text) {
        Ok(document) => lint_values(&document, target),
        Err(error) => vec![error.diagnostic()],
    }
}

fn errors(text: &str) -> Vec<&'static str> {
    let found = found(text, &Target::NEWEST).into_iter();
    found.filter(|finding| finding.severity == Severity::Error).map(|finding| finding.code).collect()
}

/// Charts in a folder of their own, for the real helm.
struct Chart {
    helms: Vec<PathBuf>,
    folder: PathBuf,
}

impl Chart {
    fn of(test: &str) -> Option<Self> {
        let shared = testing::shared()?.join("dagster/1.13-2026-06");
        let helms = vec![testing::helm(3)?, testing::helm(4)?];
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        fs::create_dir_all(folder.join("templates")).unwrap();
        let version = Target::NEWEST.chart;
        let about = format!("apiVersion: v2\nname: dagster-user-deployments\nversion: {version}\n");
        fs::write(folder.join("Chart.yaml"), about).unwrap();
        fs::write(folder.join("templates/images.yaml"), TEMPLATE).unwrap();
        fs::copy(shared.join("dagster-user-deployments.values.yaml"), folder.join("values.yaml")).unwrap();
        let schema = testing::local_schema(&shared.join("dagster-user-deployments.values.schema.json"));
        fs::write(folder.join("values.schema.json"), schema).unwrap();
        Some(Self { helms, folder })
    }

    /// The images that a helm prints, or why it refuses.
    fn template(&self, helm: &Path, text: &str) -> Result<Vec<String>, String> {
        // Each helm has a file of its own: they run side by side.
        let values = self.folder.join(helm.file_name().unwrap()).with_extension("yaml");
        fs::write(&values, text).unwrap();
        let output =
            Command::new(helm).args(["template", "x"]).arg(&self.folder).arg("-f").arg(&values).output().unwrap();
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let text = String::from_utf8(output.stdout).unwrap();
        let images = text.lines().filter_map(|line| line.trim_start().strip_prefix('d')?.split_once(": \""));
        Ok(images.map(|(_, image)| image.trim_end_matches('"').to_string()).collect())
    }
}

#[test]
fn written_cases_give_their_code_at_their_place() {
    let mut wrong = Vec::new();
    let cases = cases();
    assert!(cases.len() >= 200, "{} cases", cases.len());
    for case in cases {
        let target = match &case.chart {
            Some(version) => Target { chart: version.parse().unwrap(), ..Target::NEWEST },
            None => Target::NEWEST,
        };
        let found = found(&case.text, &target);
        let finding = found.iter().find(|finding| Some(finding.code) == case.code.as_deref());
        let alone = case.code.is_some() || found.is_empty();
        let severity = finding.map(|finding| finding.severity.to_string());
        if !alone || case.code.is_some() != finding.is_some() || severity != case.severity {
            wrong.push(format!("{}: expected {:?} {:?}, found {found:?}", case.id, case.code, case.severity));
        }
        let place = finding.and_then(|finding| finding.span).map(|span| span.of(&case.text));
        if case.noplace && place.is_some() || case.at.is_some() && case.at.as_deref() != place {
            wrong.push(format!("{}: {:?} stands at {place:?}", case.id, case.code));
        }
        for finding in &found {
            let shown = finding.render("values.yaml", &Shown::of(&case.text));
            assert!(!shown.contains("hunter2"), "{}: {shown}", case.id);
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn written_cases_have_the_verdict_of_helm_itself() {
    let Some(chart) = Chart::of("written") else { return };
    let cases: Vec<Case> = cases().into_iter().filter(|case| case.helm.is_some()).collect();
    std::thread::scope(|scope| {
        for helm in &chart.helms {
            let (chart, cases) = (&chart, &cases);
            scope.spawn(move || {
                for case in cases {
                    let answer = chart.template(helm, &case.text);
                    assert_eq!(Some(answer.is_ok()), case.helm, "{} with {}: {answer:?}", case.id, helm.display());
                    assert_eq!(answer.as_ref().ok(), case.images.as_ref(), "{} with {}", case.id, helm.display());
                    check_verdict(&case.text, answer).unwrap();
                }
            });
        }
    });
}

/// Whether our verdict is that of helm, and images without a finding come out as they are written.
fn check_verdict(text: &str, helm: Result<Vec<String>, String>) -> Result<(), String> {
    let errors = errors(text);
    match helm {
        Err(_) if errors.iter().any(|code| SOMETIMES.contains(code) || !BEYOND_HELM.contains(code)) => Ok(()),
        Err(reason) => Err(format!("{text}\nwe: {errors:?}, helm: {reason}")),
        Ok(images) => {
            if !errors.iter().all(|code| BEYOND_HELM.contains(code)) {
                return Err(format!("{text}\nwe: {errors:?}, helm takes it"));
            }
            let found = found(text, &Target::NEWEST);
            if found
                .iter()
                .any(|finding| ["DW0201", "DW0202", "DW0212", "DW0214", "DW0215", "DW0218"].contains(&finding.code))
            {
                return Ok(());
            }
            let document = Document::parse(text).unwrap();
            let view = UserDeployments::of(&document);
            let written: Vec<String> = view
                .iter()
                .map(|deployment| {
                    let image = deployment.get("image").unwrap();
                    let part = |key: &str| {
                        let reader =
                            dagster_workspace_core::yaml::Reader::new(dagster_workspace_core::yaml::Schema::Helm);
                        let node = reader.target(reader.get(image, key)?)?;
                        node.text().filter(|text| !text.is_empty() && text != "~").map(std::borrow::Cow::into_owned)
                    };
                    let version = Target::NEWEST.chart.to_string();
                    format!("{}:{}", part("repository").unwrap(), part("tag").unwrap_or(version))
                })
                .collect();
            if written == images { Ok(()) } else { Err(format!("{text}\nwritten {written:?}, helm prints {images:?}")) }
        }
    }
}

const KEYS: [&str; 27] = [
    "codeServerArgs",
    "includeConfigInLaunchedRuns",
    "deploymentNamespace",
    "replicaCount",
    "env",
    "envConfigMaps",
    "envSecrets",
    "annotations",
    "labels",
    "nodeSelector",
    "affinity",
    "tolerations",
    "podSecurityContext",
    "securityContext",
    "resources",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "volumeMounts",
    "volumes",
    "schedulerName",
    "initContainers",
    "sidecarContainers",
    "deploymentStrategy",
    "strategy",
    "flavour",
    "dagsterApiGrpcArgs",
];

const VALUES: [&str; 31] = [
    "a",
    "\"1\"",
    "1",
    "0",
    "3",
    "1.0",
    "1.5",
    "true",
    "on",
    "~",
    "",
    "[]",
    "{}",
    "[a]",
    "[1]",
    "[\"1\", b]",
    "[~]",
    "{a: b}",
    "{a: 1}",
    "{a: ~}",
    "{enabled: true}",
    "{enabled: yes}",
    "{enabled: 1}",
    "{enabled: ~}",
    "[{name: a}]",
    "[{name: a, value: b}]",
    "[{}]",
    "[[a]]",
    "2022-01-01",
    "0x1F",
    "1e3",
];

const TAGS: [&str; 24] = [
    "v1",
    "5176135",
    "0123456",
    "1e5",
    "12e03",
    "1.10",
    "'1.10'",
    "\"007\"",
    "08",
    "0x1f",
    "1_000",
    "~",
    "\"\"",
    "true",
    "off",
    "1:30",
    "12:30:45",
    "2024-01-01",
    "+1",
    "-3",
    "0",
    "0o17",
    "abc",
    "1234567e8",
];

fn generate(dice: &mut Dice) -> String {
    let mut text = String::from("deployments:\n");
    for at in 0..1 + dice.roll(2) {
        let name = if dice.roll(12) == 0 { dice.pick(&VALUES).to_string() } else { format!("etl-{at}") };
        let port = if dice.roll(12) == 0 { dice.pick(&VALUES) } else { "3030" };
        let tag = dice.pick(&TAGS);
        let policy = if dice.roll(15) == 0 { dice.pick(&["always", "~", "1", ""]) } else { "Always" };
        let _ =
            write!(text, "  - name: {name}\n    port: {port}\n    image:\n      repository: etl\n      tag: {tag}\n");
        if dice.roll(15) > 0 {
            let _ = writeln!(text, "      pullPolicy: {policy}");
        }
        let mut keys: Vec<&str> = Vec::new();
        let count = if dice.roll(3) == 0 { 2 } else { 0 };
        for _ in 0..count {
            let key = dice.pick(&KEYS);
            if !keys.contains(&key) {
                keys.push(key);
                let _ = writeln!(text, "    {key}: {}", dice.pick(&VALUES));
            }
        }
    }
    text
}

#[test]
fn generated_values_have_the_verdict_of_helm_itself() {
    let Some(chart) = Chart::of("generated") else { return };
    let number =
        |name: &str, default: u64| std::env::var(name).ok().map_or(default, |value| value.parse().expect("a number"));
    let (cases, seed) = (number("DAGSTER_WORKSPACE_CASES", 100), number("DAGSTER_WORKSPACE_SEED", 1));
    let (mut accepted, mut wrong) = (0, Vec::new());
    for case in 0..cases {
        let text = generate(&mut Dice::new(seed.wrapping_add(case).wrapping_mul(0x2545_f491_4f6c_dd1d)));
        let helm = &chart.helms[usize::try_from(case).unwrap() % chart.helms.len()];
        let answer = chart.template(helm, &text);
        accepted += u64::from(answer.is_ok());
        wrong.extend(check_verdict(&text, answer).err());
    }
    assert!(wrong.is_empty(), "{} of {cases} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(accepted * 6 > cases && (cases - accepted) * 6 > cases, "{accepted} of {cases} accepted");
}

#[test]
fn real_files_have_no_false_errors() {
    let Some(shared) = testing::shared() else { return };
    // Errors that are true: each was looked at.
    let known: &[(&str, &str)] = &[
        // A repository without a value.
        ("values/08-unicef-giga-dagster.yaml", "DW0208"),
        // A probe without `enabled`, which newer charts demand.
        ("values/11-NaumanMunir9-Dagster-Helm.yaml", "DW0207"),
        // A port to be filled in, which Dagster takes for a text.
        ("workspace/06-bpsbits-org-dagster.yaml", "DW0119"),
        // A kind that Dagster dropped in 0.15.
        ("workspace/13-PenguinToast-dagster.yaml", "DW0111"),
    ];
    let mut seen = 0;
    for folder in ["values", "workspace"] {
        for file in fs::read_dir(shared.join("dagster/corpus").join(folder)).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let name = format!("{folder}/{}", path.file_name().unwrap().to_string_lossy());
            let text = fs::read_to_string(&path).unwrap();
            let document = Document::parse(&*text).unwrap();
            let lint = if folder == "values" { lint_values } else { lint_workspace };
            for finding in lint(&document, &Target::NEWEST) {
                let expected = known.contains(&(&name, finding.code));
                assert!(
                    finding.severity == Severity::Warning || expected,
                    "{}",
                    finding.render(&name, &Shown::of(&text))
                );
            }
            seen += 1;
        }
    }
    assert!(seen >= 26, "{seen} files");
    // The charts' own values, each for the release it is of.
    for (folder, version) in [
        ("0.15.5", "0.15.5"),
        ("1.3.7", "1.3.7"),
        ("1.5-2023-11", "1.5.7"),
        ("1.10.5", "1.10.5"),
        ("1.12-2025-11", "1.12.2"),
        ("1.13-2026-06", "1.13.8"),
    ] {
        for chart in ["dagster", "dagster-user-deployments"] {
            let Ok(text) = fs::read_to_string(shared.join(format!("dagster/{folder}/{chart}.values.yaml"))) else {
                continue;
            };
            let target = Target { chart: version.parse().unwrap(), ..Target::NEWEST };
            let found = found(&text, &target);
            let error = found.iter().find(|finding| finding.severity == Severity::Error);
            assert!(error.is_none(), "{}", error.unwrap().render(&format!("{folder}/{chart}"), &Shown::of(&text)));
        }
    }
}
