//! Names of other tools as names of ours.

use crate::{
    config::schema::variable::{is_variable_name, reserved},
    ids::is_name,
    project::Tier,
};

/// Parts of names that say which tier an environment is of, with the name it usually has here.
const WORDS: &[(&str, Tier, Option<&str>)] = &[
    ("dev", Tier::Development, Some("development")),
    ("develop", Tier::Development, Some("development")),
    ("development", Tier::Development, Some("development")),
    ("local", Tier::Development, Some("development")),
    ("test", Tier::Testing, Some("testing")),
    ("tests", Tier::Testing, Some("testing")),
    ("testing", Tier::Testing, Some("testing")),
    ("ci", Tier::Testing, None),
    ("e2e", Tier::Testing, None),
    ("qa", Tier::Testing, None),
    ("stage", Tier::Staging, Some("staging")),
    ("staging", Tier::Staging, Some("staging")),
    ("stg", Tier::Staging, Some("staging")),
    ("uat", Tier::Staging, None),
    ("preprod", Tier::Staging, None),
    ("preview", Tier::Staging, None),
    ("demo", Tier::Staging, None),
    ("prod", Tier::Production, Some("production")),
    ("production", Tier::Production, Some("production")),
    ("prd", Tier::Production, Some("production")),
    ("live", Tier::Production, Some("production")),
];

/// Returns the environment that a word of another tool means, if it is a usual one: `prod` is `production`,
/// `prod-eu` stays itself with the tier production.
pub(super) fn environment(word: &str) -> Option<(String, Tier)> {
    let word = word.to_ascii_lowercase();
    if let Some((_, tier, name)) = WORDS.iter().find(|(known, ..)| *known == word) {
        return Some((name.map_or_else(|| word.clone(), str::to_owned), *tier));
    }
    let mut parts = word.split(['-', '_', '.']);
    let tier = parts.find_map(|part| WORDS.iter().find(|(known, ..)| *known == part)).map(|(_, tier, _)| *tier)?;
    Some((name_of(&word)?, tier))
}

/// Returns the environment of a folder or file that is one for certain; a name nobody knows gets the tier staging.
pub(super) fn certain_environment(word: &str) -> Option<(String, Tier)> {
    environment(word).or_else(|| Some((name_of(word)?, Tier::Staging)))
}

/// Returns the nearest name: letters made small, other characters made `-`.
pub(super) fn name_of(text: &str) -> Option<String> {
    let plain: String =
        text.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(63).collect();
    let plain = plain.trim_matches('-').to_owned();
    is_name(&plain).then_some(plain)
}

/// Says why a name cannot be one of a variable.
pub(super) fn is_variable(name: &str) -> Result<(), &'static str> {
    if !is_variable_name(name) {
        return Err("not a name of a variable: letters, digits and `_`, not beginning with a digit");
    }
    if reserved(name) {
        return Err("Towpath sets it itself for every instance");
    }
    Ok(())
}
