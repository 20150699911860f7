//! Names of repositories under review. [`name`] is a pure function of its arguments, and stays what it is in later versions:
//! running deployments are found again by it.

use alloc::format;
use alloc::string::String;

/// The longest name that is made: Kubernetes takes 63 characters in labels, hosts and containers, and the charts write theirs before
/// it. The longest is that of the Deployment, `dagster-user-deployments-NAME`; a container is `init-user-deployment-NAME`.
pub const LONGEST: usize = 63 - "dagster-user-deployments-".len();

/// Characters of a hash, 41 bits.
const HASH: usize = 8;

/// What is under review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Review<'r> {
    /// A pull or merge request, by its number.
    PullRequest(u64),
    /// A branch, by its name.
    Branch(&'r str),
}

/// The name of the deployment that shows a review of repository `base`: `etl-pr-12`, `etl-faster-x2p94kqa`.
///
/// A DNS label as RFC 1035 has it, of at most [`LONGEST`] characters, so that Service, labels and containers can bear it. Equal
/// arguments give equal names, and different ones different names, as far as 41 bits can tell them apart: the name of a branch
/// always ends with a hash of repository and branch, because `a-b` and `c` would else meet `a` and `b-c`; that of a pull request only
/// where the repository's name had to be cut or spelled otherwise. A `base` that ends with `-pr-12` already is not told so again.
///
/// ```
/// use dagster_workspace_core::staging::{Review, name};
/// assert_eq!(name("etl", Review::PullRequest(12)), "etl-pr-12");
/// assert!(name("etl", Review::Branch("feature/JIRA-7 faster")).starts_with("etl-feature-jira-7-faster-"));
/// ```
#[must_use]
pub fn name(base: &str, review: Review<'_>) -> String {
    let label = label(base);
    match review {
        Review::PullRequest(number) => {
            let tail = format!("pr-{number}");
            let is_told = label.strip_suffix(&tail).is_some_and(|rest| rest.len() > 1 && rest.ends_with('-'));
            let full = if is_told { label.clone() } else { format!("{label}-{tail}") };
            if label == base && full.len() <= LONGEST {
                return full;
            }
            let room = LONGEST - HASH - tail.len() - 2;
            format!("{}-{tail}-{}", cut(&label, room), hash(base, "pull request", &tail))
        }
        Review::Branch(branch) => {
            let hash = hash(base, "branch", branch);
            let branch = slug(branch);
            let room = LONGEST - HASH - 2;
            // A long branch leaves the repository at least half.
            let for_label = room.saturating_sub(branch.len()).max(room / 2);
            let label = cut(&label, for_label);
            match cut(&branch, room - label.len()) {
                "" => format!("{label}-{hash}"),
                branch => format!("{label}-{branch}-{hash}"),
            }
        }
    }
}

/// The nearest label to a name: one that begins with a letter.
fn label(name: &str) -> String {
    let slug = slug(name);
    match slug.bytes().next() {
        Some(byte) if byte.is_ascii_lowercase() => slug,
        Some(_) => format!("code-{slug}"),
        None => String::from("code"),
    }
}

/// Lower-case letters and digits; a `-` for whatever is between them.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

/// At most so many characters of a slug, and no `-` at its end.
fn cut(slug: &str, longest: usize) -> &str {
    slug.get(..longest).unwrap_or(slug).trim_end_matches('-')
}

/// A letter, so that it is no number, and letters or digits.
fn hash(base: &str, kind: &str, review: &str) -> String {
    // FNV-1a of the parts with a byte between them that no text has, and then MurmurHash3's last step, which spreads every bit.
    let bytes = base.bytes().chain([0xff]).chain(kind.bytes()).chain([0xff]).chain(review.bytes());
    let mut hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
        hash = (hash ^ (hash >> 33)).wrapping_mul(factor);
    }
    hash ^= hash >> 33;
    let mut text = String::new();
    for at in 0..HASH {
        let digits = if at == 0 { 26 } else { 36 };
        let digit = u32::try_from(hash % digits).unwrap_or_default();
        // From 10 on digits of base 36 are letters.
        text.extend(char::from_digit(if at == 0 { digit + 10 } else { digit }, 36));
        hash /= digits;
    }
    text
}
