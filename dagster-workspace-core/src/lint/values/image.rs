//! Rules for `image`: above all, what helm makes of an unquoted tag.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::{Deployment, Rule, Values};
use crate::chart::{DIGEST_SINCE, Place};
use crate::error::Diagnostic;
use crate::lint::finding::{head, shown};
use crate::lint::{is_null, is_text};
use crate::values::split_tag;
use crate::yaml::{Kind, Node, Resolved};

/// Largest whole number that a 64-bit float holds exactly, as helm keeps every number.
const EXACT: i64 = 1 << 53;

/// Rules of this module.
pub(super) const RULES: [Rule; 7] =
    [tags, missing_tags, ignored_digests, ignored_tags, digests_in_tags, malformed_references, mutable_tags];

impl<'d> Values<'d> {
    /// The images that are mappings.
    fn images(&self) -> impl Iterator<Item = (&Deployment<'d>, Node<'d>)> {
        self.deployments().filter_map(|entry| {
            let image = self.reader.target(entry.get("image")?)?;
            image.kind().is_mapping().then_some((entry, image))
        })
    }

    /// A scalar of the image, and its node as it is written.
    fn part(&self, image: Node<'d>, key: &str) -> Option<(Node<'d>, Node<'d>)> {
        let node = self.reader.get(image, key)?;
        self.reader.target(node).filter(|target| target.scalar().is_some()).map(|target| (node, target))
    }

    fn has_digest(&self, image: Node<'d>) -> bool {
        self.chart >= DIGEST_SINCE && self.part(image, "digest").is_some_and(|(_, digest)| !is_nothing(self, digest))
    }
}

/// Null and the empty text: the chart takes its own version for a tag.
fn is_nothing<'d>(values: &Values<'d>, node: Node<'d>) -> bool {
    is_null(&values.reader, node) || (is_text(&values.reader, node) && node.is_text(""))
}

/// What becomes of a tag that helm does not take for a text.
enum Outcome {
    /// The tag as it stands in the manifest.
    Tag(String),
    /// The chart's schema takes no such value.
    Refused(&'static str),
    /// `default` takes it for missing.
    ChartVersion,
}

fn outcome<'d>(values: &Values<'d>, tag: Node<'d>) -> Option<Outcome> {
    let number = |number: i64| match number {
        0 => Outcome::ChartVersion,
        // Helm reads numbers as 64-bit floats.
        _ => Outcome::Tag((number as f64 as i64).to_string()),
    };
    Some(match tag.scalar()?.resolve(values.reader.schema()) {
        Resolved::Null | Resolved::String => return None,
        Resolved::Bool(true) => Outcome::Refused("the boolean true"),
        Resolved::Bool(false) => Outcome::Refused("the boolean false"),
        Resolved::Int(value) => number(value),
        Resolved::Float(_) => match super::entry::whole(&values.reader, tag) {
            Some(value) if value.abs() < EXACT * 512 => number(value),
            _ => Outcome::Refused("a fraction"),
        },
    })
}

/// `DW0214`: digits, `1e5` and `0123456` are numbers to helm, and come back from it in another notation.
fn tags(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for (_, image) in values.images() {
        let Some((node, tag)) = values.part(image, "tag") else { continue };
        let Some(outcome) = outcome(values, tag) else { continue };
        let written = tag.text().unwrap_or_default();
        let message = match outcome {
            Outcome::Tag(tag) if tag == written => {
                found.push(super::entry::ambiguous(&Place::ROOT.key("image").key("tag"), node));
                continue;
            }
            Outcome::Tag(tag) => format!("helm takes the tag `{}` for the number {tag}", shown(&written)),
            Outcome::Refused(what) => format!("helm takes the tag `{}` for {what}", shown(&written)),
            Outcome::ChartVersion => format!("helm takes the tag `{}` for none, and uses the chart's", shown(&written)),
        };
        let hint = format!("quote it: `tag: \"{}\"`", shown(&written));
        found.push(Diagnostic::error("DW0214", head(node), message).with_hint(hint));
    }
}

/// `DW0215`, a warning: without a tag and a digest the chart uses its own version.
fn missing_tags(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for (entry, image) in values.images() {
        let tag = values.part(image, "tag");
        let written = values.reader.get(image, "tag");
        let missing = tag.map_or(written.is_none(), |(_, tag)| is_nothing(values, tag));
        // The project's own images carry the version of the chart.
        let repository = values.part(image, "repository").and_then(|(_, repository)| repository.text());
        let own = repository.is_some_and(|name| name.trim_start_matches("docker.io/").starts_with("dagster/"));
        if missing && !own && !values.has_digest(image) {
            let span = tag.map(|(node, _)| node.span()).filter(|span| !span.is_empty());
            let message = format!("{} has no tag: the chart uses its own version, {}", entry.called(), values.chart);
            let finding = Diagnostic::warning("DW0215", span.unwrap_or_else(|| entry.span()), message);
            found.push(finding.with_hint("write the tag of your image"));
        }
    }
}

