//! Changes of the documents: [`carry_out`] plans all of them before it writes any, writes one after the other, and says
//! what it did. Running it again finishes what was cut off: each step is decided from what is there.

use dagster_workspace_core::diff::Change;
use dagster_workspace_core::lint::Target;
use dagster_workspace_core::transform::{self, Applied, Transform};
use dagster_workspace_core::yaml::Document;
use serde_json::{Value, json};

use super::Options;
use super::documents::{Documents, Pair, Which, key};
use super::exit::Exit;
use super::render::{Answer, Failure, Finding};
use crate::apply::{Absent, ApplyError, apply_with};
use crate::retry::RetryPolicy;

/// The change of one document: from what it says now, what to do.
pub(super) struct Step<'j> {
    pub(super) which: Which,
    /// Asked anew for every text that is read, so it may look at what other writers have done.
    pub(super) transforms: &'j Transforms<'j>,
}

/// What to do with a document.
pub(super) type Transforms<'j> = dyn Fn(&Document<'_>) -> Result<Vec<Transform>, Failure> + 'j;

/// What has become of one document.
struct Done {
    which: Which,
    text: String,
    changes: Vec<Change>,
    warnings: Vec<Finding>,
}

/// Plans all steps, and writes them in their order where all can be done and `options` say so.
pub(super) fn carry_out(documents: &Documents, steps: &[Step<'_>], options: &Options) -> Result<Answer, Failure> {
    let mut planned = Vec::new();
    let mut before = Vec::new();
    for step in steps {
        let text = documents.text(step.which)?;
        planned.push(plan(documents, step, &text)?);
        before.push((step.which, text));
    }
    let pairing = judge_pairing(documents, &before, &planned)?;
    let done = if options.dry_run { planned } else { write(documents, steps)? };
    Ok(answer(documents, &done, pairing, options))
}

/// What a step makes of `text`.
fn plan(documents: &Documents, step: &Step<'_>, text: &str) -> Result<Done, Failure> {
    let name = documents.name(step.which);
    let document = Document::parse(text).map_err(|error| Failure::parse(&error, &name, text))?;
    let transforms = (step.transforms)(&document)?;
    let applied = transform::apply(text, &transforms, &Target::default());
    let Applied { text, changes, warnings } = applied.map_err(|error| Failure::transform(&error, &name, text))?;
    let warnings = Finding::all(warnings, &name, &text);
    Ok(Done { which: step.which, text, changes, warnings })
}

/// Findings about both documents together that the job brings, judged on the state that it leads to.
fn judge_pairing(documents: &Documents, before: &[(Which, String)], planned: &[Done]) -> Result<Vec<Finding>, Failure> {
    let text_before = |which| before.iter().find(|(own, _)| *own == which).map(|(_, text)| text.as_str());
    let text_after = |which| planned.iter().find(|done| done.which == which).map(|done| done.text.as_str());
    let [Some(values), Some(workspace)] = Which::BOTH.map(text_after) else { return Ok(Vec::new()) };
    let [Some(old_values), Some(old_workspace)] = Which::BOTH.map(text_before) else { return Ok(Vec::new()) };
    let pairing = |values, workspace| {
        let read = |which, text: &str| {
            let document = Document::parse(text).map(Document::into_owned);
            document.map_err(|error| Failure::parse(&error, &documents.name(which), text))
        };
        let pair = Pair { values: read(Which::Values, values)?, workspace: read(Which::Workspace, workspace)? };
        Ok(pair.pairing(documents, &Target::default()))
    };
    let old = pairing(old_values, old_workspace)?;
    let known =
        |finding: &Finding| old.iter().any(|other| (other.code, &other.message) == (finding.code, &finding.message));
    let new: Vec<Finding> = pairing(values, workspace)?.into_iter().filter(|finding| !known(finding)).collect();
    if new.iter().any(Finding::is_error) {
        return Err(Failure::found(Exit::Invalid, "unpaired", new));
    }
    Ok(new)
}

/// Writes one step after the other.
fn write(documents: &Documents, steps: &[Step<'_>]) -> Result<Vec<Done>, Failure> {
    let mut done: Vec<Done> = Vec::new();
    for step in steps {
        match write_one(documents, step) {
            Ok(one) => done.push(one),
            Err(failure) => return Err(interrupted(documents, &done, step.which, failure)),
        }
    }
    Ok(done)
}

fn write_one(documents: &Documents, step: &Step<'_>) -> Result<Done, Failure> {
    let key = key(step.which)?;
    let mut last = None;
    let change = |text: &str| {
        let done = plan(documents, step, text)?;
        let new = (!done.changes.is_empty()).then(|| done.text.clone());
        last = Some(done);
        Ok(new)
    };
    let policy = RetryPolicy::default();
    let run = apply_with(documents.store.as_ref(), &key, Absent::Refuse, &policy, change);
    match documents.runtime.block_on(run) {
        Ok(_) => last.ok_or_else(|| Failure::new(Exit::Failed, "io", "the document was not read")),
        Err(ApplyError::Transform(failure)) => Err(failure),
        Err(ApplyError::Store(error)) => Err(documents.failure(step.which, &error)),
        Err(ApplyError::GaveUp { source, .. }) => Err(documents.failure(step.which, &source)),
        Err(ApplyError::Unsettled { source, .. }) => {
            Err(Failure { exit: Exit::Partial, reason: "unsettled", ..documents.failure(step.which, &source) })
        }
    }
}

/// A failure after the first of two documents may have been written is another one than before.
fn interrupted(documents: &Documents, done: &[Done], which: Which, failure: Failure) -> Failure {
    let written: Vec<String> = done
        .iter()
        .filter(|done| !done.changes.is_empty())
        .map(|done| format!("`{}`", documents.name(done.which)))
        .collect();
    if written.is_empty() {
        return failure;
    }
    let message = format!("{} is written, `{}` is not", written.join(", "), documents.name(which));
    let mut causes = vec![failure.message.clone()];
    causes.extend(failure.causes.iter().cloned());
    let hint = Some("run it again: what is already done is left alone".to_owned());
    Failure { exit: Exit::Partial, reason: "partial", message, causes, hint, ..failure }
}

fn answer(documents: &Documents, done: &[Done], pairing: Vec<Finding>, options: &Options) -> Answer {
    let mut text = String::new();
    let mut changes = Vec::new();
    for Done { which, changes: found, .. } in done.iter().filter(|done| !done.changes.is_empty()) {
        let name = documents.name(*which);
        text.push_str(&format!("{name}\n"));
        for change in found {
            text.push_str(&format!("  {change}\n"));
            let mut data = serde_json::to_value(change).unwrap_or_default();
            data["file"] = Value::from(name.as_str());
            data["summary"] = Value::from(change.to_string());
            changes.push(data);
        }
    }
    let changed = !changes.is_empty();
    match (changed, options.dry_run) {
        (false, _) => text.push_str("no change: everything is as asked\n"),
        (true, true) => text.push_str("nothing is written (--dry-run)\n"),
        (true, false) => {}
    }
    let warnings = done.iter().flat_map(|done| done.warnings.iter().cloned()).chain(pairing).collect();
    let exit = if changed && options.detailed_exitcode { Exit::Changes } else { Exit::Done };
    let data = json!({ "changed": changed, "dry_run": options.dry_run, "changes": changes });
    Answer { text, data, warnings, exit }
}
