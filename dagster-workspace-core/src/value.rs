//! What a document means, without its notation: [`Value`]. Documents are read into it and written from it; identity,
//! equality and serde go through it.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// Data as JSON knows it, mappings in document order. Keys are strings: the two documents know no others.
#[derive(Clone, Default, PartialEq)]
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

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<u16> for Value {
    fn from(value: u16) -> Self {
        Self::Int(value.into())
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

/// A number beyond `i64` becomes the nearest float.
impl From<u64> for Value {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(Self::Float(value as f64), Self::Int)
    }
}

impl From<Cow<'_, str>> for Value {
    fn from(text: Cow<'_, str>) -> Self {
        Self::String(text.into_owned())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::Sequence(items.into_iter().map(Into::into).collect())
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

/// Keeps the order of mappings; refuses a key that stands twice and one that the format cannot give as a string (YAML's
/// `1:` is `"1"`, as helm reads it). Whole numbers beyond `i64` become the nearest float.
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

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Float(value as f64), Value::Int))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Float(value as f64), Value::Int))
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

/// What YAML can say and [`Value`] cannot hold.
#[cfg(feature = "serde_yaml")]
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UnsupportedYaml {
    /// A key that is no string.
    #[error("mapping keys must be strings, got `{0:?}`")]
    Key(serde_yaml::Value),
    /// A tag of the application's own.
    #[error("tags such as `{0}` are not supported")]
    Tag(String),
}

#[cfg(feature = "serde_yaml")]
impl TryFrom<serde_yaml::Value> for Value {
    type Error = UnsupportedYaml;

    fn try_from(value: serde_yaml::Value) -> Result<Self, UnsupportedYaml> {
        use serde_yaml::Value as Yaml;
        Ok(match value {
            Yaml::Null => Self::Null,
            Yaml::Bool(value) => Self::Bool(value),
            Yaml::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Self::Int(whole),
                (None, number) => Self::Float(number.unwrap_or(f64::NAN)),
            },
            Yaml::String(text) => Self::String(text),
            Yaml::Sequence(items) => Self::Sequence(items.into_iter().map(Self::try_from).collect::<Result<_, _>>()?),
            Yaml::Mapping(entries) => {
                let entry = |(key, value)| match key {
                    Yaml::String(key) => Ok((key, Self::try_from(value)?)),
                    other => Err(UnsupportedYaml::Key(other)),
                };
                Self::Mapping(entries.into_iter().map(entry).collect::<Result<_, _>>()?)
            }
            Yaml::Tagged(tagged) => return Err(UnsupportedYaml::Tag(alloc::format!("{}", tagged.tag))),
        })
    }
}

#[cfg(feature = "serde_yaml")]
impl From<Value> for serde_yaml::Value {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Int(number) => Self::Number(number.into()),
            Value::Float(number) => Self::Number(number.into()),
            Value::String(text) => Self::String(text),
            Value::Sequence(items) => Self::Sequence(items.into_iter().map(Self::from).collect()),
            Value::Mapping(entries) => {
                Self::Mapping(entries.into_iter().map(|(key, value)| (Self::String(key), Self::from(value))).collect())
            }
        }
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

    #[test]
    fn whole_numbers_beyond_64_bits_become_floats() {
        let value: Value = serde_json::from_str("[9223372036854775807, 9223372036854775808]").unwrap();
        assert_eq!(value, Value::from(vec![Value::Int(i64::MAX), Value::Float(9_223_372_036_854_775_808.0)]));
        assert_eq!(Value::from(u64::MAX), Value::Float(18_446_744_073_709_551_615.0));
    }

    #[test]
    fn err_key_that_is_no_string() {
        let error = serde_yaml::from_str::<Value>("? [a]\n: b").unwrap_err();
        assert!(error.to_string().starts_with("invalid type: sequence, expected a string"), "{error}");
    }

    #[test]
    fn options_and_newtypes_are_transparent() {
        #[derive(serde::Serialize)]
        struct Port(u16);
        #[derive(serde::Serialize)]
        struct Server {
            port: Port,
            host: Option<&'static str>,
            socket: Option<()>,
        }
        let server = Server { port: Port(4000), host: Some("etl"), socket: None };
        let value: Value = serde_yaml::from_str(&serde_yaml::to_string(&server).unwrap()).unwrap();
        let expected =
            vec![("port".into(), 4000.into()), ("host".into(), "etl".into()), ("socket".into(), Value::Null)];
        assert_eq!(value, Value::Mapping(expected));
    }

    #[cfg(feature = "serde_yaml")]
    #[test]
    fn serde_yaml_values_come_and_go() {
        let text = "z: null\na: [true, 3, 1.5, 18446744073709551615, .inf, x]\n";
        let yaml: serde_yaml::Value = serde_yaml::from_str(text).unwrap();
        let value = Value::try_from(yaml).unwrap();
        assert_eq!(value, serde_yaml::from_str(text).unwrap());
        assert_eq!(Value::try_from(serde_yaml::Value::from(value.clone())), Ok(value));
    }

    #[cfg(feature = "serde_yaml")]
    #[test]
    fn err_serde_yaml_values_that_are_no_data() {
        let of = |text: &str| Value::try_from(serde_yaml::from_str::<serde_yaml::Value>(text).unwrap());
        assert_eq!(of("{1: a}"), Err(UnsupportedYaml::Key(1.into())));
        assert_eq!(of("a: !x b"), Err(UnsupportedYaml::Tag("!x".into())));
    }
}
