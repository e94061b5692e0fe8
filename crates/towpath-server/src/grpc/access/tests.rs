//! Where a call says its key and its environment.

use super::*;

#[test]
fn a_selector_names_an_environment_a_key_or_both() {
    let production = Some("production".to_owned());
    let key = Some("k-1".to_owned());
    for (text, expected) in [
        ("flagSetId=production", Selected { environment: production.clone(), key: None }),
        ("production", Selected { environment: production.clone(), key: None }),
        (" flagSetId = production , key = k-1 ", Selected { environment: production, key: key.clone() }),
        ("key=k-1", Selected { environment: None, key }),
        ("", Selected::default()),
    ] {
        assert_eq!(selected(text).unwrap(), expected, "{text}");
    }
}

#[test]
fn a_selector_that_selects_nothing_is_an_invalid_argument() {
    for text in ["source=a.json", "rawflags/a.json", "flagSetId=", "flagSetId=Production", "flagSetId=a=b"] {
        assert_eq!(selected(text).unwrap_err().code(), tonic::Code::InvalidArgument, "{text}");
    }
}
