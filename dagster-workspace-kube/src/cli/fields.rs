//! Fields of a deployment as arguments: [`Fields`], which `add` and `update` share, written over an entry.
//!
//! Texts are checked here and not by the parser of arguments, whose messages show them: a variable's value may be a secret.

use clap::Args;
use dagster_workspace_core::value::Value;
use dagster_workspace_core::values::Image;

use super::render::Failure;

/// What can be said of a deployment.
#[derive(Clone, Debug, Args)]
pub(super) struct Fields {
    /// Image: REPOSITORY, REPOSITORY:TAG or REPOSITORY@DIGEST
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
}

/// A name as an argument. What is wrong with it otherwise is found where it stands in the document.
pub(super) fn name(text: &str) -> Result<String, &'static str> {
    if text.contains('=') { Err("a name holds no `=`") } else { Ok(text.to_owned()) }
}

impl Fields {
    /// The port, where one is said.
    pub(super) fn port(&self) -> Option<u16> {
        self.port
    }

    /// Writes over `entry`, a mapping as values hold it, what was said.
    pub(super) fn write(&self, entry: &mut Value) -> Result<(), Failure> {
        let Self { image, port, args, env, env_secrets } = self;
        if let Some(image) = image {
            set_image(entry, image);
        }
        if let Some(port) = port {
            entry.set("port", Value::Int((*port).into()));
        }
        if !args.is_empty() {
            entry.set(arguments_key(entry), Value::Sequence(args.iter().map(|text| text.as_str().into()).collect()));
        }
        for variable in env {
            let Some((name, value)) = variable.split_once('=').filter(|(name, _)| !name.is_empty()) else {
                return Err(Failure::usage("`--env` takes NAME=VALUE"));
            };
            set_variable(entry, name, value);
        }
        for secret in env_secrets {
            add_name(entry, "envSecrets", secret);
        }
        Ok(())
    }
}

/// A new image in place of the old: how to pull it, and what else stands there, stays.
pub(super) fn set_image(entry: &mut Value, image: &Image) {
    let mut old = entry.get("image").filter(|old| matches!(old, Value::Mapping(_))).cloned().unwrap_or_default();
    if let Value::Mapping(entries) = &mut old {
        // A tag beside a new digest, or the other way round, would say two things.
        entries.retain(|(key, _)| !matches!(key.as_str(), "tag" | "digest"));
    }
    let mut new = image.to_value();
    for (key, value) in old.entries().iter().filter(|(key, _)| key != "repository") {
        if new.get(key).is_none() {
            new.set(key, value.clone());
        }
    }
    entry.set("image", new);
}

/// Where the arguments of this server stand: `codeServerArgs` where it has those alone.
fn arguments_key(entry: &Value) -> &'static str {
    match (entry.get("dagsterApiGrpcArgs"), entry.get("codeServerArgs")) {
        (None, Some(_)) => "codeServerArgs",
        _ => "dagsterApiGrpcArgs",
    }
}

/// Adds a variable to those of the entry, in their notation.
fn set_variable(entry: &mut Value, name: &str, value: &str) {
    let mut env = entry.get("env").cloned().unwrap_or_default();
    if let Value::Sequence(items) = &mut env {
        let variable = Value::Mapping(vec![("name".to_owned(), name.into()), ("value".to_owned(), value.into())]);
        match items.iter_mut().find(|item| item.get("name").and_then(Value::as_str) == Some(name)) {
            Some(item) => *item = variable,
            None => items.push(variable),
        }
    } else {
        env.set(name, value.into());
    }
    entry.set("env", env);
}

/// Adds `{name: NAME}` to a list, where it is missing.
fn add_name(entry: &mut Value, key: &str, name: &str) {
    let mut items = match entry.get(key) {
        Some(Value::Sequence(items)) => items.clone(),
        _ => Vec::new(),
    };
    let item = Value::Mapping(vec![("name".to_owned(), name.into())]);
    if !items.contains(&item) {
        items.push(item);
    }
    entry.set(key, Value::Sequence(items));
}
