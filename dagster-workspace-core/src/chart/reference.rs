//! The table for people: [`reference()`], which is `docs/fields.md`.

use alloc::format;
use alloc::string::String;
use core::fmt::Write as _;

use super::{DEPLOYMENT, Field, GRPC_SERVER, Items, KINDS, Need, Since, Type, VALUES};

const HEAD: &str = "# Fields

Every field that the tool knows, as `check`, `add`, `update --set`, the Rust builder and Python's `Deployment` take it. Written from the
table in `dagster-workspace-core/src/chart` by a test; do not edit it by hand.

What is typed at `--set PATH=VALUE` becomes what stands under *type*: a text as it was typed (`--set image.tag=0123456` writes
`\"0123456\"`; YAML quotes around the whole belong to no text), a whole number in decimal, `true` or `false`; mappings, lists and unknown keys
are YAML, and so is what lies in them, texts as they are written.

Lists *by* a key are merged and edited item by item: `env[name=A].value`, `volumeMounts[mountPath=/data].readOnly`. `env` may be a mapping
or a list; `env.A` names the variable in either.
";

/// The table of fields as Markdown, as `docs/fields.md` holds it.
#[must_use]
pub fn reference() -> String {
    let mut out = String::from(HEAD);
    section(&mut out, "A deployment", DEPLOYMENT);
    section(&mut out, "Values of the chart", &VALUES);
    section(&mut out, "`grpc_server` in `load_from`", &GRPC_SERVER);
    for kind in KINDS.iter().filter(|kind| !kind.is_grpc()) {
        section(&mut out, &format!("`{}` in `load_from`", kind.key), kind.fields);
    }
    out
}

fn section(out: &mut String, title: &str, fields: &[Field]) {
    let _ = write!(out, "\n## {title}\n\n| field | type | | releases | instead of | |\n|---|---|---|---|---|---|\n");
    for field in fields {
        row(out, "", field);
        // The entries of a list have a section of their own.
        for inner in field.of.fields() {
            row(out, &format!("{}.", field.key), inner);
        }
    }
}

fn row(out: &mut String, above: &str, field: &Field) {
    let need = match field.need {
        Need::Required => String::from("required"),
        Need::RequiredUntil(last) => format!("required up to {last}"),
        Need::RequiredSince(first) => format!("required from {first} on"),
        Need::Optional | Need::Given => String::new(),
    };
    let since = match field.since {
        Since::Always => String::new(),
        Since::From(first) => format!("from {first} on"),
        Since::After(last) => format!("after {last}"),
    };
    let mistaken = field.mistaken.iter().map(|name| format!("`{name}`")).collect::<alloc::vec::Vec<_>>().join(", ");
    let (key, of) = (field.key, words(&field.of));
    let _ = writeln!(out, "| `{above}{key}` | {of} | {need} | {since} | {mistaken} | {} |", field.about);
}

fn words(of: &Type) -> String {
    match of {
        Type::List(_, items) if items.key().is_some() => {
            let refused = if matches!(items, Items::Unique(_)) { ", each once" } else { "" };
            format!("{} by `{}`{refused}", of.expected(), items.key().unwrap_or_default())
        }
        Type::Either(one, other) => format!("{}, or {}", words(one), words(other)),
        Type::Map(inner) if !matches!(inner, Type::Any) => format!("a mapping to: {}", inner.expected()),
        Type::Source(of) => format!("{}, or `{{env: NAME}}`", of.expected()),
        Type::Tag => String::from("a text (a whole number is taken as the chart prints it)"),
        other => String::from(other.expected()),
    }
}
