//! The sources as the rules see them: [`Source`] is one file without its tests.

use std::fs;
use std::path::Path;
use std::process::Command;

use syn::visit_mut::{self, VisitMut};

/// The crates that are handed out. `benches` and `testing` serve them.
pub(crate) const CRATES: [&str; 3] = ["dagster-workspace-core", "dagster-workspace-kube", "dagster-workspace-py"];

/// One file of Rust below a crate's `src`.
pub(crate) struct Source {
    /// From the top of the workspace, with `/`.
    pub(crate) path: String,
    /// As it stands in the file.
    pub(crate) text: String,
    /// Parsed, without the items under `#[cfg(test)]`.
    pub(crate) code: syn::File,
    /// How many lines those items have.
    pub(crate) test_lines: usize,
}

impl Source {
    /// The module's path in its crate: `["yaml", "path"]` for `src/yaml/path.rs`, empty for `src/lib.rs`.
    pub(crate) fn module(&self) -> Vec<String> {
        let inside = self.path.split_once("/src/").expect("sources stand below src").1;
        let mut names: Vec<String> = inside.trim_end_matches(".rs").split('/').map(str::to_string).collect();
        if matches!(names.last().map(String::as_str), Some("lib" | "main" | "mod")) {
            names.pop();
        }
        names
    }

    /// The crate's part of the workspace.
    pub(crate) fn crate_name(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }

    /// `path:line: message`, as editors understand it.
    pub(crate) fn finding(&self, span: proc_macro2::Span, message: &str) -> String {
        format!("{}:{}: {message}", self.path, span.start().line)
    }
}

/// The sources of one crate, sorted by path, without files that hold only tests.
pub(crate) fn of_crate(name: &str) -> Vec<Source> {
    let names =
        committed().into_iter().filter(|path| path.starts_with(&format!("{name}/src/")) && path.ends_with(".rs"));
    names.filter(|path| !path.ends_with("/tests.rs") && !path.contains("/tests/")).map(read).collect()
}

/// The sources of all [`CRATES`].
pub(crate) fn all() -> Vec<Source> {
    let sources: Vec<Source> = CRATES.into_iter().flat_map(of_crate).collect();
    assert!(sources.len() > 5, "the sources are not where they were");
    sources
}

/// Every file that is committed or will be: what git does not ignore, from the top of the workspace.
pub(crate) fn committed() -> Vec<String> {
    let top = testing::top();
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(&top)
        .output()
        .expect("git runs");
    assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    let mut paths: Vec<String> = String::from_utf8(listed.stdout).unwrap().lines().map(str::to_string).collect();
    paths.retain(|path| top.join(path).is_file());
    paths.sort();
    paths.dedup();
    paths
}

/// The text of a committed file; `None` for one that is no UTF-8.
pub(crate) fn text_of(path: &str) -> Option<String> {
    String::from_utf8(fs::read(testing::top().join(path)).unwrap()).ok()
}

fn read(path: String) -> Source {
    let text = text_of(&path).expect("sources are UTF-8");
    let mut code = syn::parse_file(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut without = WithoutTests { lines: 0 };
    without.visit_file_mut(&mut code);
    assert!(Path::new(&path).is_relative());
    Source { path, text, code, test_lines: without.lines }
}

/// Takes out what only tests compile.
struct WithoutTests {
    lines: usize,
}

impl VisitMut for WithoutTests {
    fn visit_file_mut(&mut self, file: &mut syn::File) {
        self.keep(&mut file.items);
        visit_mut::visit_file_mut(self, file);
    }

    fn visit_item_mod_mut(&mut self, module: &mut syn::ItemMod) {
        if let Some((_, items)) = &mut module.content {
            self.keep(items);
        }
        visit_mut::visit_item_mod_mut(self, module);
    }
}

impl WithoutTests {
    fn keep(&mut self, items: &mut Vec<syn::Item>) {
        items.retain(|item| {
            let test = attributes(item).iter().any(is_test);
            if test {
                let span = syn::spanned::Spanned::span(item);
                self.lines += span.end().line - span.start().line + 1;
            }
            !test
        });
    }
}

fn is_test(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
}

/// An item's attributes; none for the kinds that hold no code of ours.
pub(crate) fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
