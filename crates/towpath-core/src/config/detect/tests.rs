//! Which environment is meant.

use super::*;

fn found(flag: Option<&str>, process: &[(&str, &str)]) -> (String, DetectedBy) {
    let process = process.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let detected = detect(flag, &process);
    (detected.name, detected.by)
}

#[test]
fn the_flag_comes_first_and_development_last() {
    let all = [("TOWPATH_ENV", "a"), ("ENVIRONMENT", "b"), ("NODE_ENV", "c")];
    assert_eq!(found(Some("x"), &all), ("x".into(), DetectedBy::Flag));
    assert_eq!(found(None, &all), ("a".into(), DetectedBy::Variable("TOWPATH_ENV")));
    assert_eq!(found(None, &[("TOWPATH_ENV", ""), ("NODE_ENV", "c")]), ("c".into(), DetectedBy::Variable("NODE_ENV")));
    assert_eq!(found(None, &[]), ("development".into(), DetectedBy::Default));
}

#[test]
fn an_unknown_name_lists_the_known_and_the_nearest() {
    let known: Vec<EnvironmentName> =
        ["production", "staging"].into_iter().map(|name| EnvironmentName::new(name).unwrap()).collect();
    let aliases = BTreeMap::from([("prod".to_owned(), known[0].clone())]);
    assert_eq!(find("prod", known.iter(), &aliases), Ok(known[0].clone()));
    let error = find("stagging", known.iter(), &aliases).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no environment `stagging`: did you mean `staging`? known: `production`, `staging`"
    );
    assert_eq!(find("qa", known.iter(), &aliases).unwrap_err().help, "known: `production`, `staging`");
}
