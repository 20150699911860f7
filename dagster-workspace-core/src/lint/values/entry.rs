//! Rules for one deployment: what it needs, what its fields hold, and what nobody reads.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::schema::{self, FIELDS, Field, Shape};
use super::{Deployment, Rule, Values};
use crate::error::Diagnostic;
use crate::lint::finding::{alternatives, got, head, quote_hint, shown, type_of};
use crate::lint::spelling::nearest;
use crate::lint::{is_null, is_text};
use crate::yaml::{Entry, Node, Reader, Resolved};

/// Rules of this module.
pub(super) const RULES: [Rule; 9] = [
    entries_that_are_no_mapping,
    missing_fields,
    wrong_types,
    unknown_keys,
    keys_of_newer_charts,
    ignored_arguments,
    missing_arguments,
    ports,
    code_server_replicas,
];

/// `DW0206`: every deployment is a mapping.
fn entries_that_are_no_mapping(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for entry in values.entries() {
        let Some(target) = values.reader.target(entry.node) else { continue };
        if !target.kind().is_mapping() {
            let message = format!("a deployment must be a mapping, {}", got(&values.reader, target));
            found.push(Diagnostic::error("DW0206", head(entry.node), message));
        }
    }
}

/// `DW0207`: the fields that the chart's schema demands.
fn missing_fields(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    let arguments = (values.chart <= schema::OLD_ARGUMENTS).then_some("dagsterApiGrpcArgs");
    for entry in values.deployments() {
        for name in ["name", "image", "port"].into_iter().chain(arguments) {
            let named = name == "name" && entry.is_keyed;
            if !named && entry.get(name).is_none() {
                found.push(missing(entry, name));
            }
        }
        let probe = values.chart >= schema::PROBE_NEEDS_ENABLED;
        let inner = [("image", "repository"), ("image", "pullPolicy"), ("includeConfigInLaunchedRuns", "enabled")];
        for (outer, name) in inner.into_iter().chain(probe.then_some(("readinessProbe", "enabled"))) {
            let Some(holder) = entry.entry(outer) else { continue };
            let is_mapping = values.reader.target(holder.value).is_some_and(|target| target.kind().is_mapping());
            if is_mapping && values.reader.get(holder.value, name).is_none() {
                found.push(Diagnostic { span: Some(holder.key.span()), ..missing(entry, &format!("{outer}.{name}")) });
            }
        }
    }
}

fn missing(entry: &Deployment<'_>, name: &str) -> Diagnostic {
    let finding = Diagnostic::error("DW0207", entry.span(), format!("{} has no `{name}`", entry.called()));
    match name {
        "image.pullPolicy" => finding.with_hint("the chart demands `pullPolicy: Always`, `IfNotPresent` or `Never`"),
        "readinessProbe.enabled" => finding.with_hint("write `enabled: true` to keep the probe"),
        "port" => finding.with_hint("code servers of the chart listen on `port: 3030`"),
        _ => finding,
    }
}

/// `DW0208`: types as in the chart's schema; helm refuses the release for any of them.
fn wrong_types(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for entry in values.deployments() {
        for Entry { key, value } in &entry.fields {
            let Some(field) = FIELDS.iter().find(|field| key.is_text(field.key)) else { continue };
            // Names have rules of their own.
            let skipped = field.key == "name" && (entry.is_keyed || super::name::is_word(values, entry));
            if !skipped {
                check(values, field, *value, found);
            }
        }
    }
}

fn check<'d>(values: &Values<'d>, field: &Field, node: Node<'d>, found: &mut Vec<Diagnostic>) {
    let nullable = field.nullable && values.chart > schema::NO_NULLS_UNTIL;
    if nullable && values.is_null(node) {
        return;
    }
    for (path, node, expected) in problems(values, field.shape, node) {
        let Some(target) = values.reader.target(node) else { continue };
        // What a variable holds is nobody's business.
        let secret = field.shape == Shape::Env;
        let got = if secret { format!("got {}", type_of(&values.reader, target)) } else { got(&values.reader, target) };
        let message = format!("`{}{path}` must be {expected}, {got}", field.key);
        let finding = Diagnostic::error("DW0208", head(node), message);
        let wants_text = expected == "a text";
        found.push(match quote_hint(target).filter(|_| wants_text) {
            Some(_) if secret => finding.with_hint("quote it"),
            Some(hint) => finding.with_hint(hint),
            None if expected.contains("number") && is_text(&values.reader, target) => {
                finding.with_hint("write it without quotes")
            }
            None => finding,
        });
    }
}

/// A place inside a field, the node there, and what it must be.
type Wrong<'d> = (String, Node<'d>, &'static str);

