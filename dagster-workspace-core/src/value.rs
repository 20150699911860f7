//! What a document means, without its notation: [`Value`]. Documents are read into it and written from it; identity,
//! equality and serde go through it.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// Data as JSON knows it, mappings in document order. Keys are strings: the two documents know no others.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `null`, `~`, or nothing at all.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Whole number.
    Int(i64),
    /// Any other number, infinities and NaN included.
    Float(f64),
    /// Text.
    String(String),
    /// List.
    Sequence(Vec<Value>),
    /// Entries in order. Invariant kept by whoever builds it: keys are unique.
    Mapping(Vec<(String, Value)>),
}

impl Value {
    /// The entry of a mapping under `key`; `None` for any other value.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Mapping(entries) => entries.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The text of a string; `None` for any other value.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The entries of a mapping; nothing for any other value.
    #[must_use]
    pub fn entries(&self) -> &[(String, Self)] {
        match self {
            Self::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// Gives the entry under `key` a value, at its old place or behind the others; anything but a mapping becomes one.
    pub fn set(&mut self, key: &str, value: Self) {
        if !matches!(self, Self::Mapping(_)) {
            *self = Self::Mapping(Vec::new());
        }
        let Self::Mapping(entries) = self else { return };
        match entries.iter_mut().find(|(own, _)| own == key) {
            Some(entry) => entry.1 = value,
            None => entries.push((key.into(), value)),
        }
    }

    /// Whether both mean the same: as `==`, but the order of mappings does not count and NaN is itself.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Float(a), Self::Float(b)) => a == b || (a.is_nan() && b.is_nan()),
            (Self::Sequence(a), Self::Sequence(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_same(b)),
            (Self::Mapping(a), Self::Mapping(b)) => {
                let mut pairs: (Vec<_>, Vec<_>) = (a.iter().collect(), b.iter().collect());
                pairs.0.sort_by(|a, b| a.0.cmp(&b.0));
                pairs.1.sort_by(|a, b| a.0.cmp(&b.0));
                a.len() == b.len() && pairs.0.iter().zip(&pairs.1).all(|(a, b)| a.0 == b.0 && a.1.is_same(&b.1))
            }
            _ => self == other,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<Vec<Self>> for Value {
    fn from(items: Vec<Self>) -> Self {
        Self::Sequence(items)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::String(text) => serializer.serialize_str(text),
            Self::Sequence(items) => serializer.collect_seq(items),
            Self::Mapping(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("data with text keys")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        // As YAML's readers: a number over 64 bits is a float.
        Ok(i64::try_from(number).map_or(Value::Float(number as f64), Value::Int))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::Sequence(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries: Vec<(String, Value)> = Vec::new();
        let mut keys = alloc::collections::BTreeSet::new();
        while let Some((key, value)) = access.next_entry::<String, Value>()? {
            if !keys.insert(key.clone()) {
                return Err(de::Error::custom(format_args!("key `{key}` stands twice")));
            }
            entries.push((key, value));
        }
        Ok(Value::Mapping(entries))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;
    use alloc::vec;

    use super::*;

    #[test]
    fn json_comes_back_as_it_was_in_order() {
        let text = r#"{"b":[1,-2,1.5,true,null,"x"],"a":{"z":{},"y":[]}}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), text);
    }

    #[test]
    fn err_json_with_a_repeated_key() {
        let error = serde_json::from_str::<Value>(r#"{"a":1,"a":2}"#).unwrap_err().to_string();
        assert!(error.starts_with("key `a` stands twice"), "{error}");
    }

    #[test]
    fn order_of_entries_does_not_count_for_sameness_order_of_items_does() {
        let of = |text| serde_json::from_str::<Value>(text).unwrap();
        assert!(of(r#"{"a":1,"b":[{"c":1,"d":2}]}"#).is_same(&of(r#"{"b":[{"d":2,"c":1}],"a":1}"#)));
        assert!(!of("[1,2]").is_same(&of("[2,1]")));
        assert!(!of(r#"{"a":1}"#).is_same(&of(r#"{"a":1,"b":null}"#)));
        assert!(!of(r#"{"a":1}"#).is_same(&of(r#"{"a":1.0}"#)));
        assert!(Value::Float(f64::NAN).is_same(&Value::Float(f64::NAN)));
    }

    #[test]
    fn set_keeps_the_place_of_a_key_and_puts_new_ones_behind() {
        let mut value = Value::Null;
        value.set("a", Value::Int(1));
        value.set("b", Value::Int(2));
        value.set("a", Value::Int(3));
        assert_eq!(value, Value::Mapping(vec![("a".into(), Value::Int(3)), ("b".into(), Value::Int(2))]));
    }
}
