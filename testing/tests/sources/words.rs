//! What no committed file says: unfinished work, the machine it was written on, how it came about.

use crate::none;
use crate::source;

/// This file, which has to name what it looks for.
const OWN: &str = "testing/tests/sources/words.rs";

/// Every line of a committed text file, but for lock files and licences, with its place.
fn lines() -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for path in source::committed() {
        if path == OWN || path.ends_with(".lock") || path.starts_with("LICENSE") {
            continue;
        }
        let Some(text) = source::text_of(&path) else { continue };
        lines.extend(text.lines().enumerate().map(|(at, line)| (format!("{path}:{}", at + 1), line.to_string())));
    }
    assert!(lines.len() > 1000, "the committed files are not where they were");
    lines
}

#[track_caller]
fn nowhere(rule: &str, words: &[&str], matches: fn(&str, &str) -> bool) {
    let lines = lines();
    let found = lines.iter().flat_map(|(place, line)| {
        words.iter().filter(|word| matches(line, word)).map(move |word| format!("{place}: `{word}`"))
    });
    none(rule, &found.collect::<Vec<_>>());
}

fn contains(line: &str, word: &str) -> bool {
    line.contains(word)
}

/// Whether a line holds the words, in any case, not as a part of longer ones.
fn contains_word(line: &str, word: &str) -> bool {
    let line = line.to_lowercase();
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

#[test]
fn nothing_is_left_for_later() {
    nowhere("unfinished work belongs into the tracker", &["TODO", "FIXME", "XXX", "HACK"], contains);
}

#[test]
fn no_path_or_mirror_of_one_machine() {
    let paths = ["/home/", "/root/", "/Users/", "/work/", "C:\\Users", "/tmp/claude", "host.docker.internal"];
    nowhere("paths of one machine", &paths, contains);
    let registries = ["index-url", "pythonhosted", "artifactory", "replace-with", "trusted-host", "sparse+http"];
    nowhere("registries are the reader's choice", &registries, contains);
}

#[test]
fn lock_file_names_the_public_registry_only() {
    let lock = source::text_of("Cargo.lock").unwrap();
    let sources = lock.lines().filter(|line| line.starts_with("source = "));
    let other = sources.filter(|line| !line.contains("registry+https://github.com/rust-lang/crates.io-index"));
    none("Cargo.lock names another registry", &other.map(str::to_string).collect::<Vec<_>>());
}

#[test]
fn files_speak_of_the_project_alone() {
    let words = [
        "ai assistant",
        "chatbot",
        "chatgpt",
        "claude",
        "copilot",
        "language model",
        "this session",
        "next session",
        "previous session",
        "subagent",
        "the brief",
        "the lead",
    ];
    nowhere("how a text came about is not its subject", &words, contains_word);
}

#[test]
fn words_end_where_they_end() {
    assert!(contains_word("See The Brief.", "the brief"));
    assert!(!contains_word("the briefest way", "the brief"));
}
