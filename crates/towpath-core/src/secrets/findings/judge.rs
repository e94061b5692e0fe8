//! The rules: sharing between environments, strength, expiry, who can read what.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{EnvironmentFacts, FileFacts, Finding, FindingPlace, FindingSeverity, OneSecret, SecretFacts};
use crate::project::Tier;

/// How long before its end a secret is told to be near it.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Judges everything that is known at a time.
pub fn judge(facts: &SecretFacts, now: Timestamp) -> Vec<Finding> {
    let mut found = Vec::new();
    for environment in &facts.environments {
        for (name, secret) in &environment.secrets {
            found.extend(weak(environment, name, secret));
            found.extend(expiry(environment, name, secret, now));
        }
    }
    found.extend(reused(facts));
    found.extend(shared_keys(facts));
    found.extend(shared_recipients(facts));
    for (path, file) in &facts.files {
        found.extend(of_file(path, file));
    }
    found
}

fn is_production(environment: &EnvironmentFacts) -> bool {
    environment.tier == Tier::Production
}

fn weak(environment: &EnvironmentFacts, name: &str, secret: &OneSecret) -> Option<Finding> {
    let why = secret.weak.as_ref()?;
    let severity = if is_production(environment) { FindingSeverity::High } else { FindingSeverity::Low };
    let message = format!("`{name}` in {} is easy to guess: {why}", environment.name);
    let help = "replace it by a generated one: towpath secrets rotate, or set another value";
    let finding = Finding::new("secret::weak", severity, &[environment.name.as_str(), name], message, help);
    Some(finding.of(&[&environment.name], &[name]).at(secret.declared.clone()))
}

fn expiry(environment: &EnvironmentFacts, name: &str, secret: &OneSecret, now: Timestamp) -> Option<Finding> {
    let expires = secret.expires?;
    let left = expires.duration_since(now);
    let (code, severity, words) = if left <= SignedDuration::ZERO {
        ("secret::expired", FindingSeverity::Critical, "has expired")
    } else if left <= SOON {
        ("secret::expires-soon", FindingSeverity::Medium, "expires soon")
    } else {
        return None;
    };
    let day = expires.strftime("%Y-%m-%d");
    let message = format!("`{name}` in {} {words}: {day}", environment.name);
    let help = "get a new one where it comes from, set it, and change `expires` where it is declared";
    let finding = Finding::new(code, severity, &[environment.name.as_str(), name], message, help);
    Some(finding.of(&[&environment.name], &[name]).at(secret.declared.clone()))
}

/// Finds values that are the same in several environments. Within one environment names may share a value.
fn reused(facts: &SecretFacts) -> Vec<Finding> {
    let mut users: BTreeMap<&str, Vec<(&EnvironmentFacts, &str, &OneSecret)>> = BTreeMap::new();
    for environment in &facts.environments {
        for (name, secret) in &environment.secrets {
            if let Some(digest) = &secret.digest {
                users.entry(digest).or_default().push((environment, name, secret));
            }
        }
    }
    let shared = users.into_values().filter_map(|users| {
        let environments: BTreeSet<_> = users.iter().map(|user| &user.0.name).collect();
        if environments.len() < 2 {
            return None;
        }
        let production =
            users.iter().any(|user| is_production(user.0)) && users.iter().any(|user| !is_production(user.0));
        let severity = if production { FindingSeverity::High } else { FindingSeverity::Low };
        let names: BTreeSet<&str> = users.iter().map(|user| user.1).collect();
        let (environments, names): (Vec<_>, Vec<&str>) =
            (environments.into_iter().collect(), names.into_iter().collect());
        let listed = environments.iter().map(|name| name.as_str()).collect::<Vec<_>>();
        let message = format!("{} has the same value in {}", code_list(&names), listed.join(", "));
        let help = "give each environment a value of its own: who knows one of them knows all";
        let identity: Vec<&str> = listed.iter().chain(&names).copied().collect();
        let finding = Finding::new("secret::reused", severity, &identity, message, help);
        Some(finding.of(&environments, &names).at(users.first().and_then(|user| user.2.declared.clone())))
    });
    shared.collect()
}

