//! Where a text comes from: [`Source`], read from `str`, `bytes` or a path.

use dagster_workspace_core::error::{ParseError, Problem};
use dagster_workspace_core::span::Span;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::error;

/// A text, and what to call it in messages.
pub(crate) struct Source {
    pub(crate) text: String,
    /// The path it was read from, if any.
    pub(crate) name: Option<String>,
}

impl Source {
    /// Takes a text or bytes as they are, and reads the file at a path. A `str` is always the text itself.
    ///
    /// # Errors
    /// `OSError` as the file system gives it, `ParseError` where bytes are not UTF-8, `TypeError` for anything else.
    pub(crate) fn read(source: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(text) = source.cast::<PyString>() {
            return Ok(Self { text: text.to_str()?.to_owned(), name: None });
        }
        if let Ok(bytes) = source.cast::<PyBytes>() {
            return Self::decode(source.py(), bytes.as_bytes(), None);
        }
        if !source.hasattr("__fspath__")? {
            let kind = source.get_type().name()?;
            return Err(PyTypeError::new_err(format!("expected `str`, `bytes` or a path, got `{kind}`")));
        }
        // Python's own reading: its errors carry the name of the file.
        let path = source.py().import("pathlib")?.call_method1("Path", (source,))?;
        let bytes = path.call_method0("read_bytes")?.cast_into::<PyBytes>()?;
        Self::decode(source.py(), bytes.as_bytes(), Some(path.str()?.to_string_lossy().into_owned()))
    }

    fn decode(py: Python<'_>, bytes: &[u8], name: Option<String>) -> PyResult<Self> {
        match str::from_utf8(bytes) {
            Ok(text) => Ok(Self { text: text.to_owned(), name }),
            Err(cause) => {
                let (valid, _) = bytes.split_at(cause.valid_up_to());
                let span = Span::at(u32::try_from(valid.len()).unwrap_or(u32::MAX));
                let diagnostic = ParseError { problem: Problem::NotUtf8, span }.diagnostic();
                let text = String::from_utf8_lossy(valid);
                Err(error::parse(py, &diagnostic, name.as_deref().unwrap_or("text"), &text))
            }
        }
    }
}
