//! The image of a user code server: [`Image`], parsed from `REPO[:TAG][@DIGEST]` and from the chart's `image` mapping.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

use crate::field::{self, FieldError};
use crate::value::Value;

/// When the kubelet pulls an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PullPolicy {
    /// Each time a container starts; what the chart's own example says.
    Always,
    /// Where the node does not have it.
    IfNotPresent,
    /// Not at all.
    Never,
}

impl PullPolicy {
    /// As it is written in values.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

/// An image as the chart takes it: the digest wins over the tag, and without either the chart's own version is the tag.
///
/// # Example
/// ```
/// use dagster_workspace_core::values::Image;
/// let image: Image = "registry:5000/team/etl:1.2".parse()?;
/// assert_eq!((image.repository.as_str(), image.tag.as_deref()), ("registry:5000/team/etl", Some("1.2")));
/// # Ok::<(), dagster_workspace_core::values::ImageError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Registry and name, `docker.io/dagster/user-code-example`.
    pub repository: String,
    /// Tag.
    pub tag: Option<String>,
    /// Digest, `sha256:` and 64 hexadecimal digits. Charts from 1.12 on read it.
    pub digest: Option<String>,
    /// When to pull. The chart demands it: [`super::UserDeployment::new`] says `Always` where nothing is said.
    pub pull_policy: Option<PullPolicy>,
    /// Keys that the chart does not read.
    pub extra: Vec<(String, Value)>,
}

/// Text that names no image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// Nothing before `:` or `@`, or a name that no registry takes.
    #[error("`{0}` is no name of an image: expected `REPOSITORY[:TAG][@DIGEST]`")]
    Repository(String),
    /// A tag of other characters than letters, digits, `_`, `.` and `-`, or longer than 128.
    #[error("`{0}` is no tag: expected up to 128 letters, digits, `_`, `.` and `-`")]
    Tag(String),
    /// A digest that is not an algorithm and hexadecimal digits.
    #[error("`{0}` is no digest: expected `sha256:` and 64 hexadecimal digits")]
    Digest(String),
}

impl Image {
    /// The image as values hold it: `repository`, `tag`, `digest`, `pullPolicy`, then what else it has.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let Self { repository, tag, digest, pull_policy, extra } = self;
        let known = [
            ("repository", Some(repository.as_str())),
            ("tag", tag.as_deref()),
            ("digest", digest.as_deref()),
            ("pullPolicy", pull_policy.map(PullPolicy::as_str)),
        ];
        let known = known.into_iter().filter_map(|(key, text)| Some((key.to_owned(), Value::from(text?))));
        Value::Mapping(known.chain(extra.iter().cloned()).collect())
    }

    /// Reads the `image` of a deployment. A whole number as tag is taken as the chart prints it, and `TAG@DIGEST` there, which
    /// the chart prints as it stands, is taken apart.
    ///
    /// # Errors
    /// [`FieldError`] names the key that the chart would not take, or would misread: a fraction as tag loses its zeros.
    pub fn from_value(value: &Value) -> Result<Self, FieldError> {
        let mut image =
            Self { repository: String::new(), tag: None, digest: None, pull_policy: None, extra: Vec::new() };
        for (key, value) in field::entries(value)? {
            match (key, value) {
                ("repository", _) => image.repository = field::text(key, Some(value))?,
                ("tag", Value::Int(number)) => image.tag = Some(number.to_string()),
                // The chart takes an empty text as it takes none.
                ("tag" | "digest", Value::String(text)) if text.is_empty() => {}
                ("tag", Value::String(text)) => image.tag = Some(text.clone()),
                ("digest", Value::String(text)) => image.digest = Some(text.clone()),
                ("tag" | "digest", _) => return Err(FieldError::new(key, "a text", Some(value))),
                ("pullPolicy", _) => image.pull_policy = Some(pull_policy(value)?),
                _ => image.extra.push((key.to_owned(), value.clone())),
            }
        }
        if image.repository.is_empty() {
            return Err(FieldError::new("repository", "a text that is not empty", None));
        }
        if let Some((tag, digest)) = image.tag.as_deref().and_then(split_tag) {
            // The digest beside the tag wins.
            let digest = image.digest.take().unwrap_or_else(|| digest.to_owned());
            (image.tag, image.digest) = (Some(tag.to_owned()), Some(digest));
        }
        Ok(image)
    }
}

fn pull_policy(value: &Value) -> Result<PullPolicy, FieldError> {
    let all = [PullPolicy::Always, PullPolicy::IfNotPresent, PullPolicy::Never];
    let found = all.into_iter().find(|policy| value.as_str() == Some(policy.as_str()));
    found.ok_or_else(|| FieldError::new("pullPolicy", "`Always`, `IfNotPresent` or `Never`", Some(value)))
}

impl FromStr for Image {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, ImageError> {
        let (rest, digest) = text.split_once('@').map_or((text, None), |(rest, digest)| (rest, Some(digest)));
        // A colon before the last slash belongs to the port of a registry.
        let name = rest.rfind('/').map_or(0, |at| at + 1);
        let colon = rest.get(name..).and_then(|last| last.find(':')).map(|at| name + at);
        let (repository, tag) = match colon {
            Some(at) => (rest.get(..at).unwrap_or_default(), rest.get(at + 1..)),
            None => (rest, None),
        };
        if !is_repository(repository) {
            return Err(ImageError::Repository(text.to_owned()));
        }
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            return Err(ImageError::Tag(tag.to_owned()));
        }
        if let Some(digest) = digest.filter(|digest| !is_digest(digest)) {
            return Err(ImageError::Digest(digest.to_owned()));
        }
        Ok(Self {
            repository: repository.to_owned(),
            tag: tag.map(ToOwned::to_owned),
            digest: digest.map(ToOwned::to_owned),
            pull_policy: None,
            extra: Vec::new(),
        })
    }
}

