//! Documents in ConfigMaps. [`ConfigMaps`] is the store of a namespace, [`Place`] says which object and key hold a document.
//!
//! A version is `uid/resourceVersion`, and a write is a PUT of the whole object as it was read, with nothing changed but the
//! value of one key: the server compares both halves of the version, and labels, annotations, other keys and fields of later
//! Kubernetes versions stay. A patch would save no bytes, as a document is one value, and costs the server more.

mod call;
mod object;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kube::Client;
use kube::api::{GetParams, PostParams};
use kube::core::Request;

use self::call::{Answer, Call, Verb};
use self::object::{MAX_LEN, Object};
use super::{Found, Key, ObjectName, Precondition, Store, StoreError, StoreFuture, Stored, Version};
use crate::api;

/// Which ConfigMap holds a document, and under which key in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    name: String,
    key: Key,
    /// Looked for in this order when `key` is not in the object.
    others: Vec<Key>,
}

impl Place {
    /// `key` in the ConfigMap `name`.
    #[must_use]
    pub fn new(name: impl Into<String>, key: Key) -> Self {
        Self { name: name.into(), key, others: Vec::new() }
    }

    /// Another key that is read and written where the object has it and not the first one. New objects get the first.
    #[must_use]
    pub fn or_key(mut self, key: Key) -> Self {
        self.others.push(key);
        self
    }

    /// Where a document is when nobody says: the values in `dagster-user-deployments-values-yaml` under `values.yaml`, or
    /// under `yaml` as dagster-uc writes them, the workspace in `dagster-workspace-yaml`, and others in an object of the
    /// same name.
    fn usual(document: &Key) -> Self {
        let place = |name: &str| Self::new(name, document.clone());
        match document.as_str() {
            "values.yaml" => {
                let place = place("dagster-user-deployments-values-yaml");
                Key::new("yaml").map_or(place.clone(), |key| place.or_key(key))
            }
            "workspace.yaml" => place("dagster-workspace-yaml"),
            name => place(name),
        }
    }

    /// The key that holds the document in `object`, or would.
    fn key_in(&self, object: &Object) -> &Key {
        std::iter::once(&self.key).chain(&self.others).find(|key| object.has(key)).unwrap_or(&self.key)
    }

    /// The version of the document; `None` when the object is there without it.
    fn version_in(&self, object: &Object) -> Option<Version> {
        if object.has(self.key_in(object)) { object.version() } else { None }
    }
}

/// The ConfigMaps of one namespace as a store.
///
/// An uncontended change is one GET and one PUT: what was read is kept for the write that follows. Lost races, busy servers
/// and lost answers are told, not tried again: that is [`apply_with`](crate::apply::apply_with)'s. At most 1 MiB, which
/// the server counts over all values of an object.
pub struct ConfigMaps {
    client: Client,
    namespace: String,
    field_manager: String,
    places: BTreeMap<Key, Place>,
    // A std mutex: never held across an await. What was read or written last, `None` where there was no object.
    seen: Mutex<BTreeMap<Key, Option<Object>>>,
}

impl ConfigMaps {
    /// The store of `namespace`, with the usual places, as field manager `dagster-workspace`.
    ///
    /// `client` should be made from [`cluster::bounded`](crate::cluster::bounded), else requests are repeated and silences
    /// waited for beyond any deadline but the apply loop's.
    #[must_use]
    pub fn new(client: Client, namespace: impl Into<String>) -> Self {
        Self {
            client,
            namespace: namespace.into(),
            field_manager: api::FIELD_MANAGER.to_owned(),
            places: BTreeMap::new(),
            seen: Mutex::default(),
        }
    }

    /// The same, as another field manager: what `managedFields` names as the writer.
    #[must_use]
    pub fn with_field_manager(mut self, name: impl Into<String>) -> Self {
        self.field_manager = name.into();
        self
    }

    /// The same, with `document` in another object or under another key.
    #[must_use]
    pub fn with_place(mut self, document: Key, place: Place) -> Self {
        self.places.insert(document, place);
        self
    }

    /// The metadata of the object that holds `document`, as it was sent with the last read or write: labels, annotations,
    /// managed fields. No request; `None` where it was not read yet, or a write is under way.
    #[must_use]
    pub fn metadata(&self, document: &Key) -> Option<serde_json::Value> {
        self.seen().get(document)?.as_ref()?.metadata().cloned()
    }

    /// What stands in the way of a write of `len` bytes by the object as it was read or written last: it is immutable, or has no
    /// room. No request; `None` where nothing is known of it.
    #[must_use]
    pub fn obstacle(&self, document: &Key, len: u64) -> Option<StoreError> {
        let seen = self.seen();
        let object = seen.get(document)?.as_ref()?;
        self.permit(document, &self.place(document), object, len).err()
    }

