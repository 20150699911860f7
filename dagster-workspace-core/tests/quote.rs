//! Whatever text is written is the text that PyYAML, ruamel (YAML 1.2), serde_yaml, real helm and this crate read, as a
//! value, an item and a key, in block and in flow.

mod readers;

use dagster_workspace_core::value::Value;
use dagster_workspace_core::yaml::quote::{Context, Quoting, write, write_scalar};
use dagster_workspace_core::yaml::{Document, Schema};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use readers::{Choices, Python, Read, helm, render};

const QUOTING: [Quoting; 3] = [Quoting::Auto, Quoting::Single, Quoting::Double];

/// One entry of a list, with the text in every place where a scalar can stand.
fn places(text: &str, quoting: Quoting) -> String {
    let (block, flow) = (write(text, quoting, Context::Block), write(text, quoting, Context::Flow));
    format!(
        "- value: {block}\n  items:\n  - {block}\n  - {block}: {block}\n  flow: [{flow}, {{{flow}: {flow}, another key: {flow}}}]\n"
    )
}

/// What every reader should make of [`places`]; keys in helm's order, by name.
fn meant(text: &str) -> Read {
    let string = |text: &str| Read::String(text.to_string());
    let pair = |key: &str| (string(key), string(text));
    let flow = sorted(vec![pair(text), pair("another key")]);
    Read::Map(vec![
        (string("flow"), Read::List(vec![string(text), Read::Map(flow)])),
        (string("items"), Read::List(vec![string(text), Read::Map(vec![pair(text)])])),
        (string("value"), string(text)),
    ])
}

fn sorted(mut entries: Vec<(Read, Read)>) -> Vec<(Read, Read)> {
    entries.sort_by_key(|(key, _)| match key {
        Read::String(key) => key.clone(),
        other => format!("{other:?}"),
    });
    entries
}

/// The same with the entries of all mappings sorted.
fn by_name(read: Read) -> Read {
    match read {
        Read::List(items) => Read::List(items.into_iter().map(by_name).collect()),
        Read::Map(entries) => {
            Read::Map(sorted(entries.into_iter().map(|(key, value)| (key, by_name(value))).collect()))
        }
        other => other,
    }
}

/// Texts that readers have been known to stumble over, and rows of pieces of them.
fn nasty() -> Vec<String> {
    const WHOLE: [&str; 71] = [
        "._5",
        ".1__0",
        "._",
        "1e_5",
        "-._5",
        "",
        " ",
        "  ",
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
        "a: b",
        "a #b",
        "- x",
        "*x",
        "%x",
        "@x",
        " x",
        "x ",
        "1.10",
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
        "[a]",
        "{a}",
        "|",
        ">",
        "|-",
        "> x",
        "'a'",
        "\"",
        "'",
        "''",
        "\\",
        "a\nb",
        "\n",
        "a\r\nb",
        "\u{feff}",
        "\u{feff}a",
        "\u{85}",
        "a\u{2028}b",
        "\t",
        "a\tb",
        "\u{fffe}",
        "\u{7f}",
        "\u{10ffff}",
        "!!str a",
        "&a b",
        "a\u{0}b",
        "\u{d7ff}\u{e000}",
        "localhost:5000/etl:1",
        "http://x/?a=b&c=d#e",
    ];
    const PIECES: [&str; 58] = [
        "a", "Z", "on", "no", "null", "y", "0", "1", "9", "12", "60", "0x", "0o", "0b", "e", "E", "e+", ".", "..",
        "...", "_", "+", "-", "--", "---", " ", "  ", ":", ": ", "#", " #", ",", ", ", "[", "]", "{", "}", "?", "? ",
        "&", "*", "!", "|", ">", "'", "\"", "%", "@", "`", "\\", "=", "<<", "~", "\n", "\t", "ü", "\u{85}", "😀",
    ];
    let mut choices = Choices::new(2);
    let rows: Vec<String> = (0..2500).map(|_| choices.joined(&PIECES, 5)).collect();
    let mut texts: Vec<String> = WHOLE.iter().map(ToString::to_string).chain(rows).collect();
    texts.sort();
    texts.dedup();
    texts
}

