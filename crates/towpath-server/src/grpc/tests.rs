//! Deadlines and paths of calls.

use http::HeaderValue;

use super::*;

#[test]
fn a_deadline_has_a_number_and_a_unit() {
    let read = |text: &'static str| {
        deadline(&HeaderMap::from_iter([(
            http::HeaderName::from_static("grpc-timeout"),
            HeaderValue::from_static(text),
        )]))
    };
    assert_eq!(read("500m"), Some(Duration::from_millis(500)));
    assert_eq!(read("99999999H"), Some(Duration::from_hours(99_999_999)));
    for wrong in ["", "m", "5", "5x", "100000000m", "-1S", "1.5S"] {
        assert_eq!(read(wrong), None, "{wrong}");
    }
}
