//! Helm's words for where a revision of a release stands: [`Status`]. Each is spelled once, in [`Status::as_str`].

use serde::{Deserialize, Serialize};

/// Where a revision stands, in helm's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum Status {
    /// All is written.
    Deployed,
    /// A later revision took its place.
    Superseded,
    /// helm failed, or was asked to end. The next upgrade goes on from there.
    Failed,
    /// helm installs the first revision, or was killed meanwhile.
    PendingInstall,
    /// helm upgrades, or was killed meanwhile.
    PendingUpgrade,
    /// helm rolls back, or was killed meanwhile.
    PendingRollback,
    /// It is being uninstalled.
    Uninstalling,
    /// It was uninstalled, and its history was kept.
    Uninstalled,
    /// Something else.
    Other(String),
}

impl Status {
    /// Those that have a name here.
    const KNOWN: [Self; 8] = [
        Self::Deployed,
        Self::Superseded,
        Self::Failed,
        Self::PendingInstall,
        Self::PendingUpgrade,
        Self::PendingRollback,
        Self::Uninstalling,
        Self::Uninstalled,
    ];

    /// As helm writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Deployed => "deployed",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::PendingInstall => "pending-install",
            Self::PendingUpgrade => "pending-upgrade",
            Self::PendingRollback => "pending-rollback",
            Self::Uninstalling => "uninstalling",
            Self::Uninstalled => "uninstalled",
            Self::Other(text) => text,
        }
    }

    /// Whether helm is at work on the revision, or was killed when it was: no other helm touches the release.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(self, Self::PendingInstall | Self::PendingUpgrade | Self::PendingRollback)
    }
}

impl From<&str> for Status {
    fn from(text: &str) -> Self {
        let known = Self::KNOWN.into_iter().find(|status| status.as_str() == text);
        known.unwrap_or_else(|| Self::Other(text.to_owned()))
    }
}

impl From<String> for Status {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<Status> for String {
    fn from(status: Status) -> Self {
        status.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_as_it_is_written() {
        // All of helm 3 and 4: `unknown` is the only one without a variant.
        let words = "deployed superseded failed pending-install pending-upgrade pending-rollback uninstalling uninstalled unknown";
        let pending = |status: &Status| status.is_pending().then(|| status.as_str().to_owned());
        let read: Vec<Status> = words.split(' ').map(Status::from).collect();
        assert_eq!(read.iter().map(Status::as_str).collect::<Vec<_>>().join(" "), words);
        assert_eq!(read.iter().filter(|status| matches!(status, Status::Other(_))).count(), 1);
        assert_eq!(read.iter().filter_map(pending).count(), 3);
        for status in read {
            let json = serde_json::to_value(&status).unwrap();
            assert_eq!(
                (json.as_str(), serde_json::from_value(json.clone()).ok()),
                (Some(status.as_str()), Some(status.clone()))
            );
        }
    }
}
