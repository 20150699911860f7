//! What a plain scalar means to each of the readers that matter: the same `012` is 12, 10 or 10, `y` a string or `true`.
//! Read [`Schema`], then [`resolve`].

use alloc::borrow::Cow;

/// A reader of YAML and its rules for plain scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Schema {
    /// YAML 1.2.2 core schema, section 10.3.
    Core,
    /// PyYAML's `SafeLoader` without timestamps: how Dagster reads `workspace.yaml`.
    Dagster,
    /// go-yaml as helm uses it: how the chart reads values.
    Helm,
}

/// What a scalar is taken for.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolved {
    /// Null.
    Null,
    /// Boolean.
    Bool(bool),
    /// Whole number that fits.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// The text itself.
    String,
}

/// What readers of `schema` take an untagged plain scalar with decoded text `text` for.
///
/// A whole number that does not fit `i64` is the nearest `Float`. What a reader refuses (`=` and `0b_` in PyYAML) is
/// `String` here: it means nothing else to anybody. Helm holds every number as a 64-bit float once it is read, so whole
/// numbers beyond 2^53 lose digits there although they come as `Int` here.
///
/// # Example
/// ```
/// use dagster_workspace_core::yaml::{Resolved, Schema, resolve};
/// assert_eq!(resolve("0123456", Schema::Helm), Resolved::Int(42798));
/// assert_eq!(resolve("0123456", Schema::Core), Resolved::Int(123456));
/// assert_eq!(resolve("12:30", Schema::Dagster), Resolved::Int(750));
/// assert_eq!(resolve("12:30", Schema::Helm), Resolved::String);
/// ```
#[must_use]
pub fn resolve(text: &str, schema: Schema) -> Resolved {
    // Nearly every scalar is settled by its first byte.
    let Some(first) = text.bytes().next() else { return Resolved::Null };
    match first {
        b'~' | b'a'..=b'z' | b'A'..=b'Z' => word(text, schema),
        b'.' | b'+' | b'-' | b'0'..=b'9' => number(text, schema).unwrap_or(Resolved::String),
        _ => Resolved::String,
    }
}

/// What readers of `schema` take a scalar with decoded text `text` for; `plain` where it is written without quotes.
///
/// A text that does not fit its tag is a `String`; readers refuse it. Tags of handles that a `%TAG` directive names are
/// not looked up.
pub(crate) fn resolve_tagged(tag: Option<&str>, plain: bool, text: &str, schema: Schema) -> Resolved {
    let Some(tag) = tag else {
        return if plain { resolve(text, schema) } else { Resolved::String };
    };
    // PyYAML takes `!` for "as if plain", the others as YAML 1.2.2 section 6.9.1 for "a string".
    if tag == "!" && schema == Schema::Dagster {
        return resolve(text, schema);
    }
    let verbatim = tag.strip_prefix("!<tag:yaml.org,2002:").and_then(|rest| rest.strip_suffix('>'));
    let resolved = resolve(text, schema);
    match (verbatim.or_else(|| tag.strip_prefix("!!")), resolved) {
        (Some("null"), _) => Resolved::Null,
        (Some("bool"), Resolved::Bool(value)) => Resolved::Bool(value),
        (Some("int"), Resolved::Int(value)) => Resolved::Int(value),
        (Some("int" | "float"), Resolved::Float(value)) => Resolved::Float(value),
        (Some("float"), Resolved::Int(value)) => Resolved::Float(value as f64),
        // PyYAML hands a tagged text to Python's `float`, which needs no dot.
        (Some("float"), _) if schema == Schema::Dagster => number(text, Schema::Core).unwrap_or(Resolved::String),
        _ => Resolved::String,
    }
}

