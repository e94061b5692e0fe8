//! Bad input and bad surroundings through the binary: each gives a clear error and the right status, nothing panics and
//! nothing is lost. What a mistake in a file is, core's tests say; here it is shown that people get to see it.

mod artifacts;
mod disk;
mod files;
mod ledger;
mod ports;
mod secrets;
mod talking;

use crate::project::Ran;

/// Checks that an error says each of these, and that nothing fell over on the way.
#[track_caller]
fn says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "no `{part}` in\n{said}");
    }
    sound(said);
}

/// Checks that a program that said this did not fall over.
#[track_caller]
fn sound(said: &str) {
    for part in ["panicked", "RUST_BACKTRACE", "unwrap()", "Os {", "internal error"] {
        assert!(!said.contains(part), "`{part}` in\n{said}");
    }
}

/// Checks that a command failed with this status, said why and what to do, and printed no data.
#[track_caller]
fn is_error(ran: &Ran, exit: i32) {
    assert_eq!(ran.exit, exit, "{}{}", ran.out, ran.err);
    assert_eq!(ran.out, "", "an error is no data");
    assert!(ran.err.contains("error: "), "{}", ran.err);
    sound(&ran.err);
}
