//! Which module may know which: the layers of core, the independent leaves of kube, and who may write.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};

use crate::none;
use crate::source::{self, Source};

/// Module of core, and what it may use. A module may always use itself; `lib` may use all. From the bottom to the top.
const CORE: [(&str, &[&str]); 26] = [
    ("span", &[]),
    ("time", &[]),
    ("value", &[]),
    ("version", &[]),
    // Did you mean.
    ("spelling", &[]),
    ("error", &["span"]),
    ("splice", &["span", "error"]),
    ("yaml", &["span", "spelling", "error", "value", "splice"]),
    // What may be secret, and findings shown without it.
    ("secret", &["span", "error", "value", "yaml"]),
    ("render", &["span", "error", "secret"]),
    // How the typed views say that a field holds something else.
    ("field", &["value"]),
    // What the charts and Dagster know: the typed views, lint and changes come from it.
    ("chart", &["value", "version", "spelling", "yaml", "field"]),
    ("diff", &["span", "error", "value", "yaml", "chart", "secret"]),
    // What two sequences have in common.
    ("lcs", &["span"]),
    // Items of a list are the same ones by the keys that comparing goes by.
    ("edit", &["span", "error", "value", "splice", "yaml", "diff", "lcs"]),
    // Identity comes in as merge keys: merging knows no typed view.
    ("merge", &["span", "error", "value", "splice", "yaml", "secret", "edit", "diff", "lcs"]),
    ("workspace", &["span", "error", "value", "splice", "yaml", "edit", "field", "chart"]),
    // What stands beside the entries of the values.
    ("staging", &["span", "error", "value", "yaml", "field", "time"]),
    (
        "values",
        &["span", "error", "value", "splice", "yaml", "edit", "field", "chart", "version", "spelling", "staging"],
    ),
    // The values of the system chart hold those of its subchart.
    ("system", &["span", "error", "value", "splice", "yaml", "edit", "field", "chart", "values"]),
    ("detect", &["yaml", "workspace", "values"]),
    // Which location is which deployment's: one rule for all above.
    ("pairing", &["span", "workspace", "values"]),
    (
        "lint",
        &[
            "span",
            "error",
            "value",
            "version",
            "spelling",
            "yaml",
            "secret",
            "edit",
            "field",
            "chart",
            "workspace",
            "values",
            "system",
            "staging",
            "detect",
            "pairing",
        ],
    ),
    (
        "transform",
        &[
            "span",
            "error",
            "value",
            "splice",
            "yaml",
            "secret",
            "edit",
            "diff",
            "field",
            "chart",
            "workspace",
            "values",
            "system",
            "staging",
            "pairing",
            "lint",
        ],
    ),
    (
        "compile",
        &[
            "span",
            "error",
            "value",
            "splice",
            "yaml",
            "secret",
            "edit",
            "field",
            "workspace",
            "values",
            "system",
            "lint",
        ],
    ),
    // Conversions for programs that hold another crate's values.
    ("serde_yaml", &["span", "error", "value", "yaml"]),
];

/// Modules of kube that do not know each other: only the others compose them.
const KUBE_LEAVES: [&str; 7] = ["store", "retry", "helm", "lease", "rollout", "reload", "cluster"];

/// Modules of kube that may call `put`: the stores themselves, the loop that lints before it writes, and the history,
/// whose objects are no documents.
const KUBE_WRITERS: [&str; 3] = ["store", "apply", "history"];

#[test]
fn core_modules_use_only_lower_ones() {
    let allowed: BTreeMap<&str, &[&str]> = CORE.into_iter().collect();
    let mut findings = Vec::new();
    for source in source::of_crate("dagster-workspace-core") {
        let module = source.module();
        let Some(name) = module.first() else { continue };
        let Some(lower) = allowed.get(name.as_str()) else {
            findings.push(format!("{}: `{name}` has no row in the table of this test", source.path));
            continue;
        };
        for (used, span) in uses(&source) {
            if used != *name && !lower.contains(&used.as_str()) {
                findings.push(source.finding(span, &format!("`{name}` must not use `{used}`")));
            }
        }
    }
    none("a module of core uses only modules below it", &findings);
}

#[test]
fn kube_leaves_do_not_know_each_other() {
    let mut findings = Vec::new();
    for source in source::of_crate("dagster-workspace-kube") {
        let module = source.module();
        let Some(name) = module.first().filter(|name| KUBE_LEAVES.contains(&name.as_str())) else { continue };
        for (used, span) in uses(&source) {
            // `error` and the like are shared ground; other leaves and those who compose them are not.
            let above = ["apply", "history", "plan", "deploy", "cli"].contains(&used.as_str());
            if used != *name && (above || KUBE_LEAVES.contains(&used.as_str())) {
                findings.push(source.finding(span, &format!("`{name}` must not use `{used}`")));
            }
        }
    }
    none("leaf modules of kube are composed by others, never by each other", &findings);
}

