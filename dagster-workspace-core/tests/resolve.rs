//! What plain scalars mean: `resolve` against PyYAML and real helm, over every short string of the characters that
//! numbers are made of, and longer ones by chance.

mod readers;

use dagster_workspace_core::yaml::quote::{Context, needs_quotes};
use dagster_workspace_core::yaml::{Document, Resolved, Schema, resolve};
use readers::{Choices, Python, Read, helm};

/// Written by hand: the tables of `dagster/FACTS.md`, and the edges of each reader's grammar.
const KNOWN: &str = "
    5176135 12345678 0123456 1e5 12e03 1234567e8 0x1f 0b11 0o17 1_000 1.10 1.0 true on y ~ 0e1234567 1:30 2024-01-01
    1.2.3 9007199254740993 null Null NULL nULL True TRUE tRUE yes Yes YES yEs no No NO off Off OFF On ON n N Y false
    False FALSE = << < <<< 12:30 12:60 1:5 01:30 0:30.5 190:20:30 190:20:30.15 1_9:20 1:2:3:4:5:6:7:8:9:10:11:12:13:14
    .5 -.5 +.5 ._5 .5_ .1_0 .1__0 .1e5 .1e+5 .1e1_0 5. 5._ -5. 1.5e5 1.5e+5 1.5E-5 1e+5 1e400 -1e400 1.0e+400 1.0e-400
    .1e999 08 09 0_8 00 000 007 -0 +0 -00 -017 +017 0_ 0__ 0b 0b_ 0b2 -0b11 0b_1 0b1_ 0b-1 0b+1 -0b-1 0_b1 0B11 0x 0x_
    0xg -0x1F 0X1F 0o 0o_ 0o8 -0o17 0O17 0o_7 0x_1 1_ 1__ 1_2_ 1_.5 +_1 -_1 -_ +_ _1 1e 1e_5 1.e5 1.e+5 e5 1e5e5
    9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809 18446744073709551615
    18446744073709551616 99999999999999999999999999 0xffffffffffffffff 0x1ffffffffffffffff -0xffffffffffffffff
    0x7fffffffffffffff 01777777777777777777777 0777777777777777777777 -01777777777777777777777 02000000000000000000000
    0b1111111111111111111111111111111111111111111111111111111111111111
    0b11111111111111111111111111111111111111111111111111111111111111111
    -0b1111111111111111111111111111111111111111111111111111111111111111 0x8000000000000400000000000001
    0xffffffffffffffff +0xffffffffffffffff -0x8000000000000000 -0x8000000000000001 +01777777777777777777777 +0x1f
    -01000000000000000000000 -01000000000000000000001 +9223372036854775808
    2024-1-1 2024-01-01T00:00:00Z 20240101 1234-56 abc1234 e1234567 1e123456 12e45678 0e0 1d5 infinity nan inf +inf
    -nan NaN .infinity v1.2.3 1.2 10.20.30.40 +1 -1 --1 +-1 1+ 1- +.e5 - + . .. ._ .e5 -.e5 1.2e+3_4
";

fn known() -> Vec<String> {
    KNOWN.split_whitespace().map(str::to_string).filter(|token| is_plain(token)).collect()
}

/// Every string of up to three of the characters that numbers are made of, and six thousand longer ones.
fn numberlike() -> Vec<String> {
    let alphabet = ["0", "1", "7", "8", "_", ".", "+", "-", "e", "E", "x", "X", "o", "b", "f", ":"];
    let mut tokens: Vec<String> = vec![String::new()];
    let mut from = 0;
    for _ in 0..3 {
        let longer = tokens[from..].iter().flat_map(|token| alphabet.iter().map(move |next| format!("{token}{next}")));
        let longer: Vec<String> = longer.collect();
        from = tokens.len();
        tokens.extend(longer);
    }
    let mut choices = Choices::new(1);
    let parts = ["0", "1", "5", "9", "12", "60", "_", ".", "+", "-", "e", "e+", "0x", "0b", "0o", "f", ":", "30", ".5"];
    tokens.extend((0..6000).map(|_| choices.joined(&parts, 7)));
    tokens.retain(|token| is_plain(token));
    tokens.sort();
    tokens.dedup();
    tokens
}

/// Whether a token of these characters can be written plain in a block sequence at all.
fn is_plain(token: &str) -> bool {
    let marks = token == "-" || token.starts_with("---") || token.starts_with(':') || token.ends_with(':');
    !token.is_empty() && !marks
}

fn same_float(ours: f64, theirs: f64) -> bool {
    ours == theirs || ours.is_nan() && theirs.is_nan()
}

