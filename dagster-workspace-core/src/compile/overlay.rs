//! The values document above base values: [`overlay`].

use alloc::borrow::{Cow, ToOwned as _};
use alloc::string::String;
use alloc::vec::Vec;

use super::error::{self, CompileError, Part};
use super::{apply, value_of};
use crate::edit::Edit;
use crate::value::Value;
use crate::values::UserDeployments;
use crate::yaml::{Document, Path};

/// The base with every entry of the values document, as helm merges the two as files of values.
pub(super) fn overlay(values: &str, base: &str) -> Result<String, CompileError> {
    let document = error::parse(Part::Values, values)?;
    let own = home(&document);
    if base.trim().is_empty() && own.is_empty() {
        return Ok(values.to_owned());
    }
    let above = value_of(Part::Values, &document)?;
    let above = own.iter().try_fold(&above, |value, key| value.get(key));
    let base_document = error::parse(Part::UserDeployments, base)?;
    let below = value_of(Part::UserDeployments, &base_document)?;
    let place = home(&base_document);
    let below = place.iter().try_fold(&below, |value, key| value.get(key));
    let place = place.iter().fold(Path::default(), |path, key| path.key(key));
    let mut edits = Vec::new();
    for (key, value) in above.map(Value::entries).unwrap_or_default() {
        merge(below.and_then(|below| below.get(key)), value, place.clone().key(key), &mut edits);
    }
    apply(Part::UserDeployments, base, &edits)
}

/// Keys from the root to the values of the user code chart, in its own values none.
fn home<'d>(document: &'d Document<'_>) -> Vec<Cow<'d, str>> {
    let view = UserDeployments::of(document);
    let mut path = view.path().to_vec();
    path.pop();
    path
}

fn merge(below: Option<&Value>, above: &Value, path: Path, edits: &mut Vec<Edit>) {
    match (below, above) {
        (Some(below), above) if below.is_same(above) => {}
        (Some(below @ Value::Mapping(_)), Value::Mapping(entries)) => {
            for (key, value) in entries {
                merge(below.get(key), value, path.clone().key(key), edits);
            }
        }
        _ => edits.push(Edit::Set { path, value: above.clone() }),
    }
}