fn code_list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
}

/// Finds keys of stores that serve production and something else.
fn shared_keys(facts: &SecretFacts) -> Vec<Finding> {
    let mut found = Vec::new();
    for production in facts.environments.iter().filter(|one| is_production(one)) {
        let Some(key) = &production.key else { continue };
        let others = facts.environments.iter().filter(|one| !is_production(one) && one.key.as_ref() == Some(key));
        for other in others {
            let message = format!(
                "the stores of {} and {} are encrypted by the same key, {key}: who may read one reads the other",
                production.name, other.name
            );
            let help = "give production a key of its own: `secrets: {key: …}` in its file, then towpath secrets rotate";
            let identity = [production.name.as_str(), other.name.as_str(), key];
            let finding = Finding::new("secret::shared-key", FindingSeverity::High, &identity, message, help);
            found.push(finding.of(&[&production.name, &other.name], &[]));
        }
    }
    found
}

/// Finds who can read secrets of production with a key of another environment.
fn shared_recipients(facts: &SecretFacts) -> Vec<Finding> {
    let readers = |path: &String| facts.files.get(path).map(|file| &file.recipients).into_iter().flatten();
    let mut found = Vec::new();
    for production in facts.environments.iter().filter(|one| is_production(one)) {
        for other in facts.environments.iter().filter(|one| !is_production(one)) {
            // The keys of an environment are those of the files that are not part of production as well.
            let own = other.files.difference(&production.files);
            let keys: BTreeSet<&String> = own.flat_map(readers).collect();
            for path in &production.files {
                for key in readers(path).filter(|key| keys.contains(key)) {
                    let message = format!(
                        "`{path}` holds secrets of {} and can be read with {key}, a key of {}",
                        production.name, other.name
                    );
                    let help = format!(
                        "take the key out of the rule for `{path}`, towpath secrets update-keys, then rotate what is in it"
                    );
                    let identity = [production.name.as_str(), other.name.as_str(), path, key];
                    let finding =
                        Finding::new("secret::shared-recipient", FindingSeverity::High, &identity, message, help);
                    found.push(finding.of(&[&production.name, &other.name], &[]).at(Some(whole(path))));
                }
            }
        }
    }
    found
}

fn whole(path: &str) -> FindingPlace {
    FindingPlace { path: path.to_owned(), line: 0, column: 0, commit: None }
}

fn of_file(path: &str, file: &FileFacts) -> Vec<Finding> {
    let mut found = Vec::new();
    if !file.encrypted {
        return found;
    }
    if !file.has_mac {
        let message = format!("`{path}` has no authentication code, so that nobody can tell whether it was changed");
        let help = format!("towpath secrets decrypt {path}, look at it, and encrypt it again");
        found.push(Finding::new("secret::no-mac", FindingSeverity::High, &[path], message, help).at(Some(whole(path))));
    }
    if let Some(why) = &file.broken {
        let message = format!("`{path}` is not as it was encrypted: {why}");
        let help = "take the last good one from git, and find out who changed it";
        found.push(
            Finding::new("secret::damaged", FindingSeverity::Critical, &[path], message, help).at(Some(whole(path))),
        );
    }
    if let Some(expected) = &file.expected {
        let list = |keys: Vec<&String>| keys.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = list(file.recipients.difference(expected).collect());
        let fewer = list(expected.difference(&file.recipients).collect());
        let help = format!("towpath secrets update-keys {path}");
        if !more.is_empty() {
            let message = format!("`{path}` can be read with {more}, which `.sops.yaml` does not name for it");
            let help = format!("{help}; then rotate what is in it: who had the key may have kept the values");
            let finding = Finding::new("secret::stray-recipient", FindingSeverity::High, &[path, &more], message, help);
            found.push(finding.at(Some(whole(path))));
        }
        if !fewer.is_empty() {
            let message = format!("`{path}` cannot be read with {fewer}, which `.sops.yaml` names for it");
            let finding =
                Finding::new("secret::missing-recipient", FindingSeverity::Medium, &[path, &fewer], message, help);
            found.push(finding.at(Some(whole(path))));
        }
    }
    found
}
