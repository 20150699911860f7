//! Size of a text against that of a ConfigMap.

use alloc::format;
use alloc::vec::Vec;

use crate::error::Diagnostic;
use crate::span::Span;

/// Bytes that the API server takes in one ConfigMap. Source: <https://kubernetes.io/docs/concepts/configuration/configmap/>
const CONFIG_MAP: usize = 1 << 20;

/// Tenths of it from which on there is a warning.
const WARN_TENTHS: usize = 7;

/// A finding under `code`: an error over 1 MiB, a warning over seven tenths of it.
///
/// The message does not count: it stays the same while a document shrinks.
pub(super) fn lint(text: &str, code: &'static str, found: &mut Vec<Diagnostic>) {
    let (length, span) = (text.len(), Span::at(0));
    let hint = format!("{length} of {CONFIG_MAP} bytes: move deployments to a release of their own");
    if length > CONFIG_MAP {
        found.push(Diagnostic::error(code, span, "the document is larger than a ConfigMap can hold").with_hint(hint));
    } else if length * 10 > CONFIG_MAP * WARN_TENTHS {
        let message = "the document takes over 70 % of what a ConfigMap can hold";
        found.push(Diagnostic::warning(code, span, message).with_hint(hint));
    }
}
