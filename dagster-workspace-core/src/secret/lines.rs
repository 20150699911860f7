//! The rule for texts that nothing reads: documents that are no YAML, comments, documents in scalars. Line by line, and rather
//! too much than too little: below a key that may hold secrets nothing is shown but names. Read [`secrets`].

use alloc::vec::Vec;

use super::words::{self, Holds};
use crate::span::{Span, offset};

/// What may be secret in a text, in order.
pub(super) fn secrets(text: &str) -> Vec<Span> {
    let (mut found, mut at) = (Vec::new(), 0);
    let (mut region, mut open) = (None::<Region>, Open::default());
    for whole in text.split_inclusive(['\n', '\r']) {
        let line = Line::of(whole);
        let is_inside = region.as_ref().is_some_and(|region| region.holds(&line, &open));
        let hidden = match &mut region {
            Some(region) if is_inside => {
                region.read(line.text);
                Some(line.behind_name())
            }
            _ => {
                open.read(&line);
                // One that has ended is kept: its lines go on where they stand too deep for what is between.
                let begun = Region::begun(&line);
                let from = begun.as_ref().map(|region| region.from);
                region = begun.or(region);
                from.or_else(|| is_suspect(line.text).then(|| line.behind_name()))
            }
        };
        if let Some(from) = hidden.filter(|from| *from < line.text.len()) {
            found.push(Span::new(offset(at + from), offset(at + line.text.len())));
        }
        at += whole.len();
    }
    found
}

/// The collections that are open outside of any region, as far as lines tell.
#[derive(Default)]
struct Open {
    /// Columns of keys and dashes, from the left.
    columns: Vec<(usize, Mark)>,
    /// Whether the last line has a value, so that nothing deeper can follow.
    has_value: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Key,
    Dash,
}

impl Open {
    fn read(&mut self, line: &Line<'_>) {
        if line.says().is_empty() && !line.has_dash() {
            return;
        }
        self.columns.retain(|(column, _)| *column < line.indent);
        if line.has_dash() {
            self.columns.push((line.indent, Mark::Dash));
        }
        self.columns.push((line.content, Mark::Key));
        self.has_value = line.has_value();
    }
}

/// A line, its marks and its break told from what it says.
struct Line<'t> {
    text: &'t str,
    /// Where its first dash stands, or what it says.
    indent: usize,
    /// Where what it says begins, behind dashes and the mark of a comment.
    content: usize,
}

impl<'t> Line<'t> {
    fn of(whole: &'t str) -> Self {
        let text = whole.trim_end_matches(['\n', '\r']);
        let blank = |c: char| matches!(c, ' ' | '\t' | '#' | '\u{feff}');
        let first = text.trim_start_matches(blank);
        let mut content = first;
        while let Some(rest) = content.strip_prefix("- ") {
            content = rest.trim_start_matches(blank);
        }
        Self { text, indent: text.len() - first.len(), content: text.len() - content.len() }
    }

    fn says(&self) -> &'t str {
        self.text.get(self.content..).unwrap_or_default()
    }

    fn has_dash(&self) -> bool {
        self.text.get(self.indent..).is_some_and(|rest| rest.starts_with("- ") || rest == "-")
    }

    /// Behind `NAME:`, or where the line begins to say something.
    fn behind_name(&self) -> usize {
        let says = self.says().trim_start_matches(['{', '"', '\'']);
        let Some((name, rest)) = says.split_once(':') else { return self.content };
        let name = name.trim_end_matches(['"', '\'', ' ']);
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if is_name && (rest.is_empty() || rest.starts_with(' ')) { self.text.len() - rest.len() } else { self.content }
    }

    /// Whether something stands behind its first `:` that nothing deeper belongs to.
    fn has_value(&self) -> bool {
        let value = self.says().split_once(':').map_or("", |(_, rest)| rest.trim_start());
        !value.is_empty() && !value.starts_with(['|', '>', '#', '&', '!', '{', '['])
    }

    /// Whether it says `key:` and nothing that could be a value before that.
    fn has_key(&self) -> bool {
        let says = self.says();
        let quoted = says.trim_start_matches(['"', '\'']);
        let end = quoted.find(|c| !words::is_name_char(c)).unwrap_or(quoted.len());
        let rest = quoted.get(end..).unwrap_or_default().trim_start_matches(['"', '\'']).trim_start();
        end > 0 && rest.strip_prefix(':').is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    }
}

/// Lines that belong to a key that may hold secrets.
struct Region {
    /// Column of the key.
    column: usize,
    /// Where in its first line it begins.
    from: usize,
    /// Brackets that are open.
    depth: usize,
    /// The quote that is open.
    quote: Option<char>,
    /// What ends it whatever stands between.
    until: Option<&'static str>,
}

