//! Texts as they may be shown: the values of environment variables hidden. Findings quote lines of documents, and what
//! stands under `env` may be a secret. [`hidden`] keeps every offset and every line break.

use dagster_workspace_core::value::Value;
use dagster_workspace_core::yaml::{Document, Node};

/// `text` with each value under a key `env` replaced by as many `*`.
pub(super) fn hidden(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    match Document::parse(text) {
        Ok(document) => document.roots().for_each(|root| hide_under_env(root, &mut bytes)),
        Err(_) => hide_lines_under_env(text, &mut bytes),
    }
    // Whole values are replaced, so no character is cut; were one, it would be shown as a replacement character.
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An entry as data with the same things hidden.
pub(super) fn hidden_value(value: Value) -> Value {
    match value {
        Value::Mapping(entries) => {
            let entries = entries.into_iter().map(|(key, value)| {
                let value = if key == "env" { hidden_variables(value) } else { hidden_value(value) };
                (key, value)
            });
            Value::Mapping(entries.collect())
        }
        Value::Sequence(items) => Value::Sequence(items.into_iter().map(hidden_value).collect()),
        scalar => scalar,
    }
}

fn hidden_variables(value: Value) -> Value {
    match value {
        Value::Mapping(entries) => {
            Value::Mapping(entries.into_iter().map(|(name, _)| (name, Value::from("***"))).collect())
        }
        Value::Sequence(mut items) => {
            for item in items.iter_mut().filter(|item| item.get("value").is_some()) {
                item.set("value", Value::from("***"));
            }
            Value::Sequence(items)
        }
        other => other,
    }
}

fn hide_under_env(node: Node<'_>, bytes: &mut [u8]) {
    for entry in node.entries() {
        if !entry.key.is_text("env") {
            hide_under_env(entry.value, bytes);
        } else if entry.value.kind().is_mapping() {
            entry.value.entries().for_each(|variable| hide(variable.value, bytes));
        } else {
            entry.value.items().filter_map(|variable| variable.get("value")).for_each(|value| hide(value, bytes));
        }
    }
    node.items().for_each(|item| hide_under_env(item, bytes));
}

fn hide(node: Node<'_>, bytes: &mut [u8]) {
    if node.alias().is_none() {
        mask(bytes.get_mut(node.span().range()).unwrap_or_default());
    }
}

/// For a text that is no YAML: what follows `env:`, on its line and on the deeper lines below it, up to the next `:` of
/// each line is a name, the rest is hidden.
fn hide_lines_under_env(text: &str, bytes: &mut [u8]) {
    let (mut offset, mut inside) = (0, None);
    for line in text.split_inclusive('\n') {
        let content = line.trim_start();
        let indent = line.len() - content.len();
        let deeper = inside.is_some_and(|above| indent > above || content.starts_with('-') && indent == above);
        let shown = match content.trim_start_matches("- ").strip_prefix("env:") {
            Some(rest) => {
                inside = Some(indent);
                Some(line.len() - rest.len())
            }
            None if content.trim().is_empty() => None,
            None if deeper => Some(line.find(':').map_or(indent, |at| at + 1)),
            None => {
                inside = None;
                None
            }
        };
        if let Some(shown) = shown {
            mask(bytes.get_mut(offset + shown..offset + line.len()).unwrap_or_default());
        }
        offset += line.len();
    }
}

fn mask(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| !matches!(byte, b'\n' | b'\r' | b' ')) {
        *byte = b'*';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let found = hidden(text);
        assert_eq!(found, expected);
        assert_eq!(found.len(), text.len());
    }

    #[test]
    fn values_of_variables_are_hidden_in_every_notation() {
        check("env:\n  A: s3\n  B: \"ü\"\nport: 1\n", "env:\n  A: **\n  B: ****\nport: 1\n");
        check("d: [{env: {A: x, B: y}, n: z}]\n", "d: [{env: {A: *, B: *}, n: z}]\n");
        check("env:\n- name: A\n  value: abc\n- name: B\n", "env:\n- name: A\n  value: ***\n- name: B\n");
        check("env:\n  A: |\n    one\n    two\n", "env:\n  A: *\n    ***\n    ***\n");
        check("port: {env: PORT}\n", "port: {env: PORT}\n");
    }

    #[test]
    fn values_of_variables_are_hidden_where_the_text_is_no_yaml() {
        check("a:\n  env:\n    K: abc\n\tx\nport: 1\n  b: [", "a:\n  env:\n    K: ***\n\tx\nport: 1\n  b: [");
        check("- env: {A: b\nc: ]\n", "- env: *** *\nc: ]\n");
        check("env:\n- name: A\n  value: b\n[", "env:\n- name: *\n  value: *\n[");
    }
}
