//! What may be secret in a document, as a property of its spans: [`Shown`] is a text as it may be shown. The one rule of this
//! crate for what is in no diagnostic, diff, plan, log or exception. Read [`Shown`] first, then `rule`.
//!
//! Secret are the values of environment variables, what stands under keys such as `password` or `apiKey`, and texts that are
//! credentials wherever they stand; through anchors and in comments, too. Names, references (`secretKeyRef`) and `null`, `true`
//! and `false` are not. A text that is no YAML is read line by line, and rather too much of it is secret than too little.

mod data;
mod lines;
mod nodes;
mod rule;
mod words;

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

pub use data::hidden;
pub(crate) use data::hidden_with;
pub(crate) use nodes::anchored;

use crate::error::Diagnostic;
use crate::span::{Span, offset, width};
use crate::value::Value;
use crate::yaml::{Document, Node, Path};

/// A text as it may be shown: with `*` in place of what may be secret.
///
/// # Example
/// ```
/// use dagster_workspace_core::{secret::Shown, span::Span};
/// let text = "env: {KEY: s3cret}\nport: 3030\n";
/// assert_eq!(Shown::of(text).to_string(), "env: {KEY: ******}\nport: 3030\n");
/// ```
#[derive(Clone)]
pub struct Shown<'t> {
    text: &'t str,
    /// Invariant: sorted, no overlap, none empty.
    secrets: Vec<Span>,
}

impl<'t> Shown<'t> {
    /// Looks for secrets in a text, whether it is YAML or not.
    #[must_use]
    pub fn of(text: &'t str) -> Self {
        Self::new(
            text,
            match Document::parse(text) {
                Ok(document) => nodes::secrets(&document),
                Err(_) => lines::secrets(text),
            },
        )
    }

    fn new(text: &'t str, mut found: Vec<Span>) -> Self {
        found.retain(|span| !span.is_empty());
        found.sort();
        let mut secrets: Vec<Span> = Vec::with_capacity(found.len());
        for span in found {
            match secrets.last_mut() {
                Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
                _ => secrets.push(span),
            }
        }
        Self { text, secrets }
    }

    /// The text itself, secrets included.
    #[must_use]
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// The bytes that may be secret, in order.
    #[must_use]
    pub fn secrets(&self) -> &[Span] {
        &self.secrets
    }

    /// A part of the text as it may be shown. It takes as many columns as the part itself.
    #[must_use]
    pub fn part(&self, span: Span) -> String {
        let mut out = String::new();
        let from = self.secrets.partition_point(|secret| secret.end <= span.start);
        let mut secrets = self.secrets.get(from..).unwrap_or_default().iter().peekable();
        for (at, c) in span.of(self.text).char_indices() {
            let at = span.range().start + at;
            while secrets.next_if(|secret| secret.range().end <= at).is_some() {}
            if !c.is_whitespace() && secrets.peek().is_some_and(|secret| secret.range().contains(&at)) {
                out.extend(core::iter::repeat_n('*', width(c)));
            } else {
                out.push(c);
            }
        }
        out
    }

    /// A finding about this text, without what may be secret in its message, its hint and its notes.
    #[must_use]
    pub fn finding(&self, finding: Diagnostic) -> Diagnostic {
        let places = places(&finding).collect();
        self.finding_at(finding, places)
    }

    /// The same of a finding that may quote what stands at those places.
    fn finding_at(&self, finding: Diagnostic, places: Vec<Span>) -> Diagnostic {
        let mut secrets: Vec<String> = Vec::new();
        for span in places {
            secrets.extend(self.at(span).iter().chain(self.meant(span)).flat_map(|span| self.words_of(*span)));
        }
        if secrets.is_empty() {
            return finding;
        }
        let Diagnostic { code, severity, message, span, related, hint } = finding;
        Diagnostic {
            code,
            severity,
            message: without(&message, &secrets, By::Us),
            span,
            related: related.into_iter().map(|(span, note)| (span, without(&note, &secrets, By::Us))).collect(),
            hint: hint.map(|hint| without(&hint, &secrets, By::Us)),
        }
    }

    /// A message of another program that was given this text, without what may be secret in it.
    #[must_use]
    pub fn message(&self, message: &str) -> String {
        let secrets: Vec<String> = self.secrets.iter().flat_map(|span| self.words_of(*span)).collect();
        without(message, &secrets, By::Others)
    }

    /// A value of this text, which stands at `path`, with `(hidden)` in place of what may be secret.
    #[must_use]
    pub fn value(&self, value: &Value, path: &Path) -> Value {
        let known = Document::parse(self.text).map(|document| anchored(&document)).unwrap_or_default();
        hidden_with(value, path, &known)
    }

    /// The secrets that have bytes in common with a span.
    fn at(&self, span: Span) -> &[Span] {
        let end = span.end.max(span.start + 1);
        let from = self.secrets.partition_point(|secret| secret.end <= span.start);
        let rest = self.secrets.get(from..).unwrap_or_default();
        rest.get(..rest.partition_point(|secret| secret.start < end)).unwrap_or_default()
    }

