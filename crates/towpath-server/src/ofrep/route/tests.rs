//! Tests of paths.

use super::*;

fn one(path: &str) -> String {
    match Route::of(path).unwrap().target {
        Target::One(key) => key.into_owned(),
        other => panic!("{path}: {other:?}"),
    }
}

#[test]
fn keys_come_raw_and_escaped() {
    for (path, key) in [
        ("/ofrep/v1/evaluate/flags/new-checkout", "new-checkout"),
        ("/ofrep/v1/evaluate/flags/shop/new", "shop/new"),
        ("/ofrep/v1/evaluate/flags/shop%2Fnew", "shop/new"),
        ("/ofrep/v1/evaluate/flags/shop%2fnew%20%C3%BC", "shop/new ü"),
        ("/ofrep/v1/evaluate/flags/100%", "100%"),
        ("/ofrep/v1/evaluate/flags/%zz%2", "%zz%2"),
        ("/ofrep/v1/evaluate/flags/%ff", "\u{fffd}"),
        ("/ofrep/v1/evaluate/flags/a/", "a/"),
        ("/ofrep/v1/evaluate/flags//", "/"),
    ] {
        assert_eq!(one(path), key, "{path}");
    }
}

#[test]
fn all_flags_are_asked_for_with_and_without_a_slash_and_below_an_environment() {
    for path in ["/ofrep/v1/evaluate/flags", "/ofrep/v1/evaluate/flags/"] {
        assert_eq!(Route::of(path), Some(Route { environment: None, target: Target::All }));
        let below = format!("/environments/staging{path}");
        assert_eq!(Route::of(&below), Some(Route { environment: Some("staging"), target: Target::All }));
    }
}

#[test]
fn other_paths_are_unknown_or_not_ours() {
    for path in ["/ofrep/", "/ofrep/v1/configuration", "/ofrep/v1/evaluate/flagsx", "/environments/a/ofrep/v2/x"] {
        assert_eq!(Route::of(path).unwrap().target, Target::Unknown, "{path}");
    }
    for path in
        ["/", "/api/v1/environments", "/environments/a", "/environments/a/b/ofrep/v1", "/ofrepx", "/environments//"]
    {
        assert_eq!(Route::of(path), None, "{path}");
    }
}
