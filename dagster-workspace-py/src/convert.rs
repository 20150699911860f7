//! Python objects and core's [`Value`], both ways: [`value_of`] and [`to_python`].
//!
//! Data are `None`, `bool`, `int`, `float`, `str`, mappings with text keys, lists and tuples. A dataclass, and a model that
//! dumps itself as pydantic's do, stand for the mapping of their fields; fields that are `None` are absent.

use dagster_workspace_core::value::Value;
use dagster_workspace_core::yaml::MAX_DEPTH;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple, PyType};

/// The data that an object stands for.
///
/// # Errors
/// `TypeError` for what is no data, `ValueError` for numbers beyond 64 bits and for data nested too deep, each with the
/// place inside the object.
pub(crate) fn value_of(object: &Bound<'_, PyAny>) -> PyResult<Value> {
    read(object, &mut Vec::new())
}

fn read<'py>(object: &Bound<'py, PyAny>, path: &mut Vec<String>) -> PyResult<Value> {
    if path.len() > MAX_DEPTH {
        return Err(PyValueError::new_err(format!("data are nested more than {MAX_DEPTH} deep")));
    }
    if object.is_none() {
        return Ok(Value::Null);
    }
    // Before numbers: a `bool` is an `int`.
    if let Ok(value) = object.cast::<PyBool>() {
        return Ok(Value::Bool(value.is_true()));
    }
    if let Ok(text) = object.cast::<PyString>() {
        return Ok(Value::String(text.to_str()?.to_owned()));
    }
    if object.cast::<PyInt>().is_ok() {
        let beyond = |_| PyValueError::new_err(format!("a number beyond 64 bits{}", at(path)));
        return Ok(Value::Int(object.extract().map_err(beyond)?));
    }
    if let Ok(number) = object.cast::<PyFloat>() {
        return Ok(Value::Float(number.value()));
    }
    if object.cast::<PyList>().is_ok() || object.cast::<PyTuple>().is_ok() {
        return items(object, path);
    }
    if let Ok(mapping) = object.cast::<PyMapping>() {
        return entries(&mapping.items()?, path, Nulls::Kept);
    }
    match fields_of(object)? {
        Some(fields) => entries(&fields.cast::<PyMapping>()?.items()?, path, Nulls::Dropped),
        None => {
            let kind = object.get_type().name()?;
            Err(PyTypeError::new_err(format!("expected data, got `{kind}`{}", at(path))))
        }
    }
}

fn items(list: &Bound<'_, PyAny>, path: &mut Vec<String>) -> PyResult<Value> {
    let mut out = Vec::new();
    for (index, item) in list.try_iter()?.enumerate() {
        path.push(format!("[{index}]"));
        out.push(read(&item?, path)?);
        path.pop();
    }
    Ok(Value::Sequence(out))
}

/// What becomes of fields that are `None`.
#[derive(Clone, Copy, PartialEq)]
enum Nulls {
    Kept,
    Dropped,
}

fn entries(pairs: &Bound<'_, PyList>, path: &mut Vec<String>, nulls: Nulls) -> PyResult<Value> {
    let mut out: Vec<(String, Value)> = Vec::new();
    for pair in pairs {
        let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
        let Ok(key) = key.cast::<PyString>() else {
            let kind = key.get_type().name()?;
            return Err(PyTypeError::new_err(format!("keys must be `str`, got `{kind}`{}", at(path))));
        };
        if nulls == Nulls::Dropped && value.is_none() {
            continue;
        }
        path.push(key.to_str()?.to_owned());
        let value = read(&value, path)?;
        out.extend(path.pop().map(|key| (key, value)));
    }
    Ok(Value::Mapping(out))
}

/// The fields of a dataclass or of a model, as a mapping; `None` for any other object.
fn fields_of<'py>(object: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    // A class has the same attributes as its instances, and stands for nothing.
    if object.cast::<PyType>().is_ok() {
        return Ok(None);
    }
    let py = object.py();
    if object.hasattr("model_dump")? {
        let options = PyDict::new(py);
        options.set_item("mode", "json")?;
        options.set_item("by_alias", true)?;
        options.set_item("exclude_none", true)?;
        return object.call_method("model_dump", (), Some(&options)).map(Some);
    }
    if object.hasattr("__fields_set__")? && object.hasattr("json")? {
        // Pydantic 1 makes plain data only as text.
        let options = PyDict::new(py);
        options.set_item("by_alias", true)?;
        options.set_item("exclude_none", true)?;
        let text = object.call_method("json", (), Some(&options))?;
        return py.import("json")?.call_method1("loads", (text,)).map(Some);
    }
    if !object.hasattr("__dataclass_fields__")? {
        return Ok(None);
    }
    let out = PyDict::new(py);
    // `dataclasses.fields` leaves out class variables.
    for field in py.import("dataclasses")?.call_method1("fields", (object,))?.try_iter()? {
        let name = field?.getattr("name")?.cast_into::<PyString>()?;
        out.set_item(&name, object.getattr(&name)?)?;
    }
    Ok(Some(out.into_any()))
}

/// " at `env[0].value`", or nothing at the root.
fn at(path: &[String]) -> String {
    let mut out = String::new();
    for step in path {
        if !out.is_empty() && !step.starts_with('[') {
            out.push('.');
        }
        out.push_str(step);
    }
    if out.is_empty() { out } else { format!(" at `{out}`") }
}

/// The data as Python's own types, mappings in their order.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(value) => PyBool::new(py, *value).to_owned().into_any(),
        Value::Int(number) => number.into_pyobject(py)?.into_any(),
        Value::Float(number) => PyFloat::new(py, *number).into_any(),
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Sequence(items) => {
            let out = PyList::empty(py);
            for item in items {
                out.append(to_python(py, item)?)?;
            }
            out.into_any()
        }
        Value::Mapping(entries) => {
            let out = PyDict::new(py);
            for (key, value) in entries {
                out.set_item(key, to_python(py, value)?)?;
            }
            out.into_any()
        }
    })
}
