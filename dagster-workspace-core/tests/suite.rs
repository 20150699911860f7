//! The official YAML suite: every valid stream gives the events written there, every invalid one is rejected.

mod samples;

use dagster_workspace_core::yaml::{Document, Mode};
use samples::{Case, suite};

#[test]
fn official_suite_308_streams_give_their_events_and_94_are_rejected() {
    let Some(cases) = suite() else { return };
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
    let Some(cases) = suite() else { return };
    for Case { id, text, events } in cases {
        if let Some(events) = events {
            assert_eq!(Document::parse(&*text).map(|document| document.events()), Ok(events), "{id}");
        }
    }
}
