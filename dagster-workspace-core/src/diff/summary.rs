//! Changes as people read them, one a line, and as programs get them, secrets hidden.

use alloc::borrow::{Cow, ToOwned as _};
use alloc::string::{String, ToString as _};
use core::fmt;

use serde::ser::{Serialize, SerializeStruct as _, Serializer};

use super::server::name as server_name;
use super::{Change, Diff, MergeKeys, Renamed, diff};
use crate::secret::hidden_with;
use crate::value::Value;
use crate::yaml::quote::{Context, Quoting, write_scalar};
use crate::yaml::{Path, Step};

/// What the items of a list, or the entries of a mapping, are called.
const NOUNS: [(&str, &str); 3] = [("deployments", "deployment"), ("load_from", "location"), ("servers", "server")];

/// Keys between a location and its settings, which say nothing new.
const ORIGINS: [&str; 5] = ["grpc_server", "python_file", "python_module", "python_package", "autoload_defs_module"];

/// Longest text that a summary shows, in characters.
const SHOWN: usize = 80;

/// `+ deployment etl`, `~ deployment etl: image.tag 1 -> 2`, `- location etl`, `~ global.x 1 -> 2`. Without secrets.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Renamed { from, to }) = self.renamed() {
            write!(f, "~ location {from}: ")?;
            let [before, after] = [&self.before, &self.after].map(|item| item.as_ref()?.get("grpc_server"));
            for change in diff(before.unwrap_or(&Value::Null), after.unwrap_or(&Value::Null), &MergeKeys::default()) {
                let change = change.to_string();
                write!(f, "{}, ", change.strip_prefix("~ ").unwrap_or(&change))?;
            }
            return write!(f, "called {to} from now on");
        }
        let (subject, rest) = split(self);
        let path = if rest.steps().is_empty() { String::new() } else { rest.to_string() };
        let [before, after] = self.shown();
        // Of a secret the path says enough.
        let is_hidden = |value: &Option<Value>, own: &Option<Value>| value.is_some() && value != own;
        let is_secret = is_hidden(&after, &self.after) && self.before.is_none() || is_hidden(&before, &self.before);
        let shown = |value: &Option<Value>| value.as_ref().filter(|_| !is_secret).and_then(scalar);
        let mark = match (&self.before, &self.after) {
            (None, _) => '+',
            (_, None) => '-',
            _ => '~',
        };
        match &subject {
            Some(subject) if path.is_empty() => return write!(f, "{mark} {subject}{}", suffix(mark)),
            Some(subject) => write!(f, "~ {subject}: ")?,
            None => {}
        }
        if subject.is_none() || mark != '~' {
            write!(f, "{mark} ")?;
        }
        f.write_str(if path.is_empty() { "document" } else { &path })?;
        match (mark, shown(&before), shown(&after)) {
            ('~', Some(before), Some(after)) => write!(f, " {before} -> {after}"),
            ('~', ..) if is_reordered(self) => f.write_str(" reordered"),
            ('~', ..) => f.write_str(" changed"),
            ('+', _, Some(after)) => write!(f, " {after}"),
            _ => Ok(()),
        }
    }
}

fn suffix(mark: char) -> &'static str {
    if mark == '~' { " changed" } else { "" }
}

/// One line per change; says so where only comments or notation differ, and gives nothing where nothing does.
impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            writeln!(f, "{change}")?;
        }
        if self.changes.is_empty() && self.text_differs {
            writeln!(f, "only comments or notation differ")?;
        }
        Ok(())
    }
}

/// `{"path": .., "before": .., "after": ..}`, what is missing left out, secrets hidden.
impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let path = &self.path;
        let [before, after] = self.shown();
        let fields = 1 + usize::from(before.is_some()) + usize::from(after.is_some());
        let mut out = serializer.serialize_struct("Change", fields)?;
        out.serialize_field("path", &path.to_string())?;
        for (name, value) in [("before", before), ("after", after)] {
            if let Some(value) = value {
                out.serialize_field(name, &value)?;
            }
        }
        out.end()
    }
}