impl Region {
    /// The region that a line begins.
    fn begun(line: &Line<'_>) -> Option<Self> {
        let begin = |from: usize, column: usize| {
            let mut region = Self { column, from, depth: 0, quote: None, until: None };
            region.read(line.text.get(from..).unwrap_or_default());
            Some(region)
        };
        if let Some(at) = line.text.find("-----BEGIN") {
            return Some(Self { until: Some("-----END"), ..begin(at, line.indent)? });
        }
        let names = Name::all(line.text);
        let mut before: Option<&Name<'_>> = None;
        for name in &names {
            // A key that one wrong character cuts in two.
            let joined = before.filter(|before| before.end + 1 == name.start);
            let joined = joined.map(|before| [before.text, name.text].concat());
            let holds = joined.is_some_and(|joined| name.may_hold(&joined)) || name.may_hold(name.text);
            if holds {
                let is_list = name.text.starts_with('-');
                return begin(name.behind(line.text), if is_list { line.indent } else { line.content });
            }
            before = Some(name);
        }
        // What is anchored may be used where secrets stand.
        let anchor = line.text.match_indices('&').map(|(at, _)| at);
        let mut anchor = anchor.filter(|at| {
            line.text.get(..*at).is_some_and(|head| head.trim_end_matches(' ') != head || head.is_empty())
        });
        anchor.next().and_then(|at| begin(at, line.content))
    }

    /// Whether the next line still belongs to it.
    fn holds(&self, line: &Line<'_>, open: &Open) -> bool {
        if self.until.is_some() || self.depth > 0 || self.quote.is_some() || line.says().is_empty() {
            return true;
        }
        if matches!(line.text, "---" | "...") {
            return false;
        }
        let (column, mark) = if line.has_dash() { (line.indent, Mark::Dash) } else { (line.content, Mark::Key) };
        let count = |brackets: [char; 2]| line.text.matches(brackets).count();
        let closes_more = count(['}', ']']) > count(['{', '[']);
        let is_outside = column < self.column + usize::from(mark == Mark::Key) && line.has_key() && !closes_more;
        let deepest = open.columns.last().map_or(0, |(column, _)| *column);
        !is_outside || !open.columns.contains(&(column, mark)) || open.has_value && column > deepest
    }

    /// Keeps account of brackets and quotes.
    fn read(&mut self, text: &str) {
        if self.until.is_some_and(|end| text.contains(end)) {
            self.until = None;
        }
        let (mut opens, mut escaped) = (true, false);
        for c in text.chars() {
            match self.quote {
                Some(_) if escaped => escaped = false,
                Some('"') if c == '\\' => escaped = true,
                Some(quote) if c == quote => self.quote = None,
                Some(_) => {}
                None => match c {
                    '"' | '\'' if opens => self.quote = Some(c),
                    '{' | '[' => self.depth += 1,
                    '}' | ']' => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                },
            }
            opens = matches!(c, ' ' | ':' | '{' | '[' | ',' | '-');
        }
    }
}

/// A word of a line that may be a key.
struct Name<'t> {
    text: &'t str,
    start: usize,
    end: usize,
    /// Whether it stands where a key can, or before a `:` or `=`.
    is_key: bool,
}

impl<'t> Name<'t> {
    fn all(line: &'t str) -> Vec<Self> {
        let mut names = Vec::new();
        let mut at = 0;
        while let Some(start) = line.get(at..).and_then(|rest| rest.find(words::is_name_char)).map(|found| at + found) {
            let rest = line.get(start..).unwrap_or_default();
            let end = start + rest.find(|c| !words::is_name_char(c)).unwrap_or(rest.len());
            let text = line.get(start..end).unwrap_or_default();
            let behind = line.get(end..).unwrap_or_default().trim_start_matches(['"', '\'', ' ', '\\']);
            let before = line.get(..start).unwrap_or_default().trim_end_matches(['"', '\'', ' ', '\\', '\t']);
            let is_first = before.is_empty() || before.ends_with(['{', '[', ',', '-', '?', '#', '\u{feff}']);
            let is_key = is_first || behind.starts_with([':', '=']) || text.starts_with("--");
            names.push(Self { text, start, end, is_key });
            at = end;
        }
        names
    }

    /// Behind its `:`, where it has one.
    fn behind(&self, line: &str) -> usize {
        let rest = line.get(self.end..).unwrap_or_default();
        let value = rest.trim_start_matches(['"', '\'', ' ']).strip_prefix([':', '=']);
        value.map_or(self.end, |value| line.len() - value.len())
    }

    /// Whether secrets may stand behind it, if it is called so.
    fn may_hold(&self, called: &str) -> bool {
        let folded = called.trim_start_matches(['-', '.', '/']);
        let is_own = matches!(folded, "env" | "stringData" | "data") || folded.starts_with("x-");
        self.is_key && (is_own || Holds::of(called) != Holds::Anything)
    }
}

/// Whether a line outside of any region may hold a credential.
fn is_suspect(line: &str) -> bool {
    let is_part = |word: &str| {
        let at = word.find('@').filter(|at| *at > 0 && !word.get(*at..).unwrap_or_default().starts_with("@sha256"));
        let port = word.split_once("//").and_then(|(_, rest)| rest.split('/').next()?.split_once(':'));
        at.is_some() || port.is_some_and(|(_, port)| port.starts_with(|c: char| !c.is_ascii_digit()))
    };
    words::is_credential(line) || line.split_ascii_whitespace().any(is_part)
}
