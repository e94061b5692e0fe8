//! Tests of what answers are made of.

use super::*;

#[test]
fn texts_become_json_whatever_is_in_them() {
    for text in ["", "plain", "a \"b\" \\ c", "\u{0}\n\t\u{1f}", "ü 🎉 \u{2028}", "</script>"] {
        let json = json_text(text);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text, "{json}");
    }
}

#[test]
fn tags_are_compared_weakly_in_lists_and_without_quotes() {
    let ours = HeaderValue::from_static("\"abc\"");
    let known = |values: &[&'static str]| {
        let headers: HeaderMap =
            values.iter().map(|value| (header::IF_NONE_MATCH, HeaderValue::from_static(value))).collect();
        is_known(&headers, &ours)
    };
    for yes in ["\"abc\"", "W/\"abc\"", "*", "\"x\", W/\"abc\"", "abc", " \"abc\" ,"] {
        assert!(known(&[yes]), "{yes}");
    }
    for no in ["\"ab\"", "", "\"abcd\"", "W/", ","] {
        assert!(!known(&[no]), "{no}");
    }
}

#[test]
fn failures_carry_the_key_only_where_one_was_asked_for() {
    let response = failure(StatusCode::BAD_REQUEST, None, "GENERAL", "why");
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.status(), 400);
}
