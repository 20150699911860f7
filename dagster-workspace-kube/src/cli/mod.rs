//! The command `dagster-workspace` as a function: [`run`] takes arguments and streams and gives an [`Exit`]. The program and
//! the Python package both call it.
//!
//! Each command is a module with its arguments and a `run`, which gives an answer or a failure and writes to no stream;
//! [`run`] alone does, once, at the end. So where a command fails, the standard output stays empty. Only progress goes to the
//! standard error while a job is under way.

mod add;
mod adopt;
mod check;
mod cluster;
mod compile;
mod diff;
mod doctor;
mod documents;
mod exit;
mod fields;
#[cfg(feature = "object-store")]
mod history;
mod init;
mod input;
mod job;
mod list;
mod on_cluster;
mod outcome;
mod plan;
mod progress;
mod prune;
#[cfg(feature = "object-store")]
mod recording;
mod remove;
mod render;
#[cfg(feature = "object-store")]
mod restore;
mod review;
#[cfg(feature = "object-store")]
mod rollback;
mod set_image;
mod show;
mod status;
mod sync;
mod update;
mod yaml;

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};

use cluster::ClusterOptions;
pub use exit::Exit;
pub use progress::Live;
use progress::Progress;
use render::{Answer, Failure, Format};

/// Adds, edits and removes user code locations of a Dagster on Kubernetes, and leaves every other byte alone
#[derive(Debug, Parser)]
#[command(name = "dagster-workspace", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done or nothing to do, 1 error, 2 changes (only with --detailed-exitcode), 3 conflict with other writers, \
or left by `yaml merge`, 4 invalid input, document or usage, 5 precondition, such as a name taken by a different entry, \
6 not ready in time, 7 partially applied or not recorded (run again), 8 a code location loads with an error
";

/// What all commands take.
#[derive(Debug, Args)]
struct Options {
    /// The directory of values.yaml and workspace.yaml [default: .]
    #[arg(long, global = true, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Say what would change, and write nothing
    #[arg(long, global = true)]
    dry_run: bool,
    /// How to answer
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value = "text")]
    output: Format,
    /// Exit with 2 where there are changes
    #[arg(long, global = true)]
    detailed_exitcode: bool,
    #[command(flatten)]
    cluster: ClusterOptions,
    #[cfg(feature = "object-store")]
    #[command(flatten)]
    history: recording::HistoryOptions,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes values.yaml and workspace.yaml where they are missing
    Init,
    /// Adds a deployment and its code location; no change where an equal one is there
    Add(Box<add::Arguments>),
    /// Changes any field of a deployment
    Update(Box<update::Arguments>),
    /// Gives a deployment another image
    SetImage(set_image::Arguments),
    /// Removes deployments and their code locations; no change where they are absent
    Remove(remove::Arguments),
    /// Removes preview deployments that have had their time; previews unless --yes
    Prune(prune::Arguments),
    /// Prints the name of a preview deployment
    Name(review::Arguments),
    /// Says what a change would do, and writes nothing but the plan
    Plan(plan::PlanArguments),
    /// Carries a plan out, on exactly what it was made from
    Apply(plan::ApplyArguments),
    /// Says how it stands on a cluster: documents, release, code servers, webservers
    Status,
    /// Finishes jobs that were cut off on a cluster, and puts back what has drifted
    Sync,
    /// Waits until code servers are ready and every webserver serves their locations
    Wait(sync::Names),
    /// Restarts code servers and reloads their locations; without names webservers and daemon
    Restart(sync::Names),
    /// Finds settings of a system that cannot work, and missing permissions
    Doctor(doctor::Arguments),
    /// Takes the workspace's ConfigMap over from the system's release
    Adopt(adopt::Arguments),
    /// Lists the code locations, and whether a deployment stands behind each
    List,
    /// Shows what both documents say about one code location
    Show(show::Arguments),
    /// Finds what Dagster, its charts or Kubernetes would refuse or misread
    Check(check::Arguments),
    /// Says what another directory says differently
    Diff(diff::Arguments),
    /// Makes the values of both charts from the documents and base values
    Compile(compile::Arguments),
    /// The revisions outside of the cluster
    #[cfg(feature = "object-store")]
    #[command(subcommand)]
    History(history::Command),
    /// Sets both documents back to a revision and deploys them; with --only NAME one deployment
    #[cfg(feature = "object-store")]
    Rollback(rollback::Arguments),
    /// Rebuilds an installation on a cluster out of the history
    #[cfg(feature = "object-store")]
    Restore(restore::Arguments),
    /// The YAML engine alone, for other tools
    #[command(subcommand)]
    Yaml(yaml::Command),
}

impl Command {
    /// Whether `--only` may name a deployment.
    fn takes_an_entry(&self) -> bool {
        #[cfg(feature = "object-store")]
        return match self {
            Self::Rollback(_) => true,
            Self::Plan(arguments) => arguments.takes_an_entry(),
            _ => false,
        };
        #[cfg(not(feature = "object-store"))]
        false
    }
}

