//! Rules for `workspace.yaml`: what Dagster's loader makes of its entries. Read [`RULES`].

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::finding::{alternatives, got, head, quote_hint, shown};
use super::location::{Location, Source, Whole, env_problem, is_dict, is_list, whole};
use super::{is_null, is_text};
use crate::chart::{self, KINDS, Kind, Since};
use crate::error::Diagnostic;
use crate::span::Span;
use crate::spelling::nearest;
use crate::values::{DEPLOYMENTS, SUBCHART};
use crate::version::Version;
use crate::workspace::LOAD_FROM;
use crate::yaml::{Document, Entry, Node, Reader};

/// A workspace file, taken apart as far as it can be.
pub(super) struct File<'d> {
    pub(super) reader: Reader<'d>,
    dagster: Version,
    root: Option<Node<'d>>,
    /// `load_from`, where it is a list.
    pub(super) list: Option<Node<'d>>,
    /// The entries of a known kind.
    pub(super) locations: Vec<Location<'d>>,
}

type Rule = fn(&File<'_>, &mut Vec<Diagnostic>);

/// In the order of the loader: from the file to the fields of an entry.
const RULES: [Rule; 21] = [
    no_document,
    root_is_no_mapping,
    unknown_top_level_keys,
    load_from_missing,
    load_from_is_no_list,
    items_that_are_no_mapping,
    items_without_one_kind,
    unknown_kinds,
    kinds_of_wrong_type,
    targets_without_a_name,
    unknown_fields,
    missing_fields,
    fields_that_are_no_text,
    malformed_env,
    port_or_socket,
    ports_that_are_no_number,
    ssl_that_is_no_boolean,
    metadata_that_is_no_mapping,
    metadata_that_is_no_text,
    repeated_names,
    unusual_ports,
];

/// Applies all rules of this module.
pub(super) fn lint(file: &File<'_>, found: &mut Vec<Diagnostic>) {
    for rule in RULES {
        rule(file, found);
    }
}

impl<'d> File<'d> {
    pub(super) fn read(document: &'d Document<'d>, reader: &Reader<'d>, dagster: Version) -> Self {
        let root = document.root();
        let list = root.filter(|root| is_dict(*root)).and_then(|root| reader.get(root, "load_from"));
        let list = list.and_then(|list| reader.target(list)).filter(|list| is_list(*list));
        let mut file = Self { reader: reader.clone(), dagster, root, list, locations: Vec::new() };
        let located = |item: Node<'d>| {
            let [Entry { key, value }] = file.kinds(item)?[..] else { return None };
            let kind = file.known(key)?;
            Some(Location { item, kind, key, value })
        };
        let locations = file.items().filter_map(located).collect();
        file.locations = locations;
        file
    }

    fn items(&self) -> impl Iterator<Item = Node<'d>> + use<'d> {
        self.list.into_iter().flat_map(Node::items)
    }

    /// The entries of an item that is a mapping.
    fn kinds(&self, item: Node<'d>) -> Option<Vec<Entry<'d>>> {
        let target = self.reader.target(item).filter(|target| is_dict(*target))?;
        Some(self.reader.entries(target))
    }

    /// The kind that a key names to this version of Dagster.
    fn known(&self, key: Node<'_>) -> Option<&'static Kind> {
        KINDS.iter().find(|kind| key.is_text(kind.key) && kind.since.is_in(self.dagster))
    }

    /// Fields with their locations, where the entry has them.
    fn fields(&self, name: &'static str) -> impl Iterator<Item = (Node<'d>, Node<'d>)> + '_ {
        let grpc = self.locations.iter().filter(|location| location.kind.is_grpc());
        grpc.filter_map(move |location| {
            let written = location.field(&self.reader, name)?;
            Some((written, self.reader.target(written)?))
        })
    }
}

/// `DW0123`: an empty file, or nothing but comments.
fn no_document(file: &File<'_>, found: &mut Vec<Diagnostic>) {
    let empty = file.root.is_none_or(|root| is_null(&file.reader, root));
    if empty {
        let span = file.root.map_or(Span::at(0), Node::span);
        let finding = Diagnostic::error("DW0123", span, "the workspace file is empty, Dagster refuses it");
        found.push(finding.with_hint("write `load_from: []` for a workspace without code locations"));
    }
}

/// `DW0103`: the file must be a mapping.
fn root_is_no_mapping(file: &File<'_>, found: &mut Vec<Diagnostic>) {
    let Some(root) = file.root.filter(|root| !is_dict(*root) && !is_null(&file.reader, *root)) else { return };
    let message = format!("a workspace file is a mapping with the key `load_from`, {}", got(&file.reader, root));
    found.push(Diagnostic::error("DW0103", head(root), message));
}

/// `DW0106`: `load_from` is the only key; one that merely holds anchors is refused, too.
fn unknown_top_level_keys(file: &File<'_>, found: &mut Vec<Diagnostic>) {
    let root = file.root.filter(|root| is_dict(*root));
    for Entry { key, .. } in root.into_iter().flat_map(|root| file.reader.entries(root)) {
        if !key.is_text("load_from") {
            let written = key.text().unwrap_or_default();
            let message = format!("unknown key `{}`: a workspace file has `load_from` alone", shown(&written));
            let hint = match (written.as_ref(), nearest(&written, [LOAD_FROM].into_iter())) {
                (DEPLOYMENTS | SUBCHART | "dagsterWebserver" | "dagit", _) => {
                    format!("`{written}` belongs into the values of the chart")
                }
                (_, Some(near)) => format!("did you mean `{near}`?"),
                (_, None) => {
                    "anchors can be defined inside the entries of `load_from`; notes belong in comments".to_string()
                }
            };
            found.push(Diagnostic::error("DW0106", key.span(), message).with_hint(hint));
        }
    }
}

/// `DW0107`: without `load_from` Dagster fails.
fn load_from_missing(file: &File<'_>, found: &mut Vec<Diagnostic>) {
    let Some(root) = file.root.filter(|root| is_dict(*root)) else { return };
    if file.reader.get(root, "load_from").is_none() {
        let finding = Diagnostic::error("DW0107", head(root), "`load_from` is missing");
        found.push(finding.with_hint("write `load_from: []` for a workspace without code locations"));
    }
}

/// `DW0108`: `load_from` must be a list; null is none.
fn load_from_is_no_list(file: &File<'_>, found: &mut Vec<Diagnostic>) {
    let Some(root) = file.root.filter(|root| is_dict(*root)) else { return };
    let Some(value) = file.reader.get(root, "load_from") else { return };
    let Some(target) = file.reader.target(value).filter(|target| !is_list(*target)) else { return };
    let message = format!("`load_from` must be a list, {}", got(&file.reader, target));
    let finding = Diagnostic::error("DW0108", head(value), message);
    found.push(if is_null(&file.reader, target) {
        finding.with_hint("write `load_from: []` for a workspace without code locations")
    } else {
        finding.with_hint("begin each code location with `- `")
    });
}

/// `DW0109`: every item of `load_from` must be a mapping.
fn items_that_are_no_mapping(file: &File<'_>, found: &mut Vec<Diagnostic>) {
    for item in file.items() {
        // An alias that leads back to where it stands means a list, too.
        let target = file.reader.target(item).unwrap_or(item);
        if !is_dict(target) {
            let what = if target.alias().is_some() { "got an alias".to_string() } else { got(&file.reader, target) };
            let message = format!("a code location must be a mapping with one key, {what}");
            let hint = format!("that key is {}", alternatives(KINDS.iter().map(|kind| kind.key)));
            found.push(Diagnostic::error("DW0109", head(item), message).with_hint(hint));
        }
    }
}

/// `DW0110`: an item has exactly one key.
fn items_without_one_kind(file: &File<'_>, found: &mut Vec<Diagnostic>) {
    for item in file.items() {
        match file.kinds(item).as_deref() {
            Some([]) => {
                let hint = format!("it needs {}", alternatives(KINDS.iter().map(|kind| kind.key)));
                let finding = Diagnostic::error("DW0110", item.span(), "a code location says nothing of its kind");
                found.push(finding.with_hint(hint));
            }
            Some([first, second, ..]) => {
                let message = format!(
                    "a code location has one kind, got `{}` and `{}`",
                    shown(&first.key.text().unwrap_or_default()),
                    shown(&second.key.text().unwrap_or_default()),
                );
                let hint = "begin the second one with `- `, or indent its fields deeper than their kind";
                found.push(Diagnostic::error("DW0110", second.key.span(), message).with_hint(hint));
            }
            Some([_]) | None => {}
        }
    }
}

/// `DW0111`: a kind that this Dagster does not know.
fn unknown_kinds(file: &File<'_>, found: &mut Vec<Diagnostic>) {
    for item in file.items() {
        let kinds = file.kinds(item).unwrap_or_default();
        let [Entry { key, .. }] = kinds[..] else { continue };
        if file.known(key).is_some() {
            continue;
        }
        let written = key.text().unwrap_or_default();
        let newer = KINDS.iter().find(|kind| kind.key == written);
        let message = match newer {
            Some(kind) => not_yet(file, &written, kind.since),
            None => format!("unknown kind of code location `{}`", shown(&written)),
        };
        let known = KINDS.iter().filter(|kind| kind.since.is_in(file.dagster)).map(|kind| kind.key);
        let hint = match nearest(&written, known.clone()).filter(|_| newer.is_none()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it knows {}", alternatives(known)),
        };
        found.push(Diagnostic::error("DW0111", key.span(), message).with_hint(hint));
    }
}

/// That a word is newer than the Dagster at hand.
fn not_yet(file: &File<'_>, written: &str, since: Since) -> String {
    match since {
        Since::From(first) => format!("Dagster {} does not know `{written}` yet, {first} does", file.dagster),
        _ => format!("Dagster {} does not know `{written}` yet", file.dagster),
    }
}

/// `DW0112`: `grpc_server` is a mapping, the others a mapping or a text.
fn kinds_of_wrong_type(file: &File<'_>, found: &mut Vec<Diagnostic>) {
    for location in &file.locations {
        let Some(target) = file.reader.target(location.value) else { continue };
        let fits = if location.kind.is_grpc() {
            // Nothing at all is an empty mapping here.
            is_null(&file.reader, target)
        } else {
            is_text(&file.reader, target)
        };
        if !fits && !is_dict(target) {
            let expected = if location.kind.is_grpc() { "a mapping" } else { "a text or a mapping" };
            let message = format!("`{}` must be {expected}, {}", location.kind.key, got(&file.reader, target));
            let finding = Diagnostic::error("DW0112", head(location.value), message);
            found.push(match quote_hint(target).filter(|_| !location.kind.is_grpc()) {
                Some(hint) => finding.with_hint(hint),
                None => finding,
            });
        }
    }
}

/// `DW0113`: an empty module, package or file.
fn targets_without_a_name(file: &File<'_>, found: &mut Vec<Diagnostic>) {
    for location in &file.locations {
        let Some(required) = location.kind.required else { continue };
        let (node, fails) = match location.body(&file.reader) {
            None => (Some(location.value), true),
            Some(body) => {
                let named = location.text(&file.reader, "location_name") != Source::Missing;
                // An empty path is the folder of the workspace file, which Dagster finds out later.
                (file.reader.get(body, required), location.kind.key != "python_file" && !named)
            }
        };
        let Some(node) = node else { continue };
        let is_empty = file
            .reader
            .target(node)
            .is_some_and(|target| is_text(&file.reader, target) && target.text().is_some_and(|text| text.is_empty()));
        if fails && is_empty {
            let message = format!("`{}` is empty", location.kind.key);
            found.push(Diagnostic::error("DW0113", node.span(), message));
        }
    }
}

/// `DW0114`: Dagster refuses keys it does not know, so that an entry cannot carry notes of anybody else.
fn unknown_fields(file: &File<'_>, found: &mut Vec<Diagnostic>) {
    for location in &file.locations {
        let Some(body) = location.body(&file.reader) else { continue };
        let known = location.kind.known(file.dagster).map(|field| field.key);
        for Entry { key, .. } in file.reader.entries(body) {
            if known.clone().any(|name| key.is_text(name)) {
                continue;
            }
            let written = key.text().unwrap_or_default();
            let newer = chart::field(location.kind.fields, &written);
            let message = match newer {
                Some(field) => not_yet(file, &written, field.since),
                None => format!("unknown key `{}` in `{}`", shown(&written), location.kind.key),
            };
            let meant =
                chart::meant(location.kind.fields, &written).filter(|near| known.clone().any(|name| name == *near));
            let hint = match meant.filter(|_| newer.is_none()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it takes {}", alternatives(known.clone())),
            };
            found.push(Diagnostic::error("DW0114", key.span(), message).with_hint(hint));
        }
    }
}

/// `DW0115`: the long form needs its one field.
fn missing_fields(file: &File<'_>, found: &mut Vec<Diagnostic>) {
    for location in &file.locations {
        let Some((required, body)) = location.kind.required.zip(location.body(&file.reader)) else { continue };
        if file.reader.get(body, required).is_none() {
            let message = format!("`{}` needs `{required}`", location.kind.key);
            found.push(Diagnostic::error("DW0115", location.key.span(), message));
        }
    }
}

/// `DW0116`: YAML 1.1 makes booleans, numbers and nothing of unquoted words.
fn fields_that_are_no_text(file: &File<'_>, found: &mut Vec<Diagnostic>) {
    for location in &file.locations {
        for name in location.kind.texts() {
            let Some(written) = location.field(&file.reader, name) else { continue };
            let Some(target) = file.reader.target(written) else { continue };
            if is_text(&file.reader, target) || is_dict(target) {
                continue;
            }
            let message = format!("`{name}` must be a text, {}", got(&file.reader, target));
            let finding = Diagnostic::error("DW0116", written.span(), message);
            found.push(match quote_hint(target) {
                Some(hint) => finding.with_hint(hint),
                None if is_null(&file.reader, target) => finding.with_hint("remove the key, or give it a value"),
                None => finding,
            });
        }
    }
}

/// `DW0117`: a mapping in place of a value can only be `{env: NAME}`. Whether NAME is set is not visible here.
fn malformed_env(file: &File<'_>, found: &mut Vec<Diagnostic>) {
    for location in &file.locations {
        let port = location.kind.is_grpc().then_some("port");
        for name in location.kind.texts().chain(port) {
            let Some(written) = location.field(&file.reader, name) else { continue };
            let Some(body) = file.reader.target(written).filter(|target| is_dict(*target)) else { continue };
            if let Some((node, message)) = env_problem(&file.reader, body) {
                found.push(Diagnostic::error("DW0117", node.span(), format!("`{name}`: {message}")));
            }
        }
    }
}

/// `DW0118`: a server listens on a port or on a socket; 0 and the empty text count as none.
fn port_or_socket(file: &File<'_>, found: &mut Vec<Diagnostic>) {
    for location in file.locations.iter().filter(|location| location.kind.is_grpc()) {
        let reader = &file.reader;
        if location.body(reader).is_none() && !reader.target(location.value).is_some_and(|value| is_null(reader, value))
        {
            continue;
        }
        let port = location.field(reader, "port");
        let key = location.key.span();
        match (location.port(reader), location.text(reader, "socket")) {
            (Source::Missing, Source::Missing) => {
                let span = port.map_or(key, Node::span);
                let finding = Diagnostic::error("DW0118", span, "`grpc_server` needs a port or a socket");
                found.push(finding.with_hint("code servers of the chart listen on `port: 3030`"));
            }
            (Source::Missing | Source::Wrong, _) | (_, Source::Missing | Source::Wrong) => {}
            _ => {
                let span = location.field(reader, "socket").map_or(key, Node::span);
                let finding = Diagnostic::error("DW0118", span, "`grpc_server` takes a port or a socket, not both");
                found.push(finding.with_related(port.map_or(key, Node::span), "the port"));
            }
        }
    }
}

/// `DW0119`: a port is a whole number; `"3030"` is a text.
fn ports_that_are_no_number(file: &File<'_>, found: &mut Vec<Diagnostic>) {
    for (written, target) in file.fields("port") {
        if whole(target).is_none() && !is_dict(target) {
            let message = format!("`port` must be a whole number, {}", got(&file.reader, target));
            let finding = Diagnostic::error("DW0119", written.span(), message);
            let digits = target.text().filter(|text| is_text(&file.reader, target) && text.parse::<u16>().is_ok());
            found.push(match digits {
                Some(digits) => finding.with_hint(format!("write it without quotes: `port: {digits}`")),
                None => finding,
            });
        }
    }
}

/// `DW0120`: `ssl` is a boolean, and takes no variable.
fn ssl_that_is_no_boolean(file: &File<'_>, found: &mut Vec<Diagnostic>) {
    for (written, target) in file.fields("ssl") {
        let resolved = target.scalar().map(|scalar| scalar.resolve(file.reader.schema()));
        if !matches!(resolved, Some(crate::yaml::Resolved::Bool(_))) {
            let message = format!("`ssl` must be true or false, {}", got(&file.reader, target));
            let finding = Diagnostic::error("DW0120", written.span(), message);
            found.push(if is_text(&file.reader, target) {
                finding.with_hint("write it without quotes")
            } else {
                finding
            });
        }
    }
}

/// `DW0121`: `additional_metadata` is a mapping.
fn metadata_that_is_no_mapping(file: &File<'_>, found: &mut Vec<Diagnostic>) {
    for (written, target) in file.fields("additional_metadata") {
        if !is_dict(target) {
            let message = format!("`additional_metadata` must be a mapping, {}", got(&file.reader, target));
            found.push(Diagnostic::error("DW0121", written.span(), message));
        }
    }
}

/// `DW0122`: keys and values of `additional_metadata` are texts: the loader takes other values, and the webserver and the
/// daemon then fail on them as a whole. A null value is left out.
fn metadata_that_is_no_text(file: &File<'_>, found: &mut Vec<Diagnostic>) {
    let reader = &file.reader;
    for (_, target) in file.fields("additional_metadata").filter(|(_, target)| is_dict(*target)) {
        for Entry { key, value } in reader.entries(target) {
            let wrong_key = reader.target(key).filter(|key| !is_text(reader, *key));
            let wrong_value = reader.target(value).filter(|value| !is_text(reader, *value) && !is_null(reader, *value));
            for (at, node, what) in [(key, wrong_key, "keys"), (value, wrong_value, "values")] {
                let Some(node) = node else { continue };
                let message = format!("{what} of `additional_metadata` must be texts, {}", got(reader, node));
                let finding = Diagnostic::error("DW0122", at.span(), message);
                found.push(match quote_hint(node) {
                    Some(hint) => finding.with_hint(hint),
                    None => finding,
                });
            }
        }
    }
}

/// `DW0101`: names of code locations are unique, those that Dagster makes up (`grpc:HOST:PORT`) included.
fn repeated_names(file: &File<'_>, found: &mut Vec<Diagnostic>) {
    let mut first: BTreeMap<String, (usize, Span)> = BTreeMap::new();
    for (at, location) in file.locations.iter().enumerate() {
        let Some(name) = location.name(&file.reader) else { continue };
        let span = location.name_span(&file.reader);
        if let Some((before, related)) = first.get(&name) {
            let finding =
                Diagnostic::error("DW0101", span, format!("code location `{}` is already defined", shown(&name)))
                    .with_related(*related, format!("also at `load_from[{before}]`"))
                    .with_hint("choose another `location_name`, or remove one of the two");
            found.push(finding);
        } else {
            first.insert(name, (at, span));
        }
    }
}

/// `DW0132`, a warning: the loader takes any number, the network takes 1 to 65535.
fn unusual_ports(file: &File<'_>, found: &mut Vec<Diagnostic>) {
    for (written, target) in file.fields("port") {
        let outside = match whole(target) {
            // 0 is no port to Dagster, which is an error of its own.
            Some(Whole::Fits(port)) => !(0..=65535).contains(&port),
            Some(Whole::Larger) => true,
            None => false,
        };
        if outside {
            let message = "no server can listen on this port";
            found.push(Diagnostic::warning("DW0132", written.span(), message).with_hint("ports go from 1 to 65535"));
        }
    }
}
