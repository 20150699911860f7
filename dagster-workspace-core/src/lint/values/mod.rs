//! Rules for the values of the charts, as helm reads them. Read [`Values`], then [`RULES`].

mod arguments;
mod arrangement;
mod entry;
mod environment;
mod image;
mod name;
mod probes;
mod record;
mod system;

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

pub(super) use self::arrangement::writes_workspace;
pub(super) use self::entry::whole;
pub(crate) use self::system::is_plain_text;
use super::finding::{got, head, shown};
use super::is_null;
use super::notation::{no_text_in, repeated_in};
use super::seen::Seen;
use crate::chart::{self, Field, Need, Place, Problem};
use crate::error::Diagnostic;
use crate::span::Span;
use crate::values::{DEPLOYMENTS, Layout, UserDeployments};
use crate::version::Version;
use crate::workspace::LOAD_FROM;
use crate::yaml::{Document, Entry, Node, Reader};

/// The newest chart whose schema takes a list alone. The map form of `deployments` is in no release seen so far.
const LAST_LIST_ONLY: Version = Version::new(1, 13, 27);

/// The values, taken apart as far as they can be.
pub(super) struct Values<'d> {
    document: &'d Document<'d>,
    reader: Reader<'d>,
    chart: Version,
    /// The mapping that holds `deployments`, or would.
    home: Option<Node<'d>>,
    /// Whether that is the whole document, not a part of a system or umbrella chart's values.
    is_alone: bool,
    layout: Layout,
    list: Option<Node<'d>>,
    entries: Vec<Deployment<'d>>,
}

/// One user code server.
#[derive(Clone)]
pub(super) struct Deployment<'d> {
    /// The entry as it is written, an alias perhaps.
    pub(super) node: Node<'d>,
    /// What names it: `name`, or its key in the map form.
    name_node: Option<Node<'d>>,
    pub(super) name: Option<Cow<'d, str>>,
    is_keyed: bool,
    /// What an alias leads to.
    body: Option<Node<'d>>,
    /// Its entries, merged ones included, each key once.
    fields: Vec<Entry<'d>>,
}

