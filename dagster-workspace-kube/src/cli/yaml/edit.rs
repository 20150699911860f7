//! `yaml edit`: edits of one text, in the order in which they are given, to the standard output or in place.

use std::path::{Path as FilePath, PathBuf};

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Args, FromArgMatches};
use dagster_workspace_core::diff::MergeKeys;
use dagster_workspace_core::edit::{self, Edit, Item};
use dagster_workspace_core::error::{Diagnostic, Refusal, Severity};
use dagster_workspace_core::value::Value;
use dagster_workspace_core::yaml::{Document, DottedKey, Kind, Node, Path, PathError, Schema, Step};
use serde_json::json;
use similar::TextDiff;

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::input::{self, Input};
use crate::cli::render::{Answer, Failure, Finding};
use crate::store::replace_file;

/// Arguments of `yaml edit`.
#[derive(Debug, Args)]
#[command(after_help = NOTATION)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    asked: Asked,
    /// Write the file itself, or the file behind a link
    #[arg(short = 'i', long)]
    in_place: bool,
    /// Show a unified diff instead of the text
    #[arg(long)]
    diff: bool,
    /// The text; the standard input where it is missing or `-`
    file: Option<PathBuf>,
}

const NOTATION: &str = r#"Paths: image.tag, labels."a.b/c" (or labels.'a.b/c', labels["a.b/c"], labels.a\.b/c), args[0], env[name=A].value,
volumeMounts[mountPath=/a].name, load_from[*.location_name=a]; an empty path is the root.

Edits as JSON: {"op": "set", "path": "deployments[name=etl].image.tag", "value": "1.5"}, {"op": "remove", "path": ...},
{"op": "add", "path": "deployments", "item": "name: etl\n"}; a path may be a list, too: ["image", "tag"]
"#;

/// The options that ask for an edit: id, value and help.
const OPTIONS: [(&str, &str, &str); 5] = [
    ("set", "PATH=VALUE", "Give the node at a path a value, written as YAML"),
    ("set-string", "PATH=TEXT", "Give the node at a path a text, as it is typed"),
    ("unset", "PATH", "Remove the entry or item at a path"),
    ("add", "PATH=ITEM", "Append an item, written as YAML, to the list at a path; no change where it is there"),
    ("edit", "JSON", "Make an edit that is written as JSON"),
];

