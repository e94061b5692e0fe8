//! Filling the places of secrets.

use proptest::prelude::*;

use super::*;

fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, SecretText> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), SecretText::new(*value))).collect()
}

#[test]
fn a_place_is_filled_wherever_it_stands() {
    let template = format!("postgres://app:{}@db/{}", placeholder("PASSWORD"), placeholder("NAME"));
    assert_eq!(names_in(&template).into_iter().collect::<Vec<_>>(), ["NAME", "PASSWORD"]);
    let filled = fill(&template, &values(&[("PASSWORD", "p√"), ("NAME", "")])).unwrap();
    assert_eq!(filled.expose(), "postgres://app:p√@db/");
}

#[test]
fn what_cannot_be_filled_is_named_and_no_value_is_shown() {
    let missing = fill(&placeholder("A"), &values(&[("B", "hunter2")])).unwrap_err();
    assert_eq!(missing.to_string(), "there is no value for the secret `A`");
    let nul = fill(&placeholder("A"), &values(&[("A", "hunter2\0")])).unwrap_err();
    assert!(!nul.to_string().contains("hunter2"));
    assert_eq!(fill("x\0A", &values(&[("A", "v")])), Err(FillError::Damaged));
}

proptest! {
    #[test]
    fn a_value_is_never_read_as_a_template(before in "[^\0]*", value in "[^\0]*", after in "[^\0]*") {
        let filled = fill(&format!("{before}{}{after}", placeholder("X")), &values(&[("X", &value)])).unwrap();
        prop_assert_eq!(filled.expose(), format!("{before}{value}{after}"));
    }

    #[test]
    fn filling_never_panics(template in ".*") {
        let _ = fill(&template, &values(&[("X", "v")]));
    }
}
