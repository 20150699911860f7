//! What the workspace depends on: a committed list of the direct dependencies, and licences of all of them.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::{none, same_as_committed};

/// As in `deny.toml`.
const LICENCES: [&str; 14] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

#[test]
fn direct_dependencies_are_the_committed_ones() {
    let metadata = metadata(&["--no-deps", "--offline"]);
    let mut found = BTreeSet::new();
    for package in array(&metadata["packages"]) {
        for dependency in array(&package["dependencies"]) {
            let kind = dependency["kind"].as_str().unwrap_or("normal");
            let optional = if dependency["optional"] == true { " optional" } else { "" };
            let target = dependency["target"].as_str().map_or_else(String::new, |target| format!(" for {target}"));
            found.insert(format!(
                "{} {kind}{optional} {}{target}\n",
                text(&package["name"]),
                text(&dependency["name"])
            ));
        }
    }
    same_as_committed("dependencies.txt", &found.into_iter().collect::<String>());
}

#[test]
fn licences_are_permissive() {
    // Only what is built here: nothing else need be downloaded to run this.
    let metadata = metadata(&["--all-features", "--filter-platform", &host()]);
    let packages = array(&metadata["packages"]);
    assert!(packages.len() > 10, "cargo metadata lists no dependencies");
    let findings = packages.iter().filter(|package| !permitted(package["license"].as_str().unwrap_or_default()));
    let findings = findings.map(|package| format!("{}: {}", text(&package["name"]), package["license"]));
    none("licences beyond the list in testing and in deny.toml", &findings.collect::<Vec<_>>());
}

#[test]
fn licence_list_is_that_of_deny() {
    let deny = crate::source::text_of("deny.toml").unwrap();
    let missing = LICENCES.iter().filter(|licence| !deny.contains(&format!("\"{licence}\"")));
    none("deny.toml does not allow", &missing.map(ToString::to_string).collect::<Vec<_>>());
}

#[test]
fn licence_expressions() {
    assert!(permitted("MIT OR GPL-3.0"));
    assert!(permitted("(MIT OR Apache-2.0) AND Unicode-3.0"));
    assert!(permitted("Unlicense/MIT"));
    assert!(!permitted("MIT AND GPL-3.0"));
    assert!(!permitted("MPL-2.0"));
    assert!(!permitted(""));
}

/// Whether every part of an SPDX expression that must hold has an alternative on the list. Stricter than SPDX where an
/// `AND` stands inside an alternative.
fn permitted(expression: &str) -> bool {
    expression.replace('/', " OR ").split(" AND ").all(|part| {
        part.split(" OR ").any(|name| LICENCES.contains(&name.trim_matches(|c: char| c == '(' || c == ')' || c == ' ')))
    })
}

fn metadata(options: &[&str]) -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(options)
        .current_dir(testing::top())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The target triple of this machine, as rustc names it.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host").to_string()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