/// The edits as they are typed, each with its option, in order.
#[derive(Debug)]
struct Asked(Vec<(&'static str, String)>);

impl FromArgMatches for Asked {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut all = Vec::new();
        for (option, ..) in OPTIONS {
            let texts = matches.get_many::<String>(option).into_iter().flatten();
            let places = matches.indices_of(option).into_iter().flatten();
            all.extend(places.zip(texts).map(|(place, text)| (place, option, text.clone())));
        }
        all.sort_by_key(|(place, ..)| *place);
        Ok(Self(all.into_iter().map(|(_, option, text)| (option, text)).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Asked {
    fn augment_args(command: clap::Command) -> clap::Command {
        let option = |(id, value, help): (&'static str, &'static str, &'static str)| {
            Arg::new(id)
                .long(id)
                .value_name(value)
                .help(help)
                .action(ArgAction::Append)
                .allow_hyphen_values(id != "edit")
        };
        let group = ArgGroup::new("asked").args(OPTIONS.map(|(id, ..)| id)).multiple(true).required(true);
        command.args(OPTIONS.map(option)).group(group)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

/// Makes the edits.
pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<Answer, Failure> {
    let Arguments { asked: Asked(asked), in_place, diff, file } = arguments;
    let edits = asked.iter().map(|(option, text)| parse(option, text)).collect::<Result<Vec<_>, _>>()?;
    let own = file.as_deref().filter(|file| *file != FilePath::new("-"));
    if *in_place && own.is_none() {
        return Err(Failure::usage("`--in-place` needs a file: the standard input cannot be written")
            .with_hint("name the file, or leave `--in-place` out"));
    }
    let input = input::read(file.as_deref(), context.stdin)?;
    let (text, warnings) = apply(&input, &edits)?;
    let changed = text != input.text;
    if let Some(file) = own.filter(|_| *in_place && changed) {
        replace_file(file, &input.text, &text).map_err(|error| Failure::store(&error))?;
    }
    let shown = match (diff, in_place) {
        (true, _) => unified(&input, &text),
        (false, true) => String::new(),
        (false, false) => text.clone(),
    };
    let mut data = json!({ "text": text, "changed": changed });
    if *diff {
        data["diff"] = json!(shown);
    }
    let exit = if changed { Exit::Changes } else { Exit::Done };
    Ok(Answer { exit, warnings, ..Answer::new(shown, data) })
}

/// The difference as `diff -u` shows it; nothing where there is none.
fn unified(Input { name, text: before }: &Input, after: &str) -> String {
    let diff = TextDiff::from_lines(before.as_str(), after);
    diff.unified_diff().context_radius(3).header(name, name).to_string()
}

/// The edit that an option asks for.
fn parse(option: &str, text: &str) -> Result<Edit, Failure> {
    match option {
        "edit" => serde_json::from_str(text).map_err(|error| {
            Failure::usage("`--edit` takes an edit as JSON").caused_by(&error).with_hint(
                r#"as in {"op": "add", "list": "deployments", "item": "name: etl\n"}; "op" is "add", "set" or "remove""#,
            )
        }),
        "unset" => Ok(Edit::Remove { path: text.parse().map_err(|error| malformed(option, &error))? }),
        _ => {
            let (path, value) = Path::assignment(text).map_err(|error| malformed(option, &error))?;
            let value = value.ok_or_else(|| {
                let form = if option == "add" { "PATH=ITEM" } else { "PATH=VALUE" };
                Failure::usage(format!("`--{option} {path}` lacks a value")).with_hint(format!("`--{option}` takes {form}"))
            })?;
            match option {
                "set" => Ok(Edit::Set { value: typed(&path, value)?, path }),
                "set-string" => Ok(Edit::Set { path, value: value.into() }),
                _ => Ok(Edit::Add { key: MergeKeys::default().of(last_key(&path)).clone(), list: path, item: Item::Text(value.to_owned()) }),
            }
        }
    }
}

fn malformed(option: &str, error: &PathError) -> Failure {
    Failure::usage(format!("`--{option}`: {error}")).with_hint(error.hint())
}

/// What a list is called.
fn last_key(path: &Path) -> &str {
    match path.steps().last() {
        Some(Step::Key(key)) => key,
        _ => "",
    }
}

/// The data that a value written as YAML means. A scalar that would not be written as it was typed is refused: a version
/// such as `1.10` is no number.
fn typed(path: &Path, text: &str) -> Result<Value, Failure> {
    // No message shows the value: it may be a secret.
    let document = Document::parse(text);
    let document = document.ok().filter(|document| document.documents().count() < 2);
    let value = document.as_ref().and_then(|document| document.to_value(Schema::Helm).ok());
    let (Some(document), Some(value)) = (document, value) else {
        let hint = format!("quote a text, as in '{path}=\"a: b\"', or use `--set-string`");
        return Err(Failure::usage(format!("the value of `--set {path}` is not YAML")).with_hint(hint));
    };
    match document.root().map_or(Ok(()), exact) {
        Ok(()) => Ok(value),
        Err(read) => {
            Err(Failure::usage(format!("the value of `--set {path}` would be read as {read}, not as it is typed"))
                .with_hint(format!("use `--set-string {path}=...` for the text as it is typed, or write {read}")))
        }
    }
}

/// Whether each plain scalar is written as it will be; else what it is read as.
fn exact(node: Node<'_>) -> Result<(), String> {
    if let (Some(scalar), Kind::Plain) = (node.scalar(), node.kind()) {
        return match node.to_value(Schema::Helm) {
            Ok(Value::Bool(read)) if scalar.text() != read.to_string() => Err(read.to_string()),
            Ok(Value::Int(read)) if scalar.text() != read.to_string() => Err(read.to_string()),
            Ok(Value::Float(read)) if scalar.text() != read.to_string() => Err(read.to_string()),
            _ => Ok(()),
        };
    }
    node.items().chain(node.entries().map(|entry| entry.value)).try_for_each(exact)
}

/// The text after all edits, with a word on those that were in vain.
fn apply(input: &Input, edits: &[Edit]) -> Result<(String, Vec<Finding>), Failure> {
    let Input { name, text } = input;
    let mut document = Document::parse(text.as_str()).map_err(|error| Failure::parse(&error, name, text))?;
    let mut warnings = Vec::new();
    for (at, edit) in edits.iter().enumerate() {
        match edit::apply(&document, edit) {
            Ok(Some(edited)) => document = edited,
            Ok(None) => warnings.extend(in_vain(edit, &document)),
            Err(refusal) => {
                let mut failure = refused(&refusal, edit, name, &document);
                if at > 0 {
                    // Lines are those of the text that this edit found.
                    failure.causes.push(format!("edit {} of {}, after the ones before it", at + 1, edits.len()));
                }
                return Err(failure);
            }
        }
    }
    Ok((document.into_text().into_owned(), Finding::all(warnings, name, text)))
}

fn refused(refusal: &Refusal, edit: &Edit, name: &str, document: &Document<'_>) -> Failure {
    let failure = Failure::refusal(refusal, name, document.text());
    let (Edit::Add { list: path, .. } | Edit::Set { path, .. } | Edit::Remove { path }) = edit;
    let value = document.to_value(Schema::Helm).ok();
    let meant = value.as_ref().and_then(|value| match DottedKey::by_data(path, value) {
        Some(dotted) => Some(dotted.meant),
        None => path.nearest(value),
    });
    match meant {
        Some(meant) => failure.with_hint(format!("did you mean `{meant}`?")),
        None => failure,
    }
}

/// Why an edit changes nothing, where that is not what was asked for: there is nothing to remove, or another item has the name.
fn in_vain(edit: &Edit, document: &Document<'_>) -> Option<Diagnostic> {
    let (code, message, hint) = match edit {
        Edit::Remove { path } => {
            let nearest = document.to_value(Schema::Helm).ok().and_then(|value| path.nearest(&value));
            ("DW0409", format!("nothing at `{path}`"), nearest.map(|nearest| format!("did you mean `{nearest}`?")))
        }
        Edit::Add { list, key, item } => {
            let item = match item {
                Item::Value(value) => value.clone(),
                Item::Text(text) => Document::parse(text.as_str()).ok()?.to_value(Schema::Helm).ok()?,
            };
            let path = list.clone().item(key, key.of_value(&item)?);
            // An item that is there as it is asked for would not be changed.
            let set = edit::apply(document, &Edit::Set { path: path.clone(), value: item });
            if matches!(set, Ok(None)) {
                return None;
            }
            let hint = format!("change it with `--set '{path}=...'`, or choose another name");
            ("DW0415", format!("`{path}` is there already and differs"), Some(hint))
        }
        Edit::Set { .. } => return None,
    };
    let severity = Severity::Warning;
    Some(Diagnostic { code, severity, message, span: None, related: Vec::new(), hint })
}