/// Where a run reads and writes.
pub struct Streams<'s> {
    /// Read where an argument says `-`, or by `yaml` without a file.
    pub stdin: &'s mut dyn Read,
    /// Results.
    pub stdout: &'s mut dyn Write,
    /// Progress, warnings and errors.
    pub stderr: &'s mut dyn Write,
    /// Whether somebody looks at the standard error as it is written.
    pub live: Live,
    /// Variables of the environment, in which a CI system says which repository it builds.
    pub environment: &'s dyn Fn(&str) -> Option<String>,
}

/// What a command may use.
struct Context<'c> {
    options: &'c Options,
    stdin: &'c mut dyn Read,
    environment: &'c dyn Fn(&str) -> Option<String>,
    progress: Progress<'c>,
}

/// Runs the command with `arguments`, the first of which is the name of the program.
///
/// Blocks until it is done, on a tokio runtime of its own: not to be called from within one. A standard output that nobody
/// reads any more is no error.
///
/// # Example
/// ```
/// use dagster_workspace_kube::cli::{self, Exit, Live, Streams};
/// let (mut stdin, mut stdout, mut stderr) = ("- a\n".as_bytes(), Vec::new(), Vec::new());
/// let streams = Streams { stdin: &mut stdin, stdout: &mut stdout, stderr: &mut stderr, live: Live::No, environment: &|_| None };
/// assert_eq!(cli::run(["dagster-workspace", "yaml", "events"].map(Into::into), streams), Exit::Done);
/// assert_eq!(stdout, b"+STR\n+DOC\n+SEQ\n=VAL :a\n-SEQ\n-DOC\n-STR\n");
/// ```
pub fn run(arguments: impl IntoIterator<Item = OsString>, streams: Streams<'_>) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let Streams { stdin, stdout, stderr, live, environment } = streams;
    let (stdout_text, stderr_text, exit) = match Arguments::try_parse_from(&arguments) {
        Ok(Arguments { options, command }) => {
            let format = options.output;
            let progress = Progress { stream: &mut *stderr, format, live, notices: Vec::new() };
            let mut context = Context { options: &options, stdin, environment, progress };
            let done = execute(&command, &mut context);
            let notices = context.progress.notices;
            match done.map(|answer| answer.with_notices(&notices)).map_err(|failure| failure.with_notices(&notices)) {
                Ok(answer) => {
                    note_outputs(&answer, format);
                    let exit = match answer.exit {
                        Exit::Changes if !options.detailed_exitcode => Exit::Done,
                        exit => exit,
                    };
                    (answer.stdout(format), answer.stderr(format), exit)
                }
                Err(failure) => (String::new(), failure.stderr(format), failure.exit),
            }
        }
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            (error.to_string(), String::new(), Exit::Done)
        }
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            (String::new(), error.to_string(), Exit::Invalid)
        }
        Err(error) => {
            let text = usage(&error, &arguments).stderr(requested_format(&arguments));
            (String::new(), text, Exit::Invalid)
        }
    };
    // Nobody is left to be told that the standard error cannot be written.
    let _ = write(stderr, &stderr_text);
    match write(stdout, &stdout_text) {
        Ok(()) => exit,
        Err(error) => {
            let failure = Failure::new(Exit::Failed, "io", "cannot write to the standard output").caused_by(&error);
            let _ = write(stderr, &failure.stderr(Format::Text));
            failure.exit
        }
    }
}

fn execute(command: &Command, context: &mut Context<'_>) -> Result<Answer, Failure> {
    context.options.cluster.check()?;
    if !command.takes_an_entry() {
        context.options.cluster.refuse_entry()?;
    }
    match command {
        Command::Init => init::run(context),
        Command::Add(arguments) => add::run(arguments, context),
        Command::Update(arguments) => update::run(arguments, context),
        Command::SetImage(arguments) => set_image::run(arguments, context),
        Command::Remove(arguments) => remove::run(arguments, context),
        Command::Prune(arguments) => prune::run(arguments, context),
        Command::Name(arguments) => review::run(arguments),
        Command::Plan(arguments) => plan::make(arguments, context),
        Command::Apply(arguments) => plan::apply(arguments, context),
        Command::Status => status::run(context),
        Command::Sync => sync::sync(context),
        Command::Wait(names) => sync::wait(names, context),
        Command::Restart(names) => sync::restart(names, context),
        Command::Doctor(arguments) => doctor::run(arguments, context),
        Command::Adopt(arguments) => adopt::run(arguments, context),
        Command::List => list::run(context),
        Command::Show(arguments) => show::run(arguments, context),
        Command::Diff(arguments) => diff::run(arguments, context),
        Command::Check(arguments) => check::run(arguments, context),
        Command::Compile(arguments) => compile::run(arguments, context),
        #[cfg(feature = "object-store")]
        Command::History(command) => history::run(command, context),
        #[cfg(feature = "object-store")]
        Command::Rollback(arguments) => rollback::run(arguments, context),
        #[cfg(feature = "object-store")]
        Command::Restore(arguments) => restore::run(arguments, context),
        Command::Yaml(command) => yaml::run(command, context),
    }
}

