//! Rules for one deployment: what it needs, what its fields hold, and what nobody reads.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::schema::{self, FIELDS, Field, Shape};
use super::{Deployment, Rule, Values, takes};
use crate::error::Diagnostic;
use crate::lint::finding::{got, head, quote_hint, shown, type_of};
use crate::lint::spelling::nearest;
use crate::lint::{is_null, is_text};
use crate::yaml::{Entry, Node, Reader, Resolved};

/// Rules of this module.
pub(super) const RULES: [Rule; 8] = [
    entries_that_are_no_mapping,
    missing_fields,
    wrong_types,
    unknown_keys,
    keys_of_newer_charts,
    arguments,
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
    for (entry, body) in values.deployments() {
        for name in ["name", "image", "port"].into_iter().chain(arguments) {
            let named = name == "name" && entry.is_keyed;
            if !named && values.reader.get(body, name).is_none() {
                found.push(missing(entry, name));
            }
        }
        let image = values.reader.get(body, "image").and_then(|image| values.reader.target(image));
        for name in ["repository", "pullPolicy"] {
            let Some(image) = image.filter(|image| image.kind().is_mapping()) else { continue };
            if values.reader.get(image, name).is_none() {
                found.push(missing(entry, &format!("image.{name}")));
            }
        }
    }
}

fn missing(entry: &Deployment<'_>, name: &str) -> Diagnostic {
    let finding = Diagnostic::error("DW0207", entry.span(), format!("{} has no `{name}`", entry.called()));
    match name {
        "image.pullPolicy" => finding.with_hint("the chart demands `pullPolicy: Always`, `IfNotPresent` or `Never`"),
        "port" => finding.with_hint("code servers of the chart listen on `port: 3030`"),
        _ => finding,
    }
}

/// `DW0208`: types as in the chart's schema; helm refuses the release for any of them.
fn wrong_types(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for (entry, body) in values.deployments() {
        for field in FIELDS {
            // Names have rules of their own.
            let skipped = field.key == "name" && (entry.is_keyed || super::name::is_word(values, entry));
            let Some(node) = values.reader.get(body, field.key).filter(|_| !skipped) else { continue };
            check(values, &field, node, found);
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
        Shape::TextMap => itself(false, "a mapping"),
        Shape::Env => itself(false, "a mapping or a list"),
        Shape::Switch | Shape::Probe if mapping => switch(values, shape, target),
        Shape::Switch | Shape::Probe => itself(false, "a mapping"),
        Shape::Image if mapping => super::image::problems(values, target),
        Shape::Image => itself(false, "a mapping"),
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
    let needed = shape == Shape::Switch || values.chart >= schema::PROBE_NEEDS_ENABLED;
    let enabled = values.reader.get(mapping, "enabled");
    let flag = enabled.and_then(|node| values.reader.target(node)?.scalar());
    let boolean = flag.is_some_and(|scalar| matches!(scalar.resolve(values.reader.schema()), Resolved::Bool(_)));
    match enabled {
        Some(node) if needed && !boolean => [(".enabled".to_string(), node, "true or false")].into(),
        None if needed => [(String::new(), mapping, "a mapping with `enabled: true` or `enabled: false`")].into(),
        _ => Vec::new(),
    }
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
    for (entry, body) in values.deployments() {
        let fields = FIELDS.iter().map(|field| field.key);
        unknown_in(values, body, &format!("of {}", entry.called()), fields, found);
        let image = values.reader.get(body, "image").and_then(|image| values.reader.target(image));
        if let Some(image) = image.filter(|image| image.kind().is_mapping()) {
            unknown_in(values, image, "in `image`", schema::IMAGE_KEYS.into_iter(), found);
        }
    }
}

fn unknown_in<'d>(
    values: &Values<'d>,
    mapping: Node<'d>,
    place: &str,
    known: impl Iterator<Item = &'static str> + Clone,
    found: &mut Vec<Diagnostic>,
) {
    for Entry { key, .. } in values.reader.entries(mapping) {
        let Ok(written) = values.reader.key(key) else { continue };
        if known.clone().any(|name| name == written) {
            continue;
        }
        let mistaken = schema::MISTAKEN.iter().find(|(name, _)| *name == written).map(|(_, meant)| *meant);
        let near = match written.as_ref() {
            "imagePullPolicy" => Some("pullPolicy"),
            _ => mistaken.or_else(|| nearest(&written, known.clone())),
        };
        let hint = match near.filter(|_| place != "in `image`" || mistaken.is_none()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if place == "in `image`" => takes(known.clone()),
            None => "remove it, or ask for it in the chart".to_string(),
        };
        let message = format!("the chart ignores the unknown key `{}` {place}", shown(&written));
        found.push(Diagnostic::warning("DW0223", key.span(), message).with_hint(hint));
    }
}

/// `DW0224`, a warning: keys that only newer charts read.
fn keys_of_newer_charts(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for (_, body) in values.deployments() {
        for field in FIELDS {
            let Some(until) = field.missing_until.filter(|until| values.chart <= *until) else { continue };
            if let Some(entry) = values.reader.entry(body, field.key) {
                let message = format!("chart {} ignores `{}`", values.chart, field.key);
                let hint = format!("charts after {until} read it");
                found.push(Diagnostic::warning("DW0224", entry.key.span(), message).with_hint(hint));
            }
        }
    }
}

/// `DW0220` and `DW0221`, warnings: what the server loads is said twice, or not at all.
fn arguments(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for (entry, body) in values.deployments() {
        let given = |key| values.reader.entry(body, key).filter(|entry| !is_empty(values, entry.value));
        match (given("dagsterApiGrpcArgs"), given("codeServerArgs")) {
            (Some(wins), Some(ignored)) => {
                let message = "`codeServerArgs` has no effect beside `dagsterApiGrpcArgs`";
                let finding = Diagnostic::warning("DW0220", ignored.key.span(), message);
                found.push(finding.with_related(wins.key.span(), "this one wins").with_hint("remove one of the two"));
            }
            (None, None) => {
                let message = format!("{} does not say what to load: the image's own command runs", entry.called());
                let hint =
                    "name the code in `dagsterApiGrpcArgs` or `codeServerArgs`, as in `[\"-m\", \"my_project\"]`";
                found.push(Diagnostic::warning("DW0221", entry.span(), message).with_hint(hint));
            }
            _ => {}
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
    for (_, body) in values.deployments() {
        let Some(node) = values.reader.get(body, "port") else { continue };
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
    for (_, body) in values.deployments() {
        let Some(arguments) = values.reader.entry(body, "codeServerArgs") else { continue };
        let Some(node) = values.reader.get(body, "replicaCount") else { continue };
        let count = values.reader.target(node).and_then(|target| whole(&values.reader, target));
        if count.is_some_and(|count| count > 1) && !is_empty(values, arguments.value) {
            let message = "the chart refuses several replicas of a server with `codeServerArgs`";
            let finding = Diagnostic::error("DW0222", node.span(), message);
            let finding = finding.with_related(arguments.key.span(), "these");
            found.push(finding.with_hint("use `dagsterApiGrpcArgs`, or one replica"));
        }
    }
}
