//! A Lease as the server sent it, and whose it is. [`Object`] keeps all of it, for a PUT replaces the whole object.

use std::time::{Duration, SystemTime};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Claim;

/// Whose a lease is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody's.
    Free,
    /// That of the holder who asks.
    Ours,
    /// It was somebody's, who has not renewed it in time.
    Expired { holder: String },
    /// Somebody's, who says to renew it every `duration` at least.
    Taken { holder: String, expires_in: Duration, duration: Duration },
}

/// A lease with everything in it.
#[derive(Clone, Debug)]
pub(super) struct Object(Map<String, Value>);

impl Object {
    /// One that is not yet on any server, and taken.
    pub(super) fn new(claim: &Claim, now: SystemTime) -> Self {
        let mut object = Map::new();
        object.insert("apiVersion".into(), "coordination.k8s.io/v1".into());
        object.insert("kind".into(), "Lease".into());
        object.insert("metadata".into(), json!({ "name": claim.name }));
        Self(object).taken(claim, now)
    }

    /// What a server sent; `None` for something else than a lease.
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        let object = Self(serde_json::from_slice(json).ok()?);
        (!object.version().is_empty()).then_some(object)
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        // A map of texts and values that came from JSON is always JSON again.
        serde_json::to_vec(&self.0).unwrap_or_default()
    }

    pub(super) fn version(&self) -> &str {
        let version = self.0.get("metadata").and_then(|metadata| metadata.get("resourceVersion"));
        version.and_then(Value::as_str).unwrap_or_default()
    }

    fn spec(&self, field: &str) -> Option<&Value> {
        self.0.get("spec")?.get(field)
    }

    pub(super) fn holder(&self) -> &str {
        self.spec("holderIdentity").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whose it is to `asking` at `now`.
    pub(super) fn standing(&self, asking: &str, now: SystemTime) -> Standing {
        let holder = self.holder().to_owned();
        if holder.is_empty() {
            return Standing::Free;
        }
        if holder == asking {
            return Standing::Ours;
        }
        let seconds = self.spec("leaseDurationSeconds").and_then(Value::as_u64).unwrap_or_default();
        let duration = Duration::from_secs(seconds);
        let renewed = self.spec("renewTime").and_then(Value::as_str).and_then(|time| time.parse::<Timestamp>().ok());
        // Without a time there is none to expire from: whoever wrote that does not renew it.
        let expires = renewed.map(|renewed| SystemTime::from(renewed) + duration);
        // A time of renewal in the future is that of a clock that goes before ours.
        match expires.and_then(|expires| expires.duration_since(now).ok()).filter(|left| !left.is_zero()) {
            Some(expires_in) => Standing::Taken { holder, expires_in: expires_in.min(duration), duration },
            None => Standing::Expired { holder },
        }
    }

    /// The same, taken by a claim.
    pub(super) fn taken(&self, claim: &Claim, now: SystemTime) -> Self {
        let changes = self.spec("leaseTransitions").and_then(Value::as_u64).unwrap_or_default();
        let anew = !self.holder().is_empty() && self.holder() != claim.holder;
        let changes = changes.saturating_add(u64::from(anew));
        let seconds = claim.duration.as_secs().max(1);
        self.with(&json!({
            "holderIdentity": claim.holder,
            "leaseDurationSeconds": seconds,
            "acquireTime": time(now),
            "renewTime": time(now),
            "leaseTransitions": changes,
        }))
    }

    /// The same, renewed.
    pub(super) fn renewed(&self, now: SystemTime) -> Self {
        self.with(&json!({ "renewTime": time(now) }))
    }

    /// The same, nobody's.
    pub(super) fn released(&self, now: SystemTime) -> Self {
        self.with(&json!({ "holderIdentity": "", "renewTime": time(now) }))
    }

    fn with(&self, fields: &Value) -> Self {
        let mut object = self.0.clone();
        let spec = object.entry("spec").or_insert_with(|| json!({}));
        if !spec.is_object() {
            *spec = json!({});
        }
        if let (Some(spec), Some(fields)) = (spec.as_object_mut(), fields.as_object()) {
            spec.extend(fields.clone());
        }
        Self(object)
    }
}

/// A time as the server takes it, with six digits behind the point; `null` beyond the years that have a name.
fn time(now: SystemTime) -> Value {
    Timestamp::try_from(now).ok().and_then(|now| serde_json::to_value(MicroTime(now)).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn claim(holder: &str) -> Claim {
        Claim { name: "turn".into(), holder: holder.into(), duration: 30 * SECOND }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_397_725 + seconds)
    }

    #[test]
    fn lease_is_taken_until_it_expires() {
        let object = Object::new(&claim("a"), at(0));
        let taken = |expires_in| Standing::Taken { holder: "a".into(), expires_in, duration: 30 * SECOND };
        assert_eq!(object.standing("b", at(0)), taken(30 * SECOND));
        assert_eq!(object.standing("b", at(29)), taken(SECOND));
        assert_eq!(object.standing("b", at(30)), Standing::Expired { holder: "a".into() });
        assert_eq!(object.renewed(at(20)).standing("b", at(30)), taken(20 * SECOND));
        assert_eq!(object.standing("a", at(99)), Standing::Ours);
        assert_eq!(object.released(at(1)).standing("b", at(1)), Standing::Free);
        // A clock that goes before ours does not make it last longer than it says.
        assert_eq!(object.renewed(at(1000)).standing("b", at(0)), taken(30 * SECOND));
    }

    #[test]
    fn lease_without_times_has_expired() {
        let object = |spec: Value| Object(json!({ "spec": spec }).as_object().unwrap().clone());
        let expired = Standing::Expired { holder: "a".into() };
        for spec in [json!({}), json!({"renewTime": "never", "leaseDurationSeconds": 9}), json!({"renewTime": null})] {
            let mut spec = spec;
            spec["holderIdentity"] = "a".into();
            assert_eq!(object(spec).standing("b", at(0)), expired);
        }
        for spec in [json!(null), json!({}), json!({"holderIdentity": null}), json!({"holderIdentity": ""})] {
            assert_eq!(object(spec).standing("b", at(0)), Standing::Free);
        }
    }

    #[test]
    fn changes_of_hands_are_counted_and_all_else_is_kept() {
        let mut first = Object::new(&claim("a"), at(0));
        first.0.insert("new".into(), json!([1]));
        assert_eq!(first.spec("leaseTransitions"), Some(&json!(0)));
        assert_eq!(first.spec("renewTime"), Some(&json!("2026-11-23T01:35:25.000000Z")));
        let second = first.taken(&claim("b"), at(40));
        assert_eq!((second.holder(), second.spec("leaseTransitions")), ("b", Some(&json!(1))));
        assert_eq!(second.released(at(41)).taken(&claim("c"), at(42)).spec("leaseTransitions"), Some(&json!(1)));
        assert_eq!(second.0.get("new"), Some(&json!([1])));
    }
}