/// Gives later steps of a GitHub workflow what they may ask for.
fn note_outputs(answer: &Answer, format: Format) {
    let Some(file) = std::env::var_os("GITHUB_OUTPUT").filter(|_| format == Format::Github) else { return };
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(file);
    // The job itself is done, whether or not somebody wants to know more.
    let _ = opened.and_then(|mut file| file.write_all(answer.outputs().as_bytes()));
}

/// Writes all of `text`. A reader that has gone, as `head` does, has read what it wanted.
fn write(stream: &mut dyn Write, text: &str) -> io::Result<()> {
    match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// The error of a command line, without what stands behind the `=` of an argument: that may be a secret.
fn usage(error: &clap::Error, arguments: &[OsString]) -> Failure {
    let mut message = error.to_string();
    for argument in arguments.iter().filter_map(|argument| argument.to_str()) {
        // `--env=NAME=VALUE` as a whole, and as `NAME=VALUE`.
        for text in [Some(argument), argument.split_once('=').map(|(_, rest)| rest)].into_iter().flatten() {
            if let Some((name, _)) = text.split_once('=').filter(|(_, value)| !value.is_empty()) {
                message = message.replace(text, &format!("{name}=..."));
            }
        }
    }
    let message = message.strip_prefix("error: ").unwrap_or(&message).trim_end();
    Failure::usage(message)
}

/// The format that a command line asks for which cannot be read as a whole.
fn requested_format(arguments: &[OsString]) -> Format {
    let asks_for = |format: &str| {
        arguments
            .iter()
            .any(|argument| argument.to_str().and_then(|text| text.strip_prefix("--output=")) == Some(format))
            || arguments.windows(2).any(|pair| matches!(pair, [name, value] if name == "--output" && value == format))
    };
    if asks_for("json") {
        Format::Json
    } else if asks_for("github") {
        Format::Github
    } else {
        Format::Text
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::Arguments;

    /// clap reads two options of one id as one: a panic where their types differ, and in silence the wrong value where not.
    #[test]
    fn options_of_a_command_are_not_called_as_those_of_all() {
        let root = Arguments::command();
        root.clone().debug_assert();
        let of_all: Vec<_> =
            root.get_arguments().filter(|option| option.is_global_set()).map(clap::Arg::get_id).collect();
        assert!(of_all.len() > 20);
        let mut commands: Vec<_> = root.get_subcommands().collect();
        while let Some(command) = commands.pop() {
            commands.extend(command.get_subcommands());
            for option in command.get_arguments() {
                assert!(!of_all.contains(&option.get_id()), "`{}` of `{}`", option.get_id(), command.get_name());
            }
        }
    }

    /// The words of each command line in a document's blocks of code, without what `[...]` says may be left out.
    fn command_lines(document: &str) -> Vec<Vec<String>> {
        let blocks = document.split("```").skip(1).step_by(2).map(|block| block.replace("\\\n", " "));
        let lines = blocks.flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>());
        let ours = lines.filter_map(|line| {
            let (before, arguments) = line.split_once("dagster-workspace ")?;
            let begins = before.trim().is_empty() || before.ends_with("| ");
            begins.then(|| words(arguments))
        });
        ours.collect()
    }

    /// As a shell splits them, up to a comment; variables are filled in with their names.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut quote) = (vec![String::new()], None);
        for character in line.chars() {
            match (quote, character) {
                (None, '\'' | '"') => quote = Some(character),
                (Some(open), _) if open == character => quote = None,
                (None, ' ') => words.push(String::new()),
                (_, '$') => {}
                _ => words.iter_mut().rev().take(1).for_each(|word| word.push(character)),
            }
        }
        let said = words.into_iter().take_while(|word| word != "#").filter(|word| !word.is_empty());
        said.filter(|word| !word.starts_with('[') && !word.ends_with(']')).collect()
    }

    #[test]
    #[cfg(feature = "object-store")]
    fn commands_in_the_documents_are_commands() {
        let mut read = 0;
        for document in [
            include_str!("../../../README.md"),
            include_str!("../../../docs/ci.md"),
            include_str!("../../../docs/history.md"),
        ] {
            for words in command_lines(document) {
                let line = ["dagster-workspace"].into_iter().chain(words.iter().map(String::as_str));
                if let Err(error) = Arguments::try_parse_from(line) {
                    panic!("{words:?}\n{error}");
                }
                read += 1;
            }
        }
        assert!(read > 35, "{read}");
    }
}