    /// The secrets that an alias means.
    fn meant(&self, span: Span) -> impl Iterator<Item = &Span> {
        let name = span.of(self.text).strip_prefix('*');
        self.secrets.iter().filter(move |secret| {
            let anchor = secret.of(self.text).strip_prefix('&').and_then(|rest| rest.split_whitespace().next());
            name.is_some() && anchor == name
        })
    }

    /// How a message may quote a secret: line by line, as it is written or as it is meant.
    fn words_of(&self, secret: Span) -> Vec<String> {
        let source = secret.of(self.text);
        let document = Document::parse(source).ok();
        let decoded = document.as_ref().and_then(Document::root).and_then(Node::text);
        let mut words: Vec<String> = Vec::new();
        for text in [Some(Cow::Borrowed(source)), decoded].into_iter().flatten() {
            words.extend(text.split(|c: char| c.is_control()).map(ToString::to_string));
        }
        if source.starts_with(['&', '!', '*']) {
            words.extend(source.split_whitespace().map(|word| word.trim_start_matches(['&', '*']).to_string()));
        }
        let quotes = |c: char| c.is_whitespace() || matches!(c, '"' | '\'');
        words.iter().map(|word| word.trim_matches(quotes).to_string()).filter(|word| !word.is_empty()).collect()
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.part(Span::new(0, offset(self.text.len()))))
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

/// As it may be shown.
impl fmt::Debug for Document<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", Shown::of(self.text()))
    }
}

/// Findings about a document, without what may be secret in what they say.
pub(crate) fn cleaned(document: &Document<'_>, mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let text = document.text();
    let quotes = |finding: &Diagnostic, span: Span| {
        let quoted = span.of(text).trim_start_matches(['"', '\'', '&', '!']);
        let begin = quoted.char_indices().nth(COMMON).map_or(quoted, |(at, _)| quoted.get(..at).unwrap_or_default());
        let behind = text.get(span.range().end..).unwrap_or_default();
        // Of a key, what stands under it may be quoted.
        begin.starts_with('*')
            || behind.trim_start_matches(['"', '\'', ' ']).starts_with(':')
            || finding.message.contains(begin)
            || finding.hint.as_ref().is_some_and(|hint| hint.contains(begin))
    };
    let suspects = found.iter_mut().filter(|finding| {
        // Without a place, it may be about any.
        finding.span.is_none() && finding.message.contains('`') || places(finding).any(|span| quotes(finding, span))
    });
    let suspects: Vec<&mut Diagnostic> = suspects.collect();
    // The way to each of many places is longer than one walk.
    let all = (suspects.len() > FEW).then(|| Shown::new(text, nodes::secrets(document)));
    for finding in suspects {
        // Of a key, what stands under it.
        let mut places: Vec<Span> = places(finding).map(|span| nodes::entry_at(document, span)).collect();
        if places.is_empty() {
            places.push(Span::new(0, offset(text.len())));
        }
        *finding = match &all {
            Some(shown) => shown.finding_at(finding.clone(), places),
            None => {
                let found = places.iter().flat_map(|span| nodes::secrets_at(document, *span)).collect();
                Shown::new(text, found).finding_at(finding.clone(), places)
            }
        };
    }
    found
}

/// What a finding is about.
fn places(finding: &Diagnostic) -> impl Iterator<Item = Span> {
    finding.span.into_iter().chain(finding.related.iter().map(|(span, _)| *span))
}

/// Places that are looked for one by one.
const FEW: usize = 8;

/// Who has written a message that may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// This crate, which quotes between backticks, and cuts what is long.
    Us,
    Others,
}

/// Letters that a message must have in common with a secret to be taken for a part of it.
const COMMON: usize = 4;

/// Letters of a secret that stands for nothing else, wherever in a word it is found.
const LONG: usize = 8;

/// A message with `***` in place of those texts.
fn without(message: &str, secrets: &[String], by: By) -> String {
    let mut out = String::new();
    let (mut rest, mut is_inside) = (message, false);
    while let Some(first) = rest.chars().next() {
        is_inside ^= out.ends_with('`');
        let taken = secrets.iter().filter_map(|secret| {
            let same = rest.chars().zip(secret.chars()).take_while(|(a, b)| a == b);
            let common: usize = same.map(|(c, _)| c.len_utf8()).sum();
            let is_whole =
                common == secret.len() && (common >= LONG || is_apart(&out, rest.get(common..).unwrap_or_default()));
            match by {
                By::Us => is_inside && (is_whole || common >= COMMON),
                By::Others => is_whole,
            }
            .then_some(common)
        });
        let taken = taken.max();
        match taken {
            Some(_) => out.push_str("***"),
            None => out.push(first),
        }
        rest = rest.get(taken.unwrap_or(first.len_utf8())..).unwrap_or_default();
    }
    out
}

/// Whether what stands between two texts is a word of its own.
fn is_apart(before: &str, behind: &str) -> bool {
    !before.ends_with(char::is_alphanumeric) && !behind.starts_with(char::is_alphanumeric)
}