/// What in `node` is not of `shape`.
fn problems<'d>(values: &Values<'d>, shape: Shape, node: Node<'d>) -> Vec<Wrong<'d>> {
    let reader = &values.reader;
    let Some(target) = reader.target(node) else { return Vec::new() };
    let (mapping, list) = (target.kind().is_mapping(), target.kind().is_sequence());
    let itself = |fits: bool, expected| if fits { Vec::new() } else { [(String::new(), node, expected)].into() };
    match shape {
        Shape::Text => itself(is_text(reader, target), "a text"),
        Shape::Whole => itself(whole(reader, target).is_some(), "a whole number"),
        Shape::Count => itself(whole(reader, target).is_some_and(|count| count > 0), "a whole number from 1"),
        Shape::Mapping => itself(mapping, "a mapping"),
        Shape::Texts if list => items(target, |item| fits_text(reader, item), "a text"),
        Shape::Texts => itself(false, "a list of texts"),
        Shape::Mappings | Shape::Named if list => {
            let mut wrong = items(target, |item| is_mapping(reader, item), "a mapping");
            if shape == Shape::Named {
                wrong.extend(named(values, target));
            }
            wrong
        }
        Shape::Mappings | Shape::Named => itself(false, "a list of mappings"),
        Shape::TextMap | Shape::Env if mapping => texts(reader, target),
        Shape::Env if list => variables(values, target),
        Shape::Env => itself(false, "a mapping or a list"),
        Shape::Switch | Shape::Probe if mapping => switch(values, shape, target),
        Shape::Image if mapping => super::image::problems(values, target),
        Shape::TextMap | Shape::Switch | Shape::Probe | Shape::Image => itself(false, "a mapping"),
    }
}

fn items<'d>(list: Node<'d>, fits: impl Fn(Node<'d>) -> bool, expected: &'static str) -> Vec<Wrong<'d>> {
    let items = list.items().enumerate().filter(|(_, item)| !fits(*item));
    items.map(|(at, item)| (format!("[{at}]"), item, expected)).collect()
}

fn texts<'d>(reader: &Reader<'d>, mapping: Node<'d>) -> Vec<Wrong<'d>> {
    let entries = reader.entries(mapping).into_iter().filter(|entry| !fits_text(reader, entry.value));
    entries
        .map(|Entry { key, value }| (format!(".{}", shown(&key.text().unwrap_or_default())), value, "a text"))
        .collect()
}

/// Items of `envSecrets` and the like: references by name.
fn named<'d>(values: &Values<'d>, list: Node<'d>) -> Vec<Wrong<'d>> {
    let names = list.items().enumerate().filter_map(|(at, item)| Some((at, values.reader.get(item, "name")?)));
    let wrong = names.filter(|(_, name)| !fits_text(&values.reader, *name));
    wrong.map(|(at, name)| (format!("[{at}].name"), name, "a text")).collect()
}

/// The list form of `env`: what Kubernetes takes in a container.
fn variables<'d>(values: &Values<'d>, list: Node<'d>) -> Vec<Wrong<'d>> {
    let reader = &values.reader;
    let mut wrong = items(list, |item| is_mapping(reader, item), "a mapping");
    wrong.extend(named(values, list));
    let fits = |node| values.is_null(node) || fits_text(reader, node);
    let values = list.items().enumerate().filter_map(|(at, item)| Some((at, reader.get(item, "value")?)));
    wrong.extend(values.filter(|(_, node)| !fits(*node)).map(|(at, node)| (format!("[{at}].value"), node, "a text")));
    wrong
}

/// A mapping with `enabled`.
fn switch<'d>(values: &Values<'d>, shape: Shape, mapping: Node<'d>) -> Vec<Wrong<'d>> {
    let judged = shape == Shape::Switch || values.chart >= schema::PROBE_NEEDS_ENABLED;
    let Some(node) = values.reader.get(mapping, "enabled").filter(|_| judged) else { return Vec::new() };
    let flag = values.reader.target(node).and_then(Node::scalar);
    let boolean = flag.is_some_and(|scalar| matches!(scalar.resolve(values.reader.schema()), Resolved::Bool(_)));
    if boolean { Vec::new() } else { [(".enabled".to_string(), node, "true or false")].into() }
}

fn fits_text<'d>(reader: &Reader<'d>, node: Node<'d>) -> bool {
    reader.target(node).is_none_or(|target| is_text(reader, target))
}

fn is_mapping<'d>(reader: &Reader<'d>, node: Node<'d>) -> bool {
    reader.target(node).is_none_or(|target| target.kind().is_mapping())
}

/// The whole number that JSON Schema sees: `3030.0` is one.
pub(super) fn whole(reader: &Reader<'_>, node: Node<'_>) -> Option<i64> {
    match node.scalar()?.resolve(reader.schema()) {
        Resolved::Int(number) => Some(number),
        Resolved::Float(number) => {
            let whole = number as i64;
            (whole as f64 == number).then_some(whole)
        }
        _ => None,
    }
}

