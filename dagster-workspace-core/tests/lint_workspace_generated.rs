//! The workspace rules against Dagster's own loader: generated files, most of them broken in one place.
//!
//! `DAGSTER_WORKSPACE_CASES` is how many (1,500), `DAGSTER_WORKSPACE_SEED` where they begin (1). A failure prints the texts
//! and both verdicts.

use std::fmt::Write as _;

use dagster_workspace_core::error::Severity;
use dagster_workspace_core::lint::{Target, lint_workspace};
use dagster_workspace_core::yaml::Document;
use serde_json::json;
use testing::{Dice, Oracle};

const ORACLE: &str = "../testing/oracles/dagster_workspace.py";

/// Codes of what we refuse on purpose although Dagster takes it, as the module `lint` lists them.
const STRICTER: [&str; 2] = ["DW0124", "DW0130"];

/// What Dagster says of things that the text alone does not show.
const INVISIBLE: [&str; 3] = ["is not set", "cannot be coerced into an int", "multiple locations with the same name"];

const NAMES: &[&str] =
    &["etl", "\"etl\"", "'a b'", "team: x", "été", "a/b", "etl2", "ml", "x", "reports", "stage-7", "v1"];
const ODD: &[&str] = &[
    "on",
    "off",
    "Yes",
    "NO",
    "y",
    "n",
    "true",
    "~",
    "null",
    "",
    "12",
    "012",
    "08",
    "0o7",
    "0x1F",
    "0b1",
    "1_000",
    "1e3",
    "1.5e+3",
    "1.5e3",
    "12:30",
    "12:99",
    "1:2.5",
    ".5",
    "+.5",
    "5.",
    ".inf",
    "-.INF",
    ".nan",
    "=",
    "<<",
    "2022-07-01",
    "2022-07-01T10:00:00Z",
    "0x_",
    "+0b_",
    "-0",
    "+12",
    "[]",
    "{}",
    "[a, b]",
    "{a: b}",
    "{env: DW_A}",
    "{env: 5}",
    "\"\"",
    "''",
    "\"012\"",
    "!!str 12",
    "!!int \"12\"",
    "!!null x",
    "!x y",
    "!!bool yes",
    "!!float 1",
    "!!python/none x",
    "! 12",
    "*none",
    "&anchor v",
    "99999999999999999999",
    "-",
    "?",
    ": x",
    "a:b",
    "a #b",
    "%x",
    "@x",
    "`x`",
    "|",
    ">",
    "\"a\\\n b\"",
    "\"\\x41\"",
    "\"\\q\"",
    "a\tb",
    "a\u{85}b",
    "a\u{2028}b",
    "{{ x }}",
    "${X}",
    "-x",
    "?x",
    ":x",
    "*",
    "&",
    "!",
    "a, b",
    "]",
];
const PORTS: &[&str] = &["3030", "4000", "05726", "0xBD6", "12:30", "3_030", "{env: DW_PORT}", "-1", "70000"];
const SHORT: &[&str] = &["python_file", "python_module", "python_package", "autoload_defs_module"];

/// One file: a few items, mostly right, and then sometimes broken as text.
fn generate(dice: &mut Dice) -> String {
    let items: Vec<String> = (0..dice.roll(4)).map(|at| item(dice, at)).collect();
    let mut text = String::new();
    if dice.rarely(8) {
        text += dice.pick(&[
            "---\n",
            "# head\n",
            "\u{feff}",
            "%YAML 1.1\n---\n",
            "%YAML 1.2\n---\n",
            "%YAML 2.0\n---\n",
            "\n\n",
        ]);
    }
    if items.is_empty() {
        text +=
            dice.pick(&["load_from: []\n", "load_from:\n", "{}\n", "", "load_from: ~\n", "load_from: {}\n", "[]\n"]);
    } else {
        text += dice.pick(&[
            "load_from:\n",
            "load_from:\n",
            "load_from:\n",
            "load_from: # locations\n",
            "\"load_from\":\n",
        ]);
        text += &items.concat();
    }
    if dice.rarely(25) {
        text += dice.pick(&[
            "other: 1\n",
            "---\n",
            "...\n",
            "# tail",
            "load_from: []\n",
            "x-a: &x 1\n",
            "...\n...\n",
            "\t\n",
        ]);
    }
    if dice.rarely(3) {
        text = mutated(dice, text);
    }
    if dice.rarely(15) {
        text = text.replace('\n', "\r\n");
    }
    text
}

