//! Changes of documents: transforms applied to a [`Held`] text, and [`add`], [`update`], [`set_image`] and [`remove`], which keep
//! both documents paired. Either both change or none does.

use dagster_workspace_core::diff::{Diff, MergeKeys};
use dagster_workspace_core::lint::Target;
use dagster_workspace_core::transform::pair::{self, Wanted};
use dagster_workspace_core::transform::{self, Transform, TransformError};
use dagster_workspace_core::value::Value;
use dagster_workspace_core::values::Image;
use dagster_workspace_core::yaml::Schema;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::convert::value_of;
use crate::deployment::{chart_key, field, typed};
use crate::document::Held;
use crate::error;
use crate::values::Values;
use crate::workspace::Workspace;

/// Both documents.
type Pair<'py> = (Bound<'py, Values>, Bound<'py, Workspace>);

/// The text after transforms; `None` where nothing changes.
///
/// # Errors
/// The package's errors; what would be refused is `InvalidError` with the findings.
pub(crate) fn apply(py: Python<'_>, held: &Held, transforms: &[Transform]) -> PyResult<Option<Held>> {
    // Linted for the newest versions, as by the command.
    match py.detach(|| transform::apply(held.text(), transforms, &Target::default())) {
        Ok(applied) if !applied.is_changed() => Ok(None),
        Ok(applied) => Held::parse(py, &applied.text, held.name.clone()).map(Some),
        Err(failure) => Err(raised(py, &failure, held)),
    }
}

/// What differs between two documents for readers of `schema`.
pub(crate) fn diff<'py>(py: Python<'py>, old: &Held, new: &Held, schema: Schema) -> PyResult<Bound<'py, PyTuple>> {
    let keys = MergeKeys::default();
    // Each is read by itself first, so that an error names its document.
    for held in [old, new] {
        if let Some(root) = held.document.root() {
            py.detach(|| root.to_value(schema))
                .map_err(|failure| error::parse(py, &failure.diagnostic(), &held.name, held.text()))?;
        }
    }
    let found = py.detach(|| Diff::between(&old.document, &new.document, schema, &keys));
    let found = found.map_err(|failure| error::parse(py, &failure.diagnostic(), &new.name, new.text()))?;
    error::changes(py, &found.changes)
}

/// The error class for what the caller can do about it.
fn raised(py: Python<'_>, failure: &TransformError, held: &Held) -> PyErr {
    let (name, text) = (held.name.as_str(), held.text());
    match failure {
        TransformError::Parse(cause) => error::parse(py, &cause.diagnostic(), name, text),
        TransformError::Data(cause) => error::parse(py, &cause.diagnostic(), name, text),
        TransformError::Refused(refusal) => error::refused(py, refusal, name, text),
        TransformError::Invalid { findings } => error::would_be_refused(py, failure, findings, name, text),
        TransformError::NameTaken { name: entry, difference, .. } => {
            error::about(py, "NameTakenError", failure, held, |fields| {
                fields.set_item("name", entry)?;
                // An exception is logged whole.
                let shown = difference.iter().map(|change| {
                    let mut shown = change.clone();
                    [shown.before, shown.after] = change.shown();
                    shown
                });
                fields.set_item("difference", error::changes(py, &shown.collect::<Vec<_>>())?)
            })
        }
        TransformError::NotFound { name: entry, .. } => {
            error::about(py, "NotFoundError", failure, held, |fields| fields.set_item("name", entry))
        }
        TransformError::NotAServer { .. } => {
            error::about(py, "RefusedError", failure, held, |fields| fields.set_item("reason", "not-a-server"))
        }
        _ => error::about(py, "InvalidError", failure, held, |_| Ok(())),
    }
}

/// An image out of a text, or out of the chart's mapping.
pub(crate) fn image_of(image: &Bound<'_, PyAny>) -> PyResult<Image> {
    let py = image.py();
    match value_of(image)? {
        Value::String(text) => text.parse().map_err(|failure| error::invalid_at(py, "image", &failure)),
        value => Image::from_value(&value).map_err(|failure| error::invalid(py, &failure)),
    }
}

