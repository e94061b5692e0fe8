//! Tests of `scram`.

use super::{ScramError, verifier, with_salt};

/// RFC 7677, section 3: user `user`, password `pencil`, with the server's proof checked by its key.
#[test]
fn the_example_of_the_standard_comes_out() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
    let verifier = with_salt("pencil", &salt).unwrap();
    assert_eq!(
        verifier,
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    );
}

#[test]
fn two_verifiers_of_one_password_differ() {
    assert_ne!(verifier("pencil").unwrap(), verifier("pencil").unwrap());
}

#[test]
fn what_would_have_to_be_normalised_is_refused() {
    assert_eq!(verifier("pässword"), Err(ScramError::NotAscii));
    assert_eq!(verifier("a\nb"), Err(ScramError::NotAscii));
}
