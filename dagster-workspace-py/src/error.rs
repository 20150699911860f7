//! Errors and findings as Python objects: the classes of `_errors.py` and `_model.py`, filled. Read [`finding`] first.

use dagster_workspace_core::diff::Change;
use dagster_workspace_core::error::{Diagnostic, Refusal};
use dagster_workspace_core::field::FieldError;
use dagster_workspace_core::secret::Shown;
use dagster_workspace_core::span::LineCol;
use dagster_workspace_core::transform::TransformError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::convert::to_python;
use crate::document::Held;

/// A `Finding` about the text `name`.
pub(crate) fn finding<'py>(
    py: Python<'py>,
    diagnostic: &Diagnostic,
    name: &str,
    text: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let fields = place(py, diagnostic, name, &Shown::of(text))?;
    fields.set_item("severity", diagnostic.severity.to_string())?;
    fields.set_item("message", &diagnostic.message)?;
    fields.set_item("source", name)?;
    py.import("dagster_workspace._model")?.getattr("Finding")?.call((), Some(&fields))
}

/// A tuple of `Finding`s.
pub(crate) fn findings<'py>(
    py: Python<'py>,
    diagnostics: &[Diagnostic],
    name: &str,
    text: &str,
) -> PyResult<Bound<'py, PyTuple>> {
    let found: Vec<_> = diagnostics.iter().map(|it| finding(py, it, name, text)).collect::<PyResult<_>>()?;
    PyTuple::new(py, found)
}

/// A tuple of `Change`s.
pub(crate) fn changes<'py>(py: Python<'py>, changes: &[Change]) -> PyResult<Bound<'py, PyTuple>> {
    let class = py.import("dagster_workspace._model")?.getattr("Change")?;
    let value = |value: Option<&_>| value.map_or_else(|| Ok(py.None().into_bound(py)), |value| to_python(py, value));
    let change = |change: &Change| {
        let fields = PyDict::new(py);
        fields.set_item("path", change.path.to_string())?;
        fields.set_item("before", value(change.before.as_ref())?)?;
        fields.set_item("after", value(change.after.as_ref())?)?;
        fields.set_item("summary", change.to_string())?;
        class.call((), Some(&fields))
    };
    PyTuple::new(py, changes.iter().map(change).collect::<PyResult<Vec<_>>>()?)
}

/// `ParseError`: the text `name` cannot be read, as text or as data.
pub(crate) fn parse(py: Python<'_>, diagnostic: &Diagnostic, name: &str, text: &str) -> PyErr {
    raise(py, "ParseError", &diagnostic.message, place(py, diagnostic, name, &Shown::of(text)))
}

/// `RefusedError`: an edit of the text `name` that would change something else.
pub(crate) fn refused(py: Python<'_>, refusal: &Refusal, name: &str, text: &str) -> PyErr {
    let diagnostic = refusal.diagnostic();
    let fields = place(py, &diagnostic, name, &Shown::of(text)).and_then(|fields| {
        fields.set_item("reason", refusal.reason.slug())?;
        Ok(fields)
    });
    raise(py, "RefusedError", &diagnostic.message, fields)
}

/// `InvalidError`: data that the chart would not take.
pub(crate) fn invalid(py: Python<'_>, error: &FieldError) -> PyErr {
    invalid_at(py, &error.path, error)
}

/// `InvalidError` about the field at `path`.
pub(crate) fn invalid_at(py: Python<'_>, path: &str, cause: &dyn std::error::Error) -> PyErr {
    let fields = PyDict::new(py);
    let fields = fields.set_item("path", path).map(|()| fields);
    raise(py, "InvalidError", &cause.to_string(), fields)
}

/// `InvalidError`: errors in the text that would come of a change.
pub(crate) fn would_be_refused(
    py: Python<'_>,
    failure: &TransformError,
    diagnostics: &[Diagnostic],
    name: &str,
    text: &str,
) -> PyErr {
    let shown = Shown::of(text);
    let rendered: Vec<_> = diagnostics.iter().map(|it| it.render(name, &shown).trim_end().to_owned()).collect();
    let fields = findings(py, diagnostics, name, text).and_then(|found| {
        let fields = PyDict::new(py);
        fields.set_item("findings", found)?;
        fields.set_item("code", diagnostics.first().map(|it| it.code))?;
        fields.set_item("rendered", rendered.join("\n"))?;
        Ok(fields)
    });
    raise(py, "InvalidError", &failure.to_string(), fields)
}

/// An error of that class about a transform of a document, with what `more` adds to its details.
pub(crate) fn about<'py>(
    py: Python<'py>,
    class: &str,
    failure: &TransformError,
    held: &Held,
    more: impl FnOnce(&Bound<'py, PyDict>) -> PyResult<()>,
) -> PyErr {
    let fields = PyDict::new(py);
    let filled = failure.diagnostics().first().map_or(Ok(()), |diagnostic| {
        fields.set_item("code", diagnostic.code)?;
        fields.set_item("hint", &diagnostic.hint)?;
        // Without a place there is no more to show than message and hint.
        let rendered = diagnostic.span.map(|_| diagnostic.render(&held.name, &Shown::of(held.text())));
        fields.set_item("rendered", rendered.as_deref().map(str::trim_end))
    });
    raise(py, class, &failure.to_string(), filled.and_then(|()| more(&fields)).map(|()| fields))
}

/// An error of the package; where it cannot be made, the reason why.
pub(crate) fn raise(py: Python<'_>, class: &str, message: &str, fields: PyResult<Bound<'_, PyDict>>) -> PyErr {
    let error = fields
        .and_then(|fields| py.import("dagster_workspace._errors")?.getattr(class)?.call((message,), Some(&fields)));
    error.map_or_else(|failure| failure, PyErr::from_value)
}

/// Where it is and how people read it.
fn place<'py>(py: Python<'py>, diagnostic: &Diagnostic, name: &str, shown: &Shown<'_>) -> PyResult<Bound<'py, PyDict>> {
    let fields = PyDict::new(py);
    fields.set_item("code", diagnostic.code)?;
    fields.set_item("hint", &diagnostic.hint)?;
    fields.set_item("rendered", diagnostic.render(name, shown).trim_end())?;
    if let Some(span) = diagnostic.span {
        let LineCol { line, column } = LineCol::of(shown.text(), span.start);
        fields.set_item("line", line)?;
        fields.set_item("column", column)?;
        fields.set_item("span", (span.start, span.end))?;
    }
    Ok(fields)
}
