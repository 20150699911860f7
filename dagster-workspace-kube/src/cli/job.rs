//! Changes of the documents: [`carry_out`] asks the deployer for them and says what it did. Running it again finishes what was
//! cut off: each step is decided from what is there.

use dagster_workspace_core::error::Severity;
use dagster_workspace_core::transform::{MissingField, NotFound};
use serde_json::{Value, json};

use super::documents::{Documents, Names};
use super::exit::Exit;
use super::render::{Answer, Failure, Finding};
use super::{Context, Options, on_cluster, plan};
use crate::deploy::{Aim, Applied, Edited, JobError, Kept, Pairing, Request};

/// Carries a request out, or only says what it would do, as the options say.
pub(super) fn carry_out(request: &Request, context: &mut Context<'_>) -> Result<Answer, Failure> {
    let options = context.options;
    if options.dry_run {
        return preview(request, context, "--dry-run");
    }
    if options.cluster.connection().is_none() {
        return in_documents(&Documents::open(options)?, request, options);
    }
    on_cluster::run(context, async |deployer| deployer.run(request).await)
}

/// Says what a request would do, and writes nothing: `why`, in a few words.
pub(super) fn preview(request: &Request, context: &mut Context<'_>, why: &str) -> Result<Answer, Failure> {
    let options = context.options;
    if options.cluster.connection().is_some() {
        let plan = on_cluster::plan(request, context)?;
        return Ok(plan::answer(&plan, None));
    }
    of_documents(&Documents::open(options)?, request, why)
}

fn of_documents(place: &Documents, request: &Request, why: &str) -> Result<Answer, Failure> {
    let Documents { documents, names, runtime } = place;
    let job = runtime.block_on(documents.begin(request)).map_err(|error| names.failure(error))?;
    let order = job.order();
    let mut planned = job.planned().to_vec();
    planned.sort_by_key(|edited| order.iter().position(|subject| *subject == edited.subject));
    let answer = answer(names, &planned, job.pairing().clone(), Some(why));
    Ok(with_not_found(answer, names, request, job.not_found()))
}

/// The documents alone.
pub(super) fn in_documents(place: &Documents, request: &Request, options: &Options) -> Result<Answer, Failure> {
    if options.dry_run {
        return of_documents(place, request, "--dry-run");
    }
    let Documents { documents, names, runtime } = place;
    #[cfg(feature = "object-store")]
    let recording = super::recording::of(options)?;
    let Applied { edited, pairing, not_found } =
        runtime.block_on(documents.apply(request)).map_err(|error| interrupted(names, error))?;
    #[allow(unused_mut, reason = "without a history nothing is added")]
    let mut answer = with_not_found(answer(names, &edited, pairing, None), names, request, &not_found);
    #[cfg(feature = "object-store")]
    if let Some(kept) = super::recording::record(recording.as_ref(), place)? {
        answer.text.push_str(&recorded(&kept));
        answer.data["recorded"] = json!(kept);
    }
    Ok(answer)
}

/// The revision that holds both documents, for people.
pub(super) fn recorded(kept: &Kept) -> String {
    let Kept { revision, is_new } = kept;
    if *is_new { format!("recorded as revision {revision}\n") } else { String::new() }
}

/// A failure after the first of two documents was written is another one than before.
pub(super) fn interrupted(names: &Names, JobError { done, failed, source }: JobError) -> Failure {
    let failure = names.failure(source);
    let written: Vec<String> = done
        .iter()
        .filter(|edited| edited.is_changed())
        .map(|edited| format!("`{}`", names.of(edited.subject)))
        .collect();
    let Some(failed) = failed.filter(|_| !written.is_empty()) else { return failure };
    let report = json!({ "changed": true, "changes": changes(names, &done).1 });
    let failure = Failure { report: Some(Box::new(report)), ..failure };
    partial(format!("{} is written, `{}` is not", written.join(", "), names.of(failed)), failure)
}

/// A failure after which something is done and something is not.
pub(super) fn partial(message: String, failure: Failure) -> Failure {
    let mut causes = vec![failure.message.clone()];
    causes.extend(failure.causes.iter().cloned());
    let again = "run it again: what is already done is left alone";
    let hint = match failure.hint.as_deref().filter(|hint| !hint.starts_with("run it again")) {
        Some(first) => format!("{first}; then {again}"),
        None => again.to_owned(),
    };
    Failure { exit: Exit::Partial, reason: "partial", message, causes, hint: Some(hint), ..failure }
}

/// What has changed in the documents, as text and as data.
pub(super) fn changes(names: &Names, done: &[Edited]) -> (String, Vec<Value>) {
    let mut text = String::new();
    let mut changes = Vec::new();
    for edited in done.iter().filter(|edited| edited.is_changed()) {
        let Edited { subject, changes: found, .. } = edited;
        let name = names.of(*subject);
        text.push_str(&format!("{name}\n"));
        if found.is_empty() {
            text.push_str("  ~ comments or notation\n");
            changes.push(json!({ "file": name, "summary": "~ comments or notation" }));
        }
        for change in found {
            text.push_str(&format!("  {change}\n"));
            let mut data = serde_json::to_value(change).unwrap_or_default();
            data["file"] = Value::from(name.as_str());
            data["summary"] = Value::from(change.to_string());
            changes.push(data);
        }
    }
    (text, changes)
}

/// Fields that were to be taken out and are not there, as text and as data.
pub(super) fn not_found(done: &[Edited]) -> (String, Vec<Value>) {
    let all = || done.iter().flat_map(|edited| &edited.not_found);
    let text = all().map(|field| format!("not found: {field}\n")).collect();
    let data = all().map(|MissingField { deployment, path, .. }| Value::from(format!("{deployment}.{path}")));
    (text, data.collect())
}

/// What does not stand in the way of the job and is said with it.
pub(super) fn warnings(names: &Names, done: &[Edited], pairing: Pairing) -> Vec<Finding> {
    let of_one = |edited: &Edited| Finding::all(edited.warnings.clone(), &names.of(edited.subject), &edited.text);
    done.iter().flat_map(of_one).chain(names.pairing_findings(pairing)).collect()
}

/// With the names of a removal that nothing has.
pub(super) fn with_not_found(mut answer: Answer, names: &Names, request: &Request, missing: &[NotFound]) -> Answer {
    if request.aim() == Aim::Absent {
        answer.data["not_found"] = missing.iter().map(|found| found.name.as_str()).collect();
        answer.warnings.extend(names.not_found(missing, Severity::Warning));
    }
    answer
}

fn answer(names: &Names, done: &[Edited], pairing: Pairing, unwritten: Option<&str>) -> Answer {
    let (mut text, changes) = changes(names, done);
    let changed = !changes.is_empty();
    let (missing, not_found) = not_found(done);
    text.push_str(&missing);
    match (changed, unwritten) {
        (false, _) if !not_found.is_empty() => text.push_str("no change\n"),
        (false, _) => text.push_str("no change: everything is as asked\n"),
        (true, Some(why)) => text.push_str(&format!("nothing is written ({why})\n")),
        (true, None) => {}
    }
    let warnings = warnings(names, done, pairing);
    let exit = if changed { Exit::Changes } else { Exit::Done };
    let data =
        json!({ "changed": changed, "dry_run": unwritten.is_some(), "changes": changes, "not_found": not_found });
    Answer { warnings, exit, ..Answer::new(text, data) }
}