/// Whether any reader might take the plain scalar for something other than a string, or refuse it. Wider than the three
/// of [`Schema`]: timestamps (ruamel and PyYAML at large), words of YAML 1.1, underscores in odd places.
pub(crate) fn is_ambiguous(text: &str) -> bool {
    let Some(first) = text.bytes().next() else { return true };
    match first {
        b'=' | b'<' => matches!(text, "=" | "<<"),
        b'~' | b'a'..=b'z' | b'A'..=b'Z' => word(text, Schema::Helm) != Resolved::String,
        b'.' | b'+' | b'-' | b'0'..=b'9' => {
            let bare = without_underscores(text);
            // Digits may be gone with the underscores (`-_`, `0x_`): no number, but some readers try and fail.
            let degenerate = matches!(split_sign(&bare).1, "" | "." | "0b" | "0o" | "0x") && text.contains('_');
            degenerate
                || is_timestamp(text)
                || [text, &bare].iter().any(|text| {
                    [Schema::Core, Schema::Dagster, Schema::Helm].iter().any(|schema| number(text, *schema).is_some())
                })
        }
        _ => false,
    }
}

/// Null and booleans.
fn word(text: &str, schema: Schema) -> Resolved {
    let value = match text {
        "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "true" | "True" | "TRUE" => true,
        "false" | "False" | "FALSE" => false,
        _ if schema == Schema::Core => return Resolved::String,
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => true,
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => false,
        "y" | "Y" if schema == Schema::Helm => true,
        "n" | "N" if schema == Schema::Helm => false,
        _ => return Resolved::String,
    };
    Resolved::Bool(value)
}

fn number(text: &str, schema: Schema) -> Option<Resolved> {
    let (negative, rest) = split_sign(text);
    match rest {
        ".inf" | ".Inf" | ".INF" => {
            return Some(Resolved::Float(if negative { f64::NEG_INFINITY } else { f64::INFINITY }));
        }
        ".nan" | ".NaN" | ".NAN" if rest.len() == text.len() => return Some(Resolved::Float(f64::NAN)),
        _ => {}
    }
    match schema {
        Schema::Core => core_number(text),
        Schema::Dagster => dagster_number(text),
        Schema::Helm => helm_number(text),
    }
}

fn core_number(text: &str) -> Option<Resolved> {
    let (negative, rest) = split_sign(text);
    let based = |radix, prefix| integer(false, text.strip_prefix(prefix)?, radix);
    integer(negative, rest, 10).or_else(|| based(8, "0o")).or_else(|| based(16, "0x")).or_else(|| {
        Decimal::read(rest)?;
        text.parse().ok().map(Resolved::Float)
    })
}

/// PyYAML 6, `resolver.py` and `constructor.py`: the types int and float of YAML 1.1, except that a float needs a dot and
/// a signed exponent.
fn dagster_number(text: &str) -> Option<Resolved> {
    let (negative, rest) = split_sign(text);
    // An underscore can stand anywhere but in front.
    if rest.starts_with('_') {
        return None;
    }
    if rest.contains(':') {
        return sexagesimal(negative, rest);
    }
    let bare = without_underscores(rest);
    let whole = match rest.as_bytes() {
        [b'0', b'b', digits @ ..] => integer(negative, &without_underscores(ascii(digits)), 2),
        [b'0', b'x', digits @ ..] => integer(negative, &without_underscores(ascii(digits)), 16),
        [b'0', ..] if bare.len() > 1 => integer(negative, &bare, 8),
        _ => integer(negative, &bare, 10),
    };
    whole.or_else(|| {
        let decimal = Decimal::read(&bare)?;
        // The exponent takes no underscores, the part before the dot no sign where it is empty.
        let exponent = rest.find(['e', 'E']).and_then(|at| rest.get(at..)).unwrap_or_default();
        let dot_first = rest.starts_with('.');
        let odd = exponent.contains('_') || dot_first && (rest.len() < text.len() || rest.starts_with("._"));
        (decimal.dot && decimal.exponent != Exponent::Unsigned && !odd).then_some(())?;
        float_of(negative, &bare)
    })
}

