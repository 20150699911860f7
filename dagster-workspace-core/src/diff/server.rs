//! Servers of a workspace that have no name of their own: Dagster calls them after host and port, so a change of either is
//! another name.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::{Change, Pairs, notation};
use crate::value::Value;

/// The key of a workspace file under which its locations stand.
pub(super) const LIST: &str = "load_from";

/// A location whose name is another one after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renamed {
    /// What Dagster called it.
    pub from: String,
    /// What Dagster calls it now.
    pub to: String,
}

impl Change {
    /// The names of a location that has another one after this change, because host or port are its name.
    ///
    /// Dagster keeps what is on and off of schedules and sensors by the name of their location.
    #[must_use]
    pub fn renamed(&self) -> Option<Renamed> {
        let (from, to) = (name(self.before.as_ref()?)?, name(self.after.as_ref()?)?);
        (from != to).then_some(Renamed { from, to })
    }
}

/// What Dagster calls an item of `load_from` that is a server; of a variable its name stands there.
pub(super) fn name(item: &Value) -> Option<String> {
    let server = item.get("grpc_server")?;
    let text = |key: &str| match server.get(key) {
        Some(Value::String(text)) => Some(text.clone()).filter(|text| !text.is_empty()),
        Some(Value::Int(number)) => Some(number.to_string()),
        Some(other) => other.get("env").and_then(Value::as_str).map(|name| format!("${name}")),
        None => None,
    };
    text("location_name").or_else(|| {
        let host = text("host").unwrap_or_else(|| "localhost".to_string());
        Some(format!("grpc:{host}:{}", text("socket").or_else(|| text("port"))?))
    })
}

fn has_name(item: &Value) -> bool {
    item.get("grpc_server").is_some_and(|server| server.get("location_name").is_some())
}

/// Matches servers of which one side has no name: first those that are called alike, then those that are alone on their host.
pub(super) fn pair(before: &[Value], after: &[Value], pairs: &mut Pairs<'_>) {
    pair_by(before, after, pairs, name);
    pair_by(before, after, pairs, |item| {
        let server = item.get("grpc_server")?;
        Some(server.get("host").map_or_else(String::new, notation))
    });
}

fn pair_by(before: &[Value], after: &[Value], pairs: &mut Pairs<'_>, key: fn(&Value) -> Option<String>) {
    let mut found: BTreeMap<String, [Vec<usize>; 2]> = BTreeMap::new();
    for (side, list, taken) in [(0, before, &pairs.old), (1, after, &pairs.new)] {
        for (at, item) in list.iter().enumerate().filter(|(at, _)| !taken.contains_key(at)) {
            let Some(sides) = key(item).map(|key| found.entry(key).or_default()) else { continue };
            sides.get_mut(side).into_iter().for_each(|places| places.push(at));
        }
    }
    for [old, new] in found.into_values() {
        let ([old], [new]) = (old.as_slice(), new.as_slice()) else { continue };
        let items = [before.get(*old), after.get(*new)];
        if items.into_iter().flatten().all(has_name) {
            continue;
        }
        pairs.old.insert(*old, *new);
        pairs.new.insert(*new, *old);
    }
}
