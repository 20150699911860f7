//! Rules for one deployment: what it needs, what its fields hold, and what nobody reads.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Deployment, Rule, Values};
use crate::chart::{self, Field, Items, Place, Problem, Since, Type};
use crate::error::Diagnostic;
use crate::lint::finding::{alternatives, got, head, quote_hint, shown, type_of};
use crate::lint::seen::Seen;
use crate::lint::{is_null, is_text};
use crate::span::Span;
use crate::yaml::{Entry, Node, Reader, Resolved};

/// Rules of this module.
pub(super) const RULES: [Rule; 6] =
    [entries_that_are_no_mapping, fields, ignored_arguments, missing_arguments, ports, code_server_replicas];

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

/// What does not fit the table of the chart: `DW0207`, `DW0208`, `DW0223`, `DW0224`, `DW0260` to `DW0262`.
fn fields(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for entry in values.deployments() {
        let seen = Seen { reader: &values.reader, node: entry.node };
        chart::check(&Type::DEPLOYMENT, values.chart, seen, &Place::ROOT, &mut |place, problem| {
            found.extend(finding(values, entry, place, problem));
        });
    }
}

fn finding<'d>(
    values: &Values<'d>,
    entry: &Deployment<'d>,
    place: &Place<'_>,
    problem: Problem<'d, Seen<'_, 'd>>,
) -> Option<Diagnostic> {
    match problem {
        Problem::Wrong { at, of } => wrong(values, entry, place, at.node, of),
        Problem::Ambiguous { at } => Some(ambiguous(place, at.node)),
        Problem::Missing { at, field } => missing(entry, place, at.node, field),
        Problem::Unknown { name, key, fields } => {
            let owner = if place.is_root() { entry.called() } else { format!("`{place}`") };
            Some(unknown(&name, key.span(), place, &owner, fields))
        }
        Problem::Newer { key, field } => {
            let message = format!("chart {} ignores `{place}`", values.chart);
            let finding = Diagnostic::warning("DW0224", key.span(), message);
            Some(match field.since {
                Since::After(last) => finding.with_hint(format!("charts after {last} read it")),
                Since::From(first) => finding.with_hint(format!("charts from {first} on read it")),
                Since::Always => finding,
            })
        }
        Problem::Excluded { key, other, field } => {
            let other_key = field.excludes.unwrap_or_default();
            let message = format!("Kubernetes refuses `{}` beside `{other_key}`", field.key);
            let finding = Diagnostic::error("DW0260", key.span(), message);
            Some(finding.with_related(other.span(), "this one").with_hint("remove one of the two"))
        }
        Problem::Twice { first, second, name, items } => {
            let key = items.key().unwrap_or_default();
            let (span, what) = (head(second.node), format!("duplicate `{key}` `{}` at `{place}`", shown(&name)));
            let finding = match items {
                Items::Unique(_) => Diagnostic::error("DW0261", span, format!("{what}: Kubernetes refuses it")),
                _ => Diagnostic::warning("DW0261", span, format!("{what}: Kubernetes takes the last")),
            };
            Some(finding.with_related(head(first.node), "the first one").with_hint("remove one of the two"))
        }
    }
}

/// `DW0208`: types as in the chart's schema; helm refuses the release for any of them. `DW0262`: the same in the objects of
/// Kubernetes, which its API server refuses.
fn wrong<'d>(
    values: &Values<'d>,
    entry: &Deployment<'d>,
    place: &Place<'_>,
    node: Node<'d>,
    of: &Type,
) -> Option<Diagnostic> {
    let target = values.reader.target(node)?;
    // Names and tags have rules of their own.
    let own_rule = match of {
        Type::Tag => target.scalar().is_some(),
        Type::Text if place.depth() == 1 && place.is_in("name") => {
            entry.is_keyed || super::name::is_word(values, entry)
        }
        _ => false,
    };
    if own_rule {
        return None;
    }
    // What a variable holds is nobody's business.
    let secret = place.is_in("env");
    let got = if secret { format!("got {}", type_of(&values.reader, target)) } else { got(&values.reader, target) };
    let code = if place.is_kubernetes() { "DW0262" } else { "DW0208" };
    let finding = Diagnostic::error(code, head(node), format!("`{place}` must be {}, {got}", of.expected()));
    Some(match of {
        Type::Text | Type::Tag => match quote_hint(target) {
            Some(_) if secret => finding.with_hint("quote it"),
            Some(hint) => finding.with_hint(hint),
            None => finding,
        },
        Type::Bool | Type::Whole | Type::Count | Type::Port if is_text(&values.reader, target) => {
            finding.with_hint("write it without quotes")
        }
        _ => finding,
    })
}

