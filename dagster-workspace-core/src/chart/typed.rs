//! What was typed or given, made what the table wants at its place: [`typed`] of a text on a command line, [`written`] of a node
//! of a document, [`given`] of data from another program.
//!
//! Where the table wants a text, the text is taken as it stands: `0123456` and `1.10` are no numbers there.

use alloc::format;
use alloc::string::{String, ToString as _};

use super::{Place, Type, fits};
use crate::field::FieldError;
use crate::value::Value;
use crate::yaml::{DataError, Document, Node, Reader, Schema};

/// What a text means that somebody typed for a field of that type, checked.
///
/// Quotes around the whole of it are YAML's and belong to no text. Lists, mappings and what nobody knows are YAML.
///
/// # Errors
/// [`FieldError`] repeats what was typed, unless it is a variable's.
pub(crate) fn typed(of: &'static Type, place: &Place<'_>, text: &str) -> Result<Value, FieldError> {
    let value = match of {
        Type::Text | Type::Tag | Type::Word(_) => Some(Value::String(unquoted(text))),
        Type::Whole | Type::Count | Type::Port => decimal(text).map(Value::Int),
        Type::Amount => Some(amount(&unquoted(text))),
        _ => Document::parse(text).ok().and_then(|document| {
            let Some(root) = document.root() else { return Some(Value::Null) };
            let reader = Reader::new(Schema::Helm);
            document.documents().nth(1).is_none().then(|| written(of, &reader, root).ok()).flatten()
        }),
    };
    let error = || FieldError {
        path: place.to_string(),
        expected: of.expected(),
        found: if place.is_in("env") { String::from("another text") } else { format!("`{text}`") },
    };
    let value = value.ok_or_else(error)?;
    // Of a collection it is told where in it something does not fit.
    let inside = matches!(value, Value::Sequence(_) | Value::Mapping(_));
    match fits(of, place, &value) {
        Err(found) if inside && found.path != place.to_string() => Err(found),
        Err(_) => Err(error()),
        Ok(()) => Ok(value),
    }
}

/// The text without the YAML quotes around the whole of it.
fn unquoted(text: &str) -> String {
    let quoted = text.len() > 1 && ['"', '\''].iter().any(|quote| text.starts_with(*quote) && text.ends_with(*quote));
    let document = quoted.then(|| Document::parse(text).ok()).flatten();
    let inner = document.as_ref().and_then(Document::root).filter(|root| root.source() == text).and_then(Node::text);
    inner.map_or_else(|| String::from(text), |inner| String::from(&*inner))
}

/// A whole number as people write one: digits, without a zero in front that some reader takes for octal.
fn decimal(text: &str) -> Option<i64> {
    text.parse::<i64>().ok().filter(|number| number.to_string() == text)
}

/// A number where it is printed as it is written, else the text: `500m`, and `1e3`, which is not written back so.
fn amount(text: &str) -> Value {
    let float = || text.parse::<f64>().ok().filter(|number| number.to_string() == text && number.is_finite());
    decimal(text).map(Value::Int).or_else(|| float().map(Value::Float)).unwrap_or_else(|| Value::from(text))
}

/// What a node holds, where the table wants a text as it is written there.
///
/// # Errors
/// [`DataError`] where it has no meaning as data.
pub(crate) fn written<'d>(of: &'static Type, reader: &Reader<'d>, node: Node<'d>) -> Result<Value, DataError> {
    // What aliases repeat is paid once: below, only what this has gone through is gone through again.
    let value = reader.value(node)?;
    Ok(rewritten(of, reader, node, value))
}

fn rewritten<'d>(of: &'static Type, reader: &Reader<'d>, node: Node<'d>, value: Value) -> Value {
    let Some(target) = reader.target(node) else { return value };
    match (of, value) {
        (Type::Either(one, other), value) => {
            let of = if one.is_for(&value) { one } else { other };
            rewritten(of, reader, node, value)
        }
        // The keys are the user's, and as they are written: `on` is no switch.
        (Type::Map(of), Value::Mapping(entries)) => {
            let nodes = reader.entries(target).into_iter();
            let inner = nodes.zip(entries).map(|(entry, (key, value))| {
                let name = reader.target(entry.key).and_then(Node::text).map_or(key, Into::into);
                (name, rewritten(of, reader, entry.value, value))
            });
            Value::Mapping(inner.collect())
        }
        (Type::Object(_), Value::Mapping(entries)) => {
            let inner = |(key, value): (String, Value)| {
                let of = of.step(&crate::yaml::Step::Key(key.clone())).unwrap_or(&Type::Any);
                let value = match reader.get(target, &key) {
                    Some(node) => rewritten(of, reader, node, value),
                    None => value,
                };
                (key, value)
            };
            Value::Mapping(entries.into_iter().map(inner).collect())
        }
        (Type::List(of, _), Value::Sequence(items)) => {
            let pairs = items.into_iter().zip(target.items());
            Value::Sequence(pairs.map(|(value, node)| rewritten(of, reader, node, value)).collect())
        }
        (Type::Text | Type::Tag | Type::Word(_), Value::Int(_) | Value::Float(_) | Value::Bool(_)) => {
            target.text().map_or(Value::Null, Value::from)
        }
        (Type::Amount, value @ (Value::Int(_) | Value::Float(_))) => target.text().map_or(value, |text| amount(&text)),
        (_, value) => value,
    }
}

/// Data of another program, checked: a whole number becomes the text that is wanted.
///
/// # Errors
/// [`FieldError`] where something does not fit. A fraction has lost its notation already: `1.10` came as `1.1`.
pub(crate) fn given(of: &'static Type, place: &Place<'_>, value: Value) -> Result<Value, FieldError> {
    let value = converted(of, value);
    fits(of, place, &value).map(|()| value)
}

/// The same, unchecked.
pub(crate) fn converted(of: &'static Type, value: Value) -> Value {
    match (of, value) {
        (Type::Text | Type::Tag, Value::Int(number)) => Value::String(number.to_string()),
        (Type::Whole | Type::Count | Type::Port, Value::Float(number)) if whole(number).is_some() => {
            Value::Int(whole(number).unwrap_or_default())
        }
        (Type::Either(one, other), value) => converted(if one.is_for(&value) { one } else { other }, value),
        (Type::Object(_) | Type::Map(_), Value::Mapping(entries)) => {
            let inner = |(key, value): (String, Value)| {
                let of = of.step(&crate::yaml::Step::Key(key.clone())).unwrap_or(&Type::Any);
                (key, converted(of, value))
            };
            Value::Mapping(entries.into_iter().map(inner).collect())
        }
        (Type::List(of, _), Value::Sequence(items)) => {
            Value::Sequence(items.into_iter().map(|item| converted(of, item)).collect())
        }
        (_, value) => value,
    }
}

/// The whole number that a float is.
fn whole(number: f64) -> Option<i64> {
    let whole = number as i64;
    (whole as f64 == number).then_some(whole)
}
