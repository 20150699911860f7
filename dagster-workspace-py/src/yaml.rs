//! The YAML engine alone: [`yaml_edit`] and [`yaml_events`].

use dagster_workspace_core::edit::{self, Edit};
use dagster_workspace_core::value::Value;
use dagster_workspace_core::yaml::{Document, Mode};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::convert::value_of;
use crate::error;
use crate::source::Source;

/// What a text without a file is called.
const NAME: &str = "text";

/// The text after an edit of any YAML document; the same text where nothing changes.
///
/// An edit is a mapping: `{"op": "add", "list": "a.b", "item": ...}`, `{"op": "set", "list": "a.b", "name": "x", "path":
/// ["c"], "value": ...}` or `{"op": "remove", "list": "a.b", "name": "x"}`, each with an optional `"key"` that says where
/// the items of the list carry their names. An item is YAML text or data.
#[pyfunction]
#[pyo3(signature = (source, edit, /))]
pub(crate) fn yaml_edit(py: Python<'_>, source: &Bound<'_, PyAny>, edit: &Bound<'_, PyAny>) -> PyResult<String> {
    let Source { text, name } = Source::read(source)?;
    let name = name.as_deref().unwrap_or(NAME);
    let edit = edit_of(&value_of(edit)?)?;
    let document = py.detach(|| Document::parse(text.as_str()));
    let document = document.map_err(|failure| error::parse(py, &failure.diagnostic(), name, &text))?;
    let edited = py.detach(|| edit::apply(&document, &edit));
    let edited = edited.map_err(|refusal| error::refused(py, &refusal, name, &text))?;
    Ok(edited.map_or_else(|| document.text().to_owned(), |edited| edited.into_text().into_owned()))
}

/// Through JSON, the form in which edits are written down.
fn edit_of(value: &Value) -> PyResult<Edit> {
    if let Some(number) = infinite(value) {
        // JSON would make it null.
        return Err(PyValueError::new_err(format!("the number {number} has no notation in an edit")));
    }
    let invalid = |cause: serde_json::Error| {
        let text = cause.to_string();
        let message = text.split(" at line ").next().unwrap_or(&text);
        PyValueError::new_err(format!("this is no edit: {message}"))
    };
    serde_json::to_string(value).and_then(|text| serde_json::from_str(&text)).map_err(invalid)
}

/// A number inside that is none in JSON.
fn infinite(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => (!number.is_finite()).then_some(*number),
        Value::Sequence(items) => items.iter().find_map(infinite),
        Value::Mapping(entries) => entries.iter().find_map(|(_, value)| infinite(value)),
        _ => None,
    }
}

/// The event stream of a YAML text in the notation of the official test suite, one event a line.
///
/// Strict by YAML 1.2.2; with `strict=False` as lenient as helm.
#[pyfunction]
#[pyo3(signature = (source, /, *, strict = true))]
pub(crate) fn yaml_events(py: Python<'_>, source: &Bound<'_, PyAny>, strict: bool) -> PyResult<String> {
    let Source { text, name } = Source::read(source)?;
    let mode = if strict { Mode::Strict } else { Mode::Lenient };
    let events = py.detach(|| Document::parse_with(text.as_str(), mode).map(|document| document.events()));
    let name = name.as_deref().unwrap_or(NAME);
    events.map_err(|failure| error::parse(py, &failure.diagnostic(), name, &text))
}
