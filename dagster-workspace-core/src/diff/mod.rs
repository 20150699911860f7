//! What differs between two documents, as data: [`diff`] gives [`Change`]s, and [`Diff`] also knows whether only comments
//! or notation differ. Items of lists are matched by name, never by place. Read [`Change`] first.
//!
//! People and programs get no secrets from it: what stands under `env`, or under a key that says `password` or `token`, is
//! left out of the summary and hidden when serialised. [`Change::before`] and [`Change::after`] hold everything.

mod server;
mod summary;

use alloc::borrow::ToOwned as _;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

pub use server::Renamed;

use crate::chart;
use crate::secret;
use crate::value::Value;
use crate::yaml::{DataError, Document, ItemKey, Path, Schema, Step};

/// One value that differs.
#[derive(Clone, PartialEq)]
pub struct Change {
    /// Where it stands: `deployments[name=etl].image.tag`.
    pub path: Path,
    /// What it was; `None` where it is new.
    pub before: Option<Value>,
    /// What it is; `None` where it is gone.
    pub after: Option<Value>,
    /// Texts that are secret through aliases, which a path does not tell.
    anchored: Arc<BTreeSet<String>>,
}

/// Where the items of which list carry their identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeKeys {
    /// Key of a list, and the identity of its items.
    lists: Vec<(String, ItemKey)>,
    /// Identity of the items of every other list.
    others: ItemKey,
}

impl MergeKeys {
    /// Those lists by their own keys, all others by `others`.
    #[must_use]
    pub fn new(lists: Vec<(String, ItemKey)>, others: ItemKey) -> Self {
        Self { lists, others }
    }

    /// Identity of the items of the list under that key.
    #[must_use]
    pub fn of(&self, list: &str) -> &ItemKey {
        self.lists.iter().find(|(own, _)| own == list).map_or(&self.others, |(_, key)| key)
    }
}

impl MergeKeys {
    /// Also the lists of Kubernetes objects elsewhere that have another key than `name`, as a strategic merge patch has them.
    /// Ports are left to their names: a number is no name.
    ///
    /// Source: <https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/>
    #[must_use]
    pub fn kubernetes() -> Self {
        const LISTS: [(&str, &str); 6] = [
            ("hostAliases", "ip"),
            ("conditions", "type"),
            ("topologySpreadConstraints", "topologyKey"),
            ("ownerReferences", "uid"),
            ("addresses", "type"),
            ("taints", "key"),
        ];
        let default = Self::default();
        LISTS.iter().rev().fold(default, |keys, (list, key)| match key.parse() {
            Ok(key) => keys.with(list, key),
            Err(_) => keys,
        })
    }

    /// The same with another identity for the items of one list.
    #[must_use]
    pub fn with(mut self, list: &str, key: ItemKey) -> Self {
        self.lists.retain(|(own, _)| own != list);
        self.lists.push((list.to_owned(), key));
        self
    }
}

impl Default for MergeKeys {
    /// Of the documents of this project: `load_from` by `*.location_name`, lists of a deployment as the chart's table has them
    /// (`volumeMounts` by `mountPath`), every other list by `name`, as `deployments`, `containers` and `env` have it.
    fn default() -> Self {
        let lists = core::iter::once(("load_from", "*.location_name")).chain(chart::lists_by_other_keys());
        let parsed = lists.filter_map(|(list, key)| Some((list.to_owned(), key.parse().ok()?)));
        Self { lists: parsed.collect(), others: ItemKey::default() }
    }
}

/// All that differs between two documents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diff {
    /// Differences of data, in document order: what went or changed as it stood before, then what is new.
    pub changes: Vec<Change>,
    /// Whether the texts differ, be it only in comments, order of keys or notation.
    pub text_differs: bool,
}

impl Diff {
    /// What differs between two documents for readers of `schema`.
    ///
    /// # Errors
    /// [`DataError`] where one of them has no meaning as data.
    ///
    /// # Example
    /// ```
    /// use dagster_workspace_core::{diff::{Diff, MergeKeys}, yaml::{Document, Schema}};
    /// let before = Document::parse("deployments:\n- {name: etl, image: {tag: a}}\n")?;
    /// let after = Document::parse("deployments:\n- {name: new}\n- {name: etl, image: {tag: b}}\n")?;
    /// let diff = Diff::between(&before, &after, Schema::Helm, &MergeKeys::default()).unwrap();
    /// assert_eq!(diff.to_string(), "~ deployment etl: image.tag a -> b\n+ deployment new\n");
    /// # Ok::<(), dagster_workspace_core::error::ParseError>(())
    /// ```
    pub fn between(
        before: &Document<'_>,
        after: &Document<'_>,
        schema: Schema,
        keys: &MergeKeys,
    ) -> Result<Self, DataError> {
        let mut changes = diff(&before.to_value(schema)?, &after.to_value(schema)?, keys);
        if !changes.is_empty() {
            let known = [before, after].into_iter().flat_map(|document| secret::anchored(document));
            let known = Arc::new(known.collect::<BTreeSet<String>>());
            changes.iter_mut().for_each(|change| change.anchored = Arc::clone(&known));
        }
        Ok(Self { changes, text_differs: before.text() != after.text() })
    }
}

