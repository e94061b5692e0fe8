//! Tests of bodies.

use futures_util::stream;

use super::*;

fn text(body: &str) -> Result<&str, String> {
    match context(body.as_bytes()) {
        Ok(context) => Ok(std::str::from_utf8(context).unwrap()),
        Err(ContextError::Parse(why)) => Err(format!("parse: {why}")),
        Err(ContextError::Invalid(why)) => Err(format!("invalid: {why}")),
    }
}

#[test]
fn the_context_is_found_as_it_was_written() {
    assert_eq!(text(r#"{"context": {"targetingKey": "a", "n": 1.0} }"#), Ok(r#"{"targetingKey": "a", "n": 1.0}"#));
    assert_eq!(text(r#"{"x":[{"context":1}],"context":{}}"#), Ok("{}"));
    assert_eq!(text(r#"{"\u0063ontext":{"a":1}}"#), Ok(r#"{"a":1}"#));
    for none in ["", " \n", "{}", r#"{"other":1}"#, r#"{"context":null}"#] {
        assert_eq!(text(none), Ok("{}"), "{none}");
    }
}

#[test]
fn what_is_no_object_is_invalid_and_what_is_no_json_cannot_be_parsed() {
    for body in ["[]", "1", "\"context\"", "null", r#"{"context":[]}"#, r#"{"context":"a"}"#, r#"{"context":true}"#] {
        assert!(text(body).unwrap_err().starts_with("invalid: "), "{body}");
    }
    for body in
        ["{", "{]", r#"{"context":{}"#, r#"{"context":{}} x"#, r#"{"context":{},"context":{}}"#, "{\"a\":\"\u{1}\"}"]
    {
        assert!(text(body).unwrap_err().starts_with("parse: "), "{body}");
    }
    assert!(context(b"{\"context\":{\"a\":\"\xff\"}}").is_err(), "no UTF-8");
    assert!(context(b"\xef\xbb\xbf{}").is_err(), "a byte order mark is no JSON (RFC 8259 section 8.1)");
}

#[test]
fn depth_outside_of_the_context_exhausts_nothing() {
    let deep = format!(r#"{{"x":{}{},"context":{{"a":1}}}}"#, "[".repeat(400_000), "]".repeat(400_000));
    assert_eq!(text(&deep), Ok(r#"{"a":1}"#));
    assert!(text(&"[".repeat(400_000)).is_err());
}

fn chunks(all: &[usize]) -> Body {
    let all: Vec<_> = all.iter().map(|length| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; *length]))).collect();
    Body::from_stream(stream::iter(all))
}

#[tokio::test]
async fn a_body_is_whole_or_refused_and_large_ones_take_places() {
    let places = Semaphore::new(1);
    assert_eq!(read(chunks(&[]), &places).await, Ok(Bytes::new()));
    assert_eq!(read(chunks(&[5, 0, 7]), &places).await.unwrap().len(), 12);
    assert_eq!(read(chunks(&[LARGE, 1]), &places).await.unwrap().len(), LARGE + 1);
    assert_eq!(read(Body::from(vec![b'x'; LARGEST]), &places).await.unwrap().len(), LARGEST);
    assert_eq!(read(Body::from(vec![b'x'; LARGEST + 1]), &places).await, Err(Unread::TooLarge));
    assert_eq!(read(chunks(&[LARGE, LARGEST]), &places).await, Err(Unread::TooLarge));
    let taken = places.try_acquire().unwrap();
    assert_eq!(read(chunks(&[LARGE - 1, 1]), &places).await, Err(Unread::Busy));
    assert_eq!(read(chunks(&[LARGE - 1]), &places).await.unwrap().len(), LARGE - 1, "small ones need none");
    drop(taken);
    assert_eq!(places.available_permits(), 1);
}
