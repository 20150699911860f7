//! One entry of `load_from` as Dagster's loader takes it: its kind, its fields, and the name it ends up with.
//! Read [`Location`].

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString as _};

use super::{is_null, is_text, standard_tag};
use crate::chart::Kind;
use crate::span::Span;
use crate::yaml::{Node, Reader, Resolved, Schema};

/// One entry of `load_from` of a known kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Location<'d> {
    /// The list item as it is written, an alias perhaps.
    pub(super) item: Node<'d>,
    pub(super) kind: &'static Kind,
    pub(super) key: Node<'d>,
    /// What stands under the key, as it is written.
    pub(super) value: Node<'d>,
}

/// What a field gives, as far as the file shows it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Source<'d> {
    /// The field is missing, or is the empty text or 0, which Dagster takes for missing.
    Missing,
    /// Written out.
    Literal(Cow<'d, str>),
    /// In a variable: not visible.
    Env,
    /// Of a type that another rule refuses.
    Wrong,
}

impl<'d> Location<'d> {
    /// Its fields, where it has the long form.
    pub(super) fn body(&self, reader: &Reader<'d>) -> Option<Node<'d>> {
        reader.target(self.value).filter(|body| is_dict(*body))
    }

    /// The value of a field as it is written.
    pub(super) fn field(&self, reader: &Reader<'d>, name: &str) -> Option<Node<'d>> {
        reader.get(self.body(reader)?, name)
    }

    /// What a field that holds a text gives.
    pub(super) fn text(&self, reader: &Reader<'d>, name: &str) -> Source<'d> {
        self.field(reader, name).map_or(Source::Missing, |node| text_source(reader, node))
    }

    /// What `port` gives, in decimal.
    pub(super) fn port(&self, reader: &Reader<'d>) -> Source<'d> {
        self.field(reader, "port").map_or(Source::Missing, |node| port_source(reader, node))
    }

    /// The name that Dagster gives the location; `None` where it is not visible or another rule refuses the entry.
    pub(super) fn name(&self, reader: &Reader<'d>) -> Option<String> {
        match self.text(reader, "location_name") {
            Source::Literal(name) => return Some(name.into_owned()),
            Source::Missing => {}
            Source::Env | Source::Wrong => return None,
        }
        let literal = |source: Source<'d>| match source {
            Source::Literal(text) => Some(Some(text.into_owned())),
            Source::Missing => Some(None),
            Source::Env | Source::Wrong => None,
        };
        let Some(required) = self.kind.required else {
            let host = literal(self.text(reader, "host"))?.unwrap_or_else(|| "localhost".to_string());
            let port = literal(self.port(reader))?;
            let socket = literal(self.text(reader, "socket"))?;
            return Some(format!("grpc:{host}:{}", socket.or(port)?));
        };
        let short = self.body(reader).is_none();
        let source = if short { text_source(reader, self.value) } else { self.text(reader, required) };
        let target = literal(source)?;
        let attribute = if short { None } else { literal(self.text(reader, "attribute"))? };
        let file = self.kind.key == "python_file";
        let target = match target {
            Some(path) if file => path.rsplit('/').next().unwrap_or_default().to_string(),
            // An empty path is the folder of the workspace file.
            None if file && !short => String::new(),
            Some(name) => name,
            None => return None,
        };
        Some(attribute.map_or(target.clone(), |attribute| format!("{target}:{attribute}")))
    }

    /// Where its name stands; its kind where it has none of its own.
    pub(super) fn name_span(&self, reader: &Reader<'d>) -> Span {
        let here = |node: &Node<'d>| self.item.span().contains(node.span());
        let named = self.field(reader, "location_name").filter(|node| !node.is_text(""));
        let short = self.body(reader).is_none().then_some(self.value);
        let key = Some(self.key).filter(here).unwrap_or(self.item);
        named.or(short).filter(here).unwrap_or(key).span()
    }
}

/// A mapping that Python gets as `dict`.
pub(super) fn is_dict(node: Node<'_>) -> bool {
    node.kind().is_mapping() && node.tag().and_then(standard_tag) != Some("set")
}

/// A sequence that Python gets as a `list` of what its items say.
pub(super) fn is_list(node: Node<'_>) -> bool {
    node.kind().is_sequence() && !matches!(node.tag().and_then(standard_tag), Some("omap" | "pairs"))
}

fn text_source<'d>(reader: &Reader<'d>, node: Node<'d>) -> Source<'d> {
    let Some(target) = reader.target(node) else { return Source::Wrong };
    match target.text() {
        Some(text) if is_text(reader, target) => {
            if text.is_empty() {
                Source::Missing
            } else {
                Source::Literal(text)
            }
        }
        None if is_dict(target) => Source::Env,
        _ => Source::Wrong,
    }
}

fn port_source<'d>(reader: &Reader<'d>, node: Node<'d>) -> Source<'d> {
    let Some(target) = reader.target(node) else { return Source::Wrong };
    if is_dict(target) {
        return Source::Env;
    }
    match whole(target) {
        Some(Whole::Fits(0)) => Source::Missing,
        Some(Whole::Fits(number)) => Source::Literal(number.to_string().into()),
        Some(Whole::Larger) => Source::Literal(target.text().unwrap_or_default()),
        None => Source::Wrong,
    }
}

/// A whole number; Python knows no largest one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Whole {
    Fits(i64),
    Larger,
}

/// The whole number that Dagster reads at `node`.
pub(super) fn whole(node: Node<'_>) -> Option<Whole> {
    let scalar = node.scalar()?;
    let tag = node.tag().and_then(standard_tag);
    match scalar.resolve(Schema::Dagster) {
        Resolved::Int(number) => Some(Whole::Fits(number)),
        // PyYAML's floats all have a dot.
        Resolved::Float(_) if tag != Some("float") && !scalar.text().contains('.') => Some(Whole::Larger),
        _ => None,
    }
}

/// Whether `{env: NAME}` is malformed, and where.
pub(super) fn env_problem<'d>(reader: &Reader<'d>, body: Node<'d>) -> Option<(Node<'d>, String)> {
    let entries = reader.entries(body);
    if entries.is_empty() {
        return Some((body, "expected `{env: NAME}`, got an empty mapping".to_string()));
    }
    if let Some(other) = entries.iter().find(|entry| !entry.key.is_text("env")) {
        let key = super::finding::shown(&other.key.text().unwrap_or_default());
        return Some((other.key, format!("expected `{{env: NAME}}` alone, got the key `{key}`")));
    }
    let value = entries.first()?.value;
    let target = reader.target(value)?;
    if is_text(reader, target) {
        return None;
    }
    let got = if is_null(reader, target) { "nothing".to_string() } else { super::finding::got(reader, target) };
    Some((value, format!("the name of a variable must be a text, {}", got.trim_start_matches("nothing"))))
        .map(|(node, message)| (node, message.trim_end_matches(", ").to_string()))
}
