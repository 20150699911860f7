//! The program `dagster-workspace`: its arguments and streams, given to [`cli::run`].

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use dagster_workspace_kube::cli::{self, Live, Streams};

fn main() -> ExitCode {
    // Not locked: a panic, or another thread, could not write to the standard error then.
    let (mut stdin, mut stdout, mut stderr) = (io::stdin(), io::stdout(), io::stderr());
    let live = if stderr.is_terminal() { Live::Yes } else { Live::No };
    let streams = Streams {
        stdin: &mut stdin,
        stdout: &mut stdout,
        stderr: &mut stderr,
        live,
        environment: &|name| std::env::var(name).ok(),
    };
    ExitCode::from(cli::run(std::env::args_os(), streams).code())
}