#[test]
fn resolve_dagster_as_pyyaml_reads() {
    let Some(mut python) = Python::start() else { return };
    let tokens: Vec<String> = known()
        .into_iter()
        .chain(numberlike())
        .chain([".inf", "-.Inf", "+.INF", ".nan", ".NaN", ".NAN", "-.nan", ".iNF"].map(Into::into))
        .collect();
    let mut wrong = Vec::new();
    for (token, read) in tokens.iter().zip(python.read("dagster", &tokens)) {
        let ours = resolve(token, Schema::Dagster);
        let same = match (&ours, &read) {
            (Resolved::Null, Read::Null) => true,
            (Resolved::Bool(ours), Read::Bool(theirs)) => ours == theirs,
            (Resolved::Int(ours), Read::Int(theirs)) => i128::from(*ours) == *theirs,
            (Resolved::Float(ours), Read::Float(theirs)) => same_float(*ours, *theirs),
            // A whole number beyond 64 bits is the nearest float.
            (Resolved::Float(ours), Read::Int(theirs)) => i64::try_from(*theirs).is_err() && *ours == *theirs as f64,
            (Resolved::String, Read::String(theirs)) => token == theirs,
            (Resolved::String, Read::Refused(_)) => needs_quotes(token, Context::Block),
            _ => false,
        };
        if !same {
            wrong.push(format!("`{token}`: {ours:?}, PyYAML {read:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), tokens.len(), wrong.join("\n"));
}

fn check_helm(major: u8) {
    let Some(program) = testing::helm(major) else { return };
    let tokens: Vec<String> = known().into_iter().chain(numberlike()).collect();
    let values: String = tokens.iter().map(|token| format!("  - {token}\n")).collect();
    let read = helm(&program, &format!("resolve{major}"), &format!("tokens:\n{values}")).unwrap();
    let Read::Map(entries) = read else { panic!("values are a mapping") };
    let Read::List(items) = &entries[0].1 else { panic!("tokens are a list") };
    let mut wrong = Vec::new();
    for (token, read) in tokens.iter().zip(items) {
        let ours = resolve(token, Schema::Helm);
        let same = match (&ours, read) {
            (Resolved::Null, Read::Null) => true,
            (Resolved::Bool(ours), Read::Bool(theirs)) => ours == theirs,
            (Resolved::Int(ours), Read::Float(theirs)) => *ours as f64 == *theirs,
            (Resolved::Float(ours), Read::Float(theirs)) => same_float(*ours, *theirs),
            (Resolved::String, Read::String(theirs)) => token == theirs,
            _ => false,
        };
        if !same {
            wrong.push(format!("`{token}`: {ours:?}, helm {read:?}"));
        }
    }
    assert_eq!(tokens.len(), items.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), tokens.len(), wrong.join("\n"));
}

#[test]
fn resolve_helm_as_helm_3_reads() {
    check_helm(3);
}

#[test]
fn resolve_helm_as_helm_4_reads() {
    check_helm(4);
}

#[test]
fn err_infinities_in_values_are_refused_by_helm() {
    let Some(program) = testing::helm(4) else { return };
    for token in [".inf", "-.Inf", ".nan"] {
        let refused = helm(&program, "infinity", &format!("a: {token}\n")).unwrap_err();
        assert!(refused.contains("unsupported value"), "`{token}`: {refused}");
    }
}

/// Source and what both PyYAML and helm read, or what each of them does.
#[test]
fn tagged_scalars_as_pyyaml_and_helm_read() {
    let table = [
        ("! 12", Resolved::Int(12), Resolved::String),
        ("! \"on\"", Resolved::Bool(true), Resolved::String),
        ("!!str 12", Resolved::String, Resolved::String),
        ("!!int \"12\"", Resolved::Int(12), Resolved::Int(12)),
        ("!!float 12", Resolved::Float(12.0), Resolved::Float(12.0)),
        ("!!float 1e3", Resolved::Float(1000.0), Resolved::Float(1000.0)),
        ("!!bool \"true\"", Resolved::Bool(true), Resolved::Bool(true)),
        ("!!bool on", Resolved::Bool(true), Resolved::Bool(true)),
        ("!!null ~", Resolved::Null, Resolved::Null),
        ("!<tag:yaml.org,2002:int> 0x1F", Resolved::Int(31), Resolved::Int(31)),
    ];
    let as_read = |resolved: &Resolved, text: &str| match resolved {
        Resolved::Null => Read::Null,
        Resolved::Bool(value) => Read::Bool(*value),
        Resolved::Int(number) => Read::Int((*number).into()),
        Resolved::Float(number) => Read::Float(*number),
        Resolved::String => Read::String(text.to_string()),
    };
    for (source, dagster, helm) in &table {
        let document = Document::parse(*source).unwrap();
        let scalar = document.root().unwrap().scalar().unwrap();
        assert_eq!(scalar.resolve(Schema::Dagster), *dagster, "{source}");
        assert_eq!(scalar.resolve(Schema::Helm), *helm, "{source}");
    }
    let sources: Vec<String> = table.iter().map(|(source, ..)| (*source).to_string()).collect();
    let text = |source: &str| source.rsplit(' ').next().unwrap().trim_matches('"').to_string();
    if let Some(mut python) = Python::start() {
        let expected: Vec<Read> = table.iter().map(|(source, dagster, _)| as_read(dagster, &text(source))).collect();
        assert_eq!(python.read("dagster", &sources), expected);
    }
    for major in [3, 4] {
        let Some(program) = testing::helm(major) else { continue };
        let values: String = sources.iter().map(|source| format!("- {source}\n")).collect();
        let expected = table.iter().map(|(source, _, helm)| match as_read(helm, &text(source)) {
            Read::Int(number) => Read::Float(number as f64),
            read => read,
        });
        let read = helm(&program, &format!("tagged{major}"), &format!("x:\n{values}")).unwrap();
        assert_eq!(read, Read::Map(vec![(Read::String("x".into()), Read::List(expected.collect()))]));
    }
}