fn item(dice: &mut Dice, at: usize) -> String {
    if dice.rarely(40) {
        return format!("  - {}\n", dice.pick(ODD));
    }
    if dice.rarely(4) {
        return target(dice, at);
    }
    let mut fields: Vec<String> = Vec::new();
    if dice.rarely(30) {
        fields.push("socket: /run/etl.sock".into());
    }
    if !dice.rarely(30) {
        let port = if dice.rarely(25) { dice.pick(ODD) } else { dice.pick(PORTS) };
        fields.push(format!("port: {port}"));
    }
    if !dice.rarely(4) {
        let host = if dice.rarely(20) { dice.pick(ODD) } else { dice.pick(NAMES) };
        fields.push(format!("host: {host}"));
    }
    if !dice.rarely(4) {
        let name = if dice.rarely(15) { dice.pick(ODD) } else { dice.pick(NAMES) };
        fields.push(format!("location_name: {name}"));
    }
    if dice.rarely(12) {
        fields.push(format!("ssl: {}", dice.pick(&["true", "no", "On", "\"true\"", "1", "~", "y", "{env: DW_A}"])));
    }
    if dice.rarely(12) {
        let value = dice.pick(ODD);
        fields.push(match dice.roll(4) {
            0 => format!("additional_metadata: {value}"),
            1 => format!("additional_metadata: {{image: {value}, pr: \"7\"}}"),
            2 => format!("additional_metadata:\n        commit: {value}"),
            _ => "additional_metadata: {commit: abc}".into(),
        });
    }
    if dice.rarely(20) {
        fields.push(
            dice.pick(&["owner: me", "on: x", "12: x", "Port: 1", "? [a]\n      : b", "~: x", "\"<<\": {}"]).into(),
        );
    }
    if dice.rarely(12) && at > 0 {
        fields
            .insert(dice.roll(fields.len() + 1), dice.pick(&["<<: *a0", "<<: [*a0]", "<<: {ssl: no}", "<<: x"]).into());
    }
    if dice.rarely(3) {
        fields.reverse();
    }
    let anchor = if at == 0 && dice.rarely(2) { " &a0" } else { "" };
    if dice.rarely(5) && fields.iter().all(|field| !field.contains('\n')) {
        return format!("  - grpc_server:{anchor} {{{}}}\n", fields.join(", "));
    }
    let mut out = format!("  - grpc_server:{anchor}\n");
    for field in fields {
        let comment = if dice.rarely(10) { " # note" } else { "" };
        let _ = writeln!(out, "      {field}{comment}");
    }
    out
}

fn target(dice: &mut Dice, at: usize) -> String {
    let kind = dice.pick(SHORT);
    if dice.rarely(3) {
        let value = if dice.rarely(10) { dice.pick(ODD).to_string() } else { format!("src/pkg{at}.py") };
        return format!("  - {kind}: {value}\n");
    }
    let required = match kind {
        "python_file" => "relative_path",
        "python_package" => "package_name",
        _ => "module_name",
    };
    let mut out = format!("  - {kind}:\n");
    for name in [required, "attribute", "location_name", "working_directory", "executable_path"] {
        let left_out = if name == required { dice.rarely(10) } else { !dice.rarely(3) };
        if !left_out {
            let value = if dice.rarely(25) { dice.pick(ODD) } else { dice.pick(NAMES) };
            let _ = writeln!(out, "      {name}: {value}");
        }
    }
    out
}

