//! The public API as committed snapshots: a change to it is seen in review.
//!
//! Written from the sources, not from the compiler: every `pub` item of every file, without bodies and documentation.
//! The lint `unreachable_pub` sees to it that what is `pub` can be reached.

use std::fmt::Write as _;

use syn::Visibility;

use crate::same_as_committed;
use crate::source;

#[test]
fn public_api_of_core_is_the_committed_one() {
    same_as_committed("api/core.txt", &api("dagster-workspace-core"));
}

#[test]
fn public_api_of_kube_is_the_committed_one() {
    same_as_committed("api/kube.txt", &api("dagster-workspace-kube"));
}

fn api(name: &str) -> String {
    let sources = source::of_crate(name);
    let types: Vec<(String, bool)> =
        sources.iter().flat_map(|source| &source.code.items).filter_map(type_name).collect();
    let mut out = String::new();
    for source in sources {
        // Two types may have one name: the one of this file is meant, else the public one.
        let here: Vec<(String, bool)> = source.code.items.iter().filter_map(type_name).collect();
        let public_in = |name: &str, types: &[(String, bool)]| {
            types.iter().filter(|(other, _)| other == name).map(|(_, public)| *public).reduce(|one, other| one || other)
        };
        let is_private = |name: &str| public_in(name, &here).or(public_in(name, &types)) == Some(false);
        let items =
            source.code.items.into_iter().filter(|item| !implemented_for(item).is_some_and(|of| is_private(&of)));
        let mut items: Vec<String> = items.filter_map(public).map(print).collect();
        if items.is_empty() {
            continue;
        }
        items.sort();
        writeln!(out, "// {}\n{}", source.path, items.concat()).unwrap();
    }
    out
}

fn print(item: syn::Item) -> String {
    prettyplease::unparse(&syn::File { shebang: None, frontmatter: None, attrs: Vec::new(), items: vec![item] })
}

/// The name of a type, and whether others can name it.
fn type_name(item: &syn::Item) -> Option<(String, bool)> {
    let (name, visibility) = match item {
        syn::Item::Struct(item) => (&item.ident, &item.vis),
        syn::Item::Enum(item) => (&item.ident, &item.vis),
        _ => return None,
    };
    Some((name.to_string(), matches!(visibility, Visibility::Public(_))))
}

/// The type that an item implements something for.
fn implemented_for(item: &syn::Item) -> Option<String> {
    let syn::Item::Impl(item) = item else { return None };
    let syn::Type::Path(of) = item.self_ty.as_ref() else { return None };
    of.path.segments.last().map(|name| name.ident.to_string())
}

/// What others see of an item, if anything.
fn public(item: syn::Item) -> Option<syn::Item> {
    let mut item = item;
    let (visibility, attributes) = match &mut item {
        syn::Item::Const(item) => (&item.vis, &mut item.attrs),
        syn::Item::Enum(item) => {
            item.variants.iter_mut().for_each(|variant| {
                variant.attrs.retain(is_promise);
                variant.fields.iter_mut().for_each(|field| field.attrs.retain(is_promise));
            });
            (&item.vis, &mut item.attrs)
        }
        syn::Item::Fn(item) => {
            item.block.stmts.clear();
            (&item.vis, &mut item.attrs)
        }
        syn::Item::Mod(item) => (&item.vis, &mut item.attrs),
        syn::Item::Struct(item) => {
            hide_private_fields(&mut item.fields);
            (&item.vis, &mut item.attrs)
        }
        syn::Item::Trait(item) => {
            item.items.iter_mut().for_each(bare_trait_item);
            (&item.vis, &mut item.attrs)
        }
        syn::Item::Type(item) => (&item.vis, &mut item.attrs),
        syn::Item::Use(item) => (&item.vis, &mut item.attrs),
        syn::Item::Impl(item) => return public_impl(item.clone()).map(syn::Item::Impl),
        _ => return None,
    };
    if !matches!(visibility, Visibility::Public(_)) {
        return None;
    }
    attributes.retain(is_promise);
    Some(item)
}

/// Of a trait's implementation that it is there; of an inherent one the public members.
fn public_impl(mut item: syn::ItemImpl) -> Option<syn::ItemImpl> {
    item.attrs.retain(is_promise);
    if item.trait_.is_some() {
        item.items.clear();
        return Some(item);
    }
    item.items.retain_mut(|member| match member {
        syn::ImplItem::Const(member) => {
            member.attrs.retain(is_promise);
            matches!(member.vis, Visibility::Public(_))
        }
        syn::ImplItem::Fn(member) => {
            member.attrs.retain(is_promise);
            member.block.stmts.clear();
            matches!(member.vis, Visibility::Public(_))
        }
        _ => false,
    });
    (!item.items.is_empty()).then_some(item)
}

/// Private fields are shown by their absence only, as rustdoc does.
fn hide_private_fields(fields: &mut syn::Fields) {
    let list = match fields {
        syn::Fields::Named(fields) => &mut fields.named,
        syn::Fields::Unnamed(fields) => &mut fields.unnamed,
        syn::Fields::Unit => return,
    };
    let public = std::mem::take(list).into_iter().filter(|field| matches!(field.vis, Visibility::Public(_)));
    *list = public
        .map(|mut field| {
            field.attrs.retain(is_promise);
            field
        })
        .collect();
}

fn bare_trait_item(item: &mut syn::TraitItem) {
    match item {
        syn::TraitItem::Const(item) => item.attrs.retain(is_promise),
        syn::TraitItem::Fn(item) => {
            item.attrs.retain(is_promise);
            // That there is a default is a promise, what it does is not.
            if let Some(block) = &mut item.default {
                block.stmts.clear();
            }
        }
        syn::TraitItem::Type(item) => item.attrs.retain(is_promise),
        _ => {}
    }
}

/// Attributes that callers can rely on.
fn is_promise(attribute: &syn::Attribute) -> bool {
    ["derive", "non_exhaustive", "must_use", "cfg", "serde"].iter().any(|name| attribute.path().is_ident(name))
}
