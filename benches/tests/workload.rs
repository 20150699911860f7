//! The workload is what it says: repeatable, valid, linear, and all styles in it.

use benches::{bound, workload};
use serde_yaml::Value;

fn read(text: &str) -> Value {
    serde_yaml::from_str(text).expect("a values file")
}

#[test]
fn same_count_gives_same_bytes() {
    assert_eq!(workload::values(100), workload::values(100));
    assert!(workload::values(101).starts_with(&workload::values(100)));
}

#[test]
fn every_deployment_reads_back_under_its_name() {
    let values = read(&workload::values(1000));
    let deployments = values["deployments"].as_sequence().expect("a list");
    let names: Vec<_> = deployments.iter().filter_map(|item| item["name"].as_str()).collect();
    assert_eq!(names, (0..1000).map(workload::name).collect::<Vec<_>>());
    for item in deployments {
        let image = &item["image"];
        assert!(image["repository"].is_string() && image["tag"].is_string(), "{item:?}");
        assert!(item["port"].is_u64() && item["dagsterApiGrpcArgs"].is_sequence(), "{item:?}");
    }
}

#[test]
fn document_without_anchor_means_the_same() {
    let (with, without) = (workload::values(50), workload::values_without_anchor(50));
    assert_eq!((with.matches("&small").count(), with.matches("*small").count()), (1, 1));
    assert!(!without.contains("&small") && !without.contains("*small"));
    assert_eq!(read(&with), read(&without));
}

#[test]
fn size_is_linear_and_one_mib_at_2500() {
    let text = workload::values(2500);
    let lines = bound::newlines(&text);
    assert!((1_030_000..1_060_000).contains(&text.len()), "{} bytes", text.len());
    assert!((34_000..35_500).contains(&lines), "{lines} lines");
    let long = workload::values(25_000);
    assert!(long.len().abs_diff(10 * text.len()) < text.len() / 10, "{} bytes", long.len());
}

#[test]
fn all_notations_occur() {
    let text = workload::values(10);
    for part in
        ["  # set by", "{repository: ", "\"-m\"", "'it''s", ": >-\n", ": |\n", "[--python-file", "affinity: ~", "\n\n"]
    {
        assert!(text.contains(part), "no `{part}`");
    }
}

#[test]
fn bounds_count_what_they_name() {
    assert_eq!(bound::lines_and_indentation("a:\n  b: 1\n\n   c"), 5);
    assert_eq!(bound::newlines("a\nb\nc"), 2);
    let mut copy = String::new();
    assert_eq!(bound::copy("text", &mut copy), 4);
    assert_eq!(copy, "text");
}