/// The text with one thing changed, as a slip of the hand or of a script changes it.
fn mutated(dice: &mut Dice, text: String) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    if lines.is_empty() {
        return text;
    }
    let at = dice.roll(lines.len());
    match dice.roll(9) {
        0 => {
            lines.remove(at);
        }
        1 => lines.insert(at, lines[at].clone()),
        2 => lines[at].insert_str(0, dice.pick(&[" ", "  ", "\t", "- "])),
        3 => lines[at] = lines[at].strip_prefix(' ').unwrap_or(&lines[at]).to_string(),
        4 => lines[at] += dice.pick(&[" ", "\t", " # x", "#x", "\t# x", ":", ",", " |", " >-", "\"", " &z", " *a0"]),
        5 => {
            lines
                .insert(at, dice.pick(&["", "   ", "# c", "      # c", "\t", "#\t", "---", "...", "      : x"]).into());
        }
        6 => {
            let places: Vec<usize> = lines[at].char_indices().map(|(place, _)| place).collect();
            if !places.is_empty() {
                let insert = dice.pick(&[
                    "\t", " ", ":", ": ", "\"", "'", "#", " #", "[", "{", "}", "&", "*", "!", "-", "\u{a0}", "\\",
                ]);
                lines[at].insert_str(places[dice.roll(places.len())], insert);
            }
        }
        7 => {
            let mut rest = lines[at].chars();
            let cut = dice.roll(lines[at].chars().count() + 1);
            lines[at] = rest.by_ref().take(cut).collect();
        }
        _ => {
            let other = dice.roll(lines.len());
            lines.swap(at, other);
        }
    }
    lines.join("\n") + "\n"
}

/// Whether we refuse on purpose. What a repeated key hides may be anything.
fn is_stricter(text: &str, errors: &[&str]) -> bool {
    let lonely_dash = ["-,", "-}", "-]"].iter().any(|dash| text.contains(dash));
    errors.contains(&"DW0124")
        || errors.iter().all(|code| STRICTER.contains(code))
        || (errors == ["DW0020"] && lonely_dash)
        || (errors == ["DW0129"] && text.split("  - ").any(|item| item.contains("&a0") && item.contains("*a0")))
}

/// Our verdict: the codes of the errors.
fn errors(text: &str) -> Vec<&'static str> {
    let found = match Document::parse(text) {
        Ok(document) => lint_workspace(&document, &Target::NEWEST),
        Err(error) => vec![error.diagnostic()],
    };
    found.iter().filter(|finding| finding.severity == Severity::Error).map(|finding| finding.code).collect()
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |value| value.parse().expect("a number"))
}

#[test]
fn generated_files_have_the_verdict_of_dagster_itself() {
    let Some(mut oracle) = Oracle::python(ORACLE) else { return };
    let (cases, seed) = (number("DAGSTER_WORKSPACE_CASES", 1500), number("DAGSTER_WORKSPACE_SEED", 1));
    let (mut accepted, mut refused, mut wrong) = (0, 0, Vec::new());
    for case in 0..cases {
        let text = generate(&mut Dice::new(seed.wrapping_add(case).wrapping_mul(0x2545_f491_4f6c_dd1d)));
        let answer = oracle.ask(&json!({ "text": text, "env": { "DW_A": "a", "DW_PORT": "3030" } }));
        let reason = answer["reason"].as_str().unwrap_or_default();
        let errors = errors(&text);
        let agreed = match (answer["accepted"] == true, errors.is_empty()) {
            (true, true) => {
                accepted += 1;
                true
            }
            (false, false) => {
                refused += 1;
                true
            }
            (true, false) => is_stricter(&text, &errors),
            (false, true) => text.contains("env:") && INVISIBLE.iter().any(|words| reason.contains(words)),
        };
        if !agreed {
            wrong.push(format!("{text}\nwe: {errors:?}, Dagster: {reason}\n{text:?}\n"));
        }
    }
    assert!(wrong.is_empty(), "{} of {cases} wrong:\n{}", wrong.len(), wrong.join("\n"));
    // The generator is worth something only while both kinds are common.
    assert!(accepted * 5 > cases && refused * 5 > cases, "{accepted} accepted, {refused} refused of {cases}");
}
