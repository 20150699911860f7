//! From a text or a plain value to its notation, on one line (over several: `block`). One rule decides on quotes: whatever any reader would take
//! for something other than the text meant is quoted. Read [`write()`], then [`needs_quotes`].

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use core::fmt::Write as _;

use super::schema;
use crate::value::Value;

/// Where a scalar is going to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    /// A key or a value of a block collection, or the root.
    Block,
    /// Inside brackets, where `,` and brackets are notation.
    Flow,
}

/// How a text is quoted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Quoting {
    /// Plain where that is safe, double quotes elsewhere.
    #[default]
    Auto,
    /// Single quotes; double ones where single quotes cannot hold the text on one line.
    Single,
    /// Double quotes.
    Double,
}

/// Notation of `text` as a string that PyYAML, helm and every YAML 1.2 reader take for exactly this text.
///
/// Never longer than one line. As a key it should stay under YAML's 1,024 characters, which is not checked here.
///
/// # Example
/// ```
/// use dagster_workspace_core::yaml::quote::{Context, Quoting, write};
/// assert_eq!(write("etl", Quoting::Auto, Context::Block), "etl");
/// assert_eq!(write("1234567e8", Quoting::Auto, Context::Block), "\"1234567e8\"");
/// assert_eq!(write("it's", Quoting::Single, Context::Block), "'it''s'");
/// assert_eq!(write("a\nb", Quoting::Single, Context::Block), "\"a\\nb\"");
/// ```
#[must_use]
pub fn write(text: &str, quoting: Quoting, context: Context) -> Cow<'_, str> {
    match quoting {
        Quoting::Auto if !needs_quotes(text, context) => Cow::Borrowed(text),
        Quoting::Single if text.chars().all(is_literal) => Cow::Owned(format!("'{}'", text.replace('\'', "''"))),
        _ => Cow::Owned(double_quoted(text)),
    }
}

/// Notation of a scalar that all readers take for the same value; `None` for lists and mappings. Strings are written by
/// [`write()`].
///
/// Helm itself refuses infinities and NaN in values, however they are written.
#[must_use]
pub fn write_scalar(value: &Value, quoting: Quoting, context: Context) -> Option<Cow<'_, str>> {
    Some(match value {
        Value::Null => Cow::Borrowed("null"),
        Value::Bool(true) => Cow::Borrowed("true"),
        Value::Bool(false) => Cow::Borrowed("false"),
        Value::Int(number) => Cow::Owned(format!("{number}")),
        Value::Float(number) => write_float(*number),
        Value::String(text) => write(text, quoting, context),
        Value::Sequence(_) | Value::Mapping(_) => return None,
    })
}

/// Whether `text` written without quotes would be read as anything else by any of PyYAML, YAML 1.2 and helm.
#[must_use]
pub fn needs_quotes(text: &str, context: Context) -> bool {
    schema::is_ambiguous(text) || !fits_plain(text, context)
}

/// Whether the text can stand as a plain scalar, YAML 1.2.2 \[126\], and as one of YAML 1.1.
fn fits_plain(text: &str, context: Context) -> bool {
    let mut chars = text.chars();
    let (Some(first), second) = (chars.next(), chars.next()) else { return false };
    let starts = match first {
        // `?` and `:` may begin one in YAML 1.2, before some characters and outside brackets: not worth it.
        '?' | ':' | ',' | '[' | ']' | '{' | '}' | '#' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => {
            false
        }
        '-' => second.is_some_and(|second| second != ' ' && !is_flow_indicator(second)),
        _ => true,
    };
    let mark = text.strip_prefix("---").or_else(|| text.strip_prefix("..."));
    let is_mark = mark.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    let blank_ends = text.starts_with(' ') || text.ends_with(' ');
    if !starts || is_mark || blank_ends || text.ends_with(':') {
        return false;
    }
    let mut before = '\0';
    text.chars().all(|char| {
        let pair = (before, char);
        before = char;
        let in_flow = context == Context::Flow && (is_flow_indicator(char) || char == '?');
        is_literal(char) && !in_flow && pair != (':', ' ') && pair != (' ', '#')
    })
}

fn is_flow_indicator(char: char) -> bool {
    matches!(char, ',' | '[' | ']' | '{' | '}')
}

/// Whether all readers take the character as it is, on one line: printable in YAML 1.2.2 \[1\] and not a blank or break of
/// YAML 1.1 other than the space. A tab is left out because PyYAML ends a plain scalar at it.
pub(super) fn is_literal(char: char) -> bool {
    !matches!(char, '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Double-quoted scalar, YAML 1.2.2 \[109\], with escapes that YAML 1.1 knows too.
fn double_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if is_literal(char) => out.push(char),
            // Writing to a String cannot fail.
            _ if char <= '\u{ff}' => drop(write!(out, "\\x{:02x}", u32::from(char))),
            _ => drop(write!(out, "\\u{:04x}", u32::from(char))),
        }
    }
    out.push('"');
    out
}