/// Base 60, YAML 1.1: `12:30` and `12:30.5`.
fn sexagesimal(negative: bool, text: &str) -> Option<Resolved> {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let (first, rest) = whole.split_once(':')?;
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    // Only floats may begin with 0.
    let starts = if fraction.is_some() { b'0'..=b'9' } else { b'1'..=b'9' };
    first.bytes().next().filter(|byte| starts.contains(byte))?;
    let sixtieth = |part: &str| matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    (is_digits(first) && rest.split(':').all(sixtieth) && fraction.is_none_or(is_digits)).then_some(())?;
    let bare = without_underscores(text);
    if fraction.is_none() {
        let exact = bare.split(':').try_fold(0_i64, |sum, part| sum.checked_mul(60)?.checked_add(part.parse().ok()?));
        if let Some(value) = exact {
            return Some(Resolved::Int(if negative { -value } else { value }));
        }
    }
    // In Python's order, from the last part, so that the rounding is the same.
    let (mut sum, mut base) = (0.0, 1.0);
    for part in bare.rsplit(':') {
        sum += part.parse::<f64>().ok()? * base;
        base *= 60.0;
    }
    Some(Resolved::Float(if negative { -sum } else { sum }))
}

/// go-yaml v2, `resolve.go`: Go's literals with a prefix, a leading 0 for octal, underscores anywhere; floats as in the
/// core schema, but not beyond the range of 64 bits.
fn helm_number(text: &str) -> Option<Resolved> {
    if text.starts_with('.') {
        // Handed to Go's `ParseFloat`, which takes an underscore between two digits.
        let between = |at: usize| {
            let digit = |at: Option<usize>| at.and_then(|at| text.as_bytes().get(at)).is_some_and(u8::is_ascii_digit);
            digit(at.checked_sub(1)) && digit(Some(at + 1))
        };
        let fits = text.match_indices('_').all(|(at, _)| between(at));
        let bare = without_underscores(text);
        return fits.then(|| finite(false, &bare)).flatten();
    }
    let bare = without_underscores(text);
    let (negative, rest) = split_sign(&bare);
    let signed = rest.len() < bare.len();
    // Beyond 64 bits, signed where a sign is written, only decimal digits are a number.
    let prefixed = |digits, radix| {
        let fits = || !signed && u64::from_str_radix(digits, radix).is_ok();
        integer(negative, digits, radix).filter(|number| matches!(number, Resolved::Int(_)) || fits())
    };
    let whole = match rest.as_bytes() {
        // Behind `0b` it looks for a sign once more.
        [b'0', b'b', b'-', digits @ ..] if !signed => integer(true, ascii(digits), 2),
        [b'0', b'b', b'+', digits @ ..] if !signed => integer(false, ascii(digits), 2),
        [b'0', b'b' | b'B', digits @ ..] => prefixed(ascii(digits), 2),
        [b'0', b'o' | b'O', digits @ ..] => prefixed(ascii(digits), 8),
        [b'0', b'x' | b'X', digits @ ..] => prefixed(ascii(digits), 16),
        [b'0', digits @ ..] if !digits.is_empty() => prefixed(ascii(digits), 8),
        _ => integer(negative, rest, 10),
    };
    whole.or_else(|| finite(negative, rest))
}

/// A decimal float of the core schema that 64 bits can hold; Go refuses others.
fn finite(negative: bool, text: &str) -> Option<Resolved> {
    Decimal::read(text)?;
    float_of(negative, text).filter(|number| matches!(number, Resolved::Float(value) if value.is_finite()))
}

fn float_of(negative: bool, text: &str) -> Option<Resolved> {
    let value: f64 = text.parse().ok()?;
    Some(Resolved::Float(if negative { -value } else { value }))
}

/// Whole number from digits alone; `None` where there are none, or others.
fn integer(negative: bool, digits: &str, radix: u32) -> Option<Resolved> {
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok();
    let exact = match negative {
        true => magnitude.and_then(|value| 0_i64.checked_sub_unsigned(value)),
        false => magnitude.and_then(|value| i64::try_from(value).ok()),
    };
    Some(exact.map_or_else(|| large(negative, digits, radix), Resolved::Int))
}

