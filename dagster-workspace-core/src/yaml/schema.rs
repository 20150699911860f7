//! What a plain scalar means to each of the readers that matter. Read [`Schema`], then [`resolve`].

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

/// What readers of `schema` take a scalar with decoded text `text` for; `plain` where it is written without quotes.
pub(crate) fn resolve_tagged(_tag: Option<&str>, _plain: bool, _text: &str, _schema: Schema) -> Resolved {
    Resolved::String
}
