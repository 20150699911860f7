//! The values of chart `dagster-user-deployments` as Python sees them: [`Values`].

use dagster_workspace_core::lint;
use dagster_workspace_core::transform::Transform;
use dagster_workspace_core::values::{FieldChange, UserDeployments};
use dagster_workspace_core::yaml::Schema;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyMappingProxy, PyTuple, PyType};

use crate::change::{self, Fields, image_of};
use crate::convert::value_of;
use crate::deployment::{Deployment, typed};
use crate::document::{Held, target};
use crate::error;

/// What the document is called where it comes from no file.
const NAME: &str = "values.yaml";

/// Values of chart `dagster-user-deployments`, alone or inside those of a system or umbrella chart.
///
/// An immutable text: `str(values)` and `bytes(values)` are exactly what was read, and every change is a new object.
#[pyclass(frozen, eq, hash, module = "dagster_workspace")]
pub(crate) struct Values {
    held: Held,
    /// Made when first asked for.
    deployments: PyOnceLock<Py<PyMappingProxy>>,
}

impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        self.held == other.held
    }
}

impl std::hash::Hash for Values {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.held.hash(state);
    }
}

impl Values {
    pub(crate) fn new(held: Held) -> Self {
        Self { held, deployments: PyOnceLock::new() }
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
}

#[pymethods]
impl Values {
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

    /// The servers by name, in the order of the document: as written, whatever state they are in. Those without a name are
    /// left out, and of several with one name the first counts; `lint` tells.
    #[getter]
    fn deployments<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMappingProxy>> {
        let made = self.deployments.get_or_try_init(py, || {
            let out = PyDict::new(py);
            let document = &self.held.document;
            for deployment in UserDeployments::of(document).iter() {
                let Some(name) = deployment.name() else { continue };
                if out.contains(&name)? {
                    continue;
                }
                let value = deployment
                    .to_value()
                    .map_err(|failure| error::parse(py, &failure.diagnostic(), &self.held.name, document.text()))?;
                out.set_item(&name, Py::new(py, Deployment::new(value))?)?;
            }
            Ok::<_, PyErr>(PyMappingProxy::new(py, out.as_mapping()).unbind())
        })?;
        Ok(made.bind(py).clone())
    }

    /// What the chart, Dagster or Kubernetes would refuse or misread, in the order of the text.
    #[pyo3(signature = (*, dagster = None, chart = None))]
    fn lint<'py>(&self, py: Python<'py>, dagster: Option<&str>, chart: Option<&str>) -> PyResult<Bound<'py, PyTuple>> {
        let target = target(dagster, chart)?;
        let found = py.detach(|| lint::lint_values(&self.held.document, &target));
        error::findings(py, &found, &self.held.name, self.held.text())
    }

    /// The values with a deployment added at the end; itself where an equal one is there.
    ///
    /// Raises `NameTakenError` where a different one has the name, and `InvalidError` where the chart would not take it.
    #[pyo3(signature = (deployment, /))]
    fn add<'py>(slf: &Bound<'py, Self>, deployment: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        Self::after(slf, &[Transform::AddDeployment { deployment: typed(deployment)? }])
    }

    /// The values with fields of a deployment changed. Mappings are gone into, `None` takes out, the rest stays.
    ///
    /// Raises `NotFoundError` where there is none of that name.
    #[pyo3(signature = (name, /, **fields))]
    fn update<'py>(
        slf: &Bound<'py, Self>,
        name: &str,
        fields: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, Self>> {
        let Fields { values: fields, image } = Fields::read(slf.py(), fields)?;
        let image = image.map(|image| Transform::SetImage { name: name.to_owned(), image });
        let update = Transform::UpdateDeployment { name: name.to_owned(), fields };
        Self::after(slf, &image.into_iter().chain([update]).collect::<Vec<_>>())
    }

    /// The values with one field of a deployment set, by its path: `env.A` in either form of `env`, `tolerations[0].key`,
    /// `labels."a.b/c"`. `None` takes it out.
    ///
    /// Raises `NotFoundError` where there is no such deployment, `InvalidError` where the chart takes something else there.
    #[pyo3(signature = (name, path, value, /))]
    fn set<'py>(
        slf: &Bound<'py, Self>,
        name: &str,
        path: &str,
        value: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, Self>> {
        let path = path.parse().map_err(|failure| error::invalid_at(slf.py(), path, &failure))?;
        let changes = vec![FieldChange::Set { path, value: value_of(value)? }];
        Self::after(slf, &[Transform::ChangeDeployment { name: name.to_owned(), changes }])
    }

    /// The values with fields of a deployment changed as by `update`; where there is none, with the one added that they make.
    #[pyo3(signature = (name, /, **fields))]
    fn upsert<'py>(
        slf: &Bound<'py, Self>,
        name: &str,
        fields: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, Self>> {
        let Fields { values: fields, image } = Fields::read(slf.py(), fields)?;
        let image = image.map(|image| FieldChange::Image { image });
        let changes = image.into_iter().chain([FieldChange::Merge { fields }]).collect();
        Self::after(slf, &[Transform::UpsertDeployment { name: name.to_owned(), like: None, changes }])
    }

    /// The values with another image of a deployment; the pull policy stays where the image names none.
    #[pyo3(signature = (name, image, /))]
    fn set_image<'py>(slf: &Bound<'py, Self>, name: &str, image: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        Self::after(slf, &[Transform::SetImage { name: name.to_owned(), image: image_of(image)? }])
    }

    /// The values without a deployment; itself where it is absent. The last one leaves an empty list.
    #[pyo3(signature = (name, /))]
    fn remove<'py>(slf: &Bound<'py, Self>, name: &str) -> PyResult<Bound<'py, Self>> {
        Self::after(slf, &[Transform::RemoveDeployment { name: name.to_owned() }])
    }

    /// What differs from this document to another, as its reader sees it: one change for each value, without notation.
    #[pyo3(signature = (other, /))]
    fn diff<'py>(&self, py: Python<'py>, other: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        change::diff(py, &self.held, other.get().held(), Schema::Helm)
    }

    fn __str__(&self) -> &str {
        self.held.text()
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.held.text().as_bytes())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<Values of {} deployments, {} bytes>", self.deployments(py)?.len()?, self.held.text().len()))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyType>, (String,)) {
        (slf.get_type(), (slf.get().held.text().to_owned(),))
    }
}
