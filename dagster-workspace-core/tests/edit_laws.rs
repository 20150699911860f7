//! x
mod written;
use dagster_workspace_core::yaml::{Document, Kind};
use proptest::prelude::*;
use proptest::test_runner::{TestRunner, Config};
use proptest::strategy::ValueTree;

#[test]
fn probe() {
    let mut runner = TestRunner::deterministic();
    let tapes = proptest::collection::vec(any::<u8>(), 0..400);
    let (mut ours, mut theirs, mut n) = (0, 0, 0);
    for flavour in [written::Flavour::Plain, written::Flavour::Full] {
        for i in 0..3000 {
            let tape = tapes.new_tree(&mut runner).unwrap().current();
            let text = written::document(&tape, flavour);
            n += 1;
            match Document::parse(text.as_str()) {
                Ok(_) => ours += 1,
                Err(e) => if ours + 8 > n { println!("== ours {e:?}\n{text}") },
            }
            match serde_yaml::from_str::<serde_yaml::Value>(text.trim_start_matches('\u{feff}')) {
                Ok(_) => theirs += 1,
                Err(e) => if theirs + 8 > n { println!("== theirs {e}\n{text}") },
            }
            if i > 3000 { println!("=====\n{text}"); }
        }
        println!("{ours} {theirs} of {n}");
    }
}
