//! The oracle keeps its protocol: questions of any size and any characters come back whole and in order.

use serde_json::json;

#[test]
fn questions_come_back_whole_and_in_order() {
    let Some(mut oracle) = testing::Oracle::python("tests/oracle/echo.py") else { return };
    for size in [0, 1, 70_000, 3_000_000] {
        let question = json!({ "text": "\u{85}\u{2028}é\n😀".repeat(size / 8), "size": size });
        let answer = oracle.ask(&question);
        assert_eq!(answer["question"], question);
        assert!(answer["yaml"].is_string());
    }
}
