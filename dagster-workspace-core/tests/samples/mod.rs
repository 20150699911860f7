//! Texts to read: the official suite, and the values and workspace documents of the shared folder.

#![allow(dead_code, reason = "every test binary uses its own part")]

pub(crate) mod invariants;
pub(crate) mod mutate;

use std::fs;
use std::path::{Path, PathBuf};

/// One stream of the official suite.
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) text: String,
    /// `None`: the stream must be rejected.
    pub(crate) events: Option<String>,
}

/// All streams of the official suite: from the folder named by `YAML_TEST_SUITE`, or the one in the shared folder.
pub(crate) fn suite() -> Option<Vec<Case>> {
    let folder: PathBuf = match std::env::var_os("YAML_TEST_SUITE") {
        Some(folder) => folder.into(),
        None => testing::shared()?.join("yaml-test-suite/data"),
    };
    let mut cases = Vec::new();
    for path in files(&folder).into_iter().filter(|path| path.ends_with("in.yaml")) {
        let folder_of_case = path.parent().unwrap();
        let valid = !folder_of_case.join("error").exists();
        cases.push(Case {
            id: folder_of_case.strip_prefix(&folder).unwrap().to_string_lossy().into_owned(),
            text: fs::read_to_string(&path).unwrap(),
            events: valid.then(|| fs::read_to_string(folder_of_case.join("test.event")).unwrap()),
        });
    }
    Some(cases)
}

/// Documents that people and charts really have, by name: the corpus, the charts' values and rendered workspaces.
pub(crate) fn documents() -> Option<Vec<(String, String)>> {
    let folder = testing::shared()?.join("dagster");
    let yaml = files(&folder).into_iter().filter(|path| path.extension().is_some_and(|name| name == "yaml"));
    let name = |path: &Path| path.strip_prefix(&folder).unwrap().to_string_lossy().into_owned();
    Some(yaml.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect())
}

/// The texts that the written editing cases begin with, by name: comments, anchors, flow, odd indentation.
pub(crate) fn hard_cases() -> Option<Vec<(String, String)>> {
    let lines = fs::read_to_string(testing::shared()?.join("yaml/hard-cases.jsonl")).unwrap();
    let cases = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let texts = cases.filter_map(|case| Some((case["id"].as_str()?.to_owned(), case["in"].as_str()?.to_owned())));
    Some(texts.filter(|(_, text)| !text.is_empty()).collect())
}

/// All files under a folder, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}
