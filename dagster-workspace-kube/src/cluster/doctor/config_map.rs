//! Findings in the ConfigMap of a document. [`check`] is all of them.

use super::{Finding, nearly};
use crate::cluster::config_map::{ConfigMap, Holder};
use crate::cluster::owner::Owner;

/// What is wrong with a document's ConfigMap; `None` where there is none.
pub(super) fn check(holder: &Holder, found: Option<&ConfigMap>) -> Vec<Finding> {
    const RULES: [fn(&Holder, &ConfigMap) -> Option<Finding>; 4] = [owned, without_key, immutable, nearly_full];
    match found {
        None => vec![missing(format!("there is no ConfigMap `{}`", holder.config_map))],
        Some(found) => RULES.iter().filter_map(|rule| rule(holder, found)).collect(),
    }
}

fn owned(holder: &Holder, found: &ConfigMap) -> Option<Finding> {
    match found.owner(&holder.key) {
        Owner::Nobody => None,
        Owner::Helm { release, .. } => {
            let message = format!(
                "ConfigMap `{}` is of the helm release `{release}`: its next upgrade sets an edit back (helm 3) or fails (helm 4)",
                found.name
            );
            let hint = "`dagster-workspace adopt` takes it over, and the system keeps running";
            Some(Finding::error("DW0610", message, hint))
        }
        Owner::Applied { managers } => {
            let (name, key, managers) = (&holder.config_map, &holder.key, managers.join("`, `"));
            let message = format!("`{key}` of ConfigMap `{name}` is applied by `{managers}`, which sets an edit back");
            let hint = "leave the key out of what is applied, or edit the files that it is applied from";
            Some(Finding::warning("DW0611", message, hint))
        }
    }
}

fn without_key(holder: &Holder, found: &ConfigMap) -> Option<Finding> {
    let Holder { config_map, key, or_key, .. } = holder;
    let there = [Some(key), or_key.as_ref()].into_iter().flatten().any(|key| found.keys.contains_key(key));
    (!there).then(|| missing(format!("ConfigMap `{config_map}` has no `{key}`")))
}

fn missing(message: String) -> Finding {
    Finding::error("DW0612", message, "`dagster-workspace init` makes what is missing")
}

fn immutable(_: &Holder, found: &ConfigMap) -> Option<Finding> {
    let message = format!("ConfigMap `{}` is immutable: it cannot be edited", found.name);
    let hint = "delete it and create it again without `immutable: true`";
    found.immutable.then(|| Finding::error("DW0613", message, hint))
}

fn nearly_full(_: &Holder, found: &ConfigMap) -> Option<Finding> {
    let percent = nearly(found.len())?;
    let message = format!("ConfigMap `{}` has {} of {} bytes, {percent} %", found.name, found.len(), ConfigMap::LIMIT);
    Some(Finding::warning("DW0614", message, "remove entries, or use several releases of code servers"))
}