/// `DW0223`, a warning: the chart takes any key and reads only those it knows.
fn unknown_keys(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    let fields: Vec<&'static str> = FIELDS.iter().map(|field| field.key).collect();
    for entry in values.deployments() {
        for (key, written) in unknown_in(values, &entry.fields, &fields) {
            let mistaken = schema::MISTAKEN.iter().find(|(name, _)| *name == written).map(|(_, meant)| *meant);
            let hint = match mistaken.or_else(|| nearest(&written, fields.iter().copied())) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "remove it: it does nothing".to_string(),
            };
            let message = format!("the chart ignores the unknown key `{}` of {}", shown(&written), entry.called());
            found.push(Diagnostic::warning("DW0223", key.span(), message).with_hint(hint));
        }
        let image = entry.get("image").and_then(|image| values.reader.target(image));
        let Some(image) = image.filter(|image| image.kind().is_mapping()) else { continue };
        for (key, written) in unknown_in(values, &values.reader.entries(image), &schema::IMAGE_KEYS) {
            let near = match written.as_ref() {
                "imagePullPolicy" => Some("pullPolicy"),
                _ => nearest(&written, schema::IMAGE_KEYS.into_iter()),
            };
            let hint = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it takes {}", alternatives(schema::IMAGE_KEYS.into_iter())),
            };
            let message = format!("the chart ignores the unknown key `{}` of `image`", shown(&written));
            found.push(Diagnostic::warning("DW0223", key.span(), message).with_hint(hint));
        }
    }
}

/// The keys of a mapping that are not `known`, with their text.
fn unknown_in<'d>(values: &Values<'d>, entries: &[Entry<'d>], known: &[&str]) -> Vec<(Node<'d>, Cow<'d, str>)> {
    let unknown = entries.iter().filter(|entry| !known.iter().any(|name| entry.key.is_text(name)));
    unknown.filter_map(|entry| Some((entry.key, values.reader.key(entry.key).ok()?))).collect()
}

/// `DW0224`, a warning: keys that only newer charts read.
fn keys_of_newer_charts(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for entry in values.deployments() {
        for field in FIELDS {
            let Some(until) = field.missing_until.filter(|until| values.chart <= *until) else { continue };
            if let Some(entry) = entry.entry(field.key) {
                let message = format!("chart {} ignores `{}`", values.chart, field.key);
                let hint = format!("charts after {until} read it");
                found.push(Diagnostic::warning("DW0224", entry.key.span(), message).with_hint(hint));
            }
        }
    }
}

/// The entries that say what the server loads: `dagsterApiGrpcArgs` and `codeServerArgs`.
fn arguments<'d>(values: &Values<'d>, entry: &Deployment<'d>) -> [Option<Entry<'d>>; 2] {
    ["dagsterApiGrpcArgs", "codeServerArgs"].map(|key| entry.entry(key).filter(|given| !is_empty(values, given.value)))
}

/// `DW0220`, a warning: what the server loads is said twice.
fn ignored_arguments(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for entry in values.deployments() {
        if let [Some(wins), Some(ignored)] = arguments(values, entry) {
            let message = "`codeServerArgs` has no effect beside `dagsterApiGrpcArgs`";
            let finding = Diagnostic::warning("DW0220", ignored.key.span(), message);
            found.push(finding.with_related(wins.key.span(), "this one wins").with_hint("remove one of the two"));
        }
    }
}

/// `DW0221`, a warning: what the server loads is not said at all.
fn missing_arguments(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for entry in values.deployments() {
        if let [None, None] = arguments(values, entry) {
            let message = format!("{} does not say what to load: the image's own command runs", entry.called());
            let hint = "name the code in `dagsterApiGrpcArgs` or `codeServerArgs`, as in `[\"-m\", \"my_project\"]`";
            found.push(Diagnostic::warning("DW0221", entry.span(), message).with_hint(hint));
        }
    }
}

/// Whether helm's templates take a value for nothing.
fn is_empty<'d>(values: &Values<'d>, node: Node<'d>) -> bool {
    let empty_list = |node: Node<'d>| node.kind().is_sequence() && node.items().next().is_none();
    values.reader.target(node).is_none_or(|target| is_null(&values.reader, target) || empty_list(target))
}

/// `DW0227`: a Service takes ports from 1 to 65535.
fn ports(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for entry in values.deployments() {
        let Some(node) = entry.get("port") else { continue };
        let port = values.reader.target(node).and_then(|target| whole(&values.reader, target));
        if port.is_some_and(|port| !(1..=65535).contains(&port)) {
            let finding = Diagnostic::error("DW0227", node.span(), "Kubernetes refuses this port");
            found.push(finding.with_hint("ports go from 1 to 65535"));
        }
    }
}

/// `DW0222`: the template of newer charts refuses several replicas of `dagster code-server`.
fn code_server_replicas(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    if values.chart < schema::SINGLE_CODE_SERVER_SINCE {
        return;
    }
    for entry in values.deployments() {
        let Some(arguments) = entry.entry("codeServerArgs") else { continue };
        let Some(node) = entry.get("replicaCount") else { continue };
        let count = values.reader.target(node).and_then(|target| whole(&values.reader, target));
        if count.is_some_and(|count| count > 1) && !is_empty(values, arguments.value) {
            let message = "the chart refuses several replicas of a server with `codeServerArgs`";
            let finding = Diagnostic::error("DW0222", node.span(), message);
            let finding = finding.with_related(arguments.key.span(), "these");
            found.push(finding.with_hint("use `dagsterApiGrpcArgs`, or one replica"));
        }
    }
}
