//! What tests need from outside the workspace: the shared folder, Python, helm, charts, [`Oracle`], a program
//! to ask, [`ControlPlane`], a Kubernetes API server, [`S3`], and [`Registry`], one of charts.
//!
//! Each function here gives `None` where a thing is missing, and says so: the test returns, and its name is printed and
//! noted in `.local/left-out.txt`, which `make test` prints at the end. Under `CI` nothing may be left out, so the same
//! functions panic. Read [`shared`] first.
//!
//! ```no_run
//! #[test]
//! fn every_case_comes_out_as_written() {
//!     let Some(shared) = testing::shared() else { return };
//!     let cases = std::fs::read_to_string(shared.join("yaml/hard-cases.jsonl")).unwrap();
//! }
//! ```

#![allow(clippy::print_stdout, reason = "tests talk to people through the standard output")]

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

mod charts;
mod control_plane;
mod dice;
mod oracle;
mod pod_address;
mod port;
mod registry;
mod s3;

pub use charts::{code_chart, dead_schema, local_schema, system_chart};
pub use control_plane::ControlPlane;
pub use dice::Dice;
pub use oracle::Oracle;
pub use pod_address::PodAddress;
pub use port::free_port;
pub use registry::Registry;
pub use s3::S3;

/// The top folder of the workspace, the one with `Cargo.lock`.
///
/// # Panics
/// Where this crate was built outside a workspace.
#[must_use]
pub fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate stands in a workspace").to_path_buf()
}

/// Whether the environment asks for everything: `CI` is set, and neither empty nor `false`.
#[must_use]
pub fn ci() -> bool {
    env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false")
}

/// The folder of measured facts and cases: `DAGSTER_WORKSPACE_SHARED`, or `../shared` beside the workspace.
///
/// # Panics
/// Under CI, where the folder is missing.
#[must_use]
pub fn shared() -> Option<PathBuf> {
    let folder = env::var_os("DAGSTER_WORKSPACE_SHARED").map_or_else(|| top().join("../shared"), PathBuf::from);
    present(folder, "the shared folder", "set `DAGSTER_WORKSPACE_SHARED`")
}

/// A Python with the packages of `scripts/requirements.txt`: `DAGSTER_WORKSPACE_PYTHON`, or the one in `.local/venv`.
///
/// # Panics
/// Under CI, where it is missing.
#[must_use]
pub fn python() -> Option<PathBuf> {
    let program =
        env::var_os("DAGSTER_WORKSPACE_PYTHON").map_or_else(|| top().join(".local/venv/bin/python"), PathBuf::from);
    present(program, "the Python environment", "run `make test`, which installs it")
}

/// The real helm of major version 3 or 4: `DAGSTER_WORKSPACE_HELM3` and `..4`, or `.local/bin/helm3` and `helm4`.
///
/// # Panics
/// Under CI, where it is missing.
#[must_use]
pub fn helm(major: u8) -> Option<PathBuf> {
    tool(&format!("helm{major}"))
}

/// The real kubectl: `DAGSTER_WORKSPACE_KUBECTL`, or `.local/bin/kubectl`.
///
/// # Panics
/// Under CI, where it is missing.
#[must_use]
pub fn kubectl() -> Option<PathBuf> {
    tool("kubectl")
}

/// The real docker-registry: `DAGSTER_WORKSPACE_DOCKER_REGISTRY`, or `.local/bin/docker-registry`.
fn registry_program() -> Option<PathBuf> {
    tool("docker-registry")
}

/// Says that the running test is left out, and why. The test returns after it.
///
/// # Panics
/// Under CI: nothing is left out there.
pub fn left_out(why: &str) {
    assert!(!ci(), "CI leaves no test out: {why}");
    let test = env::var("NEXTEST_TEST_NAME").ok();
    let test = test.or_else(|| std::thread::current().name().map(str::to_string)).unwrap_or_default();
    println!("left out: {test}: {why}");
    let folder = top().join(".local");
    // One write call in append mode: tests run side by side.
    let noted = fs::create_dir_all(&folder)
        .and_then(|()| OpenOptions::new().create(true).append(true).open(folder.join("left-out.txt")))
        .and_then(|mut file| file.write_all(format!("{test}: {why}\n").as_bytes()));
    if let Err(error) = noted {
        println!("could not note it in {}: {error}", folder.display());
    }
}

fn tool(name: &str) -> Option<PathBuf> {
    let variable = format!("DAGSTER_WORKSPACE_{}", name.to_uppercase().replace('-', "_"));
    let program = env::var_os(variable).map_or_else(|| top().join(".local/bin").join(name), PathBuf::from);
    present(program, name, "run `make test`, which installs it")
}

fn present(path: PathBuf, what: &str, hint: &str) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    left_out(&format!("{what} is not at `{}` ({hint})", path.display()));
    None
}