/// The float nearest to a whole number beyond 64 bits.
fn large(negative: bool, digits: &str, radix: u32) -> Resolved {
    let value = if radix == 10 { digits.parse().unwrap_or(f64::INFINITY) } else { large_binary(digits, radix) };
    Resolved::Float(if negative { -value } else { value })
}

/// The same for a radix that is a power of two: the leading 60 bits, and one that stands for all behind them.
fn large_binary(digits: &str, radix: u32) -> f64 {
    let bits = radix.trailing_zeros();
    let (mut leading, mut dropped, mut exponent) = (0_u64, false, 0_u32);
    for digit in digits.chars().filter_map(|digit| digit.to_digit(radix)) {
        if leading >> 60 == 0 {
            leading = leading << bits | u64::from(digit);
        } else {
            dropped |= digit != 0;
            exponent += bits;
        }
    }
    let mut value = (leading | u64::from(dropped)) as f64;
    for _ in 0..exponent.min(2048) {
        value *= 2.0;
    }
    value
}

/// How a decimal number ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Exponent {
    None,
    /// `e5`.
    Unsigned,
    /// `e+5`.
    Signed,
}

/// The shape of an unsigned decimal number: digits, a dot, digits, an exponent, at least one digit before the exponent.
struct Decimal {
    dot: bool,
    exponent: Exponent,
}

impl Decimal {
    fn read(text: &str) -> Option<Self> {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let whole = digits(text);
        let mut rest = text.get(whole..)?;
        let dot = rest.starts_with('.');
        let mut fraction = 0;
        if dot {
            rest = rest.get(1..)?;
            fraction = digits(rest);
            rest = rest.get(fraction..)?;
        }
        (whole + fraction > 0).then_some(())?;
        if rest.is_empty() {
            return Some(Self { dot, exponent: Exponent::None });
        }
        let power = rest.strip_prefix(['e', 'E'])?;
        let unsigned = power.strip_prefix(['+', '-']).unwrap_or(power);
        (!unsigned.is_empty() && digits(unsigned) == unsigned.len()).then_some(())?;
        let exponent = if unsigned.len() < power.len() { Exponent::Signed } else { Exponent::Unsigned };
        Some(Self { dot, exponent })
    }
}

/// A date, with or without a time behind it: more than any reader knows.
fn is_timestamp(text: &str) -> bool {
    let number = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let Some((year, rest)) = text.split_once('-') else { return false };
    let Some((month, rest)) = rest.split_once('-') else { return false };
    let day = number(rest);
    let is_number = |text: &str, longest: usize| number(text) == text.len() && (1..=longest).contains(&text.len());
    let time = rest.get(day..).unwrap_or_default();
    is_number(year, 4)
        && year.len() == 4
        && is_number(month, 2)
        && (1..=2).contains(&day)
        && (time.is_empty() || time.starts_with(['t', 'T', ' ', '\t']))
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.as_bytes() {
        [b'-', ..] => (true, text.get(1..).unwrap_or_default()),
        [b'+', ..] => (false, text.get(1..).unwrap_or_default()),
        _ => (false, text),
    }
}

fn without_underscores(text: &str) -> Cow<'_, str> {
    if text.contains('_') { Cow::Owned(text.replace('_', "")) } else { Cow::Borrowed(text) }
}