/// Tag and digest of `TAG@DIGEST`, as tools write it that pin images; `None` where it is no such text.
#[must_use]
pub(crate) fn split_tag(text: &str) -> Option<(&str, &str)> {
    text.split_once('@').filter(|(tag, digest)| is_tag(tag) && is_digest(digest))
}

fn is_repository(text: &str) -> bool {
    text.split('/').all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_graphic()))
}

fn is_tag(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= 128 && text.starts_with(word) && text.chars().all(|c| word(c) || c == '.' || c == '-')
}

fn is_digest(text: &str) -> bool {
    let Some((algorithm, digits)) = text.split_once(':') else { return false };
    let length = if algorithm == "sha256" { digits.len() == 64 } else { digits.len() >= 32 };
    let named = !algorithm.is_empty() && algorithm.chars().all(|c| c.is_ascii_alphanumeric() || "+._-".contains(c));
    named && length && digits.chars().all(|c| c.is_ascii_hexdigit())
}

/// As a container runtime takes it: `REPO[:TAG][@DIGEST]`.
impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl Serialize for Image {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Image {
    /// From the chart's mapping or from `REPO[:TAG][@DIGEST]`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => text.parse().map_err(D::Error::custom),
            value => Self::from_value(&value).map_err(D::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_names_are_split_where_runtimes_split_them() {
        let digest = alloc::format!("sha256:{}", "a".repeat(64));
        let cases = [
            ("etl", "etl", None),
            ("team/etl:1.2", "team/etl", Some("1.2")),
            ("host:5000/etl", "host:5000/etl", None),
            ("host:5000/team/etl:0123456", "host:5000/team/etl", Some("0123456")),
            ("[::1]:5000/etl:x", "[::1]:5000/etl", Some("x")),
        ];
        for (text, repository, tag) in cases {
            let image: Image = text.parse().expect(text);
            assert_eq!((image.repository.as_str(), image.tag.as_deref()), (repository, tag), "{text}");
            assert_eq!(image.to_string(), text);
            let pinned: Image = alloc::format!("{text}@{digest}").parse().expect(text);
            assert_eq!((pinned.tag.as_deref(), pinned.digest.as_deref()), (tag, Some(digest.as_str())));
            assert_eq!(pinned.to_string(), alloc::format!("{text}@{digest}"));
            assert_eq!(Image::from_value(&pinned.to_value()).expect(text), pinned);
        }
    }

    #[test]
    fn err_text_that_names_no_image() {
        let err = |text: &str| text.parse::<Image>().expect_err(text);
        for text in ["", ":1", "/etl", "a//b", "a b", "@sha256:00"] {
            assert!(matches!(err(text), ImageError::Repository(_)), "{text}");
        }
        for text in ["etl:", "etl:-a", "etl:a:b", "etl:a b"] {
            assert!(matches!(err(text), ImageError::Tag(_)), "{text}");
        }
        for text in ["etl@", "etl@sha256:12", "etl@latest"] {
            assert!(matches!(err(text), ImageError::Digest(_)), "{text}");
        }
    }

    #[test]
    fn values_come_back_with_unknown_keys_and_numbers_as_the_chart_prints_them() {
        let image: Image = serde_json::from_str(
            r#"{"imagePullPolicy":"x","tag":5176135,"digest":null,"repository":"r","pullPolicy":"Never"}"#,
        )
        .unwrap();
        let expected = r#"{"repository":"r","tag":"5176135","pullPolicy":"Never","imagePullPolicy":"x"}"#;
        assert_eq!(serde_json::to_string(&image).unwrap(), expected);
        assert_eq!(serde_json::from_str::<Image>(expected).unwrap(), image);
    }

    #[test]
    fn digest_in_a_tag_is_taken_apart() {
        let [a, b] = ["a", "b"].map(|digit| alloc::format!("sha256:{}", digit.repeat(64)));
        let read = |tag: String, digest: Option<&str>| {
            let fields = [("repository", Some("r")), ("tag", Some(tag.as_str())), ("digest", digest)];
            let fields = fields.into_iter().filter_map(|(key, text)| Some((key.to_owned(), Value::from(text?))));
            Image::from_value(&Value::Mapping(fields.collect())).unwrap().to_string()
        };
        assert_eq!(read(alloc::format!("v1@{a}"), None), alloc::format!("r:v1@{a}"));
        assert_eq!(read(alloc::format!("latest@{a}"), Some(&b)), alloc::format!("r:latest@{b}"));
        // What is no such text stays as it is: lint tells of it.
        assert_eq!(read("v1@latest".to_owned(), None), "r:v1@latest");
        assert_eq!(read(alloc::format!("@{a}"), None), alloc::format!("r:@{a}"));
    }

    #[test]
    fn err_values_name_the_key() {
        let err = |text: &str| serde_json::from_str::<Image>(text).unwrap_err().to_string();
        assert_eq!(err("{}"), "`repository` must be a text that is not empty, got nothing");
        assert_eq!(err(r#"{"repository":"r","tag":1.1}"#), "`tag` must be a text, got the number 1.1");
        assert!(err(r#"{"repository":"r","pullPolicy":"always"}"#).starts_with("`pullPolicy` must be `Always`"));
    }
}
