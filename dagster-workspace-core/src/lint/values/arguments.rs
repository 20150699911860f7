//! Rules for the arguments of a code server, as `dagster api grpc` and `dagster code-server start` read them. The image brings
//! Dagster in a version of its own, so all of them are warnings. Read [`OPTIONS`], then [`Arguments`].

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::entry::{arguments, whole};
use super::{Deployment, Rule, Values};
use crate::error::Diagnostic;
use crate::lint::finding::{head, shown};
use crate::lint::is_text;
use crate::spelling::nearest;
use crate::version::Version;
use crate::yaml::{Entry, Node, Reader};

/// Rules of this module.
pub(super) const RULES: [Rule; 3] = [mistakes, nothing_to_load, other_addresses];

/// What a code server is started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    /// `dagsterApiGrpcArgs`.
    Grpc,
    /// `codeServerArgs`.
    CodeServer,
}

impl Command {
    fn as_str(self) -> &'static str {
        match self {
            Self::Grpc => "dagster api grpc",
            Self::CodeServer => "dagster code-server start",
        }
    }
}

/// One option.
#[derive(Clone, Copy, Debug)]
struct Known {
    long: &'static str,
    /// Its letter.
    short: Option<char>,
    takes_value: bool,
    /// The one command that has it, where the other does not.
    only: Option<Command>,
    /// Last release seen without it.
    missing_until: Option<Version>,
    /// First release seen without it again.
    gone_since: Option<Version>,
}

const fn value(long: &'static str, short: Option<char>) -> Known {
    Known { long, short, takes_value: true, only: None, missing_until: None, gone_since: None }
}

const fn flag(long: &'static str) -> Known {
    Known { takes_value: false, ..value(long, None) }
}

const fn of(command: Command, known: Known) -> Known {
    Known { only: Some(command), ..known }
}

const fn newer(missing_until: Version, known: Known) -> Known {
    Known { missing_until: Some(missing_until), ..known }
}

const V1_5: Version = Version::new(1, 5, 7);
const V1_10: Version = Version::new(1, 10, 5);

/// Those that name what a server loads.
const TARGETS: [&str; 4] = ["--module-name", "--python-file", "--package-name", "--autoload-defs-module-name"];

/// Variables that do the same.
const TARGET_VARIABLES: [&str; 4] =
    ["DAGSTER_MODULE_NAME", "DAGSTER_PYTHON_FILE", "DAGSTER_PACKAGE_NAME", "DAGSTER_autoload_defs_module_name"];

/// Every option of the releases looked at: `dagster._cli` of 1.3.7, 1.5.7, 1.8.13, 1.10.5 and 1.13.27. One that the second
/// command got later than the first is given the benefit of the doubt.
const OPTIONS: [Known; 29] = [
    value("--module-name", Some('m')),
    value("--python-file", Some('f')),
    value("--package-name", None),
    newer(V1_10, value("--autoload-defs-module-name", None)),
    value("--attribute", Some('a')),
    value("--working-directory", Some('d')),
    value("--port", Some('p')),
    value("--socket", Some('s')),
    value("--host", Some('h')),
    value("--max-workers", Some('n')),
    of(Command::Grpc, value("--max_workers", None)),
    flag("--heartbeat"),
    value("--heartbeat-timeout", None),
    of(Command::CodeServer, newer(V1_10, value("--heartbeat-ttl", None))),
    of(Command::CodeServer, value("--startup-timeout", None)),
    of(Command::Grpc, flag("--lazy-load-user-code")),
    flag("--use-python-environment-entry-point"),
    of(Command::Grpc, flag("--empty-working-directory")),
    value("--fixed-server-id", None),
    of(Command::Grpc, Known { gone_since: Some(V1_5), ..value("--override-system-timezone", None) }),
    value("--log-level", None),
    newer(V1_5, value("--log-format", None)),
    value("--container-image", None),
    value("--container-context", None),
    flag("--inject-env-vars-from-instance"),
    value("--location-name", None),
    value("--instance-ref", None),
    of(Command::Grpc, newer(V1_5, flag("--enable-metrics"))),
    newer(V1_10, value("--defs-state-info", None)),
];

/// The arguments that the chart hands over, read as click reads them.
struct Arguments<'d> {
    /// The key that they stand under.
    key: Node<'d>,
    options: Vec<Given<'d>>,
    /// What Dagster refuses, or reads as something else than it seems to say.
    wrong: Vec<Diagnostic>,
    /// Whether each of them is a text in which nothing is filled in later.
    is_complete: bool,
}

/// An option with its value, which is empty where it takes none.
struct Given<'d> {
    known: &'static Known,
    value: Cow<'d, str>,
    node: Node<'d>,
}

