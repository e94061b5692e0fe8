//! Tests of `idempotency`.

use super::*;

fn key(text: &str) -> (PrincipalName, String) {
    (PrincipalName::new("ana").unwrap(), text.to_owned())
}

fn answer(size: usize) -> Answer {
    Answer { status: StatusCode::CREATED, headers: HeaderMap::new(), body: Bytes::from(vec![b'x'; size]) }
}

fn code(result: Result<Option<Answer>, ApiError>) -> String {
    match result {
        Ok(Some(answer)) => format!("replay {}", answer.body.len()),
        Ok(None) => "go".to_owned(),
        Err(error) => error.0.code,
    }
}

#[test]
fn a_key_is_answered_once_and_then_as_before() {
    let (kept, now, body) = (Idempotency::default(), Instant::now(), Digest::of(b"body"));
    assert_eq!(code(kept.claim(&key("a"), body, now)), "go");
    assert_eq!(code(kept.claim(&key("a"), body, now)), "idempotency_key_in_flight");
    kept.keep(&key("a"), answer(3));
    assert_eq!(code(kept.claim(&key("a"), body, now)), "replay 3");
    assert_eq!(code(kept.claim(&key("a"), Digest::of(b"other"), now)), "idempotency_key_reused");
    assert_eq!(code(kept.claim(&key("b"), body, now)), "go");
}

#[test]
fn an_answer_is_forgotten_after_a_day() {
    let (kept, now, body) = (Idempotency::default(), Instant::now(), Digest::of(b"body"));
    assert_eq!(code(kept.claim(&key("a"), body, now)), "go");
    kept.keep(&key("a"), answer(3));
    assert_eq!(code(kept.claim(&key("a"), body, now + Duration::from_hours(23))), "replay 3");
    assert_eq!(code(kept.claim(&key("a"), body, now + KEPT_FOR)), "go");
}

#[test]
fn memory_is_bounded_in_number_and_in_size() {
    let (kept, now, body) = (Idempotency::default(), Instant::now(), Digest::of(b"body"));
    for number in 0..MOST_KEYS + 100 {
        assert_eq!(code(kept.claim(&key(&number.to_string()), body, now)), "go");
        kept.keep(&key(&number.to_string()), answer(1));
    }
    assert!(kept.lock().answers.len() <= MOST_KEYS);
    for number in 0..40 {
        assert_eq!(code(kept.claim(&key(&format!("large{number}")), body, now)), "go");
        kept.keep(&key(&format!("large{number}")), answer(1 << 20));
    }
    assert!(kept.lock().bytes <= MOST_BYTES + (1 << 20) + 512);
}