#[test]
fn only_apply_puts_documents() {
    let mut findings = Vec::new();
    for source in source::of_crate("dagster-workspace-kube") {
        if source.module().first().is_none_or(|name| !KUBE_WRITERS.contains(&name.as_str())) {
            let calls = method_calls(&source).into_iter().filter(|(name, _)| name == "put");
            findings.extend(calls.map(|(_, span)| source.finding(span, "`put` outside the apply loop")));
        }
    }
    none("only `apply` lints before it writes, so only it writes", &findings);
}

#[test]
fn only_splice_changes_text_in_place() {
    // Copying spans and writing new scalars is everybody's; putting text into text is what invariant A4 rests on.
    const SURGERY: [&str; 4] = ["replace_range", "insert_str", "replacen", "split_off"];
    let mut findings = Vec::new();
    for source in source::of_crate("dagster-workspace-core") {
        if source.module().first().is_some_and(|name| name == "splice") {
            continue;
        }
        let calls = method_calls(&source).into_iter().filter(|(name, _)| SURGERY.contains(&name.as_str()));
        findings.extend(calls.map(|(name, span)| source.finding(span, &format!("`{name}`: plan a splice instead"))));
    }
    none("only `splice` puts text into text", &findings);
}

#[test]
fn documents_are_values() {
    const VALUES: [&str; 7] = ["Document", "Node", "Mapping", "Sequence", "Scalar", "Alias", "Entry"];
    let mut findings = Vec::new();
    for source in source::of_crate("dagster-workspace-core") {
        for item in &source.code.items {
            let syn::Item::Impl(item) = item else { continue };
            let syn::Type::Path(of) = item.self_ty.as_ref() else { continue };
            if !of.path.segments.last().is_some_and(|name| VALUES.iter().any(|value| name.ident == value)) {
                continue;
            }
            // A trait's own signature, such as that of an iterator, is not ours to choose.
            for member in item.items.iter().filter(|_| item.trait_.is_none()) {
                let syn::ImplItem::Fn(function) = member else { continue };
                if matches!(function.sig.inputs.first(), Some(syn::FnArg::Receiver(me)) if takes_mut(me)) {
                    findings.push(source.finding(function.sig.ident.span(), "`&mut self` on a value"));
                }
            }
        }
    }
    none("a document and its parts are never changed, only read", &findings);
}

fn takes_mut(receiver: &syn::Receiver) -> bool {
    matches!(receiver.kind, syn::ReceiverKind::Reference(_, _, Some(_)))
}

/// The top-level modules of its own crate that a file names, by `crate::` or by enough `super::`.
fn uses(source: &Source) -> Vec<(String, proc_macro2::Span)> {
    let mut finder = Uses { module: source.module(), found: Vec::new() };
    finder.visit_file(&source.code);
    finder.found
}

struct Uses {
    module: Vec<String>,
    found: Vec<(String, proc_macro2::Span)>,
}

impl Uses {
    /// Notes the top-level module that a path leads to, given its names from the left.
    fn note(&mut self, names: &[String], span: proc_macro2::Span) {
        let mut base = match names.first().map(String::as_str) {
            Some("crate") => Vec::new(),
            Some("super" | "self") => self.module.clone(),
            _ => return,
        };
        for name in names {
            match name.as_str() {
                "super" => drop(base.pop()),
                "crate" | "self" => {}
                other => base.push(other.to_string()),
            }
        }
        // A capital letter: an item of the crate's root, not a module.
        let top = base.into_iter().next().filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()));
        self.found.extend(top.map(|name| (name, span)));
    }

    fn note_tree(&mut self, prefix: &mut Vec<String>, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.note_tree(prefix, &path.tree);
                prefix.pop();
            }
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.note_tree(prefix, tree)),
            syn::UseTree::Name(syn::UseName { ident, .. }) | syn::UseTree::Rename(syn::UseRename { ident, .. }) => {
                prefix.push(ident.to_string());
                self.note(prefix, ident.span());
                prefix.pop();
            }
            syn::UseTree::Glob(glob) => self.note(prefix, glob.star_token.spans[0]),
        }
    }
}

impl<'ast> Visit<'ast> for Uses {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        self.module.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.note_tree(&mut Vec::new(), &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if let Some(first) = path.segments.first() {
            self.note(&names, first.ident.span());
        }
        visit::visit_path(self, path);
    }
}

fn method_calls(source: &Source) -> Vec<(String, proc_macro2::Span)> {
    struct Calls(Vec<(String, proc_macro2::Span)>);
    impl<'ast> Visit<'ast> for Calls {
        fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
            self.0.push((call.method.to_string(), call.method.span()));
            visit::visit_expr_method_call(self, call);
        }
    }
    let mut calls = Calls(Vec::new());
    calls.visit_file(&source.code);
    calls.0
}
