//! What holds for every document and every edit. Read [`check`].

#![allow(dead_code, reason = "each test program uses its own part")]

pub(crate) mod naive;
pub(crate) mod place;
pub(crate) mod sites;

use dagster_workspace_core::edit::{self, Edit};
use dagster_workspace_core::error::Reason;
use dagster_workspace_core::yaml::{Document, Kind, Schema, Step};

/// What became of an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Unchanged,
    Changed(String),
    Refused(Reason),
}

impl Outcome {
    /// The text afterwards.
    pub(crate) fn text<'t>(&'t self, before: &'t str) -> &'t str {
        match self {
            Self::Changed(text) => text,
            Self::Unchanged | Self::Refused(_) => before,
        }
    }
}

pub(crate) fn apply(text: &str, edit: &Edit) -> Outcome {
    let document = Document::parse(text).unwrap();
    match edit::apply(&document, edit) {
        Ok(None) => Outcome::Unchanged,
        Ok(Some(edited)) => Outcome::Changed(edited.text().to_owned()),
        Err(refusal) => Outcome::Refused(refusal.reason),
    }
}

/// Applies the edit and checks A4 (bytes outside the place are kept), A5 (all readers see the edited data) and that it is
/// idempotent. A broken law is the error.
pub(crate) fn check(text: &str, edit: &Edit) -> Result<Outcome, String> {
    let outcome = apply(text, edit);
    let broken = |law: &str| {
        let after = outcome.text(text);
        let shown = serde_json::to_string(edit).unwrap();
        format!("{law}\n{shown}\n--- before {text:?}\n{text}\n--- after {after:?}\n{after}\n")
    };
    match &outcome {
        Outcome::Changed(after) => {
            if after == text {
                return Err(broken("a change that changes nothing"));
            }
            place::check_kept(text, after, edit).map_err(|law| broken(&law))?;
            let again = apply(after, edit);
            if again != Outcome::Unchanged && still_there(after, edit) {
                return Err(broken(&format!("not idempotent\n{again:?}")));
            }
        }
        Outcome::Unchanged => {}
        Outcome::Refused(reason) => {
            return match explains(*reason, text, edit) {
                true => Ok(outcome),
                false => Err(broken(&format!("refused for no reason: {reason:?}"))),
            };
        }
    }
    for reader in READERS {
        let (Some(before), Some(after)) = (reader(text), reader(outcome.text(text))) else {
            if reader(text).is_some() {
                return Err(broken("not read any more"));
            }
            continue;
        };
        let Some(meant) = naive::apply(&before, edit) else { return Err(broken("data it does not fit")) };
        if after != meant {
            return Err(broken(&format!("other data\n meant {meant:?}\n have {after:?}")));
        }
    }
    Ok(outcome)
}

/// Whether the path of the edit means the same place afterwards: not the index of what has gone, nor a name that was changed.
fn still_there(after: &str, edit: &Edit) -> bool {
    let document = Document::parse(after).unwrap();
    match edit {
        Edit::Add { .. } => true,
        Edit::Set { path, .. } => sites::node_at(&document, path.steps()).is_some(),
        Edit::Remove { path } => !matches!(path.steps().last(), Some(Step::Index(_))),
    }
}

type Reader = fn(&str) -> Option<serde_yaml::Value>;

/// The readers that judge; `None` where they do not read the text at all.
const READERS: [Reader; 3] = [
    |text| {
        let data: serde_yaml::Value = serde_yaml::from_str(text.trim_start_matches('\u{feff}')).ok()?;
        let mut data = naive::plain(anchors_once(text).then_some(data)?);
        data.apply_merge().ok().map(|()| data)
    },
    |text| own(text, Schema::Helm),
    |text| own(text, Schema::Dagster),
];

/// `serde_yaml` mistakes which node an alias means where an anchor stands twice.
fn anchors_once(text: &str) -> bool {
    ["&a0", "&a1", "&a2", "&a3"].iter().all(|anchor| text.matches(anchor).count() < 2)
}

fn own(text: &str, schema: Schema) -> Option<serde_yaml::Value> {
    serde_yaml::to_value(Document::parse(text).ok()?.to_value(schema).ok()?).ok()
}

/// Whether the text holds what the reason speaks of.
fn explains(reason: Reason, text: &str, edit: &Edit) -> bool {
    match reason {
        Reason::SeveralDocuments => text.contains("---"),
        Reason::DuplicateKey => serde_yaml::from_str::<serde_yaml::Value>(text.trim_start_matches('\u{feff}')).is_err(),
        Reason::AliasedList | Reason::AnchorInUse | Reason::ThroughAlias => text.contains('*'),
        Reason::MergeValue => text.contains("<<"),
        Reason::DottedKey => text.contains('.'),
        Reason::KeptLineBreaks => text.contains(['|', '>']),
        Reason::NotAList | Reason::NotAMapping => {
            READERS[1](text).is_some_and(|data| naive::apply(&data, edit).is_none())
        }
        // A single pair has no room for a second one, and does not become a mapping in braces.
        Reason::Unprovable => {
            let document = Document::parse(text).unwrap();
            sites::sites(&document).iter().any(|(_, node)| node.kind() == Kind::FlowPair)
        }
        _ => false,
    }
}