/// What differs between two values, the order of mappings not counted.
#[must_use]
pub fn diff(before: &Value, after: &Value, keys: &MergeKeys) -> Vec<Change> {
    let mut walk = Walk { keys, steps: Vec::new(), changes: Vec::new() };
    walk.values(before, after);
    walk.changes
}

/// One comparison.
struct Walk<'k> {
    keys: &'k MergeKeys,
    /// From the root to the values at hand.
    steps: Vec<Step>,
    changes: Vec<Change>,
}

impl Walk<'_> {
    fn values(&mut self, before: &Value, after: &Value) {
        if before.is_same(after) {
            return;
        }
        let found = self.changes.len();
        match (before, after) {
            (Value::Mapping(before), Value::Mapping(after)) => self.mappings(before, after),
            (Value::Sequence(before), Value::Sequence(after)) => self.lists(before, after),
            // Nothing written is a list without items, where the other side has some.
            (Value::Null, Value::Sequence(after)) => self.lists(&[], after),
            (Value::Sequence(before), Value::Null) => self.lists(before, &[]),
            _ => {}
        }
        if self.changes.len() == found {
            self.note(Some(before), Some(after));
        }
    }

    fn note(&mut self, before: Option<&Value>, after: Option<&Value>) {
        let path = Path::new(self.steps.clone());
        self.changes.push(Change { path, before: before.cloned(), after: after.cloned(), anchored: Arc::default() });
    }

    /// Compares what one step further leads to; a missing side is new or gone.
    fn step(&mut self, step: Step, before: Option<&Value>, after: Option<&Value>) {
        self.steps.push(step);
        match (before, after) {
            (Some(before), Some(after)) => self.values(before, after),
            // A list of named items that comes or goes as a whole: its items are what people know.
            (Some(frame), None) if self.is_frame(frame) => self.values(frame, &empty(frame)),
            (None, Some(frame)) if self.is_frame(frame) => self.values(&empty(frame), frame),
            _ => self.note(before, after),
        }
        self.steps.pop();
    }

    /// Notes an item as a whole: what is inside says less than the whole does.
    fn whole(&mut self, step: Step, before: &Value, after: &Value) {
        self.steps.push(step);
        self.note(Some(before), Some(after));
        self.steps.pop();
    }

    fn mappings(&mut self, before: &[(String, Value)], after: &[(String, Value)]) {
        let new: BTreeMap<&str, &Value> = after.iter().map(|(key, value)| (key.as_str(), value)).collect();
        let old: BTreeMap<&str, &Value> = before.iter().map(|(key, value)| (key.as_str(), value)).collect();
        for (key, value) in before {
            self.step(Step::Key(key.clone()), Some(value), new.get(key.as_str()).copied());
        }
        for (key, value) in after.iter().filter(|(key, _)| !old.contains_key(key.as_str())) {
            self.step(Step::Key(key.clone()), None, Some(value));
        }
    }

    fn lists(&mut self, before: &[Value], after: &[Value]) {
        // A list of plain values is one value: what matters is the whole, as in arguments of a command.
        if !before.iter().chain(after).all(|item| matches!(item, Value::Mapping(_))) {
            return;
        }
        let mut pairs = pairs(before, after, &self.item_key());
        if matches!(self.steps.last(), Some(Step::Key(list)) if list == server::LIST) {
            server::pair(before, after, &mut pairs);
        }
        for (at, item) in before.iter().enumerate() {
            let partner = pairs.old.get(&at).and_then(|new| after.get(*new));
            let step = self.item_step(item, at, &pairs.shared);
            match partner {
                Some(partner) if is_renamed(item, partner) => self.whole(step, item, partner),
                partner => self.step(step, Some(item), partner),
            }
        }
        for (at, item) in after.iter().enumerate().filter(|(at, _)| !pairs.new.contains_key(at)) {
            let step = self.item_step(item, at, &pairs.shared);
            self.step(step, None, Some(item));
        }
        if !pairs.old.values().is_sorted() {
            let key = self.item_key();
            let names = |list: &[Value]| Value::Sequence(list.iter().map(|item| name_of(item, &key)).collect());
            self.note(Some(&names(before)), Some(&names(after)));
        }
    }

    fn item_step(&self, item: &Value, at: usize, shared: &BTreeSet<&str>) -> Step {
        let key = self.item_key();
        match key.of_value(item) {
            Some(name) if !shared.contains(name) => Step::Item { name: name.to_owned(), key },
            _ => Step::Index(at),
        }
    }

    /// Identity of the items of the list at hand.
    fn item_key(&self) -> ItemKey {
        match self.steps.last() {
            Some(Step::Key(list)) => self.keys.of(list).clone(),
            _ => self.keys.of("").clone(),
        }
    }

    /// Whether it is a list of named items, or a mapping that leads to nothing else.
    fn is_frame(&self, value: &Value) -> bool {
        match value {
            Value::Sequence(items) => {
                let key = self.item_key();
                !items.is_empty() && items.iter().all(|item| key.of_value(item).is_some())
            }
            Value::Mapping(entries) => {
                let lists = |value: &Value| match value {
                    Value::Sequence(items) => !items.is_empty() && items.iter().all(|item| !item.entries().is_empty()),
                    _ => false,
                };
                !entries.is_empty() && entries.iter().all(|(_, value)| lists(value))
            }
            _ => false,
        }
    }
}

