//! The readers that judge: PyYAML and ruamel in one long-lived Python, and real helm. Read [`Python::read`].

#![allow(dead_code, reason = "each test program uses its own part")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;
use testing::Oracle;

/// What a reader made of a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Read {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    String(String),
    List(Vec<Read>),
    Map(Vec<(Read, Read)>),
    /// A date, a set: no data of JSON.
    Other(String),
    Refused(String),
}

impl Read {
    fn of_python(answer: &Json) -> Self {
        let (kind, value) = answer.as_object().unwrap().iter().next().unwrap();
        let text = || value.as_str().unwrap().to_string();
        let list = |value: &Json| value.as_array().unwrap().iter().map(Self::of_python).collect::<Vec<_>>();
        match kind.as_str() {
            "null" => Self::Null,
            "bool" => Self::Bool(value.as_bool().unwrap()),
            "int" => text().parse().map_or_else(|_| Self::Float(text().parse().unwrap()), Self::Int),
            "float" => Self::Float(text().parse().unwrap()),
            "str" => Self::String(text()),
            "list" => Self::List(list(value)),
            "map" => Self::Map(value.as_array().unwrap().iter().map(list).map(pair).collect()),
            "other" => Self::Other(text()),
            _ => Self::Refused(text()),
        }
    }

    fn of_json(value: &Json) -> Self {
        match value {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => Self::Float(number.as_f64().unwrap()),
            Json::String(text) => Self::String(text.clone()),
            Json::Array(items) => Self::List(items.iter().map(Self::of_json).collect()),
            Json::Object(entries) => Self::Map(
                entries.iter().map(|(key, value)| (Self::String(key.clone()), Self::of_json(value))).collect(),
            ),
        }
    }
}

impl From<&serde_yaml::Value> for Read {
    fn from(value: &serde_yaml::Value) -> Self {
        use serde_yaml::Value as Yaml;
        match value {
            Yaml::Null => Self::Null,
            Yaml::Bool(value) => Self::Bool(*value),
            Yaml::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(number), ..) => Self::Int(number.into()),
                (_, Some(number), _) => Self::Int(number.into()),
                (.., number) => Self::Float(number.unwrap()),
            },
            Yaml::String(text) => Self::String(text.clone()),
            Yaml::Sequence(items) => Self::List(items.iter().map(Self::from).collect()),
            Yaml::Mapping(entries) => Self::Map(entries.iter().map(|(k, v)| (Self::from(k), Self::from(v))).collect()),
            Yaml::Tagged(tagged) => Self::Other(tagged.tag.to_string()),
        }
    }
}

fn pair(items: Vec<Read>) -> (Read, Read) {
    let [key, value] = items.try_into().unwrap();
    (key, value)
}

/// The Python readers.
pub(crate) struct Python(Oracle);

impl Python {
    pub(crate) fn start() -> Option<Self> {
        Oracle::python("tests/readers/readers.py").map(Self)
    }

    /// What `reader` (`dagster`, `pyyaml`, `ruamel`) makes of each text.
    pub(crate) fn read(&mut self, reader: &str, texts: &[String]) -> Vec<Read> {
        let answer = self.0.ask(&serde_json::json!({ "reader": reader, "texts": texts }));
        answer.as_array().unwrap().iter().map(Read::of_python).collect()
    }
}

/// What helm makes of the values document `values`; `name` is a folder for the chart, one per test.
pub(crate) fn helm(program: &Path, name: &str, values: &str) -> Result<Read, String> {
    let rendered = render(program, name, "answer: {{ .Values | toJson | b64enc }}\n", values)?;
    let answer = rendered.lines().find_map(|line| line.strip_prefix("answer: ")).unwrap();
    Ok(Read::of_json(&json(answer)))
}

/// What a template has printed with `toJson | b64enc`.
pub(crate) fn json(answer: &str) -> Json {
    serde_json::from_slice(&base64(answer)).unwrap()
}

/// What helm renders a chart of one template to; `name` as in [`helm`].
pub(crate) fn render(program: &Path, name: &str, template: &str, values: &str) -> Result<String, String> {
    let chart = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(chart.join("templates")).unwrap();
    fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: readers\nversion: 0.1.0\n").unwrap();
    fs::write(chart.join("templates/answer.yaml"), template).unwrap();
    fs::write(chart.join("given.yaml"), values).unwrap();
    let output = Command::new(program)
        .args(["template", "readers", ".", "--values", "given.yaml"])
        .current_dir(&chart)
        .output()
        .unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8(output.stdout).unwrap())
}

fn base64(text: &str) -> Vec<u8> {
    let digit = |byte| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = text.trim_end_matches('=').bytes().map(digit).collect();
    let three = |chunk: &[u8]| {
        let bits = chunk.iter().fold(0_u32, |bits, digit| bits << 6 | u32::from(*digit)) << (6 * (4 - chunk.len()));
        bits.to_be_bytes()[1..chunk.len()].to_vec()
    };
    digits.chunks(4).flat_map(three).collect()
}

/// A seeded source of choices, so that a failure comes again.
pub(crate) struct Choices(u64);

impl Choices {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        // xorshift64, Marsaglia 2003.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }

    /// Some of `parts` in a row, `longest` at most.
    pub(crate) fn joined(&mut self, parts: &[&str], longest: usize) -> String {
        let count = 1 + self.below(longest);
        (0..count).map(|_| parts[self.below(parts.len())]).collect()
    }
}
