//! Fields of a deployment as arguments: [`Fields`], which `add` and `update` share, as changes of core.
//!
//! Texts are checked here and not by the parser of arguments, whose messages show them: a variable's value may be a secret.

use clap::Args;
use dagster_workspace_core::value::Value;
use dagster_workspace_core::values::{ChangeError, FieldChange, Image};
use dagster_workspace_core::yaml::Path;

use super::render::Failure;

/// What can be said of a deployment.
#[derive(Clone, Debug, Args)]
pub(super) struct Fields {
    /// Image: REPOSITORY[:TAG][@DIGEST]
    #[arg(long)]
    image: Option<Image>,
    /// Port of its gRPC server
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// One argument of the server, as in --arg=-m --arg=etl; all of them are said anew
    #[arg(long = "arg", value_name = "ARGUMENT", allow_hyphen_values = true)]
    args: Vec<String>,
    /// One environment variable
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// One Secret whose entries become environment variables
    #[arg(long = "env-secret", value_name = "SECRET")]
    env_secrets: Vec<String>,
    /// Any field, as in --set resources.limits.memory=8Gi; the value is what the chart takes there: a text as typed, a number, or YAML
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<String>,
}

/// A name as an argument. What is wrong with it otherwise is found where it stands in the document.
pub(super) fn name(text: &str) -> Result<String, &'static str> {
    if text.contains('=') { Err("a name holds no `=`") } else { Ok(text.to_owned()) }
}

impl Fields {
    /// The changes that they ask for.
    pub(super) fn changes(&self) -> Result<Vec<FieldChange>, Failure> {
        let Self { image, port, args, env, env_secrets, sets } = self;
        let mut changes = Vec::new();
        changes.extend(image.iter().map(|image| FieldChange::Image { image: image.clone() }));
        let port = port.map(|port| FieldChange::Set { path: Path::default().key("port"), value: port.into() });
        changes.extend(port);
        if !args.is_empty() {
            changes.push(FieldChange::Arguments { arguments: args.clone() });
        }
        for variable in env {
            let Some((name, value)) = variable.split_once('=').filter(|(name, _)| !name.is_empty()) else {
                return Err(Failure::usage("`--env` takes NAME=VALUE"));
            };
            changes.push(FieldChange::Set { path: Path::default().key("env").key(name), value: value.into() });
        }
        changes.extend(env_secrets.iter().map(|secret| FieldChange::Add {
            list: Path::default().key("envSecrets"),
            item: Value::Mapping(vec![("name".to_owned(), secret.as_str().into())]),
        }));
        for text in sets {
            changes.push(set(text)?);
        }
        Ok(changes)
    }
}

/// What `--set` says.
fn set(text: &str) -> Result<FieldChange, Failure> {
    // The first `=` before which a path stands: `env[name=A].value=x`.
    let mut splits = text.match_indices('=').map(|(at, _)| (&text[..at], &text[at + 1..]));
    let found = splits.find_map(|(path, value)| Some((path.parse::<Path>().ok()?, value)));
    let Some((path, value)) = found.filter(|(path, _)| !path.steps().is_empty()) else {
        // No message shows the value: it may be a secret.
        return Err(match text.split_once('=') {
            Some((path, _)) => self::path(path).err().unwrap_or_else(|| Failure::usage("`--set` takes PATH=VALUE")),
            None => Failure::usage("`--set` takes PATH=VALUE"),
        });
    };
    FieldChange::typed(path.clone(), value).map_err(|error| refused(&error, &path, value))
}

/// A path inside a deployment.
pub(super) fn path(text: &str) -> Result<Path, Failure> {
    let invalid =
        || Failure::usage(format!("invalid path `{text}`")).with_hint("as in `image.tag` or `labels.\"a.b/c\"`");
    let path: Path = text.parse().map_err(|error| invalid().caused_by(&error))?;
    if path.steps().is_empty() { Err(invalid()) } else { Ok(path) }
}

/// A `--set` that does not fit, with one that does where there is one.
fn refused(error: &ChangeError, path: &Path, value: &str) -> Failure {
    let failure = Failure::usage(error.to_string());
    let again = |path: &Path, value: &str| format!("`--set {}`", quoted(&format!("{path}={value}")));
    match error {
        ChangeError::Inside { meant: Some(meant), .. } => {
            failure.with_hint(format!("a key with dots stands in quotes: {}", again(meant, value)))
        }
        ChangeError::Field(field) if field.path == path.to_string() => {
            let bare = value.trim_matches(['"', '\'']);
            match field.expected {
                "a list of texts" => failure.with_hint(format!("write a list: {}", again(path, "[\"-m\", \"etl\"]"))),
                "a list of mappings" => failure.with_hint(format!("write a list: {}", again(path, "[{name: a}]"))),
                "a mapping" if field.path == "image" => {
                    failure.with_hint(format!("name an image: `--image {}`", quoted(value)))
                }
                "a mapping" => failure.with_hint(format!("set a field of it: `--set {path}.FIELD=VALUE`")),
                _ if bare != value && FieldChange::typed(path.clone(), bare).is_ok() => {
                    failure.with_hint(format!("write it without quotes: {}", again(path, bare)))
                }
                _ => failure,
            }
        }
        _ => match error.hint() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        },
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:@%+,".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}