/// As it is serialised.
impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [before, after] = self.shown();
        f.debug_struct("Change").field("path", &self.path).field("before", &before).field("after", &after).finish()
    }
}

impl Change {
    /// What was and what is, as it may be shown: `(hidden)` in place of what may be secret.
    #[must_use]
    pub fn shown(&self) -> [Option<Value>; 2] {
        let Self { path, before, after, anchored } = self;
        [before, after].map(|value| value.as_ref().map(|value| hidden_with(value, path, anchored)))
    }
}

/// What a change is about, as in `deployment etl`, and the way on from there.
fn split(change: &Change) -> (Option<String>, Path) {
    let path = &change.path;
    let whole = || (None, path.clone());
    for (at, pair) in path.steps().windows(2).enumerate() {
        let [Step::Key(list), item] = pair else { continue };
        let Some((_, noun)) = NOUNS.iter().find(|(own, _)| own == list) else { continue };
        let name: Cow<'_, str> = match item {
            Step::Item { name, .. } | Step::Key(name) => Cow::Borrowed(name),
            Step::Index(index) => {
                // A server without a name has the one that Dagster makes.
                let whole = change.before.as_ref().or(change.after.as_ref()).filter(|_| path.steps().len() == at + 2);
                let name = whole.filter(|_| *noun == "location").and_then(server_name);
                Cow::Owned(name.unwrap_or_else(|| alloc::format!("[{index}]")))
            }
        };
        let mut rest = path.steps().get(at + 2..).unwrap_or_default();
        if let [Step::Key(origin), inner @ ..] = rest
            && *noun == "location"
            && ORIGINS.contains(&origin.as_str())
        {
            rest = inner;
        }
        return (Some(alloc::format!("{noun} {name}")), Path::new(rest.to_owned()));
    }
    whole()
}

/// Notation of a short scalar.
fn scalar(value: &Value) -> Option<String> {
    let text = write_scalar(value, Quoting::Auto, Context::Block)?;
    if text.chars().count() <= SHOWN {
        return Some(text.into_owned());
    }
    Some(text.chars().take(SHOWN).chain(['…']).collect())
}

