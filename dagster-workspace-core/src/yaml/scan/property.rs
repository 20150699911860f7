//! Anchors, tags, aliases and directives: what stands around nodes.

use super::Scanner;
use super::flow::Context;
use crate::error::{ParseError, Problem};
use crate::yaml::record::Kind;

/// Which properties a node has.
#[derive(Clone, Copy, Default)]
pub(super) struct Properties {
    anchor: bool,
    tag: bool,
}

impl Properties {
    const ANCHOR: Self = Self { anchor: true, tag: false };
    const TAG: Self = Self { anchor: false, tag: true };

    pub(super) fn is_none(self) -> bool {
        !self.anchor && !self.tag
    }

    pub(super) fn count(self) -> usize {
        usize::from(self.anchor) + usize::from(self.tag)
    }

    /// Both together; `None` where a kind stands in both.
    pub(super) fn and(self, other: Self) -> Option<Self> {
        let twice = self.anchor && other.anchor || self.tag && other.tag;
        (!twice).then_some(Self { anchor: self.anchor || other.anchor, tag: self.tag || other.tag })
    }
}

impl Scanner<'_> {
    /// `&name` or `!tag`, YAML 1.2.2 \[96\].
    pub(super) fn property(&mut self, context: Context) -> Result<Properties, ParseError> {
        let start = self.at;
        let (kind, properties) = if self.byte(start) == b'&' {
            self.at = self.name_end(start + 1)?;
            (Kind::Anchor, Properties::ANCHOR)
        } else {
            self.at = self.tag_end(start)?;
            (Kind::Tag, Properties::TAG)
        };
        let ended = self.is_blank(self.at)
            || context == Context::Flow && matches!(self.byte(self.at), b',' | b'[' | b']' | b'{' | b'}');
        if !ended {
            let problem = if kind == Kind::Tag { Problem::Tag } else { Problem::AnchorName };
            return Err(self.error(problem));
        }
        self.push(kind, start, self.at, 0);
        self.last_end = self.at;
        Ok(properties)
    }

    /// `*name`, YAML 1.2.2 \[104\].
    pub(super) fn alias(&mut self, flags: u8) -> Result<(), ParseError> {
        let start = self.at;
        self.at = self.name_end(start + 1)?;
        self.push(Kind::Alias, start, self.at, flags);
        self.last_end = self.at;
        Ok(())
    }

    /// End of the anchor name at `start`, YAML 1.2.2 \[103\].
    fn name_end(&self, start: usize) -> Result<usize, ParseError> {
        let rest = self.bytes.get(start..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| !is_name_end(**byte)).count();
        if length == 0 {
            return Err(self.error_at(Problem::AnchorName, start));
        }
        Ok(start + length)
    }

    /// End of the tag at `start`, YAML 1.2.2 \[97\], its handle known.
    fn tag_end(&self, start: usize) -> Result<usize, ParseError> {
        let rest = self.bytes.get(start..).unwrap_or_default();
        if rest.starts_with(b"!<") {
            let length = rest.iter().take_while(|byte| **byte != b'>' && !is_white(**byte)).count();
            let uri = rest.get(2..length).unwrap_or_default();
            if rest.get(length) != Some(&b'>') || uri.is_empty() || !is_uri(uri) {
                return Err(self.error_at(Problem::Tag, start));
            }
            return Ok(start + length + 1);
        }
        let length = rest.iter().take_while(|byte| !is_name_end(**byte)).count();
        let tag = rest.get(..length).unwrap_or_default();
        let handle = tag.iter().skip(1).position(|byte| *byte == b'!').map_or(1, |at| at + 2);
        let suffix = tag.get(handle..).unwrap_or_default();
        let known = handle <= 2 || tag.get(..handle).is_some_and(|handle| self.handles.contains(handle));
        if !known || !is_uri(suffix) || suffix.contains(&b'!') || suffix.is_empty() && handle > 1 {
            return Err(self.error_at(Problem::Tag, start));
        }
        Ok(start + length)
    }

    /// The directive lines in front of a document, YAML 1.2.2 \[82\]; a `---` must follow.
    pub(super) fn directives(&mut self) -> Result<(), ParseError> {
        let mut version = false;
        while self.at == self.line && self.byte(self.at) == b'%' {
            let start = self.at;
            let end = self.line_end(start);
            let line = self.bytes.get(start + 1..end).unwrap_or_default();
            let comment = line.windows(2).position(|pair| matches!(pair, b" #" | b"\t#"));
            let line = line.get(..comment.unwrap_or(line.len())).unwrap_or_default();
            let mut words = line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
            let parts = (words.next(), words.next(), words.next(), words.next());
            match parts {
                (Some(b"YAML"), Some(number), None, None) if !version && is_version(number) => version = true,
                (Some(b"TAG"), Some(handle), Some(_), None) if is_handle(handle) && self.handles.insert(handle) => {}
                (None | Some(b"YAML" | b"TAG"), ..) => return Err(self.error(Problem::Directive)),
                // Reserved directives are ignored, YAML 1.2.2 section 6.8.
                _ => {}
            }
            self.push(Kind::Directive, start, end, 0);
            self.last_end = end;
            self.at = end;
            self.gap();
        }
        if self.is_marker(b"---") { Ok(()) } else { Err(self.error(Problem::Directive)) }
    }
}

fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn is_name_end(byte: u8) -> bool {
    is_white(byte) || matches!(byte, b',' | b'[' | b']' | b'{' | b'}')
}

/// YAML 1.2.2 \[39\] ns-uri-char, all of them.
fn is_uri(text: &[u8]) -> bool {
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        let ok = match byte {
            b'%' => bytes.next().is_some_and(u8::is_ascii_hexdigit) && bytes.next().is_some_and(u8::is_ascii_hexdigit),
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => true,
            _ => b"-#;/?:@&=+$,_.!~*'()[]".contains(byte),
        };
        if !ok {
            return false;
        }
    }
    true
}

fn is_version(text: &[u8]) -> bool {
    let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    match text.iter().position(|byte| *byte == b'.') {
        Some(dot) => digits(text.get(..dot).unwrap_or_default()) && digits(text.get(dot + 1..).unwrap_or_default()),
        None => false,
    }
}

/// `!`, `!!` or `!word!`.
fn is_handle(text: &[u8]) -> bool {
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    match text {
        [b'!'] | [b'!', b'!'] => true,
        [b'!', inner @ .., b'!'] => inner.iter().all(word),
        _ => false,
    }
}
