//! The command `dagster-workspace` for the interpreter: [`main`] gives `cli::run` its arguments and the process's streams.

use std::ffi::OsString;
use std::io;

use dagster_workspace_kube::cli::{self, Live, Streams};
use pyo3::prelude::*;

/// Runs the command `dagster-workspace` with `arguments`, by default those of this process, and returns its exit code.
///
/// Ctrl-C ends the process at once, as it ends any program that does not catch it: a half-written file is not left behind.
#[pyfunction]
#[pyo3(signature = (arguments = None))]
pub(crate) fn main(py: Python<'_>, arguments: Option<Vec<OsString>>) -> PyResult<u8> {
    let arguments = match arguments {
        Some(arguments) => arguments,
        None => py.import("sys")?.getattr("argv")?.extract::<Vec<OsString>>()?.into_iter().skip(1).collect(),
    };
    let restored = interrupt_at_once(py)?;
    let arguments = std::iter::once(OsString::from("dagster-workspace")).chain(arguments);
    let exit = py.detach(|| {
        let (mut stdin, mut stdout, mut stderr) = (io::stdin(), io::stdout(), io::stderr());
        let environment = |name: &str| std::env::var(name).ok();
        let (stdin, stdout, stderr) = (&mut stdin, &mut stdout, &mut stderr);
        cli::run(arguments, Streams { stdin, stdout, stderr, live: Live::No, environment: &environment })
    });
    if let Some(handler) = restored {
        let signal = py.import("signal")?;
        signal.call_method1("signal", (signal.getattr("SIGINT")?, handler))?;
    }
    Ok(exit.code())
}

/// Gives SIGINT its default action and returns Python's handler, which would only note the signal for later. Leaves alone
/// what somebody chose, such as to ignore it, and other threads, which take no signals.
fn interrupt_at_once(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    let threading = py.import("threading")?;
    let here = threading.call_method0("current_thread")?;
    if !here.is(&threading.call_method0("main_thread")?) {
        return Ok(None);
    }
    let signal = py.import("signal")?;
    let interrupt = signal.getattr("SIGINT")?;
    let handler = signal.call_method1("getsignal", (&interrupt,))?;
    if !handler.is(&signal.getattr("default_int_handler")?) {
        return Ok(None);
    }
    signal.call_method1("signal", (&interrupt, signal.getattr("SIG_DFL")?))?;
    Ok(Some(handler))
}
