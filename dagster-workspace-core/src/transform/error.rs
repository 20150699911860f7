//! Why a transform is not applied: [`TransformError`].

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::diff::Change;
use crate::edit::former::Former;
use crate::error::{Diagnostic, ParseError, Refusal, Severity};
use crate::pairing::Ambiguous;
use crate::span::Span;
use crate::values::ChangeError;
use crate::yaml::DataError;

/// Why a transform is not applied. Nothing was changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TransformError {
    /// The text is not YAML: mend it first.
    #[error("the document cannot be read")]
    Parse(#[from] ParseError),
    /// The text is YAML, but has no meaning as data.
    #[error("the document has no meaning as data")]
    Data(#[from] DataError),
    /// The edit would change something else, or its target is not what it takes it for.
    #[error("the edit is refused")]
    Refused(#[from] Refusal),
    /// Another entry has the name: update it, or choose another.
    #[error("`{name}` is taken by a different entry")]
    NameTaken {
        /// The name.
        name: String,
        /// From the entry that is there to the one that was to be added.
        difference: Vec<Change>,
        /// Where the name stands.
        span: Span,
    },
    /// There is no entry of that name to update.
    #[error("there is no `{name}`")]
    NotFound {
        /// The name.
        name: String,
        /// The nearest name that there is.
        did_you_mean: Option<String>,
    },
    /// The location is no gRPC server: its entry is edited by hand.
    #[error("`{name}` is no gRPC server")]
    NotAServer {
        /// The name.
        name: String,
        /// Its entry.
        span: Span,
    },
    /// An update would give the entry another name: add the new one, then remove the old one.
    #[error("an update cannot rename `{name}` to `{to}`")]
    Rename {
        /// The name.
        name: String,
        /// The other one.
        to: String,
    },
    /// A change does not fit the deployment, or the chart takes something else there.
    #[error("{cause}")]
    Change {
        /// The entry.
        name: String,
        /// Why.
        cause: Box<ChangeError>,
    },
    /// The deployment has a location of another name than the one that was asked for: leave the name out, or change it there.
    #[error("deployment `{deployment}` is served by code location `{found}`, not `{wanted}`")]
    OtherLocation {
        /// The deployment.
        deployment: String,
        /// Name of its location.
        found: String,
        /// The name that was asked for.
        wanted: String,
        /// Where the name stands, or the location that has none.
        span: Span,
    },
    /// The preview deployment of that name is another repository's: choose another name.
    #[error("preview deployment `{name}` is of repository `{recorded}`, not `{given}`")]
    OtherRepository {
        /// The name of the deployment.
        name: String,
        /// The repository that its record names.
        recorded: String,
        /// The repository that was given.
        given: String,
        /// The record.
        span: Span,
    },
    /// Nobody can tell which locations are the deployment's: say which namespace is its own.
    #[error(transparent)]
    Ambiguous(#[from] Ambiguous),
    /// The fields of an update are no mapping.
    #[error("the fields of `{name}` must be a mapping")]
    Fields {
        /// The entry.
        name: String,
    },
    /// Transforms of both documents were given for one.
    #[error("the transform of `{entry}` is for the other document")]
    MixedSubjects {
        /// What the transform is about.
        entry: String,
    },
    /// Dagster, the chart or the API server would refuse or misread the result.
    #[error("the result would be refused")]
    Invalid {
        /// The errors. Their spans point into the old text, as the new one is nowhere to be seen; what would be new has none,
        /// and its message names the place.
        findings: Vec<Diagnostic>,
    },
}

impl TransformError {
    /// The error as findings; their spans point into the old text.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let one = match self {
            Self::Parse(error) => error.diagnostic(),
            Self::Data(error) => error.diagnostic(),
            Self::Refused(refusal) => refusal.diagnostic(),
            Self::Invalid { findings } => return findings.clone(),
            Self::NameTaken { span, difference, .. } => {
                // The values are for those who show `difference`.
                let paths: Vec<_> = difference.iter().map(|change| format!("`{}`", change.path)).collect();
                let hint = format!("it differs in {}; update it, or choose another name", paths.join(", "));
                self.finding("DW0501", Some(*span), Some(hint))
            }
            Self::NotFound { did_you_mean, .. } => {
                let hint = match did_you_mean {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => "add it first".to_string(),
                };
                self.finding("DW0502", None, Some(hint))
            }
            Self::NotAServer { span, .. } => {
                self.finding("DW0503", Some(*span), Some("only `grpc_server` entries are edited".to_string()))
            }
            Self::Rename { .. } => {
                self.finding("DW0504", None, Some("add it under the new name, then remove the old one".to_string()))
            }
            Self::Change { cause, .. } => self.finding("DW0509", None, cause.hint()),
            Self::OtherLocation { span, .. } => {
                let hint = "leave the name out, or give the location that name first";
                self.finding("DW0507", Some(*span), Some(hint.to_string()))
            }
            Self::OtherRepository { span, .. } => {
                let hint = "two repositories have the same name and number: choose another NAME for one of them";
                self.finding("DW0510", Some(*span), Some(hint.to_string()))
            }
            Self::Ambiguous(ambiguous) => {
                let mut candidates = ambiguous.candidates.iter();
                let hint = candidates.next().map(|first| {
                    format!("`--own-namespace {}` says that this is the namespace of the deployments", first.namespace)
                });
                let span = ambiguous.candidates.first().map(|first| first.span);
                self.finding("DW0508", span, hint)
            }
            Self::Fields { .. } => self.finding("DW0505", None, Some("as in `{\"port\": 3031}`".to_string())),
            Self::MixedSubjects { .. } => {
                self.finding("DW0506", None, Some("apply it to the document that it is for".to_string()))
            }
        };
        Vec::from([one])
    }

    /// The same for an entry.
    pub(super) fn change(name: &str, cause: ChangeError) -> Self {
        Self::Change { name: name.into(), cause: Box::new(cause) }
    }

    /// The error of a later step about the text that there was before the first.
    pub(super) fn seen_from(self, former: &Former<'_>) -> Self {
        match self {
            Self::Data(DataError { problem, span }) => Self::Data(DataError { problem, span: former.nearest(span) }),
            Self::Refused(refusal) => Self::Refused(former.refusal(&refusal)),
            Self::NameTaken { name, difference, span } => {
                Self::NameTaken { name, difference, span: former.nearest(span) }
            }
            Self::NotAServer { name, span } => Self::NotAServer { name, span: former.nearest(span) },
            other => other,
        }
    }

    fn finding(&self, code: &'static str, span: Option<Span>, hint: Option<String>) -> Diagnostic {
        let message = self.to_string();
        Diagnostic { code, severity: Severity::Error, message, span, related: Vec::new(), hint }
    }
}
