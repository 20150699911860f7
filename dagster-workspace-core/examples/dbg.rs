use dagster_workspace_core::{diff::MergeKeys, merge::*};
fn main() {
    let a: Vec<String> = std::env::args().skip(1).map(|s| s.replace("\\n", "\n")).collect();
    let p = match a.get(3).map(String::as_str) { Some("theirs") => Prefer::Theirs, Some("ours") => Prefer::Ours, _ => Prefer::Neither };
    let m = resolve(&a[0], &a[1], &a[2], &MergeKeys::default(), p).unwrap();
    println!("{}\n{:#?}", m.text, m.conflicts);
}