fn ascii(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, core: &Resolved, dagster: &Resolved, helm: &Resolved) {
        for (schema, expected) in [(Schema::Core, core), (Schema::Dagster, dagster), (Schema::Helm, helm)] {
            assert_eq!(resolve(text, schema), *expected, "`{text}` as {schema:?} reads");
        }
        let plain = [core, dagster, helm].iter().all(|resolved| **resolved == Resolved::String);
        assert!(plain || is_ambiguous(text), "`{text}` is ambiguous");
    }

    #[test]
    fn readers_differ_in_words() {
        use Resolved::{Bool, Null, String};
        for text in ["", "~", "null", "Null", "NULL"] {
            check(text, &Null, &Null, &Null);
        }
        for text in ["true", "True", "TRUE"] {
            check(text, &Bool(true), &Bool(true), &Bool(true));
        }
        for text in ["no", "No", "NO", "off", "Off", "OFF"] {
            check(text, &String, &Bool(false), &Bool(false));
        }
        check("y", &String, &String, &Bool(true));
        check("N", &String, &String, &Bool(false));
        for text in ["nULL", "tRUE", "yEs", "etl", "=", "<<", "@", "ö"] {
            check(text, &String, &String, &String);
        }
    }

    #[test]
    fn readers_differ_in_numbers() {
        use Resolved::{Float, Int, String};
        check("4000", &Int(4000), &Int(4000), &Int(4000));
        check("-0", &Int(0), &Int(0), &Int(0));
        check("012", &Int(12), &Int(10), &Int(10));
        check("08", &Int(8), &String, &Float(8.0));
        check("0o17", &Int(15), &String, &Int(15));
        check("0x1F", &Int(31), &Int(31), &Int(31));
        check("-0x1F", &String, &Int(-31), &Int(-31));
        check("0b11", &String, &Int(3), &Int(3));
        check("1_000", &String, &Int(1000), &Int(1000));
        check("12:30", &String, &Int(750), &String);
        check("12:30.5", &String, &Float(750.5), &String);
        check("1.10", &Float(1.1), &Float(1.1), &Float(1.1));
        check("1e3", &Float(1000.0), &String, &Float(1000.0));
        check("1.0e+3", &Float(1000.0), &Float(1000.0), &Float(1000.0));
        check("1e400", &Float(f64::INFINITY), &String, &String);
        check("-.Inf", &Float(f64::NEG_INFINITY), &Float(f64::NEG_INFINITY), &Float(f64::NEG_INFINITY));
        check("-.5", &Float(-0.5), &String, &Float(-0.5));
        check(
            "9223372036854775808",
            &Float(9_223_372_036_854_775_808_u64 as f64),
            &Float(9_223_372_036_854_775_808_u64 as f64),
            &Float(9_223_372_036_854_775_808_u64 as f64),
        );
        for text in ["1.2.3", "v1", "1e", ".", "-", "+", "0x", "1.2e", "2026-01-01", "ab12"] {
            check(text, &String, &String, &String);
        }
    }

    #[test]
    fn texts_that_some_reader_tries_are_ambiguous_and_others_are_not() {
        for text in
            ["2026-01-01", "2026-1-1", "2026-01-01 10:00", "2026-01-01T10:00:00Z", "=", "<<", "0b_", "0x_", "-_"]
        {
            assert!(is_ambiguous(text), "`{text}`");
        }
        for text in
            ["2026-01", "2026-01-01-abc", "1.2.3", ".", "..", "-f", "--port", "a_b", "_", "==", "<", "nan", "inf"]
        {
            assert!(!is_ambiguous(text), "`{text}`");
        }
    }

    #[test]
    fn tags_decide_before_the_schema() {
        use Resolved::{Bool, Float, Int, Null, String};
        let all = [Schema::Core, Schema::Dagster, Schema::Helm];
        let table = [
            ("!!str", true, "12", String),
            ("!!int", false, "12", Int(12)),
            ("!<tag:yaml.org,2002:int>", false, "12", Int(12)),
            ("!!float", true, "12", Float(12.0)),
            ("!!float", true, "1e3", Float(1000.0)),
            ("!!bool", false, "true", Bool(true)),
            ("!!bool", true, "12", String),
            ("!!null", true, "", Null),
            ("!local", true, "12", String),
            ("!!binary", true, "12", String),
        ];
        for (tag, plain, text, expected) in table {
            for schema in all {
                assert_eq!(
                    resolve_tagged(Some(tag), plain, text, schema),
                    expected,
                    "{tag} `{text}` as {schema:?} reads"
                );
            }
        }
        assert_eq!(all.map(|schema| resolve_tagged(Some("!"), true, "12", schema)), [String, Int(12), String]);
        assert_eq!(all.map(|schema| resolve_tagged(None, false, "12", schema)), [String, String, String]);
    }
}
