//! Numbers in sentences.

/// `1 webserver`, `2 webservers`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
