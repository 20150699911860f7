//! A ConfigMap as the server sent it. [`Object`] keeps all of it, also what this program has never heard of, because a
//! PUT replaces the whole object: a field that was not read would be a field deleted.

use k8s_openapi::ByteString;
use serde_json::{Map, Value, json};

use crate::store::{Key, Version};

/// The most bytes that the values of a ConfigMap may have together; keys are not counted.
pub(super) const MAX_LEN: usize = 1024 * 1024;

/// A ConfigMap with everything in it.
#[derive(Debug)]
pub(super) struct Object(Map<String, Value>);

impl Object {
    /// One that is not yet on any server and holds `text` under `key`.
    pub(super) fn new(name: &str, key: &Key, text: &str) -> Self {
        let mut object = Map::new();
        object.insert("apiVersion".into(), "v1".into());
        object.insert("kind".into(), "ConfigMap".into());
        object.insert("metadata".into(), json!({ "name": name }));
        object.insert("data".into(), json!({ key.as_str(): text }));
        Self(object)
    }

    /// What a server sent, and its version; `None` when it has no identity and no version, and so is no object.
    pub(super) fn parse(json: &[u8]) -> Result<Option<(Self, Version)>, serde_json::Error> {
        let object = Self(serde_json::from_slice(json)?);
        let version = object.version();
        Ok(version.map(|version| (object, version)))
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        // A map of texts and values that came from JSON is always JSON again.
        serde_json::to_vec(&self.0).unwrap_or_default()
    }

    /// `uid/resourceVersion`. Both, because an object that was deleted and created again may not be edited as if it were the
    /// first, and the server compares both with what a PUT names.
    pub(super) fn version(&self) -> Option<Version> {
        let metadata = self.0.get("metadata")?;
        let (uid, version) = (metadata.get("uid")?.as_str()?, metadata.get("resourceVersion")?.as_str()?);
        Some(Version::new(format!("{uid}/{version}")))
    }

    pub(super) fn metadata(&self) -> Option<&Value> {
        self.0.get("metadata")
    }

    pub(super) fn immutable(&self) -> bool {
        self.0.get("immutable").and_then(Value::as_bool) == Some(true)
    }

    pub(super) fn has(&self, key: &Key) -> bool {
        self.data(key).is_some() || self.binary(key).is_some()
    }

    /// The text under `key`; `None` when nothing stands there, `Err` with the offset of the first byte that is no UTF-8.
    pub(super) fn text(&self, key: &Key) -> Option<Result<String, usize>> {
        if let Some(text) = self.data(key) {
            return Some(Ok(text.to_owned()));
        }
        // `kubectl create configmap --from-file` puts a file here when it is no UTF-8; other programs put any file here.
        let ByteString(bytes) = serde_json::from_value(Value::from(self.binary(key)?)).unwrap_or_default();
        Some(String::from_utf8(bytes).map_err(|error| error.utf8_error().valid_up_to()))
    }

    /// Puts `text` under `key`, into the one of the two fields where the key already stands.
    pub(super) fn set_text(&mut self, key: &Key, text: &str) {
        let (field, value) = if self.binary(key).is_some() {
            ("binaryData", json!(ByteString(text.as_bytes().to_vec())))
        } else {
            ("data", Value::from(text))
        };
        match self.0.get_mut(field).and_then(Value::as_object_mut) {
            Some(values) => drop(values.insert(key.as_str().to_owned(), value)),
            // Absent, or null.
            None => drop(self.0.insert(field.to_owned(), json!({ key.as_str(): value }))),
        }
    }

    /// Bytes that the values under other keys have together.
    pub(super) fn len_of_others(&self, key: &Key) -> usize {
        let values = |field| self.0.get(field).and_then(Value::as_object).into_iter().flatten();
        let others =
            |field| values(field).filter(|(name, _)| *name != key.as_str()).filter_map(|(_, value)| value.as_str());
        let data: usize = others("data").map(str::len).sum();
        let binary: usize = others("binaryData").map(decoded_len).sum();
        data + binary
    }

    fn data(&self, key: &Key) -> Option<&str> {
        self.0.get("data")?.get(key.as_str())?.as_str()
    }

    fn binary(&self, key: &Key) -> Option<&str> {
        self.0.get("binaryData")?.get(key.as_str())?.as_str()
    }
}

/// Bytes that base64 stands for.
fn decoded_len(base64: &str) -> usize {
    let padding = base64.bytes().rev().take_while(|byte| *byte == b'=').count();
    (base64.len() / 4 * 3).saturating_sub(padding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::new(name).unwrap()
    }

    fn object(fields: &Value) -> Object {
        let mut object = json!({"metadata": {"uid": "u", "resourceVersion": "7"}});
        object.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        Object::parse(object.to_string().as_bytes()).unwrap().unwrap().0
    }

    #[test]
    fn text_goes_where_its_key_stands_and_all_else_stays() {
        let mut found =
            object(&json!({"data": {"a": "1"}, "binaryData": {"b": "Mg=="}, "spec": {"new": [1, null, 2.50]}}));
        found.set_text(&key("a"), "x");
        found.set_text(&key("b"), "y");
        found.set_text(&key("c"), "z");
        let expected = object(
            &json!({"data": {"a": "x", "c": "z"}, "binaryData": {"b": "eQ=="}, "spec": {"new": [1, null, 2.50]}}),
        );
        assert_eq!(found.0, expected.0);
        assert_eq!(found.text(&key("b")), Some(Ok("y".into())));
    }

    #[test]
    fn text_goes_into_an_object_without_data() {
        for fields in [json!({}), json!({"data": null}), json!({"data": {}})] {
            let mut found = object(&fields);
            assert!(!found.has(&key("a")));
            found.set_text(&key("a"), "x");
            assert_eq!(found.0, object(&json!({"data": {"a": "x"}})).0);
        }
    }

    #[test]
    fn bytes_that_are_no_text_say_where() {
        let found = object(&json!({"binaryData": {"b": "YWL/"}}));
        assert_eq!(found.text(&key("b")), Some(Err(2)));
    }

    #[test]
    fn others_are_counted_as_the_server_counts() {
        let found =
            object(&json!({"data": {"a": "ä", "b": "123"}, "binaryData": {"c": "MQ==", "d": "MTI=", "e": "MTIz"}}));
        assert_eq!(found.len_of_others(&key("a")), 3 + 1 + 2 + 3);
        assert_eq!(found.len_of_others(&key("e")), 2 + 3 + 1 + 2);
        assert_eq!(found.len_of_others(&key("new")), 2 + 3 + 1 + 2 + 3);
    }

    #[test]
    fn what_has_no_version_is_no_object() {
        assert!(Object::parse(br#"{"kind": "Status"}"#).unwrap().is_none());
        assert!(Object::parse(b"<html>").is_err());
        assert_eq!(object(&json!({})).version(), Some(Version::new("u/7")));
    }
}
