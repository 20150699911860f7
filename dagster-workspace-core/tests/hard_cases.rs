//! The written cases of lossless editing: every edit comes out exactly as written there, or is refused for that reason.

use dagster_workspace_core::diff::MergeKeys;
use dagster_workspace_core::edit::{self, Edit};
use dagster_workspace_core::merge::three_way;
use dagster_workspace_core::yaml::Document;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    id: String,
    title: String,
    op: serde_json::Value,
    #[serde(rename = "in")]
    text: String,
    /// Absent where the edit is refused or changes nothing.
    out: Option<String>,
    error: Option<String>,
    /// Paths of the conflicts of a merge.
    #[serde(default)]
    conflicts: Vec<String>,
}

/// The text after the edit, or the reason why not.
fn outcome(text: &str, edit: &Edit) -> Result<String, &'static str> {
    let document = Document::parse(text).map_err(|_| "parse")?;
    match edit::apply(&document, edit) {
        Ok(edited) => Ok(edited.map_or_else(|| text.to_owned(), |edited| edited.text().to_owned())),
        Err(refusal) => Err(refusal.reason.slug()),
    }
}

#[test]
fn every_edit_comes_out_as_written() {
    let (mut checked, mut wrong) = (0, Vec::new());
    for line in include_str!("cases/hard-cases.jsonl").lines() {
        let Case { id, title, op, text, out, error, conflicts: _ } = serde_json::from_str(line).unwrap();
        if op["op"] == "merge" {
            continue;
        }
        let edit: Edit = serde_json::from_value(op).unwrap();
        let want = match error {
            Some(reason) => Err(reason),
            None => Ok(out.unwrap_or_else(|| text.clone())),
        };
        let have = outcome(&text, &edit).map_err(str::to_owned);
        if have != want {
            wrong.push(format!("{id} {title}\n in   {text:?}\n want {want:?}\n have {have:?}"));
        } else if let Ok(once) = &have {
            // Again on its own result it changes nothing.
            assert_eq!(outcome(once, &edit).as_ref(), Ok(once), "{id} twice");
        }
        let again: Edit = serde_json::from_str(&serde_json::to_string(&edit).unwrap()).unwrap();
        assert_eq!(again, edit, "{id} through JSON");
        checked += 1;
    }
    assert!(wrong.is_empty(), "{} of {checked} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(checked, 82);
}

#[test]
fn every_merge_comes_out_as_written() {
    let (mut checked, mut wrong) = (0, Vec::new());
    for line in include_str!("cases/hard-cases.jsonl").lines() {
        let Case { id, title, op, text: base, out, conflicts, .. } = serde_json::from_str(line).unwrap();
        if op["op"] != "merge" {
            continue;
        }
        let (ours, theirs) = (op["ours"].as_str().unwrap(), op["theirs"].as_str().unwrap());
        let merge = three_way(&base, ours, theirs, &MergeKeys::default()).unwrap();
        let paths: Vec<String> = merge.conflicts.iter().map(|conflict| conflict.path.brief().to_string()).collect();
        if Some(&merge.text) != out.as_ref() || paths != conflicts {
            wrong.push(format!("{id} {title}\n want {out:?} {conflicts:?}\n have {:?} {paths:?}", merge.text));
        }
        checked += 1;
    }
    assert!(wrong.is_empty(), "{} of {checked} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(checked, 15);
}