/// Shortest digits that give the number back, always with a dot and a signed exponent: PyYAML takes `1e5` for a string.
fn write_float(number: f64) -> Cow<'static, str> {
    if number.is_nan() {
        return Cow::Borrowed(".nan");
    }
    if number.is_infinite() {
        return Cow::Borrowed(if number > 0.0 { ".inf" } else { "-.inf" });
    }
    let digits = format!("{number:?}");
    let Some((mantissa, exponent)) = digits.split_once('e') else { return Cow::Owned(digits) };
    let dot = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with('-') { "" } else { "+" };
    Cow::Owned(format!("{mantissa}{dot}e{sign}{exponent}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auto(text: &str, context: Context) -> Cow<'_, str> {
        write(text, Quoting::Auto, context)
    }

    #[test]
    fn texts_that_read_as_they_are_stay_plain() {
        let texts = [
            "etl",
            "a b",
            "it's",
            "say \"hi\"",
            "v1.2.3",
            "1.2.3",
            "ghcr.io/org/etl",
            "localhost:5000/etl",
            "-f",
            "--port",
            "/app/repo.py",
            "a#b",
            "a:b",
            "~/x",
            "\u{a0}",
            "ünï ☺ 😀",
            "a\\nb",
            "2026-01",
            "../x",
            "...x",
            "=x",
            "5 min",
        ];
        for text in texts {
            for context in [Context::Block, Context::Flow] {
                assert!(matches!(auto(text, context), Cow::Borrowed(_)), "`{text}`");
            }
        }
        for text in ["a,b", "a[0]", "x{y}", "a?b"] {
            assert_eq!(auto(text, Context::Block), text);
            assert_eq!(auto(text, Context::Flow), format!("\"{text}\""));
        }
    }

    #[test]
    fn texts_that_some_reader_takes_for_something_else_are_quoted() {
        let texts = [
            "on",
            "1e3",
            "0123",
            "1_000",
            "12:30",
            "~",
            "null",
            "=",
            ".inf",
            "0x1F",
            "1234567e8",
            "2026-01-01",
            "yes",
            "",
            "a: b",
            "a #b",
            "- x",
            "*x",
            "%x",
            "@x",
            " x",
            "x ",
            "1.10",
            "0123456",
            "12e03",
            "y",
            "N",
            "<<",
            "---",
            "...",
            "--- x",
            "... x",
            "a:",
            ":",
            "?",
            "-",
            "? x",
            ": x",
            "?x",
            ":x",
            "[a]",
            "{a}",
            "]",
            "}",
            ",",
            "#a",
            "&a",
            "!a",
            "|",
            ">",
            "'a'",
            "`a`",
            "-,",
            "{{ .Release.Name }}",
            "0b_",
            "-_",
        ];
        for text in texts {
            for context in [Context::Block, Context::Flow] {
                assert_eq!(auto(text, context), format!("\"{text}\""), "`{text}`");
            }
        }
    }

    #[test]
    fn quotes_escape_what_they_must_and_nothing_else() {
        let table = [
            ("a\"b\\c\n", r#""a\"b\\c\n""#),
            ("\t\r\0\x07\x1b\x7f", r#""\t\r\x00\x07\x1b\x7f""#),
            ("\u{85}\u{a0}\u{2028}\u{2029}\u{feff}\u{fffe}", "\"\\x85\u{a0}\\u2028\\u2029\\ufeff\\ufffe\""),
            ("ü☺😀/'\n", "\"ü☺😀/'\\n\""),
        ];
        for (text, expected) in table {
            for quoting in [Quoting::Auto, Quoting::Single, Quoting::Double] {
                assert_eq!(write(text, quoting, Context::Block), expected);
            }
        }
        for (text, expected) in
            [("etl", "'etl'"), ("it's", "'it''s'"), ("", "''"), ("a\\n", "'a\\n'"), ("''", "''''''")]
        {
            assert_eq!(write(text, Quoting::Single, Context::Flow), expected);
        }
    }

    #[test]
    fn scalars_are_written_with_dot_and_signed_exponent() {
        let table = [
            (Value::Null, "null"),
            (Value::Bool(true), "true"),
            (Value::Bool(false), "false"),
            (Value::Int(i64::MIN), "-9223372036854775808"),
            (Value::Float(1.5), "1.5"),
            (Value::Float(-0.0), "-0.0"),
            (Value::Float(100_000.0), "100000.0"),
            (Value::Float(1e100), "1.0e+100"),
            (Value::Float(-1.25e-100), "-1.25e-100"),
            (Value::Float(f64::INFINITY), ".inf"),
            (Value::Float(f64::NEG_INFINITY), "-.inf"),
            (Value::Float(f64::NAN), ".nan"),
            (Value::from("on"), "\"on\""),
        ];
        for (value, expected) in table {
            assert_eq!(write_scalar(&value, Quoting::Auto, Context::Block).as_deref(), Some(expected));
        }
        assert_eq!(write_scalar(&Value::Sequence(alloc::vec![]), Quoting::Auto, Context::Block), None);
    }
}
