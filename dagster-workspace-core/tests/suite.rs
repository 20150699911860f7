//! The official YAML suite: every valid stream gives the events written there, every invalid one is rejected.

use std::fs;
use std::path::{Path, PathBuf};

use dagster_workspace_core::yaml::{Document, Mode};

struct Case {
    id: String,
    text: String,
    /// `None`: the stream must be rejected.
    events: Option<String>,
}

/// The folder named by `YAML_TEST_SUITE`, or the one in the shared folder.
fn folder() -> Option<PathBuf> {
    match std::env::var_os("YAML_TEST_SUITE") {
        Some(folder) => Some(folder.into()),
        None => testing::shared().map(|shared| shared.join("yaml-test-suite/data")),
    }
}

fn cases() -> Option<Vec<Case>> {
    let mut cases = Vec::new();
    collect(&folder()?, "", &mut cases);
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    Some(cases)
}

fn collect(folder: &Path, id: &str, cases: &mut Vec<Case>) {
    if let Ok(text) = fs::read_to_string(folder.join("in.yaml")) {
        let valid = !folder.join("error").exists();
        let events = valid.then(|| fs::read_to_string(folder.join("test.event")).unwrap());
        cases.push(Case { id: id.trim_start_matches('/').to_owned(), text, events });
        return;
    }
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, &format!("{id}/{}", path.file_name().unwrap().to_string_lossy()), cases);
        }
    }
}

#[test]
fn official_suite_308_streams_give_their_events_and_94_are_rejected() {
    let Some(cases) = cases() else { return };
    let (mut valid, mut rejected, mut wrong) = (0, 0, Vec::new());
    for Case { id, text, events } in cases {
        let found = Document::parse_with(&*text, Mode::Strict);
        match (events, found) {
            (Some(events), Ok(document)) if document.events() == events => valid += 1,
            (Some(events), Ok(document)) => {
                wrong.push(format!("{id}: {text:?}\n want {events:?}\n have {:?}", document.events()));
            }
            (Some(_), Err(error)) => wrong.push(format!("{id}: {text:?}\n rejected at {}: {error}", error.span)),
            (None, Err(_)) => rejected += 1,
            (None, Ok(document)) => wrong.push(format!("{id}: {text:?}\n accepted: {:?}", document.events())),
        }
    }
    assert!(wrong.is_empty(), "{} wrong of the suite:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!((valid, rejected), (308, 94));
}

#[test]
fn lenient_reading_gives_every_valid_stream_the_same_events() {
    let Some(cases) = cases() else { return };
    for Case { id, text, events } in cases {
        if let Some(events) = events {
            assert_eq!(Document::parse(&*text).map(|document| document.events()), Ok(events), "{id}");
        }
    }
}