/// `DW0263`, a warning: helm takes the text as it is written, other readers of YAML take it for a number.
pub(super) fn ambiguous(place: &Place<'_>, node: Node<'_>) -> Diagnostic {
    let message = format!("some readers of YAML take the plain text of `{place}` for a number");
    let finding = Diagnostic::warning("DW0263", head(node), message);
    // What a variable holds is nobody's business.
    match quote_hint(node).filter(|_| !place.is_in("env")) {
        Some(hint) => finding.with_hint(hint),
        None => finding.with_hint("quote it"),
    }
}

/// `DW0207`: the fields that the chart's schema demands.
fn missing<'d>(entry: &Deployment<'d>, place: &Place<'_>, node: Node<'d>, field: &Field) -> Option<Diagnostic> {
    if place.is_root() && field.key == "name" && entry.is_keyed {
        return None;
    }
    let name = if place.is_root() { String::from(field.key) } else { format!("{place}.{}", field.key) };
    let holder = place.first().filter(|_| place.depth() == 1).and_then(|key| entry.entry(key));
    let span = match holder {
        Some(holder) => holder.key.span(),
        None if place.is_root() => entry.span(),
        None => head(node),
    };
    let code = if field.is_kubernetes { "DW0262" } else { "DW0207" };
    let finding = Diagnostic::error(code, span, format!("{} has no `{name}`", entry.called()));
    Some(match name.as_str() {
        "image.pullPolicy" => finding.with_hint("the chart demands `pullPolicy: Always`, `IfNotPresent` or `Never`"),
        "readinessProbe.enabled" => finding.with_hint("write `enabled: true` to keep the probe"),
        "port" => finding.with_hint("code servers of the chart listen on `port: 3030`"),
        _ => finding,
    })
}

/// `DW0223`, a warning: the chart takes any key and reads only those it knows, and so does Kubernetes.
fn unknown(name: &str, span: Span, place: &Place<'_>, owner: &str, fields: &'static [Field]) -> Diagnostic {
    let reader = if fields.iter().any(|field| field.is_kubernetes) { "Kubernetes" } else { "the chart" };
    let message = format!("{reader} ignores the unknown key `{}` of {owner}", shown(name));
    let inner = |field: &&Field| chart::field(field.of.fields(), name).is_some() && place.is_root();
    let hint = if let Some(holder) = fields.iter().find(inner) {
        format!("did you mean `{}.{name}`?", holder.key)
    } else if chart::field(&chart::VALUES, name).is_some() && place.is_root() {
        format!("`{name}` stands at the top level, beside `deployments`")
    } else if let Some(near) = chart::meant(fields, name) {
        format!("did you mean `{near}`?")
    } else if chart::field(chart::DEPLOYMENT, name).is_some() && place.depth() == 1 {
        format!("`{name}` is a key of the deployment: indent it less")
    } else if fields.len() <= 8 {
        format!("it takes {}", alternatives(fields.iter().map(|field| field.key)))
    } else {
        String::from("remove it: it does nothing")
    };
    Diagnostic::warning("DW0223", span, message).with_hint(hint)
}

/// The whole number that JSON Schema sees: `3030.0` is one.
pub(in crate::lint) fn whole(reader: &Reader<'_>, node: Node<'_>) -> Option<i64> {
    match node.scalar()?.resolve(reader.schema()) {
        Resolved::Int(number) => Some(number),
        Resolved::Float(number) => {
            let whole = number as i64;
            (whole as f64 == number).then_some(whole)
        }
        _ => None,
    }
}

/// The entries that say what the server loads: `dagsterApiGrpcArgs` and `codeServerArgs`.
pub(super) fn arguments<'d>(values: &Values<'d>, entry: &Deployment<'d>) -> [Option<Entry<'d>>; 2] {
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
    if values.chart < chart::SINGLE_CODE_SERVER_SINCE {
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
