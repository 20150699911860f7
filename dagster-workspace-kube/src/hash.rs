//! SHA-256 as text: names of contents that nobody can craft a second content for.

use sha2::{Digest as _, Sha256};

/// The hash of some bytes: 64 digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
