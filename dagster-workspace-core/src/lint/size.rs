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
pub(super) fn lint(text: &str, code: &'static str, found: &mut Vec<Diagnostic>) {
    let (length, span) = (text.len(), Span::at(0));
    let percent = length.saturating_mul(100) / CONFIG_MAP;
    if length > CONFIG_MAP {
        let message = format!("{length} bytes, and a ConfigMap holds at most {CONFIG_MAP}");
        found.push(Diagnostic::error(code, span, message).with_hint("move deployments to a release of their own"));
    } else if length * 10 > CONFIG_MAP * WARN_TENTHS {
        let message = format!("{length} bytes, {percent} % of what a ConfigMap holds");
        found.push(Diagnostic::warning(code, span, message).with_hint("move deployments to a release of their own"));
    }
}
