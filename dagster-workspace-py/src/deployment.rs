//! One user code server as Python sees it: [`Deployment`], an immutable mapping of the chart's own keys. What people may
//! write for it (mappings, dataclasses, models, names in snake case) is brought into the chart's form by [`typed`].

use std::hash::{Hash, Hasher};

use dagster_workspace_core::value::Value;
use dagster_workspace_core::values::{DEFAULT_PORT, Image, UserDeployment};
use pyo3::exceptions::{PyKeyError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyTuple};

use crate::convert::{to_python, value_of};
use crate::error;

/// A user code server as chart `dagster-user-deployments` takes it: an immutable mapping of the chart's keys.
///
/// The keywords are the chart's keys in snake case; `image` is a text, `REPOSITORY[:TAG|@DIGEST]`, or the chart's mapping, and
/// `env_secrets` and `env_config_maps` take plain names, too. `extra` holds keys that the chart does not know.
#[pyclass(frozen, eq, hash, mapping, module = "dagster_workspace")]
#[derive(Clone, Debug)]
pub(crate) struct Deployment {
    /// Invariant: a mapping, as the document or the chart has it.
    value: Value,
}

impl PartialEq for Deployment {
    fn eq(&self, other: &Self) -> bool {
        self.value.is_same(&other.value)
    }
}

impl Hash for Deployment {
    /// Equal ones have equal names; few unequal ones do.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text("name").hash(state);
    }
}

impl Deployment {
    pub(crate) fn new(value: Value) -> Self {
        Self { value }
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.value.get(key).and_then(Value::as_str)
    }

    fn image(&self) -> Option<Image> {
        Image::from_value(self.value.get("image")?).ok()
    }
}

/// What an argument that stands for a deployment means, checked.
///
/// # Errors
/// `TypeError` for what is no data, `InvalidError` for what the chart would not take.
pub(crate) fn typed(argument: &Bound<'_, PyAny>) -> PyResult<UserDeployment> {
    let py = argument.py();
    let value = match argument.cast::<Deployment>() {
        Ok(deployment) => deployment.get().value.clone(),
        Err(_) => chart_form(py, value_of(argument)?)?,
    };
    UserDeployment::from_value(&value).map_err(|failure| error::invalid(py, &failure))
}

/// An entry as the chart has it: its own keys, the image as a mapping, a port.
fn chart_form(py: Python<'_>, value: Value) -> PyResult<Value> {
    let Value::Mapping(entries) = value else {
        return Err(PyTypeError::new_err("a deployment is a mapping, a dataclass or a model"));
    };
    let mut out = Value::Mapping(Vec::new());
    for (key, value) in entries {
        let key = chart_key(&key);
        if out.get(&key).is_some() {
            return Err(PyTypeError::new_err(format!("`{key}` is given twice")));
        }
        let value = field(py, &key, value)?;
        out.set(&key, value);
    }
    if out.get("port").is_none_or(|port| *port == Value::Null) {
        out.set("port", Value::from(DEFAULT_PORT));
    }
    Ok(out)
}

/// A field as the chart has it, where people may write it shorter.
pub(crate) fn field(py: Python<'_>, key: &str, value: Value) -> PyResult<Value> {
    Ok(match (key, value) {
        ("image", Value::String(text)) => {
            let image: Image = text.parse().map_err(|failure| error::invalid_at(py, "image", &failure))?;
            // Core completes it as for any new deployment.
            UserDeployment::new("", image).image().to_value()
        }
        ("envSecrets" | "envConfigMaps", Value::Sequence(names)) => {
            let named = |name| match name {
                Value::String(name) => Value::Mapping(vec![("name".to_owned(), Value::String(name))]),
                other => other,
            };
            Value::Sequence(names.into_iter().map(named).collect())
        }
        (_, value) => value,
    })
}

/// The chart's key for a name in snake case; any other name is itself.
pub(crate) fn chart_key(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    let camel = words.fold(first, |mut key, word| {
        let mut letters = word.chars();
        key.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        key.push_str(letters.as_str());
        key
    });
    if UserDeployment::is_known(&camel) { camel } else { name.to_owned() }
}

/// A deployment as a document has it, unchecked: how pickles come back.
#[pyfunction]
pub(crate) fn deployment_as_written(entries: &Bound<'_, PyAny>) -> PyResult<Deployment> {
    Ok(Deployment::new(value_of(entries)?))
}

