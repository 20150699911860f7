//! One `grpc_server` entry of a workspace file, owned: [`GrpcServer`].

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

use super::DEFAULT_HOST;
use crate::chart::{self, GRPC_SERVER, Place, typed};
use crate::field::{self, FieldError};
use crate::value::Value;

/// Where a server listens on its host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// TCP port.
    Port(u16),
    /// Unix socket.
    Socket(String),
}

/// A running user code server as the workspace file names it.
///
/// Holds what is written down: an entry with `{env: NAME}` values is read by [`super::CodeLocation`] alone.
#[derive(Clone, Debug, PartialEq)]
pub struct GrpcServer {
    /// Host; Dagster takes `localhost` where it is missing.
    pub host: Option<String>,
    /// Port or socket.
    pub endpoint: Endpoint,
    /// Name of the code location; Dagster makes `grpc:HOST:PORT` where it is missing.
    pub location_name: Option<String>,
    /// Whether to speak TLS.
    pub ssl: Option<bool>,
    /// What the code location's page shows. Dagster from 1.10 on takes it.
    pub additional_metadata: Vec<(String, String)>,
    /// Keys that Dagster refuses today; kept for a later version.
    pub extra: Vec<(String, Value)>,
}

impl GrpcServer {
    /// The server of code location `location_name` at `host` and `port`.
    #[must_use]
    pub fn new(location_name: impl Into<String>, host: impl Into<String>, port: u16) -> Self {
        Self {
            host: Some(host.into()),
            endpoint: Endpoint::Port(port),
            location_name: Some(location_name.into()),
            ssl: None,
            additional_metadata: Vec::new(),
            extra: Vec::new(),
        }
    }

    /// Name of the code location as Dagster resolves it.
    #[must_use]
    pub fn name(&self) -> String {
        match self.location_name.as_deref() {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => {
                let host = self.host.as_deref().filter(|host| !host.is_empty()).unwrap_or(DEFAULT_HOST);
                match &self.endpoint {
                    Endpoint::Port(port) => format!("grpc:{host}:{port}"),
                    Endpoint::Socket(socket) => format!("grpc:{host}:{socket}"),
                }
            }
        }
    }

    /// What stands under `grpc_server`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let Self { host, endpoint, location_name, ssl, additional_metadata, extra } = self;
        let (port, socket) = match endpoint {
            Endpoint::Port(port) => (Some(Value::Int((*port).into())), None),
            Endpoint::Socket(socket) => (None, Some(Value::from(socket.as_str()))),
        };
        let metadata = additional_metadata.iter().map(|(key, text)| (key.clone(), Value::from(text.as_str())));
        let known = [
            ("host", host.as_deref().map(Value::from)),
            ("port", port),
            ("socket", socket),
            ("location_name", location_name.as_deref().map(Value::from)),
            ("ssl", ssl.map(Value::Bool)),
            ("additional_metadata", (!additional_metadata.is_empty()).then(|| Value::Mapping(metadata.collect()))),
        ];
        let known = known.into_iter().filter_map(|(key, value)| Some((key.to_string(), value?)));
        Value::Mapping(known.chain(extra.iter().cloned()).collect())
    }

    /// The whole item of `load_from`.
    #[must_use]
    pub fn to_item(&self) -> Value {
        Value::Mapping(Vec::from([("grpc_server".to_owned(), self.to_value())]))
    }

    /// Reads what stands under `grpc_server`; null stands for an absent key.
    ///
    /// # Errors
    /// [`FieldError`] names the key that is missing or has another type than Dagster demands.
    pub fn from_value(value: &Value) -> Result<Self, FieldError> {
        let (mut port, mut socket) = (None, None);
        let mut out = Self {
            host: None,
            endpoint: Endpoint::Port(0),
            location_name: None,
            ssl: None,
            additional_metadata: Vec::new(),
            extra: Vec::new(),
        };
        for (key, value) in field::entries(value)? {
            let value = match chart::field(&GRPC_SERVER, key) {
                Some(field) => typed::given(&field.of, &Place::ROOT.key(key), value.clone())?,
                None => value.clone(),
            };
            match (key, &value) {
                ("host", value) => out.host = Some(field::text(key, Some(value))?),
                ("port", value) => port = Some(field::port(key, Some(value))?),
                ("socket", value) => socket = Some(field::text(key, Some(value))?),
                ("location_name", value) => out.location_name = Some(field::text(key, Some(value))?),
                ("ssl", Value::Bool(ssl)) => out.ssl = Some(*ssl),
                ("additional_metadata", metadata) => {
                    let entries = metadata.entries().iter();
                    let texts = entries.filter_map(|(key, text)| Some((key.clone(), text.as_str()?.into())));
                    out.additional_metadata = texts.collect();
                }
                _ => out.extra.push((key.to_owned(), value)),
            }
        }
        out.endpoint = match (port, socket) {
            (Some(port), None) => Endpoint::Port(port),
            (None, Some(socket)) => Endpoint::Socket(socket),
            (Some(_), Some(_)) => return Err(FieldError::new("socket", "absent beside a `port`", value.get("socket"))),
            (None, None) => return Err(FieldError::new("port", "a whole number from 1 to 65535", None)),
        };
        Ok(out)
    }
}

impl Serialize for GrpcServer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for GrpcServer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
