//! What both documents have in common: [`Held`], a text that is read once and never changes, and its findings.

use std::hash::{Hash, Hasher};

use dagster_workspace_core::lint::{Target, lint_pairing, lint_values, lint_workspace};
use dagster_workspace_core::yaml::Document;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::error;
use crate::source::Source;
use crate::values::Values;
use crate::workspace::Workspace;

/// A document, and what to call it in messages. Two of the same text are equal.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) document: Document<'static>,
    pub(crate) name: String,
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Hash for Held {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text().hash(state);
    }
}

impl Held {
    /// Reads a document; `name` is what it is called where it comes from no file.
    ///
    /// # Errors
    /// As [`Source::read`], and `ParseError` where the text is no YAML.
    pub(crate) fn read(source: &Bound<'_, PyAny>, name: &str) -> PyResult<Self> {
        let Source { text, name: path } = Source::read(source)?;
        Self::parse(source.py(), &text, path.unwrap_or_else(|| name.to_owned()))
    }

    pub(crate) fn parse(py: Python<'_>, text: &str, name: String) -> PyResult<Self> {
        match py.detach(|| Document::parse(text).map(Document::into_owned)) {
            Ok(document) => Ok(Self { document, name }),
            Err(failure) => Err(error::parse(py, &failure.diagnostic(), &name, text)),
        }
    }

    pub(crate) fn text(&self) -> &str {
        self.document.text()
    }
}

/// The versions that findings are judged for.
///
/// # Errors
/// `ValueError` where a text is no version.
pub(crate) fn target(dagster: Option<&str>, chart: Option<&str>) -> PyResult<Target> {
    let newest = Target::default();
    let version = |text: Option<&str>, default| {
        text.map_or(Ok(default), |text| text.parse().map_err(|cause| PyValueError::new_err(format!("{cause}"))))
    };
    Ok(Target { dagster: version(dagster, newest.dagster)?, chart: version(chart, newest.chart)?, namespace: None })
}

/// Findings about both documents: those of each alone, then where they do not fit together.
///
/// `dagster` and `chart` are the versions that read them, by default the newest known.
#[pyfunction]
#[pyo3(signature = (values, workspace, /, *, dagster = None, chart = None))]
pub(crate) fn lint<'py>(
    py: Python<'py>,
    values: &Bound<'py, Values>,
    workspace: &Bound<'py, Workspace>,
    dagster: Option<&str>,
    chart: Option<&str>,
) -> PyResult<Bound<'py, PyTuple>> {
    let target = target(dagster, chart)?;
    let (values, workspace) = (values.get().held(), workspace.get().held());
    let (of_values, of_workspace, of_both) = py.detach(|| {
        (
            lint_values(&values.document, &target),
            lint_workspace(&workspace.document, &target),
            lint_pairing(&values.document, &workspace.document, &target),
        )
    });
    let mut out = Vec::new();
    for (found, held) in [(of_values, values), (of_workspace, workspace)] {
        out.extend(error::findings(py, &found, &held.name, held.text())?);
    }
    for diagnostic in &of_both {
        // A deployment without a location stands in the values, all others in the workspace.
        let held = if diagnostic.code == "DW0301" { values } else { workspace };
        out.push(error::finding(py, diagnostic, &held.name, held.text())?);
    }
    PyTuple::new(py, out)
}