fn is_reordered(change: &Change) -> bool {
    let (Some(Value::Sequence(before)), Some(Value::Sequence(after))) = (&change.before, &change.after) else {
        return false;
    };
    before.len() == after.len() && before.iter().all(|item| after.contains(item))
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::super::{MergeKeys, diff};
    use super::*;
    use crate::yaml::{Document, Schema};

    /// Checks the summary of two texts, that it is empty exactly for equal data, and that the way back is as long.
    fn check(before: &str, after: &str, expected: &[&str]) {
        let documents = [before, after].map(|text| Document::parse(text).unwrap());
        let [old, new] = &documents;
        let diff_of = |a, b| Diff::between(a, b, Schema::Helm, &MergeKeys::default()).unwrap();
        let forward = diff_of(old, new);
        let lines: Vec<_> = forward.changes.iter().map(alloc::string::ToString::to_string).collect();
        assert_eq!(lines, expected, "{before}\n=>\n{after}");
        let values = [old, new].map(|document| document.to_value(Schema::Helm).unwrap());
        assert_eq!(lines.is_empty(), values[0].is_same(&values[1]));
        assert_eq!(diff_of(new, old).changes.len(), forward.changes.len(), "{before}\n<=\n{after}");
    }

    const ETL: &str = "name: etl, image: {tag: '1'}";

    #[test]
    fn changes_are_named_after_what_they_are_about() {
        let list = |items: &[&str]| {
            let items: String = items.iter().map(|item| alloc::format!("- {{{item}}}\n")).collect();
            alloc::format!("deployments:\n{items}")
        };
        let etl = list(&[ETL]);
        check(&etl, &list(&[ETL, "name: b"]), &["+ deployment b"]);
        check(&etl, &list(&["name: b", ETL]), &["+ deployment b"]);
        check(&etl, &list(&["name: b"]), &["- deployment etl", "+ deployment b"]);
        check(&etl, "deployments: []\n", &["- deployment etl"]);
        check("deployments:\n", &etl, &["+ deployment etl"]);
        check("a: 1\n", &alloc::format!("a: 1\n{etl}"), &["+ deployment etl"]);
        check(&etl, &list(&["name: etl, image: {tag: '2'}"]), &["~ deployment etl: image.tag \"1\" -> \"2\""]);
        check(&etl, &list(&["name: etl, image: {tag: 1}"]), &["~ deployment etl: image.tag \"1\" -> 1"]);
        check(&etl, &list(&["image: {tag: '1'}, name: etl"]), &[]);
        check(
            &etl,
            &list(&["name: etl, image: {}, port: 1"]),
            &["~ deployment etl: - image.tag", "~ deployment etl: + port 1"],
        );
        check(&etl, &list(&["name: etl, image: {tag: '1'}, resources: {a: b}"]), &["~ deployment etl: + resources"]);
        check(&list(&["name: a", "name: b"]), &list(&["name: b", "name: a"]), &["~ deployments reordered"]);
        check(&list(&["name: a", "name: a"]), &list(&["name: a"]), &["- deployment [1]"]);
        check(
            "deployments: {a: {port: 1}, b: {}}\n",
            "deployments: {a: {port: 2}}\n",
            &["~ deployment a: port 1 -> 2", "- deployment b"],
        );
        check("x: {deployments: [{name: a}]}\n", "x: {deployments: []}\n", &["- deployment a"]);
        check("a: {b: 1}\nc: 2\n", "a: {b: 3}\nd: [1]\n", &["~ a.b 1 -> 3", "- c", "+ d"]);
        check("a: [1, 2]\n", "a: [2, 1]\n", &["~ a reordered"]);
        check("a: 1\n", "b\n", &["~ document changed"]);
        check("a:\n", "a: []\n", &["~ a changed"]);
    }

    #[test]
    fn locations_are_matched_by_their_one_inner_mapping() {
        let of = |items: &[&str]| {
            let items: String = items.iter().map(|item| alloc::format!("- {item}\n")).collect();
            alloc::format!("load_from:\n{items}")
        };
        let a = "grpc_server: {host: a, port: 1, location_name: a}";
        let unnamed = "grpc_server: {host: x, port: 1}";
        check(&of(&[a, unnamed]), &of(&[unnamed, a]), &["~ load_from reordered"]);
        check(&of(&[a]), &of(&[unnamed, a]), &["+ location grpc:x:1"]);
        check(&of(&[a]), &of(&["grpc_server: {host: a, port: 2, location_name: a}"]), &["~ location a: port 1 -> 2"]);
        check(&of(&[a, "python_file: x"]), &of(&["python_file: x"]), &["- location a"]);
    }

    #[test]
    fn servers_without_a_name_are_called_as_dagster_calls_them() {
        let of = |items: &[&str]| {
            let items: String = items.iter().map(|item| alloc::format!("- grpc_server: {{{item}}}\n")).collect();
            alloc::format!("load_from:\n{items}")
        };
        let (one, two) = ("host: a, port: 1", "host: a, port: 2");
        let renamed = "~ location grpc:a:1: port 1 -> 2, called grpc:a:2 from now on";
        check(&of(&[one]), &of(&[two]), &[renamed]);
        check(&of(&["host: b, port: 1", one]), &of(&[two, "host: b, port: 1"]), &[renamed, "~ load_from changed"]);
        check(&of(&[one]), &of(&["host: b, port: 1"]), &["- location grpc:a:1", "+ location grpc:b:1"]);
        check(
            &of(&[one, two]),
            &of(&["host: a, port: 3"]),
            &["- location grpc:a:1", "- location grpc:a:2", "+ location grpc:a:3"],
        );
        check(
            &of(&["port: 1"]),
            &of(&["port: 2"]),
            &["~ location grpc:localhost:1: port 1 -> 2, called grpc:localhost:2 from now on"],
        );
        check(
            &of(&["host: {env: H}, port: 1"]),
            &of(&["host: {env: H}, port: {env: P}"]),
            &["~ location grpc:$H:1: port changed, called grpc:$H:$P from now on"],
        );
        check(
            &of(&[one]),
            &of(&["host: a, socket: /s"]),
            &["~ location grpc:a:1: - port, + socket /s, called grpc:a:/s from now on"],
        );
        // A name is given, or taken away.
        check(
            &of(&[one]),
            &of(&["host: a, port: 1, location_name: x"]),
            &["~ location grpc:a:1: + location_name x, called x from now on"],
        );
        check(
            &of(&[one]),
            &of(&["host: a, port: 1, location_name: 'grpc:a:1'"]),
            &["~ location [0]: + location_name grpc:a:1"],
        );
        check(
            &of(&["host: a, port: 1, location_name: x"]),
            &of(&["host: a, port: 1, location_name: z"]),
            &["- location x", "+ location z"],
        );
    }

    #[test]
    fn secrets_are_in_no_summary_and_hidden_in_json() {
        let before = "deployments:\n- {name: a, env: {K: old}}\n- {name: b, env: [{name: K, value: old}]}\npostgresql: {postgresqlPassword: old}\n";
        let after = "deployments:\n- {name: a, env: {K: s3cret, L: s3cret}}\n- {name: b, env: [{name: K, value: s3cret}]}\n- {name: c, env: {K: s3cret}, sidecarContainers: [{name: s, env: [{name: K, value: s3cret}]}], envSecrets: [{name: kept}]}\npostgresql: {postgresqlPassword: s3cret}\n";
        let expected = [
            "~ deployment a: env.K changed",
            "~ deployment a: + env.L",
            "~ deployment b: env[name=K].value changed",
            "+ deployment c",
            "~ postgresql.postgresqlPassword changed",
        ];
        check(before, after, &expected);
        let [old, new] = [before, after].map(|text| Document::parse(text).unwrap().to_value(Schema::Helm).unwrap());
        let json = serde_json::to_string(&diff(&old, &new, &MergeKeys::default())).unwrap();
        assert!(!json.contains("s3cret") && !json.contains("old"), "{json}");
        assert!(
            json.contains("kept") && json.contains(r#""path":"deployments[name=a].env.K","before":"(hidden)""#),
            "{json}"
        );
    }

    #[test]
    fn a_text_that_becomes_a_credential_is_hidden() {
        check("a: x\n", "a: pg://u:s3cret@db\n", &["~ a x -> (hidden)"]);
        check("a: pg://u:s3cret@db\n", "a: pg://u:other@db\n", &["~ a changed"]);
    }

    #[test]
    fn many_items_without_a_name_are_matched_by_their_value() {
        let items =
            |from: usize| -> String { (from..from + 5000).map(|at| alloc::format!("- {{n: {at}}}\n")).collect() };
        let [old, new] = [0, 1].map(items).map(|text| Document::parse(text).unwrap().to_value(Schema::Helm).unwrap());
        assert_eq!(diff(&old, &new, &MergeKeys::default()).len(), 2);
    }

    #[test]
    fn a_difference_of_comments_is_said_to_be_one() {
        let [old, new] = ["a: 1 # x\n", "a: 1 # y\n"].map(|text| Document::parse(text).unwrap());
        let diff = Diff::between(&old, &new, Schema::Helm, &MergeKeys::default()).unwrap();
        assert_eq!(diff.to_string(), "only comments or notation differ\n");
        let same = Diff::between(&old, &old, Schema::Helm, &MergeKeys::default()).unwrap();
        assert_eq!(same.to_string(), "");
    }
}