#[pymethods]
impl Deployment {
    #[new]
    #[pyo3(signature = (*, name, image, port = None, extra = None, **fields))]
    fn __new__(
        py: Python<'_>,
        name: &Bound<'_, PyAny>,
        image: &Bound<'_, PyAny>,
        port: Option<&Bound<'_, PyAny>>,
        extra: Option<&Bound<'_, PyDict>>,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let entries = PyDict::new(py);
        entries.set_item("name", name)?;
        entries.set_item("image", image)?;
        entries.set_item("port", port)?;
        for (key, value) in fields.into_iter().flatten() {
            let name: String = key.extract()?;
            if !UserDeployment::is_known(&chart_key(&name)) {
                let message = format!("the chart knows no `{name}` (hint: put it into `extra` if it is meant)");
                return Err(PyTypeError::new_err(message));
            }
            entries.set_item(key, value)?;
        }
        for (key, value) in extra.into_iter().flatten() {
            entries.set_item(key, value)?;
        }
        Ok(Self { value: typed(&entries)?.to_value() })
    }

    /// Its name, `None` where the document has no text there.
    #[getter(name)]
    fn name_of(&self) -> Option<&str> {
        self.text("name")
    }

    /// Its image as one text, `REPOSITORY[:TAG|@DIGEST]`; `None` where the chart could not read one.
    #[getter(image)]
    fn image_of(&self) -> Option<String> {
        self.image().map(|image| image.to_string())
    }

    /// Its port; `None` where the document has no number there.
    #[getter(port)]
    fn port_of(&self) -> Option<i64> {
        match self.value.get("port") {
            Some(Value::Int(port)) => Some(*port),
            _ => None,
        }
    }

    /// The entry as plain data, under the chart's keys.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.value)
    }

    /// The same with other fields; `None` takes a field out.
    #[pyo3(signature = (**fields))]
    fn replace(&self, py: Python<'_>, fields: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let mut value = self.value.clone();
        for (key, new) in fields.into_iter().flatten() {
            let key = chart_key(&key.extract::<String>()?);
            let new = value_of(&new)?;
            let is_text = new.as_str().is_some();
            let mut new = field(py, &key, new)?;
            // A text names no policy: the one that is there stays.
            if let Some(policy) = self.image().and_then(|image| image.pull_policy).filter(|_| is_text && key == "image")
            {
                new.set("pullPolicy", Value::from(policy.as_str()));
            }
            value.set(&key, new);
        }
        let checked = UserDeployment::from_value(&value).map_err(|failure| error::invalid(py, &failure))?;
        Ok(Self { value: checked.to_value() })
    }

    fn __getitem__<'py>(&self, py: Python<'py>, key: &str) -> PyResult<Bound<'py, PyAny>> {
        match self.value.get(key) {
            Some(value) => to_python(py, value),
            None => Err(PyKeyError::new_err(key.to_owned())),
        }
    }

    #[pyo3(signature = (key, default = None, /))]
    fn get<'py>(&self, py: Python<'py>, key: &str, default: Option<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        match self.value.get(key) {
            Some(value) => to_python(py, value),
            None => Ok(default.unwrap_or_else(|| py.None().into_bound(py))),
        }
    }

    fn __contains__(&self, key: &Bound<'_, PyAny>) -> bool {
        key.extract::<String>().is_ok_and(|key| self.value.get(&key).is_some())
    }

    fn __len__(&self) -> usize {
        self.value.entries().len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        PyTuple::new(py, self.value.entries().iter().map(|(key, _)| key))?.try_iter()
    }

    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.to_dict(py)?.call_method0("keys")
    }

    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.to_dict(py)?.call_method0("values")
    }

    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.to_dict(py)?.call_method0("items")
    }

    /// Without the environment: it may hold secrets.
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let shown =
            |value: Option<String>| value.into_pyobject(py).map_err(PyErr::from)?.repr().map(|it| it.to_string());
        let name = shown(self.text("name").map(ToOwned::to_owned))?;
        let port = self.port_of().map_or_else(|| "None".to_owned(), |port| port.to_string());
        Ok(format!("Deployment(name={name}, image={}, port={port})", shown(self.image_of())?))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyAny>,))> {
        let back = py.import("dagster_workspace._native")?.getattr("deployment_as_written")?;
        Ok((back, (self.to_dict(py)?,)))
    }
}
