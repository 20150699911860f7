//! `yaml merge`: three versions of a document to one, on the standard output or, as a merge driver of git, in the place of
//! ours.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use dagster_workspace_core::diff::MergeKeys;
use dagster_workspace_core::error::Diagnostic;
use dagster_workspace_core::merge::{self, Conflict, Merge, MergeError, Prefer, Three};
use dagster_workspace_core::secret::Shown;
use dagster_workspace_core::span::{LineCol, Span};
use serde_json::{Value, json};

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::input::{self, Input};
use crate::cli::render::{Answer, Failure, Finding};

/// Arguments of `yaml merge`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// What both sides began with; `-` is the standard input
    base: PathBuf,
    /// The side whose bytes the result begins with
    ours: PathBuf,
    /// The side whose changes are brought in
    theirs: PathBuf,
    /// Where the items of a list carry their names, as in `jobs=id` or `load_from=*.location_name`; repeated
    #[arg(long = "keys", value_name = "LIST=KEY")]
    keys: Vec<String>,
    /// Take this side wherever both changed the same
    #[arg(long, value_enum, value_name = "SIDE")]
    resolve: Option<Resolve>,
    /// Be a merge driver of git, called with `%O %A %B %L %P`: write the result to OURS, with markers where conflicts are
    #[arg(long)]
    driver: bool,
    /// With --driver: how many characters a conflict marker has
    #[arg(requires = "driver", value_name = "SIZE")]
    marker_size: Option<usize>,
    /// With --driver: what the document is called in the repository
    #[arg(requires = "driver", value_name = "NAME")]
    name: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Resolve {
    /// What ours says
    Ours,
    /// What theirs says
    Theirs,
}

/// Characters of a conflict marker where git does not say.
const MARKER_SIZE: usize = 7;

/// Merges, and writes nothing where one of the three cannot be read.
pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<Answer, Failure> {
    let Arguments { base, ours, theirs, keys, resolve, driver, marker_size, name } = arguments;
    let paths = [base, ours, theirs];
    if paths.iter().filter(|path| path.as_path() == Path::new("-")).count() > usize::from(!driver) {
        return Err(Failure::usage(
            "at most one of the three comes from the standard input, and none for a merge driver",
        ));
    }
    let keys = merge_keys(keys)?;
    let mut read = |path: &PathBuf| input::read(Some(path), context.stdin);
    let inputs = Three { base: read(base)?, ours: read(ours)?, theirs: read(theirs)? };
    let prefer = match resolve {
        None => Prefer::Neither,
        Some(Resolve::Ours) => Prefer::Ours,
        Some(Resolve::Theirs) => Prefer::Theirs,
    };
    let merge = merge::resolve(&inputs.base.text, &inputs.ours.text, &inputs.theirs.text, &keys, prefer);
    let merge = merge.map_err(|error| unreadable(&error, &inputs))?;
    let shown = name.as_deref().filter(|_| *driver);
    let warnings = findings(&merge, &inputs, shown);
    let Three { base, ours: own, theirs: their } = &inputs;
    // Only where there is a conflict are they read for secrets.
    let shown_inputs =
        Three { base: shown_of(base, &merge), ours: shown_of(own, &merge), theirs: shown_of(their, &merge) };
    let data = json!({
        "text": merge.text,
        "conflicts": merge.conflicts.iter().map(|conflict| as_json(conflict, &merge, &inputs, &shown_inputs)).collect::<Vec<_>>(),
    });
    let exit = if merge.conflicts.is_empty() { Exit::Done } else { Exit::Conflict };
    if !driver {
        let mut answer = Answer::new(merge.text, data);
        if context.options.output == crate::cli::render::Format::Text {
            answer.warnings = warnings;
        }
        return Ok(Answer { exit, ..answer });
    }
    let size = marker_size.unwrap_or(MARKER_SIZE);
    let text = merge::with_markers(&merge, &inputs.ours.text, &inputs.theirs.text, size);
    fs::write(ours, text).map_err(|error| {
        Failure::new(Exit::Failed, "io", format!("cannot write `{}`", ours.display())).caused_by(&error)
    })?;
    Ok(Answer { exit, warnings, ..Answer::new("", data) })
}

/// The presets, with those of the caller before them.
fn merge_keys(keys: &[String]) -> Result<MergeKeys, Failure> {
    let mut out = MergeKeys::default();
    for key in keys {
        let parsed = key.split_once('=').and_then(|(list, key)| Some((list, key.parse().ok()?)));
        let Some((list, key)) = parsed.filter(|(list, _)| !list.is_empty()) else {
            return Err(Failure::usage(format!("`--keys {key}` names no list with its key"))
                .with_hint("as in `--keys jobs=id` or `--keys load_from=*.location_name`"));
        };
        out = out.with(list, key);
    }
    Ok(out)
}

fn unreadable(error: &MergeError, inputs: &Three<Input>) -> Failure {
    let Input { name, text } = inputs.get(error.input);
    let failure = Failure::parse(&error.source, name, text);
    Failure { message: format!("{error}: {}", failure.message), causes: vec![error.to_string()], ..failure }
}

/// The conflicts for people, each at its place in ours, or in theirs where ours has nothing there.
fn findings(merge: &Merge, inputs: &Three<Input>, name: Option<&str>) -> Vec<Finding> {
    let all = merge.conflicts.iter().flat_map(|conflict| {
        let sides = [merge::Input::Ours, merge::Input::Theirs, merge::Input::Base];
        let side = sides.into_iter().find(|side| conflict.spans.get(*side).is_some()).unwrap_or(merge::Input::Ours);
        let input = inputs.get(side);
        let called = |side: merge::Input| match name {
            Some(name) => format!("{name} ({side})"),
            None => inputs.get(side).name.clone(),
        };
        let other = conflict.spans.theirs.filter(|_| side == merge::Input::Ours).map(|span| {
            let at = LineCol::of(&inputs.theirs.text, span.start);
            format!("the other side stands at {}:{at}", called(merge::Input::Theirs))
        });
        let finding = Diagnostic { hint: other, ..conflict.diagnostic(side) };
        Finding::all([finding], &called(side), &input.text)
    });
    all.collect()
}

/// An input as it may be shown. Without conflicts nothing of it is, and it is not read for secrets.
fn shown_of<'i>(input: &'i Input, merge: &Merge) -> Shown<'i> {
    Shown::of(if merge.conflicts.is_empty() { "" } else { &input.text })
}

fn as_json(conflict: &Conflict, merge: &Merge, inputs: &Three<Input>, shown: &Three<Shown<'_>>) -> Value {
    let Conflict { path, kind, spans, values: _, renamed_to, result } = conflict;
    let values = conflict.shown(shown);
    let span = |span: Option<Span>, text: &str| {
        span.map(|span| {
            let LineCol { line, column } = LineCol::of(text, span.start);
            json!({ "start": span.start, "end": span.end, "line": line, "column": column })
        })
    };
    let sides = |base: Value, ours: Value, theirs: Value| json!({ "base": base, "ours": ours, "theirs": theirs });
    let side = |input: merge::Input| json!(span(*spans.get(input), &inputs.get(input).text));
    let value = |input: merge::Input| json!(values.get(input));
    let (b, o, t) = (merge::Input::Base, merge::Input::Ours, merge::Input::Theirs);
    json!({
        "path": path.brief().to_string(),
        "kind": kind.slug(),
        "message": conflict.to_string(),
        "spans": sides(side(b), side(o), side(t)),
        "values": sides(value(b), value(o), value(t)),
        "renamed_to": renamed_to,
        "result": span(Some(*result), &merge.text),
    })
}
