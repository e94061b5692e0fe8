//! Tests of reading names: what may be a value is refused and not repeated.

use super::*;

fn args(name: &str, more: &[&str]) -> SecretArgs {
    SecretArgs {
        environment: "production".to_owned(),
        name: name.into(),
        more: more.iter().map(|word| (*word).into()).collect(),
    }
}

#[test]
fn what_may_be_a_value_is_refused_and_not_repeated() {
    for (given, more) in [
        ("DB_PASSWORD", &["hunter2"][..]),
        ("DB_PASSWORD=hunter2", &[]),
        ("hunter2!", &[]),
        ("-hunter2", &[]),
        ("DB_PASSWORD", &["x", "hunter2"]),
    ] {
        let args = args(given, more);
        let failure = name(&args).unwrap_err();
        let text = format!("{}{:?}{}", failure.text(crate::output::Paint::new(false)), failure, failure.json());
        assert!(!text.contains("hunter2"), "{text}");
        assert_eq!(failure.exit, crate::failure::Exit::Usage);
    }
    assert_eq!(name(&args("DB_PASSWORD", &[])).unwrap(), "DB_PASSWORD");
}
