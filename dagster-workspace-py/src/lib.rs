//! The native half of the Python package `dagster_workspace`: it converts, calls core or the command, and converts back. It
//! decides nothing. Start with `document`: the two documents as immutable Python objects.
//!
//! Errors are Python classes of the package itself (`_errors.py`), and findings and changes its dataclasses
//! (`_model.py`): here they are only filled. Work over a whole document releases the interpreter lock.

mod change;
mod command;
mod convert;
mod deployment;
mod document;
mod error;
mod merge;
mod preview;
mod source;
mod values;
mod workspace;
mod yaml;

use pyo3::prelude::*;

/// The module `dagster_workspace._native`.
#[pymodule(gil_used = false)]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::change::{add, remove, set_image, update};
    #[pymodule_export]
    use crate::command::main;
    #[pymodule_export]
    use crate::deployment::{Deployment, deployment_as_written};
    #[pymodule_export]
    use crate::document::lint;
    #[pymodule_export]
    use crate::merge::merge;
    #[pymodule_export]
    use crate::preview::outdated;
    #[pymodule_export]
    use crate::values::Values;
    #[pymodule_export]
    use crate::workspace::Workspace;
    #[pymodule_export]
    use crate::yaml::{yaml_edit, yaml_events};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // So that `isinstance` and patterns take it for one.
        let mapping = module.py().import("collections.abc")?.getattr("Mapping")?;
        mapping.call_method1("register", (module.py().get_type::<Deployment>(),))?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
