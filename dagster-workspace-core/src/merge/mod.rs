//! Three-way merge of YAML documents, matched by key, comments and notation kept. Read [`three_way`].
//!
//! Three documents are walked together (`walk`, `collection`): entries belong together by key, items by the identity of their
//! list or by content (`align`). Of data, notation and comments the same rule holds: who changed it, has it. The result is
//! written down as pieces of ours and theirs (`rope`), which become splices of ours, and is read again (`prove`): what does not
//! mean what it must, because of an alias or because the notation of theirs has no place in ours, becomes a conflict.

mod align;
mod collection;
mod conflict;
mod eol;
mod floating;
mod frame;
mod layout;
mod markers;
mod order;
mod places;
mod prove;
mod report;
mod reuse;
mod rope;
mod same;
mod shorten;
mod trivia;
mod trunk;
mod walk;
mod write;

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use self::layout::Body;
use self::prove::{Broken, Claim};
use self::walk::{Limits, Walk};
use crate::diff::MergeKeys;
use crate::error::ParseError;
use crate::splice::Splices;
use crate::yaml::{Document, MAX_LEN};

pub use conflict::{Conflict, ConflictKind, Merge, MergeError};
pub use markers::with_markers;

/// How often a result is mended before nothing more of theirs is taken.
const ROUNDS: usize = 64;

/// One of the three texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Input {
    /// What both sides began with.
    Base,
    /// The side whose bytes the result begins with.
    Ours,
    /// The side whose changes are brought in.
    Theirs,
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Base => "base",
            Self::Ours => "ours",
            Self::Theirs => "theirs",
        })
    }
}

/// One of each input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Three<T> {
    /// Of what both sides began with.
    pub base: T,
    /// Of the side whose bytes the result begins with.
    pub ours: T,
    /// Of the side whose changes are brought in.
    pub theirs: T,
}

impl<T> Three<T> {
    /// The three in order, each with its name.
    pub fn in_order(&self) -> impl Iterator<Item = (Input, &T)> {
        [(Input::Base, &self.base), (Input::Ours, &self.ours), (Input::Theirs, &self.theirs)].into_iter()
    }

    /// That of one input.
    #[must_use]
    pub fn get(&self, input: Input) -> &T {
        match input {
            Input::Base => &self.base,
            Input::Ours => &self.ours,
            Input::Theirs => &self.theirs,
        }
    }

    fn get_mut(&mut self, input: Input) -> &mut T {
        match input {
            Input::Base => &mut self.base,
            Input::Ours => &mut self.ours,
            Input::Theirs => &mut self.theirs,
        }
    }

    fn map<U>(&self, f: impl Fn(&T) -> U) -> Three<U> {
        Three { base: f(&self.base), ours: f(&self.ours), theirs: f(&self.theirs) }
    }
}

/// Which side stands where both changed the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Prefer {
    /// Neither: it is a conflict.
    #[default]
    Neither,
    /// Ours.
    Ours,
    /// Theirs.
    Theirs,
}

/// Brings what `theirs` changed since `base` into `ours`.
///
/// Everything that theirs did not change is in the result byte for byte as ours has it. The line breaks are those of ours.
/// Streams of several documents are merged document by document, where all three have as many.
///
/// # Errors
/// [`MergeError`] names the first of the three that cannot be read.
///
/// # Example
/// ```
/// use dagster_workspace_core::{diff::MergeKeys, merge::three_way};
/// let base = "deployments:\n- {name: a, port: 1}\n";
/// let ours = "deployments:\n- {name: a, port: 1} # main\n- {name: b}\n";
/// let theirs = "deployments:\n- {name: a, port: 2}\n";
/// let merge = three_way(base, ours, theirs, &MergeKeys::default())?;
/// assert_eq!(merge.text, "deployments:\n- {name: a, port: 2} # main\n- {name: b}\n");
/// assert!(merge.conflicts.is_empty());
/// # Ok::<(), dagster_workspace_core::merge::MergeError>(())
/// ```
pub fn three_way(base: &str, ours: &str, theirs: &str, keys: &MergeKeys) -> Result<Merge, MergeError> {
    resolve(base, ours, theirs, keys, Prefer::Neither)
}

/// As [`three_way`], with one side chosen for every conflict. What cannot be written into ours, because an alias would mean
/// something else, stays a conflict.
///
/// # Errors
/// As [`three_way`].
pub fn resolve(base: &str, ours: &str, theirs: &str, keys: &MergeKeys, prefer: Prefer) -> Result<Merge, MergeError> {
    let texts = Three { base: eol::like(base, ours), ours: Cow::Borrowed(ours), theirs: eol::like(theirs, ours) };
    let read = |input: Input, like: Option<&Document<'_>>| {
        let text = texts.get(input);
        // Most of a side is the base.
        let known = like.and_then(|like| reuse::read_like(text.as_ref(), like).ok());
        known.map_or_else(|| Document::parse(text.as_ref()), Ok).map_err(|source| {
            let original = *Three { base, ours, theirs }.get(input);
            let span = eol::Origin::new(text, original).span(source.span);
            MergeError { input, source: ParseError { span, ..source } }
        })
    };
    let mut base_document = read(Input::Base, None)?;
    let same = |one: &str, other: &str| one == other;
    let sides = Three { base, ours, theirs };
    if !same(base, ours) && !same(base, theirs) && !same(ours, theirs) {
        let views = Three { base: texts.base.as_ref(), ours: texts.ours.as_ref(), theirs: texts.theirs.as_ref() };
        if let Some(found) = shorten::Texts::of(&base_document, views, keys) {
            // What is known of most of the text is not needed any more: its memory is.
            drop(base_document);
            if let Some(merge) = short(found, views, keys, prefer) {
                return Ok(as_given(merge, &texts, sides));
            }
            base_document = read(Input::Base, None)?;
        }
    }
    let ours_document = if same(base, ours) { base_document.clone() } else { read(Input::Ours, Some(&base_document))? };
    if same(ours, theirs) || same(base, theirs) {
        return Ok(Merge { text: ours.into(), conflicts: Vec::new() });
    }
    let theirs_document = read(Input::Theirs, Some(&base_document))?;
    if same(base, ours) {
        return Ok(Merge { text: theirs.into(), conflicts: Vec::new() });
    }
    let documents = Three { base: &base_document, ours: &ours_document, theirs: &theirs_document };
    Ok(as_given(merge(documents, keys, prefer).merge, &texts, sides))
}