/// Fails with the texts that a reader took for something else.
fn judge(reader: &str, texts: &[(String, Quoting)], reads: impl IntoIterator<Item = Read>) {
    let reads: Vec<Read> = reads.into_iter().collect();
    assert_eq!(reads.len(), texts.len());
    let wrong: Vec<String> = texts
        .iter()
        .zip(reads)
        .filter_map(|((text, quoting), read)| {
            let read = by_name(read);
            (read != meant(text)).then(|| format!("{text:?} {quoting:?}: {} {read:?}", places(text, *quoting)))
        })
        .collect();
    assert!(wrong.is_empty(), "{reader}: {} of {}:\n{}", wrong.len(), texts.len(), wrong.join("\n"));
}

/// Each text plain where it may be, and every third in quotes as well: Python takes its time.
fn quoted() -> Vec<(String, Quoting)> {
    let mut texts: Vec<_> = nasty().into_iter().map(|text| (text, Quoting::Auto)).collect();
    let quoted = [Quoting::Single, Quoting::Double].into_iter().cycle();
    let third: Vec<_> =
        texts.iter().step_by(3).zip(quoted).map(|((text, _), quoting)| (text.clone(), quoting)).collect();
    texts.extend(third);
    texts
}

#[test]
fn python_readers_read_what_is_meant() {
    let Some(mut python) = Python::start() else { return };
    let texts = quoted();
    let documents: Vec<String> = texts.iter().map(|(text, quoting)| places(text, *quoting)).collect();
    for reader in ["pyyaml", "ruamel"] {
        let reads = python.read(reader, &documents).into_iter().map(|read| match read {
            Read::List(mut items) if items.len() == 1 => items.remove(0),
            other => other,
        });
        judge(reader, &texts, reads);
    }
}

fn check_helm(major: u8) {
    let Some(program) = testing::helm(major) else { return };
    let texts: Vec<(String, Quoting)> =
        nasty().into_iter().flat_map(|text| QUOTING.map(|quoting| (text.clone(), quoting))).collect();
    let list: String = texts.iter().map(|(text, quoting)| places(text, *quoting)).collect();
    let Read::Map(mut entries) = helm(&program, &format!("quote{major}"), &format!("list:\n{list}")).unwrap() else {
        panic!("values are a mapping")
    };
    let Read::List(reads) = entries.remove(0).1 else { panic!("`list` is a list") };
    judge("helm", &texts, reads);
}

#[test]
fn helm_3_reads_what_is_meant() {
    check_helm(3);
}

#[test]
fn helm_4_reads_what_is_meant() {
    check_helm(4);
}

#[test]
fn serde_yaml_and_this_crate_read_what_is_meant() {
    for (text, quoting) in nasty().into_iter().flat_map(|text| QUOTING.map(|quoting| (text.clone(), quoting))) {
        check(&text, quoting);
    }
}

fn check(text: &str, quoting: Quoting) {
    let source = places(text, quoting);
    let expected = Read::List(vec![meant(text)]);
    let value: serde_yaml::Value = serde_yaml::from_str(&source).unwrap_or_else(|error| panic!("{error}:\n{source}"));
    assert_eq!(by_name(Read::from(&value)), expected, "serde_yaml:\n{source}");
    let document = Document::parse(source.as_str()).unwrap_or_else(|error| panic!("{error}:\n{source}"));
    for schema in [Schema::Core, Schema::Dagster, Schema::Helm] {
        let value = serde_yaml::to_value(document.to_value(schema).unwrap()).unwrap();
        assert_eq!(by_name(Read::from(&value)), expected, "{schema:?}:\n{source}");
    }
    assert_eq!(source.lines().count(), 5, "one line each:\n{source}");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_text_comes_back(text in prop::collection::vec(any::<char>(), 0..12), quoting in prop::sample::select(&QUOTING)) {
        check(&text.into_iter().collect::<String>(), quoting);
    }

    #[test]
    fn any_float_comes_back(number in any::<f64>()) {
        let value = Value::Float(number);
        let written = write_scalar(&value, Quoting::Auto, Context::Flow).unwrap();
        let document = Document::parse(written.clone()).unwrap();
        for schema in [Schema::Core, Schema::Dagster, Schema::Helm] {
            prop_assert!(document.to_value(schema).unwrap().is_same(&value), "{} {:?}", written, schema);
        }
    }
}

