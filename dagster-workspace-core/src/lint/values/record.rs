//! Rules for the records of deployments. The chart ignores them, so these are warnings; pruning goes by them.

use alloc::format;
use alloc::vec::Vec;

use super::{Rule, Values};
use crate::error::Diagnostic;
use crate::lint::finding::{got, head, shown};
use crate::staging::{KEY, Records};
use crate::values::Layout;

/// Rules of this module.
pub(super) const RULES: [Rule; 2] = [unreadable, without_deployment];

/// `DW0229`: what cannot be understood of a record is left out of account.
fn unreadable(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    let records = Records::of(values.document);
    if let Some(node) = records.node().filter(|_| !records.is_readable()) {
        let message =
            format!("`{KEY}` must be a mapping from deployments to records, got {}", got(&values.reader, node));
        found.push(Diagnostic::warning("DW0229", head(node), message));
    }
    for record in records.iter() {
        for error in record.errors() {
            let finding = Diagnostic::warning("DW0229", record.name_node().span(), format!("{error}"));
            found.push(finding.with_hint("until then it is as if it were not there"));
        }
    }
}

/// `DW0230`: a record whose deployment was taken out by hand.
fn without_deployment(values: &Values<'_>, found: &mut Vec<Diagnostic>) {
    // A document without `deployments` may be the values of any chart.
    if values.layout == Layout::Absent {
        return;
    }
    let is_there = |name: &str| values.entries.iter().any(|entry| entry.name.as_deref() == Some(name));
    for record in Records::of(values.document).iter().filter(|record| !is_there(record.name())) {
        let message = format!("`{KEY}` has a record of `{}`, and there is no such deployment", shown(record.name()));
        let hint = format!("`remove {}` takes the record out", shown(record.name()));
        found.push(Diagnostic::warning("DW0230", record.name_node().span(), message).with_hint(hint));
    }
}