impl<'d> Arguments<'d> {
    fn of(values: &Values<'d>, entry: &Deployment<'d>) -> Option<Self> {
        let [grpc, code_server] = arguments(values, entry);
        let (command, Entry { key, value }) = match (grpc, code_server) {
            (Some(entry), _) => (Command::Grpc, entry),
            (None, Some(entry)) => (Command::CodeServer, entry),
            (None, None) => return None,
        };
        let reader = &values.reader;
        let mut read = Self { key, options: Vec::new(), wrong: Vec::new(), is_complete: true };
        let mut items = reader.items(value).peekable();
        while let Some(node) = items.next() {
            let Some(text) = visible(reader, node) else {
                read.is_complete = false;
                continue;
            };
            let (name, attached) = split(&text);
            let Some(known) = named(name) else {
                read.wrong.push(unknown(command, node, &text));
                // What follows an option that nobody knows is most likely its value.
                let is_value = |next: &Node<'d>| visible(reader, *next).is_none_or(|next| !next.starts_with('-'));
                if text.starts_with('-') && attached.is_none() {
                    items.next_if(is_value);
                }
                continue;
            };
            read.wrong.extend(unknown_here(values.chart, command, known, node));
            let value = match attached {
                Some(attached) => {
                    read.wrong.extend(glued(known, node, name, attached));
                    Cow::Owned(String::from(attached.trim_start_matches(['=', ' '])))
                }
                None if !known.takes_value => Cow::Borrowed(""),
                None => {
                    let is_value = |next: &Node<'d>| visible(reader, *next).is_none_or(|text| !is_option(&text));
                    let next = items.next_if(is_value);
                    if next.is_none() {
                        let message = format!("`{name}` needs a value, and none follows");
                        read.wrong.push(Diagnostic::warning("DW0235", head(node), message));
                    }
                    let value = next.and_then(|next| visible(reader, next));
                    read.is_complete &= value.is_some();
                    value.unwrap_or_default()
                }
            };
            read.options.push(Given { known, value, node });
        }
        Some(read)
    }

    fn get(&self, long: &str) -> Option<&Given<'d>> {
        self.options.iter().rev().find(|given| given.known.long == long)
    }
}

/// The text of an argument as Dagster gets it; Kubernetes and pipelines fill in variables.
fn visible<'d>(reader: &Reader<'d>, node: Node<'d>) -> Option<Cow<'d, str>> {
    let target = reader.target(node).filter(|target| is_text(reader, *target))?;
    target.text().filter(|text| !["$(", "${", "{{"].iter().any(|mark| text.contains(mark)))
}

/// The name of an option, and what is attached to it: `--port=3030`, `-p3030`.
fn split(text: &str) -> (&str, Option<&str>) {
    let end = if text.starts_with("--") {
        text.find(['=', ' '])
    } else if text.starts_with('-') {
        text.char_indices().nth(2).map(|(at, _)| at)
    } else {
        None
    };
    match end.and_then(|end| text.split_at_checked(end)) {
        Some((name, attached)) => (name, Some(attached)),
        None => (text, None),
    }
}

fn named(name: &str) -> Option<&'static Known> {
    let mut letters = name.strip_prefix('-').unwrap_or_default().chars();
    let short = letters.next().filter(|_| letters.next().is_none());
    OPTIONS.iter().find(|known| known.long == name || (short.is_some() && known.short == short))
}

fn is_option(text: &str) -> bool {
    named(split(text).0).is_some()
}

/// What is attached to an option and should not be: one item that was meant as two, `-m=etl`, a flag with a value.
fn glued(known: &Known, node: Node<'_>, name: &str, attached: &str) -> Option<Diagnostic> {
    let is_long = name.starts_with("--");
    let message = if is_long && attached.starts_with(' ') {
        format!("Dagster takes all of this for the name of one option, and knows none `{}`", shown(&node.text()?))
    } else if !known.takes_value {
        format!("`{name}` takes no value")
    } else if !is_long && attached.starts_with([' ', '=']) {
        format!("Dagster takes `{}` for the value of `{name}`", shown(attached))
    } else {
        return None;
    };
    let finding = Diagnostic::warning("DW0235", head(node), message);
    let rest = attached.trim_start_matches(['=', ' ']).trim_end();
    Some(if known.takes_value {
        finding.with_hint(format!("write two items: `\"{name}\", \"{}\"`", shown(rest)))
    } else {
        finding.with_hint(format!("write `\"{name}\"`, or remove it"))
    })
}

