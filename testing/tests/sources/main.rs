//! Rules of this workspace that no compiler knows, as tests over its sources.
//!
//! Each rule collects findings, one line each with the place, and fails with all of them at once. `source` reads the
//! files, the other modules hold one subject each.

mod api;
mod dependencies;
mod layers;
mod shape;
mod source;
mod words;

/// Fails with every finding of a rule, or passes where there is none.
#[track_caller]
fn none(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}:\n  {}\n", findings.join("\n  "));
}

/// Compares with a committed file below `testing/`, or writes it where `DAGSTER_WORKSPACE_UPDATE` is set.
#[track_caller]
fn same_as_committed(name: &str, found: &str) {
    let path = testing::top().join("testing").join(name);
    if std::env::var_os("DAGSTER_WORKSPACE_UPDATE").is_some() {
        assert!(!testing::ci(), "CI compares, it does not update");
        std::fs::write(&path, found).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let gone =
        committed.lines().filter(|line| !found.lines().any(|other| other == *line)).map(|line| format!("- {line}"));
    let new =
        found.lines().filter(|line| !committed.lines().any(|other| other == *line)).map(|line| format!("+ {line}"));
    let changes: Vec<String> = gone.chain(new).collect();
    assert!(
        committed == found,
        "testing/{name} differs:\n  {}\nhint: where this is meant, run `DAGSTER_WORKSPACE_UPDATE=1 cargo test -p testing` and \
         commit the file\n",
        changes.join("\n  ")
    );
}