/// Whether an item that was matched is a server that Dagster calls by another name.
fn is_renamed(before: &Value, after: &Value) -> bool {
    server::name(before) != server::name(after)
}

/// What a list or mapping is without what is in it.
fn empty(value: &Value) -> Value {
    match value {
        Value::Sequence(_) => Value::Sequence(Vec::new()),
        _ => Value::Mapping(Vec::new()),
    }
}

/// An item in place of which its name says enough.
fn name_of(item: &Value, key: &ItemKey) -> Value {
    key.of_value(item).map_or_else(|| item.clone(), Value::from)
}

/// Which items of two lists belong together, by their places.
struct Pairs<'v> {
    old: BTreeMap<usize, usize>,
    new: BTreeMap<usize, usize>,
    /// Names that several items of one list have: they tell nothing.
    shared: BTreeSet<&'v str>,
}

/// Matches items by name; those without a name of their own by equality.
fn pairs<'v>(before: &'v [Value], after: &'v [Value], key: &ItemKey) -> Pairs<'v> {
    let mut pairs = Pairs { old: BTreeMap::new(), new: BTreeMap::new(), shared: BTreeSet::new() };
    let mut by_name: [BTreeMap<&str, usize>; 2] = [BTreeMap::new(), BTreeMap::new()];
    for (list, names) in [before, after].into_iter().zip(&mut by_name) {
        for (at, item) in list.iter().enumerate() {
            let Some(name) = key.of_value(item) else { continue };
            if names.insert(name, at).is_some() {
                pairs.shared.insert(name);
            }
        }
    }
    let [old_names, new_names] = by_name;
    for (name, old) in old_names.iter().filter(|(name, _)| !pairs.shared.contains(*name)) {
        if let Some(new) = new_names.get(name) {
            pairs.old.insert(*old, *new);
            pairs.new.insert(*new, *old);
        }
    }
    pair_equal(before, after, key, &mut pairs);
    pairs
}

/// Matches items without a name of their own.
fn pair_equal(before: &[Value], after: &[Value], key: &ItemKey, pairs: &mut Pairs<'_>) {
    // Sorted by their notation, so that the cost grows with the text and not with its square.
    let mut free: BTreeMap<String, VecDeque<usize>> = BTreeMap::new();
    for (new, item) in after.iter().enumerate().filter(|(_, item)| !is_named(item, key, &pairs.shared)) {
        free.entry(notation(item)).or_default().push_back(new);
    }
    for (old, item) in before.iter().enumerate().filter(|(_, item)| !is_named(item, key, &pairs.shared)) {
        if let Some(new) = free.get_mut(&notation(item)).and_then(VecDeque::pop_front) {
            pairs.old.insert(old, new);
            pairs.new.insert(new, old);
        }
    }
}

/// One text for all values that [`Value::is_same`] takes for the same.
pub(crate) fn notation(value: &Value) -> String {
    match value {
        Value::Mapping(entries) => {
            let entries: BTreeMap<&String, String> = entries.iter().map(|(key, own)| (key, notation(own))).collect();
            format!("{entries:?}")
        }
        Value::Sequence(items) => format!("{:?}", items.iter().map(notation).collect::<Vec<_>>()),
        Value::String(text) => format!("{text:?}"),
        Value::Null => String::from("null"),
        Value::Bool(value) => format!("{value}"),
        Value::Int(number) => format!("{number}"),
        // With one zero, and never as a whole number is written.
        Value::Float(number) => format!("{:?}", number + 0.0),
    }
}

fn is_named(item: &Value, key: &ItemKey, shared: &BTreeSet<&str>) -> bool {
    key.of_value(item).is_some_and(|name| !shared.contains(name))
}
