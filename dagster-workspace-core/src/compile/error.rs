//! Why values are not compiled: [`CompileError`], each with the text that it is about.

use alloc::format;
use alloc::string::{String, ToString as _};
use core::fmt;

use crate::error::{Diagnostic, ParseError, Refusal};
use crate::lint::Version;
use crate::span::Span;
use crate::yaml::{DataError, Document, Schema};

/// Which of the texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The values document.
    Values,
    /// The workspace file.
    Workspace,
    /// Values of the system chart.
    System,
    /// Base values of the user code chart.
    UserDeployments,
}

impl Part {
    pub(super) fn schema(self) -> Schema {
        match self {
            Self::Workspace => Schema::Dagster,
            Self::Values | Self::System | Self::UserDeployments => Schema::Helm,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Values => "the values document",
            Self::Workspace => "the workspace file",
            Self::System => "the values of the system chart",
            Self::UserDeployments => "the base values of the user code chart",
        })
    }
}

/// Why values are not compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// A text is no YAML: mend it first.
    #[error("{part} cannot be read")]
    Parse {
        /// Which text.
        part: Part,
        /// Where and why.
        source: ParseError,
    },
    /// A text has no meaning as data: mend it first.
    #[error("{part} cannot be read as data")]
    Data {
        /// Which text.
        part: Part,
        /// Where and why.
        source: DataError,
    },
    /// A base has a notation that no edit goes through: rewrite that place.
    #[error("{part} cannot be edited")]
    Refused {
        /// Which text.
        part: Part,
        /// Where and why.
        source: Refusal,
    },
    /// The form has no room for an entry: choose [`super::Form::ConfigMap`], or change the entry.
    #[error("{entry} cannot be a server of the system chart: {unfit}")]
    Unfit {
        /// Code location or server, by its name where it has one.
        entry: String,
        /// Which text it stands in.
        part: Part,
        /// Where.
        span: Span,
        /// What is in the way.
        unfit: Unfit,
    },
    /// The values name no servers: the workspace is in a ConfigMap, or the chart would list its example.
    #[error("{part} list no servers: {problem}")]
    NoServers {
        /// Which text.
        part: Part,
        /// Why not.
        problem: String,
    },
}

/// What keeps an entry of the workspace from being a server of the system chart, or the other way round.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unfit {
    /// It is a `python_file` or the like, not a running server.
    Kind(String),
    /// It listens on a socket.
    Socket,
    /// A field takes its value from an environment variable.
    Env(String),
    /// It has metadata.
    Metadata,
    /// It speaks TLS, which this chart does not know.
    Ssl(Version),
    /// The chart prints this text without quotes, and Dagster would read something else.
    Unquoted(String),
    /// Another entry has its name.
    Repeated,
    /// A field that is missing, unknown or of another type.
    Field(String),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => write!(f, "it is a `{kind}`"),
            Self::Socket => f.write_str("it has a `socket`"),
            Self::Env(field) => write!(f, "its `{field}` comes from an environment variable"),
            Self::Metadata => f.write_str("it has `additional_metadata`"),
            Self::Ssl(chart) => write!(f, "it has `ssl: true`, and chart {chart} writes none"),
            Self::Unquoted(text) => write!(f, "the chart prints `{text}` unquoted, and Dagster reads something else"),
            Self::Repeated => f.write_str("another one has its name"),
            Self::Field(problem) => f.write_str(problem),
        }
    }
}

impl CompileError {
    /// Which text it is about.
    #[must_use]
    pub fn part(&self) -> Part {
        match self {
            Self::Parse { part, .. }
            | Self::Data { part, .. }
            | Self::Refused { part, .. }
            | Self::Unfit { part, .. }
            | Self::NoServers { part, .. } => *part,
        }
    }

    /// The error as a finding in [`CompileError::part`].
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        match self {
            Self::Parse { source, .. } => source.diagnostic(),
            Self::Data { source, .. } => source.diagnostic(),
            Self::Refused { source, .. } => source.diagnostic(),
            Self::Unfit { span, unfit, .. } => {
                let hint = match unfit {
                    Unfit::Repeated | Unfit::Field(_) => "mend the entry first",
                    _ => "keep the workspace in a ConfigMap of its own (`externalConfigmap`), which takes every entry",
                };
                Diagnostic::error("DW0701", *span, self.to_string()).with_hint(hint)
            }
            Self::NoServers { .. } => {
                Diagnostic { span: None, ..Diagnostic::error("DW0702", Span::at(0), self.to_string()) }
            }
        }
    }
}

pub(super) fn parse(part: Part, text: &str) -> Result<Document<'_>, CompileError> {
    Document::parse(text).map_err(|source| CompileError::Parse { part, source })
}

/// What an entry is called in messages.
pub(super) fn called(noun: &str, name: Option<&str>, at: usize) -> String {
    name.map_or_else(|| format!("{noun} {}", at + 1), |name| format!("{noun} `{name}`"))
}
