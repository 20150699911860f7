//! The shape of the code: heads, sizes, names, parameters.

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use crate::none;
use crate::source::{self, Source};

/// Lines of a file, its tests not counted: around 500, so a tenth more at most.
const FILE_LINES: usize = 550;
/// Lines of a function, from its signature to its closing brace: around 60.
const FUNCTION_LINES: usize = 66;

#[test]
fn modules_begin_with_what_they_are() {
    let rust = source::committed().into_iter().filter(|path| path.ends_with(".rs"));
    let without = rust.filter(|path| !source::text_of(path).is_some_and(|text| text.starts_with("//! ")));
    none("every module begins with `//! ` and what it is", &without.collect::<Vec<_>>());
}

#[test]
fn files_and_functions_are_short() {
    let mut findings = Vec::new();
    for source in source::all() {
        let lines = source.text.lines().count() - source.test_lines;
        if lines > FILE_LINES {
            findings.push(format!("{}: {lines} lines", source.path));
        }
        for function in functions(&source) {
            let lines = function.end - function.signature.span().start().line + 1;
            if lines > FUNCTION_LINES {
                findings.push(function.finding(&source, &format!("{lines} lines")));
            }
        }
    }
    none("files have around 500 lines at most, functions around 60", &findings);
}

#[test]
fn names_say_what_things_are() {
    const PREFIXES: [&str; 3] = ["handle", "process", "do"];
    const ANYWHERE: [&str; 5] = ["manager", "helper", "helpers", "utils", "util"];
    let mut findings = Vec::new();
    for source in source::all() {
        let mut names = Names(Vec::new());
        names.visit_file(&source.code);
        for (name, span) in names.0 {
            // Kubernetes has field managers, and that is what they are called.
            let words = words(&name.replace("field_manager", "field"));
            let prefixed = words.len() > 1 && words.first().is_some_and(|word| PREFIXES.contains(&word.as_str()));
            if prefixed || words.iter().any(|word| ANYWHERE.contains(&word.as_str())) {
                findings.push(source.finding(span, &format!("`{name}` says nothing")));
            }
        }
    }
    none("names are verbs of the field or its concepts", &findings);
}

#[test]
fn no_macros_are_defined() {
    struct Macros<'a>(&'a Source, Vec<String>);
    impl<'ast> Visit<'ast> for Macros<'_> {
        fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
            if item.mac.path.is_ident("macro_rules") {
                self.1.push(self.0.finding(item.span(), "macro_rules"));
            }
        }
    }
    let mut findings = Vec::new();
    for source in source::all() {
        let mut macros = Macros(&source, Vec::new());
        macros.visit_file(&source.code);
        findings.append(&mut macros.1);
    }
    none("a function says it better than a macro", &findings);
}

#[test]
fn public_functions_take_no_flags() {
    let mut findings = Vec::new();
    for source in source::all().iter().filter(|source| source.crate_name() != "dagster-workspace-py") {
        for function in functions(source).into_iter().filter(|function| function.public) {
            let inputs = &function.signature.inputs;
            // `fn ssl(self, yes: bool)` sets a value that is a flag: nothing is to be told apart there.
            let setter = inputs.len() == 2 && matches!(inputs.first(), Some(syn::FnArg::Receiver(_)));
            let flag = inputs.iter().any(|input| matches!(input, syn::FnArg::Typed(typed) if is_bool(&typed.ty)));
            if flag && !setter {
                findings.push(function.finding(source, "a `bool` parameter: use two names, or an enum"));
            }
        }
    }
    none("a call says what it means", &findings);
}

#[test]
fn no_test_is_ignored() {
    let mut findings = Vec::new();
    for path in source::committed().into_iter().filter(|path| path.ends_with(".rs")) {
        let text = source::text_of(&path).unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("#[ignore") {
                findings.push(format!("{path}:{}", number + 1));
            }
        }
    }
    none("a test that does not run is no test", &findings);
}

fn is_bool(of: &syn::Type) -> bool {
    matches!(of, syn::Type::Path(path) if path.path.is_ident("bool"))
}

/// The words of a snake_case or CamelCase name, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c.is_ascii_uppercase() {
            words.push(String::new());
        }
        if c != '_' {
            words.last_mut().unwrap().push(c.to_ascii_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A function with a body.
struct Function {
    signature: syn::Signature,
    public: bool,
    /// Line of the closing brace.
    end: usize,
}

impl Function {
    fn finding(&self, source: &Source, message: &str) -> String {
        source.finding(self.signature.ident.span(), &format!("`{}`: {message}", self.signature.ident))
    }
}

fn functions(source: &Source) -> Vec<Function> {
    struct Functions(Vec<Function>);
    impl Functions {
        fn push(&mut self, signature: &syn::Signature, visibility: Option<&syn::Visibility>, block: &syn::Block) {
            let public = matches!(visibility, Some(syn::Visibility::Public(_)));
            self.0.push(Function { signature: signature.clone(), public, end: block.span().end().line });
        }
    }
    impl<'ast> Visit<'ast> for Functions {
        fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
            self.push(&item.sig, Some(&item.vis), &item.block);
            visit::visit_item_fn(self, item);
        }
        fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
            self.push(&item.sig, Some(&item.vis), &item.block);
            visit::visit_impl_item_fn(self, item);
        }
        fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
            if let Some(block) = &item.default {
                self.push(&item.sig, None, block);
            }
        }
    }
    let mut functions = Functions(Vec::new());
    functions.visit_file(&source.code);
    functions.0
}

/// The names that a file gives: of functions, types, traits, modules and constants.
struct Names(Vec<(String, proc_macro2::Span)>);

impl Names {
    fn push(&mut self, name: &syn::Ident) {
        self.0.push((name.to_string(), name.span()));
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.push(&signature.ident);
        visit::visit_signature(self, signature);
    }

    fn visit_item(&mut self, item: &'ast syn::Item) {
        match item {
            syn::Item::Enum(item) => self.push(&item.ident),
            syn::Item::Mod(item) => self.push(&item.ident),
            syn::Item::Struct(item) => self.push(&item.ident),
            syn::Item::Trait(item) => self.push(&item.ident),
            syn::Item::Type(item) => self.push(&item.ident),
            _ => {}
        }
        visit::visit_item(self, item);
    }
}

#[test]
fn words_of_names() {
    assert_eq!(words("do_it"), ["do", "it"]);
    assert_eq!(words("FileManager"), ["file", "manager"]);
    assert_eq!(words("document"), ["document"]);
}