type Rule = fn(&Values<'_>, &mut Vec<Diagnostic>);

/// A rule for each node of the document.
type NodeRule = for<'d> fn(&Values<'d>, Node<'d>, &mut Vec<Diagnostic>);

const NODE_RULES: [NodeRule; 3] = [repeated_keys, unknown_aliases, keys_that_are_no_text];

/// Of the document as a whole, then of its entries.
const RULES: [Rule; 8] = [
    overridden_entries,
    entries_of_the_workspace,
    values_that_are_no_mapping,
    example_is_deployed,
    deployments_of_wrong_type,
    map_form,
    unknown_top_level_keys,
    deleted_defaults,
];

/// Applies the rules that look at entries, of this module and of those below it.
pub(super) fn lint(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    let entry = entry::RULES.iter().chain(&arguments::RULES).chain(&probes::RULES);
    let below = entry.chain(&name::RULES).chain(&image::RULES).chain(&environment::RULES);
    for rule in RULES.iter().chain(below).chain(&record::RULES).chain(&system::RULES).chain(&arrangement::RULES) {
        rule(values, found);
    }
}

/// The rules that need no entry, and hold for documents whose aliases cannot be followed.
pub(super) fn lint_notation(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    several_documents(values, found);
    values.visit(|node| NODE_RULES.iter().for_each(|rule| rule(values, node, found)));
}

impl<'d> Values<'d> {
    pub(super) fn read(document: &'d Document<'d>, reader: &Reader<'d>, chart: Version) -> Self {
        let view = UserDeployments::of(document);
        let path = view.path().split_last().map(|(_, path)| path).unwrap_or_default();
        let home = path.iter().try_fold(document.root(), |node, key| Some(reader.get(node?, key))).flatten();
        let entries = view.iter().map(|entry| Deployment {
            node: entry.node(),
            name_node: entry.name_node(),
            name: entry.name(),
            is_keyed: view.layout() == Layout::Map,
            body: reader.target(entry.node()).filter(|body| body.kind().is_mapping()),
            fields: entry.entries(),
        });
        let entries = entries.collect();
        let (layout, list) = (view.layout(), view.node());
        Self { home, is_alone: path.is_empty(), layout, list, entries, ..Self::unread(document, reader, chart) }
    }

    /// The values with nothing looked up: where aliases cannot be followed.
    pub(super) fn unread(document: &'d Document<'d>, reader: &Reader<'d>, chart: Version) -> Self {
        let (reader, layout) = (reader.clone(), Layout::Absent);
        Self { document, reader, chart, home: None, is_alone: true, layout, list: None, entries: Vec::new() }
    }

    pub(super) fn entries(&self) -> &[Deployment<'d>] {
        &self.entries
    }

    /// The entries that are mappings.
    fn deployments(&self) -> impl Iterator<Item = &Deployment<'d>> {
        self.entries.iter().filter(|entry| entry.body.is_some())
    }

    /// The port of a deployment, in decimal.
    pub(super) fn port(&self, entry: &Deployment<'d>) -> Option<String> {
        let port = self.reader.target(entry.get("port")?)?;
        entry::whole(&self.reader, port).map(|port| port.to_string())
    }

    fn is_null(&self, node: Node<'d>) -> bool {
        self.reader.target(node).is_some_and(|target| is_null(&self.reader, target))
    }

    /// Shows every node of the document that is written out, in no order.
    fn visit(&self, mut visit: impl FnMut(Node<'d>)) {
        let mut open: Vec<Node<'d>> = self.document.roots().collect();
        while let Some(node) = open.pop() {
            open.extend(node.items());
            open.extend(node.entries().flat_map(|entry| [entry.key, entry.value]));
            visit(node);
        }
    }
}

impl<'d> Deployment<'d> {
    /// Its entry under `key`.
    fn entry(&self, key: &str) -> Option<Entry<'d>> {
        self.fields.iter().rev().find(|entry| entry.key.is_text(key)).copied()
    }

    /// Its value under `key`.
    fn get(&self, key: &str) -> Option<Node<'d>> {
        self.entry(key).map(|entry| entry.value)
    }

    /// Where to point for what concerns the entry as a whole: its name, else its first line.
    pub(super) fn span(&self) -> Span {
        self.name_node.filter(|name| !name.source().is_empty()).map_or_else(|| head(self.node), head)
    }

    /// The entry in words: "deployment `etl`".
    fn called(&self) -> String {
        match &self.name {
            Some(name) => format!("deployment `{}`", shown(name)),
            None => "the deployment".into(),
        }
    }
}

/// `DW0202`: helm reads the first document and drops the others in silence.
fn several_documents(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    if let Some(second) = values.document.documents().nth(1) {
        let span = second.marks().next().map_or(second.span(), Node::span);
        let finding = Diagnostic::error("DW0202", span, "helm drops this second document in silence");
        found.push(finding.with_hint("values are one document: remove the `---` between them"));
    }
}

/// `DW0212`: of two equal keys helm takes the last in silence.
fn repeated_keys<'d>(values: &Values<'d>, node: Node<'d>, found: &mut Vec<Diagnostic>) {
    if node.kind().is_mapping() {
        repeated_in(&values.reader, node, "DW0212", found);
    }
}

/// `DW0213`: an alias needs its anchor before it, `<<` a mapping or a list of mappings.
fn unknown_aliases<'d>(values: &Values<'d>, node: Node<'d>, found: &mut Vec<Diagnostic>) {
    let reader = &values.reader;
    let is_mapping = |node| reader.target(node).is_some_and(|target| target.kind().is_mapping());
    if node.alias().is_some() && reader.target(node).is_none() {
        let message = format!("helm finds no anchor for `{}` before it", shown(node.source()));
        found.push(Diagnostic::error("DW0213", node.span(), message));
    }
    for entry in node.entries().filter(|entry| reader.is_merge(entry.key)) {
        let Some(value) = reader.target(entry.value) else { continue };
        let fits = value.kind().is_mapping() || (value.kind().is_sequence() && value.items().all(is_mapping));
        if !fits {
            let message = "the value of `<<` must be a mapping or a list of mappings";
            found.push(Diagnostic::error("DW0213", head(entry.value), message));
        }
    }
}

