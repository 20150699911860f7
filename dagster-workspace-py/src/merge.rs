//! Three-way merge: [`merge`], with its conflicts as dataclasses.

use dagster_workspace_core::diff::MergeKeys;
use dagster_workspace_core::merge::{self as merging, Conflict, Input, Merge, Prefer, Three};
use dagster_workspace_core::span::{LineCol, Span};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::convert::to_python;
use crate::error;
use crate::source::Source;

/// What two sides made of one YAML document, brought together by keys and names; every byte that theirs did not change is as
/// ours has it.
///
/// The text of the result is always valid YAML. `keys` says where the items of a list carry their names, as in `{"jobs":
/// "id"}`; without it `name` does. `resolve` takes one side, `"ours"` or `"theirs"`, wherever both changed the same.
#[pyfunction]
#[pyo3(signature = (base, ours, theirs, /, *, keys = None, resolve = None))]
pub(crate) fn merge<'py>(
    py: Python<'py>,
    base: &Bound<'py, PyAny>,
    ours: &Bound<'py, PyAny>,
    theirs: &Bound<'py, PyAny>,
    keys: Option<&Bound<'py, PyAny>>,
    resolve: Option<&str>,
) -> PyResult<Bound<'py, PyAny>> {
    let prefer = match resolve {
        None => Prefer::Neither,
        Some("ours") => Prefer::Ours,
        Some("theirs") => Prefer::Theirs,
        Some(other) => return Err(PyValueError::new_err(format!("expected 'ours' or 'theirs', got {other:?}"))),
    };
    let keys = merge_keys(keys)?;
    let sources = Three { base: Source::read(base)?, ours: Source::read(ours)?, theirs: Source::read(theirs)? };
    let merged =
        py.detach(|| merging::resolve(&sources.base.text, &sources.ours.text, &sources.theirs.text, &keys, prefer));
    let merged = merged.map_err(|failure| {
        let Source { text, name } = sources.get(failure.input);
        let input = failure.input.to_string();
        error::parse(py, &failure.diagnostic(), name.as_deref().unwrap_or(&input), text)
    })?;
    let conflicts: Vec<_> =
        merged.conflicts.iter().map(|found| conflict(py, found, &merged, &sources)).collect::<PyResult<_>>()?;
    let fields = PyDict::new(py);
    fields.set_item("text", &merged.text)?;
    fields.set_item("conflicts", PyTuple::new(py, conflicts)?)?;
    py.import("dagster_workspace._model")?.getattr("Merge")?.call((), Some(&fields))
}

/// The presets, and those of the caller.
fn merge_keys(keys: Option<&Bound<'_, PyAny>>) -> PyResult<MergeKeys> {
    let mut out = MergeKeys::default();
    let Some(keys) = keys else { return Ok(out) };
    for entry in keys.call_method0("items")?.try_iter()? {
        let (list, key): (String, String) = entry?.extract()?;
        let key = key.parse().map_err(|_| PyValueError::new_err(format!("{key:?} is no key of items")))?;
        out = out.with(&list, key);
    }
    Ok(out)
}

fn conflict<'py>(
    py: Python<'py>,
    found: &Conflict,
    merged: &Merge,
    sources: &Three<Source>,
) -> PyResult<Bound<'py, PyAny>> {
    let Conflict { path, kind, spans: _, values: _, renamed_to, result } = found;
    let model = py.import("dagster_workspace._model")?;
    let fields = PyDict::new(py);
    fields.set_item("path", path.brief().to_string())?;
    fields.set_item("kind", kind.slug())?;
    fields.set_item("message", found.to_string())?;
    fields.set_item("renamed_to", renamed_to)?;
    fields.set_item("result", (result.start, result.end))?;
    fields.set_item("line", LineCol::of(&merged.text, result.start).line)?;
    for (input, name) in [(Input::Base, "base"), (Input::Ours, "ours"), (Input::Theirs, "theirs")] {
        fields.set_item(name, side(&model, found, input, &sources.get(input).text)?)?;
    }
    model.getattr("Conflict")?.call((), Some(&fields))
}

/// What one input has there; `None` where it has nothing.
fn side<'py>(
    model: &Bound<'py, PyModule>,
    found: &Conflict,
    input: Input,
    text: &str,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = model.py();
    let Some(span) = *found.spans.get(input) else { return Ok(None) };
    let fields = PyDict::new(py);
    fields.set_item("span", bytes(span))?;
    fields.set_item("line", LineCol::of(text, span.start).line)?;
    fields.set_item("text", span.of(text))?;
    if let Some(value) = found.values.get(input) {
        fields.set_item("value", to_python(py, value)?)?;
    }
    model.getattr("Side")?.call((), Some(&fields)).map(Some)
}

fn bytes(span: Span) -> (u32, u32) {
    (span.start, span.end)
}