fn unknown(command: Command, node: Node<'_>, text: &str) -> Diagnostic {
    let program = command.as_str();
    if !text.starts_with('-') || text == "--" {
        let message = format!("`{program}` takes no argument `{}` here", shown(text));
        let hint = if text.starts_with("dagster") || matches!(text, "api" | "grpc" | "code-server" | "start") {
            format!("the chart itself writes `{program}`, with host and port: list the options behind it alone")
        } else {
            "each value stands behind its option, as in `\"-m\", \"my_project\"`".into()
        };
        return Diagnostic::warning("DW0235", head(node), message).with_hint(hint);
    }
    let name = split(text).0;
    let near = match name {
        "--module" => Some("--module-name"),
        "--package" => Some("--package-name"),
        "--file" => Some("--python-file"),
        "--workdir" | "-w" => Some("--working-directory"),
        _ => {
            let known = OPTIONS.iter().filter(|known| known.only.is_none_or(|only| only == command));
            nearest(name, known.map(|known| known.long)).filter(|_| name.starts_with("--"))
        }
    };
    let finding = Diagnostic::warning("DW0235", head(node), format!("`{program}` knows no option `{}`", shown(name)));
    match near {
        Some(near) => finding.with_hint(format!("did you mean `{near}`?")),
        None => finding.with_hint(format!("`{program} --help` lists them")),
    }
}

/// An option of the other command, or of other releases.
fn unknown_here(chart: Version, command: Command, known: &Known, node: Node<'_>) -> Option<Diagnostic> {
    let (name, program) = (known.long, command.as_str());
    let message = if known.only.is_some_and(|only| only != command) {
        format!("`{program}` knows no option `{name}`, the other command does")
    } else if let Some(until) = known.missing_until.filter(|until| chart <= *until) {
        format!("Dagster {until} does not know `{name}` yet")
    } else if let Some(since) = known.gone_since.filter(|since| chart >= *since) {
        format!("Dagster {since} does not know `{name}` any more")
    } else {
        return None;
    };
    Some(Diagnostic::warning("DW0235", head(node), message).with_hint("remove it"))
}

/// The arguments of each deployment that has some.
fn each<'v, 'd>(values: &'v Values<'d>) -> impl Iterator<Item = (&'v Deployment<'d>, Arguments<'d>)> {
    values.deployments().filter_map(|entry| Some((entry, Arguments::of(values, entry)?)))
}

/// `DW0235`: the server ends at its start, or loads something else.
fn mistakes(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for (_, arguments) in each(values) {
        found.extend(arguments.wrong);
    }
}

/// `DW0236`: a server without anything to load starts, and serves nothing.
fn nothing_to_load(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for (entry, arguments) in each(values) {
        let is_named = TARGETS.iter().any(|target| arguments.get(target).is_some());
        let is_hidden = !arguments.is_complete || !arguments.wrong.is_empty();
        if is_named || is_hidden || has_target_variable(values, entry) {
            continue;
        }
        let message = format!("nothing tells {} what to load", entry.called());
        let finding = Diagnostic::warning("DW0236", arguments.key.span(), message);
        found.push(
            finding.with_hint(
                "add `\"-m\", \"my_project\"`, `\"-f\", \"repo.py\"` or `\"--package-name\", \"my_package\"`",
            ),
        );
    }
}

fn has_target_variable<'d>(values: &Values<'d>, entry: &Deployment<'d>) -> bool {
    let Some(env) = entry.get("env") else { return false };
    let reader = &values.reader;
    let is_target = |name: Cow<'_, str>| TARGET_VARIABLES.contains(&name.as_ref());
    reader.entries(env).iter().any(|entry| reader.key(entry.key).is_ok_and(is_target))
        || reader
            .items(env)
            .any(|item| reader.get(item, "name").and_then(|name| reader.text(name)).is_some_and(is_target))
}

/// `DW0237`: the chart gives host and port, and Service and probes go by them.
fn other_addresses(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for (entry, arguments) in each(values) {
        let port = entry.get("port").and_then(|port| whole(&values.reader, values.reader.target(port)?));
        for Given { known, value, node } in arguments.options.iter().filter(|given| !given.value.is_empty()) {
            let (message, hint) = match (known.long, value.parse::<i64>()) {
                ("--port", Err(_)) => (
                    format!("`-p` is the port, got `{}`", shown(value)),
                    format!("write `\"--package-name\", \"{}\"` for a package", shown(value)),
                ),
                ("--port", Ok(own)) => {
                    let Some(port) = port.filter(|port| *port != own) else { continue };
                    let message = format!("the server listens on port {own}, and its Service calls {port}");
                    (message, format!("write `port: {own}` in {}, and remove the option", entry.called()))
                }
                ("--socket", _) => (
                    "Dagster takes a port or a socket, and the chart gives it a port".into(),
                    "remove the option".into(),
                ),
                ("--host", _) if matches!(value.as_ref(), "localhost" | "127.0.0.1" | "::1") => (
                    format!("on `{}` nobody outside of the pod reaches the server", shown(value)),
                    "remove the option: the chart says `0.0.0.0`".into(),
                ),
                _ => continue,
            };
            found.push(Diagnostic::warning("DW0237", head(*node), message).with_hint(hint));
        }
    }
}