/// What an update asks for.
pub(crate) struct Fields {
    /// Chart's keys and their values; null removes.
    pub(crate) values: Value,
    /// An image given as one text: replaced as a whole, so that an old digest does not win over a new tag.
    pub(crate) image: Option<Image>,
}

impl Fields {
    /// Reads keyword arguments.
    pub(crate) fn read(py: Python<'_>, fields: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let mut out = Self { values: Value::Mapping(Vec::new()), image: None };
        for (key, value) in fields.into_iter().flatten() {
            let key = chart_key(&key.extract::<String>()?);
            match value_of(&value)? {
                Value::String(_) if key == "image" => out.image = Some(image_of(&value)?),
                value => out.values.set(&key, field(py, &key, value)?),
            }
        }
        Ok(out)
    }
}

/// Applies both halves before any of them counts.
fn both<'py>(values: &Bound<'py, Values>, workspace: &Bound<'py, Workspace>, pair: &pair::Pair) -> PyResult<Pair<'py>> {
    let py = values.py();
    let new_values = apply(py, values.get().held(), &pair.values)?;
    let new_workspace = apply(py, workspace.get().held(), &pair.workspace)?;
    Ok((
        new_values.map_or_else(|| Ok(values.clone()), |held| Bound::new(py, Values::new(held)))?,
        new_workspace.map_or_else(|| Ok(workspace.clone()), |held| Bound::new(py, Workspace::new(held)))?,
    ))
}

/// Both documents with a deployment and its code location added; the same objects where both are there already.
///
/// `host` and `location_name` say what its location must be, by default its own name; `namespace` is that of the deployment, where it is
/// not Dagster's own, and stands for the host `NAME.NAMESPACE`.
#[pyfunction]
#[pyo3(signature = (values, workspace, deployment, /, *, namespace = None, host = None, location_name = None))]
pub(crate) fn add<'py>(
    values: &Bound<'py, Values>,
    workspace: &Bound<'py, Workspace>,
    deployment: &Bound<'py, PyAny>,
    namespace: Option<&str>,
    host: Option<String>,
    location_name: Option<String>,
) -> PyResult<Pair<'py>> {
    let deployment = typed(deployment)?;
    let in_namespace = namespace.map(|namespace| format!("{}.{namespace}", deployment.name()));
    if host.is_some() && in_namespace.is_some() {
        return Err(PyValueError::new_err("`host` has the namespace in it: give one of `host` and `namespace`"));
    }
    both(values, workspace, &pair::add(&deployment, &Wanted { host: host.or(in_namespace), location_name }))
}

/// Both documents with fields of a deployment changed; `None` takes a field out. The code location follows its port.
#[pyfunction]
#[pyo3(signature = (values, workspace, name, /, *, namespace = None, **fields))]
pub(crate) fn update<'py>(
    values: &Bound<'py, Values>,
    workspace: &Bound<'py, Workspace>,
    name: &str,
    namespace: Option<&str>,
    fields: Option<&Bound<'py, PyDict>>,
) -> PyResult<Pair<'py>> {
    let fields = Fields::read(values.py(), fields)?;
    let image = fields.image.map(|image| pair::set_image(name, &image)).unwrap_or_default();
    both(values, workspace, &image.and(pair::update(name, &fields.values, namespace)))
}

/// Both documents with another image of a deployment; the pull policy stays where the image names none.
#[pyfunction]
#[pyo3(signature = (values, workspace, name, image, /))]
pub(crate) fn set_image<'py>(
    values: &Bound<'py, Values>,
    workspace: &Bound<'py, Workspace>,
    name: &str,
    image: &Bound<'py, PyAny>,
) -> PyResult<Pair<'py>> {
    both(values, workspace, &pair::set_image(name, &image_of(image)?))
}

/// Both documents without a deployment and its locations; the same objects where it is absent.
#[pyfunction]
#[pyo3(signature = (values, workspace, name, /, *, namespace = None))]
pub(crate) fn remove<'py>(
    values: &Bound<'py, Values>,
    workspace: &Bound<'py, Workspace>,
    name: &str,
    namespace: Option<&str>,
) -> PyResult<Pair<'py>> {
    both(values, workspace, &pair::remove(name, namespace))
}