#[test]
fn numbers_mean_the_same_to_all_readers() {
    let mut choices = Choices::new(4);
    let mut float = || f64::from_bits((choices.below(1 << 32) as u64) << 32 | choices.below(1 << 32) as u64);
    let floats =
        [0.0, -0.0, 1.0, 1.5, -2.25, 1e16, 1e22, 1e100, 1e-7, 5e-324, f64::MAX, f64::MIN_POSITIVE, 123_456_789.0];
    let floats = floats.into_iter().chain((0..500).map(|_| float())).filter(|number| number.is_finite());
    let numbers = [0, 1, -1, 42, 1_000_000, i64::MAX, i64::MIN].into_iter().map(Value::Int);
    let values: Vec<Value> =
        floats.map(Value::Float).chain(numbers).chain([Value::Null, true.into(), false.into()]).collect();
    let exact = |value: &Value| match value {
        Value::Null => Read::Null,
        Value::Bool(value) => Read::Bool(*value),
        Value::Int(number) => Read::Int((*number).into()),
        Value::Float(number) => Read::Float(*number),
        other => panic!("{other:?}"),
    };
    let written: Vec<String> =
        values.iter().map(|value| write_scalar(value, Quoting::Auto, Context::Block).unwrap().into_owned()).collect();
    if let Some(mut python) = Python::start() {
        let expected: Vec<Read> = values.iter().map(exact).collect();
        for reader in ["pyyaml", "ruamel"] {
            assert_eq!(python.read(reader, &written), expected, "{reader}");
        }
    }
    for major in [3, 4] {
        let Some(program) = testing::helm(major) else { continue };
        let list: String = written.iter().map(|written| format!("- {written}\n")).collect();
        // Helm holds every number as a float.
        let expected = values.iter().map(exact).map(|read| match read {
            Read::Int(number) => Read::Float(number as f64),
            other => other,
        });
        let read = helm(&program, &format!("numbers{major}"), &format!("list:\n{list}")).unwrap();
        assert_eq!(read, Read::Map(vec![(Read::String("list".into()), Read::List(expected.collect()))]));
    }
}

/// Tags as CI makes them: short commit hashes, among them those of digits alone, with one `e`, with a leading 0.
fn image_tags() -> Vec<String> {
    let table = "5176135 12345678 0123456 1e5 12e03 1234567e8 0x1f 0b11 0o17 1_000 9007199254740993 1.10 1.0 true on y
        0e1234567 2024-01-01 1.2.3 latest v1.2.3 main-5176135 null no 1_2 0b_ 1. 1.e5 20260102 2026-1-2 00 -1";
    let mut choices = Choices::new(5);
    let digits = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let hex = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f"];
    let mut pick =
        |from: &[&str], count: usize| -> String { (0..count).map(|_| from[choices.below(from.len())]).collect() };
    let mut tags: Vec<String> = table.split_whitespace().map(str::to_string).collect();
    for length in [7, 8, 12] {
        for _ in 0..150 {
            let number = pick(&digits, length);
            let at = 1 + number.bytes().map(usize::from).sum::<usize>() % (length - 2);
            tags.push(format!("{}e{}", &number[..at], &number[at + 1..]));
            tags.push(format!("0{}", &number[1..]));
            tags.push(number);
            tags.push(pick(&hex, length));
        }
    }
    tags
}

/// The expression is the chart's own, `templates/helpers/_deployment.tpl` of `dagster-user-deployments`.
#[test]
fn image_tags_are_rendered_as_meant() {
    let template =
        "tags:\n{{- range .Values.images }}\n- {{ .tag | default \"none\" | toYaml | trimAll \"\\\"\" }}\n{{- end }}\n";
    let tags = image_tags();
    for (major, quoting) in [(3, Quoting::Auto), (4, Quoting::Auto), (4, Quoting::Single)] {
        let Some(program) = testing::helm(major) else { continue };
        let image = |tag: &String| {
            format!(
                "- {{repository: r, tag: {}}}\n- tag: {}\n",
                write(tag, quoting, Context::Flow),
                write(tag, quoting, Context::Block)
            )
        };
        let values: String = tags.iter().map(image).collect();
        let rendered = render(&program, &format!("tags{major}"), template, &format!("images:\n{values}")).unwrap();
        let rendered: Vec<&str> = rendered.lines().filter_map(|line| line.strip_prefix("- ")).collect();
        let expected: Vec<&String> = tags.iter().flat_map(|tag| [tag, tag]).collect();
        assert_eq!(rendered, expected, "helm {major}, {quoting:?}");
    }
}