/// `DW0216`: older charts ignore the digest, and deploy the tag or their own version.
fn ignored_digests(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for (_, image) in values.images().filter(|_| values.chart < DIGEST_SINCE) {
        let Some((node, _)) = values.part(image, "digest").filter(|(_, digest)| !is_nothing(values, *digest)) else {
            continue;
        };
        let message = format!("chart {} ignores the digest of an image", values.chart);
        let hint = format!("charts from {DIGEST_SINCE} on read it");
        found.push(Diagnostic::error("DW0216", head(node), message).with_hint(hint));
    }
}

/// `DW0217`, a warning: a digest wins over the tag beside it.
fn ignored_tags(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for (_, image) in values.images().filter(|(_, image)| values.has_digest(*image)) {
        let (Some((tag, written)), Some((digest, _))) = (values.part(image, "tag"), values.part(image, "digest"))
        else {
            continue;
        };
        if !is_nothing(values, written) {
            let has_own = written.text().is_some_and(|text| split_tag(&text).is_some());
            let message = if has_own {
                "the tag has no effect beside `digest`, and neither has the digest in it"
            } else {
                "the tag has no effect beside a digest"
            };
            let finding = Diagnostic::warning("DW0217", head(tag), message);
            found.push(finding.with_related(head(digest), "this one wins"));
        }
    }
}

/// `DW0239`, a warning: `TAG@DIGEST`, as tools write it that pin images, deploys what it says; newer charts have a key for it.
fn digests_in_tags(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for (_, image) in values.images().filter(|(_, image)| values.chart >= DIGEST_SINCE && !values.has_digest(*image)) {
        let Some((node, tag)) = values.part(image, "tag") else { continue };
        let text = tag.text().unwrap_or_default();
        if let Some((_, digest)) = split_tag(&text).filter(|_| is_text(&values.reader, tag)) {
            let finding = Diagnostic::warning("DW0239", head(node), "the tag holds a digest, which wins over it");
            found.push(finding.with_hint(format!("the chart has a key of its own: `digest: {digest}`")));
        }
    }
}

/// Whether a text can be that part of a reference.
type Fits = fn(&str) -> bool;

/// `DW0218`: what no container runtime takes for a reference to an image.
fn malformed_references(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for (_, image) in values.images() {
        let parts: [(&str, Fits, &str); 3] = [
            ("repository", is_repository, "lower-case letters, digits, `.`, `_`, `-` and `/`, without a tag"),
            (
                "tag",
                is_pinned_tag,
                "letters, digits, `.`, `_` and `-`, at most 128 of them, and perhaps `@` and a digest",
            ),
            ("digest", is_digest, "`sha256:` and 64 hexadecimal digits"),
        ];
        for (key, fits, hint) in parts {
            let Some((node, target)) = values.part(image, key) else { continue };
            let text = target.text().unwrap_or_default();
            // `${NAME}` is filled in before helm reads it.
            if text.contains("${") {
                continue;
            }
            if is_text(&values.reader, target) && !(text.is_empty() && key != "repository") && !fits(&text) {
                let message = format!("`{}` is no {key} of an image", shown(&text));
                found.push(Diagnostic::error("DW0218", head(node), message).with_hint(hint));
            }
        }
    }
}

/// A registry with an optional port, and a path. Source: <https://pkg.go.dev/github.com/distribution/reference>
fn is_repository(text: &str) -> bool {
    let (registry, path) = text.split_once('/').map_or((None, text), |(first, rest)| {
        let is_host = first.contains(['.', ':']) || first == "localhost";
        if is_host { (Some(first), rest) } else { (None, text) }
    });
    let host = registry.is_none_or(|host| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
    });
    let part = |part: &str| {
        let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        edge(part.bytes().next()) && edge(part.bytes().last()) && part.bytes().all(inside)
    };
    host && path.split('/').all(part)
}

fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|byte| word(byte) || b".-".contains(&byte))
}

/// A tag, alone or with a digest behind it, which the chart prints as it stands.
fn is_pinned_tag(text: &str) -> bool {
    text.split_once('@').map_or_else(|| is_tag(text), |(tag, digest)| is_tag(tag) && is_digest(digest))
}

fn is_digest(text: &str) -> bool {
    let Some((algorithm, digits)) = text.split_once(':') else { return false };
    let length = match algorithm {
        "sha256" => 64,
        "sha512" => 128,
        _ => return false,
    };
    digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// `DW0219`, a warning: a new image under an old tag changes nothing that the chart or Dagster could notice.
fn mutable_tags(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    for (_, image) in values.images() {
        let Some((node, tag)) = values.part(image, "tag").filter(|_| !values.has_digest(image)) else { continue };
        if tag.is_text("latest") && tag.kind() != Kind::Empty {
            let message = "`latest` says nothing of what runs: a new image under it restarts no server";
            let finding = Diagnostic::warning("DW0219", head(node), message);
            found.push(finding.with_hint("use a tag of its own for every build, or a digest"));
        }
    }
}