/// `DW0231`: helm makes JSON of the values, whose keys are texts.
fn keys_that_are_no_text<'d>(values: &Values<'d>, node: Node<'d>, found: &mut Vec<Diagnostic>) {
    node.entries().for_each(|entry| no_text_in(&values.reader, entry.key, "DW0231", found));
}

/// `DW0232`, a warning: helm puts in what is merged where `<<` stands, so an entry before it is lost. Dagster's reader, and
/// most people, expect it to win.
fn overridden_entries(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    values.visit(|node| overridden_in(values, node, found));
}

fn overridden_in<'d>(values: &Values<'d>, node: Node<'d>, found: &mut Vec<Diagnostic>) {
    let reader = &values.reader;
    let own: BTreeMap<u32, Entry<'d>> = match node.entries().filter(|entry| reader.is_merge(entry.key)).last() {
        Some(last) => {
            let before = node.entries().take_while(|entry| *entry != last).filter(|entry| !reader.is_merge(entry.key));
            before.map(|entry| (entry.key.span().start, entry)).collect()
        }
        None => return,
    };
    if own.is_empty() {
        return;
    }
    let mut winners = BTreeMap::new();
    for entry in reader.entries(node) {
        winners.extend(reader.key(entry.key).map(|key| (key, entry)));
    }
    let written = |node: Node<'d>| reader.target(node).map(|target| (target.text(), target.source()));
    for entry in own.values() {
        let Some(winner) = reader.key(entry.key).ok().and_then(|key| winners.get(&key)) else { continue };
        // Of keys that stand twice another rule tells.
        let is_own = node.span().contains(winner.key.span()) && node.entries().any(|own| own.key == winner.key);
        if own.contains_key(&winner.key.span().start) || is_own || written(entry.value) == written(winner.value) {
            continue;
        }
        let key = shown(&entry.key.text().unwrap_or_default());
        let message = format!("helm takes `{key}` from the `<<` behind it: this value is lost");
        let finding = Diagnostic::warning("DW0232", entry.key.span(), message);
        let finding = finding.with_related(winner.key.span(), "this one wins");
        found.push(finding.with_hint(format!("move `<<` above `{key}`")));
    }
}

/// `DW0233`, a warning: code locations belong into the workspace file, and the charts ignore them here.
fn entries_of_the_workspace(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for holder in [values.document.root(), values.home].into_iter().flatten() {
        if let Some(entry) = values.reader.entry(holder, LOAD_FROM) {
            let message = format!("the chart ignores `{LOAD_FROM}`: code locations stand in the workspace file");
            let finding = Diagnostic::warning("DW0233", entry.key.span(), message);
            found.push(finding.with_hint("move it to `workspace.yaml`"));
        }
    }
}

/// `DW0203`: values are a mapping, and so is each part that holds another.
fn values_that_are_no_mapping(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for node in [values.document.root(), values.home].into_iter().flatten() {
        let Some(target) = values.reader.target(node) else { continue };
        if !target.kind().is_mapping() && !is_null(&values.reader, target) {
            let message = format!("values are a mapping, {}", got(&values.reader, target));
            found.push(Diagnostic::error("DW0203", head(node), message));
        }
    }
}

/// `DW0201`, a warning: without `deployments` the chart deploys the example that stands in its own values.
fn example_is_deployed(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    // In the values of a system chart only where the subchart is switched on.
    let subchart = values.home.filter(|_| !values.is_alone).map(|home| {
        ["enabled", "enableSubchart"].iter().all(|key| {
            let flag = values.reader.get(home, key).and_then(|node| values.reader.target(node));
            flag.is_none_or(|flag| !matches!(flag.source(), "false" | "False" | "FALSE" | "no" | "off"))
        })
    });
    if values.layout != Layout::Absent || !subchart.unwrap_or(values.is_alone) {
        return;
    }
    let span = values.home.map_or(Span::at(0), head);
    let message = "`deployments` is missing: the chart deploys its own example, `k8s-example-user-code-1`";
    found.push(Diagnostic::warning("DW0201", span, message).with_hint("write `deployments: []` to deploy nothing"));
}

