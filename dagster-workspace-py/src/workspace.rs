//! The workspace file as Python sees it: [`Workspace`].

use std::borrow::Cow;

use dagster_workspace_core::lint;
use dagster_workspace_core::transform::Transform;
use dagster_workspace_core::value::Value;
use dagster_workspace_core::workspace::{self as core, CodeLocation, GrpcServer, Source};
use dagster_workspace_core::yaml::Schema;
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyTuple, PyType};

use crate::change;
use crate::convert::{to_python, value_of};
use crate::document::{Held, target};
use crate::error;

/// What the document is called where it comes from no file.
const NAME: &str = "workspace.yaml";

/// Dagster's workspace file.
///
/// An immutable text: `str(workspace)` and `bytes(workspace)` are exactly what was read, and every change is a new object.
#[pyclass(frozen, eq, hash, module = "dagster_workspace")]
pub(crate) struct Workspace {
    held: Held,
    /// Made when first asked for.
    locations: PyOnceLock<Py<PyTuple>>,
}

impl PartialEq for Workspace {
    fn eq(&self, other: &Self) -> bool {
        self.held == other.held
    }
}

impl std::hash::Hash for Workspace {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.held.hash(state);
    }
}

impl Workspace {
    pub(crate) fn new(held: Held) -> Self {
        Self { held, locations: PyOnceLock::new() }
    }

    pub(crate) fn held(&self) -> &Held {
        &self.held
    }

    /// The document after transforms; itself where nothing changes.
    fn after<'py>(slf: &Bound<'py, Self>, transforms: &[Transform]) -> PyResult<Bound<'py, Self>> {
        match change::apply(slf.py(), slf.get().held(), transforms)? {
            Some(held) => Bound::new(slf.py(), Self::new(held)),
            None => Ok(slf.clone()),
        }
    }

    fn location<'py>(&self, py: Python<'py>, location: &CodeLocation<'_, '_>) -> PyResult<Bound<'py, PyAny>> {
        let model = py.import("dagster_workspace._model")?;
        let text = |source: Option<Source<Cow<'_, str>>>| literal_or_env(&model, source);
        let fields = PyDict::new(py);
        fields.set_item("name", location.name())?;
        fields.set_item("origin", location.origin().map(|(origin, _)| origin.key()))?;
        fields.set_item("host", text(location.host())?)?;
        fields.set_item("port", literal_or_env(&model, location.port())?)?;
        fields.set_item("socket", text(location.socket())?)?;
        let value = location.to_value();
        let value =
            value.map_err(|failure| error::parse(py, &failure.diagnostic(), &self.held.name, self.held.text()))?;
        fields.set_item("entry", to_python(py, &value)?)?;
        model.getattr("Location")?.call((), Some(&fields))
    }
}

/// A value, or `Env(name)` in its place.
fn literal_or_env<'py, T: IntoPyObject<'py>>(
    model: &Bound<'py, PyModule>,
    source: Option<Source<T>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = model.py();
    match source {
        None => Ok(py.None().into_bound(py)),
        Some(Source::Literal(value)) => value.into_bound_py_any(py),
        Some(Source::Env(name)) => model.getattr("Env")?.call1((name,)),
    }
}

#[pymethods]
impl Workspace {
    #[new]
    #[pyo3(signature = (text, /))]
    fn __new__(py: Python<'_>, text: &str) -> PyResult<Self> {
        Held::parse(py, text, NAME.to_owned()).map(Self::new)
    }

    /// Reads a text, its bytes, or the file at a path; a `str` is always the text itself.
    ///
    /// Raises `ParseError` where it is no YAML, and `OSError` where there is no file.
    #[classmethod]
    #[pyo3(signature = (source, /))]
    fn parse(_class: &Bound<'_, PyType>, source: &Bound<'_, PyAny>) -> PyResult<Self> {
        Held::read(source, NAME).map(Self::new)
    }

    /// The code locations, in order, with the names that Dagster gives them.
    #[getter]
    fn locations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let made = self.locations.get_or_try_init(py, || {
            let view = core::Workspace::of(&self.held.document);
            let locations: Vec<_> = view.locations().map(|it| self.location(py, &it)).collect::<PyResult<_>>()?;
            Ok::<_, PyErr>(PyTuple::new(py, locations)?.unbind())
        })?;
        Ok(made.bind(py).clone())
    }

    /// What Dagster would refuse or misread, in the order of the text.
    #[pyo3(signature = (*, dagster = None, chart = None))]
    fn lint<'py>(&self, py: Python<'py>, dagster: Option<&str>, chart: Option<&str>) -> PyResult<Bound<'py, PyTuple>> {
        let target = target(dagster, chart)?;
        let found = py.detach(|| lint::lint_workspace(&self.held.document, &target));
        error::findings(py, &found, &self.held.name, self.held.text())
    }

    /// The workspace with a gRPC server added at the end; itself where an equal one is there.
    ///
    /// Raises `NameTakenError` where a different location has the name, and `InvalidError` where Dagster would not take it.
    #[pyo3(signature = (name, /, *, host, port))]
    fn add<'py>(slf: &Bound<'py, Self>, name: &str, host: &str, port: u16) -> PyResult<Bound<'py, Self>> {
        Self::after(slf, &[Transform::AddLocation { server: GrpcServer::new(name, host, port) }])
    }

    /// The workspace with fields of a gRPC server changed. Mappings are gone into, `None` takes out, the rest stays.
    ///
    /// Raises `NotFoundError` where there is no location of that name.
    #[pyo3(signature = (name, /, **fields))]
    fn update<'py>(
        slf: &Bound<'py, Self>,
        name: &str,
        fields: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, Self>> {
        let fields = fields.map_or_else(|| Ok(Value::Mapping(Vec::new())), |fields| value_of(fields))?;
        Self::after(slf, &[Transform::UpdateLocation { name: name.to_owned(), fields }])
    }

    /// The workspace without a location; itself where it is absent. The last one leaves an empty list.
    #[pyo3(signature = (name, /))]
    fn remove<'py>(slf: &Bound<'py, Self>, name: &str) -> PyResult<Bound<'py, Self>> {
        Self::after(slf, &[Transform::RemoveLocation { name: name.to_owned() }])
    }

    /// What differs from this document to another, as its reader sees it: one change for each value, without notation.
    #[pyo3(signature = (other, /))]
    fn diff<'py>(&self, py: Python<'py>, other: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        change::diff(py, &self.held, other.get().held(), Schema::Dagster)
    }

    fn __str__(&self) -> &str {
        self.held.text()
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.held.text().as_bytes())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<Workspace of {} locations, {} bytes>", self.locations(py)?.len(), self.held.text().len()))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyType>, (String,)) {
        (slf.get_type(), (slf.get().held.text().to_owned(),))
    }
}
