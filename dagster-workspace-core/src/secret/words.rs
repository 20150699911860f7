//! Words that give a secret away: in keys ([`Holds`]), in arguments ([`is_flag`]) and in texts ([`is_credential`]).

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

/// What a key holds that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    Anything,
    Variables,
    /// The same, if the key is misspelt.
    PerhapsVariables,
    Credential,
    /// A credential where a text stands there.
    CredentialText,
}

/// Letters of keys under which a credential stands.
const CREDENTIALS: [&str; 9] = [
    "password",
    "passwd",
    "passphrase",
    "credential",
    "token",
    "webhook",
    "authorization",
    "connectionstring",
    "dockerconfigjson",
];

/// Letters at the end of such keys.
const ENDS: [&str; 19] = [
    "apikey",
    "accesskey",
    "accesskeyid",
    "privatekey",
    "secretkey",
    "signingkey",
    "encryptionkey",
    "accountkey",
    "sharedkey",
    "storagekey",
    "masterkey",
    "licensekey",
    "sshkey",
    "authkey",
    "clientsecret",
    "sharedsecret",
    "jwtsecret",
    "secretvalue",
    "stringdata",
];

/// Last words of such keys.
const LAST: [&str; 7] = ["dsn", "pwd", "pass", "passcode", "cookie", "bearer", "psk"];

/// Last words of keys that tell where a credential is.
const REFERENCES: [&str; 9] = ["name", "names", "key", "ref", "file", "path", "enabled", "secret", "secrets"];

/// Last words of keys under which variables stand.
const VARIABLES: [&str; 4] = ["env", "envs", "envvar", "envvars"];

/// Whole keys under which variables stand, and ends of such keys.
const ENVIRONMENTS: [&str; 4] = ["environment", "environ", "envvars", "environmentvariables"];

/// Whole keys that are a credential as a text.
const TEXTS: [&str; 3] = ["secret", "secrets", "auth"];

/// How tokens of well-known issuers begin.
const ISSUED: [&str; 13] = [
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "AKIA",
    "ASIA",
    "hvs.",
    "pypi-",
];

impl Holds {
    pub(super) fn of(key: &str) -> Self {
        let words = split(key);
        let (folded, last) = (words.concat(), words.last().map_or("", String::as_str));
        if VARIABLES.contains(&last) || ENVIRONMENTS.contains(&folded.as_str()) || folded.ends_with("envvars") {
            return Self::Variables;
        }
        let is_misspelt = |word: &String| CREDENTIALS.iter().any(|name| is_near(word, name));
        if ENDS.iter().any(|end| folded.ends_with(end)) || LAST.contains(&last) {
            Self::Credential
        } else if TEXTS.contains(&folded.as_str()) {
            Self::CredentialText
        } else if words.len() > 1 && REFERENCES.contains(&last) {
            Self::Anything
        } else if CREDENTIALS.iter().any(|name| folded.contains(name)) || words.iter().any(is_misspelt) {
            Self::Credential
        } else if is_near(&folded, "env") {
            Self::PerhapsVariables
        } else {
            Self::Anything
        }
    }
}

/// Whether a key inside a credential names another object, as `secretKeyRef` does.
pub(super) fn is_reference(key: &str) -> bool {
    key.ends_with("Ref") || key.ends_with("SecretName") || matches!(key, "secretName" | "existingSecret")
}

/// Whether an argument announces a credential: the next one is it.
pub(super) fn is_flag(argument: &str) -> bool {
    argument.starts_with('-') && !argument.contains(['=', ' ']) && Holds::of(argument) == Holds::Credential
}

/// Whether a text holds a credential: an address with a password, a PEM block, `Bearer x`, `--token x`, `password=x`.
pub(super) fn is_credential(text: &str) -> bool {
    has_password(text) || text.contains("-----BEGIN") || is_assignment(text) || has_token(text)
}

/// Whether a text holds an address with a password, `postgres://user:password@host`.
fn has_password(text: &str) -> bool {
    text.match_indices("://").any(|(at, mark)| {
        let rest = text.get(at + mark.len()..).unwrap_or_default();
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let address = rest.get(..end).unwrap_or_default();
        let authority = address.split(['/', '?', '#']).next().unwrap_or_default();
        // A password may hold what ends an authority; then no host can follow, or no port.
        let is_host = authority.split_once(':').is_none_or(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        let whole = if is_host { authority } else { address };
        whole.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    })
}

/// Whether it sets a credential: `PASSWORD=x`, `"password": "x"`, `--token x`.
fn is_assignment(text: &str) -> bool {
    let sets = |(at, mark): (usize, &str)| {
        let (head, rest) = text.split_at_checked(at).unwrap_or_default();
        let rest = rest.get(mark.len()..).unwrap_or_default();
        let is_set = !rest.trim().is_empty() && (mark == "=" || rest.starts_with([' ', '"', '\'', '\n']));
        is_set && Holds::of(last_name(head)) == Holds::Credential
    };
    if text.match_indices('=').any(sets) || text.match_indices(':').any(sets) {
        return true;
    }
    let mut words = text.split_ascii_whitespace().peekable();
    while let Some(word) = words.next() {
        if is_flag(word) && words.peek().is_some() {
            return true;
        }
    }
    false
}

/// The name at the end of a text, quotes not counted.
fn last_name(head: &str) -> &str {
    let head = head.trim_end_matches(['"', '\'', ' ', '\\']);
    head.rsplit(|c: char| !is_name_char(c)).next().unwrap_or_default()
}

pub(super) fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/')
}

/// Whether a word is a token by its looks, or follows `Bearer` or `Basic`.
fn has_token(text: &str) -> bool {
    let mut scheme = false;
    for word in text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '=' | ':' | '@' | '/')) {
        let issued = ISSUED.iter().any(|start| word.strip_prefix(start).is_some_and(|rest| rest.len() >= 12));
        let jwt = word.starts_with("eyJ") && word.matches('.').count() == 2;
        if issued || jwt || scheme && !word.is_empty() {
            return true;
        }
        scheme = word.eq_ignore_ascii_case("bearer") || scheme && word.is_empty();
    }
    false
}

/// Words of a key, in lower case: those of `postgresqlPassword`, `AWS_SECRET_KEY` and `x-api-key`.
fn split(key: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before: Option<char> = None;
    let mut letters = key.chars().peekable();
    while let Some(c) = letters.next() {
        let is_new = before.is_none_or(|b| {
            !b.is_alphanumeric()
                || c.is_uppercase() && (!b.is_uppercase() || letters.peek().is_some_and(|next| next.is_lowercase()))
        });
        if c.is_alphanumeric() {
            match words.last_mut().filter(|_| !is_new) {
                Some(word) => word.extend(c.to_lowercase()),
                None => words.push(c.to_lowercase().to_string()),
            }
        }
        before = Some(c);
    }
    words
}

/// Whether a word is another one but for a letter: changed, added, missing, or changed places with the next.
pub(super) fn is_near(word: &str, name: &str) -> bool {
    if word.len().abs_diff(name.len()) > 1 || word.len() < 2 {
        return false;
    }
    let same = word.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
    let rest = |text: &str, skipped: usize| text.as_bytes().get(same + skipped..).unwrap_or_default().to_vec();
    let swapped = || match (rest(word, 0).as_slice(), rest(name, 0).as_slice()) {
        ([a, b, ..], [c, d, ..]) => a == d && b == c && rest(word, 2) == rest(name, 2),
        _ => false,
    };
    rest(word, 1) == rest(name, 1) || rest(word, 0) == rest(name, 1) || rest(word, 1) == rest(name, 0) || swapped()
}