/// `DW0204`: `deployments` must be a list; without a value helm takes the key away, and the schema demands it.
fn deployments_of_wrong_type(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    let Some(list) = values.list.filter(|_| matches!(values.layout, Layout::Other | Layout::Null)) else { return };
    let Some(target) = values.reader.target(list) else { return };
    let message = format!("`deployments` must be a list, {}", got(&values.reader, target));
    let finding = Diagnostic::error("DW0204", head(list), message);
    found.push(if values.layout == Layout::Null {
        finding.with_hint("write `deployments: []` to deploy nothing")
    } else {
        finding.with_hint("begin each deployment with `- name: `")
    });
}

/// `DW0205`: a mapping from name to deployment is refused by the schema of every chart released so far.
fn map_form(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    let Some(list) = values.list.filter(|_| values.layout == Layout::Map && values.chart <= LAST_LIST_ONLY) else {
        return;
    };
    let message = format!("chart {} takes a list of deployments, got a mapping", values.chart);
    found.push(Diagnostic::error("DW0205", head(list), message).with_hint("begin each deployment with `- name: `"));
}

/// `DW0223`, a warning: the chart ignores keys it does not know.
fn unknown_top_level_keys(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    // A document without `deployments` may be the values of any chart.
    let Some(home) = values.home.filter(|_| values.layout != Layout::Absent) else { return };
    let mut ignored = |name: &str, key: Node<'_>, place: &Place<'_>, fields: &'static [Field]| {
        // Other charts of an umbrella and anchors have names of their own: only misspellings are worth a word.
        let Some(near) = chart::meant(fields, name).filter(|_| !name.starts_with("x-")) else { return };
        let inside = if place.is_root() { String::new() } else { format!(" of `{place}`") };
        let message = format!("the chart ignores the unknown key `{}`{inside}", shown(name));
        found.push(Diagnostic::warning("DW0223", key.span(), message).with_hint(format!("did you mean `{near}`?")));
    };
    for Entry { key, value } in values.reader.entries(home) {
        let Ok(name) = values.reader.key(key) else { continue };
        let Some(field) = chart::field(&chart::VALUES, &name) else {
            ignored(&name, key, &Place::ROOT, &chart::VALUES);
            continue;
        };
        // The entries of `deployments` have rules of their own.
        if field.key != DEPLOYMENTS {
            let seen = Seen { reader: &values.reader, node: value };
            chart::check(&field.of, values.chart, seen, &Place::ROOT.key(field.key), &mut |place, problem| {
                if let Problem::Unknown { name, key, fields } = problem {
                    ignored(&name, key, place, fields);
                }
            });
        }
    }
}

/// `DW0226`: null deletes the chart's default, and the schema demands the key. As a subchart, only a warning: the system
/// chart has defaults of its own.
fn deleted_defaults(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    let Some(home) = values.home.filter(|_| values.layout != Layout::Absent) else { return };
    let required = |field: &&'static Field| field.need == Need::Required;
    let outer = chart::VALUES.iter().filter(required).filter_map(|field| {
        let entry = values.reader.entry(home, field.key)?;
        Some((field.key.to_string(), entry, field))
    });
    let all = outer.flat_map(|(path, entry, field)| {
        let inner = field.of.fields().iter().filter(required).filter_map(move |inner| {
            let found = values.reader.entry(entry.value, inner.key)?;
            Some((format!("{}.{}", field.key, inner.key), found))
        });
        core::iter::once((path, entry)).chain(inner)
    });
    for (path, entry) in all.filter(|(_, entry)| values.is_null(entry.value)) {
        let message = format!("`{path}` without a value deletes the chart's default");
        let finding = if values.is_alone {
            Diagnostic::error("DW0226", entry.key.span(), message)
        } else {
            Diagnostic::warning("DW0226", entry.key.span(), message)
        };
        found.push(finding.with_hint("remove the key to keep the default"));
    }
}

/// Names of the deployments with their entries, the first of each name.
pub(super) fn by_name<'v, 'd>(values: &'v Values<'d>) -> BTreeMap<String, &'v Deployment<'d>> {
    let mut names = BTreeMap::new();
    for entry in &values.entries {
        if let Some(name) = &entry.name {
            names.entry(name.clone().into_owned()).or_insert(entry);
        }
    }
    names
}

/// Whether a host can be the name of a Service in the same namespace.
pub(super) fn is_service(host: &str) -> bool {
    name::is_label(host)
}
