//! Errors and findings as Python objects: the classes of `_errors.py` and `_model.py`, filled. Read [`finding`] first.

use dagster_workspace_core::error::{Diagnostic, Refusal};
use dagster_workspace_core::field::FieldError;
use dagster_workspace_core::span::LineCol;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// A `Finding` about the text `name`.
pub(crate) fn finding<'py>(
    py: Python<'py>,
    diagnostic: &Diagnostic,
    name: &str,
    text: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let fields = place(py, diagnostic, name, text)?;
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

/// `ParseError`: the text `name` cannot be read, as text or as data.
pub(crate) fn parse(py: Python<'_>, diagnostic: &Diagnostic, name: &str, text: &str) -> PyErr {
    raise(py, "ParseError", &diagnostic.message, place(py, diagnostic, name, text))
}

/// `RefusedError`: an edit of the text `name` that would change something else.
pub(crate) fn refused(py: Python<'_>, refusal: &Refusal, name: &str, text: &str) -> PyErr {
    let diagnostic = refusal.diagnostic();
    let fields = place(py, &diagnostic, name, text).and_then(|fields| {
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

/// An error of the package; where it cannot be made, the reason why.
pub(crate) fn raise(py: Python<'_>, class: &str, message: &str, fields: PyResult<Bound<'_, PyDict>>) -> PyErr {
    let error = fields
        .and_then(|fields| py.import("dagster_workspace._errors")?.getattr(class)?.call((message,), Some(&fields)));
    error.map_or_else(|failure| failure, PyErr::from_value)
}

/// Where it is and how people read it.
fn place<'py>(py: Python<'py>, diagnostic: &Diagnostic, name: &str, text: &str) -> PyResult<Bound<'py, PyDict>> {
    let fields = PyDict::new(py);
    fields.set_item("code", diagnostic.code)?;
    fields.set_item("hint", &diagnostic.hint)?;
    fields.set_item("rendered", diagnostic.render(name, text).trim_end())?;
    if let Some(span) = diagnostic.span {
        let LineCol { line, column } = LineCol::of(text, span.start);
        fields.set_item("line", line)?;
        fields.set_item("column", column)?;
        fields.set_item("span", (span.start, span.end))?;
    }
    Ok(fields)
}