    fn permit(&self, document: &Key, place: &Place, object: &Object, len: u64) -> Result<(), StoreError> {
        if object.immutable() {
            return Err(StoreError::Immutable { object: self.object(place) });
        }
        StoreError::check_len(document, len, MAX_LEN.saturating_sub(object.len_of_others(place.key_in(object))))
    }

    fn place(&self, document: &Key) -> Place {
        self.places.get(document).cloned().unwrap_or_else(|| Place::usual(document))
    }

    async fn read(&self, document: &Key, place: &Place) -> Result<Option<Object>, StoreError> {
        let call = self.call(Verb::Get, document, place);
        let request = self.request().get(&place.name, &GetParams::default());
        match call.send(&self.client, request).await? {
            Answer::Object(object, _) => Ok(Some(object)),
            // A read names no version that could be stale.
            Answer::Missing | Answer::Stale => Ok(None),
        }
    }

    async fn write(&self, document: &Key, text: &str, precondition: Precondition) -> Result<Version, StoreError> {
        let len = text.len() as u64;
        StoreError::check_len(document, len, MAX_LEN)?;
        let (place, expected) = (self.place(document), precondition.into_expected());
        let object = match self.take_seen(document, &place, expected.as_ref()) {
            Some(seen) => seen,
            None => self.read(document, &place).await?,
        };
        let found = object.as_ref().and_then(|object| place.version_in(object));
        if found != expected {
            return Err(StoreError::Conflict { key: document.clone(), expected, found: found.into() });
        }
        let options = PostParams { field_manager: Some(self.field_manager.clone()), ..PostParams::default() };
        let (verb, request) = match object {
            None => {
                let new = Object::new(&place.name, &place.key, text);
                (Verb::Create, self.request().create(&options, new.to_json()))
            }
            Some(mut object) => {
                self.permit(document, &place, &object, len)?;
                let key = place.key_in(&object).clone();
                object.set_text(&key, text);
                (Verb::Update, self.request().replace(&place.name, &options, object.to_json()))
            }
        };
        let conflict = |found| Err(StoreError::Conflict { key: document.clone(), expected, found });
        match self.call(verb, document, &place).send(&self.client, request).await? {
            Answer::Object(object, version) => {
                self.seen().insert(document.clone(), Some(object));
                Ok(version)
            }
            Answer::Missing => conflict(Found::Nothing),
            Answer::Stale => conflict(Found::Unknown),
        }
    }

    /// What was seen last, when it is what the write expects. Taken, not copied: after the write it is another version's.
    fn take_seen(&self, document: &Key, place: &Place, expected: Option<&Version>) -> Option<Option<Object>> {
        let mut seen = self.seen();
        let object = seen.get(document)?.as_ref();
        let found = object.and_then(|object| place.version_in(object));
        if found.as_ref() == expected { seen.remove(document) } else { None }
    }

    fn seen(&self) -> MutexGuard<'_, BTreeMap<Key, Option<Object>>> {
        // No code that holds the lock can panic half way, so the map behind a poisoned lock is whole.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn request(&self) -> Request {
        Request::new(format!("/api/v1/namespaces/{}/configmaps", self.namespace))
    }

    fn call<'a>(&self, verb: Verb, document: &'a Key, place: &Place) -> Call<'a> {
        Call { verb, key: document, object: self.object(place) }
    }

    fn object(&self, place: &Place) -> ObjectName {
        ObjectName { resource: "configmaps", namespace: self.namespace.clone(), name: place.name.clone() }
    }
}

impl Store for ConfigMaps {
    fn get<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Stored> {
        Box::pin(async move {
            let place = self.place(key);
            let object = self.read(key, &place).await?;
            let text = object.as_ref().and_then(|object| object.text(place.key_in(object)));
            let version = object.as_ref().and_then(|object| place.version_in(object));
            self.seen().insert(key.clone(), object);
            match (text, version) {
                (Some(Ok(text)), Some(version)) => Ok(Stored { text, version }),
                (Some(Err(offset)), _) => Err(StoreError::NotUtf8 { key: key.clone(), offset }),
                _ => Err(StoreError::NotFound { key: key.clone() }),
            }
        })
    }

    fn put<'a>(&'a self, key: &'a Key, text: &'a str, precondition: Precondition) -> StoreFuture<'a, Version> {
        Box::pin(self.write(key, text, precondition))
    }
}

impl fmt::Debug for ConfigMaps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client: _, namespace, field_manager, places, seen: _ } = self;
        f.debug_struct("ConfigMaps")
            .field("namespace", namespace)
            .field("field_manager", field_manager)
            .field("places", places)
            .finish_non_exhaustive()
    }
}