/// A merge with the spans of the inputs as they were given, whose line breaks may be others.
fn as_given(mut merge: Merge, texts: &Three<Cow<'_, str>>, given: Three<&str>) -> Merge {
    if !merge.conflicts.is_empty() {
        let of_base = eol::Origin::new(&texts.base, given.base);
        let of_theirs = eol::Origin::new(&texts.theirs, given.theirs);
        for Conflict { spans, .. } in &mut merge.conflicts {
            spans.base = spans.base.map(|span| of_base.span(span));
            spans.theirs = spans.theirs.map(|span| of_theirs.span(span));
        }
    }
    merge
}

/// The merge without what is the same in all three; `None` where that does not tell the whole.
fn short(found: shorten::Texts<'_>, texts: Three<&str>, keys: &MergeKeys, prefer: Prefer) -> Option<Merge> {
    let short = found.read()?;
    let Three { base, ours, theirs } = &short.documents;
    let outcome = merge(Three { base, ours, theirs }, keys, prefer);
    let found = short.restore(outcome, texts.ours)?;
    debug_assert_eq!(
        {
            let read = texts.map(|text| Document::parse(*text).ok());
            let all = read.base.as_ref().zip(read.ours.as_ref()).zip(read.theirs.as_ref());
            all.map(|((base, ours), theirs)| merge(Three { base, ours, theirs }, keys, prefer).merge)
        },
        Some(found.clone()),
        "a short merge is that of the whole texts"
    );
    Some(found)
}

/// A merge, and how its text comes out of ours; `None` where that is not known.
struct Outcome {
    merge: Merge,
    splices: Option<Splices>,
}

/// Walks, proves, and walks again without what did not fit, until the proof holds.
fn merge(documents: Three<&Document<'_>>, keys: &MergeKeys, prefer: Prefer) -> Outcome {
    let whole = || Outcome { merge: report::whole(documents, prefer), splices: None };
    let texts = documents.map(|document| document.text());
    let roots = documents.map(|document| roots(document));
    let (Some(base), Some(ours), Some(theirs)) = (&roots.base, &roots.ours, &roots.theirs) else {
        return whole();
    };
    if base.len() != ours.len() || ours.len() != theirs.len() {
        return whole();
    }
    let bodies = Three { base: base.clone(), ours: ours.clone(), theirs: theirs.clone() };
    let mut limits = Limits::default();
    for round in 0..=ROUNDS {
        let mut walk = Walk::new(keys, prefer, &limits, texts);
        let meant = walk.roots(&bodies);
        let Walk { rope, drafts, patches, leads, brought, delicate, .. } = walk;
        let spliced = rope.splices(texts.ours, texts.theirs);
        let fits = |splices: &Splices| splices.length(texts.ours.len()) <= MAX_LEN;
        let Some((splices, marks)) = spliced.filter(|(splices, _)| fits(splices)) else {
            return whole();
        };
        let claim = Claim { inputs: documents, meant: &meant, patches: &patches, marks: &marks };
        match prove::holds(splices.apply(texts.ours), &claim) {
            Ok(result) => {
                let audit = if delicate || !leads.is_empty() || !brought.is_empty() {
                    trivia::audit(documents, &result, &leads, &brought)
                } else {
                    trivia::Audit::default()
                };
                let strip: Vec<u32> = audit.doubled.iter().copied().filter(|at| !limits.strip.contains(at)).collect();
                if strip.is_empty() && audit.repeats.is_empty() || round + 2 >= ROUNDS {
                    let merge = report::merge(documents, result, drafts, &marks, &audit);
                    return Outcome { merge, splices: Some(splices) };
                }
                limits.strip.extend(strip);
                limits.denied.extend(audit.repeats.iter().map(|id| (*id, ConflictKind::Note)));
            }
            Err(Broken { patch, kind }) => {
                let denied = patch.and_then(|number| patches.get(number)).filter(|_| round + 4 < ROUNDS);
                match denied {
                    Some(patch) => {
                        limits.denied.insert(patch.id, kind);
                    }
                    None => limits.nothing = Some(kind),
                }
            }
        }
    }
    whole()
}

/// The roots of a stream with what leads to them; `None` where a document has none.
fn roots<'d>(document: &'d Document<'_>) -> Option<Vec<Body<'d>>> {
    let bom = if document.text().starts_with('\u{feff}') { 3 } else { 0 };
    let mut start = bom;
    let mut out = Vec::new();
    for part in document.documents() {
        let root = part.root()?;
        let before = part.marks().filter(|mark| mark.span().end <= root.full_span().start);
        let body = Body::of_root(root, start, before.last().map(|mark| mark.span().end as usize));
        start = body.end;
        out.push(body);
    }
    (!out.is_empty()).then_some(out)
}

/// The text of a merge in which everything is to be decided at once.
fn side(texts: Three<&str>, prefer: Prefer) -> String {
    String::from(if prefer == Prefer::Theirs { texts.theirs } else { texts.ours })
}
